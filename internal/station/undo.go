package station

import (
	"maps"
	"slices"
)

// This file takes back the last thing that a source did: State.Undo remembers, for each
// source, what its last event changed in hand and which entries it made.

// rememberUndo remembers what an event changed, if a binding can take it back (keep). An
// event that changed nothing in hand and made no entry leaves what its source did before
// to be taken back. What this event changed is removed from what other sources may take
// back: the value is not as they left it any more.
func (s State) rememberUndo(before State, source string, entries []ID, keep bool) State {
	if len(s.Undo) == 0 && !keep {
		return s
	}
	u := Undo{Entries: entries}
	u.addValues(before, s)
	u.addCounters(before, s)
	if u.empty() {
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

// without returns u without what a later event of another source has changed: values, and
// counters that it cleared. What another source has counted since does not matter: taking
// back subtracts what was added.
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

// forgetUndo forgets what a source may take back once one of its entries has ended or is
// held: what cannot be taken back whole is not taken back in part.
func (s State) forgetUndo(source string, entry ID) State {
	if !slices.Contains(s.Undo[source].Entries, entry) {
		return s
	}
	s.Undo = maps.Clone(s.Undo)
	delete(s.Undo, source)
	return s
}

// undoLast takes back the last thing that the event's source did: what it changed in hand at
// once, and its entries by VerbUndo, which the outbox carries out only while nothing of
// them can have been sent.
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
