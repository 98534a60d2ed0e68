package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// This file delivers entries. A lane has the entries of one subject, such as a machine, in
// order; a worker takes the first entry of a lane that is due (a turn), makes one attempt at
// it and keeps the answer.

const (
	keyWait      = time.Minute      // between two tries of a backend whose key is wrong
	attemptLimit = 15 * time.Minute // of one attempt, most of which may be waiting: a backend limits its requests a minute
	stopLimit    = time.Minute      // of an attempt after the stop: longer than any backend's own time-outs together
	mostStarts   = 3                // attempts at an entry in which the process ended, before the entry is held
)

// A worker delivers what waits for one backend, one attempt at a time. It shares the
// outbox with the other workers: the outbox's mu guards what they change.
type worker struct {
	*Outbox
	name    string // of the backend
	backend station.Backend
	verbs   map[string]station.Verb
	calls   map[string]bool // the verbs that are about a call for help, which somebody waits for
	*backendWorkers
}

// backendWorkers are the workers of one backend. Of those that are idle one watches for the next turn,
// so that a change wakes one and not all of them; when it has its turn, another watches.
type backendWorkers struct {
	size     int           // guarded by the outbox's mu
	watching chan struct{} // full while one watches
}

// Run delivers what waits for one backend, one attempt at a time, until ctx is
// done; then it finishes the attempt under way and returns nil. Several may run
// at once for the same backend: each takes another lane. More than two of them have
// work only while the backend is Paced and its pace has room. It returns an error only
// when the outbox has failed.
func (o *Outbox) Run(ctx context.Context, name string, backend station.Backend) error {
	w := worker{Outbox: o, name: name, backend: backend, verbs: make(map[string]station.Verb), calls: make(map[string]bool), backendWorkers: o.join(name)}
	defer o.leave(w.backendWorkers)
	for _, v := range backend.Verbs() {
		w.verbs[v.Name] = v
		w.calls[v.Name] = len(v.Opens) > 0 || v.Ends != ""
	}
	attempts, end := whileAnswersMayCome(ctx)
	defer end()
	for {
		turn, err := w.next(ctx)
		if turn == nil || err != nil {
			return err
		}
		works, err := w.keyWorks(ctx)
		if err != nil {
			return err
		}
		if !works {
			w.unclaim(turn)
			continue
		}
		if err := w.deliver(attempts, turn); err != nil {
			return err
		}
	}
}

// whileAnswersMayCome returns the context of attempts: one that has begun is not cut off when
// the station stops, but has the time that an answer takes. Without the answer nobody would
// know whether the request arrived. The caller calls end when it makes none any more.
func whileAnswersMayCome(stop context.Context) (attempts context.Context, end func()) {
	attempts, cancel := context.WithCancel(context.WithoutCancel(stop))
	forget := context.AfterFunc(stop, func() { time.AfterFunc(stopLimit, cancel) })
	return attempts, func() {
		forget()
		cancel()
	}
}

// join adds one to the workers of a backend.
func (o *Outbox) join(name string) *backendWorkers {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.workers[name]
	if c == nil {
		c = &backendWorkers{watching: make(chan struct{}, 1)}
		o.workers[name] = c
	}
	c.size++
	return c
}

func (o *Outbox) leave(c *backendWorkers) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c.size--
}

// next waits for the next turn; it returns none when ctx is done.
func (w worker) next(ctx context.Context) (*turn, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, nil
		case w.watching <- struct{}{}:
		}
		turn, recheck, err := w.watch(ctx)
		<-w.watching
		if turn != nil || err != nil || !recheck {
			return turn, err
		}
		if err := w.checkHeldForKey(ctx); err != nil { // it takes its time, and others may deliver meanwhile
			return nil, err
		}
	}
}

