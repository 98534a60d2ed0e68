package queue

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"stationd/internal/station"
)

// A write is one change that waits for a commit.
type write struct {
	change func(*batch) error
	err    error
	done   bool
	taken  chan struct{} // closed when it is done
}

// write makes one change durable. Changes that come while a commit is under way
// share the next one: under load a settle rides in the transaction of a record,
// and a lone press waits for nobody.
//
// A change that returns an error must not have changed anything; the others go
// on without it.
func (o *Outbox) write(change func(*batch) error) error {
	w, _ := o.enqueue(change)
	return o.carryOut(w)
}

const (
	company = 50 * time.Millisecond  // how long a settle waits for a record to share its commit
	lively  = 250 * time.Millisecond // where one came within this
)

// writeInCompany is write for a change that nobody's lamp waits for. At a station
// where events come one after another it rides in the next one's commit, which
// halves what the card is told; at a quiet one it is made at once.
func (o *Outbox) writeInCompany(change func(*batch) error) error {
	w, recorded := o.enqueue(change)
	if time.Since(recorded) < lively {
		wait := time.NewTimer(company)
		defer wait.Stop()
		select {
		case <-w.taken:
		case <-wait.C:
		}
	}
	return o.carryOut(w)
}

// enqueue has a change wait for the next commit, and returns when the last event
// was recorded.
func (o *Outbox) enqueue(change func(*batch) error) (w *write, recorded time.Time) {
	w = &write{change: change, taken: make(chan struct{})}
	o.queued.Lock()
	defer o.queued.Unlock()
	o.queued.writes = append(o.queued.writes, w)
	return w, o.queued.recorded
}

// carryOut commits everything that waits, unless somebody else did so.
func (o *Outbox) carryOut(w *write) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if w.done { // somebody else's commit took it along
		return w.err
	}
	o.queued.Lock()
	writes := o.queued.writes
	o.queued.writes = nil
	o.queued.Unlock()

	err := o.update(func(b *batch) error {
		for _, w := range writes {
			w.err = w.change(b)
			if errors.Is(w.err, ErrStorage) {
				return w.err
			}
		}
		return nil
	})
	for _, w := range writes {
		w.done = true
		if err != nil {
			w.err = err
		}
		close(w.taken)
	}
	o.tell()
	return w.err
}

// update runs change in one transaction and takes up the state after it. Any
// failure is final: after a failed commit nobody knows what is on disk, and the
// index in memory may be ahead of it. The caller holds mu.
func (o *Outbox) update(change func(*batch) error) error {
	if o.failed != nil {
		return o.failed
	}
	began := time.Now()
	o.committing.Store(&began)
	defer o.committing.Store(nil)
	err := o.commit(change)
	if err != nil {
		o.failed = fmt.Errorf("outbox %s: %w: %w", o.path, ErrStorage, err)
		return o.failed
	}
	return nil
}

func (o *Outbox) commit(change func(*batch) error) error {
	tx, err := o.db.Begin(true)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a commit it does nothing
	b := &batch{o: o, tx: tx, q: tx.Bucket(bucketQ), state: o.state, commit: o.commits + 1, redo: make(map[place][]byte)}
	b.q.FillPercent = fillPercent
	if err := change(b); err != nil {
		return err
	}
	if !b.changed {
		return nil
	}
	if b.redo[statePlace], err = o.putState(b.q, b.commit, b.state); err != nil {
		return storage(err)
	}
	if err := errors.Join(b.keepCommands(), o.noteClock(b)); err != nil {
		return err
	}
	if err := o.setting.commit(tx); err != nil {
		if err := o.spare(b, err); err != nil {
			return err
		}
	} else if err := o.measure(); err != nil {
		return err
	}
	o.commits, o.state, o.stateBytes = b.commit, b.state, len(b.redo[statePlace])
	o.warn()
	o.writeHistory(b.lines)
	for _, f := range b.fleeting {
		o.setting.Fleeting(f.Event, f.Action)
	}
	return nil
}

// A batch is one transaction and the state as it will be after it.
type batch struct {
	o       *Outbox
	tx      *bbolt.Tx
	q       *bbolt.Bucket
	state   station.State
	commit  uint64           // its number
	redo    map[place][]byte // every record as it stands after it, for the spare file
	changed bool
	lines   []Done // for the history, once it is on disk

	commanded bool // a command was recorded

	fleeting []fleeting // to be handed out then
}

// fleeting is an action that makes no entry, and its event.
type fleeting struct {
	station.Event
	station.Action
}

// tell adds a line to the history of what this transaction did.
func (b *batch) tell(d Done) { b.lines = append(b.lines, d) }

