package queue

import "stationd/internal/queue/format"

// mostLately is how many entries are kept in memory: those of a station that is not behind.
const mostLately = 32

// lately are the entries that were written or read last, as the disk has them or will have them
// after the commit under way: most are wanted again within a second, to be sent and to be ended,
// and need not be read again for it. They are guarded by the outbox's mu. Their maps are shared,
// with whoever is handed such an entry too: nobody changes them.
type lately struct {
	entries [mostLately]format.Entry
	places  [mostLately]format.Place // 0: nothing
	next    int                      // the one that gives way
}

// put keeps an entry, in place of what was kept of that place.
func (l *lately) put(at format.Place, e format.Entry) {
	i := l.find(at)
	if i < 0 {
		i = l.next
		l.next = (l.next + 1) % mostLately
	}
	l.places[i], l.entries[i] = at, e
}

// get returns the entry at a place, where it is kept.
func (l *lately) get(at format.Place) (e format.Entry, kept bool) {
	i := l.find(at)
	if i < 0 {
		return e, false
	}
	return l.entries[i], true
}

// drop forgets the entry at a place.
func (l *lately) drop(at format.Place) {
	if i := l.find(at); i >= 0 {
		l.places[i], l.entries[i] = 0, format.Entry{}
	}
}

func (l *lately) find(at format.Place) int {
	for i, p := range l.places {
		if p == at {
			return i
		}
	}
	return -1
}
