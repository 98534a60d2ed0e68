package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// A logPipe is a station's standard error, with somebody who reads it until told not
// to.
type logPipe struct {
	t       *testing.T
	read    *os.File // the reader's end
	written *os.File
	to      *diary
	held    atomic.Pointer[chan struct{}] // closed when reading goes on
	stopped atomic.Bool                   // it has read something, and waits
}

// pipeLog has the box's station write its log into a pipe of one page.
func pipeLog(t *testing.T, b *box) *logPipe {
	t.Helper()
	read, written, err := os.Pipe()
	must(t, err)
	_, err = unix.FcntlInt(written.Fd(), unix.F_SETPIPE_SZ, 4096)
	must(t, err)
	p := &logPipe{t: t, read: read, written: written, to: b.log}
	b.stderr = written
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
	must(t, until(t.Context(), "the pipe is full, and nobody reads it", func() bool {
		stopped := p.stopped.Load()
		for {
			if _, err := unix.Write(fd, line); err != nil {
				return stopped
			}
		}
	}))
	must(t, unix.SetNonblock(fd, false))
}

// health returns what /healthz says.
func (b *box) health(t *testing.T) string {
	t.Helper()
	return get(t, http.DefaultClient, b.log.pageURL()+"healthz")
}

// scansDelivered scans as many parts and waits until all of them are delivered.
func scansDelivered(t *testing.T, b *box, name string, count int) {
	t.Helper()
	before := len(b.plant.Traces())
	for n := range count {
		scanned(t, b, part{article: soup, batch: "B7", serial: fmt.Sprintf("%s%03d", name, n)}.symbol())
	}
	must(t, b.drained(t.Context()))
	if got := len(b.plant.Traces()) - before; got != count {
		t.Errorf("%d of %d are at the plant", got, count)
	}
}

func TestNobodyReadsTheLog(t *testing.T) {
	t.Parallel()
	t.Run("deliveries go on, it is said, and the lines flow again with the count of what was dropped", func(t *testing.T) {
		t.Parallel()
		b := dark(t, nil)
		log := pipeLog(t, b)
		must(t, b.power(t.Context(), true))
		scanned(t, b, "PO4711")
		release := log.hold()
		log.fill(t)
		scansDelivered(t, b, "A", 200)
		must(t, until(t.Context(), "/healthz says that nobody reads the log", func() bool {
			return strings.Contains(b.health(t), "log: nobody")
		}))
		if page := get(t, http.DefaultClient, b.log.pageURL()+"metrics"); !strings.Contains(page, `stationd_log_dropped_total{why="unread"}`) {
			t.Error("the metric is missing")
		}
		for n := range 250 { // each is refused and held, which is a line: until lines are dropped for certain
			scanned(t, b, part{article: "09506000134376", batch: "B8", serial: fmt.Sprint(n)}.symbol())
		}
		must(t, b.drained(t.Context()))
		release()
		const told = "lines of the log were dropped: nobody read it"
		must(t, until(t.Context(), "what was dropped is told", func() bool { return b.log.count(told) > 0 }))
		must(t, until(t.Context(), "/healthz says nothing of the log", func() bool { return !strings.Contains(b.health(t), "log") }))
		before := b.log.count(heardStays)
		edit(t, b, "[station]", "[stations]")
		reload(t, b, heardStays)
		if b.log.count(heardStays) == before {
			t.Error("the log does not go on")
		}
	})
	t.Run("whose reader is gone for good: the station lives, delivers, says so and stops in order", func(t *testing.T) {
		t.Parallel()
		b := dark(t, nil)
		log := pipeLog(t, b)
		must(t, b.power(t.Context(), true))
		scanned(t, b, "PO4711")
		must(t, log.written.Close())
		must(t, log.read.Close())
		scansDelivered(t, b, "A", 20)
		must(t, until(t.Context(), "/healthz says that the log cannot be written", func() bool {
			return strings.Contains(b.health(t), "log: it cannot be written")
		}))
		must(t, b.stop())
	})
	t.Run("a station that cannot start ends with its code although nobody reads why", func(t *testing.T) {
		t.Parallel()
		b := dark(t, nil)
		log := pipeLog(t, b)
		must(t, b.power(t.Context(), true)) // which makes its outbox
		must(t, b.stop())
		log.hold()
		log.fill(t) // before the station says its first word
		edit(t, b, "pin  = 22", `pin = "red"`)
		must(t, os.Remove(filepath.Join(b.dataPath(), "last-good.toml"))) // else it would start with that
		c, err := b.launch(t.Context())
		must(t, err)
		must(t, until(t.Context(), "it ends", c.over))
		if code := c.cmd.ProcessState.ExitCode(); code != exitConfig {
			t.Errorf("it ended with %d: %v", code, c.err)
		}
	})
}

func TestAJournalThatWasStoppedIsConnectedToAnew(t *testing.T) {
	t.Setenv("JOURNAL_STREAM", "8:4711")
	socket := filepath.Join(t.TempDir(), "stdout")
	open := reopen(socket)
	if _, err := open(); err == nil {
		t.Error("there is no journal")
	}
	journal, err := net.Listen("unix", socket)
	must(t, err)
	defer journal.Close()
	out, err := open()
	must(t, err)
	conn, err := journal.Accept()
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(out, "{}\n")
	must(t, err)
	// sd_journal_stream_fd(3): name, unit, priority, prefixes, syslog, kernel, console.
	want := "stationd\n\n6\n0\n0\n0\n0\n{}\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Errorf("%v: the journal hears %q", err, got)
	}
	t.Setenv("JOURNAL_STREAM", "")
	if reopen(socket) != nil {
		t.Error("a station that does not write into the journal would")
	}
}
