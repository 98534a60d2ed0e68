package queue

import (
	"fmt"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// This file tells an outbox in its own place from a copy of it, in which nothing may be sent
// before a person has decided.

// checkHome notes where the outbox is at home. A copy gets a name of its own, and
// everything that waits in it is held: the original, or what came after the backup
// was taken, may have delivered it. That may take many transactions, and the last of them
// notes where it is at home: when the power goes before that, the next start goes on, and
// until then nothing is sent.
func (o *Outbox) checkHome() error {
	now, err := o.file.Home()
	if err != nil {
		return err
	}
	var last format.Home
	if err := o.file.View(func(tx *format.Tx) error {
		last, err = tx.Home()
		return err
	}); err != nil {
		return err
	}
	if now.Machine == "" {
		now.Machine = last.Machine
	}
	if last == now {
		return nil
	}
	why := last.Moved(now)
	if why != "" {
		o.setting.Log.Warn("the outbox is a copy: everything that waits is held", "why", why)
		if err := o.holdCopy(why); err != nil {
			return err
		}
	}
	return o.write(func(b *batch) error {
		if why != "" {
			if err := b.tx.PutOutboxID(station.NewID()); err != nil {
				return storage(err)
			}
		}
		return storage(b.tx.PutHome(now))
	})
}

// holdCopy holds everything that waits in a copy, and puts in doubt what is held in it
// already: the original may have sent all of it since.
func (o *Outbox) holdCopy(why string) error {
	rc := station.Receipt{Outcome: station.Doubtful, Err: station.Because(fmt.Errorf("%w: %s, and may have been delivered from there; retry looks at the vendor first (where the other is gone for good, all at once: stationd outbox adopt --old-computer-gone)", station.ErrUndecided, why), "other-computer")}
	return o.changeMany(o.index.entries(everyLane, everySlot), func(b *batch, l *lane, s *slot) error {
		e, err := b.entry(s.at)
		switch {
		case err != nil:
			return err
		case !s.held:
			e.Doubtful, e.Copy, e.Since = true, true, station.Stamp{}
			return b.hold(l, s, e, rc)
		case e.Copy:
			return nil // by the start before this one
		}
		e.Doubt(why + ", and may have delivered it since")
		return b.putEntry(s.at, e)
	})
}

// Adopt puts back everything that is held because the outbox is a copy, for a person
// who knows that nobody has the original any more. Each is looked up at the vendor
// before it is sent. It returns how many there were; after an error some of them may
// have been put back, and it can be repeated.
func (o *Outbox) Adopt() (n int, err error) {
	o.mu.Lock()
	all := o.index.entries(everyLane, func(s slot) bool { return s.held })
	o.mu.Unlock()
	err = o.changeMany(all, func(b *batch, l *lane, s *slot) error {
		e, err := b.entry(s.at)
		if err != nil || !s.held || !e.Copy {
			return err
		}
		n++
		return b.retry(l, s.at, nil)
	})
	return n, err
}
