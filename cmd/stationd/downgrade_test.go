package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/exit"
)

func TestAfterADowngradeTheOutboxIsRefusedInWordsAndNotTouched(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	must(t, b.Cable(false))
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.Power(t.Context(), false))
	mine, err := os.ReadFile(b.OutboxPath())
	must(t, err)
	newer := bytes.ReplaceAll(mine, []byte("SDQ\x04"), []byte("SDQ\x08"))
	if bytes.Equal(newer, mine) {
		t.Fatal("the outbox has another version than this test makes newer")
	}
	newer = bytes.ReplaceAll(newer, []byte("version\x04"), []byte("version\x08"))
	must(t, os.WriteFile(b.OutboxPath(), newer, 0o600))
	before, err := os.Stat(b.OutboxPath())
	must(t, err)
	for _, args := range [][]string{
		{"run", "--config", b.ConfigPath()},
		{"outbox", "ls", "--config", b.ConfigPath()},
		{"outbox", "verify", "--config", b.ConfigPath()},
		{"outbox", "verify", "--file", b.OutboxPath()},
	} {
		c := exec.CommandContext(t.Context(), b.Command[0], args...)
		c.Env = append(os.Environ(), "STATIOND_DEMO=1")
		said, err := c.CombinedOutput()
		var ended *exec.ExitError
		if !errors.As(err, &ended) || ended.ExitCode() != exit.Config {
			t.Errorf("%v ends with %v, want %d:\n%s", args, err, exit.Config, said)
		}
		for _, word := range []string{"written by stationd unreleased", "a newer version of stationd wrote it", "version 8", "nothing was changed", "install"} {
			if !strings.Contains(string(said), word) {
				t.Errorf("%v does not say %q:\n%s", args, word, said)
			}
		}
	}
	after, err := os.Stat(b.OutboxPath())
	must(t, err)
	now, err := os.ReadFile(b.OutboxPath())
	must(t, err)
	if !bytes.Equal(now, newer) || !after.ModTime().Equal(before.ModTime()) {
		t.Error("it was touched")
	}
	must(t, os.WriteFile(b.OutboxPath(), mine, 0o600)) // the newer version is installed again
	must(t, b.Power(t.Context(), true))
	must(t, b.Cable(true))
	must(t, b.WaitDelivered(t.Context()))
	if n := len(b.Plant.Dispatches()); n != 1 {
		t.Errorf("the plant has %d dispatches", n)
	}
}
