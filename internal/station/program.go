package station

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Program is everything the configuration says about what events mean. It is
// a value that nobody changes: a changed configuration is a new Program, taken
// up between two records.
type Program struct {
	Station  string // the station's name, {station} in templates
	Bindings []Binding
	Vendors  map[string]Vendor // by backend
	Lamps    []string          // every configured lamp
	Lamp     map[string]string // the lamp of each source that has one
	Rest     string            // the lamp that shows everything that has none; may be empty
	Latch    map[string]bool   // sources whose second press closes the call

	Stacks     []Stack
	Reminders  map[string]time.Duration // of every configured buzzer: how often it sounds again; 0: never
	Buzzer     map[string]string        // the buzzer of each source that has one
	RestBuzzer string                   // the buzzer that answers for everything that has none; may be empty
}

// A Stack is a stack light: it shows the station as a whole and answers no single
// source. A colour or a buzzer that it does not have is empty; its lamps are among
// the program's Lamps, and answer for nothing else.
type Stack struct {
	Name               string
	Red, Yellow, Green string // lamps
	Buzzer             string
}

// A Vendor is what the program knows of a backend.
type Vendor struct {
	Verbs    []Verb
	To       string            // base URL and site or store: what its entries are frozen with
	Defaults map[string]string // by field, used where a binding says nothing
}

// Verb returns the vendor's verb of that name.
func (v Vendor) Verb(name string) (Verb, bool) {
	for _, verb := range v.Verbs {
		if verb.Name == name {
			return verb, true
		}
	}
	return Verb{}, false
}

// A Binding says what one kind of event means. The first binding in the file
// that fits an event is the one that is carried out; there is no second.
type Binding struct {
	Event  string              // source.kind
	Match  *regexp.Regexp      // the code must match; its named groups are names in templates
	GS1    []string            // the code must carry these application identifiers
	Needs  []string            // values that must be in hand, or the operator is asked for them
	Set    map[string]Template // values taken in hand
	Expire time.Duration       // how long they hold; 0: until cleared
	Do     []Do
	Clear  []string // values put away afterwards
}

// A Do is one action of a binding.
type Do struct {
	Backend   string
	Verb      Verb
	With      map[string]Template
	Again     bool // open another call even while the same one is open
	Late      Late
	LateAfter time.Duration
}

// Decide says what an event means: the state after it, and what is to be done.
// It is pure, and total: an event that means nothing returns s and no action.
//
// The entry of the action at index i is ev.ID.Entry(i+1). Actions with
// VerbRetry, VerbDiscard or VerbKeep are for the outbox itself. Where anything
// that an action needs is not in hand, none of the binding's actions is
// returned, and the state's note names what is missing.
func (p Program) Decide(s State, ev Event) (State, []Action) {
	if ev.Source == FromCommand || ev.Source == FromPage {
		switch ev.Kind {
		case VerbRetry, VerbDiscard:
			return s, []Action{{Verb: ev.Kind, About: ID(ev.Data["entry"])}}
		}
		return s, nil
	}
	if _, vendor := p.Vendors[ev.Source]; vendor {
		return s.ended(ev), nil
	}
	b, groups, found := p.fits(ev)
	if !found {
		if ev.Kind != Scan {
			return s, nil
		}
		return s.note(ev, NoteUnknown, ev.Code), []Action{{Verb: VerbKeep}}
	}
	value := func(name string) (string, bool) {
		if v, ok := groups[name]; ok {
			return v, true
		}
		if v, ok := ev.Data[name]; ok {
			return v, true
		}
		switch name {
		case "code":
			return ev.Code, true
		case "source":
			return ev.Source, true
		case "station":
			return p.Station, true
		}
		return s.value(name, ev.At)
	}
	for _, name := range b.Needs {
		if v, ok := value(name); !ok || v == "" {
			return s.note(ev, NoteNeeds, name), nil
		}
	}
	before := s
	s, missing := s.set(b, ev, value)
	if missing != "" {
		return before.note(ev, NoteNeeds, missing), nil
	}
	turn := turn{p: p, ev: ev, value: value}
	for _, do := range b.Do {
		if s, missing = turn.do(s, do); missing != "" {
			return before.note(ev, NoteNeeds, missing), nil
		}
	}
	s = s.clear(b.Clear)
	if s.Notes[ev.Source].At != ev.At { // nothing more particular was said
		kind := NoteSet
		if len(turn.actions) > 0 {
			kind = NoteRecorded
		}
		s = s.note(ev, kind, ev.Code)
	}
	return s, turn.actions
}

// fits finds the first binding that fits the event, and the named groups of its
// match.
func (p Program) fits(ev Event) (Binding, map[string]string, bool) {
	name := ev.Name()
	for _, b := range p.Bindings {
		if b.Event != name {
			continue
		}
		groups, ok := b.reads(ev)
		if ok {
			return b, groups, true
		}
	}
	return Binding{}, nil, false
}

func (b Binding) reads(ev Event) (map[string]string, bool) {
	for _, ai := range b.GS1 {
		if ev.Data["gs1."+ai] == "" {
			return nil, false
		}
	}
	if b.Match == nil {
		return nil, true
	}
	found := b.Match.FindStringSubmatch(ev.Code)
	if found == nil {
		return nil, false
	}
	groups := make(map[string]string)
	for i, name := range b.Match.SubexpNames() {
		if name != "" && found[i] != "" {
			groups[name] = found[i]
		}
	}
	return groups, true
}

