package config

import (
	"errors"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"

	"stationd/internal/station"
)

// binding is one [[on]] of the file as decode fills it in. Its actions (do) are compiled from
// the tree, because the keys that one may have depend on its verb.
type binding struct {
	Event   any               `toml:"event"`
	At      any               `toml:"at"`
	After   time.Duration     `toml:"after"`
	Match   *string           `toml:"match"`
	GS1     []string          `toml:"gs1"`
	DI      []string          `toml:"di"`
	HIBC    []string          `toml:"hibc"`
	Store   []string          `toml:"store"`
	JSON    map[string]string `toml:"json"`
	Pairs   map[string]string `toml:"pairs"`
	Max     any               `toml:"max"`
	Min     any               `toml:"min"`
	Allow   any               `toml:"allow"`
	In      any               `toml:"in"`
	NotIn   any               `toml:"not_in"`
	Confirm any               `toml:"confirm"`
	Send    map[string]string `toml:"trigger"`
	Ignore  bool              `toml:"ignore"`
	Needs   []string          `toml:"needs"`
	Ask     string            `toml:"ask"`
	Set     map[string]string `toml:"set"`
	Expire  time.Duration     `toml:"expire"`
	Do      []map[string]any  `toml:"do"`
	Clear   []string          `toml:"clear"`
	Append  map[string]any    `toml:"append"`
	Count   map[string]any    `toml:"count"`
	Undo    bool              `toml:"undo"`
	Role    string            `toml:"role"`
}

// Program compiles every [[on]] into a binding of a program, and checks it. All the rest of
// the program is in base: its vendors with their verbs and defaults, and which buttons
// latch, that is, end with their second press the call that the first opened. kinds says
// which kinds of events each source has. A faulty binding is compiled as far as it can be,
// so the program is to be used only where Faults is empty.
func (f *File) Program(base station.Program, kinds map[string][]string) station.Program {
	c := &compiler{File: f, base: base, kinds: maps.Clone(kinds), unsure: make(map[string]bool), undoable: make(map[string]bool)}
	on := f.tables("on")
	var all []binding
	f.Tables("on", &all)
	c.valuesInHand = valuesSetBy(all)
	own := append(slices.Clone(c.kinds[station.FromStation]), station.Hour)
	if len(c.counts) > 0 {
		own = append(own, station.Minute)
	}
	if len(base.Shifts) > 0 {
		own = append(own, station.ShiftEnd, station.ShiftStart)
	}
	c.kinds[station.FromStation] = own
	base.Bindings = make([]station.Binding, 0, len(all))
	var nodes []onNode
	for i, b := range all {
		for _, at := range c.eventNodes(on.items[i]) {
			bound := c.binding(on.items[i], at, b)
			bound.Number = i
			base.Bindings, nodes = append(base.Bindings, bound), append(nodes, onNode{on.items[i], at})
		}
	}
	c.checkFollowed()
	c.checkReached(nodes, base.Bindings)
	c.checkEnds()
	c.checkAfters()
	c.checkConfirms(nodes, base.Bindings)
	c.checkSomethingToUndo()
	return base
}

// checkFollowed reports tables that follow an order in hand which no binding takes in hand.
func (c *compiler) checkFollowed() {
	for _, backend := range slices.Sorted(maps.Keys(c.base.Vendors)) {
		name := c.base.Vendors[backend].Follows
		if n, _ := c.find(At(backend, "follow")); name != "" && c.sets[name] == 0 && !n.faulty {
			c.faultOf(n, "no binding sets {%s}%s", name, choice(name, slices.Sorted(maps.Keys(c.sets))))
		}
	}
}

// A compiler turns the [[on]] of a file into bindings.
type compiler struct {
	*File
	base  station.Program
	kinds map[string][]string
	valuesInHand

	opens  []placedDo // what opens a call
	closes []placedDo // what closes one

	// unsure are the sources with a faulty action, which may have been meant to open a call:
	// that a close has nothing to close is not reported for them. "" stands for the source
	// of a binding whose event is faulty.
	unsure map[string]bool

	afters []placedAfter

	undoable map[string]bool // sources that do something which can be taken back
	undos    []placedUndo
}

// placedDo is an action: which source it is for and where its verb is in the file.
type placedDo struct {
	station.Do
	source string
	verb   *node
}

// An onNode is a binding in the file, and its event there: one of those that it lists.
type onNode struct{ on, event *node }

