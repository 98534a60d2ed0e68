package gs1

import (
	"fmt"
	"slices"
	"strings"
)

// A Label is what a scan says by GS1's rules, as far as it can be read.
type Label struct {
	Elements []Element // the good ones, in the order of the symbol
	Faults   []*Error  // what is wrong; AI names the element, "" what is none

	// Lost: behind a fault nobody can tell where the next element begins, so that
	// something may be missing which is on the label.
	Lost bool

	badAIs []string
}

// Bad lists the AIs of elements that are on the label and cannot be trusted.
func (l Label) Bad() []string { return l.badAIs }

// Err returns the first fault; nil where there is none.
func (l Label) Err() error {
	if len(l.Faults) == 0 {
		return nil
	}
	return l.Faults[0]
}

// Read takes the element string text[pos:] apart as Parse does, and keeps what is good
// of a symbol in which something is wrong:
//
//	01 09506000134352 17 000000 10 AB-12    (01) and (10); (17) is no date
//	01 09506000134352 37 24 1D 10 AB-12     all three: the rule that 37 wants 02 is Parse's
//	10 AB 12                                (10), and the blank in it is a fault
//	1D 01 09506000134352 1D 1D 10 AB        superfluous separators
//
// An element whose value is wrong is named in a fault and left out. Where the fault makes
// it doubtful where the next element begins, reading goes on behind the next separator.
//
// suspect says that a value which contains the name of the separator, or a sign such as
// an underscore and then what would be further elements, is a fault: the scanner may write
// something else for the separator, and then three elements have become one. A scanner that
// sends a separator anywhere within the symbol writes nothing else.
func Read(text string, pos int, suspect bool) Label {
	var l Label
	suspect = suspect && !strings.ContainsRune(strings.Trim(text[pos:], "\x1d"), fnc1)
	for pos < len(text) {
		if text[pos] == fnc1 {
			pos++
			continue
		}
		if len(l.Elements)+len(l.Faults) >= maxElements {
			l.fault(pos, "", fmt.Sprintf("the symbol holds more than %d elements", maxElements))
			l.Lost = true
			break
		}
		pos = l.element(text, pos, suspect)
	}
	if len(l.Elements)+len(l.Faults) == 0 {
		l.fault(len(text), "", "the symbol holds no element string")
	}
	l.contradictions()
	return l
}

func (l *Label) fault(pos int, ai, why string) {
	l.Faults = append(l.Faults, &Error{Pos: pos, AI: ai, Reason: why})
}

// badElement is a fault of an element that cannot be trusted then.
func (l *Label) badElement(pos int, ai, why string) {
	l.fault(pos, ai, why)
	if !slices.Contains(l.badAIs, ai) {
		l.badAIs = append(l.badAIs, ai)
	}
}

// element reads the element at text[pos] and returns where the next begins.
func (l *Label) element(text string, pos int, suspect bool) int {
	end := len(text)
	if i := strings.IndexByte(text[pos:], fnc1); i >= 0 {
		end = pos + i
	}
	s, ai := find(text[pos:])
	if s == nil {
		l.fault(pos, "", unknownAI(text[pos:])+separatorHint(text[pos:end]))
		l.Lost = true
		return end
	}
	at := pos + len(ai)
	value := text[min(at, end):end]
	n, wrong, why := s.measure(value)
	if why == "" && n < len(value) && s.flags&fixed == 0 {
		wrong, why = n, fmt.Sprintf("the value is longer than its %d characters; an FNC1 may be missing", n)
	}
	if why != "" {
		if blank := s.blanks(value); blank >= 0 {
			l.fault(at+blank, ai, "a blank, which GS1 does not allow in a value")
			l.Elements = append(l.Elements, Element{AI: ai, Value: value})
			return end
		}
		l.badElement(at+wrong, ai, why+separatorHint(value))
		if length, known := s.length(); known && length <= len(value) && allDigits(value[:length]) {
			return at + length // it is as long as it must be, so the next is where it should be
		}
		l.Lost = true
		return end
	}
	if stands := standIn(value[:n], s); suspect && stands != "" {
		l.badElement(at, ai, fmt.Sprintf("the value contains %q, which may stand for the separator; say gs = [%q] at the scanner, or gs = [] where it is part of the value", stands, stands))
		l.Lost = true
		return end
	}
	l.Elements = append(l.Elements, Element{AI: ai, Value: value[:n]})
	return at + n
}

