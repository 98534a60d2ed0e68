package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/exit"
	"stationd/internal/station"
)

// says runs a command beside the station and returns its exit code and what it said.
func says(t *testing.T, b *demo.Simulation, args ...string) (code int, text string) {
	t.Helper()
	var out bytes.Buffer
	code = command(t.Context(), append(args, "--config", b.ConfigPath()), strings.NewReader(""), &out, &out)
	return code, out.String()
}

// heldOne waits until one entry is held, and returns it.
func heldOne(t *testing.T, b *demo.Simulation) (held station.EntryStatus) {
	t.Helper()
	must(t, demo.Until(t.Context(), "one entry is held", func() bool {
		c, err := b.Contents(t.Context())
		if err != nil || len(c.Entries) != 1 || c.Entries[0].Condition != station.Held {
			return false
		}
		held = c.Entries[0]
		return true
	}))
	return held
}

func TestTheAddressOfAVendorIsChangedWhileACallWaits(t *testing.T) {
	t.Parallel()
	b := floor(t, nil)
	must(t, b.Cable(false))
	recorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.Power(t.Context(), false))
	old := b.Plant.L2LURL()
	now := strings.Replace(old, "127.0.0.1", "localhost", 1)
	edit(t, b, old, now)
	must(t, b.Cable(true))
	must(t, b.Power(t.Context(), true))
	id := heldOne(t, b).ID.Short()

	code, text := says(t, b, "outbox", "retry", id)
	if code != exit.Failure || !strings.Contains(text, old) || !strings.Contains(text, now) || !strings.Contains(text, "--to-current") {
		t.Errorf("a plain retry ends with %d and says %s", code, text)
	}
	// It was at the head when the power went, so it may have arrived at the old address.
	code, text = says(t, b, "outbox", "retry", id, "--to-current")
	if code != exit.Failure || !strings.Contains(text, "may have arrived") || !strings.Contains(text, "--not-there") {
		t.Errorf("with --to-current it ends with %d and says %s", code, text)
	}
	if n := len(b.Plant.Dispatches()); n != 0 {
		t.Errorf("the plant has %d dispatches", n)
	}
	if code, text = says(t, b, "outbox", "retry", id, "--to-current", "--not-there"); code != 0 || !strings.Contains(text, "it waits to be sent") {
		t.Errorf("with both it ends with %d and says %s", code, text)
	}
	must(t, b.WaitDelivered(t.Context()))
	if n := len(b.Plant.Dispatches()); n != 1 {
		t.Errorf("the plant has %d dispatches", n)
	}
}

func TestTheOldComputerIsGone(t *testing.T) {
	t.Parallel()
	b := floor(t, nil)
	must(t, b.Cable(false))
	recorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.Power(t.Context(), false))
	data, err := os.ReadFile(b.OutboxPath())
	must(t, err)
	must(t, os.WriteFile(b.OutboxPath()+".backup", data, 0o600))
	must(t, os.Rename(b.OutboxPath()+".backup", b.OutboxPath()))
	must(t, b.Cable(true))
	must(t, b.Power(t.Context(), true))
	if held := heldOne(t, b); !held.Doubtful || !strings.Contains(held.Reason, "stationd outbox adopt --old-computer-gone") {
		t.Errorf("held: %+v", held)
	}
	if code, text := says(t, b, "outbox", "adopt"); code != exit.Usage || !strings.Contains(text, "--old-computer-gone") {
		t.Errorf("without the words it ends with %d and says %s", code, text)
	}
	if code, text := says(t, b, "outbox", "adopt", "--old-computer-gone"); code != 0 || !strings.Contains(text, "1 entries are looked up") {
		t.Errorf("it ends with %d and says %s", code, text)
	}
	must(t, b.WaitDelivered(t.Context()))
	if n := len(b.Plant.Dispatches()); n != 1 {
		t.Errorf("the plant has %d dispatches", n)
	}
}
