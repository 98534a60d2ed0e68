package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

// checkTime limits each check: a network that hangs is told of, and the next thing
// is looked at.
const checkTime = 15 * time.Second

func doctorCommand() *cobra.Command {
	var path string
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look for everything that would keep the station from its work",
		Long: `doctor looks at the configuration, the keys, the way to each vendor and what the
vendor shows of the site, line, machines and orders that the configuration names; at
the data folder, the outbox, the clock, the lines, the readers, the printers and the
service. One line a check: what was looked at, what was found, and what to do where it
is not well. It reads only: nothing is changed, here or at a vendor.

"cannot be told" is said of what no reading shows, as whether a key may open a
dispatch: the first one tells. No check takes longer than ` + checkTime.String() + `.

It exits with 0 when everything is well or a warning, with 1 when anything is not well,
and with 78 when the configuration has faults. Run it as root, or as a member of the
group stationd, beside a running station or without one.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			out := &prescription{w: c.OutOrStdout(), asJSON: asJSON}
			err := examine(c.Context(), path, out)
			return atRun(cmp.Or(err, out.end()))
		},
	}
	configFlag(c, &path)
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON: one object a check, in a list")
	return c
}

// A verdict is what a check came to.
type verdict string

const (
	isWell     verdict = "well"
	isWarning  verdict = "warning"
	isNotWell  verdict = "not well"
	isUntold   verdict = "cannot be told"
	isUnlooked verdict = "not looked at"
)

// A finding is one line of the doctor.
type finding struct {
	Check   string  `json:"check"`        // what was looked at: l2l key
	Verdict verdict `json:"verdict"`      //
	Found   string  `json:"found"`        // in words; no secret is ever in it
	Do      string  `json:"do,omitempty"` // what to do about it
}

func well(check, format string, args ...any) finding {
	return finding{Check: check, Verdict: isWell, Found: fmt.Sprintf(format, args...)}
}

func untold(check, format string, args ...any) finding {
	return finding{Check: check, Verdict: isUntold, Found: fmt.Sprintf(format, args...)}
}

func unlooked(check, format string, args ...any) finding {
	return finding{Check: check, Verdict: isUnlooked, Found: fmt.Sprintf(format, args...)}
}

func warning(check, do, format string, args ...any) finding {
	return finding{Check: check, Verdict: isWarning, Found: fmt.Sprintf(format, args...), Do: do}
}

func notWell(check, do, format string, args ...any) finding {
	return finding{Check: check, Verdict: isNotWell, Found: fmt.Sprintf(format, args...), Do: do}
}

// A prescription is what findings are written on.
type prescription struct {
	w      io.Writer
	asJSON bool
	all    []finding
}

func (p *prescription) add(found ...finding) {
	for _, f := range found {
		f.Found, f.Do = oneText(f.Found), oneText(f.Do)
		p.all = append(p.all, f)
		if p.asJSON {
			continue
		}
		line := fmt.Sprintf("%-14s  %-22s  %s", f.Verdict, f.Check, f.Found)
		if f.Do != "" {
			line += " -- " + f.Do
		}
		fmt.Fprintln(p.w, line)
	}
}

// oneText shows text as one line, be it a vendor's: nothing in it can move the
// cursor or begin another line.
func oneText(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// count is how many findings have a verdict.
func (p *prescription) count(v verdict) (n int) {
	for _, f := range p.all {
		if f.Verdict == v {
			n++
		}
	}
	return n
}

// end writes what it all came to. Its error is that of the exit code.
func (p *prescription) end() error {
	if p.asJSON {
		if err := encode(p.w, p.all); err != nil {
			return err
		}
	} else {
		var said []string
		for _, v := range []verdict{isWell, isWarning, isNotWell, isUntold, isUnlooked} {
			if n := p.count(v); n > 0 {
				said = append(said, fmt.Sprintf("%d %s", n, v))
			}
		}
		fmt.Fprintf(p.w, "\n%s: %s\n", counted(len(p.all), "check"), strings.Join(said, ", "))
	}
	if p.count(isNotWell) > 0 {
		return &exitError{code: exitRun}
	}
	return nil
}

// examine looks at everything. What takes its time is looked at side by side, and
// told in order. An error says that there is no configuration to go by.
func examine(ctx context.Context, path string, out *prescription) error {
	p, faults, err := read(path)
	if err != nil {
		out.add(notWell("configuration", "name the file with --config, or write it: stationd setup", "%s", strings.TrimPrefix(err.Error(), "configuration: ")))
		return &exitError{code: exitConfig}
	}
	for _, f := range faults {
		out.add(notWell("configuration", "", "%s", f.String()))
	}
	if len(faults) > 0 {
		out.add(runningBeside(ctx, path)...)
		out.add(unlooked("everything else", "until the configuration has no faults"))
		return &exitError{code: exitConfig}
	}
	out.add(well("configuration", "%s: station %s, no faults", path, p.station.Name))

	d := &doctor{plan: p}
	d.ask(ctx)
	wards := [][]check{d.here(), d.atL2L(), d.atLagerkoll(), d.atAlert(), d.devices(), d.service()}
	told := make([][]finding, len(wards))
	var under sync.WaitGroup
	for i, checks := range wards {
		under.Go(func() {
			for _, c := range checks {
				told[i] = append(told[i], c.within(ctx, checkTime)...)
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
	look func(ctx context.Context) []finding
}

// within carries a check out and waits no longer for it than the limit.
func (c check) within(ctx context.Context, limit time.Duration) []finding {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	found := make(chan []finding, 1)
	go func() { found <- c.look(ctx) }()
	grace := time.NewTimer(limit + time.Second) // for what ends with ctx to say so
	defer grace.Stop()
	select {
	case f := <-found:
		return f
	case <-grace.C:
		return []finding{notWell(c.name, "", "it did not end within %v", limit)}
	}
}

// one makes a check of one finding.
func one(name string, look func(ctx context.Context) finding) check {
	return check{name, func(ctx context.Context) []finding { return []finding{look(ctx)} }}
}
