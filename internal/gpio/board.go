package gpio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"stationd/internal/station"
)

// handOver is how many happenings may wait to be recorded: eight buttons pressed
// seven times a second for a minute, while nothing at all is recorded, are 3,200.
const handOver = 4096

// lastRecords is how long after its context has ended Run goes on with what is in
// the hand-over already.
const lastRecords = 5 * time.Second

// A Board is the station's buttons, lamps and buzzers. It is a station.Source of
// every button's events, a station.Display, a station.Sounder and a
// station.Teller.
//
// Its work is done by blocking loops that the caller runs, each in a goroutine of
// its own: Run of every one of Banks, Run, and RunLamps.
type Board struct {
	log     *slog.Logger
	stamp   func(time.Time) station.Stamp
	chips   []chip
	banks   []*Bank
	lamps   []*lamp
	buzzers []*buzzer
	shown   chan struct{} // has room for one: there is something new to show

	// handed is between the contacts and the disk. It holds only what no lamp has
	// answered, as the kernel's own memory of edges does; what is in it when the
	// power goes was never acknowledged. What has no room in it is lost aloud.
	handed chan happening

	mu     sync.Mutex
	lights map[string]station.Light
	sounds map[string]station.SoundKind // new ones, by buzzer
	faults map[string]string            // by configured name
	lost   map[string]loss              // by button
	forgot map[string]loss              // by button
	left   []string                     // buttons whose lines could not be taken
}

// A loss is how many happenings of a button were not recorded, or how many of its
// edges the kernel forgot, and when the last.
type loss struct {
	times int
	last  time.Time
}

// lossShown is how long a loss stays a fault of its button: long enough for the
// operator to look up and see the lamp.
const lossShown = time.Minute

var (
	_ station.Source  = (*Board)(nil)
	_ station.Display = (*Board)(nil)
	_ station.Sounder = (*Board)(nil)
	_ station.Teller  = (*Board)(nil)
)

// Open takes the lines of everything on the panel and drives lamps dark and
// buzzers silent. The panel has passed Check. stamp says what a moment of time.Now
// is to the rest of the world. A chip that is missing or ambiguous is an error that
// lists what there is; nothing stays taken then. The machine is looked at anew each
// time: where the chip appears later, a later call finds it.
//
// A line that another program has, or that the chip does not have, is a fault of
// what is wired to it, which Tell tells, and keeps nothing else from working; only
// where no button's line can be taken is it an error.
//
// The caller calls Close when every loop has returned.
func Open(p Panel, stamp func(time.Time) station.Stamp, log *slog.Logger) (*Board, error) {
	return open(openChip, p, stamp, log)
}

func open(find func(name string) (chip, error), p Panel, stamp func(time.Time) station.Stamp, log *slog.Logger) (*Board, error) {
	b := &Board{
		log: log, stamp: stamp,
		shown:  make(chan struct{}, 1),
		handed: make(chan happening, handOver),
		sounds: make(map[string]station.SoundKind),
		faults: make(map[string]string),
		lost:   make(map[string]loss),
		forgot: make(map[string]loss),
	}
	o := opener{find: find, board: b, chips: make(map[string]chip), banks: make(map[chip]*Bank)}
	if err := o.open(p); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// An opener puts a Board together.
type opener struct {
	find  func(name string) (chip, error)
	board *Board
	chips map[string]chip // by configured name
	banks map[chip]*Bank  // two names may mean one chip
}

func (o *opener) open(p Panel) error {
	for _, config := range p.Buttons {
		if err := o.button(config.withDefaults(p.Chips)); err != nil {
			return err
		}
	}
	if err := o.takeInputs(); err != nil {
		return err
	}
	for _, config := range p.Lamps {
		l := &lamp{Lamp: config.withDefaults(p.Chips)}
		o.board.lamps = append(o.board.lamps, l)
		if err := o.output("lamp", l.Name, l.Chip, l.Pin, l.Active, &l.load); err != nil {
			return err
		}
	}
	for _, config := range p.Buzzers {
		b := &buzzer{Buzzer: config.withDefaults(p.Chips)}
		o.board.buzzers = append(o.board.buzzers, b)
		if err := o.output("buzzer", b.Name, b.Chip, b.Pin, b.Active, &b.load); err != nil {
			return err
		}
	}
	return nil
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
		o.banks[c] = &Bank{board: o.board, chip: c, name: config.Chip}
		o.board.banks = append(o.board.banks, o.banks[c])
	}
	o.banks[c].add(&button{Button: config})
	return nil
}

