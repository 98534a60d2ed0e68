package demo

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The columns of the report. With what stands between them a line has 100.
const (
	actionWidth = 46
	effectWidth = 39
)

// A row is one line of the report.
type row struct {
	chapter string
	at      string
	action  string
	effect  string
	problem string // why the two sides differ
	checked bool
}

// report prints both columns and returns whether they agree.
func (s *shift) report(took time.Duration) (agree bool) {
	effects := s.effects()
	rows := compare(s.steps, effects, s.zone)
	s.say("\n %-9s%s │ %s\n", "", pad("THE OPERATOR", actionWidth), "THE PLANT")
	problems := len(s.faults)
	for _, r := range rows {
		if r.chapter != "" {
			s.say(" ── %s┼%s\n", ruledLine(r.chapter+" ", actionWidth+7), ruledLine("", effectWidth+3))
		}
		mark := " "
		switch {
		case r.problem != "":
			mark = "✗"
			problems++
		case r.checked:
			mark = "✓"
		}
		s.say(" %-9s%s │ %s %s\n", r.at, pad(r.action, actionWidth), pad(r.effect, effectWidth), mark)
		if r.problem != "" {
			s.say(" %-9s✗ %s\n", "", r.problem)
		}
	}
	s.say("\n")
	for _, f := range s.faults {
		s.say(" ✗ %s\n", f)
	}
	if problems > 0 {
		s.say(" The two differ: look for the %d ✗.\n", problems)
		return false
	}
	s.say(" %d effects at the plant, each of them once, in order, and with its true time.\n", len(effects))
	if slices.ContainsFunc(effects, func(f Effect) bool { return f.Approximate }) {
		s.say(" (To the minute: the clock of this computer was never set from outside, and stationd knows it.)\n")
	}
	s.say(" The outbox is sound and empty; the label that nobody knew is kept for a person.\n")
	s.say(" The plant heard %d requests and found no protocol violations.  %.1f s\n", len(s.sim.Plant.Requests()), took.Seconds())
	return true
}

// compare lays each deed beside the fact that came of it. Facts that nobody did
// stand at the end. The facts are in the order in which they took effect.
func compare(steps []step, effects []Effect, zone *time.Location) (rows []row) {
	matched := make([]bool, len(effects))
	last := make(map[string]int) // by lane, the latest fact that was taken
	for _, d := range steps {
		r := row{chapter: d.chapter, at: d.at.In(zone).Format(time.TimeOnly), action: d.text, problem: d.problem}
		switch {
		case d.observed:
			r.at, r.checked = "", true
		case d.expected == nil && !d.external:
			r.effect = "–"
		}
		if d.expected != nil {
			r.checked = true
			i := findEffect(effects, matched, *d.expected)
			if i < 0 {
				r.problem = joinTexts(r.problem, "at the plant there is no "+d.expected.lane+": "+d.expected.text)
				rows = append(rows, r)
				continue
			}
			matched[i] = true
			r.effect = effects[i].column(zone)
			r.problem = joinTexts(r.problem, effects[i].TimeDifference(*d.expected, zone))
			if i < last[d.expected.lane] {
				r.problem = joinTexts(r.problem, "it came out of turn")
			}
			last[d.expected.lane] = i
		}
		rows = append(rows, r)
	}
	for i, f := range effects {
		if !matched[i] {
			rows = append(rows, row{effect: f.column(zone), problem: "nobody did this, or it took effect twice"})
		}
	}
	return rows
}

// findEffect returns the first fact that is not taken and is what was to come; -1
// without one.
func findEffect(effects []Effect, matched []bool, want Effect) int {
	for i, f := range effects {
		if !matched[i] && f.lane == want.lane && f.text == want.text {
			return i
		}
	}
	return -1
}

// TimeDifference says how the time that the plant was told differs from the true one.
func (f Effect) TimeDifference(want Effect, zone *time.Location) string {
	if want.Time.IsZero() {
		return ""
	}
	allowed := time.Second // the vendor takes whole seconds
	if f.Approximate {
		allowed = time.Minute
	}
	if off := want.Time.Sub(f.Time); off < -allowed || off > allowed {
		return "it happened at " + want.Time.In(zone).Format(time.TimeOnly)
	}
	return ""
}

// column is a fact in the plant's column.
func (f Effect) column(zone *time.Location) string {
	text := pad(f.lane, 7) + f.text
	switch {
	case f.Time.IsZero():
		return text
	case f.Approximate:
		return text + " since ~" + f.Time.In(zone).Format("15:04")
	}
	return text + " since " + f.Time.In(zone).Format(time.TimeOnly)
}

func joinTexts(texts ...string) string {
	var filled []string
	for _, t := range texts {
		if t != "" {
			filled = append(filled, t)
		}
	}
	return strings.Join(filled, "; ")
}

// ruledLine draws a line behind a text, so many characters altogether.
func ruledLine(text string, width int) string {
	return text + strings.Repeat("─", max(0, width-utf8.RuneCountInString(text)))
}

// pad fills a text up with blanks to so many characters.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
