package relay

import (
	"context"
	"errors"
	"sync"
	"time"

	"stationd/internal/station"
)

const (
	// mostWaiting is how many asks may wait at one vendor, and mostOfStation how many of
	// them may be one station's.
	mostWaiting   = 2048
	mostOfStation = 16

	// waitTime is how long an ask waits for its turn. The station then asks again, and has
	// kept its place: who was served longest ago comes first.
	waitTime = 10 * time.Second

	// lookHold is how long a lane is kept for a station that has looked, and marks on disk
	// what it saw before it acts.
	lookHold = 10 * time.Second

	// doubtHold is how long a lane is kept for a station that is in doubt, beyond the time
	// after which an absence proves something.
	doubtHold = 30 * time.Second
	mostHold  = 5 * time.Minute

	// mostServed is how many stations it is remembered of when they were served.
	mostServed = 4096
)

// A job is an ask that was taken up.
type job struct {
	ask
	term    *term
	backend string
	station string
	id      string // of the ask
	reply   string
	came    time.Time
	context context.Context //nolint:containedctx // it ends when the station gives the ask up
	end     context.CancelFunc
}

// lane is the lane that the job is about; "" where it is about none.
func (j *job) lane() string {
	if j.Do == doFetch {
		return j.fetchKey() // who reads the same waits, and has what was read
	}
	if j.Delivery == nil || j.Delivery.Lane == "" || j.Do == doRehearse {
		return ""
	}
	return j.Delivery.To + " " + j.Delivery.Lane
}

// owner is who keeps the lane while the job's entry is being decided.
func (j *job) owner() string {
	if j.Delivery == nil {
		return ""
	}
	return j.station + " " + string(j.Delivery.ID)
}

// A hold keeps a lane for one entry of one station: what the entry is compared with must not
// be changed by another station meanwhile.
type hold struct {
	owner string
	first *term     // see firstOf: after another relay has led it keeps nothing
	busy  bool      // something is being done for it
	until time.Time // where it is not busy
}

// An admission lets asks to one vendor through: the stations take turns, and a lane is one
// entry's at a time. Its methods may be called by several goroutines at once.
type admission struct {
	mu      sync.Mutex // guards what follows
	waiting []*job
	served  map[string]uint64 // the last turn of each station
	turn    uint64
	lanes   map[string]hold
	more    chan struct{} // closed when something has changed
	closed  bool
}

func newAdmission() *admission {
	return &admission{served: make(map[string]uint64), lanes: make(map[string]hold), more: make(chan struct{})}
}

// changed wakes whoever waits. The caller holds mu.
func (a *admission) changed() {
	close(a.more)
	a.more = make(chan struct{})
}

// add takes a job up and reports whether there was room.
func (a *admission) add(j *job) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	own := 0
	for _, w := range a.waiting {
		if w.station == j.station {
			own++
		}
	}
	if a.closed || len(a.waiting) >= mostWaiting || own >= mostOfStation {
		return false
	}
	a.waiting = append(a.waiting, j)
	a.changed()
	return true
}

// next waits for the job that has the next turn; nil when ctx is done.
func (a *admission) next(ctx context.Context) *job {
	for {
		a.mu.Lock()
		j, more := a.take(time.Now()), a.more
		a.mu.Unlock()
		if j != nil {
			return j
		}
		// A lane that was kept becomes free with time; nobody says so.
		again := time.NewTimer(beat)
		select {
		case <-ctx.Done():
			again.Stop()
			return nil
		case <-more:
		case <-again.C:
		}
		again.Stop()
	}
}

// take removes the job that has the next turn: one whose entry has its lane already, for what
// was looked at would be looked at again; then that of the station which was served longest
// ago, and of one station's the oldest. The caller holds mu.
func (a *admission) take(now time.Time) *job {
	best, first := -1, false
	for i, j := range a.waiting {
		h := a.lanes[j.lane()]
		begun := h.owner != "" && h.owner == j.owner()
		if !a.free(j, now) || begun == first && best >= 0 && a.served[j.station] >= a.served[a.waiting[best].station] || first && !begun {
			continue
		}
		best, first = i, begun
	}
	if best < 0 {
		return nil
	}
	j := a.waiting[best]
	a.waiting = append(a.waiting[:best], a.waiting[best+1:]...)
	if len(a.served) >= mostServed {
		clear(a.served)
	}
	a.turn++
	a.served[j.station] = a.turn
	if lane := j.lane(); lane != "" {
		a.lanes[lane] = hold{owner: j.owner(), first: firstOf(j.term), busy: true}
	}
	return j
}

// free reports whether nothing keeps the job from its turn. The caller holds mu.
func (a *admission) free(j *job, now time.Time) bool {
	h, kept := a.lanes[j.lane()]
	return !kept || !h.busy && (h.owner == j.owner() || h.first != firstOf(j.term) || now.After(h.until))
}

// done says what became of a job: until its entry is decided, the lane stays its own.
func (a *admission) done(j *job, rc station.Receipt) {
	lane := j.lane()
	if lane == "" {
		return
	}
	keep := time.Duration(0)
	switch {
	case j.Do == doLook && rc.Outcome == station.Delivered:
		keep = lookHold
	case j.Do == doDeliver && len(j.Delivery.Before) > 0 && staysInDoubt(j, rc):
		keep = min(j.Settle+doubtHold, mostHold)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.lanes, lane)
	if keep > 0 {
		a.lanes[lane] = hold{owner: j.owner(), first: firstOf(j.term), until: time.Now().Add(keep)}
	}
	a.changed()
}

// staysInDoubt reports whether nobody knows yet, after an attempt, if its entry has arrived.
func staysInDoubt(j *job, rc station.Receipt) bool {
	switch rc.Outcome {
	case station.Doubtful:
		return rc.Holds() == station.HoldNone
	case station.Unreached: // what was in doubt could not be looked up, or was found absent
		return j.Delivery.Doubtful && !errors.Is(rc.Err, station.ErrAbsent) && !errors.Is(rc.Err, station.ErrForbidden)
	case station.Delivered, station.Refused:
	}
	return false
}

// late removes the jobs that have waited too long, and forgets lanes that nobody came back
// for. Of a job it says whether it waits for its lane alone.
func (a *admission) late(now time.Time) map[*job]bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	late := make(map[*job]bool)
	kept := a.waiting[:0]
	for _, j := range a.waiting {
		if now.Sub(j.came) > waitTime {
			late[j] = !a.free(j, now)
		} else {
			kept = append(kept, j)
		}
	}
	clear(a.waiting[len(kept):])
	a.waiting = kept
	for lane, h := range a.lanes {
		if !h.busy && now.After(h.until) {
			delete(a.lanes, lane)
		}
	}
	return late
}

// length is how many jobs wait.
func (a *admission) length() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.waiting)
}

// empty removes all jobs, and takes no more where it is closed.
func (a *admission) empty(closed bool) []*job {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.waiting
	a.waiting, a.closed = nil, closed
	return all
}

// remove removes the job of that id, whose station gave it up, and reports whether it waited.
func (a *admission) remove(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, j := range a.waiting {
		if j.id == id {
			a.waiting = append(a.waiting[:i], a.waiting[i+1:]...)
			return true
		}
	}
	return false
}
