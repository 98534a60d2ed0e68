package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.etcd.io/bbolt"

	"stationd/internal/station"
)

const (
	firstWait    = time.Second      // after one turn that decided nothing; doubled each time
	longestWait  = time.Minute      // the back-off's cap
	keyWait      = time.Minute      // between two tries of a backend whose key is wrong
	attemptLimit = 15 * time.Minute // an attempt may wait long for its backend's pace
	stopLimit    = time.Minute      // after a stop: longer than any backend's own time-outs together
	mostStarts   = 3                // marked attempts without an end, before the entry is held
)

// Run delivers what waits for one backend, one attempt at a time, until ctx is
// done; then it finishes the attempt under way and returns nil. Several may run
// at once for the same backend: each takes another lane. It returns an error only
// when the outbox has failed.
func (o *Outbox) Run(ctx context.Context, name string, backend station.Backend) error {
	verbs := make(map[string]station.Verb)
	for _, v := range backend.Verbs() {
		verbs[v.Name] = v
	}
	for {
		turn, wait, changed, err := o.claim(name)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			o.unclaim(turn)
			return nil
		}
		if turn == nil {
			if asked, err := o.askAgain(ctx, name, backend); asked || err != nil {
				if err != nil {
					return err
				}
				continue
			}
			if !idle(ctx, wait, changed) {
				return nil
			}
			continue
		}
		works, err := o.keyWorks(ctx, name, backend)
		if err != nil {
			return err
		}
		if !works {
			o.unclaim(turn)
			continue
		}
		if err := o.carry(ctx, turn, backend, verbs); err != nil {
			return err
		}
	}
}

// idle waits for a change or for the time, and reports whether ctx goes on.
func idle(ctx context.Context, wait time.Duration, changed <-chan struct{}) bool {
	var timer <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-changed:
	case <-timer:
	}
	return true
}

// A turn is one lane's head being carried to its backend.
type turn struct {
	lane     *lane
	at       place
	entry    entryRecord
	delivery station.Delivery
	began    time.Time
	now      station.Stamp
	careful  bool

	// closing is where the close of the call stands that the entry opens, while
	// both are told as one; 0: they are not.
	closing place
	merged  bool // an attempt of this process told both as one

	sent    bool // it has left, or may have
	started bool // that it may stop the process is noted on disk

	enough bool // it was tried often enough, and is held
}

// claim takes the lane whose head is the oldest among those whose time has come. What
// is in doubt comes after what is not, and one at a time: after a power cut in an
// outage no new call waits behind look-ups. While nobody is reached the lanes take
// turns.
// Without one it returns how long to wait (0: until something changes).
func (o *Outbox) claim(backend string) (*turn, time.Duration, <-chan struct{}, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed != nil {
		return nil, 0, nil, o.failed
	}
	now := time.Now()
	if pause := o.pauses[backend].Sub(now); pause > 0 {
		return nil, pause, o.Changed(), nil
	}
	var chosen chance
	var wait time.Duration
	looking := o.looking(backend)
	later := o.probed(backend) || o.asking(backend)
	for _, l := range o.lanes {
		if l.busy || l.backend() != backend {
			continue
		}
		i := l.head()
		if i < 0 {
			continue
		}
		if left := o.ready(l, backend).Sub(now); left > 0 {
			if wait == 0 || left < wait {
				wait = left
			}
			continue
		}
		c := chance{lane: l, at: l.slots[i].at, doubtful: l.mayBeSent(l.slots[i])}
		if c.doubtful && looking || later && l.slots[i].unsent {
			continue
		}
		if _, away := o.away[backend]; away {
			c.tries = l.unreached
		}
		if chosen.lane == nil || c.before(chosen) {
			chosen = c
		}
	}
	if chosen.lane == nil {
		return nil, wait, o.Changed(), nil
	}
	o.begin(chosen.lane, backend, now)
	t, err := o.take(chosen.lane, chosen.at)
	if err != nil {
		o.failed = fmt.Errorf("outbox %s: %w: %w", o.path, ErrStorage, err)
		o.tell()
		return nil, 0, nil, o.failed
	}
	return t, 0, o.Changed(), nil
}

