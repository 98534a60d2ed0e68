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
				f := newFloor(t, []Button{{Name: "red", Pin: 17, Active: active}}, nil, nil)
				f.at(time.Second, 17, true)
				f.at(1100*ms, 17, false)
				f.until(2 * time.Second)
				f.expect("red.press of 1s")
			})
		})
	}
}

func TestAHoldReplacesThePressWhereABindingWaitsForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bound := red
		bound.HoldBound = true
		f := newFloor(t, []Button{bound}, nil, nil)
		f.at(time.Second, 17, true)
		f.until(3010 * ms)
		f.expect("red.hold of 3s")
		f.at(4*time.Second, 17, false)
		f.at(5*time.Second, 17, true)
		f.at(5200*ms, 17, false)
		f.until(6 * time.Second)
		f.expect("red.hold of 3s", "red.press of 5s")
	})
}

func TestAButtonThatIsDownAtTheStartIsNotAPress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor(t, []Button{red}, nil, nil)
		f.at(10*ms, 17, true)
		f.until(75*time.Second + 10*ms)
		f.expect()
		if got := f.board.Tell()["red"]; !strings.HasPrefix(got, "stuck: held for 75 s") {
			t.Errorf("red is %q", got)
		}
		f.at(80*time.Second, 17, false)
		f.until(81 * time.Second)
		if got := f.board.Tell()["red"]; got != "" {
			t.Errorf("after its release red is %q", got)
		}
		f.at(82*time.Second, 17, true)
		f.until(83 * time.Second)
		f.expect("red.press of 1m22s")
	})
}

func TestAButtonHeldForAMinuteIsAFaultAndNotAnEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor(t, []Button{red, green}, []Lamp{{Name: "lamp", Pin: 5}}, nil)
		f.at(time.Second, 17, true)
		f.until(76 * time.Second)
		f.expect("red.press of 1s")
		want := map[string]string{"red": "stuck: held for 75 s", "green": "", "lamp": ""}
		if diff := cmp.Diff(want, f.board.Tell()); diff != "" {
			t.Errorf("Tell (-want +got):\n%s", diff)
		}
	})
}

func TestGreenIsPressedWhileRedIsBeingRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor(t, []Button{red, green}, nil, func(station.Event) error {
			time.Sleep(80 * ms)
			return nil
		})
		f.at(time.Second, 17, true)
		f.at(1050*ms, 22, true)
		f.at(1200*ms, 17, false)
		f.at(1250*ms, 22, false)
		f.until(2 * time.Second)
		f.expect("red.press of 1s", "green.press of 1.11s")
	})
}

func TestATouchThatEndsWhileAnotherPressIsBeingRecordedIsNotMadeLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor(t, []Button{red, green}, nil, func(station.Event) error {
			time.Sleep(80 * ms)
			return nil
		})
		f.at(time.Second, 17, true)
		f.at(1025*ms, 22, true)
		f.at(1035*ms, 22, false) // ten milliseconds of contact, read 75 ms later
		f.until(2 * time.Second)
		f.expect("red.press of 1s")
		if got := f.board.Glitches()["green"]; got != 1 {
			t.Errorf("%d glitches of green, want 1", got)
		}
	})
}

func TestADeadlineThatFallsOnTheEndOfARecordDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor(t, []Button{red, green}, nil, func(station.Event) error {
			time.Sleep(10 * ms) // until the moment at which green is due
			return nil
		})
		f.at(time.Second, 17, true)
		f.at(1010*ms, 22, true)
		f.until(1100 * ms)
		f.expect("red.press of 1s", "green.press of 1.01s")
	})
}

func TestAPressWhoseEdgeWasDroppedIsFoundInTheLevels(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor(t, []Button{red, green}, nil, func(station.Event) error {
			time.Sleep(100 * ms)
			return nil
		})
		f.at(time.Second, 17, true)
		f.at(1040*ms, 22, true)
		for i := range 50 { // red chatters and drowns green's one edge
			f.at(1050*ms, 17, i%2 == 1)
		}
		f.until(2 * time.Second)
		f.expect("red.press of 1s", "green.press of 1.131s")
	})
}

func TestAHundredEdgesUnreadAreStillOnePress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor(t, []Button{red}, nil, nil)
		f.until(time.Second)
		for i := range 101 {
			f.chips[""].do(17, i%2 == 0)
		}
		f.until(2 * time.Second)
		f.expect("red.press of 1s")
	})
}

func TestEdgesInTheWrongOrderInventNoPress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor(t, []Button{red}, nil, nil)
		f.until(time.Second)
		chip := f.chips[""]
		chip.change(func() { chip.edges = append(chip.edges, edge{0, true}, edge{0, false}) }) // released, then pressed: it was the other way round
		f.until(3 * time.Second)
		f.expect()
	})
}

