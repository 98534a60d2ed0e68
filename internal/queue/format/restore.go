package format

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sort"

	"go.etcd.io/bbolt"

	"stationd/internal/station"
)

// This file makes what was salvaged fit together again, and writes it.

// A restored is a sound outbox made of what was salvaged.
type restored struct {
	records []any // by place
	places  []Place
	state   State
	commit  uint64
	clocks  []byte
	live    map[station.ID]Entry

	saved    int // entries
	doubtful int // of them, found outside the tree
	orphans  int // of them, held because what they are about is lost
	unsure   int // of them, held because they were not acknowledged
	expected int // entries, at least
}

// restore makes the parts fit each other again: whatever is lost, what is left is
// an outbox.
func (s *salvagedFile) restore() *restored {
	r := &restored{
		state: s.state, commit: s.commit + 1, clocks: s.meta["clocks"],
		live: make(map[station.ID]Entry), expected: s.state.entries(),
	}
	if s.sequence > s.state.Sequence && s.state.Sequence > 0 {
		r.expected += int(s.sequence - s.state.Sequence) // given out after the newest state that was found
	}
	r.state.Sequence, r.state.Ended = s.sequence, 0
	r.state.Sources = nil
	events, fates := make(map[uint64]station.Event), make(map[Place]Fate)
	awaited := make(map[Place]bool)
	lanes := make(map[Place]string)
	for _, at := range slices.Sorted(maps.Keys(s.records)) {
		r.state.Sequence = max(r.state.Sequence, at.Sequence())
		f := s.records[at]
		switch f.Kind {
		case KindEvent, KindKept:
			ev, err := f.Event()
			if err != nil {
				continue
			}
			if f.Kind == KindKept {
				r.put(at, kept{ev})
				continue
			}
			events[at.Sequence()] = ev
		case KindFate:
			if fate, err := f.Fate(); err == nil {
				fates[at], lanes[at] = fate, fate.Lane
			}
		case KindEntry:
			if e, err := f.entry(); err == nil {
				s.condition(r, f, &e)
				if e.About != "" && lanes[e.Target] != e.Lane {
					r.orphan(&e)
				}
				awaited[e.Target], lanes[at] = true, e.Lane
				r.add(at, e)
			}
		}
	}
	for at, fate := range fates {
		if awaited[at] {
			r.put(at, fate)
		}
	}
	r.events(events)
	r.calls()
	return r
}

// condition says how a found entry stands now.
func (s *salvagedFile) condition(r *restored, f foundRecord, e *Entry) {
	switch {
	case s.unsure != 0 && f.commit == s.unsure && e.Condition == station.Waiting:
		e.Condition, e.Hold = station.Held, station.HoldMisfit
		e.Why = &station.Reason{Kind: "storage-failed"}
		e.Reason = "storage failed while it was recorded, so no lamp has acknowledged it: retry sends it"
		r.unsure++
	case !f.inTree && e.Condition != station.Held:
		e.Condition, e.Unsent, e.Since = station.Marked, false, station.Stamp{}
		r.doubtful++
	case !f.inTree:
		e.Doubt("it was found in a damaged outbox, and may have been delivered since")
	}
}

// orphan holds an entry that is about one that is lost.
func (r *restored) orphan(e *Entry) {
	e.Doubtful = e.MayHaveArrived()
	e.Condition, e.Hold = station.Held, station.HoldUndecided
	e.Why = &station.Reason{Kind: "about-lost"}
	e.Reason = fmt.Sprintf("what it is about (%s) was lost with a damaged outbox: look at the vendor, do it there, and discard this", e.About.Short())
	e.About, e.Target = "", 0
	r.orphans++
}

func (r *restored) add(at Place, e Entry) {
	r.put(at, e)
	r.live[e.ID] = e
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

// kept is an event that waits for a person.
type kept struct{ station.Event }

func (r *restored) put(at Place, record any) {
	r.places = append(r.places, at)
	r.records = append(r.records, record)
}

// events puts the event of everything that is left; where it is lost, its entry
// says enough of it.
func (r *restored) events(found map[uint64]station.Event) {
	done := make(map[uint64]bool)
	for i, at := range r.places {
		sequence := at.Sequence()
		if done[sequence] {
			continue
		}
		var id station.ID
		ev, ok := found[sequence]
		switch record := r.records[i].(type) {
		case kept:
			continue
		case Entry:
			id = cmp.Or(record.InPlaceOf, record.ID).Event()
			if !ok {
				ev = station.Event{ID: id, Source: record.Source, Kind: record.Kind, At: record.At}
			}
		case Fate:
			id = cmp.Or(record.InPlaceOf, record.ID).Event()
			if !ok {
				ev = station.Event{ID: id}
			}
		}
		done[sequence] = true
		r.put(PlaceOf(sequence, 0), ev)
	}
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
		{r.orphans, "are held, for what they are about is lost"},
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
	r.put(PlaceOf(r.state.Sequence, 0), kept{notice})
	order := make([]int, len(r.places))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(i, j int) bool { return r.places[order[i]] < r.places[order[j]] })
	err := db.Update(func(tx *bbolt.Tx) error {
		if err := begin(tx, s, r.commit, r.state); err != nil {
			return err
		}
		// The process that had the old file may have had something in the air.
		meta := tx.Bucket(bucketMeta)
		if err := putJSON(meta, "session", Session{Began: notice.At}); err != nil || !json.Valid(r.clocks) {
			return err
		}
		return meta.Put([]byte("clocks"), r.clocks)
	})
	for part := range slices.Chunk(order, batchOf) {
		err = errors.Join(err, db.Update(func(tx *bbolt.Tx) error {
			root := recordsOf(tx, false).root
			root.FillPercent = fillPercent
			for _, i := range part {
				if err := r.one(root, s, r.places[i], r.records[i]); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	return err
}

func (r *restored) one(root *bbolt.Bucket, s seal, at Place, body any) error {
	kind := KindEvent
	switch v := body.(type) {
	case kept:
		kind, body = KindKept, &v.Event
	case Entry:
		kind, body = KindEntry, &v
	case Fate:
		kind, body = KindFate, &v
	case station.Event:
		body = &v
	}
	record, err := s.encode(kind, at, r.commit, body)
	if err != nil {
		return err
	}
	return root.Put(at.key(), record)
}
