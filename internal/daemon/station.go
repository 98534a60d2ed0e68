package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"stationd/internal/access"
	"stationd/internal/agent"
	"stationd/internal/clock"
	"stationd/internal/control"
	"stationd/internal/crash"
	"stationd/internal/logging"
	"stationd/internal/metrics"
	"stationd/internal/mounts"
	"stationd/internal/operator"
	"stationd/internal/plan"
	"stationd/internal/queue"
	"stationd/internal/scanner"
	"stationd/internal/station"
	"stationd/internal/terminal"
	"stationd/internal/verify"
	"stationd/internal/version"
	"stationd/internal/web"
)

// This file opens the station's parts in order and closes them, and hands to the page, the
// control socket and the commands what each may see of the station.

// A base is what the opening of every part needs.
type base struct {
	plan   *plan.Plan
	log    *slog.Logger
	clock  *clock.Clock
	faults *faults

	timings *metrics.Timings
	started time.Time
}

// An openStation is a station with its parts open. Only the outbox must have been opened: a
// device, a key or an address that is missing is a fault which the station shows, and is
// opened as soon as it is there.
type openStation struct {
	base
	devices
	journal    *logging.Log
	active     *activeConfig
	outbox     *queue.Outbox
	early      *agent.Early // the ports of the scanners
	access     *access.Access
	boards     []*chipBoard
	status     *agent.Status
	starts     *starts
	page       *listener // nil where [web] listen is empty
	control    *listener
	metrics    *listener // nil where [metrics] listen is empty
	endOfCrash func()    // says that the process ends as it should

	openedPage atomic.Pointer[web.Server] // the page as it was opened last; nil: never
	diagnosing sync.Mutex                 // guards that one doctor at a time is run
}

// devices are the scanners and printers of a station. They are made before the outbox, which
// hands them the actions that it does not keep (bestEffort).
type devices struct {
	scanners []*scanner.Scanner
	printers printQueues
	viewers  *viewers
}

// newDevices returns a plan's readers and printers. Nothing of them is open yet.
func newDevices(b base, active *activeConfig) devices {
	d := devices{viewers: newViewers()}
	for _, p := range b.plan.Printers {
		d.printers = append(d.printers, newPrintQueue(p, active.pickingList, b.log))
	}
	for _, config := range b.plan.Scanners {
		s := scanner.Open(config, b.clock.Stamp, b.log)
		s.Follow(d.viewers.scanned)
		s.Observe(func(scanner.Status) { b.faults.announce() })
		d.scanners = append(d.scanners, s)
	}
	return d
}

// ports are the parts that read the scanners' ports.
func (d devices) ports(p *plan.Plan) (all []agent.Part) {
	for i, r := range d.scanners {
		all = append(all, agent.Part{Name: "port of scanner " + p.Scanners[i].Name, Run: r.RunPort})
	}
	return all
}

// bestEffort does what the outbox does not keep: it prints, and triggers a reader.
func (d devices) bestEffort(b base) func(station.Event, station.Action) {
	return func(_ station.Event, a station.Action) {
		if a.Verb != station.VerbSend {
			d.printers.add(b.log, b.plan.Station.Name, a)
			return
		}
		// Once: a trigger that comes late reads another piece.
		i := slices.IndexFunc(b.plan.Scanners, func(c scanner.Config) bool { return c.Name == a.With[station.SendTo] })
		if i < 0 {
			return // a binding of a newer configuration than the readers
		}
		if err := d.scanners[i].Send(a.With[station.SendText]); err != nil {
			b.log.Warn("a trigger was not sent", "source", a.With[station.SendTo], "error", err)
		}
	}
}

