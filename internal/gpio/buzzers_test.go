package gpio

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/station"
)

var horn = Buzzer{Name: "horn", Pin: 13}

// horned is a panel with a buzzer and a lamp.
func horned(t *testing.T) *testBoard {
	return newPanel(t, Panel{Lamps: []Lamp{redLamp}, Buzzers: []Buzzer{horn}}, nil)
}

func (f *testBoard) say(kind station.SoundKind) {
	f.board.Sound(map[string]station.SoundKind{"horn": kind})
}

func TestWhatABuzzerSays(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		kind station.SoundKind
		want string // in steps of 100 ms
	}{
		{"what is recorded is one short", station.SoundRecorded, "#..............."},
		{"what is refused is two long", station.SoundRefused, "####..####......"},
		{"what is held is three short", station.SoundHeld, "#.#.#..........."},
		{"nothing is nothing", station.Silent, "................"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := horned(t)
				f.until(time.Second)
				f.say(test.kind)
				if diff := cmp.Diff(test.want, f.watch(13, time.Second, 100*ms, len(test.want))); diff != "" {
					t.Errorf("heard (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestASoundGoesOnWhileALampBlinks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := horned(t)
		f.until(time.Second)
		f.show(station.Quick, station.Off)
		f.until(1050 * ms)
		f.say(station.SoundRefused)
		f.show(station.Quick, station.Off)
		if got, want := f.watch(13, 1050*ms, 100*ms, 12), "####..####.."; got != want {
			t.Errorf("heard %s, want %s", got, want)
		}
		if got, want := f.watch(5, 2250*ms, 25*ms, 10), "#####....."; got != want {
			t.Errorf("seen %s, want %s", got, want)
		}
	})
}

func TestANewSoundCutsOffTheOneBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := horned(t)
		f.until(time.Second)
		f.say(station.SoundRefused)
		f.until(1200 * ms)
		f.say(station.SoundRecorded)
		if got, want := f.watch(13, 1200*ms, 100*ms, 8), "#......."; got != want {
			t.Errorf("heard %s, want %s", got, want)
		}
	})
}

func TestOfSeveralNewSoundsTheGravestIsMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := horned(t)
		f.until(time.Second)
		f.board.mu.Lock() // so that both come before the first has begun
		f.board.sounds["horn"] = station.SoundRefused
		f.board.mu.Unlock()
		f.say(station.SoundRecorded)
		if got, want := f.watch(13, time.Second, 100*ms, 8), "####..##"; got != want {
			t.Errorf("heard %s, want %s", got, want)
		}
	})
}

func TestABuzzerIsSilentFromOpenAndAfterTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newPanel(t, Panel{Buzzers: []Buzzer{{Name: "horn", Pin: 13, Active: low}}}, nil)
		silent := func(when string) {
			t.Helper()
			if !f.chips[""].isHigh(13) {
				t.Errorf("%s its line, which sounds it when low, is low", when)
			}
		}
		silent("after Open")
		f.until(time.Second)
		f.say(station.SoundRefused)
		f.until(1100 * ms)
		if f.chips[""].isHigh(13) {
			t.Error("it says nothing")
		}
		f.stop()
		if err := <-f.lampsErr; err != nil {
			t.Error(err)
		}
		silent("after RunLamps")
		if err := f.board.Close(); err != nil {
			t.Error(err)
		}
		silent("after Close")
	})
}

func TestABuzzerThatCannotBeDrivenIsToldOf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := horned(t)
		chip := f.chips[""]
		chip.set(func() { chip.setErr = errors.New("no such device") })
		f.say(station.SoundHeld)
		want := "buzzer horn: drive pin 13: no such device"
		if err := <-f.lampsErr; err == nil || err.Error() != want {
			t.Errorf("RunLamps returned %v, want %s", err, want)
		}
		if got := f.board.Faults()["horn"]; got != want {
			t.Errorf("Tell says %q", got)
		}
	})
}
