package queue

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"stationd/internal/queue/format"

	"stationd/internal/station"
)

// This file keeps on disk which entries may have been sent already, and for how long
// nothing of them has left the station: an absence at the vendor proves something only then.

// sentNothingFor is how long, at the least, nothing of an entry has left the station, by
// what its record says of it. Within one boot its own clock decides, which no step of
// the wall clock moves. What left before this boot is at least as old as the boot is,
// and older where both wall clocks were set. A stamp from before its own boot, with a
// negative Up, carries what was known of the boots before that one.
func sentNothingFor(since, now station.Stamp) time.Duration {
	if now.Boot == "" || since.Boot == "" {
		return 0
	}
	age, known := now.Since(since)
	if since.Boot != now.Boot {
		least := now.Up + max(0, -since.Up)
		if !known || age < least {
			age = least
		}
	}
	return max(0, age)
}

// sentNothingSince is since when nothing of an entry has left the station. Where its record
// does not say, an attempt may have been under way until the process before this one
// ended.
func (o *Outbox) sentNothingSince(e format.Entry) time.Time {
	if e.Since == (station.Stamp{}) {
		return o.began
	}
	now := time.Now()
	return now.Add(-sentNothingFor(e.Since, o.setting.Stamp(now)))
}

// A doubt is an entry of which the disk may have to say otherwise when a session begins.
type doubt struct {
	lane  *lane
	slot  *slot
	turn  bool // it was its turn
	tried bool // an attempt at it may have been under way when the process before ended
}

// doubts lists the entries of which keepDoubt has to judge, in the order of their places:
// those whose turn it was, unless the process before stopped cleanly, and those that are
// marked. A process of an older version kept no ages, and may have sent what the disk says is
// unsent: in memory it is that no more.
func (x *index) doubts(clean bool, last format.Session) []doubt {
	var all []doubt
	for _, l := range x.lanes {
		turn := l.head()
		for i := range l.slots {
			s := &l.slots[i]
			forgotten := s.unsent && !last.Ages
			s.unsent = s.unsent && last.Ages
			tried := !s.held && (s.marked || !clean && i == turn && s.mayHaveBeenTried())
			if tried || forgotten {
				all = append(all, doubt{l, s, i == turn, tried})
			}
		}
	}
	slices.SortFunc(all, func(a, b doubt) int { return cmp.Compare(a.slot.at, b.slot.at) })
	return all
}

// keepDoubt notes on disk which entries are in doubt and since when, of the first of them as
// many as one transaction takes, and returns the others. So the settle time goes on where it
// was when a process ends before it is over; no sequence of restarts begins it anew. A
// process of an older version kept no ages, and may have sent after what is on disk. The
// session begins with the last of them: when the power goes before, the next start judges
// all of them again, by what the disk then says.
func (o *Outbox) keepDoubt(tx *format.Tx, all []doubt, last format.Session) (rest []doubt, err error) {
	now := o.setting.Stamp(time.Now())
	written := 0
	for i, d := range all {
		if written == mostAtOnce {
			return all[i:], nil
		}
		s := d.slot
		e, err := entryAt(tx, s.at)
		if err != nil {
			return nil, err
		}
		changed := e.Unsent && !last.Ages
		e.Unsent = e.Unsent && last.Ages
		if d.tried {
			said := e.Since
			switch {
			case !last.Ages:
				e.Since = station.Stamp{}
			case said.Boot == last.Began.Boot && said.Boot != now.Boot:
				e.Since.Up -= last.Began.Up // that boot lasted until then, at the least
			}
			since := o.sentNothingSince(e)
			if d.turn {
				d.lane.attempt = attempt{at: s.at, doubtful: true, since: since}
			}
			s.marked, s.claimed = true, true
			// Else it is only aged when its turn comes, or the disk has it.
			if (said != station.Stamp{} || d.turn) && (said != e.Since || said.Boot != now.Boot) {
				e.Condition, e.Since = station.Marked, o.setting.Stamp(since)
				changed = true
			} else {
				e.Since = said
			}
		}
		if !changed {
			continue
		}
		if err := tx.PutEntry(s.at, &e); err != nil {
			return nil, err
		}
		written++
	}
	return nil, nil
}

// markDoubtful notes on disk that an attempt at the entry may have arrived, and since when
// nothing of it has left; the zero time is an attempt that is under way.
func (b *batch) markDoubtful(l *lane, at format.Place, since time.Time) error {
	i := l.find(at)
	if i < 0 || l.slots[i].held {
		return nil
	}
	e, err := b.entry(at)
	if err != nil {
		return err
	}
	e.Condition, e.Unsent, e.Since = station.Marked, false, station.Stamp{}
	if !since.IsZero() {
		e.Since = b.o.setting.Stamp(since)
	}
	l.slots[i].marked, l.slots[i].unsent = true, false
	return b.putEntry(at, e)
}

// markCertain takes a mark away whose attempts, all of this process, certainly did not
// arrive.
func (b *batch) markCertain(l *lane, at format.Place) error {
	i := l.find(at)
	if i < 0 || l.slots[i].held || !l.slots[i].marked {
		return nil
	}
	e, err := b.entry(at)
	if err != nil {
		return err
	}
	e.Condition, e.Before, e.Since = station.Waiting, nil, station.Stamp{}
	l.slots[i].marked = false
	return b.putEntry(at, e)
}

// inDoubt is the receipt of an entry that an earlier attempt may have brought to the
// vendor. Whatever else is wrong with it, nobody may be told that it was not sent.
func inDoubt(rc station.Receipt) station.Receipt {
	if rc.Holds() == station.HoldMisfit {
		rc.Outcome, rc.Err = station.Doubtful, mayHaveArrived{rc.Err}
	}
	return rc
}

// mayHaveArrived is the error of a delivery that fits no more and may have arrived.
type mayHaveArrived struct{ misfit error }

// Error implements error.
func (m mayHaveArrived) Error() string {
	return "an earlier attempt may have arrived; " + strings.TrimPrefix(m.misfit.Error(), station.ErrMisfit.Error()+": ")
}

// Unwrap says that nobody can tell, and that the vendor was not asked.
func (m mayHaveArrived) Unwrap() []error { return []error{station.ErrUndecided, m.misfit} }
