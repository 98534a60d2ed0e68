package gpio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/station"
)

var (
	red   = Button{Name: "red", Pin: 17}
	green = Button{Name: "green", Pin: 22}
)

func TestAPressIsTold(t *testing.T) {
	t.Parallel()
	for _, active := range []string{low, high} {
		t.Run("when it is wired active "+active, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newTestBoard(t, []Button{{Name: "red", Pin: 17, Active: active}}, nil, nil)
				f.at(time.Second, 17, true)
				f.at(1100*ms, 17, false)
				f.until(2 * time.Second)
				f.expectEvents("red.press of 1s")
			})
		})
	}
}

func TestAHoldReplacesThePressWhereABindingWaitsForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bound := red
		bound.HoldBound = true
		f := newTestBoard(t, []Button{bound}, nil, nil)
		f.at(time.Second, 17, true)
		f.until(3010 * ms)
		f.expectEvents("red.hold of 3s")
		f.at(4*time.Second, 17, false)
		f.at(5*time.Second, 17, true)
		f.at(5200*ms, 17, false)
		f.until(6 * time.Second)
		f.expectEvents("red.hold of 3s", "red.press of 5s")
	})
}

func TestAButtonThatIsDownAtTheStartIsNotAPress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, []Button{red}, nil, nil)
		f.at(10*ms, 17, true)
		f.until(75*time.Second + 10*ms)
		f.expectEvents()
		if got := f.board.Faults()["red"]; !strings.HasPrefix(got, "stuck: held for 75 s") {
			t.Errorf("red is %q", got)
		}
		f.at(80*time.Second, 17, false)
		f.until(81 * time.Second)
		if got := f.board.Faults()["red"]; got != "" {
			t.Errorf("after its release red is %q", got)
		}
		f.at(82*time.Second, 17, true)
		f.until(83 * time.Second)
		f.expectEvents("red.press of 1m22s")
	})
}

func TestAButtonHeldForAMinuteIsAFaultAndNotAnEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, []Button{red, green}, []Lamp{{Name: "lamp", Pin: 5}}, nil)
		f.at(time.Second, 17, true)
		f.until(76 * time.Second)
		f.expectEvents("red.press of 1s")
		want := map[string]string{"red": "stuck: held for 75 s", "green": "", "lamp": ""}
		if diff := cmp.Diff(want, f.board.Faults()); diff != "" {
			t.Errorf("Tell (-want +got):\n%s", diff)
		}
	})
}

func TestGreenIsPressedWhileRedIsBeingRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, []Button{red, green}, nil, func(station.Event) (station.Result, error) {
			time.Sleep(80 * ms)
			return station.Result{}, nil
		})
		f.at(time.Second, 17, true)
		f.at(1050*ms, 22, true)
		f.at(1200*ms, 17, false)
		f.at(1250*ms, 22, false)
		f.until(2 * time.Second)
		f.expectEvents("red.press of 1s", "green.press of 1.05s")
	})
}

func TestATouchThatIsReadLateIsNotMadeLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, []Button{red, green}, nil, nil)
		f.at(time.Second, 17, true)
		chip := f.chips[""]
		chip.set(func() { chip.stall = time.Now().Add(80 * ms) }) // the process does not get its turn
		f.at(1025*ms, 22, true)
		f.at(1035*ms, 22, false) // ten milliseconds of contact, read 70 ms later
		f.until(2 * time.Second)
		f.expectEvents("red.press of 1s")
		if got := f.board.Glitches()["green"]; got != 1 {
			t.Errorf("%d glitches of green, want 1", got)
		}
	})
}

func TestWhatIsOverdueIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	bank := &Bank{board: &Board{banks: make([]*Bank, 1)}, tracker: &lineTracker{mismatchSince: make([]time.Time, 1)}}
	bank.add(&button{Button: red, contact: newContact(red.withDefaults(Chips{}), morning, false)})
	for _, late := range []time.Duration{0, defaultRelease - 1, defaultRelease, time.Hour} {
		if got := bank.waitTime(morning.Add(late)); got < minWait || got > idleWait {
			t.Errorf("%v after the edge it waits %v", late, got)
		}
	}
}

