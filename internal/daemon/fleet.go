package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"stationd/internal/control"
	"stationd/internal/exit"
	"stationd/internal/fleet"
	"stationd/internal/relay"
	"stationd/internal/version"
)

// This file answers the people who see to a plant of stations, over the engine by which the
// station reaches its relay, and has the engine keep how the station is.

// awaitLink returns the link to the relay as soon as there is one, which a reload may bring;
// nil when ctx is done.
func (s *openStation) awaitLink(ctx context.Context) *relay.Link {
	select {
	case <-s.active.linked:
		return s.active.link.Load()
	case <-ctx.Done():
		return nil
	}
}

// answerPersons answers what people ask over the engine, one question after the other.
func (s *openStation) answerPersons(ctx context.Context) error {
	link := s.awaitLink(ctx)
	if link == nil {
		return nil
	}
	who := func(ctx context.Context) (string, bool) {
		by, known := relay.PersonOf(ctx)
		return by.Name, known
	}
	return link.AnswerPersons(ctx, control.FleetHandler(s.controlStation(), who, s.log))
}

// keepStatus has the engine keep how the station is: at once, two seconds after something
// changes, when that has been looked at, and every ten seconds, so that it is known to be there.
func (s *openStation) keepStatus(ctx context.Context) error {
	link := s.awaitLink(ctx)
	if link == nil {
		return nil
	}
	for {
		changed := s.outbox.Changed() // before looking, so that nothing is missed
		text, err := json.Marshal(s.fleetStatus())
		if err == nil {
			err = link.KeepStatus(text)
		}
		if err != nil {
			s.log.Debug("the engine does not hear how the station is", "error", err)
		}
		every := time.NewTimer(fleet.Every - fleet.Gap)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-every.C:
		}
		every.Stop()
		if !wait(ctx, fleet.Gap) {
			return nil
		}
	}
}

// fleetStatus is what the station says of itself.
func (s *openStation) fleetStatus() fleet.Status {
	status := fleet.StatusOf(s.status.Snapshot())
	status.Station, status.Version = s.plan.Station.Name, version.Current()
	status.Configuration, status.Started = s.active.forMetrics().Hash, s.started.UTC().Truncate(time.Second)
	for _, v := range s.plan.Vendors { // the same one each time
		if vendor, at := s.active.vendorClock(v.Name); !vendor.IsZero() {
			status.Ahead = at.Sub(vendor).Round(time.Second)
			break
		}
	}
	return status
}

// mostFound is how much a doctor may say, in bytes.
const mostFound = 256 << 10

// doctorLimit is longer than the doctor takes where nothing answers.
const doctorLimit = 80 * time.Second

// doctor has this program look at the station in a process of its own, as a person would who
// is there: whatever becomes of that, the station goes on. One at a time does.
func (s *openStation) doctor(ctx context.Context) ([]byte, error) {
	if !s.diagnosing.TryLock() {
		return nil, errors.New("doctor is looking at this station already: ask again when it has done")
	}
	defer s.diagnosing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, doctorLimit)
	defer cancel()
	look := exec.CommandContext(ctx, "/proc/self/exe", "doctor", "--json", "--config", s.plan.Path)
	look.Args[0] = os.Args[0]
	said := &bounded{most: mostFound}
	look.Stdout = said
	err := look.Run()
	if ended, is := errors.AsType[*exec.ExitError](err); is && (ended.ExitCode() == exit.Failure || ended.ExitCode() == exit.Config) {
		err = nil // what was found says so
	}
	if err != nil {
		return nil, fmt.Errorf("doctor could not look at the station: %w", err)
	}
	return said.Bytes(), nil
}

// bounded keeps so much of what is written.
type bounded struct {
	bytes.Buffer
	most int
}

// Write implements io.Writer.
func (b *bounded) Write(text []byte) (int, error) {
	if b.Len()+len(text) > b.most {
		return 0, errors.New("it says too much")
	}
	return b.Buffer.Write(text)
}