func (o *opener) takeInputs() error {
	for _, bank := range o.board.banks {
		var pins []inputPin
		for _, e := range bank.ends {
			pins = append(pins, e.pin())
		}
		lines, err := bank.chip.inputs(pins)
		if err != nil {
			lines, err = o.takeRest(bank, err)
		}
		if err != nil {
			return err
		}
		// From here on the kernel remembers what happens: what is pressed before Run
		// reads for the first time is a press, and only what is pressed now is a state.
		bank.lines = lines
		if bank.listener, err = listenTo(lines, len(bank.ends)); err != nil {
			return bank.gone(err)
		}
	}
	return nil
}

// untaken is what to do about a line that could not be taken.
const untaken = "; free the line, or name another pin, and restart stationd"

// takeRest leaves out the buttons whose lines cannot be taken, and takes those of
// the others. whole is why all of them cannot be taken together.
func (o *opener) takeRest(bank *Bank, whole error) (inputs, error) {
	all := bank.buttons
	bank.ends, bank.buttons = nil, nil
	var pins []inputPin
	for _, b := range all {
		alone := &Bank{board: o.board, chip: bank.chip}
		alone.add(b)
		var own []inputPin
		for _, e := range alone.ends {
			own = append(own, e.pin())
		}
		lines, err := bank.chip.inputs(own)
		if err == nil {
			err = lines.close()
		}
		if err != nil {
			o.board.faults[b.Name] = err.Error() + untaken
			o.board.left = append(o.board.left, b.Name)
			continue
		}
		bank.add(b)
		pins = append(pins, own...)
	}
	if len(pins) == 0 {
		return nil, whole
	}
	return bank.chip.inputs(pins)
}

// output takes the line of a lamp or a buzzer and drives it as it is at rest.
func (o *opener) output(kind, name, chip string, pin int, active string, l *load) error {
	l.what, l.pin, l.active = kind+" "+name, pin, active == high
	c, err := o.chip(chip)
	if err != nil {
		return fmt.Errorf("%s: %w", l.what, err)
	}
	if l.line, err = c.output(pin); err == nil {
		err = l.set(false)
	}
	if err != nil {
		l.line = nil
		o.board.faults[name] = err.Error() + untaken
	}
	return nil
}

// Banks returns the buttons, chip by chip. The caller runs each of them beside Run.
func (b *Board) Banks() []*Bank { return b.banks }

// Run tells what the buttons came to, which their banks hand over, to emit: one at
// a time, each bank's in the order in which they became certain. It blocks until
// ctx is done and then returns nil, when what was handed over before is recorded;
// what takes longer than five seconds then is lost aloud. It may be run again.
//
// The banks go on while emit is at work, so that a slow card makes no press late,
// shorter or unseen. Whatever waits for emit has been acknowledged by no lamp. When
// more than 4,096 wait, the next is lost: it is logged, counted, and a fault of its
// button for a minute. When emit returns an error the event is not recorded; Run
// logs that and goes on.
func (b *Board) Run(ctx context.Context, emit station.Emit) error {
	for ctx.Err() == nil {
		select {
		case h := <-b.handed:
			b.tell(h, emit)
		case <-ctx.Done():
		}
	}
	b.finish(emit)
	return nil
}

// finish records what is in the hand-over, as long as there is time.
func (b *Board) finish(emit station.Emit) {
	for end := time.Now().Add(lastRecords); ; {
		select {
		case h := <-b.handed:
			if time.Now().After(end) {
				b.lose(h)
				continue
			}
			b.tell(h, emit)
		default:
			return
		}
	}
}

func (b *Board) tell(h happening, emit station.Emit) {
	_, err := emit(station.Event{ID: station.NewID(), Source: h.source, Kind: h.kind, At: b.stamp(h.at)})
	if err != nil {
		b.log.Error("not recorded", "source", h.source, "event", h.kind, "error", err)
	}
}

// hand gives one happening over to whoever records.
func (b *Board) hand(h happening) {
	select {
	case b.handed <- h:
	default:
		b.lose(h)
	}
}

