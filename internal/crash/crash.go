// Package crash keeps what a crash of the station leaves: one file of limited size beside
// the outbox, with every goroutine, which the next start reports and doctor shows.
package crash

import (
	"bufio"
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"
)

// What a crash leaves beside the outbox.
const (
	Name       = "crash.txt"     // where the last one happened
	NewName    = "crash.txt.new" // what this process leaves, if it crashes
	MostBytes  = 64 << 10        // at most of each
	sameWithin = time.Hour       // for which the same crash is not kept again
)

// Keep has a crash of this process kept in a file beside the outbox, and says of
// the process before this one whether it crashed. Standard error gets no more of a
// crash than the goroutine it happened on, and of one that happens again within the hour
// nothing but its first lines. Where the file cannot be written, the station goes on
// without it. The outbox is open: nobody else keeps a crash there. The returned function
// says that the process ends as it should.
func Keep(folder string, log *slog.Logger) (ended func()) {
	reportLast(folder, log)
	path := filepath.Join(folder, NewName)
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

// reportLast says what the process before this one left, and keeps it as the last
// crash, unless it is the same as that, again.
func reportLast(folder string, log *slog.Logger) {
	left, kept := filepath.Join(folder, NewName), filepath.Join(folder, Name)
	text, at, err := Read(left)
	if err != nil || len(text) == 0 {
		return // there was none, or the power was cut
	}
	what, where := Summary(text)
	before, when, err := Read(kept)
	first, _ := Summary(before)
	again := err == nil && first == what && at.Sub(when).Abs() < sameWithin
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

// Read reads what a crash left, no more than its ceiling, and when.
func Read(path string) (text []byte, at time.Time, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	text, err = os.ReadFile(path)
	return text[:min(len(text), MostBytes)], info.ModTime(), err
}

// Summary is what happened, and the first place in this program's own code where it
// did; either may be empty.
//
//	panic: runtime error: index out of range [3] with length 3
//
//	goroutine 34 [running]:
//	stationd/internal/queue.(*Outbox).index(...)
//		/src/internal/queue/outbox.go:211 +0x1d
func Summary(text []byte) (what, where string) {
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