// length is how long a value is, where it has one length and its digits say so.
func (s *spec) length() (n int, known bool) {
	for i := range s.parts {
		p := &s.parts[i]
		if p.set != numeric || p.min != p.max || p.optional {
			return 0, false
		}
		n += int(p.max)
	}
	return n, true
}

// blanks returns the place of a blank in a value that would be right without blanks; -1
// where there is none, or more is wrong with it.
func (s *spec) blanks(value string) int {
	at := strings.IndexByte(strings.TrimSpace(value), ' ')
	if at < 0 || s.flags&fixed != 0 {
		return -1
	}
	mended := strings.ReplaceAll(value, " ", "-")
	if n, _, why := s.measure(mended); why != "" || n != len(value) {
		return -1
	}
	return at
}

// contradictions takes out what stands twice with different values, or once right and once
// wrong: nobody can tell which holds.
func (l *Label) contradictions() {
	for i, e := range l.Elements {
		for _, other := range l.Elements[:i] {
			if other.AI == e.AI && other.Value != e.Value && !slices.Contains(l.badAIs, e.AI) {
				l.badElement(0, e.AI, "the AI appears twice, with different values")
			}
		}
	}
	l.Elements = slices.DeleteFunc(l.Elements, func(e Element) bool { return slices.Contains(l.badAIs, e.AI) })
}

// standIns lists what scanners and printers are known to write for the separator. Each
// may stand under gs in the configuration.
func standIns() []string {
	return []string{
		"<GS>", "{GS}", "[GS]", "(GS)", "<FNC1>", "{FNC1}", "[FNC1]", "(FNC1)", "Alt029", "ALT029", "Alt+029", "%1D", "%1d", `\x1D`, `\x1d`, `\u001d`, `\u001D`,
		`\F`, `\035`, "&#29;", "&#x1D;", "<0x1D>", "<1D>", "^]", "_1D", "~d029", "~029", "~1", "]C1", "]d2", "]Q3", "]e0", "\u241d", "\u21d4", "|", "#", "^", "~", "@", "_",
	}
}

// standIn returns what may stand for the separator in a value that GS1 allows.
func standIn(value string, s *spec) string {
	if s.flags&fixed != 0 {
		return ""
	}
	for _, text := range standIns() {
		if len(text) > 1 && strings.Contains(value, text) {
			return text
		}
	}
	for _, text := range []string{"_", "GS", "FNC1", "029", "!", "%", "&", "*", "?", "=", ";", "<", ">", `"`, "'"} {
		for rest := value; ; {
			before, after, found := strings.Cut(rest, text)
			if !found {
				break
			}
			if (before != "" || len(rest) < len(value)) && elementsFollow(after) {
				return text
			}
			rest = after
		}
	}
	return ""
}

// elementsFollow reports whether a text is elements from its beginning to its end.
func elementsFollow(text string) bool {
	elements, err := parseElements(text, 0)
	return err == nil && len(elements) > 0
}

// separatorHint adds to a fault what its text may contain for the separator.
func separatorHint(text string) string {
	for _, known := range standIns() {
		if strings.Contains(text, known) && known != "_" {
			return fmt.Sprintf("; where the reader writes %q for the separator, say gs = [%q] at the scanner", known, known)
		}
	}
	return ""
}

// Bracketed turns the form that people read into an element string, with a separator
// behind every value:
//
//	(01)09506000134352(10)AB-12(21)0042    01 09506000134352 1D 10 AB-12 1D 21 0042
//	[01]09506000134352[10]AB-12            the same
//
// ok is false for any other text. A value may hold brackets of its own, as long as they
// do not hold an application identifier.
func Bracketed(text string) (elements string, ok bool) {
	if len(text) < len("(01)") || text[0] != '(' && text[0] != '[' {
		return "", false
	}
	opening, closing := text[0], byte(')')
	if opening == '[' {
		closing = ']'
	}
	var b strings.Builder
	for rest := text; rest != ""; {
		ai := bracketedAI(rest, opening, closing)
		if ai == "" {
			return "", false
		}
		rest = rest[len(ai)+2:]
		end := 1
		for end < len(rest) && bracketedAI(rest[end:], opening, closing) == "" {
			end++
		}
		if rest == "" {
			return "", false
		}
		if b.Len() > 0 {
			b.WriteByte(fnc1)
		}
		b.WriteString(ai + strings.TrimSuffix(strings.TrimSpace(rest[:end]), string(rune(fnc1))))
		rest = rest[end:]
	}
	return b.String(), true
}

