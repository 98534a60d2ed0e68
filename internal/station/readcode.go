package station

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// This file reads values from codes that follow no label standard: JSON, and names with
// their values, as a plant prints them on its own papers.

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
// All pairs are separated by the same sign, one of: new line, semicolon, bar, tab, GS (1D),
// ampersand, comma, blank. Between name and value stands an equals sign or a colon. Pairs is
// nil for any other text, and for one in which a name has two values.
func Pairs(code string) map[string]string {
	text := strings.TrimSpace(code)
	if strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") {
		text = text[1 : len(text)-1]
	}
	for _, sign := range []string{"=", ":"} {
		var most map[string]string // the separator is the sign that yields the most pairs
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

// pairsBy reads the pairs of a text with these two signs; nil where a piece of it is no
// pair. ok is false where a name has two values.
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

// readCode returns the values that the binding's json and pairs find in a code, by the names
// that the binding has for them; nil where it has neither. ok says that every value is there
// that is not optional.
func (b Binding) readCode(code string) (groups map[string]string, ok bool) {
	if len(b.JSON)+len(b.Pairs) == 0 {
		return nil, true
	}
	groups = make(map[string]string)
	if len(b.JSON) > 0 {
		doc, ok := parseJSON(code)
		if !ok {
			return nil, false
		}
		for name, path := range b.JSON {
			value, found := path.find(doc)
			if !found && !path.optional {
				return nil, false
			}
			if found {
				groups[name] = value
			}
		}
	}
	if len(b.Pairs) == 0 {
		return groups, true
	}
	pairs := Pairs(code)
	for name, key := range b.Pairs {
		key, optional := strings.CutSuffix(key, "?")
		value := pairs[key]
		if value == "" && !optional {
			return nil, false
		}
		if value != "" && utf8.ValidString(value) {
			groups[name] = value
		}
	}
	return groups, true
}
