package station

import (
	"html"
	"strings"
	"testing"
)

func TestAMarkIsFoundInWhateverFormAVendorShowsIt(t *testing.T) {
	t.Parallel()
	id, other := ID("9f86d081884c7d659a2feaa0c55ad015.1"), ID("9f86d081884c7d659a2feaa0c55ad015.2")
	told := id.Mark() + " Help needed"
	for form, shown := range map[string]string{
		"as it was told":       told,
		"in small letters":     strings.ToLower(told),
		"in capitals":          strings.ToUpper(told),
		"as HTML":              html.EscapeString(told),
		"its brackets as HTML": strings.NewReplacer("[", "&#91;", "]", "&#93;").Replace(told),
		"without brackets":     strings.NewReplacer("[", "", "]", "").Replace(told),
		"with more around it":  "SEAL-1: " + told + " (MECH)",
	} {
		if !id.MarkedIn(shown) || other.MarkedIn(shown) || !AnyMarkIn(shown) {
			t.Errorf("%s: %q", form, shown)
		}
	}
	if AnyMarkIn("the SD-card of the panel") {
		t.Error("any text is taken for a mark")
	}
}

func TestATextIsTheSameInAnotherForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		shown, told string
		same        bool
	}{
		{"ab-12", "AB-12", true},
		{" AB-12\t", "ab-12", true},
		{"123", "000123", true},
		{"0", "000", true},
		{"123", "0001230", false},
		{"A123", "A0123", false},
		{"", "0", false},
		{"", "", true},
		{"AB-12", "AB-13", false},
	} {
		if got := SameText(c.shown, c.told); got != c.same {
			t.Errorf("%q for %q: %v", c.shown, c.told, got)
		}
	}
}
