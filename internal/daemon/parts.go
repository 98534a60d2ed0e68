package daemon

import (
	"context"
	"fmt"
	"maps"
	"time"

	"stationd/internal/agent"
	"stationd/internal/metrics"
	"stationd/internal/relay"
	"stationd/internal/station"
	"stationd/internal/systemd"
	"stationd/internal/version"
	"stationd/internal/web"
)

// workersPerBackend is how many deliveries may be under way to one backend at once. Each
// takes a lane of its own, and more than two are under way only while the backend's pace has
// room.
const workersPerBackend = 8

// parts is everything that the agent runs. watchdog is the service manager's, 0 where
// there is none.
func (s *openStation) parts(watchdog time.Duration) agent.Station {
	all := agent.Station{
		Name:      s.plan.Station.Name,
		Version:   version.Current(),
		Program:   s.active.program,
		Stamp:     s.clock.Stamp,
		Outbox:    s.outbox,
		Status:    s.status,
		Calls:     s.active.seenCalls,
		Early:     s.early,
		LookNow:   s.faults.changed,
		Ready:     s.ready,
		Log:       s.log,
		Reporters: []station.HealthReporter{s.outbox, s.faults, s.starts, s.access, s.journal},
		Outputs: []agent.Part{
			{Name: "control socket", Run: s.control.run},
			{Name: "configuration", Run: func(ctx context.Context) error { return s.active.run(ctx, s.outbox.TryNow) }},
			{Name: "starts", Run: s.starts.keep},
			{Name: "alerts", Run: s.alerts().run},
			{Name: "watchdog", Run: func(ctx context.Context) error { return systemd.Run(ctx, watchdog, s.status.Alive) }},
		},
	}
	if s.metrics != nil {
		all.Outputs = append(all.Outputs, agent.Part{Name: "metrics", Run: s.metrics.run})
	}
	if s.plan.Relay != nil {
		all.Outputs = append(all.Outputs, agent.Part{Name: "status for the plant", Run: s.keepStatus})
		for i := range relay.Answerers {
			all.Outputs = append(all.Outputs, agent.Part{Name: fmt.Sprintf("questions of the plant, %d", i+1), Run: s.answerPersons})
		}
	}
	if s.page != nil {
		all.Outputs = append(all.Outputs, agent.Part{Name: "page", Run: s.page.run})
	}
	record := s.status.Recording(s.active.lookNowIfOpen(s.outbox.RecordAll), s.faults.announce)
	clock := agent.Clock{State: s.outbox.State, Stamp: s.clock.Stamp, Program: s.active.program, Changed: s.outbox.Changed, Calls: s.active.seenCalls}
	all.Inputs = append(all.Inputs, agent.Part{Name: "clock", Run: func(ctx context.Context) error { return clock.Run(ctx, s.outbox.Record) }})
	s.addBoards(&all, s.timed(metrics.Buttons, s.withTechnician(record)).One())
	s.addScanners(&all, s.timed(metrics.Scanners, s.withTechnician(record)))
	s.addPrinters(&all)
	s.addBackends(&all)
	return all
}

// timed returns an emit that counts how long after its first edge, or the end of its frame,
// an event was on disk.
func (s base) timed(input string, record station.EmitAll) station.EmitAll {
	return func(all []station.Emitted) {
		record(all)
		for _, e := range all {
			if e.Err == nil {
				s.timings.Recorded(input, s.clock.SinceBoot()-e.Event.At.Up)
			}
		}
	}
}

// addBoards adds the buttons, lamps and buzzers, chip by chip.
func (s *openStation) addBoards(all *agent.Station, record station.Emit) {
	for _, b := range s.boards {
		all.Inputs = append(all.Inputs, agent.Part{Name: "buttons", Run: func(ctx context.Context) error { return b.runButtons(ctx, record) }})
		all.Outputs = append(all.Outputs, agent.Part{Name: "lamps", Run: b.runLamps})
		all.Displays = append(all.Displays, b)
		all.Sounders = append(all.Sounders, b)
		all.Reporters = append(all.Reporters, b)
	}
}

// addScanners adds what records the scans. The ports are read already (Early).
func (s *openStation) addScanners(all *agent.Station, record station.EmitAll) {
	for i, r := range s.scanners {
		all.Inputs = append(all.Inputs, agent.Part{Name: "scanner " + s.plan.Scanners[i].Name, Run: func(ctx context.Context) error { return r.RunAll(ctx, record) }})
		all.Reporters = append(all.Reporters, r)
	}
}

// addPrinters adds the printers. What prints is stopped with the lanes: a list under way
// is finished.
func (s *openStation) addPrinters(all *agent.Station) {
	for _, q := range s.printers {
		all.Lanes = append(all.Lanes, agent.Part{Name: "printer " + q.printer.Name, Run: q.run})
		all.Outputs = append(all.Outputs, agent.Part{Name: "look at printer " + q.printer.Name, Run: q.watch})
		all.Reporters = append(all.Reporters, q)
	}
}

// addBackends adds what delivers to each vendor, and what follows it.
func (s *openStation) addBackends(all *agent.Station) {
	for name, backend := range s.active.backends {
		all.Reporters = append(all.Reporters, backend)
		all.Inputs = append(all.Inputs, agent.Part{
			Name: "watch of " + name,
			Run: func(ctx context.Context) error {
				return s.active.watch(ctx, name, s.outbox.State, s.clock.Stamp, s.outbox.Record)
			},
		})
		for i := range workersPerBackend {
			all.Lanes = append(all.Lanes, agent.Part{
				Name: fmt.Sprintf("lanes of %s, %d", name, i+1),
				Run:  func(ctx context.Context) error { return s.outbox.Run(ctx, name, backend) },
			})
		}
	}
}

// ready tells the service manager that the station takes presses and scans.
func (s *openStation) ready() {
	s.log.Info("the station is ready", "station", s.plan.Station.Name, "version", version.Current(), "page", s.pageAddress())
	if err := systemd.Ready(); err != nil {
		s.log.Warn("the service manager does not answer", "error", err)
	}
}

// pageAddress is where the page is; "" while its port is another's, or it is switched off.
func (s *openStation) pageAddress() string {
	if s.page == nil {
		return ""
	}
	if page, open := s.page.server.(*web.Server); open {
		return page.Addr().String()
	}
	return ""
}

// measures are the counts that the devices keep, for the metrics.
func (s *openStation) measures() map[string]map[string]int {
	m := map[string]map[string]int{"glitches": {}, "repeats": {}, "noise": {}, "overflows": {}, "stale": {}, "partials": {}, "spoilt": {}, "reopenings": {}, "unheard": {}, "lost": {}, "printed": {}, "not_printed": {}}
	for _, b := range s.boards {
		glitches, lost := b.counts()
		maps.Copy(m["glitches"], glitches)
		maps.Copy(m["lost"], lost)
	}
	for i, r := range s.scanners {
		name, c := s.plan.Scanners[i].Name, r.Counts()
		m["repeats"][name] = c.Repeats
		m["noise"][name] = c.Noise
		m["overflows"][name] = c.Overflows
		m["stale"][name] = c.Stale
		m["partials"][name] = c.Partials
		m["spoilt"][name] = c.Damaged
		m["reopenings"][name] = c.Reopenings
		m["unheard"][name] = c.BeepsFailed
	}
	for _, t := range s.printers {
		m["printed"][t.printer.Name], m["not_printed"][t.printer.Name] = t.counts()
	}
	return m
}
