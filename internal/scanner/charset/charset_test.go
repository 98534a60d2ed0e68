package charset

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWhatBytesSay(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, encoding, raw, want, wrong string }{
		{"plain text", "", "PO4711", "PO4711", ""},
		{"UTF-8", "", "Åsa", "Åsa", ""},
		{"a byte order mark is no character of the code", "", "\xef\xbb\xbfPO4711", "PO4711", ""},
		{"ISO 8859-1", "", "\xc5sa", "Åsa", ""},
		{"the euro of Windows", "", "PC-\x80 12", "PC-€ 12", ""},
		{"a dash and quotes of Windows", "", "\x93A\x94 \x96 1", "“A” – 1", ""},
		{"Japanese is not guessed", "", "PC-\x83e\x83X\x83g", "", "byte 3: 83 is neither UTF-8 nor ISO 8859-1, and may be Western, Japanese or Chinese; say which with encoding"},
		{"a sign that no label has", "", "PO\x8347", "", "byte 2: 83 is neither UTF-8 nor ISO 8859-1 nor Windows-1252; say with encoding what the label is printed in"},
		{"a byte that is nowhere a character", "", "A\x81", "", "byte 1: 81 is neither UTF-8 nor ISO 8859-1 nor Windows-1252; say with encoding what the label is printed in"},
		{"Japanese where it is said", "shift-jis", "PC-\x83e\x83X\x83g", "PC-テスト", ""},
		{"half a Japanese character", "shift-jis", "PC-\x83e\x83", "", "byte 5: a byte that is no shift-jis"},
		{"Chinese where it is said", "gbk", "\xb2\xe2\xca\xd4", "测试", ""},
		{"Latin-1 has nothing from 80 to 9F", "latin-1", "A\x80", "", "byte 1: 80 is no character of ISO 8859-1"},
		{"UTF-8 bytes where Latin-1 is said", "latin-1", "\xc3\xb6", "Ã¶", ""},
		{"Windows where it is said", "windows-1252", "\x8a", "Š", ""},
		{"what Windows has not", "windows-1252", "\x81", "", "byte 0: a byte that is no windows-1252"},
		{"Latin-1 where UTF-8 is said", "utf-8", "A\xc5B", "", "byte 1: C5 is no UTF-8"},
		{"an encoding that nobody knows", "ebcdic", "A", "", `byte 0: "ebcdic" is no encoding that this program knows; it knows auto, utf-8, latin-1, windows-1252, shift-jis, gbk`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Decode([]byte(test.raw), test.encoding)
			check(t, got, err, test.want, test.wrong)
		})
	}
}

func TestWhatASymbolDeclares(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, raw, want, wrong string }{
		{"UTF-8", "\\000026PO4711-\xc3\x85", "PO4711-Å", ""},
		{"UTF-8 with its mark", "\\000026\xef\xbb\xbfPO4711", "PO4711", ""},
		{"ISO 8859-1", "\\000003\xc3\x85"[:9], "Ã", "byte 8: 85 is no character of ISO 8859-1"},
		{"ISO 8859-15 has the euro at A4", "\\000017\xa4", "€", ""},
		{"Cyrillic", "\\000022\xcf", "П", ""},
		{"Japanese", "\\000020\x83e\x83X\x83g", "テスト", ""},
		{"UTF-16", "\\000025\x00A\x20\xac", "A€", ""},
		{"half of UTF-16", "\\000025\x00A\x20", "", "byte 10: half a character ends the text of ECI 000025"},
		{"two in one symbol", "A\\000026\xc3\x85\\000003\xc5", "AÅÅ", ""},
		{"a backslash that is data is doubled", `C:\\temp\\000026`, `C:\temp\000026`, ""},
		{"a reader that doubles nothing", `C:\temp`, `C:\temp`, ""},
		{"no UTF-8 where it was declared", "\\000026A\xc5", "", "byte 8: C5 is no UTF-8"},
		{"one that this program does not know", `\000899AB`, "", "byte 0: the symbol is in ECI 000899, which this program does not know"},
		{"nothing", "", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := ECI([]byte(test.raw), "")
			check(t, got, err, test.want, test.wrong)
		})
	}
}

func check(t *testing.T, got string, err error, want, wrong string) {
	t.Helper()
	if wrong != "" {
		if err == nil || err.Error() != wrong {
			t.Errorf("got %q and %v, want the error %s", got, err, wrong)
		}
		return
	}
	if err != nil || got != want {
		t.Errorf("got %q and %v, want %q", got, err, want)
	}
}

func TestTheLongestSymbolOfBytesThatAreNothingIsToldInNoTime(t *testing.T) {
	// Not parallel: AllocsPerRun counts the whole process.
	raw := bytes.Repeat([]byte{0x8F, 0x40}, 3500)
	raw[len(raw)-1] = 0x20
	allocs := testing.AllocsPerRun(1, func() {
		for _, name := range Names() {
			_, _ = Decode(raw, name)
		}
	})
	if allocs > 20*float64(len(raw)) { // it was a thousand times as many
		t.Errorf("%v allocations for %d bytes", allocs, len(raw))
	}
}

// FuzzDecode: what is text is UTF-8 without a character of 80 to 9F that the bytes did
// not have as UTF-8, and an error names a place in the bytes.
func FuzzDecode(f *testing.F) {
	for _, raw := range []string{"PO4711", "\xc5sa", "PC-\x83e\x83X", "\\000026\xc3\x85", `a\\b`, "\xef\xbb\xbfA", "\\000025\xd8\x00"} {
		for i := range Names() {
			f.Add([]byte(raw), uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, rule uint8) {
		name := Names()[int(rule)%len(Names())]
		for _, decode := range []func([]byte, string) (string, error){Decode, ECI} {
			text, err := decode(raw, name)
			if err == nil {
				if !utf8.ValidString(text) {
					t.Errorf("%q as %s became %q, which is no text", raw, name, text)
				}
				if !utf8.Valid(raw) && name != "utf-8" && !strings.Contains(string(raw), `\`) && strings.ContainsFunc(text, func(r rune) bool { return 0x80 <= r && r < 0xA0 }) {
					t.Errorf("%q as %s became %q, with a control character", raw, name, text)
				}
				continue
			}
			if fault, ok := errors.AsType[*Error](err); !ok || fault.Pos < 0 || fault.Pos > len(raw) || fault.Reason == "" {
				t.Errorf("%q as %s: %#v", raw, name, err)
			}
		}
	})
}
