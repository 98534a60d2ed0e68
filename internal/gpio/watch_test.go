package gpio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/warthog618/go-gpiocdev/uapi"
)

// A pickyChip is a fakeChip some of whose lines are not given out.
type pickyChip struct {
	*fakeChip
	refused []int
}

var errRefused = errors.New("device or resource busy")

func (p pickyChip) inputs(pins []inputPin) (inputLines, error) {
	for _, pin := range pins {
		if slices.Contains(p.refused, pin.pin) {
			return nil, errRefused
		}
	}
	return p.fakeChip.inputs(pins)
}

func everyChip(string) bool { return true }

// watched runs a Watch for the length of a test and returns what it tells.
func watched(t *testing.T, c chip, panel Panel) (*Watch, func() []string) {
	t.Helper()
	w, err := openWatch(c, everyChip, panel, pullUp)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var told []string
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		err := w.Run(ctx, func(wire Wire) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, fmt.Sprintf("%s %s, %d edges, %d glitches", wire.Name, level(wire.High), wire.Edges, wire.Glitches))
		})
		if err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return w, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(told)
	}
}

func TestTheElectricianSeesEveryEdgeAndEveryGlitch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeChip()
		_, told := watched(t, fake, Panel{})
		wait := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		wait(time.Second)
		fake.press(17, true)
		wait(200 * time.Millisecond)
		fake.press(17, false)
		wait(time.Second)
		fake.press(4, true) // a touch that is over before it counts
		wait(10 * time.Millisecond)
		fake.press(4, false)
		wait(time.Second)
		want := []string{
			"GPIO17 low, 1 edges, 0 glitches",
			"GPIO17 high, 2 edges, 0 glitches",
			"GPIO4 low, 1 edges, 0 glitches",
			"GPIO4 high, 2 edges, 0 glitches",
			"GPIO4 high, 2 edges, 1 glitches",
		}
		if diff := cmp.Diff(want, told()); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestTheElectricianSeesWhatIsReadLateAsItWas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeChip()
		fake.timed = true
		_, told := watched(t, fake, Panel{})
		wait := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		last := func(want string) {
			t.Helper()
			if all := told(); all[len(all)-1] != want {
				t.Errorf("events %q, want %q", all[len(all)-1], want)
			}
		}
		late := func() {
			wait(time.Second)
			fake.set(func() { fake.stall = time.Now().Add(time.Second) })
			wait(busyWait)
		}
		late()
		fake.press(17, true)
		wait(10 * time.Millisecond)
		fake.press(17, false)
		wait(100 * time.Millisecond)
		fake.press(17, true)
		wait(40 * time.Millisecond)
		fake.press(17, false)
		wait(100 * time.Millisecond)
		fake.press(17, true)
		wait(10 * time.Millisecond)
		fake.press(17, false)
		wait(2 * time.Second)
		last("GPIO17 high, 6 edges, 2 glitches")

		fake.set(func() { // a spike that the kernel told as one edge
			fake.merged = true
			fake.edges = append(fake.edges, edge{line: 17 - firstPin, high: true, at: time.Now()})
		})
		wait(time.Second)
		last("GPIO17 high, 6 edges, 3 glitches")

		fake.press(17, true)
		fake.set(func() { fake.stall = time.Now().Add(500 * time.Millisecond) })
		wait(10 * time.Millisecond)
		fake.set(func() { // of three edges the first alone was remembered
			fake.dropped[17-firstPin] = 1
			fake.edges = append(fake.edges, edge{line: 17 - firstPin, high: true, at: time.Now().Add(100 * time.Millisecond)})
			fake.bits |= 1 << (17 - firstPin)
		})
		wait(2 * time.Second)
		last("GPIO17 high, 8 edges, 4 glitches")

		fake.press(17, true)
		wait(5 * time.Millisecond)
		fake.set(func() { fake.held = true })
		fake.press(17, false)
		wait(300 * time.Millisecond)
		fake.set(func() { fake.held = false })
		wait(time.Second)
		last("GPIO17 high, 10 edges, 5 glitches")
	})
}

func TestALampAndWhatIsRefusedAreLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeChip()
		panel := Panel{
			Buttons: []Button{{Name: "guard", Pin: 5, Active: high, Bias: noBias}},
			Lamps:   []Lamp{{Name: "red", Pin: 22}},
			Buzzers: []Buzzer{{Name: "horn", Pin: 23}},
		}
		w, _ := watched(t, pickyChip{fake, []int{8, 9}}, panel)
		left := make(map[int]string)
		for _, wire := range w.Wires() {
			if wire.Skipped != "" {
				left[wire.Pin] = wire.Skipped
			}
		}
		if diff := cmp.Diff(map[int]string{8: "not to be had", 9: "not to be had", 22: "a lamp", 23: "a buzzer"}, left); diff != "" {
			t.Errorf("left alone (-want +got):\n%s", diff)
		}
		taken := make(map[int]string)
		for _, p := range fake.pins {
			taken[p.pin] = p.bias
		}
		if taken[22] != "" || taken[5] != noBias || taken[17] != pullUp || len(taken) != 26-4 {
			t.Errorf("the lines were taken as %v", taken)
		}
		if len(fake.lamps) != 0 {
			t.Errorf("outputs were taken: %v", fake.lamps)
		}
	})
}

func TestAChipOfWhichNothingIsToBeHad(t *testing.T) {
	t.Parallel()
	var all []int
	for pin := range lastPin + 1 {
		all = append(all, pin)
	}
	if _, err := openWatch(pickyChip{newFakeChip(), all}, everyChip, Panel{}, pullUp); !errors.Is(err, errRefused) {
		t.Errorf("openWatch returned %v", err)
	}
}

func TestHowTheKernelSaysThatALineIsNotFree(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		flags    uapi.LineFlagV2
		consumer string
		left     string
	}{
		{"a free input is watched", uapi.LineFlagV2Input, "", ""},
		{"a line that another program has is its own", uapi.LineFlagV2Used | uapi.LineFlagV2Input, "gpiomon", "held by gpiomon"},
		{"a line that a driver has without saying so is the kernel's", uapi.LineFlagV2Used, "", "held by the kernel"},
		{"an output that nobody holds still drives something", uapi.LineFlagV2Output, "", "an output"},
		{"the station's lamp is the station's", uapi.LineFlagV2Used | uapi.LineFlagV2Output, "stationd@812", "held by stationd@812"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			info := uapi.LineInfoV2{Flags: test.flags}
			copy(info.Name[:], "GPIO17")
			copy(info.Consumer[:], test.consumer)
			if w := wireOf(17, info); w.Skipped != test.left || w.Name != "GPIO17" || w.Pin != 17 {
				t.Errorf("got %+v", w)
			}
		})
	}
}
