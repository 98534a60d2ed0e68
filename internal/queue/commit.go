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
	err    error
	done   chan struct{} // closed when it is on disk, or has failed
}

// queuedChanges are the changes that wait to share the next commit.
type queuedChanges struct {
	mu       sync.Mutex // guards both, and is held for no longer than it takes to note them
	all      []*queuedChange
	recorded time.Time // when the last event came
}

// add has a change wait for the next commit, and returns when the last event was
// recorded.
func (q *queuedChanges) add(change func(*batch) error) (c *queuedChange, recorded time.Time) {
	c = &queuedChange{change: change, done: make(chan struct{})}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all = append(q.all, c)
	return c, q.recorded
}

// take returns everything that waits, which then waits no more.
func (q *queuedChanges) take() []*queuedChange {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.all
	q.all = nil
	return all
}

// noteEvent notes that an event is being recorded.
func (q *queuedChanges) noteEvent() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.recorded = time.Now()
}

// write makes one change durable. Changes that come while a commit is under way
// share the next one: under load a settle rides in the transaction of a record,
// and a lone press waits for nobody.
//
// A change that returns an error must not have changed anything; the others go
// on without it.
func (o *Outbox) write(change func(*batch) error) error {
	c, _ := o.queued.add(change)
	return o.commitQueued(c)
}

const (
	batchWindow = 50 * time.Millisecond  // how long a settle waits for a record to share its commit
	busyWithin  = 250 * time.Millisecond // where one came within this
)

// writeDeferrable is write for a change that no operator waits for. At a station where events
// come one after another it is made in the next one's commit, which halves the writes to
// the card; at a quiet one it is made at once.
func (o *Outbox) writeDeferrable(change func(*batch) error) error {
	c, recorded := o.queued.add(change)
	if time.Since(recorded) < busyWithin {
		wait := time.NewTimer(batchWindow)
		defer wait.Stop()
		select {
		case <-c.done:
		case <-wait.C:
		}
	}
	return o.commitQueued(c)
}

// commitQueued commits everything that waits, unless somebody else did so.
func (o *Outbox) commitQueued(c *queuedChange) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case <-c.done: // somebody else's commit took it along
		return c.err
	default:
	}
	all := o.queued.take()
	err := o.commit(func(b *batch) error {
		for _, c := range all {
			c.err = c.change(b)
			if errors.Is(c.err, ErrStorage) {
				return c.err
			}
		}
		return nil
	})
	for _, c := range all {
		if err != nil {
			c.err = err
		}
		close(c.done)
	}
	o.publish()
	return c.err
}

// commit runs change in one transaction and keeps the state after it. Any failure is final:
// after a failed commit it is unknown what is on disk, and the index in memory may be ahead
// of it. The caller holds mu, or is Open.
func (o *Outbox) commit(change func(*batch) error) error {
	if o.failed != nil {
		return o.failed
	}
	began := time.Now()
	o.committing.Store(&began)
	defer o.committing.Store(nil)
	b := &batch{o: o, state: o.state}
	spared, err := o.file.UpdateOrSpare(func(tx *format.Tx) error {
		b.tx = tx
		if err := change(b); err != nil || !tx.Changed() {
			return err
		}
		return b.finish()
	})
	if err != nil || spared != nil {
		o.failed = station.Because(fmt.Errorf("outbox %s: %w: %w", o.file.Path(), ErrStorage, errors.Join(err, spared)), "storage")
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

// A batch is one transaction and the state as it will be after it. Its functions are
// called while the outbox's mu is held.
type batch struct {
	o      *Outbox
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
	return storage(b.tx.PutEntry(at, e))
}

func (b *batch) entry(at format.Place) (format.Entry, error) {
	e, err := entryAt(b.tx, at)
	return e, storage(err)
}

// entryAt reads an entry that must be there.
func entryAt(tx *format.Tx, at format.Place) (format.Entry, error) {
	e, there, err := tx.Entry(at)
	if err == nil && !there {
		err = fmt.Errorf("entry %v: it is not there", at)
	}
	return e, err
}
