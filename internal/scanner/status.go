package scanner

import "errors"

// Why a scanner's port is not open, in the error of a Status. Their texts say what to do.
var (
	ErrNotThere   = errors.New("not there, plug the reader in")
	ErrNotAllowed = errors.New("not allowed, add the user of stationd to the device's group (dialout, or input for a reader that types)")
	ErrInUse      = errors.New("in use, stop the other program that has it open")
)

// A Status is a change of a scanner's condition, as the log has it, for a command that shows
// it to a person.
type Status struct {
	Kind StatusKind
	Port string // of Ready: the device or address that is read, as /dev/ttyACM0
	Old  int    // of Ready: bytes that were sent before the port was open, and dropped
	Err  error  // of the others: what is wrong, with the scanner's name in front
}

// A StatusKind says what has changed.
type StatusKind uint8

// The changes.
const (
	Ready    StatusKind = iota + 1 // every scan from now on is read
	NotReady                       // the port is not open, and is tried again; once for as long as that lasts
	Limited                        // the serial line cannot do what keys of the configuration ask for
	Dropped                        // a part of a scan was lost, so that none of it is passed on
)

// Observe has the scanner call each with every Status, one at a time. It is called before
// RunPort; each must not wait for long, because nothing is read meanwhile.
func (r *Scanner) Observe(each func(Status)) { r.observe = each }