// open opens the parts of a station in the order in which they are needed. An error says
// what keeps it from recording; nothing is left open then.
func open(ctx context.Context, b base, journal *logging.Log) (*openStation, error) {
	if err := b.awaitPartition(ctx); err != nil {
		return nil, err
	}
	b.faults.set(plan.PartData, mounts.InMemory(b.plan.Station.Data))
	look := verify.Begin(b.plan.Outbox())
	defer look.End()
	starts := openStarts(b.plan.Station.Data, b.clock.Stamp, b.log)
	active := newActiveConfig(b.plan, b.faults, b.timings, b.log)
	devices := newDevices(b, active)
	// A line needs its time to be known to be silent, and what is scanned meanwhile waits.
	early := agent.Begin(ctx, devices.ports(b.plan))
	outbox, err := queue.Open(b.plan.Outbox(), queue.Setting{
		Stamp:      b.clock.Stamp,
		Log:        b.log,
		Program:    active.program,
		Settle:     active.settle,
		Verify:     look.Result,
		Machine:    machine(),
		Version:    version.Current(),
		History:    b.plan.History(),
		Days:       b.plan.Station.Days,
		BestEffort: devices.bestEffort(b),
		Delivered:  b.timings.Delivered,
	})
	if err != nil {
		early.Stop()
		active.close()
		return nil, err
	}
	s := &openStation{
		base: b, devices: devices, journal: journal, active: active, outbox: outbox, early: early, starts: starts,
		status:     agent.NewStatus(outbox),
		endOfCrash: crash.Keep(b.plan.Station.Data, b.log),
	}
	if s.access, err = access.Open(b.plan.AccessFile()); err != nil {
		b.log.Error("nobody is a technician", "error", err)
	}
	if outbox.ClockWasSet() {
		b.clock.Trust()
	}
	if err := outbox.HoldOrphaned(active.hasBackend); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.logHeld()
	for _, panel := range b.plan.Panel().ByChip() {
		board := newChipBoard(panel, b.clock, b.faults.announce, b.log)
		board.tryOpen()
		s.boards = append(s.boards, board)
	}
	if b.plan.Web.Listen != "" {
		s.page = newListener(plan.PartPage, b.faults, s.openPage)
		if why := b.plan.Web.WhyHere(); why != "" {
			b.faults.set(station.PageElsewhere, why)
		}
	}
	s.control = newListener(plan.PartControl, b.faults, s.openControl)
	if b.plan.Metrics.Listen != "" {
		s.metrics = newListener(plan.PartMetrics, b.faults, s.openMetrics)
	}
	return s, nil
}

// openPage opens the page.
func (s *openStation) openPage() (server, error) {
	page, err := web.Open(s.plan.Web.Address(), s.pageStation(), s.log)
	if err != nil {
		return nil, err
	}
	s.openedPage.Store(page)
	s.log.Info("the page is open", "page", page.Addr().String())
	return page, nil
}

// openControl opens the control socket.
func (s *openStation) openControl() (server, error) {
	socket, err := control.Open(plan.ControlPath(s.plan), s.controlStation(), s.log)
	if err != nil {
		return nil, err
	}
	return socket, nil
}

// openMetrics opens the address of the numbers.
func (s *openStation) openMetrics() (server, error) {
	numbers, err := metrics.Open(s.plan.Metrics.Listen, s.metricsStation().Handler(), s.log)
	if err != nil {
		return nil, err
	}
	s.log.Info("the metrics are open", "metrics", numbers.Addr().String())
	return numbers, nil
}

// close closes what has a file or a line open, the outbox last: until then a lamp may
// still say what is on disk.
func (s *openStation) close() error {
	s.early.Stop()
	var errs []error
	for _, b := range s.boards {
		errs = append(errs, b.close())
	}
	s.endOfCrash()
	s.active.close()
	return errors.Join(append(errs, s.outbox.Close())...)
}

// mostHeldLogged is how many held entries a start tells the log of one by one.
const mostHeldLogged = 5

