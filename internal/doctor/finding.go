package doctor

import (
	"fmt"
	"io"
	"strings"

	"stationd/internal/exit"
	"stationd/internal/station"
	"stationd/internal/terminal"
)

// A Verdict is the result of a check, as it is written in the table and in JSON.
type Verdict string

// The verdicts, from the best on.
const (
	OK      Verdict = "ok"
	Warning Verdict = "warning" // the station works without it
	Fail    Verdict = "FAIL"    // doctor exits with 1
	Unknown Verdict = "unknown" // no read can tell
	Skipped Verdict = "skipped" // an earlier check failed, or only root may look
)

// colour is what a terminal shows a verdict in.
func (v Verdict) colour() terminal.Colour {
	switch v {
	case OK:
		return terminal.Green
	case Fail:
		return terminal.Red
	case Warning, Unknown, Skipped:
	}
	return terminal.Yellow
}

// A Finding is what one check found: one line of the table, one object of JSON.
type Finding struct {
	Check   string  `json:"check"`        // the name of the check: l2l key
	Verdict Verdict `json:"verdict"`      //
	Found   string  `json:"found"`        // in words; no secret is ever in it
	Do      string  `json:"do,omitempty"` // what to do about it
}

func passed(check, format string, args ...any) Finding {
	return Finding{Check: check, Verdict: OK, Found: fmt.Sprintf(format, args...)}
}

func warned(check, do, format string, args ...any) Finding {
	return Finding{Check: check, Verdict: Warning, Found: fmt.Sprintf(format, args...), Do: do}
}

func failed(check, do, format string, args ...any) Finding {
	return Finding{Check: check, Verdict: Fail, Found: fmt.Sprintf(format, args...), Do: do}
}

func undetermined(check, format string, args ...any) Finding {
	return Finding{Check: check, Verdict: Unknown, Found: fmt.Sprintf(format, args...)}
}

func skipped(check, format string, args ...any) Finding {
	return Finding{Check: check, Verdict: Skipped, Found: fmt.Sprintf(format, args...)}
}

// A report prints findings: in the table each at once, as JSON all at the end.
type report struct {
	w        io.Writer
	asJSON   bool
	findings []Finding
}

// add prints findings, whose texts are put on one line each.
func (r *report) add(found ...Finding) {
	for _, f := range found {
		f.Found, f.Do = station.OneLine(f.Found, 0), station.OneLine(f.Do, 0)
		r.findings = append(r.findings, f)
		if r.asJSON {
			continue
		}
		_ = terminal.Paint(r.w, f.Verdict.colour(), fmt.Sprintf("%-7s", f.Verdict)) // as fmt.Fprintln: a terminal that is gone hears nothing
		line := fmt.Sprintf("  %-22s  %s", f.Check, f.Found)
		if f.Do != "" {
			line += " -- " + f.Do
		}
		fmt.Fprintln(r.w, line)
	}
}

// count returns how many findings have a verdict.
func (r *report) count(v Verdict) (n int) {
	for _, f := range r.findings {
		if f.Verdict == v {
			n++
		}
	}
	return n
}

// finish prints the number of findings by verdict, or the JSON. Its error carries the exit
// code of a failed check.
func (r *report) finish() error {
	if r.asJSON {
		if err := terminal.WriteJSON(r.w, r.findings); err != nil {
			return err
		}
	} else {
		var counts []string
		for _, v := range []Verdict{OK, Warning, Fail, Unknown, Skipped} {
			if n := r.count(v); n > 0 {
				counts = append(counts, fmt.Sprintf("%d %s", n, v))
			}
		}
		fmt.Fprintf(r.w, "\n%s: %s\n", terminal.Count(len(r.findings), "check"), strings.Join(counts, ", "))
	}
	if r.count(Fail) > 0 {
		return &exit.Error{Code: exit.Failure}
	}
	return nil
}
