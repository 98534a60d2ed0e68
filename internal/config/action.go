package config

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"stationd/internal/station"
)

// manner lists the keys of an action that say how and not what.
func manner() []string { return []string{"again", "late", "late_after"} }

// mannerLater lists those that this version does not know yet.
func mannerLater() []string { return []string{"with", "once", "adopted"} }

// do compiles one action.
func (s scope) do(n *node) (station.Do, bool) {
	if n.kind != table || n.bad {
		return station.Do{}, false
	}
	backend, ok := s.backend(n)
	if !ok {
		return station.Do{}, false
	}
	verb, ok := s.verb(n.fields[backend], backend)
	if !ok {
		return station.Do{}, false
	}
	before := len(s.faults)
	d := station.Do{Backend: backend, Verb: verb, Late: verb.Late, LateAfter: verb.LateAfter}
	d.With = s.with(n, d)
	s.required(n, d)
	s.manner(n, &d)
	whose := placedDo{d, s.source, n.fields[backend]}
	switch {
	case s.source == "": // its event has a fault already
	case verb.Ends != "":
		s.closes = append(s.closes, whose)
	case len(verb.Opens) > 0:
		s.opens = append(s.opens, whose)
		s.unsure[s.source] = s.unsure[s.source] || len(s.faults) > before
	}
	return d, true
}

// backend finds the one key that names a backend.
func (s scope) backend(n *node) (backend string, ok bool) {
	for _, name := range n.names {
		_, configured := s.base.Vendors[name]
		switch {
		case !configured && !vendor(name):
		case backend != "":
			s.fault(n.fields[name].key, "an action speaks to one backend, and this one says %s already; make two actions of it", backend)
			return "", false
		default:
			backend, ok = name, configured
		}
	}
	switch {
	case backend == "":
		s.fault(n.at, "this action does not say what is to be done; it needs %s", s.forms())
	case !ok && (s.root.fields[backend] == nil || len(s.faults) == 0):
		s.fault(n.fields[backend].key, "there is no table [%s] in this file, so nothing can be done there", backend)
	}
	return backend, ok
}

// forms lists the keys that an action may begin with.
func (s scope) forms() string {
	var forms []string
	for _, name := range slices.Sorted(maps.Keys(s.base.Vendors)) {
		forms = append(forms, name+` = "…"`)
	}
	if len(forms) == 0 {
		return "a backend, and the file has none: [l2l] or [lagerkoll]"
	}
	return strings.Join(forms, " or ")
}

// vendor reports whether the name is that of a backend, configured or not.
func vendor(name string) bool {
	switch name {
	case station.FromCommand, station.FromPage, station.FromStation:
		return false
	}
	return station.Reserved(name)
}

func (s scope) verb(n *node, backend string) (station.Verb, bool) {
	if n.bad || !s.is(n, fmt.Sprintf("%q", backend), text) {
		return station.Verb{}, false
	}
	vendor := s.base.Vendors[backend]
	verb, known := vendor.Verb(n.text)
	if !known {
		var names []string
		for _, v := range vendor.Verbs {
			names = append(names, v.Name)
		}
		s.bad(n, "%s has no %q%s", backend, n.text, choice(n.text, names))
	}
	return verb, known
}

// with compiles the fields of an action.
func (s scope) with(n *node, d station.Do) map[string]station.Template {
	with := make(map[string]station.Template)
	for _, name := range n.names {
		value := n.fields[name]
		field, known := d.Verb.Field(name)
		switch {
		case name == d.Backend, slices.Contains(manner(), name), value.bad:
		case known && name == d.Verb.Ends:
			value.bad = true
			s.fault(value.key, "%q is filled in by the program: it knows the call that %s ends", name, d.Verb.Name)
		case known:
			if t, ok := s.field(value, field); ok {
				with[name] = t
			}
		case slices.Contains(mannerLater(), name):
			s.unsupported(value, name)
		default:
			s.unknown(value, name, d.Verb.Name, takes(d.Verb))
		}
	}
	return with
}

// takes lists the keys of an action with that verb.
func takes(v station.Verb) []string {
	var names []string
	for _, f := range v.Fields {
		if f.Name != v.Ends {
			names = append(names, f.Name)
		}
	}
	switch {
	case v.Ends != "":
		return names
	case len(v.Opens) > 0:
		return append(names, manner()...)
	}
	return append(names, "late", "late_after")
}

