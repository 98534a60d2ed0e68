package station

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// This file keeps what was counted from being told of the wrong product. A report is a
// binding of one of the station's own times that clears counters, as station.minute with a
// production record. Before a value changes that a report names, in hand or read at a
// vendor, what was counted until then is reported with the value as it was: it is cut. That
// happens in the transaction of the change itself, so that no power cut comes between.

// A SetAside is what was counted before a change and could not be reported at it, as while
// the clock has not been set. It is reported by the next of the station's own times at which
// it can be.
type SetAside struct {
	Counters map[string]Counter `json:"counters"`
	Values   map[string]Value   `json:"values,omitempty"`   // that the report names, as they were
	Readings map[string]Reading `json:"readings,omitempty"` // and these
	At       Stamp              `json:"at"`                 // of the change
}

// mostAside is how many counts may be set aside. One more is not cut.
const mostAside = 20

// isReport reports whether a binding is carried out by the station itself and clears what is
// counted.
func (p Program) isReport(b Binding) bool {
	source, kind, _ := strings.Cut(b.Event, ".")
	return source == FromStation && kind != Alert && len(b.Clear) > 0
}

// counts reports whether any of these counters is above zero.
func (s State) counts(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return s.Counters[name].Count > 0 })
}

// changes reports whether a name of a report had a value before a change, and has another
// after it or none. What had no value before is no change: what was counted without a
// product counts for the first one.
func (p Program) changes(b Binding, before, after State) bool {
	for n := range b.names() {
		if was := p.lasting(before, n.Name); was != "" && was != p.lasting(after, n.Name) {
			return true
		}
	}
	return false
}

// lasting returns the value of a name that outlives events: one in hand, or one that was
// read at a vendor, however long ago. A counter is none: each piece changes it.
func (p Program) lasting(s State, name string) string {
	if text, _, is := p.reading(s, name, Stamp{}); is {
		backend, _, _ := strings.Cut(name, ".")
		if of := p.Vendors[backend].Follows; of != "" && s.Values[of].Text != s.Readings[backend].Order {
			return "" // another order is in hand than was read last
		}
		return text
	}
	if _, counts := s.Counters[name]; counts {
		return ""
	}
	return s.Values[strings.TrimPrefix(name, counted)].Text
}

// cut reports what was counted before a change from one state to another, which ev brings.
// besides are the counters that the change itself clears. It returns before as it is after
// the reports, and their actions, which are of the change's event.
func (p Program) cut(before, after State, ev Event, besides []string) (State, []Action) {
	s := before
	var actions []Action
	for _, b := range p.Bindings {
		if !p.isReport(b) || !s.counts(b.Clear) || slices.ContainsFunc(b.Clear, func(name string) bool { return slices.Contains(besides, name) }) {
			continue
		}
		if !p.changes(b, before, after) {
			continue
		}
		x := p.reporting(b, s, ev, ev.At, actions)
		if x.report() {
			s, actions = x.s, x.actions
			continue
		}
		s = p.setAside(s, b, ev.At)
	}
	return s, actions
}

// reporting is the execution of a report at a change. at is when what it tells ended; the
// event is the one that is recorded.
func (p Program) reporting(b Binding, s State, ev Event, at Stamp, actions []Action) *execution {
	ev.Code, ev.Data = "", nil
	ev.At = at
	if since, known := s.since(b.Clear, Stamp{Wall: at.Wall.Add(time.Hour), Boot: at.Boot, Up: at.Up + time.Hour, Trusted: at.Trusted}); known && !since.Before(at.toSecond()) {
		later := since.Add(time.Second).Sub(at.Wall) // all of it in one second: a record has a length
		ev.At.Wall, ev.At.Up = at.Wall.Add(later), at.Up+later
	}
	return &execution{p: p, b: b, ev: ev, s: s, actions: actions, reports: true}
}

// report carries a report out, and reports whether it could be. Where it is not known for
// what the pieces count, its actions wait for a person.
func (x *execution) report() bool {
	x.unsure = x.p.unseen(x.b, x.s, x.ev.At)
	for _, step := range steps() {
		if step(x).Kind != "" {
			return false
		}
	}
	x.s = x.s.clear(x.b.Clear, x.ev.At)
	return true
}

