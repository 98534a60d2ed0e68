package gpio

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/station"
)

func TestThePatternsAreAsThePageSays(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "lamps.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "<!-- patterns -->\n")
	if !found {
		t.Fatal("docs/lamps.md has no table of patterns")
	}
	table, _, _ := strings.Cut(rest, "\n\n")
	got := strings.Split(table, "\n")[2:]

	want := []string{"| off | dark |", "| steady | lit |"}
	for _, light := range []station.Light{station.Slow, station.Quick, station.OffDuty} {
		p, _ := patternOf(light)
		want = append(want, fmt.Sprintf("| %s | %s, and again |", light, lengths(append(p.changes, p.period), "lit", "dark")))
	}
	for _, kind := range []station.SoundKind{station.SoundRecorded, station.SoundRefused, station.SoundHeld} {
		want = append(want, fmt.Sprintf("| %s | %s |", kind, lengths(soundChanges(kind), "on", "off")))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/lamps.md (-so it is +it says):\n%s", diff)
	}
}

// lengths writes turns as "0.5 lit, 0.5 dark".
func lengths(turns []time.Duration, on, off string) string {
	var all []string
	before := time.Duration(0)
	for i, turn := range turns {
		word := on
		if i%2 == 1 {
			word = off
		}
		all = append(all, strconv.FormatFloat((turn-before).Seconds(), 'f', -1, 64)+" "+word)
		before = turn
	}
	return strings.Join(all, ", ")
}
