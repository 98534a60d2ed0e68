package format

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"runtime/debug"
	"syscall"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"stationd/internal/station"
)

// This file checks a file: quickly before each start, or all that the outbox promises.

// Verify checks the records of the file as they are after the last commit, and what they
// promise. It reports everything that it finds, joined; nil says that they are sound. Commits
// go on meanwhile. Therefore bbolt's own check is not made: it reads the list of free pages,
// which a commit changes. VerifyFile makes it, and InspectFile before each start. A page that
// the card does not give back, or that leads nowhere, is a fault too, and ends nobody.
func (f *File) Verify() error {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // pages are memory: what cannot be read is a signal
	return f.db.View(func(tx *bbolt.Tx) (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("file: a page is damaged: %v", r)
			}
		}()
		return newVerifier().verify(tx)
	})
}

// VerifyFile checks a file that nobody has open: bbolt's own structure and the invariants of
// the outbox. It reports everything that it finds, joined. What is wrong with the
// file wraps ErrDamaged; that a newer version of stationd wrote it wraps ErrNewer; any
// other error says that it could not be looked at.
//
// A damaged file may panic where nothing can be recovered, and it may hang: call
// it in a process of its own, with a time limit.
func VerifyFile(path string) error { return lookAt(path, verifyWhole) }

// InspectFile is the part of VerifyFile that is quick enough for each start: it checks every
// page and every checksum and counts the records, but does not compare what they say. That
// would find only what a fault of this program had written.
func InspectFile(path string) error { return lookAt(path, inspect) }

// View hands a file that nobody has open to look. An error about the file says which
// it is; that a newer version of stationd wrote it wraps ErrNewer, and that a stationd
// has it open wraps ErrLocked.
func View(path string, look func(*Tx) error) error {
	return readOnly(path, false, func(tx *bbolt.Tx) error {
		t, err := viewOf(tx)
		if err != nil {
			return err
		}
		if _, err := t.Commit(); err != nil {
			return fmt.Errorf("state: %w", err)
		}
		return look(t)
	})
}

