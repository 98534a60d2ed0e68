package scanner

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"stationd/internal/station"
	"stationd/internal/station/stationtest"
)

// both is a Reader whose two loops run as one, as the agent runs them side by side.
type both struct{ *Reader }

func (b both) Run(ctx context.Context, emit station.Emit) error {
	own, stop := context.WithCancel(ctx)
	read := make(chan error, 1)
	go func() { read <- b.RunPort(own) }()
	err := b.Reader.Run(ctx, emit)
	stop()
	if failed := <-read; err == nil {
		err = failed
	}
	return err
}

func TestASerialReaderIsASource(t *testing.T) {
	t.Parallel()
	stationtest.Source(t, func(t testing.TB, stamp func(time.Time) station.Stamp, log *slog.Logger) stationtest.Input {
		c := newCable(t)
		r := Open(Scanner{Name: "hand", Port: c.path}, stamp, log)
		return stationtest.Input{
			Source: both{r},
			Events: []string{"hand.scan"},
			Act:    func(n int) { c.scan(t, fmt.Sprintf("PO%d\r", n)) },
			Ready:  func() bool { return r.Tell()["hand"] == "" },
		}
	})
}

func TestAReaderThatTypesIsASource(t *testing.T) {
	t.Parallel()
	stationtest.Source(t, func(t testing.TB, stamp func(time.Time) station.Stamp, log *slog.Logger) stationtest.Input {
		k, h := newKeyboard(t, "us")
		r := Open(Scanner{Name: "hand", Port: "hid:/dev/input/event0"}, stamp, log)
		r.dial = func(context.Context, string) (device, error) { return k, nil }
		return stationtest.Input{
			Source: both{r},
			Events: []string{"hand.scan"},
			Act:    func(n int) { h.types(fmt.Sprintf("PO%d", n)) },
			Ready:  func() bool { return r.Tell()["hand"] == "" },
		}
	})
}
