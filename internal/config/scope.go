package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"stationd/internal/station"
)

// This file checks the names in a binding's templates: each must be one that can have a
// value when the binding is carried out. The names in hand come from all bindings of the
// file, and the rest of a scope from the binding itself.

// valuesInHand are the names that the bindings of a file give a value in hand: by name, how
// many bindings set a text, append to a list or add to a counter.
type valuesInHand struct{ sets, lists, counts map[string]int }

func valuesSetBy(all []binding) valuesInHand {
	t := valuesInHand{make(map[string]int), make(map[string]int), make(map[string]int)}
	for _, b := range all {
		for name := range b.Set {
			t.add(t.sets, name)
		}
		for name := range b.Append {
			t.add(t.lists, name)
		}
		for name := range b.Count {
			t.add(t.counts, name)
		}
	}
	return t
}

func (v valuesInHand) add(in map[string]int, name string) {
	if valueName(name) && !slices.Contains(reservedNames(), name) {
		in[name]++
	}
}

// has reports whether more than own bindings give the name a value. own is 1 where the
// binding that is being checked gives it with a template that itself needs the value, and
// else 0.
func (v valuesInHand) has(name string, own int) bool {
	return v.sets[name]+v.lists[name]+v.counts[name] > own
}

// values lists the names in hand.
func (v valuesInHand) values() []string {
	all := make(map[string]int)
	for _, some := range []map[string]int{v.sets, v.lists, v.counts} {
		maps.Copy(all, some)
	}
	return slices.Sorted(maps.Keys(all))
}

// clearsCounters reports whether a binding sets a counter to zero.
func (v valuesInHand) clearsCounters(b binding) bool {
	return slices.ContainsFunc(b.Clear, func(name string) bool { return v.counts[name] > 0 })
}

// opensCall reports whether one of a binding's actions opens a call.
func (c *compiler) opensCall(n *node) bool {
	do := n.fields["do"]
	if do == nil {
		return false
	}
	return slices.ContainsFunc(do.items, func(item *node) bool {
		for backend, vendor := range c.base.Vendors {
			if named := item.fields[backend]; named != nil {
				verb, _ := vendor.Verb(named.text)
				return len(verb.Opens) > 0
			}
		}
		return false
	})
}

// A scope is what the templates of one binding may refer to.
type scope struct {
	*compiler
	source       string
	scan         bool
	shift        bool     // it is a shift that starts or ends
	alert        bool     // it is the station's own alert
	groups       []string // the names that match, json and pairs give
	gs1          []string // the application identifiers that it asks for
	carry        []string // the other values of a label that it asks for
	counters     bool     // it clears a counter, so that {since} has a value
	calls        bool     // it opens a call, which must not depend on a badge
	namesUnknown bool     // the event or the match is faulty, so that any name may have a value
}

// reservedNames lists the names that the program itself gives a value.
func reservedNames() []string {
	return []string{"code", "symbology", "source", "station", "now", "since"}
}

// names lists what a template may refer to.
func (s scope) names() []string {
	names := slices.Clone(s.groups)
	for _, ai := range s.gs1 {
		names = append(names, "gs1."+ai)
		if ai == "01" {
			names = append(names, "gtin", "gtin13", "gtin12", "gtin8")
		}
	}
	names = append(names, s.carry...)
	for _, value := range s.values() {
		if !slices.Contains(names, value) {
			names = append(names, value)
		}
	}
	if s.scan {
		names = append(names, "code", "symbology")
	}
	if s.alert {
		names = append(names, station.DataAlert)
	}
	if s.shift {
		names = append(names, station.DataShift)
	}
	names = append(names, "source", "station", "now")
	names = append(names, s.readings()...)
	if s.counters {
		names = append(names, "since")
	}
	return names
}

