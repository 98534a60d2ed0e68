package gpio

import (
	"errors"
	"fmt"
	"os"
	"time"

	"stationd/internal/station"
)

const (
	// minWait is the shortest wait.
	minWait = time.Millisecond

	// idleWait is the longest wait for an edge of one chip while nothing is pressed, and
	// busyWait that in the busyTime after an edge. The levels are read after every wait,
	// because the kernel may have dropped an edge: it does when its buffer is full, which
	// is in the busyTime of the edges that it kept.
	idleWait = 5 * time.Second
	busyWait = 250 * time.Millisecond
	busyTime = 5 * time.Second

	// maxEdgesAtOnce is how many edges of one chip are read before the levels are: a line
	// that chatters must not keep the others waiting.
	maxEdgesAtOnce = 256

	// mismatchTime is how long a level must differ from what the edges said, with no
	// edge coming, before it counts. An edge that is on its way takes less time and says
	// more: when the run before it ended. The kernel's thread that stores an edge runs
	// soon after the interrupt, but on a busy machine it may take a while.
	mismatchTime = 500 * time.Millisecond
)

// A lineTracker follows the input lines of one chip, for a Bank or a Watch: by their
// edges, and by their levels where an edge is missing.
type lineTracker struct {
	lines inputLines
	began time.Time // what happened before is in the levels that were read first

	lastEdge time.Time // when the last one was reported

	high          uint64      // the levels by what was reported, a bit for each line
	mismatchSince []time.Time // by line: since when its level differs from that; zero: it does not
}

// newLineTracker reads the levels as they are. Edges from before are never reported.
func newLineTracker(lines inputLines, count int) (*lineTracker, error) {
	l := &lineTracker{lines: lines, mismatchSince: make([]time.Time, count), began: time.Now(), lastEdge: time.Now()}
	levels, err := lines.levels()
	if err != nil {
		return nil, fmt.Errorf("read the levels: %w", err)
	}
	l.high = levels
	return l, nil
}

// poll waits for an edge, reports it and all that follow at once, and then reads the
// levels, which show what the edges left out. Every reported edge has a time. One whose
// time is not known, and a level that no edge announced, are reported with a gap.
//
// Everything that happened until still, on lines that are not mismatched, has been
// reported then. An error means that the lines are gone: a level that cannot be read is
// not reported.
func (l *lineTracker) poll(timeout time.Duration, report func(edge)) (still time.Time, err error) {
	for range maxEdgesAtOnce {
		began := time.Now()
		e, err := l.lines.wait(timeout)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if still = began.Add(timeout); still.After(time.Now()) {
				still = time.Now() // the wait was ended before its time
			}
			break
		}
		if err != nil {
			return still, fmt.Errorf("wait for an edge: %w", err)
		}
		timeout = minWait
		switch {
		case e.at.IsZero():
			e.at, e.gap = time.Now(), true
		case e.at.Before(l.began):
			continue
		}
		still = e.at
		l.report(e, report)
	}
	return still, l.readLevels(report)
}

// report notes what an edge says and passes it on.
func (l *lineTracker) report(e edge, report func(edge)) {
	l.lastEdge = time.Now()
	l.mismatchSince[e.line] = time.Time{}
	l.high &^= 1 << e.line
	if e.high {
		l.high |= 1 << e.line
	}
	report(e)
}

// readLevels compares the levels with what was reported. One that differs may be ahead
// of an edge that is on its way, so it counts only when it has lasted.
func (l *lineTracker) readLevels(report func(edge)) error {
	levels, err := l.lines.levels()
	if err != nil {
		return fmt.Errorf("read the levels: %w", err)
	}
	now := time.Now()
	for i, since := range l.mismatchSince {
		switch {
		case (levels^l.high)&(1<<i) == 0:
			l.mismatchSince[i] = time.Time{}
		case since.IsZero():
			l.mismatchSince[i] = now
		case now.Sub(since) >= mismatchTime:
			l.report(edge{line: i, high: levels&(1<<i) != 0, at: since, gap: true}, report)
		}
	}
	return nil
}

// mismatched reports whether a line's level differs from what its edges said.
func (l *lineTracker) mismatched(line int) bool { return !l.mismatchSince[line].IsZero() }

// longestWait is how long to wait for an edge at now, where nothing else is to be done
// before. What the kernel drops it drops in a burst, so the levels are looked at more
// often after an edge: of each of so many chips the less, so that all together wake the
// processor as often as one. Idle chips are looked at together.
func (l *lineTracker) longestWait(now time.Time, chips int) time.Duration {
	if now.Sub(l.lastEdge) < busyTime {
		return busyWait * time.Duration(chips)
	}
	return station.UntilBeat(now, idleWait)
}

// waitTime returns how long to wait at now: until a mismatch is old enough to count, at
// most as long as given, and at least minWait.
func (l *lineTracker) waitTime(now time.Time, longest time.Duration) time.Duration {
	for _, since := range l.mismatchSince {
		if !since.IsZero() {
			longest = min(longest, since.Add(mismatchTime).Sub(now))
		}
	}
	return max(longest, minWait)
}
