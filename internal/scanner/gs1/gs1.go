package gs1

import (
	"errors"
	"fmt"
	"strings"
)

// An Element is one application identifier and its value, as the symbol holds them.
type Element struct {
	AI    string // two to four digits, without brackets: "01", "310n" as "3103"
	Value string
}

// ErrNotGS1 says that a scan makes no claim to be GS1: another symbology, plain text,
// an ordinary web address, or no AIM identifier at all. It is no fault of the label;
// the scan can still be used as the text it is.
var ErrNotGS1 = errors.New("gs1: neither a GS1 symbol nor a GS1 Digital Link URI")

// An Error says where and why a scan that claims to be GS1 breaks the rules of GS1.
type Error struct {
	Pos    int    // byte offset into the text that was given, its AIM identifier included
	AI     string // the AI whose value is at fault; empty when no AI could be read
	Reason string // what is wrong there
}

// Error implements the error interface.
func (e *Error) Error() string {
	if e.AI == "" {
		return fmt.Sprintf("gs1: byte %d: %s", e.Pos, e.Reason)
	}
	return fmt.Sprintf("gs1: AI (%s), byte %d: %s", e.AI, e.Pos, e.Reason)
}

const (
	fnc1 = 0x1D // a scanner sends every FNC1 after the first as GS

	// maxElements is the engine's limit too. The longest real symbol has a dozen; the
	// limit keeps the comparison of each element with all others cheap.
	maxElements = 64
)

// Parse takes a scan apart into its elements, in the order of their appearance.
//
// The scan begins with the AIM symbology identifier, as scanners send it when they are
// set to. ]C1 ]e0 ]d2 ]Q3 ]J1 hold element strings. ]E0 and ]E4 hold a GTIN-13, GTIN-12
// or GTIN-8, given as AI 01 with 14 digits. ]d1 ]Q1 ]J0 may hold a GS1 Digital Link URI,
// whose path comes before its query. Every other scan is ErrNotGS1, among them ]I1: whether
// 14 digits in Interleaved 2 of 5 are a GTIN is for the caller to know, and GTIN14 to check.
//
// A scan is accepted or refused as a whole; a refusal is ErrNotGS1 or an *Error, and then
// there are no elements. The same AI twice with one value is two elements.
func Parse(scan string) ([]Element, error) {
	const idLen = len("]C1")
	if len(scan) < idLen {
		return nil, ErrNotGS1
	}
	switch scan[:idLen] {
	case "]C1", "]e0", "]d2", "]Q3", "]J1":
		return parseElements(scan, idLen)
	case "]E0":
		return parseEAN(scan, idLen, 12, 13)
	case "]E4":
		return parseEAN(scan, idLen, 8, 8)
	case "]d1", "]Q1", "]J0":
		return parseLink(scan, idLen)
	}
	return nil, ErrNotGS1
}

// parseElements reads the element string that begins at scan[pos]:
//
//	01 09520123456788 10 ABC123 1D 21 12345
//
// An AI of predefined length (01) ends by itself; any other value ends at FNC1 or with
// the scan. FNC1 is welcome after every value, and needed between two only.
func parseElements(scan string, pos int) ([]Element, error) {
	if pos == len(scan) {
		return nil, &Error{Pos: pos, Reason: "the symbol holds no element string"}
	}
	elements := make([]Element, 0, 8)
	for pos < len(scan) {
		s, ai := find(scan[pos:])
		if s == nil {
			return nil, &Error{Pos: pos, Reason: unknownAI(scan[pos:])}
		}
		valueAt := pos + len(ai)
		value := scan[valueAt:]
		if end := strings.IndexByte(value, fnc1); end >= 0 {
			value = value[:end]
		}
		n, at, why := s.measure(value)
		if why == "" && n < len(value) && s.flags&fixed == 0 {
			at, why = n, fmt.Sprintf("the value is longer than its %d characters; an FNC1 may be missing", n)
		}
		if why != "" {
			return nil, &Error{Pos: valueAt + at, AI: ai, Reason: why}
		}
		e := Element{AI: ai, Value: value[:n]}
		if why := clash(elements, e, s); why != "" {
			return nil, &Error{Pos: pos, AI: ai, Reason: why}
		}
		elements = append(elements, e)
		pos = valueAt + n
		if pos < len(scan) && scan[pos] == fnc1 {
			pos++
		}
	}
	return elements, nil
}

// unknownAI words the complaint about data that begins with no AI.
func unknownAI(data string) string {
	if data[0] == fnc1 {
		return "an FNC1 stands where an application identifier should begin"
	}
	return fmt.Sprintf("no application identifier begins with %.4q", data)
}

// measure returns how many bytes of data belong to a value of this AI, or where in data
// and why they are none. data ends where FNC1, the scan or the link ends it.
func (s *spec) measure(data string) (n, pos int, why string) {
	if data == "" {
		return 0, 0, "the value is empty"
	}
	for i := range s.parts {
		p := &s.parts[i]
		field := data[n:]
		if field == "" && p.optional {
			break
		}
		if len(field) < int(p.min) {
			return 0, len(data), fmt.Sprintf("the value ends after %d characters; its next part needs %d more", len(data), int(p.min)-len(field))
		}
		if len(field) > int(p.max) {
			field = field[:p.max]
		}
		if pos, why := p.set.check(field); why != "" {
			return 0, n + pos, why
		}
		for _, check := range p.checks {
			if pos, why := check(field); why != "" {
				return 0, n + pos, why
			}
		}
		n += len(field)
	}
	return n, 0, ""
}

// clash says why e, which s describes, may not stand beside the elements before it, or "".
func clash(before []Element, e Element, s *spec) string {
	if len(before) == maxElements {
		return fmt.Sprintf("the symbol holds more than %d elements", maxElements)
	}
	for _, b := range before {
		if b.AI == e.AI {
			if b.Value != e.Value {
				return "the AI appears twice, with different values"
			}
			continue
		}
		other, _ := find(b.AI)
		if s.excludes(b.AI) || other.excludes(e.AI) {
			return "the AI may not stand beside AI (" + b.AI + ")"
		}
	}
	return ""
}

// excludes reports whether the dictionary forbids another AI beside this one.
func (s *spec) excludes(ai string) bool {
	for _, prefix := range s.not {
		if strings.HasPrefix(ai, prefix) {
			return true
		}
	}
	return false
}

// parseEAN reads the digits of an EAN or UPC symbol, shortest to longest of them.
func parseEAN(scan string, pos, shortest, longest int) ([]Element, error) {
	digits := scan[pos:]
	if len(digits) < shortest || len(digits) > longest {
		return nil, &Error{Pos: pos, AI: "01", Reason: fmt.Sprintf("the symbol holds %d characters and not %d", len(digits), longest)}
	}
	code, err := gtin14(digits, pos)
	if err != nil {
		return nil, err
	}
	return []Element{{AI: "01", Value: code}}, nil
}
