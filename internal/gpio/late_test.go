package gpio

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// newTimed is newTestBoard, a second after the start, on a chip whose edges have their
// time.
func newTimed(t *testing.T, buttons ...Button) (*testBoard, *fakeChip) {
	f := newTestBoard(t, buttons, nil, nil)
	chip := f.chips[""]
	chip.set(func() { chip.timed = true })
	f.until(time.Second)
	return f, chip
}

// standStill keeps the station from its chip until the given time after the start,
// and returns when it does: a quarter of a second from now.
func (f *testBoard) standStill(chip *fakeChip, until time.Duration) {
	chip.set(func() { chip.stall = f.started.Add(until) })
	f.until(time.Since(f.started) + busyWait)
}

func TestAPressThatIsReadHalfASecondLateIsAPressDatedByItsEdge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bound := red
		bound.ReleaseBound = true
		f, chip := newTimed(t, bound)
		f.standStill(chip, 1850*ms)
		f.at(1300*ms, 17, true)
		f.at(1375*ms, 17, false)
		f.until(1800 * ms)
		f.expectEvents()
		f.until(2500 * ms)
		f.expectEvents("red.press of 1.3s", "red.release of 1.375s")
		if got := f.board.Glitches()["red"]; got != 0 {
			t.Errorf("%d glitches", got)
		}
	})
}

func TestTenBouncedPressesThatAreReadAtOnceAreTenPresses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, chip := newTimed(t, red, green)
		f.standStill(chip, 4*time.Second)
		var want []string
		for i := range 10 {
			begin := 1300*ms + time.Duration(i)*200*ms
			for _, b := range []struct {
				after time.Duration
				press bool
			}{{0, true}, {3 * ms, false}, {5 * ms, true}, {80 * ms, false}, {84 * ms, true}, {85 * ms, false}} {
				f.at(begin+b.after, 17, b.press)
			}
			want = append(want, fmt.Sprintf("red.press of %s", begin+5*ms))
			if i == 3 {
				f.at(begin+150*ms, 22, true)
				want = append(want, fmt.Sprintf("green.press of %s", begin+150*ms))
			}
		}
		f.until(5 * time.Second)
		f.expectEvents(want...)
	})
}

func TestATouchThatIsReadLateIsATouch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, chip := newTimed(t, red)
		f.standStill(chip, 1850*ms)
		f.at(1300*ms, 17, true)
		f.at(1329*ms, 17, false)
		f.until(3 * time.Second)
		f.expectEvents()
		if got := f.board.Glitches()["red"]; got != 1 {
			t.Errorf("%d glitches, want 1", got)
		}
	})
}

func TestATouchOfWhichNobodyKnowsTheTimesIsNotMadeLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, []Button{red}, nil, nil)
		chip := f.chips[""]
		f.until(1300 * ms)
		chip.set(func() { chip.stall = f.started.Add(1400 * ms) })
		chip.press(17, true)     // this is read at once
		f.at(1310*ms, 17, false) // and this 90 ms later
		f.until(2 * time.Second)
		f.expectEvents()
	})
}

func TestATouchIsNotMadeLongerByAStationThatStandsStillAfterItLooked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, chip := newTimed(t, red)
		f.at(1300*ms, 17, true)
		chip.set(func() { chip.lateUntil = f.started.Add(1400 * ms) })
		f.at(1310*ms, 17, false)
		f.at(1390*ms, 17, true) // so that the levels say nothing
		f.at(1410*ms, 17, false)
		f.until(2 * time.Second)
		f.expectEvents()
	})
}

func TestATouchWhoseReleaseIsStillOnItsWayIsATouch(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{5 * ms, 15 * ms, 40 * ms, 200 * ms, time.Second} {
		t.Run(late.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f, chip := newTimed(t, red)
				f.at(1300*ms, 17, true)
				f.until(1305 * ms)
				chip.set(func() { chip.held = true })
				f.at(1310*ms, 17, false)
				f.until(1310*ms + late)
				chip.set(func() { chip.held = false })
				f.until(5 * time.Second)
				f.expectEvents()
				f.at(6*time.Second, 17, true)
				f.until(7 * time.Second)
				f.expectEvents("red.press of 6s")
			})
		})
	}
}

