// Package charset turns the bytes of a symbol into text.
//
// A symbol holds bytes. What they mean is said by the symbol itself (ECI), by the
// person who knows the label printer (a name in the configuration), or has to be told
// from the bytes alone ([Auto]). Bytes that mean nothing are an error and never a
// guess: half of a Japanese article number is another article.
//
// The package is pure.
package charset

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Auto is the name of the rule that holds where nobody says otherwise: UTF-8 where the
// bytes are that, else ISO 8859-1, else Windows-1252 where the bytes cannot be
// Japanese or Chinese and make characters that labels have.
const Auto = "auto"

// Names lists the names that a configuration may give.
func Names() []string {
	return []string{Auto, "utf-8", "latin-1", "windows-1252", "shift-jis", "gbk"}
}

// An Error says which byte is no text, and why.
type Error struct {
	Pos    int // of the byte, counted from 0
	Reason string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("byte %d: %s", e.Pos, e.Reason) }

// Decode returns raw as text in UTF-8 by the rule of that name; "" is Auto. A byte
// order mark in front is taken off. The error is an *Error; an unknown name is one too.
func Decode(raw []byte, name string) (string, error) {
	text, err := decode(raw, name)
	return strings.TrimPrefix(text, "\uFEFF"), err
}

// EncodingName names for a person how Decode reads raw by the rule of that name.
func EncodingName(raw []byte, name string) string {
	switch {
	case !slices.ContainsFunc(raw, func(c byte) bool { return c >= utf8.RuneSelf }):
		return "ASCII"
	case name != "" && name != Auto:
		return name
	case utf8.Valid(raw):
		return "utf-8"
	case !slices.ContainsFunc(raw, isC1):
		return "latin-1"
	}
	return "windows-1252"
}

func decode(raw []byte, name string) (string, error) {
	switch name {
	case "", Auto:
		return auto(raw)
	case "utf-8":
		return utf8Text(raw)
	case "latin-1":
		return latin1(raw)
	case "windows-1252":
		western, _ := single(windows1252)
		return by(western, name, raw)
	case "shift-jis":
		return by(shiftJIS, name, raw)
	case "gbk":
		return by(gbk, name, raw)
	}
	return "", &Error{0, fmt.Sprintf("%q is no encoding that this program knows; it knows %s", name, strings.Join(Names(), ", "))}
}

func auto(raw []byte) (string, error) {
	if utf8.Valid(raw) {
		return string(raw), nil
	}
	at := slices.IndexFunc(raw, isC1)
	if at < 0 {
		return latin1(raw)
	}
	// Where each byte is a character of its own, nothing of Japan's or China's is there.
	for _, other := range []encoding{shiftJIS, gbk} {
		if text, err := by(other, "", raw); err == nil && utf8.RuneCountInString(text) < len(raw) {
			return "", &Error{at, fmt.Sprintf("%02X is neither UTF-8 nor ISO 8859-1, and may be Western, Japanese or Chinese; say which with encoding", raw[at])}
		}
	}
	western, _ := single(windows1252)
	text, err := by(western, "windows-1252", raw)
	if err != nil || bytes.ContainsAny([]byte(text), unlikely) {
		return "", &Error{at, fmt.Sprintf("%02X is neither UTF-8 nor ISO 8859-1 nor Windows-1252; say with encoding what the label is printed in", raw[at])}
	}
	return text, nil
}

// unlikely are the characters of Windows-1252 that labels do not have: where one stands,
// the bytes are of another encoding.
const unlikely = "‚ƒ„†‡ˆ‰‹›˜"

// isC1 reports a byte that is a control character in ISO 8859-1 and stands for a
// character nowhere but in other encodings.
func isC1(b byte) bool { return 0x80 <= b && b < 0xA0 }

func utf8Text(raw []byte) (string, error) {
	for at := 0; at < len(raw); {
		r, size := utf8.DecodeRune(raw[at:])
		if r == utf8.RuneError && size == 1 {
			return "", &Error{at, fmt.Sprintf("%02X is no UTF-8", raw[at])}
		}
		at += size
	}
	return string(raw), nil
}

func latin1(raw []byte) (string, error) {
	if at := slices.IndexFunc(raw, isC1); at >= 0 {
		return "", &Error{at, fmt.Sprintf("%02X is no character of ISO 8859-1", raw[at])}
	}
	return eachByte(raw), nil
}

