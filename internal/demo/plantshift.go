package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"stationd/internal/exit"
	"stationd/internal/plant"
	"stationd/internal/queue"
	"stationd/internal/station"
)

// PlayPlantShift plays some minutes of a plant's work at all its stations, with everything
// that goes wrong between them and the vendors, and compares what was done with what the plant
// saw. When the two differ, that has been printed, and the error carries the exit code alone.
func PlayPlantShift(ctx context.Context, config PlantConfig, out io.Writer) error {
	s := &plantShift{ctx: ctx, out: out, done: make([][]work, config.Stations)}
	s.say("%d stations with outboxes of their own, two relays, one engine and both vendors.\n\n", config.Stations)
	began := time.Now()
	var err error
	if s.plant, err = OpenPlant(ctx, config); err != nil {
		return err
	}
	s.say("     %-50s%5.1f s\n", "Everything is switched on", time.Since(began).Seconds())
	s.play()
	if ctx.Err() != nil {
		return errors.Join(errors.New("the shift was cancelled"), s.plant.Close())
	}
	s.finish()
	if agree := s.report(time.Since(began)); !agree {
		return &exit.Error{Code: exit.Failure}
	}
	return nil
}

// A plantShift plays the work at a plant, and keeps what was done at each station.
type plantShift struct {
	ctx   context.Context
	out   io.Writer
	plant *PlantSimulation

	mu     sync.Mutex // guards what follows
	done   [][]work   // by station, in order
	err    error      // why it could not go on
	faults []string
}

// A work is what somebody did at a station: they scanned a part, or called.
type work struct {
	serial string // of the part; empty: a call
	at     time.Time
	until  time.Time // of a call: it was recorded by then
}

// happened reports whether a time that the plant was told is when the work was done. Vendors
// take whole seconds; about is of one that is right to the minute.
func (w work) happened(told time.Time, about bool) bool {
	allowed := time.Second
	if about {
		allowed = time.Minute
	}
	return !told.Before(w.at.Add(-allowed)) && !told.After(w.until.Add(allowed))
}

// say prints; nobody may be reading any more.
func (s *plantShift) say(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format, args...) }

