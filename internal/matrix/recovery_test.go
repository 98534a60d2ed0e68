package matrix

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/station"
)

// TestThePaceIsUsedFromTheFirstSecondAfterAnOutage has one station come back to a vendor
// that takes 240 requests a minute, with something waiting in fifty lanes.
func TestThePaceIsUsedFromTheFirstSecondAfterAnOutage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("that the pace is used from the first second after an outage was NOT proved: it takes its time")
	}
	const lanes, pace = 50, 250 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		a := openAccount(t)
		a.station(0, "240/min", 0)
		since := time.Now()
		for n := range lanes {
			now := station.Stamp{Wall: time.Now(), Boot: "boot-1", Up: time.Since(since), Trusted: true}
			made, err := a.boxes[0].Record(station.Event{Source: "hand", Kind: station.Scan, Code: fmt.Sprintf("%d/S%d", 6000+n, n), At: now})
			if err != nil || len(made.Entries) != 1 {
				t.Fatalf("made %v: %v", made, err)
			}
		}
		a.network.breaks(refused)
		stop := a.run()
		time.Sleep(130 * time.Second)
		a.network.breaks(nil)
		back := time.Now()
		for a.waiting() > 0 && time.Since(back) < 10*time.Minute {
			time.Sleep(100 * time.Millisecond)
		}
		stop()

		all := a.plant.Requests()
		if n := len(a.plant.Traces()); n != lanes || a.waiting() > 0 {
			t.Fatalf("%d of %d traces arrived", n, lanes)
		}
		first, last := all[0].At, all[len(all)-1].At
		soon := 0
		for _, r := range all {
			if r.At.Sub(first) < 4*pace {
				soon++
			}
		}
		used := float64(len(all)-1) * pace.Seconds() / last.Sub(first).Seconds()
		t.Logf("the first request came %v after the network; %d requests in %v: %.1f %% of the pace", first.Sub(back), len(all), last.Sub(first), 100*used)
		if late := first.Sub(back); late > 5*time.Second {
			t.Errorf("the first request came %v after the network", late)
		}
		if soon < 4 || used < 0.95 {
			t.Errorf("%d requests in the first second, %.1f %% of the pace altogether", soon, 100*used)
		}
	})
}
