package scanner

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// ascii are the printable characters of ISO 646, as IRV has them.
const ascii = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// cset82 are the characters of GS1's element strings (General Specifications
// 7.11, figure 7.11-1).
const cset82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"

// codes are the keys by what stands on an American keyboard (input-event-codes.h).
func codes() map[string]uint16 {
	named := map[string]uint16{
		"esc": 1, "minus": 12, "equal": 13, "backspace": 14, "tab": 15, "leftbrace": 26, "rightbrace": 27, "enter": 28,
		"ctrl": 29, "semicolon": 39, "apostrophe": 40, "grave": 41, "shift": 42, "backslash": 43, "comma": 51, "dot": 52,
		"slash": 53, "rightshift": 54, "kp*": 55, "alt": 56, "space": 57, "capslock": 58, "f8": 66, "numlock": 69, "kp7": 71,
		"kp8": 72, "kp9": 73, "kp-": 74, "kp4": 75, "kp5": 76, "kp6": 77, "kp+": 78, "kp1": 79, "kp2": 80, "kp3": 81, "kp0": 82,
		"kp.": 83, "102nd": 86, "kpenter": 96, "rightctrl": 97, "kp/": 98, "altgr": 100, "delete": 111, "kp=": 117, "meta": 125,
	}
	for i, c := range "1234567890" {
		named[string(c)] = uint16(2 + i)
	}
	for i, c := range "qwertyuiop" {
		named[string(c)] = uint16(16 + i)
	}
	for i, c := range "asdfghjkl" {
		named[string(c)] = uint16(30 + i)
	}
	for i, c := range "zxcvbnm" {
		named[string(c)] = uint16(44 + i)
	}
	return named
}

// A stroke is what happens to one key.
type stroke struct {
	code  uint16
	value int32
}

// strokes reads what a scanner does to its keys: chords with blanks between them,
// the keys of a chord joined by a plus. The last key of a chord is struck while the
// others are held; "down:" and "up:" hold and let go a key for longer.
func strokes(t testing.TB, text string) []stroke {
	t.Helper()
	named := codes()
	code := func(name string) uint16 {
		c, ok := named[name]
		if !ok {
			t.Fatalf("there is no key %q", name)
		}
		return c
	}
	var all []stroke
	for chord := range strings.FieldsSeq(text) {
		if name, ok := strings.CutPrefix(chord, "down:"); ok {
			all = append(all, stroke{code(name), pressed})
			continue
		}
		if name, ok := strings.CutPrefix(chord, "up:"); ok {
			all = append(all, stroke{code(name), released})
			continue
		}
		var keys []uint16
		for name := range strings.SplitSeq(strings.Replace(chord, "kp+", "kpplus", 1), "+") {
			keys = append(keys, code(strings.Replace(name, "kpplus", "kp+", 1)))
		}
		for _, k := range keys {
			all = append(all, stroke{k, pressed})
		}
		for i := range keys {
			all = append(all, stroke{keys[len(keys)-1-i], released})
		}
	}
	return all
}

// newTypist returns a keyDecoder for the key layout of a configuration.
func newTypist(t testing.TB, name string) keyDecoder {
	t.Helper()
	l, ok := findLayout(name)
	if !ok {
		t.Fatalf("there is no layout %q", name)
	}
	return keyDecoder{layout: l}
}

// typed returns what the keys type. Where a key stands for nothing, there is a □.
func typed(ty *keyDecoder, all []stroke) string {
	var text []byte
	for _, s := range all {
		var known bool
		if text, known = ty.key(text, s.code, s.value); !known {
			text = append(text, "□"...)
		}
	}
	return string(text)
}