func lookAt(path string, look func(*bbolt.Tx) error) error {
	err := readOnly(path, true, func(tx *bbolt.Tx) error {
		if err := metas(path); err != nil {
			return err
		}
		return look(tx)
	})
	if err == nil || errors.Is(err, ErrNewer) || unreadable(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// viewOf is the transaction on a file that nobody has looked at yet.
func viewOf(tx *bbolt.Tx) (*Tx, error) {
	if err := checkVersion(tx); err != nil {
		return nil, err
	}
	return txOf(tx, fileSeal(tx)), nil
}

// unreadable reports whether the error speaks of the system and not of the file.
// An I/O error is a fault of the card, and so of the file.
func unreadable(err error) bool {
	var system syscall.Errno
	return errors.Is(err, ErrLocked) || errors.Is(err, fs.ErrNotExist) ||
		errors.As(err, &system) && system != syscall.EIO
}

// metas checks both meta pages. bbolt makes do with one, silently: what the other
// said, and with it the last commit, is then gone.
func metas(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	pages := make([]byte, 2*PageSize)
	if _, err := f.ReadAt(pages, 0); err != nil {
		return err
	}
	for number := range 2 {
		if _, ok := metaAt(pages, number); !ok {
			return fmt.Errorf("meta page %d is damaged: the last commit may be lost", number)
		}
	}
	return nil
}

// readOnly hands a file to look. whole has bbolt look at every page first, as its own
// check needs it.
func readOnly(path string, whole bool, look func(*bbolt.Tx) error) error {
	o := boltOptions(0)
	o.ReadOnly, o.PreLoadFreelist = true, whole
	db, err := bbolt.Open(path, 0o600, o)
	if errors.Is(err, bbolterrors.ErrTimeout) {
		err = ErrLocked
	}
	if err != nil {
		return fmt.Errorf("outbox %s: %w", path, err)
	}
	err = db.View(func(tx *bbolt.Tx) error { return explainNewerIn(tx, look(tx)) })
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("outbox %s: %w", path, err)
	}
	return nil
}

// inspect checks the file and the records' own bytes.
func inspect(tx *bbolt.Tx) error {
	for err := range tx.Check() {
		return fmt.Errorf("file: %w", err)
	}
	if err := checkVersion(tx); err != nil {
		return err
	}
	s := fileSeal(tx)
	all := recordsOf(tx, s.old)
	if k := all.strange(); k != nil {
		return fmt.Errorf("file: there is a key %x", k)
	}
	var said, found station.Tally
	var event Place
	look := func(k, v []byte) error {
		r, err := s.parse(v)
		switch {
		case err != nil:
			return fmt.Errorf("record at %x: %w", k, err)
		case !bytes.Equal(k, r.Place.oldKey()):
			return fmt.Errorf("record at %x: it was written at %x", k, r.Place.oldKey())
		case r.Kind == KindState:
			said, err = r.tally()
			return err
		case r.Place.index() == 0:
			event = r.Place
			return nil
		case r.Place.Event() != event:
			return fmt.Errorf("record at %x: without its event", k)
		case r.Kind == KindFate:
			return nil
		}
		switch about := r.Label.About; {
		case about != 0 && all.get(about) == nil:
			return fmt.Errorf("record at %x: it is about %x, which is not there", k, about.oldKey())
		case r.Label.Condition == station.Held:
			found.Held++
		default:
			found.Waiting++
		}
		return nil
	}
	for k, v := range all.all() {
		if err := look(k, v); err != nil {
			return err
		}
	}
	if found != said {
		return fmt.Errorf("%d entries wait and %d are held; the state counts %d and %d", found.Waiting, found.Held, said.Waiting, said.Held)
	}
	return nil
}

// tally returns how many entries the state counts.
func (r Record) tally() (all station.Tally, err error) {
	var s State
	if err := r.read(&s); err != nil {
		return all, fmt.Errorf("state: %w", err)
	}
	for _, t := range s.Sources {
		all.Waiting += t.Waiting
		all.Held += t.Held
	}
	return all, nil
}

// mostFaults is where verify stops: a file that goes in circles has no end of
// them.
const mostFaults = 100

// verifyWhole checks the file's structure, and then what is in it. Nobody else may write.
func verifyWhole(tx *bbolt.Tx) error {
	v := newVerifier()
	for err := range tx.Check() {
		if v.fault("file: %w", err) {
			return errors.Join(v.faults...)
		}
	}
	return v.verify(tx)
}

// verify states the invariants of the outbox as code.
func (v *verifier) verify(tx *bbolt.Tx) error {
	if err := checkVersion(tx); err != nil {
		return errors.Join(append(v.faults, err)...)
	}
	v.seal = fileSeal(tx)
	all := recordsOf(tx, v.seal.old)
	if k := all.strange(); k != nil {
		v.fault("file: there is a key %x", k)
	}
	if err := v.seal.decode(all.get(statePlace), KindState, statePlace, &v.state); err != nil {
		v.fault("state: %w", err)
	}
	for k, value := range all.all() {
		if bytes.Equal(k, stateKey[1:]) {
			continue
		}
		at, err := placeFrom(k)
		if err != nil {
			v.fault("%w", err)
			continue
		}
		if at.Sequence() > v.state.Sequence {
			v.fault("record %v: above the sequence %d", at, v.state.Sequence)
		}
		v.record(at, value)
		if len(v.faults) >= mostFaults {
			v.fault("and more")
			break
		}
	}
	v.whole()
	return errors.Join(v.faults...)
}

// A verifier gathers what the invariants between records need.
type verifier struct {
	seal     seal
	faults   []error
	state    State
	lowest   uint64 // sequence of a live entry; 0: there is none
	events   map[uint64]bool
	kept     map[uint64]bool
	eventIDs map[uint64]station.ID
	children map[uint64]int // records of each event beside itself
	ids      map[station.ID]Place
	lanes    map[Place]string
	ended    map[Place]bool // fates
	awaited  map[Place]bool // what a live entry is about
	live     map[station.ID]bool
	tally    map[string]station.Tally
}

func newVerifier() *verifier {
	return &verifier{
		ids: make(map[station.ID]Place), lanes: make(map[Place]string), events: make(map[uint64]bool), kept: make(map[uint64]bool),
		eventIDs: make(map[uint64]station.ID), ended: make(map[Place]bool), awaited: make(map[Place]bool),
		tally: make(map[string]station.Tally), live: make(map[station.ID]bool), children: make(map[uint64]int),
	}
}

// fault notes what is wrong, and reports whether that is enough.
func (v *verifier) fault(format string, args ...any) (enough bool) {
	v.faults = append(v.faults, fmt.Errorf(format, args...))
	return len(v.faults) >= mostFaults
}

// record checks one record by itself and against those before it.
func (v *verifier) record(at Place, value []byte) {
	r, err := v.seal.parse(value)
	if err != nil {
		v.fault("record %v: %w", at, err)
		return
	}
	if at.index() == 0 {
		v.event(r.Kind, at, value)
		return
	}
	v.children[at.Sequence()]++
	var id, first station.ID
	switch r.Kind {
	case KindFate:
		var f Fate
		if err := v.seal.decode(value, KindFate, at, &f); err != nil {
			v.fault("entry %v: %w", at, err)
			return
		}
		id, first = f.ID, cmp.Or(f.InPlaceOf, f.ID)
		v.lanes[at], v.ended[at] = f.Lane, true
	default:
		var e Entry
		if err := v.seal.decode(value, KindEntry, at, &e); err != nil {
			v.fault("entry %v: %w", at, err)
			return
		}
		id, first = e.ID, cmp.Or(e.InPlaceOf, e.ID)
		if v.lowest == 0 {
			v.lowest = at.Sequence()
		}
		v.lanes[at] = e.Lane
		v.entry(e, r.Label)
	}
	switch {
	case !v.events[at.Sequence()]:
		v.fault("entry %s: without its event", id)
	case first != v.eventIDs[at.Sequence()].Entry(at.index()):
		v.fault("entry %s: it stands at %v of event %s", id, at, v.eventIDs[at.Sequence()])
	}
	if _, twice := v.ids[id]; twice {
		v.fault("entry %s: it is there twice", id)
	}
	v.ids[id] = at
}

func (v *verifier) event(k Kind, at Place, value []byte) {
	if k != KindKept {
		k = KindEvent
	}
	var ev station.Event
	if err := v.seal.decode(value, k, at, &ev); err != nil {
		v.fault("event %d: %w", at.Sequence(), err)
		return
	}
	v.events[at.Sequence()], v.kept[at.Sequence()], v.eventIDs[at.Sequence()] = true, k == KindKept, ev.ID
}

// entry checks one live entry.
func (v *verifier) entry(e Entry, found Label) {
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
	if len(e.Before) > 0 && !e.MayHaveArrived() {
		v.fault("entry %s: it has seen what was before, and cannot have arrived", e.ID)
	}
	if e.Since != (station.Stamp{}) && !e.MayHaveArrived() {
		v.fault("entry %s: its doubt has an age, and it cannot have arrived", e.ID)
	}
	if e.Unsent && e.MayHaveArrived() {
		v.fault("entry %s: no attempt at it has begun, and one may have arrived", e.ID)
	}
	if e.Copy && !e.Doubtful {
		v.fault("entry %s: it is of a copy, and cannot have arrived", e.ID)
	}
	if e.Doubtful && e.Condition != station.Held {
		v.fault("entry %s: it is %s, and keeps a doubt as what is held does", e.ID, e.Condition)
	}
	if e.Lane == "" || e.Verb == "" {
		v.fault("entry %s: without lane or verb", e.ID)
	}
	if want, _ := e.label(); found != want {
		v.fault("entry %s: its label is %v, want %v", e.ID, found, want)
	}
	if e.About == "" {
		return
	}
	target, there := v.ids[e.About] // ascending keys: it is older or of the same event
	switch {
	case !there || target != e.Target:
		v.fault("entry %s: it is about %s at %v, which is not there", e.ID, e.About, e.Target)
	case v.lanes[target] != e.Lane:
		v.fault("entry %s: lane %s, but it is about an entry of lane %s", e.ID, e.Lane, v.lanes[target])
	}
	v.awaited[target] = true
}

// whole checks what only all records together show.
func (v *verifier) whole() {
	for s := range v.events {
		if v.children[s] == 0 && !v.kept[s] {
			v.fault("event %d: without an entry, and not kept", s)
		}
	}
	for at := range v.ended {
		if !v.awaited[at] {
			v.fault("entry %v: it ended, and nobody waits for its result", at)
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
	if !maps.Equal(v.tally, v.state.Sources) {
		v.fault("state: it counts %v, the entries are %v", v.state.Sources, v.tally)
	}
	if v.lowest != 0 && v.state.Ended >= v.lowest {
		v.fault("state: everything up to %d has ended, but %d waits", v.state.Ended, v.lowest)
	}
}
