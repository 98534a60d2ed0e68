package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"stationd/internal/control"
	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/station"
	"stationd/internal/terminal"
)

// VendorCommands are the commands of the backends, one each.
func VendorCommands() (all []*cobra.Command) {
	for _, b := range plan.Backends() {
		all = append(all, vendorCommand(b))
	}
	return all
}

func vendorCommand(b plan.Backend) *cobra.Command {
	c := &cobra.Command{
		Use:   b.Name,
		Short: "Have " + b.Title + " do one thing",
		Long: fmt.Sprintf(`%s has %s do one thing: what a binding can do. What is told stands behind the
command as FIELD=VALUE; the --help of each command lists its fields.
%s
What changes something is asked back first (--yes: not), and then goes through
the outbox of the running station as a press does: it is delivered through any
outage, in its place in the lane, and never twice on a guess.`, b.Name, b.Title, aboutQueries(b)),
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	if len(b.Queries) > 0 {
		c.Short = "Ask " + b.Title + " how things are, or have it do one thing"
		c.AddGroup(&cobra.Group{ID: "read", Title: "Questions, which change nothing:"})
	}
	c.AddGroup(&cobra.Group{ID: "verb", Title: "What " + b.Title + " can be asked to do:"})
	for _, r := range b.Queries {
		c.AddCommand(newQueryCommand(b, r))
	}
	for _, v := range b.Verbs {
		c.AddCommand(newActionCommand(b, v))
	}
	return c
}

// aboutQueries says of a backend that can be asked something how it is asked.
func aboutQueries(b plan.Backend) string {
	if len(b.Queries) == 0 {
		return ""
	}
	return `
Questions ask what its operations can show, and change nothing. They are asked by the
running station, under its pace; where none runs, this command asks once by itself, with
the station's key.
`
}

// parseFields reads the arguments of a command: FIELD=VALUE, and without a name the fields
// that bare lists, in order. Its faults are all there are, a sentence each.
func parseFields(args, bare []string) (with map[string]string, faults []string) {
	with = make(map[string]string)
	for _, arg := range args {
		name, value, named := strings.Cut(arg, "=")
		if !named {
			if len(bare) == 0 {
				faults = append(faults, fmt.Sprintf("%q is no FIELD=VALUE", arg))
				continue
			}
			name, value, bare = bare[0], arg, bare[1:]
		}
		if _, twice := with[name]; twice {
			faults = append(faults, fmt.Sprintf("%s is said twice", name))
		}
		with[name] = value
	}
	return with, faults
}

// usageError is the error of a command line that is wrong, with everything that is.
// The sentences may quote what was typed.
func usageError(stderr io.Writer, c *cobra.Command, faults []string) error {
	for _, fault := range faults {
		fmt.Fprintf(stderr, "stationd: %s\n", terminal.Visible(fault))
	}
	return exit.With(exit.Usage, fmt.Errorf("nothing was done; %s --help lists the fields", c.CommandPath()))
}

// vendorOf finds the vendor of a command in a configuration.
func vendorOf(p *plan.Plan, b plan.Backend) (plan.Vendor, error) {
	v, there := p.Vendor(b.Name)
	if !there {
		return plan.Vendor{}, exit.With(exit.Config, fmt.Errorf("%s has no table [%s]: this station does not speak to %s", p.Path, b.Name, b.Title))
	}
	return v, nil
}

// requireStopped refuses to work beside a running station: one pace and one lane for
// each subject is what its promises rest on.
func requireStopped(ctx context.Context, p *plan.Plan) error {
	_, err := control.Dial(plan.ControlPath(p)).Snapshot(ctx)
	switch {
	case errors.Is(err, control.ErrAbsent):
		return nil
	case err != nil:
		return exit.Wrap(fmt.Errorf("whether the station runs cannot be told, and --direct must not work beside it: %w", err))
	}
	return exit.Wrap(errors.New("the station runs, and --direct must not work beside it: leave --direct out, or stop the station"))
}

// explainCredential is the error of a backend that a command could not open for itself. A key
// that systemd hands over is not handed to a command.
func explainCredential(err error) error {
	var file *fs.PathError
	if err == nil || errors.As(err, &file) || os.Getenv("CREDENTIALS_DIRECTORY") != "" {
		return err
	}
	return fmt.Errorf("%w; a command that works without the station is root's, as CREDENTIALS_DIRECTORY=/etc/stationd/keys stationd …", err)
}

// fieldHelp lists fields for a person who is to say them:
//
//	machine  text, required
//	         machine code: SEAL-1
func fieldHelp(fields []station.Field, required func(station.Field) bool) string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range fields {
		kind := f.Type.String()
		if required(f) {
			kind += ", required"
		}
		fmt.Fprintf(t, "  %s\t%s\n", f.Name, kind)
		for _, line := range column(f.Help, 56) {
			fmt.Fprintf(t, "  \t%s\n", line)
		}
	}
	_ = t.Flush() // it writes to memory
	return strings.TrimRight(b.String(), "\n")
}

// column breaks a text into lines of at most so many characters, at its spaces.
func column(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len([]rune(line+" "+word)) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}

// confirm asks a person, and reports whether the answer is yes. Where nobody can
// be asked that is an error.
func confirm(c *cobra.Command, question string) (bool, error) {
	if in, is := c.InOrStdin().(*os.File); !is || !terminal.Is(in) {
		return false, exit.With(exit.Usage, errors.New("not a terminal: pass --yes or --dry-run"))
	}
	fmt.Fprintf(c.ErrOrStderr(), "%s [y/N] ", question)
	var answer string
	_, _ = fmt.Fscanln(c.InOrStdin(), &answer) // nothing is no
	switch strings.ToLower(answer) {
	case "y", "yes":
		return true, nil
	}
	return false, nil
}
