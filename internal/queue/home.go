package queue

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// A home is where an outbox is at home: on that computer, in that file. A backup
// that is put back, and a card that was copied, are somewhere else.
type home struct {
	Machine string `json:"machine,omitempty"`
	Inode   uint64 `json:"inode,omitempty"` // 0: the file system has no lasting ones
}

// homeOf looks where the file at path is.
func homeOf(path, machine string) (home, error) {
	var file syscall.Stat_t
	if err := syscall.Stat(path, &file); err != nil {
		return home{}, err
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(path, &disk); err != nil {
		return home{}, err
	}
	switch uint32(disk.Type) { //nolint:gosec // it is 32 bits wide on every board
	case unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC, unix.FUSE_SUPER_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, unix.NFS_SUPER_MAGIC:
		return home{Machine: machine}, nil
	}
	return home{Machine: machine, Inode: file.Ino}, nil
}

// moved says in words why the outbox that was at home there is a copy here; ""
// where it is not, as far as anybody can tell.
func (h home) moved(now home) string {
	switch {
	case h.Machine != "" && now.Machine != "" && h.Machine != now.Machine:
		return fmt.Sprintf("this outbox was last used on another computer (%s; this is %s)", h.Machine, now.Machine)
	case h.Inode != 0 && now.Inode != 0 && h.Inode != now.Inode:
		return "this outbox is a copy that was put in the place of the one before"
	}
	return ""
}

// settleIn notes where the outbox is at home. A copy gets a name of its own, and
// everything that waits in it is held: the original, or what came after the backup
// was taken, may have delivered it.
func (o *Outbox) settleIn() error {
	now, err := homeOf(o.path, o.setting.Machine)
	if err != nil {
		return err
	}
	return o.update(func(b *batch) error {
		meta := b.tx.Bucket(bucketMeta)
		var last home
		if err := unmarshal(meta, "home", &last); err != nil {
			return storage(err)
		}
		if now.Machine == "" {
			now.Machine = last.Machine
		}
		if last == now {
			return nil
		}
		b.changed = true
		if why := last.moved(now); why != "" {
			o.setting.Log.Warn("the outbox is a copy: everything that waits is held", "why", why)
			if err := errors.Join(meta.Put([]byte("id"), []byte(station.NewID())), b.holdAll(why)); err != nil {
				return storage(err)
			}
		}
		return storage(marshal(meta, "home", now))
	})
}

func (b *batch) holdAll(why string) error {
	rc := station.Receipt{Outcome: station.Doubtful, Err: fmt.Errorf("%w: %s, and may have been delivered from there; look at the vendor, then send it (retry) or not (discard)", station.ErrUndecided, why)}
	for _, l := range b.o.lanes {
		if err := b.holdLane(l, rc); err != nil {
			return err
		}
	}
	return nil
}
