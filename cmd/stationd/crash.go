package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"stationd/internal/logging"
)

// What a crash leaves beside the outbox.
const (
	crashName    = "crash.txt"     // where the last one happened
	crashNewName = "crash.txt.new" // what this process leaves, if it crashes
	crashBytes   = 64 << 10        // at most of each
	crashSame    = time.Hour       // for which the same crash is not kept again
)

// exitAbort is the status with which Go ends a process by SIGABRT, and a panic.
const exitAbort = 2

// keepCrash has a crash of this process kept in a file beside the outbox, and says of
// the process before this one whether it crashed. Standard error gets no more of a
// crash than the goroutine it happened on, and of one that happens again within the hour
// nothing but its first lines. Where the file cannot be written, the station goes on
// without it. The outbox is open: nobody else keeps a crash there. The returned function
// says that the process ends as it should.
func keepCrash(folder string, log *slog.Logger) (ended func()) {
	lastCrash(folder, log)
	path := filepath.Join(folder, crashNewName)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err == nil {
		// It keeps a descriptor of its own.
		err = errors.Join(debug.SetCrashOutput(file, debug.CrashOptions{}), file.Close())
	}
	if err != nil {
		log.Warn("a crash will leave nothing but its lines in the log", "error", err)
		return func() {}
	}
	return func() {
		err := errors.Join(debug.SetCrashOutput(nil, debug.CrashOptions{}), os.Remove(path))
		if err != nil {
			log.Warn("an empty file is left", "error", err)
		}
	}
}

// lastCrash says what the process before this one left, and keeps it as the last
// crash, unless it is the same as that, again.
func lastCrash(folder string, log *slog.Logger) {
	left, kept := filepath.Join(folder, crashNewName), filepath.Join(folder, crashName)
	text, at, err := readCrash(left)
	if err != nil || len(text) == 0 {
		return // there was none, or the power was cut
	}
	what, where := crashSummary(text)
	before, when, err := readCrash(kept)
	first, _ := crashSummary(before)
	again := err == nil && first == what && at.Sub(when).Abs() < crashSame
	if again {
		err = os.Remove(left)
	} else {
		err = errors.Join(os.Truncate(left, int64(len(text))), os.Rename(left, kept))
	}
	log.Error("stationd crashed the last time", "what", what, "where", where, "at", at.UTC(), "again", again, "file", kept)
	if err != nil {
		log.Warn("the crash is not kept", "error", err)
	}
}

// readCrash reads what a crash left, no more than its ceiling, and when.
func readCrash(path string) (text []byte, at time.Time, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	text, err = os.ReadFile(path)
	return text[:min(len(text), crashBytes)], info.ModTime(), err
}

// crashSummary is what happened, and the first place in this program's own code where it
// did; either may be empty.
//
//	panic: runtime error: index out of range [3] with length 3
//
//	goroutine 34 [running]:
//	stationd/internal/queue.(*Outbox).index(...)
//		/src/internal/queue/outbox.go:211 +0x1d
func crashSummary(text []byte) (what, where string) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if what == "" {
			what = line
		}
		if strings.HasPrefix(line, "stationd/") || strings.HasPrefix(line, "main.") {
			where, _, _ = strings.Cut(line, "(0x")
			return what, where
		}
	}
	return what, ""
}

// dieByWatchdog ends the process when the service manager's watchdog does, with
// SIGABRT: where every goroutine stands goes into the crash's file and not, in hundreds
// of lines, into the log. alive says why. A process that cannot do even that is killed by
// the service manager. The returned function stops it.
func dieByWatchdog(folder string, journal *logging.Log, alive func() error) (stop func()) {
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
		log.Error("ended by SIGABRT, as by the service manager's watchdog", "why", why, "file", filepath.Join(folder, crashName))
		stacks := make([]byte, crashBytes-len(why)-1)
		stacks = stacks[:runtime.Stack(stacks, true)]
		err := os.WriteFile(filepath.Join(folder, crashNewName), fmt.Appendf(nil, "%s\n%s", why, stacks), 0o600)
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

// crash looks at whether the station crashed lately.
func (d *doctor) crash(folder string) finding {
	const name = "last crash"
	path := filepath.Join(folder, crashName)
	text, at, err := readCrash(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return well(name, "none is known")
	case err != nil:
		return unlooked(name, "%v: run doctor as root", err)
	}
	what, where := crashSummary(text)
	if where != "" {
		where = " in " + where
	}
	return warning(name, "send "+path+" to whoever helps you, and delete it then", "%s: %s%s", at.In(d.plan.zone).Format("2006-01-02 15:04:05"), what, where)
}
