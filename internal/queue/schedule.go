package queue

import (
	"errors"
	"math/rand/v2"
	"time"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// A schedule says which lane has the next turn, and when: it knows how each backend was
// met last, and waits for those that ask for it or cannot be reached. It is guarded by the
// outbox's mu.
type schedule struct {
	lanes    map[string]*lane // the index's
	contacts map[string]station.Contact
	pauses   map[string]time.Time // no attempt at the backend before
	outages  map[string]outage    // of the backends that are out of reach
	keys     map[string]keyRecord
	marks    map[string]station.Marks // what each backend was last seen to do with them
	outcomes map[[2]string]int        // of attempts since the process began, by backend and outcome
	shares   map[string]*share        // of a backend's pace, by backend
	read     func(format.Place) (format.Entry, error)
}

// newSchedule makes a schedule of the lanes; read reads an entry at the head of one.
func newSchedule(lanes map[string]*lane, read func(format.Place) (format.Entry, error)) *schedule {
	return &schedule{
		lanes:    lanes,
		read:     read,
		shares:   make(map[string]*share),
		contacts: make(map[string]station.Contact),
		pauses:   make(map[string]time.Time),
		outages:  make(map[string]outage),
		keys:     make(map[string]keyRecord),
		outcomes: make(map[[2]string]int),
	}
}

const (
	firstWait   = time.Second // after one turn that decided nothing; doubled each time
	longestWait = time.Minute // the back-off's cap
)

// A candidate is a lane that may have the next turn.
type candidate struct {
	lane     *lane
	at       format.Place
	tries    int    // in an outage, that reached nobody
	first    bool   // it is a call, or calls have had their turns
	doubtful bool   // it is looked up first
	served   uint64 // the last turn that its source had
}

// before reports whether a lane has its turn before another. In an outage the lanes take
// turns, for what reaches nobody may be one entry alone. Calls go before history; what is
// in doubt comes after what is not; then the sources take turns, each with its oldest.
func (c candidate) before(other candidate) bool {
	switch {
	case c.tries != other.tries:
		return c.tries < other.tries
	case c.first != other.first:
		return c.first
	case c.doubtful != other.doubtful:
		return other.doubtful
	case c.served != other.served:
		return c.served < other.served
	}
	return c.at < other.at
}

// callsInRow is how many calls are sent before something else has a turn, where anything
// waits: calls without end must not keep history for ever.
const callsInRow = 3

// A share is how the turns at a backend were shared out.
type share struct {
	turns   uint64
	sources map[string]uint64 // the last turn of each
	calls   int               // that had the last turns, in a row
}

// A head is what matters for a lane's turn of the entry at its head.
type head struct {
	at     format.Place
	source string
	verb   string
}

// mostHeadsRead is how many heads are read before one turn: only after a start there are
// more that nobody knows yet.
const mostHeadsRead = 500

// next returns the lane that has the next turn among those whose time has come. Of what is
// in doubt one at a time is looked up: after a power cut in an outage no new call waits
// behind look-ups. Where there is none it returns how long to wait; 0: until something
// changes. calls are the verbs that are about a call for help.
func (s *schedule) next(backend string, calls map[string]bool, now time.Time) (chosen candidate, wait time.Duration) {
	if pause := s.pauses[backend].Sub(now); pause > 0 {
		return candidate{}, pause
	}
	looking := s.looking(backend)
	later := s.probing(backend) || s.asking(backend)
	shared := s.shares[backend]
	if shared == nil {
		shared = &share{sources: make(map[string]uint64)}
		s.shares[backend] = shared
	}
	unread := mostHeadsRead
	for _, l := range s.lanes {
		if l.busy || l.backend() != backend {
			continue
		}
		i := l.head()
		if i < 0 {
			continue
		}
		if left := s.ready(l, backend).Sub(now); left > 0 {
			if wait == 0 || left < wait {
				wait = left
			}
			continue
		}
		c := candidate{lane: l, at: l.slots[i].at, doubtful: l.mayBeSent(l.slots[i])}
		if c.doubtful && looking || later && l.slots[i].unsent {
			continue
		}
		if _, out := s.outages[backend]; out {
			c.tries = l.unreached
		}
		if l.known.at != c.at && unread > 0 {
			unread--
			s.readHead(l, c.at)
		}
		if l.known.at == c.at {
			c.first = calls[l.known.verb] == (shared.calls < callsInRow)
			c.served = shared.sources[l.known.source]
		}
		if chosen.lane == nil || c.before(chosen) {
			chosen = c
		}
	}
	if chosen.lane != nil {
		s.noteTurn(chosen.lane, backend, now)
		if l := chosen.lane; l.known.at == chosen.at {
			shared.note(l.known, calls)
		}
	}
	return chosen, wait
}

// turns returns how many lanes of a backend have a turn, and how many could have one.
func (s *schedule) turns(backend string, now time.Time) (busy, ready int) {
	paused := s.pauses[backend].After(now)
	for _, l := range s.lanes {
		switch {
		case l.backend() != backend:
		case l.busy:
			busy++
		case !paused && l.head() >= 0 && !s.ready(l, backend).After(now):
			ready++
		}
	}
	return busy, ready
}

// readHead reads what matters of the entry at a lane's head. One that cannot be read shows
// when it has its turn.
func (s *schedule) readHead(l *lane, at format.Place) {
	if e, err := s.read(at); err == nil {
		l.known = head{at, e.Source, e.Verb}
	}
}

// note counts the turn that a head has now.
func (s *share) note(h head, calls map[string]bool) {
	s.turns++
	s.sources[h.source] = s.turns
	if s.calls++; !calls[h.verb] {
		s.calls = 0
	}
}

// looking reports whether something in doubt is being looked up at a backend.
func (s *schedule) looking(backend string) bool {
	for _, l := range s.lanes {
		if l.busy && l.attempt.doubtful && l.backend() == backend {
			return true
		}
	}
	return false
}

// ready is when a lane may have its next turn: in an outage not by its own waiting, but
// when the next attempt for all is due.
func (s *schedule) ready(l *lane, backend string) time.Time {
	a, out := s.outages[backend]
	if !out {
		return l.after
	}
	if l.unreached > 0 && !l.settling || l.after.Before(a.next) {
		return a.next
	}
	return l.after
}

// noteTurn notes that a lane has its turn now. In an outage it is the only one, unless
// it takes long.
func (s *schedule) noteTurn(l *lane, backend string, now time.Time) {
	if a, out := s.outages[backend]; out {
		a.next = now.Add(a.probeEvery(now))
		s.outages[backend] = a
	}
	if !l.after.IsZero() && !l.after.After(now) {
		l.woken = false // it has waited to the end
	}
}

// probing reports whether a backend is out of reach and something is tried there again
// and again.
func (s *schedule) probing(backend string) bool {
	return s.contacts[backend].Kind == station.NoContact && s.anyLane(backend, (*lane).probing)
}

// asking reports whether nobody knows yet if a backend can be reached, and something
// that is not unsent will show.
func (s *schedule) asking(backend string) bool {
	return s.contacts[backend].Kind == station.Untried && s.anyLane(backend, func(l *lane) bool {
		i := l.head()
		return i >= 0 && !l.slots[i].unsent && l.failures == 0
	})
}

// anyLane reports whether something is so of any lane of a backend.
func (s *schedule) anyLane(backend string, so func(*lane) bool) bool {
	for _, l := range s.lanes {
		if l.backend() == backend && so(l) {
			return true
		}
	}
	return false
}

// probeNow has a backend that is out of reach tried at once.
func (s *schedule) probeNow(backend string) {
	if a, out := s.outages[backend]; out {
		a.next = time.Time{}
		s.outages[backend] = a
	}
}

// resume ends the waiting for a backend: a person wants to see now whether it is well.
func (s *schedule) resume(backend string) {
	delete(s.pauses, backend)
	s.probeNow(backend)
}

// pause leaves a backend alone for a while, and never shortens what it asked for.
func (s *schedule) pause(backend string, wait time.Duration) {
	if until := time.Now().Add(wait); until.After(s.pauses[backend]) {
		s.pauses[backend] = until
	}
}

// A backend that nobody reaches is tried by one lane for all: while the network is
// down, fifty lanes cost no more than one, and none of them waits longer than probeEvery
// when it is back. The first that is answered wakes the others.

// The wait between the beginnings of two attempts at a backend that is out of reach is a
// hundredth of how long it has been, within these limits: who has waited two minutes for the
// network notices a second more, and who has waited an hour does not notice five. Such an
// attempt is a dial that fails: nothing of it leaves.
const (
	probeSoonest = 1200 * time.Millisecond
	probeLatest  = 5 * time.Second
)

// An outage is how long a backend has been out of reach.
type outage struct {
	since time.Time // when the first of these attempts began
	tries int       // in a row that reached nobody
	next  time.Time // no other before this
}

// probeEvery is the longest wait between two attempts that begin at this moment of an outage.
func (a outage) probeEvery(now time.Time) time.Duration {
	return max(probeSoonest, min(now.Sub(a.since)/100, probeLatest))
}

// reachedNobody reports whether an attempt has reached nobody, so that any other would have
// come to the same.
func reachedNobody(rc station.Receipt) bool {
	return rc.Outcome == station.Unreached && !rc.Answered && !rc.Sent && !errors.Is(rc.Err, station.ErrAbsent)
}

// noteUnreached notes that an attempt which began then did not reach the vendor.
func (s *schedule) noteUnreached(backend string, began time.Time) {
	a, out := s.outages[backend]
	if !out {
		a.since = began
	}
	a.tries++
	now := time.Now()
	every := a.probeEvery(began)
	a.next = began.Add(every - rand.N(every/5))
	if least := now.Add(firstWait / 2); a.next.Before(least) { // the attempt itself took its time
		a.next = least
	}
	if soon := now.Add(backOff(a.tries)); soon.Before(a.next) {
		a.next = soon
	}
	s.outages[backend] = a
	if a.tries < 2 {
		return
	}
	// It is the way and not the entry: when it is back nobody waits on for this.
	for _, l := range s.lanes {
		if l.backend() == backend {
			l.woken = false
		}
	}
}

// wake has the lanes of a backend that is well again tried now, and not when each of
// them has waited. What waits for its settle time goes on waiting, and so does what
// alone is not answered or answered well: it has been woken before.
func (s *schedule) wake(backend string) {
	for _, l := range s.lanes {
		if l.backend() == backend && !l.busy && l.failures > 0 && !l.settling && !l.woken && l.attempt.answers <= 1 {
			l.after, l.woken = time.Time{}, true
		}
	}
}

// noteContact notes how the backend answered an attempt, at an entry that was in doubt or
// not.
func (s *schedule) noteContact(backend string, rc station.Receipt, doubtful bool) {
	s.outcomes[[2]string{backend, rc.Outcome.String()}]++
	before := s.contacts[backend]
	now := before.After(rc, doubtful)
	s.contacts[backend] = now
	if !reachedNobody(rc) && !errors.Is(rc.Err, station.ErrMisfit) {
		delete(s.outages, backend)
	}
	well := now.Kind == station.Connected && now.Trouble == "" && (rc.Outcome == station.Delivered || rc.Outcome == station.Refused)
	if well && (before.Kind == station.NoContact || before.Trouble != "") {
		s.wake(backend)
	}
}

// allContacts are the contacts of all backends that were tried; before is what it returned
// before, which serves again where nothing has changed.
func (s *schedule) allContacts(before map[string]station.Contact) map[string]station.Contact {
	same := before != nil && len(before) == len(s.contacts)
	for backend := range s.contacts {
		same = same && before[backend] == s.contact(backend)
	}
	if same {
		return before
	}
	all := make(map[string]station.Contact, len(s.contacts))
	for backend := range s.contacts {
		all[backend] = s.contact(backend)
	}
	return all
}

// contact is how it stands with a backend: while anything in its lanes is in doubt,
// that is being confirmed, whatever else is delivered meanwhile.
func (s *schedule) contact(backend string) station.Contact {
	c := s.contacts[backend]
	if c.Kind != station.Connected {
		return c
	}
	for _, l := range s.lanes {
		if l.confirming() && l.backend() == backend {
			c.Kind = station.Confirming
		}
	}
	return c
}

// backOff draws the wait after that many turns without a decision: full jitter,
// so that the stations of a plant do not come back all at once.
func backOff(fails int) time.Duration {
	return spread(firstWait<<min(fails-1, 10), longestWait)
}

// spread draws a wait up to wait, and no longer than limit.
func spread(wait, limit time.Duration) time.Duration {
	wait = min(wait, limit)
	return wait/10 + rand.N(wait-wait/10)
}
