package demo

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The widths of the report's columns; with what is between them a line has 100 characters.
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
	problem string // why the two columns differ; "": they agree
	checked bool
}

// report prints both columns and reports whether they agree.
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
		s.say(" The two differ in %d places: see ✗.\n", problems)
		return false
	}
	s.say(" %d effects at the plant, each of them once, in order, and with its true time.\n", len(effects))
	if slices.ContainsFunc(effects, func(f Effect) bool { return f.Approximate }) {
		s.say(" (To the minute: the clock of this computer was never set from outside, and stationd knows it.)\n")
	}
	s.say(" The outbox is sound and empty but for the unknown scan.\n")
	s.say(" The plant heard %d requests and found no protocol violations.  %.1f s\n", len(s.sim.Plant.Requests()), took.Seconds())
	return true
}

// compare puts each step beside the effect that it had. Effects without a step come last. The
// effects are in the plant's order.
func compare(steps []step, effects []Effect, zone *time.Location) (rows []row) {
	matched := make([]bool, len(effects))
	last := make(map[string]int) // by lane, the latest effect that matched
	for _, st := range steps {
		r := row{chapter: st.chapter, at: st.at.In(zone).Format(time.TimeOnly), action: st.text, problem: st.problem}
		switch {
		case st.observed:
			r.at, r.checked = "", true
		case st.expected == nil && !st.external:
			r.effect = "–"
		}
		if st.expected != nil {
			r.checked = true
			i := findEffect(effects, matched, *st.expected)
			if i < 0 {
				r.problem = joinTexts(r.problem, "at the plant there is no "+st.expected.lane+": "+st.expected.text)
				rows = append(rows, r)
				continue
			}
			matched[i] = true
			r.effect = effects[i].column(zone)
			r.problem = joinTexts(r.problem, effects[i].TimeDifference(*st.expected, zone))
			if i < last[st.expected.lane] {
				r.problem = joinTexts(r.problem, "it came out of order")
			}
			last[st.expected.lane] = i
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

// findEffect returns the index of the first unmatched effect that is the wanted one; -1 without
// one.
func findEffect(effects []Effect, matched []bool, want Effect) int {
	for i, f := range effects {
		if !matched[i] && f.lane == want.lane && f.text == want.text {
			return i
		}
	}
	return -1
}

// TimeDifference says that the time of an effect differs from the true one of want by more than
// the vendor's precision; "" when it does not. zone is for the text.
func (f Effect) TimeDifference(want Effect, zone *time.Location) string {
	if want.Time.IsZero() {
		return ""
	}
	allowed := time.Second // vendors take whole seconds
	if f.Approximate {
		allowed = time.Minute
	}
	if off := want.Time.Sub(f.Time); off < -allowed || off > allowed {
		return "it happened at " + want.Time.In(zone).Format(time.TimeOnly)
	}
	return ""
}

// column is an effect in the plant's column.
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

// joinTexts joins the texts that are not empty.
func joinTexts(texts ...string) string {
	var filled []string
	for _, t := range texts {
		if t != "" {
			filled = append(filled, t)
		}
	}
	return strings.Join(filled, "; ")
}

// ruledLine fills a text up with a line to a width.
func ruledLine(text string, width int) string {
	return text + strings.Repeat("─", max(0, width-utf8.RuneCountInString(text)))
}

// pad fills a text up with blanks to a width.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
