package queue

import (
	"fmt"
	"strings"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// This file gives the place of a held entry to one with a field put right.
//
// The new entry has an ID of its own, and so a mark of its own at the vendor. It keeps what
// is true of the event: its source, its time, and its place among the entries of its lane,
// so that the finish of an order does not overtake the trace that was corrected. What waits
// for the result of the old one waits for that of the new one.

// What the lines of the history say of the two entries, each with the ID of the other.
const (
	correctedAs = "corrected as "
	inPlaceOf   = "in place of "
)

// corrected returns what a held entry is when a person has put some of its fields right. An
// error says why that cannot be done: an entry that may have arrived must be settled first,
// for then two would be there.
func (b *batch) corrected(l *lane, at format.Place, a station.Action) (format.Entry, error) {
	e, err := b.entry(at)
	if err != nil {
		return e, err
	}
	id := e.ID.Short()
	if e.MayHaveArrived() {
		return e, station.Because(fmt.Errorf("entry %s: it may have arrived as it is, and a corrected one would be a second: retry it first, which looks at the vendor. Is it there: correct it there. Is it not: it is sent, or held again, and can be edited then", id), "edit-arrived")
	}
	program := b.o.setting.Program()
	action, faults := program.Correct(e.Action, a.With)
	if len(faults) > 0 {
		return e, station.Because(fmt.Errorf("entry %s: %s", id, strings.Join(faults, "; ")), "edit-field")
	}
	if action.Lane != e.Lane && len(l.abouts[at]) > 0 {
		return e, station.Because(fmt.Errorf("entry %s: the close of this call waits for it and would go elsewhere: discard both, and call anew", id), "edit-close")
	}
	if program.CallOpen(b.state, e.ID, action) {
		return e, station.Because(fmt.Errorf("entry %s: the same call is open already (stationd call ls): discard this one", id), "call-open")
	}
	if err := checkLane(action); err != nil {
		return e, station.Because(fmt.Errorf("entry %s: %w", id, err), "edit-field")
	}
	e.Action = action
	return e, nil
}

// edit gives the place of a held entry to the corrected one, whose ID is id.
func (b *batch) edit(id station.ID, a station.Action) error {
	l, at, err := b.find(a.About)
	if err != nil {
		return err
	}
	held, err := b.entry(at)
	if err != nil {
		return err
	}
	next, err := b.corrected(l, at, a)
	if err != nil {
		return err
	}
	twice, err := b.countsTwice([]station.Action{next.Action})
	if err != nil {
		return err
	}
	next.ID = id
	if next.InPlaceOf == "" {
		next.InPlaceOf = held.ID
	}
	next.Condition, next.Insists, next.Twice = station.Waiting, held.Insists || held.Hold == station.HoldMisfit, ""
	next.Hold, next.Reason, next.Why, next.Starts, next.Unsent = station.HoldNone, "", nil, 0, false
	b.note(correctedLine(string(station.FateDiscarded), held.Entry, correctedAs+string(id)))
	b.note(correctedLine("corrected", next.Entry, inPlaceOf+string(held.ID)))
	b.state = b.o.setting.Program().Replace(b.state, held.Entry, next.Entry)
	if err := b.clearTwice(held); err != nil {
		return err
	}
	if other := twice[0]; other != 0 && other != at {
		if next.Twice, err = b.noteTwice(other, id); err != nil {
			return err
		}
	}
	if err := b.retarget(l, at, id); err != nil {
		return err
	}
	l.remove(at)
	to := l
	if next.Lane != held.Lane {
		if len(l.slots) == 0 && len(l.abouts) == 0 {
			delete(b.o.index.lanes, l.name)
		}
		to = b.o.index.lane(next.Lane)
	}
	if err := b.markUnderWay(to, at); err != nil {
		return err
	}
	to.insert(slotOf(at, next, next.Target))
	to.clearWait()
	b.o.schedule.resume(next.Backend())
	return b.putEntry(at, next)
}

func correctedLine(what string, e station.Entry, note string) HistoryLine {
	return entryLine(what, e, station.Receipt{Note: note})
}

// retarget has what waits for the result of the entry at a place wait for another, which
// takes that place.
func (b *batch) retarget(l *lane, at format.Place, id station.ID) error {
	for _, dependent := range l.abouts[at] {
		d, err := b.entry(dependent)
		if err != nil {
			return err
		}
		d.About = id
		if err := b.putEntry(dependent, d); err != nil {
			return err
		}
	}
	return nil
}
