// Package relaycommand is the command stationd relay: it runs the relay of a plant, and checks
// its configuration and what it needs.
package relaycommand

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/api"
	"stationd/internal/config"
	"stationd/internal/exit"
	"stationd/internal/logging"
	"stationd/internal/plan"
	"stationd/internal/relay"
	"stationd/internal/station"
	"stationd/internal/systemd"
	"stationd/internal/terminal"
	"stationd/internal/version"
)

// Command returns the command line of stationd relay.
func Command() *cobra.Command {
	c := &cobra.Command{
		Use:   "relay",
		Short: "Run the relay of a plant",
		Long: `relay is the one way of a plant's stations to the vendors: it has the keys and the pace,
and what stations ask of it comes over a NATS server, the engine. It keeps nothing; each
station keeps what it has recorded until the vendor has it. docs/relay.md has the whole.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(runCommand(), checkCommand(), doctorCommand())
	return c
}

// pathFlag adds --config.
func pathFlag(c *cobra.Command, path *string) {
	c.Flags().StringVar(path, "config", plan.DefaultRelayPath, "the relay's configuration file")
}

func runCommand() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the relay",
		Long: `run asks the vendors what the stations of the plant ask of it, where it has the lease:
of several relays one leads, and another takes over when it is gone. It runs until it gets
SIGTERM or SIGINT; then it takes nothing more, finishes what is under way and ends.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := plan.LoadRelay(path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			journal := logging.New(terminal.Raw(c.ErrOrStderr()), func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }, nil)
			writing, end := context.WithCancel(context.WithoutCancel(c.Context()))
			var written sync.WaitGroup
			written.Go(func() { journal.Run(writing) })
			defer func() { end(); written.Wait() }()
			return exit.Wrap(run(c.Context(), p, slog.New(journal.Handler())))
		},
	}
	pathFlag(c, &path)
	return c
}

// run runs the relay with its workers until ctx is done.
func run(ctx context.Context, p *plan.RelayPlan, log *slog.Logger) error {
	started := time.Now()
	setting, err := p.Open(log)
	if err != nil {
		return err
	}
	r, err := relay.Open(setting)
	if err != nil {
		return err
	}
	defer r.Close()
	log.Info("the relay runs", "relay", setting.Name, "version", version.Current())
	if err := systemd.Ready(); err != nil {
		log.Warn("the service manager does not answer", "error", err)
	}
	var running sync.WaitGroup
	running.Go(func() { err = r.Run(ctx) })
	for _, v := range setting.Vendors {
		for range relay.Workers {
			running.Go(func() {
				if err := r.Work(ctx, v.Name); err != nil {
					log.Error("asks are not carried out", "backend", v.Name, "error", err)
				}
			})
		}
	}
	if p.Web != nil {
		running.Go(func() { keepPage(ctx, p, r, log) })
	}
	if p.Metrics.Listen != "" {
		running.Go(func() { keepMetrics(ctx, p, r, started, log) })
	}
	running.Wait()
	return err
}

// A complaint is one thing that check found.
type complaint struct {
	Severity string `json:"severity"` // fault or warning
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"` // 0: it is not a place in the file
	Column   int    `json:"column,omitempty"`
	Text     string `json:"text"` // never a secret
}

func checkCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Validate a relay's configuration file",
		Long: `check reads a relay's configuration as run would, and reports every fault at once, each
with its line and column. It exits with 78 when there is one.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path := plan.DefaultRelayPath
			if len(args) == 1 {
				path = args[0]
			}
			if asJSON {
				return checkJSON(path, c.OutOrStdout())
			}
			p, err := plan.LoadRelay(path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			for _, w := range p.Warnings {
				fmt.Fprintf(c.ErrOrStderr(), "%s:%d:%d: warning: %s\n", w.File, w.Line, w.Col, w.Text)
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: relay %s, %s, %s: no faults\n", path, p.Table.Name, terminal.Count(len(p.Sections), "backend"), terminal.Count(len(p.Allowed), "allowance"))
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON: a list with one object for each fault or warning")
	return c
}

func checkJSON(path string, w io.Writer) error {
	p, faults, err := plan.ReadRelay(path)
	if err != nil {
		return exit.With(exit.Config, err)
	}
	all := []complaint{}
	for severity, found := range map[string][]config.Fault{"fault": faults, "warning": p.Warnings} {
		for _, f := range found {
			all = append(all, complaint{severity, f.File, f.Line, f.Col, f.Text})
		}
	}
	sort.SliceStable(all, func(i, j int) bool {
		return cmp.Or(strings.Compare(all[i].Severity, all[j].Severity), cmp.Compare(all[i].Line, all[j].Line)) < 0
	})
	if err := terminal.WriteJSON(w, all); err != nil {
		return exit.Wrap(err)
	}
	if len(faults) > 0 {
		return &exit.Error{Code: exit.Config}
	}
	return nil
}

// doctorTime limits each check of doctor: the relay that leads announces itself once a
// second.
const doctorTime = 10 * time.Second

// A finding is what one check of doctor found.
type finding struct {
	Check   string `json:"check"`
	Verdict string `json:"verdict"` // ok or FAIL
	Found   string `json:"found"`   // in words; no secret is ever in it
}

func doctorCommand() *cobra.Command {
	var path string
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Diagnose the relay",
		Long: `doctor checks the relay's configuration, its keys, whether each vendor accepts them, and
whether the engine is reached and a relay leads there. Each check is one line. It changes
nothing, and exits with 1 when a check fails.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := plan.LoadRelay(path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			found := diagnose(c.Context(), p)
			if asJSON {
				err = terminal.WriteJSON(c.OutOrStdout(), found)
			} else {
				for _, f := range found {
					fmt.Fprintf(c.OutOrStdout(), "%-4s  %s: %s\n", f.Verdict, f.Check, terminal.Visible(f.Found))
				}
			}
			if err == nil && slices.ContainsFunc(found, func(f finding) bool { return f.Verdict == fails }) {
				err = &exit.Error{Code: exit.Failure}
			}
			return exit.Wrap(err)
		},
	}
	pathFlag(c, &path)
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON: a list with one object for each check")
	return c
}

// What a check says.
const (
	well  = "ok"
	fails = "FAIL"
)

// diagnose checks what a relay needs.
func diagnose(ctx context.Context, p *plan.RelayPlan) (found []finding) {
	say := func(name string, err error, text string) {
		verdict := well
		if err != nil {
			verdict, text = fails, err.Error()
		}
		found = append(found, finding{name, verdict, text})
	}
	log := slog.New(slog.DiscardHandler)
	setting, err := p.Open(log)
	if err != nil {
		say("keys", explainKeys(err), "")
	}
	for _, v := range setting.Vendors {
		say(v.Name+" key", probe(ctx, v), "accepted")
	}
	leader, err := findLeader(ctx, p, log)
	say("engine", explainKeys(err), "the relay "+leader+" leads")
	return found
}

// explainKeys is an error of a doctor that was not handed the keys, in one line, with what to do:
// systemd hands them to the service alone.
func explainKeys(err error) error {
	if err == nil {
		return nil
	}
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	if errors.Is(err, api.ErrKeyUnusable) && os.Getenv("CREDENTIALS_DIRECTORY") == "" {
		text += "; doctor is root's, as CREDENTIALS_DIRECTORY=/etc/stationd/keys stationd relay doctor"
	}
	return errors.New(text)
}

// probe makes one cheap read.
func probe(ctx context.Context, v relay.Vendor) error {
	prober, can := v.Backend.(station.Prober)
	if !can {
		return errors.New("it cannot be asked anything")
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	rc := prober.Probe(ctx)
	if rc.Outcome != station.Delivered {
		return rc.Err
	}
	return nil
}

// findLeader listens for the relay that leads.
func findLeader(ctx context.Context, p *plan.RelayPlan, log *slog.Logger) (string, error) {
	link, err := relay.Dial(relay.LinkSetting{Engine: p.Table.Engine, Zone: p.Zone, Log: log})
	if err != nil {
		return "", err
	}
	defer link.Close()
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	return link.Await(ctx)
}
