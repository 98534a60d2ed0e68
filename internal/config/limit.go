package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"stationd/internal/station"
)

// This file compiles what a binding asks for before it is carried out: conditions in needs, in
// and not_in, allow, min and max, and confirm.

// comparison matches a condition in needs: parts>=4.
var comparison = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([#A-Za-z0-9_.]+)\s*(>=|<=|>|<|=)\s*(-?[0-9]+(?:\.[0-9]+)?)$`)
})

// needs compiles needs: names that must have a value, and conditions.
func (s scope) needs(n *node) (names []string, conditions []station.Comparison) {
	for _, item := range n.texts() {
		found := comparison().FindStringSubmatch(item.text)
		if found == nil {
			if strings.ContainsAny(item.text, "<>=") {
				s.faultOf(item, `%q is no condition; one is a name, %s and a number, as "parts>=4"`, item.text, strings.Join(station.Signs(), " "))
				continue
			}
			s.checkNeed(item, item.text)
			names = append(names, item.text)
			continue
		}
		name := strings.TrimPrefix(found[1], "#")
		s.checkNeed(item, name)
		number, _ := strconv.ParseFloat(found[3], 64)
		conditions = append(conditions, station.Comparison{Name: name, Compare: found[2], Number: number, Counted: s.lists[name]+s.counts[name] > 0})
	}
	return names, conditions
}

func (s scope) checkNeed(item *node, name string) {
	why := s.missing(name, false, 0)
	if s.waitsForBadge(name) {
		why = `a call never waits for a badge: take "user" out of needs; where a badge is in hand, the call says whose`
	}
	if why != "" {
		s.faultOf(item, "%s", why)
	}
}

// among compiles in or not_in: a list in hand, in which the code must be, or lists in hand
// and what must be in each.
func (s scope) among(n *node, key string) map[string]station.Template {
	if n == nil || n.faulty {
		return nil
	}
	among := make(map[string]station.Template)
	add := func(at *node, list string, value *node) {
		if s.lists[list] == 0 {
			s.faultOf(at, "%s asks what a list has, and no binding appends to %q%s", key, list, choice(list, slices.Sorted(maps.Keys(s.lists))))
			return
		}
		if value.faulty || !s.wantKind(value, fmt.Sprintf("%q", list), text) {
			return
		}
		if t, ok := s.template(value, noneOwn, false); ok {
			among[list] = t
		}
	}
	switch n.kind {
	case text:
		if !s.scan {
			s.faultOf(n, `%s looks for the code, and nothing is read here; say what is looked for: %s = { %s = "{…}" }`, key, key, n.text)
			return nil
		}
		add(n, n.text, &node{kind: text, at: n.at, inside: -1, text: "{code}"})
	case table:
		for _, list := range n.names {
			add(n.fields[list], list, n.fields[list])
		}
	default:
		s.faultOf(n, `%q must be the name of a list in hand, as %s = "parts", or a table, as %s = { parts = "{serial}" }`, key, key, key)
	}
	return among
}

// limits compiles allow, min and max. max as a number is how many characters a value has.
func (s scope) limits(n *node) (longest int, limits map[string]station.Bound) {
	limits = make(map[string]station.Bound)
	for name, value := range s.limitTable(n.fields["allow"], "allow", list) {
		b := limits[name]
		for _, item := range value.items {
			if s.wantKind(item, fmt.Sprintf("each of %q", name), text) {
				b.Allow = append(b.Allow, item.text)
			}
		}
		if len(value.items) == 0 {
			s.faultOf(value, "nothing is allowed for %q; list what is", name)
		}
		limits[name] = b
	}
	for name, value := range s.limitTable(n.fields["min"], "min", number) {
		b := limits[name]
		b.Min = &value.float
		limits[name] = b
	}
	top := n.fields["max"]
	if top != nil && top.kind != table {
		longest = s.checkMax(top)
		top = nil
	}
	for name, value := range s.limitTable(top, "max", number) {
		b := limits[name]
		b.Max = &value.float
		if b.Min != nil && *b.Min > value.float {
			s.faultOf(value, "%q would have to be at least %v and at most %v", name, *b.Min, value.float)
		}
		limits[name] = b
	}
	return longest, limits
}