// field compiles the value of one field.
func (s scope) field(n *node, f station.Field) (station.Template, bool) {
	switch {
	case n.kind == text:
		t, ok := s.template(n, func(string) int { return 0 })
		return t, ok && s.typed(n, t, f)
	case f.Type == station.List && (n.kind == list || n.kind == table):
		return s.list(n)
	case f.Type == station.Truth && n.kind == truth,
		f.Type == station.Integer && n.kind == whole,
		f.Type == station.Number && (n.kind == whole || n.kind == number),
		f.Type == station.Date && n.kind == date:
		t := literal(n.written())
		return t, s.typed(n, t, f)
	case f.Type == station.Text:
		return station.Template{}, s.is(n, fmt.Sprintf("%q", f.Name), text)
	}
	s.bad(n, "%q must be %s, not %s", f.Name, typeWords(f.Type), n.kind)
	return station.Template{}, false
}

// written returns a value that is not text as the text that stands for it on
// disk.
func (n *node) written() string {
	switch n.kind {
	case whole:
		return strconv.FormatInt(n.whole, 10)
	case number:
		return strconv.FormatFloat(n.float, 'f', -1, 64)
	case truth:
		return strconv.FormatBool(n.truth)
	default:
		return n.text
	}
}

// literal returns the template that stands for text as it is.
func literal(text string) station.Template {
	t, _ := station.ParseTemplate(strings.NewReplacer("{", "{{", "}", "}}").Replace(text))
	return t
}

// instead matches a template that is one name with a text in its place, and
// finds that text: {gs1.30|1}.
var instead = regexp.MustCompile(`^\{[^{}|]+\|([^{}]*)\}$`)

// typed checks what the file says outright against the field's type; what is
// read at the station is the backend's to judge.
func (s scope) typed(n *node, t station.Template, f station.Field) bool {
	said, constant := t.Constant()
	if falls := instead.FindStringSubmatch(t.String()); falls != nil {
		said, constant = falls[1], falls[1] != "" // nothing in its place leaves the field out
	}
	if !constant || isOf(said, f.Type) {
		return true
	}
	s.bad(n, "%q must be %s, not %q", f.Name, typeWords(f.Type), said)
	return false
}

// typeWords says what a field takes, with an example where that helps.
func typeWords(t station.FieldType) string {
	switch t {
	case station.Number:
		return "a number, as 12 or 0.5"
	case station.Integer:
		return "a whole number"
	case station.Truth:
		return t.String()
	case station.Date:
		return `a date, as "2026-10-31" or "261031"`
	default:
		return "a " + t.String()
	}
}

var (
	decimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
	integer = regexp.MustCompile(`^-?[0-9]+$`)
)

// isOf reports whether a text is of a field's type.
func isOf(said string, t station.FieldType) bool {
	switch t {
	case station.Number:
		return decimal.MatchString(said)
	case station.Integer:
		return integer.MatchString(said)
	case station.Truth:
		return said == "true" || said == "false"
	case station.Date:
		return isDay(said)
	case station.List:
		return json.Valid([]byte(said)) && strings.ContainsAny(said[:1], "[{")
	default:
		return true
	}
}

// isDay reports whether a text is a day as 2026-10-31 or, as in GS1, 261031,
// where the day 00 stands for the month's last.
func isDay(said string) bool {
	if _, err := time.Parse(time.DateOnly, said); err == nil {
		return true
	}
	if month, last := strings.CutSuffix(said, "00"); last && len(month) == 4 {
		said = month + "01"
	}
	_, err := time.Parse("060102", said)
	return err == nil
}

// list compiles a list or table written in the file to its canonical JSON text.
// What is read at the station has no way into it: a code with a quotation mark
// would change what the list says.
func (s scope) list(n *node) (station.Template, bool) {
	if !s.literals(n) {
		return station.Template{}, false
	}
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	if err := out.Encode(n.plain()); err != nil {
		s.bad(n, "this cannot be written as JSON: %v", err)
		return station.Template{}, false
	}
	return literal(strings.TrimSpace(b.String())), true
}