func TestAPressWhoseReleaseIsStillOnItsWayIsAPress(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{5 * ms, 40 * ms, 200 * ms, 400 * ms} {
		t.Run(late.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				bound := red
				bound.ReleaseBound = true
				f, chip := newTimed(t, bound, green)
				f.until(1300 * ms)
				chip.set(func() { chip.stall = f.started.Add(1375 * ms) })
				chip.press(17, true) // this is read at once, and then the station stands still
				f.until(1370 * ms)
				chip.set(func() { chip.held = true })
				f.at(1370*ms, 17, false)
				f.until(1370*ms + late)
				f.expectEvents()
				chip.set(func() { chip.held = false })
				f.until(5 * time.Second)
				f.expectEvents("red.press of 1.3s", "red.release of 1.37s")
			})
		})
	}
}

func TestADoubtDoesNotWakeTheStationMoreOftenThanItsLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, chip := newTimed(t, red)
		f.at(1300*ms, 17, true)
		f.until(1305 * ms)
		chip.set(func() {
			chip.bits ^= 1 // the edge is on its way
			chip.waits = 0
		})
		f.until(1700 * ms)
		chip.set(func() {
			if chip.waits > 6 {
				t.Errorf("%d waits in 400 ms", chip.waits)
			}
		})
	})
}

func TestAPressWhoseEdgesAreOnTheirWayIsOnePress(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{5 * ms, 30 * ms, 70 * ms, 120 * ms, 400 * ms, time.Second} {
		t.Run(late.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f, chip := newTimed(t, red)
				f.until(1300 * ms)
				chip.set(func() { chip.held = true }) // the station wakes, and finds nothing
				f.at(1300*ms, 17, true)
				f.until(1300*ms + late)
				chip.set(func() { chip.held = false })
				f.at(2500*ms, 17, false)
				f.until(5 * time.Second)
				if len(f.events) != 1 {
					t.Errorf("events %q", f.events)
				}
			})
		})
	}
}

func TestEdgesThatTheKernelForgotInventNoPress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, chip := newTimed(t, red, green)
		f.until(1300 * ms)
		chip.set(func() { chip.stall = f.started.Add(3 * time.Second) })
		chip.press(17, true)     // this is read, and nothing after it
		f.at(1310*ms, 17, false) // ten milliseconds of contact, and nobody will know
		f.at(2*time.Second, 22, true)
		f.at(2100*ms, 22, false)
		f.until(2200 * ms)
		for range eventBufferSize/2 + 1 {
			chip.press(17, true)
			chip.press(17, false)
		}
		f.until(5 * time.Second)
		f.expectEvents()
		if got, want := f.board.Faults()["red"], "3 of its changes lost so far: its contact chatters, or stationd stood still"; got != want {
			t.Errorf("red is %q, want %q", got, want)
		}
		f.at(6*time.Second, 17, true)
		f.at(6100*ms, 17, false)
		f.at(7*time.Second, 22, true)
		f.until(8 * time.Second)
		f.expectEvents("red.press of 6s", "green.press of 7s")
		// That green was forgotten is known when there is a next edge of it.
		if diff := cmp.Diff(map[string]int{"red": 3, "green": 2}, f.board.Lost()); diff != "" {
			t.Errorf("lost (-want +got):\n%s", diff)
		}
		f.until(70 * time.Second)
		if got := f.board.Faults()["red"]; got != "" {
			t.Errorf("a minute later red is %q", got)
		}
	})
}

func TestTwoEdgesThatWereToldAsOneInventNoPress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, chip := newTimed(t, red)
		f.standStill(chip, 1850*ms)
		f.at(1300*ms, 17, true)
		f.at(1310*ms, 17, false)
		f.at(1500*ms, 17, true)
		f.at(1510*ms, 17, false)
		chip.set(func() {
			// The second edge was told with the third: down, down, up.
			chip.edges = append(chip.edges[:1], chip.edges[2:]...)
			chip.merged = true
		})
		f.until(3 * time.Second)
		f.expectEvents()
	})
}

func TestASpikeThatTheKernelCouldNotFollowIsAGlitch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, chip := newTimed(t, red)
		chip.set(func() {
			chip.merged = true
			chip.edges = append(chip.edges, edge{line: 0, high: true, at: time.Now()})
		})
		f.until(2 * time.Second)
		f.expectEvents()
		if got := f.board.Glitches()["red"]; got != 1 {
			t.Errorf("%d glitches, want 1", got)
		}
	})
}

