package queue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"stationd/internal/station"
)

// Contents is everything that waits in an outbox, in the order of the events.
type Contents struct {
	State   station.State      `json:"state"`
	Entries []station.Standing `json:"entries"`
	Kept    []station.Event    `json:"kept"` // unknown scans
}

// Contents lists the outbox. It reads the disk, not the index in memory.
func (o *Outbox) Contents() (Contents, error) {
	var c Contents
	err := o.db.View(func(tx *bbolt.Tx) (err error) {
		c, err = contents(tx)
		return err
	})
	if err != nil {
		return Contents{}, fmt.Errorf("outbox %s: %w", o.path, err)
	}
	return c, nil
}

// Verify checks the file: bbolt's own structure and the invariants of the outbox.
// It reports everything that it finds, joined; nil says that the file is sound.
func (o *Outbox) Verify() error {
	err := o.db.View(verify)
	if err != nil {
		return fmt.Errorf("outbox %s: %w", o.path, err)
	}
	return nil
}

// Read opens the file at path for looking only, hands it to look and closes it.
// It fails while a stationd has the file open: ask that one instead.
func Read(path string, look func(Contents) error) error {
	return readOnly(path, func(tx *bbolt.Tx) error {
		c, err := contents(tx)
		if err != nil {
			return err
		}
		return look(c)
	})
}

// VerifyFile is Verify for a file that nobody has open.
func VerifyFile(path string) error { return readOnly(path, verify) }

func readOnly(path string, look func(*bbolt.Tx) error) error {
	o := options(0)
	o.ReadOnly, o.PreLoadFreelist = true, true
	db, err := bbolt.Open(path, 0o600, o)
	if errors.Is(err, bbolterrors.ErrTimeout) {
		err = errors.New("a running stationd has it open")
	}
	if err != nil {
		return fmt.Errorf("outbox %s: %w", path, err)
	}
	if err := errors.Join(db.View(look), db.Close()); err != nil {
		return fmt.Errorf("outbox %s: %w", path, err)
	}
	return nil
}

func contents(tx *bbolt.Tx) (Contents, error) {
	c := Contents{Entries: []station.Standing{}, Kept: []station.Event{}}
	q := tx.Bucket(bucketQ)
	if q == nil {
		return c, errors.New("this is not an outbox of stationd")
	}
	err := q.ForEach(func(k, v []byte) error {
		if bytes.Equal(k, stateKey) {
			return decode(v, kindState, ^place(0), &c.State)
		}
		at, err := placeFrom(k)
		if err != nil {
			return err
		}
		found, _, _, err := open(v)
		if err != nil {
			return fmt.Errorf("record %d.%d: %w", at.sequence(), at.index(), err)
		}
		switch found {
		case kindEvent:
			var ev eventRecord
			if err := decode(v, kindEvent, at, &ev); err != nil {
				return err
			}
			if ev.Kept {
				c.Kept = append(c.Kept, ev.Event)
			}
		case kindEntry:
			var e entryRecord
			if err := decode(v, kindEntry, at, &e); err != nil {
				return err
			}
			c.Entries = append(c.Entries, station.Standing{
				Entry: e.Entry, Seq: at.sequence(), Condition: e.Condition, Hold: e.Hold, Reason: e.Reason,
			})
		}
		return nil
	})
	return c, err
}

// verify states the invariants of the outbox as code.
func verify(tx *bbolt.Tx) error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	for err := range tx.Check() {
		fault("file: %w", err)
	}
	q, meta := tx.Bucket(bucketQ), tx.Bucket(bucketMeta)
	if q == nil || meta == nil {
		return errors.Join(append(faults, errors.New("this is not an outbox of stationd"))...)
	}
	v := verifier{fault: fault, ids: make(map[station.ID]place), lanes: make(map[place]string), events: make(map[uint64]*eventRecord),
		ended: make(map[place]bool), awaited: make(map[place]bool), tally: make(map[string]station.Tally), live: make(map[station.ID]bool), children: make(map[uint64]int)}
	lowest := ^uint64(0)
	err := q.ForEach(func(k, value []byte) error {
		if bytes.Equal(k, stateKey) {
			if err := decode(value, kindState, ^place(0), &v.state); err != nil {
				fault("state: %w", err)
			}
			return nil
		}
		at, err := placeFrom(k)
		if err != nil {
			fault("%w", err)
			return nil
		}
		if at.sequence() > q.Sequence() {
			fault("record %d.%d: above the sequence %d", at.sequence(), at.index(), q.Sequence())
		}
		v.bytes += int64(len(k) + len(value))
		if live := v.record(at, value); live {
			lowest = min(lowest, at.sequence())
		}
		return nil
	})
	if err != nil {
		fault("bucket q: %w", err)
	}
	v.whole()
	if mark := meta.Get([]byte("watermark")); len(mark) != 8 {
		fault("watermark: %d bytes", len(mark))
	} else if w := binary.BigEndian.Uint64(mark); w >= lowest {
		fault("watermark %d: sequence %d still waits", w, lowest)
	}
	if size := tx.Size(); float64(v.bytes) > float64(size)*fillLimit {
		fault("%d bytes live in a file of %d: above the cap", v.bytes, size)
	}
	return errors.Join(faults...)
}

