package format

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// This file makes a new outbox of a damaged one: it reads what can be read without bbolt.

// Salvaged is the kind of the event, of source station, that says what was saved
// from a damaged file. It is kept until a person has put it away, and until then
// Faults says that a person must look.
const Salvaged = "salvaged"

// errMissing is the damage of an outbox of which the spare file alone is there: somebody has moved
// the file away, or a check of the card's file system has.
var errMissing = errors.New("the file is not there, and its spare file is")

// rebuild makes a fresh outbox of what can be read at path and of the spare file,
// and sets the old file aside.
func rebuild(path string, options Options, damage error, spare []byte) error {
	old, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		old, err = nil, nil
	}
	if err != nil {
		return err
	}
	var data []byte
	if old != nil {
		defer old.Close()
		if err := unix.Flock(int(old.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			return ErrLocked
		}
		if data, err = readAll(old); err != nil {
			return err
		}
	}
	s := salvage(data, spare)
	if err := errors.Join(s.seal.newerBytes(data), s.newer()); err != nil {
		return explainNewer(err, s.meta["program"])
	}
	if spare != nil {
		redo, err := readSpare(spare, s.seal)
		if err != nil {
			return explainNewer(fmt.Errorf("spare file %s: %w", siblingPath(path, spareSuffix), err), nil)
		}
		if damage == nil && redo.commit < s.commit {
			return removeSpare(path) // it was taken up, and the power went before it was removed
		}
		// Without the old file nobody knows whether the spare one had been taken up already.
		s.overlay(redo, old != nil)
	}
	if old != nil {
		if err := s.readHome(path, options.Machine); err != nil {
			return err
		}
	}
	r := s.restore()
	now := options.Stamp(time.Now())
	aside := ""
	if old != nil {
		aside = asideName(path)
	}
	text := r.report(damage, aside)
	options.Log.Error("the outbox was rebuilt", "path", path, "what", text, "fault", damage)
	notice := station.Event{ID: station.NewID(), Source: station.FromStation, Kind: Salvaged, Code: text, At: now}
	seal := s.seal
	if seal.digits == "" { // of version 1, or nothing of it could be read
		seal = newSeal()
	}
	if err := build(path, options, func(db *bbolt.DB) error { return r.write(db, seal, notice) }); err != nil {
		return fmt.Errorf("a new outbox beside the damaged one: %w", err)
	}
	if old != nil {
		if err := os.Link(path, aside); err != nil {
			return err
		}
	}
	if err := rename(path); err != nil {
		return err
	}
	return errors.Join(removeSpare(path), removeOldAside(path, options))
}

// readAll reads what can be read: a sector that the card no longer gives is zeros.
func readAll(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data := make([]byte, info.Size())
	for at := 0; at < len(data); at += PageSize {
		page := data[at:min(at+PageSize, len(data))]
		if _, err := f.ReadAt(page, int64(at)); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, unix.EIO) {
			return nil, err
		}
	}
	return data, nil
}

// findSeal returns the seal of a damaged file: that of its meta bucket, if any state is
// sealed so, and else the one of most states that are sealed by what they say themselves.
// A file without one is of version 1.
func findSeal(data, spare []byte) seal {
	found := make(map[string]int)
	newest, old := make(map[string]uint64), make(map[string]bool)
	for _, part := range [][]byte{data, spare} {
		eachState(part, func(s seal, r Record, state State) {
			found[s.digits]++
			if r.commit >= newest[s.digits] {
				newest[s.digits], old[s.digits] = r.commit, state.Old || r.version < current
			}
		})
	}
	meta := newestTree(data, version1(), 0).meta
	if string(meta["version"]) == "\x01" {
		return version1()
	}
	digits := string(meta["seal"])
	if found[digits] == 0 {
		for _, other := range slices.Sorted(maps.Keys(found)) {
			if found[other] > found[digits] {
				digits = other
			}
		}
	}
	if digits == "" {
		return version1()
	}
	s := sealOf(digits)
	s.old = old[digits]
	return s
}

// eachState calls each with the states in data that are sealed by what they say.
func eachState(data []byte, each func(seal, Record, State)) {
	for at := 0; ; at += len(magic) {
		i := bytes.Index(data[at:], []byte(magic))
		if i < 0 || len(data)-at-i < headLength {
			return
		}
		if at += i; kindOf(data[at:]) != KindState {
			continue
		}
		end := at + headLength + int(binary.BigEndian.Uint32(data[at+8:]))
		if end > len(data) || end < at {
			continue
		}
		var state State
		if json.Unmarshal(data[at+headLength:end], &state) != nil || !isSeal(state.Seal) {
			continue
		}
		s := sealOf(state.Seal)
		s.old = true
		if r, err := s.parseAny(data[at:end]); err == nil {
			each(s, r, state)
		}
	}
}

// A foundRecord is a record as it was found. The label of an entry is not taken off yet.
type foundRecord struct {
	Record
	inTree bool // its page is part of the file's newest tree, or it is in the spare file beside that
}

// entry reads an entry.
func (f foundRecord) entry() (Entry, error) {
	r, err := f.labelled()
	if err != nil {
		return Entry{}, err
	}
	return r.Entry()
}

