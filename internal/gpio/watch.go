package gpio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/warthog618/go-gpiocdev/uapi"
)

// firstPin is the lowest GPIO number of the header that is watched: 0 and 1 belong
// to the EEPROM of an add-on board, which is read when the board starts.
const firstPin = 2

// A Wire is one line of a chip as an electrician sees it.
type Wire struct {
	Pin  int
	Name string // as the kernel calls the line; may be empty

	// Skipped says in words why the line is not watched: somebody holds it, it drives
	// something, it serves a bus. "" says that it is watched, and only then do High,
	// Edges and Glitches mean anything.
	Skipped string
	Holder  string // who holds it, in the holder's own word: stationd@812, spi0 CS0

	High     bool
	Edges    int // changes seen; the kernel drops some when they come too fast
	Glitches int // changes that came back before they counted
}

// HeldByStation reports whether a stationd holds the line.
func (w Wire) HeldByStation() bool { return strings.HasPrefix(w.Holder, consumer) }

// A Watch shows the lines of one chip live, to the person who wires them. It takes as
// inputs the lines that nobody holds. It drives none, and never touches one that somebody
// holds, that is an output as it is found, or that drives a lamp or buzzer.
type Watch struct {
	Label  string // the chip's, or sim:PATH
	Header bool   // it is a Raspberry Pi's header

	chip     chip
	lines    inputLines
	tracker  *lineTracker
	wires    []Wire
	places   []int // the place in wires of each line that was taken
	contacts []contact
}

// Survey lists the lines of a chip, which is named as in [gpio], without taking any: a
// line that is free is listed like one that is watched, but without its level.
func Survey(chip string) ([]Wire, error) {
	c, err := openChip(chip)
	if err != nil {
		return nil, err
	}
	wires, err := survey(c)
	return wires, errors.Join(err, c.close())
}

// OpenWatch takes the lines of a chip, named as in [gpio]. A line of a button has
// that button's bias and debounce time; every other has the bias given: pull-up,
// pull-down, or none, which leaves the line as it was found. What the panel has on
// other chips is passed over.
//
// A line of the header that is likely to serve a bus of the board is left alone
// unless a button is wired to it: to take it would cut the bus until the next boot.
//
// It is an error when the chip is not there and when no line of it can be watched;
// nothing stays taken then. The caller calls Run, and Close when Run has returned.
func OpenWatch(chip string, panel Panel, bias string) (*Watch, error) {
	c, err := openChip(chip)
	if err != nil {
		return nil, err
	}
	mine := func(name string) bool { return sameChip(name, chip, c) }
	w, err := openWatch(c, mine, panel, bias)
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return w, nil
}

// openWatch is OpenWatch on a chip that is open; mine says whether a configured
// name means that chip.
func openWatch(c chip, mine func(name string) bool, panel Panel, bias string) (*Watch, error) {
	found, err := survey(c)
	if err != nil {
		return nil, err
	}
	w := &Watch{Label: labelOf(c), chip: c, wires: found}
	w.Header = knownHeader(w.Label) || strings.HasPrefix(w.Label, simPrefix)
	known := w.wired(mine, panel)
	if knownHeader(w.Label) {
		w.skipBuses(known)
	}
	var taken []Button
	for i, wire := range w.wires {
		if wire.Skipped != "" {
			continue
		}
		b, ok := known[wire.Pin]
		if !ok {
			b = Button{Bias: bias}.withDefaults(panel.Chips)
		}
		b.Pin = wire.Pin
		taken, w.places = append(taken, b), append(w.places, i)
	}
	return w, w.take(taken)
}

// wired leaves what the panel drives alone, and returns the panel's buttons on this
// chip by their lines.
func (w *Watch) wired(mine func(name string) bool, panel Panel) map[int]Button {
	known := make(map[int]Button)
	for _, b := range panel.Buttons {
		if b = b.withDefaults(panel.Chips); mine(b.Chip) {
			known[b.Pin] = b
			if b.PinNC != nil {
				known[*b.PinNC] = b
			}
		}
	}
	for _, l := range panel.Lamps {
		if l = l.withDefaults(panel.Chips); mine(l.Chip) {
			w.skip(l.Pin, "a lamp")
		}
	}
	for _, b := range panel.Buzzers {
		if b = b.withDefaults(panel.Chips); mine(b.Chip) {
			w.skip(b.Pin, "a buzzer")
		}
	}
	return known
}

