package config

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"
)

// This file makes a tree of a configuration's TOML text, in which every value has its place
// in the text: a fault then names its line, and one run reports all faults. go-toml itself
// decodes without places and stops at the first fault, so only its parser is used.

// kind is the TOML type of a value.
type kind uint8

const (
	text kind = iota
	whole
	number
	boolean
	date
	list
	table
)

// String returns the kind as a fault calls a value that is there.
func (k kind) String() string {
	return [...]string{"text", "a whole number", "a decimal number", "true or false", "a date", "a list", "a table"}[k]
}

// wanted returns the kind as a fault calls the value that should be there.
func (k kind) wanted() string {
	switch k {
	case text:
		return "text in quotes"
	case number:
		return "a number"
	case list:
		return "a list [ … ]"
	case table:
		return "a table { … }"
	default:
		return k.String()
	}
}

// A node is one value of the file and where it stands.
type node struct {
	kind kind
	at   int // offset of the value; of a table with a header, the header's
	key  int // offset of the key

	text    string  // text: the text; date: as written
	whole   int64   // whole
	float   float64 // whole, number
	boolean bool    // boolean

	inside int // text: offset of its first character; -1 where escapes moved the rest

	items  []*node          // list
	names  []string         // table: its keys in the order of the file
	fields map[string]*node // table

	origin       origin // table: the notation that made it, which says what may add to it
	listOfTables bool   // list: of [[tables]]

	faulty bool // a fault of this value has been reported
}

// origin is which notation made a table.
type origin uint8

const (
	byInline    origin = iota // { … }: complete as it stands
	byPath                    // [a.b] made a: a header of its own may follow
	byHeader                  // [a]
	byDottedKey               // a.b = 1 made a: further dotted keys may follow
)

// step returns what a step of a path leads to, or nil.
func (n *node) step(step any) *node {
	switch step := step.(type) {
	case string:
		return n.fields[step]
	case int:
		if n.kind == list && 0 <= step && step < len(n.items) {
			return n.items[step]
		}
	}
	return nil
}

// add puts a value under a name.
func (n *node) add(name string, value *node) {
	if n.fields == nil {
		n.fields = make(map[string]*node)
	}
	n.names = append(n.names, name)
	n.fields[name] = value
}

// parseTree parses the whole text and returns its tree. What TOML forbids but leaves
// readable, as a key that is given twice, is reported and read on.
func (f *File) parseTree() *node {
	root := &node{kind: table, origin: byHeader}
	p := new(unstable.Parser)
	p.Reset(f.text)
	here := root
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table:
			here = f.header(root, keyParts(e))
		case unstable.ArrayTable:
			here = f.listHeader(root, keyParts(e))
		case unstable.KeyValue:
			f.keyValue(here, e)
		}
	}
	if err := p.Error(); err != nil {
		f.syntax(err)
		return &node{kind: table, origin: byHeader}
	}
	return root
}

// syntax reports an error of TOML's parser. It drops all other faults and reports none after
// it: they would be about keys that the parser never reached.
func (f *File) syntax(err error) {
	offset := len(f.text)
	if perr := (*unstable.ParserError)(nil); errors.As(err, &perr) {
		// A highlight is a part of the text, so it ends where the text's own
		// capacity ends.
		offset = cap(f.text) - cap(perr.Highlight)
	}
	f.faults = nil
	f.fault(offset, "%s; parsing stopped here, and more errors may follow", plainSyntax(err.Error()))
	f.broken = true
}

// plainSyntax says in an electrician's words what the parser said in its own.
func plainSyntax(said string) string {
	for _, known := range []struct{ theirs, ours string }{
		{"strings must be quoted", `text must stand in quotes, as "30ms"`},
		{"integers cannot have leading zeroes", `a number cannot begin with 0; if it is a code and not a number, write it in quotes`},
		{"unexpected character", `a value must be text in quotes, a number, true, false, a list [ … ] or a table { … }`},
		{"expected keyword", `a value must be text in quotes, a number, true, false, a list [ … ] or a table { … }`},
		{"expected value, not end of input", `a value is missing after "="`},
		{"expected '=' after key", `"=" is missing after the key`},
		{"expected ']' to close table name", `"]" is missing after the table's name`},
		{"expected ']]' to close array table name", `"]]" is missing after the table's name`},
		{"expected newline", `something stands behind the value; each key needs a line of its own`},
		{"unterminated basic string", `the closing quote is missing`},
		{"unterminated literal string", `the closing quote is missing`},
		{"basic strings cannot have new lines", `the closing quote is missing on this line`},
		{"literal strings cannot have new lines", `the closing quote is missing on this line`},
		{"invalid escape character", `"\" has a meaning of its own between double quotes; write it as "\\", or put the text between single quotes`},
		{"array is incomplete", `"]" is missing at the end of the list`},
		{"inline table is incomplete", `"}" is missing at the end of the table`},
		{"expected ',' or ']'", `"," or "]" is missing in the list`},
		{"expected ',' or '}'", `"," or "}" is missing in the table`},
		{"invalid character at start of key", `a key or a table's name must begin here`},
		{"expected key but reached end of input", `a key or a table's name must begin here`},
		{"invalid UTF-8", `this character is not UTF-8 (the file seems to be saved as Latin-1 or Windows-1252); save the file as UTF-8`},
	} {
		if strings.Contains(said, known.theirs) {
			return known.ours
		}
	}
	return said
}

