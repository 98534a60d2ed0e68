package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/station"
)

// The card of the next order has the product that runs already.
func TestTheCardOfTheNextOrderOfTheSameProductIsScanned(t *testing.T) {
	t.Parallel()
	b := startStation(t, func(s *demo.Config) {
		s.Watch = 50 * time.Millisecond
		s.Plant.Lines = []plant.Line{{Code: "PACK4", ExternalID: "L-PACK4", Queue: []plant.QueuedOrder{
			{Product: "100", ExternalID: "PO-100-1"}, {Product: "100", ExternalID: "PO-100-2"}}}}
	})
	// Somebody starts the first at L2L's own screen, and the watch sees it.
	actInL2L(t, b, "buildsequence/start_change_over/", url.Values{"linecode": {"PACK4"}, "id": {"8801"}})
	must(t, demo.Until(t.Context(), "the line is seen to run it", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && s.State.Lines["PACK4"].Order == "8801"
	}))

	scanAndWait(t, b, "PC-100")
	held := waitHeldOne(t, b)
	for _, word := range []string{"order 8801 of product 100", "order 8802 of product 100", "by its id"} {
		if held.Hold != station.HoldRefused || !strings.Contains(held.Reason, word) {
			t.Errorf("held as %s without %q: %s", held.Hold, word, held.Reason)
		}
	}
	if n := len(b.Plant.Changeovers()); n != 1 {
		t.Fatalf("there were %d changeovers", n)
	}
	if text, code := runCommand(t, b, "outbox", "discard", "--yes", held.ID.Short()); code != 0 {
		t.Fatalf("it is not discarded: %s", text)
	}
	if text, code := runCommand(t, b, "l2l", "changeover.start", "id=8802", "--wait", "--yes"); code != 0 {
		t.Errorf("by its id it is not started: %s", text)
	}
	if made := b.Plant.Changeovers(); len(made) != 2 || made[1].Sequence != 8802 {
		t.Errorf("the changeovers are %+v", made)
	}
	// The last order of the product runs: its card, scanned again, changes nothing.
	scanAndWait(t, b, "PC-100")
	must(t, b.WaitDelivered(t.Context()))
	if c, err := b.Contents(t.Context()); err != nil || len(c.Entries) != 0 || len(b.Plant.Changeovers()) != 2 {
		t.Error(fmt.Sprint(err), c.Entries, b.Plant.Changeovers())
	}
}