// looking reports whether something in doubt is being looked up at a backend. The
// caller holds mu.
func (o *Outbox) looking(backend string) bool {
	for _, l := range o.lanes {
		if l.busy && l.attempt.doubtful && l.backend() == backend {
			return true
		}
	}
	return false
}

// take reads the lane's head and makes the delivery of it. The caller holds mu.
func (o *Outbox) take(l *lane, at place) (*turn, error) {
	began := time.Now()
	t := &turn{lane: l, at: at, began: began, now: o.setting.Stamp(began), careful: o.careful}
	err := o.db.View(func(tx *bbolt.Tx) error {
		return decode(tx.Bucket(bucketQ).Get(at.key()), kindEntry, at, &t.entry)
	})
	if err != nil {
		return nil, err
	}
	slot := &l.slots[l.find(at)]
	slot.claimed = true
	if l.attempt.at != at {
		l.attempt = attempt{at: at}
		if t.entry.Condition == station.Marked && !slot.absent { // by an earlier process, moved back from the head, or retried
			l.attempt.doubtful, l.attempt.since = true, o.quietSince(t.entry)
		}
	}
	l.attempt.number++
	l.busy, t.merged = true, l.attempt.merged
	t.delivery = station.Delivery{
		Entry:    t.entry.Entry,
		Attempt:  l.attempt.number,
		Doubtful: l.attempt.doubtful,
		Before:   t.entry.Before,
		Marks:    o.marks[t.entry.Backend()],
	}
	if slot.about != 0 {
		t.delivery.Ref = o.receipts[slot.about]
	}
	if l.attempt.doubtful {
		t.delivery.Settle = max(0, o.setting.Settle(t.entry.Backend())-time.Since(l.attempt.since))
	}
	t.delivery.When, t.delivery.Exact = o.when(t.entry.At, t.now)
	if t.entry.Insists {
		t.delivery.Forced, t.delivery.Late, t.delivery.LateAfter = true, station.LateDeliver, 0
	}
	return t, nil
}

func (o *Outbox) unclaim(t *turn) {
	if t == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	t.lane.busy = false
	t.lane.attempt.number--
}

// carry makes one attempt and takes up its answer. Stopping must not make doubt:
// once begun, an attempt has the time that an answer takes.
func (o *Outbox) carry(ctx context.Context, t *turn, backend station.Backend, verbs map[string]station.Verb) error {
	stop := ctx
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptLimit)
	defer cancel()
	defer context.AfterFunc(stop, func() { time.AfterFunc(stopLimit, cancel) })()
	rc, err := o.try(ctx, t, backend, verbs)
	if err != nil {
		return err
	}
	if rc.Outcome == 0 {
		rc.Outcome, rc.Err = station.Doubtful, fmt.Errorf("entry %s: the backend gave no outcome", t.entry.ID.Short())
	}
	if rc, err = o.judge(ctx, t, backend, named(rc)); err != nil {
		return err
	}
	rc.At = o.setting.Stamp(time.Now())
	return o.answer(t, backend, rc)
}

// longestRef is how many bytes a vendor's name for something may have: it is kept in the
// state, and in each entry that is about it.
const longestRef = 256

// named refuses a name that is none: whether the thing is there is looked up.
func named(rc station.Receipt) station.Receipt {
	if len(rc.Ref) <= longestRef {
		return rc
	}
	return station.Receipt{Outcome: station.Doubtful, Wait: rc.Wait, Err: fmt.Errorf("%w: the vendor's name for it has %d bytes, and %d at most", station.ErrUnreadable, len(rc.Ref), longestRef)}
}

