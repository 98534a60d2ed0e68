package queue

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"stationd/internal/station"
)

// A place is where a record stands: the sequence of its event, and 0 for the
// event or the entry's number. Places order everything; no clock does.
type place uint64

func placeOf(sequence uint64, index int) place { return place(sequence<<8 | uint64(index)) }

func (p place) sequence() uint64 { return uint64(p) >> 8 }
func (p place) index() int       { return int(p & 0xff) }
func (p place) event() place     { return p &^ 0xff }

// statePlace is above every place, so that the state shares the last leaf page,
// which an append rewrites anyway.
const statePlace = ^place(0)

// mostEntries is how many entries one event may have: the index is one byte.
const mostEntries = 255

// key is the place as the bucket has it: eight bytes of sequence, big-endian so
// that the bucket's order is the order of the events, and one of index.
func (p place) key() []byte {
	if p == statePlace {
		return stateKey
	}
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

var stateKey = []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff")

// A kind says what a record holds.
type kind byte

const (
	kindEvent kind = 'e'
	kindKept  kind = 'k' // an event that stays until a person has seen it
	kindEntry kind = 'n'
	kindFate  kind = 'f'
	kindState kind = 's'

	// The spare file alone has these two.
	kindGone   kind = 'x' // what stood at the place was deleted
	kindUnsure kind = 'u' // the commit failed and nothing of it was acknowledged
)

const (
	version    = 1
	magic      = "SDQ"
	headLength = 32
)

// A head is what a record says of itself before its body.
type head struct {
	kind   kind
	at     place
	commit uint64
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errDamaged is wrapped by every error about bytes that are not what was written.
var errDamaged = errors.New("damaged record")

// encode writes a record as doc.go lays it out.
func encode(h head, body any) ([]byte, error) {
	b := make([]byte, headLength, 1024)
	if e, ok := body.(entryRecord); ok {
		l, err := e.label()
		if err != nil {
			return nil, err
		}
		b = l.append(b)
	}
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		b = append(b, text...)
	}
	copy(b, magic)
	b[3] = version
	b[4] = byte(h.kind)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-headLength))
	binary.BigEndian.PutUint64(b[12:], uint64(h.at))
	binary.BigEndian.PutUint64(b[20:], h.commit)
	binary.BigEndian.PutUint32(b[28:], checksum(b))
	return b, nil
}

// checksum covers everything but itself.
func checksum(record []byte) uint32 {
	sum := crc32.Update(0, castagnoli, record[:28])
	return crc32.Update(sum, castagnoli, record[headLength:])
}

// decode reads a record and checks that it is the one that was written at p.
func decode(record []byte, k kind, p place, into any) error {
	h, body, err := open(record)
	switch {
	case err != nil:
		return err
	case h.kind != k:
		return fmt.Errorf("%w: it holds %q, want %q", errDamaged, h.kind, k)
	case h.at != p:
		return fmt.Errorf("%w: it was written at %d.%d", errDamaged, h.at.sequence(), h.at.index())
	}
	return read(h.kind, body, into)
}

// read takes a body up.
func read(k kind, body []byte, into any) error {
	if k == kindEntry {
		var err error
		if _, body, err = labelFrom(body); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return nil
}

// open takes a record apart and checks its bytes. One of a newer version is an error
// that wraps ErrNewer.
func open(record []byte) (h head, body []byte, err error) {
	if why := newerRecord(record); why != "" {
		return head{}, nil, newer("%s", why)
	}
	return openAny(record)
}

// openAny is open for a record of whatever kind.
func openAny(record []byte) (h head, body []byte, err error) {
	switch {
	case len(record) < headLength:
		return head{}, nil, fmt.Errorf("%w: %d bytes", errDamaged, len(record))
	case string(record[:3]) != magic:
		return head{}, nil, fmt.Errorf("%w: it does not begin with %s", errDamaged, magic)
	case record[3] != version:
		return head{}, nil, fmt.Errorf("%w: it says version %d", errDamaged, record[3])
	case int(binary.BigEndian.Uint32(record[8:])) != len(record)-headLength:
		return head{}, nil, fmt.Errorf("%w: its length is wrong", errDamaged)
	case binary.BigEndian.Uint32(record[28:]) != checksum(record):
		return head{}, nil, fmt.Errorf("%w: its checksum is wrong", errDamaged)
	}
	return head{
		kind:   kind(record[4]),
		at:     place(binary.BigEndian.Uint64(record[12:])),
		commit: binary.BigEndian.Uint64(record[20:]),
	}, record[headLength:], nil
}

// kindOf says of what kind a record is, without checking its bytes.
func kindOf(record []byte) kind {
	if len(record) < headLength {
		return 0
	}
	return kind(record[4])
}

// A label stands in front of an entry's JSON and says what the index in memory
// needs of it, so that a backlog of tens of thousands is opened without reading
// all of its JSON.
type label struct {
	id        uint64 // hash of the entry's ID
	about     place  // of what it is about; 0: nothing
	condition station.Condition
	barrier   bool
	marks     bool // its verb marks before it acts
	unsent    bool // no attempt at it has begun
	lane      string
}

// The bits of a label's last byte before the lane.
const (
	bitBarrier = 1 << iota
	bitMarks
	bitUnsent
)

const labelLength = 20 // without the lane

func (e entryRecord) label() (label, error) {
	if len(e.Lane) > math.MaxUint16 {
		return label{}, fmt.Errorf("entry %s: the name of its lane has %d bytes, and may have %d", e.ID.Short(), len(e.Lane), math.MaxUint16)
	}
	return label{id: hash(e.ID), about: e.Target, condition: e.Condition, barrier: e.Barrier, marks: e.Marks, unsent: e.Unsent, lane: e.Lane}, nil
}

func (l label) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, l.id)
	b = binary.BigEndian.AppendUint64(b, uint64(l.about))
	var condition, bits byte
	if l.condition != "" {
		condition = l.condition[0] // w, m or h
	}
	if l.barrier {
		bits |= bitBarrier
	}
	if l.marks {
		bits |= bitMarks
	}
	if l.unsent {
		bits |= bitUnsent
	}
	b = append(b, condition, bits)
	b = binary.BigEndian.AppendUint16(b, uint16(len(l.lane)))
	return append(b, l.lane...)
}

