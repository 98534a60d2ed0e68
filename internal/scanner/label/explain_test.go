package label

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAPersonIsToldWhatWasTakenOffAndHowAScanWasRead(t *testing.T) {
	t.Parallel()
	prefix, err := NewPrefix("w")
	if err != nil {
		t.Fatal(err)
	}
	suffix, err := NewSuffix(`/:[A-Z]:\d+ms/`)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		rules Rules
		scan  string
		want  []string
	}{
		{"plain text", Rules{}, "PO4711", []string{"text: ASCII", "read as plain text"}},
		{"what the reader puts around", Rules{Prefix: prefix, Suffix: suffix}, "w]Q1PO-X:A:012ms",
			[]string{`suffix taken off: ":A:012ms"`, `prefix taken off: "w"`, "text: ASCII", "read as plain text"}},
		{"a prefix behind the identifier", Rules{Prefix: prefix}, "]Q1wPO-X", []string{`prefix taken off: "w"`, "text: ASCII", "read as plain text"}},
		{"a check character", Rules{}, "]A1PO12009", []string{"text: ASCII", `check character taken off: "9"`, "read as a data identifier"}},
		{"a wrong one", Rules{}, "]A1PO12008", []string{"text: ASCII", `refused: ]A1 says that a check character was sent: it is '8' and should be '9'`}},
		{"start and stop", Rules{}, "]F0A4711B", []string{"text: ASCII", `start and stop characters taken off: "AB"`, "read as plain text"}},
		{"a check character between start and stop", Rules{}, "]F2A37113B", []string{"text: ASCII", `check character taken off: "3"`, `start and stop characters taken off: "AB"`, "read as plain text"}},
		{"blanks", Rules{}, "]Q1PO 4711  ", []string{"text: ASCII", `blanks taken off: "  "`, "read as plain text"}},
		{"GS1 with a stand-in", Rules{Separators: []string{"<GS>"}}, "]C110AB<GS>210042", []string{"text: ASCII", "read as GS1 elements", `"<GS>" read as the separator`}},
		{"an article number", Rules{}, "]E04006381333931", []string{"text: ASCII", "read as an article number"}},
		{"a link", Rules{}, "]Q1https://example.com/01/09506000134352", []string{"text: ASCII", "read as a GS1 Digital Link"}},
		{"assumed", Rules{Assume: AssumeGS1}, "4006381333931", []string{"text: ASCII", `read as GS1, which the identifier does not say (assume = "gs1")`}},
		{"an envelope", Rules{}, "]d1[)>\x1e06\x1dPA-100\x1e\x04", []string{"text: ASCII", "read as an ISO 15434 envelope"}},
		{"HIBC", Rules{}, "]d1+A123BJC5D6E71G", []string{"text: ASCII", "read as HIBC"}},
		{"UTF-8", Rules{}, "]Q1Å", []string{"text: utf-8", "read as plain text"}},
		{"Latin-1", Rules{}, "]Q1\xc5", []string{"text: latin-1", "read as plain text"}},
		{"Windows", Rules{}, "]Q1PC- \x80", []string{"text: windows-1252", "read as plain text"}},
		{"what the configuration says", Rules{Encoding: "shift-jis"}, "]Q1\x83e", []string{"text: shift-jis", "read as plain text"}},
		{"ECI", Rules{}, `]Q2\000026` + "Å", []string{"text: by the encodings that the symbol names itself (ECI), else utf-8", "read as plain text"}},
	} {
		if diff := cmp.Diff(test.want, test.rules.Explain([]byte(test.scan))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
