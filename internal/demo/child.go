package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// A child is a program of a simulated plant beside its stations, whose plug may be pulled: a
// relay, or the engine. Its methods may be called by several goroutines at once.
type child struct {
	name    string
	command []string
	log     *LogWatcher
	settled func() bool // it runs, and can be used

	mu      sync.Mutex // guards what follows
	running *exec.Cmd  // nil: its plug is pulled
	since   time.Time
	ended   chan struct{}
}

// newChild returns a child that does not run, and whose log is kept at a path.
func newChild(name, log string, settled func() bool, command ...string) (*child, error) {
	c := &child{name: name, command: command, settled: settled}
	var err error
	c.log, err = OpenLogWatcher(log)
	return c, err
}

// on reports whether it runs.
func (c *child) on() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running != nil
}

// said returns when it logged a message last, since it runs; zero: never.
func (c *child) said(message string) time.Time {
	at := c.log.Last(message)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil || at.Before(c.since) {
		return time.Time{}
	}
	return at
}

// start starts it and waits until it can be used. It does nothing where it runs.
func (c *child) start(ctx context.Context) error {
	if err := c.launch(ctx); err != nil {
		return err
	}
	err := Until(ctx, c.name+" runs", func() bool { return !c.on() || c.settled() })
	if err == nil && !c.on() {
		err = fmt.Errorf("%s ended at its start\n%s", c.name, c.log.Tail())
	}
	return err
}

func (c *child) launch(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running != nil {
		return nil
	}
	p := exec.CommandContext(context.WithoutCancel(ctx), c.command[0], c.command[1:]...)
	p.Stderr = c.log
	// As the stations: Ctrl-C at the terminal is for the demo.
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.Env = append(os.Environ(), "NOTIFY_SOCKET=")
	if err := p.Start(); err != nil {
		return fmt.Errorf("start %s: %w", c.name, err)
	}
	c.running, c.since, c.ended = p, time.Now(), make(chan struct{})
	go func(ended chan struct{}) {
		_ = p.Wait() // its log says why
		c.mu.Lock()
		c.running = nil
		c.mu.Unlock()
		close(ended)
	}(c.ended)
	return nil
}

// end ends it by a signal and waits for that, and kills it where it does not end.
func (c *child) end(by syscall.Signal) error {
	c.mu.Lock()
	p, ended := c.running, c.ended
	c.mu.Unlock()
	if p == nil {
		return nil
	}
	if err := p.Process.Signal(by); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-ended:
		return nil
	case <-time.After(stopTimeout):
	}
	if err := p.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-ended
	return fmt.Errorf("%s did not stop within %v", c.name, stopTimeout)
}