// watch waits until there is a turn, or until what is held for the key is to be checked; it
// returns neither when ctx is done.
func (w worker) watch(ctx context.Context) (t *turn, recheck bool, err error) {
	for {
		t, wait, changed, err := w.claim()
		switch {
		case err != nil:
			return nil, false, err
		case ctx.Err() != nil:
			w.unclaim(t)
			return nil, false, nil
		case t != nil:
			return t, false, nil
		case w.takeRecheck():
			return nil, true, nil
		case !idle(ctx, wait, changed):
			return nil, false, nil
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

// A turn is one attempt at the head of a lane, its first entry that may be sent.
type turn struct {
	lane     *lane
	at       format.Place
	entry    format.Entry
	delivery station.Delivery
	began    time.Time
	now      station.Stamp
	careful  bool // the process ended unclean twice in a row: the attempt is marked on disk first

	// closing is the place of the entry that closes the call which this entry opens, while
	// one request tells the vendor of both; 0: it does not.
	closing format.Place
	merged  bool // an earlier attempt of this process told of both

	sent    bool // the request has left, or may have
	started bool // the attempt is counted on disk in Starts, until it has ended

	enough bool // it was tried as often as it may be, and is held
}

// claim takes the lane that has the next turn, and returns a turn at its head. Without
// one it returns how long to wait (0: until something changes).
func (w worker) claim() (*turn, time.Duration, <-chan struct{}, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		return nil, 0, nil, w.failed
	}
	if most := w.mostTurns(); most < w.size {
		if busy, _ := w.schedule.turns(w.name, time.Now()); busy >= most {
			return nil, 0, w.Changed(), nil
		}
	}
	chosen, wait := w.schedule.next(w.name, w.calls, time.Now())
	if chosen.lane == nil {
		return nil, wait, w.Changed(), nil
	}
	t, err := w.turn(chosen.lane, chosen.at)
	if err != nil {
		w.failed = w.storageFailed(err)
		w.publish()
		return nil, 0, nil, w.failed
	}
	return t, 0, w.Changed(), nil
}

const (
	leastTurns = 2                     // that there may be at once at a backend
	roomWithin = 10 * time.Millisecond // a pace that lets the next request go within this has room
)

// mostTurns is how many turns there may be at once at the backend: as many as it has workers
// while its pace has room, and otherwise two. Who waits for the pace has had its turn: a call
// that comes then would wait behind all of them, and none of them can be taken back. Nor are
// there more where entries may end the process, for each that is under way then is suspected.
// The caller holds mu.
func (w worker) mostTurns() int {
	paced, is := w.backend.(station.Paced)
	if !is || w.careful || paced.PaceWait() > roomWithin {
		return leastTurns
	}
	return w.size
}

// turn reads the lane's head and makes the delivery of it. The caller holds mu.
func (w worker) turn(l *lane, at format.Place) (*turn, error) {
	began := time.Now()
	t := &turn{lane: l, at: at, began: began, now: w.setting.Stamp(began), careful: w.careful}
	var err error
	if t.entry, err = w.entry(at); err != nil {
		return nil, err
	}
	slot := &l.slots[l.find(at)]
	slot.claimed = true
	if l.attempt.at != at {
		l.attempt = attempt{at: at}
		if t.entry.Condition == station.Marked && !slot.absent { // by an earlier process, moved back from the head, or retried
			l.attempt.doubtful, l.attempt.since = true, w.sentNothingSince(t.entry)
		}
	}
	l.attempt.number++
	l.busy, t.merged = true, l.attempt.merged
	t.delivery = station.Delivery{
		Entry:    t.entry.Entry,
		Attempt:  l.attempt.number,
		Doubtful: l.attempt.doubtful,
		Before:   t.entry.Before,
		Marks:    w.schedule.marks[w.name],
	}
	if slot.about != 0 {
		t.delivery.Ref = w.index.receipts[slot.about]
	}
	if l.attempt.doubtful {
		t.delivery.Settle = max(0, w.setting.Settle(w.name)-time.Since(l.attempt.since))
	}
	t.delivery.When, t.delivery.Exact = w.clocks.when(t.entry.At, t.now)
	if t.entry.Insists {
		t.delivery.Forced, t.delivery.Late, t.delivery.LateAfter = true, station.LateDeliver, 0
	}
	return t, nil
}

func (w worker) unclaim(t *turn) {
	if t == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	t.lane.busy = false
	t.lane.attempt.number--
	w.publish() // who watches takes it
}

// deliver makes one attempt and keeps its answer.
func (w worker) deliver(ctx context.Context, t *turn) error {
	ctx, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel()
	rc, err := w.try(ctx, t)
	if err != nil {
		return err
	}
	if rc.Outcome == 0 {
		rc.Outcome, rc.Err = station.Doubtful, fmt.Errorf("entry %s: the backend gave no outcome", t.entry.ID.Short())
	}
	if rc, err = w.judge(ctx, t, checkRef(rc)); err != nil {
		return err
	}
	rc.At = w.setting.Stamp(time.Now())
	return w.answer(ctx, t, rc)
}

// longestRef is how many bytes a vendor's name for something may have: it is kept in the
// state, and in each entry that is about it.
const longestRef = 256

// checkRef makes a receipt with a name that is too long doubtful: whether the vendor has the
// thing is then looked up.
func checkRef(rc station.Receipt) station.Receipt {
	if len(rc.Ref) <= longestRef {
		return rc
	}
	return station.Receipt{Outcome: station.Doubtful, Wait: rc.Wait, Err: fmt.Errorf("%w: the vendor's name for it has %d bytes, and %d at most", station.ErrUnreadable, len(rc.Ref), longestRef)}
}

// try looks and marks where the verb asks for it, and delivers.
func (w worker) try(ctx context.Context, t *turn) (station.Receipt, error) {
	verb, known := w.verbs[t.entry.Verb]
	if !known {
		return misfit("no-verb", "%s is no verb of %s", t.entry.Verb, w.name), nil
	}
	if verb.Before && t.entry.Condition != station.Marked {
		// Such a verb marks before it acts. There is no mark, so nobody acted.
		t.delivery.Doubtful, t.delivery.Settle = false, 0
	}
	if t.entry.Starts >= mostStarts {
		return misfit("stops-program", "%d attempts at it began and none ended; it seems to stop the process", t.entry.Starts), nil
	}
	if t.delivery.Doubtful {
		rc, err := w.lookUp(ctx, t, verb)
		if err != nil || !errors.Is(rc.Err, station.ErrAbsent) {
			return rc, err
		}
		// It never arrived: from here on it is as if it had never been sent.
		t.delivery.Doubtful, t.delivery.Settle, t.delivery.Before = false, 0, nil
		if last, enough := w.triedEnough(t); enough {
			t.enough = true
			return last, nil
		}
		if !w.inTurn(t) {
			return rc, nil
		}
	}
	return w.send(ctx, t, verb)
}

// inTurn ends the doubt about an entry that certainly did not arrive, and reports whether the
// entry is still its lane's head. While it was in doubt it kept its turn; now an entry that a
// person has put back goes first, and a barrier waits again for what is held.
func (w worker) inTurn(t *turn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	t.lane.attempt.doubtful = false
	i := t.lane.head()
	return i >= 0 && t.lane.slots[i].at == t.at
}

// lookUp reads at the vendor what became of the earlier attempts. It sends nothing that
// changes anything, so that the settle time goes on from the last attempt.
func (w worker) lookUp(ctx context.Context, t *turn, verb station.Verb) (station.Receipt, error) {
	if t.merged {
		if err := w.merge(t, verb); err != nil {
			return station.Receipt{}, err
		}
	}
	if t.careful {
		if err := w.markStart(t); err != nil {
			return station.Receipt{}, err
		}
	}
	look := t.delivery
	look.LookOnly = true
	return w.backend.Deliver(ctx, look), nil
}

// send sends an entry that has certainly not arrived, unless it is too late for it now. Where
// the verb or the entry asks for it, that it may have arrived is on disk before anything
// leaves.
func (w worker) send(ctx context.Context, t *turn, verb station.Verb) (station.Receipt, error) {
	if rc, late := t.late(); late {
		return rc, nil
	}
	if err := w.merge(t, verb); err != nil {
		return station.Receipt{}, err
	}
	mark := t.careful || t.entry.Since != (station.Stamp{})
	if looker, ok := w.backend.(station.Looker); ok && verb.Before && !t.delivery.Doubtful {
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
		err = w.mark(t)
	case t.entry.Unsent:
		err = w.noteStart(t)
	}
	if err != nil {
		return station.Receipt{}, err
	}
	t.sent = true
	return w.backend.Deliver(ctx, t.delivery), nil
}

// misfit is the receipt of an entry that is held without having been sent; kind is that of
// its station.Reason.
func misfit(kind, format string, args ...any) station.Receipt {
	return station.Receipt{
		Outcome: station.Refused,
		Err:     station.Because(fmt.Errorf("%w: %s", station.ErrMisfit, fmt.Sprintf(format, args...)), kind),
	}
}

// mark notes on disk, before an attempt, that it may arrive, and what was there
// before it.
func (w worker) mark(t *turn) error {
	return w.writeMarked(t, func(e *format.Entry) {
		e.Condition, e.Before, e.Since = station.Marked, t.delivery.Before, station.Stamp{}
		if t.careful && !t.started {
			e.Starts, t.started = e.Starts+1, true
		}
	})
}

// markStart notes on disk that a look begins, which may stop the process.
func (w worker) markStart(t *turn) error {
	return w.writeMarked(t, func(e *format.Entry) {
		e.Condition, e.Starts, t.started = station.Marked, e.Starts+1, true
	})
}

// writeMarked writes the turn's entry anew, marked, before anything is done about it.
func (w worker) writeMarked(t *turn, change func(*format.Entry)) error {
	return w.write(func(b *batch) error {
		e := t.entry
		change(&e)
		e.Unsent = false
		if i := t.lane.find(t.at); i >= 0 {
			s := &t.lane.slots[i]
			s.marked, s.unsent, s.absent = true, false, false
		}
		t.entry = e
		return b.putEntry(t.at, e)
	})
}

// noteEnd takes the start that mark counted back: the process lived to see the end
// of the attempt.
func (w worker) noteEnd(t *turn) error {
	if !t.careful || t.entry.Starts == 0 {
		return nil
	}
	return w.write(func(b *batch) error {
		e, err := b.entry(t.at)
		if err != nil || e.Starts == 0 {
			return err
		}
		e.Starts--
		return b.putEntry(t.at, e)
	})
}

// answer keeps what an attempt came to: on disk where the entry was delivered or is held, and
// in memory where it will be tried again, so that an outage does not wear the card.
func (w worker) answer(ctx context.Context, t *turn, rc station.Receipt) error {
	doubtful := t.delivery.Doubtful || t.sent && rc.Outcome == station.Doubtful
	if doubtful {
		rc = inDoubt(rc)
	}
	hold := rc.Holds()
	if rc.Outcome != station.Delivered && hold == station.HoldNone {
		if err := w.noteEnd(t); err != nil {
			return err
		}
		if first := w.postpone(t, rc); first {
			w.setting.Log.Warn("delivery failed, will retry", t.said("outcome", rc.Outcome.String(), "error", rc.Err)...)
		}
		return nil
	}
	err := w.writeDeferrable(func() bool { return w.somethingWaits(t) }, func(b *batch) error {
		l := t.lane
		w.schedule.noteContact(w.name, rc, t.delivery.Doubtful)
		w.adoptVendorTime(w.backend)
		if err := b.learnMarks(w.name, rc.Marks); err != nil {
			return err
		}
		if err := b.releaseUnsent(w.name); err != nil {
			return err
		}
		since := l.attempt.since
		if t.sent || since.IsZero() {
			since = time.Now()
		}
		l.busy, l.attempt = false, attempt{}
		l.clearWait()
		e, err := b.entry(t.at)
		if err != nil {
			return err
		}
		d := t.delivery
		d.Entry = e.Entry
		b.state = b.state.Settle(d, rc)
		if what := string(station.FateDelivered); hold == station.HoldNone {
			b.note(entryLine(what, e.Entry, rc))
		} else {
			b.note(entryLine(string(station.Held), e.Entry, rc))
		}
		if hold == station.HoldNone {
			if err := b.mergeEnd(l, t, rc); err != nil {
				return err
			}
			if err := b.propagateLineState(l, t.at, rc); err != nil {
				return err
			}
			if err := b.dropCloseOfAdopted(l, t.at, rc); err != nil {
				return err
			}
			return b.end(l, t.at, e, station.FateDelivered, rc.Ref)
		}
		e.Condition, e.Hold, e.Reason, e.Why, e.Starts = station.Held, hold, rc.Err.Error(), station.ReasonOf(rc.Err), 0
		e.Doubtful, e.Before, e.Since, e.Unsent = doubtful, nil, station.Stamp{}, false
		if doubtful {
			e.Before, e.Since = t.delivery.Before, w.setting.Stamp(since)
		}
		if i := l.find(t.at); i >= 0 {
			s := &l.slots[i]
			s.held, s.marked, s.claimed, s.unsent, s.absent = true, false, false, false, false
		}
		return b.putEntry(t.at, e)
	})
	if err != nil {
		return err
	}
	if hold == station.HoldNone {
		if took, known := rc.At.Since(t.entry.At); known {
			w.setting.Delivered(w.name, took)
		}
		if log := w.setting.Log; log.Enabled(ctx, slog.LevelInfo) { // what is not written need not be gathered
			log.Info("delivered", t.said("ref", rc.Ref, "note", rc.Note)...)
		}
	} else {
		w.setting.Log.Warn("held for a person", t.said("hold", string(hold), "error", rc.Err)...)
	}
	return nil
}

// said is what a line of the log says of a turn, and more.
func (t *turn) said(more ...any) []any {
	return append([]any{"lane", t.lane.name, "entry", t.entry.ID, "verb", t.entry.Verb, "attempt", t.delivery.Attempt}, more...)
}

// somethingWaits reports whether anything waits for the end of this turn, which is not to be
// put off then: something in its lane, or in another for which no worker is free.
func (w worker) somethingWaits(t *turn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range t.lane.slots {
		if s.at != t.at && !s.held {
			return true
		}
	}
	busy, ready := w.schedule.turns(w.name, time.Now())
	return ready > min(w.size, w.mostTurns())-busy
}

// postpone arranges the next turn of a lane whose attempt decided nothing, which from then on is
// another worker's; first says that it has failed once, and did not only lose its turn.
func (w worker) postpone(t *turn, rc station.Receipt) (first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := t.lane
	now := time.Now()
	w.schedule.noteContact(w.name, rc, t.delivery.Doubtful)
	w.adoptVendorTime(w.backend)
	l.busy, l.settling = false, false
	l.failures++
	if reachedNobody(rc) {
		l.unreached++
		w.schedule.noteUnreached(w.name, t.began)
	} else {
		l.failures, l.unreached = l.failures-l.unreached, 0
	}
	l.after = now.Add(backOff(l.failures))
	if errors.Is(rc.Err, station.ErrUnreadable) {
		l.after = now.Add(spread(firstWait<<min(l.failures-1, 10), unreadableWait))
	}
	l.attempt.doubtful, l.attempt.merged, l.attempt.lastError = t.delivery.Doubtful, t.closing != 0, ""
	if rc.Err != nil {
		l.attempt.lastError = rc.Err.Error()
	}
	if t.sent && rc.Outcome == station.Doubtful {
		l.attempt.doubtful, l.attempt.since = true, now
	}
	if i := l.find(t.at); i >= 0 {
		l.slots[i].claimed, l.slots[i].absent = l.attempt.doubtful, !l.attempt.doubtful
	}
	switch {
	case errors.Is(rc.Err, station.ErrAbsent): // it lost its turn
		l.clearWait()
	case errors.Is(rc.Err, station.ErrKey):
		w.schedule.pause(w.name, keyWait)
	case rc.Outcome == station.Unreached && rc.Wait > 0:
		w.schedule.pause(w.name, rc.Wait+rand.N(rc.Wait/4+time.Second))
	case rc.Outcome == station.Doubtful && !t.sent && rc.Wait > 0:
		// Looked up at once, and again when an absence counts: in between it would only
		// be asked the same. How long that is was said when the look began.
		l.after, l.settling = t.began.Add(rc.Wait), true
	case rc.Wait > 0 && rc.Wait < l.after.Sub(now):
		l.after = now.Add(rc.Wait)
	}
	w.publish()
	return l.failures == 1
}