// A verifier gathers what the invariants between records need.
type verifier struct {
	fault    func(string, ...any)
	state    station.State
	bytes    int64
	events   map[uint64]*eventRecord
	children map[uint64]int // records of each event beside itself
	ids      map[station.ID]place
	lanes    map[place]string
	ended    map[place]bool // fates
	awaited  map[place]bool // what a live entry is about
	live     map[station.ID]bool
	tally    map[string]station.Tally
}

// record checks one record by itself and against those before it, and reports
// whether it is a live entry.
func (v *verifier) record(at place, value []byte) (live bool) {
	found, _, _, err := open(value)
	if err != nil {
		v.fault("record %d.%d: %w", at.sequence(), at.index(), err)
		return false
	}
	if at.index() == 0 {
		ev := new(eventRecord)
		if err := decode(value, kindEvent, at, ev); err != nil {
			v.fault("event %d: %w", at.sequence(), err)
			return false
		}
		v.events[at.sequence()] = ev
		return false
	}
	v.children[at.sequence()]++
	var id station.ID
	switch found {
	case kindFate:
		var f fateRecord
		if err := decode(value, kindFate, at, &f); err != nil {
			v.fault("entry %d.%d: %w", at.sequence(), at.index(), err)
			return false
		}
		id = f.ID
		v.lanes[at], v.ended[at] = f.Lane, true
	default:
		var e entryRecord
		if err := decode(value, kindEntry, at, &e); err != nil {
			v.fault("entry %d.%d: %w", at.sequence(), at.index(), err)
			return false
		}
		id, live = e.ID, true
		v.lanes[at] = e.Lane
		v.entry(e)
	}
	ev := v.events[at.sequence()]
	switch {
	case ev == nil:
		v.fault("entry %s: without its event", id)
	case id != ev.ID.Entry(at.index()):
		v.fault("entry %s: it stands at %d.%d of event %s", id, at.sequence(), at.index(), ev.ID)
	}
	if _, twice := v.ids[id]; twice {
		v.fault("entry %s: it is there twice", id)
	}
	v.ids[id] = at
	return live
}

// entry checks one live entry.
func (v *verifier) entry(e entryRecord) {
	v.live[e.ID] = true
	t := v.tally[e.Source]
	switch e.Condition {
	case station.Held:
		t.Held++
		if e.Hold == station.HoldNone || e.Reason == "" {
			v.fault("entry %s: held without a reason", e.ID)
		}
	case station.Waiting, station.Marked:
		t.Waiting++
	default:
		v.fault("entry %s: condition %q", e.ID, e.Condition)
	}
	v.tally[e.Source] = t
	if len(e.Before) > 0 && e.Condition != station.Marked {
		v.fault("entry %s: it has seen what was before, and is not marked", e.ID)
	}
	if e.Lane == "" || e.Verb == "" {
		v.fault("entry %s: without lane or verb", e.ID)
	}
	if e.About == "" {
		return
	}
	target, there := v.ids[e.About] // ascending keys: it is older or of the same event
	switch {
	case !there:
		v.fault("entry %s: it is about %s, which is not there", e.ID, e.About)
	case v.lanes[target] != e.Lane:
		v.fault("entry %s: lane %s, but it is about an entry of lane %s", e.ID, e.Lane, v.lanes[target])
	}
	v.awaited[target] = true
}

// whole checks what only all records together show.
func (v *verifier) whole() {
	for sequence, ev := range v.events {
		if v.children[sequence] == 0 && !ev.Kept {
			v.fault("event %d: without an entry, and not kept", sequence)
		}
	}
	for at := range v.ended {
		if !v.awaited[at] {
			v.fault("entry %d.%d: it ended, and nobody waits for its result", at.sequence(), at.index())
		}
	}
	for _, c := range v.state.Calls {
		if !v.live[c.Entry] && c.Ref == "" {
			v.fault("call of %s: neither a live entry nor a ref", c.Source)
		}
		if c.Closing != "" && !v.live[c.Closing] {
			v.fault("call of %s: its close %s is not there", c.Source, c.Closing)
		}
	}
	if !maps.Equal(v.tally, v.tallies()) {
		v.fault("state: it counts %v, the entries are %v", v.state.Sources, v.tally)
	}
}

func (v *verifier) tallies() map[string]station.Tally {
	if v.state.Sources == nil {
		return map[string]station.Tally{}
	}
	return v.state.Sources
}
