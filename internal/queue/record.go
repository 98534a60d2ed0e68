package queue

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// Record writes an event, the state after it and the entries that Program.Decide makes of it
// to disk in one transaction, and says what became of it. When it returns no error all of
// it has been synced; when it returns one, the operator must not be told that anything was
// recorded. An event without an ID gets a new one. An event of a command, the page, a vendor
// or the station itself that changes nothing is not written. A command whose ID was recorded
// before is not recorded again: the result says what became of the first, and is Repeated.
func (o *Outbox) Record(ev station.Event) (station.Result, error) {
	all := []station.Emitted{{Event: ev}}
	o.RecordAll(all)
	return all[0].Result, all[0].Err
}

// RecordAll is Record for events of one source that wait at the same time, in their order: up
// to station.MostTogether of them share a transaction, each decided on the state that the one
// before it leaves. An event that is not recorded keeps none of the others from it.
func (o *Outbox) RecordAll(all []station.Emitted) {
	for i := range all {
		if all[i].Event.ID == "" {
			all[i].Event.ID = station.NewID()
		}
	}
	for len(all) > 0 {
		taken, next := 0, all[:min(len(all), station.MostTogether)]
		err := o.commitQueued(o.queued.add(func(b *batch) error {
			var err error
			taken, err = b.recordAll(next)
			return err
		}, true))
		if err != nil { // of all of them nobody knows what is on disk
			for i := range all {
				all[i].Result, all[i].Err = station.Result{}, err
			}
			return
		}
		all = all[taken:]
	}
}

// mostTogether is how many bytes of records are no reason to end a transaction: it may be a
// little more that is written to a full outbox, but not a burst of the longest labels.
const mostTogether = 64 << 10

// recordAll records the first of some events, and returns how many those were. Behind one that
// asks for a person a transaction ends: the lamp says the last of a source's, and would
// never say that. Its error is the file's: what is wrong with one event is noted with it.
func (b *batch) recordAll(all []station.Emitted) (taken int, err error) {
	for i := range all {
		e := &all[i]
		done, err := b.record(e.Event)
		switch {
		case errors.Is(err, ErrStorage):
			return i, err
		case err != nil:
			e.Err = err
			continue
		}
		e.Result = done
		if last := i+1 == len(all); !last && (b.tx.Written() >= mostTogether || done.Note.Kind.Reply().Lamp == station.Quick) {
			return i + 1, nil
		}
	}
	return len(all), nil
}

