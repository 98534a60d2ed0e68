package scanner

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The keys that are no characters (linux/input-event-codes.h).
const (
	keyEsc        = 1
	keyBackspace  = 14
	keyTab        = 15
	keyEnter      = 28
	keyLeftCtrl   = 29
	keyLeftShift  = 42
	keyRightShift = 54
	keyLeftAlt    = 56
	keySpace      = 57
	keyCapsLock   = 58
	keyNumLock    = 69
	keyScrollLock = 70
	keyKPEnter    = 96
	keyRightCtrl  = 97
	keyRightAlt   = 100
	keyDelete     = 111
	keyLeftMeta   = 125
	keyRightMeta  = 126
)

// What happens to a key. Autorepeat is the kernel's own invention: a reader that
// means two sends two.
const (
	released = 0
	pressed  = 1
)

// longestNumber is how many digits an Alt code may have, zeros in front included.
const longestNumber = 8

// modifiers are the keys that are held while others are pressed.
type modifiers uint8

const (
	leftShift modifiers = 1 << iota
	rightShift
	leftCtrl
	rightCtrl
	leftAlt
	rightAlt
	leftMeta
	rightMeta

	shift = leftShift | rightShift
	ctrl  = leftCtrl | rightCtrl
	alt   = leftAlt | rightAlt
	meta  = leftMeta | rightMeta
)

// modifier returns which modifier a key is; 0 for none.
func modifier(code uint16) modifiers {
	switch code {
	case keyLeftShift:
		return leftShift
	case keyRightShift:
		return rightShift
	case keyLeftCtrl:
		return leftCtrl
	case keyRightCtrl:
		return rightCtrl
	case keyLeftAlt:
		return leftAlt
	case keyRightAlt:
		return rightAlt
	case keyLeftMeta:
		return leftMeta
	case keyRightMeta:
		return rightMeta
	}
	return 0
}

// A typist turns what happens to the keys of a keyboard into the text that a
// person would see, in UTF-8. It is pure: it knows no device and no clock. Its
// zero value with a layout is ready.
//
//	2A down, 19 down, 19 up, 2A up     P        Shift and P
//	1D down, 1B down, 1B up, 1D up     GS (1D)  Ctrl+]
//	38 down, 52 4C 49 down/up, 38 up   GS (1D)  Alt+029 on the keypad
//	1C down, 1C up                     CR (0D)  Enter
//
// Caps Lock counts as the reader itself presses it, from what it was at first.
type typist struct {
	layout layout
	held   modifiers
	locked bool   // Caps Lock
	first  bool   // as it was at first
	accent rune   // the dead key that waits for its letter; 0 for none
	digits string // typed on the keypad while Alt is held

	coded []byte // Alt codes above 127, which may be UTF-8, a byte each
	hex   string // of Unicode entry, as Linux has it
	entry bool   // Unicode entry has begun
}

// key appends to text what the key types. known is false for a key, or a
// combination, that stands for no character: it may have meant one to the reader.
func (t *typist) key(text []byte, code uint16, value int32) (_ []byte, known bool) {
	if value != pressed && value != released {
		return text, true
	}
	if m := modifier(code); m != 0 {
		return t.modify(text, m, value == pressed)
	}
	if value == released {
		return text, true
	}
	if t.entry {
		return t.enter(text, code)
	}
	switch code {
	case keyCapsLock:
		t.locked = !t.locked
		return text, true
	case keyNumLock, keyScrollLock:
		return text, true
	}
	if r, ok := t.layout.keypad(code); ok && t.held&alt != 0 && unicode.IsDigit(r) {
		if len(t.digits) == longestNumber {
			return text, false
		}
		t.digits += string(r)
		return text, true
	}
	if code == keyU && t.held&ctrl != 0 && t.held&shift != 0 {
		t.entry, t.hex = true, ""
		return text, true
	}
	r, ok := t.character(code)
	if !ok || t.digits != "" {
		return text, false
	}
	return t.put(t.decoded(text), r), true
}

// keyU begins Unicode entry with Ctrl and Shift, wherever U stands.
const keyU = 22

// enter reads the digits of Unicode entry: Ctrl+Shift+U, the number in hexadecimal, and
// Enter, a blank, or Ctrl and Shift let go.
func (t *typist) enter(text []byte, code uint16) (_ []byte, known bool) {
	if code == keyEnter || code == keyKPEnter || code == keySpace {
		return t.entered(text)
	}
	r := t.layout.keys[code][0]
	if pad, ok := t.layout.keypad(code); ok {
		r = pad
	}
	if shifted := t.layout.keys[code][1]; unicode.IsDigit(shifted) {
		r = shifted // AZERTY has its digits there
	}
	if len(t.hex) == longestNumber || !strings.ContainsRune("0123456789abcdef", unicode.ToLower(r)) {
		t.entry = false
		return text, false
	}
	t.hex += string(r)
	return text, true
}

// entered ends Unicode entry.
func (t *typist) entered(text []byte) (_ []byte, known bool) {
	t.entry = false
	n, err := strconv.ParseUint(t.hex, 16, 32)
	if err != nil || n == 0 || n > unicode.MaxRune || !utf8.ValidRune(rune(n)) {
		return text, false
	}
	return utf8.AppendRune(t.rest(text), rune(n)), true
}

