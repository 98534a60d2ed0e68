package gpio

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The demo's chip is a unix socket. The station connects and each side says what
// it does to a line, one line of text each, the levels being low and high:
//
//	station: take 17 low      line 17 is an input, and pressing its button pulls it low
//	sim:     17 high 1234567  its level, at once in answer and at every change, and since
//	                          when, in nanoseconds of CLOCK_MONOTONIC
//	station: drive 22 high    line 22 is an output and is high now
//
// There is no other line, no answer to drive and no greeting. When the socket
// closes, the chip is gone.

const (
	// simPrefix marks a chip of the demo: sim:PATH.
	simPrefix = "sim:"

	// demoVariable must be 1 for a simulated chip to be opened: a station in a
	// plant must not be pressed through a file.
	demoVariable = "STATIOND_DEMO"

	// simTimeout is how long the far end may take to answer.
	simTimeout = 2 * time.Second
)

// A simChip is the station's end of the socket.
type simChip struct {
	path string
	conn net.Conn

	clock clock
}

func dialSim(path string) (chip, error) {
	if os.Getenv(demoVariable) != "1" {
		return nil, fmt.Errorf("gpio: chip %q is for the demo alone; name the chip that the buttons are wired to", simPrefix+path)
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("gpio chip %s%s: %w", simPrefix, path, err)
	}
	return &simChip{path, conn, readClock()}, nil
}

func (c *simChip) inputs(pins []inputPin) (inputLines, error) {
	in := &simInputs{conn: c.conn, clock: c.clock, places: make(map[int]int)}
	for i, p := range pins {
		in.places[p.pin] = i
		if err := writeLine(c.conn, "take %d %s\n", p.pin, level(!p.activeLow)); err != nil {
			return nil, c.wrap(err)
		}
	}
	known := make(map[int]bool)
	for len(known) < len(pins) {
		e, err := in.wait(simTimeout)
		if err != nil {
			return nil, c.wrap(err)
		}
		known[e.line] = true
	}
	return in, nil
}

func (c *simChip) output(pin int) (outputLine, error) { return simOutput{c.conn, pin}, nil }

func (c *simChip) close() error { return c.conn.Close() }

func (c *simChip) wrap(err error) error {
	return fmt.Errorf("gpio chip %s%s: %w", simPrefix, c.path, err)
}

// simInputs are the input lines of a simChip. Their levels are those after all edges that have
// come, as a kernel's are, whose buffer holds edges that were not read yet.
type simInputs struct {
	conn   net.Conn
	clock  clock
	places map[int]int // the place of a line in the request, by pin
	bits   uint64
	read   []byte // what was read and not yet used
	lost   error
	waker  waker
}

func (s *simInputs) wait(timeout time.Duration) (edge, error) {
	text, err := s.line(time.Now().Add(timeout))
	if err != nil {
		return edge{}, err
	}
	pin, high, ns, err := parseEdge(text)
	place, ok := s.places[pin]
	if err != nil || !ok {
		s.lost = fmt.Errorf("the far end said %q, which is not a line of ours and its level", text)
		return edge{}, s.lost
	}
	s.bits &^= 1 << place
	if high {
		s.bits |= 1 << place
	}
	return edge{line: place, high: high, at: s.clock.time(ns)}, nil
}

// line returns the next line of text. What has come of a line before the
// deadline is kept for the next call.
func (s *simInputs) line(deadline time.Time) (string, error) {
	if s.lost != nil {
		return "", s.lost
	}
	ended, err := s.waker.begin(deadline, s.conn.SetReadDeadline)
	if err != nil {
		s.lost = err
		return "", err
	}
	if ended {
		return "", os.ErrDeadlineExceeded
	}
	for {
		if text, rest, ok := strings.Cut(string(s.read), "\n"); ok {
			s.read = []byte(rest)
			return text, nil
		}
		var chunk [1024]byte
		n, err := s.conn.Read(chunk[:])
		s.read = append(s.read, chunk[:n]...)
		if n == 0 && err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				s.lost = err
			}
			return "", err
		}
	}
}

