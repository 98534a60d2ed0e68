// Package daemon is stationd run: it opens what a plan says, runs it, takes a changed
// configuration into force while it runs, and closes everything in order.
//
// Only the outbox has to open. What else is missing is a fault of the station that keeps
// nothing from being recorded, and is taken up as soon as it is there.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/agent"
	"stationd/internal/clock"
	"stationd/internal/control"
	"stationd/internal/crash"
	"stationd/internal/exit"
	"stationd/internal/logging"
	"stationd/internal/mounts"
	"stationd/internal/operator"
	"stationd/internal/plan"
	"stationd/internal/queue"
	"stationd/internal/scanner"
	"stationd/internal/station"
	"stationd/internal/systemd"
	"stationd/internal/terminal"
	"stationd/internal/verify"
	"stationd/internal/version"
	"stationd/internal/web"
)

// workersPerBackend is how many deliveries may be under way to one backend at once. Each
// takes a lane of its own; the backend's pace holds all of them.
const workersPerBackend = 2

func Command() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the station",
		Long: `run records what is pressed and scanned and delivers it, until it gets SIGTERM or
SIGINT; then it takes nothing more, finishes the deliveries under way and ends.

What is missing but for the outbox keeps nothing from being recorded: a key, a reader,
a chip, the page's port. It is a fault of the station, which is told by lamp, page,
/healthz, /metrics, log and doctor, and is taken up when it is there. A configuration
with faults is a fault too where another was in force before: that one is run.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			log, end := OpenLog(terminal.Raw(c.ErrOrStderr()))
			defer end()
			limitMemory(slog.New(log.Handler()))
			p, err := plan.LoadToRun(path, log)
			if err == nil {
				err = exit.Wrap(run(p, c.Context(), log))
			}
			return lastWords(log, err)
		},
	}
	plan.PathFlag(c.Flags(), &path)
	return c
}

// run opens everything the plan says, runs it, and closes it in order.
func run(p *plan.Plan, ctx context.Context, journal *logging.Log) (err error) {
	log := slog.New(journal.Handler())
	clock, err := clock.New()
	if err != nil {
		return err
	}
	s := &openStation{plan: p, journal: journal, log: log, clock: clock, faults: newFaults(log)}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // it was stopped while it waited
		}
		if showsFailure(err) {
			told, cancel := context.WithTimeout(ctx, notRecordingTime)
			defer cancel()
			s.notRecording(told, err)
		}
		return err
	}
	if p.LastGood != nil {
		s.faults.set(plan.PartConfiguration, p.LastGood.Fault(p.Path))
	} else {
		s.faults.set(plan.PartConfiguration, "")
		p.Keep(log)
	}
	limit, err := systemd.Watchdog()
	if err != nil {
		return err
	}
	defer abortWithStacks(p.Station.Data, journal, s.status.Alive)()
	stopped := context.AfterFunc(ctx, func() {
		log.Info("the station stops: it takes nothing more and finishes what is under way")
		if err := systemd.Stopping(); err != nil {
			log.Warn("the service manager does not answer", "error", err)
		}
	})
	defer stopped()
	if err := agent.Run(ctx, s.setting(limit)); err != nil {
		return err
	}
	s.starts.stop()
	return nil
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
	if page, open := s.page.first.(*web.Server); open {
		return page.Addr().String()
	}
	return ""
}

// openStation is a station whose parts are open. Only the outbox has to be: what else is
// missing is a fault, and is taken up when it is there.
type openStation struct {
	plan     *plan.Plan
	journal  *logging.Log
	log      *slog.Logger
	clock    *clock.Clock
	faults   *faults
	active   *activeConfig
	outbox   *queue.Outbox
	boards   []*chipBoard
	reader   []*scanner.Scanner
	printers printQueues
	viewers  *viewers
	page     *listening
	socket   *listening
	status   *agent.Status
	starts   *starts

	uncrashed func() // says that the process ends as it should
}

// open opens the parts in the order in which they are needed. What it opened
// before an error is closed by close.
func (s *openStation) open(ctx context.Context) (err error) {
	if err := s.awaitPartition(ctx); err != nil {
		return err
	}
	s.faults.set(plan.PartData, mounts.InMemory(s.plan.Station.Data))
	s.starts = openStarts(s.plan.Station.Data, s.clock.Stamp, s.log)
	s.active = openBackends(s.plan, s.faults, s.log)
	for _, p := range s.plan.Printers {
		s.printers = append(s.printers, newPrintQueue(p, s.active.pickingList, s.log))
	}
	s.outbox, err = queue.Open(s.plan.Outbox(), queue.Setting{
		Stamp:   s.clock.Stamp,
		Log:     s.log,
		Program: s.active.program,
		Settle:  s.active.settle,
		Verify:  verify.Quick,
		Machine: machine(),
		Version: version.Current(),
		History: s.plan.History(),
		Days:    s.plan.Station.Days,
		BestEffort: func(_ station.Event, a station.Action) {
			if a.Verb == station.VerbSend {
				s.send(a)
				return
			}
			s.printers.take(s.log, s.plan.Station.Name, a)
		},
	})
	if err != nil {
		return err
	}
	s.uncrashed = crash.Keep(s.plan.Station.Data, s.log)
	if s.outbox.ClockWasSet() {
		s.clock.Trust()
	}
	s.active.changed = s.outbox.TryNow
	s.status = agent.NewStatus(s.outbox)
	if err := s.outbox.HoldOrphaned(s.active.speaksTo); err != nil {
		return err
	}
	s.logHeld()
	for _, panel := range s.plan.Panel().ByChip() {
		board := newChipBoard(panel, s.clock, s.log)
		board.try()
		s.boards = append(s.boards, board)
	}
	s.viewers = &viewers{all: make(map[*viewer]bool)}
	for _, setting := range s.plan.Scanners {
		r := scanner.Open(setting, s.clock.Stamp, s.log)
		r.Follow(s.viewers.scanned)
		s.reader = append(s.reader, r)
	}
	s.page = &listening{
		part:   plan.PartPage,
		faults: s.faults,
		open:   func() (server, error) { return opening(web.Open(s.plan.Web.Listen, s.shown(), s.log)) },
	}
	s.socket = &listening{
		part:   plan.PartControl,
		faults: s.faults,
		open:   func() (server, error) { return opening(control.Open(plan.ControlPath(s.plan), s.commanded(), s.log)) },
	}
	if s.plan.Web.Listen != "" {
		s.page.try()
	}
	s.socket.try()
	s.page.opened = func(page server) {
		s.log.Info("the page is open", "page", page.(*web.Server).Addr().String())
	}
	return nil
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

// send sends something to a reader, once: a trigger that comes late reads another piece.
func (s *openStation) send(a station.Action) {
	i := slices.IndexFunc(s.plan.Scanners, func(r scanner.Config) bool { return r.Name == a.With[station.SendTo] })
	if i < 0 || i >= len(s.reader) {
		return // a binding of a newer configuration than the readers
	}
	if err := s.reader[i].Send(a.With[station.SendText]); err != nil {
		s.log.Warn("a trigger was not sent", "source", a.With[station.SendTo], "error", err)
	}
}

// opening is what opening returned, without a nil that is none.
func opening[S server](s S, err error) (server, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// close closes the outbox last: until then a lamp may still say what is on disk.
func (s *openStation) close() error {
	var errs []error
	for _, b := range s.boards {
		errs = append(errs, b.close())
	}
	if s.uncrashed != nil {
		s.uncrashed()
	}
	if s.outbox != nil {
		errs = append(errs, s.outbox.Close())
	}
	return errors.Join(errs...)
}

// openCalls are the calls that are open, for whoever follows them at the vendor.
func (s *openStation) openCalls() []station.Call { return s.outbox.State().Calls }

// operator is what records the decisions that are taken on the page and by commands.
func (s *openStation) operator() operator.Recorder {
	return operator.Recorder{
		Outbox:  s.outbox,
		Record:  s.active.lookSoon(s.outbox.Record),
		Program: s.active.program,
		Stamp:   s.clock.Stamp,
		Log:     s.log,
	}
}

// shown is the station as the page shows it.
func (s *openStation) shown() web.Station {
	return web.Station{
		Outbox:   s.outbox,
		Operator: s.operator(),
		Snapshot: s.status.Snapshot,
		Program:  s.active.program,
		Stamp:    s.clock.Stamp,
		Measures: s.measures,
		LogDropped: func() map[string]int {
			d := s.journal.Dropped()
			return map[string]int{"unread": d.Unread, "ceiling": d.Ceiling, "repeated": d.Repeated}
		},
		Language: s.plan.Station.Language,
		Zone:     s.plan.Zone,
	}
}

// commanded is the station as the commands find it at the control socket.
func (s *openStation) commanded() control.Station {
	return control.Station{
		Outbox:   s.outbox,
		Operator: s.operator(),
		Snapshot: s.status.Snapshot,
		Read:     s.active.read,
		Reload:   s.active.reload,
		Follow:   s.follow,
	}
}

// measures are the counts that the devices keep, for the metrics.
func (s *openStation) measures() map[string]map[string]int {
	m := map[string]map[string]int{"glitches": {}, "repeats": {}, "noise": {}, "overflows": {}, "stale": {}, "partials": {}, "spoilt": {}, "reopenings": {}, "unheard": {}, "lost": {}, "printed": {}, "not_printed": {}}
	for _, b := range s.boards {
		glitches, lost := b.counts()
		maps.Copy(m["glitches"], glitches)
		maps.Copy(m["lost"], lost)
	}
	for i, r := range s.reader {
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

// setting is everything the station consists of. limit is the service manager's
// watchdog, 0 where there is none.
func (s *openStation) setting(limit time.Duration) agent.Setting {
	setting := agent.Setting{
		Name:    s.plan.Station.Name,
		Version: version.Current(),
		Program: s.active.program,
		Stamp:   s.clock.Stamp,
		Outbox:  s.outbox,
		Log:     s.log,
		Status:  s.status,
		Ready:   s.ready,
		Tellers: []station.HealthReporter{s.outbox, s.faults, s.starts, s.journal},
		Outputs: []agent.Part{
			{Name: "control socket", Run: s.socket.run},
			{Name: "configuration", Run: s.active.run},
			{Name: "alerts", Run: s.alerts().run},
			{Name: "watchdog", Run: func(ctx context.Context) error { return systemd.Run(ctx, limit, s.status.Alive) }},
		},
	}
	if s.plan.Web.Listen != "" {
		setting.Outputs = append(setting.Outputs, agent.Part{Name: "page", Run: s.page.run})
	}
	minutes := agent.Minutes{State: s.outbox.State, Stamp: s.clock.Stamp}
	setting.Inputs = append(setting.Inputs, agent.Part{Name: "minutes", Run: func(ctx context.Context) error { return minutes.Run(ctx, s.outbox.Record) }})
	for name := range s.active.backends {
		setting.Inputs = append(setting.Inputs, agent.Part{
			Name: "watch of " + name,
			Run: func(ctx context.Context) error {
				return s.active.watch(ctx, name, s.openCalls, s.clock.Stamp, s.outbox.Record)
			},
		})
	}
	record := s.status.Recording(s.active.lookSoon(s.outbox.Record))
	for _, b := range s.boards {
		setting.Inputs = append(setting.Inputs, agent.Part{Name: "buttons", Run: func(ctx context.Context) error { return b.runButtons(ctx, record) }})
		setting.Outputs = append(setting.Outputs, agent.Part{Name: "lamps", Run: b.runLamps})
		setting.Displays = append(setting.Displays, b)
		setting.Sounders = append(setting.Sounders, b)
		setting.Tellers = append(setting.Tellers, b)
	}
	for i, r := range s.reader {
		name := "scanner " + s.plan.Scanners[i].Name
		setting.Inputs = append(setting.Inputs,
			agent.Part{Name: name, Run: func(ctx context.Context) error { return r.Run(ctx, record) }},
			agent.Part{Name: "port of " + name, Run: r.RunPort},
		)
		setting.Tellers = append(setting.Tellers, r)
	}
	for _, t := range s.printers {
		setting.Lanes = append(setting.Lanes, agent.Part{Name: "printer " + t.printer.Name, Run: t.run})
		setting.Outputs = append(setting.Outputs, agent.Part{Name: "look at printer " + t.printer.Name, Run: t.watch})
		setting.Tellers = append(setting.Tellers, t)
	}
	for name, backend := range s.active.backends {
		setting.Tellers = append(setting.Tellers, backend)
		for i := range workersPerBackend {
			setting.Lanes = append(setting.Lanes, agent.Part{
				Name: fmt.Sprintf("lanes of %s, %d", name, i+1),
				Run:  func(ctx context.Context) error { return s.outbox.Run(ctx, name, backend) },
			})
		}
	}
	return setting
}