func labelFrom(body []byte) (l label, rest []byte, err error) {
	if len(body) < labelLength {
		return label{}, nil, fmt.Errorf("%w: an entry of %d bytes", errDamaged, len(body))
	}
	end := labelLength + int(binary.BigEndian.Uint16(body[18:]))
	if len(body) < end {
		return label{}, nil, fmt.Errorf("%w: the name of its lane is cut off", errDamaged)
	}
	l = label{
		id:      binary.BigEndian.Uint64(body),
		about:   place(binary.BigEndian.Uint64(body[8:])),
		barrier: body[17]&bitBarrier != 0,
		marks:   body[17]&bitMarks != 0,
		unsent:  body[17]&bitUnsent != 0,
		lane:    string(body[labelLength:end]),
	}
	switch c := body[16]; c {
	case 0: // none, which Verify finds
	case station.Waiting[0]:
		l.condition = station.Waiting
	case station.Marked[0]:
		l.condition = station.Marked
	case station.Held[0]:
		l.condition = station.Held
	default:
		return label{}, nil, newer("an entry in the condition %q, which this one does not know", c)
	}
	return l, body[end:], nil
}

// entryRecord is an entry that has no final fate.
type entryRecord struct {
	station.Entry
	Target    place              `json:"target,omitempty"` // of the entry in About
	Condition station.Condition  `json:"condition"`
	Hold      station.HoldReason `json:"hold,omitempty"`
	Reason    string             `json:"reason,omitempty"`
	Before    []byte             `json:"before,omitempty"`  // what Look saw, where it may have arrived
	Starts    int                `json:"starts,omitempty"`  // marked attempts that began and did not end
	Insists   bool               `json:"insists,omitempty"` // a person said: send it although it is late

	// Doubtful: it is held, and an attempt at it may have arrived. Of what is not held
	// the condition says so: marked.
	Doubtful bool `json:"doubtful,omitempty"`

	// Unsent: it was recorded in an outage, and no attempt at it has begun since.
	Unsent bool `json:"unsent,omitempty"`

	// Twice is another entry that counts the same, and one of both is or was held.
	Twice station.ID `json:"twice,omitempty"`

	// Copy: it is held because the outbox is a copy.
	Copy bool `json:"copy,omitempty"`

	// Since is the age of the doubt: after this moment nothing of it has left the
	// station. Zero: an attempt may have been under way until the process ended.
	Since station.Stamp `json:"since,omitzero"`
}

// mayHaveArrived reports whether an attempt at the entry may have arrived, as far as
// the disk says.
func (e entryRecord) mayHaveArrived() bool {
	return e.Condition == station.Marked || e.Doubtful
}

// fateRecord is an entry's end. It stays while a waiting entry is about it.
type fateRecord struct {
	ID   station.ID   `json:"id"`
	Lane string       `json:"lane"`
	Fate station.Fate `json:"fate"`
	Ref  string       `json:"ref,omitempty"`
}

// stateRecord is the state, with what a salvage needs to know and cannot learn
// from the entries that it finds.
type stateRecord struct {
	station.State
	Sequence uint64 `json:"sequence"` // the last one that was given out
	Ended    uint64 `json:"ended"`    // the entries of every event up to it have ended
}
