package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"stationd/internal/demo"
	"stationd/internal/exit"
)

// A logPipe is a station's standard error, with somebody who reads it until told not
// to.
type logPipe struct {
	t       *testing.T
	read    *os.File // the reader's end
	written *os.File
	to      *demo.LogWatcher
	held    atomic.Pointer[chan struct{}] // closed when reading goes on
	stopped atomic.Bool                   // it has read something, and waits
}

// pipeLog has the station write its log into a pipe of one page.
func pipeLog(t *testing.T, b *demo.Simulation) *logPipe {
	t.Helper()
	read, written, err := os.Pipe()
	must(t, err)
	_, err = unix.FcntlInt(written.Fd(), unix.F_SETPIPE_SZ, 4096)
	must(t, err)
	p := &logPipe{t: t, read: read, written: written, to: b.Log}
	b.Stderr = written
	go p.run()
	t.Cleanup(func() {
		written.Close()
		read.Close()
	})
	return p
}

func (p *logPipe) run() {
	buf := make([]byte, 4096)
	for {
		n, err := p.read.Read(buf)
		if err != nil {
			return
		}
		if held := p.held.Load(); held != nil {
			p.stopped.Store(true)
			<-*held
			p.stopped.Store(false)
		}
		_, _ = p.to.Write(buf[:n])
	}
}

// hold stops the reading; the returned function lets it go on.
func (p *logPipe) hold() (release func()) {
	held := make(chan struct{})
	p.held.Store(&held)
	return func() {
		p.held.Store(nil)
		close(held)
	}
}

// fill fills the pipe, which nobody reads.
func (p *logPipe) fill(t *testing.T) {
	t.Helper()
	fd := int(p.written.Fd()) // which blocks
	must(t, unix.SetNonblock(fd, true))
	line := append(bytes.Repeat([]byte("x"), 1023), '\n')
	must(t, demo.Until(t.Context(), "the pipe is full, and nobody reads it", func() bool {
		stopped := p.stopped.Load()
		for {
			if _, err := unix.Write(fd, line); err != nil {
				return stopped
			}
		}
	}))
	must(t, unix.SetNonblock(fd, false))
}

// healthOf returns what /healthz says.
func healthOf(t *testing.T, b *demo.Simulation) string {
	t.Helper()
	return getText(t, http.DefaultClient, b.Log.PageURL()+"healthz")
}

// scansDelivered scans as many parts and waits until all of them are delivered.
func scansDelivered(t *testing.T, b *demo.Simulation, name string, count int) {
	t.Helper()
	before := len(b.Plant.Traces())
	for n := range count {
		scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B7", Serial: fmt.Sprintf("%s%03d", name, n)}.Symbol())
	}
	must(t, b.WaitDelivered(t.Context()))
	if got := len(b.Plant.Traces()) - before; got != count {
		t.Errorf("%d of %d are at the plant", got, count)
	}
}

func TestNobodyReadsTheLog(t *testing.T) {
	t.Parallel()
	t.Run("deliveries go on, it is said, and the lines flow again with the count of what was dropped", func(t *testing.T) {
		t.Parallel()
		b := newStation(t, nil)
		log := pipeLog(t, b)
		must(t, b.Power(t.Context(), true))
		scanAndWait(t, b, "PO4711")
		release := log.hold()
		log.fill(t)
		scansDelivered(t, b, "A", 200)
		must(t, demo.Until(t.Context(), "/healthz says that nobody reads the log", func() bool {
			return strings.Contains(healthOf(t, b), "log: nobody")
		}))
		if page := getText(t, http.DefaultClient, b.Log.PageURL()+"metrics"); !strings.Contains(page, `stationd_log_dropped_total{why="unread"}`) {
			t.Error("the metric is missing")
		}
		for n := range 250 { // each is refused and held, which is a line: until lines are dropped for certain
			scanAndWait(t, b, demo.Part{Article: "09506000134376", Batch: "B8", Serial: fmt.Sprint(n)}.Symbol())
		}
		must(t, b.WaitDelivered(t.Context()))
		release()
		const told = "lines of the log were dropped: nobody read it"
		must(t, demo.Until(t.Context(), "what was dropped is told", func() bool { return b.Log.Count(told) > 0 }))
		must(t, demo.Until(t.Context(), "/healthz says nothing of the log", func() bool { return !strings.Contains(healthOf(t, b), "log") }))
		before := b.Log.Count(heardStays)
		editConfig(t, b, "[station]", "[stations]")
		reloadStation(t, b, heardStays)
		if b.Log.Count(heardStays) == before {
			t.Error("the log does not go on")
		}
	})
	t.Run("whose reader is gone for good: the station lives, delivers, says so and stops in order", func(t *testing.T) {
		t.Parallel()
		b := newStation(t, nil)
		log := pipeLog(t, b)
		must(t, b.Power(t.Context(), true))
		scanAndWait(t, b, "PO4711")
		must(t, log.written.Close())
		must(t, log.read.Close())
		scansDelivered(t, b, "A", 20)
		must(t, demo.Until(t.Context(), "/healthz says that the log cannot be written", func() bool {
			return strings.Contains(healthOf(t, b), "log: it cannot be written")
		}))
		must(t, b.Stop())
	})
	t.Run("a station that cannot start ends with its code although nobody reads why", func(t *testing.T) {
		t.Parallel()
		b := newStation(t, nil)
		log := pipeLog(t, b)
		must(t, b.Power(t.Context(), true)) // which makes its outbox
		must(t, b.Stop())
		log.hold()
		log.fill(t) // before the station says its first word
		editConfig(t, b, "pin  = 22", `pin = "red"`)
		must(t, os.Remove(filepath.Join(b.DataPath(), "last-good.toml"))) // else it would start with that
		c, err := b.Launch(t.Context())
		must(t, err)
		must(t, demo.Until(t.Context(), "it ends", c.Ended))
		if code := c.Cmd.ProcessState.ExitCode(); code != exit.Config {
			t.Errorf("it ended with %d: %v", code, c.Err)
		}
	})
}
