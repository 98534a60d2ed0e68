package format

import (
	"crypto/rand"
	"encoding/hex"
	"hash/crc32"

	"go.etcd.io/bbolt"
)

// A seal tells the records of an outbox from other bytes that look like records, as when a
// damaged file is searched for them and a scanned label holds a forged one. Each outbox has
// its own: eight random hexadecimal digits, which are never shown, and with which the
// checksum of each record begins. A copy of the outbox keeps them, though it gets a new ID.
type seal struct {
	digits string // empty: the file is of version 1, which has none
	sum    uint32 // their checksum
	old    bool   // the file has records of older versions
}

// version1 is the seal of a file that nobody has rewritten yet.
func version1() seal { return seal{old: true} }

func newSeal() seal {
	digits := make([]byte, 4)
	_, _ = rand.Read(digits) // it never fails
	return sealOf(hex.EncodeToString(digits))
}

func sealOf(digits string) seal {
	return seal{digits: digits, sum: crc32.Checksum([]byte(digits), castagnoli)}
}

// fileSeal is the seal of the records of a file whose version has been checked.
func fileSeal(tx *bbolt.Tx) seal {
	meta := tx.Bucket(bucketMeta)
	digits := string(meta.Get([]byte("seal")))
	if digits == "" {
		return version1()
	}
	s := sealOf(digits)
	if version := meta.Get([]byte("version")); len(version) == 1 && version[0] < current {
		s.old = true
		return s
	}
	var state State
	s.old = s.decode(recordsOf(tx, false).get(statePlace), KindState, statePlace, &state) == nil && state.Old
	return s
}

// begins returns what the checksum of a record of a version goes on from; ok is false
// where the file has no such records.
func (s seal) begins(version byte) (sum uint32, ok bool) {
	switch {
	case version == 1 && s.old:
		return 0, true
	case s.digits != "" && (version == current || version == 2 && s.old):
		return s.sum, true
	}
	return 0, false
}
