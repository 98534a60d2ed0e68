// Package logging writes a program's log so that the log can neither hold the
// program up nor end it.
//
// Lines wait in a bounded queue for the one goroutine that writes them. Where nobody
// reads them, or they cannot be written, the oldest are dropped and counted, and the
// count is written as soon as lines flow again. A line that comes again and again is
// counted too and written once for all of them; below a warning, also where only the
// entry differs. In a day no more than dayBytes are written, and what is below a warning
// leaves a part of that to warnings and errors.
package logging

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"stationd/internal/station"
)

// The ceilings.
const (
	dayBytes      = 10_000_000 // of lines in any 24 hours
	onceBytes     = 1_000_000  // of lines at once; what a day allows beside it comes evenly
	reservedBytes = 500_000    // of them, which only warnings and errors may use
	resumeBytes   = 50_000     // how many must be allowed again before a ceiling that was reached is lifted
	queueBytes    = 64 << 10   // of lines that wait to be written
	recentBytes   = 64 << 10   // of the last lines, which are kept for whoever may not read the log

	burst        = 5               // how often the same line is written within firstSpan before it is counted
	firstSpan    = time.Minute     // for which a line is counted before the count is written; it doubles
	longestSpan  = time.Hour       // at most
	mostRepeated = 200             // different lines that are counted at once
	stuckAfter   = 5 * time.Second // a line that takes longer to write is read by nobody
	reopenAfter  = time.Second     // between two tries to open a log that is gone
)

// A Log is a slog.Handler's destination. Its methods may be called by several
// goroutines at once, and none of them but Run and Flush waits for the reader of the log.
type Log struct {
	out    io.Writer
	reopen func() (io.Writer, error)
	format slog.Handler // formats into line
	seed   maphash.Seed
	wake   chan struct{} // has one element while there may be something to write

	ctx context.Context // for the formatting handlers, which wait for nothing

	mu         sync.Mutex   // guards what follows
	line       bytes.Buffer // the line that is being formatted
	queue      [][]byte
	queued     int       // bytes in queue
	recent     [][]byte  // the last lines, written or not
	kept       int       // bytes in recent
	writing    time.Time // since when a line is being written; zero while none is
	writeErr   error     // why the last line could not be written
	unreported int       // lines that nobody read were dropped, and no line has said so yet
	dropped    Dropped
	allowed    float64 // bytes that may be written at once
	counted    time.Time
	routine    ceiling // of what is below a warning
	all        ceiling
	repeats    map[uint64]*repeat // by fingerprint
}

// A ceiling is reached when fewer bytes than floor are allowed.
type ceiling struct {
	floor      float64
	reached    bool
	unreported int // lines that were dropped since
}

// Dropped is how many lines were dropped since the start, by why.
type Dropped struct {
	Unread   int // nobody read them, or they could not be written
	Ceiling  int // too many in a day
	Repeated int // the same as one that was written
}

// A repeat is a line that was written lately.
type repeat struct {
	handler slog.Handler
	record  slog.Record // the last one
	until   time.Time   // when what was counted is written
	span    time.Duration
	written int
	counted int
}

// New returns a log that is written to out by Run, in lines as format's handler
// writes them. When a line cannot be written, reopen is asked for another out, not
// more than once a second; it may be nil.
func New(out io.Writer, format func(io.Writer) slog.Handler, reopen func() (io.Writer, error)) *Log {
	l := &Log{
		ctx: context.Background(), //nolint:forbidigo // a handler wants one
		out: out, reopen: reopen,
		seed: maphash.MakeSeed(), wake: make(chan struct{}, 1),
		allowed: onceBytes, routine: ceiling{floor: reservedBytes}, repeats: make(map[uint64]*repeat),
	}
	l.format = format(&l.line)
	return l
}

// Handler returns the slog.Handler that writes into the log.
func (l *Log) Handler() slog.Handler { return handler{l, l.format, l.format} }

// Write puts text that is no line of a slog.Handler into the log: the faults of a
// configuration, the last words of the program. It implements io.Writer and never
// fails.
func (l *Log) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(text) {
		l.add(slog.LevelError, bytes.Clone(station.Printable(line)))
	}
	return len(text), nil
}

// Flush waits until everything is written, for no longer than within. Run is running.
func (l *Log) Flush(within time.Duration) {
	end := time.NewTimer(within)
	defer end.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		l.mu.Lock()
		written := len(l.queue) == 0 && l.writing.IsZero()
		l.mu.Unlock()
		if written {
			return
		}
		select {
		case <-tick.C:
		case <-end.C:
			return
		}
	}
}

// Dropped returns how many lines were not written.
func (l *Log) Dropped() Dropped {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}