func TestAPressWhoseEdgeWasDroppedIsFoundInTheLevels(t *testing.T) {
	t.Parallel()
	for _, chip := range []string{"", "expander"} {
		t.Run("on the chip "+chip, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				red, green := red, green
				red.Chip, green.Chip = chip, chip
				f := newTestBoard(t, []Button{red, green, {Name: "key", Pin: 5, Chip: "third"}}, nil, nil)
				c := f.chips[chip]
				f.until(time.Second)
				c.press(17, true)
				f.until(1040 * ms)
				c.set(func() {
					for i := range 50 { // red chatters and drowns green's one edge
						c.edges = append(c.edges, edge{line: 0, high: i%2 == 0})
					}
					c.edges = c.edges[50-16:]
					c.bits ^= 1 << 1
				})
				f.until(2 * time.Second)
				f.expectEvents("red.press of 1s", "green.press of 1.041s")
				c.set(func() { c.bits ^= 1 << 1 }) // an edge that nobody was woken by
				f.until(3 * time.Second)
				c.set(func() { c.bits ^= 1 << 1 })
				f.until(4 * time.Second)
				f.mu.Lock()
				last := f.events[len(f.events)-1]
				f.mu.Unlock()
				if len(f.events) != 3 || !strings.HasPrefix(last, "green.press of 3.") {
					t.Errorf("events %q", f.events)
				}
			})
		})
	}
}

func TestAHundredEdgesUnreadAreStillOnePress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, []Button{red}, nil, nil)
		f.until(time.Second)
		for i := range 101 {
			f.chips[""].press(17, i%2 == 0)
		}
		f.until(2 * time.Second)
		f.expectEvents("red.press of 1s")
	})
}

func TestEdgesInTheWrongOrderInventNoPress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, []Button{red}, nil, nil)
		f.until(time.Second)
		chip := f.chips[""]
		chip.set(func() { chip.edges = append(chip.edges, edge{line: 0, high: true}, edge{line: 0, high: false}) }) // released, then pressed: it was the other way round
		f.until(3 * time.Second)
		f.expectEvents()
	})
}

func TestALevelThatCannotBeReadIsNotAPress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, []Button{red, {Name: "key", Pin: 5, Chip: "expander"}}, nil, nil)
		f.until(time.Second)
		chip := f.chips[""]
		chip.set(func() { chip.readErr = syscall.ENODEV })
		f.until(2 * time.Second)
		f.expectEvents()
		select {
		case err := <-f.err:
			if !errors.Is(err, syscall.ENODEV) || !strings.Contains(err.Error(), "chip of the header: read the levels") {
				t.Errorf("Run returned %v", err)
			}
		default:
			t.Fatal("Run goes on without levels")
		}
		told := f.board.Faults()
		if !strings.Contains(told["red"], "gone") || told["key"] != "" {
			t.Errorf("Tell says %v", told)
		}
	})
}

func TestAChipThatVanishesEndsTheRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, []Button{red}, nil, nil)
		f.until(time.Second)
		chip := f.chips[""]
		chip.set(func() { chip.waitErr = syscall.ENODEV })
		f.until(1001 * ms)
		select {
		case err := <-f.err:
			if !errors.Is(err, syscall.ENODEV) {
				t.Errorf("Run returned %v", err)
			}
		default:
			t.Fatal("Run goes on without a chip")
		}
	})
}

func TestAnEventThatIsNotRecordedIsLoggedOnceAndTheNextIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Int32
		f := newTestBoard(t, []Button{red}, nil, func(station.Event) (station.Result, error) {
			if told.Add(1) == 1 {
				return station.Result{}, errors.New("outbox: the card is full")
			}
			return station.Result{}, nil
		})
		f.at(time.Second, 17, true)
		f.at(2*time.Second, 17, false)
		f.at(3*time.Second, 17, true)
		f.until(4 * time.Second)
		f.expectEvents("red.press of 1s", "red.press of 3s")
		if diff := cmp.Diff([]string{"not recorded"}, f.log.lines); diff != "" {
			t.Errorf("logged (-want +got):\n%s", diff)
		}
	})
}

func TestEachChipIsHeardAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, []Button{red, {Name: "key", Pin: 5, Chip: "expander"}, {Name: "third", Pin: 6, Chip: "third"}}, nil, nil)
		for i, do := range []struct {
			chip string
			pin  int
		}{{"expander", 5}, {"", 17}, {"third", 6}} {
			f.until(time.Second + time.Duration(i)*7*ms)
			f.chips[do.chip].press(do.pin, true)
		}
		f.until(1200 * ms)
		f.expectEvents("key.press of 1s", "red.press of 1.007s", "third.press of 1.014s")
	})
}

