// Package mh10 reads the labels of the automotive and the electronics industry: data
// identifiers (ANSI MH10.8.2) in an envelope of ISO/IEC 15434, or one alone in a Code 39
// or Code 128.
//
//	[)> RS 06 GS P A-100 GS Q 500 GS 1T LOT7 RS EOT    P=A-100  Q=500  1T=LOT7
//	PA1234-5                                           P=A1234-5
//
// Labels in the field break the envelope in known ways, and are read all the same:
//
//	>[)>06 GS P…           a character in front, no RS behind the header
//	[)> RS 06 GS … RS      no EOT
//	[)>06 GS …             nothing but GS
//	[)>{RS}06{GS}P…        a scanner that writes RS and GS as text
//
// Three formats have fields: 05 (GS1 application identifiers, which are returned as they
// stand), 06 (data identifiers) and 12 (text element identifiers: "SER 12345").
//
// The package is pure.
package mh10

import (
	"errors"
	"fmt"
	"strings"
)

const (
	gs  = "\x1d"
	rs  = "\x1e"
	eot = "\x04"

	// maxFields is how many fields are read of one label. The longest real one has thirty.
	maxFields = 64
)

// A Field is one data identifier and its value.
type Field struct {
	ID    string // P, 1T, 30P; of format 12 a word: SER
	Value string // a quantity without the zeros in front of it
}

// A Label is what an envelope holds.
type Label struct {
	Fields   []Field  // the good ones, in the order of the label
	Faults   []error  // what is wrong, each with the identifier in front where there is one
	Bad      []string // the identifiers of fields that cannot be trusted
	Elements string   // format 05: GS1 element strings, separated by GS
}

// Read takes a label in an envelope apart. ok is false for a text that is not in one. gs
// lists what stands for the separator besides GS itself, as it is configured.
func Read(text string, stands []string) (l Label, ok bool) {
	// The header is "[)>": some printers have put a character in front of it.
	at := strings.Index(text, "[)>")
	if at < 0 || at > 1 {
		return Label{}, false
	}
	body := text[at+len("[)>"):]
	if !strings.Contains(body, gs) || !strings.Contains(body, rs) {
		body = replaceControls(body, stands)
	}
	body, _, _ = strings.Cut(body, eot)
	for format := range strings.SplitSeq(body, rs) {
		if format != "" {
			l.format(format)
		}
	}
	l.contradictions()
	if len(l.Fields)+len(l.Faults) == 0 && l.Elements == "" {
		l.Faults = append(l.Faults, errors.New("the envelope is empty"))
	}
	return l, true
}