func TestWhatKeysType(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, layout, keys, want string }{
		{"letters and digits", "us", "p o 4 7 1 1 enter", "po4711\r"},
		{"Shift makes capitals and signs", "us", "shift+p rightshift+o shift+1 shift+minus", "PO!_"},
		{"Shift stays while it is held", "us", "down:shift p o up:shift p", "POp"},
		{"of two Shifts one is enough", "us", "down:shift down:rightshift up:shift p up:rightshift o", "Po"},
		{"Caps Lock turns letters over and leaves digits alone", "us", "capslock p shift+p 1 shift+1 minus capslock p", "Pp1!-p"},
		{"Caps Lock knows Swedish letters", "se", "capslock leftbrace semicolon apostrophe shift+leftbrace 2", "ÅÖÄå2"},
		{"the keypad types its digits, locked or not", "us", "kp1 numlock kp2 kp0 kp. kp/ kp* kp- kp+ kp= kpenter", "120./*-+=\r"},
		{"the Swedish keypad has a comma", "se", "kp1 kp.", "1,"},
		{"Enter and Tab", "us", "a enter b tab c kpenter", "a\rb\tc\r"},
		{"the keys for ESC, BS and DEL", "us", "esc backspace delete", "\x1b\x08\x7f"},

		{"US is Ctrl and -, RS Ctrl and 6", "us", "a ctrl+minus b ctrl+6 c", "a\x1fb\x1ec"},
		{"they are on a Swedish keyboard too", "se", "a ctrl+slash b ctrl+minus c ctrl+6", "a\x1fb\x1fc\x1e"},
		{"Unicode entry of Linux", "us", "p c minus ctrl+shift+u 0 0 e 5 enter p a enter", "pc-åpa\r"},
		{"Unicode entry that a blank ends", "us", "ctrl+shift+u 2 0 a c space a", "€a"},
		{"Unicode entry that ends as Ctrl and Shift are let go", "us", "down:ctrl down:shift u 2 0 a c up:shift up:ctrl a", "€a"},
		{"Unicode entry of nothing", "us", "ctrl+shift+u enter a", "□a"},
		{"Unicode entry of what is no number", "us", "ctrl+shift+u z a", "□a"},
		{"UTF-8 as Alt codes is put together", "us", "down:alt kp0 kp1 kp9 kp5 up:alt down:alt kp0 kp1 kp6 kp5 up:alt a", "åa"},
		{"Alt codes that are no UTF-8 are what they are", "us", "down:alt kp0 kp2 kp2 kp9 up:alt a", "åa"},
		{"Ñ on a Spanish keyboard, its brackets, and an accent", "es", "semicolon altgr+leftbrace altgr+rightbrace apostrophe a altgr+4 n", "ñ[]áñ"},
		{"the brackets and the at sign of a German keyboard", "de", "y altgr+q altgr+8 altgr+9 slash shift+7", "z@[]-/"},
		{"a French keyboard has digits with Shift", "fr", "a shift+1 6 altgr+9 leftbrace e", "q1-^ê"},
		{"a Polish keyboard", "pl", "altgr+a shift+altgr+l rightbrace", "ąŁ]"},
		{"GS is Ctrl and ]", "us", "ctrl+rightbrace a rightctrl+rightbrace", "\x1da\x1d"},
		{"GS is the same key on a Swedish keyboard", "se", "ctrl+rightbrace", "\x1d"},
		{"RS, EOT and US", "us", "ctrl+shift+6 ctrl+d ctrl+shift+minus", "\x1e\x04\x1f"},
		{"RS, EOT and US on a Swedish keyboard", "se", "ctrl+shift+6 ctrl+d ctrl+shift+minus ctrl+shift+slash", "\x1e\x04\x1f\x1f"},
		{"ESC and FS by Ctrl", "us", "ctrl+leftbrace ctrl+backslash", "\x1b\x1c"},
		{"ESC and FS by Ctrl on a Swedish keyboard", "se", "ctrl+leftbrace ctrl+backslash", "\x1b\x1c"},
		{"Ctrl and a letter, with Shift or Caps Lock or without", "us", "ctrl+b ctrl+shift+c capslock ctrl+m", "\x02\x03\r"},
		{"STX, ETX and HT by Ctrl", "se", "ctrl+b ctrl+c ctrl+i", "\x02\x03\t"},
		{"Ctrl and Enter is Enter", "us", "ctrl+enter", "\r"},
		{"Ctrl and a digit is nothing", "us", "ctrl+1 ctrl+kp1", "□□"},

		{"GS is Alt+029 on the keypad", "us", "alt+kp0 down:alt kp0 kp2 kp9 up:alt a", "\x00\x1da"},
		{"GS is Alt+29 and Alt+0029 as well", "us", "down:alt kp2 kp9 up:alt down:alt kp0 kp0 kp2 kp9 up:alt", "\x1d\x1d"},
		{"an Alt code with AltGr", "se", "down:altgr kp0 kp2 kp9 up:altgr", "\x1d"},
		{"a whole label in Alt codes", "us", "down:alt kp0 kp6 kp5 up:alt down:alt kp0 kp9 kp7 up:alt down:alt kp0 kp1 kp3 up:alt", "Aa\r"},
		{"a letter by both code pages", "us", "down:alt kp0 kp2 kp3 kp3 up:alt down:alt kp1 kp3 kp0 up:alt down:alt kp0 kp1 kp2 kp8 up:alt a", "éé€a"},
		{"an Alt code that is none", "us", "down:alt kp0 kp1 kp2 kp9 up:alt down:alt kp2 kp5 kp6 up:alt a", "□□a"},
		{"an Alt code that never ends", "us", "down:alt " + strings.Repeat("kp0 ", 9) + "up:alt a", "□\x00a"},
		{"Alt alone is nothing", "us", "alt altgr a", "a"},
		{"Alt and a letter is a menu and no character", "us", "alt+a altgr+e meta+r", "□□□"},
		{"a key without a character", "us", "a f8 b", "a□b"},

		{"brackets and braces by AltGr", "se", "altgr+7 altgr+8 altgr+9 altgr+0 altgr+minus altgr+102nd", `{[]}\|`},
		{"at, dollar, pound, euro and micro by AltGr", "se", "altgr+2 altgr+4 altgr+3 altgr+5 altgr+e altgr+m", "@$£€€µ"},
		{"Ctrl and Alt together are AltGr", "se", "ctrl+alt+8 ctrl+altgr+9", "[]"},
		{"AltGr and a key that has nothing there", "se", "altgr+a", "□"},
		{"Swedish letters", "se", "leftbrace apostrophe semicolon shift+leftbrace shift+apostrophe shift+semicolon", "åäöÅÄÖ"},
		{"Swedish signs", "se", "shift+7 shift+8 shift+9 shift+0 minus shift+minus slash shift+slash backslash shift+backslash 102nd shift+102nd shift+comma shift+dot grave shift+grave shift+4 shift+2 shift+3", `/()=+?-_'*<>;:§½¤"#`},
		{"a dead key and a space is the sign itself", "se", "shift+rightbrace space altgr+rightbrace space shift+equal space equal space rightbrace space", "^~`´¨"},
		{"a dead key and a letter is one letter", "se", "equal e shift+rightbrace shift+a rightbrace u altgr+rightbrace n shift+equal a", "éÂüñà"},
		{"a dead key and what it does not go with is both", "se", "shift+rightbrace 4 shift+rightbrace x", "^4^x"},
		{"two dead keys are both", "se", "shift+rightbrace altgr+rightbrace space", "^~"},
		{"a dead key at the end is not lost", "se", "4 shift+rightbrace enter", "4^\r"},
		{"a dead key before GS is not lost", "se", "shift+rightbrace ctrl+rightbrace shift+rightbrace down:alt kp2 kp9 up:alt", "^\x1d^\x1d"},
		{"no key is dead on an American keyboard", "us", "shift+6 a shift+grave n grave e", "^a~n`e"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ty := newTypist(t, test.layout)
			if got := typed(&ty, strokes(t, test.keys)); got != test.want {
				t.Errorf("%s types %q, want %q", test.keys, got, test.want)
			}
		})
	}
}

