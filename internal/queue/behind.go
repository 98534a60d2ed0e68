package queue

import (
	"go.etcd.io/bbolt"

	"stationd/internal/station"
)

// A blocked finds what the entries of one lane wait behind. It is told of them in the
// order of their events.
type blocked struct {
	held place           // the first that is held
	all  place           // what everything waits behind that comes later: a barrier waits; 0: nothing
	by   map[place]place // of each that is held or waits behind what is held, the held one
}

// next takes up the next entry and returns the held one that it waits behind; 0 where
// it waits behind none. live says that what it is about has not ended; doubt, that it
// is being looked up, and so has its turn.
func (b *blocked) next(s slot, live, doubt bool) place {
	var behind place
	switch {
	case s.held:
		if b.held == 0 {
			b.held = s.at
		}
		b.note(s.at, s.at)
		return 0
	case doubt:
		return 0
	case s.about != 0 && live:
		behind = b.by[s.about]
	case b.all != 0:
		behind = b.all
	case s.barrier:
		behind, b.all = b.held, b.held
	}
	if behind != 0 {
		b.note(s.at, behind)
	}
	return behind
}

func (b *blocked) note(at, behind place) {
	if b.by == nil {
		b.by = make(map[place]place)
	}
	b.by[at] = behind
}

// behind returns the held entry that each of a lane's entries waits behind, up to the
// one at last. The caller holds mu.
func (l *lane) behind(last place, note func(at, held place)) {
	var b blocked
	for _, s := range l.slots {
		if s.at > last {
			return
		}
		doubt := l.attempt.doubtful && l.attempt.at == s.at
		if held := b.next(s, s.about != 0 && l.find(s.about) >= 0, doubt); held != 0 {
			note(s.at, held)
		}
	}
}

// behind returns which of the waiting entries wait behind a held one, and which that
// is. While nothing is held it looks at nothing. The caller holds mu.
func (o *Outbox) behind(waiting places) map[place]place {
	if len(o.held) == 0 || len(waiting) == 0 {
		return nil
	}
	behind := make(map[place]place)
	for _, l := range o.lanes {
		l.behind(waiting[len(waiting)-1], func(at, held place) { behind[at] = held })
	}
	return behind
}

// behindOf is the held entry at a place, as those are told of it that wait behind it;
// nil where it is not held any more.
func (o *Outbox) behindOf(tx *bbolt.Tx, held place) (*station.Behind, error) {
	e, there, err := o.entryAt(tx, held)
	if err != nil || !there || e.Condition != station.Held {
		return nil, err
	}
	return e.behind(), nil
}

func (e entryRecord) behind() *station.Behind {
	return &station.Behind{Entry: e.ID, Hold: e.Hold, Reason: e.Reason}
}

// standings reads entries that wait behind others as the selection says.
func (s selection) standings(o *Outbox) func(*bbolt.Tx, place) (station.EntryStatus, bool, error) {
	var last place // the many behind one read it once
	var behind *station.Behind
	return func(tx *bbolt.Tx, at place) (station.EntryStatus, bool, error) {
		e, there, err := o.standingAt(tx, at)
		held := s.behind[at]
		if err != nil || !there || held == 0 || e.Condition == station.Held {
			return e, there, err
		}
		if held != last {
			if behind, err = o.behindOf(tx, held); err != nil {
				return e, there, err
			}
			last = held
		}
		e.Behind = behind
		return e, true, nil
	}
}
