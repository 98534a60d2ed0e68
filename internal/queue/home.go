package queue

import (
	"errors"
	"fmt"
	"slices"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// This file tells an outbox in its own place from a copy of it, in which nothing may be sent
// before a person has decided.

// checkHome notes where the outbox is at home. A copy gets a name of its own, and
// everything that waits in it is held: the original, or what came after the backup
// was taken, may have delivered it.
func (o *Outbox) checkHome() error {
	now, err := o.file.Home()
	if err != nil {
		return err
	}
	return o.commit(func(b *batch) error {
		last, err := b.tx.Home()
		if err != nil {
			return storage(err)
		}
		if now.Machine == "" {
			now.Machine = last.Machine
		}
		if last == now {
			return nil
		}
		if why := last.Moved(now); why != "" {
			o.setting.Log.Warn("the outbox is a copy: everything that waits is held", "why", why)
			if err := errors.Join(b.tx.PutOutboxID(station.NewID()), b.holdAll(why)); err != nil {
				return storage(err)
			}
		}
		return storage(b.tx.PutHome(now))
	})
}

// holdAll holds everything that waits in a copy, and puts in doubt what is held in it
// already: the original may have sent all of it since.
func (b *batch) holdAll(why string) error {
	rc := station.Receipt{Outcome: station.Doubtful, Err: station.Because(fmt.Errorf("%w: %s, and may have been delivered from there; retry looks at the vendor first (where the other is gone for good, all at once: stationd outbox adopt --old-computer-gone)", station.ErrUndecided, why), "other-computer")}
	for _, l := range b.o.index.lanes {
		for i := range l.slots {
			s := &l.slots[i]
			e, err := b.entry(s.at)
			if err != nil {
				return err
			}
			if s.held {
				e.Doubt(why + ", and may have delivered it since")
				err = b.putEntry(s.at, e)
			} else {
				e.Doubtful, e.Copy, e.Since = true, true, station.Stamp{}
				err = b.hold(l, s, e, rc)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// adoptedAtOnce is how many entries Adopt puts back in one transaction.
const adoptedAtOnce = 200

// Adopt puts back everything that is held because the outbox is a copy, for a person
// who knows that nobody has the original any more. Each is looked up at the vendor
// before it is sent. It returns how many there were; after an error some of them may
// have been put back, and it can be repeated.
func (o *Outbox) Adopt() (n int, err error) {
	var copies []format.Record
	err = o.file.View(func(tx *format.Tx) error {
		for r, err := range tx.Records(0) {
			if err != nil {
				return err
			}
			if r.Kind != format.KindEntry || r.Label.Condition != station.Held {
				continue
			}
			e, err := r.Entry()
			if err != nil {
				return err
			}
			if e.Copy {
				copies = append(copies, format.Record{Place: r.Place, Label: r.Label})
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("outbox %s: %w", o.file.Path(), err)
	}
	for some := range slices.Chunk(copies, adoptedAtOnce) {
		if err := o.write(func(b *batch) error {
			for _, c := range some {
				l := o.index.lanes[c.Label.Lane]
				if l == nil {
					continue // a person was quicker
				}
				if i := l.find(c.Place); i < 0 || !l.slots[i].held {
					continue
				}
				if err := b.retry(l, c.Place, nil); err != nil {
					return err
				}
				n++
			}
			return nil
		}); err != nil {
			return n, err
		}
	}
	return n, nil
}
