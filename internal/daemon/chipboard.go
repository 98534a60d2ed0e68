package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"stationd/internal/clock"
	"stationd/internal/gpio"
	"stationd/internal/station"
)

var (
	_ station.Display        = (*chipBoard)(nil)
	_ station.Sounder        = (*chipBoard)(nil)
	_ station.HealthReporter = (*chipBoard)(nil)
)

// A chipBoard is what is wired to one GPIO chip, whether the chip is there or not:
// one that is missing, not permitted yet or gone is looked for again and again, and
// everything else of the station works meanwhile.
type chipBoard struct {
	names []string // of everything that is wired to it
	open  func() (*gpio.Board, error)
	log   *slog.Logger

	announce func() // has the station looked at, because the chip is there or gone; never blocks

	mu      sync.Mutex    // guards all below
	now     *boardRun     // nil while the chip is missing
	changed chan struct{} // closed when now changes
	fault   string        // why the chip is not open; "" while it is

	// earlier has the counts of the boards before now, by button.
	earlier struct{ glitches, lost map[string]int }
}

// A boardRun is one board from when its chip was opened until the chip is gone.
type boardRun struct {
	*gpio.Board
	over   chan struct{} // closed when the chip is gone
	once   sync.Once
	err    error          // why it is gone; set before over is closed
	inputs sync.WaitGroup // loops that read the buttons
}

// end says that the chip is gone.
func (r *boardRun) end(err error) {
	r.once.Do(func() {
		r.err = err
		close(r.over)
	})
}

const (
	// chipEvery is the wait between the first chipTries tries to open a missing chip: when
	// the computer starts, the chip is often there, or permitted, a moment after the
	// program. Later tries are retryEvery apart.
	chipEvery = 250 * time.Millisecond
	chipTries = 120
)

// notLooked is the fault of a chip before the first try to open it.
const notLooked = "its GPIO chip was not looked for yet"

// newChipBoard returns the board of a panel whose parts are all wired to one chip. It opens
// nothing yet. announce is called when the chip is there, missing or gone.
func newChipBoard(p gpio.Panel, clock *clock.Clock, announce func(), log *slog.Logger) *chipBoard {
	c := &chipBoard{
		announce: announce,
		open:     func() (*gpio.Board, error) { return gpio.Open(p, clock.Stamp, log) },
		log:      log,
		changed:  make(chan struct{}),
		fault:    notLooked,
	}
	c.earlier.glitches, c.earlier.lost = make(map[string]int), make(map[string]int)
	for _, b := range p.Buttons {
		c.names = append(c.names, b.Name)
	}
	for _, l := range p.Lamps {
		c.names = append(c.names, l.Name)
	}
	for _, b := range p.Buzzers {
		c.names = append(c.names, b.Name)
	}
	return c
}

// tryOpen opens the board where its chip is there, and says why where it is not.
func (c *chipBoard) tryOpen() {
	board, err := c.open()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.missing(err)
		return
	}
	if c.fault != notLooked {
		c.log.Info("the GPIO chip is there", "wired", c.names)
	}
	c.fault = ""
	c.now = &boardRun{Board: board, over: make(chan struct{})}
	c.announceChange()
}

// missing notes why the chip is not open. The caller holds mu.
func (c *chipBoard) missing(err error) {
	if fault := err.Error(); fault != c.fault {
		c.log.Error("the GPIO chip is missing: it is looked for again and again", "wired", c.names, "error", err)
		c.fault = fault
		c.announce()
	}
}

// announceChange wakes those who wait for now to change. The caller holds mu.
func (c *chipBoard) announceChange() {
	close(c.changed)
	c.changed = make(chan struct{})
	c.announce()
}

