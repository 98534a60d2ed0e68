package scanner

import "strings"

// A layout says what the keys of a keyboard type. A key code is a place on the
// keyboard, never a character (linux/input-event-codes.h).
type layout struct {
	keys    map[uint16]keycap
	control map[uint16]keycap // what Ctrl goes by where keys has nothing for it
	dead    string            // the characters, alone and with Shift, that wait for the next key: ´ then e is é
	dead3   string            // and those with AltGr
	altGr   bool              // the right Alt key chooses the third character
	decimal rune              // the numeric keypad's comma or point
}

// A keycap is the characters printed on one key: alone, with Shift, with AltGr, with
// both; 0 where there is none.
type keycap [4]rune

// findLayout returns the layout of that name.
func findLayout(name string) (layout, bool) {
	us := keys(usKeys())
	for _, known := range layouts() {
		if known.name == name {
			return layout{
				keys: keys(known.levels), control: us, dead: known.dead, dead3: known.dead3,
				altGr: len(known.levels) > 2, decimal: known.decimal,
			}, true
		}
	}
	return layout{}, false
}

// LayoutNames lists the layouts that a scanner which types may be set to.
func LayoutNames() []string {
	var names []string
	for _, known := range layouts() {
		names = append(names, known.name)
	}
	return names
}

// A layoutRow is one layout of the table, as Windows has it: the layout that scanners are
// tested with. Linux has the same and more behind AltGr, none of it elsewhere.
type layoutRow struct {
	name    string
	levels  []level
	dead    string
	dead3   string
	decimal rune
}

