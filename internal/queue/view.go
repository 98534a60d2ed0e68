package queue

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"stationd/internal/station"
)

// Places are where records stand, in ascending order.
type places []place

func (p *places) add(at place) {
	if n := len(*p); n == 0 || (*p)[n-1] < at { // as a new entry always is
		*p = append(*p, at)
		return
	}
	if i, there := slices.BinarySearch(*p, at); !there {
		*p = slices.Insert(*p, i, at)
	}
}

func (p *places) remove(at place) {
	switch i, there := slices.BinarySearch(*p, at); {
	case !there:
	case i == 0: // as of what is delivered in its order
		*p = (*p)[1:]
	default:
		*p = slices.Delete(*p, i, i+1)
	}
}

// first returns a copy of the first n, or of all where n is below zero.
func (p places) first(n int) places {
	if n >= 0 && n < len(p) {
		p = p[:n]
	}
	return slices.Clone(p)
}

// last returns a copy of the last n, or of all where n is below zero.
func (p places) last(n int) places {
	if n >= 0 && n < len(p) {
		p = p[len(p)-n:]
	}
	return slices.Clone(p)
}

// mostListed is how many places of each kind a view has. Who wants a longer list has
// to wait for the commit under way.
const mostListed = 100

// A view is the outbox as everybody sees it who only looks: made after each change,
// when the disk has it, and never changed. It is read without waiting for a commit,
// however long the card takes, and without reading the outbox.
type view struct {
	snapshot station.Snapshot
	failed   error
	told     map[string]string // what Tell says
	marks    map[string]station.Marks
	changed  chan struct{} // closed when there is a newer one
	selection
}

// A selection is what a list has, by its places.
type selection struct {
	totals           station.Totals
	waiting, held    places // the first
	unknown, notices places // the last, and all of them

	behind map[place]place // the held ones that the waiting wait behind
}

// selected takes what a list of that length has from the index. The caller holds mu.
func (o *Outbox) selected(limit station.Limit) selection {
	unknown, notices := o.keptPlaces(limit.Unknown)
	waiting := o.waiting.first(limit.Waiting)
	return selection{
		totals: station.Totals{
			Waiting: len(o.waiting), Held: len(o.held),
			Unknown: len(o.kept) - len(o.notices), Notices: len(o.notices),
		},
		waiting: waiting,
		held:    o.held.first(limit.Held),
		unknown: unknown,
		notices: notices,
		behind:  o.behind(waiting),
	}
}

// keptPlaces returns the places of the last unknown scans, at most n of them unless
// it is below zero, and of all notices.
func (o *Outbox) keptPlaces(n int) (unknown, notices places) {
	for _, at := range o.kept {
		if _, notice := o.notices[at]; notice {
			notices = append(notices, at)
		} else {
			unknown = append(unknown, at)
		}
	}
	return unknown.last(n), notices
}

// tell makes the view anew and wakes everybody who waits for a change. The caller
// holds mu, or is Open.
func (o *Outbox) tell() {
	before := o.seen.Load()
	o.seen.Store(o.look())
	if before != nil {
		close(before.changed)
	}
}

// look makes a view. The caller holds mu, or is Open.
func (o *Outbox) look() *view {
	s := station.Snapshot{
		State:   o.state,
		Commits: o.commits,
		Bytes:   o.stateBytes,
		Waiting: len(o.waiting),
		Held:    len(o.held),
		Kept:    len(o.kept),
		Health: station.Health{
			Fill:     o.fill(),
			Backends: make(map[string]station.Contact, len(o.contacts)),
		},
		Counts: station.Counts{
			Events:   maps.Clone(o.counts.Events),
			Outcomes: maps.Clone(o.counts.Outcomes),
			Unknown:  o.counts.Unknown,
		},
	}
	for backend := range o.contacts {
		s.Health.Backends[backend] = o.contact(backend)
	}
	switch {
	case o.failed != nil:
		s.Health.Storage = o.failed.Error()
	case s.Health.Fill >= 1:
		s.Health.Storage = ErrFull.Error()
	}
	s.Oldest = o.oldestStamp()
	return &view{
		snapshot:  s,
		failed:    o.failed,
		told:      o.told(),
		marks:     o.marks,
		changed:   make(chan struct{}),
		selection: o.selected(station.Limit{Held: mostListed, Waiting: mostListed, Unknown: mostListed}),
	}
}

// oldestStamp is when the oldest waiting entry's event was; zero when none waits. It
// is read once for each entry that becomes the oldest. One that cannot be read shows
// when its turn comes; here it only leaves the age unknown.
func (o *Outbox) oldestStamp() station.Stamp {
	switch {
	case len(o.waiting) == 0:
		o.oldest.at, o.oldest.stamp = 0, station.Stamp{}
	case o.oldest.at != o.waiting[0] && o.failed == nil:
		o.oldest.at, o.oldest.stamp = o.waiting[0], station.Stamp{}
		_ = o.db.View(func(tx *bbolt.Tx) error {
			e, _, err := o.entryAt(tx, o.oldest.at)
			o.oldest.stamp = e.At
			return err
		})
	}
	return o.oldest.stamp
}

