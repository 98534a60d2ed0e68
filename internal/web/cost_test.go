package web

import (
	"bufio"
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
)

// What the page adds to the time from an event to the screen, but for the drawing itself
// (BenchmarkDrawing) and the browser's: this test's clock stands still while anything works.
func TestAChangeIsOfferedToAnOpenPageWithin80MillisecondsOrAfterTheGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := operatortest.Quiet()
		s := open(t, f, "en")
		here := s.connect()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		heard := make(chan time.Time, 100) // when each main part arrived
		go func() {
			defer close(heard)
			io.WriteString(here, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
			for lines := bufio.NewScanner(here); lines.Scan(); {
				if strings.Contains(lines.Text(), "event: main") {
					heard <- time.Now()
				}
			}
		}()
		<-heard // the page as it is
		held := 0
		change := func() (after time.Duration) {
			began := time.Now()
			held++
			f.Change(func() { f.Shown.Held = held })
			return (<-heard).Sub(began)
		}
		for range 10 {
			time.Sleep(10*time.Second + 123*time.Millisecond)
			if after := change(); after > 80*time.Millisecond {
				t.Errorf("after a quiet time a change is offered after %v", after)
			}
			if after := change(); after > refreshGap {
				t.Errorf("right after another, a change is offered after %v", after)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for range heard {
			t.Error("the page was sent once more than it changed")
		}
	})
}

// BenchmarkDrawing is what a change costs once, for however many pages are open.
func BenchmarkDrawing(b *testing.B) {
	for _, st := range states() {
		if st.name != "all-delivered" && st.name != "call-open" {
			continue
		}
		b.Run(st.name, func(b *testing.B) {
			shown, f := st.station("en")
			s, err := Open("127.0.0.1:0", shown, quietLog())
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { s.listener.Close() })
			for b.Loop() {
				f.Change(func() { f.Shown.Kept++ })
				s.renderMain()
			}
		})
	}
}

// A reader that goes away changes nothing on disk: only the look shows it.
func TestWhatThePageOnlySeesByLookingIsShownAtOnceOnOneThatWasJustOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := operatortest.Quiet()
		s := open(t, f, "en")
		var gone atomic.Bool
		s.station.Snapshot = func() station.Snapshot {
			now := f.Snapshot()
			if gone.Load() {
				now.Health.Devices = map[string]string{"hand": "it is unplugged"}
			}
			return now
		}
		here := s.connect()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		time.Sleep(time.Second) // nobody looks on, and the next look is nine seconds away
		heard := make(chan time.Time, 100)
		go func() {
			defer close(heard)
			io.WriteString(here, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
			for lines := bufio.NewScanner(here); lines.Scan(); {
				if strings.Contains(lines.Text(), "event: main") {
					heard <- time.Now()
				}
			}
		}()
		<-heard // the page as it is
		began := time.Now()
		gone.Store(true)
		if after := (<-heard).Sub(began); after > refreshEvery {
			t.Errorf("a reader that went away is shown after %v", after)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
