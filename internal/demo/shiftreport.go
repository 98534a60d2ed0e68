package demo

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The columns of the report. With what stands between them a line has 100.
const (
	deedWidth = 46
	factWidth = 39
)

// A row is one line of the report.
type row struct {
	chapter string
	at      string
	deed    string
	fact    string
	wrong   string // why the two sides differ
	checked bool
}

// report prints both columns and returns whether they agree.
func (s *shift) report(took time.Duration) (agree bool) {
	facts := s.facts()
	rows := compare(s.deeds, facts, s.zone)
	s.say("\n %-9s%s │ %s\n", "", pad("THE OPERATOR", deedWidth), "THE PLANT")
	wrong := len(s.faults)
	for _, r := range rows {
		if r.chapter != "" {
			s.say(" ── %s┼%s\n", rule(r.chapter+" ", deedWidth+7), rule("", factWidth+3))
		}
		mark := " "
		switch {
		case r.wrong != "":
			mark = "✗"
			wrong++
		case r.checked:
			mark = "✓"
		}
		s.say(" %-9s%s │ %s %s\n", r.at, pad(r.deed, deedWidth), pad(r.fact, factWidth), mark)
		if r.wrong != "" {
			s.say(" %-9s✗ %s\n", "", r.wrong)
		}
	}
	s.say("\n")
	for _, f := range s.faults {
		s.say(" ✗ %s\n", f)
	}
	if wrong > 0 {
		s.say(" The two differ: look for the %d ✗.\n", wrong)
		return false
	}
	s.say(" %d effects at the plant, each of them once, in order, and with its true time.\n", len(facts))
	if slices.ContainsFunc(facts, func(f Effect) bool { return f.Approximate }) {
		s.say(" (To the minute: the clock of this computer was never set from outside, and stationd knows it.)\n")
	}
	s.say(" The outbox is sound and empty; the label that nobody knew is kept for a person.\n")
	s.say(" The plant heard %d requests and found no protocol violations.  %.1f s\n", len(s.box.Plant.Requests()), took.Seconds())
	return true
}

// compare lays each deed beside the fact that came of it. Facts that nobody did
// stand at the end. The facts are in the order in which they took effect.
func compare(deeds []step, facts []Effect, zone *time.Location) (rows []row) {
	taken := make([]bool, len(facts))
	last := make(map[string]int) // by lane, the latest fact that was taken
	for _, d := range deeds {
		r := row{chapter: d.chapter, at: d.at.In(zone).Format(time.TimeOnly), deed: d.text, wrong: d.wrong}
		switch {
		case d.seen:
			r.at, r.checked = "", true
		case d.comes == nil && !d.happens:
			r.fact = "–"
		}
		if d.comes != nil {
			r.checked = true
			i := find(facts, taken, *d.comes)
			if i < 0 {
				r.wrong = join(r.wrong, "at the plant there is no "+d.comes.lane+": "+d.comes.text)
				rows = append(rows, r)
				continue
			}
			taken[i] = true
			r.fact = facts[i].show(zone)
			r.wrong = join(r.wrong, facts[i].Differs(*d.comes, zone))
			if i < last[d.comes.lane] {
				r.wrong = join(r.wrong, "it came out of turn")
			}
			last[d.comes.lane] = i
		}
		rows = append(rows, r)
	}
	for i, f := range facts {
		if !taken[i] {
			rows = append(rows, row{fact: f.show(zone), wrong: "nobody did this, or it took effect twice"})
		}
	}
	return rows
}

// find returns the first fact that is not taken and is what was to come; -1
// without one.
func find(facts []Effect, taken []bool, want Effect) int {
	for i, f := range facts {
		if !taken[i] && f.lane == want.lane && f.text == want.text {
			return i
		}
	}
	return -1
}

// Differs says how the time that the plant was told differs from the true one.
func (f Effect) Differs(want Effect, zone *time.Location) string {
	if want.Told.IsZero() {
		return ""
	}
	allowed := time.Second // the vendor takes whole seconds
	if f.Approximate {
		allowed = time.Minute
	}
	if off := want.Told.Sub(f.Told); off < -allowed || off > allowed {
		return "it happened at " + want.Told.In(zone).Format(time.TimeOnly)
	}
	return ""
}

// show is a fact in the plant's column.
func (f Effect) show(zone *time.Location) string {
	text := pad(f.lane, 7) + f.text
	switch {
	case f.Told.IsZero():
		return text
	case f.Approximate:
		return text + " since ~" + f.Told.In(zone).Format("15:04")
	}
	return text + " since " + f.Told.In(zone).Format(time.TimeOnly)
}

func join(texts ...string) string {
	var said []string
	for _, t := range texts {
		if t != "" {
			said = append(said, t)
		}
	}
	return strings.Join(said, "; ")
}

// rule draws a line behind a text, so many characters altogether.
func rule(text string, width int) string {
	return text + strings.Repeat("─", max(0, width-utf8.RuneCountInString(text)))
}

// pad fills a text up with blanks to so many characters.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
