package scanner

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A keyboard is an open scanner that types, by the kernel's event device.
//
// It is always grabbed: what is scanned must not be typed into the console too,
// where a label that says "rm -rf" would be carried out.
type keyboard struct {
	file      *os.File
	decoder   keyDecoder
	raw       [64 * 24]byte // the kernel keeps 64 events for a scanner at most
	unread    []byte        // of raw: read and not yet looked at
	resyncing bool          // events were lost: what comes up to the next report is part of one
	text      []byte        // decoded and not yet returned by read
	after     error         // what read returns once text has been returned
}

// A loss is an error that says that a part of what was scanned was not read.
type loss struct {
	why   string
	stray bool // it was a key without a character, which between two scans is harmless
	cut   bool // the other end has begun anew, so that the rest of the scan never comes
}

// Error implements error.
func (l *loss) Error() string { return l.why }

// eviocgrab is EVIOCGRAB, _IOW('E', 0x90, int), of linux/input.h: as long as the
// file is open, nobody else gets the device's events.
const eviocgrab = 0x40044590

// openKeyboard opens the event device at path and grabs it. The error says what
// to do in plain words; the path is not part of it.
func openKeyboard(path string, l layout) (*keyboard, error) {
	// O_NONBLOCK: the open of a path that is something else must not wait.
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, explainUnit(path, explainOpen(withoutPath(err)))
	}
	if err := grab(file); err != nil {
		file.Close()
		return nil, explainOpen(err)
	}
	on := capsLock(file)
	return &keyboard{file: file, decoder: keyDecoder{layout: l, capsLock: on, initialCaps: on}}, nil
}

// capsLock reports whether the light of Caps Lock is on: then a scanner turns its letters
// over, as it expects the computer to.
func capsLock(file *os.File) bool {
	const eviocgled, ledCapsLock = 0x80084519, 1 // _IOR('E', 0x19, 8 bytes); LED_CAPSL
	var leds [8]byte
	conn, err := file.SyscallConn()
	if err != nil {
		return false
	}
	var refused unix.Errno
	err = conn.Control(func(fd uintptr) {
		_, _, refused = unix.Syscall(unix.SYS_IOCTL, fd, eviocgled, uintptr(unsafe.Pointer(&leds)))
	})
	return err == nil && refused == 0 && leds[0]&(1<<ledCapsLock) != 0
}

// withoutPath takes the path and the verb off an error of os.
func withoutPath(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

func grab(file *os.File) error {
	// Not file.Fd(), which would make the descriptor wait where the deadlines need
	// one that does not.
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var refused error
	if err := conn.Control(func(fd uintptr) { refused = unix.IoctlSetInt(int(fd), eviocgrab, 1) }); err != nil {
		return err
	}
	if errors.Is(refused, unix.ENOTTY) || errors.Is(refused, unix.EINVAL) {
		return fmt.Errorf("not a keyboard, name a path under /dev/input/by-id that ends in -event-kbd: %w", refused)
	}
	return refused
}

// read reads the text that was typed, waiting for the first character at most
// timeout. It returns 0 and nil when nothing came. A *loss stands behind all that was
// returned before it, and reading goes on after it. Any other error means that the
// keyboard is of no use any more; close it.
func (k *keyboard) read(b []byte, timeout time.Duration) (n int, err error) {
	if err := k.file.SetReadDeadline(deadline(timeout)); err != nil {
		return 0, withoutPath(err)
	}
	for {
		if len(k.text) > 0 {
			n := copy(b, k.text)
			k.text = k.text[n:]
			return n, nil
		}
		if err := k.after; err != nil {
			k.after = nil
			return 0, err
		}
		if len(k.unread) > 0 {
			k.text, k.after = k.decode(k.text[:0])
			continue
		}
		switch n, err := readOrLook(k.file, k.raw[:]); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			k.text = k.decoder.flush(k.text[:0])
			n := copy(b, k.text)
			k.text = k.text[n:]
			return n, nil
		case err != nil:
			return 0, fmt.Errorf("unplugged, plug the reader in again: %w", withoutPath(err))
		default:
			k.unread = k.raw[:n]
			if timeout == untilClosed {
				timeout = restTimeout
				if err := k.file.SetReadDeadline(deadline(timeout)); err != nil {
					return 0, withoutPath(err)
				}
			}
		}
	}
}

// decode appends the text of the events that were read, up to a loss.
func (k *keyboard) decode(text []byte) ([]byte, error) {
	for len(k.unread) > 0 {
		ev, size, ok := parseEvent(k.unread, bits.UintSize/8)
		if !ok {
			return text, errors.New("its events are laid out in a way that this program does not know; use a reader on USB serial")
		}
		k.unread = k.unread[size:]
		switch {
		case ev.kind == evSyn && ev.code == synDropped:
			k.resyncing = true
			k.decoder.reset()
			return text, &loss{why: "the reader types faster than it was read"}
		case k.resyncing:
			k.resyncing = ev.kind != evSyn || ev.code != synReport
		case ev.kind == evKey:
			var known bool
			if text, known = k.decoder.key(text, ev.code, ev.value); !known {
				text = k.decoder.flush(text) // what came before it stands before the loss
				return text, &loss{why: fmt.Sprintf("key %d types no character as it was pressed", ev.code), stray: !k.decoder.unspelled}
			}
		}
	}
	return text, nil
}

// close gives the keyboard back.
func (k *keyboard) close() { k.file.Close() }

// interrupt implements device: nothing is ever written.
func (k *keyboard) interrupt() { k.close() }

// quiet implements device: no accent waits for its letter, and no code for its end.
func (k *keyboard) quiet() bool { return len(k.unread) == 0 && k.decoder.empty() }

// keptByKernel implements device.
func (*keyboard) keptByKernel() bool { return false }

// The kinds of events and what they say (linux/input-event-codes.h).
const (
	evSyn      = 0
	evKey      = 1
	evLast     = 0x1F
	synReport  = 0
	synDropped = 3
)

// An inputEvent is one thing that happened at a keyboard.
type inputEvent struct {
	kind, code uint16
	value      int32
}

// parseEvent reads the first event, whose time of two words is left alone, and
// returns its size. A word is the machine's own, 8 bytes or 4, and stays 4 on a
// 32-bit machine whose clock ends after 2038: linux/input.h has a type for the
// seconds that is as long as a word. The key P goes down on each:
//
//	9A 1D 6F 65 00 00 00 00  C8 4B 02 00 00 00 00 00  01 00 19 00 01 00 00 00
//	9A 1D 6F 65              C8 4B 02 00              01 00 19 00 01 00 00 00
//
// ok is false for what cannot be an event of that layout.
func parseEvent(b []byte, word int) (ev inputEvent, size int, ok bool) {
	size = 2*word + 8
	if len(b) < size {
		return inputEvent{}, 0, false
	}
	b = b[2*word:]
	ev = inputEvent{
		kind:  binary.NativeEndian.Uint16(b),
		code:  binary.NativeEndian.Uint16(b[2:]),
		value: int32(binary.NativeEndian.Uint32(b[4:])),
	}
	return ev, size, ev.kind <= evLast
}