// storage marks an error of the file, as against one of the caller's making.
func storage(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrStorage, err)
}

func (b *batch) put(k kind, at place, body any) error {
	record, err := encode(head{kind: k, at: at, commit: b.commit}, body)
	if err != nil {
		return storage(err)
	}
	b.changed = true
	b.redo[at] = record
	b.o.stands(at, body)
	return storage(b.q.Put(at.key(), record))
}

// stands takes up where an entry stands in the lists of those that wait and those
// that are held: record is what is put at the place, nil where it is deleted.
func (o *Outbox) stands(at place, record any) {
	e, live := record.(entryRecord)
	if live && e.Condition == station.Held {
		o.held.add(at)
	} else {
		o.held.remove(at)
	}
	if live && e.Condition != station.Held {
		o.waiting.add(at)
	} else {
		o.waiting.remove(at)
	}
}

func (b *batch) delete(at place) error {
	b.changed = true
	b.o.stands(at, nil)
	var err error
	if b.redo[at], err = encode(head{kind: kindGone, at: at, commit: b.commit}, nil); err != nil {
		return storage(err)
	}
	return storage(b.q.Delete(at.key()))
}

func (b *batch) entry(at place) (entryRecord, error) {
	var e entryRecord
	if err := decode(b.q.Get(at.key()), kindEntry, at, &e); err != nil {
		return e, storage(fmt.Errorf("entry %d.%d: %w", at.sequence(), at.index(), err))
	}
	return e, nil
}

// Record makes an event durable, with the state after it and the entries that it
// means, in one transaction, and says what became of it. When it returns no error
// all of it has been synced; when it returns one none of it may be acknowledged. An
// event without an ID gets a fresh one. An event of the program's own sources that
// changes nothing writes nothing. A command whose ID was recorded before is not recorded
// again: the result says what became of the first, and that it is Repeated.
func (o *Outbox) Record(ev station.Event) (station.Result, error) {
	if ev.ID == "" {
		ev.ID = station.NewID()
	}
	var done station.Result
	o.queued.Lock()
	o.queued.recorded = time.Now()
	o.queued.Unlock()
	err := o.write(func(b *batch) error {
		var err error
		done, err = b.record(ev)
		return err
	})
	if err != nil {
		return station.Result{}, err
	}
	return done, nil
}

func (b *batch) record(ev station.Event) (station.Result, error) {
	done := station.Result{ID: ev.ID}
	if first, before, err := b.recorded(ev); before || err != nil {
		return first, err
	}
	command := station.Reserved(ev.Source)
	full := b.o.fill() >= 1
	if full && !command {
		return done, b.full()
	}
	next, actions, note := b.o.setting.Program().Answer(b.state, ev)
	if full && ev.Kind != station.Close && slices.ContainsFunc(actions, makesEntry) {
		return done, b.full()
	}
	if len(actions) == 0 && command && reflect.DeepEqual(next, b.state) {
		return done, nil
	}
	if len(actions) > mostEntries {
		return done, fmt.Errorf("event %s: %d actions are more than the %d an event may have", ev.ID, len(actions), mostEntries)
	}
	for _, a := range actions { // before anything is changed
		if err := b.allowed(a, command); err != nil {
			return done, err
		}
	}
	if late, err := b.tooLate(actions); err != nil {
		return done, err
	} else if late {
		next, actions = b.state.TooLate(ev), nil
		note = next.Notes[ev.Source]
	}
	twice, err := b.countsTwice(actions)
	if err != nil {
		return done, err
	}
	recorded := recordedLine(ev)
	if held := slices.IndexFunc(twice, func(at place) bool { return at != 0 }); held >= 0 {
		e, err := b.entry(twice[held])
		if err != nil {
			return done, err
		}
		next = next.CountsTwice(ev, e.ID)
		note = next.Notes[ev.Source]
		recorded.Note = entryRecord{Twice: e.ID}.countsAs()
	}
	sequence, err := b.q.NextSequence()
	if err != nil {
		return done, storage(err)
	}
	b.changed = true
	b.state, done.Note = next, note
	b.o.counts.Events[ev.Name()]++
	b.tell(recorded)
	kept := false
	for i, a := range actions {
		switch {
		case a.Verb == station.VerbRetry:
			done.Retried = a.About
			err = b.retryOne(a)
		case a.Verb == station.VerbDiscard, a.Verb == station.VerbUndo:
			err = b.discard(a.About)
		case a.Verb == station.VerbKeep:
			kept = true
		case a.BestEffort:
			b.fleeting = append(b.fleeting, fleeting{ev, a})
		default:
			e := station.Entry{ID: ev.ID.Entry(i + 1), Source: ev.Source, Kind: ev.Kind, At: ev.At, Action: a}
			done.Entries = append(done.Entries, e.ID)
			err = b.add(placeOf(sequence, i+1), e, twice[i])
		}
		if err != nil {
			return done, err
		}
	}
	b.remember(ev, done)
	kind := kindEvent
	if kept {
		kind = kindKept
	}
	if kept || len(done.Entries) > 0 {
		if err := b.put(kind, placeOf(sequence, 0), ev); err != nil {
			return done, err
		}
	}
	if kept {
		b.o.counts.Unknown++
		return done, b.keep(placeOf(sequence, 0))
	}
	return done, nil
}

