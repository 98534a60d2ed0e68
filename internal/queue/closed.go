package queue

import (
	"slices"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// This file looks at an outbox that nobody has open: it verifies it, and lists it in pieces.

// VerifyFile is Verify for a file that nobody has open. What is wrong with the
// file wraps ErrDamaged; that a newer version of stationd wrote it wraps ErrNewer; any
// other error says that it could not be looked at.
//
// A damaged file may panic where nothing can be recovered, and it may hang: call
// it in a process of its own, with a time limit.
func VerifyFile(path string) error { return format.VerifyFile(path) }

// InspectFile is what VerifyFile finds without reading what the records say: every
// page and every checksum, what is missing by the count, and nothing that only a
// fault of this program could have written. It is quick enough to go before each
// start.
func InspectFile(path string) error { return format.InspectFile(path) }

// mostLooked is how many records of a closed file are looked at in one go. Between
// two the file is closed, so that what has been looked at takes no memory.
const mostLooked = 4096

// Read is List for the file at path, which it opens for looking only. It fails while
// a stationd has the file open: ask that one instead.
func Read(path string, limit station.Limit, entry func(station.EntryStatus) error, kept func(station.Event) error) (station.Totals, error) {
	l := listing{limit: limit}
	for !l.done {
		l.entries = l.entries[:0]
		if err := format.View(path, l.readSome); err != nil {
			return l.totals, err
		}
		for _, e := range l.entries {
			if err := entry(e); err != nil {
				return l.totals, err
			}
		}
	}
	for _, ev := range l.kept {
		if err := kept(ev); err != nil {
			return l.totals, err
		}
	}
	return l.totals, nil
}

// A listing is a closed file being listed.
type listing struct {
	limit   station.Limit
	totals  station.Totals
	from    format.Place // to go on at
	done    bool
	blocked map[string]*blocked   // by lane
	entries []station.EntryStatus // of the last go
	kept    []station.Event       // all of the list's
}

// readSome reads the next records.
func (l *listing) readSome(tx *format.Tx) error {
	looked := 0
	for r, err := range tx.Records(l.from) {
		if err != nil {
			return err
		}
		if looked++; looked > mostLooked || len(l.entries) >= chunk {
			l.from = r.Place
			return nil
		}
		if err := l.read(tx, r); err != nil {
			return err
		}
	}
	l.done = true
	return nil
}

// read counts one record, and reads it if the list has it.
func (l *listing) read(tx *format.Tx, r format.Record) error {
	switch r.Kind {
	case format.KindKept:
		ev, err := r.Event()
		if err != nil {
			return err
		}
		l.keep(ev)
	case format.KindEntry:
		held := l.behind(tx, r)
		count, most := &l.totals.Waiting, l.limit.Waiting
		if r.Label.Condition == station.Held {
			count, most = &l.totals.Held, l.limit.Held
		}
		if *count++; most >= 0 && *count > most {
			return nil
		}
		e, err := r.Entry()
		if err != nil {
			return err
		}
		one := standing(r.Place, e)
		if held != 0 {
			h, err := entryAt(tx, held)
			if err != nil {
				return err
			}
			one.Behind = behindOf(h)
		}
		l.entries = append(l.entries, one)
	}
	return nil
}

// behind returns the held entry that the one at a place waits behind; 0: none.
func (l *listing) behind(tx *format.Tx, r format.Record) format.Place {
	if l.blocked == nil {
		l.blocked = make(map[string]*blocked)
	}
	b := l.blocked[r.Label.Lane]
	if b == nil {
		b = new(blocked)
		l.blocked[r.Label.Lane] = b
	}
	about := r.Label.About
	return b.next(slot{at: r.Place, about: about, held: r.Label.Condition == station.Held, barrier: r.Label.Barrier}, about != 0 && tx.Live(about), false)
}

// keep adds a kept event to the listing; the oldest unknown scan gives way to a newer one.
func (l *listing) keep(ev station.Event) {
	unknown := func(ev station.Event) bool { return ev.Source != station.FromStation }
	l.kept = append(l.kept, ev)
	if !unknown(ev) {
		l.totals.Notices++
		return
	}
	if l.totals.Unknown++; l.limit.Unknown >= 0 && l.totals.Unknown > l.limit.Unknown {
		i := slices.IndexFunc(l.kept, unknown)
		l.kept = slices.Delete(l.kept, i, i+1)
	}
}

// ReadContents is Contents for the file at path, as Read is List.
func ReadContents(path string, limit station.Limit) (station.Contents, error) {
	return gather(limit, func(limit station.Limit, entry func(station.EntryStatus) error, kept func(station.Event) error) (station.Totals, error) {
		return Read(path, limit, entry, kept)
	})
}

// gather is what a list hands over.
func gather(limit station.Limit, list func(station.Limit, func(station.EntryStatus) error, func(station.Event) error) (station.Totals, error)) (c station.Contents, err error) {
	c.Entries, c.Kept = []station.EntryStatus{}, []station.Event{}
	c.Totals, err = list(limit,
		func(e station.EntryStatus) error { c.Entries = append(c.Entries, e); return nil },
		func(ev station.Event) error { c.Kept = append(c.Kept, ev); return nil })
	return c, err
}

// ReadState returns the state in the file at path, which it opens for looking only.
// It fails while a stationd has the file open: ask that one instead.
func ReadState(path string) (s station.State, err error) {
	err = format.View(path, func(tx *format.Tx) error {
		state, _, err := tx.State()
		s = state.State
		return err
	})
	return s, err
}
