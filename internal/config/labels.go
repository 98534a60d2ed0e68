package config

import (
	"fmt"
	"unicode/utf8"

	"stationd/internal/station"
)

// Labels is the table [labels]: what people call what is in hand, types of calls and
// products. Buttons, lamps and scanners have a label each in their own tables.
type Labels struct {
	Value   map[string]string `toml:"value"`
	Type    map[string]string `toml:"type"`
	Product map[string]string `toml:"product"`
}

// Labels decodes and checks [labels].
func (f *File) Labels() Labels {
	var l Labels
	f.Section("labels", &l)
	for kind, labels := range l.All() {
		for name, label := range labels {
			f.Label(At("labels", kind, name), label)
		}
	}
	return l
}

// All are the labels by what they are of: value, type, product.
func (l Labels) All() map[string]map[string]string {
	return map[string]map[string]string{"value": l.Value, "type": l.Type, "product": l.Product}
}

// longestLabel is how many characters a label or what a binding asks for may have: it is
// read from three metres.
const longestLabel = 60

// Label checks the text of a label, or of what a binding asks for.
func (f *File) Label(at Path, label string) {
	if n, rest := f.find(at); len(rest) == 0 && !n.faulty {
		f.checkLabel(n, at.String(), label)
	}
}

func (f *File) checkLabel(n *node, what, label string) {
	if why := LabelFault(label); why != "" {
		f.faultOf(n, "%s %s", what, why)
	}
}

// LabelFault says why a text is no label, as what stands behind the label's name; "" where it
// is one.
func LabelFault(label string) string {
	switch long := utf8.RuneCountInString(label); {
	case label == "":
		return "is empty: write what people say, or leave it out"
	case long > longestLabel:
		return fmt.Sprintf("has %d characters, and %d at most: it is read from a distance", long, longestLabel)
	case label != station.OneLine(label, 0):
		return "must be one line of text without control characters"
	}
	return ""
}
