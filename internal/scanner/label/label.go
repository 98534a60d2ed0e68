package label

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"stationd/internal/scanner/charset"
	"stationd/internal/scanner/checkchar"
	"stationd/internal/scanner/gs1"
	"stationd/internal/scanner/hibc"
	"stationd/internal/scanner/mh10"
)

// Rules are how the labels of one scanner are read. The zero value is what holds where the
// configuration says nothing.
type Rules struct {
	// Separators are what the scanner writes for the separator GS1 calls FNC1, besides GS
	// itself. NoStandIns says that it writes nothing else, so that a value which looks as
	// if it did is what is on the label.
	Separators []string
	NoStandIns bool

	Strict   bool   // a GS1 symbol is good as a whole or not at all, as GS1's own engine has it
	Assume   string // "gs1", "di": what a scan is taken for whose identifier does not say
	Encoding string // a name of charset; "": auto

	KeepCheck     bool // check characters that were sent stay part of the code
	KeepStartStop bool // and start and stop characters
	KeepBlanks    bool // and blanks in front and behind

	Prefix, Suffix Affix // what the scanner puts around the code

	Store []Store // how numbers that are a shop's own are divided
}

// What Rules.Assume may be.
const (
	AssumeGS1 = "gs1"
	AssumeDI  = "di"
)

// Names of what is not a value of a label but said of it.
const (
	Symbology = "symbology"
	AIM       = "aim"
	Bad       = "bad"
	Refused   = "refused"
)

// An Affix is text that stands in front of a code or behind it. Its zero value is none.
type Affix struct {
	text    string
	pattern *regexp.Regexp
}

// NewPrefix reads what stands in front: text as it is, or a regular expression between
// slashes. NewSuffix does the same for what stands behind.
func NewPrefix(text string) (Affix, error) { return newAffix(text, "^(?:", ")") }

// NewSuffix reads what stands behind.
func NewSuffix(text string) (Affix, error) { return newAffix(text, "(?:", ")$") }

func newAffix(text, before, behind string) (Affix, error) {
	if len(text) < 3 || text[0] != '/' || text[len(text)-1] != '/' {
		return Affix{text: text}, nil
	}
	pattern, err := regexp.Compile(before + text[1:len(text)-1] + behind)
	return Affix{pattern: pattern}, err
}

func (a Affix) cutPrefix(b []byte) ([]byte, bool) {
	if a.pattern != nil {
		at := a.pattern.FindIndex(b)
		if at == nil {
			return b, false
		}
		return b[at[1]:], true
	}
	if a.text == "" {
		return b, false
	}
	rest := strings.TrimPrefix(string(b), a.text)
	return []byte(rest), len(rest) < len(b)
}

func (a Affix) cutSuffix(b []byte) []byte {
	if a.pattern != nil {
		if at := a.pattern.FindIndex(b); at != nil {
			return b[:at[0]]
		}
		return b
	}
	return []byte(strings.TrimSuffix(string(b), a.text))
}

// A reading is one scan being read.
type reading struct {
	Rules
	symbol
	code  string
	data  map[string]string
	steps *[]string // what was done, for a person who looks; nil: nobody does
}

// explain notes for a person what was done.
func (l *reading) explain(format string, args ...any) {
	if l.steps != nil {
		*l.steps = append(*l.steps, fmt.Sprintf(format, args...))
	}
}

// explainCut notes what was taken off, at the ends or in one place between them.
func (l *reading) explainCut(what, before, after string) {
	if l.steps == nil || len(after) >= len(before) {
		return
	}
	if front, behind, whole := strings.Cut(before, after); whole {
		l.explain("%s taken off: %q", what, front+behind)
		return
	}
	at := 0
	for at < len(after) && before[at] == after[at] {
		at++
	}
	l.explain("%s taken off: %q", what, before[at:at+len(before)-len(after)])
}

// Read says what a scan holds, its AIM identifier included: the code, which is its text
// without that, and the values by their names.
func (r Rules) Read(scan []byte) (code string, data map[string]string) { return r.read(scan, nil) }

