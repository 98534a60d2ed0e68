package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"stationd/internal/demo"
	"stationd/internal/plant"
)

func TestAShift(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a whole shift was NOT proved: it takes half a minute")
	}
	binary, err := exec.LookPath("stationd") // the test binary itself, see TestMain
	must(t, err)
	dir, err := os.MkdirTemp("", "stationd-shift-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	var out strings.Builder
	err = demo.PlayShift(t.Context(), demo.Config{Dir: dir, Command: []string{binary}, Plant: plant.Demo()}, &out)
	t.Logf("\n%s", &out)
	if err != nil {
		t.Fatalf("what the operator did and what the plant saw differ: %v", err)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 100 {
			t.Errorf("a line of %d characters does not fit into 100 columns: %s", n, line)
		}
	}
}