func TestPressesThatAreCertainAtOnceAreToldInTheirOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := red
		slow.Debounce = 60 * ms
		f := newTestBoard(t, []Button{green, slow}, nil, nil)
		f.at(time.Second, 17, true)
		f.at(1030*ms, 22, true) // certain at 1.06 s, as is red
		f.until(2 * time.Second)
		f.expectEvents("red.press of 1s", "green.press of 1.03s")
	})
}

func TestTheChipsOfAnIdleBoardAreLookedAtTogetherEveryFiveSeconds(t *testing.T) {
	t.Parallel()
	for chips := range 3 {
		t.Run(fmt.Sprint(chips+1), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				buttons := []Button{red, {Name: "key", Pin: 5, Chip: "expander"}, {Name: "third", Pin: 6, Chip: "third"}}
				f := newTestBoard(t, buttons[:chips+1], nil, nil)
				f.until(busyTime + time.Second)
				for _, chip := range f.chips {
					chip.set(func() { chip.waits = 0 })
				}
				f.until(busyTime + 151*time.Second)
				looks, wired := make(map[time.Time]bool), 0
				for name, chip := range f.chips {
					chip.set(func() {
						if chip.lastWait.IsZero() {
							return // nothing is wired to it
						}
						wired++
						looks[chip.lastWait] = true
						// change wakes each of them once, at the beginning
						if chip.waits < 29 || chip.waits > 32 {
							t.Errorf("%d waits for chip %q in 150 seconds", chip.waits, name)
						}
					})
				}
				if len(looks) != 1 || wired != chips+1 {
					t.Errorf("%d chips were looked at last at %v", wired, looks)
				}
			})
		})
	}
}

func TestNoPressIsLostWhileTheCardIsSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const apart, presses = 150 * ms, 400 // for a minute
		var buttons []Button
		var chips []string
		for i := range 8 {
			chip := []string{"", "expander"}[i%2]
			buttons = append(buttons, Button{Name: fmt.Sprintf("b%d", i), Pin: 2 + i, Chip: chip})
			chips = append(chips, chip)
		}
		f := newTestBoard(t, buttons, nil, func(station.Event) (station.Result, error) {
			time.Sleep(400 * ms)
			return station.Result{}, nil
		})
		all := func(press bool) {
			for i, b := range buttons {
				f.chips[chips[i]].press(b.Pin, press)
			}
		}
		want := make(map[string]int)
		for n := range presses {
			at := time.Second + time.Duration(n)*apart
			f.until(at)
			all(true)
			f.until(at + 70*ms)
			all(false)
			for _, b := range buttons {
				want[fmt.Sprintf("%s.press of %s", b.Name, at)]++
			}
		}
		f.until(30 * time.Minute)
		got := make(map[string]int)
		f.mu.Lock()
		for _, told := range f.events {
			got[told]++
		}
		f.mu.Unlock()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		for name, lost := range f.board.Lost() {
			if lost != 0 {
				t.Errorf("%d events of %s lost", lost, name)
			}
		}
	})
}

func TestWhatCannotBeRecordedInTimeIsLostAloud(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, []Button{red, green}, nil, func(station.Event) (station.Result, error) {
			time.Sleep(time.Hour) // the card does not answer
			return station.Result{}, nil
		})
		hand := func(n int) {
			for range n {
				f.board.enqueue(transition{source: "red", kind: station.Press, at: time.Now()})
			}
		}
		f.until(time.Second)
		hand(1)
		f.until(2 * time.Second)
		hand(maxPending)
		if got := f.board.Faults()["red"]; got != "" {
			t.Errorf("with nothing lost red is %q", got)
		}
		hand(2)
		if diff := cmp.Diff(map[string]int{"red": 2, "green": 0}, f.board.Lost()); diff != "" {
			t.Errorf("lost (-want +got):\n%s", diff)
		}
		want := map[string]string{"red": "2 events lost so far: the outbox does not keep up", "green": ""}
		if diff := cmp.Diff(want, f.board.Faults()); diff != "" {
			t.Errorf("Tell (-want +got):\n%s", diff)
		}
		const line = "lost: too much waits to be recorded"
		if diff := cmp.Diff([]string{line, line}, f.log.lines); diff != "" {
			t.Errorf("logged (-want +got):\n%s", diff)
		}
		f.until(62 * time.Second)
		if got := f.board.Faults()["red"]; got != "" {
			t.Errorf("a minute later red is %q", got)
		}
	})
}

