package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

var (
	_ station.Looker      = (*Backend)(nil)
	_ station.Prober      = (*Backend)(nil)
	_ station.Querier     = (*Backend)(nil)
	_ station.VendorClock = (*Backend)(nil)
	_ api.Fetching        = (*Backend)(nil)
)

// A BackendSetting is what a Backend needs to know of the vendor that it stands for.
type BackendSetting struct {
	Name    string // l2l
	Verbs   []station.Verb
	Queries []station.Query
	Settle  time.Duration // how long an absence proves nothing to this station
}

// A Backend stands for a vendor at the relay. What the vendor answers passes unchanged. Where
// no relay got what was asked, the receipt is Unreached; where one may have, and no answer
// came, Doubtful, and of what changes nothing Unreached.
type Backend struct {
	BackendSetting
	link *Link

	mu         sync.Mutex // guards what follows
	vendor, at time.Time
}

// Backend returns the backend that stands for a vendor.
func (l *Link) Backend(s BackendSetting) *Backend { return &Backend{BackendSetting: s, link: l} }

// Verbs implements station.Backend.
func (b *Backend) Verbs() []station.Verb { return b.BackendSetting.Verbs }

// Queries implements station.Querier.
func (b *Backend) Queries() []station.Query { return b.BackendSetting.Queries }

// Deliver implements station.Backend.
func (b *Backend) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	if show := api.DryRunOf(ctx); show != nil {
		a, rc := b.ask(ctx, ask{Do: doRehearse, Delivery: (*delivery)(&d)})
		for _, r := range a.Requests {
			show(r)
		}
		return api.Unread(rc)
	}
	_, rc := b.ask(ctx, ask{Do: doDeliver, Settle: b.Settle, Delivery: (*delivery)(&d)})
	return rc
}

// Look implements station.Looker.
func (b *Backend) Look(ctx context.Context, d station.Delivery) ([]byte, station.Receipt) {
	if api.DryRunOf(ctx) != nil {
		return nil, station.Receipt{Outcome: station.Delivered} // the relay looks when it rehearses
	}
	a, rc := b.ask(ctx, ask{Do: doLook, Settle: b.Settle, Delivery: (*delivery)(&d)})
	if rc.Outcome != station.Delivered {
		return nil, api.Unread(rc)
	}
	return a.Before, rc
}

// Probe implements station.Prober.
func (b *Backend) Probe(ctx context.Context) station.Receipt {
	_, rc := b.ask(ctx, ask{Do: doProbe})
	return api.Unread(rc)
}

// Query implements station.Querier.
func (b *Backend) Query(ctx context.Context, name string, with map[string]string) (station.Answer, error) {
	a, rc := b.ask(ctx, ask{Do: doRead, Question: name, With: with})
	switch {
	case rc.Err != nil:
		return station.Answer{}, rc.Err
	case a.Answer == nil:
		return station.Answer{}, errors.New("the relay answered with nothing")
	}
	return station.Answer(*a.Answer), nil
}

// Fetch implements api.Fetcher.
func (b *Backend) Fetch(ctx context.Context, path string, query url.Values) ([]byte, station.Receipt) {
	with := make(map[string]string)
	for name := range query {
		with[name] = query.Get(name)
	}
	a, rc := b.ask(ctx, ask{Do: doFetch, Question: path, With: with})
	return a.Body, api.Unread(rc)
}

// Site implements api.Fetching.
func (b *Backend) Site() (*time.Location, *slog.Logger) { return b.link.Zone, b.link.Log }

// ask asks the relay, and makes a receipt of what came of it.
func (b *Backend) ask(ctx context.Context, a ask) (answer, station.Receipt) {
	start := time.Now()
	r := b.link.ask(ctx, b.Name, a)
	rc, err := station.Receipt{}, r.err
	if err == nil {
		rc, err = r.answer.receipt()
	}
	switch {
	case err == nil:
		b.noteVendorTime(r.answer.Vendor)
	case errors.Is(err, station.ErrMisfit):
		rc = api.Refuse(err)
	case r.sent:
		rc = station.Receipt{Outcome: station.Doubtful, Sent: true, Err: fmt.Errorf("by the relay: %w", err)}
	default:
		rc = station.Receipt{Outcome: station.Unreached, Err: fmt.Errorf("not sent: %w", err)}
	}
	api.Observe(ctx, time.Since(start), rc)
	return r.answer, rc
}

func (b *Backend) noteVendorTime(vendor time.Time) {
	if vendor.IsZero() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.vendor, b.at = vendor, time.Now()
}

// VendorTime implements station.VendorClock.
func (b *Backend) VendorTime() (vendor, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.vendor, b.at
}