// eventNodes returns the events that a binding answers, each where it is in the file; one nil
// where it names none.
func (c *compiler) eventNodes(n *node) []*node {
	at := n.fields["event"]
	if at == nil && n.fields["at"] != nil {
		return []*node{{kind: text, text: station.FromStation + "." + station.At, at: n.fields["at"].at, inside: -1}}
	}
	if at == nil || at.kind != list {
		return []*node{at}
	}
	var events []*node
	for _, item := range at.items {
		switch {
		case item.kind != text:
			c.wantKind(item, `each of "event"`, text)
		case slices.ContainsFunc(events, func(e *node) bool { return e.text == item.text }):
			c.faultOf(item, "%q stands here twice", item.text)
		default:
			events = append(events, item)
		}
	}
	if len(at.items) == 0 {
		c.faultOf(at, `"event" is empty; list what this binding answers, as ["a.press", "b.press"]`)
	}
	if len(events) == 0 {
		return []*node{at}
	}
	return events
}

// binding compiles one [[on]] for one of its events, which stands at the place at.
func (c *compiler) binding(n, at *node, raw binding) station.Binding {
	b := station.Binding{GS1: raw.GS1, Ask: raw.Ask, Expire: raw.Expire, Clear: raw.Clear, Undo: raw.Undo, Ignore: raw.Ignore, Role: raw.Role}
	if n.kind != table || n.faulty {
		return b
	}
	source, kind := c.event(n, at)
	if source != "" {
		b.Event = at.text
	}
	b.At, b.After = c.at(n, kind), c.after(n, source, kind, raw.After)
	s := scope{compiler: c, source: source, shift: source == station.FromStation && (kind == station.ShiftStart || kind == station.ShiftEnd), scan: kind == station.Scan, alert: source == station.FromStation && kind == station.Alert, gs1: raw.GS1, counters: c.clearsCounters(raw), calls: c.opensCall(n)}
	if raw.Match != nil {
		b.Match = c.match(n.fields["match"], *raw.Match, kind)
		if b.Match == nil {
			s.namesUnknown = true
		} else {
			s.groups = slices.DeleteFunc(slices.Clone(b.Match.SubexpNames()), func(name string) bool { return name == "" })
		}
	}
	c.checkGS1(n.fields["gs1"], raw.GS1, kind)
	b.Carry = c.labelValues(n, raw, kind)
	s.carry = b.Carry
	b.JSON = c.json(n.fields["json"], raw.JSON, kind)
	b.Pairs = c.pairs(n.fields["pairs"], raw.Pairs, kind)
	for name := range b.JSON {
		s.groups = append(s.groups, name)
	}
	for name := range b.Pairs {
		s.groups = append(s.groups, name)
	}
	b.Send = raw.Send
	b.Max, b.Limits = s.limits(n)
	if source == "" {
		s.namesUnknown, c.unsure[""] = true, true
	}
	b.Needs, b.Conditions = s.needs(n.fields["needs"])
	b.In, b.NotIn = s.among(n.fields["in"], "in"), s.among(n.fields["not_in"], "not_in")
	b.Confirm, b.ConfirmBy = s.confirm(n.fields["confirm"])
	c.checkAsk(n.fields["ask"], raw.Ask)
	b.Set = s.set(n.fields["set"])
	b.Append = s.append(n.fields["append"])
	b.Count = s.count(n.fields["count"])
	c.checkClear(n.fields["clear"])
	c.checkExpire(n, raw)
	s.checkMinute(n, at)
	s.checkUndo(n, raw)
	c.checkIgnore(n, raw)
	c.checkRole(n, raw, source)
	if do := n.fields["do"]; do != nil && do.kind == list {
		for _, item := range do.items {
			d, ok := s.do(item)
			if !ok {
				c.unsure[source] = true
				continue
			}
			b.Do = append(b.Do, d)
		}
	}
	s.checkLimited(n, b)
	if undo := n.fields["undo"]; !raw.Undo && !raw.Ignore && raw.After == 0 && (undo == nil || !undo.faulty) && !slices.ContainsFunc(effectKeys(), func(key string) bool { return n.fields[key] != nil }) {
		c.fault(n.at, "this binding does nothing; it needs %s, undo or ignore", strings.Join(effectKeys(), ", "))
	}
	return b
}

// effectKeys lists the keys of a binding that say what it does.
func effectKeys() []string { return []string{"do", "set", "append", "count", "clear", "trigger"} }

