package main

import (
	"os"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/exit"
)

func TestTheAddressOfAVendorIsChangedWhileACallWaits(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	must(t, b.Cable(false))
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.Power(t.Context(), false))
	old := b.Plant.L2LURL()
	now := strings.Replace(old, "127.0.0.1", "localhost", 1)
	editConfig(t, b, old, now)
	must(t, b.Cable(true))
	must(t, b.Power(t.Context(), true))
	id := waitHeldOne(t, b).ID.Short()

	text, code := runCommand(t, b, "outbox", "retry", id)
	if code != exit.Failure || !strings.Contains(text, old) || !strings.Contains(text, now) || !strings.Contains(text, "--to-current") {
		t.Errorf("a plain retry ends with %d and says %s", code, text)
	}
	// It was at the head when the power went, so it may have arrived at the old address.
	text, code = runCommand(t, b, "outbox", "retry", id, "--to-current")
	if code != exit.Failure || !strings.Contains(text, "may have arrived") || !strings.Contains(text, "--not-there") {
		t.Errorf("with --to-current it ends with %d and says %s", code, text)
	}
	if n := len(b.Plant.Dispatches()); n != 0 {
		t.Errorf("the plant has %d dispatches", n)
	}
	if text, code = runCommand(t, b, "outbox", "retry", id, "--to-current", "--not-there"); code != 0 || !strings.Contains(text, "it waits to be sent") {
		t.Errorf("with both it ends with %d and says %s", code, text)
	}
	must(t, b.WaitDelivered(t.Context()))
	if n := len(b.Plant.Dispatches()); n != 1 {
		t.Errorf("the plant has %d dispatches", n)
	}
}

func TestTheOldComputerIsGone(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	must(t, b.Cable(false))
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.Power(t.Context(), false))
	data, err := os.ReadFile(b.OutboxPath())
	must(t, err)
	must(t, os.WriteFile(b.OutboxPath()+".backup", data, 0o600))
	must(t, os.Rename(b.OutboxPath()+".backup", b.OutboxPath()))
	must(t, b.Cable(true))
	must(t, b.Power(t.Context(), true))
	if held := waitHeldOne(t, b); !held.Doubtful || !strings.Contains(held.Reason, "stationd outbox adopt --old-computer-gone") {
		t.Errorf("held: %+v", held)
	}
	if text, code := runCommand(t, b, "outbox", "adopt"); code != exit.Usage || !strings.Contains(text, "--old-computer-gone") {
		t.Errorf("without the words it ends with %d and says %s", code, text)
	}
	if text, code := runCommand(t, b, "outbox", "adopt", "--old-computer-gone"); code != 0 || !strings.Contains(text, "1 entries are looked up") {
		t.Errorf("it ends with %d and says %s", code, text)
	}
	must(t, b.WaitDelivered(t.Context()))
	if n := len(b.Plant.Dispatches()); n != 1 {
		t.Errorf("the plant has %d dispatches", n)
	}
}
