package station

import (
	"maps"
	"slices"
)

// This file opens and closes andon calls: a press calls for help at a machine, and the call
// is open until it is closed here or at the vendor. State.Calls holds the open ones.

// Unanswered reports whether a call has been open for too long, and nobody is on it.
func (c Call) Unanswered() bool { return len(c.Overdue) > 0 && c.Closing == "" && !c.Attended }

// namedIn reports whether the data of a Close event means this call: by the entry that
// opened it, or by the vendor's name for it.
func (c Call) namedIn(data map[string]string) bool {
	if entry := data["entry"]; entry != "" {
		return ID(entry) == c.Entry
	}
	return c.Ref != "" && c.Ref == data["ref"]
}

// closingVerb returns the backend's first verb that ends a call; the zero Verb where there
// is none, or the backend is not in the configuration any more.
func (p Program) closingVerb(backend string) Verb {
	for _, verb := range p.Vendors[backend].Verbs {
		if verb.Ends != "" {
			return verb
		}
	}
	return Verb{}
}

// openCall opens a call, unless the same call is open already. lack is NoteFull where there
// are as many calls as there may be. Scans have the lower ceiling, so that labels which open
// calls never take the room that the buttons need.
func (x *execution) openCall(do Do, with map[string]string) (lack Note) {
	subject := make(map[string]string)
	for _, field := range do.Verb.Opens {
		subject[field] = with[field]
	}
	i := x.s.sameCall(do.Backend, subject)
	if i >= 0 && !do.Again {
		x.pressedAgain(x.s.Calls[i])
		return Note{}
	}
	if x.callsFull() {
		return Note{Kind: NoteFull, Text: "open calls"}
	}
	a := x.action(do, with)
	x.s.Calls = append(slices.Clone(x.s.Calls), Call{
		Backend: do.Backend,
		Subject: subject,
		Source:  x.ev.Source,
		Lane:    a.Lane,
		Entry:   x.entry(),
		Leave:   with[do.Verb.Adopts] == "true" && !do.Close,
		At:      x.ev.At,
		Raised:  x.ev.Kind == Open,
	})
	x.add(a)
	return Note{}
}

// callsFull reports whether there are as many calls as there may be for such an event.
func (x *execution) callsFull() bool {
	open := 0
	for _, c := range x.s.Calls {
		if c.Closing == "" {
			open++
		}
	}
	if x.ev.Kind == Scan {
		return open >= callsForScans || len(x.s.Calls) >= closedForScans
	}
	return open >= mostCalls || len(x.s.Calls) >= mostWithClosed
}

// pressedAgain answers a press for a call that is open already, which opens nothing new.
// Where the vendor refused the call, pressing again retries it; a latching button closes it.
func (x *execution) pressedAgain(c Call) {
	switch verb := x.p.closingVerb(c.Backend); {
	case c.Hold == HoldRefused:
		x.actions = append(x.actions, Action{Verb: VerbRetry, About: c.Entry})
	case c.Hold != HoldNone:
		x.noteWhy(Note{Kind: NoteHeld, Text: "a person must decide what becomes of this call", Why: &Reason{Kind: "call-held"}})
	case x.p.Latch[x.ev.Source] && verb.Ends != "":
		x.endCalls(c.Backend, verb, c.Subject)
	default:
		x.note(NoteAlready, "")
	}
}

// endCalls closes the calls that the event's source opened, or those of them whose subject
// with names.
func (x *execution) endCalls(backend string, verb Verb, with map[string]string) {
	closed := 0
	for _, c := range x.s.Calls {
		if c.Backend == backend && c.Source == x.ev.Source && c.Closing == "" && c.matches(with) {
			x.closeCall(c, verb, with)
			closed++
		}
	}
	if closed == 0 {
		x.note(NoteNothing, "")
	}
}

// closeCall closes one call. Two kinds of calls are only over at this station and stay open
// at the vendor: one that somebody else opened there (Adopted), unless the binding closes it
// all the same, and one whose backend is not configured any more, so that verb is zero. The
// operator is told so.
func (x *execution) closeCall(c Call, verb Verb, with map[string]string) {
	switch {
	case c.Ref != "" && (c.Adopted && c.Leave || verb.Ends == ""):
		x.s = x.s.release(c.Entry)
		x.note(NoteLeft, "")
		return
	case verb.Ends == "":
		return // its open is held, and a person decides what becomes of both
	}
	a := Action{Lane: c.Lane, Verb: verb.Name, With: make(map[string]string), To: x.p.Vendors[c.Backend].To}
	maps.Copy(a.With, with)
	for field := range c.Subject {
		delete(a.With, field)
	}
	if c.Ref == "" { // the open is not delivered yet: the outbox fills in the vendor's name when it is
		a.About, a.Ours = c.Entry, c.Leave
	} else {
		a.With[verb.Ends] = c.Ref
	}
	i := slices.IndexFunc(x.s.Calls, func(other Call) bool { return other.Entry == c.Entry })
	x.s.Calls = slices.Clone(x.s.Calls)
	x.s.Calls[i].Closing = x.entry()
	x.add(a)
}

// matches reports whether the call has every value of its subject that with gives: a field
// that with leaves out fits any call.
func (c Call) matches(with map[string]string) bool {
	for field, value := range c.Subject {
		if said := with[field]; said != "" && said != value {
			return false
		}
	}
	return true
}

// release forgets a call: it is over at this station, whatever it is at the vendor.
func (s State) release(open ID) State {
	s.Calls = slices.DeleteFunc(slices.Clone(s.Calls), func(c Call) bool { return c.Entry == open })
	return s
}

// holdCall notes why the entry that opens a call waits for a person; HoldNone: it does not.
func (s State) holdCall(entry ID, hold HoldReason) State {
	for i, c := range s.Calls {
		if c.Entry == entry && c.Hold != hold {
			s.Calls = slices.Clone(s.Calls)
			s.Calls[i].Hold = hold
		}
	}
	return s
}

// endCall ends the call that a vendor's event says is over there. It is matched by the
// vendor's name for it; one that this station does not know changes nothing.
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
