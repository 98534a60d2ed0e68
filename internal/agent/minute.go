package agent

import (
	"context"
	"time"

	"stationd/internal/station"
)

// Minutes is the source of station.minute, at which a binding may report what was counted.
type Minutes struct {
	State func() station.State
	Stamp func(time.Time) station.Stamp
}

// Run emits station.minute once a minute while anything is counted, until ctx is
// done, and then returns nil. A minute that cannot be made durable is left out:
// what was counted is on disk and stays in hand for the next.
func (m Minutes) Run(ctx context.Context, emit station.Emit) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if m.State().Counting() {
			_, _ = emit(station.Event{ID: station.NewID(), Source: station.FromStation, Kind: station.Minute, At: m.Stamp(time.Now())})
		}
	}
}
