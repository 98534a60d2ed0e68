package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/control"
	"stationd/internal/doctor"
	"stationd/internal/exit"
	"stationd/internal/fleet"
	"stationd/internal/operator"
	"stationd/internal/plan"
	"stationd/internal/relay"
	"stationd/internal/station"
	"stationd/internal/terminal"
)

// FleetCommand is stationd fleet, with its subcommands: they ask the stations of a plant over
// its engine.
func FleetCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "fleet",
		Short: "Look after the stations of a plant, from anywhere in it",
		Long: `fleet asks the stations of a plant over the engine by which they reach their relay
(docs/relay.md): those whose vendors have via = "relay". A station that is away is shown
as it said last, with how long ago that was. Its configuration is of whoever asks: the
table [fleet] with their name, the engine's servers, and their own nkey.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(fleetList(), fleetShow(), fleetHeld(), fleetDoctor(), fleetRetry(), fleetRevoke())
	return c
}

// A fleetCommand is one of them.
type fleetCommand struct {
	config   string
	asJSON   bool
	deadline time.Duration

	plan  *plan.FleetPlan
	fleet *relay.Fleet
}

// flags adds those that all have. deadline is how long stations are waited for.
func (f *fleetCommand) flags(c *cobra.Command, deadline time.Duration) {
	c.Flags().StringVar(&f.config, "config", plan.DefaultFleetPath, "the configuration file, with the table [fleet]")
	c.Flags().BoolVar(&f.asJSON, "json", false, "as JSON")
	c.Flags().DurationVar(&f.deadline, "deadline", deadline, "how long an answer is waited for")
}

// engineTime limits how long the engine is waited for.
const engineTime = 10 * time.Second

// open reads the configuration and connects. The caller closes the fleet.
func (f *fleetCommand) open(ctx context.Context, stderr io.Writer) error {
	if f.deadline <= 0 {
		return exit.With(exit.Usage, fmt.Errorf("--deadline %v: give a time like 5s", f.deadline))
	}
	var err error
	if f.plan, err = plan.LoadFleet(f.config, stderr); err != nil {
		return err
	}
	f.fleet, err = relay.DialFleet(relay.FleetSetting{Person: f.plan.Table.Name, Engine: f.plan.Table.Engine, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return exit.Wrap(err)
	}
	ctx, cancel := context.WithTimeout(ctx, engineTime)
	defer cancel()
	if err := f.fleet.Await(ctx); err != nil {
		f.fleet.Close()
		return exit.Wrap(err)
	}
	return nil
}

// running is what a command does once it is connected.
func (f *fleetCommand) running(do func(c *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		for _, name := range args[:min(1, len(args))] {
			if why := relay.CheckName(name); why != "" {
				return exit.With(exit.Usage, fmt.Errorf("the station's name %q %s", name, why))
			}
		}
		if err := f.open(c.Context(), c.ErrOrStderr()); err != nil {
			return err
		}
		defer f.fleet.Close()
		return exit.Wrap(do(c, args))
	}
}

// kept returns every station that the engine knows of, or the one that is named, as it said last.
func (f *fleetCommand) kept(ctx context.Context, only string) (all []fleet.Seen, err error) {
	kept, err := f.fleet.Statuses(ctx)
	for _, k := range kept {
		if only == "" || k.Station == only {
			all = append(all, fleet.Read(k.Station, k.Text, k.At, k.Age))
		}
	}
	return all, err
}

// seen returns every station that the engine knows of, or the one that is named, each as it is
// now, or as it said last where it does not answer.
func (f *fleetCommand) seen(ctx context.Context, only string) ([]fleet.Seen, error) {
	all, err := f.kept(ctx, only)
	if err != nil {
		return nil, err
	}
	if only != "" && len(all) == 0 { // the engine may have lost what it said
		all = append(all, fleet.Seen{Name: only})
	}
	now := time.Now()
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	answers := f.read(ctx, names, "/status")
	for i := range all {
		a := answers[all[i].Name]
		if a.Err != nil {
			all[i].Silent = true
			if all[i].At.IsZero() {
				return nil, fmt.Errorf("%s: no such station answers, and the engine has heard of none: stationd fleet ls lists those that it has heard of (%w)", only, a.Err)
			}
			continue
		}
		var status fleet.Status
		if err := json.Unmarshal(a.Body, &status); err != nil {
			return nil, fmt.Errorf("station %s: its answer cannot be read: %w", all[i].Name, err)
		}
		all[i].Status, all[i].Live, all[i].Age, all[i].At = status, true, 0, now
	}
	revoked, err := f.fleet.Revoked(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if by, is := revoked[all[i].Name]; is {
			all[i].Refused = fmt.Sprintf("%s, %s", by.By, by.At.In(f.plan.Zone).Format("2006-01-02 15:04"))
		}
	}
	fleet.Order(all)
	return all, nil
}

// read asks stations the same at once.
func (f *fleetCommand) read(ctx context.Context, names []string, path string) map[string]relay.Reply {
	ctx, cancel := context.WithTimeout(ctx, f.deadline)
	defer cancel()
	return f.fleet.Read(ctx, names, path)
}

// answerTime is how long ls, show and held wait for answers.
const answerTime = 5 * time.Second

func fleetList() *cobra.Command {
	f := new(fleetCommand)
	c := &cobra.Command{
		Use:   "ls",
		Short: "List the stations of the plant, the one to see to first on top",
		Long: `ls lists every station that the engine has heard of within a month. It asks each how it
