package cli

import (
	"github.com/spf13/cobra"

	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/queue"
	"stationd/internal/terminal"
)

func outboxExport() *cobra.Command {
	var path string
	var asCSV bool
	c := &cobra.Command{
		Use:   "export",
		Short: "Print the history as JSON lines or CSV, the oldest first",
		Long: `export prints the history: each event that was recorded, and what became of each
entry, with its fields, and who decided it and why. It goes back as many days as
[station] days says. Nothing relies on it: what waits and what is held is in the outbox
itself (stationd outbox ls --all --json).

With --csv it is a table for a spreadsheet, in the station's own time: a ? behind a time
says that the clock had not been set.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := plan.LoadStation(c.Context(), path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			if !asCSV {
				return exit.Wrap(queue.ExportHistory(p.History(), terminal.DurationWriter{To: c.OutOrStdout()}))
			}
			return exit.Wrap(queue.ExportCSV(p.History(), p.Zone, c.OutOrStdout()))
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().BoolVar(&asCSV, "csv", false, "as CSV, with a heading")
	return c
}
