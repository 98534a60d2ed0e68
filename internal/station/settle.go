package station

import (
	"maps"
	"slices"
)

// Settle says what an answer changes. It is pure; an answer that decides nothing
// (Unreached, or Doubtful while it can still be told) returns s as it is.
func (s State) Settle(d Delivery, rc Receipt) State {
	if rc.Outcome == Delivered {
		s = s.tally(d.Source, -1, 0)
		s = s.noted(d.Source, Note{Kind: NoteDelivered, Text: rc.Note, At: rc.At})
		for i, c := range s.Calls {
			switch d.ID {
			case c.Entry:
				s.Calls = slices.Clone(s.Calls)
				s.Calls[i].Ref, s.Calls[i].Hold = rc.Ref, HoldNone
				return s
			case c.Closing:
				s.Calls = slices.Delete(slices.Clone(s.Calls), i, i+1)
				return s
			}
		}
		return s
	}
	hold := rc.Holds()
	if hold == HoldNone {
		return s
	}
	s = s.tally(d.Source, -1, 1)
	text := ""
	if rc.Err != nil {
		text = rc.Err.Error()
	}
	return s.noted(d.Source, Note{Kind: NoteHeld, Text: text, At: rc.At}).holdCall(d.ID, hold)
}

// Resume says what changes when a held entry goes back to wait.
func (s State) Resume(e Entry) State {
	return s.tally(e.Source, 1, -1).holdCall(e.ID, HoldNone)
}

// Drop says what changes when an entry in that condition ends without having
// been delivered: given up by a person, or moot.
func (s State) Drop(e Entry, was Condition) State {
	if was == Held {
		s = s.tally(e.Source, 0, -1)
	} else {
		s = s.tally(e.Source, -1, 0)
	}
	for i, c := range s.Calls {
		switch e.ID {
		case c.Entry:
			s.Calls = slices.Delete(slices.Clone(s.Calls), i, i+1)
			return s
		case c.Closing:
			s.Calls = slices.Clone(s.Calls)
			s.Calls[i].Closing = ""
			return s
		}
	}
	return s
}

// holdCall notes at the call that entry opens why it waits for a person.
func (s State) holdCall(entry ID, hold Holding) State {
	for i, c := range s.Calls {
		if c.Entry == entry && c.Hold != hold {
			s.Calls = slices.Clone(s.Calls)
			s.Calls[i].Hold = hold
		}
	}
	return s
}

// ended takes up what was seen at the vendor: a call that is over there. It is
// matched by the vendor's name for it; a stranger changes nothing.
func (s State) ended(ev Event) State {
	ref := ev.Data["ref"]
	for i, c := range s.Calls {
		if ref != "" && c.Backend == ev.Source && c.Ref == ref && c.Closing == "" {
			s.Calls = slices.Delete(slices.Clone(s.Calls), i, i+1)
			return s
		}
	}
	return s
}

// sameCall returns the index of the open call with that subject, or -1. A call
// whose close waits is not open any more: pressing now means a new one.
func (s State) sameCall(backend string, subject map[string]string) int {
	return slices.IndexFunc(s.Calls, func(c Call) bool {
		return c.Backend == backend && c.Closing == "" && maps.Equal(c.Subject, subject)
	})
}

// tally counts a source's entries up or down; an empty tally is not kept.
func (s State) tally(source string, waiting, held int) State {
	t := s.Sources[source]
	t.Waiting += waiting
	t.Held += held
	s.Sources = maps.Clone(s.Sources)
	if s.Sources == nil {
		s.Sources = make(map[string]Tally)
	}
	if t == (Tally{}) {
		delete(s.Sources, source)
	} else {
		s.Sources[source] = t
	}
	return s
}

// note says something to the operator at the event's source.
func (s State) note(ev Event, kind NoteKind, text string) State {
	return s.noted(ev.Source, Note{Kind: kind, Text: text, At: ev.At})
}

// longestNote keeps a hostile scan from filling the state, which is written
// anew with each event; the whole code is in the event that is kept.
const longestNote = 160

func (s State) noted(source string, n Note) State {
	if runes := []rune(n.Text); len(runes) > longestNote {
		n.Text = string(runes[:longestNote]) + "…"
	}
	s.Notes = maps.Clone(s.Notes)
	if s.Notes == nil {
		s.Notes = make(map[string]Note)
	}
	s.Notes[source] = n
	return s
}

// value returns what the operator has in hand under a name, unless it expired.
func (s State) value(name string, now Stamp) (string, bool) {
	v, ok := s.Values[name]
	if !ok || v.expired(now) {
		return "", false
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

// set takes values in hand.
func (s State) set(b Binding, ev Event, value func(string) (string, bool)) (after State, missing string) {
	if len(b.Set) == 0 {
		return s, ""
	}
	values := maps.Clone(s.Values)
	if values == nil {
		values = make(map[string]Value)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Set)) {
		text, present, missing := b.Set[name].expand(value)
		if missing != "" {
			return s, missing
		}
		if present {
			values[name] = Value{Text: text, At: ev.At, For: b.Expire}
		}
	}
	s.Values = values
	return s, ""
}

// clear puts values away.
func (s State) clear(names []string) State {
	if len(names) == 0 {
		return s
	}
	s.Values = maps.Clone(s.Values)
	for _, name := range names {
		delete(s.Values, name)
	}
	return s
}
