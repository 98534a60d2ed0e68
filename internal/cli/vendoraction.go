package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/api"
	"stationd/internal/control"
	"stationd/internal/exit"
	"stationd/internal/operator"
	"stationd/internal/plan"
	"stationd/internal/station"
	"stationd/internal/terminal"
)

// This file makes a command of each verb of each backend: stationd l2l dispatch.open
// machine=SEAL-1 … does what the same action in a binding does.

// An actionCommand is the command of one verb.
type actionCommand struct {
	backend plan.Backend
	station.Verb
	repeatable // the --event flag
	config     string
	yes        bool // do not ask before
	wait       bool // until the entry is delivered or held
	direct     bool // make one attempt in this process, without the outbox
	dry        bool // show the request and do not send it
}

func newActionCommand(b plan.Backend, v station.Verb) *cobra.Command {
	d := &actionCommand{backend: b, Verb: v}
	c := &cobra.Command{
		Use:     strings.TrimPrefix(v.Name, b.Name+".") + " [FIELD=VALUE …]",
		Short:   v.Does,
		Long:    d.help(),
		GroupID: "verb",
		RunE:    d.run,

		ValidArgsFunction: fieldCompletions(d.Takes()),
	}
	plan.PathFlag(c.Flags(), &d.config)
	c.Flags().BoolVarP(&d.yes, "yes", "y", false, "skip confirmation")
	c.Flags().BoolVar(&d.wait, "wait", false, "wait until it is delivered (exit 0) or held (exit 1)")
	c.Flags().BoolVar(&d.direct, "direct", false, "attempt it directly, once, without the outbox; refused while the station runs")
	c.Flags().BoolVar(&d.dry, "dry-run", false, "show the request, without its key, and do not send it")
	c.MarkFlagsMutuallyExclusive("wait", "direct", "dry-run")
	d.eventFlag(c)
	c.MarkFlagsMutuallyExclusive("event", "direct")
	c.MarkFlagsMutuallyExclusive("event", "dry-run")
	return c
}

func (d *actionCommand) help() string {
	var fields []station.Field
	for _, name := range d.Takes() {
		f, _ := d.Field(name)
		fields = append(fields, f)
	}
	required := func(f station.Field) bool { return f.Required || slices.Contains(d.Lane, f.Name) || f.Name == d.Ends }
	var b strings.Builder
	fmt.Fprintf(&b, `%s.

It is what %s does in a binding, with the defaults of the
configuration. It goes through the outbox of the running station, and the entry's ID
is printed.

Fields:
%s
`, d.Does, d.Name, fieldHelp(fields, required))
	if d.PassThrough {
		b.WriteString("\nwith.NAME=VALUE passes any further parameter on that the vendor documents.\n")
	}
	b.WriteString(`
--dry-run shows the request that would change something, with its key hidden, and
does not send it. What must be read before is read for real: that changes nothing.

--direct is for a station that does not run. It makes one attempt, past the outbox;
when no answer comes, nobody looks afterwards what became of it.`)
	return b.String()
}

func (d *actionCommand) run(c *cobra.Command, args []string) error {
	p, err := plan.Load(d.config, c.ErrOrStderr())
	if err != nil {
		return err
	}
	v, err := vendorOf(p, d.backend)
	if err != nil {
		return err
	}
	with, faults := parseFields(args, nil)
	request := station.ActionRequest{Backend: d.backend.Name, Verb: d.Name, With: with}
	action, wrong := p.Program.BuildAction(request)
	if faults = append(faults, wrong...); len(faults) > 0 {
		return usageError(c.ErrOrStderr(), c, faults)
	}
	if d.BestEffort && (d.direct || d.dry) {
		return exit.With(exit.Usage, fmt.Errorf("%s is done by the running station alone: leave --direct and --dry-run out", d.Name))
	}
	if d.dry {
		return exit.Wrap(d.dryRun(c.Context(), c.OutOrStdout(), p, v, action))
	}
	if d.direct {
		if err := requireStopped(c.Context(), p); err != nil {
			return err
		}
	}
	if !d.yes {
		fmt.Fprint(c.ErrOrStderr(), fieldList(action.With))
		yes, err := confirm(c, fmt.Sprintf("Send %s to %s at %s?", d.Name, d.backend.Title, action.To))
		if err != nil {
			return err
		}
		if !yes {
			return exit.Wrap(errors.New("nothing was sent"))
		}
	}
	if d.direct {
		return exit.Wrap(d.attempt(c.Context(), c.OutOrStdout(), p, v, action))
	}
	return d.ask(c, p, request)
}

