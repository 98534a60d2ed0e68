package api

import (
	"log/slog"
	"testing"
	"testing/synctest"
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

func TestHowLongARequestWouldWaitForThePace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := New(Settings{Base: "https://acme.example/", Every: time.Second, Log: slog.New(slog.DiscardHandler)})
		for _, test := range []struct{ after, want time.Duration }{
			{0, time.Second}, // a start waits once
			{600 * time.Millisecond, 400 * time.Millisecond},
			{time.Second, 0},
			{time.Hour, 0},
		} {
			<-time.After(test.after)
			if wait := c.PaceWait(); (wait - test.want).Abs() > time.Millisecond {
				t.Errorf("%v later it would wait for %v, want %v", test.after, wait, test.want)
			}
		}
	})
}
