package label

import "strings"

// Unknown is the symbology of a scan without an AIM identifier.
const Unknown = "unknown"

// A symbol is a scan taken apart.
type symbol struct {
	aim       string // its AIM identifier, "]d2"; "" without one
	symbology string // the identifier in a word
	gs1       bool   // it carries GS1 element strings
	text      []byte // what was read, behind the identifier
}

// HasAIM reports whether a scan begins with an AIM identifier.
func HasAIM(scan []byte) bool { return identify(scan).aim != "" }

// identify splits a scan into its AIM identifier and the rest:
//
//	5D 43 31 30 30 …    ]C1 00…    GS1-128
//	5D 45 30 34 30 …    ]E0 40…    EAN-13
//	50 4F 34 37 31 31   PO4711     no identifier
//
// The identifier is "]", a letter for the symbology and a modifier (ISO/IEC
// 15424; the scanners' manuals list them under "AIM code identifiers"). It is
// one only if the letter is known and something follows.
func identify(scan []byte) symbol {
	if len(scan) > 3 && scan[0] == ']' && alphanumeric(scan[2]) {
		aim := string(scan[:3])
		if word, gs1 := symbology(aim); word != "" {
			return symbol{aim, word, gs1, scan[3:]}
		}
	}
	return symbol{"", Unknown, false, scan}
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
		return "ean-13", false // UPC-A is sent as EAN-13, and UPC-E by some readers
	case "]E4":
		return "ean-8", false
	}
	return family(aim[1]), false
}

// extended reports whether the scanner announces extended channel interpretations: that
// backslashes in what it sends are doubled or begin a number (ISO/IEC 15424, and the
// standards of the symbologies).
func extended(aim string) bool {
	return len(aim) == 3 && strings.Contains("Q2 Q4 Q6 d4 d5 d6 z3 z4 z5 z9 zA zB L1 U2 U3 J3 J4 J5 h1 g3 g4 g5 ", aim[1:]+" ")
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
	case 'c':
		return "channel-code"
	case 'D':
		return "code-one"
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
	case 'g':
		return "grid-matrix"
	case 'H':
		return "code-11"
	case 'h':
		return "han-xin"
	case 'I':
		return "itf"
	case 'J':
		return "dotcode"
	case 'K':
		return "code-16k"
	case 'L':
		return "pdf417"
	case 'M':
		return "msi"
	case 'N':
		return "anker-plessey"
	case 'O':
		return "codablock-f"
	case 'P':
		return "plessey"
	case 'Q':
		return "qr"
	case 'R', 'S':
		return "2-of-5"
	case 'T':
		return "code-49"
	case 'U':
		return "maxicode"
	case 'X':
		return "other"
	case 'z':
		return "aztec"
	}
	return ""
}
