package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stationd/internal/contents"
	"stationd/internal/control"
	"stationd/internal/exit"
	"stationd/internal/operator"
	"stationd/internal/plan"
	"stationd/internal/station"
	"stationd/internal/terminal"
)

// This file has the commands by which a person decides about what is held: retry, discard
// and edit.

// A decideCommand is one of them.
type decideCommand struct {
	repeatable
	config  string
	alike   string // an entry: all that are held like it
	kind    string // BACKEND/VERB, or BACKEND/VERB/HOLD: all that are held of that
	reason  string
	yes     bool
	wait    bool
	options []string
}

// flags adds those that every decision has.
func (d *decideCommand) flags(c *cobra.Command) {
	plan.PathFlag(c.Flags(), &d.config)
	c.Flags().StringVar(&d.reason, "reason", "", fmt.Sprintf("why, in your own words: it stands in history and log (%d characters at most)", station.LongestReason))
	d.eventFlag(c)
}

// bulkFlags adds those that decide about many at once.
func (d *decideCommand) bulkFlags(c *cobra.Command) {
	c.Flags().StringVar(&d.alike, "all-like", "", "in place of entries: all that are held like this one, of the same verb and for the same reason")
	c.Flags().StringVar(&d.kind, "kind", "", "in place of entries: all that are held of BACKEND/VERB, or BACKEND/VERB/refused, undecided or misfit")
	c.MarkFlagsMutuallyExclusive("all-like", "kind")
	c.MarkFlagsMutuallyExclusive("all-like", "event")
	c.MarkFlagsMutuallyExclusive("kind", "event")
	_ = c.RegisterFlagCompletionFunc("all-like", entryCompletions(isHeld, false)) // it fails only for a flag that is not there
}

const bulkHelp = `

Several entries are decided together: all of them, or none where one is not held any
more. --all-like ENTRY takes all that are held like that one, of the same verb and for
the same reason but for its numbers; --kind takes all of one verb.`

func outboxRetry() *cobra.Command {
	d := new(decideCommand)
	var notThere, toCurrent bool
	c := &cobra.Command{
		Use:   "retry ENTRY…",
		Short: "Send held entries again, at their old place",
		Long: `retry puts a held entry back at its old place. What may have arrived is looked up at
the vendor first, and sent only if it is certainly not there; where the vendor's records
do not show it, it is held again. If you have checked there yourself, say --not-there.

An entry that was meant for another address than the station uses now is sent there only
with --to-current, and with it what waits for its result. What may have arrived at the
old address needs --not-there as well.` + bulkHelp,
		RunE: func(c *cobra.Command, args []string) error {
			if notThere {
				d.options = append(d.options, station.NotThere)
			}
			if toCurrent {
				d.options = append(d.options, station.ToCurrent)
			}
			return d.decide(c, station.VerbRetry, args)
		},
	}
	d.flags(c)
	d.bulkFlags(c)
	c.Flags().BoolVarP(&d.yes, "yes", "y", false, "with --all-like or --kind: skip confirmation")
	c.Flags().BoolVar(&d.wait, "wait", false, "wait until they are delivered (exit 0) or held again (exit 1)")
	c.Flags().BoolVar(&notThere, "not-there", false, "you have checked at the vendor, and it is not there: send it")
	c.Flags().BoolVar(&toCurrent, "to-current", false, "send it to the address that the station uses now")
	return c
}

func outboxDiscard() *cobra.Command {
	d := new(decideCommand)
	c := &cobra.Command{
		Use:   "discard ENTRY…",
		Short: "Discard held entries or dismiss unknown scans",
		Long: `discard gives held entries up: they are not sent any more, and what waits for their
result ends with them. It asks before it does that; an unknown scan is dismissed the
same way.` + bulkHelp,
		RunE: func(c *cobra.Command, args []string) error { return d.decide(c, station.VerbDiscard, args) },
	}
	d.flags(c)
	d.bulkFlags(c)
	c.Flags().BoolVarP(&d.yes, "yes", "y", false, "skip confirmation")
	return c
}

func outboxEdit() *cobra.Command {
	d := new(decideCommand)
	c := &cobra.Command{
		Use:   "edit ENTRY FIELD=VALUE…",
		Short: "Put a field of a held entry right, and send it",
		Long: `edit has an entry take the place of a held one, with one or more of its fields put
right; FIELD= leaves a field out. The new entry keeps the time and the place of the old
one, which is discarded; the history says of each which the other is. stationd outbox
show ENTRY shows the fields.

What may have arrived cannot be edited: retry it first, which looks at the vendor. An
entry that ends a call has nothing to put right: discard it and close the right call.`,
		Args: cobra.MinimumNArgs(2),
		RunE: d.edit,
	}
	d.flags(c)
	c.Flags().BoolVarP(&d.yes, "yes", "y", false, "skip confirmation")
	c.Flags().BoolVar(&d.wait, "wait", false, "wait until it is delivered (exit 0) or held (exit 1)")
	return c
}

