package gpio

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Panel is everything that is wired to the station's GPIO chips, as the
// configuration has it.
type Panel struct {
	Chips   Chips
	Buttons []Button
	Lamps   []Lamp
	Buzzers []Buzzer
}

// Empty reports whether nothing is wired.
func (p Panel) Empty() bool { return len(p.Buttons)+len(p.Lamps)+len(p.Buzzers) == 0 }

// ByChip returns what is wired to each chip, as the configuration names the chips, in
// the order in which they are named first.
func (p Panel) ByChip() []Panel {
	var all []Panel
	at := make(map[string]int)
	on := func(chip string) *Panel {
		chip = cmp.Or(chip, p.Chips.Chip)
		if _, known := at[chip]; !known {
			at[chip] = len(all)
			all = append(all, Panel{Chips: p.Chips})
		}
		return &all[at[chip]]
	}
	for _, b := range p.Buttons {
		o := on(b.Chip)
		o.Buttons = append(o.Buttons, b)
	}
	for _, l := range p.Lamps {
		o := on(l.Chip)
		o.Lamps = append(o.Lamps, l)
	}
	for _, b := range p.Buzzers {
		o := on(b.Chip)
		o.Buzzers = append(o.Buzzers, b)
	}
	return all
}

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
	Name       string        `toml:"name"`       // the source of its events
	Label      string        `toml:"label"`      // what people call it; empty: its name
	Pin        int           `toml:"pin"`        // 17 is the line called GPIO17, else the line at offset 17
	PinNC      *int          `toml:"pin_nc"`     // of its second, normally closed contact, where it has both; pin is the other one's then
	Wiring     string        `toml:"wiring"`     // its contact at rest: no (normally open, default) or nc (normally closed)
	Active     string        `toml:"active"`     // the level of a closed contact: low (default) or high
	Bias       string        `toml:"bias"`       // pull-up (default where active is low), pull-down (where it is high), none
	Debounce   time.Duration `toml:"debounce"`   // a button that stays pressed this long is pressed; 30 ms
	Release    time.Duration `toml:"release"`    // how long it must be let go until it may be pressed again; 50 ms, or the debounce where that is below 30 ms
	Maintained bool          `toml:"maintained"` // a switch that stays where it is put: its position is told at the start and at each change
	AC         bool          `toml:"ac"`         // alternating current on an optocoupler: pulses of 50 or 60 Hz are a closed contact
	Hold       time.Duration `toml:"hold"`       // a button kept down this long is held; 2 s
	Double     time.Duration `toml:"double"`     // a second press that begins this soon after the first makes a double; 300 ms
	Lamp       string        `toml:"lamp"`       // the lamp that answers it; read by whoever decides the lights
	Buzzer     string        `toml:"buzzer"`     // the buzzer that answers it; read by whoever decides the sounds
	Chip       string        `toml:"chip"`       // where it is not the chip of [gpio]
	Key        string        `toml:"key"`        // in place of pin and chip: a key of an input device, input:VENDOR:PRODUCT/KEY_F13
	Latch      bool          `toml:"latch"`      // its second press ends the call; read by whoever decides

	// What bindings wait for. It follows from the bindings and not from the table.
	//
	// HoldBound: a press is reported only at release, before the hold time, and a hold
	// replaces it. DoubleBound: a press is reported only when no second one can follow
	// any more, and a double replaces it. ReleaseBound: the release after each
	// press, hold or double is reported.
	HoldBound    bool `toml:"-"`
	DoubleBound  bool `toml:"-"`
	ReleaseBound bool `toml:"-"`
}

// Lamp is one [[lamp]] table.
type Lamp struct {
	Name   string `toml:"name"`
	Label  string `toml:"label"` // what people call it; empty: its name
	Pin    int    `toml:"pin"`
	Active string `toml:"active"` // the level that lights it: high (default) or low
	Chip   string `toml:"chip"`   // where it is not the chip of [gpio]
}

// Buzzer is one [[buzzer]] table: a thing that makes one tone while its line is
// driven.
type Buzzer struct {
	Name   string         `toml:"name"`
	Pin    int            `toml:"pin"`
	Active string         `toml:"active"` // the level that sounds it: high (default) or low
	Chip   string         `toml:"chip"`   // where it is not the chip of [gpio]
	Remind *time.Duration `toml:"remind"` // how often it sounds again while something is held; nil: 5 minutes, 0: never
}

