package queue

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"stationd/internal/station"
)

// idBegins is how the JSON of an entry and of an event begins.
const idBegins = `{"id":"`

// idAt returns the ID of the entry or event at a place, if it begins so. It looks at
// the record's bytes: of tens of thousands no JSON is read.
func idAt(tx *bbolt.Tx, at place, begins string) (id station.ID, is bool, err error) {
	record := tx.Bucket(bucketQ).Get(at.key())
	if record == nil {
		return "", false, nil
	}
	h, body, err := open(record)
	if err == nil && h.kind == kindEntry {
		_, body, err = labelFrom(body)
	}
	if err != nil {
		return "", false, fmt.Errorf("record %d.%d: %w", at.sequence(), at.index(), err)
	}
	if h.kind == kindFate || !bytes.HasPrefix(body, []byte(idBegins+begins)) {
		return "", false, nil
	}
	whole, _, _ := bytes.Cut(body[len(idBegins):], []byte(`"`))
	return station.ID(whole), true, nil
}

// mostLooked is how many records of a closed file are looked at in one go. Between
// two the file is closed, so that what has been looked at takes no memory.
const mostLooked = 4096

// Read is List for the file at path, which it opens for looking only. It fails while
// a stationd has the file open: ask that one instead.
func Read(path string, limit station.Limit, entry func(station.EntryStatus) error, kept func(station.Event) error) (station.Totals, error) {
	l := listing{limit: limit}
	for !l.done {
		l.entries = l.entries[:0]
		if err := readOnly(path, false, l.some); err != nil {
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
	from    []byte // the key to go on at; nil: the first
	done    bool
	blocked map[string]*blocked   // by lane
	entries []station.EntryStatus // of the last go
	kept    []station.Event       // all of the list's
}

// some looks at the next records.
func (l *listing) some(tx *bbolt.Tx) error {
	q, err := ours(tx)
	if err != nil {
		return err
	}
	c := q.Cursor()
	k, v := c.First()
	if l.from != nil {
		k, v = c.Seek(l.from)
	}
	for looked := 0; k != nil; k, v = c.Next() {
		if looked++; looked > mostLooked || len(l.entries) >= chunk {
			l.from = slices.Clone(k)
			return nil
		}
		if bytes.Equal(k, stateKey) {
			if _, _, err := open(v); err != nil {
				return fmt.Errorf("state: %w", err)
			}
			continue
		}
		at, err := placeFrom(k)
		if err == nil {
			err = l.take(q, at, v)
		}
		if err != nil {
			return err
		}
	}
	l.done = true
	return nil
}

// ours returns the records of a file, if it is an outbox that this version can read.
func ours(tx *bbolt.Tx) (*bbolt.Bucket, error) {
	q, meta := tx.Bucket(bucketQ), tx.Bucket(bucketMeta)
	if q == nil || meta == nil {
		return nil, errors.New("this is not an outbox of stationd")
	}
	return q, checkVersion(q, meta)
}

// take counts one record, and reads it if the list has it.
func (l *listing) take(q *bbolt.Bucket, at place, record []byte) error {
	if _, _, err := open(record); err != nil {
		return fmt.Errorf("record %d.%d: %w", at.sequence(), at.index(), err)
	}
	switch kindOf(record) {
	case kindKept:
		var ev station.Event
		if err := decode(record, kindKept, at, &ev); err != nil {
			return fmt.Errorf("event %d: %w", at.sequence(), err)
		}
		l.keep(ev)
	case kindEntry:
		label, _, err := labelFrom(record[headLength:])
		if err != nil {
			return fmt.Errorf("entry %d.%d: %w", at.sequence(), at.index(), err)
		}
		held := l.behind(q, at, label)
		count, most := &l.totals.Waiting, l.limit.Waiting
		if label.condition == station.Held {
			count, most = &l.totals.Held, l.limit.Held
		}
		if *count++; most >= 0 && *count > most {
			return nil
		}
		var e entryRecord
		if err := decode(record, kindEntry, at, &e); err != nil {
			return fmt.Errorf("entry %d.%d: %w", at.sequence(), at.index(), err)
		}
		one := e.standing(at)
		if held != 0 {
			var h entryRecord
			if err := decode(q.Get(held.key()), kindEntry, held, &h); err != nil {
				return fmt.Errorf("entry %d.%d: %w", held.sequence(), held.index(), err)
			}
			one.Behind = h.behind()
		}
		l.entries = append(l.entries, one)
	}
	return nil
}

// behind returns the held entry that the one at a place waits behind; 0: none.
func (l *listing) behind(q *bbolt.Bucket, at place, e label) place {
	if l.blocked == nil {
		l.blocked = make(map[string]*blocked)
	}
	b := l.blocked[e.lane]
	if b == nil {
		b = new(blocked)
		l.blocked[e.lane] = b
	}
	live := e.about != 0 && kindOf(q.Get(e.about.key())) == kindEntry
	return b.next(slot{at: at, about: e.about, held: e.condition == station.Held, barrier: e.barrier}, live, false)
}

// keep takes up a kept event; the oldest unknown scan gives way to a newer one.
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
	return gathered(limit, func(limit station.Limit, entry func(station.EntryStatus) error, kept func(station.Event) error) (station.Totals, error) {
		return Read(path, limit, entry, kept)
	})
}

// gathered is what a list hands over.
func gathered(limit station.Limit, list func(station.Limit, func(station.EntryStatus) error, func(station.Event) error) (station.Totals, error)) (c station.Contents, err error) {
	c.Entries, c.Kept = []station.EntryStatus{}, []station.Event{}
	c.Totals, err = list(limit,
		func(e station.EntryStatus) error { c.Entries = append(c.Entries, e); return nil },
		func(ev station.Event) error { c.Kept = append(c.Kept, ev); return nil })
	return c, err
}

// ReadState returns the state in the file at path, which it opens for looking only.
// It fails while a stationd has the file open: ask that one instead.
func ReadState(path string) (s station.State, err error) {
	err = readOnly(path, false, func(tx *bbolt.Tx) error {
		q, err := ours(tx)
		if err != nil {
			return err
		}
		var record stateRecord
		err = decode(q.Get(stateKey), kindState, statePlace, &record)
		s = record.State
		return err
	})
	return s, err
}
