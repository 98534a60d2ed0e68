package queue

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// ErrDamaged is wrapped by what VerifyFile finds wrong with the file itself. Open
// then sets the file aside and saves what can be read; on any other error it
// leaves the file as it is.
var ErrDamaged = errors.New("the outbox is damaged")

// ErrLocked is wrapped by Open's error while another process has the outbox open.
var ErrLocked = errors.New("another stationd has it open; stop that one first")

const pageSize = 4096

// options are the measured ones. The page size must be said: a kernel with 16 KiB
// pages would otherwise write three times as much for each press. The statistics
// are what tells how many pages are in use.
func options(size int64) *bbolt.Options {
	return &bbolt.Options{
		PageSize:        pageSize,
		Timeout:         time.Second,
		NoFreelistSync:  true,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: int(size),
	}
}

// openFile opens the sound outbox at path for this process alone.
func openFile(path string, setting Setting) (*bbolt.DB, error) {
	with := options(setting.Size)
	with.NoSync = setting.noSync
	db, err := bbolt.Open(path, 0o600, with)
	if errors.Is(err, bbolterrors.ErrTimeout) {
		err = ErrLocked
	}
	return db, err
}

// making is the name under which a file is made whole before it gets its own.
func making(path string) string { return path + ".new" }

// beside is the name of another file of the outbox at path: outbox.db has
// outbox.spare beside it.
func beside(path, suffix string) string { return strings.TrimSuffix(path, ".db") + suffix }

// ready sees to it that a sound outbox of the wanted size is at path, whatever is
// found there.
func ready(path string, setting Setting) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	redo, err := readSpare(beside(path, spareSuffix))
	if err != nil {
		return refuse(err, nil)
	}
	_, err = os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && redo == nil:
		return create(path, setting)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	var damage error
	switch {
	case setting.Verify != nil:
		if damage = setting.Verify(path); damage != nil && !errors.Is(damage, ErrDamaged) {
			return damage
		}
	case err == nil:
		if err := readOnly(path, false, checkRecords); errors.Is(err, ErrNewer) {
			return err
		}
	}
	if damage != nil || redo != nil {
		if err := rebuild(path, setting, damage, redo); err != nil {
			return err
		}
	}
	return reserve(path, setting)
}

// create makes an empty outbox at path.
func create(path string, setting Setting) error {
	err := build(path, setting, func(db *bbolt.DB) error {
		return db.Update(func(tx *bbolt.Tx) error {
			return begin(tx, head{kind: kindState, at: statePlace}, stateRecord{})
		})
	})
	if err != nil {
		return err
	}
	return replace(path)
}

// begin puts into an empty file what every outbox has.
func begin(tx *bbolt.Tx, h head, state stateRecord) error {
	q, err := tx.CreateBucketIfNotExists(bucketQ)
	if err != nil {
		return err
	}
	meta, err := tx.CreateBucketIfNotExists(bucketMeta)
	if err != nil {
		return err
	}
	record, err := encode(h, state)
	if err != nil {
		return err
	}
	return errors.Join(
		q.SetSequence(state.Sequence),
		q.Put(stateKey, record),
		meta.Put([]byte("version"), []byte{version}),
		meta.Put([]byte("id"), []byte(station.NewID())),
	)
}

// build makes a file with that content under the name that making gives it, whole
// and synced. A power cut leaves either no outbox or a sound one.
func build(path string, setting Setting, content func(*bbolt.DB) error) error {
	name := making(path)
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := openFile(name, setting)
	if err != nil {
		return err
	}
	if err := errors.Join(content(db), db.Close()); err != nil {
		return err
	}
	return fill(name, setting.Size)
}

// replace gives the file that build made its name.
func replace(path string) error {
	if err := os.Rename(making(path), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// reserve makes an older or smaller file as large as it should be. Without room
// for that the outbox is as large as it was.
func reserve(path string, setting Setting) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() >= setting.Size {
		return err
	}
	err = fill(path, setting.Size)
	if errors.Is(err, syscall.ENOSPC) {
		setting.Log.Warn("the card has no room for an outbox of the wanted size; it stays as large as it was", "path", path, "size", info.Size())
		return os.Truncate(path, info.Size())
	}
	return err
}

// fill writes zeros up to size, and into the holes that bbolt leaves where it has
// made the file longer, so that the card has every block for good.
func fill(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	for at := int64(0); at < end; {
		hole, err := f.Seek(at, unix.SEEK_HOLE) // the end counts as one
		if err != nil {
			return err
		}
		if at, err = f.Seek(hole, unix.SEEK_DATA); errors.Is(err, unix.ENXIO) {
			at = end // no data behind it
		} else if err != nil {
			return err
		}
		if err := zeros(f, hole, at); err != nil {
			return err
		}
	}
	return errors.Join(zeros(f, end, size), f.Sync(), f.Close())
}

func zeros(f *os.File, from, until int64) error {
	for zeros := make([]byte, 1<<20); from < until; {
		n, err := f.WriteAt(zeros[:min(int64(len(zeros)), until-from)], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// asideName is a name for a file that is set aside: outbox-DATE.damaged. It is
// given as a second name, so that there is no moment without an outbox.
func asideName(path string) string {
	stem := beside(path, "-"+time.Now().UTC().Format("20060102T150405Z"))
	name := stem + asideSuffix
	for i := 2; ; i++ {
		if _, err := os.Lstat(name); err != nil {
			return name
		}
		name = fmt.Sprintf("%s-%d%s", stem, i, asideSuffix)
	}
}

const (
	asideSuffix = ".damaged"
	mostAside   = 3 // each is as large as the outbox
)

// forgetAside keeps the newest of the files that were set aside.
func forgetAside(path string, setting Setting) error {
	names, err := filepath.Glob(beside(path, "-*"+asideSuffix))
	if err != nil {
		return err
	}
	for len(names) > mostAside { // sorted by name, and so by date
		setting.Log.Warn("a damaged outbox that was set aside long ago is deleted to make room", "file", names[0])
		if err := os.Remove(names[0]); err != nil {
			return err
		}
		names = names[1:]
	}
	return nil
}
