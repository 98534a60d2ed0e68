package demo

import (
	"context"
	"fmt"
	"math"
	"time"

	"stationd/internal/queue"
	"stationd/internal/station"
)

// WaitLimit limits every wait of a simulation.
const WaitLimit = 30 * time.Second

// Until calls done every 10 ms until it returns true. It returns an error that names what when
// WaitLimit or ctx ends first.
func Until(ctx context.Context, what string, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, WaitLimit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

// Contents returns what is in the outbox: from the running station, or from the disk while the
// power is off.
func (s *Simulation) Contents(ctx context.Context) (station.Contents, error) {
	if s.Powered() {
		return s.Control().Contents(ctx, station.NoLimit())
	}
	return queue.ReadContents(s.OutboxPath(), station.NoLimit())
}

// Waiting returns the entries in the outbox that are not held; ok is false when the outbox
// cannot be read now.
func (s *Simulation) Waiting(ctx context.Context) (waiting []station.EntryStatus, ok bool) {
	c, err := s.Contents(ctx)
	for _, e := range c.Entries {
		if e.Condition != station.Held {
			waiting = append(waiting, e)
		}
	}
	return waiting, err == nil
}

// WaitDelivered waits until the outbox has nothing but held entries. WaitLimit begins anew with
// each delivery: a busy machine needs longer for many.
func (s *Simulation) WaitDelivered(ctx context.Context) error {
	for fewest := math.MaxInt; fewest > 0; {
		var left []station.EntryStatus
		err := Until(ctx, "the outbox has been delivered", func() bool {
			waiting, ok := s.Waiting(ctx)
			left = waiting
			if !ok || len(waiting) >= fewest {
				return false
			}
			fewest = len(waiting)
			return true
		})
		if err != nil {
			return fmt.Errorf("%w; %d wait, the first is %+v", err, len(left), left[:min(1, len(left))])
		}
	}
	return nil
}