func (b *batch) full() error {
	return fmt.Errorf("outbox %s: %w: deliver or discard entries first", b.o.path, ErrFull)
}

// makesEntry reports whether an action is not for the outbox itself.
func makesEntry(a station.Action) bool {
	switch a.Verb {
	case station.VerbRetry, station.VerbDiscard, station.VerbUndo, station.VerbKeep:
		return false
	}
	return !a.BestEffort
}

// allowed refuses a retry or discard that cannot be carried out. What a person asked
// for is refused in words where it would only be held again.
func (b *batch) allowed(a station.Action, command bool) error {
	switch a.Verb {
	case station.VerbRetry, station.VerbDiscard:
	default:
		return nil
	}
	if a.Verb == station.VerbDiscard {
		if _, ok, err := b.findKept(a.About); ok || err != nil {
			return err
		}
	}
	l, at, err := b.find(a.About)
	if err != nil {
		return err
	}
	if i := l.find(at); i < 0 || !l.slots[i].held {
		return fmt.Errorf("entry %s: %w that is held: only what is held can be retried or discarded", a.About.Short(), ErrNoEntry)
	}
	if a.Verb == station.VerbRetry && command {
		return b.goesAnywhere(l, at, a)
	}
	return nil
}

// goesAnywhere refuses the retry of an entry that this station would not send: it was
// meant for somewhere else, and nobody says that it is to go to where the station
// speaks now. Nor is that done in silence where it may have arrived at the old place,
// or where it speaks of a call by the old place's own name for it.
func (b *batch) goesAnywhere(l *lane, at place, a station.Action) error {
	e, err := b.entry(at)
	if err != nil {
		return err
	}
	id := e.ID.Short()
	vendor, known := b.o.setting.Program().Vendors[e.Backend()]
	switch {
	case !known:
		return fmt.Errorf("entry %s: it is for %s, and this station speaks to no %s any more: put it back into the configuration, or discard the entry", id, e.To, e.Backend())
	case e.To == vendor.To:
		return nil
	case a.With[station.ToCurrent] == "" && e.mayHaveArrived():
		return fmt.Errorf("entry %s: it was meant for %s, and may have arrived there; this station now speaks to %s: look there first. Is it there: discard it. Is it not: put the address back, or send it to the new one: stationd outbox retry %s --to-current --not-there", id, e.To, vendor.To, id)
	case a.With[station.ToCurrent] == "":
		return fmt.Errorf("entry %s: it was meant for %s, and this station now speaks to %s: put the address back, or send it to the new one: stationd outbox retry %s --to-current", id, e.To, vendor.To, id)
	case e.mayHaveArrived() && a.With[station.NotThere] == "":
		return fmt.Errorf("entry %s: it may have arrived at %s: look there first. Is it there: discard it. Is it not: stationd outbox retry %s --to-current --not-there", id, e.To, id)
	}
	about := l.slots[l.find(at)].about
	for _, verb := range vendor.Verbs {
		if verb.Name == e.Verb && verb.Ends != "" && (e.With[verb.Ends] != "" || b.o.receipts[about] != "") {
			return fmt.Errorf("entry %s: it speaks of a call by the name that %s gave it, which means nothing at %s: do it there, and discard it", id, e.To, vendor.To)
		}
	}
	return nil
}

// tooLate reports whether anything is to be taken back that cannot be any more:
// what has ended, what a person must decide, and what may have been on its way.
func (b *batch) tooLate(actions []station.Action) (bool, error) {
	for _, a := range actions {
		if a.Verb != station.VerbUndo {
			continue
		}
		l, at, err := b.find(a.About)
		if errors.Is(err, ErrNoEntry) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if s := l.slots[l.find(at)]; s.held || l.mayBeSent(s) {
			return true, nil
		}
	}
	return false, nil
}

