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

	mu     sync.Mutex
	byPart map[string]string
}

func newFaults(log *slog.Logger) *faults {
	return &faults{log: log, byPart: make(map[string]string)}
}

// set says what is wrong with a part and what to do, or with "" that it is well. The
// log is told of a change once.
func (f *faults) set(part, fault string) {
	f.mu.Lock()
	before := f.byPart[part]
	f.byPart[part] = fault
	f.mu.Unlock()
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

// A server answers on a port or a socket until ctx is done.
type server interface {
	Run(ctx context.Context) error
}

// A listening part is one that has to be opened before it runs, and whose place may
// be taken: the page, the control socket. The station goes on without it.
type listening struct {
	part   string
	open   func() (server, error)
	opened func(server) // called when it is open; may be nil
	faults *faults
	first  server // what try opened
}

// try opens the part, and says what keeps it from being open.
func (l *listening) try() {
	s, err := l.open()
	if err != nil {
		l.first = nil
		l.faults.set(l.part, err.Error())
		return
	}
	l.first = s
	l.faults.set(l.part, "")
	if l.opened != nil {
		l.opened(s)
	}
}

// run answers until ctx is done, and opens the part again and again where it is not
// open.
func (l *listening) run(ctx context.Context) error {
	for {
		if l.first != nil {
			err := l.first.Run(ctx)
			l.first = nil
			if ctx.Err() != nil {
				return err
			}
			if err != nil {
				l.faults.set(l.part, err.Error())
			}
		}
		if !wait(ctx, retryEvery) {
			return nil
		}
		l.try()
	}
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
