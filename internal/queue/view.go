package queue

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// This file makes the view that everybody reads who only looks, and answers their questions.

// mostListed is how many places of each kind a view has. Who wants a longer list has
// to wait for the commit under way.
const mostListed = 100

// A view is the outbox as everybody sees it who only looks: made after each change,
// when the disk has it, and never changed. It is read without waiting for a commit,
// however long the card takes, and without reading the outbox.
type view struct {
	snapshot station.Snapshot
	failed   error
	faults   map[string]string // what Faults says
	oldest   aged              // of those that wait
	marks    map[string]station.Marks
	changed  chan struct{} // closed when there is a newer one
	selection
}

// publish makes the view anew and wakes everybody who waits for a change. The caller
// holds mu, or is Open.
func (o *Outbox) publish() {
	before := o.view.Load()
	o.view.Store(o.makeView(before))
	if before != nil {
		close(before.changed)
	}
}

// makeView makes a view; before is the one before it, and nil at first. The caller holds
// mu, or is Open.
func (o *Outbox) makeView(before *view) *view {
	s := station.Snapshot{
		State:   o.state,
		Commits: o.file.Commits(),
		Recent:  o.recent,
		Bytes:   o.stateBytes,
		Waiting: len(o.index.waiting),
		Held:    len(o.index.held),
		Kept:    len(o.index.kept),
		Health:  station.Health{Fill: o.file.Fill()},
		Counts:  station.Counts{Unknown: o.counts.Unknown},
	}
	was := new(view) // its maps serve again where nothing has changed in them
	if before != nil {
		was = before
	}
	s.Counts.Events = unlessSame(was.snapshot.Counts.Events, o.counts.Events)
	s.Counts.Outcomes = unlessSame(was.snapshot.Counts.Outcomes, o.schedule.outcomes)
	s.Health.Backends = o.schedule.allContacts(was.snapshot.Health.Backends)
	switch {
	case o.failed != nil:
		s.Health.Storage = o.failed.Error()
	case s.Health.Fill >= 1:
		s.Health.Storage = ErrFull.Error()
	}
	oldest := o.oldestEntry(before)
	s.Oldest = oldest.stamp
	return &view{
		oldest:    oldest,
		snapshot:  s,
		failed:    o.failed,
		faults:    o.makeFaults(was.faults),
		marks:     o.schedule.marks,
		changed:   make(chan struct{}),
		selection: o.index.selected(station.Limit{Held: mostListed, Waiting: mostListed, Unknown: mostListed}),
	}
}

// unlessSame returns a copy of a map, or the one before where it says the same.
func unlessSame[K, V comparable](before, now map[K]V) map[K]V {
	if before != nil && maps.Equal(before, now) {
		return before
	}
	return maps.Clone(now)
}

// An aged is an entry and when its event was.
type aged struct {
	at    format.Place
	stamp station.Stamp
}

// oldestEntry is the oldest of those that wait; the zero value where none does. It is
// read once for each entry that becomes the oldest. One that cannot be read shows when
// its turn comes; here it only leaves the age unknown.
func (o *Outbox) oldestEntry(before *view) aged {
	if len(o.index.waiting) == 0 {
		return aged{}
	}
	oldest := aged{at: o.index.waiting[0]}
	if before != nil && before.oldest.at == oldest.at {
		return before.oldest
	}
	e, kept := o.lately.get(oldest.at)
	if !kept && o.failed == nil {
		e, _ = o.entry(oldest.at)
	}
	oldest.stamp = e.At
	return oldest
}

// makeFaults is what a person should know of the outbox itself; before is that of the view
// before, which serves again where nothing has changed. The caller holds mu, or is Open.
func (o *Outbox) makeFaults(before map[string]string) map[string]string {
	text := o.index.notice()
	if fill := o.file.Fill(); text == "" && fill >= fillAlarming {
		text = fmt.Sprintf("it is %.0f %% full: at 100 %% nothing new is recorded", 100*fill)
	}
	_, history := before["history"]
	if before != nil && before["outbox"] == text && history == (o.setting.History != "") && before["history"] == o.history.fault {
		return before
	}
	faults := map[string]string{"outbox": text}
	if o.setting.History != "" {
		faults["history"] = o.history.fault
	}
	return faults
}

// State returns the state that is on disk. It waits for nothing.
func (o *Outbox) State() station.State { return o.view.Load().snapshot.State }

// Changed returns a channel that is closed when the state, the entries or a
// backend's contact changes next. It waits for nothing.
func (o *Outbox) Changed() <-chan struct{} { return o.view.Load().changed }

// Err returns why the outbox takes nothing more; nil while it does. It waits for
// nothing.
func (o *Outbox) Err() error { return o.view.Load().failed }

// Faults says what a person should know of the outbox itself: that it had to be made
// anew, until the event of it has been put away, and that it is getting full. It
// waits for nothing. The map is shared: it is for reading only.
func (o *Outbox) Faults() map[string]string { return o.view.Load().faults }

