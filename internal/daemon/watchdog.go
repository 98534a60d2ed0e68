package daemon

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"stationd/internal/crash"
	"stationd/internal/logging"
)

// exitAbort is the status with which Go ends a process by SIGABRT, and a panic.
const exitAbort = 2

// abortWithStacks ends the process when the service manager's watchdog does, with
// SIGABRT: where every goroutine stands goes into the crash's file and not, in hundreds
// of lines, into the log. alive says why. A process that cannot do even that is killed by
// the service manager. The returned function stops it.
func abortWithStacks(folder string, journal *logging.Log, alive func() error) (stop func()) {
	log := slog.New(journal.Handler())
	abort := make(chan os.Signal, 1)
	signal.Notify(abort, syscall.SIGABRT)
	go func() {
		if _, told := <-abort; !told {
			return
		}
		// The disk may be what hangs.
		time.AfterFunc(drainTime, func() { os.Exit(exitAbort) })
		why := "SIGABRT"
		if err := alive(); err != nil {
			why += ": " + err.Error()
		}
		log.Error("ended by SIGABRT, as by the service manager's watchdog", "why", why, "file", filepath.Join(folder, crash.Name))
		stacks := make([]byte, crash.MostBytes-len(why)-1)
		stacks = stacks[:runtime.Stack(stacks, true)]
		err := os.WriteFile(filepath.Join(folder, crash.NewName), fmt.Appendf(nil, "%s\n%s", why, stacks), 0o600)
		if err != nil {
			log.Warn("where it stood is not kept", "error", err)
		}
		journal.Flush(drainTime)
		os.Exit(exitAbort)
	}()
	return func() {
		signal.Stop(abort)
		close(abort)
	}
}
