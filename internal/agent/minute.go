package agent

import (
	"context"
	"time"

	"stationd/internal/station"
)

// Clock is the source of the station's own events: station.minute, at which a binding may
// report what was counted, and what is due by the clock.
type Clock struct {
	State   func() station.State
	Stamp   func(time.Time) station.Stamp
	Program func() station.Program
	Changed func() <-chan struct{} // closed at the next change of the state

	// Calls is as in Station: a call that somebody is on calls nobody else. It may be nil.
	Calls func() map[string]map[string]station.SeenCall
}

// Run emits station.minute once a minute while anything is counted, and what Program.Due says
// within the second in which it is due, until ctx is done, and then returns nil. A minute that
// cannot be made durable is left out: what was counted is on disk and stays in hand for the
// next. What is due is emitted again each minute until it is done, or too late.
func (c Clock) Run(ctx context.Context, emit station.Emit) error {
	began := c.Stamp(time.Now())
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	due := time.NewTimer(0)
	defer due.Stop()
	for {
		changed := c.Changed()
		select {
		case <-ctx.Done():
			return nil
		case <-minute.C:
			if c.State().Counting() {
				_, _ = emit(station.Event{ID: station.NewID(), Source: station.FromStation, Kind: station.Minute, At: c.Stamp(time.Now())})
			}
		case <-due.C:
			due.Reset(c.emitDue(began, emit))
		case <-changed:
			if next := c.untilCall(began); next > 0 {
				due.Reset(next)
			}
		}
	}
}

// emitDue emits what is due, and returns how long it is until anything may be due again.
func (c Clock) emitDue(began station.Stamp, emit station.Emit) time.Duration {
	events, _ := c.due(began, time.Now())
	for _, ev := range events {
		ev.ID = station.NewID()
		_, _ = emit(ev)
	}
	if next := c.untilCall(began); next > 0 {
		return next
	}
	return untilFullMinute(time.Now())
}

// due is Program.Due, with what the vendors were last seen to show of the open calls.
func (c Clock) due(began station.Stamp, now time.Time) (events []station.Event, next time.Duration) {
	s := c.State()
	if c.Calls != nil {
		s.Calls = withSeen(s.Calls, c.Calls())
	}
	return c.Program().Due(s, began, c.Stamp(now))
}

// untilCall is how long it is until a call will have been open for too long, where that is
// sooner than the next full minute; else 0.
func (c Clock) untilCall(began station.Stamp) time.Duration {
	now := time.Now()
	if _, next := c.due(began, now); next > 0 && next < untilFullMinute(now) {
		return next
	}
	return 0
}

// untilFullMinute is how long it is until the clock shows another minute.
func untilFullMinute(now time.Time) time.Duration {
	return now.Truncate(time.Minute).Add(time.Minute).Sub(now)
}
