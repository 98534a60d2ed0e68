package systemd

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// No test here is parallel: what systemd tells a process stands in the
// environment, and the environment is the process's.

// manager listens where the service manager would and returns what it hears,
// one datagram a call.
func manager(t *testing.T, name string) (next func() string) {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	return func() string {
		t.Helper()
		if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 4096)
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("the manager heard nothing: %v", err)
		}
		return string(buf[:n])
	}
}

func socketPath(t *testing.T) string { return filepath.Join(t.TempDir(), "notify") }

func TestNotify(t *testing.T) {
	t.Run("without a service manager nothing is said and nothing is wrong", func(t *testing.T) {
		t.Setenv("NOTIFY_SOCKET", "")
		for _, say := range []func() error{Ready, Stopping, Reloading, func() error { return Status("7 waiting") }} {
			if err := say(); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("the manager hears each state in its own words", func(t *testing.T) {
		next := manager(t, socketPath(t))
		for _, c := range []struct {
			say  func() error
			want string
		}{
			{Ready, "READY=1"},
			{Stopping, "STOPPING=1"},
			{func() error { return Status("7 waiting, scanner hand is unplugged") }, "STATUS=7 waiting, scanner hand is unplugged"},
			{func() error { return Notify("READY=1\nSTATUS=online") }, "READY=1\nSTATUS=online"},
		} {
			if err := c.say(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, next()); diff != "" {
				t.Error(diff)
			}
		}
	})
	t.Run("a manager in the abstract namespace hears it too", func(t *testing.T) {
		next := manager(t, "@stationd-test-"+strconv.Itoa(os.Getpid()))
		if err := Ready(); err != nil {
			t.Fatal(err)
		}
		if got := next(); got != "READY=1" {
			t.Errorf("heard %q", got)
		}
	})
	t.Run("a reload carries the time on the monotonic clock, between just before and just after", func(t *testing.T) {
		next := manager(t, socketPath(t))
		before := monotonic(t)
		if err := Reloading(); err != nil {
			t.Fatal(err)
		}
		after := monotonic(t)
		heard := next()
		text, ok := strings.CutPrefix(heard, "RELOADING=1\nMONOTONIC_USEC=")
		at, err := strconv.ParseInt(text, 10, 64)
		if !ok || err != nil || at < before || at > after {
			t.Errorf("heard %q between %d and %d: %v", heard, before, after, err)
		}
	})
	t.Run("a status cannot smuggle in another state", func(t *testing.T) {
		next := manager(t, socketPath(t))
		if err := Status("scan\nREADY=1\r\nWATCHDOG=1\n"); err != nil {
			t.Fatal(err)
		}
		if got, want := next(), "STATUS=scan READY=1 WATCHDOG=1"; got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
	})
	t.Run("a manager that went away is an error, and so is a socket systemd would never name", func(t *testing.T) {
		for _, name := range []string{socketPath(t), "relative/socket", "vsock:2:1234"} {
			t.Setenv("NOTIFY_SOCKET", name)
			if err := Ready(); err == nil {
				t.Errorf("no error for NOTIFY_SOCKET=%s", name)
			}
		}
	})
}

func monotonic(t *testing.T) int64 {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return now.Nano() / 1000
}

func TestWatchdog(t *testing.T) {
	self := strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		name, usec, pid string
		want            time.Duration
		fault           bool
	}{
		{name: "a unit with WatchdogSec=30 is pinged for within 30 s", usec: "30000000", pid: self, want: 30 * time.Second},
		{name: "a manager that names no process means whoever reads it", usec: "30000000", want: 30 * time.Second},
		{name: "a unit without a watchdog wants no pings"},
		{name: "a child that inherited the environment does not vouch for its parent", usec: "30000000", pid: "1"},
		{name: "an interval that is no number is an error", usec: "half a minute", pid: self, fault: true},
		{name: "an interval of nothing is an error", usec: "0", pid: self, fault: true},
		{name: "an interval too long for a clock is an error", usec: "9223372036854775807", pid: self, fault: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("WATCHDOG_USEC", c.usec)
			t.Setenv("WATCHDOG_PID", c.pid)
			got, err := Watchdog()
			if got != c.want || (err != nil) != c.fault {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// run starts Run and returns what ends it and checks that it ended without an error.
func run(t *testing.T, limit time.Duration, alive func() error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, limit, alive) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestRun(t *testing.T) {
	t.Run("a station that makes progress pings at least three times in every limit", func(t *testing.T) {
		const limit = 300 * time.Millisecond
		next := manager(t, socketPath(t))
		stop := run(t, limit, func() error { return nil })
		defer stop()
		begin := time.Now()
		for range 4 { // one at once and three after
			if got := next(); got != "WATCHDOG=1" {
				t.Fatalf("heard %q", got)
			}
		}
		if took := time.Since(begin); took > 2*limit {
			t.Errorf("four pings took %v of a limit of %v", took, limit)
		}
	})
	t.Run("a station that lives but makes no progress is not vouched for, and the reason is on the status line", func(t *testing.T) {
		next := manager(t, socketPath(t))
		var stuck atomic.Bool
		stop := run(t, 30*time.Millisecond, func() error {
			if stuck.Load() {
				return errors.New("outbox: no commit for 40s")
			}
			return nil
		})
		defer stop()
		if got := next(); got != "WATCHDOG=1" {
			t.Fatalf("heard %q", got)
		}
		stuck.Store(true)
		got := next()
		for got == "WATCHDOG=1" { // said before it was stuck
			got = next()
		}
		for range 3 {
			if want := "STATUS=no progress: outbox: no commit for 40s"; got != want {
				t.Fatalf("heard %q, want %q", got, want)
			}
			got = next()
		}
		stuck.Store(false)
		for strings.HasPrefix(got, "STATUS=no progress") {
			got = next()
		}
		if want := "WATCHDOG=1\nSTATUS=making progress again"; got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
		if got := next(); got != "WATCHDOG=1" {
			t.Errorf("heard %q", got)
		}
	})
	t.Run("a station that nobody watches is not asked and waits for its end", func(t *testing.T) {
		stop := run(t, 0, func() error { t.Error("asked"); return nil })
		stop()
	})
	t.Run("a manager that is gone for the whole limit is an error, and a moment without one is not", func(t *testing.T) {
		t.Setenv("NOTIFY_SOCKET", socketPath(t))
		begin := time.Now()
		err := Run(t.Context(), 60*time.Millisecond, func() error { return nil })
		if err == nil || time.Since(begin) < 60*time.Millisecond {
			t.Errorf("ended after %v: %v", time.Since(begin), err)
		}
	})
}
