package gpio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/warthog618/go-gpiocdev/uapi"
	"golang.org/x/sys/unix"
)

const (
	// consumer is what the kernel calls the holder of the lines.
	consumer = "stationd"

	// eventBufferSize is how many edges the kernel buffers for a request: its most
	// (GPIO_V2_LINES_MAX * 16, gpiolib-cdev.c), which are 48 KiB.
	eventBufferSize = 64 * 16

	// batch is how many edges are read at once.
	batch = 16
)

// A request is input lines of one chip, taken from the kernel's character device
// (linux/gpio.h, version 2 of its interface, Linux 5.10 and later).
//
// One goroutine waits and reads levels; close may meet them.
type request struct {
	file  *os.File
	raw   syscall.RawConn // an ioctl through file.Fd would make reads wait for ever
	mask  uapi.LineBitmap
	waker waker
	edgeDecoder
}

// takeLines takes lines of the chip at path as inputs, by their offsets, and has
// both edges of each remembered. The pins are those of the offsets, in order.
func takeLines(path string, offsets []int, pins []inputPin) (*request, error) {
	config, err := requestFor(offsets, pins)
	if err != nil {
		return nil, err
	}
	return requestLines(path, config, offsets)
}

// requestLines asks the kernel for lines.
func requestLines(path string, config *uapi.LineRequest, offsets []int) (*request, error) {
	chip, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer chip.Close()
	clock := readClock()
	if err := uapi.GetLine(chip.Fd(), config); err != nil {
		return nil, err
	}
	fd := int(config.Fd)
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return newRequest(os.NewFile(uintptr(fd), path), offsets, clock)
}

// requestFor fills in what the kernel is asked.
func requestFor(offsets []int, pins []inputPin) (*uapi.LineRequest, error) {
	if len(offsets) > uapi.LinesMax {
		return nil, fmt.Errorf("%d inputs of one chip; the kernel gives out %d at most", len(offsets), uapi.LinesMax)
	}
	const edges = uapi.LineFlagV2Input | uapi.LineFlagV2EdgeBoth
	r := &uapi.LineRequest{Lines: uint32(len(offsets)), EventBufferSize: eventBufferSize}
	copy(r.Consumer[:], consumer)
	r.Config.Flags = edges
	biased := make(map[uapi.LineFlagV2]uapi.LineBitmap)
	for i, p := range pins {
		r.Offsets[i] = uint32(offsets[i])
		switch p.bias {
		case pullUp:
			biased[uapi.LineFlagV2BiasPullUp] |= 1 << i
		case pullDown:
			biased[uapi.LineFlagV2BiasPullDown] |= 1 << i
		}
	}
	for _, bias := range []uapi.LineFlagV2{uapi.LineFlagV2BiasPullUp, uapi.LineFlagV2BiasPullDown} {
		if lines := biased[bias]; lines != 0 {
			// A line's own flags stand in place of the common ones.
			r.Config.AddAttribute(uapi.LineConfigAttribute{Attr: (edges | bias).Encode(), Mask: lines})
		}
	}
	return r, nil
}

// newRequest reads the edges and levels of the lines at offsets from file, which
// does not block. The clock was read before there were edges.
func newRequest(file *os.File, offsets []int, clock clock) (*request, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &request{
		file:        file,
		raw:         raw,
		mask:        uapi.NewLineBitMask(len(offsets)),
		edgeDecoder: edgeDecoder{offsets: offsets, lines: make([]lastEdge, len(offsets)), clock: clock},
	}, nil
}

func (r *request) wait(timeout time.Duration) (edge, error) {
	if e, ok, err := r.next(); ok || err != nil {
		return e, err
	}
	ended, err := r.waker.begin(time.Now().Add(timeout), r.file.SetReadDeadline)
	if err != nil {
		return edge{}, err
	}
	var read [batch * eventSize]byte
	n := 0
	if ended {
		err = os.ErrDeadlineExceeded
	} else {
		n, err = r.file.Read(read[:])
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// A deadline that is over before the read begins hides what is there.
		n, err = r.readNow(read[:])
	}
	if err != nil {
		return edge{}, err
	}
	if n == 0 || n%eventSize != 0 {
		return edge{}, fmt.Errorf("the kernel reported edges in %d bytes, which is no multiple of %d", n, eventSize)
	}
	r.unread = append(r.unread[:0], read[:n]...)
	e, _, err := r.next()
	return e, err
}

