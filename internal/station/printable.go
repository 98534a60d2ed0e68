package station

import (
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Printable returns text that nothing acts on where it is printed: control characters
// (but a new line and a tab), what turns the direction of writing, what cannot be seen and
// what separates lines stand as their numbers.
//
//	ESC [ 2 J      \u001b[2J
//	U+202E         \u202e
//	byte 9B        \x9b        a C1 control of a terminal that is not in UTF-8
//
// The numbers are JSON's own escapes, so that text in JSON stays what it was. What is
// printable is returned as it came, without a copy.
func Printable(text []byte) []byte {
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRune(text[at:])
		if acts(r, size) {
			return printable(text, at)
		}
		at += size
	}
	return text
}

// printable is Printable of a text that is printable up to a place.
func printable(text []byte, at int) []byte {
	all := append(make([]byte, 0, len(text)+16), text[:at]...)
	for at < len(text) {
		r, size := utf8.DecodeRune(text[at:])
		high, low := utf16.EncodeRune(r)
		switch {
		case !acts(r, size):
			all = append(all, text[at:at+size]...)
		case r == utf8.RuneError:
			all = fmt.Appendf(all, `\x%02x`, text[at])
		case high != utf8.RuneError:
			all = fmt.Appendf(all, `\u%04x\u%04x`, high, low)
		default:
			all = fmt.Appendf(all, `\u%04x`, r)
		}
		at += size
	}
	return all
}

// acts reports whether a character that was decoded from so many bytes does something
// where it is printed, or is no character at all.
func acts(r rune, size int) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case ' ' <= r && r <= '~':
		return false
	case r == utf8.RuneError && size == 1:
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)
}
