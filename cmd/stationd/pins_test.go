package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stationd/internal/demo"
)

// The lines of a test's chip: a button and a lamp, as configured.
const pinsConfig = `[station]
name     = "pack4-1"
timezone = "Europe/Stockholm"
data     = %q

[gpio]
chip = %q

[[button]]
name = "maintenance"
pin  = 17

[[lamp]]
name = "red"
pin  = 22
`

// configured writes a configuration and returns its path.
func configured(t *testing.T, format string, args ...any) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stationd.toml")
	must(t, os.WriteFile(path, fmt.Appendf(nil, format, args...), 0o600))
	return path
}

// drawn is what a terminal shows after the last drawing.
func drawn(c *console) string {
	all := c.shown()
	if i := strings.LastIndex(all, "A\r\x1b[K"); i >= 0 { // cursor up, and the first line again
		all = all[i:]
	}
	return regexp.MustCompile(`\x1b\[[0-9]*[A-Z]`).ReplaceAllString(all, "")
}

func TestTheElectricianWatchesAButtonOnATerminal(t *testing.T) {
	t.Parallel()
	sim, chip, lit := simHands(t)
	config := configured(t, pinsConfig, t.TempDir(), chip)
	c := sit(t, "pins", "--config", config)
	c.reads("GPIO17  11 high      0    0 maintenance")
	c.reads("GPIO22  15 red (a lamp)")
	sim.Press(17)
	must(t, demo.Until(t.Context(), "the button is low", func() bool {
		return strings.Contains(drawn(c), "GPIO17  11 low       1    0 maintenance")
	}))
	sim.Release(17)
	must(t, demo.Until(t.Context(), "the button is high again", func() bool {
		return strings.Contains(drawn(c), "GPIO17  11 high      2    0 maintenance")
	}))
	for line := range strings.SplitSeq(drawn(c), "\n") {
		if n := len([]rune(strings.TrimSpace(line))); n >= 80 {
			t.Errorf("a line of %d characters does not fit: %q", n, line)
		}
	}
	c.types(ctrlC)
	c.ends(0)
	if up, all := strings.Count(c.shown(), "\x1b[14A"), strings.Count(c.shown(), "line   pin level"); up != all/2-1 {
		t.Errorf("%d pictures of 14 lines, and the cursor went back %d times", all/2, up)
	}
	if len(lit) > 0 {
		t.Errorf("GPIO%d was driven", <-lit)
	}
}

func TestPinsIntoAPipeAreOneLineAChange(t *testing.T) {
	t.Parallel()
	sim, chip, _ := simHands(t)
	out := filepath.Join(t.TempDir(), "out")
	c := sit(t, "pins", "--chip", chip)
	c.reads("GPIO17")
	c.types(ctrlC)
	c.ends(0)
	// The same again, with the shell's redirection between it and the terminal.
	c = sitShell(t, `exec stationd pins --chip "$1" >"$2"`, chip, out)
	written := func() string {
		text, err := os.ReadFile(out)
		if err != nil {
			return ""
		}
		return string(text)
	}
	must(t, demo.Until(t.Context(), "the first levels are written", func() bool { return strings.Contains(written(), "GPIO27") }))
	sim.Press(5)
	must(t, demo.Until(t.Context(), "the press is written", func() bool {
		return strings.Contains(written(), " GPIO5   low  edges 1 glitches 0\n")
	}))
	sim.Release(5)
	must(t, demo.Until(t.Context(), "the release is written", func() bool {
		return strings.Contains(written(), " GPIO5   high edges 2 glitches 0\n")
	}))
	c.types(ctrlC)
	c.ends(0)
	if lines := strings.Count(written(), "\n"); lines != 26+2 || strings.Contains(written(), "\x1b") {
		t.Errorf("26 first levels and 2 changes came to %d lines:\n%s", lines, written())
	}
}

func TestPinsAsJSON(t *testing.T) {
	t.Parallel()
	sim, chip, _ := simHands(t)
	sim.Press(17)
	c := sit(t, "pins", "--json", "--config", configured(t, pinsConfig, t.TempDir(), chip))
	c.reads(`"pin":17,"line":"GPIO17","header":11,"name":"maintenance","level":"low","edges":0,"glitches":0}`)
	c.reads(`"pin":22,"line":"GPIO22","header":15,"name":"red","edges":0,"glitches":0,"left":"a lamp"}`)
	sim.Release(17)
	c.reads(`"name":"maintenance","level":"high","edges":1,"glitches":0}`)
	c.types(ctrlC)
	c.ends(0)
}

func TestPinsLeaveARunningStationItsLines(t *testing.T) {
	t.Parallel()
	_, chip, _ := simHands(t)
	config := configured(t, pinsConfig+"[web]\nlisten = \"127.0.0.1:0\"\n", t.TempDir(), chip)
	station := sit(t, "run", "--config", config)
	station.reads("the station is ready")
	c := sit(t, "pins", "--config", config)
	c.reads("station pack4-1: the lines are in use by a station that is running; stop it first, and start it again afterwards: systemctl stop stationd")
	c.ends(1)
	station.types(ctrlC)
	station.ends(0)
}

func TestPinsWithoutAChip(t *testing.T) {
	t.Parallel()
	c := sit(t, "pins", "--chip", "sim:/nowhere")
	c.reads("no such file or directory")
	c.ends(1)
	c = sit(t, "pins", "--bias", "sideways")
	c.reads("--bias sideways: choose pull-up, pull-down or none")
	c.ends(2)
	c = sit(t, "pins", "--config", "/nowhere.toml")
	c.reads("there is no configuration /nowhere.toml; write one with stationd setup")
	c.ends(78)
}
