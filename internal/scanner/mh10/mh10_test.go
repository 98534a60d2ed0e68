package mh10

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLabelsOfPartsAndPacks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		stands     []string
		want       map[string]string
		bad        []string
		elements   string
		faults     int
	}{
		{name: "a label by the book", text: "[)>\x1e06\x1dPA-100\x1d1PMPN-9\x1dQ500\x1d1TLOT7\x1d9D2731\x1e\x04",
			want: map[string]string{"P": "A-100", "1P": "MPN-9", "Q": "500", "1T": "LOT7", "9D": "2731"}},
		{name: "a character in front and no RS", text: ">[)>06\x1dPA-100\x1dQ500\x1d1TLOT7",
			want: map[string]string{"P": "A-100", "Q": "500", "1T": "LOT7"}},
		{name: "RS and no EOT, and zeros in front of the quantity", text: "[)>\x1e06\x1dPA-100\x1dQ000000001\x1d13Z000000\x1e",
			want: map[string]string{"P": "A-100", "Q": "1", "13Z": "000000"}},
		{name: "EOT and no RS", text: "[)>\x1e06\x1dPA-100\x1dQ5\x04", want: map[string]string{"P": "A-100", "Q": "5"}},
		{name: "a reader that writes the names", text: "[)>{RS}06{GS}PA-100{GS}Q5{RS}{EOT}", want: map[string]string{"P": "A-100", "Q": "5"}},
		{name: "a reader that writes something of its own", text: "[)>06|PA-100|Q5", stands: []string{"|"}, want: map[string]string{"P": "A-100", "Q": "5"}},
		{name: "application identifiers in format 05", text: "[)>\x1e05\x1d0109506000134352\x1d10AB\x1e\x04", elements: "0109506000134352\x1d10AB"},
		{name: "two formats in one envelope", text: "[)>\x1e06\x1dPA-100\x1e12\x1dSER 77\x1e\x04", want: map[string]string{"P": "A-100", "SER": "77"}},
		{name: "no quantity", text: "[)>\x1e06\x1dPA-100\x1dQ5X\x1e\x04", want: map[string]string{"P": "A-100"}, bad: []string{"Q"}, faults: 1},
		{name: "no day", text: "[)>\x1e06\x1dPA-100\x1d14D20260231\x1e\x04", want: map[string]string{"P": "A-100"}, bad: []string{"14D"}, faults: 1},
		{name: "no week", text: "[)>\x1e06\x1dPA-100\x1d10D2655\x1e\x04", want: map[string]string{"P": "A-100"}, bad: []string{"10D"}, faults: 1},
		{name: "one identifier with two values", text: "[)>\x1e06\x1dPA\x1dPB\x1dQ5\x1e\x04", want: map[string]string{"Q": "5"}, bad: []string{"P"}, faults: 1},
		{name: "one identifier twice with one value", text: "[)>\x1e06\x1dPA\x1dPA\x1e\x04", want: map[string]string{"P": "A"}},
		{name: "a quantity once wrong and once right", text: "[)>\x1e06\x1dPA\x1dQ5X\x1dQ5\x1e\x04", want: map[string]string{"P": "A"}, bad: []string{"Q"}, faults: 1},
		{name: "an empty field", text: "[)>\x1e06\x1dP\x1dQ5\x1e\x04", want: map[string]string{"Q": "5"}, bad: []string{"P"}, faults: 1},
		{name: "what is no field", text: "[)>\x1e06\x1d?\x1dQ5\x1e\x04", want: map[string]string{"Q": "5"}, faults: 1},
		{name: "a format without fields", text: "[)>\x1e07\x1dfree text\x1e\x04", faults: 1},
		{name: "an empty envelope", text: "[)>\x1e\x04", faults: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l, ok := Read(test.text, test.stands)
			if !ok {
				t.Fatal("it was not taken for an envelope")
			}
			var got map[string]string
			for _, f := range l.Fields {
				if got == nil {
					got = make(map[string]string)
				}
				got[f.ID] = f.Value
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.bad, l.Bad); diff != "" || len(l.Faults) != test.faults || l.Elements != test.elements {
				t.Errorf("bad (-want +got):\n%sfaults %v, elements %q", diff, l.Faults, l.Elements)
			}
		})
	}
}

func TestWhatIsNoEnvelope(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "PO4711", "[)", "xx[)>\x1e06\x1dPA"} {
		if _, ok := Read(text, nil); ok {
			t.Errorf("%q was taken for an envelope", text)
		}
	}
}

func TestOneIdentifierAloneInASymbol(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want Field
		ok   bool
	}{
		{"PA1234-5", Field{"P", "A1234-5"}, true},
		{"Q0500", Field{"Q", "500"}, true},
		{"1TLOT 7", Field{"1T", "LOT 7"}, true},
		{"1JUN123456789", Field{"1J", "UN123456789"}, true},
		{"30PABC", Field{"30P", "ABC"}, true},
		{"QUALITY", Field{}, false},
		{"P", Field{}, false},
		{"4711", Field{}, false},
		{"99XABC", Field{}, false},
		{"", Field{}, false},
		{"PA\x1dB", Field{}, false},
	}
	for _, test := range tests {
		if got, ok := ReadAlone(test.text); got != test.want || ok != test.ok {
			t.Errorf("%q is %v, %v, want %v, %v", test.text, got, ok, test.want, test.ok)
		}
	}
}

// validID is a data identifier or a text element identifier.
var validID = regexp.MustCompile(`^([0-9]{0,3}[A-Z]|[A-Z0-9]{3})$`)

func TestTheTable(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, row := range table {
		if seen[row.id] || !validID.MatchString(row.id) || row.title == "" {
			t.Errorf("the row of %q", row.id)
		}
		seen[row.id] = true
	}
	if Title("1T") != "lot of the supplier" || Title("99X") != "" {
		t.Error("titles")
	}
}

// FuzzRead: whatever comes, a field has an identifier and a value that stood in the text,
// none stands twice, and what is bad is not good too.
func FuzzRead(f *testing.F) {
	for _, text := range []string{"[)>\x1e06\x1dPA-100\x1dQ500\x1e\x04", ">[)>06\x1dPA", "[)>{RS}06{GS}PA", "[)>\x1e05\x1d10AB\x1e12\x1dSER 7", "PA1234", "Q0001", ""} {
		f.Add(text, "|")
	}
	f.Fuzz(func(t *testing.T, text, stand string) {
		if field, ok := ReadAlone(text); ok && !strings.HasPrefix(text, field.ID) {
			t.Errorf("%q became %v", text, field)
		}
		l, ok := Read(text, []string{stand})
		if !ok {
			return
		}
		seen := make(map[string]bool)
		for _, id := range l.Bad {
			seen[id] = true
		}
		for _, field := range l.Fields {
			if seen[field.ID] || !validID.MatchString(field.ID) || field.Value == "" {
				t.Errorf("%q: %v of %v, bad %v", text, field, l.Fields, l.Bad)
			}
			seen[field.ID] = true
		}
		if len(l.Fields)+len(l.Faults) > 2*maxFields+len(text) {
			t.Errorf("%d fields and %d faults", len(l.Fields), len(l.Faults))
		}
	})
}
