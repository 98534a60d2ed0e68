package gpio

import (
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	// shortest is the shortest wait.
	shortest = time.Millisecond

	// most is how many edges of one chip are read before the levels are: a line
	// that chatters must not keep the others waiting.
	most = 256

	// believed is how long a level must differ from what the edges said, with no
	// edge coming, before it counts. An edge that is on its way takes less, and tells
	// more: when the run before it ended. The kernel's thread that remembers it runs
	// soon after its interrupt, but on a busy machine it may take a while.
	believed = 500 * time.Millisecond
)

// A listener gathers what the input lines of one chip do: from their edges, and
// from their levels where an edge is missing.
type listener struct {
	lines inputs
	begun time.Time // what happened before is in the levels that were read first

	high   uint64      // the levels, as they were told
	differ []time.Time // since when a line's level is another than was told; zero: it is not
}

// listenTo begins with the levels as they are. An edge from before is not told.
func listenTo(lines inputs, count int) (*listener, error) {
	l := &listener{lines: lines, differ: make([]time.Time, count), begun: time.Now()}
	levels, err := lines.levels()
	if err != nil {
		return nil, fmt.Errorf("read the levels: %w", err)
	}
	l.high = levels
	return l, nil
}

// listen waits for an edge, tells it and all that follow at once, and then reads
// the levels: what the edges left out is in them. Every edge that it tells has a
// time; one whose time nobody knows is told as torn, at the time of telling, and
// so is a level that no edge told of.
//
// Everything that happened until still, by the lines that are not doubtful, has
// been told. An error means that the lines are gone: a level that cannot be read
// is told to nobody.
func (l *listener) listen(patience time.Duration, tell func(edge)) (still time.Time, err error) {
	for range most {
		begun := time.Now()
		e, err := l.lines.wait(patience)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			still = begun.Add(patience)
			break
		}
		if err != nil {
			return still, fmt.Errorf("wait for an edge: %w", err)
		}
		patience = shortest
		switch {
		case e.at.IsZero():
			e.at, e.torn = time.Now(), true
		case e.at.Before(l.begun):
			continue
		}
		still = e.at
		l.tell(e, tell)
	}
	return still, l.readLevels(tell)
}

func (l *listener) tell(e edge, tell func(edge)) {
	l.differ[e.line] = time.Time{}
	l.high &^= 1 << e.line
	if e.high {
		l.high |= 1 << e.line
	}
	tell(e)
}

// readLevels compares the levels with what was told. One that differs may be ahead
// of an edge that is on its way, so it counts only when it has lasted.
func (l *listener) readLevels(tell func(edge)) error {
	levels, err := l.lines.levels()
	if err != nil {
		return fmt.Errorf("read the levels: %w", err)
	}
	now := time.Now()
	for i, since := range l.differ {
		switch {
		case (levels^l.high)&(1<<i) == 0:
			l.differ[i] = time.Time{}
		case since.IsZero():
			l.differ[i] = now
		case now.Sub(since) >= believed:
			l.tell(edge{line: i, high: levels&(1<<i) != 0, at: since, torn: true}, tell)
		}
	}
	return nil
}

// doubtful reports whether a line's level is another than its edges said.
func (l *listener) doubtful(line int) bool { return !l.differ[line].IsZero() }

// patience returns how long to wait at now: until the doubt of a line may end, at
// most as long as given, and never less than shortest.
func (l *listener) patience(now time.Time, longest time.Duration) time.Duration {
	for _, since := range l.differ {
		if !since.IsZero() {
			longest = min(longest, since.Add(believed).Sub(now))
		}
	}
	return max(longest, shortest)
}
