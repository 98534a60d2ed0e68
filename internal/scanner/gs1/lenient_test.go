package gs1

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// good returns the elements of a label by their AIs.
func good(l Label) map[string]string {
	elements := make(map[string]string, len(l.Elements))
	for _, e := range l.Elements {
		elements[e.AI] = e.Value
	}
	return elements
}

func TestWhatIsGoodIsKeptAndWhatIsBadIsNamed(t *testing.T) {
	t.Parallel()
	const gtin = "0109506000134352"
	tests := []struct {
		name, text string
		suspect    bool
		want       map[string]string
		bad        []string
		lost       bool
		fault      string // the first
	}{
		{name: "all is good", text: gtin + "10AB-12\x1d210042", want: map[string]string{"01": "09506000134352", "10": "AB-12", "21": "0042"}},
		{name: "separators in front, doubled, and behind", text: "\x1d" + gtin + "\x1d\x1d10AB\x1d", want: map[string]string{"01": "09506000134352", "10": "AB"}},
		{name: "a date that is none", text: gtin + "1700000010AB-12", want: map[string]string{"01": "09506000134352", "10": "AB-12"}, bad: []string{"17"}, fault: "gs1: AI (17), byte 20: there is no such month"},
		{name: "a GTIN with a wrong check digit", text: "010950600013435310AB", want: map[string]string{"10": "AB"}, bad: []string{"01"}, fault: "gs1: AI (01), byte 15: the check digit is 3 and should be 2"},
		{name: "a GTIN with a letter: where the next begins is doubtful", text: "01095060001343X210AB\x1d21C", want: map[string]string{"21": "C"}, bad: []string{"01"}, lost: true, fault: "gs1: AI (01), byte 14: a character that is no digit"},
		{name: "companions that may not be", text: gtin + "3724\x1d10AB", want: map[string]string{"01": "09506000134352", "37": "24", "10": "AB"}},
		{name: "a blank in a batch", text: gtin + "10AB 12", want: map[string]string{"01": "09506000134352", "10": "AB 12"}, fault: "gs1: AI (10), byte 20: a blank, which GS1 does not allow in a value"},
		{name: "an AI that there is not, and what stands behind the separator", text: gtin + "8912\x1d10AB", want: map[string]string{"01": "09506000134352", "10": "AB"}, lost: true, fault: `gs1: byte 16: no application identifier begins with "8912"`},
		{name: "a batch that is too long", text: "10123456789012345678901\x1d" + gtin, want: map[string]string{"01": "09506000134352"}, bad: []string{"10"}, lost: true, fault: "gs1: AI (10), byte 22: the value is longer than its 20 characters; an FNC1 may be missing"},
		{name: "a batch twice with two values", text: "10AB\x1d10CD\x1d21S", want: map[string]string{"21": "S"}, bad: []string{"10"}, fault: "gs1: AI (10), byte 0: the AI appears twice, with different values"},
		{name: "a batch twice with one value", text: "10AB\x1d10AB", want: map[string]string{"10": "AB"}},
		{name: "nothing", text: "", fault: "gs1: byte 0: the symbol holds no element string"},
		{name: "nothing but separators", text: "\x1d\x1d", fault: "gs1: byte 2: the symbol holds no element string"},

		{name: "the name of the separator in a batch", text: gtin + "10AB-12Alt029210042", suspect: true, want: map[string]string{"01": "09506000134352"}, bad: []string{"10"}, lost: true,
			fault: `gs1: AI (10), byte 18: the value contains "Alt029", which may stand for the separator; say gs = ["Alt029"] at the scanner, or gs = [] where it is part of the value`},
		{name: "an underscore and what would be a serial number", text: gtin + "10AB-12_210042", suspect: true, want: map[string]string{"01": "09506000134352"}, bad: []string{"10"}, lost: true,
			fault: `gs1: AI (10), byte 18: the value contains "_", which may stand for the separator; say gs = ["_"] at the scanner, or gs = [] where it is part of the value`},
		{name: "the digits that Alt was to stand before", text: gtin + "10AB-12029210042", suspect: true, want: map[string]string{"01": "09506000134352"}, bad: []string{"10"}, lost: true,
			fault: `gs1: AI (10), byte 18: the value contains "029", which may stand for the separator; say gs = ["029"] at the scanner, or gs = [] where it is part of the value`},
		{name: "a reader that sends the separator writes nothing else", text: gtin + "10AB_210042\x1d21C", suspect: true, want: map[string]string{"01": "09506000134352", "10": "AB_210042", "21": "C"}},
		{name: "an underscore and what is none", text: gtin + "10AB_XY", suspect: true, want: map[string]string{"01": "09506000134352", "10": "AB_XY"}},
		{name: "where nothing stands for the separator, it is a batch", text: gtin + "10AB-12_210042", want: map[string]string{"01": "09506000134352", "10": "AB-12_210042"}},
		{name: "a character that is not allowed, and what it may be", text: gtin + "10AB-12#210042", suspect: true, want: map[string]string{"01": "09506000134352"}, bad: []string{"10"}, lost: true,
			fault: `gs1: AI (10), byte 23: a character outside character set 82; where the reader writes "#" for the separator, say gs = ["#"] at the scanner`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := Read(test.text, 0, test.suspect)
			if diff := cmp.Diff(test.want, good(l)); diff != "" && len(test.want)+len(good(l)) > 0 {
				t.Errorf("elements (-want +got):\n%s", diff)
			}
			fault := ""
			if err := l.Err(); err != nil {
				fault = err.Error()
			}
			if !slices.Equal(test.bad, l.Bad()) || l.Lost != test.lost || fault != test.fault {
				t.Errorf("bad %v, lost %v, fault %s\nwant %v, %v, %s", l.Bad(), l.Lost, fault, test.bad, test.lost, test.fault)
			}
		})
	}
}

