package scanner

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.bug.st/serial"
	"golang.org/x/sys/unix"
)

// A port is an open serial line, and the only place that knows go.bug.st/serial
// (v1.8.0). That module leaves gaps, which are closed here:
//
//   - A write after Close goes to whatever file got the descriptor next
//     (go-serial#223), and a write that the other end does not take blocks for
//     ever, through Close too (#150). A port writes through a descriptor of its
//     own, which never waits, and under a mutex that knows whether it is open.
//   - An error that says "port closed" is both an own Close and an unplugged
//     device. A port is read by one goroutine, which reads with a limit and closes
//     when it reads no more; so an error of read means that the device is gone.
//   - Only TIOCEXCL keeps others out, root passes it, and root's Close lifts it
//     for everybody. A port holds a flock besides, see openLocked.
//   - select(2) knows descriptors below 1024, and a higher one panics (#128).
//     read turns that into an error.
//   - Until the module has set the line up, the kernel echoes what arrives back
//     to the scanner and turns CR into LF. What is still to be echoed is thrown
//     away when the port is open; what was received is for the caller to drop.
//     So close has nothing to send and never waits (#104).
type port struct {
	line   serial.Port
	mask   byte // of seven bits, the eighth is the parity's
	pseudo bool // it is a pseudo terminal

	unsupported string // the keys that the line cannot do, as a virtual one; "" where it can all

	mu sync.Mutex // guards fd against write, which others call
	fd int        // a descriptor that holds the lock and takes what is written; -1: closed
}

// openPort opens the device at path and takes its lock. The error says what to
// do in plain words; the path is not part of it.
func openPort(path string, s Config) (*port, error) {
	fd, err := openLocked(path)
	if err != nil {
		return nil, explainUnit(path, explainOpen(err))
	}
	line, err := serial.Open(path, s.mode())
	if err != nil {
		unix.Close(fd)
		return nil, explainOpen(err)
	}
	p := &port{line: line, fd: fd, mask: 0xFF, pseudo: isPseudo(fd)}
	if s.DataBits == 7 {
		p.mask = 0x7F
	}
	err = errors.Join(line.ResetOutputBuffer(), setFlow(fd, s.Flow))
	for _, level := range []struct {
		key string
		on  *bool
		set func(bool) error
	}{{"dtr", s.DTR, line.SetDTR}, {"rts", s.RTS, line.SetRTS}} {
		if err != nil || level.on == nil {
			continue
		}
		// Whether the scanner needs it shows when it is scanned with.
		if err = level.set(*level.on); errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EINVAL) {
			p.unsupported, err = strings.TrimSpace(p.unsupported+" "+level.key), nil
		}
	}
	if err != nil {
		p.close()
		return nil, explainOpen(err)
	}
	return p, nil
}

// mode is how the line is set up.
func (s Config) mode() *serial.Mode {
	mode := &serial.Mode{BaudRate: s.baud(), DataBits: 8}
	if s.DataBits != 0 {
		mode.DataBits = s.DataBits
	}
	if s.StopBits == 2 {
		mode.StopBits = serial.TwoStopBits
	}
	switch s.Parity {
	case "even":
		mode.Parity = serial.EvenParity
	case "odd":
		mode.Parity = serial.OddParity
	case "mark":
		mode.Parity = serial.MarkParity
	case "space":
		mode.Parity = serial.SpaceParity
	}
	return mode
}

// setFlow has the two ends of the line hold each other up. The module turns it off and
// has no way to turn it on.
func setFlow(fd int, flow string) error {
	if flow == "" {
		return nil
	}
	line, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return fmt.Errorf("flow control: %w", err)
	}
	if flow == "rts-cts" {
		line.Cflag |= unix.CRTSCTS
	} else {
		line.Iflag |= unix.IXON | unix.IXOFF
	}
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, line); err != nil {
		return fmt.Errorf("flow control: %w", err)
	}
	return nil
}

// explainUnit adds to EPERM, which the kernel answers for a device that systemd's unit
// keeps from the program, how to allow it. A device that only its group keeps from it
// answers EACCES.
func explainUnit(path string, err error) error {
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	device, bad := filepath.EvalSymlinks(path)
	if bad != nil {
		device = path
	}
	if strings.HasPrefix(device, "/dev/input/") || strings.HasPrefix(device, "/dev/hidraw") {
		return fmt.Errorf("the unit does not allow this device yet: systemctl daemon-reload, then systemctl restart stationd: %w", err)
	}
	return fmt.Errorf("the unit does not allow this device: `systemctl edit stationd`, write [Service] and below it DeviceAllow=%s rw, and restart it: %w", device, err)
}

