package station

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Program is everything the configuration says about what events mean. It is
// a value that nobody changes: a changed configuration is a new Program, taken
// up between two records.
type Program struct {
	Station     string // the station's name, {station} in templates
	Bindings    []Binding
	Vendors     map[string]Vendor // by backend
	Lamps       []string          // every configured lamp
	Lamp        map[string]string // the lamp of each source that has one
	DefaultLamp string            // the lamp that shows everything that has none; may be empty
	Latch       map[string]bool   // sources whose second press closes the call

	Stacks        []Stack
	Reminders     map[string]time.Duration // of every configured buzzer: how often it sounds again; 0: never
	Buzzer        map[string]string        // the buzzer of each source that has one
	DefaultBuzzer string                   // the buzzer that answers for everything that has none; may be empty
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
	Title    string // as people call it: L2L
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
//
// It is carried out in this order: needs, set, append, count, do, send, clear. Where
// anything is missing, none of it is.
type Binding struct {
	Event  string              // source.kind
	Match  *regexp.Regexp      // the code must match; its named groups are names in templates
	GS1    []string            // the code must carry these application identifiers
	Carry  []string            // the code must carry these values besides, by their names: di.P, hibc.lot
	JSON   map[string]JSONPath // names in templates, and where in a code of JSON their values stand
	Pairs  map[string]string   // names in templates, and the names that the code has for them
	Max    int                 // how many characters a value from the label has at most; 0: LongestValue
	Ignore bool                // the event means nothing, and nothing of it is kept
	Needs  []string            // values that must be in hand, or the operator is asked for them
	Set    map[string]Template // values taken in hand
	Append map[string]Template // items added to lists in hand
	Expire time.Duration       // how long set and append hold; 0: until cleared
	Count  map[string]Template // what is added to counters: whole numbers
	Do     []Do
	Send   map[string]string // what is sent to readers, by their names, once the event is on disk
	Clear  []string          // values put away afterwards, counters set to zero
	Undo   bool              // the last thing of this source is taken back; nothing else is done
}

// A Do is one action of a binding.
type Do struct {
	Backend   string
	Verb      Verb
	With      map[string]Template // by field; with.NAME is passed through
	Again     bool                // open another call even while the same one is open
	Close     bool                // closing the call closes it at the vendor even if it was adopted
	Late      Late
	LateAfter time.Duration
}

// Decide says what an event means: the state after it, and what is to be done.
// It is pure, and total: an event that means nothing returns s and no action.
//
// The entry of the action at index i is ev.ID.Entry(i+1). Actions with
// VerbRetry, VerbDiscard, VerbKeep or VerbUndo are for the outbox itself. Where
// anything that an action needs is not in hand, none of the binding's actions is
// returned, and the state's note names what is missing. What the station itself
// tells of is nobody's press: where anything is missing, nothing changes.
func (p Program) Decide(s State, ev Event) (State, []Action) {
	if ev.Source == FromCommand || ev.Source == FromPage {
		return p.asked(s, ev)
	}
	if _, vendor := p.Vendors[ev.Source]; vendor {
		return s.seen(ev), nil
	}
	b, groups, found := p.fits(ev)
	switch {
	case found && b.Ignore:
		return s, nil
	case found && b.Undo:
		return s.takeBack(ev)
	case found:
		return p.carryOut(b, groups, s, ev)
	case ev.Kind == Scan:
		kind, text := unread(ev)
		return s.note(ev, kind, text), []Action{{Verb: VerbKeep}}
	}
	return s, nil
}

// Answer is Decide, and says what the event's operator is told because of it: the
// zero Note where nothing is said.
func (p Program) Answer(s State, ev Event) (State, []Action, Note) {
	before, told := s.Notes[ev.Source]
	if told {
		s.Notes = maps.Clone(s.Notes)
		delete(s.Notes, ev.Source)
	}
	s, actions := p.Decide(s, ev)
	note, said := s.Notes[ev.Source]
	if told && !said {
		s = s.noted(ev.Source, before)
	}
	return s, actions, note
}

// unread says of a scan that no binding takes why: nobody knows it, or something is
// wrong with it.
func unread(ev Event) (NoteKind, string) {
	if why := ev.Data[DataRefused]; why != "" {
		return NoteUnfit, why
	}
	if ev.Data[DataBad] != "" {
		for _, kind := range []string{"gs1", "di", "hibc"} {
			if why := ev.Data[kind+".error"]; why != "" {
				return NoteUnfit, why
			}
		}
	}
	return NoteUnknown, ev.Code
}

// asked is what a person asked for on the page or at the command line.
func (p Program) asked(s State, ev Event) (State, []Action) {
	switch ev.Kind {
	case VerbRetry, VerbDiscard:
		a := Action{Verb: ev.Kind, About: ID(ev.Data["entry"])}
		for _, said := range []string{NotThere, ToCurrent} {
			if ev.Kind == VerbRetry && ev.Data[said] == "true" {
				if a.With == nil {
					a.With = make(map[string]string)
				}
				a.With[said] = "true"
			}
		}
		return s, []Action{a}
	case Ask:
		return p.ask(s, ev)
	case Close:
		i := slices.IndexFunc(s.Calls, func(c Call) bool { return c.named(ev.Data) })
		if i < 0 || s.Calls[i].Closing != "" {
			return s, nil
		}
		t := turn{p: p, ev: ev, s: s}
		t.close(s.Calls[i], p.ending(s.Calls[i].Backend), nil)
		return t.s, t.actions
	}
	return s, nil
}

// named reports whether the data of a Close means this call.
func (c Call) named(data map[string]string) bool {
	if entry := data["entry"]; entry != "" {
		return ID(entry) == c.Entry
	}
	return c.Ref != "" && c.Ref == data["ref"]
}

// ending returns the backend's first verb that ends a call; the zero Verb where
// there is none.
func (p Program) ending(backend string) Verb {
	for _, verb := range p.Vendors[backend].Verbs {
		if verb.Ends != "" {
			return verb
		}
	}
	return Verb{}
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
	groups := make(map[string]string)
	if !b.trusts(ev) || !b.inCode(ev.Code, groups) {
		return nil, false
	}
	if b.Match == nil {
		return groups, true
	}
	found := b.Match.FindStringSubmatch(ev.Code)
	if found == nil {
		return nil, false
	}
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
	b       Binding
	groups  map[string]string // of its match
	ev      Event
	s       State // as it is so far
	actions []Action
	entries []ID // of the actions that make one
	said    bool // the operator was told something more particular than that it was done
}

func (p Program) carryOut(b Binding, groups map[string]string, s State, ev Event) (State, []Action) {
	t := turn{p: p, b: b, groups: groups, ev: ev, s: s}
	for _, step := range []func() Note{t.needs, t.set, t.append, t.count, t.do, t.send} {
		switch lack := step(); {
		case lack.Kind == "":
		case ev.Source == FromStation:
			return s, nil
		case lack.Kind == NoteUnfit && ev.Kind == Scan:
			return s.note(ev, lack.Kind, lack.Text), []Action{{Verb: VerbKeep}}
		default:
			return s.note(ev, lack.Kind, lack.Text), nil
		}
	}
	t.s = t.s.clear(b.Clear, ev.At)
	if ev.Source != FromStation && (!t.said || t.made()) {
		t.note(t.done())
	}
	return t.s.remember(s, ev.Source, t.entries, p.undoes(ev.Source)), t.actions
}

// made reports whether there is something new to tell beside what was said already:
// one call of several was open already, and another has been recorded. That a person
// must decide is never left unsaid.
func (t *turn) made() bool {
	return len(t.actions) > 0 && t.s.Notes[t.ev.Source].Kind != NoteHeld
}

// undoes reports whether a binding takes back what the source did: what nobody
// can take back is not kept.
func (p Program) undoes(source string) bool {
	return slices.ContainsFunc(p.Bindings, func(b Binding) bool {
		of, _, _ := strings.Cut(b.Event, ".")
		return b.Undo && of == source
	})
}

// done says what was done: that something was recorded, or what is in hand now.
//
//	parts 3
//	made 17
func (t *turn) done() (kind NoteKind, text string) {
	if len(t.actions) > 0 {
		return noteOf(t.actions), t.ev.Code
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(t.b.Append)) {
		all = append(all, name+" "+strconv.Itoa(t.s.Values[name].List))
	}
	for _, name := range slices.Sorted(maps.Keys(t.b.Count)) {
		all = append(all, name+" "+strconv.Itoa(t.s.Counters[name].Count))
	}
	if len(all) == 0 {
		return NoteSet, t.ev.Code
	}
	return NoteSet, strings.Join(all, ", ")
}

// noteOf says of actions whether anything of them is kept.
func noteOf(actions []Action) NoteKind {
	if slices.ContainsFunc(actions, func(a Action) bool { return !a.BestEffort }) {
		return NoteRecorded
	}
	return NoteAsked
}

// value returns what a name in a template stands for.
func (t *turn) value(name string) (string, bool) {
	if v, ok := t.groups[name]; ok {
		return v, true
	}
	if v, ok := t.ev.Data[name]; ok {
		return v, true
	}
	switch name {
	case "code":
		return t.ev.Code, true
	case "source":
		return t.ev.Source, true
	case "station":
		return t.p.Station, true
	case "now":
		return t.ev.At.second().Format(time.RFC3339), t.ev.At.Trusted
	case "since":
		since, known := t.s.since(t.b.Clear, t.ev.At)
		return since.Format(time.RFC3339), known
	}
	return t.s.value(name, t.ev.At)
}

// expand fills a template in. A value from the label that may not go there is the note.
func (t *turn) expand(template Template) (text string, present bool, lack Note) {
	return t.filled(template.expand)
}

func (t *turn) filled(expand func(func(string) (string, bool)) (string, bool, string)) (text string, present bool, lack Note) {
	why := ""
	text, present, missing := expand(func(name string) (string, bool) {
		v, ok := t.value(name)
		if ok && why == "" {
			longest := math.MaxInt // what is in hand was measured when it was taken
			if t.fromLabel(name) {
				longest = t.b.Max
			}
			why = unusable(name, v, longest)
		}
		return v, ok
	})
	switch {
	case missing != "":
		return "", false, lacks(missing)
	case why != "":
		return "", false, Note{Kind: NoteUnfit, Text: why}
	}
	return text, present, Note{}
}

// fromLabel reports whether a name's value was read just now.
func (t *turn) fromLabel(name string) bool {
	if _, group := t.groups[name]; group || name == "code" {
		return true
	}
	_, data := t.ev.Data[name]
	return data
}

// lacks is the note that asks for what is missing.
func lacks(missing string) Note { return Note{Kind: NoteNeeds, Text: missing} }

func (t *turn) needs() Note {
	for _, name := range t.b.Needs {
		if v, ok := t.value(name); !ok || v == "" {
			return lacks(name)
		}
	}
	return Note{}
}

// set takes values in hand. All of them are filled in from what was in hand
// before.
func (t *turn) set() Note {
	after := t.s
	for _, name := range slices.Sorted(maps.Keys(t.b.Set)) {
		text, present, lack := t.expand(t.b.Set[name])
		if lack.Kind != "" {
			return lack
		}
		if n := utf8.RuneCountInString(text); present && n > longestInHand {
			return Note{Kind: NoteUnfit, Text: fmt.Sprintf("%s would have %d characters; in hand a text has %d at most", name, n, longestInHand)}
		}
		if present {
			after = after.put(name, Value{Text: text, At: t.ev.At, For: t.b.Expire})
		}
	}
	t.s = after
	return Note{}
}

// append adds items to lists in hand. A list that has expired begins anew.
func (t *turn) append() Note {
	for _, name := range slices.Sorted(maps.Keys(t.b.Append)) {
		var item json.RawMessage
		_, present, lack := t.filled(func(value func(string) (string, bool)) (_ string, present bool, missing string) {
			item, present, missing = t.b.Append[name].item(value)
			return "", present, missing
		})
		if lack.Kind != "" {
			return lack
		}
		if !present {
			continue
		}
		list := t.s.Values[name]
		if list.expired(t.ev.At) {
			list = Value{}
		}
		list, ok := list.longer(item)
		if !ok {
			return Note{Kind: NoteFull, Text: name}
		}
		list.At, list.For = t.ev.At, t.b.Expire
		t.s = t.s.put(name, list)
	}
	return Note{}
}

// count adds to counters.
func (t *turn) count() Note {
	for _, name := range slices.Sorted(maps.Keys(t.b.Count)) {
		text, present, lack := t.expand(t.b.Count[name])
		if lack.Kind != "" {
			return lack
		}
		if !present {
			continue
		}
		after, ok := t.s.count(name, text, t.ev.At)
		if !ok {
			return Note{Kind: NoteNumber, Text: text}
		}
		t.s = after
	}
	return Note{}
}

// do adds the binding's actions.
func (t *turn) do() Note {
	for _, do := range t.b.Do {
		with, lack := t.fill(do)
		switch {
		case lack.Kind != "":
			return lack
		case do.Verb.Ends != "":
			t.end(do.Backend, do.Verb, with)
		case len(do.Verb.Opens) > 0:
			if lack := t.open(do, with); lack.Kind != "" {
				return lack
			}
		default:
			t.add(t.action(do, with))
		}
	}
	return Note{}
}

// send adds what is sent to readers: a fixed one is told to read.
func (t *turn) send() Note {
	for _, reader := range slices.Sorted(maps.Keys(t.b.Send)) {
		t.add(Action{Verb: VerbSend, With: map[string]string{SendTo: reader, SendText: t.b.Send[reader]}, BestEffort: true})
	}
	return Note{}
}

// fill expands the templates of a Do, and fills in who acts, what the line was
// last seen to run and the vendor's defaults.
func (t *turn) fill(do Do) (with map[string]string, lack Note) {
	with = make(map[string]string)
	defaults := t.p.Vendors[do.Backend].Defaults
	for _, f := range do.Verb.Fields {
		if template, ok := do.With[f.Name]; ok {
			text, present, lack := t.expand(template)
			if lack.Kind != "" {
				return nil, lack
			}
			if present {
				with[f.Name] = text
			}
		}
		if user, in := t.s.value(User, t.ev.At); in && f.Name == User && with[f.Name] == "" {
			with[f.Name] = user
		}
		if _, said := with[f.Name]; !said && defaults[f.Name] != "" && do.Verb.Ends == "" {
			with[f.Name] = defaults[f.Name]
		}
		if _, said := with[f.Name]; !said && f.Required {
			return nil, lacks(f.Name)
		}
	}
	t.s.fillLastSeen(do.Verb, with)
	if lack := subjectFits(do.Verb, with); lack.Kind != "" {
		return nil, lack
	}
	return with, t.further(do, with)
}

// subjectFits reports that what a lane or a call is named by is too long for a name.
func subjectFits(verb Verb, with map[string]string) Note {
	for _, field := range slices.Concat(verb.Lane, verb.Opens) {
		if n := utf8.RuneCountInString(with[field]); n > longestSubject {
			return Note{Kind: NoteUnfit, Text: fmt.Sprintf("%s has %d characters, and %d at most", field, n, longestSubject)}
		}
	}
	return Note{}
}

// further expands the parameters that are passed through.
func (t *turn) further(do Do, with map[string]string) Note {
	for _, name := range slices.Sorted(maps.Keys(do.With)) {
		if !strings.HasPrefix(name, Further) {
			continue
		}
		text, present, lack := t.expand(do.With[name])
		if lack.Kind != "" {
			return lack
		}
		if present {
			with[name] = text
		}
	}
	return Note{}
}

func (t *turn) action(do Do, with map[string]string) Action {
	return Action{
		Lane:       laneOf(do.Backend, do.Verb, with),
		Verb:       do.Verb.Name,
		With:       with,
		To:         t.p.Vendors[do.Backend].To,
		Barrier:    do.Verb.Barrier,
		Marks:      do.Verb.Before,
		BestEffort: do.Verb.BestEffort,
		Late:       do.Late,
		LateAfter:  do.LateAfter,
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

// add appends an action, which becomes an entry unless it is fleeting.
func (t *turn) add(a Action) {
	if a.BestEffort {
		t.actions = append(t.actions, a)
		return
	}
	t.entries = append(t.entries, t.entry())
	t.actions = append(t.actions, a)
	t.s = t.s.tally(t.ev.Source, 1, 0)
}

// entry is the ID of the action that add appends next.
func (t *turn) entry() ID { return t.ev.ID.Entry(len(t.actions) + 1) }

// note says something to the operator at the event's source.
func (t *turn) note(kind NoteKind, text string) {
	t.said = true
	t.s = t.s.note(t.ev, kind, text)
}

// open opens a call, unless the same call is open already. The note says that there are as
// many as there may be: a label that is opened as a call leaves room for the buttons'.
func (t *turn) open(do Do, with map[string]string) (lack Note) {
	subject := make(map[string]string)
	for _, field := range do.Verb.Opens {
		subject[field] = with[field]
	}
	i := t.s.sameCall(do.Backend, subject)
	if i >= 0 && !do.Again {
		t.pressedAgain(t.s.Calls[i])
		return Note{}
	}
	if t.callsFull() {
		return Note{Kind: NoteFull, Text: "open calls"}
	}
	a := t.action(do, with)
	t.s.Calls = append(slices.Clone(t.s.Calls), Call{
		Backend: do.Backend,
		Subject: subject,
		Source:  t.ev.Source,
		Lane:    a.Lane,
		Entry:   t.entry(),
		Leave:   with[do.Verb.Adopts] == "true" && !do.Close,
		At:      t.ev.At,
	})
	t.add(a)
	return Note{}
}

// callsFull reports whether there are as many calls as there may be.
func (t *turn) callsFull() bool {
	open := 0
	for _, c := range t.s.Calls {
		if c.Closing == "" {
			open++
		}
	}
	if t.ev.Kind == Scan {
		return open >= callsForScans || len(t.s.Calls) >= closedForScans
	}
	return open >= mostCalls || len(t.s.Calls) >= mostWithClosed
}

// pressedAgain answers a press on a call that is open already: it opens nothing
// new. Where the vendor refused it, pressing again is the retry; a latching
// button closes it.
func (t *turn) pressedAgain(c Call) {
	switch verb := t.p.ending(c.Backend); {
	case c.Hold == HoldRefused:
		t.actions = append(t.actions, Action{Verb: VerbRetry, About: c.Entry})
	case c.Hold != HoldNone:
		t.note(NoteHeld, "a person must decide what becomes of this call")
	case t.p.Latch[t.ev.Source] && verb.Ends != "":
		t.end(c.Backend, verb, c.Subject)
	default:
		t.note(NoteAlready, "")
	}
}

// end closes the calls that the source opened; with may narrow them down.
func (t *turn) end(backend string, verb Verb, with map[string]string) {
	closed := 0
	for _, c := range t.s.Calls {
		if c.Backend == backend && c.Source == t.ev.Source && c.Closing == "" && c.is(with) {
			t.close(c, verb, with)
			closed++
		}
	}
	if closed == 0 {
		t.note(NoteNothing, "")
	}
}

// close closes one call. What is open at the vendor because of somebody else is
// left as it is there, and so is a call whose vendor this station has no verb
// for any more: such a call is only over here.
func (t *turn) close(c Call, verb Verb, with map[string]string) {
	switch {
	case c.Ref != "" && (c.Adopted && c.Leave || verb.Ends == ""):
		t.s = t.s.release(c.Entry)
		t.note(NoteLeft, "")
		return
	case verb.Ends == "":
		return // its open is held, and a person decides what becomes of both
	}
	a := Action{Lane: c.Lane, Verb: verb.Name, With: make(map[string]string), To: t.p.Vendors[c.Backend].To}
	maps.Copy(a.With, with)
	for field := range c.Subject {
		delete(a.With, field)
	}
	if c.Ref == "" {
		a.About, a.Ours = c.Entry, c.Leave
	} else {
		a.With[verb.Ends] = c.Ref
	}
	i := slices.IndexFunc(t.s.Calls, func(other Call) bool { return other.Entry == c.Entry })
	t.s.Calls = slices.Clone(t.s.Calls)
	t.s.Calls[i].Closing = t.entry()
	t.add(a)
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