is; SEEN says how long ago the others said so.`,
		Args: cobra.NoArgs,
		RunE: f.running(func(c *cobra.Command, _ []string) error {
			all, err := f.seen(c.Context(), "")
			if err != nil {
				return err
			}
			if f.asJSON {
				return terminal.WriteStationJSON(c.OutOrStdout(), append([]fleet.Seen{}, all...))
			}
			return f.list(c.OutOrStdout(), all)
		}),
	}
	f.flags(c, answerTime)
	return c
}

// needColour is what a terminal shows a station in.
func needColour(line string) terminal.Colour {
	for _, need := range []fleet.Need{fleet.NotRecording, fleet.Held, fleet.Faulty} {
		if strings.Contains(line, "  "+string(need)+"  ") {
			return terminal.Red
		}
	}
	for _, need := range []fleet.Need{fleet.Away, fleet.Refused, fleet.Late, fleet.Clock, fleet.OtherVersion} {
		if strings.Contains(line, "  "+string(need)+"  ") {
			return terminal.Yellow
		}
	}
	return ""
}

func (f *fleetCommand) list(w io.Writer, all []fleet.Seen) error {
	if len(all) == 0 {
		fmt.Fprintln(w, "The engine has heard of no station yet.")
		return nil
	}
	t := tabwriter.NewWriter(&terminal.LinePainter{W: w, Of: needColour}, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "STATION\tSTATUS\tHELD\tWAITING\tOLDEST\tSEEN\tVERSION\tCLOCK\tWHAT")
	for _, s := range all {
		n := s.Status
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n", s.Name, s.Need, n.Held, n.Waiting, age(n.Oldest), seenAgo(s), cmp.Or(terminal.OneLine(n.Version), "-"), clockWord(n), terminal.OneLine(what(s)))
	}
	return t.Flush()
}

// age is a time as a table has it: "3m20s"; "-" for none.
func age(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return d.Round(time.Second).String()
}

// seenAgo says how old a status is.
func seenAgo(s fleet.Seen) string {
	if s.Live {
		return "now"
	}
	return s.Age.String() + " ago"
}

// clockWord says whether a station's clock may be believed.
func clockWord(n fleet.Status) string {
	word := "set"
	if !n.Clock {
		word = "not set"
	}
	if n.Ahead.Abs() > time.Second {
		word += fmt.Sprintf(", %+v", n.Ahead)
	}
	return word
}

// what says what is the matter with a station, beside what the table has.
func what(s fleet.Seen) string {
	var all []string
	for _, text := range []string{s.Status.Storage, s.Status.Contacts()} {
		if text != "" {
			all = append(all, text)
		}
	}
	if s.Refused != "" {
		all = append(all, "the relays refuse it: "+s.Refused)
	}
	for name, fault := range s.Status.Faults {
		all = append(all, name+": "+fault)
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

func fleetShow() *cobra.Command {
	f := new(fleetCommand)
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Show one station",
		Long: `show says how one station is: now, or as it said last where it is away. With --json it