// part is one part of a dotted key.
type part struct {
	name       string
	start, end int
}

func keyParts(n *unstable.Node) []part {
	var parts []part
	for it := n.Key(); it.Next(); {
		k := it.Node()
		start := int(k.Raw.Offset)
		parts = append(parts, part{string(k.Data), start, start + int(k.Raw.Length)})
	}
	return parts
}

// bracketBefore returns the offset of the first bracket of a header whose name begins at
// offset.
func (f *File) bracketBefore(offset int) int {
	for offset > 0 && strings.IndexByte("[ \t", f.text[offset-1]) >= 0 {
		offset--
	}
	for f.text[offset] != '[' {
		offset++ // indented
	}
	return offset
}

// header finds or makes the table of [a.b] and returns it. After a fault it returns a table
// that is in no tree, so that its keys are not reported as well.
func (f *File) header(root *node, parts []part) *node {
	at, last := f.bracketBefore(parts[0].start), parts[len(parts)-1]
	fresh := &node{kind: table, at: at, key: last.start, origin: byHeader}
	parent := f.parentOf(root, parts)
	if parent == nil {
		return fresh
	}
	old := parent.fields[last.name]
	switch {
	case old == nil:
		parent.add(last.name, fresh)
		return fresh
	case old.kind == table && old.origin == byPath:
		old.origin, old.at, old.key = byHeader, at, last.start
		return old
	case old.kind == table && old.origin == byHeader:
		f.fault(at, "[%s] stands here a second time, the first is in line %d; put their keys together", dotted(parts), f.line(old.at))
		return old
	case old.listOfTables:
		f.fault(at, "[%s] makes one table, but [[%s]] in line %d made a list; write both the same way", dotted(parts), dotted(parts), f.line(old.at))
		old.items = append(old.items, fresh)
		return fresh
	}
	f.fault(at, "%q is given already, in line %d", dotted(parts), f.line(old.key))
	return fresh
}

// listHeader makes one more table of [[a.b]] and returns it.
func (f *File) listHeader(root *node, parts []part) *node {
	at, last := f.bracketBefore(parts[0].start), parts[len(parts)-1]
	fresh := &node{kind: table, at: at, key: last.start, origin: byHeader}
	parent := f.parentOf(root, parts)
	if parent == nil {
		return fresh
	}
	old := parent.fields[last.name]
	switch {
	case old == nil:
		parent.add(last.name, &node{kind: list, at: at, key: last.start, listOfTables: true, items: []*node{fresh}})
	case old.listOfTables:
		old.items = append(old.items, fresh)
	case old.kind == table && old.origin != byInline:
		f.fault(at, "[[%s]] makes a list, but [%s] in line %d made one table; write both the same way", dotted(parts), dotted(parts), f.line(old.at))
	default:
		f.fault(at, "%q is given already, in line %d", dotted(parts), f.line(old.key))
	}
	return fresh
}

// parentOf walks to the table that the last part of a header belongs to, making
// what is missing; nil, after a fault, where something else stands in the way.
func (f *File) parentOf(root *node, parts []part) *node {
	here := root
	for i, p := range parts[:len(parts)-1] {
		next := here.fields[p.name]
		switch {
		case next == nil:
			next = &node{kind: table, at: f.bracketBefore(parts[0].start), key: p.start, origin: byPath}
			here.add(p.name, next)
		case next.listOfTables:
			next = next.items[len(next.items)-1] // [[on.do]] belongs to the last [[on]]
		case next.kind != table || next.origin == byInline:
			f.fault(p.start, "%q is %s already, in line %d; nothing can be added to it here", dotted(parts[:i+1]), next.kind, f.line(next.key))
			return nil
		}
		here = next
	}
	return here
}