// Reminder returns how often the buzzer sounds again while something is held; 0:
// never.
func (b Buzzer) Reminder() time.Duration {
	if b.Remind == nil {
		return defaultRemind
	}
	return *b.Remind
}

// The defaults and limits. The sources are in the package's documentation.
const (
	defaultDebounce = 30 * time.Millisecond
	minDebounce     = time.Millisecond
	maxDebounce     = 250 * time.Millisecond
	defaultHold     = 2 * time.Second
	defaultDouble   = 300 * time.Millisecond
	minDouble       = 150 * time.Millisecond
	maxDouble       = time.Second
	defaultRemind   = 5 * time.Minute
	minRemind       = 10 * time.Second

	lastPin  = 27   // the highest GPIO number on the 40-pin header of every Raspberry Pi
	lastLine = 1023 // of any other chip; none has more
)

const (
	low            = "low"
	high           = "high"
	pullUp         = "pull-up"
	pullDown       = "pull-down"
	noBias         = "none"
	normallyOpen   = "no"
	normallyClosed = "nc"
)

// withDefaults returns the button with every default filled in.
func (b Button) withDefaults(chips Chips) Button {
	b.Chip = cmp.Or(b.Chip, chips.Chip)
	b.Wiring = cmp.Or(b.Wiring, normallyOpen)
	b.Active = cmp.Or(b.Active, low)
	if b.Bias == "" {
		b.Bias = pullUp
		if b.Active == high {
			b.Bias = pullDown
		}
	}
	b.Debounce = cmp.Or(b.Debounce, defaultDebounce)
	if b.Release == 0 {
		b.Release = defaultRelease
		if 0 < b.Debounce && b.Debounce < defaultDebounce {
			b.Release = b.Debounce // what is fast to press is fast to let go: it counts
		}
	}
	b.Hold = cmp.Or(b.Hold, defaultHold)
	b.Double = cmp.Or(b.Double, defaultDouble)
	return b
}

// withDefaults returns the lamp with every default filled in.
func (l Lamp) withDefaults(chips Chips) Lamp {
	l.Chip = cmp.Or(l.Chip, chips.Chip)
	l.Active = cmp.Or(l.Active, high)
	return l
}

// withDefaults returns the buzzer with every default filled in.
func (b Buzzer) withDefaults(chips Chips) Buzzer {
	b.Chip = cmp.Or(b.Chip, chips.Chip)
	b.Active = cmp.Or(b.Active, high)
	return b
}