func TestWhatWasPressedBeforeTheStopIsRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, []Button{red, green, {Name: "key", Pin: 5}}, nil, func(station.Event) (station.Result, error) {
			time.Sleep(400 * ms)
			return station.Result{}, nil
		})
		f.at(time.Second, 17, true)
		f.at(1100*ms, 22, true)
		f.at(1190*ms, 5, true) // certain at 1.22 s, which is too late: it is not taken
		f.until(1200 * ms)
		f.stop()
		f.until(2 * time.Second)
		f.expectEvents("red.press of 1s", "green.press of 1.1s")
		for range 2 {
			if err := <-f.err; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestWhatTakesTooLongAfterTheStopIsLostAloud(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, []Button{red}, nil, func(station.Event) (station.Result, error) {
			time.Sleep(3 * time.Second)
			return station.Result{}, nil
		})
		f.until(time.Second)
		for range 5 {
			f.board.enqueue(transition{source: "red", kind: station.Press, at: time.Now()})
		}
		f.until(2 * time.Second)
		f.stop()
		f.until(time.Minute)
		if told, lost := len(f.events), f.board.Lost()["red"]; told != 3 || lost != 2 {
			t.Errorf("%d recorded and %d lost, want 3 and 2", told, lost)
		}
	})
}

func TestRunEndsSoonAfterItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, []Button{red}, nil, nil)
		f.until(time.Second)
		f.stop()
		f.until(1250 * ms)
		select {
		case err := <-f.err:
			if err != nil {
				t.Errorf("Run returned %v", err)
			}
		default:
			t.Error("Run has not returned after 250 ms")
		}
	})
}

func TestGlitchesAreCountedPerButton(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, []Button{red, green}, nil, nil)
		f.at(time.Second, 17, true)
		f.at(1005*ms, 17, false)
		f.at(2*time.Second, 17, true)
		f.at(2005*ms, 17, false)
		f.until(3 * time.Second)
		f.expectEvents()
		want := map[string]int{"red": 2, "green": 0}
		if diff := cmp.Diff(want, f.board.Glitches()); diff != "" {
			t.Errorf("glitches (-want +got):\n%s", diff)
		}
		f.stop()
		<-f.err
		<-f.err
		over, stop := context.WithCancel(t.Context())
		stop()
		if err := f.board.Banks()[0].Run(over); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, f.board.Glitches()); diff != "" {
			t.Errorf("glitches after a second run (-want +got):\n%s", diff)
		}
	})
}

func TestAnInputWithTooManyGlitchesIsAtFaultUntilItIsQuietAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, []Button{red, green}, nil, nil)
		for n := range 21 {
			if fault := f.board.Faults()["red"]; fault != "" {
				t.Errorf("after %d glitches: %s", n, fault)
			}
			at := time.Duration(n+1) * time.Second
			f.at(at, 17, true)
			f.at(at+5*ms, 17, false)
			f.until(at + 500*ms)
		}
		if fault := f.board.Faults()["red"]; !strings.HasPrefix(fault, "unsteady: more than 20 changes in a minute that were too short to count") {
			t.Errorf("after 21 glitches: %q", fault)
		}
		if fault := f.board.Faults()["green"]; fault != "" {
			t.Errorf("the other button: %s", fault)
		}
		f.until(2 * time.Minute)
		if fault := f.board.Faults()["red"]; fault != "" {
			t.Errorf("after a quiet minute: %s", fault)
		}
		f.expectEvents()
		f.stop()
		<-f.err
		<-f.err
	})
}

// A busyChip is a fakeChip of which another program has some lines.
type busyChip struct {
	*fakeChip
	busy map[int]bool
}

func (c *busyChip) inputs(pins []inputPin) (inputLines, error) {
	for _, p := range pins {
		if c.busy[p.pin] {
			return nil, fmt.Errorf("take GPIO%d as inputs: device or resource busy (in use: line %d by %q)", p.pin, p.pin, "w1-gpio")
		}
	}
	return c.fakeChip.inputs(pins)
}

func (c *busyChip) output(pin int) (outputLine, error) {
	if c.busy[pin] {
		return nil, errors.New("device or resource busy")
	}
	return c.fakeChip.output(pin)
}

