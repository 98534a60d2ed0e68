package station

import (
	"fmt"
	"slices"
	"strings"
)

// A Template is a text of the configuration with names in braces, for which the values of an
// event, or those in hand, are filled in when a binding is carried out:
//
//	Help needed at {station}    the value of station; without it nothing is done
//	{gs1.21?}                   left out, with the whole field, where there is none
//	{gs1.30|1}                  1 where there is none
//	{#serials}                  how many items the list serials has
//	{{literally}}               doubled braces stand for themselves
//
// A template may also be a list or a table, in which each text is a template. Filled in it
// is canonical JSON. See ParseList.
type Template struct {
	text  string
	parts []part
	shape any // of a list or table: []any and map[string]any as in JSON, with a Template for each text
}

type part struct {
	literal     string // used when name is empty
	name        string
	optional    bool   // {name?}: without a value the field is left out
	fallback    string // {name|fallback}: what stands there without a value; may be empty
	hasFallback bool
	at          int // byte position of the name in the text
}

// A TemplateError says where in the text a template is wrong.
type TemplateError struct {
	At   int // byte position, from 0
	Text string
}

// Error implements error.
func (e *TemplateError) Error() string { return e.Text }

// A Name is one name that a template refers to.
type Name struct {
	Name string
	Must bool // without a value the action cannot be formed
	At   int  // byte position in the text
}

// ParseTemplate reads a template. An error is a *TemplateError.
func ParseTemplate(text string) (Template, error) {
	t := Template{text: text}
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			t.parts = append(t.parts, part{literal: literal.String()})
			literal.Reset()
		}
	}
	for i := 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], "{{"), strings.HasPrefix(text[i:], "}}"):
			literal.WriteByte(text[i])
			i += 2
		case text[i] == '}':
			return Template{}, &TemplateError{i, "a closing brace without an opening one; write }} for a brace"}
		case text[i] == '{':
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				return Template{}, &TemplateError{i, "this brace is not closed; write {{ for a brace"}
			}
			p, err := parsePart(text[i+1:i+end], i+1)
			if err != nil {
				return Template{}, err
			}
			flush()
			t.parts = append(t.parts, p)
			i += end + 1
		default:
			literal.WriteByte(text[i])
			i++
		}
	}
	flush()
	return t, nil
}

func parsePart(inner string, at int) (part, error) {
	p := part{name: inner, at: at}
	if name, instead, ok := strings.Cut(inner, "|"); ok {
		p.name, p.fallback, p.hasFallback = name, instead, true
	} else if name, ok := strings.CutSuffix(inner, "?"); ok {
		p.name, p.optional = name, true
	}
	if !validName(strings.TrimPrefix(p.name, counted)) {
		return part{}, &TemplateError{at, fmt.Sprintf("%q is no name; a name has letters, digits, points and underscores: {order}, {gs1.10}, {gs1.21?}, {gs1.30|1}, and {#serials} for how many", p.name)}
	}
	return p, nil
}

// counted begins the name of how many items a list has.
const counted = "#"

func validName(name string) bool {
	if name == "" {
		return false
	}
	for _, r := range name {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '_':
		default:
			return false
		}
	}
	return true
}

// String returns the template's text.
func (t Template) String() string { return t.text }

// Constant returns the template's text where it has no names.
func (t Template) Constant() (text string, constant bool) {
	if t.shape != nil {
		if len(t.Names()) > 0 {
			return "", false
		}
		text, _, _ = t.expand(noValue)
		return text, true
	}
	var b strings.Builder
	for _, p := range t.parts {
		if p.name != "" {
			return "", false
		}
		b.WriteString(p.literal)
	}
	return b.String(), true
}

// noValue has no value for any name.
func noValue(string) (string, bool) { return "", false }

// Whole returns the name where a template is that name and nothing else: {parts}
// or {parts?}. Such a template takes a list as it is.
func (t Template) Whole() (name string, whole bool) {
	if len(t.parts) != 1 || t.parts[0].name == "" {
		return "", false
	}
	return t.parts[0].name, true
}

// Names lists the names in the order they stand in the text; those of a list or
// table in the order of its JSON, with positions within each text of their own.
func (t Template) Names() []Name {
	var names []Name
	t.eachName(func(n Name) bool {
		names = append(names, n)
		return true
	})
	return names
}

// eachName hands over the names until one is enough, and reports whether none was.
func (t Template) eachName(yield func(Name) bool) bool {
	if t.shape != nil {
		return !slices.ContainsFunc(namesIn(t.shape), func(n Name) bool { return !yield(n) })
	}
	for _, p := range t.parts {
		if p.name != "" && !yield(Name{Name: p.name, Must: !p.optional && !p.hasFallback, At: p.at}) {
			return false
		}
	}
	return true
}

// expand fills the names in. Without a value for an optional name, present is
// false and the field is left out; without one for another name, missing is that
// name. An empty value is no value: an empty article number in a URL would turn
// one operation into another.
func (t Template) expand(value func(string) (string, bool)) (text string, present bool, missing string) {
	if t.shape != nil {
		return t.expandShape(value)
	}
	present = true
	for _, p := range t.parts {
		v, there := p.literal, true
		if p.name != "" {
			v, there = value(p.name)
		}
		switch {
		case there && v != "":
			text += v
		case p.hasFallback:
			text += p.fallback
		case p.optional:
			present = false
		case p.name != "":
			return "", false, p.name
		}
	}
	if !present || text == "" {
		return "", false, ""
	}
	return text, true, ""
}
