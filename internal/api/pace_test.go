package api

import (
	"testing"
	"time"
)

func TestAWatchLeavesTheBeginningToWhatWaitsToBeDelivered(t *testing.T) {
	t.Parallel()
	for _, every := range []time.Duration{1, time.Millisecond, 30 * time.Second} {
		soonest, latest := every, time.Duration(0)
		for range 1000 {
			first := FirstRound(every)
			soonest, latest = min(soonest, first), max(latest, first)
		}
		if soonest < every/4 || latest > every {
			t.Errorf("the first of rounds every %v comes after %v to %v", every, soonest, latest)
		}
	}
}
