package queue

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"iter"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"stationd/internal/queue/format"
)

// The layout of the file, as the package comment of format says it and not as its code
// does: whoever damages a file, or writes one as another program would, goes by these.
const (
	headLength  = 32
	magic       = "SDQ"
	version     = 4
	pageHead    = 16 // of a page of bbolt
	asideSuffix = ".damaged"
	spareSuffix = ".spare"
)

var (
	bucketMeta = []byte("meta")
	stateKey   = []byte("r\xff\xff\xff\xff\xff\xff\xff\xff\xff")
)

// siblingPath is another file of the outbox at path.
func siblingPath(path, suffix string) string { return strings.TrimSuffix(path, ".db") + suffix }

// resum gives a record that was changed by hand the checksum that belongs to it in the
// outbox with a seal.
func resum(seal, record []byte) []byte {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(crc32.Checksum(seal, table), table, record[:28])
	binary.BigEndian.PutUint32(record[28:], crc32.Update(sum, table, record[headLength:]))
	return record
}

// recordsIn are the records of the root bucket, and not the buckets that are in it.
func recordsIn(root *bbolt.Bucket) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, record []byte) bool) {
		c := root.Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if v != nil && !yield(k, v) {
				return
			}
		}
	}
}

// seal is the seal of the closed outbox.
func (s *station1) seal() (seal []byte) {
	s.file(func(_, meta *bbolt.Bucket) error {
		seal = bytes.Clone(meta.Get([]byte("seal")))
		return nil
	})
	return seal
}

// recordBytes is a sound record.
func recordBytes(t *testing.T, seal []byte, k format.Kind, at format.Place, commit uint64, body any) []byte {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	record := make([]byte, headLength, headLength+len(text))
	copy(record, magic)
	record[3], record[4] = version, byte(k)
	binary.BigEndian.PutUint32(record[8:], uint32(len(text)))
	binary.BigEndian.PutUint64(record[12:], uint64(at))
	binary.BigEndian.PutUint64(record[20:], commit)
	return resum(seal, append(record, text...))
}

// file writes the closed outbox anew as another program would: its records, which stand in
// the root bucket, and the bucket meta.
func (s *station1) file(change func(records, meta *bbolt.Bucket) error) {
	s.Helper()
	db, err := bbolt.Open(s.path, 0o600, &bbolt.Options{PageSize: format.PageSize, NoFreelistSync: true})
	if err == nil {
		err = db.Update(func(tx *bbolt.Tx) error { return change(tx.Cursor().Bucket(), tx.Bucket(bucketMeta)) })
	}
	if err != nil {
		s.Fatal(err)
	}
	if err := db.Close(); err != nil {
		s.Fatal(err)
	}
}
