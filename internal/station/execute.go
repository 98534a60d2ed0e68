package station

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// An execution is one binding being carried out for one event. Its steps (needs, set,
// append, count, do, send) return the zero Note, or the note that says what is missing or
// wrong: then nothing of the binding is done.
type execution struct {
	p       Program
	b       Binding
	groups  map[string]string // what the binding read from the code: by match, json and pairs
	ev      Event
	s       State // as it is so far
	actions []Action
	entries []ID // of the actions that make one
	noted   bool // a step has left a note, which says more than that something was done
	cut     int  // how many of the actions are reports of what was counted before

	reports bool   // it is a report of what was counted: what it names counts although it is not fresh
	unsure  string // why a person must decide what becomes of its entries
}

// execute carries out a binding, as Decide says. What was counted before is reported first,
// where the binding changes what that counts for.
func (p Program) execute(b Binding, groups map[string]string, s State, ev Event) (State, []Action) {
	after, actions, _ := p.tryExecute(b, groups, s, ev)
	return after, actions
}

// tryExecute is execute, and reports whether nothing was missing or wrong.
func (p Program) tryExecute(b Binding, groups map[string]string, s State, ev Event) (State, []Action, bool) {
	var actions []Action
	if ev.Source == FromStation && ev.Kind != Alert {
		s, actions = p.reportAside(s, ev)
	}
	after, made, done := p.carryOut(b, groups, s, ev, actions)
	if cut, reports := p.cut(s, after, ev, b.Clear); len(reports) > 0 || len(cut.Aside) > len(s.Aside) {
		after, made, done = p.carryOut(b, groups, cut, ev, append(actions, reports...))
		if !done && ev.Source != FromStation { // what is refused changes nothing, and nothing is reported before it
			after = s.setNote(ev.Source, after.Notes[ev.Source])
		}
	}
	return after, made, done
}

// carryOut carries out a binding after the reports of what was counted before.
func (p Program) carryOut(b Binding, groups map[string]string, s State, ev Event, reports []Action) (after State, actions []Action, done bool) {
	x := execution{p: p, b: b, groups: groups, ev: ev, s: s, actions: slices.Clone(reports), cut: len(reports)}
	for _, step := range steps() {
		switch lack := step(&x); {
		case lack.Kind == "":
		case ev.Source == FromStation:
			return p.notReported(b, s, ev, lack), reports, false
		case lack.Kind == NoteUnfit && ev.Kind == Scan:
			return s.setNote(ev.Source, x.told(lack)), []Action{{Verb: VerbKeep}}, false
		default:
			return s.setNote(ev.Source, x.told(lack)), nil, false
		}
	}
	x.s = x.s.clear(b.Clear, ev.At)
	if ev.Source == FromStation {
		x.s = x.s.reported()
	}
	if ev.Source != FromStation && (!x.noted || x.recordedMore()) {
		x.noteWhy(x.outcomeNote())
	}
	if ev.Kind == Open {
		return x.s, x.actions, true // nobody did it, so nobody takes it back
	}
	return x.s.rememberUndo(s, ev.Source, x.entries, p.undoes(ev.Source)), x.actions, true
}

// told is the note of what is missing or wrong, as the operator is told it.
func (x *execution) told(lack Note) Note {
	lack.At = x.ev.At
	if lack.Kind == NoteNeeds {
		lack.Ask = x.b.Ask
	}
	return lack
}

// recordedMore reports whether the note that a step has left gives way to "recorded": one
// call was open already, and another has been recorded. A note that a person must decide
// gives way to nothing.
func (x *execution) recordedMore() bool {
	return len(x.made()) > 0 && x.s.Notes[x.ev.Source].Kind != NoteHeld
}

// steps are what a binding does, in that order.
func steps() [8]func(*execution) Note {
	return [...]func(*execution) Note{
		(*execution).needs, (*execution).conditions, (*execution).limits, (*execution).set,
		(*execution).append, (*execution).count, (*execution).do, (*execution).send,
	}
}

// made are the actions of the binding itself.
func (x *execution) made() []Action { return x.actions[x.cut:] }

