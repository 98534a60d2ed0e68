package station

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// This file refuses what is known beforehand to be wrong: a value that is not allowed, an
// amount that nobody means, a piece that is not among those of the order, and what is not
// complete yet.

// MostAmount is the largest amount that goes to a vendor where the binding says no other:
// an article number that was scanned in its place is above it.
const MostAmount = 100_000

// A Bound is what a value may be. Its zero value allows everything.
type Bound struct {
	Allow []string // one of these; empty: any
	Min   *float64 // a number, no smaller than this
	Max   *float64 // and no larger
}

// A Comparison is a number that must be so: how many items a list in hand has, a count, or a value.
type Comparison struct {
	Name    string
	Compare string // >=, >, <=, < or =
	Number  float64
	Counted bool // it is a list or a counter: without a value it is 0
}

// Signs lists the signs of a Comparison, longer ones first.
func Signs() []string { return []string{">=", "<=", ">", "<", "="} }

// holds reports whether a number fulfils the comparison.
func (c Comparison) holds(n float64) bool {
	switch c.Compare {
	case ">=":
		return n >= c.Number
	case "<=":
		return n <= c.Number
	case ">":
		return n > c.Number
	case "<":
		return n < c.Number
	}
	return n == c.Number
}

// plain writes a number as people do.
func plain(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// limited returns the note for a value that is not what it may be.
func (l Bound) limited(name, text string) Note {
	if len(l.Allow) > 0 && !slices.Contains(l.Allow, text) {
		return Note{Kind: NoteNotAllowed, Text: name + " " + text, Why: &Reason{Kind: "number", Values: map[string]string{"field": name, "value": text}}}
	}
	if l.Min == nil && l.Max == nil {
		return Note{}
	}
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return Note{Kind: NoteNumber, Text: name + " " + text}
	case l.Min != nil && !(n >= *l.Min):
		return Note{Kind: NoteBelow, Text: fmt.Sprintf("%s %s < %s", name, text, plain(*l.Min)), Why: &Reason{Kind: "below", Values: map[string]string{"field": name, "value": text, "least": plain(*l.Min)}}}
	case l.Max != nil && !(n <= *l.Max):
		return above(name, text, plain(*l.Max))
	}
	return Note{}
}

// limits checks the values that the binding reads.
func (x *execution) limits() Note {
	for _, name := range sortedNames(x.b.Limits) {
		text, there := x.value(name)
		if !there || text == "" {
			continue // it is no name of a value, or is left out
		}
		if lack := x.b.Limits[name].limited(name, text); lack.Kind != "" {
			return lack
		}
	}
	return Note{}
}

// above is the note of an amount that is too large.
func above(name, text, most string) Note {
	return Note{Kind: NoteAbove, Text: name + " " + text + " > " + most, Why: &Reason{Kind: "above", Values: map[string]string{"field": name, "value": text, "most": most}}}
}

// limitField checks what goes out in a field, filled in from a template. An amount has a
// ceiling also where the binding says nothing, unless the station has counted it.
func (x *execution) limitField(f Field, from Template, text string) Note {
	l := x.b.Limits[f.Name]
	switch {
	case f.Type == List:
		return x.limitList(text)
	case f.Type == Number && l.Max == nil && !x.isCount(from):
		if n, err := strconv.ParseFloat(text, 64); err == nil && n > MostAmount {
			return above(f.Name, text, strconv.Itoa(MostAmount))
		}
	}
	return l.limited(f.Name, text)
}

// isCount reports whether a template is nothing but what one of the station's counters counts.
func (x *execution) isCount(from Template) bool {
	if len(from.parts) != 1 || from.parts[0].name == "" {
		return false
	}
	name := from.parts[0].name
	_, counts := x.s.Counters[name]
	return counts && !x.fromLabel(name)
}

// amountInList is the name that an amount has in a list's items.
const amountInList = "amount"

// limitList checks the amounts in a list.
func (x *execution) limitList(text string) Note {
	var items []map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &items) != nil {
		return Note{}
	}
	for _, item := range items {
		raw, there := item[amountInList]
		if !there {
			continue
		}
		if lack := x.limitField(Field{Name: amountInList, Type: Number}, Template{}, strings.Trim(string(raw), `"`)); lack.Kind != "" {
			return lack
		}
	}
	return Note{}
}

// conditions checks that everything is as it must be before the binding is carried out.
func (x *execution) conditions() Note {
	for _, c := range x.b.Conditions {
		text, there := x.counted(c.Name)
		if !there && c.Counted {
			text, there = "0", true
		}
		if !there {
			return x.missingNote(c.Name)
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return Note{Kind: NoteNumber, Text: c.Name + " " + text, Why: &Reason{Kind: "number", Values: map[string]string{"field": c.Name, "value": text}}}
		}
		if !c.holds(n) {
			return Note{Kind: NoteNotYet, Text: fmt.Sprintf("%s %s (%s %s)", c.Name, text, c.Compare, plain(c.Number)), Why: &Reason{Kind: "not-yet", Values: map[string]string{"field": c.Name, "value": text, "wanted": c.Compare + " " + plain(c.Number)}}}
		}
	}
	for _, list := range sortedNames(x.b.In) {
		if lack := x.among(list, x.b.In[list], true); lack.Kind != "" {
			return lack
		}
	}
	for _, list := range sortedNames(x.b.NotIn) {
		if lack := x.among(list, x.b.NotIn[list], false); lack.Kind != "" {
			return lack
		}
	}
	return Note{}
}

// counted returns how many items a list in hand has, and of anything else its value.
func (x *execution) counted(name string) (text string, there bool) {
	if n, list := x.s.value(counted+name, x.ev.At); list {
		return n, true
	}
	return x.value(name)
}

// among checks that a value is among the items of a list in hand, or is not.
func (x *execution) among(list string, value Template, should bool) Note {
	text, present, lack := x.expand(value)
	if lack.Kind != "" || !present {
		return lack
	}
	v := x.s.Values[list]
	if v.Expired(x.ev.At) {
		v = Value{}
	}
	switch is := v.has(text); {
	case is == should:
		return Note{}
	case should:
		return Note{Kind: NoteNotAmong, Text: text}
	}
	return Note{Kind: NoteAmong, Text: text}
}

// has reports whether a list has an item that is the text, or has it as one of its fields.
func (v Value) has(text string) bool {
	return slices.ContainsFunc(v.items(), func(item json.RawMessage) bool {
		var alone string
		if json.Unmarshal(item, &alone) == nil {
			return alone == text
		}
		var fields map[string]any
		if json.Unmarshal(item, &fields) != nil {
			return false
		}
		return slices.ContainsFunc(slices.Collect(maps.Values(fields)), func(field any) bool { return field == text })
	})
}