func TestALineThatAnotherProgramHasKeepsNothingElseFromWorking(t *testing.T) {
	t.Parallel()
	chipOf := func(busy ...int) func(string) (chip, error) {
		c := &busyChip{newFakeChip(), make(map[int]bool)}
		for _, pin := range busy {
			c.busy[pin] = true
		}
		return func(string) (chip, error) { return c, nil }
	}
	green := Button{Name: "green", Pin: 18}
	panel := Panel{Buttons: []Button{red, green}, Lamps: []Lamp{{Name: "lamp", Pin: 5}, {Name: "other", Pin: 6}}, Buzzers: []Buzzer{{Name: "horn", Pin: 7}}}
	b, err := open(chipOf(red.Pin, 5, 7), panel, nil, slog.New(&logRecorder{}))
	if err != nil {
		t.Fatal(err)
	}
	told := b.Faults()
	for name, faulty := range map[string]bool{"red": true, "green": false, "lamp": true, "other": false, "horn": true} {
		if got := told[name]; (got != "") != faulty || faulty && !strings.Contains(got, "busy") {
			t.Errorf("%s: %q", name, got)
		}
	}
	if banks := b.Banks(); len(banks) != 1 || len(banks[0].buttons) != 1 || banks[0].buttons[0].Name != "green" {
		t.Errorf("the buttons that are left: %+v", banks)
	}
	b.Show(map[string]station.Light{"lamp": station.Steady, "other": station.Steady})
	if _, err := b.updateLamps(time.Now(), make(map[station.Light]time.Time)); err != nil {
		t.Error(err)
	}
	if _, err := b.updateBuzzers(time.Now()); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := open(chipOf(red.Pin, green.Pin), panel, nil, slog.New(&logRecorder{})); err == nil {
		t.Error("no button's line can be taken, and it is no error")
	}
}

func TestOpenSaysWhichButtonHasNoChip(t *testing.T) {
	t.Parallel()
	find := func(name string) (chip, error) { return nil, fmt.Errorf("gpio: there is no chip %q", name) }
	_, err := open(find, Panel{Chips: Chips{Chip: "pinctrl-rp1"}, Buttons: []Button{red}}, nil, silent())
	if err == nil || !strings.Contains(err.Error(), `button red: gpio: there is no chip "pinctrl-rp1"`) {
		t.Errorf("Open returned %v", err)
	}
}

func TestANormallyClosedButton(t *testing.T) {
	t.Parallel()
	closed := Button{Name: "red", Pin: 17, Wiring: normallyClosed}
	t.Run("is a press when it is let go, dated by its first edge", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newTestBoard(t, []Button{closed}, nil, nil)
			if f.chips[""].bits != 0 {
				t.Errorf("at rest its line is high")
			}
			f.at(time.Second, 17, true)
			f.until(1100 * ms)
			f.expectEvents()
			f.at(1200*ms, 17, false)
			f.until(2 * time.Second)
			f.expectEvents("red.press of 1s")
			if got := f.board.Faults()["red"]; got != "" {
				t.Errorf("red is %q", got)
			}
		})
	})
	t.Run("whose wire is cut is a fault after a minute and never a press", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newTestBoard(t, []Button{closed}, nil, nil)
			f.at(time.Second, 17, true)
			f.until(60 * time.Second)
			if got := f.board.Faults()["red"]; got != "" {
				t.Errorf("after 59 s red is %q", got)
			}
			f.until(76 * time.Second)
			if got, want := f.board.Faults()["red"], "held or wire cut: its contact has been open for 75 s"; got != want {
				t.Errorf("red is %q, want %q", got, want)
			}
			f.at(80*time.Second, 17, false) // mended
			f.until(81 * time.Second)
			f.expectEvents()
			if got := f.board.Faults()["red"]; got != "" {
				t.Errorf("when the wire is whole again red is %q", got)
			}
		})
	})
	t.Run("whose wire is cut at the start is a fault at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newTestBoard(t, []Button{closed}, nil, nil)
			f.chips[""].press(17, true)
			f.until(10 * ms)
			want := "held or wire cut: its contact is open since the start"
			if got := f.board.Faults()["red"]; got != want {
				t.Errorf("red is %q, want %q", got, want)
			}
			f.at(5*time.Second, 17, false)
			f.at(6*time.Second, 17, true)
			f.at(6100*ms, 17, false)
			f.until(7 * time.Second)
			f.expectEvents("red.press of 6s")
		})
	})
}