// american are the keys of an American keyboard for the characters that are no
// letters or digits, and swedish of a Swedish one, each written down from a
// picture of it.
func american() map[rune]string {
	return map[rune]string{
		' ': "space", '!': "shift+1", '"': "shift+apostrophe", '#': "shift+3", '$': "shift+4", '%': "shift+5", '&': "shift+7",
		'\'': "apostrophe", '(': "shift+9", ')': "shift+0", '*': "shift+8", '+': "shift+equal", ',': "comma", '-': "minus",
		'.': "dot", '/': "slash", ':': "shift+semicolon", ';': "semicolon", '<': "shift+comma", '=': "equal", '>': "shift+dot",
		'?': "shift+slash", '@': "shift+2", '[': "leftbrace", '\\': "backslash", ']': "rightbrace", '^': "shift+6",
		'_': "shift+minus", '`': "grave", '{': "shift+leftbrace", '|': "shift+backslash", '}': "shift+rightbrace", '~': "shift+grave",
	}
}

func swedish() map[rune]string {
	return map[rune]string{
		' ': "space", '!': "shift+1", '"': "shift+2", '#': "shift+3", '$': "altgr+4", '%': "shift+5", '&': "shift+6",
		'\'': "backslash", '(': "shift+8", ')': "shift+9", '*': "shift+backslash", '+': "minus", ',': "comma", '-': "slash",
		'.': "dot", '/': "shift+7", ':': "shift+dot", ';': "shift+comma", '<': "102nd", '=': "shift+0", '>': "shift+102nd",
		'?': "shift+minus", '@': "altgr+2", '[': "altgr+8", '\\': "altgr+minus", ']': "altgr+9", '^': "shift+rightbrace space",
		'_': "shift+slash", '`': "shift+equal space", '{': "altgr+7", '|': "altgr+102nd", '}': "altgr+0", '~': "altgr+rightbrace space",
	}
}

