package station

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Printable returns a text that a terminal only shows: control characters (but a new line and
// a tab), characters that change the direction of writing, invisible ones and separators of
// lines are replaced by their numbers.
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

// OneLine returns what somebody else wrote, a vendor's words or an error, as one line that
// nothing acts on: line breaks and control characters are spaces, and no two spaces follow
// each other. Of more than most characters the rest is an ellipsis; 0 is no limit.
func OneLine(text string, most int) string {
	words := strings.FieldsFunc(strings.ToValidUTF8(text, ""), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	return Cut(string(Printable([]byte(strings.Join(words, " ")))), most)
}

// Cut returns a text of which no more than most characters are left, and an ellipsis where
// there were more; 0 is no limit.
func Cut(text string, most int) string {
	if most == 0 || len(text) <= most {
		return text
	}
	for at := range text {
		if most--; most < 0 {
			return text[:at] + "…"
		}
	}
	return text
}

// controls are the names of the characters below the space, in their order (ISO 646).
// There are pictures of them in Unicode, but not in the fonts of a small board.
const controls = "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US"

// Visible returns what was read, a bar code, say, with all that is in it for a person to
// see, between the two marks: a control character by its name, what hides or turns the
// text around by its number, and a byte that is no text as it is.
//
//	0109501101530003 1D 10AB-123   0109501101530003<GS>10AB-123
//	U+202E                         <U+202E>
//	byte E9                        <E9>
func Visible(text, before, after string) string {
	var b strings.Builder
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		name := ""
		switch {
		case r == utf8.RuneError && size == 1:
			name = fmt.Sprintf("%02X", text[at])
		case r < ' ':
			name = strings.Fields(controls)[r]
		case r == 0x7f:
			name = "DEL"
		case unicode.In(r, unicode.C, unicode.Zl, unicode.Zp):
			name = fmt.Sprintf("U+%04X", r)
		}
		if name == "" {
			b.WriteString(text[at : at+size])
		} else {
			b.WriteString(before + name + after)
		}
		at += size
	}
	return b.String()
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
