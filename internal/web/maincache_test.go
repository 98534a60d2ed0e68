package web

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
)

func TestSixtyPagesAtOnceAreDrawnOnce(t *testing.T) {
	t.Parallel()
	f := operatortest.Offline()
	s := open(t, f, "en")
	read := func() {
		t.Helper()
		var people sync.WaitGroup
		for range 60 {
			people.Go(func() {
				if page := ask(s, http.MethodGet, "/", "").Body.String(); !strings.Contains(page, "No contact with L2L") {
					t.Error("a page says nothing of what waits")
				}
			})
		}
		people.Wait()
	}
	read()
	if s.cache.drawings != 1 || f.Reads() != 1 {
		t.Errorf("the page was drawn %d times, and the outbox read %d times", s.cache.drawings, f.Reads())
	}
	f.Change(func() {
		f.Entries = append(f.Entries, operatortest.Trace(0x99))
		f.Shown.Waiting++
	})
	read()
	if s.cache.drawings != 2 || f.Reads() != 2 {
		t.Errorf("after a change it was drawn %d times, and the outbox read %d times", s.cache.drawings, f.Reads())
	}
}

func TestThePageIsDrawnAnewForWhatItShowsAndNotForWhatItDoesNot(t *testing.T) {
	t.Parallel()
	f := operatortest.Offline()
	s := open(t, f, "en")
	later := func(by time.Duration) {
		f.Shown.Now.Up += by
		f.Shown.Now.Wall = f.Shown.Now.Wall.Add(by)
	}
	for _, step := range []struct {
		so           string
		change       func()
		drawn, reads int
	}{
		{"at first", func() {}, 1, 1},
		{"a look later", func() { later(500 * time.Millisecond) }, 1, 1},
		{"an attempt was made", func() { f.Shown.Counts.Outcomes = map[[2]string]int{{"l2l", "unreached"}: 9} }, 1, 1},
		{"how long ago things were may have changed", func() { later(ageEvery) }, 2, 1},
		{"a reader was unplugged", func() { f.Shown.Health.Devices = map[string]string{"hand": "it is unplugged"} }, 3, 1},
		{"a lamp changes", func() { f.Shown.Lights = map[string]station.Light{"red": station.Quick} }, 4, 1},
		{"something was recorded", func() { f.Shown.Commits++ }, 5, 2},
	} {
		step.change()
		if page := ask(s, http.MethodGet, "/", "").Body.String(); !strings.Contains(page, "No contact with L2L") {
			t.Errorf("%s: the page says nothing of what waits", step.so)
		}
		if s.cache.drawings != step.drawn || f.Reads() != step.reads {
			t.Errorf("%s: drawn %d times and read %d times, want %d and %d", step.so, s.cache.drawings, f.Reads(), step.drawn, step.reads)
		}
	}
}
