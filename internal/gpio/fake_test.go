package gpio

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/station"
)

// A fakeChip behaves as the kernel does, defects included: it remembers so many
// edges and drops the oldest, answers low levels beside an error, and never wakes
// for a dropped edge. Where it is timed its edges have their time, as the kernel's
// have and the demo's have not. It is made of channels and timers alone, so it
// lives in a synctest bubble.
type fakeChip struct {
	mu        sync.Mutex
	pins      []inputPin
	bits      uint64
	edges     []edge
	timed     bool
	merged    bool         // two edges may have been told as one, or a spike as one
	read      map[int]bool // what a line's last edge that was read said, or its level at first
	dropped   map[int]int  // edges forgotten since the line's last that was read
	woken     chan struct{}
	waitErr   error
	readErr   error
	waits     int
	lastWait  time.Time // when the last wait began
	stall     time.Time // no wait begins before this: the station does not get its turn
	lateUntil time.Time // no wait in vain ends before: nor then
	waking    bool      // somebody has ended the wait
	held      bool      // edges are on their way and not there yet
	lamps     map[int]*fakeLamp
	setErr    error
	closed    int // lines given back
}

func newFakeChip() *fakeChip {
	return &fakeChip{woken: make(chan struct{}, 1), lamps: make(map[int]*fakeLamp), dropped: make(map[int]int), read: make(map[int]bool)}
}

func (f *fakeChip) inputs(pins []inputPin) (inputLines, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pins = pins
	for i, p := range pins {
		if p.activeLow {
			f.bits |= 1 << i
		}
		f.read[i] = p.activeLow
	}
	return f, nil
}

func (f *fakeChip) output(pin int) (outputLine, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lamps[pin] = &fakeLamp{chip: f}
	return f.lamps[pin], nil
}

func (f *fakeChip) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
	return nil
}

func (f *fakeChip) wait(timeout time.Duration) (edge, error) {
	over := time.After(timeout)
	f.mu.Lock()
	stall := f.stall
	f.waits++
	f.lastWait = time.Now()
	f.mu.Unlock()
	time.Sleep(time.Until(stall))
	for {
		if e, err, ok := f.pop(); ok {
			return e, err
		}
		select {
		case <-f.woken:
		case <-over:
			if e, err, ok := f.pop(); ok {
				return e, err
			}
			f.mu.Lock()
			tardy := f.lateUntil
			f.mu.Unlock()
			time.Sleep(time.Until(tardy))
			return edge{}, os.ErrDeadlineExceeded
		}
	}
}

// wake implements inputLines.
func (f *fakeChip) wake() {
	f.set(func() { f.waking = true })
}

func (f *fakeChip) pop() (edge, error, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waking {
		f.waking = false
		return edge{}, os.ErrDeadlineExceeded, true
	}
	if f.held {
		return edge{}, nil, false
	}
	if f.waitErr != nil {
		return edge{}, f.waitErr, true
	}
	if len(f.edges) == 0 {
		return edge{}, nil, false
	}
	e := f.edges[0]
	f.edges = f.edges[1:]
	if f.timed {
		e.lost = f.dropped[e.line]
		e.gap = e.lost > 0 || f.merged && f.read[e.line] == e.high
		f.read[e.line] = e.high
		f.dropped[e.line] = 0
	}
	return e, nil, true
}

func (f *fakeChip) levels() (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readErr != nil {
		return 0, f.readErr
	}
	return f.bits, nil
}

// press presses or releases the button at pin.
func (f *fakeChip) press(pin int, press bool) {
	f.mu.Lock()
	for i, p := range f.pins {
		if isHigh := press != p.activeLow; p.pin == pin && isHigh != (f.bits&(1<<i) != 0) {
			f.bits ^= 1 << i
			e := edge{line: i, high: isHigh}
			if f.timed {
				e.at = time.Now()
			}
			f.edges = append(f.edges, e)
		}
	}
	room := 16 * len(f.pins)
	if f.timed {
		room = eventBufferSize
	}
	overflow := len(f.edges) - room
	if overflow > 0 {
		for _, e := range f.edges[:overflow] {
			f.dropped[e.line]++
		}
		f.edges = f.edges[overflow:]
	}
	f.mu.Unlock()
	if overflow <= 0 {
		f.notify()
	}
}

func (f *fakeChip) notify() {
	select {
	case f.woken <- struct{}{}:
	default:
	}
}

