// Package doctor is stationd doctor: it looks at everything that a station needs, from the
// clock to the vendor's certificate, and says of each what it found and what to do.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/station"
	"stationd/internal/terminal"
)

// checkTimeout limits each check, so that a network that hangs is reported and the
// checks after it are made.
const checkTimeout = 15 * time.Second

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
open a dispatch) and skipped (an earlier check failed, or only root may look). No check takes longer than ` + checkTimeout.String() + `.

It exits with 0 when no check fails, with 1 when one does, and with 78 when the
configuration has faults. Run it as root, or as a member of the group stationd, beside
a running station or without one.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			out := &report{w: c.OutOrStdout(), asJSON: asJSON}
			err := runChecks(c.Context(), path, out)
			return exit.Wrap(cmp.Or(err, out.end()))
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: a list with one object per check")
	return c
}

// A Verdict is what a check came to.
type Verdict string

const (
	OK      Verdict = "ok"
	Warning Verdict = "warning"
	Fail    Verdict = "FAIL"
	Unknown Verdict = "unknown"
	Skipped Verdict = "skipped"
)

// A Finding is one line of the doctor.
type Finding struct {
	Check   string  `json:"check"`        // what was looked at: l2l key
	Verdict Verdict `json:"verdict"`      //
	Found   string  `json:"found"`        // in words; no secret is ever in it
	Do      string  `json:"do,omitempty"` // what to do about it
}

func passed(check, format string, args ...any) Finding {
	return Finding{Check: check, Verdict: OK, Found: fmt.Sprintf(format, args...)}
}

func undetermined(check, format string, args ...any) Finding {
	return Finding{Check: check, Verdict: Unknown, Found: fmt.Sprintf(format, args...)}
}

func skipped(check, format string, args ...any) Finding {
	return Finding{Check: check, Verdict: Skipped, Found: fmt.Sprintf(format, args...)}
}

func warned(check, do, format string, args ...any) Finding {
	return Finding{Check: check, Verdict: Warning, Found: fmt.Sprintf(format, args...), Do: do}
}

func failed(check, do, format string, args ...any) Finding {
	return Finding{Check: check, Verdict: Fail, Found: fmt.Sprintf(format, args...), Do: do}
}

// A report is what findings are written on.
type report struct {
	w      io.Writer
	asJSON bool
	all    []Finding
}

func (p *report) add(found ...Finding) {
	for _, f := range found {
		f.Found, f.Do = station.OneLine(f.Found, 0), station.OneLine(f.Do, 0)
		p.all = append(p.all, f)
		if p.asJSON {
			continue
		}
		line := fmt.Sprintf("%-7s  %-22s  %s", f.Verdict, f.Check, f.Found)
		if f.Do != "" {
			line += " -- " + f.Do
		}
		fmt.Fprintln(p.w, line)
	}
}

// count is how many findings have a verdict.
func (p *report) count(v Verdict) (n int) {
	for _, f := range p.all {
		if f.Verdict == v {
			n++
		}
	}
	return n
}

// end writes what it all came to. Its error is that of the exit code.
func (p *report) end() error {
	if p.asJSON {
		if err := terminal.WriteJSON(p.w, p.all); err != nil {
			return err
		}
	} else {
		var said []string
		for _, v := range []Verdict{OK, Warning, Fail, Unknown, Skipped} {
			if n := p.count(v); n > 0 {
				said = append(said, fmt.Sprintf("%d %s", n, v))
			}
		}
		fmt.Fprintf(p.w, "\n%s: %s\n", terminal.Count(len(p.all), "check"), strings.Join(said, ", "))
	}
	if p.count(Fail) > 0 {
		return &exit.Error{Code: exit.Failure}
	}
	return nil
}

// runChecks looks at everything. What takes its time is looked at side by side, and
// told in order. An error says that there is no configuration to go by.
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
		out.add(runningBeside(ctx, path)...)
		out.add(skipped("everything else", "fix the configuration first"))
		return &exit.Error{Code: exit.Config}
	}
	out.add(passed("configuration", "%s: station %s, no faults", path, p.Station.Name))

	d := &doctor{plan: p}
	d.ask(ctx)
	wards := [][]check{d.here()}
	for _, v := range p.Vendors {
		wards = append(wards, d.atVendor(v))
	}
	wards = append(wards, d.atAlert(), d.devices(), d.service())
	told := make([][]Finding, len(wards))
	var under sync.WaitGroup
	for i, checks := range wards {
		under.Go(func() {
			for _, c := range checks {
				told[i] = append(told[i], c.within(ctx, checkTimeout)...)
			}
		})
	}
	under.Wait()
	for _, found := range told {
		out.add(found...)
	}
	return nil
}

// A check looks at one thing, or at a few that depend on each other.
type check struct {
	name string
	look func(ctx context.Context) []Finding
}

// within carries a check out and waits no longer for it than the limit.
func (c check) within(ctx context.Context, limit time.Duration) []Finding {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	found := make(chan []Finding, 1)
	go func() { found <- c.look(ctx) }()
	grace := time.NewTimer(limit + time.Second) // for what ends with ctx to say so
	defer grace.Stop()
	select {
	case f := <-found:
		return f
	case <-grace.C:
		return []Finding{failed(c.name, "", "no result within %v", limit)}
	}
}

// one makes a check of one finding.
func one(name string, look func(ctx context.Context) Finding) check {
	return check{name, func(ctx context.Context) []Finding { return []Finding{look(ctx)} }}
}