// MissingDeviceAllow returns the line that the packaged unit lacks for a port that is named by its
// device; "" where it lacks none, or the port's device is not known before it is there.
func MissingDeviceAllow(port string) string {
	device := Config{Port: port}.path()
	if !strings.HasPrefix(device, "/dev/") || strings.Count(device, "/") != 2 {
		return ""
	}
	for _, allowed := range []string{"ttyACM", "ttyUSB", "ttyAMA", "hidraw"} {
		if strings.HasPrefix(device, "/dev/"+allowed) {
			return ""
		}
	}
	if device == "/dev/ttyS0" || device == "/dev/serial0" {
		return ""
	}
	return "DeviceAllow=" + device + " rw"
}

// HasUnstableName reports whether a port is named by a number that the kernel gives anew with each
// plug: /dev/ttyUSB0 is another scanner tomorrow.
func HasUnstableName(port string) bool {
	device := Config{Port: port}.path()
	for _, numbered := range []string{"/dev/ttyUSB", "/dev/ttyACM", "/dev/input/event", "/dev/hidraw"} {
		if strings.HasPrefix(device, numbered) {
			return true
		}
	}
	return false
}

// openLocked opens the device for the port's own use, beside the module, which does
// not show its descriptor, and takes an exclusive flock on it.
//
// A lock on the device needs no folder that both parties may write to, meets
// every path that leads to the device, and goes when the process goes. It is
// taken before the module touches the line, so that a second stationd, or a
// terminal program that locks the same way, does not disturb the first. It does
// not reach across containers that were each given a device node of their own.
func openLocked(path string) (int, error) {
	// O_NONBLOCK: neither the open may wait, for a carrier, nor a write.
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

// read reads what has arrived, waiting for the first byte at most patience. It
// returns 0 and nil when nothing came: at that moment the kernel's buffer was
// empty. An error means that the port is of no use any more; close it.
func (p *port) read(b []byte, timeout time.Duration) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			n, err = 0, fmt.Errorf("cannot be waited for: %v; too many files are open, restart stationd", r)
		}
	}()
	if timeout == untilClosed {
		timeout = serial.NoTimeout
	}
	if err := p.line.SetReadTimeout(timeout); err != nil {
		return 0, err
	}
	n, err = p.line.Read(b)
	if err != nil {
		return 0, fmt.Errorf("unplugged, plug the reader in again: %w", err)
	}
	for i := range b[:n] {
		b[i] &= p.mask
	}
	return n, nil
}

// write sends a few bytes to the scanner. It never waits: what the line does not
// take at once is given up, and thrown out of the line, so that no beep comes late.
// It may be called at the same time as read and close; after close it is an error.
func (p *port) write(b []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fd < 0 {
		return fs.ErrClosed
	}
	n, err := unix.Write(p.fd, b)
	if err == nil && n == len(b) {
		return nil
	}
	_ = unix.IoctlSetInt(p.fd, unix.TCFLSH, unix.TCOFLUSH) // nothing can be done about an error here
	if err == nil || errors.Is(err, unix.EAGAIN) {
		return errors.New("the line takes nothing now")
	}
	return err
}

// close gives the device back. Until then an unplugged device keeps its number,
// and the scanner comes back under another.
func (p *port) close() {
	// Nothing can be done about an error: the device is gone either way.
	_ = p.line.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fd >= 0 {
		unix.Close(p.fd)
		p.fd = -1
	}
}

// interrupt implements device. The module closes its own descriptor; what is written goes
// through another.
func (p *port) interrupt() { _ = p.line.Close() }

// quiet implements device.
func (*port) quiet() bool { return true }

// keptByKernel implements device: so it is on a pseudo terminal.
func (p *port) keptByKernel() bool { return p.pseudo }

// isPseudo reports whether a descriptor is one of a pseudo terminal (UNIX98_PTY_SLAVE_MAJOR to
// the last of its eight).
func isPseudo(fd int) bool {
	var about unix.Stat_t
	if err := unix.Fstat(fd, &about); err != nil {
		return false
	}
	major := unix.Major(about.Rdev)
	return major >= 136 && major <= 143
}

// explainOpen puts an error of opening into words for the person at the cabinet.
func explainOpen(err error) error {
	var code serial.PortErrorCode = -1
	if pe := (*serial.PortError)(nil); errors.As(err, &pe) {
		code = pe.Code() // PortError does not unwrap
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return fmt.Errorf("%w: %w", ErrNotThere, err)
	case errors.Is(err, fs.ErrPermission), code == serial.PermissionDenied:
		return fmt.Errorf("%w: %w", ErrNotAllowed, err)
	case errors.Is(err, unix.EBUSY), errors.Is(err, unix.EWOULDBLOCK), code == serial.PortBusy:
		return fmt.Errorf("%w: %w", ErrInUse, err)
	case code == serial.InvalidSerialPort:
		return fmt.Errorf("not a serial line, name another port: %w", err)
	}
	return err
}
