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

// What happens to a key. Autorepeat is the kernel's own invention: a scanner that
// means two sends two.
const (
	released = 0
	pressed  = 1
)

// maxCodeDigits is how many digits an Alt code may have, zeros in front included.
const maxCodeDigits = 8

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

// A keyDecoder turns the key events of a keyboard into the text that a person would see,
// in UTF-8. It is pure: it knows no device and no clock. Its zero value with a layout is
// ready.
//
//	2A down, 19 down, 19 up, 2A up     P        Shift and P
//	1D down, 1B down, 1B up, 1D up     GS (1D)  Ctrl+]
//	38 down, 52 4C 49 down/up, 38 up   GS (1D)  Alt+029 on the keypad
//	1C down, 1C up                     CR (0D)  Enter
//
// Caps Lock counts as the scanner itself presses it, from what it was at first.
type keyDecoder struct {
	layout      layout
	modifiers   modifiers
	capsLock    bool   // Caps Lock is on
	initialCaps bool   // it was on at first
	deadKey     rune   // the accent that waits for its letter; 0 for none
	altDigits   string // typed on the keypad while Alt is held

	altCodes      []byte // Alt codes above 127, which may be UTF-8, a byte each
	unicodeDigits string // of Unicode entry, as Linux has it
	inUnicode     bool   // Unicode entry has begun

	unspelled bool // the key that came last ended a number that is no character: one was meant
}

// key appends to text what the key types. known is false for a key, or a
// combination, that stands for no character: it may have meant one to the scanner.
func (t *keyDecoder) key(text []byte, code uint16, value int32) (_ []byte, known bool) {
	t.unspelled = false
	if value != pressed && value != released {
		return text, true
	}
	if m := modifier(code); m != 0 {
		return t.modify(text, m, value == pressed)
	}
	if value == released {
		return text, true
	}
	if t.inUnicode {
		return t.unicodeDigit(text, code)
	}
	switch code {
	case keyCapsLock:
		t.capsLock = !t.capsLock
		return text, true
	case keyNumLock, keyScrollLock:
		return text, true
	}
	if r, ok := t.layout.keypad(code); ok && t.modifiers&alt != 0 && unicode.IsDigit(r) {
		if len(t.altDigits) == maxCodeDigits {
			t.unspelled = true
			return text, false
		}
		t.altDigits += string(r)
		return text, true
	}
	if code == keyU && t.modifiers&ctrl != 0 && t.modifiers&shift != 0 {
		t.inUnicode, t.unicodeDigits = true, ""
		return text, true
	}
	r, ok := t.character(code)
	if !ok || t.altDigits != "" {
		return text, false
	}
	return t.compose(t.flushCodes(text), r), true
}

// keyU begins Unicode entry with Ctrl and Shift, wherever U stands.
const keyU = 22

// unicodeDigit reads a key of Unicode entry as Linux has it: Ctrl+Shift+U, the number in
// hexadecimal, and Enter, a blank, or Ctrl and Shift let go.
func (t *keyDecoder) unicodeDigit(text []byte, code uint16) (_ []byte, known bool) {
	if code == keyEnter || code == keyKPEnter || code == keySpace {
		return t.finishUnicode(text)
	}
	r := t.layout.keys[code][0]
	if pad, ok := t.layout.keypad(code); ok {
		r = pad
	}
	if shifted := t.layout.keys[code][1]; unicode.IsDigit(shifted) {
		r = shifted // AZERTY has its digits there
	}
	if len(t.unicodeDigits) == maxCodeDigits || !strings.ContainsRune("0123456789abcdef", unicode.ToLower(r)) {
		t.inUnicode, t.unspelled = false, true
		return text, false
	}
	t.unicodeDigits += string(r)
	return text, true
}

// finishUnicode ends Unicode entry and appends its character.
func (t *keyDecoder) finishUnicode(text []byte) (_ []byte, known bool) {
	t.inUnicode = false
	n, err := strconv.ParseUint(t.unicodeDigits, 16, 32)
	if err != nil || n == 0 || n > unicode.MaxRune || !utf8.ValidRune(rune(n)) {
		t.unspelled = true
		return text, false
	}
	return utf8.AppendRune(t.flush(text), rune(n)), true
}