// logHeld tells the log what a person must decide about: how many entries there are,
// and the first of them.
func (s *openStation) logHeld() {
	c, err := s.outbox.Contents(station.Limit{Held: mostHeldLogged})
	if err != nil {
		s.log.Warn("what is held could not be read", "error", err)
		return
	}
	if c.Held == 0 {
		return
	}
	s.log.Warn("entries are held, and a person must decide about them: stationd outbox ls", "held", c.Held)
	for _, e := range c.Entries {
		if e.Condition == station.Held {
			s.log.Warn("held since before this start", "entry", string(e.ID), "lane", e.Lane, "verb", e.Verb, "hold", string(e.Hold), "reason", terminal.OneLine(e.Reason))
		}
	}
}

// operator is what records the decisions that are taken on the page and by commands.
func (s *openStation) operator() operator.Recorder {
	return operator.Recorder{
		Outbox:  s.outbox,
		Record:  s.active.lookNowIfOpen(s.outbox.RecordAll).One(),
		Program: s.active.program,
		Stamp:   s.clock.Stamp,
		Log:     s.log,
	}
}

// pageStation is the station as the page shows it.
func (s *openStation) pageStation() web.Station {
	return web.Station{
		Outbox:    s.outbox,
		Operator:  s.operator(),
		Snapshot:  s.status.Snapshot,
		Program:   s.active.program,
		Cards:     s.cards,
		CardLists: s.cardLists,
		Poster:    s.poster,
		Stamp:     s.clock.Stamp,
		Metrics:   s.metricsStation().Handler(),
		Language:  s.plan.Station.Language,
		Zone:      s.plan.Zone,
		Access:    s.access,
		Expire:    s.accessExpires,
		Export:    s.exportHistory,
		Hosts:     s.plan.Web.Hosts,
		Token:     s.pageToken(),
		TLS:       s.pageTLS(),
	}
}

// metricsStation is the station in numbers.
func (s *openStation) metricsStation() metrics.Station {
	m := s.numbers(s.status.Snapshot)
	m.Configuration = s.active.forMetrics
	m.VendorClock = s.active.vendorClock
	m.Measures = s.measures
	m.Events = func() (names []string) {
		for _, b := range s.active.program().Bindings {
			names = append(names, b.Event)
		}
		return names
	}
	m.LogDropped = func() map[string]int {
		d := s.journal.Dropped()
		return map[string]int{"unread": d.Unread, "ceiling": d.Ceiling, "repeated": d.Repeated}
	}
	m.PageConnections = func() (open, refused int) {
		if page := s.openedPage.Load(); page != nil {
			return page.Connections()
		}
		return 0, 0
	}
	return m
}

// numbers are those that a station has whose outbox cannot be opened, too.
func (s base) numbers(snapshot func() station.Snapshot) metrics.Station {
	commit, _ := version.Commit()
	m := metrics.Station{
		Snapshot: snapshot, Stamp: s.clock.Stamp, Timings: s.timings,
		Commit: commit, Data: s.plan.Station.Data, Started: s.started,
	}
	for _, v := range s.plan.Vendors {
		m.Backends = append(m.Backends, v.Name)
	}
	return m
}

// newTimings returns the timings of a station of this plan.
func newTimings(p *plan.Plan) *metrics.Timings {
	backends := make(map[string][]string)
	for _, v := range p.Vendors {
		backends[v.Name] = nil
		for _, verb := range v.Schema.Verbs {
			backends[v.Name] = append(backends[v.Name], verb.Name)
		}
	}
	return metrics.NewTimings(backends)
}

// controlStation is the station as the commands find it at the control socket.
func (s *openStation) controlStation() control.Station {
	return control.Station{
		Outbox:   s.outbox,
		Operator: s.operator(),
		Snapshot: s.status.Snapshot,
		Read:     s.active.query,
		Access:   s.access,
		Reload:   s.active.reload,
		Follow:   s.follow,
		Metrics:  s.metricsStation().Handler(),
		Status:   s.fleetStatus,
		Doctor:   s.doctor,
		Log:      s.journal.Recent,
		History: func(since time.Time, w io.Writer) error {
			return queue.ExportHistorySince(s.plan.History(), since, w)
		},
	}
}
