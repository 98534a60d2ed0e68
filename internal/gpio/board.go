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

// maxPending is how many transitions may wait to be recorded: eight buttons pressed
// seven times a second for a minute, while nothing at all is recorded, are 3,200.
const maxPending = 4096

// drainTime is how long Run goes on recording what is pending after its context has
// ended.
const drainTime = 5 * time.Second

// A Board is the station's buttons, lamps and buzzers. It is a station.Source of
// every button's events, a station.Display, a station.Sounder and a
// station.HealthReporter.
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
	changed chan struct{} // has room for one: there is something new to show

	// pending has the presses that are not recorded yet. A power cut loses them, as it loses
	// the edges in the kernel's buffer; no lamp has confirmed any of them. A press for which
	// there is no room is dropped, logged and counted.
	pending chan transition

	mu            sync.Mutex // guards what follows, the contacts of all buttons and the lineStates of all banks
	lights        map[string]station.Light
	sounds        map[string]station.SoundKind // new ones, by buzzer
	faults        map[string]string            // by configured name
	droppedEvents map[string]lossCount         // by button
	lostEdges     map[string]lossCount         // by button
	untaken       []string                     // buttons whose lines could not be taken
}

// A lossCount is how many events of a button were not recorded, or how many of its
// edges the kernel dropped, and when that happened last.
type lossCount struct {
	count int
	last  time.Time
}

// lossFaultTime is how long a loss, or too many glitches, stay a fault of the button:
// long enough for the operator to look up and see the lamp.
const lossFaultTime = time.Minute

var (
	_ station.Source         = (*Board)(nil)
	_ station.Display        = (*Board)(nil)
	_ station.Sounder        = (*Board)(nil)
	_ station.HealthReporter = (*Board)(nil)
)

// Open takes the lines of everything on the panel and drives lamps dark and
// buzzers silent. The panel has passed Check. stamp says what a moment of time.Now
// is to the rest of the world. A chip that is missing or ambiguous is an error that
// lists what there is; nothing stays taken then. The machine is looked at anew each
// time: where the chip appears later, a later call finds it.
//
// A line that another program has, or that the chip does not have, is a fault of what
// is wired to it, which Tell reports, and keeps nothing else from working. It is an
// error only where no button's line can be taken.
//
// The caller calls Close when every loop has returned.
func Open(p Panel, stamp func(time.Time) station.Stamp, log *slog.Logger) (*Board, error) {
	return open(openChip, p, stamp, log)
}

func open(find func(name string) (chip, error), p Panel, stamp func(time.Time) station.Stamp, log *slog.Logger) (*Board, error) {
	b := &Board{
		log: log, stamp: stamp,
		changed:       make(chan struct{}, 1),
		pending:       make(chan transition, maxPending),
		sounds:        make(map[string]station.SoundKind),
		faults:        make(map[string]string),
		droppedEvents: make(map[string]lossCount),
		lostEdges:     make(map[string]lossCount),
	}
	o := opener{find: find, board: b, chips: make(map[string]chip), banks: make(map[chip]*Bank)}
	if err := o.open(p); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// An opener takes the lines of a Panel, chip by chip, and puts them into a Board.
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
		if err := o.output("lamp", l.Name, l.Chip, l.Pin, l.Active, &l.drivenLine); err != nil {
			return err
		}
	}
	for _, config := range p.Buzzers {
		b := &buzzer{Buzzer: config.withDefaults(p.Chips)}
		o.board.buzzers = append(o.board.buzzers, b)
		if err := o.output("buzzer", b.Name, b.Chip, b.Pin, b.Active, &b.drivenLine); err != nil {
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
		for _, e := range bank.inputs {
			pins = append(pins, e.pin())
		}
		lines, err := bank.chip.inputs(pins)
		if err != nil {
			lines, err = o.takeRemaining(bank, err)
		}
		if err != nil {
			return err
		}
		// From here on the kernel buffers edges: what is pressed before Run reads for the
		// first time is a press. Only what is pressed now is a state.
		bank.lines = lines
		if bank.tracker, err = newLineTracker(lines, len(bank.inputs)); err != nil {
			return bank.chipLost(err)
		}
	}
	return nil
}