func TestALevelThatNoEdgeToldOfCountsWhenItHasLasted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeChip()
		fake.timed = true
		if _, err := fake.inputs([]inputPin{{pin: 17, activeLow: true}}); err != nil {
			t.Fatal(err)
		}
		l, err := newLineTracker(fake, 1)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		var told []string
		poll := func(mismatched bool) {
			t.Helper()
			_, err := l.poll(minWait, func(e edge) {
				told = append(told, fmt.Sprintf("%s at %s, gap %v", level(e.high), e.at.Sub(begun), e.gap))
			})
			if err != nil {
				t.Fatal(err)
			}
			if l.mismatched(0) != mismatched {
				t.Errorf("after %s mismatched is %v", time.Since(begun), !mismatched)
			}
		}
		fake.press(17, true) // at 0 ms
		fake.set(func() { fake.held = true })
		poll(true) // for the first time, 1 ms after the edge
		<-time.After(14 * ms)
		poll(true)
		fake.set(func() {
			fake.held = false // the edge has come, and the level has changed again
			fake.bits = 1
		})
		poll(true) // at 18 ms, of another change
		<-time.After(mismatchTime - 10*ms)
		poll(true)
		<-time.After(10 * ms)
		poll(false)
		want := []string{"low at 0s, gap false", "high at 17ms, gap true"}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestAnEdgeFromBeforeTheRunIsNotTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeChip()
		fake.timed = true
		if _, err := fake.inputs([]inputPin{{pin: 17, activeLow: true}}); err != nil {
			t.Fatal(err)
		}
		fake.press(17, true)
		<-time.After(time.Second)
		fake.press(17, false)
		<-time.After(time.Second)
		l, err := newLineTracker(fake, 1)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		fake.press(17, true)
		var told []edge
		if _, err := l.poll(busyWait, func(e edge) { told = append(told, e) }); err != nil {
			t.Fatal(err)
		}
		if len(told) != 1 || told[0].high {
			t.Errorf("told %+v", told)
		}
	})
}

// The station says that it is ready, and a busy machine needs a while before it reads its
// buttons for the first time.
func TestAPressBeforeTheFirstReadingIsAPress(t *testing.T) {
	t.Parallel()
	for name, reading := range map[string]time.Duration{"while it is down": 250 * ms, "when it is over": time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := openPanel(t, Panel{Buttons: []Button{red}}, nil)
				f.chips[""].set(func() { f.chips[""].timed = true })
				f.at(200*ms, 17, true)
				release := func() { f.at(350*ms, 17, false) }
				if reading > 350*ms {
					release()
				}
				f.until(reading)
				f.run()
				if reading < 350*ms {
					release()
				}
				f.until(2 * time.Second)
				f.expectEvents("red.press of 200ms")
			})
		})
	}
}

// Eight buttons are pressed every 150 ms for a minute, all at once, each bouncing,
// while the station stands still again and again for up to half a second.
func TestNoPressIsLostByAStationThatStandsStillNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var buttons []Button
		for i := range 8 {
			buttons = append(buttons, Button{Name: fmt.Sprintf("b%d", i), Pin: 2 + i})
		}
		f, chip := newTimed(t, buttons...)
		random := rand.New(rand.NewPCG(17, 22))
		want := make(map[string]int)
		all := func(press bool) (last time.Duration) {
			for _, b := range buttons {
				chip.press(b.Pin, press)
			}
			for range random.IntN(3) {
				<-time.After(time.Duration(random.Int64N(int64(4 * ms))))
				for _, b := range buttons {
					chip.press(b.Pin, !press)
				}
				<-time.After(time.Duration(random.Int64N(int64(2 * ms))))
				for _, b := range buttons {
					chip.press(b.Pin, press)
				}
			}
			return time.Since(f.started)
		}
		for n := range 400 {
			at := 1300*ms + time.Duration(n)*150*ms
			f.until(at)
			if random.IntN(4) == 0 {
				late := time.Duration(random.Int64N(int64(500 * ms)))
				chip.set(func() { chip.stall = time.Now().Add(late) })
			}
			at = all(true)
			f.until(1300*ms + time.Duration(n)*150*ms + 75*ms)
			all(false)
			for _, b := range buttons {
				want[fmt.Sprintf("%s.press of %s", b.Name, at)]++
			}
		}
		f.until(90 * time.Second)
		got := make(map[string]int)
		for _, told := range f.events {
			got[told]++
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}
