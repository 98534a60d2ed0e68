package station

import (
	"maps"
	"slices"
)

// namedIn reports whether the data of a Close means this call.
func (c Call) namedIn(data map[string]string) bool {
	if entry := data["entry"]; entry != "" {
		return ID(entry) == c.Entry
	}
	return c.Ref != "" && c.Ref == data["ref"]
}

// closingVerb returns the backend's first verb that ends a call; the zero Verb where
// there is none.
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
	})
	x.add(a)
	return Note{}
}

// callsFull reports whether there are as many calls as there may be.
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

// pressedAgain answers a press on a call that is open already: it opens nothing
// new. Where the vendor refused it, pressing again is the retry; a latching
// button closes it.
func (x *execution) pressedAgain(c Call) {
	switch verb := x.p.closingVerb(c.Backend); {
	case c.Hold == HoldRefused:
		x.actions = append(x.actions, Action{Verb: VerbRetry, About: c.Entry})
	case c.Hold != HoldNone:
		x.note(NoteHeld, "a person must decide what becomes of this call")
	case x.p.Latch[x.ev.Source] && verb.Ends != "":
		x.endCalls(c.Backend, verb, c.Subject)
	default:
		x.note(NoteAlready, "")
	}
}

// endCalls closes the calls that the source opened; with may narrow them down.
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

// closeCall closes one call. What is open at the vendor because of somebody else is
// left as it is there, and so is a call whose vendor this station has no verb
// for any more: such a call is only over here.
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
	if c.Ref == "" {
		a.About, a.Ours = c.Entry, c.Leave
	} else {
		a.With[verb.Ends] = c.Ref
	}
	i := slices.IndexFunc(x.s.Calls, func(other Call) bool { return other.Entry == c.Entry })
	x.s.Calls = slices.Clone(x.s.Calls)
	x.s.Calls[i].Closing = x.entry()
	x.add(a)
}

// matches reports whether with says nothing that speaks against this being the call.
func (c Call) matches(with map[string]string) bool {
	for field, value := range c.Subject {
		if said := with[field]; said != "" && said != value {
			return false
		}
	}
	return true
}
