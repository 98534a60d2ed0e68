package format

import (
	"crypto/rand"
	"encoding/hex"
	"hash/crc32"

	"go.etcd.io/bbolt"
)

// A seal tells the records of one outbox from whatever else has the form of one. Each
// outbox has its own, eight random hexadecimal digits that nobody outside is shown, and
// the checksum of each record goes on from theirs: what somebody prints on a label cannot
// have it. It stays the same for as long as there is the outbox, also in a copy, where the
// ID does not.
type seal struct {
	digits string // empty: the file is of version 1, which has none
	sum    uint32 // their checksum
	old    bool   // the file has records of version 1
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
func fileSeal(q, meta *bbolt.Bucket) seal {
	digits := string(meta.Get([]byte("seal")))
	if digits == "" {
		return version1()
	}
	s := sealOf(digits)
	var state State
	s.old = s.decode(q.Get(stateKey), KindState, statePlace, &state) == nil && state.Old
	return s
}

// begins returns what the checksum of a record of a version goes on from; ok is false
// where the file has no such records.
func (s seal) begins(version byte) (sum uint32, ok bool) {
	switch {
	case version == 1 && s.old:
		return 0, true
	case version == current && s.digits != "":
		return s.sum, true
	}
	return 0, false
}
