package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/control"
	"stationd/internal/exit"
	"stationd/internal/plan"
)

// reloadTime is how long the running station may take to take its configuration up:
// less than systemd waits for it.
const reloadTime = time.Minute

// ReloadCommand returns stationd reload.
func ReloadCommand() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "reload",
		Short: "Reload the configuration of the running station, and report the result",
		Long: `reload has the running station read its configuration again, and waits until that is
done. Where the file has faults, or a change that needs a restart, nothing of it is
taken up: each is printed, the station says so on its page and lamp until a reload is
taken up, and reload exits with 78. systemctl reload stationd runs it.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), reloadTime)
			defer cancel()
			faults, err := control.Dial(plan.ControlPathOf(path)).Reload(ctx)
			switch {
			case errors.Is(err, control.ErrUnanswered):
				return exit.Wrap(fmt.Errorf("nobody knows whether the configuration was taken up: %w; reload again", err))
			case err != nil:
				return exit.Wrap(fmt.Errorf("the station was not reloaded: %w", err))
			}
			for _, fault := range faults {
				fmt.Fprintln(c.ErrOrStderr(), fault)
			}
			if len(faults) > 0 {
				return exit.With(exit.Config, errors.New("nothing was taken up: the configuration in force stays as it was"))
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is in force\n", path)
			return nil
		},
	}
	plan.PathFlag(c.Flags(), &path)
	return c
}
