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

// A Line is one line of what a station shows to who looks on.
type Line struct {
	Scan   *Scan       `json:"scan,omitempty"`
	Input  *gpio.Input `json:"input,omitempty"`
	Source string      `json:"source,omitempty"` // with Said
	Said   string      `json:"said,omitempty"`   // what is wrong with it
}

// A Scan is a scan that the station has taken.
type Scan struct {
	Raw    []byte        `json:"raw"`
	Repeat bool          `json:"repeat,omitempty"`
	Event  station.Event `json:"event"`
	Came   string        `json:"came,omitempty"` // what came of it
}

// followed hands over what the running station of a plan shows until ctx is done.
func followed(p *plan.Plan, ctx context.Context, what string, each func(Line) error) error {
	err := control.Dial(plan.ControlPath(p)).Follow(ctx, what, func(text json.RawMessage) error {
		var line Line
		if err := json.Unmarshal(text, &line); err != nil {
			return fmt.Errorf("the station says what this version does not read: %w", err)
		}
		return each(line)
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("station %s: %w", p.Station.Name, err)
	}
	return nil
}

// followScans shows what the readers of the running station send.
func followScans(ctx context.Context, p *plan.Plan, out ScanRenderer, stderr io.Writer) error {
	return followed(p, ctx, "scans", func(line Line) error {
		if line.Scan == nil {
			sayOfSource(stderr, line)
			return nil
		}
		frame := scanner.Frame{Raw: line.Scan.Raw, Repeat: line.Scan.Repeat, Event: line.Scan.Event}
		m := explain(p.Program, frame.Event)
		s := ScanReport{Frame: frame, Found: FindGS1(frame.Event, frame.Raw), Means: &m, Came: line.Scan.Came}
		if i := slices.IndexFunc(p.Scanners, func(r scanner.Config) bool { return r.Name == frame.Event.Source }); i >= 0 {
			s.How = scanner.Explain(p.Scanners[i], frame.Raw)
		}
		return out.Show(s)
	})
}

// followPins shows the lines of the buttons of the running station.
func followPins(ctx context.Context, p *plan.Plan, out pinRenderer, stderr io.Writer) error {
	return followed(p, ctx, "pins", func(line Line) error {
		in := line.Input
		if in == nil {
			sayOfSource(stderr, line)
			return nil
		}
		shown := Pin{Wire: gpio.Wire{Pin: in.Pin, Name: in.Key, High: in.High, Edges: in.Edges, Glitches: in.Glitches}, name: in.Button, at: in.At}
		if in.Key == "" && (in.Chip == "" || HeaderPin(in.Pin) > 0 && strings.HasPrefix(in.Chip, "sim:")) {
			shown.Name, shown.header = fmt.Sprintf("GPIO%d", in.Pin), HeaderPin(in.Pin)
		}
		return out.change(shown)
	})
}

// sayOfSource says what is wrong with a device, or is no more.
func sayOfSource(w io.Writer, line Line) {
	said := line.Said
	if said == "" {
		said = "ready"
	}
	if line.Source != "" && !strings.Contains(said, line.Source) {
		said = line.Source + ": " + said
	}
	fmt.Fprintln(w, terminal.Wrap(terminal.Visible(said), 2))
}
