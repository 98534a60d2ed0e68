package scanner

import (
	"strings"
	"unicode/utf8"
)

// unknown is the symbology of a scan without an AIM identifier.
const unknown = "unknown"

// A symbol is a scan taken apart.
type symbol struct {
	aim       string // its AIM identifier, "]d2"; "" without one
	symbology string // the identifier in a word
	gs1       bool   // it carries GS1 element strings
	text      []byte // what was read, behind the identifier
}

// identify splits a scan into its AIM identifier and the rest:
//
//	5D 43 31 30 30 …    ]C1 00…    GS1-128
//	5D 45 30 34 30 …    ]E0 40…    EAN-13
//	50 4F 34 37 31 31   PO4711     no identifier
//
// The identifier is "]", a letter for the symbology and a modifier (ISO/IEC
// 15424; the readers' manuals list them under "AIM code identifiers"). It is
// one only if the letter is known and something follows.
func identify(scan []byte) symbol {
	if len(scan) > 3 && scan[0] == ']' && alphanumeric(scan[2]) {
		aim := string(scan[:3])
		if word, gs1 := symbology(aim); word != "" {
			return symbol{aim, word, gs1, scan[3:]}
		}
	}
	return symbol{"", unknown, false, scan}
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// symbology names an AIM identifier and says whether GS1 element strings follow
// it. An unknown letter has no word.
func symbology(aim string) (word string, gs1 bool) {
	switch aim {
	case "]C1":
		return "gs1-128", true
	case "]e0":
		return "gs1-databar", true
	case "]d2", "]d5": // 5: with extended channels
		return "gs1-datamatrix", true
	case "]Q3", "]Q4": // 4: with extended channels
		return "gs1-qr", true
	case "]J1", "]J4": // 4: with extended channels
		return "gs1-dotcode", true
	case "]E0":
		return "ean-13", false // UPC-A and UPC-E are sent as EAN-13
	case "]E4":
		return "ean-8", false
	}
	return family(aim[1]), false
}

// family names the symbology of an AIM code letter; "" for an unknown one.
func family(letter byte) string {
	switch letter {
	case 'A':
		return "code-39"
	case 'B':
		return "telepen"
	case 'C':
		return "code-128"
	case 'd':
		return "datamatrix"
	case 'E':
		return "ean-add-on"
	case 'e':
		return "databar"
	case 'F':
		return "codabar"
	case 'G':
		return "code-93"
	case 'H':
		return "code-11"
	case 'h':
		return "han-xin"
	case 'I':
		return "itf"
	case 'J':
		return "dotcode"
	case 'L':
		return "pdf417"
	case 'M':
		return "msi"
	case 'Q':
		return "qr"
	case 'R', 'S':
		return "2-of-5"
	case 'U':
		return "maxicode"
	case 'X':
		return "other"
	case 'z':
		return "aztec"
	}
	return ""
}

// link reports whether a scan may be a GS1 Digital Link: a web address in a plain
// QR Code or Data Matrix. Whether it is one, and not any other address, only the
// parser can tell.
//
//	]Q1 https://id.gs1.org/01/09520123456788/10/ABC
func (s symbol) link() bool {
	if s.aim != "]Q1" && s.aim != "]d1" {
		return false
	}
	scheme, _, ok := strings.Cut(string(s.text), "://")
	return ok && (strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http"))
}

// interpret says what a scan holds: the event's Code and Data. It never
// refuses one: where parse does not understand a GS1 symbol or link, its reason
// stands under gs1.error and the code is as it was read.
func interpret(scan []byte, parse func(string) (map[string]string, error)) (code string, data map[string]string) {
	s := identify(scan)
	data = map[string]string{"symbology": s.symbology}
	if s.aim != "" {
		data["aim"] = s.aim
	}
	if s.gs1 || s.link() {
		elements, err := parse(string(scan))
		if err != nil {
			data["gs1.error"] = err.Error()
			elements = nil
		}
		for ai, value := range elements {
			data["gs1."+ai] = value
		}
	} else if gtin := gtin14(s); gtin != "" {
		data["gs1.01"] = gtin
	}
	return toUTF8(s.text), data
}

// gtin14 returns the article number in an EAN, UPC or ITF-14 symbol in the 14
// digits that GS1 stores all of them in, or "" when there is none: the symbol
// is another, the length is not right, or the check digit is not.
//
//	]E0 4006381333931   04006381333931
//	]E0 036000291452    00036000291452   a UPC-A whose leading 0 the reader strips
//	]E4 96385074        00000096385074
//	]I1 10614141000415  10614141000415
func gtin14(s symbol) string {
	digits := string(s.text)
	switch {
	case s.aim == "]E0" && (len(digits) == 13 || len(digits) == 12):
	case s.aim == "]E4" && len(digits) == 8:
	case (s.aim == "]I0" || s.aim == "]I1") && len(digits) == 14:
	default:
		return ""
	}
	if !checked(digits) {
		return ""
	}
	return strings.Repeat("0", 14-len(digits)) + digits
}

// checked reports whether digits are digits of which the last is the check
// digit of the others: from the right the weights are 1, 3, 1, 3 …, and the sum
// is a multiple of ten (GS1 General Specifications 7.9).
func checked(digits string) bool {
	sum := 0
	for i := range len(digits) {
		c := digits[len(digits)-1-i]
		if c < '0' || c > '9' {
			return false
		}
		weight := 1 + i%2*2
		sum += weight * int(c-'0')
	}
	return sum%10 == 0
}

// toUTF8 returns text as it is when it is UTF-8, and otherwise as ISO 8859-1,
// which is the meaning that QR Code and Data Matrix give to bytes without a
// declaration.
func toUTF8(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	var b strings.Builder
	for _, c := range text {
		b.WriteRune(rune(c))
	}
	return b.String()
}
