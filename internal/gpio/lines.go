package gpio

import "time"

// What this package asks of a GPIO chip, and no more. There are two
// implementations: periphChip, the kernel's character device through periph, and
// simChip, the demo's socket. Levels here are physical: true is high.

// A chip gives out lines. Each line is given out once.
type chip interface {
	// inputs takes lines as inputs, all at once. Edges of both directions are
	// remembered from then on.
	inputs(pins []inputPin) (inputs, error)

	// output takes one line as an output.
	output(pin int) (output, error)

	// close gives the chip itself back; its lines are closed before.
	close() error
}

// An inputPin says how a line is wired.
type inputPin struct {
	pin       int
	activeLow bool
	bias      string
}

// inputs are the input lines of one chip, by their place in the request.
type inputs interface {
	// wait returns the next remembered edge, oldest first, or waits for one. A
	// wait that ends without an edge is os.ErrDeadlineExceeded; any other error
	// means that the lines are gone for good. An edge has no time, may have been
	// dropped, and may be behind the levels. The timeout must be above zero: what
	// zero and less do differs between implementations.
	wait(timeout time.Duration) (edge, error)

	// levels returns the level of every line: bit 0 is the first line asked for.
	// With an error the bits mean nothing.
	levels() (uint64, error)

	close() error
}

// An edge says that a line has changed and what it changed to.
type edge struct {
	line int // the place of the line in the request
	high bool
}

// An output is one line that is only ever driven. It has no way to be read: to
// read an output turns it into an input in periph.
type output interface {
	set(high bool) error
	close() error
}
