package gs1

import (
	"os"
	"strings"
	"testing"
)

func TestEveryIdentifierHasTheTitleOfGS1sDictionary(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/syntax-dictionary.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(text)) {
		if line[0] < '0' || line[0] > '9' {
			continue
		}
		numbers, rest, _ := strings.Cut(line, " ")
		_, want, _ := strings.Cut(rest, "# ")
		want = strings.TrimSpace(want)
		first, last, isRange := strings.Cut(numbers, "-")
		ais := []string{first}
		if isRange {
			ais = append(ais, last)
		}
		for _, ai := range ais {
			seen++
			if got := Title(ai); got != want {
				t.Errorf("AI %s is titled %q, want %q", ai, got, want)
			}
		}
	}
	if seen < 224 {
		t.Errorf("only %d identifiers were read of the dictionary", seen)
	}
}

func TestWhatIsNoIdentifierHasNoTitle(t *testing.T) {
	t.Parallel()
	for _, ai := range []string{"", "0", "010", "3106", "31", "9999", "x", "00 SSCC"} {
		if got := Title(ai); got != "" {
			t.Errorf("Title(%q) = %q", ai, got)
		}
	}
}
