package demo

import (
	"maps"
	"sync"
	"time"

	"stationd/internal/station"
)

// A lampRecorder records when each lamp went on and off, and tells from that alone what light
// each shows, as a person would.
type lampRecorder struct {
	mu      sync.Mutex // guards what follows
	lamps   map[int]*lampTrace
	changed chan struct{} // closed at the next change
}

// A lampTrace has the latest changes of one lamp.
type lampTrace struct {
	lit     bool
	changes []time.Time // the latest, oldest first

	// lastSeen is when each light was seen last: a short one may be over when somebody asks.
	lastSeen map[station.Light]time.Time
}

// maxChanges is how many changes of a lamp are kept: enough to tell how it blinks.
const maxChanges = 4

func newLampRecorder() *lampRecorder {
	return &lampRecorder{lamps: make(map[int]*lampTrace), changed: make(chan struct{})}
}

// record notes that a lamp went on or off now.
func (r *lampRecorder) record(pin int, high bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	trace := r.lamps[pin]
	if trace == nil {
		trace = &lampTrace{lastSeen: make(map[station.Light]time.Time)}
		r.lamps[pin] = trace
	}
	trace.lit = high
	trace.changes = append(trace.changes, time.Now())
	trace.changes = trace.changes[max(0, len(trace.changes)-maxChanges):]
	if l, ok := trace.light(trace.changes[len(trace.changes)-1]); ok {
		trace.lastSeen[l] = trace.changes[len(trace.changes)-1]
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// lit returns which lamps are lit now, by line, and a channel that is closed at the next
// change.
func (r *lampRecorder) lit() (map[int]bool, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	lit := make(map[int]bool)
	for pin, trace := range r.lamps {
		lit[pin] = trace.lit
	}
	return maps.Clone(lit), r.changed
}

// Light returns the light of the lamp on a line; ok is false while it cannot be told yet.
func (r *lampRecorder) Light(pin int) (l station.Light, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	trace := r.lamps[pin]
	if trace == nil {
		return station.Off, true
	}
	return trace.light(time.Now())
}

// Saw reports whether the lamp on a line shows a light now, or has shown it since a time.
func (r *lampRecorder) Saw(pin int, want station.Light, since time.Time) bool {
	if l, ok := r.Light(pin); ok && l == want {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	trace := r.lamps[pin]
	return trace != nil && trace.lastSeen[want].After(since)
}

// light tells the light from the changes: a lamp changes every 500 ms when it blinks slowly and
// every 125 ms when it blinks quickly. One that has not changed for longer is steady or off.
func (t *lampTrace) light(now time.Time) (l station.Light, ok bool) {
	const (
		steadyAfter = 1100 * time.Millisecond // longer than between two changes of a slow lamp
		quickBelow  = 300 * time.Millisecond  // between quick and slow
	)
	last := len(t.changes) - 1
	switch since := now.Sub(t.changes[last]); {
	case since >= steadyAfter && t.lit:
		return station.Steady, true
	case since >= steadyAfter:
		return station.Off, true
	case last < maxChanges-1:
		return station.Off, false
	}
	quick := 0
	for i := range last {
		switch gap := t.changes[i+1].Sub(t.changes[i]); {
		case gap >= steadyAfter:
			return station.Off, false // it has just begun to blink
		case gap < quickBelow:
			quick++
		}
	}
	switch quick {
	case 0:
		return station.Slow, true
	case last:
		return station.Quick, true
	}
	return station.Off, false // it changes from one to another
}