// Check reports every fault of the tables: the table's name (button, lamp or
// buzzer), its place counted from 0, the key at fault and what to do about it. It
// looks at nothing but the panel; whether the chips are there shows at Open.
func Check(p Panel, fault func(table string, index int, key, text string)) {
	users := make(map[line]string)
	names := make(map[string]bool)
	for i, b := range p.Buttons {
		c := checker{table: "button", index: i, fault: fault}
		written := b
		b = b.withDefaults(p.Chips)
		c.name(b.Name, names)
		if c.key(b) {
			c.pin("pin", line{b.Chip, b.Pin}, b.Name, users)
		}
		c.contacts(b, users)
		c.oneOf("active", b.Active, low, high)
		c.oneOf("bias", b.Bias, pullUp, pullDown, noBias)
		c.times(b, written.Double != 0)
	}
	names = make(map[string]bool)
	for i, l := range p.Lamps {
		c := checker{table: "lamp", index: i, fault: fault}
		l = l.withDefaults(p.Chips)
		c.name(l.Name, names)
		c.pin("pin", line{l.Chip, l.Pin}, l.Name, users)
		c.oneOf("active", l.Active, high, low)
	}
	names = make(map[string]bool)
	for i, b := range p.Buzzers {
		c := checker{table: "buzzer", index: i, fault: fault}
		b = b.withDefaults(p.Chips)
		c.name(b.Name, names)
		c.pin("pin", line{b.Chip, b.Pin}, b.Name, users)
		c.oneOf("active", b.Active, high, low)
		if r := b.Reminder(); r != 0 && r < minRemind {
			c.faultf("remind", `%s is too often; allowed are %s and more, and "0s" for never`, r, minRemind)
		}
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

func (c checker) faultf(key, format string, args ...any) {
	c.fault(c.table, c.index, key, fmt.Sprintf(format, args...))
}

func (c checker) name(name string, taken map[string]bool) {
	switch {
	case name == "":
		c.faultf("name", "the %s has no name; give it one", c.table)
	case taken[name]:
		c.faultf("name", "another %s is called %q already; names are told apart", c.table, name)
	}
	taken[name] = true
}

// key checks the key of an input device, and reports whether there is none or it is good.
func (c checker) key(b Button) bool {
	switch {
	case b.Key == "":
	case b.PinNC != nil:
		c.faultf("pin_nc", "a key of an input device is one contact; take pin_nc away")
		return false
	default:
		if _, _, err := parseKey(b.Key); err != nil {
			c.faultf("key", "%v", err)
			return false
		}
	}
	return true
}

// contacts checks which contacts the button has.
func (c checker) contacts(b Button, users map[line]string) {
	c.oneOf("wiring", b.Wiring, normallyOpen, normallyClosed)
	if b.PinNC == nil {
		return
	}
	c.pin("pin_nc", line{b.Chip, *b.PinNC}, b.Name, users)
	if b.Wiring == normallyClosed {
		c.faultf("wiring", "a button with pin_nc has a contact of either kind: pin is its normally open one; take wiring away")
	}
}

func (c checker) pin(key string, l line, name string, users map[line]string) {
	user := fmt.Sprintf("%s %q", c.table, name)
	switch {
	case l.pin == 0 && onHeader(l.chip):
		// The decoder gives 0 for a pin that is not there, and GPIO0 of the header
		// belongs to the EEPROM of an add-on board.
		c.faultf(key, "the pin is missing; give the GPIO number, 1 to %d (GPIO0 is kept for add-on boards)", lastPin)
		return
	case !onHeader(l.chip) && 0 <= l.pin && l.pin <= lastLine: // an expander has more lines than the header
	case !onHeader(l.chip):
		c.faultf(key, "there is no line %d on a chip; allowed are 0 to %d", l.pin, lastLine)
		return
	case l.pin < 0 || l.pin > lastPin:
		c.faultf(key, "there is no GPIO%d on a Raspberry Pi's header; allowed are 0 to %d (GPIO numbers, not header positions)", l.pin, lastPin)
		return
	}
	if users[l] != "" {
		c.faultf(key, "pin %d is used by %s already; one pin has one user", l.pin, users[l])
		return
	}
	users[l] = user
}

func (c checker) oneOf(key, value string, allowed ...string) {
	if slices.Contains(allowed, value) {
		return
	}
	c.faultf(key, "%q is not known here; allowed are %s", value, strings.Join(allowed, ", "))
}

// times checks the times of a button. A double that the file does not speak of is
// left alone: most buttons have none.
func (c checker) times(b Button, double bool) {
	if b.Debounce < minDebounce || b.Debounce > maxDebounce {
		c.faultf("debounce", "%s is out of range; allowed are %s to %s", b.Debounce, minDebounce, maxDebounce)
	}
	if b.Release < minDebounce || b.Release > maxDebounce {
		c.faultf("release", "%s is out of range; allowed are %s to %s", b.Release, minDebounce, maxDebounce)
	}
	if b.Maintained && b.Latch {
		c.faultf("latch", "a switch that stays where it is put calls and ends the call by its two positions; take latch away")
	}
	if b.AC && b.Debounce < defaultDebounce {
		c.faultf("debounce", "%s is shorter than a period of alternating current; leave it out", b.Debounce)
	}
	if b.Hold < b.Debounce {
		c.faultf("hold", "%s is shorter than the debounce time of %s; a hold must be longer than a press", b.Hold, b.Debounce)
	}
	switch {
	case !double:
	case b.Double < minDouble || b.Double > maxDouble:
		c.faultf("double", "%s is out of range; allowed are %s to %s", b.Double, minDouble, maxDouble)
	case b.Double <= b.Debounce+b.Release:
		c.faultf("double", "in %s there is no room for a press of %s and a release of %s; make it longer", b.Double, b.Debounce, b.Release)
	case b.Double >= b.Hold:
		c.faultf("double", "%s is not shorter than the hold time of %s; a hold must be longer than a double press", b.Double, b.Hold)
	}
}

// OnHeader reports whether a chip, as configured, is a Raspberry Pi's header itself.
func OnHeader(chip string) bool { return onHeader(chip) && !strings.HasPrefix(chip, simPrefix) }

// onHeader reports whether a chip, as configured, is a Raspberry Pi's header or
// stands for one. Line 0 of any other chip, as an expander, is a line like all.
func onHeader(chip string) bool {
	label, _, _ := strings.Cut(chip, "@")
	return chip == "" || strings.HasPrefix(chip, simPrefix) || knownHeader(label)
}