// set runs what a test does to the chip's defects.
func (f *fakeChip) set(do func()) {
	f.mu.Lock()
	do()
	f.mu.Unlock()
	f.notify()
}

type fakeLamp struct {
	chip   *fakeChip
	isHigh bool
	writes int
}

func (l *fakeLamp) set(isHigh bool) error {
	l.chip.mu.Lock()
	defer l.chip.mu.Unlock()
	l.writes++
	if l.chip.setErr != nil {
		return l.chip.setErr
	}
	l.isHigh = isHigh
	return nil
}

func (l *fakeLamp) close() error { return l.chip.close() }

func (f *fakeChip) isHigh(pin int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lamps[pin].isHigh
}

func (f *fakeChip) writes(pin int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lamps[pin].writes
}

// A testBoard is a Board on fake chips in a synctest bubble, with what it told.
type testBoard struct {
	t       *testing.T
	board   *Board
	chips   map[string]*fakeChip
	started time.Time
	log     *logRecorder
	emit    station.Emit // nil: record at once

	mu     sync.Mutex
	events []string
	stop   context.CancelFunc
	err    chan error // what the first loop to end returned, of Run and the banks' Run

	lampsErr chan error // what RunLamps returned
}

// newTestBoard opens a board and runs it for the length of the test.
func newTestBoard(t *testing.T, buttons []Button, lamps []Lamp, emit station.Emit) *testBoard {
	return newPanel(t, Panel{Buttons: buttons, Lamps: lamps}, emit)
}

func newPanel(t *testing.T, p Panel, emit station.Emit) *testBoard {
	f := openPanel(t, p, emit)
	f.run()
	return f
}

// openPanel takes the lines, and nobody reads them before run.
func openPanel(t *testing.T, p Panel, emit station.Emit) *testBoard {
	f := &testBoard{t: t, chips: map[string]*fakeChip{"": newFakeChip(), "expander": newFakeChip(), "third": newFakeChip()}, started: time.Now(), emit: emit, log: &logRecorder{}, err: make(chan error, 8), lampsErr: make(chan error, 1)}
	find := func(name string) (chip, error) { return f.chips[name], nil }
	stamp := func(at time.Time) station.Stamp { return station.Stamp{Wall: at, Boot: "b", Up: at.Sub(f.started)} }
	board, err := open(find, p, stamp, slog.New(f.log))
	if err != nil {
		t.Fatal(err)
	}
	f.board = board
	return f
}

func (f *testBoard) run() {
	ctx, stop := context.WithCancel(f.t.Context())
	f.stop = stop
	var running sync.WaitGroup
	for _, bank := range f.board.Banks() {
		running.Go(func() { f.err <- bank.Run(ctx) })
	}
	running.Go(func() { f.err <- f.board.Run(ctx, f.record) })
	running.Go(func() { f.lampsErr <- f.board.RunLamps(ctx) })
	f.t.Cleanup(func() {
		stop()
		running.Wait()
	})
	synctest.Wait()
}

func (f *testBoard) record(ev station.Event) (station.Result, error) {
	if len(ev.ID) != 32 {
		f.t.Errorf("%s has the id %q", ev.Name(), ev.ID)
	}
	f.mu.Lock()
	f.events = append(f.events, fmt.Sprintf("%s of %s", ev.Name(), ev.At.Up))
	f.mu.Unlock()
	if f.emit != nil {
		return f.emit(ev)
	}
	return station.Result{}, nil
}

// at waits until the given time after the start and then presses or releases.
func (f *testBoard) at(after time.Duration, pin int, press bool) {
	f.until(after)
	f.chips[""].press(pin, press)
}

// until waits until the given time after the start and everything due has happened.
func (f *testBoard) until(after time.Duration) {
	time.Sleep(time.Until(f.started.Add(after)))
	synctest.Wait()
}

func (f *testBoard) expectEvents(want ...string) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if diff := cmp.Diff(want, f.events); diff != "" {
		f.t.Errorf("events (-want +got):\n%s", diff)
	}
}

// A logRecorder counts log lines.
type logRecorder struct {
	slog.Handler
	mu    sync.Mutex
	lines []string
}

func (c *logRecorder) Enabled(context.Context, slog.Level) bool { return true }

func (c *logRecorder) Handle(_ context.Context, r slog.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, r.Message)
	return nil
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }
