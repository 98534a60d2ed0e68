package queue

import (
	"stationd/internal/queue/format"

	"stationd/internal/station"
)

// A blocked finds what the entries of one lane wait behind. It is told of them in the
// order of their events.
type blocked struct {
	held format.Place                  // the first that is held
	all  format.Place                  // what everything waits behind that comes later: a barrier waits; 0: nothing
	by   map[format.Place]format.Place // of each that is held or waits behind what is held, the held one
}

// next adds the next entry of the lane and returns the held one that it waits behind; 0 where
// it waits behind none. live says that what it is about has not ended; doubt, that it
// is being looked up, and so has its turn.
func (b *blocked) next(s slot, live, doubt bool) format.Place {
	var behind format.Place
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

func (b *blocked) note(at, behind format.Place) {
	if b.by == nil {
		b.by = make(map[format.Place]format.Place)
	}
	b.by[at] = behind
}

// behind returns the held entry that each of a lane's entries waits behind, up to the
// one at last.
func (l *lane) behind(last format.Place, note func(at, held format.Place)) {
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

// behindOf is a held entry, as those are told of it that wait behind it.
func behindOf(e format.Entry) *station.Behind {
	return &station.Behind{Entry: e.ID, Hold: e.Hold, Reason: e.Reason}
}
