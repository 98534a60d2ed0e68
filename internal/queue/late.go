package queue

import (
	"maps"
	"strings"
	"time"

	"stationd/internal/queue/format"

	"stationd/internal/station"
)

// This file decides about entries that come too late: held, or sent as history together
// with the close that waits for them.

// age is how long ago the entry's event was, as far as anybody knows.
func (t *turn) age() (age time.Duration, known bool) {
	age, known = t.now.Since(t.entry.At)
	if !known && t.delivery.Exact && t.now.Trusted {
		return t.now.Wall.Sub(t.delivery.When), true
	}
	return age, known
}

// late answers an entry that is too old to be sent without asking. Only what
// certainly has not arrived can be late, and only while nobody insisted. Where it
// says what its line was last seen to run, its backend judges, which sees what the
// line runs now.
func (t *turn) late() (station.Receipt, bool) {
	e := t.entry
	_, judged := e.With[station.LastSeen]
	if e.Late != station.LateHold || e.LateAfter == 0 || e.Insists || judged || t.delivery.Doubtful {
		return station.Receipt{}, false
	}
	age, known := t.age()
	switch {
	case !known:
		return misfit("age-unknown", "nobody knows how old it is, and after %v it must not be sent unasked", e.LateAfter), true
	case age > e.LateAfter:
		return misfit("too-late", "it is %v old, and after %v it must not be sent unasked", age.Round(time.Second), e.LateAfter), true
	}
	return station.Receipt{}, false
}

// merge turns an open that comes too late to call anybody, and whose close waits
// already, into one entry of what happened: under the open's own mark, with both
// true times. Once it has been sent so in this process it stays so, also in doubt;
// after a restart the open's look finds what it made by the mark.
func (w worker) merge(t *turn, verb station.Verb) error {
	after := verb.Afterwards
	history, known := w.verbs[after.Verb]
	if !known || t.entry.Late != station.LateRecord {
		return nil
	}
	if !t.merged {
		age, known := t.age()
		if t.delivery.Doubtful || known && age <= t.entry.LateAfter {
			return nil
		}
	}
	closing, at, err := w.closing(t)
	if err != nil || at == 0 {
		return err
	}
	until, sure := w.trueTime(closing.At, t.now)
	d := &t.delivery
	d.Verb, d.With = after.Verb, historyFields(history, d.With)
	d.With[after.From] = d.When.UTC().Format(time.RFC3339)
	d.With[after.Until] = until.UTC().Format(time.RFC3339)
	d.Exact, d.Merged = d.Exact && sure, true
	t.closing = at
	return nil
}

// propagateLineState tells the entry behind a delivered one what that left the line to run.
// What the next one was recorded with is what the line ran before both; without
// this, late, it would take the station's own work for somebody else's. Whoever
// made it meant it to come after the one before.
func (b *batch) propagateLineState(l *lane, at format.Place, rc station.Receipt) error {
	if rc.Runs.Line == "" {
		return nil
	}
	for _, s := range l.slots {
		if s.at <= at || s.held {
			continue
		}
		e, err := b.entry(s.at)
		if err != nil {
			return err
		}
		verb, _ := b.o.setting.Program().Vendors[e.Backend()].Verb(e.Verb)
		if _, judged := e.With[station.LastSeen]; !judged || e.With[verb.Line] != rc.Runs.Line {
			return nil
		}
		e.With = maps.Clone(e.With)
		e.With[station.LastSeen] = rc.Runs.Order
		return b.putEntry(s.at, e)
	}
	return nil
}

// historyFields is what of an open's With the verb takes that tells the call as history.
func historyFields(history station.Verb, with map[string]string) map[string]string {
	taken := make(map[string]string, len(with)+2)
	for name, text := range with {
		_, field := history.Field(name)
		if field || history.PassThrough && strings.HasPrefix(name, station.PassedThrough) {
			taken[name] = text
		}
	}
	return taken
}

func (w worker) trueTime(s, now station.Stamp) (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clocks.when(s, now)
}

// closing finds the close that waits for the open whose turn it is. One that is
// held waits for a person, and is not told for anybody.
func (w worker) closing(t *turn) (format.Entry, format.Place, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, at := range t.lane.abouts[t.at] {
		i := t.lane.find(at)
		if i < 0 || t.lane.slots[i].held {
			continue
		}
		e, err := w.entry(at)
		if err != nil {
			return format.Entry{}, 0, storage(err)
		}
		if w.verbs[e.Verb].Ends != "" {
			return e, at, nil
		}
	}
	return format.Entry{}, 0, nil
}

// mergeEnd ends the close that was told together with its open.
func (b *batch) mergeEnd(l *lane, t *turn, rc station.Receipt) error {
	if t.closing == 0 || l.find(t.closing) < 0 {
		return nil
	}
	e, err := b.entry(t.closing)
	if err != nil {
		return err
	}
	b.state = b.state.Settle(station.Delivery{Entry: e.Entry}, rc)
	b.note(entryLine(string(station.FateMerged), e.Entry, rc))
	return b.end(l, t.closing, e, station.FateMerged, rc.Ref)
}
