package main

import (
	"slices"
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/plant"
)

// A station that is killed again and again asks Lagerkoll for no more than its rate:
// the pace of each process begins with its wait.
func TestAStationThatIsKilledAgainAndAgainKeepsToItsRate(t *testing.T) {
	t.Parallel()
	const every, kills = 3 * time.Second, 6
	b := startStation(t, func(s *demo.Config) { s.Rate = "20/min" })
	must(t, b.Cable(false))
	scanAndWait(t, b, "PO4711")
	scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B7", Serial: "0001"}.Symbol())
	must(t, b.Kill())
	must(t, b.Cable(true))
	asked := func() (all []plant.Request) {
		return slices.DeleteFunc(b.Plant.Requests(), func(r plant.Request) bool { return !slices.Contains(r.Key, "header api_key") })
	}
	before := len(asked())
	began := time.Now()
	for range kills {
		must(t, b.Power(t.Context(), true))
		more := len(asked())
		early := time.NewTimer(every / 5)
		for waits := true; waits && len(asked()) == more; {
			select {
			case <-early.C:
				waits = false
			case <-time.After(10 * time.Millisecond):
			}
		}
		must(t, b.Kill())
	}
	must(t, b.Power(t.Context(), true))
	must(t, demo.Until(t.Context(), "the first request after the last start", func() bool { return len(asked()) > before }))
	all := asked()[before:]
	took := all[len(all)-1].At.Sub(began)
	if most := int(took / every); len(all) > most {
		t.Errorf("%d requests within %v of %d starts; one in %v is allowed", len(all), took, kills+1, every)
	}
}
