package station

import (
	"maps"
	"slices"
)

// Settle says what an answer changes. It is pure; an answer that decides nothing
// (Unreached, or Doubtful while it can still be told) returns s as it is.
func (s State) Settle(d Delivery, rc Receipt) State {
	if rc.Outcome == Delivered {
		s = s.countEntries(d.Source, -1, 0).forgetUndo(d.Source, d.ID)
		s = s.setNote(d.Source, Note{Kind: NoteDelivered, Text: rc.Note, At: rc.At}).leftRunning(rc)
		for i, c := range s.Calls {
			switch d.ID {
			case c.Entry:
				s.Calls = slices.Clone(s.Calls)
				s.Calls[i].Ref, s.Calls[i].Hold, s.Calls[i].Adopted = rc.Ref, HoldNone, rc.Adopted
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
	s = s.countEntries(d.Source, -1, 1).forgetUndo(d.Source, d.ID)
	text := ""
	if rc.Err != nil {
		text = rc.Err.Error()
	}
	return s.setNote(d.Source, Note{Kind: NoteHeld, Text: text, At: rc.At}).holdCall(d.ID, hold)
}

// Resume says what changes when a held entry goes back to wait.
func (s State) Resume(e Entry) State {
	return s.countEntries(e.Source, 1, -1).holdCall(e.ID, HoldNone)
}

// Drop says what changes when an entry in that condition ends without having
// been delivered: given up by a person, taken back, or moot. A call that turned
// out to be somebody else's is over here when its close ends so.
func (s State) Drop(e Entry, was Condition) State {
	s = s.forgetUndo(e.Source, e.ID)
	if was == Held {
		s = s.countEntries(e.Source, 0, -1)
	} else {
		s = s.countEntries(e.Source, -1, 0)
	}
	for i, c := range s.Calls {
		switch e.ID {
		case c.Entry:
			s.Calls = slices.Delete(slices.Clone(s.Calls), i, i+1)
			return s
		case c.Closing:
			if c.Adopted && c.Leave {
				return s.release(c.Entry)
			}
			s.Calls = slices.Clone(s.Calls)
			s.Calls[i].Closing = ""
			return s
		}
	}
	return s
}

// TooLate says what changes when an event asked for something to be taken back
// that cannot be: its operator is told, and everything else stays. The outbox
// takes it where it must not carry out a VerbUndo.
func (s State) TooLate(ev Event) State { return s.addNote(ev, NoteLate, "") }

// CountsTwice says what changes when an event counts what a held entry counts: its
// operator is told. The outbox takes it, which knows what is held.
func (s State) CountsTwice(ev Event, held ID) State { return s.addNote(ev, NoteTwice, held.Short()) }

// release lets go of a call: it is over here.
func (s State) release(open ID) State {
	s.Calls = slices.DeleteFunc(slices.Clone(s.Calls), func(c Call) bool { return c.Entry == open })
	return s
}

// holdCall notes at the call that entry opens why it waits for a person.
func (s State) holdCall(entry ID, hold HoldReason) State {
	for i, c := range s.Calls {
		if c.Entry == entry && c.Hold != hold {
			s.Calls = slices.Clone(s.Calls)
			s.Calls[i].Hold = hold
		}
	}
	return s
}

// observe enters in the state what was seen at a vendor. What is known already changes
// nothing, so that nothing is written.
func (s State) observe(ev Event) State {
	if ev.Kind == OrderCurrent {
		return s.setCurrentOrder(ev)
	}
	return s.endCall(ev)
}

// setCurrentOrder enters what a line runs now.
func (s State) setCurrentOrder(ev Event) State {
	line := ev.Data["line"]
	now := Current{Order: clip(ev.Data["id"]), Product: clip(ev.Data["product"]), At: ev.At}
	last, known := s.Lines[line]
	if line == "" || known && last.Order == now.Order && last.Product == now.Product {
		return s
	}
	s.Lines = maps.Clone(s.Lines)
	if s.Lines == nil {
		s.Lines = make(map[string]Current)
	}
	if !known && len(s.Lines) >= mostLines {
		delete(s.Lines, oldestLine(s.Lines))
	}
	s.Lines[line] = now
	return s
}

// oldestLine is the line that was seen to change longest ago.
func oldestLine(lines map[string]Current) string {
	return slices.MinFunc(slices.Sorted(maps.Keys(lines)), func(a, b string) int { return lines[a].At.Wall.Compare(lines[b].At.Wall) })
}

// clip is a vendor's name for something, cut where it is longer than any name.
func clip(name string) string {
	if runes := []rune(name); len(runes) > longestSubject {
		return string(runes[:longestSubject])
	}
	return name
}

// leftRunning enters what a line runs after a delivery that changed it, as the vendor's
// answer showed it.
func (s State) leftRunning(rc Receipt) State {
	r := rc.Runs
	if r.Line == "" {
		return s
	}
	data := map[string]string{"line": r.Line}
	if r.Order != NoOrder {
		data["id"], data["product"] = r.Order, r.Product
	}
	return s.setCurrentOrder(Event{Data: data, At: rc.At})
}

// fillLastSeen fills in what the line of an action was last seen to run.
func (s State) fillLastSeen(verb Verb, with map[string]string) {
	c, known := s.Lines[with[verb.Line]]
	switch {
	case verb.Line == "" || !known:
	case c.Order == "":
		with[LastSeen] = NoOrder
	default:
		with[LastSeen] = c.Order
	}
}

// endCall takes up a call that is over at the vendor. It is matched by the
// vendor's name for it; a stranger changes nothing.
func (s State) endCall(ev Event) State {
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

// countEntries adds to the numbers of a source's waiting and held entries; either may be
// negative. A source with neither is not kept.
func (s State) countEntries(source string, waiting, held int) State {
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

// WithNote returns s with a note beside what is on disk: what its source's operator is
// told, unless that one has been told something else since.
func (s State) WithNote(source string, n Note) State {
	if age, known := n.At.Since(s.Notes[source].At); known && age < 0 {
		return s
	}
	return s.setNote(source, n)
}

// addNote says something to the operator at the event's source.
func (s State) addNote(ev Event, kind NoteKind, text string) State {
	return s.setNote(ev.Source, Note{Kind: kind, Text: text, At: ev.At})
}

// longestNote keeps a hostile scan from filling the state, which is written
// anew with each event; the whole code is in the event that is kept.
const longestNote = 160

func (s State) setNote(source string, n Note) State {
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
