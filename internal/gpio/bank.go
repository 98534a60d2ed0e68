package gpio

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

const (
	// idle is the longest wait for an edge where there is one chip; where there are
	// several each waits as many times longer, so that all of them together wake
	// four times a second. The levels are read again after it, because an edge may
	// have been dropped.
	idle = 250 * time.Millisecond

	// shortest is the shortest wait. The kernel is not asked at all when the time
	// for an answer is over before the question is put, so an edge that is
	// remembered would not be seen; and zero means for ever.
	shortest = time.Millisecond

	// most is how many edges of one chip are read before the levels are: a line
	// that chatters must not keep the others waiting.
	most = 256
)

// A Bank is the buttons of one chip.
type Bank struct {
	board   *Board
	chip    chip
	name    string // of the chip, as configured
	lines   inputs
	ends    []end // by their place in lines
	buttons []*button
	certain []happening // used again and again
}

// An end is the line of one contact of a button.
type end struct {
	*button
	which int // 0: its only contact or its normally open one; 1: the normally closed one beside it
}

// pin says how the line is wired. Where a closed contact pulls it low, a normally
// closed one leaves it high when the button is pressed.
func (e end) pin() inputPin {
	pin, closes := e.Pin, e.Wiring != normallyClosed
	if e.which == 1 {
		pin, closes = *e.PinNC, false
	}
	return inputPin{pin: pin, activeLow: (e.Active == low) == closes, bias: e.Bias}
}

func (bank *Bank) add(b *button) {
	bank.buttons = append(bank.buttons, b)
	bank.ends = append(bank.ends, end{b, 0})
	if b.PinNC != nil {
		bank.ends = append(bank.ends, end{b, 1})
	}
}

// Name is what the chip is called in errors and logs.
func (bank *Bank) Name() string {
	if bank.name == "" {
		return "of the header"
	}
	return bank.name
}

// Run gathers what the contacts of one chip do, and hands over what they come to,
// in the order of their times where several are certain at once. It never waits
// for anything but the contacts. It blocks until ctx is done, at most a quarter of
// a second longer for each chip with buttons, and then returns nil; it may be run
// again, and a button that is down then is a state and not a press.
//
// An error means that the chip is gone or cannot be read. periph never looks for
// chips again in a process, so the process should end and be started anew.
func (bank *Bank) Run(ctx context.Context) error {
	if err := bank.begin(); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := bank.gather(bank.patience(time.Now())); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil // what is pressed now is not taken
		}
		for _, h := range bank.settle(time.Now()) {
			bank.board.hand(h)
		}
	}
	return nil
}

// begin makes the contacts from what is pressed now.
func (bank *Bank) begin() error {
	bank.board.mu.Lock()
	for _, b := range bank.buttons {
		b.glitches += b.contact.glitches
		b.contact, b.known = contact{}, false
	}
	bank.board.mu.Unlock()
	return bank.readLevels()
}

// patience returns how long to wait for an edge: until the next contact may
// settle, and never outside shortest and idle.
func (bank *Bank) patience(now time.Time) time.Duration {
	patience := idle * time.Duration(len(bank.board.banks))
	for _, b := range bank.buttons {
		if at, ok := b.contact.next(); ok {
			patience = min(patience, at.Sub(now))
		}
	}
	return max(patience, shortest)
}

// gather waits for an edge, feeds it and all that follow at once, and then reads
// the levels: what the edges left out is in them.
func (bank *Bank) gather(patience time.Duration) error {
	for range most {
		e, err := bank.lines.wait(patience)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return bank.gone("wait for an edge", err)
		}
		bank.board.mu.Lock()
		end := bank.ends[e.line]
		end.see(end.which, e.high)
		end.take(time.Now())
		bank.board.mu.Unlock()
		patience = shortest
	}
	return bank.readLevels()
}

// readLevels feeds the level of every line. A level that cannot be read is
// neither pressed nor released: it is an error, and nothing is fed.
func (bank *Bank) readLevels() error {
	levels, err := bank.lines.levels()
	if err != nil {
		return bank.gone("read the levels", err)
	}
	bank.board.mu.Lock()
	defer bank.board.mu.Unlock()
	now := time.Now()
	for i, end := range bank.ends {
		end.see(end.which, levels&(1<<i) != 0)
	}
	for _, b := range bank.buttons {
		b.take(now)
	}
	return nil
}

// gone notes that the buttons are dead and returns the error that says so.
func (bank *Bank) gone(what string, err error) error {
	bank.board.mu.Lock()
	defer bank.board.mu.Unlock()
	for _, b := range bank.buttons {
		bank.board.faults[b.Name] = fmt.Sprintf("its GPIO chip is gone: %v", err)
	}
	return fmt.Errorf("gpio chip %s: %s: %w; check the wiring of the chip and start again", bank.Name(), what, err)
}

// settle asks every contact what is certain now.
func (bank *Bank) settle(now time.Time) []happening {
	bank.board.mu.Lock()
	defer bank.board.mu.Unlock()
	bank.certain = bank.certain[:0]
	for _, b := range bank.buttons {
		for {
			kind, at := b.contact.settle(now)
			if kind == "" {
				break
			}
			bank.certain = append(bank.certain, happening{b.Name, kind, at})
		}
	}
	slices.SortStableFunc(bank.certain, func(x, y happening) int { return x.at.Compare(y.at) })
	return bank.certain
}

// A button is a configured button and its contact. The board's lock guards it.
type button struct {
	Button
	closed   [2]bool // which of its contacts are closed
	known    bool    // the contact has been made from levels that were read
	contact  contact
	glitches int // of contacts before this one
}

// see takes the level of the line of one of the button's contacts.
func (b *button) see(which int, isHigh bool) { b.closed[which] = isHigh == (b.Active == high) }

// position says what the button's contacts, as they are, mean.
func (b *button) position() position {
	pressed := b.closed[0]
	switch {
	case b.PinNC != nil && b.closed[0] == b.closed[1]:
		return between
	case b.PinNC == nil && b.Wiring == normallyClosed:
		pressed = !pressed
	}
	if pressed {
		return down
	}
	return up
}

// take feeds the button's position as it is now.
func (b *button) take(now time.Time) {
	p := b.position()
	if !b.known {
		b.contact, b.known = newContact(b.Button, now, p == down), true
	}
	b.contact.move(now, p)
}

// fault says what is wrong with the button's contacts.
func (b *button) fault(now time.Time) string {
	c := &b.contact
	if c.odd {
		return b.discord()
	}
	length, stuck := c.stuck(now)
	switch cuttable := b.Wiring == normallyClosed; {
	case stuck && cuttable:
		return fmt.Sprintf("held or wire cut: its contact has been open for %d s", length/time.Second)
	case cuttable && b.known && !c.armed && c.seen == down:
		return "held or wire cut: its contact is open since the start"
	case stuck:
		return fmt.Sprintf("stuck: held for %d s", length/time.Second)
	}
	return ""
}

// discord says how two contacts disagree.
func (b *button) discord() string {
	switch {
	case b.closed[0] != b.closed[1]:
		return "its two contacts disagreed; it says nothing until it has been seen at rest"
	case b.closed[0]:
		return "its two contacts disagree: both are closed; one is welded or its wire has a short circuit"
	}
	return "its two contacts disagree: both are open; a wire is cut or the button is half pressed"
}
