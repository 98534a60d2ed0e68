package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/exit"
	"stationd/internal/gpio"
	"stationd/internal/plan"
	"stationd/internal/station"
)

// lampsTime is how long switching all lamps off may take: the unit's stop waits for it.
const lampsTime = 5 * time.Second

// LampsCommand returns stationd lamps.
func LampsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "lamps",
		Short: "Switch the station's lamps off",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	var path string
	off := &cobra.Command{
		Use:   "off",
		Short: "Switch off the lamps and buzzers of a station that does not run",
		Long: `off makes every lamp of the configuration dark and every buzzer silent. A process that
is killed leaves them as they were, and a lamp that is lit promises something: the
packaged unit runs this whenever the station has ended. Lines that another program has
stay as they are.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			panels, err := knownPanels(path)
			if err != nil {
				return err
			}
			ended := make(chan error, 1)
			go func() { ended <- switchOff(panels) }()
			select {
			case err = <-ended:
			case <-time.After(lampsTime):
				err = fmt.Errorf("the lamps are not off after %v: the chip does not answer", lampsTime)
			}
			return exit.Wrap(err)
		},
	}
	plan.PathFlag(off.Flags(), &path)
	c.AddCommand(off)
	return c
}

// knownPanels are what a station at this configuration may have lit: the lamps of the
// configuration that was in force last, and of the file as it is now.
func knownPanels(path string) ([]gpio.Panel, error) {
	var panels []gpio.Panel
	if last := plan.ReadLastGood(path, nil); last != nil {
		panels = append(panels, last.Panel())
	}
	p, faults, err := plan.Read(path)
	if err == nil && len(faults) == 0 {
		panels = append(panels, p.Panel())
	}
	switch {
	case len(panels) > 0:
		return panels, nil
	case err != nil:
		return nil, exit.With(exit.Config, err)
	}
	return nil, exit.With(exit.Config, fmt.Errorf("%s has faults, and no other is known: nobody knows which lamps there are", path))
}

// switchOff drives every lamp and buzzer as it is at rest, one by one: a chip that is
// gone and a line that is taken keep no other one lit.
func switchOff(panels []gpio.Panel) error {
	var errs []error
	for _, p := range panels {
		for _, lamp := range p.Lamps {
			errs = append(errs, switchOne(gpio.Panel{Chips: p.Chips, Lamps: []gpio.Lamp{lamp}}))
		}
		for _, buzzer := range p.Buzzers {
			errs = append(errs, switchOne(gpio.Panel{Chips: p.Chips, Buzzers: []gpio.Buzzer{buzzer}}))
		}
	}
	return errors.Join(errs...)
}

// switchOne takes the line of what is on the panel, which drives it as it is at rest,
// and gives it back.
func switchOne(p gpio.Panel) error {
	board, err := gpio.Open(p, func(time.Time) station.Stamp { return station.Stamp{} }, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	for name, fault := range board.Faults() {
		if fault != "" {
			err = fmt.Errorf("%s: %s", name, fault)
		}
	}
	return errors.Join(err, board.Close())
}
