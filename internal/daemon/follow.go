package daemon

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"stationd/internal/gpio"
	"stationd/internal/live"
	"stationd/internal/scanner"
)

// This file is the station's end of stationd scans --follow and stationd pins --follow: it
// sends to whoever asked what scanners read, or buttons do, as it happens.

const (
	// viewerRoom is how many scans may wait to be sent to one viewer. More are left out,
	// and counted: recording never waits for a viewer.
	viewerRoom = 64

	// followEvery is how often the lines of buttons and the faults are compared with what
	// was sent. A line that changed and changed back in between shows by its count of edges.
	followEvery = 100 * time.Millisecond
)

// viewers are the commands that follow the station now.
type viewers struct {
	mu  sync.Mutex // guards all, and missed of each
	all map[*viewer]bool
}

// A viewer is one command that follows the station.
type viewer struct {
	scans  chan live.Scan
	missed int // scans that there was no room for; viewers.mu guards it
}

// scanned sends a scan to every viewer, and waits for none of them.
func (v *viewers) scanned(f scanner.FollowedScan) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.all) == 0 {
		return
	}
	scan := live.Scan{Raw: f.Raw, Repeat: f.Repeat, Event: f.Event, Result: strings.TrimSpace(string(f.Note.Kind) + " " + f.Note.Text)}
	if f.Err != nil {
		scan.Result = "not recorded: " + f.Err.Error()
	}
	for one := range v.all {
		select {
		case one.scans <- scan:
		default:
			one.missed++
		}
	}
}

// newViewers returns viewers of whom there is none yet.
func newViewers() *viewers { return &viewers{all: make(map[*viewer]bool)} }

func (v *viewers) join() *viewer {
	v.mu.Lock()
	defer v.mu.Unlock()
	one := &viewer{scans: make(chan live.Scan, viewerRoom)}
	v.all[one] = true
	return one
}

func (v *viewers) leave(one *viewer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.all, one)
}

// takeMissed returns how many scans were not shown, and counts anew.
func (v *viewers) takeMissed(one *viewer) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	missed := one.missed
	one.missed = 0
	return missed
}

// follow shows one viewer what readers or buttons do, until ctx is done.
func (s *openStation) follow(ctx context.Context, what string, tell func(any) error) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	one := s.viewers.join()
	defer s.viewers.leave(one)
	inputs, said := make(map[string]gpio.Input), make(map[string]string)
	for {
		var lines []live.Update
		faults := s.faultsOfReaders()
		if what == "pins" {
			lines, faults = s.changedInputs(inputs), s.faultsOfBoards()
		} else if missed := s.viewers.takeMissed(one); missed > 0 {
			lines = append(lines, live.Update{Status: fmt.Sprintf("%d scans were taken and are not shown here: they came too fast", missed)})
		}
		for _, source := range slices.Sorted(maps.Keys(faults)) {
			if before, is := said[source]; !is || before != faults[source] {
				said[source] = faults[source]
				lines = append(lines, live.Update{Source: source, Status: faults[source]})
			}
		}
		for _, line := range lines {
			if err := tell(line); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case scan := <-one.scans:
			if what != "scans" {
				continue
			}
			if err := tell(live.Update{Scan: &scan}); err != nil {
				return err
			}
		}
	}
}

// faultsOfReaders returns what is wrong with each scanner by its name, "" where nothing is,
// and, under "scans of NAME", how many scans were lost on their way from it.
func (s *openStation) faultsOfReaders() map[string]string {
	faults := make(map[string]string)
	for i, r := range s.scanners {
		maps.Copy(faults, r.Faults())
		c := r.Counts()
		if lost := c.Partials + c.Overflows + c.Damaged; lost > 0 {
			faults["scans of "+s.plan.Scanners[i].Name] = fmt.Sprintf("%d lost since the start (%d whose end never came, %d too long, %d damaged on the way)", lost, c.Partials, c.Overflows, c.Damaged)
		}
	}
	return faults
}

// faultsOfBoards are the buttons, lamps and buzzers with what is wrong with each.
func (s *openStation) faultsOfBoards() map[string]string {
	faults := make(map[string]string)
	for _, b := range s.boards {
		maps.Copy(faults, b.Faults())
	}
	return faults
}

// changedInputs are the lines of buttons that are not as they were shown.
func (s *openStation) changedInputs(shown map[string]gpio.Input) []live.Update {
	var lines []live.Update
	for _, b := range s.boards {
		for _, in := range b.inputs() {
			id := fmt.Sprint(in.Button, " ", in.Pin)
			if was, there := shown[id]; !there || was != in {
				shown[id] = in
				lines = append(lines, live.Update{Input: &in})
			}
		}
	}
	return lines
}
