package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stationd/internal/plan"
)

const triggerConfig = `[station]
name     = "pack4-1"
timezone = "Europe/Stockholm"
data     = %q

[web]
listen = "127.0.0.1:0"

[[scanner]]
name = "hand"
port = %q

[[scanner]]
name = "line"
port = %q

[[on]]
event   = "hand.scan"
match   = '^GO$'
trigger = { %s = '%s' }

[[on]]
event = "line.scan"
match = '^PO(?P<order>\d+)$'
set   = { order = "{order}" }
`

func TestABindingTriggersAReader(t *testing.T) {
	t.Parallel()
	hand, line := newPluggedScanner(t), newPluggedScanner(t)
	data := t.TempDir()
	station := startConsole(t, "run", "--config", writeConfig(t, triggerConfig, data, hand.Link, line.Link, "line", `LON\r`))
	station.expect("scanner ready")
	station.expect("scanner ready")
	must(t, hand.Scan("GO"))
	heard := make(chan string, 1)
	go func() {
		got := make([]byte, len("LON\r"))
		n, err := io.ReadFull(line.Line(), got)
		heard <- string(got[:n]) + strings.TrimPrefix(errorText(err), "<nil>")
	}()
	select {
	case got := <-heard:
		if got != "LON\r" {
			t.Errorf("the reader heard %q", got)
		}
	case <-time.After(20 * time.Second):
		t.Error("the reader heard nothing")
	}
	station.send(ctrlC)
	station.expectExit(0)
	if _, err := os.Stat(filepath.Join(data, "outbox.db")); err != nil {
		t.Error(err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestATriggerThatCannotBeSentIsAFault(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ reader, text, want string }{
		{"elsewhere", "LON", `there is no "elsewhere"`},
		{"line", `\e`, "has a backslash that begins nothing"},
		{"line", "", "there is nothing to send"},
	} {
		_, faults, err := plan.Read(writeConfig(t, triggerConfig, t.TempDir(), "/dev/a", "/dev/b", test.reader, test.text))
		must(t, err)
		if len(faults) != 1 || !strings.Contains(faults[0].Text, test.want) {
			t.Errorf("%+v: faults %v", test, faults)
		}
	}
	_, faults, err := plan.Read(writeConfig(t, triggerConfig, t.TempDir(), "/dev/a", "hid:1209:5d01", "line", "LON"))
	must(t, err)
	if len(faults) != 1 || !strings.Contains(faults[0].Text, "nothing can be sent to a reader that types") {
		t.Errorf("faults %v", faults)
	}
}
