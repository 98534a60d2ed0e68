package format

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"

	"stationd/internal/station"
)

// This file makes what was salvaged fit together again, and writes it.

// A restored is a sound outbox made of what was salvaged. It has no more of the records than
// where they are: they are read again when they are written, for all of a backlog's in memory
// would not fit a small board.
type restored struct {
	from    *salvagedFile
	places  []Place // of what it has, ascending
	orphans map[Place]bool
	state   State
	commit  uint64
	clocks  []byte
	home    Home
	live    map[station.ID]Entry // of the entries, those that a call is told by

	saved    int // entries
	doubtful int // of them, found outside the tree
	orphaned int // of them, held because what they are about is lost
	unsure   int // of them, held because they were not acknowledged
	expected int // entries, at least
}

// restore makes the parts fit each other again: whatever is lost, what is left is
// an outbox.
func (s *salvagedFile) restore() *restored {
	r := &restored{
		from: s, state: s.state, commit: s.commit + 1, clocks: s.meta["clocks"], home: s.home,
		orphans: make(map[Place]bool), live: make(map[station.ID]Entry), expected: s.state.entries(),
	}
	if s.sequence > s.state.Sequence && s.state.Sequence > 0 {
		r.expected += int(s.sequence - s.state.Sequence) // given out after the newest state that was found
	}
	r.state.Sequence, r.state.Ended = s.sequence, 0
	r.state.Sources = nil
	called := make(map[station.ID]bool)
	for _, c := range r.state.Calls {
		called[c.Entry], called[c.Closing] = true, true
	}
	awaited := make(map[Place]bool)
	lanes := make(map[Place]uint64) // by a hash: the name would keep all of its record
	found := slices.Sorted(maps.Keys(s.records))
	left := found[:0]
	for _, at := range found {
		r.state.Sequence = max(r.state.Sequence, at.Sequence())
		f := s.records[at]
		switch f.Kind {
		case KindKept:
			if _, err := f.Event(); err != nil {
				continue
			}
		case KindFate:
			fate, err := f.Fate()
			if err != nil {
				continue
			}
			lanes[at] = Hash(station.ID(fate.Lane))
		case KindEntry:
			e, err := f.entry()
			if err != nil {
				continue
			}
			r.count(s.condition(f, &e))
			lane := Hash(station.ID(e.Lane))
			if e.About != "" && lanes[e.Target] != lane {
				r.orphans[at] = true
				r.orphaned++
				orphan(&e)
			}
			awaited[e.Target], lanes[at] = true, lane
			r.tally(e)
			if called[e.ID] {
				r.live[e.ID] = e
			}
		default: // an event is there for what it became
			continue
		}
		left = append(left, at)
	}
	for _, at := range left {
		f := s.records[at]
		if f.Kind == KindFate && !awaited[at] {
			continue
		}
		if f.Kind != KindKept && (len(r.places) == 0 || r.places[len(r.places)-1].Event() != at.Event()) {
			r.places = append(r.places, at.Event())
		}
		r.places = append(r.places, at)
	}
	r.calls()
	return r
}

// A finding is what a salvage says of an entry that it found.
type finding int

const (
	asItWas finding = iota
	notAcknowledged
	inDoubt
)

// condition says how a found entry stands now.
func (s *salvagedFile) condition(f foundRecord, e *Entry) finding {
	switch {
	case s.unsure != 0 && f.commit == s.unsure && e.Condition == station.Waiting:
		e.Condition, e.Hold = station.Held, station.HoldMisfit
		e.Why = &station.Reason{Kind: "storage-failed"}
		e.Reason = "storage failed while it was recorded, so no lamp has acknowledged it: retry sends it"
		return notAcknowledged
	case !f.inTree && e.Condition != station.Held:
		e.Condition, e.Unsent, e.Since = station.Marked, false, station.Stamp{}
		return inDoubt
	case !f.inTree:
		e.Doubt("it was found in a damaged outbox, and may have been delivered since")
	}
	return asItWas
}

func (r *restored) count(f finding) {
	switch f {
	case notAcknowledged:
		r.unsure++
	case inDoubt:
		r.doubtful++
	case asItWas:
	}
}

// orphan holds an entry that is about one that is lost.
func orphan(e *Entry) {
	e.Doubtful = e.MayHaveArrived()
	e.Condition, e.Hold = station.Held, station.HoldUndecided
	e.Why = &station.Reason{Kind: "about-lost"}
	e.Reason = fmt.Sprintf("what it is about (%s) was lost with a damaged outbox: look at the vendor, do it there, and discard this", e.About.Short())
	e.About, e.Target = "", 0
}