func (b *batch) record(ev station.Event) (station.Result, error) {
	b.by, b.why = ev.Data[station.DataBy], ev.Data[station.DataReason]
	defer func() { b.by, b.why = "", "" }()
	done := station.Result{ID: ev.ID}
	if first, before, err := b.alreadyRecorded(ev); before || err != nil {
		return first, err
	}
	command := b.o.setting.Program().Reserved(ev.Source) || ev.Kind == station.Open // nobody did it
	full := b.o.file.Fill() >= 1
	if full && !command {
		return done, b.full()
	}
	next, actions, note := b.o.setting.Program().Answer(b.state, ev)
	if full && ev.Kind != station.Close && slices.ContainsFunc(actions, makesEntry) {
		return done, b.full()
	}
	if len(actions) == 0 && command {
		switch {
		case reflect.DeepEqual(next, b.state):
			return done, nil
		case next.OnlyReadAgain(b.state):
			b.state = next // on disk with the next write
			return done, nil
		}
	}
	if len(actions) > format.MostEntries {
		return done, fmt.Errorf("event %s: %d actions are more than the %d an event may have", ev.ID, len(actions), format.MostEntries)
	}
	if len(actions) > 1 && slices.ContainsFunc(actions, func(a station.Action) bool { return a.Verb == station.VerbEdit }) {
		// Each is checked before the first is carried out, which may move what the next is about.
		return done, errors.New("nothing was done: one entry at a time is edited")
	}
	for _, a := range actions { // all of them before the first is carried out
		if err := errors.Join(checkLane(a), b.checkAllowed(a, command)); err != nil {
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
	name := ev.Name()
	recorded := HistoryLine{What: "recorded", ID: ev.ID, Name: name, Code: ev.Code}
	if at := firstOf(twice, len(actions)); at != 0 {
		e, err := b.entry(at)
		if err != nil {
			return done, err
		}
		next = next.CountsTwice(ev, e.ID)
		note = next.Notes[ev.Source]
		recorded.Note = countsAs(e.ID)
	}
	sequence := b.tx.NextSequence()
	b.state, done.Note = next, note
	b.o.counts.Events[name]++
	b.note(recorded)
	kept := false
	recent := ev.Recent(note)
	for i, a := range actions {
		switch {
		case a.Verb == station.VerbRetry:
			done.Retried = a.About
			err = b.retryOne(a)
		case a.Verb == station.VerbDiscard, a.Verb == station.VerbUndo:
			if err = b.discard(a.About); i > 0 && errors.Is(err, ErrNoEntry) {
				err = nil // it was about one of those before, and is moot with it
			}
		case a.Verb == station.VerbEdit:
			done.Entries = append(done.Entries, ev.ID.Entry(i+1))
			err = b.edit(ev.ID.Entry(i+1), a)
		case a.Verb == station.VerbKeep:
			kept = true
		case a.BestEffort:
			b.bestEffort = append(b.bestEffort, bestEffort{ev, a})
		default:
			e := station.Entry{ID: ev.ID.Entry(i + 1), Source: ev.Source, Kind: ev.Kind, At: ev.At, Action: a}
			done.Entries = append(done.Entries, e.ID)
			recent.Add(e)
			err = b.add(format.PlaceOf(sequence, i+1), e, twice[i])
		}
		if err != nil {
			return done, err
		}
	}
	b.rememberCommand(ev, done)
	if !command && note.Kind != "" {
		b.recent = append(b.recent, recent)
	}
	if kept || slices.ContainsFunc(actions, makesEntry) {
		if err := b.tx.PutEvent(format.PlaceOf(sequence, 0), ev, kept); err != nil {
			return done, storage(err)
		}
	}
	if kept {
		b.o.counts.Unknown++
		return done, b.keep(format.PlaceOf(sequence, 0))
	}
	return done, nil
}

func (b *batch) full() error {
	return station.Because(fmt.Errorf("outbox %s: %w: deliver or discard entries first", b.o.file.Path(), ErrFull), "outbox-full")
}

// makesEntry reports whether an action becomes an entry. The others change what is in the
// outbox already, or are best effort.
func makesEntry(a station.Action) bool {
	switch a.Verb {
	case station.VerbRetry, station.VerbDiscard, station.VerbEdit, station.VerbUndo, station.VerbKeep:
		return false
	}
	return !a.BestEffort
}

// checkLane refuses a lane whose name has a control character: no machine or order is called
// so, and the terminal of a person who lists the lanes would carry it out.
func checkLane(a station.Action) error {
	if i := strings.IndexFunc(a.Lane, unicode.IsControl); i >= 0 {
		return fmt.Errorf("%s for %q: a control character (%02X) is part of no name: leave it out", a.Verb, a.Lane, a.Lane[i])
	}
	return nil
}

// checkAllowed refuses a retry, discard or edit that cannot be carried out. A command's retry is
// refused too where the entry would only be held again: the person is told why at once.
func (b *batch) checkAllowed(a station.Action, command bool) error {
	switch a.Verb {
	case station.VerbRetry, station.VerbDiscard, station.VerbEdit:
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
		return station.Because(fmt.Errorf("entry %s: %w that is held: only what is held can be retried, edited or discarded", a.About.Short(), ErrNoEntry), "not-held")
	}
	switch {
	case a.Verb == station.VerbEdit:
		_, err = b.corrected(l, at, a)
	case a.Verb == station.VerbRetry && command:
		err = b.checkDestination(l, at, a)
	}
	return err
}

// checkDestination refuses the retry of an entry that was meant for another address than the
// station uses now, unless the person says ToCurrent. Even then it refuses one that may have
// arrived at the old address, unless they say NotThere, and one that names a call by the
// name which the old address gave it.
func (b *batch) checkDestination(l *lane, at format.Place, a station.Action) error {
	e, err := b.entry(at)
	if err != nil {
		return err
	}
	id := e.ID.Short()
	vendor, known := b.o.setting.Program().Vendors[e.Backend()]
	switch {
	case !known:
		return station.Because(fmt.Errorf("entry %s: it is for %s, and this station speaks to no %s any more: put it back into the configuration, or discard the entry", id, e.To, e.Backend()), "no-vendor")
	case e.To == vendor.To:
		return nil
	case a.With[station.ToCurrent] == "" && e.MayHaveArrived():
		return station.Because(fmt.Errorf("entry %s: it was meant for %s, and may have arrived there; this station now speaks to %s: look there first. Is it there: discard it. Is it not: put the address back, or send it to the new one: stationd outbox retry %s --to-current --not-there", id, e.To, vendor.To, id), "look-there", "to", e.To)
	case a.With[station.ToCurrent] == "":
		return station.Because(fmt.Errorf("entry %s: it was meant for %s, and this station now speaks to %s: put the address back, or send it to the new one: stationd outbox retry %s --to-current", id, e.To, vendor.To, id), "other-address", "from", e.To, "to", vendor.To)
	case e.MayHaveArrived() && a.With[station.NotThere] == "":
		return station.Because(fmt.Errorf("entry %s: it may have arrived at %s: look there first. Is it there: discard it. Is it not: stationd outbox retry %s --to-current --not-there", id, e.To, id), "look-there", "to", e.To)
	}
	about := l.slots[l.find(at)].about
	for _, verb := range vendor.Verbs {
		if verb.Name == e.Verb && verb.Ends != "" && (e.With[verb.Ends] != "" || b.o.index.receipts[about] != "") {
			return station.Because(fmt.Errorf("entry %s: it speaks of a call by the name that %s gave it, which means nothing at %s: do it there, and discard it", id, e.To, vendor.To), "call-elsewhere", "from", e.To)
		}
	}
	return nil
}

// tooLate reports whether an action would take back an entry that cannot be taken back any
// more: it has ended, is held, or may have been sent.
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
func (b *batch) find(id station.ID) (*lane, format.Place, error) {
	for l, s := range b.o.index.mayBe(id) {
		e, err := b.entry(s.at)
		if err != nil {
			return nil, 0, err
		}
		if e.ID == id {
			return l, s.at, nil
		}
	}
	return nil, 0, station.Because(fmt.Errorf("entry %s: %w in the outbox; it may have been delivered", id.Short(), ErrNoEntry), "no-entry")
}

func (b *batch) findKept(id station.ID) (format.Place, bool, error) {
	for _, at := range b.o.index.kept {
		ev, _, err := b.tx.Kept(at)
		if err != nil {
			return 0, false, storage(err)
		}
		if ev.ID == id {
			return at, true, nil
		}
	}
	return 0, false, nil
}

// add puts a new entry at the end of its lane. twice is where a held entry stands that
// counts the same; 0: there is none.
func (b *batch) add(at format.Place, e station.Entry, twice format.Place) error {
	var about format.Place
	if e.About != "" {
		var err error
		if _, about, err = b.find(e.About); err != nil {
			return err
		}
	}
	record := format.Entry{Entry: e, Target: about, Condition: station.Waiting}
	if twice != 0 {
		var err error
		if record.Twice, err = b.noteTwice(twice, e.ID); err != nil {
			return err
		}
	}
	l := b.o.index.lane(e.Lane)
	if backend := e.Backend(); e.Unsure == "" && l.wouldBeHead(e) {
		record.Unsent = !e.Marks && b.o.schedule.probing(backend)
		b.o.schedule.probeNow(backend)
		l.known = head{at, e.Source, e.Verb}
	}
	if err := b.putEntry(at, record); err != nil {
		return err
	}
	l.append(slotOf(at, record, about))
	if e.Unsure == "" {
		return nil
	}
	rc := misfit("line-unsure", "%s", e.Unsure)
	b.note(entryLine(string(station.Held), e, rc))
	return b.hold(l, &l.slots[l.find(at)], record, rc)
}

// keep keeps an unknown scan for a person. Where there are too many the oldest is deleted,
// but never a notice of the station itself.
func (b *batch) keep(at format.Place) error {
	x := b.o.index
	x.kept.add(at)
	if len(x.kept)-len(x.notices) <= mostKept {
		return nil
	}
	for _, oldest := range x.kept {
		if _, notice := x.notices[oldest]; !notice {
			x.kept.remove(oldest)
			return storage(b.tx.Delete(oldest))
		}
	}
	return nil
}

// retry puts a held entry back at its old place: a person decided that it is to be
// sent. What may have arrived is looked up first, by what was seen before it. What
// the lane is busy with or in doubt about is noted on disk as such, for it is no
// longer the head that a restart would suspect. With is what a person said besides.
func (b *batch) retry(l *lane, at format.Place, with map[string]string) error {
	if err := b.markUnderWay(l, at); err != nil {
		return err
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
	e.Hold, e.Reason, e.Why, e.Starts, e.Doubtful, e.Copy = station.HoldNone, "", nil, 0, false, false
	b.state = b.state.Resume(e.Entry)
	b.note(entryLine("retried", e.Entry, station.Receipt{Note: countsAs(e.Twice)}))
	l.clearWait()
	b.o.schedule.resume(e.Backend())
	return b.putEntry(at, e)
}

// markUnderWay marks on disk what a lane is busy with, or in doubt about, before another
// entry is put in front of it.
func (b *batch) markUnderWay(l *lane, before format.Place) error {
	if l.attempt.at == 0 || l.attempt.at == before || !l.busy && !l.attempt.doubtful {
		return nil
	}
	since := l.attempt.since
	if l.busy {
		since = time.Time{}
	}
	return b.markDoubtful(l, l.attempt.at, since)
}

// retryOne is retry of the entry that an action is about.
func (b *batch) retryOne(a station.Action) error {
	l, at, err := b.find(a.About)
	if err != nil {
		return err
	}
	return b.retry(l, at, a.With)
}

// toCurrent has an entry go to the address that the station uses now, and with it those that
// wait for its result: a call that is opened there is closed there.
func (b *batch) toCurrent(l *lane, at format.Place, e *format.Entry) error {
	old, to := e.To, b.o.setting.Program().Vendors[e.Backend()].To
	e.To = to
	for _, dependent := range l.abouts[at] {
		d, err := b.entry(dependent)
		if err != nil {
			return err
		}
		if d.To != old || d.MayHaveArrived() {
			continue
		}
		if err := b.toCurrent(l, dependent, &d); err != nil {
			return err
		}
		if err := b.putEntry(dependent, d); err != nil {
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
		b.o.index.kept.remove(at)
		delete(b.o.index.notices, at)
		b.note(HistoryLine{What: string(station.FateDiscarded), ID: id, Name: "an unknown scan"})
		return storage(b.tx.Delete(at))
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
	b.note(entryLine(string(station.FateDiscarded), e.Entry, station.Receipt{}))
	if err := b.clearTwice(e); err != nil {
		return err
	}
	return b.end(l, at, e, station.FateDiscarded, "")
}

// end takes an entry out of its lane for good. Entries that are about it, as the close of a
// call that it opened, get the vendor's name for it (ref) where it was delivered; otherwise
// they have become moot, and end too.
func (b *batch) end(l *lane, at format.Place, e format.Entry, fate station.Fate, ref string) error {
	l.remove(at)
	b.o.index.drop(at)
	b.o.lately.drop(at)
	if waiting := l.abouts[at]; len(waiting) > 0 && fate == station.FateDelivered {
		b.o.index.receipts[at] = ref
		if err := b.tx.PutFate(at, format.Fate{ID: e.ID, Lane: e.Lane, Fate: fate, Ref: ref, InPlaceOf: e.InPlaceOf}); err != nil {
			return storage(err)
		}
	} else {
		for _, dependent := range waiting {
			d, err := b.entry(dependent)
			if err != nil {
				return err
			}
			b.o.setting.Log.Info("an entry is moot: what it was about was discarded", "lane", l.name, "entry", d.ID, "verb", d.Verb)
			b.state = b.state.Drop(d.Entry, d.Condition)
			b.note(entryLine(string(station.FateMoot), d.Entry, station.Receipt{}))
			if err := b.end(l, dependent, d, station.FateMoot, ""); err != nil {
				return err
			}
		}
		delete(l.abouts, at)
		if err := b.tx.DeleteEntry(at); err != nil {
			return storage(err)
		}
	}
	if err := b.releaseReceipt(l, at); err != nil {
		return err
	}
	if len(l.slots) == 0 && len(l.abouts) == 0 {
		delete(b.o.index.lanes, l.name)
	}
	return nil
}

// dropCloseOfAdopted ends the waiting close of a call where the call turned out to be
// somebody else's and the close is for calls of this station only (Ours): the call stays
// open at the vendor.
func (b *batch) dropCloseOfAdopted(l *lane, open format.Place, rc station.Receipt) error {
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
		b.note(entryLine(string(station.FateMoot), e.Entry, station.Receipt{}))
		if err := b.end(l, at, e, station.FateMoot, ""); err != nil {
			return err
		}
	}
	return nil
}

// releaseReceipt lets go of the receipt that an ended entry was about, if nobody else
// waits for it.
func (b *batch) releaseReceipt(l *lane, at format.Place) error {
	for target, waiting := range l.abouts {
		rest := without(waiting, at)
		if len(rest) == len(waiting) {
			continue
		}
		l.abouts[target] = rest
		if _, ended := b.o.index.receipts[target]; ended && len(rest) == 0 {
			delete(b.o.index.receipts, target)
			delete(l.abouts, target)
			return storage(b.tx.DeleteEntry(target))
		}
	}
	return nil
}

func without(places []format.Place, at format.Place) []format.Place {
	rest := make([]format.Place, 0, len(places))
	for _, p := range places {
		if p != at {
			rest = append(rest, p)
		}
	}
	return rest
}
