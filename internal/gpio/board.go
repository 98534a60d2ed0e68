package gpio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"stationd/internal/station"
)

const (
	// idle is the longest wait for an edge. The levels are read again after it,
	// because an edge may have been dropped.
	idle = 250 * time.Millisecond

	// turn is the longest wait for an edge where several chips take turns.
	turn = 10 * time.Millisecond

	// shortest is the shortest wait. The kernel is not asked at all when the time
	// for an answer is over before the question is put, so an edge that is
	// remembered would not be seen; and zero means for ever.
	shortest = time.Millisecond

	// most is how many edges of one chip are read before the levels are: a line
	// that chatters must not keep the others waiting.
	most = 256
)

// A Board is the station's buttons and lamps. It is a station.Source of every
// button's events, a station.Display and a station.Teller.
type Board struct {
	log   *slog.Logger
	stamp func(time.Time) station.Stamp
	chips []chip
	banks []*bank
	lamps []*lamp
	shown chan struct{} // has room for one: there is something new to show

	mu     sync.Mutex
	lights map[string]station.Light
	faults map[string]string // by configured name
}

var (
	_ station.Source  = (*Board)(nil)
	_ station.Display = (*Board)(nil)
	_ station.Teller  = (*Board)(nil)
)

// A bank is the buttons of one chip.
type bank struct {
	chip    chip
	name    string // of the chip, as configured
	lines   inputs
	buttons []*button // by their place in lines
}

// A button is a configured button and its contact.
type button struct {
	Button
	known    bool // the contact has been made from a level that was read
	contact  contact
	glitches int // of contacts before this one
}

// pressed says what a level means.
func (b *button) pressed(isHigh bool) bool { return isHigh == (b.Active == high) }

// Open takes the lines of all buttons and lamps and drives the lamps dark. The
// tables have passed Check. stamp says what a moment of time.Now is to the rest of
// the world. A chip that is missing or ambiguous, and a line that another program
// has, are errors that list what there is; nothing stays taken then.
//
// The caller runs Run and RunLamps, each in a goroutine of its own, and calls
// Close when both have returned.
func Open(chips Chips, buttons []Button, lamps []Lamp, stamp func(time.Time) station.Stamp, log *slog.Logger) (*Board, error) {
	return open(openChip, chips, buttons, lamps, stamp, log)
}

