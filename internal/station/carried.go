package station

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The names of a scan's Data that say something of the whole.
const (
	// DataBad lists, with blanks between them, the names of values that are on the
	// label and cannot be trusted: "gs1.17 di.Q". A name that ends in * stands for every
	// value of its kind that was not read: something of the label was lost.
	DataBad = "bad"

	// DataRefused says why nothing of a scan may be used; empty: it may.
	DataRefused = "refused"
)

// LongestValue is how many characters a value from a label has at most where a binding
// does not say more: what is longer was put together from several labels, or is none.
const LongestValue = 128

// OnLabel reports whether a name is that of a value which a label carries: gs1.01, di.P,
// hibc.lot, store.item, gtin13.
func OnLabel(name string) bool {
	switch name {
	case "gtin", "gtin13", "gtin12", "gtin8":
		return true
	}
	kind, value, _ := strings.Cut(name, ".")
	switch kind {
	case "gs1", "di", "hibc", "store":
		return value != ""
	}
	return false
}

// acceptsData reports whether every value of the label that the binding uses is good, and
// those that it must have are there.
func (b Binding) acceptsData(ev Event) bool {
	bad := strings.Fields(ev.Data[DataBad])
	if len(bad) == 0 && len(ev.Data) == 0 {
		return true
	}
	for _, name := range b.names() {
		if !OnLabel(name.Name) || !strings.Contains(name.Name, ".") && !slices.Contains(b.GS1, "01") {
			continue // a form of the article number is a value in hand where no article is asked for
		}
		value := ev.Data[name.Name]
		if value == "" && name.Must {
			return false
		}
		kind, _, _ := strings.Cut(name.Name, ".")
		if strings.HasPrefix(kind, "gtin") {
			kind = "gs1"
		}
		for _, b := range bad {
			if b == name.Name || value == "" && (b == kind+".*" || kind == "gs1" && b == "gs1.01" && strings.HasPrefix(name.Name, "gtin")) {
				return false
			}
		}
	}
	return true
}

// WhyNot says why an event of its kind does not fit the binding; "" where it does.
func (b Binding) WhyNot(ev Event) string {
	if ev.Data[DataRefused] != "" {
		return "nothing of this scan may be used: " + ev.Data[DataRefused]
	}
	asked := slices.Clone(b.Carry)
	for _, ai := range b.GS1 {
		asked = append(asked, "gs1."+ai)
	}
	bad := strings.Fields(ev.Data[DataBad])
	for _, name := range asked {
		switch {
		case slices.Contains(bad, name):
			return name + " is on the label and is wrong"
		case ev.Data[name] == "":
			return "the label has no " + name
		}
	}
	for _, name := range b.names() {
		if OnLabel(name.Name) && !(Binding{GS1: b.GS1, Needs: []string{name.Name}}).acceptsData(ev) {
			return "it uses " + name.Name + ", which is on the label and is wrong, or may have been lost with what is"
		}
		if OnLabel(name.Name) && name.Must && ev.Data[name.Name] == "" {
			return "the label has no " + name.Name
		}
	}
	if !b.readCode(ev.Code, make(map[string]string)) {
		return "the code has not the values that json or pairs ask for"
	}
	if b.Match != nil && !b.Match.MatchString(ev.Code) {
		return "match does not fit the code"
	}
	return ""
}

// names lists every name that the binding's templates use, and what it needs.
func (b Binding) names() []Name {
	var names []Name
	for _, templates := range []map[string]Template{b.Set, b.Append, b.Count} {
		for t := range maps.Values(templates) {
			names = append(names, t.Names()...)
		}
	}
	for _, do := range b.Do {
		for t := range maps.Values(do.With) {
			names = append(names, t.Names()...)
		}
	}
	for _, need := range b.Needs {
		names = append(names, Name{Name: need})
	}
	return names
}

// unusable says why a text from a label may not go where a value goes; "" where it may.
// A control character would end a field, a line or a lane's name, or do something to the
// terminal of whoever looks.
func unusable(name, text string, longest int) string {
	if longest == 0 {
		longest = LongestValue
	}
	if !utf8.ValidString(text) {
		return name + ": bytes that are no text in UTF-8"
	}
	place, before := 0, ' '
	for _, r := range text {
		place++
		if unicode.IsControl(r) {
			return fmt.Sprintf("%s: a control character (%02X) at place %d", name, r, place)
		}
		if invisible(r, before) {
			return fmt.Sprintf("%s: a character that is not seen (U+%04X) at place %d", name, r, place)
		}
		before = r
	}
	if place > longest {
		return fmt.Sprintf("%s: %d characters, and at most %d go; max of the binding says how many", name, place, longest)
	}
	return ""
}

// invisible reports a character that turns the direction of text, separates lines, is not
// seen, or is none: with it a number looks as another does. What joins or varies the
// character before is none of these in scripts and pictures that need it, beyond ASCII.
func invisible(r, before rune) bool {
	const nonJoiner, joiner = 0x200C, 0x200D
	switch {
	case r == nonJoiner, r == joiner, unicode.Is(unicode.Variation_Selector, r):
		return before <= unicode.MaxASCII
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r): // signs in front of numbers, which are seen
		return false
	case 0xFDD0 <= r && r <= 0xFDEF, r&0xFFFE == 0xFFFE: // no characters
		return true
	}
	return unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point)
}

