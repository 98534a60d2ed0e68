package format

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"stationd/internal/station"
)

// A Kind says what a record holds.
type Kind byte

// The kinds of records that stand in the file.
const (
	KindEvent Kind = 'e'
	KindKept  Kind = 'k' // an event that stays until a person has seen it
	KindEntry Kind = 'n'
	KindFate  Kind = 'f'
	KindState Kind = 's'
)

// The spare file alone has these two.
const (
	kindGone   Kind = 'x' // what stood at the place was deleted
	kindUnsure Kind = 'u' // the commit failed and nothing of it was acknowledged
)

func (k Kind) known() bool {
	switch k {
	case KindEvent, KindKept, KindEntry, KindFate, KindState, kindGone, kindUnsure:
		return true
	}
	return false
}

// current is the version of the format that is written. It differs from the one before in
// two bits, so that a flipped bit makes none of the other, and so must the next.
const current = 4

// Version is that of the format that is written, for who speaks of it to a person.
const Version = current

const (
	magic      = "SDQ"
	headLength = 32
)

// A Record is what stands at a place, with its bytes checked and its JSON not yet read.
type Record struct {
	Kind  Kind
	Place Place
	Label Label // of an entry

	version byte
	commit  uint64 // the number of the transaction that wrote it
	text    []byte // JSON
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errDamaged is wrapped by every error about bytes that are not what was written.
var errDamaged = errors.New("damaged record")

// encode writes a record as the package comment lays it out.
func (s seal) encode(k Kind, at Place, commit uint64, body any) ([]byte, error) {
	return new(recordBuffer).encode(s, k, at, commit, body)
}

// A recordBuffer is where records are made. It is used again for each transaction.
type recordBuffer struct{ bytes []byte }

// encode is seal.encode. The record stands in the buffer until that is reset.
func (b *recordBuffer) encode(s seal, k Kind, at Place, commit uint64, body any) ([]byte, error) {
	begins := len(b.bytes)
	var head [headLength]byte
	all := append(b.bytes, head[:]...)
	if e, ok := body.(*Entry); ok {
		l, err := e.label()
		if err != nil {
			return nil, err
		}
		all = l.append(all)
	}
	all, err := appendJSON(all, body)
	if err != nil {
		return nil, err
	}
	b.bytes = all
	return s.head(slices.Clip(all[begins:]), k, at, commit), nil
}

// head writes the head of a record before what follows it.
func (s seal) head(b []byte, k Kind, at Place, commit uint64) []byte {
	copy(b, magic)
	b[3] = current
	b[4] = byte(k)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-headLength))
	binary.BigEndian.PutUint64(b[12:], uint64(at))
	binary.BigEndian.PutUint64(b[20:], commit)
	binary.BigEndian.PutUint32(b[28:], checksum(s.sum, b))
	return b
}

// checksum goes on from a sum with everything but itself.
func checksum(sum uint32, record []byte) uint32 {
	sum = crc32.Update(sum, castagnoli, record[:28])
	return crc32.Update(sum, castagnoli, record[headLength:])
}

// parse takes a record apart and checks its bytes. One of a newer version is an error
// that wraps ErrNewer.
func (s seal) parse(record []byte) (Record, error) {
	if why := s.newerRecord(record); why != "" {
		return Record{}, newer("%s", why)
	}
	r, err := s.parseAny(record)
	if err != nil {
		return Record{}, err
	}
	return r.labelled()
}

// parseAny is parse for a record of whatever kind. The label of an entry is not taken
// off yet.
func (s seal) parseAny(record []byte) (Record, error) {
	if len(record) < headLength {
		return Record{}, fmt.Errorf("%w: %d bytes", errDamaged, len(record))
	}
	switch begins, ok := s.begins(record[3]); {
	case string(record[:3]) != magic:
		return Record{}, fmt.Errorf("%w: it does not begin with %s", errDamaged, magic)
	case !ok:
		return Record{}, fmt.Errorf("%w: it says version %d", errDamaged, record[3])
	case int(binary.BigEndian.Uint32(record[8:])) != len(record)-headLength:
		return Record{}, fmt.Errorf("%w: its length is wrong", errDamaged)
	case binary.BigEndian.Uint32(record[28:]) != checksum(begins, record):
		return Record{}, fmt.Errorf("%w: its checksum is wrong", errDamaged)
	}
	return Record{
		Kind:    kindOf(record),
		Place:   Place(binary.BigEndian.Uint64(record[12:])),
		version: record[3],
		commit:  binary.BigEndian.Uint64(record[20:]),
		text:    record[headLength:],
	}, nil
}