// told is what a person should know of the outbox itself. The caller holds mu, or is
// Open.
func (o *Outbox) told() map[string]string {
	text := ""
	switch fill := o.fill(); {
	case len(o.notices) > 0:
		text = o.notices[slices.Max(slices.Collect(maps.Keys(o.notices)))]
	case fill >= fillAlarming:
		text = fmt.Sprintf("it is %.0f %% full: at 100 %% nothing new is recorded", 100*fill)
	}
	told := map[string]string{"outbox": text}
	if o.setting.History != "" {
		told["history"] = o.history.fault
	}
	return told
}

// State returns the state that is on disk. It waits for nothing.
func (o *Outbox) State() station.State { return o.seen.Load().snapshot.State }

// Changed returns a channel that is closed when the state, the entries or a
// backend's contact changes next. It waits for nothing.
func (o *Outbox) Changed() <-chan struct{} { return o.seen.Load().changed }

// Err returns why the outbox takes nothing more; nil while it does. It waits for
// nothing.
func (o *Outbox) Err() error { return o.seen.Load().failed }

// Faults says what a person should know of the outbox itself: that it had to be made
// anew, until the event of it has been put away, and that it is getting full. It
// waits for nothing. The map is shared: it is for reading only.
func (o *Outbox) Faults() map[string]string { return o.seen.Load().told }

// Snapshot fills in what the outbox knows of the station at this moment. It waits
// for nothing and reads nothing. Its maps are shared: they are for reading only.
func (o *Outbox) Snapshot() station.Snapshot { return o.seen.Load().snapshot }

// Contents lists what is in the outbox, or the beginning of it. Up to a hundred of
// each it does not wait for a commit.
func (o *Outbox) Contents(limit station.Limit) (station.Contents, error) {
	return gathered(limit, o.List)
}

// List is Contents for any length: it hands over the entries, in the order of their
// events, and then what is kept, one at a time. It ends with the first error of a
// function's. A list of up to a hundred of each is the outbox at one moment; a longer
// one is read in pieces, with nothing but the places in hand, and what ends meanwhile
// is left out.
func (o *Outbox) List(limit station.Limit, entry func(station.EntryStatus) error, kept func(station.Event) error) (station.Totals, error) {
	v := o.seen.Load()
	if v.has(limit) {
		l, err := o.listed(v, limit, true)
		if errors.Is(err, errNotNow) { // the disk is ahead of the view: wait for the next
			o.mu.Lock()
			l, err = o.listed(o.seen.Load(), limit, false)
			o.mu.Unlock()
		}
		if err != nil {
			return v.totals, err
		}
		return l.Totals, errors.Join(each(l.Entries, entry), each(l.Kept, kept))
	}
	o.mu.Lock()
	s := o.selected(limit)
	o.mu.Unlock()
	entries, events := s.places(limit)
	err := readInChunks(o, entries, s.standings(o), entry)
	if err == nil {
		err = readInChunks(o, events, o.keptAt, kept)
	}
	return s.totals, err
}

// each hands over one after the other, up to the first error.
func each[T any](all []T, take func(T) error) error {
	for _, one := range all {
		if err := take(one); err != nil {
			return err
		}
	}
	return nil
}

// errNotNow says that a commit has changed the disk, and the view of it is being made.
var errNotNow = errors.New("the disk is ahead of the view")

