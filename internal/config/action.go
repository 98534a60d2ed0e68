package config

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"stationd/internal/station"
)

// optionKeys lists the keys of an action that are no fields of its verb.
func optionKeys() []string { return []string{"again", "late", "late_after", "adopted", "with"} }

// do compiles one action.
func (s scope) do(n *node) (station.Do, bool) {
	if n.kind != table || n.faulty {
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
	s.passedThrough(n.fields["with"], d)
	s.required(n, d)
	s.options(n, &d)
	placed := placedDo{d, s.source, n.fields[backend]}
	switch {
	case s.source == "": // its event has a fault already
	case verb.Ends != "":
		s.closes = append(s.closes, placed)
	case len(verb.Opens) > 0:
		s.opens = append(s.opens, placed)
		s.unsure[s.source] = s.unsure[s.source] || len(s.faults) > before
	}
	return d, true
}

// backend finds the one key that names a backend.
func (s scope) backend(n *node) (backend string, ok bool) {
	for _, name := range n.names {
		_, configured := s.base.Vendors[name]
		switch {
		case !configured && !slices.Contains(s.backends, name):
		case backend != "":
			s.fault(n.fields[name].key, "an action speaks to one backend, and this one says %s already; make two actions of it", backend)
			return "", false
		default:
			backend, ok = name, configured
		}
	}
	switch {
	case backend == "":
		s.fault(n.at, "this action does not say what is to be done; it needs %s", s.backendForms())
	case !ok && (s.root.fields[backend] == nil || len(s.faults) == 0):
		s.fault(n.fields[backend].key, "there is no table [%s] in this file, so nothing can be done there", backend)
	}
	return backend, ok
}

// backendForms lists the keys that an action may begin with.
func (s scope) backendForms() string {
	var forms []string
	for _, name := range slices.Sorted(maps.Keys(s.base.Vendors)) {
		forms = append(forms, name+` = "…"`)
	}
	if len(forms) == 0 {
		return "a backend, and the file has none: [" + strings.Join(s.backends, "] or [") + "]"
	}
	return strings.Join(forms, " or ")
}

func (s scope) verb(n *node, backend string) (station.Verb, bool) {
	if n.faulty || !s.wantKind(n, fmt.Sprintf("%q", backend), text) {
		return station.Verb{}, false
	}
	vendor := s.base.Vendors[backend]
	verb, known := vendor.Verb(n.text)
	if !known {
		var names []string
		for _, v := range vendor.Verbs {
			names = append(names, v.Name)
		}
		s.faultOf(n, "%s has no %q%s", backend, n.text, choice(n.text, names))
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
		case name == d.Backend, slices.Contains(optionKeys(), name), value.faulty:
		case known && name == d.Verb.Ends:
			value.faulty = true
			s.fault(value.key, "%q is filled in by the program: it knows the call that %s ends", name, d.Verb.Name)
		case known && name == station.LastSeen:
			value.faulty = true
			s.fault(value.key, "%q is filled in by the program: it knows what the line was last seen to run", name)
		case known:
			if t, ok := s.field(value, field); ok {
				with[name] = t
			}
		default:
			s.unknown(value, name, d.Verb.Name, allowedKeys(d.Verb))
		}
	}
	return with
}

// allowedKeys lists the keys of an action with that verb.
func allowedKeys(v station.Verb) []string {
	var names []string
	for _, f := range v.Fields {
		if f.Name != v.Ends && f.Name != station.LastSeen {
			names = append(names, f.Name)
		}
	}
	if len(v.Opens) > 0 {
		names = append(names, "again")
	}
	if v.Ends == "" && !v.BestEffort {
		names = append(names, "late", "late_after")
	}
	if v.Adopts != "" {
		names = append(names, "adopted")
	}
	if v.PassThrough {
		names = append(names, "with")
	}
	return names
}

// parameter reports whether a further parameter may be called so.
func parameter(name string) bool { return valueName(name) && name[0] != '_' }

// passedThrough compiles the parameters that are passed through.
func (s scope) passedThrough(n *node, d station.Do) {
	switch {
	case n == nil || n.faulty:
	case !d.Verb.PassThrough:
		s.misplaced(n, `"with" passes further parameters through, and %s takes none besides its own`, d.Verb.Name)
	case s.wantKind(n, `"with"`, table):
		for _, name := range n.names {
			if t, ok := s.parameter(n.fields[name], name, d.Verb); ok {
				d.With[station.PassedThrough+name] = t
			}
		}
	}
}

