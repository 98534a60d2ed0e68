package main

import (
	"os"
	"path/filepath"
	"strings"
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
		b := startStation(t, nil)
		must(t, b.Cable(false))
		waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
		editConfig(t, b, calls, `description = "Hurry"`)
		editConfig(t, b, runsOut, `description = "Trays, now"`)
		reloadStation(t, b, heardReload)
		waitRecorded(t, b, "material.press", func() { b.Push(demo.PinMaterial, demo.PressTime) })
		must(t, b.Cable(true))
		must(t, b.WaitDelivered(t.Context()))
		if got := strings.Join(described(b), ", "); got != help+", "+now {
			t.Errorf("the dispatches say: %s", got)
		}
	})
	t.Run("a configuration with a fault, or one that needs a restart, changes nothing", func(t *testing.T) {
		t.Parallel()
		b := startStation(t, nil)
		editConfig(t, b, calls, `description = "Hurry", colour = "red"`)
		reloadStation(t, b, heardStays)
		editConfig(t, b, `, colour = "red"`, "")
		editConfig(t, b, "pin  = 22", "pin  = 25")
		reloadStation(t, b, heardStays)
		expectLogged(t, b, "needs a restart")
		waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
		must(t, b.WaitDelivered(t.Context()))
		if got := strings.Join(described(b), ", "); got != help {
			t.Errorf("the dispatches say: %s", got)
		}
	})
	t.Run("a key that was wrong is replaced, and what waited for it is delivered once", func(t *testing.T) {
		t.Parallel()
		b := startStation(t, nil)
		key := filepath.Join(b.Dir, "keys", "l2l.key")
		must(t, os.WriteFile(key, []byte("yesterdays-key\n"), 0o600))
		reloadStation(t, b, heardReload)
		waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
		must(t, demo.Until(t.Context(), "the page says that the key is wrong", func() bool {
			s, err := b.Control().Snapshot(t.Context())
			return err == nil && strings.Contains(s.Health.Backends["l2l"].Fault, "key")
		}))
		must(t, os.WriteFile(key, []byte(plant.Demo().L2LKey+"\n"), 0o600))
		reloadStation(t, b, heardReload)
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