// decide carries out a retry or a discard of the entries that are named, or of a kind.
func (d *decideCommand) decide(c *cobra.Command, verb string, named []string) error {
	bulk := d.alike != "" || d.kind != ""
	if bulk == (len(named) > 0) {
		return exit.With(exit.Usage, errors.New("name entries, or say --all-like ENTRY or --kind BACKEND/VERB"))
	}
	p, err := plan.LoadStation(c.Context(), d.config, c.ErrOrStderr())
	if err != nil {
		return err
	}
	if bulk {
		if named, err = d.ofKind(c.Context(), p); err != nil {
			return exit.Wrap(err)
		}
	}
	if (verb == station.VerbDiscard || bulk) && !d.yes {
		if err := sure(c, map[string]string{station.VerbDiscard: "Discard", station.VerbRetry: "Retry"}[verb], named); err != nil {
			return err
		}
	}
	var all []station.ID
	for some := range slices.Chunk(named, station.MostDecided) {
		done, err := d.send(c, p, verb, some, nil)
		if err != nil {
			return err
		}
		all = append(all, entriesOf(done)...)
		d.event = "" // the next have one of their own
	}
	if !d.wait {
		return nil
	}
	client := control.Dial(plan.ControlPath(p))
	var errs []error
	for _, id := range all {
		errs = append(errs, awaitEnd(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), client, id))
	}
	return exit.Wrap(errors.Join(errs...))
}

// sure asks a person whether they mean it.
func sure(c *cobra.Command, what string, named []string) error {
	which := "entry " + terminal.OneLine(named[0])
	if len(named) > 1 {
		which = fmt.Sprintf("%d entries", len(named))
	}
	yes, err := confirm(c, what+" "+which+"?")
	if err != nil {
		return err
	}
	if !yes {
		return exit.Wrap(errors.New("nothing was done"))
	}
	return nil
}

// send has the running station decide about some entries, and says what came of it.
func (d *decideCommand) send(c *cobra.Command, p *plan.Plan, verb string, named []string, fields map[string]string) (done control.Decided, err error) {
	client, err := d.withEvent(control.Dial(plan.ControlPath(p)))
	if err != nil {
		return done, err
	}
	decision := operator.Decision{Verb: verb, Options: d.options, Fields: fields, Reason: d.reason}
	for _, name := range named {
		decision.Entries = append(decision.Entries, station.ID(name))
	}
	if done, err = client.Decide(c.Context(), decision); err != nil {
		return done, exit.Wrap(d.explainUnanswered(err))
	}
	what := "discarded"
	switch verb {
	case station.VerbRetry:
		what = retriedWords(done)
	case station.VerbEdit:
		what = fmt.Sprintf("discarded; entry %s has its place, and waits to be sent", done.Corrected.Short())
	}
	for _, id := range entriesOf(done) {
		fmt.Fprintf(c.OutOrStdout(), "entry %s: %s\n", id.Short(), what)
	}
	return done, nil
}

// retriedWords says what becomes of an entry that was retried.
func retriedWords(done control.Decided) string {
	switch {
	case done.Repeated:
		return "it was put back before, and not a second time"
	case done.Looks:
		return "it may have arrived: it is looked up first, and sent if it is not there"
	}
	return "it waits to be sent"
}

// entriesOf are the entries that were decided.
func entriesOf(d control.Decided) []station.ID {
	if len(d.Entries) > 0 {
		return d.Entries
	}
	return []station.ID{d.Entry}
}

// ofKind lists the held entries that --all-like or --kind means.
func (d *decideCommand) ofKind(ctx context.Context, p *plan.Plan) (named []string, err error) {
	is := func(e station.EntryStatus) bool {
		kind := e.Backend() + "/" + e.Verb
		return d.kind == kind || d.kind == kind+"/"+string(e.Hold)
	}
	if d.alike != "" {
		one, err := pick(ctx, p, d.alike)
		if err != nil {
			return nil, err
		}
		e, entry := one.(station.EntryStatus)
		if !entry || e.Condition != station.Held {
			return nil, fmt.Errorf("%s is not held", terminal.OneLine(d.alike))
		}
		kind := e.HeldKind()
		is = func(e station.EntryStatus) bool { return e.HeldKind() == kind }
	}
	_, err = contents.List(ctx, p, station.Limit{Held: -1}, func(e station.EntryStatus) error {
		if e.Condition == station.Held && is(e) {
			named = append(named, string(e.ID))
		}
		return nil
	}, func(station.Event) error { return nil })
	if err == nil && len(named) == 0 {
		err = fmt.Errorf("nothing is held of the kind %s (stationd outbox ls)", terminal.OneLine(d.kind))
	}
	return named, err
}

// edit puts fields of one entry right.
func (d *decideCommand) edit(c *cobra.Command, args []string) error {
	fields, faults := parseFields(args[1:], nil)
	if len(faults) > 0 {
		return usageError(c.ErrOrStderr(), c, faults)
	}
	p, err := plan.LoadStation(c.Context(), d.config, c.ErrOrStderr())
	if err != nil {
		return err
	}
	if !d.yes {
		one, err := pick(c.Context(), p, args[0])
		if err != nil {
			return exit.Wrap(err)
		}
		if e, entry := one.(station.EntryStatus); entry {
			var lines strings.Builder
			for _, name := range slices.Sorted(maps.Keys(fields)) {
				fmt.Fprintf(&lines, "  %s: %s → %s\n", terminal.OneLine(name), terminal.OneLine(e.With[name]), terminal.OneLine(fields[name]))
			}
			fmt.Fprint(c.ErrOrStderr(), lines.String())
		}
		if err := sure(c, "Discard, and send corrected,", args[:1]); err != nil {
			return err
		}
	}
	done, err := d.send(c, p, station.VerbEdit, args[:1], fields)
	if err != nil || !d.wait {
		return err
	}
	return exit.Wrap(awaitEnd(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), control.Dial(plan.ControlPath(p)), done.Corrected))
}
