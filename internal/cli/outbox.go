// Package cli has the commands that ask a station or its files: outbox, call, badge, passwd,
// check, reload, lamps, version, completion, and those of the vendors.
package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"stationd/internal/contents"
	"stationd/internal/control"
	"stationd/internal/exit"
	"stationd/internal/operator"
	"stationd/internal/plan"
	"stationd/internal/queue"
	"stationd/internal/station"
	"stationd/internal/terminal"
	"stationd/internal/verify"
)

// OutboxCommand is stationd outbox, with its subcommands.
func OutboxCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "outbox",
		Short: "List queued and held entries; retry, edit or discard",
		Long: `outbox asks the running stationd. When none runs, ls, show and verify read the
file themselves; retry, edit and discard need a running one.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(outboxList(), outboxSummary(), outboxShow(), outboxVerify(), outboxExport(),
		outboxRetry(), outboxDiscard(), outboxEdit(), outboxAdopt())
	return c
}

// mostOfEach is how many waiting entries, held entries and unknown scans outbox ls lists
// without --limit.
const mostOfEach = 100

func outboxList() *cobra.Command {
	var path string
	var asJSON, all bool
	var most int
	c := &cobra.Command{
		Use:   "ls",
		Short: "List waiting and held entries, unknown scans and notices",
		Long: fmt.Sprintf(`ls lists what is in the outbox, in the order of the events: the oldest %d waiting
entries, the oldest %d held ones, and the newest %d unknown scans. It says how many more
there are; --limit lists more of each, and --all lists them all, however many. Of an
entry that waits behind a held one it says which that is, and why it is held.`, mostOfEach, mostOfEach, mostOfEach),
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if most < 0 {
				return exit.With(exit.Usage, fmt.Errorf("--limit %d: give a number of entries, 0 or more", most))
			}
			p, err := plan.LoadStation(c.Context(), path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			limit := station.Limit{Held: most, Waiting: most, Unknown: most}
			if all {
				limit = station.NoLimit()
			}
			out := bufio.NewWriter(c.OutOrStdout())
			if asJSON {
				err = listAsJSON(c.Context(), out, p, limit)
			} else {
				out.Reset(&terminal.LinePainter{W: c.OutOrStdout(), Of: entryColour})
				err = list(c.Context(), out, p, limit)
			}
			return exit.Wrap(errors.Join(err, out.Flush()))
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	c.Flags().IntVar(&most, "limit", mostOfEach, "how many of each kind")
	c.Flags().BoolVar(&all, "all", false, "list all of them")
	c.MarkFlagsMutuallyExclusive("limit", "all")
	return c
}

// listAsJSON writes a list of any length as one object.
//
//	{
//	  "entries": [{…}, …],
//	  "kept": [{…}, …],
//	  "totals": {"waiting": 50000, "held": 0, "unknown": 1, "notices": 0}
//	}
func listAsJSON(ctx context.Context, w io.Writer, p *plan.Plan, limit station.Limit) error {
	between := "\n"
	write := func(v any) error {
		text, err := json.MarshalIndent(v, "    ", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s    %s", between, terminal.Durations(text))
		between = ",\n"
		return err
	}
	var kept []station.Event // there are never very many
	fmt.Fprint(w, "{\n  \"entries\": [")
	totals, err := contents.List(ctx, p, limit, func(e station.EntryStatus) error { return write(e) },
		func(ev station.Event) error { kept = append(kept, ev); return nil })
	if err != nil {
		return err
	}
	fmt.Fprint(w, "\n  ],\n  \"kept\": [")
	between = "\n"
	for _, ev := range kept {
		if err := write(ev); err != nil {
			return err
		}
	}
	text, err := json.Marshal(totals)
	fmt.Fprintf(w, "\n  ],\n  \"totals\": %s\n}\n", text)
	return err
}

// alignedRows is how many rows of a long list share the widths of their columns.
const alignedRows = 500

// heldLine matches a line of the list about an entry that is on hold.
var heldLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\S+\.\d+ .*  held \(`) })

// entryColour is what a terminal shows a line of the list in.
func entryColour(line string) terminal.Colour {
	if heldLine().MatchString(line) {
		return terminal.Red
	}
	return ""
}