func (r *restored) tally(e Entry) {
	r.saved++
	t := r.state.Sources[e.Source]
	if e.Condition == station.Held {
		t.Held++
	} else {
		t.Waiting++
	}
	if r.state.Sources == nil {
		r.state.Sources = make(map[string]station.Tally)
	}
	r.state.Sources[e.Source] = t
}

// record reads what is to stand at the i-th of the places.
func (r *restored) record(i int) (k Kind, body any, err error) {
	at := r.places[i]
	f, there := r.from.records[at]
	switch {
	case at.index() == 0 && there:
		if ev, err := f.Event(); err == nil {
			return f.Kind, &ev, nil
		}
		fallthrough
	case at.index() == 0:
		ev, err := r.eventOf(r.places[i+1])
		return KindEvent, &ev, err
	case f.Kind == KindFate:
		fate, err := f.Fate()
		return KindFate, &fate, err
	}
	e, err := f.entry()
	if err != nil {
		return 0, nil, err
	}
	r.from.condition(f, &e)
	if r.orphans[at] {
		orphan(&e)
	}
	return KindEntry, &e, nil
}

// eventOf is an event that is lost: what became of it says enough of it.
func (r *restored) eventOf(at Place) (ev station.Event, err error) {
	f := r.from.records[at]
	if f.Kind == KindFate {
		fate, err := f.Fate()
		return station.Event{ID: cmp.Or(fate.InPlaceOf, fate.ID).Event()}, err
	}
	e, err := f.entry()
	return station.Event{ID: cmp.Or(e.InPlaceOf, e.ID).Event(), Source: e.Source, Kind: e.Kind, At: e.At}, err
}

// calls drops the calls that nothing vouches for any more.
func (r *restored) calls() {
	r.state.Calls = slices.DeleteFunc(slices.Clone(r.state.Calls), func(c station.Call) bool {
		_, waits := r.live[c.Entry]
		return !waits && c.Ref == ""
	})
	for i := range r.state.Calls {
		c := &r.state.Calls[i]
		c.Hold = r.live[c.Entry].Hold
		if _, waits := r.live[c.Closing]; !waits {
			c.Closing = ""
		}
	}
}

// report says in words what became of the old file.
func (r *restored) report(damage error, aside string) string {
	text := "a write to the outbox failed, and was rebuilt"
	switch {
	case errors.Is(damage, errMissing):
		text = "the outbox was not there, and was rebuilt from its spare file alone"
	case damage != nil:
		text = "the outbox was damaged, and was rebuilt"
	}
	lost := max(0, r.expected-r.saved)
	text += fmt.Sprintf(": %d entries recovered, %d lost", r.saved, lost)
	for _, part := range []struct {
		n    int
		what string
	}{
		{r.doubtful, "are looked up at the vendor before they are sent"},
		{r.orphaned, "are held, for what they are about is lost"},
		{r.unsure, "are held, for no lamp has acknowledged them"},
	} {
		if part.n > 0 {
			text += fmt.Sprintf("; %d %s", part.n, part.what)
		}
	}
	if aside != "" {
		text += "; the old file is " + filepath.Base(aside)
	}
	return text
}

// batchOf is how many records are written in one transaction: a whole backlog in
// one would not fit a small board's memory.
const batchOf = 1000

// write fills an empty file.
func (r *restored) write(db *bbolt.DB, s seal, notice station.Event) error {
	r.state.Sequence++
	err := db.Update(func(tx *bbolt.Tx) error {
		if err := begin(tx, s, r.commit, r.state); err != nil {
			return err
		}
		// The process that had the old file may have had something in the air.
		meta := tx.Bucket(bucketMeta)
		if err := errors.Join(putJSON(meta, "session", Session{Began: notice.At}), putJSON(meta, "home", r.home)); err != nil || !json.Valid(r.clocks) {
			return err
		}
		return meta.Put([]byte("clocks"), r.clocks)
	})
	put := func(root *bbolt.Bucket, k Kind, at Place, body any) error {
		record, err := s.encode(k, at, r.commit, body)
		if err != nil {
			return err
		}
		return root.Put(at.key(), record)
	}
	for begins := 0; begins < len(r.places); begins += batchOf {
		err = errors.Join(err, db.Update(func(tx *bbolt.Tx) error {
			root := recordsOf(tx, false).root
			root.FillPercent = fillPercent
			for i := begins; i < min(begins+batchOf, len(r.places)); i++ {
				k, body, err := r.record(i)
				if err != nil {
					return err
				}
				if err := put(root, k, r.places[i], body); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	return errors.Join(err, db.Update(func(tx *bbolt.Tx) error {
		return put(recordsOf(tx, false).root, KindKept, PlaceOf(r.state.Sequence, 0), &notice)
	}))
}
