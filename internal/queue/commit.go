package queue

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// This file makes changes durable: it gathers those that wait, writes them in one
// transaction, and takes up in memory what the disk then has.

// A queuedChange is one change that waits for a commit.
type queuedChange struct {
	change func(*batch) error
	event  bool // somebody waits for it: it records an event
	err    error
	done   chan struct{} // closed when it is on disk and in the view, or has failed
}

// queuedChanges are the changes that wait to share the next commit.
type queuedChanges struct {
	turn chan struct{} // who has put something in makes the next commit

	mu       sync.Mutex // guards the rest, and is held for no longer than it takes to note it
	all      []*queuedChange
	events   int           // of all, those that record an event
	recorded time.Time     // when the last event came
	pace     time.Duration // how long after the one before that was; 0: it was the first
	together int           // events in the last commit
	present  int           // with those that came during it
	ended    time.Time     // when that was made
	took     time.Duration // how long it took
	wanted   int           // events for which a commit waits; 0: it does not
	enough   chan struct{} // closed when there are as many
}

func newQueuedChanges() queuedChanges { return queuedChanges{turn: make(chan struct{}, 1)} }

// add has a change wait for the next commit.
func (q *queuedChanges) add(change func(*batch) error, event bool) *queuedChange {
	c := &queuedChange{change: change, event: event, done: make(chan struct{})}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all = append(q.all, c)
	if !event {
		return c
	}
	now := time.Now()
	if !q.recorded.IsZero() {
		q.pace = now.Sub(q.recorded)
	}
	q.recorded = now
	if q.events++; q.wanted > 0 && q.events >= q.wanted {
		close(q.enough)
		q.wanted = 0
	}
	return c
}

// take returns everything that waits, which then waits no more.
func (q *queuedChanges) take() []*queuedChange {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.all
	q.all, q.together, q.events = nil, q.events, 0
	return all
}

// made notes that what was taken is on disk.
func (q *queuedChanges) made(began time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.present = q.together + q.events
	q.ended = time.Now()
	q.took = q.ended.Sub(began)
}

const (
	gatherLeast  = 50 * time.Microsecond // how long a commit waits for those that shared the last one
	gatherLimit  = time.Millisecond
	gatherWithin = 10 * time.Millisecond // of its end
)

// gather waits for those that shared the last commit, where that has just been made: who
// records one event after another comes back at once, and one commit for all of them is
// sooner than two for half of them each. It waits for half of a commit, and a millisecond at
// most. Who was alone in the last commit, or comes later, waits for nobody.
func (q *queuedChanges) gather() {
	q.mu.Lock()
	if q.together < 2 || q.events >= q.present || time.Since(q.ended) > gatherWithin {
		q.mu.Unlock()
		return
	}
	enough := make(chan struct{})
	q.wanted, q.enough = q.present, enough
	limit := time.NewTimer(min(max(q.took/2, gatherLeast), gatherLimit))
	q.mu.Unlock()
	defer limit.Stop()
	select {
	case <-enough:
	case <-limit.C:
		q.mu.Lock()
		q.wanted = 0
		q.mu.Unlock()
	}
}

const (
	batchWindow = 50 * time.Millisecond  // how long a settle waits for a record to share its commit, at least
	busyWithin  = 250 * time.Millisecond // where the last two events came within this
)

// untilNext is how long it is worth waiting for another event: one and a half times as long
// after the last as that came after the one before it. 0: events do not come one after another.
func (q *queuedChanges) untilNext() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	since := time.Since(q.recorded)
	if q.pace == 0 || q.pace > busyWithin || since > busyWithin {
		return 0
	}
	return max(batchWindow, q.pace+q.pace/2-since)
}

// write makes one change durable. Changes that come while a commit is under way
// share the next one: under load a settle rides in the transaction of a record,
// and a lone press waits for nobody.
//
// A change that returns an error must not have changed anything; the others go
// on without it.
func (o *Outbox) write(change func(*batch) error) error {
	return o.commitQueued(o.queued.add(change, false))
}

// writeDeferrable is write for a change that no operator waits for. At a station where events
// come one after another it is made in the next one's commit, which halves the writes to the
// card; at a quiet one, and where something waits behind it, it is made at once.
func (o *Outbox) writeDeferrable(somethingWaits func() bool, change func(*batch) error) error {
	c := o.queued.add(change, false) // first: a commit that begins meanwhile takes it along
	if next := o.queued.untilNext(); next > 0 && !somethingWaits() {
		wait := time.NewTimer(next)
		defer wait.Stop()
		select {
		case <-c.done:
			return c.err
		case <-wait.C:
		}
	}
	return o.commitQueued(c)
}

