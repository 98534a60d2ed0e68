package cli

import (
	"context"
	"log/slog"
	"time"

	"stationd/internal/plan"
	"stationd/internal/station"
)

// relayWait is how long a command waits until it hears the relay of the plant, which
// announces itself once a second.
const relayWait = 5 * time.Second

// openBackend opens a vendor's backend for one command; end ends what was opened for it.
func openBackend(ctx context.Context, p *plan.Plan, v plan.Vendor) (b station.Backend, end func(), err error) {
	log, end := slog.New(slog.DiscardHandler), func() {}
	if !v.ByRelay {
		b, err = v.Open(log, nil)
		return b, end, err
	}
	link, err := p.Dial(log, nil)
	if err != nil {
		return nil, end, err
	}
	ctx, cancel := context.WithTimeout(ctx, relayWait)
	defer cancel()
	if _, err := link.Await(ctx); err != nil {
		link.Close()
		return nil, end, err
	}
	b, err = v.Open(log, link)
	return b, link.Close, err
}
