package format

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// This file has what bucket meta keeps: who has the file open, and what outlives a process.

// A Session is what the file knows of the process that has, or had, it open.
type Session struct {
	Began   station.Stamp   `json:"began"`
	Clean   bool            `json:"clean"`             // it stopped with nothing in the air
	Ages    bool            `json:"ages,omitempty"`    // it keeps on the entries the age of doubt, and whether any attempt began
	Unclean []station.Stamp `json:"unclean,omitempty"` // beginnings of processes before it that did not

	Commands []Command `json:"commands,omitempty"` // the last ones that were recorded, of whatever process

	Marks map[string]station.Marks `json:"marks,omitempty"` // what each backend was last seen to do with them
}

// A Command is a command that was recorded, and what became of it.
type Command struct {
	ID      station.ID   `json:"id"` // of its event
	Kind    string       `json:"kind"`
	Sum     uint64       `json:"sum"` // of what it asked for
	Entries int          `json:"entries,omitempty"`
	Retried station.ID   `json:"retried,omitempty"`
	Note    station.Note `json:"note,omitzero"`
}

// A BootClock is what is known of one boot's time. The boots are kept in their
// order, so that a boot whose clock was never set lies between its neighbours.
type BootClock struct {
	Boot string `json:"boot"`

	// Zero is what the wall clock said, or would have said, at the boot's
	// beginning; zero while nobody knows.
	Zero time.Time `json:"zero,omitzero"`

	// ByVendor: Zero is from a vendor's answer, good to a second or so, and gives
	// way to a clock that has been set.
	ByVendor bool `json:"by_vendor,omitempty"`

	// Last is the latest moment of the boot that is known.
	Last time.Duration `json:"last,omitempty"`
}

// A Home is where an outbox is at home: on that computer, in that file. A backup
// that is put back, and a card that was copied, are somewhere else.
type Home struct {
	Machine string `json:"machine,omitempty"`
	Inode   uint64 `json:"inode,omitempty"` // 0: the file system has no lasting ones

	// Born is when the file was made, in nanoseconds since 1970; 0: the file system does not say. A
	// file that is removed leaves its inode to the next one.
	Born int64 `json:"born,omitempty"`
}

// noInode is no file's: it has another number in whatever place.
const noInode = math.MaxUint64

// homeOf looks where the file at path is.
func homeOf(path, machine string) (Home, error) {
	var file unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_INO|unix.STATX_BTIME, &file); err != nil {
		return Home{}, &os.PathError{Op: "statx", Path: path, Err: err}
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(path, &disk); err != nil {
		return Home{}, err
	}
	switch uint32(disk.Type) { //nolint:gosec // it is 32 bits wide on every board
	case unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC, unix.FUSE_SUPER_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, unix.NFS_SUPER_MAGIC:
		return Home{Machine: machine}, nil
	}
	h := Home{Machine: machine, Inode: file.Ino}
	if file.Mask&unix.STATX_BTIME != 0 {
		h.Born = time.Unix(file.Btime.Sec, int64(file.Btime.Nsec)).UnixNano()
	}
	return h, nil
}

// Moved says in words why the outbox that was at home there is a copy here; ""
// where it is not, as far as anybody can tell.
func (h Home) Moved(now Home) string {
	switch {
	case h.Machine != "" && now.Machine != "" && h.Machine != now.Machine:
		return fmt.Sprintf("this outbox was last used on another computer (%s; this is %s)", h.Machine, now.Machine)
	case h.Inode != 0 && now.Inode != 0 && h.Inode != now.Inode, h.Born != 0 && now.Born != 0 && h.Born != now.Born:
		return "this outbox is a copy that was put in the place of the one before"
	}
	return ""
}

func putJSON(b *bbolt.Bucket, key string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.Put([]byte(key), text)
}

func getJSON(b *bbolt.Bucket, key string, into any) error {
	text := b.Get([]byte(key))
	if text == nil {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("meta %s: %w", key, err)
	}
	return nil
}

// Session returns what the file knows of the process that has, or last had, it open.
func (t *Tx) Session() (s Session, err error) {
	err = getJSON(t.meta(), "session", &s)
	return s, err
}

// ChangeSession changes what the file knows of the process that has it open.
func (t *Tx) ChangeSession(change func(*Session)) error {
	s, err := t.Session()
	if err != nil {
		return err
	}
	change(&s)
	t.changed = true
	return putJSON(t.meta(), "session", s)
}

// Clocks returns what is known of the last boots, in their order.
func (t *Tx) Clocks() (all []BootClock, err error) {
	err = getJSON(t.meta(), "clocks", &all)
	return all, err
}

// PutClocks writes what is known of the boots.
func (t *Tx) PutClocks(all []BootClock) error {
	t.changed = true
	return putJSON(t.meta(), "clocks", all)
}

// Home returns where the outbox was last open; the zero value is nowhere yet.
func (t *Tx) Home() (h Home, err error) {
	err = getJSON(t.meta(), "home", &h)
	return h, err
}

// PutHome writes where the outbox is open.
func (t *Tx) PutHome(h Home) error {
	t.changed = true
	return putJSON(t.meta(), "home", h)
}

// OutboxID returns the outbox's own ID.
func (t *Tx) OutboxID() station.ID { return station.ID(t.meta().Get([]byte("id"))) }

// PutOutboxID gives the outbox another ID, as a copy needs.
func (t *Tx) PutOutboxID(id station.ID) error {
	t.changed = true
	return t.meta().Put([]byte("id"), []byte(id))
}

// PutProgram writes which version of stationd has the file.
func (t *Tx) PutProgram(version string) error {
	t.changed = true
	return t.meta().Put([]byte("program"), []byte(version))
}
