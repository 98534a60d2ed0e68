package format

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// This file takes up a commit that failed, in a file of its own.

const spareSuffix = ".spare"

// commit commits, and then looks whether the file could be written at all. Where the
// kernel has made a file system read-only, as it does after an error of the card or by
// an emergency remount, ext4's fsync returns at once and says that all is well
// (ext4_sync_file: "if (sb_rdonly(inode->i_sb)) goto out"): what was written to pages
// that the file has already is in memory alone. access(2) with W_OK tells by EROFS.
func commit(tx *bbolt.Tx) error {
	path := tx.DB().Path()
	if err := tx.Commit(); err != nil {
		return err
	}
	if err := unix.Access(path, unix.W_OK); errors.Is(err, unix.EROFS) {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// spare saves the records of a transaction whose commit failed. What the commit left on disk
// is unknown, and syncing the same file again proves nothing: the kernel reports a failed
// write once and then forgets it. So the records go to a second file, the spare, and once
// that is synced the transaction may be acknowledged. The outbox takes nothing more in any
// case: the next Open makes a new file of the old one and the spare.
//
// Where the spare cannot be written either, nothing of the transaction is acknowledged. A
// note of the failure is written if it can be, by which the next Open holds what it finds
// of the transaction in the old file.
func (f *File) spare(t *Tx, cause error) (spared, err error) {
	name := siblingPath(f.path, spareSuffix)
	var records []byte
	for _, at := range slices.Sorted(maps.Keys(t.redo)) {
		records = append(records, t.redo[at]...)
	}
	if err := f.options.Faults.Rescue(name, records); err != nil {
		note, noteErr := t.seal.encode(kindUnsure, statePlace, t.commit, nil)
		if noteErr == nil {
			noteErr = f.options.Faults.Rescue(name, note)
		}
		return nil, errors.Join(cause, err, noteErr)
	}
	f.options.Log.Error("a commit failed; what was recorded is in the spare file", "path", name, "error", cause)
	return fmt.Errorf("%w; what was recorded is safe in %s, and the next start goes on from there", cause, name), nil
}

// writeWhole makes a file at path that is either there with all of data, and
// synced, or not there.
func writeWhole(path string, data []byte) error {
	f, err := os.OpenFile(tempName(path), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return rename(path)
}

// A redo is what a spare file says.
type redo struct {
	commit  uint64                // of the transaction that failed
	unsure  bool                  // nothing of it was acknowledged, and records is empty
	records map[Place]foundRecord // what it put, and where it deleted
}

// readSpare reads what a spare file has, with the seal of the outbox that it belongs to.
// An older version may have written it.
func readSpare(data []byte, s seal) (*redo, error) {
	s.old = true
	if err := s.newerBytes(data); err != nil {
		return nil, err
	}
	r := &redo{records: make(map[Place]foundRecord)}
	var err error
	s.scan(data, func(found Record) {
		r.commit = max(r.commit, found.commit)
		switch {
		case !found.Kind.known():
			err = newer("a record of the kind %q, which this one does not know", found.Kind)
		case found.Kind == kindUnsure:
			r.unsure = true
		default:
			r.records[found.Place] = foundRecord{Record: found}
		}
	})
	return r, err
}

func removeSpare(path string) error {
	if err := os.Remove(siblingPath(path, spareSuffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}