// try looks and marks where the verb asks for it, and delivers.
func (o *Outbox) try(ctx context.Context, t *turn, backend station.Backend, verbs map[string]station.Verb) (station.Receipt, error) {
	verb, known := verbs[t.entry.Verb]
	if !known {
		return misfit("%s is no verb of %s", t.entry.Verb, t.entry.Backend()), nil
	}
	if verb.Before && t.entry.Condition != station.Marked {
		// Such a verb marks before it acts. There is no mark, so nobody acted.
		t.delivery.Doubtful, t.delivery.Settle = false, 0
	}
	if t.entry.Starts >= mostStarts {
		return misfit("%d attempts at it began and none ended; it seems to stop the process", t.entry.Starts), nil
	}
	if t.delivery.Doubtful {
		rc, err := o.lookUp(ctx, t, backend, verb, verbs)
		if err != nil || !errors.Is(rc.Err, station.ErrAbsent) {
			return rc, err
		}
		// It never arrived: from here on it is as if it had never been sent.
		t.delivery.Doubtful, t.delivery.Settle, t.delivery.Before = false, 0, nil
		if last, enough := o.triedEnough(t); enough {
			t.enough = true
			return last, nil
		}
		if !o.inTurn(t) {
			return rc, nil
		}
	}
	return o.send(ctx, t, backend, verb, verbs)
}

// inTurn reports whether what is in doubt no more is still its lane's head: only the
// doubt kept it before what a person has put back meanwhile, and a barrier before what
// is held.
func (o *Outbox) inTurn(t *turn) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	t.lane.attempt.doubtful = false
	i := t.lane.head()
	return i >= 0 && t.lane.slots[i].at == t.at
}

// lookUp looks up what became of the attempts before. It sends nothing, so that the
// doubt on disk stays as old as it is however often it is looked up.
func (o *Outbox) lookUp(ctx context.Context, t *turn, backend station.Backend, verb station.Verb, verbs map[string]station.Verb) (station.Receipt, error) {
	if t.merged {
		if err := o.merge(t, verb, verbs); err != nil {
			return station.Receipt{}, err
		}
	}
	if t.careful {
		if err := o.markStart(t); err != nil {
			return station.Receipt{}, err
		}
	}
	look := t.delivery
	look.LookOnly = true
	return backend.Deliver(ctx, look), nil
}

// send sends what has certainly not arrived. What is too late is judged here, and so
// again where an absence has been proved. A doubt on disk ends, and another begins,
// before anything leaves.
func (o *Outbox) send(ctx context.Context, t *turn, backend station.Backend, verb station.Verb, verbs map[string]station.Verb) (station.Receipt, error) {
	if rc, late := t.late(); late {
		return rc, nil
	}
	if err := o.merge(t, verb, verbs); err != nil {
		return station.Receipt{}, err
	}
	mark := t.careful || t.entry.Since != (station.Stamp{})
	if looker, ok := backend.(station.Looker); ok && verb.Before && !t.delivery.Doubtful {
		before, rc := looker.Look(ctx, t.delivery)
		if rc.Outcome != station.Delivered {
			if rc.Holds() == station.HoldNone {
				rc.Outcome = station.Unreached // a look changes nothing
			}
			return rc, nil
		}
		t.delivery.Before, mark = before, true
	}
	var err error
	switch {
	case mark:
		err = o.mark(t)
	case t.entry.Unsent:
		err = o.begins(t)
	}
	if err != nil {
		return station.Receipt{}, err
	}
	t.sent = true
	return backend.Deliver(ctx, t.delivery), nil
}

func misfit(format string, args ...any) station.Receipt {
	return station.Receipt{
		Outcome: station.Refused,
		Err:     fmt.Errorf("%w: %s", station.ErrMisfit, fmt.Sprintf(format, args...)),
	}
}

// mark notes on disk, before an attempt, that it may arrive, and what was there
// before it.
func (o *Outbox) mark(t *turn) error {
	return o.note(t, func(e *entryRecord) {
		e.Condition, e.Before, e.Since = station.Marked, t.delivery.Before, station.Stamp{}
		if t.careful && !t.started {
			e.Starts, t.started = e.Starts+1, true
		}
	})
}

// markStart notes on disk that a look begins, which may stop the process.
func (o *Outbox) markStart(t *turn) error {
	return o.note(t, func(e *entryRecord) {
		e.Condition, e.Starts, t.started = station.Marked, e.Starts+1, true
	})
}

