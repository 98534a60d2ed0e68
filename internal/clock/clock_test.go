package clock

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhoeverSetsTheClockItIsTrustedFromThenOn(t *testing.T) {
	t.Parallel()
	boot := time.Date(2026, time.March, 2, 6, 0, 0, 0, time.UTC)
	epoch := time.Unix(0, 0)
	for _, c := range []struct {
		name        string
		before, now time.Time // the boot's beginning by the wall clock
		want        bool
	}{
		{"nobody has", boot, boot, false},
		{"it drifts", boot, boot.Add(20 * time.Second), false},
		{"1970 is put right by hand", epoch, boot, true},
		{"an hour is", boot.Add(-time.Hour), boot, true},
		{"it is set to nonsense", boot, epoch.AddDate(2, 0, 0), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := byHand(c.before, c.now); got != c.want {
				t.Errorf("set by hand: %v", got)
			}
		})
	}
	t.Run("whoever keeps it, and after they have stopped", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			clock, err := New()
			must(t, err)
			asked, kept, fault := 0, false, error(nil)
			clock.Synchronised = func() (bool, error) { asked++; return kept, fault }
			trusted := func(when string, want bool) {
				t.Helper()
				time.Sleep(askEvery)
				for range 10 {
					if got := clock.Stamp(time.Now()).Trusted; got != want {
						t.Errorf("%s: trusted %v", when, got)
					}
				}
			}
			trusted("nobody keeps it", false)
			fault = errors.New("operation not permitted")
			trusted("the kernel does not tell", false)
			if asked != 2 {
				t.Errorf("the kernel was asked %d times in two seconds", asked)
			}
			kept, fault = true, nil
			trusted("somebody keeps it", true)
			kept = false
			trusted("nobody does any more", true)
		})
	})
	t.Run("a step of the clock while the station runs", func(t *testing.T) {
		t.Parallel()
		clock, err := New()
		must(t, err)
		clock.Synchronised = func() (bool, error) { return false, nil }
		if clock.Set() {
			t.Error("nobody has set it")
		}
		clock.zero = clock.zero.AddDate(-56, 0, 0) // what it said before the step
		clock.asked.Store(0)                       // a second has passed
		if !clock.Set() {
			t.Error("it was set by hand")
		}
	})
}