// flushCodes appends the Alt codes above 127 that came one after the other: the characters
// that they are in Windows' code page, or, where they are the bytes of UTF-8, that text.
// Scanners send a symbol in UTF-8 so, a byte at a time.
func (t *keyDecoder) flushCodes(text []byte) []byte {
	if len(t.altCodes) == 0 {
		return text
	}
	if utf8.Valid(t.altCodes) {
		text = append(text, t.altCodes...)
	} else {
		for _, b := range t.altCodes {
			r, _ := altCode("0" + strconv.Itoa(int(b)))
			text = utf8.AppendRune(text, r)
		}
	}
	t.altCodes = t.altCodes[:0]
	return text
}

// empty reports whether flush would append nothing.
func (t *keyDecoder) empty() bool {
	return t.deadKey == 0 && len(t.altCodes) == 0 && t.altDigits == "" && !t.inUnicode
}

// flush appends what a dead key or Alt codes still keep back.
func (t *keyDecoder) flush(text []byte) []byte {
	text = t.flushCodes(text)
	if t.deadKey != 0 {
		text = utf8.AppendRune(text, t.deadKey)
		t.deadKey = 0
	}
	return text
}

// reset begins anew after keys that were not read. Between two scans a scanner holds no
// key down, and Caps Lock is as it was at first.
func (t *keyDecoder) reset() {
	*t = keyDecoder{layout: t.layout, capsLock: t.initialCaps, initialCaps: t.initialCaps}
}

// modify holds or lets go a modifier. An Alt code is complete when Alt is let go.
func (t *keyDecoder) modify(text []byte, m modifiers, down bool) (_ []byte, known bool) {
	if down {
		t.modifiers |= m
		return text, true
	}
	t.modifiers &^= m
	if t.inUnicode && t.unicodeDigits != "" && t.modifiers&(ctrl|shift) == 0 {
		return t.finishUnicode(text)
	}
	if m&alt == 0 || t.modifiers&alt != 0 || t.altDigits == "" {
		return text, true
	}
	r, ok := altCode(t.altDigits)
	number, _ := strconv.Atoi(t.altDigits)
	windows := t.altDigits[0] == '0'
	t.altDigits = ""
	switch {
	case !ok:
		t.unspelled = true
		return text, false
	case windows && number >= utf8.RuneSelf:
		if len(t.altCodes) > maxFrame { // too long for a scan whatever it says
			text = t.flush(text)
		}
		t.altCodes = append(t.altCodes, byte(number))
		return text, true
	}
	return utf8.AppendRune(t.flush(text), r), true
}

// character returns what a key types with the modifiers that are held.
func (t *keyDecoder) character(code uint16) (rune, bool) {
	level3 := t.level3()
	switch {
	case t.modifiers&meta != 0, t.modifiers&alt != 0 && !level3:
		return 0, false
	case t.modifiers&ctrl != 0 && !level3:
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
	case level3 && t.modifiers&shift != 0 && c[3] != 0:
		r = c[3]
	case level3:
		r = c[2]
	case t.shifted(c):
		r = c[1]
	}
	return r, r != 0
}

// level3 reports whether AltGr is held. Ctrl and Alt together are the same: so
// Windows has it, and scanners that know no right Alt.
func (t *keyDecoder) level3() bool {
	return t.layout.altGr && (t.modifiers&rightAlt != 0 || t.modifiers&leftAlt != 0 && t.modifiers&ctrl != 0)
}

// shifted reports whether a key types its second character. Caps Lock is for the
// letters alone.
func (t *keyDecoder) shifted(c keycap) bool {
	shift := t.modifiers&shift != 0
	if t.capsLock && unicode.IsLower(c[0]) && unicode.ToUpper(c[0]) == c[1] {
		return !shift
	}
	return shift
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
func (t *keyDecoder) control(code uint16) (rune, bool) {
	if code == keyEnter || code == keyKPEnter {
		return cr, true
	}
	for _, table := range []map[uint16]keycap{t.layout.keys, t.layout.control} {
		c := table[code]
		r := c[0]
		if t.modifiers&shift != 0 {
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

// isDead reports whether a character that was typed waits for the next, as an accent does.
func (t *keyDecoder) isDead(r rune) bool {
	if t.level3() {
		return strings.ContainsRune(t.layout.dead3, r)
	}
	return strings.ContainsRune(t.layout.dead, r)
}

// compose appends a character, or what becomes of it behind a dead key.
func (t *keyDecoder) compose(text []byte, r rune) []byte {
	accent := t.deadKey
	t.deadKey = 0
	switch {
	case t.isDead(r):
		if accent != 0 {
			text = utf8.AppendRune(text, accent)
		}
		t.deadKey = r
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