// note writes the turn's entry anew, marked, before anything is done about it.
func (o *Outbox) note(t *turn, change func(*entryRecord)) error {
	return o.write(func(b *batch) error {
		e := t.entry
		change(&e)
		e.Unsent = false
		if i := t.lane.find(t.at); i >= 0 {
			s := &t.lane.slots[i]
			s.marked, s.unsent, s.absent = true, false, false
		}
		t.entry = e
		return b.put(kindEntry, t.at, e)
	})
}

// ended takes the start that mark counted back: the process lived to see the end
// of the attempt.
func (o *Outbox) ended(t *turn) error {
	if !t.careful || t.entry.Starts == 0 {
		return nil
	}
	return o.write(func(b *batch) error {
		e, err := b.entry(t.at)
		if err != nil || e.Starts == 0 {
			return err
		}
		e.Starts--
		return b.put(kindEntry, t.at, e)
	})
}

// answer takes up what an attempt came to: on disk when it decides something, in
// memory only when it does not. An outage writes nothing.
func (o *Outbox) answer(t *turn, backend station.Backend, rc station.Receipt) error {
	log := o.setting.Log.With("lane", t.lane.name, "entry", t.entry.ID, "verb", t.entry.Verb, "attempt", t.delivery.Attempt)
	doubtful := t.delivery.Doubtful || t.sent && rc.Outcome == station.Doubtful
	if doubtful {
		rc = inDoubt(rc)
	}
	hold := rc.Holds()
	if rc.Outcome != station.Delivered && hold == station.HoldNone {
		if err := o.ended(t); err != nil {
			return err
		}
		o.postpone(t, backend, rc)
		if t.lane.fails == 1 { // not where it only lost its turn
			log.Warn("an attempt decided nothing", "outcome", rc.Outcome.String(), "error", rc.Err)
		}
		return nil
	}
	err := o.writeInCompany(func(b *batch) error {
		l := t.lane
		o.met(t.entry.Backend(), rc, t.delivery.Doubtful)
		o.learn(backend)
		if err := b.learnMarks(t.entry.Backend(), rc.Marks); err != nil {
			return err
		}
		if err := b.releaseUnsent(t.entry.Backend()); err != nil {
			return err
		}
		since := l.attempt.since
		if t.sent || since.IsZero() {
			since = time.Now()
		}
		l.busy, l.attempt = false, attempt{}
		l.rests()
		e, err := b.entry(t.at)
		if err != nil {
			return err
		}
		d := t.delivery
		d.Entry = e.Entry
		b.state = b.state.Settle(d, rc)
		if what := string(station.FateDelivered); hold == station.HoldNone {
			b.tell(entryLine(what, e.Entry, rc))
		} else {
			b.tell(entryLine(string(station.Held), e.Entry, rc))
		}
		if hold == station.HoldNone {
			if err := b.mergeEnd(l, t, rc); err != nil {
				return err
			}
			if err := b.passOn(l, t.at, d, rc); err != nil {
				return err
			}
			if err := b.leave(l, t.at, rc); err != nil {
				return err
			}
			return b.end(l, t.at, e, station.FateDelivered, rc.Ref)
		}
		e.Condition, e.Hold, e.Reason, e.Starts = station.Held, hold, rc.Err.Error(), 0
		e.Doubtful, e.Before, e.Since, e.Unsent = doubtful, nil, station.Stamp{}, false
		if doubtful {
			e.Before, e.Since = t.delivery.Before, o.setting.Stamp(since)
		}
		if i := l.find(t.at); i >= 0 {
			s := &l.slots[i]
			s.held, s.marked, s.claimed, s.unsent, s.absent = true, false, false, false, false
		}
		return b.put(kindEntry, t.at, e)
	})
	if err != nil {
		return err
	}
	if hold == station.HoldNone {
		log.Info("delivered", "ref", rc.Ref, "note", rc.Note)
	} else {
		log.Warn("held for a person", "hold", string(hold), "error", rc.Err)
	}
	return nil
}

