package station

import (
	"maps"
	"strconv"
	"strings"
	"time"
)

// This file has a binding wait until its event is confirmed: the same again, or a button.

// ConfirmWithin is how long the second of two events may come after the first.
const ConfirmWithin = 10 * time.Second

// A Pending is what a source did, and what waits until it is confirmed.
type Pending struct {
	Event Event `json:"event"`
}

// confirms reports whether an event confirms what a source did before: within ConfirmWithin,
// the same of the same source, or where the binding names another, that.
func (p Pending) confirms(b Binding, ev Event) bool {
	age, known := ev.At.Since(p.Event.At)
	if !known || age < 0 || age > ConfirmWithin {
		return false
	}
	if b.ConfirmBy != "" {
		return ev.Name() == b.ConfirmBy
	}
	return ev.Name() == p.Event.Name() && ev.Code == p.Event.Code && maps.Equal(ev.Data, p.Event.Data)
}

// withPending returns s with what a source did and must confirm.
func (s State) withPending(ev Event) State {
	s.Pending = maps.Clone(s.Pending)
	if s.Pending == nil {
		s.Pending = make(map[string]Pending)
	}
	s.Pending[ev.Source] = Pending{ev}
	return s
}

// withoutPending returns s without what a source did and must confirm.
func (s State) withoutPending(source string) State {
	if _, waits := s.Pending[source]; waits {
		s.Pending = maps.Clone(s.Pending)
		delete(s.Pending, source)
	}
	return s
}

// carryOutConfirmed carries out what another source did, now that a button has confirmed it. It
// is an event of the button, with what the other has read.
func (p Program) carryOutConfirmed(b Binding, groups map[string]string, s State, first, ev Event) (State, []Action) {
	ev.Code, ev.Data = first.Code, first.Data
	s, actions := p.execute(b, groups, s.withoutPending(first.Source), ev)
	return s.setNote(first.Source, s.Notes[ev.Source]), actions
}

// confirmed returns what an event of a button confirms that another source did, the last where
// several did anything: the binding, what it read and the event, which is then of the button's
// moment.
func (p Program) confirmed(s State, ev Event) (b Binding, groups map[string]string, first Event, is bool) {
	for _, source := range sortedNames(s.Pending) {
		waits := s.Pending[source]
		of, read, found := p.firstMatch(waits.Event)
		if !found || !of.Confirm || of.ConfirmBy == "" || !waits.confirms(of, ev) {
			continue
		}
		if later, _ := waits.Event.At.Since(first.At); !is || later > 0 {
			b, groups, first, is = of, read, waits.Event, true
		}
	}
	return b, groups, first, is
}

// confirm carries out a binding that must be confirmed, if it is, and else asks for that.
func (p Program) confirm(b Binding, groups map[string]string, s State, ev Event) (State, []Action) {
	if waits, is := s.Pending[ev.Source]; is && b.ConfirmBy == "" && waits.confirms(b, ev) {
		return p.execute(b, groups, s.withoutPending(ev.Source), ev)
	}
	s = s.withoutPending(ev.Source)
	after, _ := p.execute(b, groups, s, ev)
	if after.Notes[ev.Source].Kind.Reply().Beep == SoundRefused {
		return p.execute(b, groups, s, ev) // it would be refused: nobody need confirm that
	}
	ask := Note{Kind: NoteConfirm, Text: ev.Code, At: ev.At}
	if by, _, other := strings.Cut(b.ConfirmBy, "."); other {
		ask.Why = &Reason{Kind: "confirm-by", Values: map[string]string{"part": by, "seconds": strconv.Itoa(int(ConfirmWithin / time.Second))}}
	}
	return s.withPending(ev).setNote(ev.Source, ask), nil
}
