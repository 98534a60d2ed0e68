package gpio

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/station"
)

var (
	redLamp   = Lamp{Name: "red", Pin: 5}
	greenLamp = Lamp{Name: "green", Pin: 6}
)

// show hands the board the lights of the red and the green lamp.
func (f *testBoard) show(red, green station.Light) {
	f.board.Show(map[string]station.Light{"red": red, "green": green})
}

// watch looks at a lamp in the middle of every step and returns # where it was
// high and . where it was low.
func (f *testBoard) watch(pin int, from, step time.Duration, steps int) string {
	var seen strings.Builder
	for i := range steps {
		f.until(from + time.Duration(i)*step + step/2)
		if f.chips[""].isHigh(pin) {
			seen.WriteByte('#')
		} else {
			seen.WriteByte('.')
		}
	}
	return seen.String()
}

func TestWhatALampShows(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		light station.Light
		step  time.Duration
		want  string
	}{
		{"a lamp that is off stays dark", station.Off, 100 * ms, "...................."},
		{"a delivered call is a steady light", station.Steady, 100 * ms, "####################"},
		{"a recorded press blinks once a second", station.Slow, 100 * ms, "#####.....#####....."},
		{"what a person must look at blinks four times a second", station.Quick, 25 * ms, "#####.....#####....."},
		{"a station that is off duty flashes twice every five seconds", station.OffDuty, 100 * ms, "#..#.............................................." + "#..#......"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newTestBoard(t, nil, []Lamp{redLamp}, nil)
				f.until(time.Second)
				f.show(test.light, station.Off)
				if diff := cmp.Diff(test.want, f.watch(5, time.Second, test.step, len(test.want))); diff != "" {
					t.Errorf("seen (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestALampWiredActiveLowIsDarkWhenItsLineIsHigh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, nil, []Lamp{{Name: "red", Pin: 5, Active: low}}, nil)
		if !f.chips[""].isHigh(5) {
			t.Error("lit after Open")
		}
		f.show(station.Steady, station.Off)
		f.until(ms)
		if f.chips[""].isHigh(5) {
			t.Error("dark when steady")
		}
	})
}

func TestSlowLampsBlinkTogetherAndALateOneIsLitAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, nil, []Lamp{redLamp, greenLamp}, nil)
		f.show(station.Slow, station.Off)
		f.until(700 * ms) // red is dark
		f.show(station.Slow, station.Slow)
		f.until(710 * ms)
		f.show(station.Slow, station.Slow) // being shown again changes nothing
		if got, want := f.watch(6, 710*ms, 20*ms, 1), "#"; got != want {
			t.Errorf("green shows %s just after its press, want %s", got, want)
		}
		if got, want := f.watch(6, 750*ms, 250*ms, 9), "###..##.."; got != want {
			t.Errorf("green shows %s from 0.75 s, want %s", got, want)
		}
		red, green := f.chips[""].isHigh(5), f.chips[""].isHigh(6)
		if red != green {
			t.Errorf("red lit %v and green lit %v", red, green)
		}
	})
}

func TestALampIsOnlyWrittenToWhenItChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, nil, []Lamp{redLamp, greenLamp}, nil)
		for i := range 100 {
			f.until(time.Duration(i) * 100 * ms)
			f.show(station.Slow, station.Steady)
		}
		f.until(9900 * ms)
		if got := f.chips[""].writes(6); got != 2 { // dark at Open, then lit
			t.Errorf("the steady lamp was written to %d times, want 2", got)
		}
		if got := f.chips[""].writes(5); got != 21 { // dark at Open, then two a second
			t.Errorf("the slow lamp was written to %d times, want 21", got)
		}
	})
}

func TestLampsStayAsTheyAreAtTheEndAndGoDarkAtClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, []Button{red}, []Lamp{redLamp}, nil)
		f.show(station.Steady, station.Off)
		f.until(time.Second)
		f.stop()
		f.show(station.Off, station.Off)
		f.until(2 * time.Second)
		if err := <-f.lampsErr; err != nil {
			t.Errorf("RunLamps returned %v", err)
		}
		if !f.chips[""].isHigh(5) {
			t.Error("the lamp changed after the end")
		}
		if err := f.board.Close(); err != nil {
			t.Error(err)
		}
		if f.chips[""].isHigh(5) {
			t.Error("the lamp is lit after Close")
		}
		if got := f.chips[""].closed; got != 3 {
			t.Errorf("%d things given back, want the lamp, the inputs and the chip", got)
		}
	})
}

func TestALampThatCannotBeDrivenEndsTheLampsAndIsToldOf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestBoard(t, nil, []Lamp{redLamp}, nil)
		chip := f.chips[""]
		chip.set(func() { chip.setErr = errors.New("no such device") })
		f.show(station.Steady, station.Off)
		f.until(ms)
		want := "lamp red: drive pin 5: no such device"
		if err := <-f.lampsErr; err == nil || err.Error() != want {
			t.Errorf("RunLamps returned %v, want %s", err, want)
		}
		if got := f.board.Faults()["red"]; got != want {
			t.Errorf("Tell says %q", got)
		}
	})
}
