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

// A Scanner is a simulated hand-held scanner on a serial line: a pty, and a symbolic link to it
// that exists while it is plugged in, as udev's do.
type Scanner struct {
	Link string // the symbolic link

	mu     sync.Mutex // guards master
	master *os.File   // the scanner's end of the line; nil while it is unplugged
}

// NewScanner returns an unplugged scanner with its link at a path.
func NewScanner(link string) *Scanner { return &Scanner{Link: link} }

// Plug plugs the scanner in, with a new pty. It does nothing when it is plugged in.
func (r *Scanner) Plug() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.attach()
}

// Unplug unplugs the scanner. It does nothing when it is unplugged.
func (r *Scanner) Unplug() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.detach()
}

// replug gives a scanner that is plugged in a new pty, as after a power cut.
func (r *Scanner) replug() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.master == nil {
		return nil
	}
	r.detach()
	return r.attach()
}

// Line returns the scanner's end of the serial line; nil while it is unplugged.
func (r *Scanner) Line() *os.File {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.master
}

func (r *Scanner) plugged() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.master != nil
}

func (r *Scanner) attach() error {
	if r.master != nil {
		return nil
	}
	master, line, err := pty.Open()
	if err != nil {
		return fmt.Errorf("scanner: a serial line: %w", err)
	}
	// The station opens its end exclusively.
	defer line.Close()
	if err := errors.Join(setRaw(line), setNonblocking(master)); err != nil {
		master.Close()
		return fmt.Errorf("scanner: serial line %s: %w", line.Name(), err)
	}
	// Replaced at once: at no moment does the link lead nowhere.
	fresh := r.Link + ".new"
	if err := errors.Join(os.Symlink(line.Name(), fresh), os.Rename(fresh, r.Link)); err != nil {
		master.Close()
		return fmt.Errorf("scanner: %w", err)
	}
	r.master = master
	return nil
}

func (r *Scanner) detach() {
	if r.master == nil {
		return
	}
	_ = os.Remove(r.Link) // without its pty it leads nowhere
	r.master.Close()
	r.master = nil
}

// setRaw sets a terminal to carry bytes unchanged, without echo.
func setRaw(line *os.File) error {
	fd := int(line.Fd())
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// setNonblocking makes write deadlines work; opening a pty has made it blocking.
func setNonblocking(master *os.File) error {
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

// errNoPower is the error of a scan with a scanner that is unplugged, or whose station is off.
var errNoPower = errors.New("the scanner has no power")

// Scan sends a code and CR, whether or not a station reads it. It is an error while the scanner
// is unplugged, or when nobody reads for two seconds.
func (r *Scanner) Scan(code string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.master == nil {
		return errNoPower
	}
	if err := r.master.SetWriteDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return fmt.Errorf("scanner: %w", err)
	}
	if _, err := r.master.WriteString(code + "\r"); err != nil {
		return fmt.Errorf("scanner: no process reads its line: %w", err)
	}
	return nil
}
