package gpio

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A Bank is the buttons of one chip. Its Run turns the edges of their lines into
// presses, holds, doubles and releases, and queues them on the board. Fields without a
// word about the lock belong to Run alone.
type Bank struct {
	board      *Board
	chip       chip
	name       string // of the chip, as configured
	lines      inputLines
	tracker    *lineTracker
	inputs     []input // by their place in lines
	buttons    []*button
	settled    []transition // what this turn of Run has found certain; its memory is used again
	lineStates []lineState  // by their place in inputs; the board's lock guards it
}

// A lineState is how a line was when it was read last.
type lineState struct {
	high  bool
	edges int
	at    time.Time
}

// An input is the line of one contact of a button. A button has two where it has a
// normally closed contact beside its normally open one.
type input struct {
	*button
	which int // 0: its only contact or its normally open one; 1: the normally closed one beside it
}

// pin says how the line is wired. Where a closed contact pulls it low, a normally
// closed one leaves it high when the button is pressed.
func (e input) pin() inputPin {
	pin, closes := e.Pin, e.Wiring != normallyClosed
	if e.which == 1 {
		pin, closes = *e.PinNC, false
	}
	return inputPin{pin: pin, activeLow: (e.Active == low) == closes, bias: e.Bias}
}

func (bank *Bank) add(b *button) {
	bank.buttons = append(bank.buttons, b)
	bank.inputs = append(bank.inputs, input{b, 0})
	if b.PinNC != nil {
		bank.inputs = append(bank.inputs, input{b, 1})
	}
}

// Name is what the chip is called in errors and logs.
func (bank *Bank) Name() string {
	if bank.name == "" {
		return "of the header"
	}
	return bank.name
}

// Run reads the contacts of one chip and queues what they do on the board, in the
// order of their times where several are certain at once. It never waits for anything
// but the contacts. It blocks until ctx is done, and then returns nil. The first Run reports what was
// pressed since Open took the lines; a later one begins with what is pressed then,
// which is a state and not a press.
//
// An error means that the chip is gone or cannot be read. The caller closes the
// board, and opens it anew when the chip is there again.
func (bank *Bank) Run(ctx context.Context) error {
	if err := bank.start(); err != nil {
		return bank.chipLost(err)
	}
	defer func() { bank.tracker = nil }()
	defer context.AfterFunc(ctx, bank.lines.wake)()
	for ctx.Err() == nil {
		bank.settled = bank.settled[:0]
		still, err := bank.tracker.poll(bank.waitTime(time.Now()), bank.handleEdge)
		if err != nil {
			return bank.chipLost(err)
		}
		if ctx.Err() != nil {
			return nil // what is pressed now is not taken
		}
		for _, t := range bank.settleAll(still) {
			bank.board.enqueue(t)
		}
	}
	return nil
}

// start makes every button's contact anew: from the levels when the lines were taken,
// or from those of now.
func (bank *Bank) start() error {
	bank.board.mu.Lock()
	defer bank.board.mu.Unlock()
	for _, b := range bank.buttons {
		b.glitches += b.contact.glitches
		b.contact, b.known = contact{}, false
	}
	if bank.tracker == nil {
		var err error
		if bank.tracker, err = newLineTracker(bank.lines, len(bank.inputs)); err != nil {
			return err
		}
	}
	now := bank.tracker.began
	bank.lineStates = slices.Grow(bank.lineStates, len(bank.inputs))[:len(bank.inputs)]
	for i, end := range bank.inputs {
		end.setLevel(end.which, bank.tracker.high&(1<<i) != 0)
		bank.lineStates[i].high, bank.lineStates[i].at = bank.tracker.high&(1<<i) != 0, now
	}
	for _, b := range bank.buttons {
		b.contact, b.known = newContact(b.Button, now, b.position() == down), true
		b.contact.moveTo(now, b.position())
	}
	return nil
}

// waitTime returns how long to wait for an edge: until the next contact may settle,
// between minWait and idleWait.
func (bank *Bank) waitTime(now time.Time) time.Duration {
	wait := bank.tracker.longestWait(now, len(bank.board.banks))
	for _, b := range bank.buttons {
		if at, ok := b.contact.next(); ok && !bank.mismatched(b) {
			wait = min(wait, at.Sub(now))
		}
	}
	return bank.tracker.waitTime(now, wait)
}

// mismatched reports whether the level of one of the button's contacts differs from
// what its edges said.
func (bank *Bank) mismatched(b *button) bool {
	for i, end := range bank.inputs {
		if end.button == b && bank.tracker.mismatched(i) {
			return true
		}
	}
	return false
}