// listed reads a list that the view is long enough for, in one transaction. same wants
// the disk to be as the view says.
func (o *Outbox) listed(v *view, limit station.Limit, same bool) (station.Contents, error) {
	c := station.Contents{Totals: v.totals}
	entries, events := v.places(limit)
	err := o.db.View(func(tx *bbolt.Tx) error {
		if h, _, err := open(tx.Bucket(bucketQ).Get(stateKey)); same && (err != nil || h.commit != v.snapshot.Commits) {
			return errNotNow
		}
		var err error
		if c.Entries, err = readPlaces(tx, entries, v.standings(o)); err != nil {
			return err
		}
		c.Kept, err = readPlaces(tx, events, o.keptAt)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("outbox %s: %w", o.path, err)
	}
	return c, nil
}

// places returns the places of a list's entries and of its kept events.
func (s selection) places(limit station.Limit) (entries, events places) {
	entries = append(s.waiting.first(limit.Waiting), s.held.first(limit.Held)...)
	slices.Sort(entries)
	events = append(s.unknown.last(limit.Unknown), s.notices...)
	slices.Sort(events)
	return entries, events
}

// readPlaces reads what stands at the places.
func readPlaces[T any](tx *bbolt.Tx, all places, read func(*bbolt.Tx, place) (T, bool, error)) ([]T, error) {
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

// has reports whether there is enough in it for a list of that length.
func (s selection) has(limit station.Limit) bool {
	enough := func(wanted, total int) bool { return total <= mostListed || wanted >= 0 && wanted <= mostListed }
	return enough(limit.Waiting, s.totals.Waiting) && enough(limit.Held, s.totals.Held) && enough(limit.Unknown, s.totals.Unknown)
}

// readInChunks reads what stands at the places and hands it over, while nothing of
// bbolt's is held.
func readInChunks[T any](o *Outbox, all places, read func(*bbolt.Tx, place) (T, bool, error), take func(T) error) error {
	for some := range slices.Chunk(all, chunk) {
		var found []T
		err := o.db.View(func(tx *bbolt.Tx) (err error) {
			found, err = readPlaces(tx, some, read)
			return err
		})
		if err != nil {
			return fmt.Errorf("outbox %s: %w", o.path, err)
		}
		if err := each(found, take); err != nil {
			return err
		}
	}
	return nil
}

// entryAt reads an entry; there is false where it has ended.
func (o *Outbox) entryAt(tx *bbolt.Tx, at place) (e entryRecord, there bool, err error) {
	record := tx.Bucket(bucketQ).Get(at.key())
	if record == nil || kindOf(record) == kindFate {
		return e, false, nil
	}
	o.read.Add(1)
	if err := decode(record, kindEntry, at, &e); err != nil {
		return e, false, fmt.Errorf("entry %d.%d: %w", at.sequence(), at.index(), err)
	}
	return e, true, nil
}

func (o *Outbox) standingAt(tx *bbolt.Tx, at place) (station.EntryStatus, bool, error) {
	e, there, err := o.entryAt(tx, at)
	return e.standing(at), there, err
}

// keptAt reads a kept event; there is false where it has been put away.
func (o *Outbox) keptAt(tx *bbolt.Tx, at place) (ev station.Event, there bool, err error) {
	record := tx.Bucket(bucketQ).Get(at.key())
	if record == nil {
		return ev, false, nil
	}
	o.read.Add(1)
	if err := decode(record, kindKept, at, &ev); err != nil {
		return ev, false, fmt.Errorf("event %d: %w", at.sequence(), err)
	}
	return ev, true, nil
}

// standing is how an entry stands, as everybody outside is told.
func (e entryRecord) standing(at place) station.EntryStatus {
	return station.EntryStatus{Entry: e.Entry, Seq: at.sequence(), Condition: e.Condition, Hold: e.Hold, Reason: e.Reason, Doubtful: e.mayHaveArrived(), Twice: e.Twice}
}

// Standing returns how an entry stands; there is false where it is not in the
// outbox.
func (o *Outbox) Standing(id station.ID) (s station.EntryStatus, there bool, err error) {
	for at, now := range o.placesOf(id) {
		err = o.db.View(func(tx *bbolt.Tx) error {
			if s, there, err = o.standingAt(tx, at); err != nil || !there || now.behind == 0 {
				return err
			}
			s.Behind, err = o.behindOf(tx, now.behind)
			return err
		})
		if err != nil {
			return station.EntryStatus{}, false, fmt.Errorf("outbox %s: %w", o.path, err)
		}
		if there && s.ID == id {
			s.Last = now.last
			return s, true, nil
		}
	}
	return station.EntryStatus{}, false, nil
}

// inLane is what memory alone knows of how an entry stands.
type inLane struct {
	behind place  // the held entry that it waits behind; 0: none
	last   string // what the last attempt at it came to
}

// placesOf returns where an entry may stand, by the index.
func (o *Outbox) placesOf(id station.ID) map[place]inLane {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make(map[place]inLane)
	h := hash(id)
	for _, l := range o.lanes {
		for _, s := range l.slots {
			if s.id != h {
				continue
			}
			var now inLane
			l.behind(s.at, func(at, held place) {
				if at == s.at {
					now.behind = held
				}
			})
			if l.attempt.at == s.at {
				now.last = l.attempt.last
			}
			all[s.at] = now
		}
	}
	return all
}

// mostFound is where Find stops: a person who is shown so many has to write more.
const mostFound = 20

// Find returns the IDs of entries and kept events whose event's ID begins so; of
// more than twenty, the first.
func (o *Outbox) Find(begins string) ([]station.ID, error) {
	o.mu.Lock()
	all := o.selected(station.NoLimit())
	o.mu.Unlock()
	var found []station.ID
	note := func(id station.ID) error {
		if id != "" && len(found) < mostFound {
			found = append(found, id)
		}
		return nil
	}
	read := func(tx *bbolt.Tx, at place) (station.ID, bool, error) { return idAt(tx, at, begins) }
	for _, some := range []places{all.held, all.waiting, all.unknown, all.notices} {
		if err := readInChunks(o, some, read, note); err != nil {
			return nil, err
		}
	}
	return found, nil
}