func list(ctx context.Context, w io.Writer, p *plan.Plan, limit station.Limit) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	entries := 0
	var kept []station.Event // there are never very many
	totals, err := contents.List(ctx, p, limit, func(e station.EntryStatus) error {
		if entries == 0 {
			fmt.Fprintln(t, "ENTRY\tTIME\tLANE\tVERB\tSTATUS\tREASON")
		}
		condition := string(e.Condition)
		if e.Condition == station.Held {
			condition += " (" + string(e.Hold) + ")"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", e.ID.Short(), p.Local(e.At), e.Lane, e.Verb, condition, terminal.OneLine(reasonOf(e)))
		if entries++; entries%alignedRows == 0 {
			return t.Flush()
		}
		return nil
	}, func(ev station.Event) error {
		kept = append(kept, ev)
		return nil
	})
	if err != nil {
		return err
	}
	if totals == (station.Totals{}) {
		fmt.Fprintln(w, "The outbox is empty: everything recorded was delivered.")
		return nil
	}
	if more := totals.Waiting + totals.Held - entries; more > 0 {
		fmt.Fprintf(t, "and %d more: %d wait and %d are held (stationd outbox ls --all)\n", more, totals.Waiting, totals.Held)
	}
	between := ""
	if entries > 0 {
		between = "\n"
	}
	notices, scans := splitKept(kept)
	if len(scans) > 0 {
		fmt.Fprintln(t, between+"UNKNOWN SCAN\tTIME\tSOURCE\tCODE")
		between = "\n"
	}
	for _, ev := range scans {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", ev.ID.Short(), p.Local(ev.At), ev.Source, terminal.OneLine(ev.Code))
	}
	if more := totals.Unknown - len(scans); more > 0 {
		fmt.Fprintf(t, "and %d older ones (stationd outbox ls --all)\n", more)
	}
	if len(notices) > 0 {
		fmt.Fprintln(t, between+"NOTICE\tTIME\tWHAT HAPPENED")
	}
	for _, ev := range notices {
		fmt.Fprintf(t, "%s\t%s\t%s\n", ev.ID.Short(), p.Local(ev.At), terminal.OneLine(ev.Code))
	}
	listContacts(ctx, t, p)
	return t.Flush()
}

// reasonOf says why an entry is held, or which held one it waits behind, and which one
// counts the same; "" of any other.
func reasonOf(e station.EntryStatus) string {
	why := e.Reason
	if e.Behind != nil {
		why = waitsBehind(*e.Behind)
	}
	if e.Twice != "" { // in front: what is long is cut
		why = strings.TrimSuffix(fmt.Sprintf("counts the same as %s: if both are sent, it is counted twice; %s", e.Twice.Short(), why), "; ")
	}
	return why
}

// waitsBehind says what an entry waits behind:
//
//	behind 9f86d081.1, which is held (refused): Shift not started
func waitsBehind(b station.Behind) string {
	return fmt.Sprintf("behind %s, which is held (%s): %s", b.Entry.Short(), b.Hold, b.Reason)
}

