package gpio

import (
	"context"
	"fmt"
	"maps"
	"time"

	"stationd/internal/station"
)

// A drivenLine is a line that is driven: that of a lamp or a buzzer.
type drivenLine struct {
	owner      string // lamp red
	pin        int
	activeHigh bool // the level that means on
	line       outputLine
	on         bool
}

// set drives the line, whether or not it is so already.
func (l *drivenLine) set(on bool) error {
	if err := l.line.set(on == l.activeHigh); err != nil {
		return fmt.Errorf("%s: drive pin %d: %w", l.owner, l.pin, err)
	}
	l.on = on
	return nil
}

// A lamp is a configured lamp and what it shows.
type lamp struct {
	Lamp
	drivenLine
	light    station.Light
	litUntil time.Time // until then it is lit whatever its pattern says
}

// A pattern is a light that changes by itself: lit at first, switched at each of the
// changes, which are counted from its beginning, and begun again after each period.
type pattern struct {
	period  time.Duration
	changes []time.Duration
}

// patternOf returns a light's pattern; ok is false for one that stands still.
// Slow and Quick are told apart from across a hall and by anybody: 1 and 4 flashes
// a second, on each side of the 1.4 to 2.8 Hz of IEC 60073's normal flash.
func patternOf(light station.Light) (p pattern, ok bool) {
	const ms = time.Millisecond
	switch light {
	case station.Slow:
		return pattern{1000 * ms, []time.Duration{500 * ms}}, true
	case station.Quick:
		return pattern{250 * ms, []time.Duration{125 * ms}}, true
	case station.OffDuty:
		return pattern{5000 * ms, []time.Duration{100 * ms, 300 * ms, 400 * ms}}, true
	}
	return pattern{}, false
}

// at returns whether the pattern is lit that long after it began, and how long that stays
// so.
func (p pattern) at(since time.Duration) (lit bool, change time.Duration) {
	since %= p.period
	lit = true
	for _, t := range p.changes {
		if since < t {
			return lit, t - since
		}
		lit = !lit
	}
	return lit, p.period - since
}

// Show takes the light of every lamp by name; a lamp that is not named is off.
// It does not block; only the last lights handed over count.
func (b *Board) Show(lights map[string]station.Light) {
	b.mu.Lock()
	b.lights = maps.Clone(lights)
	b.mu.Unlock()
	b.wake()
}

// wake has RunLamps take up new lights and sounds.
func (b *Board) wake() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// RunLamps shows the lights and makes the sounds until ctx is done, and then
// silences the buzzers, leaves the lamps as they are and returns nil. A line is
// written to only when it changes. Lamps of one pattern blink together; one that
// joins the slow ones while they are dark is lit at once and stays lit until they
// are dark again, because it answers a press.
//
// An error means that a lamp or a buzzer could not be driven: its chip is gone. The
// caller closes the board, and opens it anew when the chip is there again.
func (b *Board) RunLamps(ctx context.Context) error {
	began := make(map[station.Light]time.Time)
	for ctx.Err() == nil {
		now := time.Now()
		light, err := b.updateLamps(now, began)
		if err != nil {
			return err
		}
		sound, err := b.updateBuzzers(now)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-b.changed:
		case <-after(sooner(light, sound)):
		}
	}
	return b.silenceBuzzers()
}

// after is time.After, and never for 0.
func after(d time.Duration) <-chan time.Time {
	if d == 0 {
		return nil
	}
	return time.After(d)
}

// sooner returns the shorter of two times, of which 0 is never.
func sooner(x, y time.Duration) time.Duration {
	if x == 0 || y == 0 {
		return x + y
	}
	return min(x, y)
}

// setFault notes what is wrong with a lamp or a buzzer.
func (b *Board) setFault(name string, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults[name] = err.Error()
	return err
}

// updateLamps drives every lamp to what it shows now, and returns in how long that
// changes by itself; 0: never. began holds when each pattern began.
func (b *Board) updateLamps(now time.Time, began map[station.Light]time.Time) (change time.Duration, err error) {
	b.applyLights(now, began)
	for _, l := range b.lamps {
		lit := l.light == station.Steady
		if p, ok := patternOf(l.light); ok {
			var next time.Duration
			lit, next = p.at(now.Sub(began[l.light]))
			lit = lit || now.Before(l.litUntil)
			change = sooner(change, next)
		}
		if lit == l.on || l.line == nil {
			continue
		}
		if err := l.set(lit); err != nil {
			return 0, b.setFault(l.Name, err)
		}
	}
	return change, nil
}

// applyLights gives every lamp its latest light. A pattern that no lamp has shown
// begins anew.
func (b *Board) applyLights(now time.Time, began map[station.Light]time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	showing := make(map[station.Light]bool)
	for _, l := range b.lamps {
		showing[l.light] = true
	}
	for _, l := range b.lamps {
		light := b.lights[l.Name]
		if light == l.light {
			continue
		}
		if !showing[light] {
			began[light] = now
		}
		l.light, l.litUntil = light, time.Time{}
		if light != station.Slow {
			continue
		}
		p, _ := patternOf(light)
		if lit, next := p.at(now.Sub(began[light])); !lit {
			l.litUntil = now.Add(next)
		}
	}
}