// Snapshot fills in what the outbox knows of the station at this moment. It waits
// for nothing and reads nothing. Its maps are shared: they are for reading only.
func (o *Outbox) Snapshot() station.Snapshot { return o.view.Load().snapshot }

// Contents lists what is in the outbox, or the beginning of it. Up to a hundred of
// each it does not wait for a commit.
func (o *Outbox) Contents(limit station.Limit) (station.Contents, error) {
	return gather(limit, o.List)
}

// List is Contents for any length: it hands over the entries, in the order of their
// events, and then what is kept, one at a time. It ends with the first error of a
// function's. A list of up to a hundred of each is the outbox at one moment; a longer
// one is read in pieces, with nothing but the places in hand, and what ends meanwhile
// is left out.
func (o *Outbox) List(limit station.Limit, entry func(station.EntryStatus) error, kept func(station.Event) error) (station.Totals, error) {
	v := o.view.Load()
	if v.covers(limit) {
		l, err := o.readList(v, limit, true)
		if errors.Is(err, errViewBehind) { // the disk is ahead of the view: wait for the next
			o.mu.Lock()
			l, err = o.readList(o.view.Load(), limit, false)
			o.mu.Unlock()
		}
		if err != nil {
			return v.totals, err
		}
		return l.Totals, errors.Join(handOver(l.Entries, entry), handOver(l.Kept, kept))
	}
	o.mu.Lock()
	s := o.index.selected(limit)
	o.mu.Unlock()
	entries, events := s.places(limit)
	err := readInChunks(o, entries, s.standings(o), entry)
	if err == nil {
		err = readInChunks(o, events, o.keptAt, kept)
	}
	return s.totals, err
}

// handOver hands over one after the other, up to the first error.
func handOver[T any](all []T, take func(T) error) error {
	for _, one := range all {
		if err := take(one); err != nil {
			return err
		}
	}
	return nil
}

// errViewBehind says that a commit has changed the disk, and the view of it is being made.
var errViewBehind = errors.New("the disk is ahead of the view")

