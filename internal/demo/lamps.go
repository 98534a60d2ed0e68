package demo

import (
	"maps"
	"sync"
	"time"

	"stationd/internal/station"
)

// An lampRecorder is what a person sees of the lamps: nothing but when each one went on
// and off. What a lamp means must be told from that alone.
type lampRecorder struct {
	mu      sync.Mutex
	lamps   map[int]*lampTrace
	changed chan struct{} // closed at the next change
}

// A lampTrace is what one lamp did: whether it is lit, and when it changed last.
type lampTrace struct {
	lit     bool
	changes []time.Time // the latest, oldest first

	// blinked is when each rhythm was told last. What passes may be over when
	// somebody asks.
	blinked map[station.Light]time.Time
}

// lampTraceChanges is how many changes of a lamp are remembered: enough to tell how it
// blinks.
const lampTraceChanges = 4

func newLampRecorder() *lampRecorder {
	return &lampRecorder{lamps: make(map[int]*lampTrace), changed: make(chan struct{})}
}

// see takes in that a lamp went on or off now.
func (e *lampRecorder) see(pin int, high bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	g := e.lamps[pin]
	if g == nil {
		g = &lampTrace{blinked: make(map[station.Light]time.Time)}
		e.lamps[pin] = g
	}
	g.lit = high
	g.changes = append(g.changes, time.Now())
	g.changes = g.changes[max(0, len(g.changes)-lampTraceChanges):]
	if l, ok := g.light(g.changes[len(g.changes)-1]); ok {
		g.blinked[l] = g.changes[len(g.changes)-1]
	}
	close(e.changed)
	e.changed = make(chan struct{})
}

// lit returns which lamps are lit at this moment, and a channel that is closed when
// that changes.
func (e *lampRecorder) lit() (map[int]bool, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	lit := make(map[int]bool)
	for pin, g := range e.lamps {
		lit[pin] = g.lit
	}
	return maps.Clone(lit), e.changed
}

// Light is how a person would call what the lamp at the pin has been doing. ok is
// false while nobody could tell yet.
func (e *lampRecorder) Light(pin int) (l station.Light, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	g := e.lamps[pin]
	if g == nil {
		return station.Off, true
	}
	return g.light(time.Now())
}

// Saw reports whether the lamp at the pin shows the light, or has blinked so since
// then.
func (e *lampRecorder) Saw(pin int, want station.Light, since time.Time) bool {
	if l, ok := e.Light(pin); ok && l == want {
		return true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	g := e.lamps[pin]
	return g != nil && g.blinked[want].After(since)
}

// light tells the lights apart by their rhythm: the lamps change every 500 ms when
// they blink slowly and every 125 ms when they blink quickly. What has not changed
// for longer than any rhythm takes is steady or off.
func (g *lampTrace) light(now time.Time) (l station.Light, ok bool) {
	const (
		still  = 1100 * time.Millisecond // longer than a slow lamp stays as it is
		middle = 300 * time.Millisecond  // between the two rhythms
	)
	last := len(g.changes) - 1
	switch since := now.Sub(g.changes[last]); {
	case since >= still && g.lit:
		return station.Steady, true
	case since >= still:
		return station.Off, true
	case last < lampTraceChanges-1:
		return station.Off, false
	}
	quick := 0
	for i := range last {
		switch gap := g.changes[i+1].Sub(g.changes[i]); {
		case gap >= still:
			return station.Off, false // it has only just begun
		case gap < middle:
			quick++
		}
	}
	switch quick {
	case 0:
		return station.Slow, true
	case last:
		return station.Quick, true
	}
	return station.Off, false // it passes from one to another
}
