package daemon

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"stationd/internal/station"
)

// retryEvery is the wait between two tries to take up what is not there.
const retryEvery = time.Second

var _ station.HealthReporter = (*faults)(nil)

// faults are what is wrong with the parts of a station that can fail without keeping
// it from recording. Its methods may be called by several goroutines.
type faults struct {
	log *slog.Logger

	// changed has a value while what is wrong with any part may be another than at the last
	// look at the station.
	changed chan struct{}

	mu     sync.Mutex // guards byPart
	byPart map[string]string
}

func newFaults(log *slog.Logger) *faults {
	return &faults{log: log, changed: make(chan struct{}, 1), byPart: make(map[string]string)}
}

// announce has the station looked at: something may be wrong with a part, or well again. It
// never blocks.
func (f *faults) announce() {
	select {
	case f.changed <- struct{}{}:
	default: // it will be looked at anyway
	}
}

// set says what is wrong with a part and what to do, or with "" that it is well. The
// log is told of a change once.
func (f *faults) set(part, fault string) {
	f.mu.Lock()
	before := f.byPart[part]
	f.byPart[part] = fault
	f.mu.Unlock()
	if before != fault {
		f.announce()
	}
	switch {
	case before == fault:
	case fault == "":
		f.log.Info("a part of the station is well again", "part", part)
	default:
		f.log.Error("a part of the station is missing; what is pressed is recorded all the same", "part", part, "fault", fault)
	}
}

// Faults implements station.HealthReporter.
func (f *faults) Faults() map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.byPart)
}

// wait waits, and reports whether ctx goes on.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
