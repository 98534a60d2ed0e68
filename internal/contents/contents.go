// Package contents lists what is in a station's outbox: it asks the running station, and
// where none runs it reads the file.
package contents

import (
	"context"
	"errors"

	"stationd/internal/control"
	"stationd/internal/plan"
	"stationd/internal/queue"
	"stationd/internal/station"
)

// List hands over what is in the outbox, one at a time: through the running
// station, or from the file where none runs.
func List(ctx context.Context, p *plan.Plan, limit station.Limit, entry func(station.EntryStatus) error, kept func(station.Event) error) (station.Totals, error) {
	totals, err := control.Dial(plan.ControlPath(p)).List(ctx, limit, entry, kept)
	if errors.Is(err, control.ErrAbsent) {
		return queue.Read(p.Outbox(), limit, entry, kept)
	}
	return totals, err
}

// Read returns what List would, in one piece.
func Read(ctx context.Context, p *plan.Plan, limit station.Limit) (station.Contents, error) {
	c, err := control.Dial(plan.ControlPath(p)).Contents(ctx, limit)
	if errors.Is(err, control.ErrAbsent) {
		return queue.ReadContents(p.Outbox(), limit)
	}
	return c, err
}

// Calls asks the running station, or reads the file where none runs.
func Calls(ctx context.Context, p *plan.Plan) ([]station.Call, error) {
	calls, err := control.Dial(plan.ControlPath(p)).Calls(ctx)
	if !errors.Is(err, control.ErrAbsent) {
		return calls, err
	}
	s, err := queue.ReadState(p.Outbox())
	return append([]station.Call{}, s.Calls...), err
}
