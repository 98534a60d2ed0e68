package station

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// This file is what a person decides about what is held: to send it again, to give it up,
// or to have it sent with a field put right.

// The names in the data of a person's decision (VerbRetry, VerbDiscard, VerbEdit), beside
// those that an ActionRequest has for its fields (EditField).
const (
	DataEntry   = "entry"   // the entry, or the unknown scan, that it is about
	DataEntries = "entries" // several of them in place of it, with a space between two
	DataBy      = "by"      // who decides
	DataReason  = "reason"  // why, in their words
)

// MostDecided is how many entries one decision may be about. They are decided together: all
// of them or none.
const MostDecided = 200

// LongestReason is how many characters a person's reason has at most.
const LongestReason = 200

// EditField is the name in the data of a VerbEdit by which a field gets another value; the
// empty value leaves the field out.
func EditField(name string) string { return fieldData + name }

// decided are the actions of a person's decision.
func decided(ev Event) []Action {
	about := []string{ev.Data[DataEntry]}
	if several := ev.Data[DataEntries]; several != "" {
		about = strings.Fields(several)
	}
	with := make(map[string]string)
	for name, value := range ev.Data {
		_, field := strings.CutPrefix(name, fieldData)
		switch {
		case ev.Kind == VerbRetry && (name == NotThere || name == ToCurrent) && value == "true":
			with[name] = value
		case ev.Kind == VerbEdit && field:
			with[strings.TrimPrefix(name, fieldData)] = value
		}
	}
	var all []Action
	for i, id := range about {
		if slices.Contains(about[:i], id) {
			continue
		}
		a := Action{Verb: ev.Kind, About: ID(id)}
		if len(with) > 0 {
			a.With = with
		}
		all = append(all, a)
	}
	return all
}

// Correct returns an action with some of its fields put right: what it is then, in which
// lane. An empty value leaves a field out. faults say what is wrong with that, a sentence
// each; with any of them the action is not to be used.
func (p Program) Correct(a Action, changed map[string]string) (corrected Action, faults []string) {
	vendor := p.Vendors[a.Backend()]
	verb, known := vendor.Verb(a.Verb)
	switch {
	case !known:
		return a, []string{fmt.Sprintf("this station has no %s of %s any more: put it back into the configuration, or discard the entry", a.Verb, a.Backend())}
	case a.To != vendor.To:
		return a, []string{fmt.Sprintf("it was meant for %s, and this station now speaks to %s: retry it to the new address, or put the old one back", a.To, vendor.To)}
	case verb.Ends != "":
		return a, []string{fmt.Sprintf("%s has nothing but the call that it ends: discard it, and close the right call", verb.Name)}
	}
	corrected = a
	corrected.With = maps.Clone(a.With)
	said := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		value := changed[name]
		if value != "" {
			said[name] = value
			if f, own := verb.Field(name); own && f.Type == List {
				value = compact(value)
			}
			corrected.With[name] = value
			continue
		}
		if _, had := a.With[name]; !had {
			faults = append(faults, fmt.Sprintf("%s says no %s, so there is none to leave out", verb.Name, name))
		}
		delete(corrected.With, name)
	}
	faults = append(faults, verb.validate(said)...)
	faults = append(faults, verb.missingFields(corrected.With)...)
	if lack := subjectTooLong(verb, corrected.With); lack.Kind != "" {
		faults = append(faults, lack.Text)
	}
	if len(faults) == 0 && maps.Equal(corrected.With, a.With) {
		faults = append(faults, "nothing is changed by that: say what the field should be")
	}
	if a.About == "" {
		corrected.Lane = laneOf(a.Backend(), verb, corrected.With)
	}
	return corrected, faults
}

// Replace returns the state after a held entry gave its place to another one, which is the
// same with some of its fields put right. An open call is then that of the other.
func (p Program) Replace(s State, held, by Entry) State {
	s = s.forgetUndo(held.Source, held.ID).countEntries(held.Source, 1, -1).holdCall(held.ID, HoldNone)
	verb, _ := p.Vendors[by.Backend()].Verb(by.Verb)
	for i, c := range s.Calls {
		if c.Entry != held.ID {
			continue
		}
		c.Entry, c.Lane, c.Subject = by.ID, by.Lane, make(map[string]string)
		for _, field := range verb.Opens {
			c.Subject[field] = by.With[field]
		}
		s.Calls = slices.Clone(s.Calls)
		s.Calls[i] = c
	}
	return s
}

// CallOpen reports whether another entry than of has opened the same call as a would.
func (p Program) CallOpen(s State, of ID, a Action) bool {
	verb, _ := p.Vendors[a.Backend()].Verb(a.Verb)
	if len(verb.Opens) == 0 {
		return false
	}
	subject := make(map[string]string)
	for _, field := range verb.Opens {
		subject[field] = a.With[field]
	}
	i := s.sameCall(a.Backend(), subject)
	return i >= 0 && s.Calls[i].Entry != of
}

// HeldKind tells held entries of one kind from those of another: the same verb of the same
// backend, held for the same reason. Two reasons are the same where they differ in nothing
// but numbers and names that have digits in them: of "Article 4711 is not part of order
// 12" and "Article 4712 is not part of order 13" one person decides once.
func (e EntryStatus) HeldKind() string {
	words := strings.Fields(e.Reason)
	for i, word := range words {
		if strings.ContainsAny(word, "0123456789") {
			words[i] = "#"
		}
	}
	doubt := ""
	if e.Doubtful {
		doubt = "may have arrived"
	}
	return strings.Join([]string{e.Backend(), e.Verb, string(e.Hold), doubt, e.To, strings.Join(words, " ")}, "\x00")
}
