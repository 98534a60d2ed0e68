package queue

import (
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

// keepDoubt notes on disk, in the transaction that begins a session, which entries
// are in doubt and since when: those whose turn it was, unless the process before
// stopped cleanly, and those that are marked. So the settle time goes on where it was
// when a process ends before it is over; no sequence of restarts begins it anew. A
// process of an older version kept no ages, and may have sent after what is on disk.
func (o *Outbox) keepDoubt(tx *format.Tx, clean bool, last format.Session) error {
	now := o.setting.Stamp(time.Now())
	for _, l := range o.index.lanes {
		if !last.Ages {
			if err := l.forgetUnsent(tx); err != nil {
				return err
			}
		}
		turn := l.head()
		for i := range l.slots {
			s := &l.slots[i]
			if s.held || !s.marked && (clean || i != turn || !s.mayHaveBeenTried()) {
				continue
			}
			e, err := entryAt(tx, s.at)
			if err != nil {
				return err
			}
			said := e.Since
			switch {
			case !last.Ages:
				e.Since = station.Stamp{}
			case said.Boot == last.Began.Boot && said.Boot != now.Boot:
				e.Since.Up -= last.Began.Up // that boot lasted until then, at the least
			}
			since := o.sentNothingSince(e)
			if i == turn {
				l.attempt = attempt{at: s.at, doubtful: true, since: since}
			}
			s.marked, s.claimed = true, true
			if (said == station.Stamp{} && i != turn) || (said == e.Since && said.Boot == now.Boot) {
				continue // it is only aged when its turn comes, or the disk has it
			}
			e.Condition, e.Since = station.Marked, o.setting.Stamp(since)
			if err := tx.PutEntry(s.at, &e); err != nil {
				return err
			}
		}
	}
	return nil
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
