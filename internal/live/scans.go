// Package live is stationd pins and stationd scans: what the lines and the readers do right
// now, for an electrician who is wiring them. With --follow both look on at a running
// station.
package live

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"stationd/internal/clock"
	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/scanner"
	"stationd/internal/scanner/gs1"
	"stationd/internal/scanner/mh10"
	"stationd/internal/station"
	"stationd/internal/terminal"
)

func ScansCommand() *cobra.Command {
	var path, frame string
	var ports []string
	var baud int
	var asJSON, stdin, follow bool
	c := &cobra.Command{
		Use:   "scans",
		Short: "Show what the readers send, live",
		Long: `scans shows each scan of the configured readers, or of those named with --port: its
bytes, its text, its symbology, what was taken off it and how the rest was read, every
name that a binding could use or why it has none, and which binding would fire on it with nothing in hand, and what that would do.
Nothing is recorded and nothing is sent. Ctrl-C ends it. While stationd runs, it has
the readers: --follow looks on at what they send there, which is recorded and sent as
always, and says what came of each scan. Nothing waits for who looks on.

With --stdin no reader is opened: each line read is one scan as a JSON string, with
its AIM identifier, and each line written is what its GS1 elements are, as a JSON
object with the keys scan, ok, ai and err. A line that is no JSON string is answered
with ok false and err alone.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if stdin {
				return exit.Wrap(judgeAll(c.InOrStdin(), c.OutOrStdout()))
			}
			p, why := plan.ReadIfThere(path)
			if why != "" && (c.Flags().Changed("config") || len(ports) == 0) {
				return exit.With(exit.Config, fmt.Errorf("%s; or name a reader with --port, as --port /dev/ttyACM0", why))
			}
			var out ScanRenderer = &ScanLines{W: c.OutOrStdout()}
			if asJSON {
				out = &scanJSON{json.NewEncoder(c.OutOrStdout())}
			}
			if follow {
				return exit.Wrap(followScans(c.Context(), p, out, c.ErrOrStderr()))
			}
			readers := p.Scanners
			if len(ports) > 0 {
				readers = portsAsReaders(ports, frame, baud)
				if err := checkReaders(readers); err != nil {
					return err
				}
			}
			if len(readers) == 0 {
				return exit.With(exit.Config, fmt.Errorf("%s has no [[scanner]]; name a reader with --port, as --port /dev/ttyACM0", path))
			}
			return exit.Wrap(showScans(c.Context(), p, readers, out, c.ErrOrStderr()))
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().StringArrayVar(&ports, "port", nil, "a reader's port, as in [[scanner]]; repeatable")
	c.Flags().StringVar(&frame, "frame", "", "what ends a scan on --port: cr, lf, crlf, tab, stx-etx, idle:80ms (default cr; tab for a keyboard)")
	c.Flags().IntVar(&baud, "baud", 0, "the speed of --port (default 9600)")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a scan")
	c.Flags().BoolVar(&stdin, "stdin", false, "judge the scans on standard input, one JSON string a line")
	c.Flags().BoolVar(&follow, "follow", false, "look on at the readers of the running station")
	c.MarkFlagsMutuallyExclusive("stdin", "port", "follow")
	c.MarkFlagsMutuallyExclusive("stdin", "config")
	return c
}

// portsAsReaders makes readers of ports that no configuration names.
func portsAsReaders(ports []string, frame string, baud int) []scanner.Config {
	var readers []scanner.Config
	for _, port := range ports {
		readers = append(readers, scanner.Config{Name: port, Port: port, Frame: frame, Baud: baud})
	}
	return readers
}

// checkReaders returns what is wrong with readers that were named by hand.
func checkReaders(readers []scanner.Config) error {
	var faults []error
	scanner.Check(readers, func(_ string, _ int, key, text string) {
		faults = append(faults, fmt.Errorf("--%s: %s", key, text))
	})
	return errors.Join(faults...)
}

// A ScanRenderer is what scans are shown on. One call at a time.
type ScanRenderer interface{ Show(ScanReport) error }

// ScanReport is one scan and what it comes to.
type ScanReport struct {
	scanner.Frame
	Found gs1Found
	Means *meaning // nil: there is no configuration to tell
	Came  string   // what a running station made of it; "" where none has taken it
	How   []string // what was taken off and how the rest was read, a step each
}

// gs1Found is what a scan holds by the rules of GS1.
type gs1Found struct {
	Claims   bool // it claims to be GS1
	Elements []gs1.Element
	Err      error
	Pos      int // the byte of the fault, counted from 0 and the AIM identifier; -1: none
}

func FindGS1(ev station.Event, raw []byte) gs1Found {
	elements, err := gs1.Parse(string(raw))
	found := gs1Found{Claims: !errors.Is(err, gs1.ErrNotGS1), Elements: elements, Err: err, Pos: -1}
	if fault := (*gs1.Error)(nil); errors.As(err, &fault) {
		found.Pos = fault.Pos
	}
	if !found.Claims || found.Err != nil && len(found.Elements) == 0 {
		if !found.Claims {
			found.Err = nil
		}
		for _, key := range slices.Sorted(maps.Keys(ev.Data)) {
			// An ITF-14 is a GTIN by its check digit, and claims nothing.
			if ai, ok := strings.CutPrefix(key, "gs1."); ok && ai != "error" && !gs1.HasPoint(ai) {
				found.Elements = append(found.Elements, gs1.Element{AI: ai, Value: ev.Data[key]})
			}
		}
	}
	return found
}

// A meaning is what a program would make of an event with nothing in hand.
type meaning struct {
	Place   int // of the binding in the file, counted from 1; 0: none fits
	Binding station.Binding
	State   station.State // afterwards
	Actions []station.Action
	WhyNot  []string // why the bindings of this event do not fit, where none does
}

// explain decides an event on an empty state, by each binding alone until one fits:
// Decide itself takes the first that fits and does not say which it was.
func explain(p station.Program, ev station.Event) meaning {
	for i, b := range p.Bindings {
		alone := p
		alone.Bindings = p.Bindings[i : i+1]
		state, actions := alone.Decide(station.State{}, ev)
		if kind := state.Notes[ev.Source].Kind; kind != station.NoteUnknown && b.Event == ev.Name() && b.WhyNot(ev) == "" {
			return meaning{Place: i + 1, Binding: b, State: state, Actions: actions}
		}
	}
	var whyNot []string
	for i, b := range p.Bindings {
		if why := b.WhyNot(ev); b.Event == ev.Name() && why != "" {
			whyNot = append(whyNot, fmt.Sprintf("[[on]] number %d: %s", i+1, why))
		}
	}
	return meaning{WhyNot: whyNot}
}

// showScans shows what the readers send until ctx is done.
func showScans(ctx context.Context, p *plan.Plan, readers []scanner.Config, out ScanRenderer, stderr io.Writer) error {
	clock, err := clock.New()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var mu sync.Mutex
	show := func(setting scanner.Config, f scanner.Frame) {
		s := ScanReport{Frame: f, Found: FindGS1(f.Event, f.Raw), How: scanner.Explain(setting, f.Raw)}
		if p.Station.Name != "" {
			m := explain(p.Program, f.Event)
			s.Means = &m
		}
		mu.Lock()
		defer mu.Unlock()
		if err := out.Show(s); err != nil {
			stop(err)
		}
	}
	say := func(line string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(stderr, terminal.Wrap(line, 2))
	}
	if _, _, ok := terminal.Size(stderr); ok {
		fmt.Fprintln(stderr, "Scan a label; Ctrl-C ends this.")
	}
	var listening sync.WaitGroup
	for _, setting := range readers {
		r := scanner.Open(setting, clock.Stamp, slog.New(slog.DiscardHandler))
		r.Observe(func(status scanner.Status) { ReportStatus(setting, status, say) })
		for _, run := range []func(context.Context) error{r.RunPort, func(ctx context.Context) error { return r.Listen(ctx, func(f scanner.Frame) { show(setting, f) }) }} {
			listening.Go(func() {
				if err := run(ctx); err != nil {
					stop(err)
				}
			})
		}
		listening.Go(func() { ReportLosses(ctx, r, setting.Name, say) })
	}
	listening.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// ReportLosses says what a reader sent that is no scan, as it is counted, until ctx is done.
func ReportLosses(ctx context.Context, r *scanner.Scanner, name string, say func(line string)) {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	was := r.Counts()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := r.Counts()
		if now.Partials > was.Partials {
			say(name + ": the end of a scan never came; set the reader's suffix to CR, or frame to what it sends")
		}
		if now.Damaged > was.Damaged {
			say(name + ": a part of a scan was lost on the way; it is dropped")
		}
		if now.Overflows > was.Overflows {
			say(name + ": a scan is longer than any symbol can be; compare the reader's suffix with frame, and its speed with baud")
		}
		if now.Noise > was.Noise {
			say(fmt.Sprintf("%s: bytes came that belong to no scan; compare the reader's speed with baud, and its prefix with frame (bytes %d)", name, now.Noise-was.Noise))
		}
		was = now
	}
}

// ReportStatus says how it stands with a reader, and who else has its port.
func ReportStatus(setting scanner.Config, status scanner.Status, say func(line string)) {
	if status.Kind == scanner.Ready {
		line := "listening on " + status.Port
		if setting.Name != status.Port {
			line = setting.Name + ": " + line
		}
		if status.Old > 0 {
			line += fmt.Sprintf(" (%s from before dropped)", terminal.Count(status.Old, "byte"))
		}
		say(line)
		return
	}
	say(status.Err.Error())
	switch {
	case errors.Is(status.Err, scanner.ErrInUse):
		sayHolders(setting, say)
	case errors.Is(status.Err, scanner.ErrNotAllowed):
		say("For this command that is your own user; or give it with sudo.")
	}
}

// sayHolders says who has the reader's port, where somebody has.
func sayHolders(setting scanner.Config, say func(line string)) {
	device, err := scanner.Find(setting.Port)
	if err != nil {
		return
	}
	for _, who := range holders(device) {
		line := fmt.Sprintf("%s: %s is in use by %s", setting.Name, device, who)
		if who.program == "stationd" {
			line += ", a station that is running; look on with stationd scans --follow, or " + plan.StopFirst
		}
		say(line)
	}
}

// ScanLines shows a scan in a few lines of text.
type ScanLines struct{ W io.Writer }

func (l *ScanLines) Show(s ScanReport) error {
	var b strings.Builder
	repeat := ""
	if s.Repeat {
		repeat = ", a repeat: a station would not count it"
	}
	symbology := strings.TrimSpace(s.Event.Data["aim"] + " " + s.Event.Data["symbology"])
	if s.Event.Data["aim"] == "" {
		symbology = "no AIM identifier"
	}
	fmt.Fprintf(&b, "%s  %s  %s, %s%s\n", time.Now().Format("15:04:05.000"), s.Event.Source, symbology, terminal.Count(len(s.Raw), "byte"), repeat)
	for i := 0; i < len(s.Raw); i += 16 {
		fmt.Fprintf(&b, "  %-8s% X\n", label("raw", i == 0), s.Raw[i:min(i+16, len(s.Raw))])
	}
	b.WriteString(textAndMark(s.Raw, s.Found.Pos))
	if s.How != nil {
		b.WriteString(terminal.Wrap(fmt.Sprintf("  %-8s%s\n", "read", terminal.Visible(strings.Join(s.How, "; "))), 10))
	}
	if code := terminal.Visible(s.Event.Code); !strings.HasSuffix(terminal.Visible(string(s.Raw)), code) {
		b.WriteString(terminal.Wrap(fmt.Sprintf("  %-8s%s\n", "code", code), 10))
	}
	if s.Found.Err != nil {
		b.WriteString(terminal.Wrap(fmt.Sprintf("  %-8s%s\n", "fault", terminal.Visible(s.Found.Err.Error())), 10))
	}
	for _, e := range s.Found.Elements {
		fmt.Fprintf(&b, "  %-8s%-20s  %s\n", "("+e.AI+")", terminal.Visible(e.Value), gs1.Title(e.AI))
	}
	b.WriteString(furtherNames(s.Event))
	if s.Means != nil {
		s.Means.write(&b, s.Event)
	}
	if s.Came != "" {
		b.WriteString(terminal.Wrap(fmt.Sprintf("  %-8s%s\n", "station", terminal.Visible(s.Came)), 10))
	}
	_, err := io.WriteString(l.W, b.String()+"\n")
	return err
}

// furtherNames are the names that a binding could use besides the elements of GS1, and
// what is wrong with the label.
func furtherNames(ev station.Event) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(ev.Data)) {
		kind, id, _ := strings.Cut(name, ".")
		switch {
		case id == "error" && kind != "gs1", name == station.DataRefused:
			b.WriteString(terminal.Wrap(fmt.Sprintf("  %-8s%s\n", "fault", terminal.Visible(ev.Data[name])), 10))
		case !station.OnLabel(name) || id == "error" || kind == "gs1" && !gs1.HasPoint(id):
		case kind == "di":
			fmt.Fprintf(&b, "  %-8s{%s} = %s  %s\n", "", name, terminal.Visible(ev.Data[name]), mh10.Title(id))
		default:
			fmt.Fprintf(&b, "  %-8s{%s} = %s\n", "", name, terminal.Visible(ev.Data[name]))
		}
	}
	return b.String()
}

// textAndMark is the text of a scan in lines of a terminal, with a mark below the byte
// at fault; a place below 0 is none.
func textAndMark(raw []byte, fault int) string {
	const width = terminal.LineWidth - 11 // and a mark behind its last character
	var b strings.Builder
	for from, to := 0, -1; to < len(raw); from = to {
		to = from
		for to < len(raw) {
			_, size := utf8.DecodeRune(raw[to:])
			if utf8.RuneCountInString(terminal.Visible(string(raw[from:to+size]))) > width {
				break
			}
			to += size
		}
		fmt.Fprintf(&b, "  %-8s%s\n", label("text", from == 0), terminal.Visible(string(raw[from:to])))
		if fault >= from && (fault < to || to == len(raw)) {
			fmt.Fprintf(&b, "  %-8s%s^\n", "", strings.Repeat(" ", utf8.RuneCountInString(terminal.Visible(string(raw[from:min(fault, to)])))))
			fault = -1
		}
	}
	return b.String()
}

func label(text string, first bool) string {
	if first {
		return text
	}
	return ""
}

// write says what a scan means, in a few lines.
func (m *meaning) write(w *strings.Builder, ev station.Event) {
	source := ev.Source
	if m.Place == 0 {
		fmt.Fprintf(w, "  %-8sno binding knows it; a station keeps it for a person\n", "means")
		for _, why := range m.WhyNot {
			w.WriteString(terminal.Wrap(fmt.Sprintf("  %-8s%s\n", "", terminal.Visible(why)), 10))
		}
		return
	}
	w.WriteString(terminal.Wrap(fmt.Sprintf("  %-8s%s\n", "means", m.binding()), 10))
	note := m.State.Notes[source]
	if note.Kind == station.NoteNeeds {
		fmt.Fprintf(w, "  %-8s%s must be in hand first; nothing is in hand here\n", "", note.Text)
	}
	for _, name := range slices.Sorted(maps.Keys(m.State.Values)) {
		fmt.Fprintf(w, "  %-8stakes %s = %s in hand\n", "", name, terminal.Visible(m.State.Values[name].Text))
	}
	for _, a := range m.Actions {
		fmt.Fprintf(w, "  %-8swould do %s %s in lane %s\n", "", a.Backend(), a.Verb, terminal.Visible(a.Lane))
		for _, field := range slices.Sorted(maps.Keys(a.With)) {
			fmt.Fprintf(w, "  %-8s  %s = %s\n", "", field, terminal.Visible(a.With[field]))
		}
	}
	if len(m.Actions) == 0 && len(m.State.Values) == 0 && note.Kind != station.NoteNeeds {
		fmt.Fprintf(w, "  %-8sdoes nothing with nothing in hand\n", "")
	}
}

// binding names a binding as a person finds it in the file.
func (m *meaning) binding() string {
	asks := []string{fmt.Sprintf("[[on]] number %d: event = %q", m.Place, m.Binding.Event)}
	if m.Binding.Match != nil {
		asks = append(asks, fmt.Sprintf("match = '%s'", m.Binding.Match))
	}
	if m.Binding.GS1 != nil {
		asks = append(asks, fmt.Sprintf("gs1 = [%s]", strings.Join(m.Binding.GS1, ", ")))
	}
	for _, kind := range []string{"di", "hibc", "store"} {
		var names []string
		for _, name := range m.Binding.Carry {
			if id, ok := strings.CutPrefix(name, kind+"."); ok {
				names = append(names, id)
			}
		}
		if names != nil {
			asks = append(asks, fmt.Sprintf("%s = [%s]", kind, strings.Join(names, ", ")))
		}
	}
	if m.Binding.JSON != nil {
		asks = append(asks, "json of "+strings.Join(slices.Sorted(maps.Keys(m.Binding.JSON)), ", "))
	}
	if m.Binding.Pairs != nil {
		asks = append(asks, "pairs of "+strings.Join(slices.Sorted(maps.Keys(m.Binding.Pairs)), ", "))
	}
	if m.Binding.Ignore {
		asks = append(asks, "which ignores it")
	}
	return strings.Join(asks, ", ")
}

// scanJSON shows a scan as one JSON object.
type scanJSON struct{ to *json.Encoder }

// shownGS1 is the GS1 part of it.
type shownGS1 struct {
	OK     bool        `json:"ok"`
	AI     [][2]string `json:"ai,omitempty"`
	Titles []string    `json:"titles,omitempty"`
	Err    string      `json:"err,omitempty"`
	Pos    *int        `json:"pos,omitempty"`
}

// shownMeaning is the part that the configuration says.
type shownMeaning struct {
	Binding int               `json:"binding"` // counted from 1; 0: none fits
	Event   string            `json:"event,omitempty"`
	Needs   string            `json:"needs,omitempty"`
	Set     map[string]string `json:"set,omitempty"`
	Actions []station.Action  `json:"actions,omitempty"`
}

func (j *scanJSON) Show(s ScanReport) error {
	shown := struct {
		At        time.Time         `json:"at"`
		Source    string            `json:"source"`
		Raw       string            `json:"raw"` // hexadecimal
		Code      string            `json:"code"`
		AIM       string            `json:"aim,omitempty"`
		Symbology string            `json:"symbology"`
		Repeat    bool              `json:"repeat,omitempty"`
		GS1       *shownGS1         `json:"gs1,omitempty"`
		Read      []string          `json:"read,omitempty"`  // what was taken off and how the rest was read
		Names     map[string]string `json:"names,omitempty"` // every name that a binding could use
		Means     *shownMeaning     `json:"means,omitempty"`
		Station   string            `json:"station,omitempty"` // what a running one made of it
	}{
		At: s.Event.At.Wall, Source: s.Event.Source, Raw: hex.EncodeToString(s.Raw), Code: s.Event.Code,
		AIM: s.Event.Data["aim"], Symbology: s.Event.Data["symbology"], Repeat: s.Repeat, Station: s.Came, Read: s.How,
	}
	for name, value := range s.Event.Data {
		if station.OnLabel(name) && !strings.HasSuffix(name, ".error") {
			if shown.Names == nil {
				shown.Names = make(map[string]string)
			}
			shown.Names[name] = value
		}
	}
	if s.Found.Claims || s.Found.Elements != nil {
		shown.GS1 = &shownGS1{OK: s.Found.Err == nil}
		for _, e := range s.Found.Elements {
			shown.GS1.AI = append(shown.GS1.AI, [2]string{e.AI, e.Value})
			shown.GS1.Titles = append(shown.GS1.Titles, gs1.Title(e.AI))
		}
		if s.Found.Err != nil {
			shown.GS1.Err = s.Found.Err.Error()
		}
		if s.Found.Pos >= 0 {
			shown.GS1.Pos = &s.Found.Pos
		}
	}
	if m := s.Means; m != nil {
		shown.Means = &shownMeaning{Binding: m.Place, Event: m.Binding.Event, Actions: m.Actions}
		if note := m.State.Notes[s.Event.Source]; note.Kind == station.NoteNeeds {
			shown.Means.Needs = note.Text
		}
		for name, value := range m.State.Values {
			if shown.Means.Set == nil {
				shown.Means.Set = make(map[string]string)
			}
			shown.Means.Set[name] = value.Text
		}
	}
	return j.to.Encode(shown)
}
