package poster

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"stationd/internal/station"
	"stationd/internal/words"
)

// all is a station that has everything.
func all(tag string) Station {
	return Station{
		Name: "pack4-1", Words: words.In(tag), Lamps: true, Buzzers: true, Red: true, Yellow: true, Green: true,
		Buttons: []Button{
			{Name: "maintenance", Does: []Deed{{station.Press, []string{"Open dispatch: MAINT"}}, {station.Hold, []string{"Close dispatch: MAINT"}}}},
			{Name: "material", Does: []Deed{{station.Press, []string{"Open dispatch: MATERIAL"}}, {Again, []string{"Close dispatch"}}}},
		},
	}
}

// documented are the patterns of docs/lamps.md, which the program's own tests hold to what
// it does: when a thing is on in the first seconds.
func documented(t *testing.T, name string, seconds float64) (on []interval) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "lamps.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "<!-- patterns -->")
	_, row, found := strings.Cut(table, "\n| "+name+" | ")
	if !found {
		t.Fatalf("docs/lamps.md has no pattern of %s", name)
	}
	text, _, _ := strings.Cut(row, " |")
	switch text {
	case "dark":
		return nil
	case "lit":
		return []interval{{0, seconds}}
	}
	text, again := strings.CutSuffix(text, ", and again")
	for at := 0.0; at < seconds-1e-9; {
		for part := range strings.SplitSeq(text, ", ") {
			number, word, _ := strings.Cut(part, " ")
			length, err := strconv.ParseFloat(number, 64)
			if err != nil {
				t.Fatal(err)
			}
			if (word == "lit" || word == "on") && at < seconds-1e-9 {
				on = append(on, interval{at, length})
			}
			at += length
		}
		if !again {
			break
		}
	}
	return on
}

func TestThePosterDrawsThePatternsOfTheDocument(t *testing.T) {
	t.Parallel()
	same := func(a, b []interval) bool {
		return slices.EqualFunc(a, b, func(a, b interval) bool {
			return math.Abs(a.from-b.from) < 1e-9 && math.Abs(a.length-b.length) < 1e-9
		})
	}
	for l := station.Off; l.String() != "no light"; l++ {
		if got, want := patternOf(l), documented(t, l.String(), lightTime); !same(got, want) {
			t.Errorf("%v is drawn as %v, and docs/lamps.md has %v", l, got, want)
		}
	}
	for _, s := range []station.SoundKind{station.SoundRecorded, station.SoundRefused, station.SoundHeld} {
		if got, want := soundOf(s), documented(t, s.String(), soundTime); !same(got, want) {
			t.Errorf("%v is drawn as %v, and docs/lamps.md has %v", s, got, want)
		}
	}
}

func TestThePosterIsOneSideInEveryLanguage(t *testing.T) {
	t.Parallel()
	for _, tag := range words.Languages() {
		if n := len(Draw(all(tag))); n != 1 {
			t.Errorf("%s: it has %d sides", tag, n)
		}
	}
	many := all("en")
	for i := range 30 {
		many.Buttons = append(many.Buttons, Button{Name: fmt.Sprint("button ", i), Does: many.Buttons[0].Does})
	}
	if n := len(Draw(many)); n != 3 {
		t.Errorf("with 32 buttons it has %d sides, want 3", n)
	}
}