// skipBuses leaves alone what is likely to serve a bus, but for the lines of
// buttons.
func (w *Watch) skipBuses(buttons map[int]Button) {
	for device, pins := range buses() {
		if _, err := os.Stat(device); err != nil {
			continue
		}
		for _, pin := range pins {
			if _, wired := buttons[pin]; !wired {
				w.skip(pin, "kept for "+device)
			}
		}
	}
}

// skip notes why a line is not watched, unless something is known against it
// already.
func (w *Watch) skip(pin int, why string) {
	for i := range w.wires {
		if w.wires[i].Pin == pin && w.wires[i].Skipped == "" {
			w.wires[i].Skipped = why
		}
	}
}

// take takes the lines, all at once. Where that is refused, each is tried alone,
// and those that are refused again are left alone.
func (w *Watch) take(buttons []Button) error {
	if len(buttons) == 0 {
		return fmt.Errorf("gpio chip %s: every line is in use; nothing is left to watch", w.Label)
	}
	err := w.request(buttons)
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	cause := err
	var free []Button
	var places []int
	for i, b := range buttons {
		lines, err := w.chip.inputs(pinsOf(buttons[i : i+1]))
		if err != nil {
			w.wires[w.places[i]].Skipped = "not to be had"
			continue
		}
		if err := lines.close(); err != nil {
			return err
		}
		free, places = append(free, b), append(places, w.places[i])
	}
	if len(free) == 0 {
		return cause
	}
	w.places = places
	return w.request(free)
}

// request takes the lines as inputs and reads how they are.
func (w *Watch) request(buttons []Button) error {
	lines, err := w.chip.inputs(pinsOf(buttons))
	if err != nil {
		return err
	}
	l, err := newLineTracker(lines, len(buttons))
	if err != nil {
		return errors.Join(err, lines.close())
	}
	now := time.Now()
	w.lines, w.tracker, w.contacts = lines, l, nil
	for i, b := range buttons {
		w.wires[w.places[i]].High = l.high&(1<<i) != 0
		// What it is at first counts as released: no line is in the middle of a press
		// that somebody waits for.
		w.contacts = append(w.contacts, newContact(b, now, false))
	}
	return nil
}

func pinsOf(buttons []Button) []inputPin {
	var pins []inputPin
	for _, b := range buttons {
		pins = append(pins, inputPin{pin: b.Pin, activeLow: b.Active == low, bias: b.Bias})
	}
	return pins
}

// Wires returns every line of the chip that a station could use, by its pin. It is
// not to be called while Run runs.
func (w *Watch) Wires() []Wire { return append([]Wire(nil), w.wires...) }

// Run calls changed with every edge, and with every glitch when it is certain to have
// been one, one call at a time and in the order of reading. It blocks until ctx is done,
// and then returns nil. An error means that the
// chip is gone.
func (w *Watch) Run(ctx context.Context, changed func(Wire)) error {
	rest := make([]bool, len(w.places)) // the level of each line at the beginning
	for i, place := range w.places {
		rest[i] = w.wires[place].High
	}
	defer context.AfterFunc(ctx, w.lines.wake)()
	for ctx.Err() == nil {
		still, err := w.tracker.poll(w.waitTime(time.Now()), func(e edge) { w.handleEdge(e, rest[e.line], changed) })
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("gpio chip %s: %w; check the wiring of the chip and start again", w.Label, err)
		}
		w.settle(still, changed)
	}
	return nil
}

// handleEdge takes an edge of a line, and the level that counts as released there.
func (w *Watch) handleEdge(e edge, rest bool, changed func(Wire)) {
	wire, c := &w.wires[w.places[e.line]], &w.contacts[e.line]
	if !e.gap {
		drain(c, e.at)
	}
	if wire.High == e.high {
		if e.gap {
			c.restartRun(e.at)
		}
		return
	}
	wire.High = e.high
	wire.Edges++
	c.feed(e.at, e.high != rest)
	changed(*wire)
}

