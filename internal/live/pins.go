package live

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/exit"
	"stationd/internal/gpio"
	"stationd/internal/plan"
	"stationd/internal/terminal"
)

// PinsCommand returns the command pins. Its error carries an exit code.
func PinsCommand() *cobra.Command {
	var path, chip, bias string
	var asJSON, follow bool
	c := &cobra.Command{
		Use:   "pins",
		Short: "Show the levels of a GPIO chip's lines, live",
		Long: `pins shows the level of every line of the header, or of the chip given with --chip,
the edges and glitches since it began, and the configured names. On a terminal it draws
a table; into a pipe or a file it writes a line for each change, after one for the first
level of each. Ctrl-C ends it.

It opens free lines as inputs and drives none. It skips lines that are in use, that are
outputs, that the configuration names as lamps, or that seem to belong to a bus of the
board. A running stationd has the lines open: --follow shows those of its buttons, a line
for each change, without disturbing it.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch bias {
			case "pull-up", "pull-down", "none":
			default:
				return fmt.Errorf("--bias %s: choose pull-up, pull-down or none", bias)
			}
			p, problem := plan.ReadIfThere(path)
			if problem != "" && (follow || c.Flags().Changed("config")) {
				return exit.With(exit.Config, errors.New(problem))
			}
			var out pinRenderer = pinText(c.OutOrStdout())
			rows, columns, isTerminal := terminal.Size(c.OutOrStdout())
			switch {
			case asJSON:
				out = pinJSON(c.OutOrStdout())
			case isTerminal && !follow && rows > pinRows && columns >= pinColumns:
				out = &pinTable{Picture: terminal.Picture{W: terminal.Raw(c.OutOrStdout())}}
			}
			if follow {
				return exit.Wrap(followPins(c.Context(), p, out, c.ErrOrStderr()))
			}
			if !c.Flags().Changed("chip") {
				chip = p.Chips.Chip
			}
			return exit.Wrap(showPins(c.Context(), p, chip, bias, out))
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().StringVar(&chip, "chip", "", "the chip's label, as in [gpio] (default the configured one, else the header's)")
	c.Flags().StringVar(&bias, "bias", "pull-up", "bias of lines without a configured button: pull-up, pull-down, or none to leave it unchanged")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: one object per change")
	c.Flags().BoolVar(&follow, "follow", false, "watch the buttons of the running station")
	c.MarkFlagsMutuallyExclusive("follow", "chip")
	c.MarkFlagsMutuallyExclusive("follow", "bias")
	return c
}

// showPins watches the lines of a chip until ctx is done.
func showPins(ctx context.Context, p *plan.Plan, chip, bias string, out pinRenderer) (err error) {
	watch, err := watchPins(ctx, p, chip, bias)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, watch.Close()) }()

	configured := lineNames(p, chip)
	pinOf := func(w gpio.Wire) Pin {
		shown := Pin{Wire: w, name: configured[w.Pin], at: time.Now()}
		if watch.Header {
			shown.header = HeaderPin(w.Pin)
		}
		return shown
	}
	var pins []Pin
	for _, w := range watch.Wires() {
		pins = append(pins, pinOf(w))
	}
	if err := out.begin(pins); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var ticking sync.WaitGroup
	var mu sync.Mutex // guards out: ticks and changes come from two goroutines
	locked := func(do func() error) {
		mu.Lock()
		defer mu.Unlock()
		if err := do(); err != nil {
			stop(err)
		}
	}
	ticking.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				locked(out.tick)
			}
		}
	})
	err = watch.Run(ctx, func(w gpio.Wire) { locked(func() error { return out.change(pinOf(w)) }) })
	stop(nil)
	ticking.Wait()
	if cause := context.Cause(ctx); err == nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	locked(out.tick)
	return err
}

// watchPins opens the lines of a chip, unless a station has them open.
func watchPins(ctx context.Context, p *plan.Plan, chip, bias string) (*gpio.Watch, error) {
	if !p.Panel().Empty() && p.Running(ctx) {
		return nil, fmt.Errorf("station %s: the lines are in use by %w; %s; or watch them with stationd pins --follow", p.Station.Name, ErrHeldByStation, plan.StopFirst)
	}
	wires, err := gpio.Survey(chip)
	if err != nil {
		return nil, err
	}
	if err := HeldByStation(wires); err != nil {
		return nil, fmt.Errorf("%w; %s", err, plan.StopFirst)
	}
	return gpio.OpenWatch(chip, p.Panel(), bias)
}

// lineNames returns the configured names of a chip's lines, by line.
func lineNames(p *plan.Plan, chip string) map[int]string {
	names := make(map[int]string)
	add := func(lineChip string, pin int, name string) {
		if lineChip == "" && chip == p.Chips.Chip || lineChip == chip {
			names[pin] = name
		}
	}
	for _, b := range p.Buttons {
		add(b.Chip, b.Pin, b.Name)
		if b.PinNC != nil {
			add(b.Chip, *b.PinNC, b.Name+" (nc)")
		}
	}
	for _, l := range p.Lamps {
		add(l.Chip, l.Pin, l.Name)
	}
	for _, b := range p.Buzzers {
		add(b.Chip, b.Pin, b.Name)
	}
	return names
}

// A Pin is a line of a chip, with its configured name.
type Pin struct {
	gpio.Wire
	header int    // its pin on the 40-pin header; 0: it is not on it
	name   string // configured
	at     time.Time
}

// Label returns the name by which a person knows the line: GPIO17, or line 3.
func (p Pin) Label() string {
	if p.Name == "" {
		return fmt.Sprintf("line %d", p.Pin)
	}
	return p.Name
}

// Level returns "high" or "low", and "" for a line that was skipped.
func (p Pin) Level() string {
	switch {
	case p.Skipped != "":
		return ""
	case p.High:
		return "high"
	}
	return "low"
}

// note returns the configured name of the line and why it was skipped.
func (p Pin) note() string {
	switch {
	case p.Skipped != "" && p.name != "":
		return p.name + " (" + p.Skipped + ")"
	case p.Skipped != "":
		return p.Skipped
	}
	return p.name
}

// ErrHeldByStation is wrapped by errors that say that a running station has the lines open.
var ErrHeldByStation = errors.New("a station that is running")

// HeldByStation returns an error that wraps ErrHeldByStation and names the lines, when a
// stationd has some of them open.
func HeldByStation(wires []gpio.Wire) error {
	var held []string
	var holder string
	for _, w := range wires {
		if w.HeldByStation() {
			held, holder = append(held, w.Name), w.Holder
		}
	}
	if held == nil {
		return nil
	}
	return fmt.Errorf("%s: in use by %s, %w", strings.Join(held, ", "), holder, ErrHeldByStation)
}

// HeaderPin returns the pin of the 40-pin header that has a GPIO number; 0 for none.
func HeaderPin(number int) int {
	pins := [...]int{27, 28, 3, 5, 7, 29, 31, 26, 24, 21, 19, 23, 32, 33, 8, 10, 36, 11, 12, 35, 38, 40, 15, 16, 18, 22, 37, 13}
	if number < 0 || number >= len(pins) {
		return 0
	}
	return pins[number]
}