// decoded appends the Alt codes above 127 that came one after the other: the characters
// that they are in Windows' code page, or, where they are the bytes of UTF-8, that text.
// Readers send a symbol in UTF-8 so, a byte at a time.
func (t *typist) decoded(text []byte) []byte {
	if len(t.coded) == 0 {
		return text
	}
	if utf8.Valid(t.coded) {
		text = append(text, t.coded...)
	} else {
		for _, b := range t.coded {
			r, _ := numbered("0" + strconv.Itoa(int(b)))
			text = utf8.AppendRune(text, r)
		}
	}
	t.coded = t.coded[:0]
	return text
}

// rest appends what a dead key, or Alt codes, still hold back.
func (t *typist) rest(text []byte) []byte {
	text = t.decoded(text)
	if t.accent != 0 {
		text = utf8.AppendRune(text, t.accent)
		t.accent = 0
	}
	return text
}

// lost says that keys went by unseen. Between two scans a reader holds nothing,
// and Caps Lock is as it was at first.
func (t *typist) lost() { *t = typist{layout: t.layout, locked: t.first, first: t.first} }

// modify holds or lets go a modifier. An Alt code is complete when Alt is let go.
func (t *typist) modify(text []byte, m modifiers, down bool) (_ []byte, known bool) {
	if down {
		t.held |= m
		return text, true
	}
	t.held &^= m
	if t.entry && t.hex != "" && t.held&(ctrl|shift) == 0 {
		return t.entered(text)
	}
	if m&alt == 0 || t.held&alt != 0 || t.digits == "" {
		return text, true
	}
	r, ok := numbered(t.digits)
	number, _ := strconv.Atoi(t.digits)
	windows := t.digits[0] == '0'
	t.digits = ""
	switch {
	case !ok:
		return text, false
	case windows && number >= utf8.RuneSelf:
		t.coded = append(t.coded, byte(number))
		return text, true
	}
	return utf8.AppendRune(t.rest(text), r), true
}

// character returns what a key types with the modifiers that are held.
func (t *typist) character(code uint16) (rune, bool) {
	third := t.third()
	switch {
	case t.held&meta != 0, t.held&alt != 0 && !third:
		return 0, false
	case t.held&ctrl != 0 && !third:
		return t.control(code)
	}
	if r, ok := t.layout.keypad(code); ok {
		return r, true
	}
	if r := special(code); r != 0 {
		return r, true
	}
	c := t.layout.keys[code]
	r := c[0]
	switch {
	case third && t.held&shift != 0 && c[3] != 0:
		r = c[3]
	case third:
		r = c[2]
	case t.upper(c):
		r = c[1]
	}
	return r, r != 0
}

// third reports whether AltGr is held. Ctrl and Alt together are the same: so
// Windows has it, and readers that know no right Alt.
func (t *typist) third() bool {
	return t.layout.altGr && (t.held&rightAlt != 0 || t.held&leftAlt != 0 && t.held&ctrl != 0)
}

// upper reports whether a key types its second character. Caps Lock is for the
// letters alone.
func (t *typist) upper(c keycap) bool {
	shifted := t.held&shift != 0
	if t.locked && unicode.IsLower(c[0]) && unicode.ToUpper(c[0]) == c[1] {
		return !shifted
	}
	return shifted
}

// special returns what the keys beside the letters type; 0 for none.
func special(code uint16) rune {
	switch code {
	case keyEnter, keyKPEnter:
		return cr
	case keyTab:
		return ht
	case keySpace:
		return ' '
	case keyEsc:
		return 0x1B
	case keyBackspace:
		return 0x08
	case keyDelete:
		return 0x7F
	}
	return 0
}

// control returns the control character of Ctrl and a key: by the character that
// the layout has there, else by the one that an American keyboard has. So Ctrl
// and the key right of P, Å, [ and ] are ESC and GS everywhere, as on Windows.
func (t *typist) control(code uint16) (rune, bool) {
	if code == keyEnter || code == keyKPEnter {
		return cr, true
	}
	for _, table := range []map[uint16]keycap{t.layout.keys, t.layout.control} {
		c := table[code]
		r := c[0]
		if t.held&shift != 0 {
			r = c[1]
		}
		switch r = unicode.ToUpper(r); {
		case '@' <= r && r <= '_':
			return r - '@', true
		case r == '6': // as terminals have it: RS is ^, which is Shift and 6
			return 0x1E, true
		case r == '-': // and US is _, which is Shift and -
			return 0x1F, true
		}
	}
	return 0, false
}

// dead reports whether the character that a key types with what is held waits for the
// next.
func (t *typist) dead(r rune) bool {
	if t.third() {
		return strings.ContainsRune(t.layout.dead3, r)
	}
	return strings.ContainsRune(t.layout.dead, r)
}

// put appends a character, or what becomes of it behind a dead key.
func (t *typist) put(text []byte, r rune) []byte {
	accent := t.accent
	t.accent = 0
	switch {
	case t.dead(r):
		if accent != 0 {
			text = utf8.AppendRune(text, accent)
		}
		t.accent = r
		return text
	case accent == 0:
		return utf8.AppendRune(text, r)
	case r == ' ':
		return utf8.AppendRune(text, accent)
	}
	if letter, ok := compose(accent, r); ok {
		return utf8.AppendRune(text, letter)
	}
	return utf8.AppendRune(utf8.AppendRune(text, accent), r)
}
