package main

import (
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/station"
)

// waitHeld waits, for four times as long as usual as tries are far apart, until an entry of a
// verb is held for a reason.
func waitHeld(t *testing.T, b *demo.Simulation, verb, says string) station.EntryStatus {
	t.Helper()
	var found station.EntryStatus
	held := func() bool {
		c, err := b.Contents(t.Context())
		for _, e := range c.Entries {
			if err == nil && e.Verb == verb && e.Condition == station.Held && strings.Contains(e.Reason, says) {
				found = e
				return true
			}
		}
		return false
	}
	var err error
	for range 4 {
		if err = demo.Until(t.Context(), verb+" is held: "+says, held); err == nil {
			return found
		}
	}
	c, _ := b.Contents(t.Context())
	t.Fatalf("%v: %+v", err, c.Entries)
	return found
}

// waitHeldOne waits until one entry is held, and returns it.
func waitHeldOne(t *testing.T, b *demo.Simulation) (held station.EntryStatus) {
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

// heldTrace has the station hold the trace of a batch, and returns its entry.
func heldTrace(t *testing.T, b *demo.Simulation, batch string) station.ID {
	t.Helper()
	b.Plant.AddFault(plant.Fault{Kind: plant.Refusal, Where: "PUT *", Next: 1, Text: "the order is on hold"})
	scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: batch}.Symbol())
	var held station.ID
	must(t, demo.Until(t.Context(), "the trace is held", func() bool {
		c, err := b.Contents(t.Context())
		for _, e := range c.Entries {
			if err == nil && e.Condition == station.Held && e.With["batch"] == batch {
				held = e.ID
			}
		}
		return held != ""
	}))
	return held
}