// event checks which event a binding answers and takes it apart. The source is
// empty when there is no such event.
func (c *compiler) event(n, at *node) (source, kind string) {
	if at == nil {
		c.fault(n.at, `"event" is missing: what this binding answers; events are: %s`, strings.Join(c.events(), ", "))
		return "", ""
	}
	if at.faulty || !c.wantKind(at, `"event"`, text) {
		return "", ""
	}
	name := at.text
	source, kind, _ = strings.Cut(name, ".")
	kinds, known := c.kinds[source]
	switch {
	case source == station.FromStation && kind == station.At:
		if n.fields["at"] == nil {
			c.faultOf(at, `station.at needs a time: at = "06:00"`)
			return "", ""
		}
	case known && kind == station.Open && source != station.FromStation:
	case source == station.FromStation && slices.Contains([]string{station.Minute, station.Alert, station.ShiftStart, station.ShiftEnd}, kind) && !slices.Contains(kinds, kind):
		c.faultOf(at, "the station's own events are station.minute, which comes only where a binding counts: count = { made = 1 }; station.alert, which comes only where the file has a table [alert]; station.shift_start and station.shift_end, which come only where it has a [[shift]]; station.hour; and times of the day: at = \"06:00\"")
		return "", ""
	case !known:
		c.faultOf(at, "there is no input %q%s", source, choice(source, slices.Sorted(maps.Keys(c.kinds))))
		return "", ""
	case kind == "":
		c.faultOf(at, "%q says no kind of event; events of %s are: %s", name, source, c.eventsOf(source))
		return "", ""
	case !slices.Contains(kinds, kind):
		at.faulty = true
		c.fault(at.place(len(source)+1), "%s has no %q%s", source, kind, choice(kind, kinds))
		return "", ""
	case kind == station.Hold && c.base.Latch[source]:
		c.faultOf(at, "%s latches, so it acts the moment it is pressed: a hold can never fire; remove latch or this binding", source)
	case kind == station.Double && c.base.Latch[source]:
		c.faultOf(at, "%s latches, so its second press ends the call: a double press can never fire; remove latch or this binding", source)
	}
	return source, kind
}

// events lists every event there can be.
func (c *compiler) events() []string {
	var events []string
	for _, source := range slices.Sorted(maps.Keys(c.kinds)) {
		if len(c.kinds[source]) > 0 {
			events = append(events, c.eventsOf(source))
		}
	}
	return events
}

func (c *compiler) eventsOf(source string) string {
	var events []string
	for _, kind := range c.kinds[source] {
		events = append(events, source+"."+kind)
	}
	return strings.Join(events, ", ")
}

// match compiles the pattern of a binding; nil after a fault.
func (c *compiler) match(n *node, pattern, kind string) *regexp.Regexp {
	if n == nil || n.faulty {
		return nil
	}
	if kind != "" && kind != station.Scan {
		n.faulty = true
		c.fault(n.key, "match compares what was read, and a %s reads nothing; it belongs to a scan", kind)
		return nil
	}
	compiled, err := regexp.Compile(pattern)
	if err == nil {
		return compiled
	}
	n.faulty = true
	fault := (*syntax.Error)(nil)
	if !errors.As(err, &fault) {
		c.fault(n.at, "match: %v", err)
		return nil
	}
	at := strings.LastIndex(pattern, fault.Expr)
	c.fault(n.place(max(at, 0)), "match: %s: %s", fault.Code, fault.Expr)
	return nil
}

// identifier reports whether text is a GS1 application identifier: 01, 10, 3103.
func identifier(text string) bool {
	return 2 <= len(text) && len(text) <= 4 && strings.Trim(text, digits) == ""
}

func (c *compiler) checkGS1(n *node, ais []string, kind string) {
	if n == nil || n.faulty {
		return
	}
	if kind != "" && kind != station.Scan {
		n.faulty = true
		c.fault(n.key, "gs1 asks what a symbol carries, and a %s reads none; it belongs to a scan", kind)
		return
	}
	if len(ais) == 0 {
		c.faultOf(n, `"gs1" is empty; list the application identifiers that the symbol must carry, as ["01", "10"]`)
	}
	for i, ai := range ais {
		if item := n.items[i]; !item.faulty && !identifier(ai) {
			c.faultOf(item, "%q is no GS1 application identifier; they are two to four digits, as \"01\" or \"3103\"", ai)
		}
	}
}

// checkAsk checks what the operator is asked where a value is missing.
func (c *compiler) checkAsk(n *node, ask string) {
	if n != nil && !n.faulty {
		c.checkLabel(n, `"ask"`, ask)
	}
}

func (c *compiler) checkClear(n *node) {
	for _, item := range n.texts() {
		if !c.has(item.text, 0) {
			c.faultOf(item, "no binding sets, appends to or counts %q, so there is nothing to clear%s", item.text, choice(item.text, c.values()))
		}
	}
}

func (c *compiler) checkExpire(n *node, raw binding) {
	at := n.fields["expire"]
	switch {
	case at == nil || at.faulty:
	case n.fields["set"] == nil && n.fields["append"] == nil:
		at.faulty = true
		c.fault(at.key, `"expire" says how long what is set or appended holds; this binding has neither set nor append`)
	case raw.Expire == 0:
		c.faultOf(at, `"expire" must be above zero; leave it out for a value that holds until it is cleared`)
	}
}

