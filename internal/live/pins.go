package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/exit"
	"stationd/internal/gpio"
	"stationd/internal/plan"
	"stationd/internal/terminal"
)

func PinsCommand() *cobra.Command {
	var path, chip, bias string
	var asJSON, follow bool
	c := &cobra.Command{
		Use:   "pins",
		Short: "Show the levels of a GPIO chip's lines, live",
		Long: `pins shows the level of every line of the header, or of the chip named with --chip,
with the edges and glitches seen since it began, and the configured names. On a
terminal it draws a table; into a pipe or a file it writes one line a change, each
line's first level first. Ctrl-C ends it.

It takes lines that nobody has as inputs and drives none. Lines that are in use, that
are outputs, that the configuration calls lamps, or that seem to serve a bus of the
board are left alone. While stationd runs, it has the lines: --follow looks on at those
of its buttons, a line a change, without taking anything from it.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch bias {
			case "pull-up", "pull-down", "none":
			default:
				return fmt.Errorf("--bias %s: it is pull-up, pull-down or none", bias)
			}
			p, why := plan.ReadIfThere(path)
			if why != "" && c.Flags().Changed("config") {
				return exit.With(exit.Config, errors.New(why))
			}
			if follow {
				var out pinRenderer = &pinLines{w: c.OutOrStdout()}
				if asJSON {
					out = &pinJSON{json.NewEncoder(c.OutOrStdout())}
				}
				if why != "" {
					return exit.With(exit.Config, errors.New(why))
				}
				return exit.Wrap(followPins(c.Context(), p, out, c.ErrOrStderr()))
			}
			if !c.Flags().Changed("chip") {
				chip = p.Chips.Chip
			}
			var out pinRenderer = &pinLines{w: c.OutOrStdout()}
			if asJSON {
				out = &pinJSON{json.NewEncoder(c.OutOrStdout())}
			} else if rows, columns, ok := terminal.Size(c.OutOrStdout()); ok && rows > pinRows && columns >= pinColumns {
				out = &pinTable{Picture: terminal.Picture{W: terminal.Raw(c.OutOrStdout())}}
			}
			return exit.Wrap(showPins(c.Context(), p, chip, bias, out))
		},
	}
	plan.PathFlag(c.Flags(), &path)
	c.Flags().StringVar(&chip, "chip", "", "the chip's label, as in [gpio] (default the configured one, else the header's)")
	c.Flags().StringVar(&bias, "bias", "pull-up", "of lines that no configured button has: pull-up, pull-down, or none to leave it")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a change")
	c.Flags().BoolVar(&follow, "follow", false, "look on at the buttons of the running station")
	c.MarkFlagsMutuallyExclusive("follow", "chip")
	c.MarkFlagsMutuallyExclusive("follow", "bias")
	return c
}

// A Pin is one line of a chip with what the configuration says of it.
type Pin struct {
	gpio.Wire
	header int    // its place on the header; 0: it is on another chip
	name   string // configured
	at     time.Time
}

// A pinRenderer is what pins are shown on.
type pinRenderer interface {
	begin(pins []Pin) error
	change(Pin) error
	tick() error // called ten times a second
}

// showPins watches the lines of a chip until ctx is done.
func showPins(ctx context.Context, p *plan.Plan, chip, bias string, out pinRenderer) (err error) {
	watch, err := watchPins(ctx, p, chip, bias)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, watch.Close()) }()

	names := names(p, chip)
	name := func(w gpio.Wire) Pin {
		shown := Pin{Wire: w, name: names[w.Pin], at: time.Now()}
		if watch.Header {
			shown.header = HeaderPin(w.Pin)
		}
		return shown
	}
	var pins []Pin
	for _, w := range watch.Wires() {
		pins = append(pins, name(w))
	}
	if err := out.begin(pins); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var ticking sync.WaitGroup
	var mu sync.Mutex // one of the two writes at a time
	write := func(do func() error) {
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
				write(out.tick)
			}
		}
	})
	err = watch.Run(ctx, func(w gpio.Wire) { write(func() error { return out.change(name(w)) }) })
	stop(nil)
	ticking.Wait()
	if cause := context.Cause(ctx); err == nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	write(out.tick)
	return err
}

// watchPins opens the lines of a chip, unless a station has them.
func watchPins(ctx context.Context, p *plan.Plan, chip, bias string) (*gpio.Watch, error) {
	if !p.Panel().Empty() && p.Running(ctx) {
		return nil, fmt.Errorf("station %s: the lines are in use by %w; %s; or look on with stationd pins --follow", p.Station.Name, ErrHeld, plan.StopFirst)
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

// ErrHeld is wrapped by the error that says that a running station has the lines.
var ErrHeld = errors.New("a station that is running")

// HeldByStation returns an error when another stationd has lines of a chip.
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
	return fmt.Errorf("%s: in use by %s, %w", strings.Join(held, ", "), holder, ErrHeld)
}

// names are the configured names of a chip's lines.
func names(p *plan.Plan, chip string) map[int]string {
	names := make(map[int]string)
	on := func(its string, pin int, name string) {
		if its == "" && chip == p.Chips.Chip || its == chip {
			names[pin] = name
		}
	}
	for _, b := range p.Buttons {
		on(b.Chip, b.Pin, b.Name)
		if b.PinNC != nil {
			on(b.Chip, *b.PinNC, b.Name+" (nc)")
		}
	}
	for _, l := range p.Lamps {
		on(l.Chip, l.Pin, l.Name)
	}
	for _, b := range p.Buzzers {
		on(b.Chip, b.Pin, b.Name)
	}
	return names
}

// HeaderPin returns where a GPIO number is on the 40-pin header; 0 for none.
func HeaderPin(number int) int {
	places := [...]int{27, 28, 3, 5, 7, 29, 31, 26, 24, 21, 19, 23, 32, 33, 8, 10, 36, 11, 12, 35, 38, 40, 15, 16, 18, 22, 37, 13}
	if number < 0 || number >= len(places) {
		return 0
	}
	return places[number]
}

// Word is a level's word; none for a line that is left alone.
func (p Pin) Word() string {
	switch {
	case p.Skipped != "":
		return ""
	case p.High:
		return "high"
	}
	return "low"
}

// Called is what a person calls the line.
func (p Pin) Called() string {
	if p.Name == "" {
		return fmt.Sprintf("line %d", p.Pin)
	}
	return p.Name
}

// about is what else there is to say of the line.
func (p Pin) about() string {
	switch {
	case p.Skipped != "" && p.name != "":
		return p.name + " (" + p.Skipped + ")"
	case p.Skipped != "":
		return p.Skipped
	}
	return p.name
}

// pinLines is one line of text a change.
type pinLines struct{ w io.Writer }

func (l *pinLines) begin(pins []Pin) error {
	for _, p := range pins {
		if err := l.change(p); err != nil {
			return err
		}
	}
	return nil
}

func (l *pinLines) change(p Pin) error {
	level := p.Word()
	if level == "" {
		level = "-"
	}
	line := fmt.Sprintf("%s %-7s %-4s edges %d glitches %d %s", p.at.Format("15:04:05.000"), p.Called(), level, p.Edges, p.Glitches, p.about())
	_, err := fmt.Fprintln(l.w, strings.TrimRight(line, " "))
	return err
}

func (l *pinLines) tick() error { return nil }

// pinJSON is one JSON object a change.
type pinJSON struct{ to *json.Encoder }

func (j *pinJSON) begin(pins []Pin) error {
	for _, p := range pins {
		if err := j.change(p); err != nil {
			return err
		}
	}
	return nil
}

func (j *pinJSON) change(p Pin) error {
	return j.to.Encode(struct {
		At       time.Time `json:"at"`
		Pin      int       `json:"pin"`
		Line     string    `json:"line"`
		Header   int       `json:"header,omitempty"`
		Name     string    `json:"name,omitempty"`
		Level    string    `json:"level,omitempty"`
		Edges    int       `json:"edges"`
		Glitches int       `json:"glitches"`
		Left     string    `json:"left,omitempty"`
	}{p.at, p.Pin, p.Called(), p.header, p.name, p.Word(), p.Edges, p.Glitches, p.Skipped})
}

func (j *pinJSON) tick() error { return nil }

// pinLegend stands above the table.
const pinLegend = `pin: place on the header. edges: changes seen. glch: glitches, changes that
were too short to count. Ctrl-C ends this.
`

// The size of the table: two halves of 39 columns beside each other, and the rows
// of a full header with the heading and the legend.
const (
	pinColumns = 80
	pinRows    = 16
)

// pinTable is a table that is drawn again where it stands.
type pinTable struct {
	terminal.Picture
	pins    []Pin
	changed bool
}

func (t *pinTable) begin(pins []Pin) error {
	t.pins, t.changed = pins, true
	if _, err := io.WriteString(t.W, pinLegend); err != nil {
		return err
	}
	return t.tick()
}

func (t *pinTable) change(p Pin) error {
	for i := range t.pins {
		if t.pins[i].Pin == p.Pin {
			t.pins[i], t.changed = p, true
		}
	}
	return nil
}

func (t *pinTable) tick() error {
	if !t.changed {
		return nil
	}
	t.changed = false
	const head = "line   pin level edges glch name       "
	lines := []string{head + " " + strings.TrimRight(head, " ")}
	half := (len(t.pins) + 1) / 2
	for i := range half {
		line := t.half(t.pins[i])
		if i+half < len(t.pins) {
			line += " " + t.half(t.pins[i+half])
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return t.Draw(lines)
}

func (t *pinTable) half(p Pin) string {
	header := ""
	if p.header > 0 {
		header = fmt.Sprint(p.header)
	}
	if p.Skipped != "" {
		return fmt.Sprintf("%s %3s %s", terminal.Fit(p.Called(), 6), header, terminal.Fit(p.about(), 28))
	}
	return fmt.Sprintf("%s %3s %-5s %5d %4d %s", terminal.Fit(p.Called(), 6), header, p.Word(), p.Edges, p.Glitches, terminal.Fit(p.name, 11))
}