// fieldList lists the fields of an action, one a line.
func fieldList(with map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(with)) {
		fmt.Fprintf(&b, "  %s = %s\n", name, terminal.OneLine(with[name]))
	}
	return b.String()
}

// ask hands the action to the running station.
func (d *actionCommand) ask(c *cobra.Command, p *plan.Plan, request station.ActionRequest) error {
	client, err := d.withEvent(control.Dial(plan.ControlPath(p)))
	if err != nil {
		return err
	}
	asked, err := client.Ask(c.Context(), request)
	var wrong *operator.InvalidError
	switch {
	case errors.As(err, &wrong): // the station runs with another configuration than this file's
		return usageError(c.ErrOrStderr(), c, wrong.Faults)
	case errors.Is(err, control.ErrAbsent):
		return exit.Wrap(fmt.Errorf("%w Start it, or make one attempt past the outbox with --direct", err))
	case err != nil:
		return exit.Wrap(d.explainUnanswered(err))
	}
	return exit.Wrap(tellAsked(c, client, asked, d.wait))
}

// tellAsked says what came of something that a person asked for, and waits for its
// end where it is told to.
func tellAsked(c *cobra.Command, client *control.Client, asked operator.Receipt, wait bool) error {
	if asked.Entry == "" {
		fmt.Fprintln(c.OutOrStdout(), terminal.Visible(asked.Said))
		return nil
	}
	fmt.Fprintf(c.OutOrStdout(), "entry %s: %s\n", asked.Entry.Short(), cmp.Or(terminal.Visible(asked.Said), "recorded"))
	if !wait {
		return nil
	}
	return awaitEnd(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), client, asked.Entry)
}

// awaitEnd waits until an entry is delivered, held or gone, and says which.
func awaitEnd(ctx context.Context, stdout, stderr io.Writer, client *control.Client, id station.ID) error {
	for told := ""; ; {
		s, err := client.Await(ctx, id)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("entry %s: it is in the outbox and will be delivered; this command waits no longer", id.Short())
		case err != nil:
			return err
		case s.Ended != nil:
			return tellEnded(stdout, id, *s.Ended)
		case s.Standing == nil:
			return fmt.Errorf("entry %s: it has left the outbox, and nobody knows any more how", id.Short())
		case s.Standing.Condition == station.Held:
			return fmt.Errorf("entry %s: held (%s): %s", id.Short(), s.Standing.Hold, terminal.Visible(s.Standing.Reason))
		}
		why := waitsFor(*s.Standing, s.Contact)
		if why != told {
			told = why
			fmt.Fprintf(stderr, "entry %s: waits: %s\n", id.Short(), terminal.Visible(why))
		}
	}
}

// waitsFor says what an entry waits for. The last error of the vendor (c.Last) may be that of
// another entry: it is given only where it holds for all of them, as when the vendor does not
// answer.
func waitsFor(e station.EntryStatus, c station.Contact) string {
	switch {
	case e.Behind != nil:
		return waitsBehind(*e.Behind)
	case c.Fault != "":
		return c.Fault
	case e.Last != "":
		return e.Last
	case c.Last != "" && (c.Kind == station.NoContact || c.Trouble != ""):
		return c.Last
	}
	return "it has its place in the lane " + e.Lane
}

