package station

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value returns what the operator has in hand under a name, unless it expired:
// a text, a list as JSON, how many items a list has (#name), or a count. A
// counter at zero has no value.
func (s State) value(name string, now Stamp) (string, bool) {
	if c := s.Counters[name]; c.Count > 0 {
		return strconv.Itoa(c.Count), true
	}
	name, many := strings.CutPrefix(name, counted)
	v, ok := s.Values[name]
	switch {
	case !ok || v.expired(now):
		return "", false
	case many:
		return strconv.Itoa(v.List), v.List > 0
	}
	return v.Text, true
}

// expired reports whether a value no longer holds. Where nobody can tell, it
// does not: asking again is safe, a wrong order is not.
func (v Value) expired(now Stamp) bool {
	if v.For == 0 {
		return false
	}
	age, known := now.Since(v.At)
	return !known || age > v.For
}

// setValue takes a value in hand.
func (s State) setValue(name string, v Value) State {
	s.Values = maps.Clone(s.Values)
	if s.Values == nil {
		s.Values = make(map[string]Value)
	}
	s.Values[name] = v
	return s
}

// setCounter puts a counter in the place of another.
func (s State) setCounter(name string, c Counter) State {
	s.Counters = maps.Clone(s.Counters)
	if s.Counters == nil {
		s.Counters = make(map[string]Counter)
	}
	s.Counters[name] = c
	return s
}

// clear puts values away, and sets counters to zero.
func (s State) clear(names []string, now Stamp) State {
	for _, name := range names {
		if _, in := s.Values[name]; in {
			s.Values = maps.Clone(s.Values)
			delete(s.Values, name)
		}
		if _, counts := s.Counters[name]; counts {
			s = s.setCounter(name, Counter{Until: now})
		}
	}
	return s
}

// mostCount bounds what one event counts and what a counter holds: a reader that
// takes an article number for an amount stops there.
const mostCount = 1_000_000

// count adds to a counter; ok is false where the text is no number to count.
func (s State) count(name, text string, now Stamp) (after State, ok bool) {
	n, err := strconv.Atoi(text)
	c := s.Counters[name]
	if err != nil || n < 1 || n > mostCount-c.Count {
		return s, false
	}
	if c.Count == 0 {
		c.Since = now
	}
	c.Count += n
	return s.setCounter(name, c), true
}

// Counting reports whether any counter is above zero.
func (s State) Counting() bool {
	for _, c := range s.Counters {
		if c.Count > 0 {
			return true
		}
	}
	return false
}

// since returns the beginning of the time that counters tell of together: their
// first count, but not before any of them was last cleared, so that the times of
// two records never overlap, whatever the clock did between them. The end of
// that time is now. There is none while the clock has not been set, while less
// than a second has passed, or while the clock stands before the last end.
func (s State) since(names []string, now Stamp) (at time.Time, known bool) {
	var until time.Time
	for _, name := range names {
		c := s.Counters[name]
		if c.Until.Trusted && c.Until.toSecond().After(until) {
			until = c.Until.toSecond()
		}
		if c.Count == 0 {
			continue
		}
		if first := now.wallAt(c.Since); !known || first.Before(at) {
			at, known = first, true
		}
	}
	if at.Before(until) {
		at = until
	}
	return at, known && now.Trusted && at.Before(now.toSecond())
}

// toSecond is the wall clock of a stamp, cut to the whole second. A time.Time that this
// process has just taken carries a monotonic reading too, and two of them would be
// compared by that: Truncate leaves it out.
func (t Stamp) toSecond() time.Time { return t.Wall.UTC().Truncate(time.Second) }

// wallAt returns what the clock of t would have said at an earlier stamp. How long ago a
// stamp of another boot was may be unknown; then it is taken for the moment when this boot
// began, for it was not later.
func (t Stamp) wallAt(earlier Stamp) time.Time {
	age, known := t.Since(earlier)
	if !known {
		age = t.Up
	}
	return t.Wall.Add(-age).UTC().Truncate(time.Second)
}

