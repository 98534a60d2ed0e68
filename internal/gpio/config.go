package gpio

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Chips is the [gpio] table.
type Chips struct {
	// Chip names the chip of every button and lamp that names none: its label, or
	// LABEL@PARENT where two chips carry the same label, or sim:PATH in the demo.
	// Empty: the header chip of a known Raspberry Pi, else the only chip there is.
	Chip string `toml:"chip"`
}

// Button is one [[button]] table. Zero values stand for the defaults named at
// each field.
type Button struct {
	Name     string        `toml:"name"`     // the source of its events
	Pin      int           `toml:"pin"`      // 17 is the line called GPIO17, else the line at offset 17
	Active   string        `toml:"active"`   // the level of a pressed button: low (default) or high
	Bias     string        `toml:"bias"`     // pull-up (default where active is low), pull-down (where it is high), none
	Debounce time.Duration `toml:"debounce"` // a contact that stays closed this long is a press; 30 ms
	Hold     time.Duration `toml:"hold"`     // a button kept down this long is held; 2 s
	Lamp     string        `toml:"lamp"`     // the lamp that answers it; read by whoever decides the lights
	Chip     string        `toml:"chip"`     // where it is not the chip of [gpio]
	Latch    bool          `toml:"latch"`    // its second press ends the call; read by whoever decides

	// HoldBound says that a binding waits for the button's hold. Then a press is
	// told only at release, before the hold time, and a hold replaces it. It
	// follows from the bindings and not from the table.
	HoldBound bool `toml:"-"`
}

// Lamp is one [[lamp]] table.
type Lamp struct {
	Name   string `toml:"name"`
	Pin    int    `toml:"pin"`
	Active string `toml:"active"` // the level that lights it: high (default) or low
	Chip   string `toml:"chip"`   // where it is not the chip of [gpio]
}

// The defaults and limits. The sources are in the package's documentation.
const (
	defaultDebounce = 30 * time.Millisecond
	minDebounce     = 5 * time.Millisecond
	maxDebounce     = 250 * time.Millisecond
	defaultHold     = 2 * time.Second

	lastPin = 27 // the highest GPIO number on the 40-pin header of every Raspberry Pi
)

const (
	low      = "low"
	high     = "high"
	pullUp   = "pull-up"
	pullDown = "pull-down"
	noBias   = "none"
)

// withDefaults returns the button with every default filled in.
func (b Button) withDefaults(chips Chips) Button {
	if b.Chip == "" {
		b.Chip = chips.Chip
	}
	if b.Active == "" {
		b.Active = low
	}
	if b.Bias == "" {
		b.Bias = pullUp
		if b.Active == high {
			b.Bias = pullDown
		}
	}
	if b.Debounce == 0 {
		b.Debounce = defaultDebounce
	}
	if b.Hold == 0 {
		b.Hold = defaultHold
	}
	return b
}

// withDefaults returns the lamp with every default filled in.
func (l Lamp) withDefaults(chips Chips) Lamp {
	if l.Chip == "" {
		l.Chip = chips.Chip
	}
	if l.Active == "" {
		l.Active = high
	}
	return l
}

// Check reports every fault of the three tables: the table's name (button or
// lamp), its place counted from 0, the key at fault and what to do about it. It
// looks at nothing but its arguments; whether the chips are there shows at Open.
func Check(chips Chips, buttons []Button, lamps []Lamp, fault func(table string, index int, key, text string)) {
	users := make(map[line]string)
	names := make(map[string]bool)
	for i, b := range buttons {
		c := checker{table: "button", index: i, fault: fault}
		b = b.withDefaults(chips)
		c.name(b.Name, names)
		c.pin(line{b.Chip, b.Pin}, b.Name, users)
		c.oneOf("active", b.Active, low, high)
		c.oneOf("bias", b.Bias, pullUp, pullDown, noBias)
		c.times(b)
	}
	names = make(map[string]bool)
	for i, l := range lamps {
		c := checker{table: "lamp", index: i, fault: fault}
		l = l.withDefaults(chips)
		c.name(l.Name, names)
		c.pin(line{l.Chip, l.Pin}, l.Name, users)
		c.oneOf("active", l.Active, high, low)
	}
}

// A line is one pin of one chip, as configured.
type line struct {
	chip string
	pin  int
}

// A checker looks at one table.
type checker struct {
	table string
	index int
	fault func(table string, index int, key, text string)
}

func (c checker) complain(key, format string, args ...any) {
	c.fault(c.table, c.index, key, fmt.Sprintf(format, args...))
}

func (c checker) name(name string, taken map[string]bool) {
	switch {
	case name == "":
		c.complain("name", "the %s has no name; give it one", c.table)
	case taken[name]:
		c.complain("name", "another %s is called %q already; names are told apart", c.table, name)
	}
	taken[name] = true
}

func (c checker) pin(l line, name string, users map[line]string) {
	user := fmt.Sprintf("%s %q", c.table, name)
	switch {
	case l.pin == 0 && onHeader(l.chip):
		// The decoder gives 0 for a pin that is not there, and GPIO0 of the header
		// belongs to the EEPROM of an add-on board.
		c.complain("pin", "the pin is missing; give the GPIO number, 1 to %d (GPIO0 is kept for add-on boards)", lastPin)
		return
	case l.pin < 0 || l.pin > lastPin:
		c.complain("pin", "there is no GPIO%d on a Raspberry Pi's header; allowed are 0 to %d (GPIO numbers, not header positions)", l.pin, lastPin)
		return
	case users[l] != "":
		c.complain("pin", "pin %d is used by %s already; one pin has one user", l.pin, users[l])
		return
	}
	users[l] = user
}

func (c checker) oneOf(key, value string, allowed ...string) {
	if slices.Contains(allowed, value) {
		return
	}
	c.complain(key, "%q is not known here; allowed are %s", value, strings.Join(allowed, ", "))
}

func (c checker) times(b Button) {
	if b.Debounce < minDebounce || b.Debounce > maxDebounce {
		c.complain("debounce", "%s is out of range; allowed are %s to %s", b.Debounce, minDebounce, maxDebounce)
	}
	if b.Hold < b.Debounce {
		c.complain("hold", "%s is shorter than the debounce time of %s; a hold must be longer than a press", b.Hold, b.Debounce)
	}
}

// onHeader reports whether a chip, as configured, is a Raspberry Pi's header or
// stands for one. Line 0 of any other chip, as an expander, is a line like all.
func onHeader(chip string) bool {
	label, _, _ := strings.Cut(chip, "@")
	return chip == "" || strings.HasPrefix(chip, simPrefix) || knownHeader(label)
}