// Explain says for a person what Read does with a scan, a step each: what is taken off,
// how the bytes become text, and what the text is taken for.
func (r Rules) Explain(scan []byte) []string {
	var how []string
	_, data := r.read(scan, &how)
	if data[Refused] != "" {
		how = append(how, "refused: "+data[Refused])
	}
	return how
}

func (r Rules) read(scan []byte, how *[]string) (code string, data map[string]string) {
	l := reading{Rules: r, data: make(map[string]string), steps: how}
	raw := r.Suffix.cutSuffix(scan)
	l.explainCut("suffix", string(scan), string(raw))
	ahead := raw
	raw, cut := r.Prefix.cutPrefix(raw)
	l.symbol = identify(raw)
	if !cut {
		ahead = l.text
		raw, _ = r.Prefix.cutPrefix(l.text)
		l.text = raw
	}
	l.explainCut("prefix", string(ahead), string(raw))
	l.data[Symbology] = l.symbology
	if l.aim != "" {
		l.data[AIM] = l.aim
	}
	if err := l.decode(); err != nil {
		l.data[Refused] = err.Error()
		return l.code, l.data
	}
	l.readValues()
	return l.code, l.data
}

// decode turns the bytes into the code.
func (l *reading) decode() error {
	decode := charset.Decode
	if extended(l.aim) {
		decode = charset.ECI
	}
	text, err := decode(l.text, l.Encoding)
	if err != nil {
		l.code = bytewise(l.text)
		return err
	}
	l.code = text
	if extended(l.aim) {
		l.explain("text: by the encodings that the symbol names itself (ECI), else %s", charset.EncodingName(l.text, l.Encoding))
	} else {
		l.explain("text: %s", charset.EncodingName(l.text, l.Encoding))
	}
	if !l.KeepCheck {
		taken, err := checkchar.Strip(l.aim, text)
		if err != nil {
			return err
		}
		l.explainCut("check character", text, taken)
		l.code = taken
	}
	if bare := l.code; !l.KeepStartStop {
		l.code = l.withoutStartStop(l.code)
		l.explainCut("start and stop characters", bare, l.code)
	}
	if trimmed := strings.Trim(l.code, " \t\r\n"); !l.KeepBlanks && trimmed != "" {
		l.explainCut("blanks", l.code, trimmed)
		l.code = trimmed
	}
	return nil
}

// bytewise shows bytes that are no text, each as one character.
func bytewise(raw []byte) string {
	var b strings.Builder
	for _, c := range raw {
		b.WriteRune(rune(c))
	}
	return b.String()
}

// withoutStartStop takes the characters off that begin and end a Codabar (A to D) and a
// Code 39 (*): they are bars and no data, and some scanners send them. Without an
// identifier only what can be nothing but a Code 39 is one.
func (l *reading) withoutStartStop(text string) string {
	last := len(text) - 1
	switch {
	case last < 2:
	case l.aim != "" && l.aim[1] == 'F':
		const ends = "ABCDabcdTNE*tne"
		if strings.IndexByte(ends, text[0]) >= 0 && strings.IndexByte(ends, text[last]) >= 0 {
			return text[1:last]
		}
	case text[0] == '*' && text[last] == '*' && (l.aim == "" || l.aim[1] == 'A') && code39(text[1:last]):
		return text[1:last]
	}
	return text
}

