package daemon

import (
	"context"
	"fmt"
	"slices"
	"time"

	"stationd/internal/metrics"
	"stationd/internal/station"
)

// lookNowIfOpen returns an emit that, when somebody presses for a call that is open already,
// has the vendors asked at once whether it still is: if the call is over there, nobody comes
// because of the press.
func (a *activeConfig) lookNowIfOpen(emit station.EmitAll) station.EmitAll {
	already := func(e station.Emitted) bool { return e.Err == nil && e.Result.Note.Kind == station.NoteAlready }
	return func(all []station.Emitted) {
		emit(all)
		if !slices.ContainsFunc(all, already) {
			return
		}
		for _, b := range a.backends {
			if w := b.watch.Load(); w != nil {
				(*w).LookNow()
			}
		}
	}
}

// watch follows a vendor until ctx is done, through the backend in force: after a reload it
// begins anew with the new key. Events that it emits again change nothing.
func (a *activeConfig) watch(ctx context.Context, name string, state func() station.State, stamp func(time.Time) station.Stamp, emit station.Emit) error {
	b := a.backends[name]
	for ctx.Err() == nil {
		reload := *b.replaced.Load() // before the backend, so that none is missed
		v, _ := a.plan.Load().Vendor(name)
		source := v.Watch(*b.current.Load(), state, stamp)
		if source == nil { // nothing is followed, or the backend has no key yet
			select {
			case <-ctx.Done():
				return nil
			case <-reload:
				continue
			}
		}
		b.watch.Store(&source)
		if err := runUntil(ctx, reload, func(ctx context.Context) error { return source.Run(b.timed(ctx, metrics.Watch), emit) }); err != nil {
			return fmt.Errorf("watch of %s: %w", name, err)
		}
	}
	return nil
}

// seenCalls returns how the open calls were last seen to stand at the vendors. A watch that
// has not looked yet, as after a reload, forgets nothing of what the one before it saw: whoever
// is on a call is still on it.
func (a *activeConfig) seenCalls() map[string]map[string]station.SeenCall {
	all := make(map[string]map[string]station.SeenCall)
	for name, b := range a.backends {
		w := b.watch.Load()
		if w == nil {
			continue
		}
		if calls, sees := (*w).(station.CallWatch); sees {
			if now := calls.Calls(); now != nil {
				b.seen.Store(&now)
			}
		}
		if last := b.seen.Load(); last != nil {
			all[name] = *last
		}
	}
	return all
}

// runUntil runs something until ctx is done or over is closed.
func runUntil(ctx context.Context, over <-chan struct{}, run func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		select {
		case <-over:
		case <-ctx.Done():
		}
	}()
	return run(ctx)
}

// query puts a question to a vendor through the backend in force.
func (a *activeConfig) query(ctx context.Context, name, question string, with map[string]string) (station.Answer, error) {
	b := a.backends[name]
	if b == nil {
		return station.Answer{}, fmt.Errorf("this station has no backend %q: its configuration has no table [%s]", name, name)
	}
	open, err := b.usable()
	if err != nil {
		return station.Answer{}, fmt.Errorf("%s: %w", name, err)
	}
	return station.RunQuery(b.timed(ctx, metrics.Read), open, question, with)
}