is the whole of what the station says of itself.`,
		Args: cobra.ExactArgs(1),
		RunE: f.running(func(c *cobra.Command, args []string) error {
			all, err := f.seen(c.Context(), args[0])
			if err != nil {
				return err
			}
			if f.asJSON {
				return terminal.WriteStationJSON(c.OutOrStdout(), all[0])
			}
			return f.show(c.OutOrStdout(), all[0])
		}),
	}
	f.flags(c, answerTime)
	return c
}

func (f *fleetCommand) show(w io.Writer, s fleet.Seen) error {
	n := s.Status
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, terminal.OneLine(text))
		}
	}
	line("station", s.Name)
	line("status", string(s.Need))
	line("seen", fmt.Sprintf("%s (%s)", seenAgo(s), s.At.In(f.plan.Zone).Format("2006-01-02 15:04:05")))
	line("not recording", n.Storage)
	line("held", fmt.Sprint(n.Held))
	line("waiting", fmt.Sprint(n.Waiting))
	line("oldest", age(n.Oldest))
	line("unknown scans", fmt.Sprint(n.Unknown))
	line("open calls", fmt.Sprint(n.Calls))
	for name, v := range n.Vendors {
		text := cmp.Or(string(v.Kind), "not contacted yet")
		if v.Fault != "" {
			text = "the key is not accepted"
		}
		line(name, strings.TrimSuffix(text+": "+cmp.Or(v.Fault, v.Last), ": "))
	}
	for name, fault := range n.Faults {
		line("fault", name+": "+fault)
	}
	line("page", n.PageHere)
	line("clock", clockWord(n))
	line("version", n.Version)
	line("configuration", n.Configuration)
	if !n.Started.IsZero() {
		line("started", n.Started.In(f.plan.Zone).Format("2006-01-02 15:04:05"))
	}
	line("refused", s.Refused)
	return t.Flush()
}

// A heldAt is a held entry and the station at which it is.
type heldAt struct {
	Station string              `json:"station"`
	Entry   station.EntryStatus `json:"entry"`
}

// An unasked is a station that does not answer, and how many entries it held then.
type unasked struct {
	Station string        `json:"station"`
	Held    int           `json:"held"` // as it said last
	Age     time.Duration `json:"age"`
	Why     string        `json:"why"`
}

// mostHeldOfOne is how many held entries of one station are listed.
const mostHeldOfOne = 100

func fleetHeld() *cobra.Command {
	f := new(fleetCommand)
	c := &cobra.Command{
		Use:   "held",
		Short: "List what is held at all stations, the oldest first",
		Long: fmt.Sprintf(`held lists the entries that a person must decide about, at most %d of each station:
stationd fleet retry NAME ENTRY sends one again. Of a station that is away it says how
many it held, and when it said so.`, mostHeldOfOne),
		Args: cobra.NoArgs,
		RunE: f.running(func(c *cobra.Command, _ []string) error {
			seen, err := f.seen(c.Context(), "")
			if err != nil {
				return err
			}
			all, away, err := f.held(c.Context(), seen)
			if err != nil {
				return err
			}
			if f.asJSON {
				return terminal.WriteStationJSON(c.OutOrStdout(), map[string]any{"held": append([]heldAt{}, all...), "away": append([]unasked{}, away...)})
			}
			return f.listHeld(c.OutOrStdout(), all, away)
		}),
	}
	f.flags(c, answerTime)
	return c
}

// held asks the stations that hold anything what that is.
func (f *fleetCommand) held(ctx context.Context, seen []fleet.Seen) (all []heldAt, away []unasked, err error) {
	var names []string
	for _, s := range seen {
		if s.Live && s.Status.Held > 0 {
			names = append(names, s.Name)
		}
	}
	answers := f.read(ctx, names, fmt.Sprintf("/outbox?held=%d&waiting=0&unknown=0", mostHeldOfOne))
	for _, s := range seen {
		a, asked := answers[s.Name]
		switch {
		case s.Silent && s.Status.Held > 0:
			away = append(away, unasked{s.Name, s.Status.Held, s.Age, relay.ErrAway.Error()})
		case asked && a.Err != nil:
			away = append(away, unasked{s.Name, s.Status.Held, s.Age, a.Err.Error()})
		case asked:
			entries, err := control.HeldIn(a.Body)
			if err != nil {
				return nil, nil, fmt.Errorf("station %s: %w", s.Name, err)
			}
			for _, e := range entries {
				all = append(all, heldAt{s.Name, e})
			}
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Entry.At.Wall.Before(all[j].Entry.At.Wall) })
	return all, away, nil
}

func (f *fleetCommand) listHeld(w io.Writer, all []heldAt, away []unasked) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(all) > 0 {
		fmt.Fprintln(t, "STATION\tENTRY\tTIME\tLANE\tVERB\tHELD\tREASON")
	}
	for _, h := range all {
		e := h.Entry
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", h.Station, e.ID.Short(), e.At.Wall.In(f.plan.Zone).Format("2006-01-02 15:04"), e.Lane, e.Verb, e.Hold, terminal.OneLine(reasonOf(e)))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, a := range away {
		fmt.Fprintf(w, "%s: %s; %s ago it held %d\n", a.Station, terminal.OneLine(a.Why), a.Age, a.Held)
	}
	if len(all)+len(away) == 0 {
		fmt.Fprintln(w, "Nothing is held at any station.")
	}
	return nil
}

// doctorAnswerTime is longer than the doctor of a station takes.
const doctorAnswerTime = 100 * time.Second

func fleetDoctor() *cobra.Command {
	f := new(fleetCommand)
	var all bool
	c := &cobra.Command{
		Use:   "doctor [NAME]",
		Short: "Have stations diagnose themselves, and list what is not well",
		Long: `doctor has each station, or the one that is named, run stationd doctor, and lists what it
