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

// writeConfig writes a configuration and returns its path.
func writeConfig(t *testing.T, format string, args ...any) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stationd.toml")
	must(t, os.WriteFile(path, fmt.Appendf(nil, format, args...), 0o600))
	return path
}

// lastDrawing returns the table as it was drawn last.
func lastDrawing(c *console) string {
	all := c.output()
	if i := strings.LastIndex(all, "A\r\x1b[K"); i >= 0 { // cursor up, and the first line again
		all = all[i:]
	}
	return regexp.MustCompile(`\x1b\[[0-9]*[A-Z]`).ReplaceAllString(all, "")
}

func TestTheElectricianWatchesAButtonOnATerminal(t *testing.T) {
	t.Parallel()
	sim, chip, lit := newChip(t)
	config := writeConfig(t, pinsConfig, t.TempDir(), chip)
	c := startConsole(t, "pins", "--config", config)
	c.expect("GPIO17  11 high      0    0 maintenance")
	c.expect("GPIO22  15 red (a lamp)")
	sim.Press(17)
	must(t, demo.Until(t.Context(), "the button is low", func() bool {
		return strings.Contains(lastDrawing(c), "GPIO17  11 low       1    0 maintenance")
	}))
	sim.Release(17)
	must(t, demo.Until(t.Context(), "the button is high again", func() bool {
		return strings.Contains(lastDrawing(c), "GPIO17  11 high      2    0 maintenance")
	}))
	for line := range strings.SplitSeq(lastDrawing(c), "\n") {
		if n := len([]rune(strings.TrimSpace(line))); n >= 80 {
			t.Errorf("a line of %d characters does not fit: %q", n, line)
		}
	}
	c.send(ctrlC)
	c.expectExit(0)
	if up, all := strings.Count(c.output(), "\x1b[14A"), strings.Count(c.output(), "line   pin level"); up != all/2-1 {
		t.Errorf("%d pictures of 14 lines, and the cursor went back %d times", all/2, up)
	}
	if len(lit) > 0 {
		t.Errorf("GPIO%d was driven", <-lit)
	}
}

func TestPinsIntoAPipeAreOneLineAChange(t *testing.T) {
	t.Parallel()
	sim, chip, _ := newChip(t)
	out := filepath.Join(t.TempDir(), "out")
	c := startConsole(t, "pins", "--chip", chip)
	c.expect("GPIO17")
	c.send(ctrlC)
	c.expectExit(0)
	// The same again, with the shell's redirection between it and the terminal.
	c = startShell(t, `exec stationd pins --chip "$1" >"$2"`, chip, out)
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
	c.send(ctrlC)
	c.expectExit(0)
	if lines := strings.Count(written(), "\n"); lines != 26+2 || strings.Contains(written(), "\x1b") {
		t.Errorf("26 first levels and 2 changes came to %d lines:\n%s", lines, written())
	}
}

func TestPinsAsJSON(t *testing.T) {
	t.Parallel()
	sim, chip, _ := newChip(t)
	sim.Press(17)
	c := startConsole(t, "pins", "--json", "--config", writeConfig(t, pinsConfig, t.TempDir(), chip))
	c.expect(`"pin":17,"line":"GPIO17","header":11,"name":"maintenance","level":"low","edges":0,"glitches":0}`)
	c.expect(`"pin":22,"line":"GPIO22","header":15,"name":"red","edges":0,"glitches":0,"left":"a lamp"}`)
	sim.Release(17)
	c.expect(`"name":"maintenance","level":"high","edges":1,"glitches":0}`)
	c.send(ctrlC)
	c.expectExit(0)
}

func TestPinsLeaveARunningStationItsLines(t *testing.T) {
	t.Parallel()
	_, chip, _ := newChip(t)
	config := writeConfig(t, pinsConfig+"[web]\nlisten = \"127.0.0.1:0\"\n", t.TempDir(), chip)
	station := startConsole(t, "run", "--config", config)
	station.expect("the station is ready")
	c := startConsole(t, "pins", "--config", config)
	c.expect("station pack4-1: the lines are in use by a station that is running; stop it first, and start it again afterwards: systemctl stop stationd")
	c.expectExit(1)
	station.send(ctrlC)
	station.expectExit(0)
}

func TestPinsWithoutAChip(t *testing.T) {
	t.Parallel()
	c := startConsole(t, "pins", "--chip", "sim:/nowhere")
	c.expect("no such file or directory")
	c.expectExit(1)
	c = startConsole(t, "pins", "--bias", "sideways")
	c.expect("--bias sideways: choose pull-up, pull-down or none")
	c.expectExit(2)
	c = startConsole(t, "pins", "--config", "/nowhere.toml")
	c.expect("there is no configuration /nowhere.toml; write one with stationd setup")
	c.expectExit(78)
}