func TestWhateverStandsForTheSeparatorIsNeverPartOfABatch(t *testing.T) {
	t.Parallel()
	for _, text := range standIns() {
		l := Read("010950600013435210AB-12"+text+"210042", 0, true)
		if value, is := good(l)["10"]; is {
			t.Errorf("%q: the batch is %q", text, value)
		}
	}
}

func TestWhatGS1sEngineAcceptsIsReadTheSame(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, v := range vectors(t) {
		if !v.OK || len(v.AI) == 0 || !slices.Contains([]string{"]C1", "]e0", "]d2", "]Q3", "]J1"}, v.Scan[:3]) {
			continue
		}
		l := Read(v.Scan, 3, false)
		for _, e := range v.AI {
			if good(l)[e[0]] != e[1] || len(l.Faults) > 0 {
				t.Errorf("%q: %v, %v, want %v", v.Scan, l.Elements, l.Faults, v.AI)
			}
		}
		compared++
	}
	if compared < 100 {
		t.Errorf("only %d scans were compared", compared)
	}
}

func TestAmountsHaveTheirPointWhereTheLabelHasIt(t *testing.T) {
	t.Parallel()
	for _, test := range [][4]string{
		{"3103", "001250", "310", "1.250"},
		{"3100", "001250", "310", "1250"},
		{"3106", "001250", "310", "0.001250"},
		{"3105", "000000", "310", "0.00000"},
		{"3100", "000000", "310", "0"},
		{"3922", "12345", "392", "123.45"},
		{"3929", "1", "392", "0.000000001"},
		{"3932", "978000999", "393", "9.99"},
		{"3953", "000100", "395", "0.100"},
		{"3932", "978", "", ""},
		{"3700", "000001", "", ""},
		{"310", "000001", "", ""},
		{"3103", "00125X", "", ""},
		{"3103", "", "", ""},
		{"10", "AB", "", ""},
	} {
		name, amount, ok := Decimal(test[0], test[1])
		if name != test[2] || amount != test[3] || ok != (test[2] != "") {
			t.Errorf("(%s) %s is %s %s, %v, want %s %s", test[0], test[1], name, amount, ok, test[2], test[3])
		}
	}
	for name, want := range map[string]bool{"310": true, "369": true, "370": false, "392": true, "393": true, "396": false, "30": false, "3103": false} {
		if HasPoint(name) != want {
			t.Errorf("%s has a point: %v", name, !want)
		}
	}
}

func TestUPCE(t *testing.T) {
	t.Parallel()
	for digits, want := range map[string]string{
		"04252614": "042100005264", "425261": "042100005264", "0425261": "042100005264",
		"01234565": "012345000065", "01234531": "012300000451", "01234505": "012000003455", "01278907": "012000007897",
		"04252615": "", "24252614": "", "0425261X": "", "12345": "",
	} {
		if got, err := UPCE(digits); got != want || (err == nil) != (want != "") {
			t.Errorf("%s is %s, %v, want %s", digits, got, err, want)
		}
	}
}

func TestNumbersOfAShopsOwn(t *testing.T) {
	t.Parallel()
	for gtin, want := range map[string]bool{
		"2012345012349": true, "2912345012349": true, "0212345012349": true, "212345012349": true, "412345012345": true, "02345673": true,
		"4006381333931": false, "0036000291452": false, "036000291452": false, "96385074": false, "0000000123457": false, "12012345012346": false, "": false,
	} {
		if Restricted(gtin) != want {
			t.Errorf("%s is a shop's own: %v", gtin, !want)
		}
	}
}

func TestTheFormThatPeopleRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"(01)09506000134352(10)AB-12(21)0042": "0109506000134352\x1d10AB-12\x1d210042",
		"[01]09506000134352[10]AB":            "0109506000134352\x1d10AB",
		"(01) 09506000134352 (10) AB":         "0109506000134352\x1d10AB",
		"(10)AB(7)C(21)D":                     "10AB(7)C\x1d21D",
		"(01)":                                "", "(99": "", "(hello)": "", "01": "", "": "",
	} {
		if got, ok := Bracketed(text); got != want || ok != (want != "") {
			t.Errorf("%s is %q, %v, want %q", text, got, ok, want)
		}
	}
}

func TestLinksAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	article := map[string]string{"01": "09520123456788", "10": "ABC"}
	tests := []struct {
		name, text string
		bare       bool
		want       map[string]string // nil: no link
		fault      string
	}{
		{"by the book", "https://id.gs1.org/01/09520123456788/10/ABC", false, article, ""},
		{"a slash at the end", "https://id.gs1.org/01/09520123456788/10/ABC/", false, article, ""},
		{"words", "https://example.com/gtin/9520123456788/lot/ABC", false, article, ""},
		{"a GTIN of 13 digits", "https://example.com/01/9520123456788/10/ABC", false, article, ""},
		{"without its scheme", "example.com/01/09520123456788/10/ABC", true, article, ""},
		{"without its scheme where that is no link", "example.com/01/09520123456788/10/ABC", false, nil, ""},
		{"capital letters", "HTTPS://EXAMPLE.COM/01/09520123456788/10/ABC", false, article, ""},
		{"a query and a fragment", "https://example.com/01/09520123456788?10=ABC&utm=x#top", false, article, ""},
		{"escapes", "https://example.com/01/09520123456788/10/A%2FB", false, map[string]string{"01": "09520123456788", "10": "A/B"}, ""},
		{"a stem", "https://example.com/some/where/01/09520123456788", false, map[string]string{"01": "09520123456788"}, ""},
		{"a wrong check digit", "https://example.com/01/09520123456789/10/ABC", false, map[string]string{"10": "ABC"}, "gs1: AI (01), byte 20: the check digit is 9 and should be 8"},
		{"a compressed one", "https://id.gs1.org/ARFKk4XB0CDKWcnpq", false, map[string]string{}, "gs1: byte 0: a compressed GS1 Digital Link, which this program does not read; print the label with the link in full"},
		{"any other address", "https://example.com/menu?x=1", false, nil, ""},
		{"an address with a number in it", "https://example.com/10/ABC", false, nil, ""},
		{"a text with slashes", "A/01/B", true, nil, ""},
		{"a path of a computer", "files.d/01/09520123456789", true, nil, ""},
		{"no path", "https://example.com", false, nil, ""},
		{"another scheme", "ftp://example.com/01/09520123456788", false, nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l, ok := ReadLink(test.text, test.bare)
			if ok != (test.want != nil) {
				t.Fatalf("it is a link: %v", ok)
			}
			if !ok {
				return
			}
			if diff := cmp.Diff(test.want, good(l)); diff != "" {
				t.Errorf("elements (-want +got):\n%s", diff)
			}
			if err := l.Err(); test.fault != "" && (err == nil || err.Error() != test.fault) || test.fault == "" && err != nil {
				t.Errorf("fault %v, want %s", err, test.fault)
			}
		})
	}
}

// FuzzRead: whatever comes, a good element is one that Parse would take alone, nothing is
// good and bad, and a symbol that Parse takes as a whole is read the same.
func FuzzRead(f *testing.F) {
	for i, v := range vectors(f) {
		if i%16 == 0 {
			f.Add(v.Scan, true)
		}
	}
	f.Add("]d2010950600013435210AB_210042\x1d17000000", true)
	f.Add("(01)09506000134352(10)AB", false)
	f.Add("example.com/gtin/9520123456788/lot/ABC/", false)
	f.Fuzz(func(t *testing.T, text string, suspect bool) {
		labels := []Label{Read(text, min(3, len(text)), suspect)}
		if link, ok := ReadLink(text, true); ok {
			labels = append(labels, link)
		}
		if elements, ok := Bracketed(text); ok {
			labels = append(labels, Read(elements, 0, false))
		}
		for _, l := range labels {
			for _, e := range l.Elements {
				if s := exact(e.AI); s == nil {
					t.Errorf("%q: there is no AI %q", text, e.AI)
				} else if n, _, why := s.measure(strings.ReplaceAll(e.Value, " ", "-")); why != "" || n != len(e.Value) {
					t.Errorf("%q: (%s) %q: %s", text, e.AI, e.Value, why)
				}
				if slices.Contains(l.Bad(), e.AI) {
					t.Errorf("%q: %s is good and bad", text, e.AI)
				}
				if _, amount, ok := Decimal(e.AI, e.Value); ok && amount == "" {
					t.Errorf("%q: (%s) %q is no amount", text, e.AI, e.Value)
				}
			}
			if len(l.Elements)+len(l.Faults) > 2*maxElements+2 {
				t.Errorf("%q: %d elements, %d faults", text, len(l.Elements), len(l.Faults))
			}
		}
		if len(text) > 3 {
			if elements, err := Parse("]d2" + text[3:]); err == nil && !suspect {
				for _, e := range elements {
					if good(labels[0])[e.AI] != e.Value {
						t.Errorf("%q: (%s) is %q, and Parse has %q", text, e.AI, good(labels[0])[e.AI], e.Value)
					}
				}
			}
		}
	})
}