found but for what is well; --all lists that too. It exits with 1 when a check fails
anywhere, or a station does not answer.`,
		Args: cobra.MaximumNArgs(1),
		RunE: f.running(func(c *cobra.Command, args []string) error {
			names := args
			if len(args) == 0 {
				kept, err := f.fleet.Statuses(c.Context())
				if err != nil {
					return err
				}
				for _, k := range kept {
					names = append(names, k.Station)
				}
			}
			return f.diagnose(c, names, all)
		}),
	}
	f.flags(c, doctorAnswerTime)
	c.Flags().BoolVar(&all, "all", false, "list what is well too")
	return c
}

// diagnose has stations diagnose themselves.
func (f *fleetCommand) diagnose(c *cobra.Command, names []string, all bool) error {
	answers := f.read(c.Context(), names, "/doctor")
	found := make(map[string][]doctor.Finding)
	bad := false
	for _, name := range names {
		a := answers[name]
		if a.Err == nil {
			var own []doctor.Finding
			if err := json.Unmarshal(a.Body, &own); err != nil {
				a.Err = fmt.Errorf("its answer cannot be read: %w", err)
			}
			found[name] = own
		}
		if a.Err != nil {
			found[name] = []doctor.Finding{{Check: "answer", Verdict: doctor.Fail, Found: a.Err.Error()}}
		}
		bad = bad || slices.ContainsFunc(found[name], func(d doctor.Finding) bool { return d.Verdict == doctor.Fail })
	}
	var err error
	if f.asJSON {
		err = terminal.WriteJSON(c.OutOrStdout(), found)
	} else {
		err = listFindings(c.OutOrStdout(), names, found, all)
	}
	if err == nil && bad {
		return &exit.Error{Code: exit.Failure}
	}
	return err
}

// listFindings lists what doctors found.
func listFindings(w io.Writer, names []string, found map[string][]doctor.Finding, all bool) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, name := range names {
		well := 0
		for _, d := range found[name] {
			if d.Verdict == doctor.OK && !all {
				well++
				continue
			}
			text := terminal.Visible(d.Found)
			if d.Do != "" {
				text += "; " + terminal.Visible(d.Do)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", name, d.Verdict, terminal.Visible(d.Check), text)
		}
		if well > 0 {
			fmt.Fprintf(t, "%s\t%s\t\t%s\n", name, doctor.OK, terminal.Count(well, "check"))
		}
	}
	return t.Flush()
}

func fleetRetry() *cobra.Command {
	f := new(fleetCommand)
	d := new(decideCommand)
	var notThere, toCurrent bool
	c := &cobra.Command{
		Use:   "retry NAME ENTRY",
		Short: "Send a held entry of a station again, at its old place",
		Long: `retry is stationd outbox retry at another station: the entry is put back at its old
