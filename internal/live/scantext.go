package live

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"stationd/internal/scanner/gs1"
	"stationd/internal/scanner/mh10"
	"stationd/internal/station"
	"stationd/internal/terminal"
)

// PrintScan prints a scan for people, in a few lines of text and an empty one.
func PrintScan(w io.Writer, s ScanReport) error {
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
	b.WriteString(markedText(s.Raw, s.GS1.Pos))
	if s.Steps != nil {
		b.WriteString(row("read", strings.Join(s.Steps, "; ")))
	}
	if code := terminal.Visible(s.Event.Code); !strings.HasSuffix(terminal.Visible(string(s.Raw)), code) {
		b.WriteString(terminal.Wrap(fmt.Sprintf("  %-8s%s\n", "code", code), 10))
	}
	if s.GS1.Err != nil {
		b.WriteString(row("fault", s.GS1.Err.Error()))
	}
	for _, e := range s.GS1.Elements {
		fmt.Fprintf(&b, "  %-8s%-20s  %s\n", "("+e.AI+")", terminal.Visible(e.Value), gs1.Title(e.AI))
	}
	b.WriteString(bindableNames(s.Event))
	if s.Meaning != nil {
		s.Meaning.write(&b, s.Event)
	}
	if s.Result != "" {
		b.WriteString(row("station", s.Result))
	}
	_, err := io.WriteString(w, b.String()+"\n")
	return err
}

// write prints what a station would do with a scan.
func (m *meaning) write(w *strings.Builder, ev station.Event) {
	source := ev.Source
	if m.Number == 0 {
		fmt.Fprintf(w, "  %-8sno binding matches: a station would keep it as an unknown scan\n", "means")
		for _, why := range m.WhyNot {
			w.WriteString(row("", why))
		}
		return
	}
	w.WriteString(terminal.Wrap(fmt.Sprintf("  %-8s%s\n", "means", m.bindingText()), 10))
	note := m.State.Notes[source]
	switch note.Kind {
	case station.NoteNeeds:
		fmt.Fprintf(w, "  %-8sneeds %s first; no values are set here\n", "", note.Text)
	case station.NoteUnread:
		fmt.Fprintf(w, "  %-8sneeds %s, which a running station reads at the vendor\n", "", note.Text)
	case station.NoteNotYet, station.NoteNotAmong, station.NoteAmong:
		fmt.Fprintf(w, "  %-8swould be refused here, where nothing is in hand: %s\n", "", terminal.Visible(note.Text))
	case station.NoteAbove, station.NoteBelow, station.NoteNotAllowed, station.NoteNumber:
		fmt.Fprintf(w, "  %-8swould be refused: %s\n", "", terminal.Visible(note.Text))
	}
	for _, name := range slices.Sorted(maps.Keys(m.State.Values)) {
		fmt.Fprintf(w, "  %-8ssets %s = %s\n", "", name, terminal.Visible(m.State.Values[name].Text))
	}
	for _, a := range m.Actions {
		fmt.Fprintf(w, "  %-8swould send %s %s in lane %s\n", "", a.Backend(), a.Verb, terminal.Visible(a.Lane))
		for _, field := range slices.Sorted(maps.Keys(a.With)) {
			fmt.Fprintf(w, "  %-8s  %s = %s\n", "", field, terminal.Visible(a.With[field]))
		}
	}
	if len(m.Actions) == 0 && len(m.State.Values) == 0 && note.Kind.Reply().Beep != station.SoundRefused {
		fmt.Fprintf(w, "  %-8sdoes nothing while no values are set\n", "")
	}
}

// bindableNames lists the names that a binding could use, besides the GS1 elements, and the
// faults of the label.
func bindableNames(ev station.Event) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(ev.Data)) {
		kind, id, _ := strings.Cut(name, ".")
		switch {
		case id == "error" && kind != "gs1", name == station.DataRefused:
			b.WriteString(row("fault", ev.Data[name]))
		case !station.OnLabel(name) || id == "error" || kind == "gs1" && !gs1.HasPoint(id):
		case kind == "di":
			fmt.Fprintf(&b, "  %-8s{%s} = %s  %s\n", "", name, terminal.Visible(ev.Data[name]), mh10.Title(id))
		default:
			fmt.Fprintf(&b, "  %-8s{%s} = %s\n", "", name, terminal.Visible(ev.Data[name]))
		}
	}
	return b.String()
}

// markedText is the text of a scan, wrapped, with a mark below the byte at fault, counted
// from 0; below 0: none.
func markedText(raw []byte, fault int) string {
	const width = terminal.LineWidth - 11 // leaves room for a mark behind the last character
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

// row is one line of the report, wrapped, with what acts on a terminal made visible.
func row(label, text string) string {
	return terminal.Wrap(fmt.Sprintf("  %-8s%s\n", label, terminal.Visible(text)), 10)
}

// label returns the text for the first line of several, and "" for the others.
func label(text string, first bool) string {
	if first {
		return text
	}
	return ""
}
