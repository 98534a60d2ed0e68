package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"stationd/internal/atomicfile"
	"stationd/internal/control"
	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/station"
	"stationd/internal/terminal"
)

// This file makes a command of each query of each backend: what can be asked of a vendor
// without changing anything there.

// A queryCommand is the command of one query.
type queryCommand struct {
	backend plan.Backend
	station.Query
	config string
	json   bool
	direct bool   // do not ask the running station
	output string // for a query whose answer is a file: where it is written to
	force  bool   // output may replace a file
}

func newQueryCommand(b plan.Backend, query station.Query) *cobra.Command {
	q := &queryCommand{backend: b, Query: query}
	use := []string{query.Name}
	for _, arg := range query.Args {
		word := strings.ToUpper(arg)
		if f, _ := query.Field(arg); !f.Required {
			word = "[" + word + "]"
		}
		use = append(use, word)
	}
	if len(query.Fields) > len(query.Args) {
		use = append(use, "[FIELD=VALUE …]")
	}
	long := query.Help + "."
	if len(query.Fields) > 0 {
		long += "\n\nFields:\n" + fieldHelp(query.Fields, func(f station.Field) bool { return f.Required })
	}
	var names []string
	for _, f := range query.Fields {
		names = append(names, f.Name)
	}
	c := &cobra.Command{
		Use:     strings.Join(use, " "),
		Short:   query.Help,
		Long:    long,
		GroupID: "read",
		RunE:    q.run,

		ValidArgsFunction: fieldCompletions(names),
	}
	plan.PathFlag(c.Flags(), &q.config)
	c.Flags().BoolVar(&q.direct, "direct", false, "query the vendor directly, with the station's key; refused while the station runs")
	if query.File == "" {
		c.Flags().BoolVar(&q.json, "json", false, "everything that was read, as JSON")
		return c
	}
	c.Flags().StringVarP(&q.output, "output", "o", "", "the file that "+query.File+" is written to; - is the standard output")
	c.Flags().BoolVar(&q.force, "force", false, "replace the file if it is there")
	return c
}

func (q *queryCommand) run(c *cobra.Command, args []string) error {
	p, err := plan.Load(q.config, c.ErrOrStderr())
	if err != nil {
		return err
	}
	v, err := vendorOf(p, q.backend)
	if err != nil {
		return err
	}
	with, faults := parseFields(args, q.Args)
	for _, f := range q.Fields {
		if value := v.Schema.Defaults[f.Name]; f.Required && value != "" && with[f.Name] == "" {
			with[f.Name] = value
		}
	}
	if faults = append(faults, q.Validate(with)...); len(faults) > 0 {
		return usageError(c.ErrOrStderr(), c, faults)
	}
	if q.File != "" {
		if q.output == "" {
			return exit.With(exit.Usage, fmt.Errorf("%s is written to a file: say which with -o, or -o - for the standard output", q.File))
		}
		if err := q.askDirectly(); err != nil {
			return err
		}
	}
	answer, err := q.ask(c.Context(), p, v, with)
	switch {
	case err != nil:
		return exit.Wrap(fmt.Errorf("%s: %w", q.backend.Title, err))
	case q.File != "":
		return exit.Wrap(q.save(c.OutOrStdout(), c.ErrOrStderr(), answer.File))
	case q.json:
		return exit.Wrap(terminal.WriteJSON(c.OutOrStdout(), answer.All))
	}
	return exit.Wrap(show(c.OutOrStdout(), answer))
}

// ask asks the running station, or the vendor itself where none runs.
func (q *queryCommand) ask(ctx context.Context, p *plan.Plan, v plan.Vendor, with map[string]string) (station.Answer, error) {
	if q.direct {
		if err := requireStopped(ctx, p); err != nil {
			return station.Answer{}, err
		}
	} else {
		answer, err := control.Dial(plan.ControlPath(p)).Read(ctx, q.backend.Name, q.Name, with)
		if !errors.Is(err, control.ErrAbsent) {
			return answer, err
		}
	}
	b, end, err := openBackend(ctx, p, v)
	if err != nil {
		return station.Answer{}, explainCredential(err)
	}
	defer end()
	return station.RunQuery(ctx, b, q.Name, with)
}

// show writes an answer as a table. Each cell is the vendor's text as text.
func show(w io.Writer, a station.Answer) error {
	if len(a.Rows) > 0 {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, strings.Join(a.Columns, "\t"))
		for _, row := range a.Rows {
			for i, cell := range row {
				end := "\t"
				if i == len(row)-1 {
					end = "\n"
				}
				if cell == "" {
					cell = "-"
				}
				fmt.Fprint(t, terminal.OneLine(cell)+end)
			}
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	switch {
	case a.Note != "":
		fmt.Fprintln(w, terminal.Visible(a.Note))
	case len(a.Rows) == 0:
		fmt.Fprintln(w, "There is none.")
	}
	return nil
}

// askDirectly refuses a file that is there already, before the vendor is asked for it.
func (q *queryCommand) askDirectly() error {
	if q.output == "-" || q.force {
		return nil
	}
	if _, err := os.Lstat(q.output); !errors.Is(err, os.ErrNotExist) {
		if err == nil {
			err = fmt.Errorf("%s is there already: name another file, or add --force", q.output)
		}
		return exit.Wrap(err)
	}
	return nil
}

// save writes the answer to the file that was named, whole or not at all.
func (q *queryCommand) save(stdout, stderr io.Writer, content []byte) error {
	if q.output == "-" {
		_, err := terminal.Raw(stdout).Write(content)
		return err
	}
	write := atomicfile.Create
	if q.force {
		write = atomicfile.Replace
	}
	err := write(q.output, content, 0o644)
	if err == nil {
		fmt.Fprintf(stderr, "%s: %d bytes\n", q.output, len(content))
	}
	return err
}
