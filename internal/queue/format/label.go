package format

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/url"
	"strings"

	"stationd/internal/station"
)

// A Label stands in front of an entry's JSON and says what the index in memory
// needs of it, so that a backlog of tens of thousands is opened without reading
// all of its JSON.
type Label struct {
	ID        uint64 // Hash of the entry's ID
	About     Place  // of what it is about; 0: nothing
	Condition station.Condition
	Barrier   bool
	Marks     bool // its verb marks before it acts
	Unsent    bool // no attempt at it has begun
	Lane      string
}

// The bits of a label's last byte before the lane.
const (
	bitBarrier = 1 << iota
	bitMarks
	bitUnsent
)

const labelLength = 20 // without the lane

// Hash is a short stand-in for an ID in memory and in labels; the record has the whole.
func Hash(id station.ID) uint64 {
	h := uint64(14695981039346656037) // FNV-1a: hash/fnv takes memory for each
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	return h
}

func (e Entry) label() (Label, error) {
	if n := len(escaped(e.Lane)); n > math.MaxUint16 {
		return Label{}, fmt.Errorf("entry %s: the name of its lane has %d bytes, and may have %d", e.ID.Short(), n, math.MaxUint16)
	}
	return Label{ID: Hash(e.ID), About: e.Target, Condition: e.Condition, Barrier: e.Barrier, Marks: e.Marks, Unsent: e.Unsent, Lane: e.Lane}, nil
}

func (l Label) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, l.ID)
	b = binary.BigEndian.AppendUint64(b, uint64(l.About))
	var condition, bits byte
	if l.Condition != "" {
		condition = l.Condition[0] // w, m or h
	}
	if l.Barrier {
		bits |= bitBarrier
	}
	if l.Marks {
		bits |= bitMarks
	}
	if l.Unsent {
		bits |= bitUnsent
	}
	b = append(b, condition, bits)
	lane := escaped(l.Lane)
	b = binary.BigEndian.AppendUint16(b, uint16(len(lane)))
	return append(b, lane...)
}

// escaped is a lane's name without the control characters that may be in it, and so
// without anything that could be the head of a record: %01 stands for the byte 1, and %25
// for the sign itself.
func escaped(lane string) string {
	if !strings.ContainsFunc(lane, func(c rune) bool { return c < ' ' || c == '%' }) {
		return lane
	}
	var b strings.Builder
	for i := range len(lane) {
		if c := lane[i]; c < ' ' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// laneFrom is the name that was escaped. Version 1 escaped none.
func laneFrom(name string, version byte) (string, error) {
	if version == 1 {
		return name, nil
	}
	lane, err := url.PathUnescape(name)
	if err != nil {
		return "", fmt.Errorf("%w: the name of its lane: %w", errDamaged, err)
	}
	return lane, nil
}

func labelFrom(body []byte, version byte) (l Label, rest []byte, err error) {
	if len(body) < labelLength {
		return Label{}, nil, fmt.Errorf("%w: an entry of %d bytes", errDamaged, len(body))
	}
	end := labelLength + int(binary.BigEndian.Uint16(body[18:]))
	if len(body) < end {
		return Label{}, nil, fmt.Errorf("%w: the name of its lane is cut off", errDamaged)
	}
	lane, err := laneFrom(string(body[labelLength:end]), version)
	if err != nil {
		return Label{}, nil, err
	}
	l = Label{
		ID:      binary.BigEndian.Uint64(body),
		About:   Place(binary.BigEndian.Uint64(body[8:])),
		Barrier: body[17]&bitBarrier != 0,
		Marks:   body[17]&bitMarks != 0,
		Unsent:  body[17]&bitUnsent != 0,
		Lane:    lane,
	}
	switch c := body[16]; c {
	case 0: // none, which Verify finds
	case station.Waiting[0]:
		l.Condition = station.Waiting
	case station.Marked[0]:
		l.Condition = station.Marked
	case station.Held[0]:
		l.Condition = station.Held
	default:
		return Label{}, nil, newer("an entry in the condition %q, which this one does not know", c)
	}
	return l, body[end:], nil
}
