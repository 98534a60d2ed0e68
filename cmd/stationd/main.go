// Command stationd is the agent of a station at a production line: it records
// presses and scans in an outbox on disk and delivers them to L2L and Lagerkoll
// through any outage. It is also the operator's and the integrator's command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"stationd/internal/cli"
	"stationd/internal/daemon"
	"stationd/internal/demo"
	"stationd/internal/doctor"
	"stationd/internal/dump"
	"stationd/internal/enrol"
	"stationd/internal/exit"
	"stationd/internal/live"
	"stationd/internal/relaycommand"
	"stationd/internal/setup"
	"stationd/internal/terminal"
	"stationd/internal/verify"
)

// command runs one command line and returns its exit code. It is main without
// the process, so that tests can run it.
func command(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out, errs := &terminal.Output{To: stdout}, &terminal.Output{To: stderr}
	defer out.End()
	defer errs.End()
	err := execute(ctx, args, stdin, out, errs)
	if err == nil {
		return 0
	}
	var ended *exit.Error
	if !errors.As(err, &ended) {
		// What cobra itself finds wrong is the command line.
		ended = &exit.Error{Code: exit.Usage, Err: fmt.Errorf("%w; stationd --help lists the commands", err)}
	}
	if ended.Err != nil {
		_ = terminal.Paint(errs, terminal.Red, "stationd:") // a terminal that is gone hears nothing
		fmt.Fprintf(errs, " %v\n", ended.Err)
	}
	return ended.Code
}

// execute carries a command line out.
func execute(ctx context.Context, args []string, stdin io.Reader, out, errs io.Writer) error {
	if path, quick, requested := verify.Requested(args); requested {
		return verify.File(out, path, quick)
	}
	root := commands() //nolint:contextcheck // cobra hands ctx to each command
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(errs)
	return root.ExecuteContext(ctx)
}

func commands() *cobra.Command {
	root := &cobra.Command{
		Use:   "stationd",
		Short: "The agent of a station at a production line",
		Long: `stationd records button presses and bar code scans in an outbox on disk and
delivers them to L2L and Lagerkoll through any outage.

Try it without hardware:  stationd demo`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	asked := root.Flags().Bool("version", false, "print the version")
	root.RunE = func(c *cobra.Command, _ []string) error {
		if *asked {
			fmt.Fprintln(c.OutOrStdout(), cli.Version())
			return nil
		}
		return c.Help()
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(daemon.Command(), cli.ReloadCommand(), demo.Command(), cli.CheckCommand(), setup.Command(), enrol.Command(), live.PinsCommand(), live.ScansCommand(), cli.OutboxCommand(), cli.CallCommand(), cli.BadgeCommand(), cli.PINCommand(), doctor.Command(), dump.Command(), cli.LampsCommand(), cli.CardsCommand(), cli.UnitCommand(), relaycommand.Command(), cli.FleetCommand(), cli.VersionCommand(), cli.CompletionCommand())
	root.AddCommand(cli.VendorCommands()...)
	cli.Complete(root)
	cli.Suggest(root)
	return root
}
