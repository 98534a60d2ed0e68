package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/station"
)

func TestTheCardLostThePagesThatSayWhereEverythingIs(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	must(t, b.Cable(false))
	scanAndWait(t, b, "PO4711")
	scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B7", Serial: "D001"}.Symbol())
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.Power(t.Context(), false))

	f, err := os.OpenFile(b.OutboxPath(), os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(make([]byte, 2*4096), 0)
	must(t, err)
	must(t, f.Close())

	must(t, b.Power(t.Context(), true))
	c, err := b.Contents(t.Context())
	must(t, err)
	if len(c.Entries) != 2 || len(c.Kept) != 1 || !strings.Contains(c.Kept[0].Code, "2 entries recovered, 0 lost; the old file is outbox-") {
		t.Fatalf("saved: %+v", c)
	}
	aside, err := filepath.Glob(filepath.Join(b.DataPath(), "outbox-*.damaged"))
	if err != nil || len(aside) != 1 {
		t.Errorf("set aside: %v, %v", aside, err)
	}
	white := func(want station.Light) {
		t.Helper()
		must(t, demo.Until(t.Context(), "the white lamp is "+want.String(), func() bool {
			l, ok := b.Lamps.Light(demo.PinWhite)
			return ok && l == want
		}))
	}
	white(station.Quick)
	must(t, b.Cable(true))
	must(t, b.WaitDelivered(t.Context()))
	if n := len(b.Plant.Dispatches()); n != 1 {
		t.Errorf("the plant has %d dispatches", n)
	}
	if n := len(b.Plant.Traces()); n != 1 {
		t.Errorf("the plant has %d traces", n)
	}
	must(t, decideOne(t.Context(), b, station.VerbDiscard, c.Kept[0].ID))
	white(station.Off)
}

// Somebody moves outbox.db away, for a new beginning, and not what a failed commit left beside it.
func TestAnOutboxThatWasMovedAwayWithoutItsSpareFileKeepsNothingFromBeingRecorded(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	must(t, b.Power(t.Context(), false))
	must(t, os.Rename(b.OutboxPath(), b.OutboxPath()+".moved"))
	spare := strings.TrimSuffix(b.OutboxPath(), ".db") + ".spare"
	must(t, os.WriteFile(spare, []byte("nothing that belongs to an outbox"), 0o600))

	must(t, b.Power(t.Context(), true))
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.WaitDelivered(t.Context()))
	c, err := b.Contents(t.Context())
	must(t, err)
	if len(c.Kept) != 1 || !strings.Contains(c.Kept[0].Code, "was rebuilt from its spare file alone: 0 entries recovered, 0 lost") {
		t.Errorf("told: %+v", c.Kept)
	}
	if _, err := os.Stat(spare); !os.IsNotExist(err) {
		t.Errorf("the spare file is still there: %v", err)
	}
	must(t, decideOne(t.Context(), b, station.VerbDiscard, c.Kept[0].ID))
}
