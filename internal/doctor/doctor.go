// Package doctor is the command stationd doctor: it checks everything that a station needs,
// from the clock to the vendor's certificate, and says what it found and what to do. Its
// checks of the machine are those of stationd check too, see BeforeStart.
//
// A function checkX carries out one check and returns its finding; a method xChecks returns
// the checks of one area, which run one after the other beside those of the other areas.
package doctor

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/control"
	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/station"
)

// checkTimeout limits each check, so that a network that hangs is reported and the
// checks after it are made.
const checkTimeout = 15 * time.Second

// Command returns the command doctor. Its error carries an exit code.
func Command() *cobra.Command {
	var path string
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Diagnose the station",
		Long: `doctor checks the configuration, the keys, the connection to each vendor and what
the vendor shows of the site, line, machines and orders that the configuration names;
the data folder, the outbox, the clock, the lines, the readers, the printers and the
service. Each check is one line: its result, its name, what was found, and what to do
about a problem. It reads only: nothing is changed, here or at a vendor.

The results are ok, warning, FAIL, unknown (doctor cannot tell, such as whether a key may
open a dispatch) and skipped (an earlier check failed, or only root may look). No check
takes longer than ` + checkTimeout.String() + `.

It exits with 0 when no check fails, with 1 when one does, and with 78 when the
configuration has faults. Run it as root, or as a member of the group stationd, beside
a running station or without one.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			out := &report{w: c.OutOrStdout(), asJSON: asJSON}
			err := runChecks(c.Context(), path, out)
			return exit.Wrap(cmp.Or(err, out.finish()))
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: a list with one object per check")
	return c
}

// Print runs all checks and writes what they found, as the command does. Its error says that
// it could not be written.
func Print(ctx context.Context, path string, w io.Writer) error {
	out := &report{w: w}
	var ended *exit.Error
	if err := cmp.Or(runChecks(ctx, path, out), out.finish()); !errors.As(err, &ended) {
		return err
	}
	return nil // what was found is said
}

// runChecks runs all checks, those of different areas side by side, and reports them in
// order. An error means that there is no configuration without faults.
func runChecks(ctx context.Context, path string, out *report) error {
	p, faults, err := plan.Read(path)
	if err != nil {
		out.add(failed("configuration", "pass --config FILE, or create one with stationd setup", "%s", strings.TrimPrefix(err.Error(), "configuration: ")))
		return &exit.Error{Code: exit.Config}
	}
	for _, f := range faults {
		out.add(failed("configuration", "", "%s", f.String()))
	}
	if len(faults) > 0 {
		out.add(runningFaults(ctx, path)...)
		out.add(skipped("everything else", "fix the configuration first"))
		return &exit.Error{Code: exit.Config}
	}
	out.add(passed("configuration", "%s: station %s, no faults", path, p.Station.Name))

	d := &doctor{plan: p}
	d.askStation(ctx)
	groups := [][]check{d.machineChecks()}
	for _, v := range p.Vendors {
		groups = append(groups, d.vendorChecks(v))
	}
	groups = append(groups, d.alertChecks(), d.deviceChecks(), d.serviceChecks())
	results := make([][]Finding, len(groups))
	var running sync.WaitGroup
	for i, checks := range groups {
		running.Go(func() {
			for _, c := range checks {
				results[i] = append(results[i], c.run(ctx, checkTimeout)...)
			}
		})
	}
	running.Wait()
	for _, found := range results {
		out.add(found...)
	}
	return nil
}

// A check has one finding, or a few that depend on each other.
type check struct {
	name string
	look func(ctx context.Context) []Finding
}

// run runs a check and waits no longer for it than limit.
func (c check) run(ctx context.Context, limit time.Duration) []Finding {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	found := make(chan []Finding, 1)
	go func() { found <- c.look(ctx) }()
	grace := time.NewTimer(limit + time.Second) // for a check that ends with ctx to say so
	defer grace.Stop()
	select {
	case f := <-found:
		return f
	case <-grace.C:
		return []Finding{failed(c.name, "", "no result within %v", limit)}
	}
}

// single returns a check of one finding.
func single(name string, look func(ctx context.Context) Finding) check {
	return check{name, func(ctx context.Context) []Finding { return []Finding{look(ctx)} }}
}

// A doctor checks one station.
type doctor struct {
	plan *plan.Plan

	running  bool
	snapshot station.Snapshot // while it runs
	noAnswer error            // why a station that seems to run does not answer
}

// askStation fetches the state of the running station, if one runs.
func (d *doctor) askStation(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	s, err := control.Dial(plan.ControlPath(d.plan)).Snapshot(ctx)
	d.running, d.snapshot = err == nil, s
	if err != nil && !errors.Is(err, control.ErrAbsent) {
		d.noAnswer = err
	}
}