func open(find func(name string) (chip, error), chips Chips, buttons []Button, lamps []Lamp,
	stamp func(time.Time) station.Stamp, log *slog.Logger) (*Board, error) {
	b := &Board{log: log, stamp: stamp, shown: make(chan struct{}, 1), faults: make(map[string]string)}
	o := opener{find: find, board: b, chips: make(map[string]chip), banks: make(map[chip]*bank)}
	for _, config := range buttons {
		if err := o.button(config.withDefaults(chips)); err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	if err := o.takeInputs(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	for _, config := range lamps {
		if err := o.lamp(config.withDefaults(chips)); err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	return b, nil
}

// An opener puts a Board together.
type opener struct {
	find  func(name string) (chip, error)
	board *Board
	chips map[string]chip // by configured name
	banks map[chip]*bank  // two names may mean one chip
}

func (o *opener) chip(name string) (chip, error) {
	if c, ok := o.chips[name]; ok {
		return c, nil
	}
	c, err := o.find(name)
	if err != nil {
		return nil, err
	}
	o.chips[name] = c
	o.board.chips = append(o.board.chips, c)
	return c, nil
}

func (o *opener) button(config Button) error {
	c, err := o.chip(config.Chip)
	if err != nil {
		return fmt.Errorf("button %s: %w", config.Name, err)
	}
	if o.banks[c] == nil {
		o.banks[c] = &bank{chip: c, name: config.Chip}
		o.board.banks = append(o.board.banks, o.banks[c])
	}
	o.banks[c].buttons = append(o.banks[c].buttons, &button{Button: config})
	return nil
}

func (o *opener) takeInputs() error {
	for _, bank := range o.board.banks {
		var pins []inputPin
		for _, b := range bank.buttons {
			pins = append(pins, inputPin{pin: b.Pin, activeLow: b.Active == low, bias: b.Bias})
		}
		lines, err := bank.chip.inputs(pins)
		if err != nil {
			return err
		}
		bank.lines = lines
	}
	return nil
}

func (o *opener) lamp(config Lamp) error {
	c, err := o.chip(config.Chip)
	if err != nil {
		return fmt.Errorf("lamp %s: %w", config.Name, err)
	}
	line, err := c.output(config.Pin)
	if err != nil {
		return fmt.Errorf("lamp %s: %w", config.Name, err)
	}
	l := &lamp{Lamp: config, line: line}
	o.board.lamps = append(o.board.lamps, l)
	return l.set(false)
}

// Run tells the presses and holds of every button to emit, one at a time and in
// the order of their times where several are certain at once. It blocks until ctx
// is done, at most a quarter of a second longer, and then returns nil; it may be
// run again, and a button that is down then is a state and not a press.
//
// While emit is at work edges wait in the kernel; afterwards the levels decide. A
// press that begins and ends within one such wait has no length that anybody
// could know, and counts as a glitch: no lamp has answered it. When emit returns
// an error the event is not recorded; Run logs that and goes on.
//
// An error means that a chip is gone or cannot be read. periph never looks for
// chips again in a process, so the process should end and be started anew.
func (b *Board) Run(ctx context.Context, emit func(station.Event) error) error {
	if len(b.banks) == 0 {
		<-ctx.Done()
		return nil
	}
	for _, bank := range b.banks {
		if err := b.begin(bank); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		patience := b.patience(time.Now())
		for _, bank := range b.banks {
			if err := b.gather(bank, patience); err != nil {
				return err
			}
		}
		b.tellAll(b.settle(time.Now()), emit)
	}
	return nil
}

// begin makes the contacts of a bank from what is pressed now.
func (b *Board) begin(bank *bank) error {
	b.mu.Lock()
	for _, button := range bank.buttons {
		button.glitches += button.contact.glitches
		button.contact, button.known = contact{}, false
	}
	b.mu.Unlock()
	return b.readLevels(bank)
}

// patience returns how long to wait for an edge: until the next contact may
// settle, and never outside shortest and idle.
func (b *Board) patience(now time.Time) time.Duration {
	patience := idle
	if len(b.banks) > 1 {
		patience = turn
	}
	for _, bank := range b.banks {
		for _, button := range bank.buttons {
			if at, ok := button.contact.next(); ok {
				patience = min(patience, at.Sub(now))
			}
		}
	}
	return max(patience, shortest)
}

// gather waits for an edge, feeds it and all that follow at once, and then reads
// the levels: what the edges left out is in them.
func (b *Board) gather(bank *bank, patience time.Duration) error {
	for range most {
		e, err := bank.lines.wait(patience)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return b.gone(bank, "wait for an edge", err)
		}
		b.feed(bank.buttons[e.line], e.high)
		patience = shortest
	}
	return b.readLevels(bank)
}

// readLevels feeds the level of every line. A level that cannot be read is
// neither pressed nor released: it is an error, and nothing is fed.
func (b *Board) readLevels(bank *bank) error {
	levels, err := bank.lines.levels()
	if err != nil {
		return b.gone(bank, "read the levels", err)
	}
	for i, button := range bank.buttons {
		b.feed(button, levels&(1<<i) != 0)
	}
	return nil
}

func (b *Board) feed(button *button, isHigh bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, pressed := time.Now(), button.pressed(isHigh)
	if !button.known {
		button.contact, button.known = newContact(button.Button, now, pressed), true
		return
	}
	button.contact.feed(now, pressed)
}

// gone notes that the buttons of a bank are dead and returns the error that says so.
func (b *Board) gone(bank *bank, what string, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, button := range bank.buttons {
		b.faults[button.Name] = fmt.Sprintf("its GPIO chip is gone: %v", err)
	}
	name := bank.name
	if name == "" {
		name = "of the header"
	}
	return fmt.Errorf("gpio chip %s: %s: %w; check the wiring of the chip and start again", name, what, err)
}

// A happening is what one contact came to.
type happening struct {
	source, kind string
	at           time.Time
}

// settle asks every contact what is certain now.
func (b *Board) settle(now time.Time) []happening {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []happening
	for _, bank := range b.banks {
		for _, button := range bank.buttons {
			if kind, at := button.contact.settle(now); kind != "" {
				all = append(all, happening{button.Name, kind, at})
			}
		}
	}
	slices.SortStableFunc(all, func(x, y happening) int { return x.at.Compare(y.at) })
	return all
}

func (b *Board) tellAll(all []happening, emit func(station.Event) error) {
	for _, h := range all {
		err := emit(station.Event{ID: station.NewID(), Source: h.source, Kind: h.kind, At: b.stamp(h.at)})
		if err != nil {
			b.log.Error("not recorded", "source", h.source, "event", h.kind, "error", err)
		}
	}
}

// Glitches returns, by button, how often its contact changed for so short a time
// that it counted as nothing: interference, a worn contact, a touch. A contact's
// own bouncing at a press is not among them.
func (b *Board) Glitches() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	glitches := make(map[string]int)
	for _, bank := range b.banks {
		for _, button := range bank.buttons {
			glitches[button.Name] = button.glitches + button.contact.glitches
		}
	}
	return glitches
}

// Tell returns what is wrong with each button and lamp. A button that has been
// down for a minute is stuck until it is released. Where a button and a lamp
// share a name, so do their faults.
func (b *Board) Tell() map[string]string {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	told := make(map[string]string)
	for _, lamp := range b.lamps {
		told[lamp.Name] = b.faults[lamp.Name]
	}
	for _, bank := range b.banks {
		for _, button := range bank.buttons {
			told[button.Name] = b.faults[button.Name]
			if down, stuck := button.contact.stuck(now); stuck && told[button.Name] == "" {
				told[button.Name] = fmt.Sprintf("stuck: held for %d s", down/time.Second)
			}
		}
	}
	return told
}

// Close drives every lamp dark and gives all lines back. It is called when Run
// and RunLamps have returned.
func (b *Board) Close() error {
	var errs []error
	for _, l := range b.lamps {
		errs = append(errs, l.set(false), l.line.close())
	}
	for _, bank := range b.banks {
		if bank.lines != nil {
			errs = append(errs, bank.lines.close())
		}
	}
	for _, c := range b.chips {
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}