// readNow reads what is there, without waiting.
func (r *request) readNow(read []byte) (n int, err error) {
	failed := r.raw.Control(func(fd uintptr) {
		n, err = unix.Read(int(fd), read)
	})
	switch {
	case failed != nil:
		return 0, failed
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return 0, os.ErrDeadlineExceeded
	}
	return n, err
}

func (r *request) wake() { r.waker.wake(r.file.SetReadDeadline) }

func (r *request) levels() (uint64, error) {
	values := uapi.LineValues{Mask: r.mask}
	var err error
	failed := r.raw.Control(func(fd uintptr) { err = uapi.GetLineValuesV2(fd, &values) })
	return uint64(values.Bits), errors.Join(failed, err)
}

func (r *request) close() error { return r.file.Close() }

// An edgeDecoder turns the events that were read of a request into edges.
type edgeDecoder struct {
	offsets []int      // of the lines, by their place
	lines   []lastEdge // by their place
	clock   clock
	unread  []byte // events that were read and not yet returned by next
}

// A lastEdge is the last edge of a line; known is false before there was one.
type lastEdge struct {
	known bool
	seq   uint32 // line_seqno
	high  bool
	at    time.Time
}

// eventSize is the length of a struct gpio_v2_line_event.
const eventSize = 48

// next returns the oldest edge that was read and not yet returned; ok is false when
// there is none.
//
// An event is a struct gpio_v2_line_event of linux/gpio.h: 48 bytes, in the byte
// order of the machine, the same for 32-bit and 64-bit programs. This is the second
// edge of line 17, the fifth of the request, a falling one, 81.25 s after the boot:
//
//	00  80 9c e0 ea 12 00 00 00   timestamp_ns  u64  CLOCK_MONOTONIC, of the interrupt
//	08  02 00 00 00               id            u32  1 rising, 2 falling
//	0c  11 00 00 00               offset        u32  of the line on its chip
//	10  05 00 00 00               seqno         u32  of all lines of the request, from 1
//	14  02 00 00 00               line_seqno    u32  of this line, from 1
//	18  00 …                      padding       u32 × 6
//
// The direction is the level that the kernel read some time after the interrupt:
// two that are too quick for it are one event, and then two events in a row say
// the same. When its buffer is full the kernel drops the oldest event, and
// line_seqno leaves out as many.
func (s *edgeDecoder) next() (e edge, ok bool, err error) {
	if len(s.unread) < eventSize {
		return edge{}, false, nil
	}
	b := s.unread[:eventSize]
	s.unread = s.unread[eventSize:]
	ns, id := binary.NativeEndian.Uint64(b), binary.NativeEndian.Uint32(b[0x08:])
	offset, seq := binary.NativeEndian.Uint32(b[0x0c:]), binary.NativeEndian.Uint32(b[0x14:])

	place := slices.Index(s.offsets, int(offset))
	if place < 0 || id != unix.GPIO_V2_LINE_EVENT_RISING_EDGE && id != unix.GPIO_V2_LINE_EVENT_FALLING_EDGE {
		return edge{}, false, fmt.Errorf("the kernel reported an edge of kind %d on line %d, which was not requested", id, offset)
	}
	was, high := s.lines[place], id == unix.GPIO_V2_LINE_EVENT_RISING_EDGE
	e = edge{line: place, high: high, at: s.clock.time(ns), lost: int(seq - was.seq - 1)}
	if !e.at.IsZero() && e.at.Before(was.at) {
		e.at = was.at
	}
	e.gap = e.lost > 0 || was.known && was.high == high
	s.lines[place] = lastEdge{known: true, seq: seq, high: high, at: e.at}
	return e, true, nil
}

// A clock turns the kernel's CLOCK_MONOTONIC, of which Go's monotonic clock is
// another count, into moments of time.Now.
type clock struct {
	at time.Time
	ns int64 // CLOCK_MONOTONIC then, or a little later
}

// readClock reads both clocks at once: as often as it takes to be sure that
// nothing long came between.
func readClock() clock {
	var best clock
	least := time.Hour
	for range 8 {
		var ts unix.Timespec
		at := time.Now()
		// An error is not possible: the clock is in every Linux.
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
		if took := time.Since(at); took < least {
			least, best = took, clock{at, ts.Nano()}
		}
	}
	return best
}

// time returns the moment of a time of the kernel's. Its wall clock is the present
// one's, set back. What is before the clocks were read or has yet to come is the
// time of another clock: the moment is not known, and zero.
func (c clock) time(ns uint64) time.Time {
	now := time.Now()
	since := time.Duration(int64(ns) - c.ns)
	ago := now.Sub(c.at) - since
	if since < 0 || ago < 0 {
		return time.Time{}
	}
	return now.Add(-ago)
}