// postpone arranges the next turn of a lane whose attempt decided nothing.
func (o *Outbox) postpone(t *turn, backend station.Backend, rc station.Receipt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := t.lane
	now := time.Now()
	o.met(t.entry.Backend(), rc, t.delivery.Doubtful)
	o.learn(backend)
	l.busy, l.settles = false, false
	l.fails++
	if reachedNobody(rc) {
		l.unreached++
		o.missed(t.entry.Backend(), t.began)
	} else {
		l.fails, l.unreached = l.fails-l.unreached, 0
	}
	l.after = now.Add(backOff(l.fails))
	if errors.Is(rc.Err, station.ErrUnreadable) {
		l.after = now.Add(spread(firstWait<<min(l.fails-1, 10), unreadableWait))
	}
	l.attempt.doubtful, l.attempt.merged, l.attempt.last = t.delivery.Doubtful, t.closing != 0, ""
	if rc.Err != nil {
		l.attempt.last = rc.Err.Error()
	}
	if t.sent && rc.Outcome == station.Doubtful {
		l.attempt.doubtful, l.attempt.since = true, now
	}
	if i := l.find(t.at); i >= 0 {
		l.slots[i].claimed, l.slots[i].absent = l.attempt.doubtful, !l.attempt.doubtful
	}
	switch {
	case errors.Is(rc.Err, station.ErrAbsent): // it lost its turn
		l.rests()
	case errors.Is(rc.Err, station.ErrKey):
		o.pause(t.entry.Backend(), keyWait)
	case rc.Outcome == station.Unreached && rc.Wait > 0:
		o.pause(t.entry.Backend(), rc.Wait+rand.N(rc.Wait/4+time.Second))
	case rc.Outcome == station.Doubtful && !t.sent && rc.Wait > 0:
		// Looked up at once, and again when an absence counts: in between it would only
		// be asked the same. How long that is was said when the look began.
		l.after, l.settles = t.began.Add(rc.Wait), true
	case rc.Wait > 0 && rc.Wait < l.after.Sub(now):
		l.after = now.Add(rc.Wait)
	}
	o.tell()
}

// TryNow ends the waiting for backends whose key was wrong: somebody has changed
// the configuration, and does not want to wait for the next try to see whether it
// is right now. What may have been held for the key goes back to wait where it is.
func (o *Outbox) TryNow() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for backend, k := range o.keys {
		k.ask = len(k.refused) > 0
		o.keys[backend] = k
	}
	for backend, c := range o.contacts {
		if c.Fault == "" {
			continue
		}
		delete(o.pauses, backend)
		for _, l := range o.lanes {
			if l.backend() == backend {
				l.rests()
			}
		}
	}
	o.tell()
}

// pause leaves a backend alone for a while, and never shortens what it asked for.
// The caller holds mu.
func (o *Outbox) pause(backend string, wait time.Duration) {
	if until := time.Now().Add(wait); until.After(o.pauses[backend]) {
		o.pauses[backend] = until
	}
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

// met notes how the backend answered an attempt, at an entry that was in doubt or
// not. The caller holds mu.
func (o *Outbox) met(backend string, rc station.Receipt, doubtful bool) {
	o.counts.Outcomes[[2]string{backend, rc.Outcome.String()}]++
	before := o.contacts[backend]
	now := before.After(rc, doubtful)
	o.contacts[backend] = now
	if !reachedNobody(rc) && !errors.Is(rc.Err, station.ErrMisfit) {
		delete(o.away, backend)
	}
	well := now.Kind == station.Connected && (rc.Outcome == station.Delivered || rc.Outcome == station.Refused)
	switch before.Kind {
	case station.NoContact, station.Failing, station.Unreadable:
		if well {
			o.wake(backend)
		}
	}
}

// contact is how it stands with a backend: while anything in its lanes is in doubt,
// that is being confirmed, whatever else is delivered meanwhile. The caller holds mu.
func (o *Outbox) contact(backend string) station.Contact {
	c := o.contacts[backend]
	if c.Kind != station.Connected {
		return c
	}
	for _, l := range o.lanes {
		if l.confirming() && l.backend() == backend {
			c.Kind = station.Confirming
		}
	}
	return c
}
