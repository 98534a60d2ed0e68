package demo

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// A Reader is a hand-held scanner on a serial line: a pty, and a link that leads
// to it as long as it is plugged in, as udev's links do.
type Reader struct {
	Link string

	mu     sync.Mutex
	master *os.File // the scanner's end of the line; nil while it is unplugged
}

func NewReader(link string) *Reader { return &Reader{Link: link} }

// Plug plugs the scanner in: there is a line again, under another number. When it
// is plugged in already, nothing changes.
func (r *Reader) Plug() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.attach()
}

// Unplug pulls the scanner's plug.
func (r *Reader) Unplug() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.detach()
}

// renew gives a scanner that is plugged in a fresh line, as it has after its
// computer was without power.
func (r *Reader) renew() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.master == nil {
		return nil
	}
	r.detach()
	return r.attach()
}

// Line is the scanner's end of its line; nil while it is unplugged.
func (r *Reader) Line() *os.File {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.master
}

func (r *Reader) plugged() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.master != nil
}

func (r *Reader) attach() error {
	if r.master != nil {
		return nil
	}
	master, line, err := pty.Open()
	if err != nil {
		return fmt.Errorf("scanner: a serial line: %w", err)
	}
	// The station's end is the station's alone: it takes the line for itself.
	defer line.Close()
	if err := errors.Join(plain(line), patient(master)); err != nil {
		master.Close()
		return fmt.Errorf("scanner: serial line %s: %w", line.Name(), err)
	}
	// A link is replaced whole: there is no moment at which it leads nowhere.
	fresh := r.Link + ".new"
	if err := errors.Join(os.Symlink(line.Name(), fresh), os.Rename(fresh, r.Link)); err != nil {
		master.Close()
		return fmt.Errorf("scanner: %w", err)
	}
	r.master = master
	return nil
}

func (r *Reader) detach() {
	if r.master == nil {
		return
	}
	_ = os.Remove(r.Link) // it leads nowhere either way
	r.master.Close()
	r.master = nil
}

// plain makes a terminal a line that carries bytes as they are, without echo.
func plain(line *os.File) error {
	fd := int(line.Fd())
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// patient makes deadlines count for writing to the line; opening it has made it
// wait for ever.
func patient(master *os.File) error {
	raw, err := master.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	if err := raw.Control(func(fd uintptr) { set = unix.SetNonblock(int(fd), true) }); err != nil {
		return err
	}
	return set
}

// errDark is what a scanner answers that hangs on no station.
var errDark = errors.New("the scanner is dark: it has no power")

// Scan sends what a scanner sends for a label: what it holds, and CR. Whether the
// station listens, a scanner does not know.
func (r *Reader) Scan(code string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.master == nil {
		return errDark
	}
	if err := r.master.SetWriteDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return fmt.Errorf("scanner: %w", err)
	}
	if _, err := r.master.WriteString(code + "\r"); err != nil {
		return fmt.Errorf("scanner: nobody reads it: %w", err)
	}
	return nil
}
