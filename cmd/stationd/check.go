package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "Say everything that is wrong with a configuration file",
		Long: `check reads a configuration as run would, opens nothing, and reports every fault
at once, each with its line and column. It exits with 78 when there is one. A warning
is no fault: the file is taken, and may not be what was meant.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path := defaultConfig
			if len(args) == 1 {
				path = args[0]
			}
			p, err := load(path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			for _, w := range p.warnings {
				w.Text = "warning: " + w.Text
				fmt.Fprintln(c.ErrOrStderr(), w)
				if w.Detail != "" {
					fmt.Fprintln(c.ErrOrStderr(), w.Detail)
				}
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: station %s, %s, %s, %s, %s: no faults\n", path, p.station.Name,
				counted(len(p.buttons)+len(p.scanners), "input"), counted(len(p.lamps), "lamp"),
				counted(len(p.vendors), "backend"), counted(len(p.program.Bindings), "binding"))
			return nil
		},
	}
}
