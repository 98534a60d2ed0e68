package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/station"
)

func TestTheCardLostThePagesThatSayWhereEverythingIs(t *testing.T) {
	t.Parallel()
	b := floor(t, nil)
	must(t, b.cable(false))
	scanned(t, b, "PO4711")
	scanned(t, b, part{article: soup, batch: "B7", serial: "D001"}.symbol())
	recorded(t, b, "maintenance.press", func() { b.push(pinMaintenance, briefly) })
	must(t, b.power(t.Context(), false))

	f, err := os.OpenFile(b.outboxPath(), os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(make([]byte, 2*4096), 0)
	must(t, err)
	must(t, f.Close())

	must(t, b.power(t.Context(), true))
	c, err := b.contents(t.Context())
	must(t, err)
	if len(c.Entries) != 2 || len(c.Kept) != 1 || !strings.Contains(c.Kept[0].Code, "2 entries saved, 0 lost; the old file is outbox-") {
		t.Fatalf("saved: %+v", c)
	}
	aside, err := filepath.Glob(filepath.Join(b.dataPath(), "outbox-*.damaged"))
	if err != nil || len(aside) != 1 {
		t.Errorf("set aside: %v, %v", aside, err)
	}
	white := func(want station.Light) {
		t.Helper()
		must(t, until(t.Context(), "the white lamp is "+want.String(), func() bool {
			l, ok := b.eyes.light(pinWhite)
			return ok && l == want
		}))
	}
	white(station.Quick)
	must(t, b.cable(true))
	must(t, b.drained(t.Context()))
	if n := len(b.plant.Dispatches()); n != 1 {
		t.Errorf("the plant has %d dispatches", n)
	}
	if n := len(b.plant.Traces()); n != 1 {
		t.Errorf("the plant has %d traces", n)
	}
	_, err = b.desk().Discard(t.Context(), string(c.Kept[0].ID))
	must(t, err)
	white(station.Off)
}