// listContacts lists whether each vendor answers, if a station runs that can say so.
func listContacts(ctx context.Context, w io.Writer, p *plan.Plan) {
	now, err := control.Dial(plan.ControlPath(p)).Snapshot(ctx)
	if err != nil || len(now.Health.Backends) == 0 {
		return
	}
	fmt.Fprintln(w, "\nVENDOR\tCONTACT\tLAST ERROR")
	for _, name := range slices.Sorted(maps.Keys(now.Health.Backends)) {
		c := now.Health.Backends[name]
		kind := cmp.Or(string(c.Kind), "not contacted yet")
		if c.Fault != "" {
			kind = "the key is not accepted"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", name, kind, terminal.OneLine(cmp.Or(c.Fault, c.Last)))
	}
}

// splitKept separates the station's own notices from unknown scans.
func splitKept(kept []station.Event) (notices, scans []station.Event) {
	for _, ev := range kept {
		if ev.Source == station.FromStation {
			notices = append(notices, ev)
		} else {
			scans = append(scans, ev)
		}
	}
	return notices, scans
}

func outboxShow() *cobra.Command {
	var path string
	var asJSON bool // it always is
	c := &cobra.Command{
		Use:   "show ENTRY",
		Short: "Show one entry or unknown scan in full, as JSON",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := plan.LoadStation(c.Context(), path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			one, err := pick(c.Context(), p, args[0])
			if err != nil {
				return exit.Wrap(err)
			}
			return exit.Wrap(terminal.WriteStationJSON(c.OutOrStdout(), one))
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().BoolVar(&asJSON, "json", true, "as JSON, which it is in any case")
	return c
}

// pick finds the one entry or unknown scan that a person means by its ID, its
// short form or the beginning of either.
func pick(ctx context.Context, p *plan.Plan, name string) (any, error) {
	const most = 20 // of those that a person has to choose between
	found := make(map[station.ID]any)
	event, _, _ := strings.Cut(name, ".")
	note := func(id station.ID, one any) {
		if strings.HasPrefix(string(id), event) && len(found) < most {
			found[id] = one
		}
	}
	_, err := contents.List(ctx, p, station.NoLimit(),
		func(e station.EntryStatus) error { note(e.ID, e); return nil },
		func(ev station.Event) error { note(ev.ID, ev); return nil })
	if err != nil {
		return nil, err
	}
	id, err := operator.Pick("entry", name, slices.Sorted(maps.Keys(found)), "it is not in the outbox; it may have been delivered: stationd outbox ls")
	return found[id], err
}

func outboxVerify() *cobra.Command {
	var path, file string
	var quick, asJSON bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Verify everything in the outbox, and the structure of a file that no station has open",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if file != "" && asJSON {
				return tellVerified(c, file, verify.File(io.Discard, file, quick))
			}
			if file != "" {
				return verify.File(c.OutOrStdout(), file, quick)
			}
			p, err := plan.LoadStation(c.Context(), path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			err = control.Dial(plan.ControlPath(p)).Verify(c.Context())
			if errors.Is(err, control.ErrAbsent) {
				err = queue.VerifyFile(p.Outbox())
			}
			if asJSON {
				return tellVerified(c, p.Outbox(), err)
			}
			if err != nil {
				return exit.Wrap(err)
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: sound\n", p.Outbox())
			return nil
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	c.Flags().BoolVar(&quick, "quick", false, "with --file: only what a start checks")
	c.Flags().StringVar(&file, "file", "", "verify this file, which no station has open; reads no configuration")
	return c
}

// tellVerified says as JSON whether an outbox is sound. The exit code stays that of err.
func tellVerified(c *cobra.Command, file string, err error) error {
	found := struct {
		File  string `json:"file"`
		Sound bool   `json:"sound"`
		Fault string `json:"fault,omitempty"`
	}{File: file, Sound: err == nil}
	if err != nil {
		found.Fault = err.Error()
	}
	return exit.Wrap(errors.Join(err, terminal.WriteJSON(c.OutOrStdout(), found)))
}

func outboxAdopt() *cobra.Command {
	var path string
	var gone bool
	c := &cobra.Command{
		Use:   "adopt --old-computer-gone",
		Short: "Deliver what is held because the outbox came from another computer",
		Long: `adopt is for a card that was moved to another computer, or a backup that was put back,
because the old one is gone for good. Everything that is held as a copy is looked up at
the vendor and sent if it is not there. While the old computer can still run, it would
deliver the same: then leave it held.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !gone {
				return exit.With(exit.Usage, errors.New("say that the old computer is gone for good: stationd outbox adopt --old-computer-gone"))
			}
			p, err := plan.LoadStation(c.Context(), path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			n, err := control.Dial(plan.ControlPath(p)).Adopt(c.Context())
			if errors.Is(err, control.ErrUnanswered) {
				return exit.Wrap(fmt.Errorf("%w: it may be done, and may be done again", err))
			}
			if err != nil {
				return exit.Wrap(err)
			}
			fmt.Fprintf(c.OutOrStdout(), "%d entries are looked up, and sent if they are not there\n", n)
			return nil
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().BoolVar(&gone, "old-computer-gone", false, "nobody has the original any more, and nothing is delivered from it")
	return c
}
