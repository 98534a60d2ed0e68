package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/queue"
	"stationd/internal/station"
	"stationd/internal/web"
)

func outboxCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "outbox",
		Short: "Look at what waits, and decide what is held",
		Long: `outbox asks the running stationd. When none runs, ls, show and verify read the
file themselves; retry and discard need a running one.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(outboxList(), outboxSummary(), outboxShow(), outboxVerify(), outboxExport(),
		outboxRetry(), outboxDiscard(), outboxAdopt())
	return c
}

// contents reads the outbox through the running station, or from the file where
// none runs.
func contents(ctx context.Context, p *plan) (c queue.Contents, err error) {
	found, err := web.Dial(socketPath(p)).Contents(ctx)
	if !errors.Is(err, web.ErrAbsent) {
		c.Entries, c.Kept = found.Entries, found.Kept
		return c, err
	}
	err = queue.Read(p.outbox(), func(found queue.Contents) error {
		c = found
		return nil
	})
	return c, err
}

func outboxList() *cobra.Command {
	var path string
	var asJSON bool
	c := &cobra.Command{
		Use:   "ls",
		Short: "List what waits, what is held, which scans nobody knew, and notices",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := load(path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			found, err := contents(c.Context(), p)
			if err != nil {
				return atRun(err)
			}
			if asJSON {
				return atRun(encode(c.OutOrStdout(), found))
			}
			return atRun(list(c.OutOrStdout(), p, found))
		},
	}
	configFlag(c, &path)
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func list(w io.Writer, p *plan, c queue.Contents) error {
	if len(c.Entries)+len(c.Kept) == 0 {
		fmt.Fprintln(w, "The outbox is empty: everything recorded was delivered.")
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(c.Entries) > 0 {
		fmt.Fprintln(t, "ENTRY\tOF\tLANE\tVERB\tCONDITION\tWHY")
	}
	for _, e := range c.Entries {
		condition := string(e.Condition)
		if e.Condition == station.Held {
			condition += " (" + string(e.Hold) + ")"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", e.ID.Short(), p.local(e.At), e.Lane, e.Verb, condition, oneLine(e.Reason))
	}
	notices, scans := parted(c.Kept)
	if len(scans) > 0 {
		if len(c.Entries) > 0 {
			fmt.Fprintln(t)
		}
		fmt.Fprintln(t, "UNKNOWN SCAN\tOF\tFROM\tCODE")
	}
	for _, ev := range scans {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", ev.ID.Short(), p.local(ev.At), ev.Source, oneLine(ev.Code))
	}
	if len(notices) > 0 {
		if len(c.Entries)+len(scans) > 0 {
			fmt.Fprintln(t)
		}
		fmt.Fprintln(t, "NOTICE\tOF\tWHAT HAPPENED")
	}
	for _, ev := range notices {
		fmt.Fprintf(t, "%s\t%s\t%s\n", ev.ID.Short(), p.local(ev.At), oneLine(ev.Code))
	}
	return t.Flush()
}

// parted tells what the station itself kept for a person from what was scanned.
func parted(kept []station.Event) (notices, scans []station.Event) {
	for _, ev := range kept {
		if ev.Source == station.FromStation {
			notices = append(notices, ev)
		} else {
			scans = append(scans, ev)
		}
	}
	return notices, scans
}

// local is a stamp's time as the site's clocks show it. A clock that had not been
// set is said to be so.
func (p *plan) local(s station.Stamp) string {
	text := s.Wall.In(p.zone).Format(time.DateTime)
	if !s.Trusted {
		text += " (clock not set)"
	}
	return text
}

// oneLine shows text of a vendor or a bar code as text: nothing in it can move
// the cursor or pretend to be another line.
func oneLine(text string) string {
	const longest = 120
	quoted := asText(text)
	if runes := []rune(quoted); len(runes) > longest {
		quoted = string(runes[:longest]) + "…"
	}
	return quoted
}

// asText is oneLine for a text of any length.
func asText(text string) string {
	quoted := fmt.Sprintf("%q", text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

func outboxShow() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "show ENTRY",
		Short: "Show all of one entry or unknown scan, as JSON",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := load(path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			found, err := contents(c.Context(), p)
			if err != nil {
				return atRun(err)
			}
			one, err := pick(found, args[0])
			if err != nil {
				return atRun(err)
			}
			return atRun(encode(c.OutOrStdout(), one))
		},
	}
	configFlag(c, &path)
	return c
}

// pick finds the one entry or unknown scan that a person means by its ID, its
// short form or the beginning of either.
func pick(c queue.Contents, name string) (any, error) {
	var found []any
	means := func(id station.ID) bool {
		event, place, _ := strings.Cut(name, ".")
		return name != "" && strings.HasPrefix(string(id.Event()), event) &&
			(place == "" || strings.HasSuffix(string(id), "."+place))
	}
	for _, e := range c.Entries {
		if means(e.ID) {
			found = append(found, e)
		}
	}
	for _, ev := range c.Kept {
		if means(ev.ID) {
			found = append(found, ev)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("entry %s: it is not in the outbox; it may have been delivered: stationd outbox ls", name)
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("entry %s: %d begin like that; write more of it", name, len(found))
}

func outboxVerify() *cobra.Command {
	var path, file string
	var quick bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check the outbox file: its structure and everything it promises",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if file != "" {
				return verifyFile(c.OutOrStdout(), file, quick)
			}
			p, err := load(path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			err = web.Dial(socketPath(p)).Verify(c.Context())
			if errors.Is(err, web.ErrAbsent) {
				err = queue.VerifyFile(p.outbox())
			}
			if err != nil {
				return atRun(err)
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: sound\n", p.outbox())
			return nil
		},
	}
	configFlag(c, &path)
	c.Flags().BoolVar(&quick, "quick", false, "with --file: what a start looks at, and no more")
	c.Flags().StringVar(&file, "file", "", "this file, which nobody has open; no configuration is read")
	return c
}

func outboxExport() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "export",
		Short: "Print what was done, as JSON lines, the oldest first",
		Long: `export prints the history: each event that was recorded, and what became of each