// scan calls each with every record in data whose checksum is right, wherever it
// stands: also in pages that bbolt has given up, and in pages that are no pages
// any more. Nothing in JSON text or in a label can look like a head: neither has the byte
// of the version.
func (s seal) scan(data []byte, each func(Record)) {
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte(magic))
		if i < 0 {
			return
		}
		at += i
		end := at + headLength
		if end <= len(data) {
			end += int(binary.BigEndian.Uint32(data[at+8:]))
		}
		if end > len(data) || end < at {
			at += len(magic)
			continue
		}
		r, err := s.parseAny(data[at:end])
		if err != nil {
			at += len(magic)
			continue
		}
		each(r)
		at = end
	}
}

// A salvagedFile is what was read of a file.
type salvagedFile struct {
	seal     seal
	records  map[Place]foundRecord
	state    State
	commit   uint64            // of the newest record
	unsure   uint64            // this commit was not acknowledged; 0: there is none such
	sequence uint64            // the last one that was given out
	meta     map[string][]byte // what the meta bucket has
	home     Home              // where it was last open; the zero value where nobody knows
}

// newer says that a newer version wrote what would be saved.
func (s *salvagedFile) newer() error {
	if len(s.meta) > 0 {
		if err := checkMeta(s.meta, nil); errors.Is(err, ErrNewer) {
			return err
		}
	}
	for at, f := range s.records {
		_, err := f.labelled()
		if !f.Kind.known() {
			err = newer("a record of the kind %q, which this one does not know", f.Kind)
		}
		if errors.Is(err, ErrNewer) {
			return fmt.Errorf("record %v: %w", at, err)
		}
	}
	return nil
}

// salvage reads a file, damaged or not, without bbolt.
//
// First it walks the tree from the newest meta page, as far as every page is what
// it says it is: what stands there is sure. Where a page is missing the tree says
// which keys it had, and for these the whole file is searched. bbolt writes to
// fresh pages, so older copies abound; the newest copy of each record is taken,
// and none of an event that has ended. What is found so may have been delivered
// since: it is marked, and so looked up at the vendor before it is sent.
//
// Where a meta page is lost, and with it perhaps where the newest tree begins, its
// beginning is looked for; where that is in vain everything is searched for.
//
// Which records are the outbox's own its seal says; spare is what the spare file has, in
// which it is looked for as well.
func salvage(data, spare []byte) *salvagedFile {
	s := &salvagedFile{records: make(map[Place]foundRecord), seal: findSeal(data, spare)}
	newest := make(map[Place]foundRecord)
	s.seal.scan(data, func(r Record) {
		if old, ok := newest[r.Place]; !ok || r.commit >= old.commit {
			newest[r.Place] = foundRecord{Record: r}
		}
		s.commit = max(s.commit, r.commit)
	})
	t := newestTree(data, s.seal, s.commit)
	s.sequence, s.meta = t.sequence, t.meta
	if state, ok := newest[statePlace]; ok {
		s.readState(state)
	}
	switch said := s.state.entries(); {
	case !t.current, t.commit == s.commit && t.entries() > said:
		t.holes, t.records = []span{{}}, nil
	case t.commit == s.commit && t.entries() < said && len(t.holes) == 0 && len(t.oldHoles) == 0:
		t.holes = []span{{}} // a page says that it has fewer than it had
	}
	if t.records != nil {
		s.records = t.records
	}
	for at, f := range newest {
		if _, sure := s.records[at]; sure || at == statePlace || !t.missing(at) {
			continue
		}
		// A fate may be older than the watermark: something waits for its result.
		if f.Kind != KindEntry && f.Kind.known() || at.Sequence() > s.state.Ended {
			s.records[at] = f
		}
	}
	return s
}

// overlay lays the spare file over what the old file has. sure says that nothing of it has been
// delivered since.
func (s *salvagedFile) overlay(r *redo, sure bool) {
	if r.unsure {
		s.unsure = r.commit
		return
	}
	for at, f := range r.records {
		switch f.Kind {
		case KindState:
			if f.commit >= s.commit {
				s.readState(f)
			}
		case kindGone:
			delete(s.records, at)
		default:
			f.inTree = sure
			s.records[at] = f
		}
	}
	s.commit = max(s.commit, r.commit)
}

// readHome reads where the outbox was last open: a copy that is damaged is a copy still, although
// what is made of it may get the very number that the file system has taken back from the one at
// home. One that is at home at path stays so in whatever file.
func (s *salvagedFile) readHome(path, machine string) error {
	now, err := homeOf(path, machine)
	if err != nil {
		return err
	}
	var last Home
	if json.Unmarshal(s.meta["home"], &last) != nil {
		return nil // it is damaged, or there was none
	}
	inode := uint64(0)
	if last.Moved(now) != "" {
		inode = noInode
	}
	s.home = Home{Machine: last.Machine, Inode: inode}
	return nil
}

func (s *salvagedFile) readState(f foundRecord) {
	var state State
	if f.Kind != KindState || f.read(&state) != nil {
		return
	}
	s.state = state
	s.sequence = max(s.sequence, state.Sequence)
}
