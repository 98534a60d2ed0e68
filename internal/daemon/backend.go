package daemon

import (
	"context"
	"sync/atomic"
	"time"

	"stationd/internal/api"
	"stationd/internal/metrics"
	"stationd/internal/station"
)

var (
	_ station.Looker         = (*activeBackend)(nil)
	_ station.Prober         = (*activeBackend)(nil)
	_ station.VendorClock    = (*activeBackend)(nil)
	_ station.Paced          = (*activeBackend)(nil)
	_ station.HealthReporter = (*activeBackend)(nil)
)

// An activeBackend is the backend in force of one vendor: a reload gives it another key
// or rate between two attempts. It is what lanes and watches are handed, and stays the
// same for as long as the station runs.
type activeBackend struct {
	name     string
	timings  *metrics.Timings
	current  atomic.Pointer[station.Backend]
	replaced atomic.Pointer[chan struct{}] // closed when another takes the place of current
	watch    atomic.Pointer[station.Watch] // nil: nothing is followed

	// seen are the open calls as they were seen last, also by the watch before a reload.
	seen atomic.Pointer[map[string]station.SeenCall]
}

func newActiveBackend(name string, opened station.Backend, timings *metrics.Timings) *activeBackend {
	b := &activeBackend{name: name, timings: timings}
	b.current.Store(&opened)
	b.announceReplaced()
	return b
}

// announceReplaced tells whoever works with the backend that was in force until now.
func (b *activeBackend) announceReplaced() {
	next := make(chan struct{})
	if before := b.replaced.Swap(&next); before != nil {
		close(*before)
	}
}

// Verbs implements station.Backend.
func (b *activeBackend) Verbs() []station.Verb { return (*b.current.Load()).Verbs() }

// Deliver implements station.Backend.
func (b *activeBackend) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	verb := d.Verb
	if d.LookOnly {
		verb = metrics.Look
	}
	rc := (*b.current.Load()).Deliver(b.timed(ctx, verb), d)
	if w := b.watch.Load(); w != nil && rc.Runs.Line != "" {
		(*w).LookNow() // what is made has changed
	}
	return rc
}

// timed returns a context whose requests to the vendor are counted as of a verb.
func (b *activeBackend) timed(ctx context.Context, verb string) context.Context {
	return api.WithObserver(ctx, func(took time.Duration, rc station.Receipt) {
		b.timings.Requested(b.name, verb, took, rc.Outcome == station.Delivered, rc.Wait > 0)
	})
}

// VendorTime implements station.VendorClock, for backends that are one.
func (b *activeBackend) VendorTime() (vendor, at time.Time) {
	if keeper, ok := (*b.current.Load()).(station.VendorClock); ok {
		return keeper.VendorTime()
	}
	return time.Time{}, time.Time{}
}

// PaceWait implements station.Paced. Of a backend that is not one, as that of a vendor by way of
// the relay, nobody knows whether its pace has room.
func (b *activeBackend) PaceWait() time.Duration {
	if paced, ok := (*b.current.Load()).(station.Paced); ok {
		return paced.PaceWait()
	}
	return unknownPace
}

// unknownPace is how long a request may wait where nobody knows.
const unknownPace = time.Minute

// Faults implements station.HealthReporter, for backends that are one.
func (b *activeBackend) Faults() map[string]string {
	if teller, ok := (*b.current.Load()).(station.HealthReporter); ok {
		return teller.Faults()
	}
	return nil
}

// Probe implements station.Prober. A backend that is none cannot be asked.
func (b *activeBackend) Probe(ctx context.Context) station.Receipt {
	if prober, ok := (*b.current.Load()).(station.Prober); ok {
		return prober.Probe(b.timed(ctx, metrics.Probe))
	}
	return station.Receipt{}
}

// Look implements station.Looker, for backends that are one.
func (b *activeBackend) Look(ctx context.Context, d station.Delivery) ([]byte, station.Receipt) {
	if looker, ok := (*b.current.Load()).(station.Looker); ok {
		return looker.Look(b.timed(ctx, metrics.Look), d)
	}
	return nil, station.Receipt{Outcome: station.Delivered}
}
