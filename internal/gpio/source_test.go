package gpio

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"stationd/internal/station"
	"stationd/internal/station/stationtest"
)

// whole is a board with all its loops, as whoever runs a station runs them.
type whole struct{ *Board }

func (w whole) Run(ctx context.Context, emit station.Emit) error {
	errs := make([]error, 1+len(w.Banks()))
	var running sync.WaitGroup
	running.Go(func() { errs[0] = w.Board.Run(ctx, emit) })
	for i, bank := range w.Banks() {
		running.Go(func() { errs[1+i] = bank.Run(ctx) })
	}
	running.Wait()
	return errors.Join(errs...)
}

func TestABoardIsASource(t *testing.T) {
	t.Setenv(demoVariable, "1") // so it cannot run beside others
	stationtest.Source(t, func(t testing.TB, stamp func(time.Time) station.Stamp, log *slog.Logger) stationtest.Input {
		sim, path, _, _ := newSim(t)
		other, second, _, _ := newSim(t)
		board, err := Open(Panel{
			Chips: Chips{Chip: simPrefix + path},
			Buttons: []Button{
				red,
				{Name: "key", Pin: 5, Chip: simPrefix + second},
			},
		}, stamp, log)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { board.Close() })
		return stationtest.Input{
			Source: whole{board},
			Events: []string{"red.press", "key.press"},
			Act: func(n int) {
				button, pin := sim, 17
				if n%2 == 0 {
					button, pin = other, 5
				}
				button.Press(pin)
				<-time.After(2 * defaultDebounce)
				button.Release(pin)
				<-time.After(2 * defaultRelease)
			},
			Ready: func() bool {
				board.mu.Lock()
				defer board.mu.Unlock()
				for _, bank := range board.banks {
					for _, b := range bank.buttons {
						if !b.contact.armed {
							return false
						}
					}
				}
				return true
			},
		}
	})
}