// A turn is one binding being carried out for one event.
type turn struct {
	p       Program
	ev      Event
	value   func(string) (string, bool)
	actions []Action
}

// do adds the actions of one Do and returns the state after them.
func (t *turn) do(s State, do Do) (after State, missing string) {
	with, missing := t.fill(do)
	if missing != "" {
		return s, missing
	}
	switch {
	case do.Verb.Ends != "":
		return t.end(s, do.Backend, do.Verb, with), ""
	case len(do.Verb.Opens) > 0:
		return t.open(s, do, with), ""
	}
	a := t.action(do, with)
	return t.add(s, a), ""
}

// fill expands the templates of a Do and fills in the vendor's defaults.
func (t *turn) fill(do Do) (with map[string]string, missing string) {
	with = make(map[string]string)
	defaults := t.p.Vendors[do.Backend].Defaults
	for _, f := range do.Verb.Fields {
		if template, ok := do.With[f.Name]; ok {
			text, present, missing := template.expand(t.value)
			if missing != "" {
				return nil, missing
			}
			if present {
				with[f.Name] = text
			}
		}
		if _, said := with[f.Name]; !said && defaults[f.Name] != "" && do.Verb.Ends == "" {
			with[f.Name] = defaults[f.Name]
		}
		if _, said := with[f.Name]; !said && f.Required {
			return nil, f.Name
		}
	}
	return with, ""
}

func (t *turn) action(do Do, with map[string]string) Action {
	return Action{
		Lane:      laneOf(do.Backend, do.Verb, with),
		Verb:      do.Verb.Name,
		With:      with,
		To:        t.p.Vendors[do.Backend].To,
		Barrier:   do.Verb.Barrier,
		Marks:     do.Verb.Before,
		Late:      do.Late,
		LateAfter: do.LateAfter,
	}
}

// laneOf names the subject of an action: l2l/machine:SEAL-1.
func laneOf(backend string, verb Verb, with map[string]string) string {
	var subject []string
	for _, field := range verb.Lane {
		subject = append(subject, field+":"+with[field])
	}
	return backend + "/" + strings.Join(subject, ",")
}

// add appends an action that becomes an entry.
func (t *turn) add(s State, a Action) State {
	t.actions = append(t.actions, a)
	return s.tally(t.ev.Source, 1, 0)
}

// entry is the ID of the action that add appends next.
func (t *turn) entry() ID { return t.ev.ID.Entry(len(t.actions) + 1) }

// open opens a call, unless the same call is open already.
func (t *turn) open(s State, do Do, with map[string]string) State {
	subject := make(map[string]string)
	for _, field := range do.Verb.Opens {
		subject[field] = with[field]
	}
	i := s.sameCall(do.Backend, subject)
	if i >= 0 && !do.Again {
		return t.pressedAgain(s, s.Calls[i])
	}
	a := t.action(do, with)
	s.Calls = append(slices.Clone(s.Calls), Call{
		Backend: do.Backend,
		Subject: subject,
		Source:  t.ev.Source,
		Lane:    a.Lane,
		Entry:   t.entry(),
		At:      t.ev.At,
	})
	return t.add(s, a)
}

// pressedAgain answers a press on a call that is open already: it opens nothing
// new. Where the vendor refused it, pressing again is the retry; a latching
// button closes it.
func (t *turn) pressedAgain(s State, c Call) State {
	switch c.Hold {
	case HoldRefused:
		t.actions = append(t.actions, Action{Verb: VerbRetry, About: c.Entry})
		return s
	case HoldUndecided, HoldMisfit:
		return s.note(t.ev, NoteHeld, "a person must decide what becomes of this call")
	}
	if t.p.Latch[t.ev.Source] {
		for _, verb := range t.p.Vendors[c.Backend].Verbs {
			if verb.Ends != "" {
				return t.end(s, c.Backend, verb, c.Subject)
			}
		}
	}
	return s.note(t.ev, NoteAlready, "")
}

// end closes the calls that the source opened; with may narrow them down.
func (t *turn) end(s State, backend string, verb Verb, with map[string]string) State {
	closed := 0
	for i, c := range s.Calls {
		if c.Backend != backend || c.Source != t.ev.Source || c.Closing != "" || !c.is(with) {
			continue
		}
		a := Action{Lane: c.Lane, Verb: verb.Name, With: maps.Clone(with), To: t.p.Vendors[backend].To}
		for field := range c.Subject {
			delete(a.With, field)
		}
		if c.Ref == "" {
			a.About = c.Entry
		} else {
			a.With[verb.Ends] = c.Ref
		}
		s.Calls = slices.Clone(s.Calls)
		s.Calls[i].Closing = t.entry()
		s = t.add(s, a)
		closed++
	}
	if closed == 0 {
		return s.note(t.ev, NoteNothing, "")
	}
	return s
}

// is reports whether with says nothing that speaks against this being the call.
func (c Call) is(with map[string]string) bool {
	for field, value := range c.Subject {
		if said := with[field]; said != "" && said != value {
			return false
		}
	}
	return true
}
