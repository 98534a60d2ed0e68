// Package live is the commands stationd pins and stationd scans, which show the levels of GPIO
// lines and the scans of readers as they come, to an electrician who is wiring them. With
// --follow both show what a running station sees.
package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/spf13/cobra"

	"stationd/internal/clock"
	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/scanner"
	"stationd/internal/terminal"
)

// ScansCommand returns the command scans. Its error carries an exit code.
func ScansCommand() *cobra.Command {
	var path, frame string
	var ports []string
	var baud int
	var asJSON, stdin, follow bool
	c := &cobra.Command{
		Use:   "scans",
		Short: "Show what the readers send, live",
		Long: `scans shows each scan of the configured readers, or of those given with --port: its
bytes, its text, its symbology, what was taken off it and how the rest was read, every
name that a binding could use, and which binding would match while no values are set and
what it would send, or why none matches. Nothing is recorded and nothing is sent. Ctrl-C
ends it. A running stationd has the readers open: --follow shows what they send there,
which is recorded and sent as always, and what became of each scan. The station never
waits for this command.

With --stdin no reader is opened: each line of standard input is one scan as a JSON
string, with its AIM identifier, and each line written is a JSON object with its GS1
elements under the keys scan, ok, ai and err. A line that is no JSON string is answered
with ok false and err alone.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if stdin {
				return exit.Wrap(answerScans(c.InOrStdin(), c.OutOrStdout()))
			}
			p, problem := plan.ReadIfThere(path)
			if problem != "" && (c.Flags().Changed("config") || len(ports) == 0) {
				return exit.With(exit.Config, fmt.Errorf("%s; or give a reader with --port, such as --port /dev/ttyACM0", problem))
			}
			show := func(s ScanReport) error { return PrintScan(c.OutOrStdout(), s) }
			if asJSON {
				show = func(s ScanReport) error { return printScanJSON(c.OutOrStdout(), s) }
			}
			if follow {
				return exit.Wrap(followScans(c.Context(), p, show, c.ErrOrStderr()))
			}
			readers := p.Scanners
			if len(ports) > 0 {
				readers = readersOnPorts(ports, frame, baud)
				if err := checkReaders(readers); err != nil {
					return err
				}
			}
			if len(readers) == 0 {
				return exit.With(exit.Config, fmt.Errorf("%s has no [[scanner]]; give a reader with --port, such as --port /dev/ttyACM0", path))
			}
			return exit.Wrap(showScans(c.Context(), p, readers, show, c.ErrOrStderr()))
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().StringArrayVar(&ports, "port", nil, "a reader's port, as in [[scanner]]; repeatable")
	c.Flags().StringVar(&frame, "frame", "", "what ends a scan on --port: cr, lf, crlf, tab, stx-etx, idle:80ms (default cr; tab for a keyboard)")
	c.Flags().IntVar(&baud, "baud", 0, "the speed of --port (default 9600)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: one object per scan")
	c.Flags().BoolVar(&stdin, "stdin", false, "parse scans from standard input, one JSON string per line")
	c.Flags().BoolVar(&follow, "follow", false, "watch the readers of the running station")
	c.MarkFlagsMutuallyExclusive("stdin", "port", "follow")
	c.MarkFlagsMutuallyExclusive("stdin", "config")
	return c
}

// readersOnPorts returns readers for the ports given on the command line.
func readersOnPorts(ports []string, frame string, baud int) []scanner.Config {
	var readers []scanner.Config
	for _, port := range ports {
		readers = append(readers, scanner.Config{Name: port, Port: port, Frame: frame, Baud: baud})
	}
	return readers
}

// checkReaders returns the faults of readers given on the command line.
func checkReaders(readers []scanner.Config) error {
	var faults []error
	scanner.Check(readers, func(_ string, _ int, key, text string) {
		faults = append(faults, fmt.Errorf("--%s: %s", key, text))
	})
	return errors.Join(faults...)
}

// showScans opens readers and prints what they send until ctx is done.
func showScans(ctx context.Context, p *plan.Plan, readers []scanner.Config, show func(ScanReport) error, stderr io.Writer) error {
	clock, err := clock.New()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var mu sync.Mutex // held while show or report prints
	printFrame := func(config scanner.Config, f scanner.Frame) {
		s := NewScanReport(config, f)
		if p.Station.Name != "" {
			m := explain(p.Program, f.Event)
			s.Meaning = &m
		}
		mu.Lock()
		defer mu.Unlock()
		if err := show(s); err != nil {
			stop(err)
		}
	}
	report := func(line string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(stderr, terminal.Wrap(line, 2))
	}
	if _, _, ok := terminal.Size(stderr); ok {
		fmt.Fprintln(stderr, "Scan a label; press Ctrl-C to stop.")
	}
	var listening sync.WaitGroup
	for _, config := range readers {
		r := scanner.Open(config, clock.Stamp, slog.New(slog.DiscardHandler))
		r.Observe(func(status scanner.Status) { ReportStatus(config, status, report) })
		for _, run := range []func(context.Context) error{r.RunPort, func(ctx context.Context) error { return r.Listen(ctx, func(f scanner.Frame) { printFrame(config, f) }) }} {
			listening.Go(func() {
				if err := run(ctx); err != nil {
					stop(err)
				}
			})
		}
		listening.Go(func() { ReportLosses(ctx, r, config.Name, report) })
	}
	listening.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}
