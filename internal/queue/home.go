package queue

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"go.etcd.io/bbolt"
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

// holdAll holds everything that waits in a copy, and puts in doubt what is held in it
// already: the original may have sent all of it since.
func (b *batch) holdAll(why string) error {
	rc := station.Receipt{Outcome: station.Doubtful, Err: fmt.Errorf("%w: %s, and may have been delivered from there; retry looks at the vendor first (where the other is gone for good, all at once: stationd outbox adopt --old-computer-gone)", station.ErrUndecided, why)}
	for _, l := range b.o.lanes {
		for i := range l.slots {
			s := &l.slots[i]
			e, err := b.entry(s.at)
			if err != nil {
				return err
			}
			if s.held {
				e.doubt(why + ", and may have delivered it since")
				err = b.put(kindEntry, s.at, e)
			} else {
				e.Doubtful, e.Copy, e.Since = true, true, station.Stamp{}
				err = b.hold(l, s, e, rc)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// doubt puts a held entry in doubt that somebody else may have sent.
func (e *entryRecord) doubt(why string) {
	e.Doubtful, e.Unsent, e.Since = true, false, station.Stamp{}
	if e.Hold == station.HoldMisfit {
		e.Hold = station.HoldUndecided
		e.Reason = why + "; " + strings.TrimPrefix(e.Reason, station.ErrMisfit.Error()+": ")
	}
}

// adoptedAtOnce is how many entries Adopt puts back in one transaction.
const adoptedAtOnce = 200

// Adopt puts back everything that is held because the outbox is a copy, for a person
// who knows that nobody has the original any more. Each is looked up at the vendor
// before it is sent. It returns how many there were; after an error some of them may
// have been put back, and it can be repeated.
func (o *Outbox) Adopt() (n int, err error) {
	type one struct {
		lane string
		at   place
	}
	var all []one
	err = o.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketQ).ForEach(func(_, v []byte) error {
			h, body, err := open(v)
			if err != nil || h.kind != kindEntry {
				return err
			}
			var e entryRecord
			if l, _, err := labelFrom(body); err != nil || l.condition != station.Held {
				return err
			}
			if err := read(h.kind, body, &e); err != nil {
				return err
			}
			if e.Copy {
				all = append(all, one{e.Lane, h.at})
			}
			return nil
		})
	})
	if err != nil {
		return 0, fmt.Errorf("outbox %s: %w", o.path, err)
	}
	for some := range slices.Chunk(all, adoptedAtOnce) {
		if err := o.write(func(b *batch) error {
			for _, c := range some {
				l := o.lanes[c.lane]
				if l == nil {
					continue // a person was quicker
				}
				if i := l.find(c.at); i < 0 || !l.slots[i].held {
					continue
				}
				if err := b.retry(l, c.at, nil); err != nil {
					return err
				}
				n++
			}
			return nil
		}); err != nil {
			return n, err
		}
	}
	return n, nil
}