// labelled takes the label off an entry.
func (r Record) labelled() (Record, error) {
	if r.Kind != KindEntry {
		return r, nil
	}
	var err error
	r.Label, r.text, err = labelFrom(r.text, r.version)
	return r, err
}

// parseAt is parse for what stands at a place, and was written there as one of a kind.
func (s seal) parseAt(record []byte, k Kind, at Place) (Record, error) {
	r, err := s.parse(record)
	switch {
	case err != nil:
		return Record{}, err
	case r.Kind != k:
		return Record{}, fmt.Errorf("%w: it holds %q, want %q", errDamaged, r.Kind, k)
	case r.Place != at:
		return Record{}, fmt.Errorf("%w: it was written at %v", errDamaged, r.Place)
	}
	return r, nil
}

// decode reads a record and checks that it is the one that was written at a place.
func (s seal) decode(record []byte, k Kind, at Place, into any) error {
	r, err := s.parseAt(record, k, at)
	if err != nil {
		return err
	}
	return r.read(into)
}

func (r Record) read(into any) error {
	if err := json.Unmarshal(r.text, into); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return nil
}

// Entry reads a record of KindEntry.
func (r Record) Entry() (Entry, error) {
	if e, ok := readEntry(string(r.text)); ok {
		return e, nil
	}
	var e Entry
	if err := r.read(&e); err != nil {
		return e, fmt.Errorf("entry %v: %w", r.Place, err)
	}
	return e, nil
}

// Event reads a record of KindEvent or KindKept.
func (r Record) Event() (ev station.Event, err error) {
	if err = r.read(&ev); err != nil {
		err = fmt.Errorf("event %d: %w", r.Place.Sequence(), err)
	}
	return ev, err
}

// Fate reads a record of KindFate.
func (r Record) Fate() (f Fate, err error) {
	if err = r.read(&f); err != nil {
		err = fmt.Errorf("entry %v: %w", r.Place, err)
	}
	return f, err
}

// kindOf says of what kind a record is, without checking its bytes.
func kindOf(record []byte) Kind {
	if len(record) < headLength {
		return 0
	}
	return Kind(record[4])
}

// An Entry is an entry that has no final fate, as its record's JSON has it.
type Entry struct {
	station.Entry
	Target    Place              `json:"target,omitempty"` // of the entry in About
	Condition station.Condition  `json:"condition"`
	Hold      station.HoldReason `json:"hold,omitempty"`
	Reason    string             `json:"reason,omitempty"`
	Why       *station.Reason    `json:"why,omitempty"`     // the reason as a kind and values, where it has one
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

	// InPlaceOf is the entry that was recorded at this place first, where a person had a
	// field of it put right since: this entry has its place, its source and its time, and
	// the ID of the event by which it was put right.
	InPlaceOf station.ID `json:"in_place_of,omitempty"`

	// Copy: it is held because the outbox is a copy.
	Copy bool `json:"copy,omitempty"`

	// Since is the age of the doubt: after this moment nothing of it has left the
	// station. Zero: an attempt may have been under way until the process ended.
	Since station.Stamp `json:"since,omitzero"`
}

// MayHaveArrived reports whether an attempt at the entry may have arrived, as far as
// the disk says.
func (e Entry) MayHaveArrived() bool {
	return e.Condition == station.Marked || e.Doubtful
}

// Doubt puts a held entry in doubt that somebody else may have sent, and says why.
func (e *Entry) Doubt(why string) {
	e.Doubtful, e.Unsent, e.Since = true, false, station.Stamp{}
	if e.Hold == station.HoldMisfit {
		e.Hold = station.HoldUndecided
		e.Why = nil
		e.Reason = why + "; " + strings.TrimPrefix(e.Reason, station.ErrMisfit.Error()+": ")
	}
}

// A Fate is an entry's end. It stays while a waiting entry is about it.
type Fate struct {
	ID   station.ID   `json:"id"`
	Lane string       `json:"lane"`
	Fate station.Fate `json:"fate"`
	Ref  string       `json:"ref,omitempty"`

	InPlaceOf station.ID `json:"in_place_of,omitempty"` // as of the entry
}

// A State is the station's state, with what a salvage needs to know and cannot learn
// from the entries that it finds.
type State struct {
	station.State
	Sequence uint64 `json:"sequence"` // the last one that was given out
	Ended    uint64 `json:"ended"`    // the entries of every event up to it have ended

	// Seal is the outbox's, for a salvage that finds it nowhere else, and Old says that
	// records of older versions are left. Both are this package's own.
	Seal string `json:"seal,omitempty"`
	Old  bool   `json:"old,omitempty"`
}

// entries is how many entries a state counts.
func (s State) entries() (n int) {
	for _, t := range s.Sources {
		n += t.Waiting + t.Held
	}
	return n
}