// commitQueued commits everything that waits, unless somebody else does so.
func (o *Outbox) commitQueued(c *queuedChange) error {
	select {
	case <-c.done: // somebody else's commit took it along
		return c.err
	case o.queued.turn <- struct{}{}:
	}
	defer func() { <-o.queued.turn }()
	select {
	case <-c.done:
		return c.err
	default:
	}
	o.queued.gather()
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.queued.take()
	began := time.Now()
	err := o.commit(func(b *batch) error {
		for _, c := range all {
			c.err = c.change(b)
			if errors.Is(c.err, ErrStorage) {
				return c.err
			}
		}
		return nil
	})
	o.queued.made(began)
	o.publish()
	for _, c := range all {
		if err != nil {
			c.err = err
		}
		close(c.done)
	}
	if err != nil { // also where a commit that ended in a panic had taken c along
		return err
	}
	return c.err
}

// commit runs change in one transaction and keeps the state after it. Any failure is final:
// after a failed commit it is unknown what is on disk, and the index in memory may be ahead
// of it. A panic is such a failure, for whoever answers a person goes on after it, as net/http
// does. The caller holds mu, or is Open.
func (o *Outbox) commit(change func(*batch) error) error {
	if o.failed != nil {
		return o.failed
	}
	b := &batch{o: o, state: o.state, began: time.Now()}
	o.committing.Store(&b.began)
	defer o.committing.Store(nil)
	ended := false
	defer func() {
		if !ended {
			o.failed = o.storageFailed(errors.New("a commit ended in a panic"))
			o.publish()
		}
	}()
	spared, err := o.file.UpdateOrSpare(func(tx *format.Tx) error {
		b.tx = tx
		if err := change(b); err != nil || !tx.Changed() {
			return err
		}
		return b.finish()
	})
	ended = true
	if err != nil || spared != nil {
		o.failed = o.storageFailed(errors.Join(err, spared))
	}
	if err != nil {
		return o.failed
	}
	o.state = b.state
	o.warn()
	o.noteRecent(b.recent, b.done)
	o.writeHistory(b.done)
	for _, f := range b.bestEffort {
		o.setting.BestEffort(f.Event, f.Action)
	}
	return nil
}

// storageFailed is why the outbox takes nothing more.
func (o *Outbox) storageFailed(err error) error {
	return station.Because(fmt.Errorf("outbox %s: %w: %w", o.file.Path(), ErrStorage, err), "storage")
}

// A batch is one transaction and the state as it will be after it. Its functions are
// called while the outbox's mu is held.
type batch struct {
	o      *Outbox
	began  time.Time
	tx     *format.Tx
	state  station.State
	done   []HistoryLine         // for the history, once it is on disk
	recent []station.RecentEvent // that were recorded

	by, why string // who decided what is being recorded, and their reason

	commanded bool // a command was recorded

	bestEffort []bestEffort // to be handed out then
}

// A bestEffort is an action that makes no entry, and its event.
type bestEffort struct {
	station.Event
	station.Action
}

// finish writes what goes with every transaction.
func (b *batch) finish() error {
	if err := b.o.putState(b.tx, b.state); err != nil {
		return storage(err)
	}
	return errors.Join(b.keepCommands(), b.noteClock())
}

// note adds a line to the history of what this transaction did.
func (b *batch) note(d HistoryLine) {
	d.By, d.Why = b.by, b.why
	b.done = append(b.done, d)
}

// storage marks an error of the file, as against one of the caller's making.
func storage(err error) error {
	if err == nil {
		return nil
	}
	return station.Because(fmt.Errorf("%w: %w", ErrStorage, err), "storage")
}

func (b *batch) putEntry(at format.Place, e format.Entry) error {
	b.o.index.put(at, e.Condition)
	b.o.lately.put(at, e)
	return storage(b.tx.PutEntry(at, &e))
}

func (b *batch) entry(at format.Place) (format.Entry, error) {
	if e, kept := b.o.lately.get(at); kept {
		return e, nil
	}
	e, err := entryAt(b.tx, at)
	if err == nil {
		b.o.lately.put(at, e)
	}
	return e, storage(err)
}

// entry reads an entry that must be there. The caller holds mu.
func (o *Outbox) entry(at format.Place) (e format.Entry, err error) {
	if e, kept := o.lately.get(at); kept {
		return e, nil
	}
	err = o.file.View(func(tx *format.Tx) error {
		e, err = entryAt(tx, at)
		return err
	})
	if err == nil {
		o.lately.put(at, e)
	}
	return e, err
}

// entryAt reads an entry that must be there.
func entryAt(tx *format.Tx, at format.Place) (format.Entry, error) {
	e, there, err := tx.Entry(at)
	if err == nil && !there {
		err = fmt.Errorf("entry %v: it is not there", at)
	}
	return e, err
}
