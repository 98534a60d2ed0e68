// Command stationd is the agent of a station at a production line: it records
// presses and scans in an outbox on disk and delivers them to L2L and Lagerkoll
// through any outage. It is also the operator's and the integrator's command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	_ "time/tzdata" // a board without a zone database still knows the site's time

	"github.com/spf13/cobra"

	"stationd/internal/queue"
)

// The exit codes. systemd does not restart after exitConfig: another start mends no
// configuration, and makes this program no newer.
const (
	exitRun    = 1  // something at run time, or a finding of verify and demo
	exitUsage  = 2  // the command line is wrong
	exitConfig = 78 // the configuration is wrong, or a newer version wrote the outbox: EX_CONFIG of sysexits.h
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// command runs one command line and returns its exit code. It is main without
// the process, so that tests can run it.
func command(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out, errs := &textOutput{to: stdout}, &textOutput{to: stderr}
	defer out.end()
	defer errs.end()
	root := commands() //nolint:contextcheck // cobra hands ctx to each command
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var ended *exitError
	if !errors.As(err, &ended) {
		// What cobra itself finds wrong is the command line.
		ended = &exitError{code: exitUsage, err: fmt.Errorf("%w; stationd --help lists the commands", err)}
	}
	if ended.err != nil {
		fmt.Fprintf(errs, "stationd: %v\n", ended.err)
	}
	return ended.code
}

// An exitError is an error with the code that the process ends with. Without an
// err, what there was to say has been said.
type exitError struct {
	code int
	err  error
}

// Error implements error.
func (e *exitError) Error() string {
	if e.err == nil {
		return "it has been said"
	}
	return e.err.Error()
}

// Unwrap returns the error itself.
func (e *exitError) Unwrap() error { return e.err }

// atRun gives err the exit code for run time, unless it has one, or says that the
// outbox is of a newer version.
func atRun(err error) error {
	var exit *exitError
	if err == nil || errors.As(err, &exit) {
		return err
	}
	if errors.Is(err, queue.ErrNewer) {
		return exitWith(exitConfig, err)
	}
	return exitWith(exitRun, err)
}

const defaultConfig = "/etc/stationd/stationd.toml"

func commands() *cobra.Command {
	root := &cobra.Command{
		Use:   "stationd",
		Short: "The agent of a station at a production line",
		Long: `stationd records button presses and bar code scans in an outbox on disk and
delivers them to L2L and Lagerkoll through any outage.

Try it without hardware:  stationd demo`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(runCommand(), reloadCommand(), demoCommand(), checkCommand(), setupCommand(), pinsCommand(), scansCommand(), outboxCommand(), callCommand(), doctorCommand(), lampsCommand(), versionCommand(), completionCommand())
	root.AddCommand(vendorCommands()...)
	complete(root)
	return root
}

// configFlag adds --config, which every command that needs a configuration has.
func configFlag(c *cobra.Command, path *string) {
	c.Flags().StringVar(path, "config", defaultConfig, "the configuration file")
}

// exitWith is err with the code that the process ends with.
func exitWith(code int, err error) error { return &exitError{code: code, err: err} }
