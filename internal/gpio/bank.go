package gpio

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// idle is the longest wait for an edge where there is one chip; where there are
// several each waits as many times longer, so that all of them together wake four
// times a second. The levels are read again after it, because an edge may have been
// dropped.
const idle = 250 * time.Millisecond

// A Bank is the buttons of one chip.
type Bank struct {
	board    *Board
	chip     chip
	name     string // of the chip, as configured
	lines    inputs
	listener *listener
	ends     []end // by their place in lines
	buttons  []*button
	certain  []happening // of this turn; used again and again
	seen     []sight     // by their place in ends; the board's lock guards it
}

// A sight is how a line was seen last.
type sight struct {
	high  bool
	edges int
	at    time.Time
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
// a second longer for each chip with buttons, and then returns nil. The first run tells
// what was pressed since the lines were taken; it may be run again, and begins with what
// is pressed then, which is a state and not a press.
//
// An error means that the chip is gone or cannot be read. The caller closes the
// board, and opens it anew when the chip is there again.
func (bank *Bank) Run(ctx context.Context) error {
	if err := bank.begin(); err != nil {
		return bank.gone(err)
	}
	defer func() { bank.listener = nil }()
	for ctx.Err() == nil {
		bank.certain = bank.certain[:0]
		still, err := bank.listener.listen(bank.patience(time.Now()), bank.take)
		if err != nil {
			return bank.gone(err)
		}
		if ctx.Err() != nil {
			return nil // what is pressed now is not taken
		}
		for _, h := range bank.settle(still) {
			bank.board.hand(h)
		}
	}
	return nil
}

// begin makes the contacts from what was pressed when the lines were taken, or is now.
func (bank *Bank) begin() error {
	bank.board.mu.Lock()
	defer bank.board.mu.Unlock()
	for _, b := range bank.buttons {
		b.glitches += b.contact.glitches
		b.contact, b.known = contact{}, false
	}
	if bank.listener == nil {
		var err error
		if bank.listener, err = listenTo(bank.lines, len(bank.ends)); err != nil {
			return err
		}
	}
	now := bank.listener.begun
	bank.seen = slices.Grow(bank.seen, len(bank.ends))[:len(bank.ends)]
	for i, end := range bank.ends {
		end.see(end.which, bank.listener.high&(1<<i) != 0)
		bank.seen[i].high, bank.seen[i].at = bank.listener.high&(1<<i) != 0, now
	}
	for _, b := range bank.buttons {
		b.contact, b.known = newContact(b.Button, now, b.position() == down), true
		b.contact.move(now, b.position())
	}
	return nil
}

// patience returns how long to wait for an edge: until the next contact may
// settle, and never outside shortest and idle.
func (bank *Bank) patience(now time.Time) time.Duration {
	patience := idle * time.Duration(len(bank.board.banks))
	for _, b := range bank.buttons {
		if at, ok := b.contact.next(); ok && !bank.doubtful(b) {
			patience = min(patience, at.Sub(now))
		}
	}
	return bank.listener.patience(now, patience)
}

// doubtful reports whether the level of a contact of the button is another than
// was told.
func (bank *Bank) doubtful(b *button) bool {
	for i, end := range bank.ends {
		if end.button == b && bank.listener.doubtful(i) {
			return true
		}
	}
	return false
}

// take takes one edge. What its button has come to until then is certain.
func (bank *Bank) take(e edge) {
	end := bank.ends[e.line]
	if e.forgot > 0 {
		bank.board.forget(end.Name, e)
	}
	bank.board.mu.Lock()
	defer bank.board.mu.Unlock()
	if !e.torn {
		bank.ask(end.button, e.at)
	}
	end.see(end.which, e.high)
	seen := &bank.seen[e.line]
	seen.high, seen.edges, seen.at = e.high, seen.edges+1+e.forgot, e.at
	end.take(e)
}

// ask notes what is certain of a button at now.
func (bank *Bank) ask(b *button, now time.Time) {
	before := b.contact.glitches
	for {
		kind, at := b.contact.settle(now)
		if kind == "" {
			b.unrest.take(now, b.contact.glitches-before)
			return
		}
		bank.certain = append(bank.certain, happening{b.Name, kind, at})
	}
}

// gone notes that the buttons are dead and returns the error that says so.
func (bank *Bank) gone(err error) error {
	bank.board.mu.Lock()
	defer bank.board.mu.Unlock()
	for _, b := range bank.buttons {
		bank.board.faults[b.Name] = fmt.Sprintf("its GPIO chip is gone: %v", err)
	}
	return fmt.Errorf("gpio chip %s: %w; check the wiring of the chip", bank.Name(), err)
}

// settle asks every contact what is certain, when everything that happened until
// still has been taken, and returns it with what was certain before.
func (bank *Bank) settle(still time.Time) []happening {
	bank.board.mu.Lock()
	defer bank.board.mu.Unlock()
	for _, b := range bank.buttons {
		if !bank.doubtful(b) {
			bank.ask(b, still)
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
	unrest   unrest
}

const (
	// mostGlitches is how many glitches an input may have within unrestTime. A hand that
	// brushes a button, or a contact that is worn, makes some in an hour; a wire beside a
	// motor's, or a sensor whose pulses are shorter than the debounce time, makes more.
	mostGlitches = 20
	unrestTime   = time.Minute
)

// An unrest is the last glitches of an input: too many soon after each other are a fault.
type unrest struct {
	times [mostGlitches]time.Time
	next  int
	since time.Time // when there were too many, last
}

// take takes so many glitches that are certain at now.
func (u *unrest) take(now time.Time, glitches int) {
	for range glitches {
		if oldest := u.times[u.next]; !oldest.IsZero() && now.Sub(oldest) < unrestTime {
			u.since = now
		}
		u.times[u.next] = now
		u.next = (u.next + 1) % mostGlitches
	}
}

// fault says that there were too many, for a minute after the last.
func (u *unrest) fault(now time.Time) string {
	if u.since.IsZero() || now.Sub(u.since) >= lossShown {
		return ""
	}
	return fmt.Sprintf("unsteady: more than %d changes in a minute that were too short to count; look at its wire and contact, or shorten the debounce of a sensor", mostGlitches)
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

// take feeds the button's position as it is after an edge of one of its contacts.
func (b *button) take(e edge) {
	p := b.position()
	if e.torn && p == b.contact.seen {
		b.contact.stir(e.at)
		return
	}
	b.contact.move(e.at, p)
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
	return b.unrest.fault(now)
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
