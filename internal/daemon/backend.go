package daemon

import (
	"context"
	"sync/atomic"
	"time"

	"stationd/internal/station"
)

var (
	_ station.Looker         = (*backend)(nil)
	_ station.Prober         = (*backend)(nil)
	_ station.VendorClock    = (*backend)(nil)
	_ station.HealthReporter = (*backend)(nil)
)

// A backend is the one in force: a reload gives it another key or rate between
// two attempts.
type backend struct {
	now    atomic.Pointer[station.Backend]
	reload atomic.Pointer[chan struct{}] // closed when another takes its place
	watch  atomic.Pointer[soonWatch]     // nil: none that can look at once
}

func newBackend(opened station.Backend) *backend {
	b := new(backend)
	b.now.Store(&opened)
	b.renewed()
	return b
}

// renewed tells whoever works with the backend that was in force.
func (b *backend) renewed() {
	next := make(chan struct{})
	if before := b.reload.Swap(&next); before != nil {
		close(*before)
	}
}

// Verbs implements station.Backend.
func (b *backend) Verbs() []station.Verb { return (*b.now.Load()).Verbs() }

// Deliver implements station.Backend.
func (b *backend) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	return (*b.now.Load()).Deliver(ctx, d)
}

// VendorTime implements station.VendorClock, for backends that are one.
func (b *backend) VendorTime() (vendor, at time.Time) {
	if keeper, ok := (*b.now.Load()).(station.VendorClock); ok {
		return keeper.VendorTime()
	}
	return time.Time{}, time.Time{}
}

// Faults implements station.HealthReporter, for backends that are one.
func (b *backend) Faults() map[string]string {
	if teller, ok := (*b.now.Load()).(station.HealthReporter); ok {
		return teller.Faults()
	}
	return nil
}

// Probe implements station.Prober. A backend that is none says nothing against
// its key.
func (b *backend) Probe(ctx context.Context) station.Receipt {
	if prober, ok := (*b.now.Load()).(station.Prober); ok {
		return prober.Probe(ctx)
	}
	return station.Receipt{Outcome: station.Delivered}
}

// Look implements station.Looker, for backends that are one.
func (b *backend) Look(ctx context.Context, d station.Delivery) ([]byte, station.Receipt) {
	if looker, ok := (*b.now.Load()).(station.Looker); ok {
		return looker.Look(ctx, d)
	}
	return nil, station.Receipt{Outcome: station.Delivered}
}
