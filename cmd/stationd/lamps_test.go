package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/plan"
	"stationd/internal/station"
)

// unitCommand returns the command that a line of the packaged unit runs, for this
// program and this configuration.
func unitCommand(t *testing.T, b *demo.Box, directive string) *exec.Cmd {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "stationd.service"))
	must(t, err)
	_, rest, found := strings.Cut(string(text), "\n"+directive+"=")
	line, _, _ := strings.Cut(rest, "\n")
	words := strings.Fields(strings.TrimPrefix(line, "-"))
	if !found || len(words) < 2 || words[0] != "/usr/bin/stationd" || words[len(words)-1] != plan.DefaultPath {
		t.Fatalf("the unit's %s= is %q", directive, line)
	}
	words = append(words[1:len(words)-1], b.ConfigPath())
	c := exec.CommandContext(t.Context(), b.Command[0], words...)
	c.Env = append(os.Environ(), "STATIOND_DEMO=1")
	return c
}

func TestAKillLeavesNoLampThatPromisesAnything(t *testing.T) {
	t.Parallel()
	b := dark(t, nil)
	b.Hands.KeepLevels()
	must(t, b.Power(t.Context(), true))
	b.Push(demo.PinMaintenance, demo.Briefly)
	must(t, demo.Until(t.Context(), "the red lamp is steady", func() bool {
		l, ok := b.Eyes.Light(demo.PinRed)
		return ok && l == station.Steady
	}))
	must(t, b.Kill())
	if !b.Hands.Level(demo.PinRed) {
		t.Fatal("the lamp has gone dark by itself: nothing is proved")
	}
	out, err := unitCommand(t, b, "ExecStopPost").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
	for _, pin := range []int{demo.PinRed, demo.PinYellow, demo.PinWhite} {
		must(t, demo.Until(t.Context(), "the lamp is dark", func() bool { return !b.Hands.Level(pin) }))
	}
	t.Run("a file with a fault", func(t *testing.T) {
		must(t, b.Power(t.Context(), true))
		must(t, demo.Until(t.Context(), "the red lamp is lit again", func() bool { return b.Hands.Level(demo.PinRed) }))
		edit(t, b, "pin  = 22", `pin = "red"`)
		must(t, b.Kill())
		out, err := unitCommand(t, b, "ExecStopPost").CombinedOutput()
		if err != nil || b.Hands.Level(demo.PinRed) {
			t.Errorf("the lamp is lit: %v, %v: %s", b.Hands.Level(demo.PinRed), err, out)
		}
		edit(t, b, `pin = "red"`, "pin  = 22")
	})
	t.Run("a chip that is gone is said, and nothing hangs", func(t *testing.T) {
		must(t, b.Power(t.Context(), true))
		must(t, b.Stop())
		was := "sim:" + b.ChipPath()
		edit(t, b, was, "sim:/nowhere")
		out, err := unitCommand(t, b, "ExecStopPost").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "nowhere") {
			t.Errorf("%v: %s", err, out)
		}
		edit(t, b, "sim:/nowhere", was)
	})
}