// lose counts a happening that is not recorded, aloud.
func (b *Board) lose(h happening) {
	b.mu.Lock()
	l := b.lost[h.source]
	b.lost[h.source] = loss{l.times + 1, time.Now()}
	b.mu.Unlock()
	b.log.Error("lost: too much waits to be recorded", "source", h.source, "event", h.kind, "at", h.at)
}

// forget counts edges that were forgotten before they could be read: the kernel
// keeps 1,024 for a chip's buttons and drops the oldest. It is said aloud once for
// as long as it goes on.
func (b *Board) forget(button string, e edge) {
	b.mu.Lock()
	l := b.forgot[button]
	b.forgot[button] = loss{l.times + e.forgot, time.Now()}
	b.mu.Unlock()
	if l.times == 0 || time.Since(l.last) >= lossShown {
		b.log.Error("lost: a line changes more often than it can be read", "source", button, "edges", e.forgot, "at", e.at)
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

// An Input is the line of one contact of a button, as it is.
type Input struct {
	Button   string    `json:"button"`
	Chip     string    `json:"chip,omitempty"` // as configured; "" is the header's
	Pin      int       `json:"pin"`
	Key      string    `json:"key,omitempty"` // of an input device, in place of chip and pin
	High     bool      `json:"high"`
	Edges    int       `json:"edges"`    // changes since the board was opened
	Glitches int       `json:"glitches"` // of the button
	At       time.Time `json:"at"`       // of the last change
}

// Inputs returns the lines of the buttons that are read, as they were seen last. It waits
// for nothing and takes nothing from the buttons: whoever looks on may call it as often
// as they like.
func (b *Board) Inputs() []Input {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []Input
	for _, bank := range b.banks {
		for i, seen := range bank.seen {
			end := bank.ends[i]
			all = append(all, Input{
				Button: end.Name, Chip: end.Chip, Pin: end.pin().pin, Key: end.Key,
				High: seen.high, Edges: seen.edges, Glitches: end.glitches + end.contact.glitches, At: seen.at,
			})
		}
	}
	return all
}

// Lost returns, by button, how many of its events were lost because too many
// waited to be recorded, and how many of its edges because they were too many to be
// read.
func (b *Board) Lost() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	lost := make(map[string]int)
	for _, bank := range b.banks {
		for _, button := range bank.buttons {
			lost[button.Name] = b.lost[button.Name].times + b.forgot[button.Name].times
		}
	}
	return lost
}

// Tell returns what is wrong with each button, lamp and buzzer. A button that has
// been down for a minute is stuck until it is released. Where a button and a lamp
// share a name, so do their faults.
func (b *Board) Tell() map[string]string {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	told := make(map[string]string)
	for _, lamp := range b.lamps {
		told[lamp.Name] = b.faults[lamp.Name]
	}
	for _, buzzer := range b.buzzers {
		told[buzzer.Name] = b.faults[buzzer.Name]
	}
	for _, name := range b.left {
		told[name] = b.faults[name]
	}
	for _, bank := range b.banks {
		for _, button := range bank.buttons {
			told[button.Name] = b.faultOf(button, now)
		}
	}
	return told
}

// faultOf says what is wrong with a button, the gravest first.
func (b *Board) faultOf(button *button, now time.Time) string {
	if fault := b.faults[button.Name]; fault != "" {
		return fault
	}
	if l := b.lost[button.Name]; l.times > 0 && now.Sub(l.last) < lossShown {
		return fmt.Sprintf("%d events lost so far: the outbox does not keep up", l.times)
	}
	if l := b.forgot[button.Name]; l.times > 0 && now.Sub(l.last) < lossShown {
		return fmt.Sprintf("%d of its changes lost so far: its contact chatters, or stationd stood still", l.times)
	}
	return button.fault(now)
}

// Close drives every lamp dark and every buzzer silent and gives all lines back.
// It is called when every loop has returned.
func (b *Board) Close() error {
	var errs []error
	for _, l := range b.loads() {
		if l.line != nil {
			errs = append(errs, l.set(false), l.line.close())
		}
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

// loads returns everything that is driven.
func (b *Board) loads() []*load {
	var all []*load
	for _, l := range b.lamps {
		all = append(all, &l.load)
	}
	for _, z := range b.buzzers {
		all = append(all, &z.load)
	}
	return all
}