// drain asks a contact what is certain at now. Its presses are nobody's business
// here.
func drain(c *contact, now time.Time) {
	for kind := "first"; kind != ""; {
		kind, _ = c.settle(now)
	}
}

// waitTime returns how long to wait for an edge, as Bank's does.
func (w *Watch) waitTime(now time.Time) time.Duration {
	wait := w.tracker.longestWait(now, 1)
	for i := range w.contacts {
		if at, ok := w.contacts[i].next(); ok && !w.tracker.mismatched(i) {
			wait = min(wait, at.Sub(now))
		}
	}
	return w.tracker.waitTime(now, wait)
}

// settle counts the glitches that are certain, when everything that happened until
// still has been seen.
func (w *Watch) settle(still time.Time, changed func(Wire)) {
	for i := range w.contacts {
		if !w.tracker.mismatched(i) {
			drain(&w.contacts[i], still)
		}
		if wire := &w.wires[w.places[i]]; wire.Glitches != w.contacts[i].glitches {
			wire.Glitches = w.contacts[i].glitches
			changed(*wire)
		}
	}
}

// Close gives the lines back.
func (w *Watch) Close() error { return errors.Join(w.lines.close(), w.chip.close()) }

// buses are the devices that show that a bus on the header is in use, and its pins.
// The kernel lets a line that serves a bus be taken as if nobody had it, on every
// board before the Raspberry Pi 5 (pinctrl-bcm2835 is not strict).
func buses() map[string][]int {
	return map[string][]int{
		"/dev/i2c-1":     {2, 3},
		"/dev/spidev0.0": {8, 9, 10, 11},
		"/dev/spidev0.1": {7, 9, 10, 11},
		"/dev/serial0":   {14, 15},
	}
}

// labelOf is how a chip is called.
func labelOf(c chip) string {
	switch c := c.(type) {
	case *cdevChip:
		return c.label
	case *simChip:
		return simPrefix + c.path
	}
	return "without a name"
}

// sameChip reports whether the chip of that name is c, which was opened by the
// name of opened.
func sameChip(name, opened string, c chip) bool {
	if name == opened {
		return true
	}
	if strings.HasPrefix(name, simPrefix) || strings.HasPrefix(opened, simPrefix) {
		return false
	}
	other, err := openChip(name)
	if err != nil {
		return false
	}
	one, is := c.(*cdevChip)
	two, too := other.(*cdevChip)
	return is && too && one.path == two.path
}

// survey lists the lines of a chip that a station could use.
func survey(c chip) ([]Wire, error) {
	if c, ok := c.(*cdevChip); ok {
		return c.survey()
	}
	var wires []Wire
	for pin := firstPin; pin <= lastPin; pin++ {
		wires = append(wires, Wire{Pin: pin, Name: fmt.Sprintf("GPIO%d", pin)})
	}
	return wires, nil
}

// survey asks the kernel how each line stands now.
func (c *cdevChip) survey() ([]Wire, error) {
	device, err := os.Open(c.path)
	if err != nil {
		return nil, fmt.Errorf("gpio chip %s: %w", c.label, err)
	}
	defer device.Close()
	first := 0
	if knownHeader(c.label) {
		first = firstPin
	}
	var wires []Wire
	for pin := first; pin <= lastPin; pin++ {
		offset, err := c.line(pin)
		if err != nil {
			continue
		}
		info, err := uapi.GetLineInfoV2(device.Fd(), offset)
		if err != nil {
			return nil, fmt.Errorf("gpio chip %s: line %d: %w", c.label, offset, err)
		}
		wires = append(wires, wireOf(pin, info))
	}
	return wires, nil
}

func wireOf(pin int, info uapi.LineInfoV2) Wire {
	w := Wire{Pin: pin, Name: cString(info.Name[:]), Holder: cString(info.Consumer[:])}
	switch {
	case info.Flags.IsUsed() && w.Holder == "":
		w.Holder = "the kernel"
		fallthrough
	case info.Flags.IsUsed():
		w.Skipped = "held by " + w.Holder
	case info.Flags.IsOutput():
		w.Skipped = "an output"
	}
	return w
}

// cString is what stands before the first NUL of a field of the kernel's.
func cString(field []byte) string {
	name, _, _ := bytes.Cut(field, []byte{0})
	return string(name)
}