func (s *simInputs) wake() { s.waker.wake(s.conn.SetReadDeadline) }

func (s *simInputs) levels() (uint64, error) {
	bits := s.bits
	for text := range strings.Lines(string(s.read)) {
		pin, high, _, err := parseEdge(strings.TrimSuffix(text, "\n"))
		place, ok := s.places[pin]
		if err != nil || !ok {
			break // half a line, or one of which wait says what is wrong
		}
		bits &^= 1 << place
		if high {
			bits |= 1 << place
		}
	}
	return bits, s.lost
}

func (s *simInputs) close() error { return nil }

// A simOutput is an output line of a simChip.
type simOutput struct {
	conn net.Conn
	pin  int
}

func (o simOutput) set(high bool) error {
	return writeLine(o.conn, "drive %d %s\n", o.pin, level(high))
}

func (o simOutput) close() error { return nil }

// A Sim is the far end of a simulated chip: what a person's hands do to the
// buttons and what their eyes see of the lamps.
type Sim struct {
	listener net.Listener
	changed  func(pin int, high bool)

	mu         sync.Mutex // guards what follows
	station    net.Conn
	pressed    map[int]bool
	taken      map[int]bool // the station's inputs and the level of their buttons when pressed
	levels     map[int]bool // of the station's outputs
	keepLevels bool
}

// KeepLevels has the chip keep the levels of its outputs when a station goes, as the Pi 5's
// does and those of other boards may.
func (s *Sim) KeepLevels() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keepLevels = true
}

// ListenSim waits at path, a unix socket, for a station whose configuration says
// chip = "sim:PATH". A file that is there is replaced. The function changed, which
// may be nil, is called with the level of each output as it changes, one call at a
// time; it must not block.
func ListenSim(path string, changed func(pin int, high bool)) (*Sim, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("simulated chip %s: %w", path, err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("simulated chip %s: %w", path, err)
	}
	if changed == nil {
		changed = func(int, bool) {}
	}
	return &Sim{listener: listener, changed: changed, pressed: make(map[int]bool)}, nil
}

// Run serves one station after another until ctx is done; then it closes the
// socket, removes its file and returns nil. When a station goes, its outputs go
// low, as those of a chip whose lines are given back, unless Keep was called; what is
// pressed stays pressed. A second Run returns an error.
func (s *Sim) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { s.listener.Close() })()
	for {
		conn, err := s.listener.Accept()
		if err != nil && ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("simulated chip %s: %w", s.listener.Addr(), err)
		}
		s.serve(ctx, conn)
	}
}

// serve listens to one station until it goes or says something strange.
func (s *Sim) serve(ctx context.Context, conn net.Conn) {
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	s.mu.Lock()
	s.station, s.taken = conn, make(map[int]bool)
	if s.levels == nil {
		s.levels = make(map[int]bool)
	}
	s.mu.Unlock()

	for lines := bufio.NewScanner(conn); lines.Scan(); {
		verb, rest, _ := strings.Cut(lines.Text(), " ")
		pin, high, err := parseLevel(rest)
		if err != nil {
			break
		}
		switch verb {
		case "take":
			s.take(pin, high)
		case "drive":
			s.drive(pin, high)
		}
	}
	conn.Close()

	s.mu.Lock()
	s.station, s.taken = nil, nil
	if s.keepLevels {
		s.mu.Unlock()
		return
	}
	driven := s.levels
	s.levels = nil
	s.mu.Unlock()
	for pin, high := range driven {
		if high {
			s.changed(pin, false)
		}
	}
}

func (s *Sim) take(pin int, pressed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken[pin] = pressed
	s.send(s.levelLine(pin, monotonicNow()))
}