// noteError keeps the first error.
func (s *plantShift) noteError(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// play plays the chapters, up to the first that fails.
func (s *plantShift) play() {
	for i, c := range []struct {
		title string
		play  func()
	}{
		{"Parts at every station, and calls", s.ordinary},
		{"The relay that leads is killed; answers are lost", s.relayKilled},
		{"The engine is killed, and its disk is emptied", s.engineWiped},
		{"No cable to the vendors, and a station is off", s.vendorsGone},
	} {
		if s.err != nil {
			return
		}
		began := time.Now()
		s.say("  %d  %-50s", i+1, c.title)
		c.play()
		s.say("%5.1f s\n", time.Since(began).Seconds())
	}
}

// act does something, unless something has failed.
func (s *plantShift) act(do func() error) {
	if s.err == nil {
		s.noteError(do())
	}
}

// scanParts scans one part at every station.
func (s *plantShift) scanParts() {
	s.act(func() error {
		return s.plant.each(func(i int, sim *Simulation) error {
			if !sim.Powered() {
				return nil
			}
			serial := fmt.Sprintf("%d-%04d", i+1, len(s.done[i])+1)
			return s.scan(i, sim, Part{Article: Soup, Batch: "B7", Serial: serial}.Symbol(), serial)
		})
	})
}

// scan scans a code and waits until it is recorded. serial is that of a part; empty: it is
// none.
func (s *plantShift) scan(i int, sim *Simulation, code, serial string) error {
	recorded := func() int {
		now, err := sim.Control().Snapshot(s.ctx)
		if err != nil {
			return -1
		}
		return now.Counts.Events["hand."+station.Scan]
	}
	var before int
	err := Until(s.ctx, "the station answers", func() bool { before = recorded(); return before >= 0 })
	if err == nil {
		err = sim.Scan(code)
	}
	if err == nil {
		err = Until(s.ctx, "the scan is recorded", func() bool { return recorded() > before })
	}
	if err == nil && serial != "" {
		s.mu.Lock()
		s.done[i] = append(s.done[i], work{serial: serial, at: time.Now()})
		s.mu.Unlock()
	}
	return err
}

// call presses material at a station.
func (s *plantShift) call(i int) {
	s.act(func() error {
		w := work{at: time.Now()}
		s.plant.Stations[i].Push(PinMaterial, PressTime)
		err := Until(s.ctx, "the call is recorded", func() bool {
			now, err := s.plant.Stations[i].Control().Snapshot(s.ctx)
			return err == nil && len(now.State.Calls) > 0
		})
		w.until = time.Now()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.done[i] = append(s.done[i], w)
		return err
	})
}

// arrived waits until everything that was done is at the plant.
func (s *plantShift) arrived() {
	s.act(func() error {
		for _, sim := range s.plant.Stations {
			if err := sim.WaitDelivered(s.ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *plantShift) ordinary() {
	s.act(func() error {
		return s.plant.each(func(i int, sim *Simulation) error { return s.scan(i, sim, "PO4711", "") })
	})
	s.scanParts()
	s.call(0)
	s.arrived()
}

func (s *plantShift) relayKilled() {
	s.plant.Plant.AddFault(plant.Fault{Kind: plant.Lost, Where: "PUT *", Next: 2})
	var killed *child
	s.act(func() error {
		err := Until(s.ctx, "a relay leads", func() bool { killed = s.plant.leader(); return killed != nil })
		if err != nil {
			return err
		}
		return killed.end(syscall.SIGKILL)
	})
	s.scanParts()
	s.arrived()
	s.act(func() error { return killed.start(s.ctx) })
}

func (s *plantShift) engineWiped() {
	s.act(func() error { return s.plant.engine.end(syscall.SIGKILL) })
	s.scanParts()
	s.act(func() error { return s.plant.wipeEngine(s.ctx) })
	s.arrived()
}

func (s *plantShift) vendorsGone() {
	last := len(s.plant.Stations) - 1
	s.act(func() error { return s.plant.Cable(false) })
	s.scanParts()
	s.call(last)
	s.act(s.plant.Stations[last].Kill)
	s.act(func() error { return s.plant.Cable(true) })
	s.act(func() error { return s.plant.Stations[last].Power(s.ctx, true) })
	s.scanParts()
	s.arrived()
}

// finish stops everything and checks the outboxes and the plant's complaints.
func (s *plantShift) finish() {
	fault := func(err error) {
		if err != nil {
			s.faults = append(s.faults, err.Error())
		}
	}
	fault(s.err)
	fault(s.plant.Close())
	for i, sim := range s.plant.Stations {
		fault(s.plant.findKey(sim))
		fault(queue.VerifyFile(sim.OutboxPath()))
		c, err := queue.ReadContents(sim.OutboxPath(), station.NoLimit())
		fault(err)
		for _, e := range c.Entries {
			fault(fmt.Errorf("pack4-%d still has %s of %s: %s %s", i+1, e.Verb, e.Lane, e.Condition, e.Reason))
		}
	}
	for _, complaint := range s.plant.Plant.Complaints() {
		fault(fmt.Errorf("the plant complains: %s", complaint))
	}
}

// comparePlant compares what was done with what the plant saw: how often each part was traced,
// in which order those of one station, and when each call was made. It returns what differs,
// and how many effects of which station there are.
func comparePlant(done [][]work, traces []plant.Trace, dispatches []plant.Dispatch, zone *time.Location) (effects []int, differ []string) {
	effects = make([]int, len(done))
	place := make(map[string]int) // of a part's trace, from 1
	for n, tr := range traces {
		if place[tr.Serial] != 0 {
			differ = append(differ, "part "+tr.Serial+" was traced twice")
		}
		place[tr.Serial] = n + 1
	}
	called := make(map[string]plant.Dispatch)
	for _, d := range dispatches {
		for i := range done {
			name := fmt.Sprintf("pack4-%d", i+1)
			if strings.Contains(d.Description, " "+name+" is running out") {
				if _, twice := called[name]; twice {
					differ = append(differ, "the call of "+name+" was opened twice")
				}
				called[name] = d
			}
		}
	}
	known := 0
	for i, of := range done {
		before := 0
		for _, w := range of {
			if w.serial == "" {
				name := fmt.Sprintf("pack4-%d", i+1)
				d, found := called[name]
				if !found {
					differ = append(differ, "the call of "+name+" is not at the plant")
					continue
				}
				if told, about := CallTime(d, zone); !w.happened(told, about) {
					differ = append(differ, fmt.Sprintf("the call of %s was at %s, and the plant was told %s", name, w.at.In(zone).Format(time.TimeOnly), told.In(zone).Format(time.TimeOnly)))
				}
				effects[i]++
				continue
			}
			n := place[w.serial]
			switch {
			case n == 0:
				differ = append(differ, "part "+w.serial+" is not at the plant")
				continue
			case n < before:
				differ = append(differ, "part "+w.serial+" came out of order")
			}
			before = n
			effects[i]++
			known++
		}
	}
	if known < len(place) {
		differ = append(differ, fmt.Sprintf("the plant has %d parts that nobody scanned", len(place)-known))
	}
	slices.Sort(differ)
	return effects, differ
}

// report prints what was done and what the plant saw, and reports whether they agree.
func (s *plantShift) report(took time.Duration) (agree bool) {
	effects, differ := comparePlant(s.done, s.plant.Plant.Traces(), s.plant.Plant.Dispatches(), s.plant.PlantConfig.Plant.Zone)
	s.say("\n  %-12s%10s%14s\n", "STATION", "DONE THERE", "AT THE PLANT")
	all := 0
	for i, of := range s.done {
		mark := "✓"
		if effects[i] != len(of) {
			mark = "✗"
		}
		all += effects[i]
		s.say("  %-12s%10d%14d %s\n", fmt.Sprintf("pack4-%d", i+1), len(of), effects[i], mark)
	}
	s.say("\n")
	for _, text := range append(s.faults, differ...) {
		s.say(" ✗ %s\n", text)
	}
	if n := len(s.faults) + len(differ); n > 0 {
		s.say(" What was done and what the plant saw differ in %d places: see ✗.\n", n)
		return false
	}
	s.say(" %d effects at the plant, each of them once, in order, and with its true time.\n", all)
	s.say(" All outboxes are sound and empty. No station has a vendor's key.\n")
	s.say(" The plant heard %d requests and found no protocol violations.  %.1f s\n", len(s.plant.Plant.Requests()), took.Seconds())
	return true
}