func TestALevelThatCannotBeReadIsNotAPress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor(t, []Button{red, {Name: "key", Pin: 5, Chip: "expander"}}, nil, nil)
		f.until(time.Second)
		chip := f.chips[""]
		chip.change(func() { chip.readErr = syscall.ENODEV })
		f.until(2 * time.Second)
		f.expect()
		select {
		case err := <-f.err:
			if !errors.Is(err, syscall.ENODEV) || !strings.Contains(err.Error(), "chip of the header: read the levels") {
				t.Errorf("Run returned %v", err)
			}
		default:
			t.Fatal("Run goes on without levels")
		}
		told := f.board.Tell()
		if !strings.Contains(told["red"], "gone") || told["key"] != "" {
			t.Errorf("Tell says %v", told)
		}
	})
}

func TestAChipThatVanishesEndsTheRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor(t, []Button{red}, nil, nil)
		f.until(time.Second)
		chip := f.chips[""]
		chip.change(func() { chip.waitErr = syscall.ENODEV })
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
		f := newFloor(t, []Button{red}, nil, func(station.Event) error {
			if told.Add(1) == 1 {
				return errors.New("outbox: the card is full")
			}
			return nil
		})
		f.at(time.Second, 17, true)
		f.at(2*time.Second, 17, false)
		f.at(3*time.Second, 17, true)
		f.until(4 * time.Second)
		f.expect("red.press of 1s", "red.press of 3s")
		if diff := cmp.Diff([]string{"not recorded"}, f.log.lines); diff != "" {
			t.Errorf("logged (-want +got):\n%s", diff)
		}
	})
}

func TestTwoChipsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor(t, []Button{red, {Name: "key", Pin: 5, Chip: "expander"}}, nil, nil)
		f.until(time.Second)
		f.chips["expander"].do(5, true)
		f.chips[""].do(17, true)
		f.until(1200 * ms)
		f.mu.Lock()
		told := strings.Join(f.told, ", ")
		f.mu.Unlock()
		if strings.Count(told, "key.press of 1") != 1 || strings.Count(told, "red.press of 1") != 1 || strings.Count(told, "press") != 2 {
			t.Errorf("told %s", told)
		}
	})
}

func TestPressesThatAreCertainAtOnceAreToldInTheirOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := red
		slow.Debounce = 60 * ms
		f := newFloor(t, []Button{green, slow}, nil, nil)
		f.at(time.Second, 17, true)
		f.at(1030*ms, 22, true) // certain at 1.06 s, as is red
		f.until(2 * time.Second)
		f.expect("red.press of 1s", "green.press of 1.03s")
	})
}

func TestAnIdleBoardWakesFourTimesASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor(t, []Button{red}, nil, nil)
		f.until(time.Second)
		chip := f.chips[""]
		chip.change(func() { chip.waits = 0 })
		f.until(11 * time.Second)
		chip.change(func() {
			if chip.waits < 38 || chip.waits > 42 {
				t.Errorf("%d waits in ten seconds", chip.waits)
			}
		})
	})
}

func TestRunEndsSoonAfterItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFloor(t, []Button{red}, nil, nil)
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
		f := newFloor(t, []Button{red, green}, nil, nil)
		f.at(time.Second, 17, true)
		f.at(1005*ms, 17, false)
		f.at(2*time.Second, 17, true)
		f.at(2005*ms, 17, false)
		f.until(3 * time.Second)
		f.expect()
		want := map[string]int{"red": 2, "green": 0}
		if diff := cmp.Diff(want, f.board.Glitches()); diff != "" {
			t.Errorf("glitches (-want +got):\n%s", diff)
		}
		f.stop()
		<-f.err
		over, stop := context.WithCancel(t.Context())
		stop()
		if err := f.board.Run(over, f.record); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, f.board.Glitches()); diff != "" {
			t.Errorf("glitches after a second run (-want +got):\n%s", diff)
		}
	})
}

func TestOpenGivesEverythingBackWhenALampCannotBeDriven(t *testing.T) {
	t.Parallel()
	fake := newFakeChip()
	fake.setErr = errors.New("device or resource busy")
	find := func(string) (chip, error) { return fake, nil }
	_, err := open(find, Chips{}, []Button{red}, []Lamp{{Name: "lamp", Pin: 5}}, nil, slog.New(&counter{}))
	if err == nil || !strings.Contains(err.Error(), "lamp lamp: drive pin 5: device or resource busy") {
		t.Errorf("Open returned %v", err)
	}
	if fake.closed != 3 { // the lamp, the inputs, the chip
		t.Errorf("%d things given back, want 3", fake.closed)
	}
}

func TestOpenSaysWhichButtonHasNoChip(t *testing.T) {
	t.Parallel()
	find := func(name string) (chip, error) { return nil, fmt.Errorf("gpio: there is no chip %q", name) }
	_, err := open(find, Chips{Chip: "pinctrl-rp1"}, []Button{red}, nil, nil, silent())
	if err == nil || !strings.Contains(err.Error(), `button red: gpio: there is no chip "pinctrl-rp1"`) {
		t.Errorf("Open returned %v", err)
	}
}
