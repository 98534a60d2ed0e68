package format

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"go.etcd.io/bbolt"
)

// upgradePart: one transaction rewrites a sixteenth of the file. What it writes goes to free
// pages, of which there is always a fifth.
const upgradePart = 16

// upgrade checks the version of the file, and rewrites one of an older version in place, part
// by part, so that it needs no more room. A power cut in between leaves a sound file: its state
// says whether older records are left, and the next start goes on. An older program refuses
// the file from the first part on.
func (f *File) upgrade() error {
	err := f.db.View(func(tx *bbolt.Tx) error {
		t, err := viewOf(tx)
		if err != nil {
			return explainNewerIn(tx, err)
		}
		f.seal = t.seal
		return nil
	})
	if err != nil || !f.seal.old {
		return err
	}
	if f.seal.digits == "" {
		f.seal = newSeal()
		f.seal.old = true
	}
	info, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	rewritten := 0
	for f.seal.old {
		n, err := f.rewrite(info.Size() / upgradePart)
		if err != nil {
			return fmt.Errorf("rewriting it in version %d of its format: %w", current, err)
		}
		rewritten += n
	}
	f.options.Log.Info("the outbox was rewritten", "path", f.path, "format", current, "records", rewritten)
	return nil
}

// rewrite moves the next of the older records, up to so many bytes, to where they stand in
// this version, and the state with each part, in one transaction. It returns how many there
// were.
func (f *File) rewrite(most int64) (n int, err error) {
	tx, err := f.db.Begin(true)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() // after a commit it does nothing
	t := txOf(tx, f.seal)
	root, old := t.records.root, t.records.old
	root.FillPercent, old.FillPercent = fillPercent, fillPercent
	state, commit, err := t.State()
	if err != nil {
		return 0, err
	}
	var places []Place
	var moved [][]byte
	size := int64(0)
	c := old.Cursor()
	k, v := c.First()
	for ; k != nil && size < most; k, v = c.Next() {
		if bytes.Equal(k, stateKey[1:]) {
			continue
		}
		r, err := f.seal.parse(v)
		if err != nil {
			return 0, fmt.Errorf("record at %x: %w", k, err)
		}
		places, moved = append(places, r.Place), append(moved, f.seal.rewritten(r))
		size += int64(len(v))
	}
	for i, at := range places {
		if err := errors.Join(old.Delete(at.oldKey()), root.Put(at.key(), moved[i])); err != nil {
			return 0, err
		}
	}
	if err := old.Delete(stateKey[1:]); err != nil {
		return 0, err
	}
	t.seal.old = k != nil && !bytes.Equal(k, stateKey[1:])
	f.seal.old = t.seal.old
	t.commit = commit + 1
	f.begin(t)
	if _, err := t.PutState(state); err != nil {
		return 0, err
	}
	if err := t.meta().Put([]byte("seal"), []byte(f.seal.digits)); err != nil {
		return 0, err
	}
	if err := t.meta().Put([]byte("version"), []byte{current}); err != nil {
		return 0, err
	}
	return len(places), f.options.Faults.Commit(tx)
}

// rewritten is a record in this version of the format, written by the same transaction.
func (s seal) rewritten(r Record) []byte {
	b := make([]byte, headLength, headLength+2*labelLength+len(r.text))
	if r.Kind == KindEntry {
		b = r.Label.append(b)
	}
	return s.head(append(b, r.text...), r.Kind, r.Place, r.commit)
}
