package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"stationd/internal/plant"
)

// heardReload and heardStays are what the station says of a reload.
const (
	heardReload = "the configuration was reloaded"
	heardStays  = "the configuration stays as it was"
)

// reload tells the station to read its configuration, as systemctl reload does,
// and waits until it has said that.
func reload(t *testing.T, b *box, says string) {
	t.Helper()
	before := b.log.count(says)
	c := b.running()
	if c == nil {
		t.Fatal("the station does not run")
	}
	must(t, c.cmd.Process.Signal(syscall.SIGHUP))
	must(t, until(t.Context(), says, func() bool { return b.log.count(says) > before }))
}

// edit changes a text of the station's configuration.
func edit(t *testing.T, b *box, old, new string) {
	t.Helper()
	text, err := os.ReadFile(b.configPath())
	must(t, err)
	if !bytes.Contains(text, []byte(old)) {
		t.Fatalf("the configuration has no %q", old)
	}
	must(t, os.WriteFile(b.configPath(), bytes.Replace(text, []byte(old), []byte(new), 1), 0o600))
}

func TestTheConfigurationIsReloaded(t *testing.T) {
	t.Parallel()
	const (
		calls, help  = `description = "Help needed at {station}"`, "Help needed at pack4-1"
		runsOut, now = `description = "{station} is running out of trays"`, "Trays, now"
	)
	described := func(b *box) (texts []string) {
		for _, d := range b.plant.Dispatches() {
			_, text, _ := strings.Cut(d.Description, "] ")
			texts = append(texts, text)
		}
		return texts
	}
	t.Run("what waits goes out as it was meant when it was pressed, and the next press by the new configuration", func(t *testing.T) {
		t.Parallel()
		b := floor(t, nil)
		must(t, b.cable(false))
		recorded(t, b, "maintenance.press", func() { b.push(pinMaintenance, briefly) })
		edit(t, b, calls, `description = "Hurry"`)
		edit(t, b, runsOut, `description = "Trays, now"`)
		reload(t, b, heardReload)
		recorded(t, b, "material.press", func() { b.push(pinMaterial, briefly) })
		must(t, b.cable(true))
		must(t, b.drained(t.Context()))
		if got := strings.Join(described(b), ", "); got != help+", "+now {
			t.Errorf("the dispatches say: %s", got)
		}
	})
	t.Run("a configuration with a fault, or one that needs a restart, changes nothing", func(t *testing.T) {
		t.Parallel()
		b := floor(t, nil)
		edit(t, b, calls, `description = "Hurry", colour = "red"`)
		reload(t, b, heardStays)
		edit(t, b, `, colour = "red"`, "")
		edit(t, b, "pin  = 22", "pin  = 25")
		reload(t, b, heardStays)
		if !strings.Contains(b.log.tail(), "needs a restart") {
			t.Errorf("it says:\n%s", b.log.tail())
		}
		recorded(t, b, "maintenance.press", func() { b.push(pinMaintenance, briefly) })
		must(t, b.drained(t.Context()))
		if got := strings.Join(described(b), ", "); got != help {
			t.Errorf("the dispatches say: %s", got)
		}
	})
	t.Run("a key that was wrong is replaced, and what waited for it is delivered once", func(t *testing.T) {
		t.Parallel()
		b := floor(t, nil)
		key := filepath.Join(b.dir, "keys", "l2l.key")
		must(t, os.WriteFile(key, []byte("yesterdays-key\n"), 0o600))
		reload(t, b, heardReload)
		recorded(t, b, "maintenance.press", func() { b.push(pinMaintenance, briefly) })
		must(t, until(t.Context(), "the page says that the key is wrong", func() bool {
			s, err := b.desk().Snapshot(t.Context())
			return err == nil && strings.Contains(s.Health.Backends["l2l"].Fault, "key")
		}))
		must(t, os.WriteFile(key, []byte(plant.Demo().L2LKey+"\n"), 0o600))
		reload(t, b, heardReload)
		waiting, ok := b.waiting(t.Context())
		if !ok || len(waiting) != 1 {
			t.Fatalf("%d wait", len(waiting))
		}
		must(t, b.drained(t.Context()))
		if got := described(b); len(got) != 1 {
			t.Errorf("the dispatches say: %q", got)
		}
		if strings.Contains(b.log.tail(), "yesterdays-key") {
			t.Error("the log has a key")
		}
	})
}