// untakenAdvice is what to do about a line that could not be taken.
const untakenAdvice = "; free the line, or name another pin, and restart stationd"

// takeRemaining tries each button alone, makes it a fault of those whose lines cannot be
// taken, and takes the others together. Where none is left it returns cause, which is
// why all of them could not be taken at once.
func (o *opener) takeRemaining(bank *Bank, cause error) (inputLines, error) {
	all := bank.buttons
	bank.inputs, bank.buttons = nil, nil
	var pins []inputPin
	for _, b := range all {
		alone := &Bank{board: o.board, chip: bank.chip}
		alone.add(b)
		var own []inputPin
		for _, e := range alone.inputs {
			own = append(own, e.pin())
		}
		lines, err := bank.chip.inputs(own)
		if err == nil {
			err = lines.close()
		}
		if err != nil {
			o.board.faults[b.Name] = err.Error() + untakenAdvice
			o.board.untaken = append(o.board.untaken, b.Name)
			continue
		}
		bank.add(b)
		pins = append(pins, own...)
	}
	if len(pins) == 0 {
		return nil, cause
	}
	return bank.chip.inputs(pins)
}

// output takes the line of a lamp or a buzzer and drives it off.
func (o *opener) output(kind, name, chip string, pin int, active string, l *drivenLine) error {
	l.owner, l.pin, l.activeHigh = kind+" "+name, pin, active == high
	c, err := o.chip(chip)
	if err != nil {
		return fmt.Errorf("%s: %w", l.owner, err)
	}
	if l.line, err = c.output(pin); err == nil {
		err = l.set(false)
	}
	if err != nil {
		l.line = nil
		o.board.faults[name] = err.Error() + untakenAdvice
	}
	return nil
}

// Banks returns the buttons, chip by chip. The caller runs each of them beside Run.
func (b *Board) Banks() []*Bank { return b.banks }

// Run emits the events that the banks have queued: one at a time, each bank's in the
// order in which they became certain. It blocks until ctx is done and then records what
// is queued already; what five seconds are not enough for is dropped, logged and
// counted. Then it returns nil. It may be run again.
//
// The banks go on while emit is at work, so that a slow card makes no press late,
// shorter or unseen. No lamp has confirmed what still waits for emit. When more than
// 4,096 wait, the next is dropped: it is logged, counted, and a fault of its button for
// a minute. When emit returns an error the event is not recorded; Run logs that and
// goes on.
func (b *Board) Run(ctx context.Context, emit station.Emit) error {
	for ctx.Err() == nil {
		select {
		case t := <-b.pending:
			b.record(t, emit)
		case <-ctx.Done():
		}
	}
	b.drain(emit)
	return nil
}

// drain records what is queued, for drainTime at most, and drops the rest.
func (b *Board) drain(emit station.Emit) {
	for end := time.Now().Add(drainTime); ; {
		select {
		case t := <-b.pending:
			if time.Now().After(end) {
				b.drop(t)
				continue
			}
			b.record(t, emit)
		default:
			return
		}
	}
}

// record emits one transition as an event.
func (b *Board) record(t transition, emit station.Emit) {
	_, err := emit(station.Event{ID: station.NewID(), Source: t.source, Kind: t.kind, At: b.stamp(t.at)})
	if err != nil {
		b.log.Error("not recorded", "source", t.source, "event", t.kind, "error", err)
	}
}

// enqueue queues one transition for Run, and drops it where there is no room.
func (b *Board) enqueue(t transition) {
	select {
	case b.pending <- t:
	default:
		b.drop(t)
	}
}