// current is the board, or nil while its chip is not there.
func (c *chipBoard) current() *boardRun {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// runLamps drives the lamps and buzzers until ctx is done, and looks for the chip
// while it is not there. The board stays open at the end: close closes it.
func (c *chipBoard) runLamps(ctx context.Context) error {
	tries, every := 0, chipEvery
	for {
		run := c.current()
		if run == nil {
			if tries++; tries > chipTries {
				every = retryEvery
			}
			if !wait(ctx, every) {
				return nil
			}
			c.tryOpen()
			continue
		}
		tries, every = 0, chipEvery
		err := runUntil(ctx, run.over, run.RunLamps)
		if ctx.Err() != nil {
			return err
		}
		run.end(err)
		c.closeRun(run)
	}
}

// closeRun closes a board whose chip is gone.
func (c *chipBoard) closeRun(run *boardRun) {
	c.mu.Lock()
	c.now = nil
	for name, n := range run.Glitches() {
		c.earlier.glitches[name] += n
	}
	for name, n := range run.Lost() {
		c.earlier.lost[name] += n
	}
	c.missing(fmt.Errorf("the GPIO chip is gone: %w", run.err))
	c.announceChange()
	c.mu.Unlock()
	run.inputs.Wait()
	if err := run.Close(); err != nil {
		c.log.Warn("the lines of the GPIO chip were not given back", "error", err)
	}
}

// runButtons hands emit what the buttons do, until ctx is done.
func (c *chipBoard) runButtons(ctx context.Context, emit station.Emit) error {
	for {
		c.mu.Lock()
		run, changed := c.now, c.changed
		if run != nil {
			run.inputs.Add(1) // under mu: closeRun clears now under it, and then waits
		}
		c.mu.Unlock()
		if run != nil {
			err := run.read(ctx, emit)
			run.inputs.Done()
			if ctx.Err() != nil {
				return nil
			}
			run.end(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// read reads the buttons until ctx is done or the chip is gone, and returns why it
// is.
func (r *boardRun) read(ctx context.Context, emit station.Emit) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex // guards errs
	var errs []error
	var loops sync.WaitGroup
	for _, bank := range r.Banks() {
		loops.Go(func() {
			if err := runUntil(ctx, r.over, bank.Run); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
				cancel()
			}
		})
	}
	loops.Go(func() {
		if err := runUntil(ctx, r.over, func(ctx context.Context) error { return r.Run(ctx, emit) }); err != nil {
			mu.Lock()
			errs = append(errs, err)
			mu.Unlock()
		}
	})
	loops.Wait()
	return errors.Join(errs...)
}

// Show implements station.Display.
func (c *chipBoard) Show(lights map[string]station.Light) {
	if run := c.current(); run != nil {
		run.Show(lights)
	}
}

// Sound implements station.Sounder.
func (c *chipBoard) Sound(sounds map[string]station.SoundKind) {
	if run := c.current(); run != nil {
		run.Sound(sounds)
	}
}

// Faults implements station.HealthReporter: while the chip is missing, all that is wired to it
// is.
func (c *chipBoard) Faults() map[string]string {
	if run := c.current(); run != nil {
		return run.Faults()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	told := make(map[string]string)
	for _, name := range c.names {
		told[name] = c.fault
	}
	return told
}

// FaultReasons implements station.FaultExplainer.
func (c *chipBoard) FaultReasons() map[string]*station.Reason {
	if run := c.current(); run != nil {
		return run.FaultReasons()
	}
	return nil
}

// inputs are the lines of its buttons as they are; none while the chip is missing.
func (c *chipBoard) inputs() []gpio.Input {
	if run := c.current(); run != nil {
		return run.Inputs()
	}
	return nil
}

// counts are the glitches and the losses of its buttons since the start.
func (c *chipBoard) counts() (glitches, lost map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	glitches, lost = maps.Clone(c.earlier.glitches), maps.Clone(c.earlier.lost)
	if c.now != nil {
		for name, n := range c.now.Glitches() {
			glitches[name] += n
		}
		for name, n := range c.now.Lost() {
			lost[name] += n
		}
	}
	return glitches, lost
}

// close turns everything off and gives the lines back. Every loop has ended by then.
func (c *chipBoard) close() error {
	if run := c.current(); run != nil {
		return run.Close()
	}
	return nil
}
