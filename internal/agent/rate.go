package agent

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"stationd/internal/station"
)

// This file notices an input that records faster than people do: a scanner that reads the
// same labels again and again, a loose wire, somebody who plays with a button. All of it
// is recorded, because nobody can tell it from work; but it is a fault of the input, which
// lamp, page, doctor and metrics say, so that somebody looks.

const (
	// mostEvents is how many events one input may record in a minute. A person at a line
	// comes to a tenth of it, a fixed scanner over a belt to a third.
	mostEvents = 600

	rateSlots = 6 // of ten seconds each, which make the minute
	rateSlot  = time.Minute / rateSlots
)

// An eventRates counts the events that each input has recorded within the last minute.
type eventRates struct {
	mu      sync.Mutex             // guards the rest
	inputs  map[string]*eventCount // by source: no more than the configuration has
	started time.Time              // the slots are counted from here
}

// An eventCount is the events of one input, by the slot of ten seconds in which they came.
type eventCount struct {
	slots [rateSlots]int
	last  int // the slot that was counted in last, from the start on
}

// add counts one event.
func (r *eventRates) add(source string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inputs == nil {
		r.inputs, r.started = make(map[string]*eventCount), time.Now()
	}
	c := r.inputs[source]
	if c == nil {
		c = new(eventCount)
		r.inputs[source] = c
	}
	c.advance(r.slot())
	c.slots[c.last%rateSlots]++
}

// slot returns the number of the slot that it is now.
func (r *eventRates) slot() int { return int(time.Since(r.started) / rateSlot) }

// advance forgets what is older than a minute.
func (c *eventCount) advance(slot int) {
	for c.last < slot {
		c.last++
		c.slots[c.last%rateSlots] = 0
		if slot-c.last > rateSlots { // a long silence
			c.last = slot - rateSlots
		}
	}
}

// faults returns the inputs that have recorded more than mostEvents within the last minute.
func (r *eventRates) faults() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := make(map[string]string)
	for source, c := range r.inputs {
		c.advance(r.slot())
		all := 0
		for _, n := range c.slots {
			all += n
		}
		if all > mostEvents {
			found[source] = fmt.Sprintf("more than %d events in a minute: all of them are recorded; look whether it reads the same label again and again, or has a loose wire", mostEvents)
		}
	}
	return found
}

// Ceilings lists what an input may do at most.
func Ceilings() []station.Ceiling {
	return []station.Ceiling{
		{Of: "events of one input in a minute", Most: strconv.Itoa(mostEvents), Then: "all are recorded, and it is a fault of the input: its lamp blinks quickly, page, doctor and metrics say so"},
	}
}
