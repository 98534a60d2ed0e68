package format

import (
	"encoding/binary"
	"fmt"
)

// A Place is where a record stands: the sequence of its event, and 0 for the event
// itself or the entry's number within it. Places order everything; no clock does.
type Place uint64

// PlaceOf returns the place of the event with that sequence, where index is 0, or of
// its entry of that number, 1 to MostEntries.
func PlaceOf(sequence uint64, index int) Place { return Place(sequence<<8 | uint64(index)) }

// MostEntries is how many entries one event may have: the index is one byte.
const MostEntries = 255

// statePlace is above every place, so that the state shares the last leaf page,
// which an append rewrites anyway.
const statePlace = ^Place(0)

// Sequence returns the number of the event.
func (p Place) Sequence() uint64 { return uint64(p) >> 8 }

// Event returns the place of the event.
func (p Place) Event() Place { return p &^ 0xff }

func (p Place) index() int { return int(p & 0xff) }

// String returns the place as people are told of it: 7.2 is the second entry of event 7.
func (p Place) String() string { return fmt.Sprintf("%d.%d", p.Sequence(), p.index()) }

// key is the place as the file has it: a letter that puts it behind the names of the buckets,
// eight bytes of sequence, big-endian so that the order of the keys is the order of the
// events, and one of index.
func (p Place) key() []byte { return p.appendKey(make([]byte, 0, keyLength)) }

const keyLength = 10

// appendKey is key, in memory that is there.
func (p Place) appendKey(to []byte) []byte {
	if p == statePlace {
		return append(to, stateKey...)
	}
	to = append(to, stateKey[0])
	to = binary.BigEndian.AppendUint64(to, p.Sequence())
	return append(to, byte(p.index()))
}

// oldKey is the key that it had in bucket q.
func (p Place) oldKey() []byte { return p.key()[1:] }

// placeFrom is the place of a key as bucket q had it.
func placeFrom(key []byte) (Place, error) {
	if len(key) != 9 {
		return 0, fmt.Errorf("key %x: %d bytes, want 9", key, len(key))
	}
	sequence := binary.BigEndian.Uint64(key[:8])
	if sequence >= 1<<56 {
		return 0, fmt.Errorf("key %x: the sequence is beyond 2^56", key)
	}
	return PlaceOf(sequence, int(key[8])), nil
}

var stateKey = []byte("r\xff\xff\xff\xff\xff\xff\xff\xff\xff")
