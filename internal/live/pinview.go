package live

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"stationd/internal/terminal"
)

// A pinRenderer prints pins: as a table, or a line or JSON object for each change. It is
// called by one goroutine at a time.
type pinRenderer interface {
	begin(pins []Pin) error
	change(Pin) error
	tick() error // called ten times a second
}

// A pinStream prints a pin at the beginning and at each change.
type pinStream func(Pin) error

func (f pinStream) begin(pins []Pin) error {
	for _, p := range pins {
		if err := f(p); err != nil {
			return err
		}
	}
	return nil
}

func (f pinStream) change(p Pin) error { return f(p) }

func (f pinStream) tick() error { return nil }

// pinText returns a pinStream of lines of text.
func pinText(w io.Writer) pinStream {
	return func(p Pin) error {
		level := p.Level()
		if level == "" {
			level = "-"
		}
		line := fmt.Sprintf("%s %-7s %-4s edges %d glitches %d %s", p.at.Format("15:04:05.000"), p.Label(), level, p.Edges, p.Glitches, p.note())
		_, err := fmt.Fprintln(w, strings.TrimRight(line, " "))
		return err
	}
}

// pinJSON returns a pinStream of JSON objects.
func pinJSON(w io.Writer) pinStream {
	return func(p Pin) error {
		return json.NewEncoder(w).Encode(struct {
			At       time.Time `json:"at"`
			Pin      int       `json:"pin"`
			Line     string    `json:"line"`
			Header   int       `json:"header,omitempty"`
			Name     string    `json:"name,omitempty"`
			Level    string    `json:"level,omitempty"`
			Edges    int       `json:"edges"`
			Glitches int       `json:"glitches"`
			Left     string    `json:"left,omitempty"`
		}{p.at, p.Pin, p.Label(), p.header, p.name, p.Level(), p.Edges, p.Glitches, p.Skipped})
	}
}

// pinLegend explains the columns, above the table.
const pinLegend = `pin: place on the header. edges: changes seen. glch: glitches, changes that
were too short to count. Press Ctrl-C to stop.
`

// The size of the table: two halves of 39 columns beside each other, and the rows
// of a full header with the heading and the legend.
const (
	pinColumns = 80
	pinRows    = 16
)

// A pinTable draws a table over its earlier self, at most ten times a second.
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
		line := t.cell(t.pins[i])
		if i+half < len(t.pins) {
			line += " " + t.cell(t.pins[i+half])
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return t.Draw(lines)
}

// cell is half a row: one line of the chip.
func (t *pinTable) cell(p Pin) string {
	header := ""
	if p.header > 0 {
		header = fmt.Sprint(p.header)
	}
	if p.Skipped != "" {
		return fmt.Sprintf("%s %3s %s", terminal.Fit(p.Label(), 6), header, terminal.Fit(p.note(), 28))
	}
	return fmt.Sprintf("%s %3s %-5s %5d %4d %s", terminal.Fit(p.Label(), 6), header, p.Level(), p.Edges, p.Glitches, terminal.Fit(p.name, 11))
}
