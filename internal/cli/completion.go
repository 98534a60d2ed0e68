package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/contents"
	"stationd/internal/control"
	"stationd/internal/exit"
	"stationd/internal/fleet"
	"stationd/internal/plan"
	"stationd/internal/relay"
	"stationd/internal/station"
	"stationd/internal/terminal"
)

// completionLimit is how long a shell waits for the station's entries: it stands
// still meanwhile.
const completionLimit = 2 * time.Second

// CompletionCommand returns stationd completion.
func CompletionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print the completion of a shell",
		Long: `completion prints what a shell needs to complete commands, flags, fields, entries, calls
and the stations of a plant. The Debian package has it in place for all three shells. Elsewhere:

  bash   stationd completion bash >~/.local/share/bash-completion/completions/stationd
  zsh    stationd completion zsh  >"${fpath[1]}/_stationd"
  fish   stationd completion fish >~/.config/fish/completions/stationd.fish`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(c *cobra.Command, args []string) error {
			root, w := c.Root(), c.OutOrStdout()
			switch args[0] {
			case "bash":
				return exit.Wrap(root.GenBashCompletionV2(w, true))
			case "zsh":
				return exit.Wrap(root.GenZshCompletion(w))
			default:
				return exit.Wrap(root.GenFishCompletion(w, true))
			}
		},
	}
}

// Complete tells each command below c what its arguments can be. A command without
// arguments completes nothing, where a shell would offer the files of the folder.
func Complete(c *cobra.Command) {
	for _, sub := range c.Commands() {
		Complete(sub)
	}
	if c.Flags().Lookup("config") != nil {
		// It fails only for a flag that is not there.
		_ = c.MarkFlagFilename("config", "toml")
	}
	if c.ValidArgs != nil || c.ValidArgsFunction != nil {
		return
	}
	switch strings.TrimPrefix(c.CommandPath(), "stationd ") {
	case "check":
		c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return []cobra.Completion{"toml"}, cobra.ShellCompDirectiveFilterFileExt
		}
	case "outbox show":
		c.ValidArgsFunction = entryCompletions(func(station.Condition) bool { return true }, true)
	case "outbox retry":
		c.ValidArgsFunction = several(entryCompletions(isHeld, false))
	case "outbox discard":
		c.ValidArgsFunction = several(entryCompletions(isHeld, true))
	case "outbox edit":
		c.ValidArgsFunction = editCompletions
	case "badge revoke":
		c.ValidArgsFunction = badgeCompletions
	case "call close":
		c.ValidArgsFunction = callCompletions
	case "fleet show", "fleet doctor", "fleet revoke":
		c.ValidArgsFunction = stationCompletions
	case "fleet retry":
		c.ValidArgsFunction = fleetRetryCompletions
	default:
		c.ValidArgsFunction = cobra.NoFileCompletions
	}
}

func isHeld(c station.Condition) bool { return c == station.Held }

// entryCompletions completes one entry of a condition, or an event that is kept.
func entryCompletions(of func(station.Condition) bool, kept bool) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return ask(c, args, func(ctx context.Context, p *plan.Plan) (found []cobra.Completion, err error) {
			all, err := contents.Read(ctx, p, station.Limit{Held: mostOffered, Waiting: mostOffered, Unknown: mostOffered})
			for _, e := range all.Entries {
				if of(e.Condition) {
					found = append(found, cobra.CompletionWithDesc(e.ID.Short(), fmt.Sprintf("%s, %s: %s", e.Verb, e.Condition, terminal.OneLine(e.Reason))))
				}
			}
			for _, ev := range all.Kept {
				if kept {
					found = append(found, cobra.CompletionWithDesc(ev.ID.Short(), terminal.OneLine(ev.Code)))
				}
			}
			return found, err
		})
	}
}

// several completes another argument of the same kind as those before it.
func several(one cobra.CompletionFunc) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, begins string) ([]cobra.Completion, cobra.ShellCompDirective) {
		found, directive := one(c, nil, begins)
		found = slices.DeleteFunc(found, func(f cobra.Completion) bool {
			id, _, _ := strings.Cut(f, "\t")
			return slices.Contains(args, id)
		})
		return found, directive
	}
}

