package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/plan"
	"stationd/internal/station"
)

// unitCommand returns the command that a line of the packaged unit runs, for this
// program and this configuration.
func unitCommand(t *testing.T, b *demo.Simulation, unit, directive string) *exec.Cmd {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", unit))
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
	b := newStation(t, nil)
	b.Chip.KeepLevels()
	must(t, b.Power(t.Context(), true))
	b.Push(demo.PinMaintenance, demo.PressTime)
	must(t, demo.Until(t.Context(), "the red lamp is steady", func() bool {
		l, ok := b.Lamps.Light(demo.PinRed)
		return ok && l == station.Steady
	}))
	must(t, b.Kill())
	if !b.Chip.Level(demo.PinRed) {
		t.Fatal("the lamp has gone dark by itself: nothing is proved")
	}
	out, err := unitCommand(t, b, "stationd.service", "ExecStopPost").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
	for _, pin := range []int{demo.PinRed, demo.PinYellow, demo.PinWhite} {
		must(t, demo.Until(t.Context(), "the lamp is dark", func() bool { return !b.Chip.Level(pin) }))
	}
	t.Run("a file with a fault", func(t *testing.T) {
		must(t, b.Power(t.Context(), true))
		must(t, demo.Until(t.Context(), "the red lamp is lit again", func() bool { return b.Chip.Level(demo.PinRed) }))
		editConfig(t, b, "pin  = 22", `pin = "red"`)
		must(t, b.Kill())
		out, err := unitCommand(t, b, "stationd.service", "ExecStopPost").CombinedOutput()
		if err != nil {
			t.Errorf("%v: %s", err, out)
		}
		must(t, demo.Until(t.Context(), "the lamp is dark", func() bool { return !b.Chip.Level(demo.PinRed) }))
		editConfig(t, b, `pin = "red"`, "pin  = 22")
	})
	t.Run("a chip that is gone is said, and nothing hangs", func(t *testing.T) {
		must(t, b.Power(t.Context(), true))
		must(t, b.Stop())
		was := "sim:" + b.ChipPath()
		editConfig(t, b, was, "sim:/nowhere")
		out, err := unitCommand(t, b, "stationd.service", "ExecStopPost").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "nowhere") {
			t.Errorf("%v: %s", err, out)
		}
		editConfig(t, b, "sim:/nowhere", was)
	})
}

// Started again and again, a station would be dark for most of the time: the pause before
// each start is spent blinking.
func TestAStationThatDiedBlinksUntilItsNextStartAndOneThatWasStoppedDoesNot(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	for _, end := range []struct {
		result string
		blinks bool
	}{{"success", false}, {"signal", true}, {"watchdog", true}} {
		must(t, demo.Until(t.Context(), "the lamp is dark", func() bool {
			light, ok := b.Lamps.Light(demo.PinRed)
			return ok && light == station.Off
		}))
		must(t, b.Kill())
		began := time.Now()
		c := unitCommand(t, b, "stationd.service", "ExecStopPost")
		c.Env = append(c.Env, "SERVICE_RESULT="+end.result)
		out, err := c.CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("after %s: %v: %s", end.result, err, out)
		}
		must(t, demo.Until(t.Context(), "the lamp is dark after "+end.result, func() bool { return !b.Chip.Level(demo.PinRed) }))
		if blinked := b.Lamps.Saw(demo.PinRed, station.Quick, began); blinked != end.blinks {
			t.Errorf("after %s the lamp blinked quickly: %v", end.result, blinked)
		}
	}
}

func TestTheLampsOfAStationThatHasGivenUpBlinkUntilItIsStartedAgain(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	must(t, b.Kill())
	editConfig(t, b, "pin  = 22", `pin = "red"`) // the file has faults now, and the lamps of the last good one are known
	c := unitCommand(t, b, "stationd-lamps.service", "ExecStart")
	began := time.Now()
	must(t, c.Start())
	for _, pin := range []int{demo.PinRed, demo.PinYellow, demo.PinWhite} {
		must(t, demo.Until(t.Context(), "the lamp blinks quickly", func() bool { return b.Lamps.Saw(pin, station.Quick, began) }))
	}
	must(t, c.Process.Signal(syscall.SIGTERM))
	if err := c.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	must(t, demo.Until(t.Context(), "the lamp is dark", func() bool { return !b.Chip.Level(demo.PinRed) }))
}

func TestTheUnitIsForbiddenWhatTheConfigurationDoesNotNeed(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	made := func() string {
		dir := t.TempDir()
		c := exec.CommandContext(t.Context(), "sh", filepath.Join("..", "..", "deploy", "stationd-generator"), dir, dir, dir)
		c.Env = append(os.Environ(), "STATIOND_DEMO=1", "STATIOND="+b.Command[0], "STATIOND_CONFIG="+b.ConfigPath())
		out, err := c.CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("the generator: %v: %s", err, out)
		}
		text, err := os.ReadFile(filepath.Join(dir, "stationd.service.d", "10-stationd.conf"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		return string(text)
	}
	if text := made(); !strings.Contains(text, "\nDeviceAllow=\nDeviceAllow=char-gpiochip rw\n") || strings.Contains(text, "char-input") || strings.Contains(text, "char-hidraw") {
		t.Errorf("without a reader that types:\n%s", text)
	}
	editConfig(t, b, `name = "hand"`, "name = \"hand\"\nport = \"hid:0c2e:0b61\"\n\n[[scanner]]\nname = \"other\"")
	if text := made(); !strings.Contains(text, "\nDeviceAllow=char-input r\n") || strings.Contains(text, "char-hidraw") {
		t.Errorf("with one:\n%s", text)
	}
	editConfig(t, b, `name = "hand"`, `name = 7`)
	if text := made(); text != "" {
		t.Errorf("with a fault something is forbidden:\n%s", text)
	}
}