// typing returns the keys that type a text.
func typing(t testing.TB, signs map[rune]string, text string) []stroke {
	t.Helper()
	var keys strings.Builder
	for _, r := range text {
		switch {
		case 'A' <= r && r <= 'Z':
			fmt.Fprintf(&keys, "shift+%c ", r+'a'-'A')
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			fmt.Fprintf(&keys, "%c ", r)
		case signs[r] != "":
			keys.WriteString(signs[r] + " ")
		default:
			t.Fatalf("no key for %q", r)
		}
	}
	return strokes(t, keys.String())
}

func TestEveryLayoutTypesAllOfISO646AndOfGS1(t *testing.T) {
	t.Parallel()
	for layout, signs := range map[string]map[rune]string{"us": american(), "se": swedish()} {
		for name, set := range map[string]string{"ISO 646": ascii, "CSET 82": cset82} {
			ty := newTypist(t, layout)
			if got := typed(&ty, typing(t, signs, set)); got != set {
				t.Errorf("%s on a keyboard of layout %s types\n%q, want\n%q", name, layout, got, set)
			}
		}
	}
	if len(ascii) != 95 || len(cset82) != 82 {
		t.Errorf("the sets have %d and %d characters, want 95 and 82", len(ascii), len(cset82))
	}
}

func TestTheCodePagesAreWhole(t *testing.T) {
	t.Parallel()
	if n := utf8.RuneCountInString(codePage850); n != 128 {
		t.Errorf("code page 850 has %d characters above ASCII, want 128", n)
	}
	if n := utf8.RuneCountInString(codePage1252); n != 32 {
		t.Errorf("code page 1252 has %d characters before ISO 8859-1, want 32", n)
	}
	// The two agree where both have a letter: ÿ is 152 here and 255 there.
	for old, latin := range map[string]string{"128": "0199", "152": "0255", "225": "0223", "134": "0229", "143": "0197"} {
		a, _ := altCode(old)
		b, _ := altCode(latin)
		if a != b {
			t.Errorf("Alt+%s is %q and Alt+%s is %q", old, a, latin, b)
		}
	}
}

// FuzzHID: whatever is done to the keys, the text is UTF-8, autorepeat makes no
// difference, and once keys were lost the next label is read as it is.
func FuzzHID(f *testing.F) {
	f.Add(false, []byte{42, 1, 25, 1, 25, 0, 42, 0, 28, 1, 28, 0})
	f.Add(false, []byte{29, 1, 27, 1, 27, 0, 29, 0})
	f.Add(false, []byte{56, 1, 82, 1, 82, 0, 80, 1, 80, 0, 73, 1, 73, 0, 56, 0})
	f.Add(true, []byte{42, 1, 27, 1, 27, 2, 27, 0, 42, 0, 18, 1, 18, 0, 58, 1, 58, 0, 26, 1})
	f.Add(true, []byte{100, 1, 9, 1, 9, 0, 27, 1, 27, 0, 100, 0, 125, 1, 19, 1, 66, 1})
	fresh := map[bool]keyDecoder{false: newTypist(f, "us"), true: newTypist(f, "se")}
	label := map[bool][]stroke{false: typing(f, american(), ascii), true: typing(f, swedish(), ascii)}
	f.Fuzz(func(t *testing.T, abroad bool, events []byte) {
		plain, held := fresh[abroad], fresh[abroad]
		var text, again []byte
		for i := 0; i+1 < len(events); i += 2 {
			code, value := uint16(events[i]), int32(events[i+1]%3)
			var known, same bool
			text, known = plain.key(text, code, value)
			again, same = held.key(again, code, value)
			again, _ = held.key(again, code, 2)
			if known != same {
				t.Fatalf("key %d is known or not, by its autorepeat", code)
			}
		}
		text, again = plain.flush(text), held.flush(again)
		if string(text) != string(again) {
			t.Errorf("autorepeat turned %q into %q", text, again)
		}
		if !utf8.Valid(text) {
			t.Errorf("%q is not UTF-8", text)
		}
		if len(text) > 4*len(events) {
			t.Errorf("%d events typed %d bytes", len(events)/2, len(text))
		}
		plain.reset()
		if got := typed(&plain, label[abroad]); got != ascii {
			t.Errorf("after a loss a label reads %q", got)
		}
	})
}