// tellEnded says how an entry ended.
func tellEnded(w io.Writer, id station.ID, e station.Ended) error {
	text := string(e.What)
	if e.Ref != "" {
		text += ", " + e.Ref
	}
	if e.Note != "" {
		text += " (" + e.Note + ")"
	}
	if e.What == station.FateDelivered || e.What == station.FateMerged {
		fmt.Fprintf(w, "entry %s: %s\n", id.Short(), terminal.Visible(text))
		return nil
	}
	return fmt.Errorf("entry %s: %s", id.Short(), terminal.Visible(text))
}

// delivery is one attempt at an action, of an entry that no outbox has.
func delivery(a station.Action) station.Delivery {
	id := station.NewID()
	now := time.Now()
	return station.Delivery{
		Entry: station.Entry{ID: id.Entry(1), Source: station.FromCommand, Kind: station.Ask, Action: a},
		When:  now, Exact: true, Attempt: 1,
	}
}

// attempt makes one attempt past the outbox and says what came of it.
func (d *actionCommand) attempt(ctx context.Context, w io.Writer, p *plan.Plan, v plan.Vendor, a station.Action) error {
	b, end, err := openBackend(ctx, p, v)
	if err != nil {
		return explainCredential(err)
	}
	defer end()
	try := delivery(a)
	rc := station.AttemptOnce(ctx, b, try)
	why := ""
	if rc.Err != nil {
		why = terminal.Visible(rc.Err.Error())
	}
	switch rc.Outcome {
	case station.Delivered:
		text := d.backend.Title + " did it"
		if rc.Ref != "" {
			text += ": " + terminal.Visible(rc.Ref)
		}
		if rc.Note != "" {
			text += " (" + terminal.Visible(rc.Note) + ")"
		}
		fmt.Fprintf(w, "%s: %s.\n", d.Name, text)
		return nil
	case station.Refused:
		return fmt.Errorf("%s: nothing was done: %s", d.Name, why)
	case station.Unreached:
		return fmt.Errorf("%s: nothing was done: %s was not reached: %s", d.Name, d.backend.Title, why)
	case station.Doubtful:
	}
	return fmt.Errorf("%s: nobody knows whether %s did it: %s\nLook there before you do it again (stationd %s --help lists what can be asked). A new record of this attempt carries %s in its text",
		d.Name, d.backend.Title, why, d.backend.Name, try.ID.Mark())
}

// dryRun shows the request that would change something, and sends none of it.
func (d *actionCommand) dryRun(ctx context.Context, w io.Writer, p *plan.Plan, v plan.Vendor, a station.Action) error {
	b, end, err := openBackend(ctx, p, v)
	if err != nil {
		return explainCredential(err)
	}
	defer end()
	var would []api.DryRunRequest
	rc := station.AttemptOnce(api.WithDryRun(ctx, func(r api.DryRunRequest) { would = append(would, r) }), b, delivery(a))
	changes := 0
	for _, r := range would {
		if r.Sent {
			fmt.Fprintf(w, "# read first: %s %s\n", r.Method, r.URL)
			continue
		}
		changes++
		fmt.Fprint(w, requestText(r))
	}
	switch {
	case changes > 0:
		return nil
	case rc.Outcome == station.Delivered:
		fmt.Fprintf(w, "# nothing would be sent: %s\n", terminal.Visible(cmp.Or(rc.Note, "it is so already")))
		return nil
	case rc.Err != nil:
		return fmt.Errorf("%s: nothing would be sent: %s", d.Name, terminal.Visible(rc.Err.Error()))
	}
	return fmt.Errorf("%s: nothing would be sent", d.Name)
}

// requestText writes a request as it would go out, without its key.
//
//	POST https://acme.leading2lean.com/api/1.0/dispatches/open/?auth=<key>
//	Content-Type: application/x-www-form-urlencoded
//
//	dispatchtypecode=MAINT&…
func requestText(r api.DryRunRequest) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.Method, terminal.Visible(r.URL))
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, terminal.Visible(value))
		}
	}
	if r.Body != "" {
		fmt.Fprintf(&b, "\n%s\n", terminal.Visible(r.Body))
	}
	return b.String()
}