// replaceControls puts the control characters where a scanner or printer wrote their names.
func replaceControls(text string, stands []string) string {
	pairs := []string{
		"<GS>", gs, "{GS}", gs, "[GS]", gs, "(GS)", gs, "<RS>", rs, "{RS}", rs, "[RS]", rs, "(RS)", rs, "<EOT>", eot, "{EOT}", eot, "[EOT]", eot, "(EOT)", eot,
		"Alt029", gs, "Alt030", rs, "Alt004", eot, "%1D", gs, "%1E", rs, "%04", eot, `\x1d`, gs, `\x1e`, rs, `\x04`, eot, `\x1D`, gs, `\x1E`, rs, `\u001d`, gs, `\u001e`, rs, `\u0004`, eot,
		"^]", gs, "^^", rs, "^D", eot, "\u241d", gs, "\u241e", rs, "\u2404", eot,
	}
	for _, s := range stands {
		if s != "" {
			pairs = append([]string{s, gs}, pairs...)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// format reads one format of an envelope, which begins with its two digits.
func (l *Label) format(text string) {
	const digits = 2
	number := text[:min(digits, len(text))]
	rest := strings.TrimPrefix(text[len(number):], gs)
	switch number {
	case "05":
		l.Elements = strings.Join([]string{l.Elements, rest}[btoi(l.Elements == ""):], gs)
	case "06":
		for field := range strings.SplitSeq(rest, gs) {
			l.field(field)
		}
	case "12":
		for field := range strings.SplitSeq(rest, gs) {
			l.word(field)
		}
	default:
		l.Faults = append(l.Faults, fmt.Errorf("a format %q, which has no fields; 05, 06 and 12 have", number))
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (l *Label) field(text string) {
	switch f, err := identify(text); {
	case text == "":
	case len(l.Fields)+len(l.Faults) >= maxFields:
		l.Faults = append(l.Faults, fmt.Errorf("the label holds more than %d fields", maxFields))
	case f.ID == "":
		l.Faults = append(l.Faults, err)
	case err != nil:
		l.Faults = append(l.Faults, err)
		l.Bad = append(l.Bad, f.ID)
	default:
		l.Fields = append(l.Fields, f)
	}
}

// word reads a text element of format 12: a word of three capital letters or digits, a
// blank, a value.
func (l *Label) word(text string) {
	id, value, found := strings.Cut(text, " ")
	switch {
	case text == "":
	case len(l.Fields)+len(l.Faults) >= maxFields:
		l.Faults = append(l.Faults, fmt.Errorf("the label holds more than %d fields", maxFields))
	case !found || value == "" || len(id) != 3 || strings.ContainsFunc(id, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') }):
		l.Faults = append(l.Faults, fmt.Errorf("%.12q is no text element: three letters, a blank and a value", text))
	default:
		l.Fields = append(l.Fields, Field{id, value})
	}
}

// contradictions takes out what stands twice with different values: nobody can tell which
// holds.
func (l *Label) contradictions() {
	seen := make(map[string]string)
	kept := l.Fields[:0]
	twice := make(map[string]bool)
	for _, id := range l.Bad { // once wrong and once right
		twice[id] = true
	}
	for _, f := range l.Fields {
		value, before := seen[f.ID]
		if before && value != f.Value && !twice[f.ID] {
			twice[f.ID] = true
			l.Faults = append(l.Faults, fmt.Errorf("%s stands on the label twice, with different values", f.ID))
			l.Bad = append(l.Bad, f.ID)
		}
		seen[f.ID] = f.Value
		if !before {
			kept = append(kept, f)
		}
	}
	l.Fields = kept
	for i := 0; i < len(l.Fields); {
		if twice[l.Fields[i].ID] {
			l.Fields = append(l.Fields[:i], l.Fields[i+1:]...)
			continue
		}
		i++
	}
}

// identify splits a field into its data identifier, up to three digits and a letter, and
// its value, whose form is checked where the identifier is known. The error names what is
// wrong; the field's ID is empty where there is no identifier.
func identify(text string) (Field, error) {
	n := 0
	for n < len(text) && n < 3 && '0' <= text[n] && text[n] <= '9' {
		n++
	}
	if n >= len(text) || text[n] < 'A' || text[n] > 'Z' {
		return Field{}, fmt.Errorf("%.12q begins with no data identifier", text)
	}
	f := Field{text[:n+1], text[n+1:]}
	if f.Value == "" {
		return f, fmt.Errorf("%s: the value is empty", f.ID)
	}
	if known, is := find(f.ID); is && known.check != nil {
		value, err := known.check(f.Value)
		if err != nil {
			return f, fmt.Errorf("%s: %w", f.ID, err)
		}
		f.Value = value
	}
	return f, nil
}

// ReadAlone reads the whole text of a symbol as one field. ok is false where it does not begin
// with a data identifier of the table, or its value is not of that identifier's form: plain
// text begins with a letter too.
func ReadAlone(text string) (f Field, ok bool) {
	f, err := identify(text)
	_, known := find(f.ID)
	if err != nil || !known || len(f.Value) > maxAlone || strings.ContainsFunc(f.Value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return Field{}, false
	}
	return f, true
}

// maxAlone is the longest value of a data identifier alone in a linear symbol.
const maxAlone = 50

// Title returns what a data identifier means; "" for one that is not in the table.
func Title(id string) string {
	known, _ := find(id)
	return known.title
}
