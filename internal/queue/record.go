package queue

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"stationd/internal/station"
)

// A place is where a record stands: the sequence of its event, and 0 for the
// event or the entry's number. Places order everything; no clock does.
type place uint64

func placeOf(sequence uint64, index int) place { return place(sequence<<8 | uint64(index)) }

func (p place) sequence() uint64 { return uint64(p) >> 8 }
func (p place) index() int       { return int(p & 0xff) }
func (p place) event() place     { return p &^ 0xff }

// mostEntries is how many entries one event may have: the index is one byte.
const mostEntries = 255

// key is the place as the bucket has it: eight bytes of sequence, big-endian so
// that the bucket's order is the order of the events, and one of index.
func (p place) key() []byte {
	var k [9]byte
	binary.BigEndian.PutUint64(k[:8], p.sequence())
	k[8] = byte(p.index())
	return k[:]
}

func placeFrom(key []byte) (place, error) {
	if len(key) != 9 {
		return 0, fmt.Errorf("key %x: %d bytes, want 9", key, len(key))
	}
	sequence := binary.BigEndian.Uint64(key[:8])
	if sequence >= 1<<56 {
		return 0, fmt.Errorf("key %x: the sequence is beyond 2^56", key)
	}
	return placeOf(sequence, int(key[8])), nil
}

// stateKey is above every place, so that the state shares the last leaf page,
// which an append rewrites anyway.
var stateKey = []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff")

// A kind says what a record holds.
type kind byte

const (
	kindEvent kind = 'e'
	kindEntry kind = 'n'
	kindFate  kind = 'f'
	kindState kind = 's'
)

const (
	version    = 1
	headLength = 24
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errDamaged is wrapped by every error about bytes that are not what was written.
var errDamaged = errors.New("damaged record")

// encode writes a record as doc.go lays it out.
func encode(k kind, p place, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	b := make([]byte, headLength, headLength+len(text))
	copy(b, "SDQ")
	b[3] = version
	b[4] = byte(k)
	binary.BigEndian.PutUint32(b[8:], uint32(len(text)))
	binary.BigEndian.PutUint64(b[12:], uint64(p))
	b = append(b, text...)
	binary.BigEndian.PutUint32(b[20:], checksum(b))
	return b, nil
}

// checksum covers everything but itself.
func checksum(record []byte) uint32 {
	sum := crc32.Update(0, castagnoli, record[:20])
	return crc32.Update(sum, castagnoli, record[headLength:])
}

// decode reads a record and checks that it is the one that was written at p.
func decode(record []byte, k kind, p place, into any) error {
	found, at, body, err := open(record)
	switch {
	case err != nil:
		return err
	case found != k:
		return fmt.Errorf("%w: it holds %q, want %q", errDamaged, found, k)
	case at != p:
		return fmt.Errorf("%w: it was written at %d.%d", errDamaged, at.sequence(), at.index())
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return nil
}

// open takes a record apart and checks its bytes.
func open(record []byte) (k kind, p place, body []byte, err error) {
	switch {
	case len(record) < headLength:
		return 0, 0, nil, fmt.Errorf("%w: %d bytes", errDamaged, len(record))
	case string(record[:3]) != "SDQ":
		return 0, 0, nil, fmt.Errorf("%w: it does not begin with SDQ", errDamaged)
	case record[3] != version:
		return 0, 0, nil, fmt.Errorf("record of version %d; this program reads version %d: use the stationd that wrote it", record[3], version)
	case int(binary.BigEndian.Uint32(record[8:])) != len(record)-headLength:
		return 0, 0, nil, fmt.Errorf("%w: its length is wrong", errDamaged)
	case binary.BigEndian.Uint32(record[20:]) != checksum(record):
		return 0, 0, nil, fmt.Errorf("%w: its checksum is wrong", errDamaged)
	}
	return kind(record[4]), place(binary.BigEndian.Uint64(record[12:])), record[headLength:], nil
}

// eventRecord is an event on disk.
type eventRecord struct {
	station.Event
	Kept bool `json:"kept,omitempty"` // no binding knew it: it stays until a person has seen it
}

// entryRecord is an entry that has no final fate.
type entryRecord struct {
	station.Entry
	Condition station.Condition `json:"condition"`
	Hold      station.Holding   `json:"hold,omitempty"`
	Reason    string            `json:"reason,omitempty"`
	Before    []byte            `json:"before,omitempty"`  // what Look saw, on marked entries only
	Starts    int               `json:"starts,omitempty"`  // marked attempts that began and did not end
	Insists   bool              `json:"insists,omitempty"` // a person said: send it although it is late
}

// fateRecord is an entry's end. It stays while a waiting entry is about it.
type fateRecord struct {
	ID   station.ID   `json:"id"`
	Lane string       `json:"lane"`
	Fate station.Fate `json:"fate"`
	Ref  string       `json:"ref,omitempty"`
}
