package station

import (
	"testing"
	"time"
)

// A watch looks at a station every ten seconds and counts what is told.
type alertWatch struct {
	*testing.T
	after, again time.Duration
	boot         string
	trusted      bool
	clock        time.Duration // since the beginning of the test
	booted       time.Duration
	all          []AlertState
	told         int
	works        bool // what is told arrives
}

func (w *alertWatch) now() Stamp {
	return Stamp{Wall: time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC).Add(w.clock), Boot: w.boot, Up: w.clock - w.booted, Trusted: w.trusted}
}

// look looks for so long at a station that is so, and returns how often it was told.
func (w *alertWatch) look(s Snapshot, long time.Duration) (told int) {
	before := w.told
	for end := w.clock + long; w.clock < end; w.clock += 10 * time.Second {
		w.all = s.Alerts(w.all, w.now())
		for i, a := range w.all {
			if !a.Due("webhook", w.now(), w.after, w.again) {
				continue
			}
			w.told++
			w.all[i] = a.Trying("webhook", w.now())
			if w.works {
				w.all[i] = w.all[i].ToldNow("webhook", w.now())
			}
		}
	}
	return w.told - before
}

// powerCut begins another boot.
func (w *alertWatch) powerCut() {
	w.boot += "'"
	w.booted = w.clock
}

func TestWhatLastsIsToldOnceAndAgainAfterAStatedTime(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T) *alertWatch {
		return &alertWatch{T: t, after: 10 * time.Minute, again: 4 * time.Hour, boot: "one", trusted: true, works: true}
	}
	quiet, held := Snapshot{}, Snapshot{Held: 1}
	want := func(t *testing.T, what string, got, want int) {
		t.Helper()
		if got != want {
			t.Errorf("%s: told %d times, want %d", what, got, want)
		}
	}
	t.Run("what is held for less than the time is not told, what is held for longer once", func(t *testing.T) {
		t.Parallel()
		w := begin(t)
		want(t, "nine minutes", w.look(held, 9*time.Minute), 0)
		want(t, "then none", w.look(quiet, time.Minute), 0)
		want(t, "nine again", w.look(held, 9*time.Minute), 0)
		want(t, "and on", w.look(held, 2*time.Minute), 1)
		want(t, "and more of it", w.look(Snapshot{Held: 5}, 3*time.Hour), 0)
		want(t, "until it is time again", w.look(held, 2*time.Hour), 1)
		want(t, "none", w.look(quiet, time.Minute), 0)
		want(t, "another time", w.look(held, 11*time.Minute), 1)
	})
	t.Run("ten restarts and ten power cuts tell it no more often", func(t *testing.T) {
		t.Parallel()
		for _, trusted := range []bool{true, false} {
			w := begin(t)
			w.trusted = trusted
			told := w.look(held, 20*time.Minute)
			for range 10 {
				w.powerCut()
				told += w.look(held, 11*time.Minute)
			}
			want(t, "in over two hours", told, 1)
		}
	})
	t.Run("a way that does not work is tried five times, also across restarts, and then when it is time again", func(t *testing.T) {
		t.Parallel()
		w := begin(t)
		w.works = false
		told := w.look(held, 12*time.Minute)
		for range 10 {
			w.powerCut()
			told += w.look(held, 10*time.Minute)
		}
		want(t, "in two hours", told, MostAlertTries)
		want(t, "in six", w.look(held, 4*time.Hour), MostAlertTries)
	})
	t.Run("a try that the power cut off counts", func(t *testing.T) {
		t.Parallel()
		w := begin(t)
		w.works = false
		told := w.look(held, 10*time.Minute+10*time.Second)
		for range 20 {
			w.powerCut()
			told += w.look(held, 20*time.Second)
		}
		if told > 4 {
			t.Errorf("%d tries in seven minutes", told)
		}
	})
	t.Run("with 0 it is not told again", func(t *testing.T) {
		t.Parallel()
		w := begin(t)
		w.again = 0
		want(t, "in two days", w.look(held, 48*time.Hour), 1)
	})
	t.Run("nothing delivered to a vendor", func(t *testing.T) {
		t.Parallel()
		w := begin(t)
		out := func(kind ContactKind, fault string, waiting int) Snapshot {
			return Snapshot{Waiting: waiting, Health: Health{Backends: map[string]Contact{"l2l": {Kind: kind, Fault: fault}, "lagerkoll": {Kind: Connected}}}}
		}
		want(t, "out of reach, and nothing waits", w.look(out(NoContact, "", 0), time.Hour), 0)
		want(t, "and something waits", w.look(out(NoContact, "", 1), 11*time.Minute), 1)
		w.powerCut()
		want(t, "restarted, and not tried yet", w.look(Snapshot{Waiting: 1}, 11*time.Minute), 0)
		want(t, "still out of reach", w.look(out(NoContact, "", 1), 11*time.Minute), 0)
		want(t, "it answers", w.look(out(Connected, "", 1), time.Minute), 0)
		want(t, "the key is wrong", w.look(out(Connected, "the key is wrong", 1), 11*time.Minute), 1)
		want(t, "being asked what arrived", w.look(out(Confirming, "", 1), time.Minute), 0)
		want(t, "all is delivered", w.look(out(Connected, "", 0), time.Minute), 0)
		fails := out(Confirming, "", 1)
		fails.Health.Backends["l2l"] = Contact{Kind: Confirming, Trouble: Failing}
		want(t, "it fails", w.look(fails, 11*time.Minute), 1)
	})
	t.Run("the same entry waits all the time, although the vendor answers", func(t *testing.T) {
		t.Parallel()
		w := begin(t)
		waits := func(since time.Duration, held int) Snapshot {
			oldest := Stamp{Wall: time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC), Boot: "one", Up: since}
			return Snapshot{Waiting: 3, Held: held, Oldest: oldest, Health: Health{Backends: map[string]Contact{"l2l": {Kind: Connected, Last: "429: too many requests"}}}}
		}
		for n := range time.Duration(12) {
			want(t, "one after the other is delivered", w.look(waits(n*time.Second, 0), 9*time.Minute), 0)
		}
		want(t, "one is not", w.look(waits(time.Hour, 0), 11*time.Minute), 1)
		w.powerCut()
		want(t, "nor after a restart", w.look(waits(time.Hour, 0), 11*time.Minute), 0)
		want(t, "another is held, which is told by itself", w.look(waits(time.Hour, 1), 11*time.Minute), 1)
	})
}
