package report

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"stationd/bench/measure"
	"stationd/bench/rig"
	"stationd/bench/store"
)

// Picture names a picture and its axes.
type Picture struct {
	ID, Title, X, Y string
	High            string // what the upper of two curves is
	LogX, LogY      bool
}

// Pictures are those that the full run draws.
func Pictures() []Picture {
	return []Picture{
		{ID: "backlog", Title: "Last byte to durable, by how many entries wait", X: "entries that wait", Y: "ms", High: "95 %", LogX: true},
		{ID: "lanes", Title: "The network is back: until the last lane has arrived", X: "lanes, one entry each", Y: "s", High: "most", LogX: true},
		{ID: "soak-latency", Title: "Soak: last byte to the request at the vendor", X: "minutes", Y: "ms", High: "95 %"},
		{ID: "soak-memory", Title: "Soak: resident memory", X: "minutes", Y: "MiB"},
	}
}

// Folder is where the pictures are, beside the document.
const Folder = "benchmarks"

// Document is docs/benchmarks.md.
func Document(r Results) (string, error) {
	text, err := Lines()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("<!-- Written by `make bench-full`; what is said of the lines is in bench/report/lines.toml. -->")
	line("%s", strings.TrimSpace(text.Head))
	line("\n## The run\n")
	line("| | |\n| --- | --- |")
	line("| when | %s, commit %s, in %s |", r.Made, r.Commit, r.Took)
	line("| machine | %s, %d cores, %s |", r.Machine.Processor, r.Machine.Cores, r.Machine.Memory)
	line("| system | %s, files on %s |", r.Machine.Kernel, r.Machine.FileSystem)
	line("| Go | %s |", r.Machine.Go)
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		line("| %s | %s |", name, r.Versions[name])
	}
	line("| load average, as the run went on | %s |", strings.Join(r.Load, ", "))
	for _, parts := range slices.Sorted(maps.Keys(r.Renewed)) {
		line("| %s: measured again | %s |", parts, r.Renewed[parts])
	}
	for _, name := range slices.Sorted(maps.Keys(r.Missing)) {
		line("| not measured: %s | %s |", name, oneLine(r.Missing[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Failed)) {
		line("| failed: %s | %s |", name, oneLine(r.Failed[name]))
	}
	line("\n## The lines\n")
	line("A median, and in brackets the spread: least and most, of twenty and more the 5th and the 95th of a hundred.\n")
	line("| line | stationd | Python | Node-RED | bare, limit | goal | reached |")
	line("| --- | --- | --- | --- | --- | --- | --- |")
	var notes []string
	for _, l := range text.Lines {
		if l.Part {
			continue
		}
		figures := r.Lines[l.ID]
		limit := l.cell(figures[rig.Bare])
		if figures[rig.Bare].N == 0 && l.Limit != "" {
			limit = l.Limit
		}
		reached := ""
		switch ours := figures[rig.Stationd]; {
		case ours.N == 0:
			reached = "not measured"
		case l.Most == nil && l.Least == nil:
		case l.Reached(ours.Median):
			reached = "yes"
		default:
			reached = "no"
		}
		if said := text.said(l, r); said != "" {
			notes = append(notes, fmt.Sprintf("**%s.** %s", l.Title, said))
			reached = strings.TrimSpace(reached + fmt.Sprintf(" [%d](#notes)", len(notes)))
		}
		line("| %s | %s | %s | %s | %s | %s | %s |", l.title(), l.cell(figures[rig.Stationd]), l.cell(figures[rig.Python]), l.cell(figures[rig.NodeRED]), limit, l.goal(), reached)
	}
	if len(notes) > 0 {
		line("\n### Notes\n")
		for i, said := range notes {
			line("%d. %s", i+1, said)
		}
	}
	where(line, text, r)
	if board := strings.TrimSpace(text.Board); board != "" {
		line("\n## On the emulated board\n\n%s", board)
	}
	stores(line, r.Stores)
	drawn := false
	for _, p := range Pictures() {
		if len(r.Curves[p.ID]) == 0 {
			continue
		}
		if !drawn {
			line("\n## Pictures")
			drawn = true
		}
		line("\n![%s](%s/%s.svg)\n", p.Title, Folder, p.ID)
		curveTable(line, p, r.Curves[p.ID])
	}
	return b.String(), nil
}

// where writes what the figures consist of that are taken apart.
func where(line func(string, ...any), text Text, r Results) {
	line("\n## Where it goes\n")
	for _, l := range text.Lines {
		if l.Where == "" {
			continue
		}
		var parts []string
		for _, s := range r.Shares[l.ID] {
			parts = append(parts, s.Name+" "+l.number(s.Value))
		}
		if len(parts) == 0 {
			parts = []string{"not measured"}
		}
		line("* **%s**, %s: %s.", l.title(), l.Where, strings.Join(parts, "; "))
	}
}

// stores writes the table of what keeps a queue on disk.
func stores(line func(string, ...any), rows []store.Row) {
	if len(rows) == 0 {
		return
	}
	var limit, tuned store.Row
	for _, row := range rows {
		switch row.Name {
		case store.Append:
			limit = row
		case store.Tuned:
			tuned = row
		}
	}
	line("\n## What keeps a queue on disk\n")
	line("Each syncs every record of 300 bytes; the outbox's are its own: event, state and entry. One writer is measured by turns, record by record, with a backlog that grows; sixteen writers each kind alone; a cycle is recorded, delivered at once, and taken off. In brackets how many times as much as *%s* takes, or as many as it does. Bytes and flushes are a loop device's, the journal of its ext4 with them.\n", store.Tuned)
	line("| | one writer, ms | 16 writers, records/s | cycles/s | bytes and flushes a record | … a cycle | cycles, × append and cursor |")
	line("| --- | --- | --- | --- | --- | --- | --- |")
	for _, row := range rows {
		name := row.Name
		if row.Version != "" {
			name += " " + row.Version
		}
		line("| %s | %s | %s | %s | %s | %s | %.2f |", name,
			compared(row.Enqueue, tuned.Enqueue, 3), compared(row.Shared, tuned.Shared, 0), compared(row.Cycles, tuned.Cycles, 0),
			told(row.AddBytes, row.AddFlush), told(row.Bytes, row.Flushes), ratio(row.Cycles.Median, limit.Cycles.Median))
	}
	line("")
	for _, row := range rows {
		line("* %s: %s.", row.Name, row.Note)
	}
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func compared(f, to measure.Figure, decimals int) string {
	return fmt.Sprintf("%s (%.2f)", grouped(f.Median, decimals), ratio(f.Median, to.Median))
}

func told(bytes, flushes float64) string {
	if flushes == 0 {
		return "not counted"
	}
	return fmt.Sprintf("%s, %.2f", grouped(bytes, 0), flushes)
}

// curveTable says in numbers what a picture shows.
func curveTable(line func(string, ...any), p Picture, curves []Curve) {
	if strings.HasPrefix(p.ID, "soak") { // its points are many
		for _, c := range curves {
			if n := len(c.X); n > 0 {
				line("* %s, two scans a second: after %s minutes %s %s, in the end, after %s, %s.", c.Name, grouped(c.X[0], 1), grouped(c.Y[0], 1), p.Y, grouped(c.X[n-1], 1), grouped(c.Y[n-1], 1))
			}
		}
		return
	}
	head, rule := "| "+p.X, "| ---"
	for _, c := range curves {
		head += " | " + c.Name + ", " + p.Y
		rule += " | ---"
	}
	line("%s |\n%s |", head, rule)
	for _, x := range curves[0].X {
		var row strings.Builder
		row.WriteString("| " + grouped(x, 0))
		for _, c := range curves {
			at := slices.Index(c.X, x)
			if at < 0 {
				row.WriteString(" | ")
				continue
			}
			row.WriteString(" | " + grouped(c.Y[at], 2))
			if len(c.High) > at {
				row.WriteString(" (" + p.High + ": " + grouped(c.High[at], 2) + ")")
			}
		}
		line("%s |", row.String())
	}
}

func (l Line) title() string {
	if l.Unit == "" {
		return l.Title
	}
	return l.Title + ", " + l.Unit
}

func (l Line) goal() string {
	switch {
	case l.Most != nil:
		return "≤ " + l.number(*l.Most)
	case l.Least != nil:
		return "≥ " + l.number(*l.Least)
	}
	return ""
}

func (l Line) number(v float64) string { return grouped(v, l.Decimals) }

// cell is a figure of the table, its spread in brackets where it has one.
func (l Line) cell(f measure.Figure) string {
	switch f.N {
	case 0:
		return ""
	case 1:
		return l.number(f.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", l.number(f.Median), l.number(f.Low), l.number(f.High))
}

// grouped writes a number with its thousands apart.
func grouped(v float64, decimals int) string {
	whole, part, has := strings.Cut(strconv.FormatFloat(v, 'f', decimals, 64), ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if has {
		whole += "." + part
	}
	return sign + whole
}

// oneLine is a text as a cell of a table takes it.
func oneLine(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", "\\|")
}
