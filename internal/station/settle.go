package station

import (
	"maps"
	"slices"
	"unicode/utf8"
)

// Settle returns the state after a vendor's answer to an entry: it was delivered, or is held
// for a person (Receipt.Holds). After any other answer the entry is tried again or looked
// up, and s is returned as it is. Settle is pure.
func (s State) Settle(d Delivery, rc Receipt) State {
	if rc.Outcome == Delivered {
		s = s.countEntries(d.Source, -1, 0).forgetUndo(d.Source, d.ID)
		s = s.setNote(d.Source, Note{Kind: NoteDelivered, Text: rc.Note, At: rc.At}).leftRunning(rc)
		for i, c := range s.Calls {
			switch d.ID {
			case c.Entry:
				s.Calls = slices.Clone(s.Calls)
				s.Calls[i].Ref, s.Calls[i].Hold, s.Calls[i].Adopted = rc.Ref, HoldNone, rc.Adopted
				s.Calls[i].Number = clip(rc.Number)
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
	return s.setNote(d.Source, Note{Kind: NoteHeld, Text: text, Why: ReasonOf(rc.Err), At: rc.At}).holdCall(d.ID, hold)
}

// Resume returns the state after a held entry was put back to wait.
func (s State) Resume(e Entry) State {
	return s.countEntries(e.Source, 1, -1).holdCall(e.ID, HoldNone)
}

// Drop returns the state after an entry, which was in that condition, ended without having
// been delivered: a person gave it up or took it back, or what it was about ended so (it is
// moot). The close of a call that turned out to be somebody else's ends like that too, and
// the call is then over at this station.
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

// TooLate returns the state after an event that would take back what can no longer be taken
// back: its operator is told so, and everything else stays. It is for the outbox, which
// finds that it must not carry out a VerbUndo.
func (s State) TooLate(ev Event) State { return s.addNote(ev, NoteLate, "") }

// CountsTwice returns the state after an event that counts what a held entry counts too: its
// operator is told so. It is for the outbox, which knows what is held.
func (s State) CountsTwice(ev Event, held ID) State { return s.addNote(ev, NoteTwice, held.Short()) }

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

// WithNote returns s with a note that is not on disk, unless the source's operator has been
// told something else since.
func (s State) WithNote(source string, n Note) State {
	if age, known := n.At.Since(s.Notes[source].At); known && age < 0 {
		return s
	}
	return s.setNote(source, n)
}

// addNote leaves a note for the operator at the event's source.
func (s State) addNote(ev Event, kind NoteKind, text string) State {
	return s.setNote(ev.Source, Note{Kind: kind, Text: text, At: ev.At})
}

// longestNote keeps a hostile scan from filling the state, which is written
// anew with each event; the whole code is in the event that is kept.
const longestNote = 160

func (s State) setNote(source string, n Note) State {
	if utf8.RuneCountInString(n.Text) > longestNote {
		n.Text = string([]rune(n.Text)[:longestNote]) + "…"
	}
	s.Notes = maps.Clone(s.Notes)
	if s.Notes == nil {
		s.Notes = make(map[string]Note)
	}
	s.Notes[source] = n
	return s
}

// observe enters in the state what was seen at a vendor. What is known already changes
// nothing but when it was read, so that nothing is written. What was counted before the
// change of what is made is reported.
func (p Program) observe(s State, ev Event) (State, []Action) {
	if ev.Kind != OrderCurrent && ev.Kind != OrderSeen {
		return s.endCall(ev), nil
	}
	if !p.Vendors[ev.Source].Reads {
		return s.setCurrentOrder(ev), nil
	}
	s, actions := p.cut(s, s.takeReading(ev), ev, nil)
	return s.setCurrentOrder(ev).takeReading(ev), actions
}