func (s scope) parameter(n *node, name string, v station.Verb) (station.Template, bool) {
	_, own := v.Field(name)
	switch {
	case n.faulty:
	case own:
		s.misplaced(n, "%q is a key of %s itself; write it beside with and not in it", name, v.Name)
	case !parameter(name):
		s.misplaced(n, "%q is no name of a parameter: it has letters, digits and _, and begins with a letter", name)
	case n.kind == text:
		return s.template(n, noneOwn, false)
	case n.kind == list || n.kind == table:
		s.faultOf(n, "%q must be text, a number or true or false, not %s", name, n.kind)
	default:
		return literal(n.written()), true
	}
	return station.Template{}, false
}

// field compiles the value of one field.
func (s scope) field(n *node, f station.Field) (station.Template, bool) {
	switch {
	case n.kind == text && f.Type == station.List:
		t, ok := s.template(n, noneOwn, true)
		return t, ok && s.wholeList(n, t, f)
	case n.kind == text:
		t, ok := s.template(n, noneOwn, false)
		return t, ok && s.checkType(n, t, f)
	case f.Type == station.List && (n.kind == list || n.kind == table):
		return s.list(n, noneOwn)
	case f.Type == station.Bool && n.kind == boolean,
		f.Type == station.Integer && n.kind == whole,
		f.Type == station.Number && (n.kind == whole || n.kind == number),
		f.Type == station.Date && n.kind == date:
		t := literal(n.written())
		return t, s.checkType(n, t, f)
	case f.Type == station.Text:
		return station.Template{}, s.wantKind(n, fmt.Sprintf("%q", f.Name), text)
	}
	s.faultOf(n, "%q must be %s, not %s", f.Name, f.Type.Wanted(), n.kind)
	return station.Template{}, false
}

// written returns a value that is no list or table as the text that stands for it on
// disk.
func (n *node) written() string {
	switch n.kind {
	case whole:
		return strconv.FormatInt(n.whole, 10)
	case number:
		return strconv.FormatFloat(n.float, 'f', -1, 64)
	case boolean:
		return strconv.FormatBool(n.boolean)
	default:
		return n.text
	}
}

// literal returns the template that stands for text as it is.
func literal(text string) station.Template {
	t, _ := station.ParseTemplate(strings.NewReplacer("{", "{{", "}", "}}").Replace(text))
	return t
}

// instead matches a template that is one name with a text to use without its value, and
// finds that text: 1 in {gs1.30|1}.
var instead = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\{[^{}|]+\|([^{}]*)\}$`) })

// checkType checks a value that is written in the file against the field's type. A value
// that is read at the station is checked by the backend when it is there.
func (s scope) checkType(n *node, t station.Template, f station.Field) bool {
	if f.Type == station.Number || f.Type == station.Integer {
		s.warnOfDecimalPoint(n, t)
	}
	said, constant := t.Constant()
	if falls := instead().FindStringSubmatch(t.String()); falls != nil {
		said, constant = falls[1], falls[1] != "" // nothing in its place leaves the field out
	}
	if !constant || f.Type.Fits(said) {
		return true
	}
	s.faultOf(n, "%q must be %s, not %q", f.Name, f.Type.Wanted(), said)
	return false
}

// hasPoint matches the AIs whose last digit says where the decimal point of the value is.
var hasPoint = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^gs1\.(3[1-6][0-9]|39[0-5])[0-9]$`) })

// warnOfDecimalPoint warns of a number that would lose its decimal point.
func (s scope) warnOfDecimalPoint(n *node, t station.Template) {
	for _, name := range t.Names() {
		if hasPoint().MatchString(name.Name) {
			short := name.Name[:len(name.Name)-1]
			s.warn(n.place(name.At), "{%s} are the digits of the label without their decimal point; {%s} is the number, wherever the label has the point", name.Name, short)
		}
	}
}

// wholeList checks a text for a field that takes a list: it is the name of one list in hand,
// or JSON without names. A scanned text never goes into the JSON, for one with a quotation
// mark would change what the list says.
func (s scope) wholeList(n *node, t station.Template, f station.Field) bool {
	name, alone := t.Whole()
	if alone && !s.namesUnknown && !s.isList(name) {
		s.faultOf(n, `%q must be a list, and %q is none: let a binding append to it, or write [{ … = "{%s}" }]`, f.Name, name, name)
		return false
	}
	if _, constant := t.Constant(); !constant && !alone {
		s.faultOf(n, `%q must be a list: one that is in hand and nothing else, as "{%s}"`, f.Name, f.Name)
		return false
	}
	return s.checkType(n, t, f)
}

// list compiles a list or table written in the file. Each text in it is a
// template of its own.
func (s scope) list(n *node, own func(name string) int) (station.Template, bool) {
	if !s.texts(n, own) {
		return station.Template{}, false
	}
	t, err := station.ParseList(n.toGo())
	if err != nil {
		s.faultOf(n, "this cannot be written as JSON: %v", err)
		return station.Template{}, false
	}
	return t, true
}

