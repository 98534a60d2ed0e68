package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"stationd/internal/atomicfile"
	"stationd/internal/plan"
	"stationd/internal/station"
)

const (
	// startsName is the file beside the outbox that remembers the last starts.
	startsName = "starts.json"

	mostStarts   = 50 // that are remembered
	startsWithin = time.Hour
	manyStarts   = 3 // without a clean stop before them, within startsWithin, are a loop
)

var _ station.HealthReporter = (*starts)(nil)

// starts remembers the starts after which the process before had not stopped in order. Many
// of them within an hour are a fault, so that a station which crashes and is started again
// and again does not do so unnoticed.
type starts struct {
	path  string
	log   *slog.Logger
	stamp func(time.Time) station.Stamp

	mu  sync.Mutex // guards own, and the file
	own struct {
		Unclean []station.Stamp `json:"unclean"` // starts after an end that was not clean
		Clean   bool            `json:"clean"`   // the last process stopped in order
		Begun   bool            `json:"begun"`   // there was a last process
	}
}

// openStarts notes this start, without waiting for the disk: a station that is started again
// and again must be seen, and one that waits to record must not wait for this. keep makes it
// survive a power cut. Where it cannot be written the station goes on.
func openStarts(folder string, stamp func(time.Time) station.Stamp, log *slog.Logger) *starts {
	s := &starts{path: filepath.Join(folder, startsName), log: log, stamp: stamp}
	if text, err := os.ReadFile(s.path); err == nil {
		if json.Unmarshal(text, &s.own) != nil {
			s.own.Unclean = nil // the file was not written by this program
		}
	}
	if s.own.Begun && !s.own.Clean {
		s.own.Unclean = append(s.own.Unclean, stamp(time.Now()))
		s.own.Unclean = s.own.Unclean[max(0, len(s.own.Unclean)-mostStarts):]
	}
	s.own.Begun, s.own.Clean = true, false
	s.write(atomicfile.ReplaceUnsynced)
	return s
}

// keep puts on disk what openStarts noted, once the station records, and returns when ctx is
// done.
func (s *starts) keep(ctx context.Context) error {
	s.mu.Lock()
	s.write(atomicfile.Replace)
	s.mu.Unlock()
	<-ctx.Done()
	return nil
}

// write keeps what is known. The caller holds mu, or has s alone.
func (s *starts) write(replace func(path string, text []byte, perm fs.FileMode) error) {
	text, err := json.Marshal(s.own)
	if err == nil {
		err = replace(s.path, text, 0o600)
	}
	if err != nil {
		s.log.Warn("the starts of the station are not counted", "error", err)
	}
}

// stop notes that the station stopped in order.
func (s *starts) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.own.Clean = true
	s.write(atomicfile.Replace)
}

// recent counts the starts within the last hour that no clean stop went before.
func (s *starts) recent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, n := s.stamp(time.Now()), 0
	for _, at := range s.own.Unclean {
		if age, known := now.Since(at); known && age >= 0 && age < startsWithin {
			n++
		}
	}
	return n
}

// Faults implements station.HealthReporter.
func (s *starts) Faults() map[string]string {
	fault := ""
	if n := s.recent(); n >= manyStarts {
		fault = fmt.Sprintf("it was started %d times within the last hour without having been stopped: journalctl -u stationd says why it ended", n)
	}
	return map[string]string{plan.PartStarts: fault}
}
