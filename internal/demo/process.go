package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A child is the station's process while it lives.
type child struct {
	Cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
	Err   error         // how; set before ended is closed

	// The box's mutex guards what it has told its service manager.
	said  map[string]int // how often, by line
	watch *time.Timer    // runs from READY=1 on, and each WATCHDOG=1 winds it again
}

// watchdogTime is the unit's WatchdogSec.
const watchdogTime = 30 * time.Second

// stopTime is how long a station may take to stop in order.
const stopTime = 15 * time.Second

// Power switches the station on, or pulls its plug: it is killed and has no time
// for anything. Its scanner hangs on it and goes dark with it. Switching on returns
// when the station is ready and reads its scanner, if that is plugged in.
func (b *Box) Power(ctx context.Context, on bool) error {
	if on {
		return b.start(ctx)
	}
	return b.Kill()
}

// Kill kills the station's process and waits for its end.
func (b *Box) Kill() error {
	c := b.Running()
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

// Running returns the station's process; nil while the power is off.
func (b *Box) Running() *child {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.child
}

// Powered reports whether the station's process lives.
func (b *Box) Powered() bool {
	return b.Running() != nil
}

// start starts the station.
func (b *Box) start(ctx context.Context) error {
	opened := b.Log.PortsOpened()
	// A line that another process left open may be its own still.
	if err := b.Reader.renew(); err != nil {
		return err
	}
	c, err := b.Launch(ctx)
	if c == nil || err != nil {
		return err
	}
	err = Until(ctx, "the station is ready", func() bool {
		return c.Over() || b.Said(c, "READY=1") > 0 && (!b.Reader.plugged() || b.Log.PortsOpened() > opened)
	})
	if c.Over() {
		return fmt.Errorf("the station ended at once: %w\n%s", c.Err, b.Log.Tail())
	}
	return err
}

// Launch starts the process; while one lives it does nothing and returns nil.
func (b *Box) Launch(ctx context.Context) (*child, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.child != nil {
		return nil, nil
	}
	c := &child{ended: make(chan struct{}), said: make(map[string]int)}
	// It does not end with ctx: its power is switched by hand.
	c.Cmd = exec.CommandContext(context.WithoutCancel(ctx), b.Command[0], slices.Concat(b.Command[1:], []string{"run", "--config", b.ConfigPath()})...)
	c.Cmd.Stderr = b.Stderr
	// The box is its service manager. What another said to this process was not
	// meant for that one.
	c.Cmd.Env = slices.Concat(os.Environ(), b.manager.Environ(b.Watchdog), []string{
		"STATIOND_DEMO=1", "STATE_DIRECTORY=" + b.DataPath(), "RUNTIME_DIRECTORY=" + b.DataPath(), "CREDENTIALS_DIRECTORY=" + b.KeysPath()})
	// A group of its own: an interrupt at the terminal is for the demo, which stops
	// the station when its turn comes.
	c.Cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the station: %w", err)
	}
	b.child = c
	c.watch = time.AfterFunc(b.Watchdog, func() { b.bark(c) })
	c.watch.Stop() // until it is ready
	go func() {
		c.Err = c.Cmd.Wait()
		b.mu.Lock()
		c.watch.Stop()
		b.child = nil
		b.mu.Unlock()
		close(c.ended)
	}()
	return c, nil
}

// hear takes in what a process tells its service manager, as systemd does.
func (b *Box) hear(pid int, line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.child
	if c == nil || c.Cmd.Process.Pid != pid {
		return // of one that was killed
	}
	c.said[line]++
	switch line {
	case "READY=1", "WATCHDOG=1":
		c.watch.Reset(b.Watchdog)
	case "STOPPING=1":
		c.watch.Stop()
	}
}

// Said returns how often the child has told its service manager line.
func (b *Box) Said(c *child, line string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return c.said[line]
}

// bark ends a child that has not said for too long that it makes progress. Who
// starts it again is for the demonstration's audience to see.
func (b *Box) bark(c *child) {
	b.breaks(fmt.Errorf("the station said nothing for %v: its watchdog ended it", b.Watchdog))
	_ = c.Cmd.Process.Signal(syscall.SIGABRT)
}

// Over reports whether the process has ended.
func (c *child) Over() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// Stop stops the station as its service manager would: it finishes what is under
// way. An error says that it did not end well.
func (b *Box) Stop() error {
	c := b.Running()
	if c == nil {
		return nil
	}
	if err := c.Cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-c.ended:
		if c.Err != nil {
			return fmt.Errorf("the station did not stop well: %w\n%s", c.Err, b.Log.Tail())
		}
		return nil
	case <-time.After(stopTime):
		return errors.Join(fmt.Errorf("the station did not stop within %v\n%s", stopTime, b.Log.Tail()), b.Kill())
	}
}

// A LogWatcher keeps the station's log in a file, and reads from the fields of its lines
// what the box waits for.
type LogWatcher struct {
	mu     sync.Mutex // guards what follows
	file   *os.File
	begun  []byte // a line whose end has not come
	heard  map[string]int
	opened int    // how often a scanner's port was opened
	page   string // where the station's own page listens
	last   []string
}

// tailLines is how many lines of its log tell why a station ended.
const tailLines = 5

func OpenLogWatcher(path string) (*LogWatcher, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &LogWatcher{file: file, heard: make(map[string]int)}, nil
}

// Write implements io.Writer.
func (d *LogWatcher) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begun = append(d.begun, p...)
	for {
		line, rest, whole := bytes.Cut(d.begun, []byte("\n"))
		if !whole {
			break
		}
		d.listen(line)
		d.begun = rest
	}
	return d.file.Write(p)
}

// listen takes in one line. One with a page says where that is, and one with a source and
// a port that this source is read there now:
//
//	{"time":"…","level":"INFO","msg":"the station is ready","station":"pack4-1","page":"127.0.0.1:8420"}
//	{"time":"…","level":"INFO","msg":"scanner ready","source":"hand","port":"/dev/ttyACM0","stale":0}
func (d *LogWatcher) listen(line []byte) {
	d.last = append(d.last, string(line))
	d.last = d.last[max(0, len(d.last)-tailLines):]
	var said struct{ Msg, Page, Source, Port string }
	if json.Unmarshal(line, &said) != nil {
		return // a fault of the configuration, or a crash, is told in plain words
	}
	d.heard[said.Msg]++
	if said.Page != "" {
		d.page = said.Page
	}
	if said.Source != "" && said.Port != "" {
		d.opened++
	}
}

// Count returns how often the station has said something.
func (d *LogWatcher) Count(what string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.heard[what]
}

// PortsOpened returns how often the station has opened a scanner's port.
func (d *LogWatcher) PortsOpened() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.opened
}

// PageURL returns where the station's own page is.
func (d *LogWatcher) PageURL() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return "http://" + d.page + "/"
}

// Tail returns the end of the log.
func (d *LogWatcher) Tail() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.last, "\n")
}

func (d *LogWatcher) Close() error { return d.file.Close() }
