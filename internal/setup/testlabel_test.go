package setup

import (
	"strings"
	"testing"

	"stationd/internal/scanner"
	"stationd/internal/station"
)

// testLabel is the content of the first test label.
const testLabel = "010950600013435210TEST\x1d21READY"

func TestTheTestLabelShowsHowAReaderIsSet(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, raw string
		want      readerSettings
		draft     readerDraft
	}{
		{"as it should be", "]d2" + testLabel, readerSettings{AIM: true, GS: "\x1d"}, readerDraft{}},
		{"no identifiers", testLabel, readerSettings{GS: "\x1d"}, readerDraft{Assume: "gs1"}},
		{"no identifiers, FNC1 in front", "\x1d" + testLabel, readerSettings{GS: "\x1d"}, readerDraft{Assume: "gs1"}},
		{"a separator as text", "]d2" + strings.ReplaceAll(testLabel, "\x1d", "<GS>"), readerSettings{AIM: true, GS: "<GS>"}, readerDraft{GS: "<GS>"}},
		{"no separator", "]d2" + strings.ReplaceAll(testLabel, "\x1d", ""), readerSettings{AIM: true}, readerDraft{}},
		{"a letter in front and a blank behind", "w]d2" + testLabel + " ", readerSettings{AIM: true, GS: "\x1d", Prefix: "w", Suffix: " "}, readerDraft{Prefix: "w", Suffix: " "}},
		{"what no file should hold", "\x1b]d2" + testLabel, readerSettings{AIM: true, GS: "\x1d", Prefix: "\x1b"}, readerDraft{}},
	} {
		found, ok := parseTestLabel([]byte(test.raw))
		if !ok || found != test.want {
			t.Errorf("%s: %+v, %v", test.name, found, ok)
		}
		var draft readerDraft
		draft.apply(found)
		if draft.Assume != test.draft.Assume || draft.GS != test.draft.GS || draft.Prefix != test.draft.Prefix || draft.Suffix != test.draft.Suffix {
			t.Errorf("%s: it writes %+v", test.name, draft)
		}
	}
	if _, ok := parseTestLabel([]byte("]d2010950600013435210AB-12\x1d210042")); ok {
		t.Error("another label is taken for it")
	}
}

func TestTheOtherTestLabelShowsHowAReaderSendsLetters(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, raw, encoding, says string }{
		{"UTF-8", TextLabel, "", "UTF-8 unchanged"},
		{"UTF-8 with what the reader puts around", "w]Q1" + TextLabel + " ", "", "UTF-8 unchanged"},
		{"the symbol's own encoding", `]Q2\000026` + TextLabel, "", "(ECI)"},
		{"Windows' code page", "]Q1READER TEST \xc5\xe4\xf6 \x80 ??", "windows-1252", "it sends windows-1252; encoding is written"},
		{"ISO 8859-1", "]Q1READER TEST \xc5\xe4\xf6 ? ??", "latin-1", "it sends latin-1"},
		{"Japanese", "]Q1READER TEST ??? ? \x93\xfa\x96\x7b", "shift-jis", "it sends shift-jis"},
		{"Chinese", "]Q1READER TEST ??? ? \xc8\xd5\xb1\xbe", "gbk", "it sends gbk"},
		{"converted twice", "]Q1READER TEST \u00c3\u0085", "", "takes UTF-8 for ISO 8859-1"},
		{"ASCII alone", "]Q1READER TEST ??? ? ??", "", "do not arrive"},
	} {
		found, ok := parseTextLabel([]byte(test.raw), strings.Contains(test.raw, "]Q"))
		if !ok || found.Encoding != test.encoding || !strings.Contains(found.describe(), test.says) {
			t.Errorf("%s: %+v, %v: %s", test.name, found, ok, found.describe())
		}
		setting := readerDraft{Port: "/dev/null", Encoding: found.Encoding}.config()
		ev, err := scanner.Event(setting, []byte(test.raw), station.Stamp{})
		must(t, err)
		if test.encoding != "" && !strings.Contains(ev.Code, map[string]string{"windows-1252": "Åäö €", "latin-1": "Åäö", "shift-jis": "日本", "gbk": "日本"}[test.encoding]) {
			t.Errorf("%s: with %s it is read as %q", test.name, found.Encoding, ev.Code)
		}
	}
	if _, ok := parseTextLabel([]byte("]Q1BADGE-Åsa"), true); ok {
		t.Error("another label is taken for it")
	}
}
