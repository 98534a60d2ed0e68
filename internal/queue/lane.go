package queue

import (
	"cmp"
	"slices"
	"time"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// A lane is the FIFO of one subject of one backend, as memory has it: what the
// disk says is read when an entry is at the head. Its fields are guarded by the
// outbox's mu.
type lane struct {
	name   string
	slots  []slot                          // live entries, in the order of their events
	abouts map[format.Place][]format.Place // entries that wait for another's result, by the other

	known    head      // of the head, or of one before it
	busy     bool      // somebody is carrying out a turn
	attempt  attempt   // the last one, while it is not settled
	failures int       // turns in a row that decided nothing
	after    time.Time // no turn before this

	unreached int  // of these, the last in a row at which nobody was reached
	settling  bool // after is when an absence counts: nothing shortens it
	woken     bool // its wait was shortened, and it has not waited to an end since
}

// clearWait ends all waiting of a lane: its last turn has decided something, or somebody
// wants another at once.
func (l *lane) clearWait() {
	l.failures, l.unreached, l.after, l.settling, l.woken = 0, 0, time.Time{}, false, false
}

// A slot is what memory knows of a live entry: forty bytes, so that a backlog of
// tens of thousands fits a small board.
type slot struct {
	at      format.Place
	id      uint64       // hash of the entry's ID
	about   format.Place // 0: about nothing
	held    bool
	marked  bool
	barrier bool
	marks   bool // its verb marks before it acts
	unsent  bool // the disk says that no attempt at it has begun
	claimed bool // an attempt at it is under way, or may have arrived
	absent  bool // it is marked, and this process knows that nothing of it has arrived
}

// mayHaveBeenTried reports whether an attempt at the entry may have been under way when a
// process ended. One whose verb marks before it acts, and that has no mark, was
// never attempted, and neither was one of which the disk says so.
func (s slot) mayHaveBeenTried() bool { return s.marked || !s.marks && !s.unsent }

func slotOf(at format.Place, e format.Entry, about format.Place) slot {
	return slot{
		at:      at,
		id:      format.Hash(e.ID),
		about:   about,
		held:    e.Condition == station.Held,
		marked:  e.Condition == station.Marked,
		barrier: e.Barrier,
		marks:   e.Marks,
		unsent:  e.Unsent,
	}
}

// An attempt is what memory knows of the tries at one entry.
type attempt struct {
	at       format.Place
	number   int       // counted from 1
	doubtful bool      // one of them may have arrived
	merged   bool      // it was sent as history, together with its close
	since    time.Time // after this nothing of it has left the station

	answers       int       // tries in a row that were answered in a way that decides nothing, while the vendor was well otherwise
	answeredSince time.Time // when the first that was answered so was
	answer        string    // what the last that was more than a look came to
	lastError     string    // what the last came to, for whoever asks what it waits for
	lookOnly      bool      // it was tried often enough: what the next look does not find is held
}

// mayBeSent reports whether anything of the entry may have left the station, or may
// be about to. Of one that was attempted in this process memory knows; the mark on
// disk may be from an attempt that certainly did not arrive.
func (l *lane) mayBeSent(s slot) bool {
	if l.attempt.at == s.at && l.attempt.number > 0 {
		return l.busy || l.attempt.doubtful
	}
	return s.marked && !s.absent || s.claimed
}

func (l *lane) append(s slot) {
	l.slots = append(l.slots, s)
	if s.about == 0 {
		return
	}
	if l.abouts == nil {
		l.abouts = make(map[format.Place][]format.Place)
	}
	l.abouts[s.about] = append(l.abouts[s.about], s.at)
}

// insert puts a slot at the place that is its own.
func (l *lane) insert(s slot) {
	i, _ := slices.BinarySearchFunc(l.slots, s.at, func(s slot, at format.Place) int { return cmp.Compare(s.at, at) })
	l.slots = slices.Insert(l.slots, i, s)
}

// find returns the index of the entry at that place, or -1.
func (l *lane) find(at format.Place) int {
	i, found := slices.BinarySearchFunc(l.slots, at, func(s slot, at format.Place) int { return cmp.Compare(s.at, at) })
	if !found {
		return -1
	}
	return i
}

func (l *lane) remove(at format.Place) {
	if i := l.find(at); i >= 0 {
		l.slots = slices.Delete(l.slots, i, i+1)
	}
	if l.attempt.at == at {
		l.attempt = attempt{}
	}
}

// head returns the index of the entry whose turn it is, or -1. What is held has
// stepped aside; what is about something that has not ended waits for its fate;
// a barrier waits while anything before it is held. An attempt in doubt keeps
// its turn until it is decided.
func (l *lane) head() int {
	if l.attempt.doubtful {
		if i := l.find(l.attempt.at); i >= 0 && !l.slots[i].held {
			return i
		}
	}
	held := false
	for i, s := range l.slots {
		switch {
		case s.held:
			held = true
		case s.about != 0 && l.find(s.about) >= 0:
		case s.barrier && held:
			return -1
		default:
			return i
		}
	}
	return -1
}

// confirming reports whether an attempt in doubt is being looked up.
func (l *lane) confirming() bool {
	if !l.attempt.doubtful {
		return false
	}
	i := l.find(l.attempt.at)
	return i >= 0 && !l.slots[i].held
}

// backend is the name of the backend that the lane leads to.
func (l *lane) backend() string {
	return station.Action{Lane: l.name}.Backend()
}