// drop counts and logs a transition that will not be recorded.
func (b *Board) drop(t transition) {
	b.mu.Lock()
	l := b.droppedEvents[t.source]
	b.droppedEvents[t.source] = lossCount{l.count + 1, time.Now()}
	b.mu.Unlock()
	b.log.Error("lost: too much waits to be recorded", "source", t.source, "event", t.kind, "at", t.at)
}

// countLostEdges counts edges that the kernel dropped before they could be read: it
// keeps 1,024 for a chip's buttons and drops the oldest. It is logged once for as long
// as it goes on.
func (b *Board) countLostEdges(button string, e edge) {
	b.mu.Lock()
	l := b.lostEdges[button]
	b.lostEdges[button] = lossCount{l.count + e.lost, time.Now()}
	b.mu.Unlock()
	if l.count == 0 || time.Since(l.last) >= lossFaultTime {
		b.log.Error("lost: a line changes more often than it can be read", "source", button, "edges", e.lost, "at", e.at)
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

// Inputs returns the lines of the buttons as they were read last. It reads nothing and
// waits for nothing, so that it may be called as often as one likes.
func (b *Board) Inputs() []Input {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []Input
	for _, bank := range b.banks {
		for i, seen := range bank.lineStates {
			end := bank.inputs[i]
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
			lost[button.Name] = b.droppedEvents[button.Name].count + b.lostEdges[button.Name].count
		}
	}
	return lost
}

// Faults returns what is wrong with each button, lamp and buzzer by its name; "" where
// nothing is. A button that has been down for a minute is stuck until it is released.
// Where a button and a lamp share a name, so do their faults.
func (b *Board) Faults() map[string]string {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	faults := make(map[string]string)
	for _, lamp := range b.lamps {
		faults[lamp.Name] = b.faults[lamp.Name]
	}
	for _, buzzer := range b.buzzers {
		faults[buzzer.Name] = b.faults[buzzer.Name]
	}
	for _, name := range b.untaken {
		faults[name] = b.faults[name]
	}
	for _, bank := range b.banks {
		for _, button := range bank.buttons {
			faults[button.Name] = b.faultOf(button, now)
		}
	}
	return faults
}

// FaultReasons implements station.FaultExplainer: what is wrong with a button's own contacts,
// for whoever stands there.
func (b *Board) FaultReasons() map[string]*station.Reason {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	reasons := make(map[string]*station.Reason)
	for _, bank := range b.banks {
		for _, button := range bank.buttons {
			if b.faultOf(button, now) != "" && b.faultOf(button, now) == button.fault(now) {
				reasons[button.Name] = &station.Reason{Kind: "contact"}
			}
		}
	}
	return reasons
}

// faultOf returns the most serious fault of a button; "" where it has none. The caller
// holds mu.
func (b *Board) faultOf(button *button, now time.Time) string {
	if fault := b.faults[button.Name]; fault != "" {
		return fault
	}
	if l := b.droppedEvents[button.Name]; l.count > 0 && now.Sub(l.last) < lossFaultTime {
		return fmt.Sprintf("%d events lost so far: the outbox does not keep up", l.count)
	}
	if l := b.lostEdges[button.Name]; l.count > 0 && now.Sub(l.last) < lossFaultTime {
		return fmt.Sprintf("%d of its changes lost so far: its contact chatters, or stationd stood still", l.count)
	}
	return button.fault(now)
}

// Close drives every lamp dark and every buzzer silent and gives all lines back.
// It is called when every loop has returned.
func (b *Board) Close() error {
	var errs []error
	for _, l := range b.drivenLines() {
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

// drivenLines returns everything that is driven.
func (b *Board) drivenLines() []*drivenLine {
	var all []*drivenLine
	for _, l := range b.lamps {
		all = append(all, &l.drivenLine)
	}
	for _, z := range b.buzzers {
		all = append(all, &z.drivenLine)
	}
	return all
}