// Faults returns what a person should know of the log itself. It implements
// station.HealthReporter.
func (l *Log) Faults() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := ""
	switch {
	case l.writeErr != nil:
		text = fmt.Sprintf("it cannot be written (%v), and %d lines were dropped: look at systemctl status systemd-journald", l.writeErr, l.unreported)
	case !l.writing.IsZero() && time.Since(l.writing) > stuckAfter:
		text = fmt.Sprintf("nobody has read it for %v, and %d lines were dropped: look at systemctl status systemd-journald", time.Since(l.writing).Round(time.Second), l.unreported)
	case l.unreported > 0:
		text = fmt.Sprintf("nobody reads it, and %d lines were dropped: look at systemctl status systemd-journald", l.unreported)
	case l.all.reached:
		text = fmt.Sprintf("it is at its ceiling of %d MB a day, and %d lines were dropped: see what comes so often", dayBytes/1_000_000, l.all.unreported)
	}
	return map[string]string{"log": text}
}

// Run writes the lines until ctx is done and nothing waits any more. A reader that
// does not read holds it up for as long.
func (l *Log) Run(ctx context.Context) {
	tick := time.NewTicker(firstSpan / 4)
	defer tick.Stop()
	var tried time.Time
	for {
		line, reported := l.next()
		if line != nil {
			l.write(line, reported, &tried)
			continue
		}
		select {
		case <-l.wake:
		case <-tick.C:
			l.mu.Lock()
			l.expireRepeats(time.Now(), false)
			l.writeErr = nil // so that next tries to write how many were dropped
			l.mu.Unlock()
		case <-ctx.Done():
			l.mu.Lock()
			l.expireRepeats(time.Now(), true)
			empty := len(l.queue) == 0
			l.mu.Unlock()
			if empty {
				return
			}
		}
	}
}

// next takes the next line to be written off the queue: first how many lines were dropped,
// for they came before; reported is their number then. It returns nil while there is none.
func (l *Log) next() (line []byte, reported int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 && (l.unreported == 0 || l.writeErr != nil) {
		return nil, 0
	}
	l.writing = time.Now()
	if l.unreported > 0 && l.writeErr == nil {
		return l.notice(slog.LevelWarn, "lines of the log were dropped: nobody read it", slog.Int("lines", l.unreported)), l.unreported
	}
	line = l.queue[0]
	l.queue = l.queue[1:]
	l.queued -= len(line)
	return line, 0
}

