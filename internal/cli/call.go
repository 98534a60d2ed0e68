package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"stationd/internal/contents"
	"stationd/internal/control"
	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/station"
	"stationd/internal/terminal"
)

// CallCommand is stationd call, with its subcommands.
func CallCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "call",
		Short: "List open calls, and close one",
		Long: `call lists the calls that are open at this station and closes one, also where its
button has been removed. ls reads the file itself when no station runs; close
needs a running one.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(callList(), callClose())
	return c
}

func callList() *cobra.Command {
	var path string
	var asJSON bool
	c := &cobra.Command{
		Use:   "ls",
		Short: "List the open calls, the oldest first",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := plan.LoadStation(c.Context(), path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			calls, err := contents.Calls(c.Context(), p)
			if err != nil {
				return exit.Wrap(err)
			}
			if asJSON {
				return exit.Wrap(terminal.WriteStationJSON(c.OutOrStdout(), calls))
			}
			return exit.Wrap(listCalls(c.OutOrStdout(), p, calls))
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func listCalls(w io.Writer, p *plan.Plan, calls []station.Call) error {
	if len(calls) == 0 {
		fmt.Fprintln(w, "No call is open.")
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CALL\tTIME\tSOURCE\tWHAT\tVENDOR ID\tSTATUS")
	for _, c := range calls {
		var subject []string
		for _, field := range slices.Sorted(maps.Keys(c.Subject)) {
			subject = append(subject, c.Subject[field])
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Entry.Short(), p.Local(c.At), c.Source,
			terminal.OneLine(strings.Join(subject, " ")), terminal.OneLine(cmp.Or(c.Ref, "-")), callStatus(c))
	}
	return t.Flush()
}

// callStatus says how a call stands.
func callStatus(c station.Call) string {
	switch {
	case c.Hold != station.HoldNone:
		return "held (" + string(c.Hold) + ")"
	case c.Closing != "":
		return "closing"
	case c.Ref == "":
		return "not delivered yet"
	case c.Adopted:
		return "open, by somebody else"
	}
	return "open"
}

func callClose() *cobra.Command {
	var path string
	var yes, wait bool
	var g repeatable
	c := &cobra.Command{
		Use:   "close CALL",
		Short: "Close an open call, here and at the vendor",
		Long: `close closes a call as its button would. It is named as stationd call ls shows it, or
by the vendor's own id. A call that was open at the vendor already is left open there,
unless its binding says otherwise.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := plan.LoadStation(c.Context(), path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			if !yes {
				sure, err := confirm(c, fmt.Sprintf("Close the call %s?", terminal.OneLine(args[0])))
				if err != nil {
					return err
				}
				if !sure {
					return exit.Wrap(errors.New("nothing was closed"))
				}
			}
			client, err := g.withEvent(control.Dial(plan.ControlPath(p)))
			if err != nil {
				return err
			}
			asked, err := client.CloseCall(c.Context(), args[0])
			if err != nil {
				return exit.Wrap(g.explainUnanswered(err))
			}
			return exit.Wrap(tellAsked(c, client, asked, wait))
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().BoolVarP(&yes, "yes", "y", false, "skip confirmation")
	c.Flags().BoolVar(&wait, "wait", false, "wait until the close is delivered (exit 0) or held (exit 1)")
	g.eventFlag(c)
	return c
}