place, and what may have arrived is looked up at the vendor first. Your name, as the
engine knows it, stands in the station's log and history.`,
		Args: cobra.ExactArgs(2),
		RunE: f.running(func(c *cobra.Command, args []string) error {
			if notThere {
				d.options = append(d.options, station.NotThere)
			}
			if toCurrent {
				d.options = append(d.options, station.ToCurrent)
			}
			client, err := d.withEvent(f.client(args[0]))
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), f.deadline)
			defer cancel()
			decision := operator.Decision{Verb: station.VerbRetry, Entries: []station.ID{station.ID(args[1])}, Options: d.options, Reason: d.reason}
			done, err := client.Decide(ctx, decision)
			if err != nil {
				if err = d.explainUnanswered(err); !strings.HasPrefix(err.Error(), args[0]+":") {
					err = fmt.Errorf("%s: %w", args[0], err)
				}
				return err
			}
			if err := f.tellRetried(c.OutOrStdout(), args[0], done); err != nil || !d.wait {
				return err
			}
			return awaitEnd(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), f.client(args[0]), done.Entry)
		}),
	}
	f.flags(c, answerTime)
	d.eventFlag(c)
	c.Flags().StringVar(&d.reason, "reason", "", fmt.Sprintf("why, in your own words: it stands in history and log (%d characters at most)", station.LongestReason))
	c.Flags().BoolVar(&notThere, "not-there", false, "you have checked at the vendor, and it is not there: send it")
	c.Flags().BoolVar(&toCurrent, "to-current", false, "send it to the address that the station uses now")
	c.Flags().BoolVar(&d.wait, "wait", false, "wait until it is delivered (exit 0) or held again (exit 1)")
	return c
}

// tellRetried says what became of a retry.
func (f *fleetCommand) tellRetried(w io.Writer, name string, done control.Decided) error {
	if f.asJSON {
		return terminal.WriteJSON(w, map[string]any{"station": name, "entry": done.Entry, "looks": done.Looks, "repeated": done.Repeated})
	}
	fmt.Fprintf(w, "%s: entry %s: %s\n", name, done.Entry.Short(), retriedWords(done))
	return nil
}

// client is one that asks a station over the engine.
func (f *fleetCommand) client(name string) *control.Client {
	return control.Through(stationWay{f.fleet.Station(name)}, name)
}

// A stationWay tells what certainly did not reach a station from what may have, and waits no
// longer than mostAnswerTime for each answer: the station may go meanwhile.
type stationWay struct{ http.RoundTripper }

// mostAnswerTime is longer than a station takes for any answer but doctor's.
const mostAnswerTime = 30 * time.Second

// RoundTrip implements http.RoundTripper.
func (a stationWay) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), mostAnswerTime)
	defer cancel() // the answer is whole
	answer, err := a.RoundTripper.RoundTrip(r.WithContext(ctx))
	if errors.Is(err, relay.ErrAway) || errors.Is(err, relay.ErrNotAllowed) {
		err = fmt.Errorf("%w: %w", control.ErrNotAsked, err)
	}
	return answer, err
}

func fleetRevoke() *cobra.Command {
	f := new(fleetCommand)
	var yes, undo bool
	c := &cobra.Command{
		Use:   "revoke NAME",
		Short: "Have the relays refuse a station",
		Long: `revoke is for a station that was stolen or is not trusted any more: the relays do
nothing for it from now on, and what it has recorded stays there. --undo lets it deliver
again. It holds as long as the engine keeps its disk: take the station's user out of the
engine as well.`,
		Args: cobra.ExactArgs(1),
		RunE: f.running(func(c *cobra.Command, args []string) error {
			if !yes && !undo {
				ok, err := confirm(c, "Have the relays refuse station "+args[0]+"?")
				if err != nil {
					return err
				}
				if !ok {
					return errors.New("nothing was done")
				}
			}
			ctx, cancel := context.WithTimeout(c.Context(), f.deadline)
			defer cancel()
			if err := f.fleet.Revoke(ctx, args[0], undo); err != nil {
				return err
			}
			switch {
			case f.asJSON:
				return terminal.WriteJSON(c.OutOrStdout(), map[string]any{"station": args[0], "refused": !undo})
			case undo:
				fmt.Fprintf(c.OutOrStdout(), "%s: the relays let it deliver again\n", args[0])
			default:
				fmt.Fprintf(c.OutOrStdout(), "%s: the relays refuse it. To keep it out for good, take its nkey out of the engine's configuration and reload the engine.\n", args[0])
			}
			if known, err := f.kept(ctx, args[0]); err == nil && len(known) == 0 {
				fmt.Fprintf(c.ErrOrStderr(), "The engine has heard of no station %s: see that the name is right (stationd fleet ls).\n", args[0])
			}
			return nil
		}),
	}
	f.flags(c, answerTime)
	c.Flags().BoolVarP(&yes, "yes", "y", false, "skip confirmation")
	c.Flags().BoolVar(&undo, "undo", false, "the other way round")
	return c
}