// readList reads a list that the view is long enough for, in one transaction. same wants
// the disk to be as the view says.
func (o *Outbox) readList(v *view, limit station.Limit, same bool) (station.Contents, error) {
	c := station.Contents{Totals: v.totals}
	entries, events := v.places(limit)
	err := o.file.View(func(tx *format.Tx) error {
		if commit, err := tx.Commit(); same && (err != nil || commit != v.snapshot.Commits) {
			return errViewBehind
		}
		var err error
		if c.Entries, err = readPlaces(tx, entries, v.standings(o)); err != nil {
			return err
		}
		c.Kept, err = readPlaces(tx, events, o.keptAt)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("outbox %s: %w", o.file.Path(), err)
	}
	return c, nil
}

// readPlaces reads what stands at the places.
func readPlaces[T any](tx *format.Tx, all places, read func(*format.Tx, format.Place) (T, bool, error)) ([]T, error) {
	var found []T
	for _, at := range all {
		one, there, err := read(tx, at)
		if err != nil {
			return nil, err
		}
		if there {
			found = append(found, one)
		}
	}
	return found, nil
}

// chunk is how many records of a long list are read within one transaction of bbolt's,
// which keeps pages from being used again for as long as it lasts.
const chunk = 256

// readInChunks reads what stands at the places and hands it over, while nothing of
// bbolt's is held.
func readInChunks[T any](o *Outbox, all places, read func(*format.Tx, format.Place) (T, bool, error), take func(T) error) error {
	for some := range slices.Chunk(all, chunk) {
		var found []T
		err := o.file.View(func(tx *format.Tx) (err error) {
			found, err = readPlaces(tx, some, read)
			return err
		})
		if err != nil {
			return fmt.Errorf("outbox %s: %w", o.file.Path(), err)
		}
		if err := handOver(found, take); err != nil {
			return err
		}
	}
	return nil
}

// readEntry reads an entry for a list; there is false where it has ended.
func (o *Outbox) readEntry(tx *format.Tx, at format.Place) (e format.Entry, there bool, err error) {
	o.read.Add(1)
	return tx.Entry(at)
}

// keptAt reads a kept event for a list; there is false where it has been put away.
func (o *Outbox) keptAt(tx *format.Tx, at format.Place) (ev station.Event, there bool, err error) {
	o.read.Add(1)
	return tx.Kept(at)
}

// standings reads entries for a list, and what they wait behind as the selection says.
func (s selection) standings(o *Outbox) func(*format.Tx, format.Place) (station.EntryStatus, bool, error) {
	var last format.Place // the many behind one read it once
	var behind *station.Behind
	return func(tx *format.Tx, at format.Place) (one station.EntryStatus, there bool, err error) {
		e, there, err := o.readEntry(tx, at)
		one = standing(at, e)
		held := s.behind[at]
		if err != nil || !there || held == 0 || e.Condition == station.Held {
			return one, there, err
		}
		if held != last {
			if behind, err = o.behindAt(tx, held); err != nil {
				return one, there, err
			}
			last = held
		}
		one.Behind = behind
		return one, true, nil
	}
}

// behindAt is the held entry at a place, as those are told of it that wait behind it;
// nil where it is not held any more.
func (o *Outbox) behindAt(tx *format.Tx, held format.Place) (*station.Behind, error) {
	e, there, err := o.readEntry(tx, held)
	if err != nil || !there || e.Condition != station.Held {
		return nil, err
	}
	return behindOf(e), nil
}

// standing is how an entry stands, as everybody outside is told.
func standing(at format.Place, e format.Entry) station.EntryStatus {
	return station.EntryStatus{Entry: e.Entry, Seq: at.Sequence(), Condition: e.Condition, Hold: e.Hold, Reason: e.Reason, Why: e.Why, Doubtful: e.MayHaveArrived(), Twice: e.Twice}
}

// Standing returns how an entry stands, or how it ended where it has left the outbox not
// long ago, in this process; both are nil where nobody knows any more.
func (o *Outbox) Standing(id station.ID) (*station.EntryStatus, *station.Ended, error) {
	for at, now := range o.placesOf(id) {
		var s station.EntryStatus
		there := false
		err := o.file.View(func(tx *format.Tx) (err error) {
			var e format.Entry
			if e, there, err = o.readEntry(tx, at); err != nil || !there {
				return err
			}
			s = standing(at, e)
			if now.behind != 0 {
				s.Behind, err = o.behindAt(tx, now.behind)
			}
			return err
		})
		if err != nil {
			return nil, nil, fmt.Errorf("outbox %s: %w", o.file.Path(), err)
		}
		if there && s.ID == id {
			s.Last = now.last
			return &s, nil, nil
		}
	}
	o.mu.Lock() // a commit that has ended it is not noted yet
	defer o.mu.Unlock()
	if how, known := o.ends.get(id); known {
		return nil, &how, nil
	}
	return nil, nil, nil
}

// inLane is what memory alone knows of how an entry stands.
type inLane struct {
	behind format.Place // the held entry that it waits behind; 0: none
	last   string       // what the last attempt at it came to
}

// placesOf returns where an entry may stand, by the index.
func (o *Outbox) placesOf(id station.ID) map[format.Place]inLane {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make(map[format.Place]inLane)
	for l, s := range o.index.mayBe(id) {
		var now inLane
		l.behind(s.at, func(at, held format.Place) {
			if at == s.at {
				now.behind = held
			}
		})
		if l.attempt.at == s.at {
			now.last = l.attempt.lastError
		}
		all[s.at] = now
	}
	return all
}

// mostFound is where Find stops: a person who is shown so many has to write more.
const mostFound = 20

// Find returns the IDs of entries and kept events whose event's ID begins so; of
// more than twenty, the first.
func (o *Outbox) Find(begins string) ([]station.ID, error) {
	o.mu.Lock()
	all := o.index.selected(station.NoLimit())
	o.mu.Unlock()
	var found []station.ID
	note := func(id station.ID) error {
		if id != "" && len(found) < mostFound {
			found = append(found, id)
		}
		return nil
	}
	read := func(tx *format.Tx, at format.Place) (station.ID, bool, error) { return tx.ID(at, begins) }
	for _, some := range []places{all.held, all.waiting, all.unknown, all.notices} {
		if err := readInChunks(o, some, read, note); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Lanes lists the lanes in which anything is held or waits: those with held entries first,
// and then those in which most waits; that many at most. all is how many there are. It waits
// for the commit under way. The entries are counted once a commit, however often it is asked;
// the list is for reading only.
func (o *Outbox) Lanes(most int) (some []station.LaneStatus, all int) {
	o.mu.Lock()
	if commits := o.file.Commits(); o.lanes == nil || o.lanesAt != commits {
		o.lanes, o.lanesAt = o.index.laneStatuses(), commits
	}
	lanes := o.lanes
	o.mu.Unlock()
	return lanes[:min(len(lanes), most)], len(lanes)
}

// laneStatuses lists the lanes that have entries, as Lanes says.
func (x *index) laneStatuses() []station.LaneStatus {
	all := make([]station.LaneStatus, 0, len(x.lanes))
	for _, l := range x.lanes {
		one := station.LaneStatus{Name: l.name}
		for _, s := range l.slots {
			if s.held {
				one.Held++
			} else {
				one.Waiting++
			}
		}
		if len(l.slots) > 0 {
			all = append(all, one)
		}
	}
	sort.Slice(all, func(i, j int) bool {
		a, b := all[i], all[j]
		return cmp.Or(cmp.Compare(b.Held, a.Held), cmp.Compare(b.Waiting, a.Waiting), cmp.Compare(a.Name, b.Name)) < 0
	})
	return all
}