// handleEdge takes in one edge. Before it changes the contact, what the button has done
// until then is certain and is noted.
func (bank *Bank) handleEdge(e edge) {
	end := bank.inputs[e.line]
	if e.lost > 0 {
		bank.board.countLostEdges(end.Name, e)
	}
	bank.board.mu.Lock()
	defer bank.board.mu.Unlock()
	if !e.gap {
		bank.settleButton(end.button, e.at)
	}
	end.setLevel(end.which, e.high)
	seen := &bank.lineStates[e.line]
	seen.high, seen.edges, seen.at = e.high, seen.edges+1+e.lost, e.at
	end.applyEdge(e)
}

// settleButton notes everything that is certain of a button at now.
func (bank *Bank) settleButton(b *button, now time.Time) {
	before := b.contact.glitches
	for {
		kind, at := b.contact.settle(now)
		if kind == "" {
			b.glitchRate.add(now, b.contact.glitches-before)
			return
		}
		bank.settled = append(bank.settled, transition{b.Name, kind, at})
	}
}

// chipLost makes the loss of the chip a fault of each of its buttons, and returns the
// error that says so.
func (bank *Bank) chipLost(err error) error {
	bank.board.mu.Lock()
	defer bank.board.mu.Unlock()
	for _, b := range bank.buttons {
		bank.board.faults[b.Name] = fmt.Sprintf("its GPIO chip is gone: %v", err)
	}
	return fmt.Errorf("gpio chip %s: %w; check the wiring of the chip", bank.Name(), err)
}

// settleAll notes what is certain of every button, once everything that happened until
// still has been taken in, and returns all that this turn has noted, oldest first.
func (bank *Bank) settleAll(still time.Time) []transition {
	bank.board.mu.Lock()
	defer bank.board.mu.Unlock()
	for _, b := range bank.buttons {
		if !bank.mismatched(b) {
			bank.settleButton(b, still)
		}
	}
	slices.SortStableFunc(bank.settled, func(x, y transition) int { return x.at.Compare(y.at) })
	return bank.settled
}

// A button is a configured button and its contact. The board's lock guards it.
type button struct {
	Button
	closed     [2]bool // which of its contacts are closed
	known      bool    // the contact has been made from levels that were read
	contact    contact
	glitches   int // of contacts before this one
	glitchRate glitchRate
}

const (
	// maxGlitches is how many glitches an input may have within glitchWindow. A hand that
	// brushes a button, or a contact that is worn, makes some in an hour; a wire beside a
	// motor's, or a sensor whose pulses are shorter than the debounce time, makes more.
	maxGlitches  = 20
	glitchWindow = time.Minute
)

// A glitchRate remembers the latest glitches of an input: more than maxGlitches within
// glitchWindow are a fault.
type glitchRate struct {
	latest   [maxGlitches]time.Time
	next     int
	exceeded time.Time // when there were too many last; zero: never
}

// add counts glitches that are certain at now.
func (u *glitchRate) add(now time.Time, glitches int) {
	for range glitches {
		if oldest := u.latest[u.next]; !oldest.IsZero() && now.Sub(oldest) < glitchWindow {
			u.exceeded = now
		}
		u.latest[u.next] = now
		u.next = (u.next + 1) % maxGlitches
	}
}

// fault returns what to tell for a minute after the rate was exceeded; else "".
func (u *glitchRate) fault(now time.Time) string {
	if u.exceeded.IsZero() || now.Sub(u.exceeded) >= lossFaultTime {
		return ""
	}
	return fmt.Sprintf("unsteady: more than %d changes in a minute that were too short to count; look at its wire and contact, or shorten the debounce of a sensor", maxGlitches)
}

// setLevel takes in the level of the line of one of the button's contacts.
func (b *button) setLevel(which int, isHigh bool) { b.closed[which] = isHigh == (b.Active == high) }

// position returns what the button's contacts mean as they are now.
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

// applyEdge moves the contact to the button's position after an edge of one of its lines.
func (b *button) applyEdge(e edge) {
	p := b.position()
	if e.gap && p == b.contact.seen {
		b.contact.restartRun(e.at)
		return
	}
	b.contact.moveTo(e.at, p)
}

// fault returns what is wrong with the button's contacts; "" when nothing is.
func (b *button) fault(now time.Time) string {
	c := &b.contact
	if c.disagreeing {
		return b.disagreement()
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
	return b.glitchRate.fault(now)
}

// disagreement says in words how the two contacts disagree.
func (b *button) disagreement() string {
	switch {
	case b.closed[0] != b.closed[1]:
		return "its two contacts disagreed; it says nothing until it has been seen at rest"
	case b.closed[0]:
		return "its two contacts disagree: both are closed; one is welded or its wire has a short circuit"
	}
	return "its two contacts disagree: both are open; a wire is cut or the button is half pressed"
}