// missing says why a name can have no value; "" if it can. must says that the template does
// nothing without the value. own is as for has: a value that only its own template could
// give is never there.
func (s scope) missing(name string, must bool, own int) string {
	ai, gs1 := strings.CutPrefix(name, "gs1.")
	list, many := strings.CutPrefix(name, "#")
	switch {
	case s.namesUnknown, slices.Contains(s.groups, name), name == "source", name == "station", name == "now":
		return ""
	case s.scan && (name == "code" || name == "symbology"), s.alert && name == station.DataAlert, s.shift && name == station.DataShift:
		return ""
	case name == "since":
		return s.missingSince()
	case s.vendorOf(name) != "":
		return s.missingReading(name)
	case s.scan && !gs1 && station.OnLabel(name) && !s.has(name, 0):
		return s.missingLabelValue(name, must)
	case many && s.lists[list] > own:
		return ""
	case many && s.lists[list] == 0:
		return fmt.Sprintf("{%s} is how many items a list has, and no binding appends to %q%s", name, list, choice(list, slices.Sorted(maps.Keys(s.lists))))
	case gs1 && s.scan && len(s.gs1) > 0 && identifier(ai):
		if must && !slices.Contains(s.gs1, ai) && !s.asksAmount(ai) {
			return fmt.Sprintf("a symbol that fits need not carry %s; ask for it in gs1, or write {%s?} to leave it out or {%s|…} to put something in its place", ai, name, name)
		}
		return ""
	case gs1 && s.scan && len(s.gs1) == 0:
		return fmt.Sprintf("%s has no value here, because this binding does not ask for gs1", name)
	case s.has(list, own):
		return ""
	case s.has(list, 0):
		return fmt.Sprintf("no other binding takes %q in hand, so it has no value here", list)
	}
	return fmt.Sprintf("no binding sets {%s}%s", name, choice(name, s.names()))
}

// asksAmount reports whether the binding asks for an amount under an identifier that says
// where its decimal point is, so that the amount itself is there too: 310 where it asks for
// 3103.
func (s scope) asksAmount(ai string) bool {
	return slices.ContainsFunc(s.gs1, func(asked string) bool {
		return len(asked) == len(ai)+1 && strings.HasPrefix(asked, ai) && hasPoint().MatchString("gs1."+asked)
	})
}

// missingLabelValue is missing for the values of a label other than GS1's elements.
func (s scope) missingLabelValue(name string, must bool) string {
	kind, value, further := strings.Cut(name, ".")
	if !further {
		if slices.Contains(s.gs1, "01") {
			return ""
		}
		return fmt.Sprintf("{%s} is a form of the article number, and this binding does not ask for it: gs1 = [\"01\"]", name)
	}
	asks := slices.ContainsFunc(s.carry, func(carried string) bool { return strings.HasPrefix(carried, kind+".") })
	switch why := notOnLabel(kind, value); {
	case why != "":
		return why
	case !asks:
		return fmt.Sprintf("%s has no value here, because this binding does not ask for %s", name, kind)
	case must && !slices.Contains(s.carry, name):
		return fmt.Sprintf("a label that fits need not carry %s; ask for it in %s, or write {%s?} to leave it out or {%s|…} to put something in its place", value, kind, name, name)
	}
	return ""
}

// readings lists the names of what is read at the vendors.
func (s scope) readings() (names []string) {
	for _, backend := range slices.Sorted(maps.Keys(s.base.Vendors)) {
		if !s.base.Vendors[backend].Reads {
			continue
		}
		for _, name := range station.ReadingNames() {
			names = append(names, backend+"."+name)
		}
	}
	return names
}

// vendorOf returns the backend that a name begins with, as l2l in l2l.product; "" where it
// begins with none.
func (s scope) vendorOf(name string) string {
	backend, _, further := strings.Cut(strings.TrimPrefix(name, "#"), ".")
	if _, known := s.base.Vendors[backend]; known && further {
		return backend
	}
	return ""
}