func (s *Sim) drive(pin int, high bool) {
	s.mu.Lock()
	was := s.levels[pin]
	s.levels[pin] = high
	s.mu.Unlock()
	if was != high {
		s.changed(pin, high)
	}
}

// Press pushes the button at pin down, whether or not a station is there. The
// contact does not bounce; Chatter lets it.
func (s *Sim) Press(pin int) { s.setPressed(pin, true) }

// Release lets the button at pin go.
func (s *Sim) Release(pin int) { s.setPressed(pin, false) }

func (s *Sim) setPressed(pin int, down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.send(s.change(pin, down, monotonicNow()))
}

// Chatter has the contact of the button at pin close and open so many times, each for so long.
// It ends open. The station is told when it is over, all at once and each change with its own
// time, as it is by a kernel that has kept them: a busy computer makes it no slower.
func (s *Sim) Chatter(pin, times int, closed, open time.Duration) {
	at := monotonicNow()
	<-time.After(time.Duration(times) * (closed + open))
	s.mu.Lock()
	defer s.mu.Unlock()
	var said strings.Builder
	for range times {
		said.WriteString(s.change(pin, true, at))
		said.WriteString(s.change(pin, false, at+closed.Nanoseconds()))
		at += (closed + open).Nanoseconds()
	}
	s.send(said.String())
}

// change notes that a contact closed or opened at a time of CLOCK_MONOTONIC, and returns what
// is to be said of it. The caller holds the lock.
func (s *Sim) change(pin int, down bool, at int64) string {
	if s.pressed[pin] == down {
		return ""
	}
	s.pressed[pin] = down
	return s.levelLine(pin, at)
}

// monotonicNow is what CLOCK_MONOTONIC shows, in nanoseconds.
func monotonicNow() int64 {
	var now unix.Timespec
	// An error is not possible: the clock is in every Linux.
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return now.Nano()
}

// levelLine is what the station that has taken an input is told: its level, and when it came to
// be so. The caller holds the lock.
func (s *Sim) levelLine(pin int, at int64) string {
	pressed, ok := s.taken[pin]
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d %s %d\n", pin, level(s.pressed[pin] == pressed), at)
}

// send tells the station. One that does not listen is cut off. The caller holds the lock.
func (s *Sim) send(lines string) {
	if lines == "" {
		return
	}
	if err := writeLine(s.station, "%s", lines); err != nil {
		s.station.Close()
	}
}

// Level returns whether the output at pin is high. It is low where no station
// drives it, unless Keep was called.
func (s *Sim) Level(pin int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.levels[pin]
}

// writeLine writes one line of text, within simTimeout.
func writeLine(conn net.Conn, format string, args ...any) error {
	if err := conn.SetWriteDeadline(time.Now().Add(simTimeout)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(conn, format, args...)
	return err
}

func level(isHigh bool) string {
	if isHigh {
		return high
	}
	return low
}

// parseEdge reads "17 high 1234567": a line, its level and since when it has it, in
// nanoseconds of CLOCK_MONOTONIC as the kernel's own edges have them, so that a press
// that is read late is as long as it was.
func parseEdge(text string) (pin int, isHigh bool, ns uint64, err error) {
	end := strings.LastIndexByte(text, ' ')
	if end < 0 {
		return 0, false, 0, fmt.Errorf("%q is not a line, its level and a time", text)
	}
	if ns, err = strconv.ParseUint(text[end+1:], 10, 63); err != nil {
		return 0, false, 0, fmt.Errorf("%q has no time at its end: %w", text, err)
	}
	pin, isHigh, err = parseLevel(text[:end])
	return pin, isHigh, ns, err
}

// parseLevel reads "17 high".
func parseLevel(text string) (pin int, isHigh bool, err error) {
	number, word, _ := strings.Cut(text, " ")
	pin, err = strconv.Atoi(number)
	if err != nil || pin < 0 || word != low && word != high {
		return 0, false, fmt.Errorf("%q is not a line and its level", text)
	}
	return pin, word == high, nil
}
