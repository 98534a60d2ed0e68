package station

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Ask is the kind of the event by which a person at the command line asks for one
// action. Data is that of an ActionRequest.
const Ask = "ask"

// The names that an ActionRequest's parts have in the data of its event. The name of a field
// follows fieldData: field.machine.
const (
	backendData = "backend"
	verbData    = "verb"
	fieldData   = "field."
)

// An ActionRequest is one action that a person asks for at the command line. Unlike that of
// a binding it has no templates: every value is given.
type ActionRequest struct {
	Backend string            `json:"backend"`
	Verb    string            `json:"verb"`
	With    map[string]string `json:"with,omitempty"` // by field; with.NAME is passed through
}

// Event returns the event that asks. by says who asks.
func (a ActionRequest) Event(by string, at Stamp) Event {
	data := map[string]string{backendData: a.Backend, verbData: a.Verb, "by": by}
	for name, value := range a.With {
		data[fieldData+name] = value
	}
	return Event{ID: NewID(), Source: FromCommand, Kind: Ask, Data: data, At: at}
}

// requestOf reads an ActionRequest from its event's data.
func requestOf(data map[string]string) ActionRequest {
	a := ActionRequest{Backend: data[backendData], Verb: data[verbData], With: make(map[string]string)}
	for name, value := range data {
		if field, is := strings.CutPrefix(name, fieldData); is {
			a.With[field] = value
		}
	}
	return a
}

// BuildAction turns what a person asks for into an action as a binding would: with the
// vendor's defaults, its lane, whom it is for, and its verb's own lateness. faults
// are everything that is wrong with it, a sentence each; with any of them the
// action is not to be used.
//
// A verb that ends a call must be given the vendor's own name for it: a button ends the call
// that it opened, and a command has opened none.
func (p Program) BuildAction(a ActionRequest) (action Action, faults []string) {
	vendor, known := p.Vendors[a.Backend]
	if !known {
		return Action{}, []string{fmt.Sprintf("this station has no backend %q", a.Backend)}
	}
	verb, known := vendor.Verb(a.Verb)
	if !known {
		return Action{}, []string{fmt.Sprintf("%s has no verb %q", a.Backend, a.Verb)}
	}
	with := make(map[string]string, len(verb.Fields))
	for _, f := range verb.Fields {
		if value := vendor.Defaults[f.Name]; value != "" && verb.Ends == "" {
			with[f.Name] = value
		}
	}
	faults = verb.validate(a.With)
	for name, value := range a.With {
		if f, own := verb.Field(name); own && f.Type == List {
			value = compact(value)
		}
		with[name] = value
	}
	faults = append(faults, verb.missingFields(with)...)
	if lack := subjectTooLong(verb, with); lack.Kind != "" {
		faults = append(faults, lack.Text)
	}
	x := execution{p: p}
	action = x.action(Do{Backend: a.Backend, Verb: verb, Late: verb.Late, LateAfter: verb.LateAfter}, with)
	if verb.Ends != "" {
		action.Lane = a.Backend + "/" + verb.Ends + ":" + with[verb.Ends]
	}
	return action, faults
}

// validate says what is wrong with the fields that a person gives for the verb.
func (v Verb) validate(with map[string]string) (faults []string) {
	for _, name := range slices.Sorted(maps.Keys(with)) {
		f, own := v.Field(name)
		switch further, is := strings.CutPrefix(name, PassedThrough); {
		case is:
			faults = append(append(faults, v.checkPassedThrough(further)...), unusableTexts(further, with[name])...)
		case name == LastSeen:
			faults = append(faults, fmt.Sprintf("%s is filled in by the program: it knows what the line was last seen to run", name))
		case own && v.Ends != "" && name != v.Ends:
			faults = append(faults, fmt.Sprintf("%s chooses among the calls of a binding; here %s says which one", name, v.Ends))
		case own:
			faults = append(faults, f.Validate(with[name])...)
		default:
			faults = append(faults, fmt.Sprintf("%s has no field %q; it takes: %s", v.Name, name, strings.Join(v.Takes(), ", ")))
		}
	}
	return faults
}

// parameterName reports whether a further parameter may be called so.
func parameterName(text string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	return text != "" && strings.Contains(letters, text[:1]) && strings.Trim(text, letters+"0123456789_") == ""
}

// checkPassedThrough says what is wrong with a parameter that is to be passed through.
func (v Verb) checkPassedThrough(name string) []string {
	_, own := v.Field(name)
	switch {
	case !v.PassThrough:
		return []string{fmt.Sprintf("%s%s: %s passes no further parameters through", PassedThrough, name, v.Name)}
	case own:
		return []string{fmt.Sprintf("%s%s: %s is a field of %s itself: write it without %s", PassedThrough, name, name, v.Name, PassedThrough)}
	case !parameterName(name):
		return []string{fmt.Sprintf("%s%s: %q is no name of a parameter: it has letters, digits and _, and begins with a letter", PassedThrough, name, name)}
	}
	return nil
}

// missingFields says which fields have no value and must have one.
func (v Verb) missingFields(with map[string]string) (faults []string) {
	for _, f := range v.Fields {
		must := f.Required || slices.Contains(v.Lane, f.Name) || v.Ends == f.Name
		if _, said := with[f.Name]; must && !said {
			faults = append(faults, fmt.Sprintf("%s needs %s=…: %s", v.Name, f.Name, f.Help))
		}
	}
	return faults
}

