package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"stationd/internal/control"
	"stationd/internal/exit"
	"stationd/internal/station"
)

// A repeatable command is one that the running station records. A person whose answer did
// not come gives it again with the same event ID, and it is still recorded only once.
type repeatable struct{ event string }

// eventFlag adds --event.
func (g *repeatable) eventFlag(c *cobra.Command) {
	c.Flags().StringVar(&g.event, "event", "", "the ID of the same command, given before, whose answer did not come: it is recorded once")
}

// withEvent returns a client whose next command is recorded under the event ID of --event, or
// under a new one.
func (g *repeatable) withEvent(client *control.Client) (*control.Client, error) {
	switch {
	case g.event == "":
		g.event = string(station.NewID())
	case !station.ID(g.event).OfEvent():
		return nil, exit.With(exit.Usage, fmt.Errorf("--event %q: an event's ID has 32 hexadecimal digits", g.event))
	}
	return client.WithEvent(station.ID(g.event)), nil
}

// explainUnanswered completes the error of a command whose answer did not come: it may be
// recorded, and how to find out. Any other error stays as it is.
func (g *repeatable) explainUnanswered(err error) error {
	if !errors.Is(err, control.ErrUnanswered) {
		return err
	}
	return fmt.Errorf("%w: it may be recorded. Give the same command again with --event %s when the station runs: it is recorded once, and the answer says what became of it", err, g.event)
}
