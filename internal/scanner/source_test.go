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

// readAndRecord is a Scanner whose two loops run as one, as the agent runs them side by side.
type readAndRecord struct{ *Scanner }

func (b readAndRecord) Run(ctx context.Context, emit station.Emit) error {
	own, stop := context.WithCancel(ctx)
	read := make(chan error, 1)
	go func() { read <- b.RunPort(own) }()
	err := b.Scanner.Run(ctx, emit)
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
		r := Open(Config{Name: "hand", Port: c.path}, stamp, log)
		return stationtest.Input{
			Source: readAndRecord{r},
			Events: []string{"hand.scan"},
			Act:    func(n int) { c.scan(t, fmt.Sprintf("PO%d\r", n)) },
			Ready:  func() bool { return r.Faults()["hand"] == "" },
		}
	})
}

func TestAReaderThatTypesIsASource(t *testing.T) {
	t.Parallel()
	stationtest.Source(t, func(t testing.TB, stamp func(time.Time) station.Stamp, log *slog.Logger) stationtest.Input {
		k, h := newKeyboard(t, "us")
		r := Open(Config{Name: "hand", Port: "hid:/dev/input/event0"}, stamp, log)
		r.dial = func(context.Context, string) (device, error) { return k, nil }
		return stationtest.Input{
			Source: readAndRecord{r},
			Events: []string{"hand.scan"},
			Act:    func(n int) { h.types(fmt.Sprintf("PO%d", n)) },
			Ready:  func() bool { return r.Faults()["hand"] == "" },
		}
	})
}