entry. It goes back as many days as [station] days says, and is promised to nobody:
what waits and what is held is in the outbox itself (stationd outbox ls --json).`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := load(path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			return atRun(queue.ExportHistory(p.history(), c.OutOrStdout()))
		},
	}
	configFlag(c, &path)
	return c
}

func outboxRetry() *cobra.Command {
	var path string
	var notThere, toCurrent bool
	c := &cobra.Command{
		Use:   "retry ENTRY",
		Short: "Put a held entry back at its old place, to be sent",
		Long: `retry puts a held entry back at its old place. What may have arrived is looked up at
the vendor first, and sent only if it is certainly not there; where the vendor's records
cannot tell, it is held again. Whoever has looked there says --not-there.

An entry that was meant for another address than the station speaks to now is not sent
elsewhere unasked: --to-current sends it to the present one, and with it what waits for
its result. What may have arrived at the old address needs --not-there besides.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := load(path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			var said []string
			if notThere {
				said = append(said, station.NotThere)
			}
			if toCurrent {
				said = append(said, station.ToCurrent)
			}
			done, err := web.Dial(socketPath(p)).RetryWith(c.Context(), args[0], said...)
			if err != nil {
				return atRun(err)
			}
			what := "it waits to be sent"
			if done.Looks {
				what = "it may have arrived: it is looked up first, and sent if it is not there"
			}
			fmt.Fprintf(c.OutOrStdout(), "entry %s: %s\n", done.Entry.Short(), what)
			return nil
		},
	}
	configFlag(c, &path)
	c.Flags().BoolVar(&notThere, "not-there", false, "you have looked at the vendor, and it is not there: send it")
	c.Flags().BoolVar(&toCurrent, "to-current", false, "send it to the address that the station speaks to now")
	return c
}

func outboxDiscard() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "discard ENTRY",
		Short: "Give a held entry up, or put an unknown scan away",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := load(path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			id, err := web.Dial(socketPath(p)).Discard(c.Context(), args[0])
			if err != nil {
				return atRun(err)
			}
			fmt.Fprintf(c.OutOrStdout(), "entry %s: it is discarded\n", id.Short())
			return nil
		},
	}
	configFlag(c, &path)
	return c
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
				return &exitError{exitUsage, errors.New("say that the old computer is gone for good: stationd outbox adopt --old-computer-gone")}
			}
			p, err := load(path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			n, err := web.Dial(socketPath(p)).Adopt(c.Context())
			if err != nil {
				return atRun(err)
			}
			fmt.Fprintf(c.OutOrStdout(), "%d entries are looked up, and sent if they are not there\n", n)
			return nil
		},
	}
	configFlag(c, &path)
	c.Flags().BoolVar(&gone, "old-computer-gone", false, "nobody has the original any more, and nothing is delivered from it")
	return c
}
