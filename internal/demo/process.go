package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// A process is the station's process.
type process struct {
	Cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
	Err   error         // how it ended; set before ended is closed

	// The mutex of the simulation guards what follows.
	notified map[string]int // how often it sent each line to its service manager
	watchdog *time.Timer    // runs from READY=1 on; each WATCHDOG=1 restarts it
}

// defaultWatchdog is the unit's WatchdogSec.
const defaultWatchdog = 30 * time.Second

// stopTimeout is how long a station may take to stop.
const stopTimeout = 15 * time.Second

// Power switches the station on, or cuts its power: the process is killed. Switching on returns
// when the station is ready and has opened its scanner, if that is plugged in.
func (s *Simulation) Power(ctx context.Context, on bool) error {
	if on {
		return s.start(ctx)
	}
	return s.Kill()
}

// Kill kills the station's process and waits for its end.
func (s *Simulation) Kill() error {
	c := s.Process()
	if c == nil {
		return nil
	}
	// A process that has just ended by itself cannot be killed, and need not be.
	if err := c.Cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-c.ended
	return nil
}

// Process returns the station's process; nil while the power is off.
func (s *Simulation) Process() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

// Powered reports whether the station's process runs.
func (s *Simulation) Powered() bool {
	return s.Process() != nil
}

// start starts the station.
func (s *Simulation) start(ctx context.Context) error {
	opened := s.Log.PortsOpened()
	// A serial line that an earlier process had open may keep its settings.
	if err := s.Scanner.replug(); err != nil {
		return err
	}
	c, err := s.Launch(ctx)
	if c == nil || err != nil {
		return err
	}
	err = Until(ctx, "the station is ready", func() bool {
		return c.Ended() || s.NotifyCount(c, "READY=1") > 0 && (!s.Scanner.plugged() || s.Log.PortsOpened() > opened)
	})
	if c.Ended() {
		return fmt.Errorf("the station ended at its start: %w\n%s", c.Err, s.Log.Tail())
	}
	<-time.After(restTime)
	return err
}

// Launch starts the process and does not wait until it is ready. While one runs it does
// nothing and returns nil.
func (s *Simulation) Launch(ctx context.Context) (*process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		return nil, nil
	}
	c := &process{ended: make(chan struct{}), notified: make(map[string]int)}
	// It does not end with ctx: its power is switched by the caller.
	c.Cmd = exec.CommandContext(context.WithoutCancel(ctx), s.Command[0], slices.Concat(s.Command[1:], []string{"run", "--config", s.ConfigPath()})...)
	c.Cmd.Stderr = s.Stderr
	// The simulation is its service manager, not the one of this process.
	c.Cmd.Env = slices.Concat(os.Environ(), s.manager.Environ(s.Watchdog), []string{
		"STATIOND_DEMO=1", "STATE_DIRECTORY=" + s.DataPath(), "RUNTIME_DIRECTORY=" + s.DataPath(), "CREDENTIALS_DIRECTORY=" + s.KeysPath()})
	// A process group of its own: Ctrl-C at the terminal is for the demo, which then stops
	// the station.
	c.Cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the station: %w", err)
	}
	s.process = c
	c.watchdog = time.AfterFunc(s.Watchdog, func() { s.watchdogExpired(c) })
	c.watchdog.Stop() // until it is ready
	go func() {
		c.Err = c.Cmd.Wait()
		s.mu.Lock()
		c.watchdog.Stop()
		s.process = nil
		s.mu.Unlock()
		close(c.ended)
	}()
	return c, nil
}

// notified handles a line that a process sends to its service manager, as systemd does.
func (s *Simulation) notified(pid int, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.process
	if c == nil || c.Cmd.Process.Pid != pid {
		return // of a process that was killed
	}
	c.notified[line]++
	switch line {
	case "READY=1", "WATCHDOG=1":
		c.watchdog.Reset(s.Watchdog)
	case "STOPPING=1":
		c.watchdog.Stop()
	}
}

// NotifyCount returns how often a process has sent line to its service manager.
func (s *Simulation) NotifyCount(c *process, line string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.notified[line]
}

// watchdogExpired ends a process that sent no WATCHDOG=1 in time. It is not started again, so
// that whoever watches the demo sees it.
func (s *Simulation) watchdogExpired(c *process) {
	s.fail(fmt.Errorf("the station sent nothing for %v: its watchdog ended it", s.Watchdog))
	_ = c.Cmd.Process.Signal(syscall.SIGABRT)
}

// Ended reports whether the process has ended.
func (c *process) Ended() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// Stop stops the station as systemd would, so that it finishes what is under way. It is an
// error when it exits with an error or not in time. Without a running station it does nothing.
func (s *Simulation) Stop() error {
	c := s.Process()
	if c == nil {
		return nil
	}
	if err := c.Cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-c.ended:
		if c.Err != nil {
			return fmt.Errorf("the station stopped with an error: %w\n%s", c.Err, s.Log.Tail())
		}
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("the station did not stop within %v\n%s", stopTimeout, s.Log.Tail()), s.Kill())
	}
}
