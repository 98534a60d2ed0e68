package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/exit"
	"stationd/internal/gpio"
	"stationd/internal/plan"
	"stationd/internal/station"
)

// lampsTime is how long switching all lamps off may take: the unit's stop waits for it.
const lampsTime = 5 * time.Second

// failureTime is how long the lamps of a station that did not stop in order blink before
// its next start: the unit has no other pause between the two.
const failureTime = 2 * time.Second

// LampsCommand returns stationd lamps.
func LampsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "lamps",
		Short: "Switch the lamps of a station that does not run",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	var path string
	off := &cobra.Command{
		Use:   "off",
		Short: "Switch off the lamps and buzzers of a station that does not run",
		Long: `off makes every lamp of the configuration dark and every buzzer silent. A process that
is killed leaves them as they were, and a lamp that is lit promises something: the
packaged unit runs this whenever the station has ended. Where systemd says that it did
not stop in order, the lamps blink quickly for two seconds first, which is the pause
before the next start. Lines that another program has stay as they are.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			panels, err := knownPanels(path)
			if err != nil {
				return err
			}
			if result := os.Getenv("SERVICE_RESULT"); result != "" && result != "success" {
				ctx, cancel := context.WithTimeout(c.Context(), failureTime)
				_ = blink(ctx, panels[0]) // what cannot blink is dark
				cancel()
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
	failed := &cobra.Command{
		Use:   "failed",
		Short: "Let the lamps of a station that has given up blink quickly",
		Long: `failed lets every lamp of the configuration blink quickly until it is ended, and switches
them off then: nothing is recorded, and somebody must look. The packaged unit runs this
when the station has ended with a fault that another start does not mend.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			panels, err := knownPanels(path)
			if err != nil {
				return err
			}
			return exit.Wrap(blink(c.Context(), panels[0]))
		},
	}
	plan.PathFlag(failed.Flags(), &path)
	c.AddCommand(posterCommand(), off, failed)
	return c
}

// blink lets every lamp of a panel blink quickly until ctx is done, and drives them dark
// then. A chip that is not there keeps the lamps of no other from it.
func blink(ctx context.Context, panel gpio.Panel) error {
	var loops sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for _, p := range panel.ByChip() {
		p.Buttons, p.Buzzers = nil, nil
		if p.Empty() {
			continue
		}
		loops.Go(func() {
			err := blinkChip(ctx, p)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	loops.Wait()
	return errors.Join(errs...)
}

// blinkChip is blink for what is wired to one chip.
func blinkChip(ctx context.Context, p gpio.Panel) error {
	board, err := gpio.Open(p, func(time.Time) station.Stamp { return station.Stamp{} }, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	lights := make(map[string]station.Light)
	for _, lamp := range p.Lamps {
		lights[lamp.Name] = station.Quick
	}
	board.Show(lights)
	err = board.RunLamps(ctx)
	return errors.Join(err, board.Close())
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
