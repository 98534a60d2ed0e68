package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"stationd/internal/exit"
	"stationd/internal/plan"
)

// UnitCommand is stationd unit.
func UnitCommand() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "unit",
		Short: "Print what the packaged unit need not allow for a configuration",
		Long: `unit prints a drop-in of the packaged unit that forbids what the configuration does not
need: keyboards where no reader types and no button is a key, HID-POS readers where there
is none, and every network address but those that are named, where all of them are named
by numbers. Where they are not, it says which is the reason.

The package's generator writes it at each boot and each systemctl daemon-reload, so that
it need not be written by hand; a reader that types needs a daemon-reload before the
restart. With a file that has faults nothing is forbidden.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, faults, err := plan.Read(path)
			if err != nil {
				return exit.With(exit.Config, err)
			}
			if len(faults) > 0 {
				return exit.With(exit.Config, fmt.Errorf("%s has faults: stationd check %s lists them", path, path))
			}
			_, err = fmt.Fprint(c.OutOrStdout(), p.DropIn())
			return exit.Wrap(err)
		},
	}
	plan.PathFlag(c.Flags(), &path)
	return c
}
