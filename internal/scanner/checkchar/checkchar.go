// Package checkchar knows the check characters that scanners send along with the data of
// symbologies whose check character is optional.
//
// A scanner says so in the modifier of the AIM identifier (ISO/IEC 15424). What was
// checked and sent is not part of what the label says:
//
//	]A1 PO12009    PO1200    Code 39, modulo 43
//	]F2 A37113B    A3711B    Codabar, modulo 16, start and stop among its characters
//	]I1 12345670   1234567   Interleaved 2 of 5, modulo 10
//	]M0 12345674   1234567   MSI, modulo 10
//	]H0 123-455    123-45    Code 11, modulo 11; ]H1 sends two
//
// The package is pure.
package checkchar

import (
	"fmt"
	"strings"
)

// A rule checks the text of a symbol and says how many characters at its end are check
// characters; why is not empty where they are wrong.
type rule struct {
	length int
	check  func(text string) (why string)
	framed func(aim, text string) (string, error) // does all of it, where the character is not the last
}

// Strip returns the text of a symbol without the check characters that its scanner sent.
// Where the identifier announces none, the text is returned as it is. The error says
// what the check character is and should be: then the text is not what was printed.
//
// An Interleaved 2 of 5 of 14 digits is a GTIN, whose check digit belongs to it: it is
// checked and stays.
func Strip(aim, text string) (string, error) {
	r, ok := rules(aim)
	if !ok {
		return text, nil
	}
	if len(text) <= r.length {
		return "", fmt.Errorf("%s says that a check character was sent, and there is no room for one", aim)
	}
	if r.framed != nil {
		return r.framed(aim, text)
	}
	if why := r.check(text); why != "" {
		return "", fmt.Errorf("%s says that a check character was sent: %s", aim, why)
	}
	const gtin = 14
	if aim == "]I1" && len(text) == gtin {
		return text, nil
	}
	return text[:len(text)-r.length], nil
}

func rules(aim string) (rule, bool) {
	switch aim {
	case "]A1", "]A5":
		return rule{length: 1, check: lastIs(mod43)}, true
	case "]F2":
		return rule{length: 1, framed: codabar}, true
	case "]I1":
		return rule{length: 1, check: lastIs(mod10)}, true
	case "]M0":
		return rule{length: 1, check: lastIs(luhn)}, true
	case "]R1":
		return rule{length: 1, check: lastIs(mod7)}, true
	case "]H0":
		return rule{length: 1, check: lastIs(mod11c)}, true
	case "]H1":
		return rule{length: 2, check: twoOfCode11}, true
	}
	return rule{}, false
}

// lastIs makes the check of a last character that a function computes from the others; it
// returns 0 for characters that the symbology does not have.
func lastIs(compute func(data string) byte) func(string) string {
	return func(text string) string {
		last := len(text) - 1
		switch want := compute(text[:last]); want {
		case 0:
			return "the text has characters that the symbology does not have"
		case text[last]:
			return ""
		default:
			return fmt.Sprintf("it is %q and should be %q", text[last], want)
		}
	}
}

// code39 are the characters of Code 39 in the order of their values (ISO/IEC 16388).
const code39 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"

// mod43 sums the values of all characters. Full ASCII writes a small letter and some
// signs as two characters, which count both.
func mod43(data string) byte {
	sum := 0
	for i := range len(data) {
		for _, c := range []byte(fullASCII(data[i])) {
			value := strings.IndexByte(code39, c)
			if value < 0 {
				return 0
			}
			sum += value
		}
	}
	return code39[sum%len(code39)]
}

// fullASCII returns the characters of Code 39 that stand for a character of ASCII.
func fullASCII(c byte) string {
	switch {
	case strings.IndexByte(code39, c) >= 0:
		return string(c)
	case 'a' <= c && c <= 'z':
		return "+" + string(c-'a'+'A')
	case 1 <= c && c <= 26:
		return "$" + string(c-1+'A')
	case '!' <= c && c <= ',', c == ':':
		return "/" + string(c-'!'+'A')
	case 27 <= c && c <= 31:
		return "%" + string(c-27+'A')
	case ';' <= c && c <= '?':
		return "%" + string(c-';'+'F')
	case '[' <= c && c <= '_':
		return "%" + string(c-'['+'K')
	case '{' <= c && c <= 127:
		return "%" + string(c-'{'+'P')
	case c == '@':
		return "%V"
	case c == '`':
		return "%W"
	case c == 0:
		return "%U"
	}
	return string(c)
}

// codabar takes the character in front of the stop character off: the values of all,
// start and stop among them, sum to a multiple of 16. Where start and stop were not
// sent, their values are unknown, and the scanner's word is taken for it.
func codabar(aim, text string) (string, error) {
	const characters = "0123456789-$:/.+ABCD"
	last := len(text) - 1
	if !startStop(text[0]) || !startStop(text[last]) {
		return text[:last], nil
	}
	if last < 2 {
		return "", fmt.Errorf("%s says that a check character was sent, and there is no room for one", aim)
	}
	sum := 0
	for i := range len(text) {
		value := strings.IndexByte(characters, text[i])
		if value < 0 {
			return "", fmt.Errorf("%s says that a check character was sent: the text has characters that the symbology does not have", aim)
		}
		if i != last-1 {
			sum += value
		}
	}
	if want := characters[(16-sum%16)%16]; text[last-1] != want {
		return "", fmt.Errorf("%s says that a check character was sent: it is %q and should be %q", aim, text[last-1], want)
	}
	return text[:last-1] + text[last:], nil
}

func startStop(c byte) bool { return 'A' <= c && c <= 'D' }

// mod10 weighs the digits 3 and 1 in turn from the right (ISO/IEC 16390, annex A).
func mod10(data string) byte {
	sum, weight := 0, 3
	for i := len(data) - 1; i >= 0; i-- {
		if !digit(data[i]) {
			return 0
		}
		sum += weight * int(data[i]-'0')
		weight = 4 - weight
	}
	return byte('0' + (10-sum%10)%10)
}

// luhn doubles every other digit from the right, and adds the digits of what it gets.
func luhn(data string) byte {
	sum := 0
	for i := range len(data) {
		c := data[len(data)-1-i]
		if !digit(c) {
			return 0
		}
		value := int(c - '0')
		if i%2 == 0 {
			value = value*2/10 + value*2%10
		}
		sum += value
	}
	return byte('0' + (10-sum%10)%10)
}

// mod7 is Straight 2 of 5's: the number by seven.
func mod7(data string) byte {
	rest := 0
	for i := range len(data) {
		if !digit(data[i]) {
			return 0
		}
		rest = (rest*10 + int(data[i]-'0')) % 7
	}
	return byte('0' + rest)
}

const code11 = "0123456789-"

// mod11 weighs from the right, from 1 to longest and again from 1.
func mod11(data string, longest int) byte {
	sum := 0
	for i := range len(data) {
		value := strings.IndexByte(code11, data[len(data)-1-i])
		if value < 0 {
			return 0
		}
		sum += value * (1 + i%longest)
	}
	return code11[sum%len(code11)]
}

// mod11c is Code 11's first check character, C.
func mod11c(data string) byte { return mod11(data, 10) }

// twoOfCode11 checks C and K, which counts C among the data.
func twoOfCode11(text string) string {
	n := len(text)
	if why := lastIs(mod11c)(text[:n-1]); why != "" {
		return why
	}
	return lastIs(func(data string) byte { return mod11(data, 9) })(text)
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