// checkReached reports bindings that no event can reach, because one before them
// takes everything that fits them.
func (c *compiler) checkReached(nodes []onNode, bindings []station.Binding) {
	for j, b := range bindings {
		for i, earlier := range bindings[:j] {
			if b.Event != "" && b.Event == earlier.Event && c.wasReadable(nodes[i].on, nodes[j].on) && covers(earlier, b) {
				c.faultOf(nodes[j].event, "this binding is never reached: the one in line %d%s comes first and takes every %s that fits it", c.line(nodes[i].on.at), c.inOther(nodes[i].on, nodes[j].on), b.Event)
				break
			}
		}
	}
}

// inOther names the file of a value, where it is another than that of the value beside it.
func (c *compiler) inOther(n, beside *node) string {
	of := c.sourceAt(n.at)
	if of == c.sourceAt(beside.at) {
		return ""
	}
	return " of " + of.name
}

// wasReadable reports whether what the bindings fit could be read.
func (c *compiler) wasReadable(bindings ...*node) bool {
	for _, n := range bindings {
		for _, key := range []string{"match", "gs1", "di", "hibc", "store", "json", "pairs"} {
			if value := n.fields[key]; value != nil && value.faulty {
				return false
			}
		}
	}
	return true
}

// covers reports whether everything that fits b fits a too, as far as can be
// told without solving regular expressions.
func covers(a, b station.Binding) bool {
	if a.Match != nil && (b.Match == nil || a.Match.String() != b.Match.String()) {
		return false
	}
	if a.After != b.After || len(a.At) > 0 && slices.ContainsFunc(b.At, func(d station.DayTime) bool {
		return !slices.ContainsFunc(a.At, func(other station.DayTime) bool { return other.Text == d.Text })
	}) {
		return false
	}
	if len(a.JSON)+len(a.Pairs) > 0 || usesLabel(a) {
		return false // it may leave a scan to b because of the values in it
	}
	lacks := func(in []string) func(string) bool {
		return func(name string) bool { return !slices.Contains(in, name) }
	}
	return !slices.ContainsFunc(a.GS1, lacks(b.GS1)) && !slices.ContainsFunc(a.Carry, lacks(b.Carry))
}

// checkEnds reports actions that close a call where no binding opens one, or where they do
// not say which of several.
func (c *compiler) checkEnds() {
	for _, end := range c.closes {
		if c.unsure[end.source] || c.unsure[""] {
			continue
		}
		var opens []placedDo
		for _, open := range c.opens {
			if open.source == end.source && open.Backend == end.Backend {
				opens = append(opens, open)
			}
		}
		if len(opens) == 0 {
			c.faultOf(end.verb, "%s ends a call that %s opened, but no binding of %s opens one", end.Verb.Name, end.source, end.source)
			continue
		}
		for _, field := range opens[0].Verb.Opens {
			if _, takes := end.Verb.Field(field); takes {
				c.checkWhichCall(end, opens, field)
			}
		}
	}
}

// checkWhichCall checks one of the fields that tell calls apart.
func (c *compiler) checkWhichCall(end placedDo, opens []placedDo, field string) {
	var texts []string
	certain := true
	for _, open := range opens {
		text, constant := c.openedSubject(open, field)
		certain = certain && constant
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	said, given := end.With[field]
	if !given {
		if len(texts) > 1 || !certain {
			c.faultOf(end.verb, "%s can open calls that differ in %s (%s); %s must say which it ends: %s = …", end.source, field, strings.Join(texts, ", "), end.Verb.Name, field)
		}
		return
	}
	if text, constant := said.Constant(); constant && certain && !slices.Contains(texts, text) {
		c.faultOf(end.verb, "%s opens no call whose %s is %q%s", end.source, field, text, choice(text, texts))
	}
}

// openedSubject is what an open will put into a field, as far as the file tells.
func (c *compiler) openedSubject(open placedDo, field string) (text string, constant bool) {
	template, given := open.With[field]
	if !given {
		return c.base.Vendors[open.Backend].Defaults[field], true
	}
	if text, constant = template.Constant(); constant {
		return text, true
	}
	return template.String(), false
}

// place returns the offset of the character at position i of a text.
func (n *node) place(i int) int {
	if n.inside < 0 {
		return n.at
	}
	return n.inside + i
}

// texts returns the items of a list that are text and not faulty; none for nil.
func (n *node) texts() []*node {
	if n == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(n.items), func(item *node) bool { return item.faulty || item.kind != text })
}
