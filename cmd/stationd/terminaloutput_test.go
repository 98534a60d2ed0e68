package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/station"
)

// expectHarmless checks that a text has no characters that act on a terminal.
func expectHarmless(t *testing.T, what, text string) {
	t.Helper()
	if shown := string(station.Printable([]byte(text))); shown != text {
		for line := range strings.Lines(text) {
			if string(station.Printable([]byte(line))) != line {
				t.Errorf("%s acts on a terminal: %q", what, line)
				return
			}
		}
	}
}

// A label and a vendor say what they like: nothing of it acts on the terminal of whoever
// looks, by whatever command, nor on the one that the log is read on.
func TestNothingThatALabelOrAVendorSaysActsOnATerminal(t *testing.T) {
	t.Parallel()
	const owned = "\x1b]0;owned\x07\x1b[2J\rwell\u009b2K\u202egnp\u2066\u200b\u2028"
	b := startStation(t, nil)
	b.Plant.AddFault(plant.Fault{Kind: plant.Refusal, Where: "POST *", Text: "Machine is " + owned + " scrapped"})
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.WaitDelivered(t.Context()))
	for _, code := range []string{"]Q1UNKNOWN" + owned, "]C101095060001343510" + owned, "]Q1\x9b2J\x8d", "]d1[)>\x1e06\x1dP" + owned + "\x1e\x04", "]Q1{\"po\": \"" + owned + "\"}"} {
		scanAndWait(t, b, strings.ReplaceAll(code, "\r", "\b")) // CR would end the scan
	}
	held := ""
	for _, args := range [][]string{
		{"outbox", "ls"}, {"outbox", "ls", "--json"}, {"outbox", "ls", "--all"}, {"outbox", "summary"}, {"outbox", "export"}, {"outbox", "verify"},
		{"doctor"}, {"doctor", "--json"}, {"call", "ls"}, {"check", b.ConfigPath()}, {"outbox", "retry", owned}, {"outbox", owned}, {owned},
	} {
		if args[0] != "check" && args[0] != owned && args[len(args)-1] != owned {
			args = append(args, "--config", b.ConfigPath())
		}
		var out, errs bytes.Buffer
		command(t.Context(), args, strings.NewReader(""), &out, &errs)
		expectHarmless(t, "stationd "+strings.Join(args[:1], " ")+", its output", out.String())
		expectHarmless(t, "stationd "+strings.Join(args[:1], " ")+", its errors", errs.String())
		if args[0] == "outbox" && strings.Contains(out.String(), "owned") {
			held = out.String()
		}
	}
	if held == "" {
		t.Error("no list shows what the label and the vendor said, so nothing was proved of it")
	}
	c, err := b.Contents(t.Context())
	must(t, err)
	if c.Held != 1 {
		t.Fatalf("%d are held", c.Held)
	}
	var out, errs bytes.Buffer
	command(t.Context(), []string{"outbox", "show", string(c.Entries[0].ID), "--config", b.ConfigPath()}, strings.NewReader(""), &out, &errs)
	expectHarmless(t, "outbox show", out.String()+errs.String())
	if !strings.Contains(out.String(), "owned") {
		t.Errorf("it shows %s%s", &out, &errs)
	}
	log, err := os.ReadFile(b.LogPath())
	must(t, err)
	expectHarmless(t, "the log", string(log))
	expectHarmless(t, "the page", readPage(t, b))
}

// Whoever tries a reader sees what a label holds, and it does nothing to his terminal.
func TestALabelThatIsTriedActsOnNoTerminal(t *testing.T) {
	t.Parallel()
	r := newPluggedScanner(t)
	for _, format := range []string{"", "--json"} {
		args := []string{"scans", "--config", writeScansConfig(t, r)}
		if format != "" {
			args = append(args, format)
		}
		c := startConsole(t, args...)
		c.expect("listening on")
		for _, scan := range []string{"]Q1\u202ePO\x1b]0;owned\x07", "]C101095060001343510A\u202eB\x1b[2J", "PC-\u009b2J\u2066", "]d1[)>\x1e06\x1dPA\x1b[2J\x1e\x04", "]Q1\x9b2J\x8d", "]C0THE-LAST"} {
			must(t, r.Scan(scan))
		}
		c.expect("THE-LAST")
		c.send(ctrlC)
		c.expectExit(0)
		// The terminal itself makes CR and LF of the end of a line, and ^C of Ctrl-C.
		expectHarmless(t, "scans", strings.ReplaceAll(c.output(), "\r\n", "\n"))
	}
}
