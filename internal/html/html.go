// Package html makes the text of pages out of elements, attributes and text. What is text or
// the value of an attribute is escaped here and nowhere else, so that no page can forget it;
// package element has the elements and attributes by their names.
//
// It takes the place of a library: its constructors were copied into every place that
// called them, a sixth of the program (docs/adr/0019-a-smaller-program.md).
package html

import (
	"strings"
)

// Node is a part of a page: an element, an attribute of the element in which it stands,
// text, or several of them. The nil Node is nothing.
type Node interface {
	// appendTo appends the node to dst as HTML: its attributes only, or all but those.
	appendTo(dst []byte, attributes bool) []byte
}

// String returns a node as HTML. An attribute outside an element is left out.
func String(n Node) string {
	if n == nil {
		return ""
	}
	return string(n.appendTo(nil, false))
}

// Group is several nodes that stand for one: as children of an element they are its
// children, and the attributes among them its attributes.
type Group []Node

func (g Group) appendTo(dst []byte, attributes bool) []byte {
	for _, n := range g {
		if n != nil {
			dst = n.appendTo(dst, attributes)
		}
	}
	return dst
}

// El returns the element called name, with its attributes and what is in it. An element
// that HTML has without an end, as input, has attributes only.
//
// Like all constructors here and in package element it is not inlined, and it copies children,
// so that a page is as few instructions as can be.
//
//go:noinline
func El(name string, children ...Node) Node {
	return &element{name: name, children: append(Group(nil), children...)}
}

type element struct {
	name     string
	children Group
}

func (e *element) appendTo(dst []byte, attributes bool) []byte {
	if attributes {
		return dst
	}
	dst = append(append(dst, '<'), e.name...)
	dst = append(e.children.appendTo(dst, true), '>')
	if hasNoEnd(e.name) {
		return dst
	}
	dst = append(e.children.appendTo(dst, false), "</"...)
	return append(append(dst, e.name...), '>')
}

// hasNoEnd reports whether HTML has the element without content and end tag: its void elements.
func hasNoEnd(name string) bool {
	switch name {
	case "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr":
		return true
	}
	return false
}

// Attr returns the attribute called name; its value is escaped.
//
//go:noinline
func Attr(name, value string) Node { return &attribute{name: name, value: value, valued: true} }

// Flag returns the attribute called name that has no value, as required.
//
//go:noinline
func Flag(name string) Node { return &attribute{name: name} }

type attribute struct {
	name, value string
	valued      bool
}

func (a *attribute) appendTo(dst []byte, attributes bool) []byte {
	if !attributes {
		return dst
	}
	dst = append(append(dst, ' '), a.name...)
	if a.valued {
		dst = append(appendEscaped(append(dst, `="`...), a.value), '"')
	}
	return dst
}

// Text returns text; what would mean something in HTML is escaped.
//
//go:noinline
func Text(s string) Node { return text(s) }

type text string

func (t text) appendTo(dst []byte, attributes bool) []byte {
	if attributes {
		return dst
	}
	return appendEscaped(dst, string(t))
}

// Raw returns what is HTML already, as [String] wrote it.
func Raw(s string) Node { return raw(s) }

type raw string

func (r raw) appendTo(dst []byte, attributes bool) []byte {
	if attributes {
		return dst
	}
	return append(dst, r...)
}

// If returns n if condition holds, else nothing. n is worked out either way.
//
//go:noinline
func If(condition bool, n Node) Node {
	if condition {
		return n
	}
	return nil
}

// Iff returns what build makes if condition holds, else nothing.
func Iff(condition bool, build func() Node) Node {
	if condition {
		return build()
	}
	return nil
}

// Map returns what build makes of each of items, in their order.
func Map[T any](items []T, build func(T) Node) Group {
	var g Group
	for _, item := range items {
		g = append(g, build(item))
	}
	return g
}

// appendEscaped appends s such that no browser takes any of it for HTML, as text or as the
// value of an attribute in quotation marks.
func appendEscaped(dst []byte, s string) []byte {
	for {
		i := strings.IndexAny(s, "\x00\"&'<>")
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		switch s[i] {
		case 0:
			dst = append(dst, "\uFFFD"...)
		case '"':
			dst = append(dst, "&#34;"...)
		case '&':
			dst = append(dst, "&amp;"...)
		case '\'':
			dst = append(dst, "&#39;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		}
		s = s[i+1:]
	}
}