// missingReading is missing for what is read at a vendor.
func (s scope) missingReading(name string) string {
	backend := s.vendorOf(name)
	switch {
	case slices.Contains(s.readings(), name):
		return ""
	case s.base.Vendors[backend].Reads:
		return fmt.Sprintf("no vendor says {%s}%s", name, choice(name, s.readings()))
	case backend == "l2l":
		return `what the line runs is read where [l2l] says which: line = "PACK4"`
	}
	return fmt.Sprintf(`{%s} is read at the vendor where [%s] says how often: watch = "60s"`, name, backend)
}

func (s scope) missingSince() string {
	if s.counters {
		return ""
	}
	return `{since} is when the counters that this binding clears began to count, and it clears none`
}

// waitsForBadge reports that a call would wait until somebody has shown a badge.
func (s scope) waitsForBadge(name string) bool {
	return s.calls && name == station.User && !slices.Contains(s.groups, name)
}

const (
	digits  = "0123456789"
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// valueName reports whether a value, or a variable, may be called so.
func valueName(name string) bool {
	return name != "" && strings.Trim(name, letters+digits+"_") == "" && !strings.Contains(digits, name[:1])
}

// checkName checks the name of something that is taken in hand. other says what it
// is already where another binding takes it in another way.
func (s scope) checkName(n *node, name, other string) {
	switch {
	case slices.Contains(reservedNames(), name):
		s.fault(n.key, "%q is the program's own name; choose another", name)
	case !valueName(name):
		s.fault(n.key, "%q: a value's name has only letters, digits and _, and does not begin with a digit", name)
	case other != "":
		s.fault(n.key, "%q is %s already; choose another name", name, other)
	}
}

// notList says what a name is that cannot be a list; "" where it can.
func (v valuesInHand) notList(name string) string {
	if v.sets[name] > 0 {
		return "a text that a binding sets"
	}
	return ""
}

// notCounter says what a name is that cannot be a counter; "" where it can.
func (v valuesInHand) notCounter(name string) string {
	if other := v.notList(name); other != "" || v.lists[name] == 0 {
		return other
	}
	return "a list that a binding appends to"
}

// ownCount returns the own of has and missing for the texts in the table n, which is the
// set, append or count of a binding: 1 where n itself gives the name a value.
func (n *node) ownCount(name string) int {
	if n.fields[name] != nil {
		return 1
	}
	return 0
}

// noneOwn is ownCount for texts that give nothing in hand a value, as those of an action.
func noneOwn(string) int { return 0 }

// set compiles the values that a binding takes in hand.
func (s scope) set(n *node) map[string]station.Template {
	if n == nil || n.kind != table || len(n.names) == 0 {
		return nil
	}
	set := make(map[string]station.Template)
	for _, name := range n.names {
		value := n.fields[name]
		s.checkName(value, name, "") // append and count say what else it is
		if value.kind == text && !value.faulty {
			set[name], _ = s.template(value, n.ownCount, false)
		}
	}
	return set
}

// append compiles the items that a binding adds to lists.
func (s scope) append(n *node) map[string]station.Template {
	if n == nil || n.kind != table || len(n.names) == 0 {
		return nil
	}
	items := make(map[string]station.Template)
	for _, name := range n.names {
		value := n.fields[name]
		s.checkName(value, name, s.notList(name))
		switch {
		case value.faulty:
		case value.kind == text:
			items[name], _ = s.template(value, n.ownCount, false)
		case value.kind == table:
			items[name], _ = s.list(value, n.ownCount)
		default:
			s.faultOf(value, `what is added to %q must be text or a table, as "{code}" or { article = "{gs1.01}" }, not %s`, name, value.kind)
		}
	}
	return items
}

// mostCount is the most that one event counts.
const mostCount = 1_000_000

// count compiles what a binding adds to counters.
func (s scope) count(n *node) map[string]station.Template {
	if n == nil || n.kind != table || len(n.names) == 0 {
		return nil
	}
	counts := make(map[string]station.Template)
	for _, name := range n.names {
		value := n.fields[name]
		s.checkName(value, name, s.notCounter(name))
		switch value.kind {
		case text:
			if t, ok := s.template(value, n.ownCount, false); ok && s.checkCount(value, t) {
				counts[name] = t
			}
		case whole:
			if t := literal(value.written()); s.checkCount(value, t) {
				counts[name] = t
			}
		default:
			s.faultOf(value, `what %q counts must be a whole number or a text with one, as 1 or "{amount}", not %s`, name, value.kind)
		}
	}
	return counts
}

// checkCount checks what the file says outright; what is read at the station is
// checked there.
func (s scope) checkCount(n *node, t station.Template) bool {
	said, constant := t.Constant()
	if !constant {
		return true
	}
	if count, err := strconv.Atoi(said); err != nil || count < 1 || count > mostCount {
		s.faultOf(n, "what is counted must be a whole number from 1 to %d", mostCount)
		return false
	}
	return true
}

// checkMinute checks a binding of the station's own event: nobody presses it, so
// nobody would notice that it does the same again each minute.
func (s scope) checkMinute(n, at *node) {
	if s.source == station.FromStation && at.text == station.FromStation+"."+station.Minute && !s.counters && (n.fields["clear"] == nil || !n.fields["clear"].faulty) {
		s.fault(at.at, `station.minute comes each minute while anything is counted, so its binding must clear what it has told: clear = [%q]`, slices.Sorted(maps.Keys(s.counts))[0])
	}
}

// placedUndo is the undo of a binding: which source it is for and where it is in the file.
type placedUndo struct {
	source string
	at     *node
}

// checkUndo checks a binding with undo, and notes of any other that its source does
// something which can be taken back.
func (s scope) checkUndo(n *node, raw binding) {
	if !raw.Undo {
		s.undoable[s.source] = s.undoable[s.source] || slices.ContainsFunc(effectKeys(), func(key string) bool { return n.fields[key] != nil })
		return
	}
	besides := slices.DeleteFunc(append(effectKeys(), "needs"), func(key string) bool { return n.fields[key] == nil })
	if len(besides) > 0 {
		s.fault(n.fields["undo"].key, "undo takes back the last thing and does nothing else, and this binding also has %s; make two bindings of it", strings.Join(besides, ", "))
	}
	s.undos = append(s.undos, placedUndo{s.source, n.fields["undo"]})
}

// checkSomethingToUndo reports undos of sources that do nothing which could be taken back.
func (c *compiler) checkSomethingToUndo() {
	for _, u := range c.undos {
		if u.source != "" && !c.undoable[u.source] && !c.undoable[""] {
			c.fault(u.at.key, "undo takes back the last thing that %s did, and no other binding of %s does anything", u.source, u.source)
		}
	}
}

// template compiles a text and checks its names. own is ownCount or noneOwn; lists says
// whether a list in hand may stand there, if it is the whole text.
func (s scope) template(n *node, own func(name string) int, lists bool) (station.Template, bool) {
	t, err := station.ParseTemplate(n.text)
	if wrong := (*station.TemplateError)(nil); errors.As(err, &wrong) {
		n.faulty = true
		s.fault(n.place(wrong.At), "%s", wrong.Text)
		return t, false
	}
	_, alone := t.Whole()
	for _, name := range t.Names() {
		discount := 0
		if name.Must {
			discount = own(strings.TrimPrefix(name.Name, "#"))
		}
		why := s.missing(name.Name, name.Must, discount)
		switch {
		case why != "":
		case name.Must && s.waitsForBadge(name.Name):
			why = "a call never waits for a badge; write {user?}, or leave it out: where a badge is in hand, the call says whose"
		case s.isList(name.Name) && (!lists || !alone):
			why = fmt.Sprintf("%q is a list: {#%s} is how many items it has, and a list of its own is where it goes whole, as parts = \"{parts}\"", name.Name, name.Name)
		}
		if why != "" {
			n.faulty = true
			s.fault(n.place(name.At), "%s", why)
		}
	}
	return t, !n.faulty
}

// isList reports whether a name stands for a list in hand.
func (s scope) isList(name string) bool {
	return s.lists[name] > 0 && s.sets[name] == 0 && !slices.Contains(s.groups, name)
}
