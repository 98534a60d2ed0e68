package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/station"
)

// One operation is forbidden to the key, and all others are not. It used to pause
// the whole vendor, with the same head first again each minute.
func TestOneForbiddenOperationStopsNoCall(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	b.Plant.AddFault(plant.Fault{Kind: plant.Forbidden, Where: "POST /api/1.0/buildsequence/start_change_over/", Text: "No rights to change over"})
	scanAndWait(t, b, "PC-200")
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, demo.Until(t.Context(), "the call is open", func() bool { return len(b.Plant.Dispatches()) == 1 }))
	e := waitHeld(t, b, "changeover.start", "No rights to change over")
	if e.Hold != station.HoldRefused {
		t.Errorf("it is held as %s", e.Hold)
	}
	s, err := b.Control().Snapshot(t.Context())
	must(t, err)
	if c := s.Health.Backends["l2l"]; c.Fault != "" || c.Kind == station.NoContact {
		t.Errorf("the vendor is said to be %+v", c)
	}
}

// A request that what stands before the vendor answers with 413 each time would stop
// its lane for ever.
func TestARequestThatIsTooLargeIsHeldAndItsLaneGoesOn(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]plant.Fault{
		"413":                         {Kind: plant.TooLarge},
		"500":                         {Kind: plant.ErrorBefore},
		"a page that nobody can read": {Kind: plant.HTML},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startStation(t, nil)
			f.Where = "POST /api/1.0/dispatches/open/"
			b.Plant.AddFault(f)
			waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
			must(t, demo.Until(t.Context(), "it is said that the vendor answers", func() bool {
				s, err := b.Control().Snapshot(t.Context())
				c := s.Health.Backends["l2l"]
				return err == nil && c.Trouble != ""
			}))
			waitRecorded(t, b, "material.press", func() { b.Push(demo.PinMaterial, demo.PressTime) })
			e := waitHeld(t, b, "dispatch.open", "no trace of it")
			if e.Hold != station.HoldRefused || e.Source != "maintenance" {
				t.Errorf("held: %+v", e)
			}
			b.Plant.ClearFaults()
			must(t, b.WaitDelivered(t.Context()))
			if found := b.Plant.Dispatches(); len(found) != 1 || found[0].Type != "MATERIAL" {
				t.Errorf("the lane did not go on: %+v", found)
			}
		})
	}
}

// Where the whole vendor fails, nothing is the entry's fault: it waits, and goes out
// when the vendor is well again.
func TestAnOutageWithAPageHoldsNothing(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	b.Plant.AddFault(plant.Fault{Kind: plant.HTML})
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	asked := func() int { return len(b.Plant.Requests()) }
	for more := 1; more <= 7; more++ {
		want := asked() + 1
		must(t, demo.Until(t.Context(), "it is tried again", func() bool { return asked() >= want }))
		if waiting, ok := b.Waiting(t.Context()); ok && len(waiting) != 1 {
			t.Fatalf("%d wait", len(waiting))
		}
		if more == 7 {
			b.Plant.ClearFaults()
		}
	}
	must(t, b.WaitDelivered(t.Context()))
	if found := b.Plant.Dispatches(); len(found) != 1 {
		t.Errorf("opened %d times", len(found))
	}
}

// Lagerkoll's common error with a 4xx is its no, once its records show no trace.
func TestLagerkollsCommonErrorIsANoWhenItLeftNoTrace(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	scanAndWait(t, b, "PO4711")
	b.Plant.AddFault(plant.Fault{Kind: plant.Refusal, Where: "PUT *", Text: "Batch B7 is closed"})
	scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B7", Serial: "P1", BestBefore: "270331"}.Symbol())
	if e := waitHeld(t, b, "article.trace", "Batch B7 is closed"); e.Hold != station.HoldRefused {
		t.Errorf("it is held as %s: %s", e.Hold, e.Reason)
	}
	if n := strings.Count(strings.Join(requestMethods(b.Plant), " "), http.MethodPut); n != 1 {
		t.Errorf("it was sent %d times", n)
	}
}

func requestMethods(p *plant.Plant) (methods []string) {
	for _, r := range p.Requests() {
		methods = append(methods, r.Method)
	}
	return methods
}

// A key that is wrong may be told with a plain no, whatever is asked: then nothing is
// held, and the right key sends all of it.
func TestAWrongKeyThatIsToldAsANoHoldsNothing(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	key := filepath.Join(b.Dir, "keys", "l2l.key")
	right, err := os.ReadFile(key)
	must(t, err)
	b.Plant.AddFault(plant.Fault{Kind: plant.Refusal, Where: "*/api/1.0/*", Text: "Not allowed"})
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	waitRecorded(t, b, "material.press", func() { b.Push(demo.PinMaterial, demo.PressTime) })
	scanAndWait(t, b, "PC-200")
	must(t, demo.Until(t.Context(), "the key is suspected", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && s.Health.Backends["l2l"].Fault != ""
	}))
	<-time.After(2 * time.Second) // whatever else would be refused
	c, err := b.Contents(t.Context())
	must(t, err)
	for _, e := range c.Entries {
		if e.Condition == station.Held {
			t.Errorf("%s is held: %s", e.Verb, e.Reason)
		}
	}
	b.Plant.ClearFaults()
	must(t, os.WriteFile(key, right, 0o600))
	reloadStation(t, b, heardReload)
	must(t, b.WaitDelivered(t.Context()))
	calls := 0
	for _, d := range b.Plant.Dispatches() {
		if d.Type == "MAINT" || d.Type == "MATERIAL" {
			calls++
		}
	}
	if calls != 2 {
		t.Errorf("%d calls are open", calls)
	}
}

// The key was good, and then every verb is told with a plain no of its own that it is
// not any more. Two such noes prove nothing, and are held; the right key does.
func TestTheRightKeyFreesWhatWasHeldForTheWrongOne(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.WaitDelivered(t.Context()))
	b.Plant.AddFault(plant.Fault{Kind: plant.Refusal, Where: "*/dispatches/*", Text: "No rights to dispatches"})
	b.Plant.AddFault(plant.Fault{Kind: plant.Refusal, Where: "*/api/1.0/*", Text: "Not allowed"})
	waitRecorded(t, b, "material.press", func() { b.Push(demo.PinMaterial, demo.PressTime) })
	waitHeld(t, b, "dispatch.open", "No rights to dispatches")
	scanAndWait(t, b, "PC-200")
	waitHeld(t, b, "changeover.start", "Not allowed")
	b.Plant.ClearFaults()
	reloadStation(t, b, heardReload)
	var held []station.EntryStatus
	err := demo.Until(t.Context(), "the right key has freed all of it", func() bool {
		c, err := b.Contents(t.Context())
		held = c.Entries
		return err == nil && len(held) == 0
	})
	if err != nil {
		t.Errorf("%v: %+v", err, held)
	}
	if n := len(b.Plant.Changeovers()); n != 1 {
		t.Errorf("%d changeovers", n)
	}
}