// unseen says why it is not known for what the pieces of a report count: a value that it
// names was read, and then not for longer than a reading counts, or was in hand for a time
// that is over. "" where it is known.
func (p Program) unseen(b Binding, s State, now Stamp) string {
	for n := range b.names() {
		name := n.Name
		text, _, read := p.reading(s, name, now)
		v := s.Values[strings.TrimPrefix(name, counted)]
		switch {
		case read && text != "":
			backend, _, _ := strings.Cut(name, ".")
			r, vendor := s.Readings[backend], p.Vendors[backend]
			if age, known := now.Since(r.At); !known || age > vendor.Fresh {
				return fmt.Sprintf("%s was last seen with %s at %s: for what the pieces after that count is not known", r.of(vendor.Title), text, r.At.minute())
			}
		case !read && v.Expired(now):
			return fmt.Sprintf("%s was in hand as %s from %s on, for %v: for what the pieces after that count is not known", name, v.Text, v.At.minute(), v.For)
		}
	}
	return ""
}

// minute is the wall clock of a stamp as people read it.
func (t Stamp) minute() string { return t.Wall.Format("2006-01-02 15:04 MST") }

// of names what a reading is of.
func (r Reading) of(title string) string {
	if r.Line == "" {
		return title
	}
	return title + "'s line " + r.Line
}

// setAside puts what a report tells aside, with the values that it names.
func (p Program) setAside(s State, b Binding, at Stamp) State {
	if len(s.Aside) >= mostAside {
		return s
	}
	a := SetAside{Counters: make(map[string]Counter), At: at}
	for _, name := range b.Clear {
		if c, counts := s.Counters[name]; counts {
			a.Counters[name] = c
		}
	}
	for n := range b.names() {
		name := strings.TrimPrefix(n.Name, counted)
		if v, in := s.Values[name]; in {
			if a.Values == nil {
				a.Values = make(map[string]Value)
			}
			a.Values[name] = v
		}
		backend, _, _ := strings.Cut(name, ".")
		if r, read := s.Readings[backend]; read {
			if a.Readings == nil {
				a.Readings = make(map[string]Reading)
			}
			a.Readings[backend] = r
		}
	}
	s.Aside = append(slices.Clone(s.Aside), a)
	return s.clear(b.Clear, at)
}

// reportAside reports what was set aside, as far as that can be done now.
func (p Program) reportAside(s State, ev Event) (State, []Action) {
	var actions []Action
	var left []SetAside
	for _, a := range s.Aside {
		i := slices.IndexFunc(p.Bindings, func(b Binding) bool {
			return p.isReport(b) && (State{Counters: a.Counters}).counts(b.Clear)
		})
		if i < 0 {
			left = append(left, a) // the configuration reports it no more: it waits until it does
			continue
		}
		b, then := p.Bindings[i], s
		then.Values, then.Counters, then.Readings = a.Values, a.Counters, a.Readings
		at := a.At
		at.Wall, at.Trusted = ev.At.wallAt(a.At), ev.At.Trusted
		x := p.reporting(b, then, ev, at, actions)
		if !x.report() {
			left = append(left, a)
			continue
		}
		actions = x.actions
		x.s.Values, x.s.Counters, x.s.Readings = s.Values, s.Counters, s.Readings
		s = x.s
		for _, name := range b.Clear {
			if c, counts := s.Counters[name]; counts && (!c.Until.Trusted || c.Until.Wall.Before(x.ev.At.Wall)) {
				c.Until = x.ev.At
				s = s.setCounter(name, c)
			}
		}
	}
	s.Aside = left
	return s, actions
}

// notReported leaves a note that what was counted cannot be reported, and why: once, for the
// next minute brings the same. That the clock is not set shows elsewhere.
func (p Program) notReported(b Binding, s State, ev Event, lack Note) State {
	told := s.Notes[FromStation]
	if !p.isReport(b) || !s.counts(b.Clear) || lack.Text == "now" || lack.Text == "since" || told.Kind == lack.Kind && told.Text == lack.Text {
		return s
	}
	return s.addNote(ev, lack.Kind, lack.Text)
}

// reported takes that note away.
func (s State) reported() State {
	if _, told := s.Notes[FromStation]; told {
		s.Notes = maps.Clone(s.Notes)
		delete(s.Notes, FromStation)
	}
	return s
}
