package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/plant"
)

// heardReady is what the station says at its start, and the others what it says of a reload.
const (
	heardReady  = "the station is ready"
	heardReload = "the configuration was reloaded"
	heardStays  = "the configuration stays as it was"
)

// reload tells the station to read its configuration, as systemctl reload does,
// and waits until it has said that.
func reload(t *testing.T, b *demo.Simulation, says string) {
	t.Helper()
	before := b.Log.Count(says)
	c := b.Process()
	if c == nil {
		t.Fatal("the station does not run")
	}
	must(t, c.Cmd.Process.Signal(syscall.SIGHUP))
	must(t, demo.Until(t.Context(), says, func() bool { return b.Log.Count(says) > before }))
}

// edit changes a text of the station's configuration.
func edit(t *testing.T, b *demo.Simulation, old, new string) {
	t.Helper()
	text, err := os.ReadFile(b.ConfigPath())
	must(t, err)
	if !bytes.Contains(text, []byte(old)) {
		t.Fatalf("the configuration has no %q", old)
	}
	must(t, os.WriteFile(b.ConfigPath(), bytes.Replace(text, []byte(old), []byte(new), 1), 0o600))
}

func TestTheConfigurationIsReloaded(t *testing.T) {
	t.Parallel()
	const (
		calls, help  = `description = "Help needed at {station}"`, "Help needed at pack4-1"
		runsOut, now = `description = "{station} is running out of trays"`, "Trays, now"
	)
	described := func(b *demo.Simulation) (texts []string) {
		for _, d := range b.Plant.Dispatches() {
			_, text, _ := strings.Cut(d.Description, "] ")
			texts = append(texts, text)
		}
		return texts
	}
	t.Run("what waits goes out as it was meant when it was pressed, and the next press by the new configuration", func(t *testing.T) {
		t.Parallel()
		b := floor(t, nil)
		must(t, b.Cable(false))
		recorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
		edit(t, b, calls, `description = "Hurry"`)
		edit(t, b, runsOut, `description = "Trays, now"`)
		reload(t, b, heardReload)
		recorded(t, b, "material.press", func() { b.Push(demo.PinMaterial, demo.PressTime) })
		must(t, b.Cable(true))
		must(t, b.WaitDelivered(t.Context()))
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
		if !strings.Contains(b.Log.Tail(), "needs a restart") {
			t.Errorf("it says:\n%s", b.Log.Tail())
		}
		recorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
		must(t, b.WaitDelivered(t.Context()))
		if got := strings.Join(described(b), ", "); got != help {
			t.Errorf("the dispatches say: %s", got)
		}
	})
	t.Run("a key that was wrong is replaced, and what waited for it is delivered once", func(t *testing.T) {
		t.Parallel()
		b := floor(t, nil)
		key := filepath.Join(b.Dir, "keys", "l2l.key")
		must(t, os.WriteFile(key, []byte("yesterdays-key\n"), 0o600))
		reload(t, b, heardReload)
		recorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
		must(t, demo.Until(t.Context(), "the page says that the key is wrong", func() bool {
			s, err := b.Control().Snapshot(t.Context())
			return err == nil && strings.Contains(s.Health.Backends["l2l"].Fault, "key")
		}))
		must(t, os.WriteFile(key, []byte(plant.Demo().L2LKey+"\n"), 0o600))
		reload(t, b, heardReload)
		waiting, ok := b.Waiting(t.Context())
		if !ok || len(waiting) != 1 {
			t.Fatalf("%d wait", len(waiting))
		}
		must(t, b.WaitDelivered(t.Context()))
		if got := described(b); len(got) != 1 {
			t.Errorf("the dispatches say: %q", got)
		}
		if strings.Contains(b.Log.Tail(), "yesterdays-key") {
			t.Error("the log has a key")
		}
	})
}
