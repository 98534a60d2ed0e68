package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/station"
)

func TestWhatWaitsBehindAHeldEntryIsSaidByEveryCommand(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	scanAndWait(t, b, "PO4711")
	held := heldTrace(t, b, "B7")
	// Another call is refused, and its reason is nobody else's.
	b.Plant.AddFault(plant.Fault{Kind: plant.Refusal, Where: "POST *", Next: 1, Text: "no such shift"})
	if out, _ := runCommand(t, b, "l2l", "dispatch.open", "type=MAINT", "description=x", "--yes", "--wait"); !strings.Contains(out, "no such shift") {
		t.Fatalf("it says:\n%s", out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	defer ended.Wait()
	defer cancel()
	var waits said
	ended.Go(func() {
		command(ctx, []string{"lagerkoll", "order.finish", "order=4711", "--yes", "--wait", "--config", b.ConfigPath()}, strings.NewReader(""), &waits, &waits)
	})
	want := fmt.Sprintf("behind %s, which is held (refused): ", held.Short())
	must(t, demo.Until(t.Context(), "--wait says behind what it waits", func() bool { return strings.Contains(waits.String(), "waits: "+want) }))
	if strings.Contains(waits.String(), "no such shift") || !strings.Contains(waits.String(), "the order is on hold") {
		t.Errorf("--wait says:\n%s", waits.String())
	}
	if out, _ := runCommand(t, b, "outbox", "ls"); !strings.Contains(out, want) {
		t.Errorf("outbox ls says:\n%s", out)
	}
	must(t, b.Kill())
	if out, _ := runCommand(t, b, "outbox", "ls"); !strings.Contains(out, want) {
		t.Errorf("without a station, outbox ls says:\n%s", out)
	}
}

func TestAStartTellsTheLogWhatIsHeld(t *testing.T) {
	t.Parallel()
	const named = 5 // at most, one by one
	const msg, each = "entries are held, and a person must decide about them: stationd outbox ls", "held since before this start"
	b := startStation(t, nil)
	scanAndWait(t, b, "PO4711")
	for n := range named + 2 {
		heldTrace(t, b, fmt.Sprint("B", n))
	}
	if b.Log.Count(msg) != 0 {
		t.Error("it is said of nothing")
	}
	must(t, b.Stop())
	must(t, b.Power(t.Context(), true))
	must(t, demo.Until(t.Context(), msg, func() bool { return b.Log.Count(msg) > 0 && b.Log.Count(each) >= named }))
	must(t, b.Stop())
	if b.Log.Count(msg) != 1 || b.Log.Count(each) != named {
		t.Errorf("a start with %d held says it %d times, and names %d", named+2, b.Log.Count(msg), b.Log.Count(each))
	}
}

func TestTheSameBatchScannedAgainWhileItsFirstIsHeldWarnsOfADoubleCount(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	scanAndWait(t, b, "PO4711")
	first := heldTrace(t, b, "B7")
	must(t, b.Cable(false))
	note := func() station.Note {
		s, err := b.Control().Snapshot(t.Context())
		must(t, err)
		return s.State.Notes["hand"]
	}
	entry := func(batch string, condition station.Condition) (found station.EntryStatus) {
		c, err := b.Contents(t.Context())
		must(t, err)
		for _, e := range c.Entries {
			if e.With["batch"] == batch && e.Condition == condition {
				found = e
			}
		}
		return found
	}
	scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B8"}.Symbol())
	scanAndWait(t, b, demo.Part{Article: demo.Stew, Batch: "B7"}.Symbol())
	scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B7", Serial: "0001"}.Symbol()) // Lagerkoll takes a serial once
	if n := note(); n.Kind != station.NoteRecorded {
		t.Errorf("another batch, another article, and a serial: the operator is told %+v", n)
	}
	scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B7"}.Symbol())
	if n := note(); n.Kind != station.NoteTwice || n.Text != first.Short() {
		t.Errorf("the same batch again: the operator is told %+v, want that it counts the same as %s", n, first.Short())
	}
	held, again := entry("B7", station.Held), station.EntryStatus{}
	c, err := b.Contents(t.Context())
	must(t, err)
	for _, e := range c.Entries {
		if e.Twice == first {
			again = e
		}
	}
	if held.Twice != again.ID || again.ID == "" {
		t.Errorf("the held one says that %q counts the same, and the other is %q", held.Twice, again.ID)
	}
	if out, _ := runCommand(t, b, "outbox", "ls"); !strings.Contains(out, "counts the same as "+first.Short()) || !strings.Contains(out, "counts the same as "+again.ID.Short()) {
		t.Errorf("outbox ls says:\n%s", out)
	}
	if out, _ := runCommand(t, b, "outbox", "export"); !strings.Contains(out, "it counts the same as "+string(first)) {
		t.Errorf("the history says:\n%s", out)
	}
	must(t, b.Kill())
	if out, _ := runCommand(t, b, "outbox", "ls"); !strings.Contains(out, "counts the same as "+again.ID.Short()) {
		t.Errorf("after a power cut outbox ls says:\n%s", out)
	}
	must(t, b.Power(t.Context(), true))
	if err := decideOne(t.Context(), b, station.VerbDiscard, first); err != nil {
		t.Fatal(err)
	}
	if out, _ := runCommand(t, b, "outbox", "ls"); strings.Contains(out, "counts the same") {
		t.Errorf("with the first discarded, outbox ls says:\n%s", out)
	}
	must(t, b.Cable(true))
	must(t, b.WaitDelivered(t.Context()))
}
