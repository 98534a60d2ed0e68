package daemon

import (
	"context"
	"fmt"

	"stationd/internal/plan"
	"stationd/internal/station"
)

// A closedBackend stands in for one that cannot be opened, because its key or another
// of its files cannot be read. Nothing is sent: what is for it waits, as with a key
// that is wrong.
type closedBackend struct {
	vendor plan.Vendor
	err    error
}

// Verbs implements station.Backend.
func (c closedBackend) Verbs() []station.Verb { return c.vendor.Schema.Verbs }

// Deliver implements station.Backend.
func (c closedBackend) Deliver(context.Context, station.Delivery) station.Receipt { return c.waits() }

// waits is the receipt of an attempt that was not made.
func (c closedBackend) waits() station.Receipt {
	return station.Receipt{Outcome: station.Unreached, Err: closedError{c.err}}
}

// Look implements station.Looker: nothing can be seen, so nothing is marked.
func (c closedBackend) Look(context.Context, station.Delivery) ([]byte, station.Receipt) {
	return nil, c.waits()
}

// Probe implements station.Prober: no read is made, so that nothing speaks for the key.
func (c closedBackend) Probe(context.Context) station.Receipt { return c.waits() }

// A closedError has the lane wait as for a right key, in its own words.
type closedError struct{ error }

// Is reports that a person has to act, as where the key is wrong.
func (closedError) Is(target error) bool { return target == station.ErrKey }

// Unwrap returns what is wrong.
func (e closedError) Unwrap() error { return e.error }

// closed reports whether the backend in force is one that cannot be opened.
func (b *activeBackend) closed() bool {
	_, closed := (*b.current.Load()).(closedBackend)
	return closed
}

// usable returns the backend in force, or why it cannot be used.
func (b *activeBackend) usable() (station.Backend, error) {
	if c, closed := (*b.current.Load()).(closedBackend); closed {
		return nil, fmt.Errorf("nothing can be asked there: %w", c.err)
	}
	return *b.current.Load(), nil
}