// find returns the lane and the place of a live entry.
func (b *batch) find(id station.ID) (*lane, place, error) {
	h := hash(id)
	for _, l := range b.o.lanes {
		for _, s := range l.slots {
			if s.id != h {
				continue
			}
			e, err := b.entry(s.at)
			if err != nil {
				return nil, 0, err
			}
			if e.ID == id {
				return l, s.at, nil
			}
		}
	}
	return nil, 0, fmt.Errorf("entry %s: %w in the outbox; it may have been delivered", id.Short(), ErrNoEntry)
}

func (b *batch) findKept(id station.ID) (place, bool, error) {
	for _, at := range b.o.kept {
		var ev station.Event
		if err := decode(b.q.Get(at.key()), kindKept, at, &ev); err != nil {
			return 0, false, storage(err)
		}
		if ev.ID == id {
			return at, true, nil
		}
	}
	return 0, false, nil
}

// add puts a new entry at the end of its lane.
// twice is where a held entry stands that counts the same; 0: there is none.
func (b *batch) add(at place, e station.Entry, twice place) error {
	var about place
	if e.About != "" {
		var err error
		if _, about, err = b.find(e.About); err != nil {
			return err
		}
	}
	record := entryRecord{Entry: e, Target: about, Condition: station.Waiting}
	if twice != 0 {
		var err error
		if record.Twice, err = b.noteTwice(twice, e.ID); err != nil {
			return err
		}
	}
	l := b.o.lane(e.Lane)
	if backend := e.Backend(); l.first(e) {
		record.Unsent = !e.Marks && b.o.probed(backend)
		b.o.probeNow(backend)
	}
	if err := b.put(kindEntry, at, record); err != nil {
		return err
	}
	l.append(slotOf(at, record, about))
	return nil
}

// keep remembers an unknown scan for a person; the oldest gives way, but never a
// notice of the program's own.
func (b *batch) keep(at place) error {
	b.o.kept.add(at)
	if len(b.o.kept)-len(b.o.notices) <= mostKept {
		return nil
	}
	for _, oldest := range b.o.kept {
		if _, notice := b.o.notices[oldest]; !notice {
			b.o.kept.remove(oldest)
			return b.delete(oldest)
		}
	}
	return nil
}

// retry puts a held entry back at its old place: a person decided that it is to be
// sent. What may have arrived is looked up first, by what was seen before it. What
// the lane is busy with or in doubt about is noted on disk as such, for it is no
// longer the head that a restart would suspect. With is what a person said besides.
func (b *batch) retry(l *lane, at place, with map[string]string) error {
	if l.attempt.at != 0 && l.attempt.at != at && (l.busy || l.attempt.doubtful) {
		since := l.attempt.since
		if l.busy {
			since = time.Time{}
		}
		if err := b.doubt(l, l.attempt.at, since); err != nil {
			return err
		}
	}
	e, err := b.entry(at)
	if err != nil {
		return err
	}
	e.Insists = e.Insists || e.Hold == station.HoldMisfit
	if with[station.NotThere] != "" {
		e.Doubtful = false
	}
	if with[station.ToCurrent] != "" {
		if err := b.toCurrent(l, at, &e); err != nil {
			return err
		}
	}
	switch {
	case !e.Doubtful:
		e.Condition, e.Before, e.Since = station.Waiting, nil, station.Stamp{}
	case e.Since == (station.Stamp{}):
		e.Condition, e.Since = station.Marked, b.o.setting.Stamp(time.Now())
	default:
		e.Condition = station.Marked
	}
	s := &l.slots[l.find(at)]
	e.Unsent = e.Unsent && !e.Doubtful
	s.held, s.marked, s.claimed, s.unsent, s.absent = false, e.Doubtful, e.Doubtful, e.Unsent, false
	e.Hold, e.Reason, e.Starts, e.Doubtful, e.Copy = station.HoldNone, "", 0, false, false
	b.state = b.state.Resume(e.Entry)
	b.tell(entryLine("retried", e.Entry, station.Receipt{Note: e.countsAs()}))
	l.rests()
	delete(b.o.pauses, e.Backend())
	b.o.probeNow(e.Backend())
	return b.put(kindEntry, at, e)
}

// retryOne is retry of the entry that an action is about.
func (b *batch) retryOne(a station.Action) error {
	l, at, err := b.find(a.About)
	if err != nil {
		return err
	}
	return b.retry(l, at, a.With)
}

