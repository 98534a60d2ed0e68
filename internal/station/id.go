package station

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
)

// An ID names an event or an entry for ever.
//
// An event's ID is 16 random bytes in hexadecimal; an entry's is its event's ID,
// a point, and its place in the binding's do list, counted from 1:
//
//	9f86d081884c7d659a2feaa0c55ad015
//	9f86d081884c7d659a2feaa0c55ad015.1
type ID string

// NewID returns a fresh event ID. It is drawn from the operating system's
// random source and never from a clock: a board without a real-time clock
// would otherwise repeat itself after each power cut.
func NewID() ID {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return ID(hex.EncodeToString(b[:]))
}

// OfEvent reports whether this has the form of an event's ID, as NewID returns it.
func (id ID) OfEvent() bool {
	_, err := hex.DecodeString(string(id))
	return err == nil && len(id) == 32 && strings.ToLower(string(id)) == string(id)
}

// Entry returns the ID of the event's entry at place i, counted from 1.
func (id ID) Entry(i int) ID { return id + "." + ID(strconv.Itoa(i)) }

// Event returns the ID of the event that an entry belongs to; an event's ID is
// returned as it is.
func (id ID) Event() ID {
	event, _, _ := strings.Cut(string(id), ".")
	return ID(event)
}

// Short returns the first eight characters and the place: enough for a person
// to point at an entry, not enough to identify it for ever.
func (id ID) Short() string {
	event, place, entry := strings.Cut(string(id), ".")
	if len(event) > 8 {
		event = event[:8]
	}
	if !entry {
		return event
	}
	return event + "." + place
}

// Mark returns the correlation mark: what a backend puts in front of the free
// text that this entry itself creates, so that a look-up after a lost answer is
// exact. It is 16 characters long and survives any alphabet a vendor may allow:
//
//	[sd-MFRGGZDFMY]
//
// Fifty bits of SHA-256 tell a million entries of one site apart with a
// probability of a clash below one in two thousand.
func (id ID) Mark() string {
	return "[sd-" + id.code() + "]"
}
