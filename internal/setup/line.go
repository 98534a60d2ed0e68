package setup

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"stationd/internal/gpio"
	"stationd/internal/live"
	"stationd/internal/plan"
)

// A gpioLine is a line of a GPIO chip, as the configuration names it.
type gpioLine struct {
	Chip   string // empty: the chip of [gpio]
	Pin    int
	Header int // its pin on the 40-pin header; 0: it is not on it
}

// String names the line for people.
func (l gpioLine) String() string {
	switch {
	case l.Header > 0:
		return fmt.Sprintf("GPIO%d (header pin %d)", l.Pin, l.Header)
	case l.Chip != "":
		return fmt.Sprintf("line %d of chip %s", l.Pin, l.Chip)
	}
	return fmt.Sprintf("line %d", l.Pin)
}

// chipOf returns the name by which the chip of a line is opened.
func (s *setup) chipOf(w gpioLine) string {
	if w.Chip != "" {
		return w.Chip
	}
	return s.Chip
}

// chipByLabel returns the name by which a chip with a label is opened: the chip of [gpio] has
// one name only, however a person calls it.
func (s *setup) chipByLabel(label string) string {
	if label == s.chipLabel {
		return s.Chip
	}
	return label
}

// lineOn returns a line of the chip that was opened by a name.
func (s *setup) lineOn(chip string, w gpio.Wire) gpioLine {
	p := gpioLine{Pin: w.Pin}
	if chip != s.Chip {
		p.Chip = chip
	}
	if w.Name == fmt.Sprintf("GPIO%d", w.Pin) { // the kernel's names for the header
		p.Header = live.HeaderPin(w.Pin)
	}
	return p
}

// sameLine reports whether a and b are the same line.
func (s *setup) sameLine(a, b gpioLine) bool { return a.Pin == b.Pin && s.chipOf(a) == s.chipOf(b) }

// userOf returns what the draft uses a line for, such as "button help"; "" for nothing.
func (s *setup) userOf(w gpioLine) string {
	same := func(other gpioLine) bool { return s.sameLine(other, w) }
	for _, b := range s.Buttons {
		if same(b.gpioLine) || b.NC != nil && same(*b.NC) {
			return "button " + b.Name
		}
	}
	if lamp := s.lampAt(w); lamp != "" {
		return "lamp " + lamp
	}
	for _, b := range s.Buzzers {
		if same(b.gpioLine) {
			return "buzzer " + b.Name
		}
	}
	return ""
}

// protectedPanel returns the lamps and buzzers whose lines must not be watched: those of the
// packaged configuration, and those of the draft.
func (s *setup) protectedPanel() gpio.Panel {
	configured := s.packaged.Panel()
	panel := gpio.Panel{Chips: configured.Chips, Lamps: slices.Clone(configured.Lamps), Buzzers: configured.Buzzers}
	for _, l := range slices.Concat(s.Lamps, s.Buzzers) {
		panel.Lamps = append(panel.Lamps, gpio.Lamp{Name: l.Name, Pin: l.Pin, Chip: s.chipOf(l.gpioLine)})
	}
	return panel
}

// checkAvailable returns why the lines of a chip cannot be opened: the chip is missing, or a
// running station has them open.
func (s *setup) checkAvailable(chip string) error {
	if p := s.packaged; chip == p.Chips.Chip && !p.Panel().Empty() && p.Running(s.ctx) {
		return fmt.Errorf("station %s: the lines are in use by %w; %s", p.Station.Name, live.ErrHeldByStation, plan.StopFirst)
	}
	wires, err := gpio.Survey(chip)
	if err != nil {
		return err
	}
	if err := live.HeldByStation(wires); err != nil {
		return fmt.Errorf("%w; %s", err, plan.StopFirst)
	}
	return nil
}

var linePattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:GPIO)?(\d{1,3})(?: on (\S+))?$`) })

// freeLine returns the line that an answer names, such as 22, which is on chip, or 3 on
// mcp23017. It is an error when that is not a free line; the line is returned with it where
// it exists.
func (s *setup) freeLine(answer, chip string) (gpioLine, error) {
	m := linePattern().FindStringSubmatch(answer)
	if m == nil {
		return gpioLine{}, errors.New("type a number such as 22 for GPIO22, or 3 on LABEL for another chip")
	}
	number, err := strconv.Atoi(m[1])
	if err != nil {
		return gpioLine{}, err
	}
	if m[2] != "" {
		chip = s.chipByLabel(m[2])
	}
	wires, err := gpio.Survey(chip)
	if err != nil {
		return gpioLine{}, err
	}
	i := slices.IndexFunc(wires, func(w gpio.Wire) bool { return w.Pin == number })
	if i < 0 {
		where := "the header"
		if chip != "" {
			where = "chip " + chip
		}
		return gpioLine{}, fmt.Errorf("%s has no usable line %d", where, number)
	}
	line := s.lineOn(chip, wires[i])
	if user := s.userOf(line); user != "" {
		return line, fmt.Errorf("%s is %s", line, user)
	}
	if wires[i].Holder != "" {
		return line, fmt.Errorf("%s is %s", line, wires[i].Skipped)
	}
	return line, nil
}