func eachByte(raw []byte) string {
	var b strings.Builder
	for _, c := range raw {
		b.WriteRune(rune(c))
	}
	return b.String()
}

// ECI decodes a symbol whose scanner announces, by its AIM modifier, that it sends
// Extended Channel Interpretations (AIM ECI protocol, ISO/IEC 15424): a backslash and
// six digits say how what follows is encoded, and a backslash that is data is doubled.
//
//	\000026 C3 85    Å
//	\000003 C5       Å
//	A\\B             A\B
//
// What stands before the first number is decoded by the rule called name. A backslash
// that begins neither is data: many scanners announce the protocol and do not follow it.
func ECI(raw []byte, name string) (string, error) {
	var all strings.Builder
	var part []byte
	begin, decoder := 0, func(b []byte) (string, error) { return decode(b, name) }
	flush := func() error {
		text, err := decoder(part)
		if err != nil {
			if fault, ok := errors.AsType[*Error](err); ok {
				return &Error{begin + fault.Pos, fault.Reason}
			}
			return err
		}
		all.WriteString(text)
		part = part[:0]
		return nil
	}
	for at := 0; at < len(raw); {
		number, escaped := eciNumber(raw[at:])
		switch {
		case escaped:
			if err := flush(); err != nil {
				return "", err
			}
			d, known := eciDecoder(number)
			if !known {
				return "", &Error{at, fmt.Sprintf("the symbol is in ECI %06d, which this program does not know", number)}
			}
			at += len(`\000026`)
			begin, decoder = at, d
		case bytes.HasPrefix(raw[at:], []byte(`\\`)):
			part = append(part, '\\')
			at += 2
		default:
			part = append(part, raw[at])
			at++
		}
	}
	err := flush()
	return strings.TrimPrefix(all.String(), "\uFEFF"), err
}

func eciNumber(raw []byte) (number int, ok bool) {
	const length = len(`\000026`)
	if len(raw) < length || raw[0] != '\\' {
		return 0, false
	}
	for _, c := range raw[1:length] {
		if c < '0' || c > '9' {
			return 0, false
		}
		number = 10*number + int(c-'0')
	}
	return number, true
}

// eciDecoder returns how an ECI is decoded (AIM ITS/04-023, the ECI assignments).
func eciDecoder(number int) (func([]byte) (string, error), bool) {
	name := fmt.Sprintf("text of ECI %06d", number)
	switch number {
	case 1, 3:
		return latin1, true
	case 26:
		return utf8Text, true
	case 27, 170:
		return ascii, true
	case 25:
		return func(b []byte) (string, error) { return utf16Text(b, 0, name) }, true
	case 33:
		return func(b []byte) (string, error) { return utf16Text(b, 1, name) }, true
	}
	next, ok := encodingOf(number)
	return func(b []byte) (string, error) { return by(next, name, b) }, ok
}

func encodingOf(eci int) (_ encoding, ok bool) {
	switch eci {
	case 0: // the default of old symbols is that of 2
		return single(2)
	case 20:
		return shiftJIS, true
	case 31:
		return gbk, true
	case 29, 32:
		return gb18030, true
	}
	return single(eci)
}

func ascii(raw []byte) (string, error) {
	if at := slices.IndexFunc(raw, func(c byte) bool { return c >= utf8.RuneSelf }); at >= 0 {
		return "", &Error{at, fmt.Sprintf("%02X is no ASCII", raw[at])}
	}
	return string(raw), nil
}

// utf16Text decodes UTF-16; low says which byte of two is the low one's opposite: 0 for
// the high byte first, 1 for the low byte first.
func utf16Text(raw []byte, low int, name string) (string, error) {
	if len(raw)%2 != 0 {
		return "", &Error{len(raw), "half a character ends the " + name}
	}
	units := make([]uint16, 0, len(raw)/2)
	for i := 0; i < len(raw); i += 2 {
		units = append(units, uint16(raw[i+low])<<8|uint16(raw[i+1-low]))
	}
	text := string(utf16.Decode(units))
	if at := strings.IndexRune(text, utf8.RuneError); at >= 0 {
		return "", &Error{0, "no " + name}
	}
	return text, nil
}