// texts checks every text in a list or table.
func (s scope) texts(n *node, own func(name string) int) bool {
	ok := !n.faulty
	if ok && n.kind == text {
		_, ok = s.template(n, own, true)
	}
	for _, item := range n.items {
		ok = s.texts(item, own) && ok
	}
	for _, name := range n.names {
		ok = s.texts(n.fields[name], own) && ok
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
			s.fault(n.at, "%s needs %q%s", d.Verb.Name, f.Name, helpOf(f))
		case sound && value.mayBeEmpty(template):
			s.faultOf(value, "%s needs %q, so it must always have a value", d.Verb.Name, f.Name)
		}
	}
}

// mayBeEmpty reports whether a value leaves its field out although every name
// that must have a value has one. t is a text's template.
func (n *node) mayBeEmpty(t station.Template) bool {
	switch n.kind {
	case text:
		if text, constant := t.Constant(); constant {
			return text == ""
		}
		return mayBeLeftOut(n.text)
	case list, table:
		return n.mayVanish()
	}
	return false
}

// mayBeLeftOut reports whether a text with names may be empty when it is filled in.
func mayBeLeftOut(template string) bool {
	return strings.Contains(template, "?}") || strings.Contains(template, "|}")
}

// mayVanish reports whether nothing may be left of a list or table when it is filled in.
func (n *node) mayVanish() bool {
	switch n.kind {
	case text:
		return mayBeLeftOut(n.text)
	case list, table:
		all := slices.Clone(n.items)
		for _, name := range n.names {
			all = append(all, n.fields[name])
		}
		return len(all) > 0 && !slices.ContainsFunc(all, func(inner *node) bool { return !inner.mayVanish() })
	}
	return false
}

func helpOf(f station.Field) string {
	if f.Help == "" {
		return ""
	}
	return ": " + f.Help
}

// options compiles again, adopted, late and late_after.
func (s scope) options(n *node, d *station.Do) {
	s.adopted(n.fields["adopted"], d)
	again, late, after := n.fields["again"], n.fields["late"], n.fields["late_after"]
	switch {
	case again == nil:
	case len(d.Verb.Opens) == 0:
		s.misplaced(again, `"again" opens another call, and %s opens none`, d.Verb.Name)
	default:
		s.decode(again, reflect.ValueOf(&d.Again).Elem(), `"again"`)
	}
	if d.Verb.Ends != "" {
		const atOpening = "how late a call may be stands where it is opened; %s takes after it"
		s.misplaced(late, atOpening, d.Verb.Name)
		s.misplaced(after, atOpening, d.Verb.Name)
		return
	}
	if d.Verb.BestEffort {
		const once = "%s is tried once, and at once: it is never late"
		s.misplaced(late, once, d.Verb.Name)
		s.misplaced(after, once, d.Verb.Name)
		return
	}
	if late != nil {
		s.late(late, d)
	}
	if after != nil {
		s.decode(after, reflect.ValueOf(&d.LateAfter).Elem(), `"late_after"`)
	}
	switch {
	case late != nil && late.faulty || after != nil && after.faulty:
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

// adopted compiles what becomes of a call that was open at the vendor already.
func (s scope) adopted(n *node, d *station.Do) {
	switch _, once := d.With[d.Verb.Adopts]; {
	case n == nil || n.faulty:
	case d.Verb.Ends != "":
		s.misplaced(n, `what becomes of an adopted call stands where it is opened; %s takes after it`, d.Verb.Name)
	case d.Verb.Adopts == "":
		s.misplaced(n, `"adopted" says what becomes of a call that was open already, and %s never looks for one`, d.Verb.Name)
	case !once:
		s.misplaced(n, `"adopted" means nothing without %s = true: no other call is taken for this one`, d.Verb.Adopts)
	case !s.wantKind(n, `"adopted"`, text):
	case n.text != "close" && n.text != "leave":
		s.faultOf(n, "adopted has no %q%s", n.text, choice(n.text, []string{"leave", "close"}))
	default:
		d.Close = n.text == "close"
	}
}

// misplaced reports a key, if it is there, that means nothing to the verb.
func (s scope) misplaced(n *node, format string, args ...any) {
	if n != nil && !n.faulty {
		n.faulty = true
		s.fault(n.key, format, args...)
	}
}

func (s scope) late(n *node, d *station.Do) {
	if n.faulty || !s.wantKind(n, `"late"`, text) {
		return
	}
	allowed := []string{"deliver", "hold"}
	if len(d.Verb.Opens) > 0 || d.Verb.Late == station.LateRecord {
		allowed = append(allowed, "record")
	}
	if !slices.Contains(allowed, n.text) {
		s.faultOf(n, "late has no %q for %s%s", n.text, d.Verb.Name, choice(n.text, allowed))
		return
	}
	d.Late = station.Late(n.text)
	if n.text == "deliver" {
		d.Late = station.LateDeliver
	}
}
