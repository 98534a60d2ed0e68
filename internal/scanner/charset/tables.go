package charset

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// What the bytes of an encoding are, two bytes a character, the low one first; 0 is none.
// A test writes the files from the tables of golang.org/x/text and compares what is decoded
// with them: that package also has the way back, which is larger and which no scan needs.
var (
	// singleTable has the characters of 80 to FF of each of singleECIs.
	//go:embed tables/single.bin
	singleTable string
	// jisTable has JIS X 0208, by row and cell.
	//go:embed tables/jis0208.bin
	jisTable string
	// gbkTable has what two bytes are in GBK and GB 18030, by 81 to FE and 40 to FE without 7F.
	//go:embed tables/gbk.bin
	gbkTable string
	// gb18030Table has, of four bytes in GB 18030, the first number and the first character of
	// each run of characters.
	//go:embed tables/gb18030.bin
	gb18030Table string
)

// singleECIs are the ECIs in which each byte is a character (AIM ITS/04-023), in the order
// of singleTable.
func singleECIs() []int {
	return []int{2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 17, 18, 21, 22, 23, 24}
}

// windows1252 is the ECI of that encoding.
const windows1252 = 23

// An encoding returns the character at the beginning of raw, which is not empty, and how many
// bytes it has; 0 bytes where no character begins there.
type encoding func(raw []byte) (r rune, size int)

// by decodes raw, which is said to be name, with an encoding. A control character of 80 to 9F
// is none: where one stands, the encoding is another.
func by(next encoding, name string, raw []byte) (string, error) {
	var b strings.Builder
	for at := 0; at < len(raw); {
		r, size := rune(raw[at]), 1
		if r >= utf8.RuneSelf {
			r, size = next(raw[at:])
		}
		if size == 0 || r == utf8.RuneError || 0x80 <= r && r < 0xA0 {
			return "", &Error{at, fmt.Sprintf("a byte that is no %s", name)}
		}
		b.WriteRune(r)
		at += size
	}
	return b.String(), nil
}

// entry returns what stands at i in a table, 0 outside it.
func entry(table string, i int) rune {
	if 2*i+1 >= len(table) {
		return 0
	}
	return rune(table[2*i]) | rune(table[2*i+1])<<8
}

// single returns the encoding of an ECI that is one of singleECIs.
func single(eci int) (_ encoding, ok bool) {
	const half = 0x80
	i := slices.Index(singleECIs(), eci)
	return func(raw []byte) (rune, int) {
		if r := entry(singleTable, i*half+int(raw[0])-half); r != 0 {
			return r, 1
		}
		return 0, 0
	}, i >= 0
}

// shiftJIS is JIS X 0208 and the narrow syllables of JIS X 0201.
func shiftJIS(raw []byte) (rune, int) {
	first := int(raw[0])
	switch {
	case 0xA1 <= first && first < 0xE0:
		const narrow = 0xFF61
		return rune(first-0xA1) + narrow, 1
	case first == 0x80, first == 0xA0, first > 0xFC, len(raw) == 1:
		return 0, 0
	case first >= 0xE0:
		first -= 0x40 // the narrow syllables are between
	}
	second := int(raw[1])
	switch {
	case second < 0x40, second == 0x7F, second > 0xFC:
		return 0, 0
	case second > 0x7F:
		second--
	}
	const cells = 2 * 94 // two rows have the same first byte
	if r := entry(jisTable, (first-0x81)*cells+second-0x40); r != 0 {
		return r, 2
	}
	return 0, 0
}

// gbk is GBK with the euro as Windows has it.
func gbk(raw []byte) (rune, int) {
	switch {
	case raw[0] == 0x80:
		return '€', 1
	case raw[0] == 0xFF, len(raw) == 1:
		return 0, 0
	}
	second := int(raw[1])
	switch {
	case second < 0x40, second == 0x7F, second == 0xFF:
		return 0, 0
	case second > 0x7F:
		second--
	}
	const cells = 190
	if r := entry(gbkTable, (int(raw[0])-0x81)*cells+second-0x40); r != 0 {
		return r, 2
	}
	return 0, 0
}

// gb18030 is GBK and every other character of Unicode in four bytes.
func gb18030(raw []byte) (rune, int) {
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	lead := func(c byte) bool { return 0x81 <= c && c <= 0xFE }
	if len(raw) < 4 || !lead(raw[0]) || !digit(raw[1]) || !lead(raw[2]) || !digit(raw[3]) {
		return gbk(raw)
	}
	n := ((rune(raw[0]-0x81)*10+rune(raw[1]-'0'))*126+rune(raw[2]-0x81))*10 + rune(raw[3]-'0')
	const (
		endOfRuns = 39420
		planes    = 189000 // the number of U+10000
	)
	switch {
	case n >= planes && n-planes <= utf8.MaxRune-0x10000:
		return n - planes + 0x10000, 4
	case n >= endOfRuns:
		return 0, 0
	}
	var r rune
	for i := 0; i < len(gb18030Table)/4 && entry(gb18030Table, 2*i) <= n; i++ {
		r = entry(gb18030Table, 2*i+1) + n - entry(gb18030Table, 2*i)
	}
	return r, 4
}
