package station

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

func TestNothingThatIsPrintedActsOnATerminal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, want string }{
		{"plain text", "PO4711\tÅsa 日本 €\n", "PO4711\tÅsa 日本 €\n"},
		{"a terminal's title", "\x1b]0;owned\x07", `\u001b]0;owned\u0007`},
		{"a carriage return over what stood there", "held\rwell", `held\u000dwell`},
		{"a C1 control", "a\u009b2J", `a\u009b2J`},
		{"a C1 control as a byte", "a\x9b2J", `a\x9b2J`},
		{"text turned around", "\u202egnp.exe\u202c \u2066x\u2069 \u200f", `\u202egnp.exe\u202c \u2066x\u2069 \u200f`},
		{"what cannot be seen", "a\u200bb\u00adc\ufeff", `a\u200bb\u00adc\ufeff`},
		{"a line's end that is no new line", "a\u2028b\u2029c\u0085d", `a\u2028b\u2029c\u0085d`},
		{"a tag", "a\U000e0041", `a\udb40\udc41`},
		{"the sign of what was no character", "a\ufffd", "a\ufffd"},
		{"NUL and DEL", "\x00\x7f", `\u0000\u007f`},
	} {
		if got := string(Printable([]byte(test.text))); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	text := "\u202ePO\u200b4711\u0085 \U000e0041"
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	var again string
	if err := json.Unmarshal(Printable(quoted), &again); err != nil || again != text {
		t.Errorf("JSON is %q afterwards: %v", again, err)
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add([]byte("\x1b[2J\u202e\x9b\U000e0041 plain\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		shown := Printable(text)
		for at := 0; at < len(shown); {
			r, size := utf8.DecodeRune(shown[at:])
			if acts(r, size) {
				t.Fatalf("%q is printed as %q", text, shown)
			}
			at += size
		}
		if string(Printable(shown)) != string(shown) {
			t.Errorf("%q is not left as it is", shown)
		}
	})
}

func TestWhatWasReadIsShownWithAllThatIsInIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0109501101530003\x1d10AB-123": "0109501101530003<GS>10AB-123",
		"PO4711\r\n":                   "PO4711<CR><LF>",
		"caf\xe9 and café":             "caf<E9> and café",
		"abc\u202edef\u0085\x7f":       "abc<U+202E>def<U+0085><DEL>",
		"the sign \ufffd":              "the sign \ufffd",
	} {
		if got := Visible(text, "<", ">"); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}

func TestWhatAVendorWroteIsOneLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		most int
		want string
	}{
		{" Shift not\r\n\tstarted\x00 ", 0, "Shift not started"},
		{"a\u202eb", 0, `a\u202eb`},
		{"a\xffb", 0, "ab"},
		{"åäöåäöåäöåäö", 10, "åäöåäöåäöå…"},
		{"åäöåäöåäöå", 10, "åäöåäöåäöå"},
	} {
		if got := OneLine(test.text, test.most); got != test.want {
			t.Errorf("%q becomes %q, want %q", test.text, got, test.want)
		}
	}
}
