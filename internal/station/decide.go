package station

import (
	"maps"
	"slices"
)

// Decide says what an event means: the state after it, and what is to be done. It is pure
// and has an answer for every event: one that means nothing returns s and no action.
//
// The outbox makes an entry with the ID ev.ID.Entry(i+1) of the action at index i. No entry
// is made of a BestEffort action, nor of VerbRetry, VerbDiscard, VerbEdit, VerbKeep and VerbUndo:
// these change what is in the outbox already.
//
// A binding is carried out whole or not at all. Where a value is missing that one of its
// actions needs, there are no actions, and the operator's note in the state names the
// value. An event of the station itself (FromStation) has no operator to be told: where
// anything is missing for it, nothing is done, and only that what was counted cannot be
// reported is noted, once.
func (p Program) Decide(s State, ev Event) (State, []Action) {
	if ev.Source == FromCommand || ev.Source == FromPage {
		return p.decideRequest(s, ev)
	}
	if _, vendor := p.Vendors[ev.Source]; vendor {
		return p.observe(s, ev) // the vendor did it: there is nothing left to do but to report what was counted until then
	}
	switch {
	case ev.Source == FromStation && ev.Data[dataTime] != "":
		return p.atTime(s, ev)
	case ev.Kind == Open:
		return p.overdue(s, ev)
	case ev.Kind == Badge:
		return s.showBadge(ev), nil
	}
	if b, groups, first, is := p.confirmed(s, ev); is && !b.lacksRole(ev) {
		return p.carryOutConfirmed(b, groups, s, first, ev)
	}
	b, groups, found := p.firstMatch(ev)
	if found && b.Confirm && !b.lacksRole(ev) {
		return p.confirm(b, groups, s, ev)
	}
	s = s.withoutPending(ev.Source)
	switch {
	case found && b.lacksRole(ev):
		return s.addNote(ev, NoteRole, ""), nil
	case found && b.Ignore:
		return s, nil
	case found && b.Undo:
		return s.undoLast(ev)
	case found:
		return p.execute(b, groups, s, ev)
	case ev.Source == FromStation && ev.Kind != Alert:
		return p.reportAside(s, ev)
	case ev.Kind == Scan:
		return s.setNote(ev.Source, whyNotUnderstood(ev)), []Action{{Verb: VerbKeep}}
	}
	return s, nil
}

// Answer is Decide, and returns besides the note that the event's operator is told because
// of it; the zero Note where nothing is said.
func (p Program) Answer(s State, ev Event) (State, []Action, Note) {
	before, told := s.Notes[ev.Source]
	if told {
		s.Notes = maps.Clone(s.Notes)
		delete(s.Notes, ev.Source)
	}
	s, actions := p.Decide(s, ev)
	note, said := s.Notes[ev.Source]
	if told && !said {
		s = s.setNote(ev.Source, before)
	}
	return s, actions, note
}

// whyNotUnderstood says why no binding takes a scan: its code is unknown, or something is
// wrong with what was read.
func whyNotUnderstood(ev Event) Note {
	if why := ev.Data[DataRefused]; why != "" {
		return Note{Kind: NoteUnfit, Text: why, Why: &Reason{Kind: "scan"}, At: ev.At}
	}
	if ev.Data[DataBad] != "" {
		for _, kind := range []string{"gs1", "di", "hibc"} {
			if why := ev.Data[kind+".error"]; why != "" {
				return Note{Kind: NoteUnfit, Text: why, Why: &Reason{Kind: "label"}, At: ev.At}
			}
		}
	}
	return Note{Kind: NoteUnknown, Text: ev.Code, At: ev.At}
}

// decideRequest is Decide for what a person asks for on the page or at the command line.
func (p Program) decideRequest(s State, ev Event) (State, []Action) {
	switch ev.Kind {
	case VerbRetry, VerbDiscard, VerbEdit:
		return s, decided(ev)
	case Ask:
		return p.ask(s, ev)
	case Close:
		i := slices.IndexFunc(s.Calls, func(c Call) bool { return c.namedIn(ev.Data) })
		if i < 0 || s.Calls[i].Closing != "" {
			return s, nil
		}
		x := execution{p: p, ev: ev, s: s}
		verb := p.closingVerb(s.Calls[i].Backend)
		x.closeCall(s.Calls[i], verb, x.user(verb))
		return x.s, x.actions
	}
	return s, nil
}

// firstMatch finds the first binding that matches the event, and the values that it read
// from the code, by their names.
func (p Program) firstMatch(ev Event) (Binding, map[string]string, bool) {
	name := ev.Name()
	for _, b := range p.Bindings {
		if b.Event != name {
			continue
		}
		groups, ok := b.matches(ev)
		if ok {
			return b, groups, true
		}
	}
	return Binding{}, nil, false
}

func (b Binding) matches(ev Event) (map[string]string, bool) {
	if len(b.At) > 0 && !slices.ContainsFunc(b.At, func(d DayTime) bool { return d.Text == ev.Data[DataAt] }) {
		return nil, false
	}
	if ev.Data[DataRefused] != "" {
		return nil, false
	}
	for _, ai := range b.GS1 {
		if ev.Data["gs1."+ai] == "" {
			return nil, false
		}
	}
	for _, name := range b.Carry {
		if ev.Data[name] == "" {
			return nil, false
		}
	}
	if !b.acceptsData(ev) {
		return nil, false
	}
	groups, ok := b.readCode(ev.Code)
	if !ok || b.Match == nil {
		return groups, ok
	}
	found := b.Match.FindStringSubmatch(ev.Code)
	if found == nil {
		return nil, false
	}
	for i, name := range b.Match.SubexpNames() {
		if name == "" || found[i] == "" {
			continue
		}
		if groups == nil {
			groups = make(map[string]string)
		}
		groups[name] = found[i]
	}
	return groups, true
}