// rememberUndo takes up what an event changed, and keeps it for undo where somebody
// may take it back. An event that changed nothing in hand and made no entry
// leaves the last thing of its source as it is. What another source has changed
// since is not the source's own any more.
func (s State) rememberUndo(before State, source string, entries []ID, keep bool) State {
	u := Undo{Entries: entries}
	u.addValues(before, s)
	u.addCounters(before, s)
	if u.empty() || len(s.Undo) == 0 && !keep {
		return s
	}
	undo := make(map[string]Undo, len(s.Undo)+1)
	for other, theirs := range s.Undo {
		if theirs = theirs.without(u); !theirs.empty() {
			undo[other] = theirs
		}
	}
	delete(undo, source)
	if keep {
		undo[source] = u
	}
	s.Undo = undo
	return s
}

// addValues notes the values that differ.
func (u *Undo) addValues(before, after State) {
	was := func(name string, v *Value) {
		if u.Was == nil {
			u.Was = make(map[string]*Value)
		}
		u.Was[name] = v
	}
	for name, v := range before.Values {
		now, in := after.Values[name]
		switch {
		case in && now == v:
		case in && v.List > 0 && now.List == v.List+1:
			u.Longer = append(u.Longer, name)
		default:
			was(name, &v)
		}
	}
	for name := range after.Values {
		if _, in := before.Values[name]; !in {
			was(name, nil)
		}
	}
	slices.Sort(u.Longer)
}

// addCounters notes the counters that differ.
func (u *Undo) addCounters(before, after State) {
	for name, now := range after.Counters {
		was := before.Counters[name]
		switch {
		case now.Count > was.Count:
			if u.Counted == nil {
				u.Counted = make(map[string]int)
			}
			u.Counted[name] = now.Count - was.Count
		case now.Count < was.Count:
			if u.Counters == nil {
				u.Counters = make(map[string]Counter)
			}
			u.Counters[name] = was
		}
	}
}

func (u Undo) empty() bool {
	return len(u.Entries)+len(u.Was)+len(u.Longer)+len(u.Counted)+len(u.Counters) == 0
}

// without returns u without what a later event of another source has changed:
// values, and counters that it cleared. Counts add up, whoever counts.
func (u Undo) without(later Undo) Undo {
	touched := func(name string) bool {
		_, was := later.Was[name]
		return was || slices.Contains(later.Longer, name)
	}
	cleared := func(name string) bool {
		_, was := later.Counters[name]
		return was
	}
	u.Was, u.Counted, u.Counters = maps.Clone(u.Was), maps.Clone(u.Counted), maps.Clone(u.Counters)
	maps.DeleteFunc(u.Was, func(name string, _ *Value) bool { return touched(name) })
	maps.DeleteFunc(u.Counted, func(name string, _ int) bool { return cleared(name) })
	maps.DeleteFunc(u.Counters, func(name string, _ Counter) bool { return cleared(name) })
	u.Longer = slices.DeleteFunc(slices.Clone(u.Longer), touched)
	return u
}

// forgetUndo keeps nothing more of what a source did when one of its entries has
// come to an end or to a person: half of a thing is not taken back.
func (s State) forgetUndo(source string, entry ID) State {
	if !slices.Contains(s.Undo[source].Entries, entry) {
		return s
	}
	s.Undo = maps.Clone(s.Undo)
	delete(s.Undo, source)
	return s
}

// undoLast takes back the last thing of the event's source: what it changed in
// hand at once, and its entries where the outbox finds that it may.
func (s State) undoLast(ev Event) (State, []Action) {
	u, there := s.Undo[ev.Source]
	if !there {
		return s.TooLate(ev), nil
	}
	s.Undo = maps.Clone(s.Undo)
	delete(s.Undo, ev.Source)
	for name, v := range u.Was {
		if v == nil {
			s.Values = maps.Clone(s.Values)
			delete(s.Values, name)
			continue
		}
		s = s.setValue(name, *v)
	}
	for _, name := range u.Longer {
		s = s.setValue(name, s.Values[name].withoutLast())
	}
	for name, n := range u.Counted {
		c := s.Counters[name]
		if c.Count -= n; c.Count == 0 {
			c.Since = Stamp{}
		}
		s = s.setCounter(name, c)
	}
	for name, was := range u.Counters {
		was.Count += s.Counters[name].Count
		s = s.setCounter(name, was)
	}
	var actions []Action
	for _, entry := range u.Entries {
		actions = append(actions, Action{Verb: VerbUndo, About: entry})
	}
	return s.addNote(ev, NoteUndone, ""), actions
}
