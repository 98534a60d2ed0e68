package systemd

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Watchdog returns how long the service manager waits between two pings before
// it ends the process (WatchdogSec= in the unit), or 0 when it does not watch
// this process: no WATCHDOG_USEC, or a WATCHDOG_PID that is another process's.
// An error means that the environment is not what systemd writes.
func Watchdog() (limit time.Duration, err error) {
	text := os.Getenv("WATCHDOG_USEC")
	if text == "" {
		return 0, nil
	}
	// WATCHDOG_PID keeps a child that inherited the environment from pinging.
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0, nil
	}
	micros, err := strconv.ParseInt(text, 10, 64)
	if err != nil || micros <= 0 || micros > int64(time.Duration(1<<63-1)/time.Microsecond) {
		return 0, fmt.Errorf("systemd: WATCHDOG_USEC is %q: it must be a number of microseconds", text)
	}
	return time.Duration(micros) * time.Microsecond, nil
}

// Run pings the service manager three times in every limit, until ctx is done;
// then it returns nil. Before each ping it asks alive, and while alive returns
// an error there is no ping: the watchdog vouches for progress, not for life.
// The reason stands in the unit's status line until progress is made again, for
// systemd logs only that the watchdog timed out. alive must return at once: an
// alive that blocks is itself a station that makes no progress.
//
// A limit of 0, Watchdog's "nobody watches", makes Run wait for ctx and no more.
// An error means that the manager's socket could not be reached for the whole
// of limit, by when the manager has already judged.
func Run(ctx context.Context, limit time.Duration, alive func() error) error {
	if limit <= 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(max(limit/3, time.Millisecond))
	defer tick.Stop()
	var before error        // what alive returned at the last tick
	delivered := time.Now() // when the manager last got anything
	for {
		fault := alive()
		err := Notify(message(before, fault))
		before = fault
		if err == nil {
			delivered = time.Now()
		} else if time.Since(delivered) >= limit {
			return fmt.Errorf("%w; nothing was heard for %v, check NotifyAccess= in the unit", err, limit)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// message is what is sent at a tick: a ping when progress is made, and the reason instead
// when it is not.
func message(before, fault error) string {
	switch {
	case fault != nil:
		return status("no progress: " + fault.Error())
	case before != nil:
		return "WATCHDOG=1\n" + status("making progress again")
	}
	return "WATCHDOG=1"
}