// toCurrent has an entry go to where the station speaks now, and with it what waits
// for its result: what opens a call there is closed there.
func (b *batch) toCurrent(l *lane, at place, e *entryRecord) error {
	old, to := e.To, b.o.setting.Program().Vendors[e.Backend()].To
	e.To = to
	for _, dependent := range l.abouts[at] {
		d, err := b.entry(dependent)
		if err != nil {
			return err
		}
		if d.To != old || d.mayHaveArrived() {
			continue
		}
		if err := b.toCurrent(l, dependent, &d); err != nil {
			return err
		}
		if err := b.put(kindEntry, dependent, d); err != nil {
			return err
		}
	}
	return nil
}

// discard gives an entry up, or puts a kept scan away.
func (b *batch) discard(id station.ID) error {
	if at, ok, err := b.findKept(id); ok || err != nil {
		if err != nil {
			return err
		}
		b.o.kept.remove(at)
		delete(b.o.notices, at)
		b.tell(Done{What: string(station.FateDiscarded), ID: id, Name: "an unknown scan"})
		return b.delete(at)
	}
	l, at, err := b.find(id)
	if err != nil {
		return err
	}
	e, err := b.entry(at)
	if err != nil {
		return err
	}
	b.state = b.state.Drop(e.Entry, e.Condition)
	b.tell(entryLine(string(station.FateDiscarded), e.Entry, station.Receipt{}))
	if err := b.countsOnce(e); err != nil {
		return err
	}
	return b.end(l, at, e, station.FateDiscarded, "")
}

// end takes an entry out of its lane for good. What is about it gets its ref, or
// is moot.
func (b *batch) end(l *lane, at place, e entryRecord, fate station.Fate, ref string) error {
	l.remove(at)
	if waiting := l.abouts[at]; len(waiting) > 0 && fate == station.FateDelivered {
		b.o.receipts[at] = ref
		if err := b.put(kindFate, at, fateRecord{ID: e.ID, Lane: e.Lane, Fate: fate, Ref: ref}); err != nil {
			return err
		}
	} else {
		for _, dependent := range waiting {
			d, err := b.entry(dependent)
			if err != nil {
				return err
			}
			b.o.setting.Log.Info("an entry is moot: what it was about was discarded", "lane", l.name, "entry", d.ID, "verb", d.Verb)
			b.state = b.state.Drop(d.Entry, d.Condition)
			b.tell(entryLine(string(station.FateMoot), d.Entry, station.Receipt{}))
			if err := b.end(l, dependent, d, station.FateMoot, ""); err != nil {
				return err
			}
		}
		delete(l.abouts, at)
		if err := b.gone(at); err != nil {
			return err
		}
	}
	if err := b.release(l, at); err != nil {
		return err
	}
	if len(l.slots) == 0 && len(l.abouts) == 0 {
		delete(b.o.lanes, l.name)
	}
	return nil
}

// leave ends the close that waits for an open which turned out to be somebody
// else's call, where it is for our own only: that call stays open at the vendor.
func (b *batch) leave(l *lane, open place, rc station.Receipt) error {
	if !rc.Adopted {
		return nil
	}
	for _, at := range slices.Clone(l.abouts[open]) {
		e, err := b.entry(at)
		if err != nil {
			return err
		}
		if !e.Ours {
			continue
		}
		b.state = b.state.Drop(e.Entry, e.Condition)
		b.tell(entryLine(string(station.FateMoot), e.Entry, station.Receipt{}))
		if err := b.end(l, at, e, station.FateMoot, ""); err != nil {
			return err
		}
	}
	return nil
}

// release lets go of the receipt that an ended entry was about, if nobody else
// waits for it.
func (b *batch) release(l *lane, at place) error {
	for target, waiting := range l.abouts {
		rest := without(waiting, at)
		if len(rest) == len(waiting) {
			continue
		}
		l.abouts[target] = rest
		if _, ended := b.o.receipts[target]; ended && len(rest) == 0 {
			delete(b.o.receipts, target)
			delete(l.abouts, target)
			return b.gone(target)
		}
	}
	return nil
}

// gone deletes a record, and its event when that was the last of it.
func (b *batch) gone(at place) error {
	if err := b.delete(at); err != nil {
		return err
	}
	c := b.q.Cursor()
	k, _ := c.Seek(at.event().key())
	if !bytes.Equal(k, at.event().key()) {
		return nil
	}
	if k, _ = c.Next(); len(k) == 9 && bytes.Equal(k[:8], at.key()[:8]) {
		return nil // another entry of the same event
	}
	return b.delete(at.event())
}

func without(places []place, at place) []place {
	rest := make([]place, 0, len(places))
	for _, p := range places {
		if p != at {
			rest = append(rest, p)
		}
	}
	return rest
}
