package main

import (
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/plant"
)

func TestACallInDoubtIsSentOnceByAStationThatIsKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	const settle = 10 * time.Second
	b := startStation(t, func(s *demo.Config) { s.Settle = settle })
	b.Plant.AddFault(plant.Fault{Kind: plant.Reset, Where: "POST /api/1.0/dispatches/open/"})
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, demo.Until(t.Context(), "the call is in doubt", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && s.Counts.Outcomes[[2]string{"l2l", "doubtful"}] > 0
	}))
	b.Plant.ClearFaults()
	kills := 0
	for end := time.Now().Add(12 * settle); len(b.Plant.Dispatches()) == 0 && time.Now().Before(end); kills++ {
		must(t, b.Power(t.Context(), false))
		must(t, b.Power(t.Context(), true))
		lives := settle / 4
		if kills > 6 { // a busy machine takes its time, and no process lives as long as the settle time
			lives = settle / 2
		}
		dies := time.Now().Add(lives)
		must(t, demo.Until(t.Context(), "it has run for a part of the settle time", func() bool {
			return time.Now().After(dies) || len(b.Plant.Dispatches()) > 0
		}))
	}
	must(t, b.WaitDelivered(t.Context()))
	t.Logf("%d kills", kills)
	if n := len(b.Plant.Dispatches()); n != 1 {
		t.Errorf("killed %d times before its settle time was over, the plant has %d dispatches", kills, n)
	}
}