// literals puts the plain text in the place of each template in a list or
// table, and reports those that have names.
func (s scope) literals(n *node) bool {
	ok := !n.bad
	if n.kind == text {
		t, err := station.ParseTemplate(n.text)
		said, constant := t.Constant()
		if err != nil || !constant {
			s.bad(n, "names in braces are not supported by this version inside a list or table; write {{ and }} for braces")
			return false
		}
		n.text = said
	}
	for _, item := range n.items {
		ok = s.literals(item) && ok
	}
	for _, name := range n.names {
		ok = s.literals(n.fields[name]) && ok
	}
	return ok
}

// required reports the fields that an action must have and that neither it nor
// the vendor's defaults give.
func (s scope) required(n *node, d station.Do) {
	for _, f := range d.Verb.Fields {
		ends := d.Verb.Ends != ""
		must := f.Required || !ends && slices.Contains(d.Verb.Lane, f.Name)
		fallback := !ends && s.base.Vendors[d.Backend].Defaults[f.Name] != ""
		if !must || fallback {
			continue
		}
		value := n.fields[f.Name]
		template, sound := d.With[f.Name]
		switch {
		case value == nil:
			s.fault(n.at, "%s needs %q%s", d.Verb.Name, f.Name, means(f))
		case sound && mayBeEmpty(template):
			s.bad(value, "%s needs %q, so it must always have a value", d.Verb.Name, f.Name)
		}
	}
}

// mayBeEmpty reports whether a template leaves its field out although every name
// that must have a value has one.
func mayBeEmpty(t station.Template) bool {
	if text, constant := t.Constant(); constant {
		return text == ""
	}
	return strings.Contains(t.String(), "?}") || strings.Contains(t.String(), "|}")
}

func means(f station.Field) string {
	if f.Means == "" {
		return ""
	}
	return ": " + f.Means
}

// manner compiles again, late and late_after.
func (s scope) manner(n *node, d *station.Do) {
	again, late, after := n.fields["again"], n.fields["late"], n.fields["late_after"]
	switch {
	case again == nil:
	case len(d.Verb.Opens) == 0:
		s.misplaced(again, `"again" opens another call, and %s opens none`, d.Verb.Name)
	default:
		s.decode(again, reflect.ValueOf(&d.Again).Elem(), `"again"`)
	}
	if d.Verb.Ends != "" {
		const fate = "how late a call may be stands where it is opened; %s takes after it"
		s.misplaced(late, fate, d.Verb.Name)
		s.misplaced(after, fate, d.Verb.Name)
		return
	}
	if late != nil {
		s.late(late, d)
	}
	if after != nil {
		s.decode(after, reflect.ValueOf(&d.LateAfter).Elem(), `"late_after"`)
	}
	switch {
	case late != nil && late.bad || after != nil && after.bad:
	case d.Late != station.LateDeliver && d.LateAfter == 0:
		at := cmp.Or(late, after, n)
		s.fault(at.at, `late = %q needs to know after how long: late_after = "30m"`, d.Late)
	case d.Late == station.LateDeliver && after != nil:
		s.fault(after.key, `"late_after" changes nothing here: %s is delivered however late it is; add late = "hold"`, d.Verb.Name)
	}
	if d.Late == station.LateDeliver {
		d.LateAfter = 0
	}
}

// misplaced reports a key, if it is there, that means nothing to the verb.
func (s scope) misplaced(n *node, format string, args ...any) {
	if n != nil && !n.bad {
		n.bad = true
		s.fault(n.key, format, args...)
	}
}

func (s scope) late(n *node, d *station.Do) {
	if n.bad || !s.is(n, `"late"`, text) {
		return
	}
	allowed := []string{"deliver", "hold"}
	if len(d.Verb.Opens) > 0 || d.Verb.Late == station.LateRecord {
		allowed = append(allowed, "record")
	}
	if !slices.Contains(allowed, n.text) {
		s.bad(n, "late has no %q for %s%s", n.text, d.Verb.Name, choice(n.text, allowed))
		return
	}
	d.Late = station.Late(n.text)
	if n.text == "deliver" {
		d.Late = station.LateDeliver
	}
}