// Takes lists the fields that a person may say, the required ones first.
func (v Verb) Takes() []string {
	var must, may []string
	for _, f := range v.Fields {
		switch {
		case f.Name == LastSeen, v.Ends != "" && f.Name != v.Ends:
		case f.Required || slices.Contains(v.Lane, f.Name) || f.Name == v.Ends:
			must = append(must, f.Name)
		default:
			may = append(may, f.Name)
		}
	}
	return append(must, may...)
}

// Validate says in a sentence why a text cannot be the field's value; nothing where
// it can.
func (f Field) Validate(text string) []string {
	switch {
	case text == "":
		return []string{fmt.Sprintf("%s= says nothing: leave it out", f.Name)}
	case !f.Type.Fits(text):
		return []string{fmt.Sprintf("%s must be %s, not %q", f.Name, f.Type.Wanted(), text)}
	}
	if f.Type == List {
		var list any
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			return []string{fmt.Sprintf("%s: %v", f.Name, err)}
		}
		return unusableTexts(f.Name, list)
	}
	return unusableTexts(f.Name, text)
}

// unusableTexts says what is unusable of every text in a value as JSON has it.
func unusableTexts(name string, value any) (faults []string) {
	switch value := value.(type) {
	case string:
		if why := unusable(name, value, math.MaxInt); why != "" {
			faults = append(faults, why)
		}
	case []any:
		for _, v := range value {
			faults = append(faults, unusableTexts(name, v)...)
		}
	case map[string]any:
		for _, v := range value {
			faults = append(faults, unusableTexts(name, v)...)
		}
	}
	return faults
}

// decimal reports whether a text is a number, as 12, -3 or 0.5.
func decimal(text string) bool {
	whole, fraction, point := strings.Cut(text, ".")
	return integer(whole) && (!point || digits(fraction))
}

// integer reports whether a text is a whole number.
func integer(text string) bool { return digits(strings.TrimPrefix(text, "-")) }

// Fits reports whether a text is of the type.
func (t FieldType) Fits(text string) bool {
	switch t {
	case Number:
		return decimal(text)
	case Integer:
		return integer(text)
	case Bool:
		return text == "true" || text == "false"
	case Date:
		return isDay(text)
	case List:
		return text != "" && strings.ContainsAny(text[:1], "[{") && json.Valid([]byte(text))
	default:
		return true
	}
}

// Wanted says what the type takes, with an example where that helps.
func (t FieldType) Wanted() string {
	switch t {
	case Number:
		return "a number, as 12 or 0.5"
	case Integer:
		return "a whole number"
	case Bool:
		return t.String()
	case Date:
		return `a date, as "2026-10-31" or "261031"`
	default:
		return "a " + t.String()
	}
}

// isDay reports whether a text is a day as 2026-10-31 or, as in GS1, 261031,
// where the day 00 stands for the month's last.
func isDay(text string) bool {
	if _, err := time.Parse(time.DateOnly, text); err == nil {
		return true
	}
	if month, last := strings.CutSuffix(text, "00"); last && len(month) == 4 {
		text = month + "01"
	}
	_, err := time.Parse("060102", text)
	return err == nil
}

// compact returns a list as canonical JSON; what is no JSON stays as it is.
func compact(text string) string {
	var v any
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return text
	}
	if short, err := canonical(v); err == nil {
		return short
	}
	return text
}

// ask carries out what a person asks for at the command line. What the operator at the
// station has in hand fills nothing in, for it was not meant for this; what a line was last
// seen to run does.
func (p Program) ask(s State, ev Event) (State, []Action) {
	a := requestOf(ev.Data)
	action, faults := p.BuildAction(a)
	if len(faults) > 0 {
		return s, nil
	}
	verb, _ := p.Vendors[a.Backend].Verb(a.Verb)
	s.fillLastSeen(verb, action.With)
	x := execution{p: p, ev: ev, s: s}
	switch {
	case verb.Ends != "":
		x.endNamedCall(a.Backend, verb, action)
	case len(verb.Opens) > 0:
		if lack := x.openCall(Do{Backend: a.Backend, Verb: verb, Late: verb.Late, LateAfter: verb.LateAfter}, action.With); lack.Kind != "" {
			x.noteWhy(lack)
		}
	default:
		x.add(action)
	}
	if !x.noted {
		x.note(noteOf([]Action{action}), a.Verb)
	}
	return x.s, x.actions
}

// endNamedCall ends the call that an action names by the vendor's name for it. One that
// is open here is closed as its own button would; that it was adopted does not
// matter to a person who names it.
func (x *execution) endNamedCall(backend string, verb Verb, a Action) {
	ref := a.With[verb.Ends]
	i := slices.IndexFunc(x.s.Calls, func(c Call) bool { return c.Backend == backend && c.Ref == ref })
	switch {
	case i < 0:
		x.add(a)
	case x.s.Calls[i].Closing != "":
		x.note(NoteAlready, ref)
	default:
		c := x.s.Calls[i]
		c.Leave = false
		x.closeCall(c, verb, nil)
	}
}
