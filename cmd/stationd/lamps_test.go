package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/station"
)

// unitCommand returns the command that a line of the packaged unit runs, for this
// program and this configuration.
func unitCommand(t *testing.T, b *box, directive string) *exec.Cmd {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "stationd.service"))
	must(t, err)
	_, rest, found := strings.Cut(string(text), "\n"+directive+"=")
	line, _, _ := strings.Cut(rest, "\n")
	words := strings.Fields(strings.TrimPrefix(line, "-"))
	if !found || len(words) < 2 || words[0] != "/usr/bin/stationd" || words[len(words)-1] != defaultConfig {
		t.Fatalf("the unit's %s= is %q", directive, line)
	}
	words = append(words[1:len(words)-1], b.configPath())
	c := exec.CommandContext(t.Context(), b.command[0], words...)
	c.Env = append(os.Environ(), "STATIOND_DEMO=1")
	return c
}

func TestAKillLeavesNoLampThatPromisesAnything(t *testing.T) {
	t.Parallel()
	b := dark(t, nil)
	b.hands.KeepLevels()
	must(t, b.power(t.Context(), true))
	b.push(pinMaintenance, briefly)
	must(t, until(t.Context(), "the red lamp is steady", func() bool {
		l, ok := b.eyes.light(pinRed)
		return ok && l == station.Steady
	}))
	must(t, b.kill())
	if !b.hands.Level(pinRed) {
		t.Fatal("the lamp has gone dark by itself: nothing is proved")
	}
	out, err := unitCommand(t, b, "ExecStopPost").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
	for _, pin := range []int{pinRed, pinYellow, pinWhite} {
		must(t, until(t.Context(), "the lamp is dark", func() bool { return !b.hands.Level(pin) }))
	}
	t.Run("a file with a fault", func(t *testing.T) {
		must(t, b.power(t.Context(), true))
		must(t, until(t.Context(), "the red lamp is lit again", func() bool { return b.hands.Level(pinRed) }))
		edit(t, b, "pin  = 22", `pin = "red"`)
		must(t, b.kill())
		out, err := unitCommand(t, b, "ExecStopPost").CombinedOutput()
		if err != nil || b.hands.Level(pinRed) {
			t.Errorf("the lamp is lit: %v, %v: %s", b.hands.Level(pinRed), err, out)
		}
		edit(t, b, `pin = "red"`, "pin  = 22")
	})
	t.Run("a chip that is gone is said, and nothing hangs", func(t *testing.T) {
		must(t, b.power(t.Context(), true))
		must(t, b.stop())
		was := "sim:" + b.chipPath()
		edit(t, b, was, "sim:/nowhere")
		out, err := unitCommand(t, b, "ExecStopPost").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "nowhere") {
			t.Errorf("%v: %s", err, out)
		}
		edit(t, b, "sim:/nowhere", was)
	})
}
