// Package daemon is the command stationd run: it opens everything in a plan, runs it, applies
// a changed configuration while it runs, and closes everything in order.
//
// Only the outbox must open. A device, key or port that is missing is a fault, which the
// station shows while it records and delivers all that it can; it is opened as soon as it is
// there.
package daemon

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/agent"
	"stationd/internal/clock"
	"stationd/internal/exit"
	"stationd/internal/logging"
	"stationd/internal/plan"
	"stationd/internal/systemd"
	"stationd/internal/terminal"
)

// Command returns the command line of stationd run.
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
			log, end := OpenLog(c.Context(), terminal.Raw(c.ErrOrStderr()))
			defer end()
			limitMemory(slog.New(log.Handler()))
			p, err := plan.LoadToRun(path, log)
			if err == nil {
				err = exit.Wrap(run(c.Context(), p, log))
			}
			return logEnd(log, err)
		},
	}
	plan.PathFlag(c.Flags(), &path)
	return c
}

// run opens everything the plan says, runs it until ctx is done, and closes it in order.
func run(ctx context.Context, p *plan.Plan, journal *logging.Log) (err error) {
	log := slog.New(journal.Handler())
	started := time.Now()
	clock, err := clock.New()
	if err != nil {
		return err
	}
	b := base{plan: p, log: log, clock: clock, faults: newFaults(log), timings: newTimings(p), started: started}
	s, err := open(ctx, b, journal)
	if err != nil {
		if ctx.Err() != nil {
			return nil // it was stopped while it waited
		}
		if showsFailure(err) {
			shown, cancel := context.WithTimeout(ctx, notRecordingTime)
			defer cancel()
			b.notRecording(shown, err)
		}
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if p.LastGood != nil {
		s.faults.set(plan.PartConfiguration, p.LastGood.Fault(p.Path))
	} else {
		s.faults.set(plan.PartConfiguration, "")
		p.Keep(log)
	}
	for _, e := range p.Exposed() {
		log.Warn("every account of this machine may change it", "path", e.Path, "mode", e.Mode.String(), "do", "chmod o-w "+e.Path)
	}
	watchdog, err := systemd.Watchdog()
	if err != nil {
		return err
	}
	defer abortWithStacks(p.Station.Data, journal, s.status.Alive)()
	stopped := context.AfterFunc(ctx, func() {
		log.Info("shutting down: nothing more is recorded, deliveries under way are finished")
		if err := systemd.Stopping(); err != nil {
			log.Warn("the service manager does not answer", "error", err)
		}
	})
	defer stopped()
	defer time.AfterFunc(releaseTime, releaseProgram).Stop()
	if err := agent.Run(ctx, s.parts(watchdog)); err != nil {
		return err
	}
	s.starts.stop()
	return nil
}