func code39(text string) bool {
	return strings.Trim(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%") == ""
}

// readValues reads what the code says by all the rules that may hold for it.
func (l *reading) readValues() {
	switch {
	case l.envelope():
		l.explain("read as an ISO 15434 envelope")
	case l.hibc():
		l.explain("read as HIBC")
	case l.Strict:
		l.explain(`read as GS1 as a whole or not at all (strict)`)
		l.strict()
	case l.gs1:
		l.explain("read as GS1 elements")
		l.elements(l.code)
	case l.ean():
		l.explain("read as an article number")
	case l.digitalLink():
		l.explain("read as a GS1 Digital Link")
	case l.Assume == AssumeGS1 && l.assumedGS1():
		l.explain(`read as GS1, which the identifier does not say (assume = "gs1")`)
	case l.dataIdentifier():
		l.explain("read as a data identifier")
	default:
		l.explain("read as plain text")
	}
}

// addElements adds the values of GS1 elements.
func (l *reading) addElements(label gs1.Label) {
	for _, e := range label.Elements {
		l.data["gs1."+e.AI] = e.Value
		if name, amount, ok := gs1.Decimal(e.AI, e.Value); ok {
			l.amount("gs1."+name, amount)
		}
	}
	for _, ai := range label.Bad() {
		l.markBad("gs1." + ai)
		if len(ai) == 4 && gs1.HasPoint(ai[:3]) {
			l.markBad("gs1." + ai[:3])
		}
	}
	if err := label.Err(); err != nil {
		l.data["gs1.error"] = err.Error()
	}
	if label.Lost {
		// What cannot be seen may be anything: whoever uses an element that may be left
		// out would leave it out.
		l.markBad("gs1.*")
	}
	l.addGTINForms()
}

// amount sets a decimal number. A label that says it twice, with the point in different
// places, says nothing.
func (l *reading) amount(name, amount string) {
	before, said := l.data[name]
	switch {
	case said && trimZeros(before) == trimZeros(amount):
	case said:
		l.markBad(name)
	default:
		l.data[name] = amount
	}
}

// trimZeros is a decimal number without the zeros that end it: 1.250 and 1.25 are one.
func trimZeros(amount string) string {
	if !strings.Contains(amount, ".") {
		return amount
	}
	return strings.TrimSuffix(strings.TrimRight(amount, "0"), ".")
}

// markBad notes that a value is on the label and cannot be trusted.
func (l *reading) markBad(name string) {
	names := strings.Fields(l.data[Bad])
	if !slices.Contains(names, name) {
		names = append(names, name)
		slices.Sort(names)
		l.data[Bad] = strings.Join(names, " ")
	}
	delete(l.data, name)
}

// addGTINForms adds the article number in the forms that article systems know it by.
func (l *reading) addGTINForms() {
	gtin := l.data["gs1.01"]
	if gtin == "" {
		return
	}
	l.data["gtin"] = strings.TrimLeft(gtin, "0")
	for _, form := range []struct{ name, zeros string }{{"gtin13", "0"}, {"gtin12", "00"}, {"gtin8", "000000"}} {
		if short, ok := strings.CutPrefix(gtin, form.zeros); ok {
			l.data[form.name] = short
		}
	}
}

// strict reads a GS1 symbol as GS1's own engine does: as a whole or not at all.
func (l *reading) strict() {
	elements, err := gs1.Parse(l.aim + l.withSeparators(l.code))
	switch {
	case errors.Is(err, gs1.ErrNotGS1):
		if l.aim == "" || l.aim[1] != 'I' || !l.number(l.code, 14) {
			_ = l.dataIdentifier()
		}
	case err != nil:
		l.data["gs1.error"] = err.Error()
	case l.aim == "]E0" || l.aim == "]E4":
		l.number(l.code, len(l.code))
	default:
		l.addElements(gs1.Label{Elements: elements})
	}
}

// withSeparators puts the separator where the scanner writes something else for it.
func (l *reading) withSeparators(text string) string {
	for _, s := range l.Separators {
		if s != "" && strings.Contains(text, s) {
			text = strings.ReplaceAll(text, s, "\x1d")
			l.explain("%q read as the separator", s)
		}
	}
	return text
}

// elements reads the code as element strings.
func (l *reading) elements(text string) {
	l.addElements(gs1.Read(l.aim+l.withSeparators(text), len(l.aim), !l.NoStandIns))
}

// ean reads the number of an EAN, UPC or ITF-14 symbol, and reports whether it is one.
func (l *reading) ean() bool {
	const add2, add5, full = 2, 5, 13
	switch n := len(l.code); {
	case l.aim == "]E0" && (n == full || n == full-1), l.aim == "]E4" && n == 8, (l.aim == "]I0" || l.aim == "]I1" || l.aim == "]I3") && n == 14:
		l.number(l.code, n)
	case l.aim == "]E0" && 6 <= n && n <= 8:
		l.upce()
	case l.aim == "]E3" && (n == full+add2 || n == full+add5):
		l.number(l.code[:full], full)
	default:
		return l.aim == "]E0" || l.aim == "]E4"
	}
	return true
}

func (l *reading) upce() {
	code, err := gs1.UPCE(l.code)
	if err != nil && !l.number(l.code, 8) { // some scanners call an EAN-8 an EAN-13
		l.data["gs1.error"] = err.Error()
	}
	if err != nil {
		return
	}
	l.number(code, len(code))
}

// number takes digits for an article number, and reports whether they are one or a shop's
// own. Of another length, or with a wrong check digit, they are not.
func (l *reading) number(digits string, length int) bool {
	if len(digits) != length {
		return false
	}
	gtin, err := gs1.GTIN14(digits)
	if err != nil {
		return false
	}
	if gs1.Restricted(digits) {
		l.storeNumber(gtin)
		return true
	}
	l.data["gs1.01"] = gtin
	l.addGTINForms()
	return true
}

// digitalLink reads a GS1 Digital Link, and reports whether the code is one.
func (l *reading) digitalLink() bool {
	carrier := l.aim == "" || strings.Contains("]Q1 ]Q2 ]d1 ]d4 ]J0 ]J3 ]z0 ]z3 ", l.aim+" ")
	if !carrier {
		return false
	}
	label, ok := gs1.ReadLink(l.code, true)
	if ok {
		l.addElements(label)
	}
	return ok
}

// assumedGS1 reads what a scanner without identifiers sends, as GS1 as far as it can be that.
func (l *reading) assumedGS1() bool {
	text := strings.TrimLeft(l.withSeparators(l.code), "\x1d")
	separated := len(text) < len(l.withSeparators(l.code))
	if elements, ok := gs1.Bracketed(text); ok {
		l.addElements(gs1.Read(elements, 0, false))
		return true
	}
	switch len(text) {
	case 8, 12, 13, 14:
		if l.number(text, len(text)) {
			return true
		}
	}
	if code, err := gs1.UPCE(text); err == nil && len(text) == 8 && l.number(code, len(code)) {
		return true
	}
	label := gs1.Read(text, 0, !l.NoStandIns)
	first := ""
	if len(label.Elements) > 0 {
		first = label.Elements[0].AI
	}
	// Any text that begins with two digits begins with an AI. What holds an article, a
	// pack or a separator is a label; anything else is one only if nothing is wrong.
	key := (first == "01" || first == "02" || first == "00") && strings.HasPrefix(text, first)
	if first == "" || !key && !separated && (!strings.Contains(text, "\x1d") || label.Lost) && len(label.Faults) > 0 {
		return false
	}
	l.addElements(label)
	return true
}

// envelope reads an ISO 15434 envelope, and reports whether the code is one.
func (l *reading) envelope() bool {
	label, ok := mh10.Read(l.code, l.Separators)
	if !ok {
		return false
	}
	for _, f := range label.Fields {
		l.data["di."+f.ID] = f.Value
	}
	for _, id := range label.Bad {
		l.markBad("di." + id)
	}
	if len(label.Faults) > 0 {
		l.data["di.error"] = label.Faults[0].Error()
	}
	if label.Elements != "" {
		l.addElements(gs1.Read(label.Elements, 0, !l.NoStandIns))
	}
	return true
}

// dataIdentifier reads a data identifier that stands alone in a linear symbol, and reports
// whether there is one.
func (l *reading) dataIdentifier() bool {
	linear := l.aim == "]C0" || l.aim != "" && l.aim[1] == 'A' || l.aim == "" && l.Assume == AssumeDI
	if !linear {
		return false
	}
	f, ok := mh10.ReadAlone(l.code)
	if ok {
		l.data["di."+f.ID] = f.Value
	}
	return ok
}

// hibc reads a label of the health industry, and reports whether the code claims to be one.
func (l *reading) hibc() bool {
	label, err := hibc.Parse(l.code)
	if errors.Is(err, hibc.ErrNotHIBC) {
		return false
	}
	if err != nil {
		l.data["hibc.error"] = err.Error()
		l.markBad("hibc.*")
		return true
	}
	for name, value := range map[string]string{
		"lic": label.LIC, "item": label.Item, "unit": label.Unit, "lot": label.Lot, "serial": label.Serial,
		"quantity": label.Quantity, "expiry": label.Expiry, "produced": label.Produced, "link": label.Link,
	} {
		if value != "" {
			l.data["hibc."+name] = value
		}
	}
	return true
}
