package station

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// This file says which values of a scanned label a binding may use. The scanner's decoder
// puts each value that it read in the event's Data under a name, gs1.01 or di.P, and says
// there as well which of them are wrong.

// The names in a scan's Data that are no values of the label but say how it was read.
const (
	// DataBad lists, with blanks between them, the names of values that are on the
	// label and cannot be trusted: "gs1.17 di.Q". gs1.* stands for every value of GS1 that
	// was not read: a part of the label was lost, and any of them may have been in it.
	DataBad = "bad"

	// DataRefused says why nothing of a scan may be used. It is empty where it may.
	DataRefused = "refused"
)

// LongestValue is how many characters a value from a label has at most where a binding
// does not allow more: what is longer is most often several labels read as one.
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
// whether those are there that it cannot do without.
func (b Binding) acceptsData(ev Event) bool {
	bad := strings.Fields(ev.Data[DataBad])
	if len(bad) == 0 && len(ev.Data) == 0 {
		return true
	}
	for name := range b.names() {
		if !OnLabel(name.Name) || !strings.Contains(name.Name, ".") && !slices.Contains(b.GS1, "01") {
			continue // gtin13 and the like are ordinary names in a binding that asks for no article number
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
	for name := range b.names() {
		if OnLabel(name.Name) && !(Binding{GS1: b.GS1, Needs: []string{name.Name}}).acceptsData(ev) {
			return "it uses " + name.Name + ", which is on the label and is wrong, or may have been lost with what is"
		}
		if OnLabel(name.Name) && name.Must && ev.Data[name.Name] == "" {
			return "the label has no " + name.Name
		}
	}
	if _, ok := b.readCode(ev.Code); !ok {
		return "the code has not the values that json or pairs ask for"
	}
	if b.Match != nil && !b.Match.MatchString(ev.Code) {
		return "match does not fit the code"
	}
	return ""
}

// names lists every name that the binding's templates use, and those it needs in hand.
func (b Binding) names() iter.Seq[Name] {
	return func(yield func(Name) bool) {
		for _, templates := range [...]map[string]Template{b.Set, b.Append, b.Count} {
			for _, t := range templates {
				if !t.eachName(yield) {
					return
				}
			}
		}
		for _, do := range b.Do {
			for _, t := range do.With {
				if !t.eachName(yield) {
					return
				}
			}
		}
		for _, need := range b.Needs {
			if !yield(Name{Name: need}) {
				return
			}
		}
	}
}

// unusable says why a text from a label is not used as a value; "" where it may be. A
// control character could end a field, a line or a lane's name, and could do anything to
// the terminal of a person who lists the outbox.
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
