package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"stationd/internal/control"
	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/queue"
	"stationd/internal/station"
	"stationd/internal/terminal"
	"stationd/internal/verify"
)

// A summary is how much an outbox holds for vendors and for people.
type summary struct {
	Waiting int `json:"waiting"` // entries that will be sent
	Held    int `json:"held"`    // entries that a person must decide on
	Kept    int `json:"kept"`    // unknown scans, and notices of the station's own
}

// String is the summary in words, without a full stop.
func (s summary) String() string {
	if s == (summary{}) {
		return "nothing waits"
	}
	var parts []string
	add := func(n int, one, many string) {
		switch n {
		case 0:
		case 1:
			parts = append(parts, "1 "+one)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	add(s.Waiting, "entry waits", "entries wait")
	if s.Waiting > 0 {
		add(s.Held, "is held", "are held")
	} else {
		add(s.Held, "entry is held", "entries are held")
	}
	add(s.Kept, "unknown scan or notice is kept", "unknown scans or notices are kept")
	return strings.Join(parts, ", ")
}

func outboxSummary() *cobra.Command {
	var path, file, entries string
	var asJSON bool
	c := &cobra.Command{
		Use:   "summary",
		Short: "Count waiting and held entries, unknown scans and notices",
		Long: `summary counts the entries that wait and that are held, and the unknown scans and
notices that are kept. The package asks it with --file before the program is removed.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if entries != "" && file == "" {
				return exit.With(exit.Usage, errors.New("--entries lists a file that nobody has open: say which with --file"))
			}
			s, err := summaryOf(c, path, file, entries)
			switch {
			case err != nil:
				return exit.Wrap(err)
			case asJSON:
				return exit.Wrap(json.NewEncoder(c.OutOrStdout()).Encode(s))
			}
			fmt.Fprintln(c.OutOrStdout(), s)
			return nil
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().StringVar(&file, "file", "", "this file, which nobody has open; no configuration is read")
	c.Flags().StringVar(&entries, "entries", "", "with --file: list all of it as JSON lines in this file, which must not be there")
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func summaryOf(c *cobra.Command, path, file, entries string) (s summary, err error) {
	if file == "" {
		p, err := plan.LoadStation(c.Context(), path, c.ErrOrStderr())
		if err != nil {
			return s, err
		}
		if now, err := control.Dial(plan.ControlPath(p)).Snapshot(c.Context()); !errors.Is(err, control.ErrAbsent) {
			return summary{Waiting: now.Waiting, Held: now.Held, Kept: now.Kept}, err
		}
		file = p.Outbox()
	}
	debug.SetMaxStack(verify.DeepestStack) // a damaged file may go in circles
	if entries == "" {
		return summarize(file, io.Discard)
	}
	list, err := os.OpenFile(entries, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return s, err
	}
	s, err = summarize(file, list)
	if err = errors.Join(err, list.Sync(), list.Close()); err != nil {
		return s, errors.Join(err, os.Remove(entries)) // half a list would be taken for a whole one
	}
	return s, nil
}

// summarize counts what is in the outbox at path, and writes each of it to w as a
// line of JSON: an entry as "outbox show" shows it, an event that is kept likewise.
func summarize(path string, w io.Writer) (s summary, err error) {
	buffered := bufio.NewWriter(w)
	lines := json.NewEncoder(terminal.DurationWriter{To: buffered})
	if err := queue.InspectFile(path); err != nil {
		return s, err
	}
	all, err := queue.Read(path, station.NoLimit(),
		func(e station.EntryStatus) error { return lines.Encode(e) },
		func(ev station.Event) error { return lines.Encode(ev) })
	s.Waiting, s.Held, s.Kept = all.Waiting, all.Held, all.Unknown+all.Notices
	return s, errors.Join(err, buffered.Flush())
}