// bracketedAI returns the AI in brackets that a text begins with; "" for none.
func bracketedAI(text string, opening, closing byte) string {
	end := strings.IndexByte(text, closing)
	if text == "" || text[0] != opening || end < 0 || exact(text[1:end]) == nil {
		return ""
	}
	return text[1:end]
}

// Decimal returns the amount of an AI whose last digit says where the decimal point
// stands: 310n to 369n, and the prices 390n to 395n. It is the exact decimal number that
// the label says, in text, under the name of the AI without that digit:
//
//	3103 001250       310    1.250
//	3100 001250       310    1250
//	3932 978000999    393    9.99     the three digits in front are the currency
//
// ok is false for every other AI, and for a value that is not of its form.
func Decimal(ai, value string) (name, amount string, ok bool) {
	if len(ai) != 4 || ai[0] != '3' || !allDigits(ai) || !allDigits(value) {
		return "", "", false
	}
	name = ai[:3]
	switch {
	case "310" <= name && name <= "369":
	case name == "391" || name == "393":
		const currency = 3
		if len(value) <= currency {
			return "", "", false
		}
		value = value[currency:]
	case name == "390" || name == "392" || name == "394" || name == "395":
	default:
		return "", "", false
	}
	places := int(ai[3] - '0')
	if value == "" {
		return "", "", false
	}
	if len(value) <= places {
		value = strings.Repeat("0", places+1-len(value)) + value
	}
	whole, part := value[:len(value)-places], value[len(value)-places:]
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if part == "" {
		return name, whole, true
	}
	return name, whole + "." + part, true
}

// HasPoint reports whether a name is that of an AI with a decimal point, without the
// digit that says where it stands: 310, 392.
func HasPoint(name string) bool {
	if len(name) != 3 || name[0] != '3' {
		return false
	}
	_, _, ok := Decimal(name+"0", "000000")
	return ok
}

// UPCE returns the GTIN-12 of a UPC-E symbol: of its eight digits, or of the six or seven
// that some scanners send, without the number system or the check digit. A wrong check digit,
// or another length, is an error.
//
//	04252614    042100005264
func UPCE(digits string) (string, error) {
	if why := notDigits(digits); why != "" {
		return "", &Error{AI: "01", Reason: why}
	}
	const short, full = 6, 8
	system, check := "0", ""
	six := digits
	switch len(digits) {
	case short:
	case short + 1:
		if digits[0] == '0' || digits[0] == '1' {
			system, six = digits[:1], digits[1:]
		} else {
			six, check = digits[:short], digits[short:]
		}
	case full:
		system, six, check = digits[:1], digits[1:full-1], digits[full-1:]
	default:
		return "", &Error{AI: "01", Reason: fmt.Sprintf("a UPC-E has 6 to 8 digits and not %d", len(digits))}
	}
	if system != "0" && system != "1" {
		return "", &Error{AI: "01", Reason: "a UPC-E begins with 0 or 1"}
	}
	var eleven string
	switch last := six[5]; {
	case last <= '2':
		eleven = system + six[:2] + six[5:] + "0000" + six[2:5]
	case last == '3':
		eleven = system + six[:3] + "00000" + six[3:5]
	case last == '4':
		eleven = system + six[:4] + "00000" + six[4:5]
	default:
		eleven = system + six[:5] + "0000" + six[5:]
	}
	for c := byte('0'); c <= '9'; c++ {
		code := eleven + string(rune(c))
		if _, err := gtin14(code, 0); err == nil {
			if check != "" && check[0] != c {
				return "", &Error{Pos: len(digits) - 1, AI: "01", Reason: fmt.Sprintf("the check digit is %s and should be %c", check, c)}
			}
			return code, nil
		}
	}
	return "", &Error{AI: "01", Reason: "the number has no check digit"}
}

func notDigits(text string) string {
	if !allDigits(text) {
		return "a character that is no digit"
	}
	return ""
}

// Restricted reports whether the digits of an EAN or UPC symbol are no GTIN that the whole
// world knows, but a number of one shop or one factory: a scale's label, an own product. As
// 13 digits it begins with 02, 04 or 20 to 29, as 12 with 2 or 4, as 8 with 0 or 2 (General
// Specifications 2.1.11).
func Restricted(digits string) bool {
	switch len(digits) {
	case 8:
		return digits[0] == '0' || digits[0] == '2'
	case 12:
		return digits[0] == '2' || digits[0] == '4'
	case 13:
		return digits[0] == '2' || digits[:2] == "02" || digits[:2] == "04"
	}
	return false
}