// undoes reports whether any binding takes back what the source did. Without one, what the
// source did need not be remembered.
func (p Program) undoes(source string) bool {
	return slices.ContainsFunc(p.Bindings, func(b Binding) bool {
		of, _, _ := strings.Cut(b.Event, ".")
		return b.Undo && of == source
	})
}

// sortedNames are the keys of a map in their order. Most bindings have few of such maps, so
// that an empty one takes no memory.
func sortedNames[V any](of map[string]V) []string {
	if len(of) == 0 {
		return nil
	}
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// outcomeNote says what was done: that something was recorded, or what is in hand now.
//
//	parts 3
//	made 17
func (x *execution) outcomeNote() Note {
	if made := x.made(); len(made) > 0 {
		return Note{Kind: noteOf(made), Text: x.ev.Code}
	}
	var all []string
	numbers := make(map[string]string)
	for _, name := range sortedNames(x.b.Append) {
		numbers[name] = strconv.Itoa(x.s.Values[name].List)
		all = append(all, name+" "+numbers[name])
	}
	for _, name := range sortedNames(x.b.Count) {
		numbers[name] = strconv.Itoa(x.s.Counters[name].Count)
		all = append(all, name+" "+numbers[name])
	}
	if len(all) == 0 {
		return Note{Kind: NoteSet, Text: x.ev.Code}
	}
	return Note{Kind: NoteSet, Text: strings.Join(all, ", "), Why: &Reason{Kind: Counted, Values: numbers}}
}

// noteOf is the note of actions that are done: recorded, unless all of them are best effort.
func noteOf(actions []Action) NoteKind {
	if slices.ContainsFunc(actions, func(a Action) bool { return !a.BestEffort }) {
		return NoteRecorded
	}
	return NoteAsked
}

// value returns what a name in a template stands for.
func (x *execution) value(name string) (string, bool) {
	if v, ok := x.groups[name]; ok {
		return v, true
	}
	if v, ok := x.ev.Data[name]; ok {
		return v, true
	}
	switch name {
	case "code":
		return x.ev.Code, true
	case "source":
		return x.ev.Source, true
	case "station":
		return x.p.Station, true
	case "now":
		return x.ev.At.toSecond().Format(time.RFC3339), x.ev.At.Trusted
	case "since":
		since, known := x.s.since(x.b.Clear, x.ev.At)
		return since.Format(time.RFC3339), known
	}
	if text, fresh, is := x.p.reading(x.s, name, x.ev.At); is {
		return text, text != "" && (fresh || x.reports)
	}
	if v, in := x.s.Values[name]; in && x.reports {
		return v.Text, true
	}
	return x.s.value(name, x.ev.At)
}

// expand fills a template in. lack names a value that is missing, or says what is wrong with
// one. present is false where an optional value is missing, so that the field is left out.
func (x *execution) expand(template Template) (text string, present bool, lack Note) {
	v := checkedValues{x: x}
	text, present, missing := template.expand(v.value)
	if lack := v.lack(missing); lack.Kind != "" {
		return "", false, lack
	}
	return text, present, Note{}
}

// checkedValues are what the names of one template stand for, and what is wrong with the first
// that cannot be used.
type checkedValues struct {
	x   *execution
	why string // it cannot be used
	of  string // the name that was asked for last, or whose value that is
}

// value returns what a name in the template stands for.
func (v *checkedValues) value(name string) (string, bool) {
	text, ok := v.x.value(name)
	if ok && v.why == "" {
		longest := math.MaxInt // what is in hand was measured when it was taken
		if v.x.fromLabel(name) {
			longest = v.x.b.Max
		}
		v.why, v.of = unusable(name, text, longest), name
	}
	return text, ok
}

// lack is the note of a value that is missing, or that cannot be used.
func (v *checkedValues) lack(missing string) Note {
	switch {
	case missing != "":
		return v.x.missingNote(missing)
	case v.why != "":
		return Note{Kind: NoteUnfit, Text: v.why, Why: &Reason{Kind: "value", Values: map[string]string{"field": v.of}}}
	}
	return Note{}
}

// fromLabel reports whether a name's value is from the code that was just read.
func (x *execution) fromLabel(name string) bool {
	if _, group := x.groups[name]; group || name == "code" {
		return true
	}
	_, data := x.ev.Data[name]
	return data
}

// missingNote is the note that asks for what is missing. What is read at a vendor nobody can
// scan: it is not known.
func (x *execution) missingNote(missing string) Note {
	if _, _, is := x.p.reading(x.s, missing, x.ev.At); is {
		return Note{Kind: NoteUnread, Text: missing}
	}
	return Note{Kind: NoteNeeds, Text: missing}
}

// needs checks that everything is in hand that the binding asks for.
func (x *execution) needs() Note {
	for _, name := range x.b.Needs {
		if v, ok := x.value(name); !ok || v == "" {
			return x.missingNote(name)
		}
	}
	return Note{}
}

// set takes values in hand. Each is filled in from what was in hand before, so that their
// order does not matter.
func (x *execution) set() Note {
	after := x.s
	for _, name := range sortedNames(x.b.Set) {
		text, present, lack := x.expand(x.b.Set[name])
		if lack.Kind != "" {
			return lack
		}
		if n := utf8.RuneCountInString(text); present && n > longestInHand {
			return tooLong(name, fmt.Sprintf("%s would have %d characters; in hand a text has %d at most", name, n, longestInHand), longestInHand)
		}
		if present {
			if lack := x.b.Limits[name].limited(name, text); lack.Kind != "" {
				return lack
			}
			after = after.setValue(name, Value{Text: text, At: x.ev.At, For: x.b.Expire})
		}
	}
	x.s = after
	return Note{}
}

// append adds items to lists in hand. A list that has expired begins anew.
func (x *execution) append() Note {
	for _, name := range sortedNames(x.b.Append) {
		v := checkedValues{x: x}
		item, present, missing := x.b.Append[name].item(v.value)
		if lack := v.lack(missing); lack.Kind != "" {
			return lack
		}
		if !present {
			continue
		}
		list := x.s.Values[name]
		if list.Expired(x.ev.At) {
			list = Value{}
		}
		list, ok := list.appended(item)
		if !ok {
			return Note{Kind: NoteFull, Text: name}
		}
		list.At, list.For = x.ev.At, x.b.Expire
		x.s = x.s.setValue(name, list)
	}
	return Note{}
}

// count adds to counters.
func (x *execution) count() Note {
	for _, name := range sortedNames(x.b.Count) {
		text, present, lack := x.expand(x.b.Count[name])
		if lack.Kind != "" {
			return lack
		}
		if !present {
			continue
		}
		after, ok := x.s.count(name, text, x.ev.At)
		if !ok {
			return Note{Kind: NoteNumber, Text: text}
		}
		x.s = after
	}
	return Note{}
}

// do adds the binding's actions.
func (x *execution) do() Note {
	for _, do := range x.b.Do {
		with, lack := x.fields(do)
		switch {
		case lack.Kind != "":
			return lack
		case do.Verb.Ends != "":
			x.endCalls(do.Backend, do.Verb, with)
		case len(do.Verb.Opens) > 0:
			if lack := x.openCall(do, with); lack.Kind != "" {
				return lack
			}
		default:
			x.add(x.action(do, with))
		}
	}
	return Note{}
}

// send adds what is sent to scanners: the trigger that has a fixed one read.
func (x *execution) send() Note {
	for _, reader := range sortedNames(x.b.Send) {
		x.add(Action{Verb: VerbSend, With: map[string]string{SendTo: reader, SendText: x.b.Send[reader]}, BestEffort: true})
	}
	return Note{}
}

// fields expands the templates of a Do, and fills in who acts (User), what the line was last
// seen to run (LastSeen) and the vendor's defaults.
func (x *execution) fields(do Do) (with map[string]string, lack Note) {
	with = make(map[string]string)
	defaults := x.p.Vendors[do.Backend].Defaults
	for _, f := range do.Verb.Fields {
		if template, ok := do.With[f.Name]; ok {
			text, present, lack := x.expand(template)
			if lack.Kind != "" {
				return nil, lack
			}
			if present {
				if lack := x.limitField(f, template, text); lack.Kind != "" {
					return nil, lack
				}
				with[f.Name] = text
			}
		}
		if user, in := x.s.value(User, x.ev.At); in && f.Name == User && with[f.Name] == "" {
			with[f.Name] = user
		}
		if f.Name == User && x.b.Role != "" && with[f.Name] == "" {
			maps.Copy(with, x.user(do.Verb))
		}
		if _, said := with[f.Name]; !said && defaults[f.Name] != "" && do.Verb.Ends == "" {
			with[f.Name] = defaults[f.Name]
		}
		if _, said := with[f.Name]; !said && f.Required {
			return nil, x.missingNote(f.Name)
		}
	}
	x.s.fillLastSeen(do.Verb, with)
	if lack := subjectTooLong(do.Verb, with); lack.Kind != "" {
		return nil, lack
	}
	return with, x.passedThrough(do, with)
}

// tooLong is the note of a value that is longer than it may be.
func tooLong(name, text string, most int) Note {
	return Note{Kind: NoteUnfit, Text: text, Why: &Reason{Kind: "too-long", Values: map[string]string{"field": name, "most": strconv.Itoa(most)}}}
}

// subjectTooLong returns the note for a field by which a lane or a call is named, and whose
// value is too long for a name.
func subjectTooLong(verb Verb, with map[string]string) Note {
	for _, fields := range [...][]string{verb.Lane, verb.Opens} {
		for _, field := range fields {
			if n := utf8.RuneCountInString(with[field]); n > longestSubject {
				return tooLong(field, fmt.Sprintf("%s has %d characters, and %d at most", field, n, longestSubject), longestSubject)
			}
		}
	}
	return Note{}
}

// user is the field that says which technician acts, for a verb that has one. Only what needs
// a technician says so: a call for help is not refused for a name that the vendor does not
// know.
func (x *execution) user(verb Verb) map[string]string {
	name := x.ev.Data[DataTechnician]
	if _, takes := verb.Field(User); !takes || name == "" {
		return nil
	}
	return map[string]string{User: name}
}

// passedThrough expands the parameters that are passed through.
func (x *execution) passedThrough(do Do, with map[string]string) Note {
	var names []string
	for name := range do.With {
		if strings.HasPrefix(name, PassedThrough) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		text, present, lack := x.expand(do.With[name])
		if lack.Kind != "" {
			return lack
		}
		if present {
			with[name] = text
		}
	}
	return Note{}
}

// action is what a Do with expanded fields asks the backend for.
func (x *execution) action(do Do, with map[string]string) Action {
	return Action{
		Lane:       laneOf(do.Backend, do.Verb, with),
		Verb:       do.Verb.Name,
		With:       with,
		To:         x.p.Vendors[do.Backend].To,
		Barrier:    do.Verb.Barrier,
		Marks:      do.Verb.Before,
		BestEffort: do.Verb.BestEffort,
		Late:       do.Late,
		LateAfter:  do.LateAfter,
		Unsure:     x.unsure,
	}
}

// laneOf names the subject of an action: l2l/machine:SEAL-1.
func laneOf(backend string, verb Verb, with map[string]string) string {
	name := append(make([]byte, 0, 64), backend...)
	name = append(name, '/')
	for i, field := range verb.Lane {
		if i > 0 {
			name = append(name, ',')
		}
		name = append(append(name, field...), ':')
		name = append(name, with[field]...)
	}
	return string(name)
}

// add appends an action, which becomes an entry unless it is best effort.
func (x *execution) add(a Action) {
	if a.BestEffort {
		x.actions = append(x.actions, a)
		return
	}
	x.entries = append(x.entries, x.entry())
	x.actions = append(x.actions, a)
	x.s = x.s.countEntries(x.ev.Source, 1, 0)
}

// entry is the ID of the action that add appends next.
func (x *execution) entry() ID { return x.ev.ID.Entry(len(x.actions) + 1) }

// note leaves a note for the operator at the event's source.
func (x *execution) note(kind NoteKind, text string) { x.noteWhy(Note{Kind: kind, Text: text}) }

// noteWhy is note for one that has more to say.
func (x *execution) noteWhy(n Note) {
	if x.reports {
		return // nobody has done anything to be told of
	}
	x.noted = true
	x.s = x.s.setNote(x.ev.Source, x.told(n))
}
