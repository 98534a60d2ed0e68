package charset

import (
	"bytes"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	xtext "golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
)

var update = flag.Bool("update", false, "write the tables anew")

// library is what golang.org/x/text has for each of our encodings.
func library() map[int]xtext.Encoding {
	return map[int]xtext.Encoding{
		0: charmap.CodePage437, 2: charmap.CodePage437, 4: charmap.ISO8859_2, 5: charmap.ISO8859_3, 6: charmap.ISO8859_4,
		7: charmap.ISO8859_5, 8: charmap.ISO8859_6, 9: charmap.ISO8859_7, 10: charmap.ISO8859_8, 11: charmap.ISO8859_9,
		12: charmap.ISO8859_10, 15: charmap.ISO8859_13, 16: charmap.ISO8859_14, 17: charmap.ISO8859_15, 18: charmap.ISO8859_16,
		20: japanese.ShiftJIS, 21: charmap.Windows1250, 22: charmap.Windows1251, 23: charmap.Windows1252, 24: charmap.Windows1256,
		29: simplifiedchinese.GB18030, 31: simplifiedchinese.GBK, 32: simplifiedchinese.GB18030,
	}
}

// one returns the character that raw is, and 0 where it is none or more.
func one(e xtext.Encoding, raw ...byte) rune {
	text, err := e.NewDecoder().Bytes(raw)
	if r, size := utf8.DecodeRune(text); err == nil && size == len(text) && r != utf8.RuneError {
		return r
	}
	return 0
}

func TestTheTablesAreThoseOfTheLibrary(t *testing.T) {
	t.Parallel()
	var singles, jis, chinese, runs []rune
	for _, eci := range singleECIs() {
		for c := 0x80; c <= 0xFF; c++ {
			singles = append(singles, one(library()[eci], byte(c)))
		}
	}
	for first := 0x81; first <= 0xFC; first++ {
		for second := 0x40; second <= 0xFC; second++ {
			if second != 0x7F && (first < 0xA0 || first >= 0xE0) {
				jis = append(jis, one(japanese.ShiftJIS, byte(first), byte(second)))
			}
		}
	}
	for first := 0x81; first <= 0xFE; first++ {
		for second := 0x40; second <= 0xFE; second++ {
			if second != 0x7F {
				chinese = append(chinese, one(simplifiedchinese.GBK, byte(first), byte(second)))
			}
		}
	}
	last := rune(-2)
	for n := range 39420 {
		text, _ := simplifiedchinese.GB18030.NewDecoder().Bytes(fourBytes(n))
		r, _ := utf8.DecodeRune(text) // U+FFFD is a character there
		if r != last+1 {
			runs = append(runs, rune(n), r)
		}
		last = r
	}
	for _, table := range []struct {
		file   string
		linked string
		want   []rune
	}{{"single", singleTable, singles}, {"jis0208", jisTable, jis}, {"gbk", gbkTable, chinese}, {"gb18030", gb18030Table, runs}} {
		var want []byte
		for _, r := range table.want {
			if r > 0xFFFF {
				t.Fatalf("%s: %U does not fit two bytes", table.file, r)
			}
			want = binary.LittleEndian.AppendUint16(want, uint16(r))
		}
		want = bytes.TrimRight(want, "\x00")
		want = append(want, make([]byte, len(want)%2)...)
		if *update {
			if err := os.WriteFile(filepath.Join("tables", table.file+".bin"), want, 0o644); err != nil {
				t.Fatal(err)
			}
		} else if table.linked != string(want) {
			t.Errorf("tables/%s.bin is not the library's; -update writes it", table.file)
		}
	}
}

// fourBytes are the bytes of a number of GB 18030.
func fourBytes(n int) []byte {
	return []byte{byte(0x81 + n/12600), byte('0' + n/1260%10), byte(0x81 + n/10%126), byte('0' + n%10)}
}

// TestEverySymbolIsReadAsTheLibraryReadsIt compares all characters of one byte and of two, and
// a fourth of those of four.
func TestEverySymbolIsReadAsTheLibraryReadsIt(t *testing.T) {
	t.Parallel()
	for eci, lib := range library() {
		next, ok := encodingOf(eci)
		if !ok {
			t.Errorf("ECI %d is not known", eci)
			continue
		}
		compare := func(raw []byte) {
			want, err := lib.NewDecoder().Bytes(raw)
			good := err == nil && !bytes.ContainsFunc(want, func(r rune) bool { return r == utf8.RuneError || 0x80 <= r && r < 0xA0 })
			got, err := by(next, "text", raw)
			if (err == nil) != good || good && got != string(want) {
				t.Fatalf("ECI %d: % X is %q, %v; the library says %q", eci, raw, got, err, want)
			}
		}
		for first := range 0x100 {
			compare([]byte{byte(first)})
			for second := 0; second < 0x100 && (eci == 20 || eci == 29 || eci == 31); second++ {
				compare([]byte{byte(first), byte(second)})
			}
		}
		if eci == 29 {
			for n := 0; n < 126*12600; n += 1 + n%7 {
				compare(fourBytes(n))
			}
		}
	}
}
