// Package exit has the exit codes of stationd, and the error that carries one from a
// command to main.
package exit

import (
	"errors"

	"stationd/internal/queue"
)

// The exit codes. systemd does not restart after Config: another start mends no
// configuration, and makes this program no newer.
const (
	Failure = 1  // something at run time, or a finding of verify and demo
	Usage   = 2  // the command line is wrong
	Config  = 78 // the configuration is wrong, or a newer version wrote the outbox: EX_CONFIG of sysexits.h
)

// An Error is an error with the code that the process ends with. Without an
// err, what there was to say has been said.
type Error struct {
	Code int
	Err  error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err == nil {
		return "it has been said"
	}
	return e.Err.Error()
}

// Unwrap returns the error itself.
func (e *Error) Unwrap() error { return e.Err }

// Wrap gives err the exit code for run time, unless it has one, or says that the
// outbox is of a newer version.
func Wrap(err error) error {
	var exit *Error
	if err == nil || errors.As(err, &exit) {
		return err
	}
	if errors.Is(err, queue.ErrNewer) {
		return With(Config, err)
	}
	return With(Failure, err)
}

// With is err with the code that the process ends with.
func With(code int, err error) error { return &Error{Code: code, Err: err} }