// editCompletions completes a held entry, and then the fields that it has.
func editCompletions(c *cobra.Command, args []string, begins string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return entryCompletions(isHeld, false)(c, args, begins)
	}
	var names []string
	_, directive := ask(c, nil, func(ctx context.Context, p *plan.Plan) ([]cobra.Completion, error) {
		one, err := pick(ctx, p, args[0])
		if e, entry := one.(station.EntryStatus); entry {
			names = slices.Sorted(maps.Keys(e.With))
		}
		return nil, err
	})
	if len(names) == 0 {
		return nil, directive
	}
	return fieldCompletions(names)(c, args[1:], begins)
}

// callCompletions completes one open call.
func callCompletions(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return ask(c, args, func(ctx context.Context, p *plan.Plan) (found []cobra.Completion, err error) {
		calls, err := contents.Calls(ctx, p)
		for _, call := range calls {
			found = append(found, cobra.CompletionWithDesc(call.Entry.Short(), fmt.Sprintf("%s %s", call.Source, terminal.OneLine(call.Ref))))
		}
		return found, err
	})
}

// badgeCompletions completes the name of a badge.
func badgeCompletions(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return ask(c, args, func(ctx context.Context, p *plan.Plan) (found []cobra.Completion, err error) {
		all, err := control.Dial(plan.ControlPath(p)).Badges(ctx)
		for _, b := range all {
			found = append(found, terminal.OneLine(b.Name))
		}
		return found, err
	})
}

// stationCompletions completes the name of a station of the plant, as the engine knows them, the
// one to see to first on top.
func stationCompletions(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return askFleet(c, len(args) > 0, func(ctx context.Context, f *fleetCommand) (found []cobra.Completion, err error) {
		all, err := f.kept(ctx, "")
		fleet.Order(all)
		for _, s := range all {
			found = append(found, cobra.CompletionWithDesc(s.Name, string(s.Need)))
		}
		return found, err
	})
}

// fleetRetryCompletions completes the name of a station, and then what it holds.
func fleetRetryCompletions(c *cobra.Command, args []string, begins string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return stationCompletions(c, args, begins)
	}
	return askFleet(c, len(args) > 1 || relay.CheckName(args[0]) != "", func(ctx context.Context, f *fleetCommand) (found []cobra.Completion, err error) {
		held, _, err := f.held(ctx, []fleet.Seen{{Name: args[0], Live: true, Status: fleet.Status{Held: 1}}})
		for _, h := range held {
			found = append(found, cobra.CompletionWithDesc(h.Entry.ID.Short(), fmt.Sprintf("%s: %s", h.Entry.Verb, terminal.OneLine(h.Entry.Reason))))
		}
		return found, err
	})
}

// askFleet completes an argument by what the engine of a plant has, or nothing where there is none
// to complete. Where the engine is not reached in time there is nothing to offer.
func askFleet(c *cobra.Command, none bool, of func(context.Context, *fleetCommand) ([]cobra.Completion, error)) ([]cobra.Completion, cobra.ShellCompDirective) {
	if none {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(c.Context(), completionLimit)
	defer cancel()
	answer := make(chan []cobra.Completion, 1)
	go func() { // to connect takes as long as the network lets it, and the shell waits
		f := &fleetCommand{config: c.Flag("config").Value.String(), deadline: completionLimit}
		if f.open(ctx, io.Discard) == nil {
			defer f.fleet.Close()
			if found, err := of(ctx, f); err == nil {
				answer <- found
				return
			}
		}
		answer <- nil
	}()
	select {
	case found := <-answer:
		return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	case <-ctx.Done():
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// mostOffered is how many entries a shell is offered: a person chooses among them.
const mostOffered = 100

// ask completes the only argument of a command by what the station that it means
// has. Where that cannot be asked there is nothing to offer.
func ask(c *cobra.Command, args []string, of func(context.Context, *plan.Plan) ([]cobra.Completion, error)) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(c.Context(), completionLimit)
	defer cancel()
	p, err := plan.Load(c.Flag("config").Value.String(), io.Discard)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found, err := of(ctx, p)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return found[:min(len(found), mostOffered)], cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// fieldCompletions completes FIELD=VALUE by the names that are not said yet.
func fieldCompletions(names []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var left []cobra.Completion
		for _, name := range names {
			if !slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, name+"=") }) {
				left = append(left, name+"=")
			}
		}
		return left, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveKeepOrder
	}
}