// keyValue puts one key and its value into a table.
func (f *File) keyValue(into *node, e *unstable.Node) {
	parts := keyParts(e)
	last := parts[len(parts)-1]
	value, _ := f.value(e.Value(), f.after(last.end, '='))
	value.key = last.start
	for i, p := range parts[:len(parts)-1] {
		next := into.fields[p.name]
		switch {
		case next == nil:
			next = &node{kind: table, at: p.start, key: p.start, origin: byDottedKey}
			into.add(p.name, next)
		case next.kind != table || next.origin != byDottedKey:
			f.fault(p.start, "%q is given already, in line %d; nothing can be added to it here", dotted(parts[:i+1]), f.line(next.key))
			return
		}
		into = next
	}
	if old := into.fields[last.name]; old != nil {
		f.fault(last.start, "%q is given already, in line %d", last.name, f.line(old.key))
		return
	}
	into.add(last.name, value)
}

// after returns the offset after the next c, from an offset where nothing but
// blanks comes before it.
func (f *File) after(offset int, c byte) int {
	return offset + bytes.IndexByte(f.text[offset:], c) + 1
}

// value turns a value of the parser into a node. The parser does not say where
// a list begins or where lists and tables end, so the text is walked along:
// from is an offset from which only blanks, commas and comments come before the
// value; end is the offset after it.
func (f *File) value(v *unstable.Node, from int) (n *node, end int) {
	at := f.skipBlank(from)
	switch v.Kind {
	case unstable.Array:
		n, end = &node{kind: list, at: at}, at+1
		for it := v.Children(); it.Next(); {
			var item *node
			item, end = f.value(it.Node(), end)
			item.key = item.at
			n.items = append(n.items, item)
		}
		return n, f.skipBlank(end) + 1
	case unstable.InlineTable:
		n, end = &node{kind: table, at: at, origin: byInline}, at+1
		for it := v.Children(); it.Next(); {
			kv := it.Node()
			f.keyValue(n, kv)
			end = int(kv.Raw.Offset + kv.Raw.Length)
		}
		return n, f.skipBlank(end) + 1
	}
	end = at + int(v.Raw.Length)
	return f.scalar(v, at, string(f.text[at:end])), end
}

// skipBlank returns the offset of the next character that is not blank, a comma or
// in a comment.
func (f *File) skipBlank(offset int) int {
	for offset < len(f.text) {
		switch f.text[offset] {
		case ' ', '\t', '\r', '\n', ',':
			offset++
		case '#':
			offset = f.after(offset, '\n')
		default:
			return offset
		}
	}
	return offset
}

// scalar turns a single value into a node. raw is the value as it is written.
func (f *File) scalar(v *unstable.Node, at int, raw string) *node {
	n := &node{at: at, inside: -1}
	switch v.Kind {
	case unstable.String:
		n.kind, n.text = text, string(v.Data)
		if i := strings.Index(raw, n.text); i >= 0 && n.text != "" {
			n.inside = at + i
		}
	case unstable.Bool:
		n.kind, n.boolean = boolean, raw == "true"
	case unstable.Integer:
		whole64, err := strconv.ParseInt(strings.TrimPrefix(raw, "+"), 0, 64)
		if err != nil {
			f.faultOf(n, "%s is too large a number", raw)
		}
		n.kind, n.whole, n.float = whole, whole64, float64(whole64)
	case unstable.Float:
		float, err := strconv.ParseFloat(strings.ReplaceAll(raw, "_", ""), 64)
		if err != nil || math.IsInf(float, 0) || math.IsNaN(float) {
			f.faultOf(n, "%s is not a number that can be worked with", raw)
		}
		n.kind, n.float = number, float
	default:
		n.kind, n.text = date, raw
		if !isDate(raw) {
			f.faultOf(n, "%s is not a date or time", raw)
		}
	}
	return n
}

// isDate reports whether raw is one of TOML's dates and times. The parser lets
// anything through that has the characters of one.
func isDate(raw string) bool {
	raw = strings.ToUpper(raw)
	if len(raw) > 10 && raw[10] == ' ' {
		raw = raw[:10] + "T" + raw[11:]
	}
	for _, layout := range []string{time.DateOnly, time.TimeOnly, "15:04", "2006-01-02T15:04:05", "2006-01-02T15:04", time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if _, err := time.Parse(layout, raw); err == nil {
			return true
		}
	}
	return false
}

// faultOf reports a fault of a value, once.
func (f *File) faultOf(n *node, format string, args ...any) {
	if n.faulty {
		return
	}
	n.faulty = true
	f.fault(n.at, format, args...)
}

// dotted returns the parts as they are written in a header.
func dotted(parts []part) string {
	var names []string
	for _, p := range parts {
		if strings.ContainsAny(p.name, " .\"'\t") || p.name == "" {
			p.name = fmt.Sprintf("%q", p.name)
		}
		names = append(names, p.name)
	}
	return strings.Join(names, ".")
}
