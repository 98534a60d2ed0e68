package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/queue"
	"stationd/internal/station"
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
			return exit.Wrap(exportCSV(p.History(), p.Zone, c.OutOrStdout()))
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().BoolVar(&asCSV, "csv", false, "as CSV, with a heading")
	return c
}

// exportCSV writes the history as a table.
func exportCSV(history string, zone *time.Location, w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write([]string{"time", "what", "id", "name", "code", "fields", "ref", "note", "reason", "by", "why"}); err != nil {
		return err
	}
	if err := queue.ExportHistory(history, rowWriter{out, zone}); err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// A rowWriter is handed lines of the history, one at a time, and writes each as a row.
type rowWriter struct {
	out  *csv.Writer
	zone *time.Location
}

// Write implements io.Writer.
func (w rowWriter) Write(line []byte) (int, error) {
	var l queue.HistoryLine
	if err := json.Unmarshal(line, &l); err != nil {
		return 0, fmt.Errorf("a line of the history: %w", err)
	}
	return len(line), w.out.Write(row(l, w.zone))
}

// row is one line of the history as a table has it.
func row(l queue.HistoryLine, zone *time.Location) []string {
	at := l.At.Wall.In(zone).Format("2006-01-02 15:04:05")
	if !l.At.Trusted {
		at += "?"
	}
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(l.Fields)) {
		fields = append(fields, name+"="+l.Fields[name])
	}
	all := []string{at, l.What, string(l.ID), l.Name, l.Code, strings.Join(fields, "; "), l.Ref, l.Note, l.Reason, l.By, l.Why}
	for i, cell := range all {
		all[i] = harmless(cell)
	}
	return all
}

// harmless is a cell that a spreadsheet shows and does not work out: a label can begin
// with = and be a formula. What acts on a screen is a question mark.
func harmless(cell string) string {
	cell = string(station.Printable([]byte(cell)))
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
