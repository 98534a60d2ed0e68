package queue

import (
	"errors"
	"math/rand/v2"
	"time"

	"stationd/internal/station"
)

// A backend that nobody reaches is tried by one lane for all: while the network is
// down, fifty lanes cost no more than one, and none of them waits longer than probeWait
// when it is back. The first that is answered wakes the others.

// probeWait is the longest wait between the beginnings of two attempts at a backend that
// is out of reach. Such an attempt is a dial that fails: nothing of it leaves.
const probeWait = 5 * time.Second

// An absence is how long a backend has been out of reach.
type absence struct {
	tries int       // in a row that reached nobody
	next  time.Time // no other before this
}

// reachedNobody reports whether an attempt has reached nobody, so that any other would have
// come to the same.
func reachedNobody(rc station.Receipt) bool {
	return rc.Outcome == station.Unreached && !rc.Answered && !rc.Sent && !errors.Is(rc.Err, station.ErrAbsent)
}

// missed takes up an attempt, begun then, that has reached nobody. The caller holds mu.
func (o *Outbox) missed(backend string, began time.Time) {
	a := o.away[backend]
	a.tries++
	now := time.Now()
	a.next = began.Add(probeWait - rand.N(probeWait/5))
	if least := now.Add(firstWait / 2); a.next.Before(least) { // the attempt itself took its time
		a.next = least
	}
	if soon := now.Add(backOff(a.tries)); soon.Before(a.next) {
		a.next = soon
	}
	o.away[backend] = a
	if a.tries < 2 {
		return
	}
	// It is the way and not the entry: when it is back nobody waits on for this.
	for _, l := range o.lanes {
		if l.backend() == backend {
			l.woken = false
		}
	}
}

// ready is when a lane may have its next turn: in an outage not by its own waiting, but
// when the next attempt for all is due. The caller holds mu.
func (o *Outbox) ready(l *lane, backend string) time.Time {
	a, away := o.away[backend]
	if !away {
		return l.after
	}
	if l.unreached > 0 && !l.settles || l.after.Before(a.next) {
		return a.next
	}
	return l.after
}

// A chance is a lane that may have the next turn.
type chance struct {
	lane     *lane
	at       place
	doubtful bool
	tries    int // in an outage, that reached nobody
}

// before reports whether a lane has its turn before another: what is in doubt comes
// after what is not. In an outage the lanes take turns, for what reaches nobody may be
// one entry alone.
func (c chance) before(other chance) bool {
	switch {
	case c.tries != other.tries:
		return c.tries < other.tries
	case c.doubtful != other.doubtful:
		return other.doubtful
	}
	return c.at < other.at
}

// begin takes up that a lane has its turn now. In an outage it is the only one, unless
// it takes long. The caller holds mu.
func (o *Outbox) begin(l *lane, backend string, now time.Time) {
	if a, away := o.away[backend]; away {
		a.next = now.Add(probeWait)
		o.away[backend] = a
	}
	if !l.after.IsZero() && !l.after.After(now) {
		l.woken = false // it has waited to the end
	}
}

// probeNow has a backend that is out of reach tried at once. The caller holds mu.
func (o *Outbox) probeNow(backend string) {
	if a, away := o.away[backend]; away {
		a.next = time.Time{}
		o.away[backend] = a
	}
}

// wake has the lanes of a backend that is well again tried now, and not when each of
// them has waited. What waits for its settle time goes on waiting, and so does what
// alone is not answered or answered well: it has been woken before. The caller holds mu.
func (o *Outbox) wake(backend string) {
	for _, l := range o.lanes {
		if l.backend() == backend && !l.busy && l.fails > 0 && !l.settles && !l.woken && l.attempt.answers <= 1 {
			l.after, l.woken = time.Time{}, true
		}
	}
}
