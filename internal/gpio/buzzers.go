package gpio

import (
	"errors"
	"time"

	"stationd/internal/station"
)

// A buzzer is a configured buzzer and the sound that it makes.
type buzzer struct {
	Buzzer
	drivenLine
	changes []time.Duration // of the sound; nil: it is silent
	began   time.Time
}

// soundChanges returns when a sound is switched, counted from its beginning, at which
// the buzzer is on. Short is 100 ms and long 400 ms: told apart by their length and
// not by their number alone, over a running machine.
func soundChanges(kind station.SoundKind) []time.Duration {
	const ms = time.Millisecond
	switch kind {
	case station.SoundRecorded:
		return []time.Duration{100 * ms}
	case station.SoundRefused:
		return []time.Duration{400 * ms, 600 * ms, 1000 * ms}
	case station.SoundHeld:
		return []time.Duration{100 * ms, 200 * ms, 300 * ms, 400 * ms, 500 * ms}
	default:
		return nil
	}
}

// Sound makes a sound on each buzzer that is named. It does not block. A sound
// cuts off the one before it; where several come before the first has begun, the
// most serious is made.
func (b *Board) Sound(sounds map[string]station.SoundKind) {
	b.mu.Lock()
	for name, kind := range sounds {
		b.sounds[name] = max(b.sounds[name], kind)
	}
	b.mu.Unlock()
	b.wake()
}

// updateBuzzers drives every buzzer as its sound is now, and returns in how long that
// changes; 0: never.
func (b *Board) updateBuzzers(now time.Time) (change time.Duration, err error) {
	b.mu.Lock()
	for _, z := range b.buzzers {
		if kind, fresh := b.sounds[z.Name]; fresh {
			z.changes, z.began = soundChanges(kind), now
		}
	}
	clear(b.sounds)
	b.mu.Unlock()
	for _, z := range b.buzzers {
		on, next := z.at(now)
		change = sooner(change, next)
		if on == z.on || z.line == nil {
			continue
		}
		if err := z.set(on); err != nil {
			return 0, b.setFault(z.Name, err)
		}
	}
	return change, nil
}

// at returns whether the buzzer is on, and in how long that changes; 0: never.
func (z *buzzer) at(now time.Time) (on bool, change time.Duration) {
	for i, t := range z.changes {
		if since := now.Sub(z.began); since < t {
			return i%2 == 0, t - since
		}
	}
	z.changes = nil
	return false, 0
}

// silenceBuzzers switches every buzzer off.
func (b *Board) silenceBuzzers() error {
	var errs []error
	for _, z := range b.buzzers {
		z.changes = nil
		if z.on {
			errs = append(errs, z.set(false))
		}
	}
	return errors.Join(errs...)
}
