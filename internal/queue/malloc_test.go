package queue

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"stationd/internal/station"
)

// TestWhatAPressTakesOfMemory holds how often memory is taken for a scan of a GS1 label that is
// recorded, and for its delivery, both with their lines of history and log. The vendor is in
// memory and takes a little too.
func TestWhatAPressTakesOfMemory(t *testing.T) { // not parallel: it counts everybody's
	if raceDetector {
		t.Skip("the race detector takes memory of its own")
	}
	const mostPress, mostDelivery = 92, 20
	program := program()
	dir := inMemory(t)
	box, err := Open(filepath.Join(dir, "outbox.db"), Setting{
		Size: 4 << 20, Stamp: board("boot-1"), Program: func() station.Program { return program },
		History: filepath.Join(dir, "history"), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	scans := make([]station.Event, 1000)
	for i := range scans {
		scans[i] = goods(i, box.setting.Stamp(time.Now()))
	}
	record := func() {
		if _, err := box.Record(scans[0]); err != nil {
			t.Fatal(err)
		}
		scans = scans[1:]
	}
	press := testing.AllocsPerRun(100, record)
	arrived := make(chan struct{}, 1000)
	v := &vendor{answer: func(station.Delivery) (bool, station.Receipt) {
		arrived <- struct{}{}
		return true, station.Receipt{Outcome: station.Delivered, Ref: "4711"}
	}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- box.Run(ctx, "l2l", v) }()
	for box.Snapshot().Waiting > 0 {
		<-box.Changed()
	}
	forget(arrived)
	whole := testing.AllocsPerRun(100, func() { // a delivery is written with the next scan
		record()
		<-arrived
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := box.Close(); err != nil {
		t.Error(err)
	}
	t.Logf("a press takes memory %.0f times, its delivery %.0f times", press, whole-press)
	if press > mostPress || whole-press > mostDelivery {
		t.Errorf("a press takes memory %.0f times, at most %d; its delivery %.0f times, at most %d", press, mostPress, whole-press, mostDelivery)
	}
}
