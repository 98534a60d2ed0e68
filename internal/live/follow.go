package live

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"stationd/internal/control"
	"stationd/internal/gpio"
	"stationd/internal/plan"
	"stationd/internal/scanner"
	"stationd/internal/station"
	"stationd/internal/terminal"
)

// An Update is what the control socket of a running station sends to pins --follow and
// scans --follow: a scan, an input that changed, or the status of a device.
type Update struct {
	Scan   *Scan       `json:"scan,omitempty"`
	Input  *gpio.Input `json:"input,omitempty"`
	Source string      `json:"source,omitempty"` // the device, with Status
	Status string      `json:"said,omitempty"`   // what is wrong with it; "" is ready
}

// A Scan is a scan that the running station got, with what it did with it.
type Scan struct {
	Raw    []byte        `json:"raw"`
	Repeat bool          `json:"repeat,omitempty"`
	Event  station.Event `json:"event"`
	Result string        `json:"came,omitempty"` // recorded, refused, or why it is not recorded
}

// follow calls handle with each update of a topic, scans or pins, from the running station,
// until ctx is done; an error of handle ends it.
func follow(ctx context.Context, p *plan.Plan, topic string, handle func(Update) error) error {
	err := control.Dial(plan.ControlPath(p)).Follow(ctx, topic, func(text json.RawMessage) error {
		var update Update
		if err := json.Unmarshal(text, &update); err != nil {
			return fmt.Errorf("the running station sends what this version cannot read: %w", err)
		}
		return handle(update)
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("station %s: %w", p.Station.Name, err)
	}
	return nil
}

// followScans prints the scans of the running station.
func followScans(ctx context.Context, p *plan.Plan, show func(ScanReport) error, stderr io.Writer) error {
	return follow(ctx, p, "scans", func(update Update) error {
		if update.Scan == nil {
			printStatus(stderr, update)
			return nil
		}
		frame := scanner.Frame{Raw: update.Scan.Raw, Repeat: update.Scan.Repeat, Event: update.Scan.Event}
		meaning := explain(p.Program, frame.Event)
		s := ScanReport{Frame: frame, GS1: findGS1(frame.Event, frame.Raw), Meaning: &meaning, Result: update.Scan.Result}
		if i := slices.IndexFunc(p.Scanners, func(c scanner.Config) bool { return c.Name == frame.Event.Source }); i >= 0 {
			s.Steps = scanner.Explain(p.Scanners[i], frame.Raw)
		}
		return show(s)
	})
}

// followPins prints the changes of the lines of the running station's buttons.
func followPins(ctx context.Context, p *plan.Plan, out pinRenderer, stderr io.Writer) error {
	return follow(ctx, p, "pins", func(update Update) error {
		input := update.Input
		if input == nil {
			printStatus(stderr, update)
			return nil
		}
		pin := Pin{Wire: gpio.Wire{Pin: input.Pin, Name: input.Key, High: input.High, Edges: input.Edges, Glitches: input.Glitches}, name: input.Button, at: input.At}
		if input.Key == "" && (input.Chip == "" || HeaderPin(input.Pin) > 0 && strings.HasPrefix(input.Chip, "sim:")) {
			pin.Name, pin.header = fmt.Sprintf("GPIO%d", input.Pin), HeaderPin(input.Pin)
		}
		return out.change(pin)
	})
}

// printStatus prints what is wrong with a device, or that it is ready again.
func printStatus(w io.Writer, update Update) {
	status := update.Status
	if status == "" {
		status = "ready"
	}
	if update.Source != "" && !strings.Contains(status, update.Source) {
		status = update.Source + ": " + status
	}
	fmt.Fprintln(w, terminal.Wrap(terminal.Visible(status), 2))
}
