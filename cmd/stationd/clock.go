package main

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// A clock makes stamps. The boot's id and beginning are read once; from then on
// the time since the boot is counted by the runtime's monotonic clock, which no
// step of the wall clock moves.
type clock struct {
	boot    string
	read    time.Time     // when up was read
	up      time.Duration // since the boot, then
	trusted atomic.Bool
}

func newClock() (*clock, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, fmt.Errorf("boot id: %w", err)
	}
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return nil, fmt.Errorf("clock of this boot: %w", err)
	}
	return &clock{boot: strings.TrimSpace(string(id)), read: time.Now(), up: time.Duration(up.Nano())}, nil
}

// stamp stamps a moment that time.Now returned in this process.
func (c *clock) stamp(t time.Time) station.Stamp {
	return station.Stamp{
		// A moment's own wall clock may be from before a step of the clock; the
		// present one, set back by the monotonic difference, is after it.
		Wall:    time.Now().Add(-time.Since(t)).Round(0),
		Boot:    c.boot,
		Up:      c.up + t.Sub(c.read),
		Trusted: c.set(),
	}
}

// set reports whether the wall clock has been set from outside since the boot.
// Once it has, it stays so: the kernel calls a clock unsynchronised again some
// hours after the last time server was heard, but it does not go wrong at once.
func (c *clock) set() bool {
	if c.trusted.Load() {
		return true
	}
	if os.Getenv("STATIOND_DEMO") == "1" {
		return true // the plant of the demonstration goes by the same clock
	}
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil || state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0 {
		// timesyncd says so in a file as well, earlier than the kernel does.
		if _, err := os.Stat("/run/systemd/timesync/synchronized"); err != nil {
			return false
		}
	}
	c.trusted.Store(true)
	return true
}
