package queue

import (
	"bytes"

	"go.etcd.io/bbolt"

	"stationd/internal/station"
)

// Walk opens the file at path for looking only and hands over one record after the
// other, in the order of the events: each entry that waits or is held, and each
// event that is kept for a person. It holds one of them in memory at a time, and
// ends at the first error that it is given.
//
// It fails while a stationd has the file open. As for VerifyFile, an error about the
// file wraps ErrDamaged, and a damaged file may end or hang the process.
func Walk(path string, entry func(station.EntryStatus) error, kept func(station.Event) error) error {
	var given error // an error of the caller's says nothing about the file
	err := lookAt(path, func(tx *bbolt.Tx) error {
		if err := inspect(tx); err != nil {
			return err
		}
		return tx.Bucket(bucketQ).ForEach(func(k, v []byte) error {
			if given != nil || bytes.Equal(k, stateKey) {
				return nil
			}
			at, err := placeFrom(k)
			if err != nil {
				return err
			}
			h, _, err := open(v)
			switch {
			case err != nil:
				return err
			case h.kind == kindKept:
				var ev station.Event
				if err := decode(v, kindKept, at, &ev); err != nil {
					return err
				}
				given = kept(ev)
			case h.kind == kindEntry:
				var e entryRecord
				if err := decode(v, kindEntry, at, &e); err != nil {
					return err
				}
				given = entry(e.standing(at))
			}
			return nil
		})
	})
	if given != nil {
		return given
	}
	return err
}
