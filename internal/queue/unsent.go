package queue

import (
	"stationd/internal/queue/format"

	"stationd/internal/station"
)

// What is recorded in an outage, while others are tried already, is noted as unsent in
// the very record that makes it durable, and is not tried before somebody has been
// reached. So a power cut in an outage leaves in doubt what was tried, and not all
// that waits, and none of it costs a commit: the note is taken away in the commit of
// the first delivery after the outage, for all lanes at once.

// mostReleased is from how many heads one commit takes the note away.
const mostReleased = 50

// probing reports whether a lane's head is tried, or looked up, again and again in an
// outage, and not only when its settle time is over. Where its requests leave and get no
// answer it may be alone with that, and nobody waits for it.
func (l *lane) probing() bool {
	i := l.head()
	return i >= 0 && !l.slots[i].unsent && l.unreached > 0 && (l.busy || !l.settling)
}

// wouldBeHead reports whether a new entry would be its lane's head.
func (l *lane) wouldBeHead(e station.Entry) bool {
	for _, s := range l.slots {
		if !s.held {
			return false
		}
	}
	return e.About == "" && (!e.Barrier || len(l.slots) == 0)
}

// noteStart takes the note away that no attempt at a turn's entry has begun.
func (w worker) noteStart(t *turn) error {
	return w.write(func(b *batch) error {
		if err := b.clearUnsent(t.lane, t.at); err != nil {
			return err
		}
		t.entry.Unsent = false
		return nil
	})
}

// releaseUnsent takes that note away from the heads of a backend that has been reached, in a
// commit that is made anyway.
func (b *batch) releaseUnsent(backend string) error {
	if b.o.schedule.contacts[backend].Kind == station.NoContact {
		return nil
	}
	n := 0
	for _, l := range b.o.index.lanes {
		i := l.head()
		if i < 0 || !l.slots[i].unsent || l.busy || l.backend() != backend {
			continue
		}
		if n++; n > mostReleased {
			return nil
		}
		if err := b.clearUnsent(l, l.slots[i].at); err != nil {
			return err
		}
	}
	return nil
}

// clearUnsent takes the note away from one entry.
func (b *batch) clearUnsent(l *lane, at format.Place) error {
	i := l.find(at)
	if i < 0 || !l.slots[i].unsent {
		return nil
	}
	e, err := b.entry(at)
	if err != nil {
		return err
	}
	e.Unsent = false
	l.slots[i].unsent = false
	return b.putEntry(at, e)
}