func TestAButtonWithTwoContacts(t *testing.T) {
	t.Parallel()
	nc := 18
	pair := Button{Name: "red", Pin: 17, PinNC: &nc}
	const bothOpen = "its two contacts disagree: both are open; a wire is cut or the button is half pressed"
	run := func(sentence string, do func(t *testing.T, f *testBoard)) {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { do(t, newTestBoard(t, []Button{pair, green}, nil, nil)) })
		})
	}
	fault := func(t *testing.T, f *testBoard, want string) {
		t.Helper()
		if got := f.board.Faults()["red"]; got != want {
			t.Errorf("red is %q, want %q", got, want)
		}
	}
	run("is pressed when both say so", func(t *testing.T, f *testBoard) {
		f.at(time.Second, 18, true)
		f.at(1040*ms, 17, true) // a slow hand: for a moment both are open
		f.until(1100 * ms)
		f.expectEvents("red.press of 1.04s")
		f.at(1300*ms, 17, false)
		f.at(1350*ms, 18, false)
		f.at(1500*ms, 22, true)
		f.until(2 * time.Second)
		f.expectEvents("red.press of 1.04s", "green.press of 1.5s")
		fault(t, f, "")
	})
	run("is at fault when one of its wires is cut, and tells no press until it is mended", func(t *testing.T, f *testBoard) {
		f.at(time.Second, 18, true) // the wire of the normally closed contact
		f.until(1490 * ms)
		fault(t, f, "")
		f.until(1510 * ms)
		fault(t, f, bothOpen)
		f.at(5*time.Second, 17, true) // pressed all the same
		f.until(6 * time.Second)
		fault(t, f, "its two contacts disagreed; it says nothing until it has been seen at rest")
		f.at(7*time.Second, 17, false)
		f.at(8*time.Second, 18, false) // mended
		f.until(9 * time.Second)
		fault(t, f, "")
		f.expectEvents()
		f.at(10*time.Second, 18, true)
		f.at(10*time.Second, 17, true)
		f.until(11 * time.Second)
		f.expectEvents("red.press of 10s")
	})
	run("is at fault when a contact is welded", func(t *testing.T, f *testBoard) {
		f.at(time.Second, 18, true)
		f.at(time.Second, 17, true)
		f.at(2*time.Second, 18, false) // let go, and the other stays closed
		f.until(3 * time.Second)
		f.expectEvents("red.press of 1s")
		fault(t, f, "its two contacts disagree: both are closed; one is welded or its wire has a short circuit")
	})
	run("is at fault from the start when a wire is cut then", func(t *testing.T, f *testBoard) {
		f.stop()
		for range 2 {
			<-f.err
		}
		f.chips[""].press(18, true)
		ctx, stop := context.WithCancel(t.Context())
		again := make(chan error, 1)
		go func() { again <- f.board.Banks()[0].Run(ctx) }()
		f.until(2 * time.Second)
		fault(t, f, bothOpen)
		stop()
		if err := <-again; err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkEdgeToEvent is one clean press and its release, from the edges to emit.
func BenchmarkEdgeToEvent(b *testing.B) {
	f := newFakeChip()
	stamp := func(at time.Time) station.Stamp { return station.Stamp{Wall: at} }
	board, err := open(func(string) (chip, error) { return f, nil }, Panel{Buttons: []Button{red}}, stamp, silent())
	if err != nil {
		b.Fatal(err)
	}
	bank := board.Banks()[0]
	if err := bank.start(); err != nil {
		b.Fatal(err)
	}
	now, events := time.Now(), 0
	emit := func(station.Event) (station.Result, error) {
		events++
		return station.Result{}, nil
	}
	step := func(after time.Duration, closed bool) {
		now = now.Add(after)
		bank.handleEdge(edge{line: 0, high: !closed, at: now})
	}
	settle := func(after time.Duration) {
		now = now.Add(after)
		for _, h := range bank.settleAll(now) {
			board.enqueue(h)
		}
		bank.settled = bank.settled[:0]
	}
	settle(defaultRelease)
	b.ReportAllocs()
	for b.Loop() {
		step(100*time.Millisecond, true)
		settle(30 * time.Millisecond)
		board.record(<-board.pending, emit)
		step(100*time.Millisecond, false)
		settle(50 * time.Millisecond)
	}
	if events != b.N {
		b.Fatalf("%d events of %d presses", events, b.N)
	}
}
