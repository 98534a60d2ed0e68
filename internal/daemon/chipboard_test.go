package daemon

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"stationd/internal/clock"
	"stationd/internal/demo"
	"stationd/internal/gpio"
	"stationd/internal/station"
)

// A chip on a bus or a USB adapter may go and come back.
func TestAChipThatIsGoneIsTakenUpAgain(t *testing.T) {
	t.Setenv("STATIOND_DEMO", "1")
	dir, err := os.MkdirTemp("", "stationd-chip-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "chip")
	plug := func() (sim *gpio.Sim, pull func()) {
		sim, err := gpio.ListenSim(path, nil)
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- sim.Run(ctx) }()
		return sim, func() {
			cancel()
			must(t, <-ended)
		}
	}
	sim, pull := plug()
	clock, err := clock.New()
	must(t, err)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	panel := gpio.Panel{Chips: gpio.Chips{Chip: "sim:" + path}, Buttons: []gpio.Button{{Name: "red", Pin: 17}}, Lamps: []gpio.Lamp{{Name: "lamp", Pin: 22}}}
	board := newChipBoard(panel, clock, func() {}, log)
	board.tryOpen()
	ctx, stop := context.WithCancel(t.Context())
	events := make(chan station.Event, 10)
	loops := make(chan error, 2)
	go func() {
		loops <- board.runButtons(ctx, func(ev station.Event) (station.Result, error) {
			events <- ev
			return station.Result{}, nil
		})
	}()
	go func() { loops <- board.runLamps(ctx) }()
	press := func() {
		t.Helper()
		tell := func() bool { return board.Faults()["red"] == "" }
		must(t, demo.Until(t.Context(), "the chip is there", tell))
		var got station.Event
		must(t, demo.Until(t.Context(), "red is told", func() bool {
			sim.Press(17)
			<-time.After(demo.PressTime)
			sim.Release(17)
			<-time.After(demo.ReleaseTime)
			select {
			case got = <-events:
				return true
			default:
				return false
			}
		}))
		if got.Name() != "red.press" {
			t.Errorf("it is %s", got.Name())
		}
	}
	press()
	pull()
	must(t, demo.Until(t.Context(), "the button and the lamp are faulty", func() bool {
		told := board.Faults()
		return told["red"] != "" && told["lamp"] != ""
	}))
	sim, pull = plug()
	press()
	stop()
	for range 2 {
		if err := <-loops; err != nil {
			t.Error(err)
		}
	}
	must(t, board.close())
	pull()
}