// A JSONPath leads to one value in a JSON text:
//
//	$.po            the member po of the object
//	$.lines[0].qty  the member qty of the first of lines
//	$['part no']    a name with a blank
//	$.batch?        may be missing
type JSONPath struct {
	text     string
	steps    []any // string: a member; int: a place
	optional bool
}

// ParseJSONPath reads a path.
func ParseJSONPath(text string) (JSONPath, error) {
	p := JSONPath{text: text}
	rest, optional := strings.CutSuffix(text, "?")
	p.optional = optional
	rest, ok := strings.CutPrefix(rest, "$")
	if !ok || rest == "" {
		return JSONPath{}, fmt.Errorf(`%q is no path; it is $ and then .name, ['name'] or [0], as "$.po"`, text)
	}
	for rest != "" {
		var step any
		switch {
		case strings.HasPrefix(rest, "['"):
			name, after, found := strings.Cut(rest[2:], "']")
			if !found {
				return JSONPath{}, fmt.Errorf("%q: a bracket is not closed", text)
			}
			step, rest = name, after
		case rest[0] == '[':
			number, after, found := strings.Cut(rest[1:], "]")
			place, err := strconv.Atoi(number)
			if !found || err != nil || place < 0 {
				return JSONPath{}, fmt.Errorf("%q: in brackets stands a place, counted from 0, or a 'name'", text)
			}
			step, rest = place, after
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			if end == 0 {
				return JSONPath{}, fmt.Errorf("%q: a point without a name", text)
			}
			step, rest = rest[1:1+end], rest[1+end:]
		default:
			return JSONPath{}, fmt.Errorf("%q: %q is neither .name nor [0]", text, rest)
		}
		p.steps = append(p.steps, step)
	}
	return p, nil
}

// String returns the path as it was written.
func (p JSONPath) String() string { return p.text }

// Optional reports whether a code need not have the value.
func (p JSONPath) Optional() bool { return p.optional }

// find returns the value in a document: a text, a number as it is written, true or false.
// Everything else is no value.
func (p JSONPath) find(doc any) (string, bool) {
	for _, step := range p.steps {
		switch step := step.(type) {
		case string:
			object, _ := doc.(map[string]any)
			doc = object[step]
		case int:
			list, _ := doc.([]any)
			if step >= len(list) {
				return "", false
			}
			doc = list[step]
		}
	}
	switch v := doc.(type) {
	case string:
		return v, v != ""
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// parseJSON reads a code as JSON.
func parseJSON(code string) (doc any, ok bool) {
	d := json.NewDecoder(strings.NewReader(code))
	d.UseNumber()
	if d.Decode(&doc) != nil || d.More() {
		return nil, false
	}
	switch doc.(type) {
	case map[string]any, []any:
		return doc, true
	}
	return nil, false
}

// Pairs reads a code that is made of names and values:
//
//	PO=4711;QTY=500      PO 4711, QTY 500
//	{pbn:PICK1,qty:500}  pbn PICK1, qty 500
//
// Between the pairs stands a new line, ; | a tab & a comma or a blank, the same everywhere, and
// between name and value = or a colon. It is nil for any other text, and for one that says
// one name with two values.
func Pairs(code string) map[string]string {
	text := strings.TrimSpace(code)
	if strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") {
		text = text[1 : len(text)-1]
	}
	for _, sign := range []string{"=", ":"} {
		var most map[string]string // what stands between the pairs is what makes the most of them
		for _, between := range []string{"\n", ";", "|", "\t", "\x1d", "&", ",", " "} {
			pairs, ok := pairsBy(text, between, sign)
			if !ok {
				return nil
			}
			if len(pairs) > len(most) {
				most = pairs
			}
		}
		if most != nil {
			return most
		}
	}
	return nil
}

// pairsBy reads pairs that are separated so; nil where they are not. It is not ok that one
// name has two values.
func pairsBy(text, between, sign string) (_ map[string]string, ok bool) {
	pairs := make(map[string]string)
	for piece := range strings.SplitSeq(text, between) {
		if strings.TrimSpace(piece) == "" {
			continue
		}
		name, value, found := strings.Cut(piece, sign)
		name, value = unquoted(name), unquoted(value)
		if !found || name == "" {
			return nil, true
		}
		if before, twice := pairs[name]; twice && before != value {
			return nil, false
		}
		pairs[name] = value
	}
	return pairs, true
}

func unquoted(text string) string {
	text = strings.TrimSpace(text)
	if len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"' {
		return text[1 : len(text)-1]
	}
	return text
}

// readCode adds to groups what the binding's json and pairs find in a code, and reports
// whether all is there that must be.
func (b Binding) readCode(code string, groups map[string]string) bool {
	if len(b.JSON) > 0 {
		doc, ok := parseJSON(code)
		if !ok {
			return false
		}
		for name, path := range b.JSON {
			value, found := path.find(doc)
			if !found && !path.optional {
				return false
			}
			if found {
				groups[name] = value
			}
		}
	}
	if len(b.Pairs) == 0 {
		return true
	}
	pairs := Pairs(code)
	for name, key := range b.Pairs {
		key, optional := strings.CutSuffix(key, "?")
		value := pairs[key]
		if value == "" && !optional {
			return false
		}
		if value != "" && utf8.ValidString(value) {
			groups[name] = value
		}
	}
	return true
}
