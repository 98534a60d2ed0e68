package daemon

import (
	"context"
	"sync/atomic"
	"time"

	"stationd/internal/station"
)

var (
	_ station.Looker         = (*activeBackend)(nil)
	_ station.Prober         = (*activeBackend)(nil)
	_ station.VendorClock    = (*activeBackend)(nil)
	_ station.HealthReporter = (*activeBackend)(nil)
)

// An activeBackend is the backend in force of one vendor: a reload gives it another key
// or rate between two attempts. It is what lanes and watches are handed, and stays the
// same for as long as the station runs.
type activeBackend struct {
	current  atomic.Pointer[station.Backend]
	replaced atomic.Pointer[chan struct{}] // closed when another takes the place of current
	watch    atomic.Pointer[station.Watch] // nil: nothing is followed
}

func newActiveBackend(opened station.Backend) *activeBackend {
	b := new(activeBackend)
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
	return (*b.current.Load()).Deliver(ctx, d)
}

// VendorTime implements station.VendorClock, for backends that are one.
func (b *activeBackend) VendorTime() (vendor, at time.Time) {
	if keeper, ok := (*b.current.Load()).(station.VendorClock); ok {
		return keeper.VendorTime()
	}
	return time.Time{}, time.Time{}
}

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
		return prober.Probe(ctx)
	}
	return station.Receipt{}
}

// Look implements station.Looker, for backends that are one.
func (b *activeBackend) Look(ctx context.Context, d station.Delivery) ([]byte, station.Receipt) {
	if looker, ok := (*b.current.Load()).(station.Looker); ok {
		return looker.Look(ctx, d)
	}
	return nil, station.Receipt{Outcome: station.Delivered}
}
