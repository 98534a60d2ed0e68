package gpio

import (
	"sync/atomic"
	"time"
)

// This file is what the package needs of a GPIO chip, and no more. There are three
// implementations: cdevChip, the kernel's character device; inputChip, the keys of a USB
// pedal or box of buttons; and simChip, the demo's socket. Levels here are physical:
// true is high.

// A chip gives out lines. Each line is given out once.
type chip interface {
	// inputs takes lines as inputs, all at once. Edges of both directions are
	// remembered from then on.
	inputs(pins []inputPin) (inputLines, error)

	// output takes one line as an output.
	output(pin int) (outputLine, error)

	// close gives the chip itself back; its lines are closed before.
	close() error
}

// An inputPin says how a line is wired.
type inputPin struct {
	pin       int
	activeLow bool
	bias      string
}

// inputLines are the input lines of one chip, by their place in the request.
type inputLines interface {
	// wait returns the next remembered edge, oldest first, or waits for one. A
	// wait that ends without an edge is os.ErrDeadlineExceeded, and then no edge
	// was waiting to be read when the timeout was over; any other error means that
	// the lines are gone for good. The timeout must be above zero. A wait ends at
	// close, with an error.
	wait(timeout time.Duration) (edge, error)

	// wake ends the wait that is under way, or the next one, as if its timeout were over
	// already. It may be called by another goroutine.
	wake()

	// levels returns the level of every line: bit 0 is the first line asked for.
	// With an error the bits mean nothing.
	levels() (uint64, error)

	close() error
}

// An edge says that a line has changed and what it changed to. It may be behind
// the levels.
type edge struct {
	line int // the place of the line in the request
	high bool

	// at is when it happened, by a source that knows: it is not in the future and
	// not before the line's last edge. Zero: nobody knows.
	at time.Time

	// gap says that it is not known what the line did between its last edge and this
	// one: edges were dropped, or two reported as one. lost is how many are known to have
	// been dropped.
	gap  bool
	lost int
}

// A waker ends a wait for something that can be read until a deadline: whoever wakes sets
// the mark and a deadline that is over, and whoever waits looks for the mark after it has
// set its own deadline. So no wake is lost between the two.
type waker struct{ woken atomic.Bool }

// wake ends a wait.
func (w *waker) wake(setDeadline func(time.Time) error) {
	w.woken.Store(true)
	_ = setDeadline(time.Unix(1, 0)) // what is closed waits for nothing
}

// begin sets the deadline of a wait, and reports whether somebody has ended it already.
func (w *waker) begin(deadline time.Time, setDeadline func(time.Time) error) (ended bool, err error) {
	err = setDeadline(deadline)
	return w.woken.Swap(false), err
}

// An outputLine is one line that is only ever driven. It has no way to be read.
type outputLine interface {
	set(high bool) error
	close() error
}
