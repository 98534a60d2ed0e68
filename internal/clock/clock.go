// Package clock makes the stamps of events: the wall clock, whether it may be trusted,
// and the time since the boot, which no step of the wall clock moves.
package clock

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// A Clock makes stamps. The boot's id and beginning are read once; from then on
// the time since the boot is counted by the runtime's monotonic clock, which no
// step of the wall clock moves.
type Clock struct {
	boot    string
	read    time.Time     // when up was read
	up      time.Duration // since the boot, at read
	zero    time.Time     // when the boot began, by the wall clock at read
	trusted atomic.Bool
	asked   atomic.Int64 // when it was last asked who keeps the clock, in nanoseconds after read; 0: never

	Synchronised func() (bool, error) // whether a time server or the like keeps the clock
}

// New returns the clock of this boot. An error says that the kernel does not tell which
// boot that is, or how long ago it began.
func New() (*Clock, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, fmt.Errorf("boot id: %w", err)
	}
	up, err := sinceBoot()
	if err != nil {
		return nil, err
	}
	read := time.Now()
	return &Clock{
		boot: strings.TrimSpace(string(id)), read: read, up: up, zero: read.Round(0).Add(-up),
		Synchronised: synchronised,
	}, nil
}

// sinceBoot returns the time since the boot, in which the machine may have slept.
func sinceBoot() (time.Duration, error) {
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return 0, fmt.Errorf("clock of this boot: %w", err)
	}
	return time.Duration(up.Nano()), nil
}

// Stamp stamps a moment that time.Now returned in this process.
func (c *Clock) Stamp(t time.Time) station.Stamp {
	return station.Stamp{
		// A moment's own wall clock may be from before a step of the clock; the
		// present one, set back by the monotonic difference, is after it.
		Wall:    time.Now().Add(-time.Since(t)).Round(0),
		Boot:    c.boot,
		Up:      c.up + t.Sub(c.read),
		Trusted: c.Set(),
	}
}

// SinceBoot returns the time since the boot, as Stamp counts it.
func (c *Clock) SinceBoot() time.Duration { return c.up + time.Since(c.read) }

// askEvery is how often it is asked whether somebody has set the clock, while nobody has. It
// takes the kernel longer than all else of a stamp, and a stamp that is not trusted for a second
// too long is put right as those before it are.
const askEvery = time.Second

// Set reports whether the wall clock has been set from outside since the boot, a second later at
// most. Once it has, it stays so: the kernel calls a clock unsynchronised again some
// hours after the last time server was heard, but it does not go wrong at once.
func (c *Clock) Set() bool {
	if c.trusted.Load() {
		return true
	}
	if os.Getenv("STATIOND_DEMO") == "1" {
		return true // the plant of the demonstration goes by the same clock
	}
	now := max(1, time.Since(c.read))
	if asked := time.Duration(c.asked.Load()); asked > 0 && now-asked < askEvery {
		return false
	}
	c.asked.Store(int64(now))
	if kept, err := c.Synchronised(); err != nil || !kept {
		up, err := sinceBoot()
		if err != nil || !byHand(c.zero, time.Now().Round(0).Add(-up)) {
			return false
		}
	}
	c.trusted.Store(true)
	return true
}

// Trust has the clock count as set: an earlier process of this boot knew that it was.
func (c *Clock) Trust() { c.trusted.Store(true) }

// A step of the clock that somebody made: no drift is as large, and no time before
// this program was written is the present one.
const (
	leastStep = time.Minute
	leastYear = 2025
)

// byHand reports whether somebody has set the clock, by hand or from a clock of
// theirs, while this process ran: the boot's beginning, as the wall clock tells it,
// has moved.
func byHand(before, now time.Time) bool {
	return now.Sub(before).Abs() >= leastStep && now.UTC().Year() >= leastYear
}

// mostError is the error, in microseconds, above which the kernel's clock counts as
// one that nobody keeps: what it begins with, and comes to again nine hours after it
// was last heard from. systemd's timedated judges so too. The flag STA_UNSYNC does not
// say it: chronyd leaves it set where it minds the battery's clock itself.
const mostError = 16_000_000

// synchronised reports whether chronyd, ntpd, systemd-timesyncd, ptp4l or another
// keeps the clock. An error says that the kernel does not tell.
func synchronised() (bool, error) {
	// timesyncd says so in a file as well, earlier than to the kernel.
	if _, err := os.Stat("/run/systemd/timesync/synchronized"); err == nil {
		return true, nil
	}
	var t unix.Timex // no modes: it changes nothing, and needs no capability
	if _, err := unix.Adjtimex(&t); err != nil {
		return false, fmt.Errorf("the kernel does not say whether the clock is kept: %w", err)
	}
	return t.Maxerror < mostError, nil
}
