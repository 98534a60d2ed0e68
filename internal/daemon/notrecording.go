package daemon

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"stationd/internal/metrics"
	"stationd/internal/operator"
	"stationd/internal/queue"
	"stationd/internal/station"
	"stationd/internal/systemd"
	"stationd/internal/version"
	"stationd/internal/web"
)

// notRecordingTime is how long a start that failed says so before it ends. The service
// manager starts it again after 2 s in which the lamps blink on, so that a station whose outbox cannot be opened
// says so nearly all of the time, and tries again often enough.
const notRecordingTime = 10 * time.Second

// showsFailure reports whether a start that failed is to be shown by lamps and page: under a
// service manager there is no terminal on which a person would see the error. A second
// stationd beside a running one shows nothing, for lamps and page are the other's.
func showsFailure(err error) bool {
	return os.Getenv("NOTIFY_SOCKET") != "" && !errors.Is(err, queue.ErrNewer) && !errors.Is(err, queue.ErrLocked)
}

// notRecording lets every lamp blink quickly and the page say why nothing that is
// pressed is recorded, until ctx is done. It takes nothing, and changes nothing on disk.
func (s base) notRecording(ctx context.Context, why error) {
	if err := systemd.Status("nothing is recorded: " + why.Error()); err != nil {
		s.log.Warn("the service manager does not answer", "error", err)
	}
	program := s.plan.Program
	snapshot := func() station.Snapshot {
		return station.Snapshot{Station: s.plan.Station.Name, Version: version.Current(), Now: s.clock.Stamp(time.Now()),
			Health: station.Health{Storage: why.Error(), Clock: s.clock.Set()}}
	}
	outbox := noOutbox{why}
	shown := web.Station{
		Outbox: outbox,
		Operator: operator.Recorder{
			Outbox:  outbox,
			Record:  func(station.Event) (station.Result, error) { return station.Result{}, why },
			Program: func() station.Program { return program },
			Stamp:   s.clock.Stamp,
			Log:     s.log,
		},
		Snapshot: snapshot,
		Program:  func() station.Program { return program },
		Stamp:    s.clock.Stamp,
		Metrics:  s.numbers(snapshot).Handler(),
		Language: s.plan.Station.Language,
		Zone:     s.plan.Zone,
	}
	var parts sync.WaitGroup
	defer parts.Wait()
	for _, panel := range s.plan.Panel().ByChip() {
		board := newChipBoard(panel, s.clock, s.faults.announce, s.log)
		board.tryOpen()
		parts.Go(func() {
			err := board.runLamps(ctx)
			if err = errors.Join(err, board.close()); err != nil {
				s.log.Warn("the lamps do not say that nothing is recorded", "error", err)
			}
		})
		parts.Go(func() {
			for {
				board.Show(program.Lights(station.State{}, snapshot().Health, snapshot().Now))
				if !wait(ctx, station.Flash/4) {
					return
				}
			}
		})
	}
	if s.plan.Metrics.Listen != "" {
		parts.Go(func() { s.metricsNotRecording(ctx, snapshot) })
	}
	if s.plan.Web.Listen == "" {
		s.log.Error("nothing is recorded", "error", why)
		return // when the lamps have said it
	}
	page, err := web.Open(s.plan.Web.Address(), shown, s.log)
	if err != nil {
		s.log.Warn("no page says that nothing is recorded", "error", err)
		return // when the lamps have said it
	}
	s.log.Error("nothing is recorded", "page", page.Addr().String(), "error", why)
	if err := page.Run(ctx); err != nil {
		s.log.Warn("no page says that nothing is recorded", "error", err)
	}
}

// metricsNotRecording answers at the address of the metrics until ctx is done.
func (s base) metricsNotRecording(ctx context.Context, snapshot func() station.Snapshot) {
	numbers, err := metrics.Open(s.plan.Metrics.Listen, s.numbers(snapshot).Handler(), s.log)
	if err == nil {
		err = numbers.Run(ctx)
	}
	if err != nil {
		s.log.Warn("no metrics say that nothing is recorded", "error", err)
	}
}

// noOutbox stands in for an outbox that cannot be opened.
type noOutbox struct{ why error }

func (o noOutbox) Contents(station.Limit) (station.Contents, error) { return station.Contents{}, o.why }

func (o noOutbox) List(station.Limit, func(station.EntryStatus) error, func(station.Event) error) (station.Totals, error) {
	return station.Totals{}, o.why
}

func (o noOutbox) Lanes(int) ([]station.LaneStatus, int) { return nil, 0 }

func (o noOutbox) Changed() <-chan struct{} { return nil } // it never does

func (o noOutbox) State() station.State { return station.State{} }

func (o noOutbox) Standing(station.ID) (*station.EntryStatus, *station.Ended, error) {
	return nil, nil, o.why
}
