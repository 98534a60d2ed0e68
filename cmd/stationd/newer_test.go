package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestAfterADowngradeTheOutboxIsRefusedInWordsAndNotTouched(t *testing.T) {
	t.Parallel()
	b := floor(t, nil)
	must(t, b.cable(false))
	recorded(t, b, "maintenance.press", func() { b.push(pinMaintenance, briefly) })
	must(t, b.power(t.Context(), false))
	mine, err := os.ReadFile(b.outboxPath())
	must(t, err)
	newer := bytes.ReplaceAll(mine, []byte("SDQ\x01"), []byte("SDQ\x02"))
	newer = bytes.ReplaceAll(newer, []byte("version\x01"), []byte("version\x02"))
	must(t, os.WriteFile(b.outboxPath(), newer, 0o600))
	before, err := os.Stat(b.outboxPath())
	must(t, err)
	for _, args := range [][]string{
		{"run", "--config", b.configPath()},
		{"outbox", "ls", "--config", b.configPath()},
		{"outbox", "verify", "--config", b.configPath()},
		{"outbox", "verify", "--file", b.outboxPath()},
	} {
		c := exec.CommandContext(t.Context(), b.command[0], args...)
		c.Env = append(os.Environ(), "STATIOND_DEMO=1")
		said, err := c.CombinedOutput()
		var ended *exec.ExitError
		if !errors.As(err, &ended) || ended.ExitCode() != exitConfig {
			t.Errorf("%v ends with %v, want %d:\n%s", args, err, exitConfig, said)
		}
		for _, word := range []string{"written by stationd unreleased", "a newer version of stationd wrote it", "version 2", "nothing was changed", "install"} {
			if !strings.Contains(string(said), word) {
				t.Errorf("%v does not say %q:\n%s", args, word, said)
			}
		}
	}
	after, err := os.Stat(b.outboxPath())
	must(t, err)
	now, err := os.ReadFile(b.outboxPath())
	must(t, err)
	if !bytes.Equal(now, newer) || !after.ModTime().Equal(before.ModTime()) {
		t.Error("it was touched")
	}
	must(t, os.WriteFile(b.outboxPath(), mine, 0o600)) // the newer version is installed again
	must(t, b.power(t.Context(), true))
	must(t, b.cable(true))
	must(t, b.drained(t.Context()))
	if n := len(b.plant.Dispatches()); n != 1 {
		t.Errorf("the plant has %d dispatches", n)
	}
}