// layouts is the table. A test holds it against xkb-data.
func layouts() []layoutRow {
	return []layoutRow{
		{"us", usKeys(), "", "", '.'},
		{"gb", []level{
			{"`1234567890-=", "qwertyuiop[]", "asdfghjkl;'#", `\zxcvbnm,./`},
			{`¬!"£$%^&*()_+`, "QWERTYUIOP{}", "ASDFGHJKL:@~", "|ZXCVBNM<>?"},
			{"¦   €        ", "  é   úíó   ", "á           ", "           "},
			{"             ", "  É   ÚÍÓ   ", "Á           ", "           "},
		}, "", "", '.'},
		{"se", seKeys(), "´`¨^", "~", ','},
		{"fi", seKeys(), "´`¨^", "~", ','},
		{"no", []level{
			{`|1234567890+\`, "qwertyuiopå¨", "asdfghjkløæ'", "<zxcvbnm,.-"},
			{`§!"#¤%&/()=?` + "`", "QWERTYUIOPÅ^", "ASDFGHJKLØÆ*", ">ZXCVBNM;:_"},
			{"  @£$€ {[]} ´", "  €        ~", "            ", "       µ   "},
		}, "`¨^", "´~", ','},
		{"dk", []level{
			{"½1234567890+´", "qwertyuiopå¨", "asdfghjklæø'", "<zxcvbnm,.-"},
			{`§!"#¤%&/()=?` + "`", "QWERTYUIOPÅ^", "ASDFGHJKLÆØ*", ">ZXCVBNM;:_"},
			{"  @£$€ {[]} |", "  €        ~", "            ", `\      µ   `},
		}, "´`¨^", "~", ','},
		{"de", []level{
			{"^1234567890ß´", "qwertzuiopü+", "asdfghjklöä#", "<yxcvbnm,.-"},
			{`°!"§$%&/()=?` + "`", "QWERTZUIOPÜ*", "ASDFGHJKLÖÄ'", ">YXCVBNM;:_"},
			{`  ²³   {[]}\ `, "@ €        ~", "            ", "|      µ   "},
		}, "^´`", "", ','},
		{"fr", []level{
			{`²&é"'(-è_çà)=`, "azertyuiop^$", "qsdfghjklmù*", "<wxcvbn,;:!"},
			{" 1234567890°+", "AZERTYUIOP¨£", "QSDFGHJKLM%µ", ">WXCVBN?./§"},
			{"  ~#{[|`\\^@]}", "  €        ¤", "            ", "           "},
		}, "^¨", "~`", '.'},
		{"es", []level{
			{"º1234567890'¡", "qwertyuiop`+", "asdfghjklñ´ç", "<zxcvbnm,.-"},
			{`ª!"·$%&/()=?¿`, "QWERTYUIOP^*", "ASDFGHJKLÑ¨Ç", ">ZXCVBNM;:_"},
			{`\|@#~€¬      `, "  €       []", "          {}", "           "},
		}, "`^´¨", "~", '.'},
		{"pl", append(usKeys(),
			level{"             ", "  ę   € ó   ", "ąś      ł   ", " żźć  ń    "},
			level{"             ", "  Ę     Ó   ", "ĄŚ      Ł   ", " ŻŹĆ  Ń    "},
		), "~", "", ','},
		{"ch", []level{
			{"§1234567890'^", "qwertzuiopü¨", "asdfghjklöä$", "<yxcvbnm,.-"},
			{`°+"*ç%&/()=?` + "`", "QWERTZUIOPè!", "ASDFGHJKLéà£", ">YXCVBNM;:_"},
			{" ¦@#°§¬|¢  ´~", "  €       []", "          {}", `\          `},
		}, "^`¨", "´~", '.'},
	}
}

// A level is the four rows of keys, from the left of 1, of Q, of A and of Z; a
// space stands where a key types nothing. The key right of Ä, or above Enter, is
// in the third row, and the key between the left Shift and Z is in the fourth.
type level [4]string

// usKeys is Windows' KBDUS.
func usKeys() []level {
	return []level{
		{"`1234567890-=", "qwertyuiop[]", `asdfghjkl;'\`, `\zxcvbnm,./`},
		{"~!@#$%^&*()_+", "QWERTYUIOP{}", `ASDFGHJKL:"|`, "|ZXCVBNM<>?"},
	}
}

// seKeys is Windows' KBDSW, Swedish and Finnish.
func seKeys() []level {
	return []level{
		{"§1234567890+´", "qwertyuiopå¨", "asdfghjklöä'", "<zxcvbnm,.-"},
		{`½!"#¤%&/()=?` + "`", "QWERTYUIOPÅ^", "ASDFGHJKLÖÄ*", ">ZXCVBNM;:_"},
		{`  @£$€ {[]}\ `, "  €        ~", "            ", "|      µ   "},
	}
}

// rows are the key codes of the rows, in their order.
func rows() [4][]uint16 {
	return [4][]uint16{
		{41, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13},
		{16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27},
		{30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 43},
		{86, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53},
	}
}

// keys makes the table of a layout.
func keys(levels []level) map[uint16]keycap {
	table := make(map[uint16]keycap)
	for i, level := range levels {
		for row, codes := range rows() {
			for column, r := range []rune(level[row]) {
				if r != ' ' {
					c := table[codes[column]]
					c[i] = r
					table[codes[column]] = c
				}
			}
		}
	}
	return table
}

// keypad is what the keys of the numeric keypad type; ok is false for others. It
// is taken for locked to its digits, as scanners take it.
func (l layout) keypad(code uint16) (r rune, ok bool) {
	switch code {
	case 55:
		return '*', true
	case 71, 72, 73: // 7 8 9
		return rune('7' + code - 71), true
	case 74:
		return '-', true
	case 75, 76, 77: // 4 5 6
		return rune('4' + code - 75), true
	case 78:
		return '+', true
	case 79, 80, 81: // 1 2 3
		return rune('1' + code - 79), true
	case 82:
		return '0', true
	case 83:
		return l.decimal, true
	case 98:
		return '/', true
	case 117:
		return '=', true
	}
	return 0, false
}

// compose puts an accent on a letter; false where there is no such letter.
func compose(accent, letter rune) (rune, bool) {
	pairs := map[rune]string{
		'´': "aáeéiíoóuúyýAÁEÉIÍOÓUÚYÝ",
		'`': "aàeèiìoòuùAÀEÈIÌOÒUÙ",
		'^': "aâeêiîoôuûAÂEÊIÎOÔUÛ",
		'¨': "aäeëiïoöuüyÿAÄEËIÏOÖUÜ",
		'~': "aãnñoõAÃNÑOÕ",
	}[accent]
	_, after, found := strings.Cut(pairs, string(letter))
	if !found {
		return 0, false
	}
	return []rune(after)[0], true
}

// altCode returns the character of an Alt code, as Windows reads it: with a zero
// in front it is a place in code page 1252, without in the older one. Up to 127
// both are ASCII; that the older one shows pictures for what is no character is of
// no use to a scanner, which means GS with Alt+029 and Alt+29 alike.
func altCode(digits string) (rune, bool) {
	n := 0
	for _, d := range digits {
		if n = 10*n + int(d-'0'); n > 255 {
			return 0, false
		}
	}
	switch {
	case digits == "":
		return 0, false
	case n < 128:
		return rune(n), true
	case digits[0] != '0':
		return []rune(codePage850)[n-128], true
	case n < 160:
		r := []rune(codePage1252)[n-128]
		return r, r != ' '
	}
	return rune(n), true // 1252 is ISO 8859-1 from here
}

// The upper halves of two code pages. 850 is western Europe's; where America's
// 437 differs from it, 437 has Greek letters and frames.
const (
	codePage850 = "ÇüéâäàåçêëèïîìÄÅ" + "ÉæÆôöòûùÿÖÜø£Ø×ƒ" +
		"áíóúñÑªº¿®¬½¼¡«»" + "░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐" +
		"└┴┬├─┼ãÃ╚╔╩╦╠═╬¤" + "ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀" +
		"ÓßÔÒõÕµþÞÚÛÙýÝ¯´" + "\u00AD±‗¾¶§÷¸°¨·¹³²■\u00A0"
	codePage1252 = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž " + " ‘’“”•–—˜™š›œ žŸ" // up to 9F; a space: none
)