// write writes a line; reported is how many dropped lines it reports.
func (l *Log) write(line []byte, reported int, tried *time.Time) {
	_, err := l.out.Write(line)
	if err != nil && l.reopen != nil && time.Since(*tried) >= reopenAfter {
		*tried = time.Now()
		if out, again := l.reopen(); again == nil {
			l.out = out
			_, err = l.out.Write(line)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writing = time.Time{}
	l.writeErr = err
	switch {
	case err == nil:
		l.unreported -= reported
	case reported == 0:
		l.unreported++
		l.dropped.Unread++
	}
}

// add puts a line at the end of the queue, unless a ceiling is reached. The caller
// holds mu.
func (l *Log) add(level slog.Level, line []byte) {
	now := time.Now()
	if !l.counted.IsZero() {
		l.allowed = min(onceBytes, l.allowed+now.Sub(l.counted).Seconds()*(dayBytes-onceBytes)/(24*time.Hour).Seconds())
	}
	l.counted = now
	open := l.allow(&l.all, len(line), slog.LevelError, "the log is at its ceiling: nothing is written for a while")
	if level < slog.LevelWarn {
		open = l.allow(&l.routine, len(line), slog.LevelInfo, "there is much to log: only warnings and errors are written for a while") && open
	}
	if !open {
		l.dropped.Ceiling++
		return
	}
	l.enqueue(line)
}

// allow reports whether a line of a size stays under a ceiling, and logs when the ceiling
// is reached and when it is lifted.
func (l *Log) allow(c *ceiling, size int, level slog.Level, text string) bool {
	if c.reached && l.allowed >= c.floor+resumeBytes {
		n := c.unreported
		c.reached, c.unreported = false, 0
		l.enqueue(l.notice(level, "the log is below its ceiling again: lines were dropped", slog.Int("lines", n)))
	}
	if !c.reached && l.allowed < c.floor+float64(size) {
		c.reached = true
		l.enqueue(l.notice(level, text, slog.Int("mb_a_day", dayBytes/1_000_000)))
	}
	if c.reached {
		c.unreported++
	}
	return !c.reached
}

// enqueue is add without a ceiling for the day. Where too much waits to be written,
// the oldest lines give way.
func (l *Log) enqueue(line []byte) {
	l.allowed -= float64(len(line))
	l.queue = append(l.queue, line)
	l.queued += len(line)
	for l.queued > queueBytes {
		l.queued -= len(l.queue[0])
		l.queue = l.queue[1:]
		l.unreported++
		l.dropped.Unread++
	}
	l.recent = append(l.recent, line)
	l.kept += len(line)
	for l.kept > recentBytes {
		l.kept -= len(l.recent[0])
		l.recent = l.recent[1:]
	}
	select {
	case l.wake <- struct{}{}:
	default: // it will wake anyway
	}
}

// Recent returns the last lines, of 64 KiB together at most, whether somebody has read them
// or not.
func (l *Log) Recent() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Join(l.recent, nil)
}

// notice formats a line of the log's own.
func (l *Log) notice(level slog.Level, text string, about slog.Attr) []byte {
	r := slog.NewRecord(time.Now(), level, text, 0)
	r.AddAttrs(about)
	return l.formatted(l.format, r)
}

// formatted returns a record as a line. The caller holds mu.
func (l *Log) formatted(h slog.Handler, r slog.Record) []byte {
	l.line.Reset()
	if err := h.Handle(l.ctx, r); err != nil {
		return nil
	}
	return bytes.Clone(station.Printable(l.line.Bytes()))
}

// distinguishing reports whether an attribute only says which of many is meant: below a
// warning a line is the same without it.
func distinguishing(a slog.Attr) bool {
	switch a.Key {
	case "entry", "ref", "note":
		return true
	}
	return false
}

// fingerprint is equal for lines that count as the same. The caller holds mu.
func (l *Log) fingerprint(h handler, r slog.Record) uint64 {
	same := slog.NewRecord(time.Time{}, r.Level, r.Message, 0)
	format := h.format
	if r.Level < slog.LevelWarn {
		format = h.common
	}
	r.Attrs(func(a slog.Attr) bool {
		if r.Level >= slog.LevelWarn || !distinguishing(a) {
			same.AddAttrs(a)
		}
		return true
	})
	return maphash.Bytes(l.seed, l.formatted(format, same))
}

// handle adds a record to the log, or counts it as a repetition.
func (l *Log) handle(h handler, r slog.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := l.fingerprint(h, r)
	now := time.Now()
	seen := l.repeats[key]
	if seen == nil {
		if len(l.repeats) >= mostRepeated {
			l.expireRepeats(now, len(l.repeats) >= 2*mostRepeated)
		}
		seen = &repeat{span: firstSpan, until: now.Add(firstSpan)}
		l.repeats[key] = seen
	}
	if !now.Before(seen.until) {
		l.reportRepeats(seen, now)
	}
	seen.handler, seen.record = h.format, r.Clone()
	if seen.written < burst {
		seen.written++
		l.add(r.Level, l.formatted(h.format, r))
		return
	}
	seen.counted++
	l.dropped.Repeated++
}

// expireRepeats reports the repetitions whose time has come, or all of them, and forgets
// lines that were not repeated. The caller holds mu.
func (l *Log) expireRepeats(now time.Time, all bool) {
	for key, seen := range l.repeats {
		if !all && now.Before(seen.until) {
			continue
		}
		if l.reportRepeats(seen, now); seen.written == 0 || all {
			delete(l.repeats, key)
		}
	}
}

// reportRepeats writes how often a line was repeated and begins to count anew, for longer:
// a line that was repeated is not written again before the next count. The caller holds mu.
func (l *Log) reportRepeats(seen *repeat, now time.Time) {
	if seen.counted == 0 {
		*seen = repeat{span: firstSpan, until: now.Add(firstSpan)}
		return
	}
	r := seen.record
	r.AddAttrs(slog.Int("repeated", seen.counted))
	l.add(r.Level, l.formatted(seen.handler, r))
	seen.span = min(2*seen.span, longestSpan)
	seen.until, seen.counted = now.Add(seen.span), 0
}

// A handler formats records for a log.
type handler struct {
	log    *Log
	format slog.Handler
	common slog.Handler // without the attributes that are distinguishing
}

// Enabled implements slog.Handler.
func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.format.Enabled(ctx, level)
}

// Handle implements slog.Handler. It waits for nobody.
func (h handler) Handle(_ context.Context, r slog.Record) error {
	h.log.handle(h, r)
	return nil
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	alike := slices.DeleteFunc(slices.Clone(attrs), distinguishing)
	return handler{h.log, h.format.WithAttrs(attrs), h.common.WithAttrs(alike)}
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.log, h.format.WithGroup(name), h.common.WithGroup(name)}
}
