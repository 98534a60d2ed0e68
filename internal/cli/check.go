package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/config"
	"stationd/internal/doctor"
	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/station"
	"stationd/internal/terminal"
)

// A complaint is one thing that check found.
type complaint struct {
	Severity string `json:"severity"` // fault or warning
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`   // 0: it is not a place in the file
	Column   int    `json:"column,omitempty"` //
	Text     string `json:"text"`             // never a secret
	Do       string `json:"do,omitempty"`     // what to do about it

	detail string
}

const (
	severeFault   = "fault"
	severeWarning = "warning"
)

// CheckCommand is stationd check.
func CheckCommand() *cobra.Command {
	var asJSON, strict, together bool
	c := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Validate a configuration file",
		Long: `check reads a configuration as run would, and reports every fault at once, each with
its line and column. Then it checks what a start on this machine needs: the page's port,
the control socket, the keys, the certificates, the files beside the outbox. It changes
nothing.

What is missing on this machine is a warning where the station would record all the
same, and so is what may not be what was meant. check exits with 78 when there is a
fault, and with --strict also when there is a warning.

--account takes the files of several stations, adds up their shares of each vendor's
account, and warns of what they may not have in common. It needs none of those stations.`,
		Args: func(c *cobra.Command, args []string) error {
			if together {
				return cobra.MinimumNArgs(1)(c, args)
			}
			return cobra.MaximumNArgs(1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if together {
				return checkAccount(c.OutOrStdout(), c.ErrOrStderr(), args, asJSON, strict)
			}
			path := plan.DefaultPath
			if len(args) == 1 {
				path = args[0]
			}
			p, all, err := complaints(c.Context(), path)
			if err != nil {
				return exit.With(exit.Config, err)
			}
			faults, warnings := 0, 0
			for _, one := range all {
				if one.Severity == severeFault {
					faults++
				} else {
					warnings++
				}
			}
			if asJSON {
				if err := printJSON(c.OutOrStdout(), all); err != nil {
					return exit.Wrap(err)
				}
			} else {
				printComplaints(&terminal.LinePainter{W: c.ErrOrStderr(), Of: complaintColour}, all)
			}
			if faults > 0 || strict && warnings > 0 {
				return &exit.Error{Code: exit.Config}
			}
			if !asJSON {
				if len(p.Files) > 1 {
					fmt.Fprintf(c.OutOrStdout(), "read: %s\n", strings.Join(p.Files, ", "))
				}
				fmt.Fprintf(c.OutOrStdout(), "%s: station %s, %s, %s, %s, %s: no faults\n", path, p.Station.Name,
					terminal.Count(len(p.Buttons)+len(p.Scanners), "input"), terminal.Count(len(p.Lamps), "lamp"),
					terminal.Count(len(p.Vendors), "backend"), terminal.Count(len(p.Program.Bindings), "binding"))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON: a list with one object for each fault or warning")
	c.Flags().BoolVar(&together, "account", false, "compare the files of several stations that share accounts")
	c.Flags().BoolVar(&strict, "strict", false, "treat warnings as faults: exit with 78")
	return c
}

// complaints are everything that is wrong with a configuration, and where nothing is,
// what this machine lacks for it. An error says that the file cannot be read.
func complaints(ctx context.Context, path string) (*plan.Plan, []complaint, error) {
	p, faults, err := plan.Read(path)
	if err != nil {
		return nil, nil, err
	}
	all := []complaint{}
	for _, f := range faults {
		all = append(all, complaint{Severity: severeFault, File: f.File, Line: f.Line, Column: f.Col, Text: f.Text, detail: f.Detail})
	}
	if len(all) > 0 {
		return p, all, nil
	}
	for _, w := range p.Warnings {
		all = append(all, complaint{Severity: severeWarning, File: w.File, Line: w.Line, Column: w.Col, Text: w.Text, detail: w.Detail})
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for _, f := range doctor.BeforeStart(p, p.Running(ctx)) {
		one := complaint{File: path, Text: station.OneLine(f.Check+": "+f.Found, 0), Do: station.OneLine(f.Do, 0)}
		switch f.Verdict {
		case doctor.Fail:
			one.Severity = severeFault
		case doctor.Warning:
			one.Severity = severeWarning
		case doctor.OK, doctor.Unknown, doctor.Skipped:
			continue
		}
		all = append(all, one)
	}
	return p, all, nil
}

var (
	warningLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\S+: )?warning: `) })
	faultLine   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\S+:\d+:\d+: |^\S+: fault: `) })
)

// complaintColour is what a terminal shows a line of printComplaints in.
func complaintColour(line string) terminal.Colour {
	switch {
	case warningLine().MatchString(line):
		return terminal.Yellow
	case faultLine().MatchString(line):
		return terminal.Red
	}
	return ""
}

// printComplaints writes what was found for a person: the faults of the file as
// editors understand them.
func printComplaints(w io.Writer, all []complaint) {
	var faults []config.Fault
	for _, c := range all {
		switch {
		case c.Line > 0 && c.Severity == severeWarning:
			fmt.Fprintf(w, "%s:%d:%d: warning: %s\n", c.File, c.Line, c.Column, c.Text)
			if c.detail != "" {
				fmt.Fprintln(w, c.detail)
			}
		case c.Line > 0:
			faults = append(faults, config.Fault{File: c.File, Line: c.Line, Col: c.Column, Text: c.Text, Detail: c.detail})
		case c.File == "":
			fmt.Fprintf(w, "%s: %s -- %s\n", c.Severity, c.Text, c.Do)
		case c.Do != "":
			fmt.Fprintf(w, "%s: %s: %s -- %s\n", c.File, c.Severity, c.Text, c.Do)
		default:
			fmt.Fprintf(w, "%s: %s: %s\n", c.File, c.Severity, c.Text)
		}
	}
	if len(faults) > 0 {
		plan.PrintFaults(w, faults)
	}
}

func printJSON(w io.Writer, what any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(what)
}