// ReadLink reads a GS1 Digital Link as people and older generators write it, besides the
// form that Parse reads: with a slash at its end, with words for AIs (/gtin/, /lot/), with
// a GTIN of 8, 12 or 13 digits, in any order of its pairs, and, where bare is true, without
// the scheme in front of its domain.
//
//	https://id.gs1.org/01/09520123456788/10/ABC/
//	https://example.com/gtin/9520123456788/lot/ABC
//	example.com/01/09520123456788/10/ABC
//
// ok is false for what is no such link. A compressed link is one, with a fault that says
// so: nothing of it is read.
func ReadLink(text string, bare bool) (l Label, ok bool) {
	rest, query, host, ok := cutLink(text, bare)
	if !ok {
		return Label{}, false
	}
	segments := strings.Split(strings.Trim(rest, "/"), "/")
	first := linkKeyAt(segments)
	if first < 0 {
		if compressed(host, segments) {
			l.fault(0, "", "a compressed GS1 Digital Link, which this program does not read; print the label with the link in full")
			return l, true
		}
		return Label{}, false
	}
	for i := first; i+1 < len(segments); i += 2 {
		l.pair(text, segments[i], unescape(segments[i+1], false))
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if ai := aiNamed(name); ai != "" && value != "" {
			l.pair(text, name, unescape(value, true))
		}
	}
	l.contradictions()
	if strings.Contains(text, "://") {
		return l, true
	}
	// Without a scheme only a right key tells a link from any other text with slashes.
	return l, len(l.Elements) > 0 && aiNamed(segments[first]) == l.Elements[0].AI
}

// cutLink takes a web address apart.
func cutLink(text string, bare bool) (path, query, host string, ok bool) {
	rest := text
	if scheme, after, found := strings.Cut(text, "://"); found {
		if !strings.EqualFold(scheme, "https") && !strings.EqualFold(scheme, "http") {
			return "", "", "", false
		}
		rest = after
	} else if !bare {
		return "", "", "", false
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, _ = strings.Cut(rest, "?")
	host, path, ok = strings.Cut(rest, "/")
	if !ok || host == "" || strings.ContainsAny(host, forbiddenInAuthority+" ()\x1d") || !strings.Contains(host, ".") && !strings.Contains(text, "://") {
		return "", "", "", false
	}
	return path, query, host, true
}

// linkKeyAt returns the segment with the last primary key that begins pairs up to the end;
// -1 where there is none.
func linkKeyAt(segments []string) int {
	for i := len(segments) - 2; i >= 0; i -= 2 {
		ai := aiNamed(segments[i])
		switch {
		case ai == "":
			return -1
		case isKey(ai):
			return i
		}
	}
	return -1
}

// aiNamed returns the AI that a segment of a link names, by its number or by its word.
func aiNamed(name string) string {
	words := map[string]string{
		"gtin": "01", "itip": "8006", "gmn": "8013", "cpid": "8010", "gln": "414", "party": "417", "payto": "415", "gsrnp": "8017", "gsrn": "8018",
		"gcn": "255", "sscc": "00", "gdti": "253", "ginc": "401", "gsin": "402", "grai": "8003", "giai": "8004", "cpv": "22", "lot": "10", "ser": "21",
		"cpsn": "8011", "srin": "8019", "refno": "8020", "glnx": "254", "exp": "17",
	}
	if ai, known := words[strings.ToLower(name)]; known {
		return ai
	}
	if exact(name) != nil {
		return name
	}
	return ""
}

func (l *Label) pair(text, name, value string) {
	ai := aiNamed(name)
	if ai == "" || len(l.Elements)+len(l.Faults) >= maxElements {
		return
	}
	if n := len(value); ai == "01" && (n == 8 || n == 12 || n == 13) {
		value = zeros[n:] + value
	}
	s := exact(ai)
	n, _, why := s.measure(value)
	if why == "" && n < len(value) {
		why = fmt.Sprintf("the value is longer than its %d characters", n)
	}
	if why != "" {
		l.badElement(strings.Index(text, "/"+name)+1, ai, why)
		return
	}
	l.Elements = append(l.Elements, Element{AI: ai, Value: value})
}

// compressed reports whether a path is that of a compressed link: one segment of base 64
// for URIs, at GS1's own resolver, where every path is a link.
func compressed(host string, segments []string) bool {
	const shortest = 10
	host = strings.ToLower(host)
	last := segments[len(segments)-1]
	if host != "gs1.org" && !strings.HasSuffix(host, ".gs1.org") || len(segments)%2 == 0 || len(last) < shortest {
		return false
	}
	_, why := only(last, isSet64, "no")
	return why == ""
}