// limitTable returns the sound values of allow, min or max by the names that they limit.
func (s scope) limitTable(n *node, key string, kind kind) map[string]*node {
	if n == nil || n.faulty || !s.wantKind(n, fmt.Sprintf("%q", key), table) {
		return nil
	}
	values := make(map[string]*node)
	for _, name := range n.names {
		value := n.fields[name]
		switch {
		case value.faulty:
		case kind == number && (value.kind == whole || value.kind == number), kind == list && value.kind == list:
			values[name] = value
		default:
			s.wantKind(value, fmt.Sprintf("%q", name), kind)
		}
	}
	return values
}

// checkLimited reports limits of names that the binding neither reads nor sets nor sends.
func (s scope) checkLimited(n *node, b station.Binding) {
	known := s.names()
	for name := range b.Set {
		known = append(known, name)
	}
	for _, do := range b.Do {
		for _, f := range do.Verb.Fields {
			known = append(known, f.Name)
		}
	}
	slices.Sort(known)
	known = slices.Compact(known)
	for _, key := range []string{"allow", "min", "max"} {
		limited := n.fields[key]
		if limited == nil || limited.kind != table || s.namesUnknown {
			continue
		}
		for _, name := range limited.names {
			if s.missing(name, false, 0) != "" && !slices.Contains(known, name) {
				s.fault(limited.fields[name].key, "%s says what %q may be, and this binding has none%s", key, name, choice(name, known))
			}
		}
	}
	for i, do := range b.Do {
		s.checkAmounts(n.fields["do"].items[i], do, b.Limits)
	}
}

// checkAmounts reports an amount that the file says outright, and that would not go out.
func (s scope) checkAmounts(n *node, do station.Do, limits map[string]station.Bound) {
	for _, f := range do.Verb.Fields {
		said, constant := do.With[f.Name].Constant()
		amount, err := strconv.ParseFloat(said, 64)
		if _, given := do.With[f.Name]; !given || f.Type != station.Number || !constant || err != nil || limits[f.Name].Max != nil || amount <= station.MostAmount {
			continue
		}
		s.faultOf(n.fields[f.Name], "%q is above %d, the most that goes out where no max says otherwise: max = { %s = %s }", f.Name, station.MostAmount, f.Name, said)
	}
}

// confirm compiles confirm: true, or the event of a button.
func (s scope) confirm(n *node) (confirm bool, by string) {
	switch {
	case n == nil || n.faulty:
		return false, ""
	case n.kind != boolean && n.kind != text:
		s.faultOf(n, `"confirm" must be true, for the same again, or an event, as "go.press"`)
		return false, ""
	case n.kind == boolean && !n.boolean:
		return false, ""
	case s.calls:
		s.faultOf(n, "a call for help never waits until it is confirmed")
		return false, ""
	case s.source == station.FromStation:
		s.faultOf(n, "nobody is there to confirm an event of the station itself")
		return false, ""
	case n.kind == boolean:
		return true, ""
	}
	source, kind, _ := strings.Cut(n.text, ".")
	if source == station.FromStation || !slices.Contains(s.kinds[source], kind) {
		s.faultOf(n, "there is no event %q to confirm with%s", n.text, choice(n.text, s.events()))
		return false, ""
	}
	return true, n.text
}

// checkConfirms reports bindings that are confirmed by the button of a call: a call for help
// is never kept from anybody.
func (c *compiler) checkConfirms(nodes []onNode, bindings []station.Binding) {
	for i, b := range bindings {
		calls := func(other station.Binding) bool {
			return other.Event == b.ConfirmBy && slices.ContainsFunc(other.Do, func(do station.Do) bool { return len(do.Verb.Opens) > 0 })
		}
		if at := nodes[i].on.fields["confirm"]; b.ConfirmBy != "" && !at.faulty && slices.ContainsFunc(bindings, calls) {
			c.faultOf(at, "%s opens a call, and who presses it within ten seconds for help would confirm this in place of it: confirm with another button", b.ConfirmBy)
		}
	}
}
