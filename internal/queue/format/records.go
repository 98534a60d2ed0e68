package format

import (
	"bytes"
	"iter"

	"go.etcd.io/bbolt"
)

// The records stand in bbolt's root bucket, beside the two buckets that it has: a transaction
// then writes their page and a meta page, and not the page of a bucket besides. bbolt gives
// the root bucket to whoever has a cursor of it, and its own check, its list of free pages and
// its cursors know keys there as anywhere else; what lists buckets passes over them.

var (
	bucketQ    = []byte("q") // where the records of versions 1 and 2 stand
	bucketMeta = []byte("meta")
)

// records are all that a transaction sees.
type records struct {
	root *bbolt.Bucket
	seek *bbolt.Cursor // of root: for whoever is done with it before the next is called
	old  *bbolt.Bucket // those that are not rewritten yet, all of them after those in root; nil: there are none
}

// recordsOf are the records of a transaction; old says that some may not be rewritten yet.
func recordsOf(tx *bbolt.Tx, old bool) records {
	c := tx.Cursor()
	r := records{root: c.Bucket(), seek: c}
	if old {
		r.old = tx.Bucket(bucketQ)
	}
	return r
}

// get returns the record at a place; nil where there is none.
func (r records) get(at Place) []byte {
	if record := r.root.Get(at.key()); record != nil || r.old == nil {
		return record
	}
	return r.old.Get(at.oldKey())
}

// from returns the records from a place on, in the order of their places and the state last,
// with their keys as bucket q has them. What has another key has it whole.
func (r records) from(at Place) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, record []byte) bool) {
		var state []byte
		c := r.root.Cursor()
		for k, v := c.Seek(at.key()); k != nil; k, v = c.Next() {
			switch {
			case bytes.Equal(k, stateKey):
				state = v
				continue
			case len(k) == len(stateKey) && k[0] == stateKey[0]:
				k = k[1:]
			}
			if !yield(k, v) {
				return
			}
		}
		if r.old != nil {
			c := r.old.Cursor()
			for k, v := c.Seek(at.oldKey()); k != nil; k, v = c.Next() {
				if bytes.Equal(k, stateKey[1:]) && state != nil {
					continue
				}
				if !yield(k, v) {
					return
				}
			}
		}
		if state != nil {
			yield(stateKey[1:], state)
		}
	}
}

// all is from the first on.
func (r records) all() iter.Seq2[[]byte, []byte] { return r.from(0) }

// strange returns a key of the root bucket that no version of the file has; nil where there is
// none.
func (r records) strange() []byte {
	c := r.root.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		switch bucket := v == nil; {
		case !bucket && len(k) == len(stateKey) && k[0] == stateKey[0]:
			return nil // and so are those behind it, or from finds them
		case bucket && (bytes.Equal(k, bucketQ) || bytes.Equal(k, bucketMeta)):
		default:
			return k
		}
	}
	return nil
}
