package queue

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// Salvaged is the kind of the event, of source station, that says what was saved
// from a damaged file. It is kept until a person has put it away, and until then
// Tell says that a person must look.
const Salvaged = "salvaged"

// rebuild makes a fresh outbox of what can be read at path and of the spare file,
// and sets the old file aside.
func rebuild(path string, setting Setting, damage error, redo *redo) error {
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
	s := salvage(data)
	if err := errors.Join(newerBytes(data), s.newer()); err != nil {
		return refuse(err, s.meta["program"])
	}
	if damage == nil && redo.commit < s.commit {
		return removeSpare(path) // it was taken up, and the power went before it was removed
	}
	if redo != nil {
		s.take(redo)
	}
	r := s.restore()
	now := setting.Stamp(time.Now())
	aside := ""
	if old != nil {
		aside = asideName(path)
	}
	text := r.report(damage, aside)
	setting.Log.Error("the outbox had to be made anew", "path", path, "what", text, "fault", damage)
	notice := station.Event{ID: station.NewID(), Source: station.FromStation, Kind: Salvaged, Code: text, At: now}
	if err := build(path, setting, func(db *bbolt.DB) error { return r.write(db, notice) }); err != nil {
		return fmt.Errorf("a new outbox beside the damaged one: %w", err)
	}
	if old != nil {
		if err := os.Link(path, aside); err != nil {
			return err
		}
	}
	if err := replace(path); err != nil {
		return err
	}
	return errors.Join(removeSpare(path), forgetAside(path, setting))
}

// readAll reads what can be read: a sector that the card no longer gives is zeros.
func readAll(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data := make([]byte, info.Size())
	for at := 0; at < len(data); at += pageSize {
		page := data[at:min(at+pageSize, len(data))]
		if _, err := f.ReadAt(page, int64(at)); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, unix.EIO) {
			return nil, err
		}
	}
	return data, nil
}

// A found is a record as it was found.
type found struct {
	head
	body []byte
	sure bool // its page is part of the file's newest tree
}

// scan calls each with every record in data whose checksum is right, wherever it
// stands: also in pages that bbolt has given up, and in pages that are no pages
// any more. Nothing in JSON text can look like a head: it has no byte 1.
func scan(data []byte, each func(h head, body []byte)) {
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte(magic+"\x01"))
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
		h, body, err := openAny(data[at:end])
		if err != nil {
			at += len(magic)
			continue
		}
		each(h, body)
		at = end
	}
}

// A wreck is what was read of a file.
type wreck struct {
	records  map[place]found
	state    stateRecord
	commit   uint64            // of the newest record
	unsure   uint64            // this commit was not acknowledged; 0: there is none such
	sequence uint64            // the last one that was given out
	meta     map[string][]byte // what the meta bucket has
}

// newer says that a newer version wrote what would be saved.
func (w *wreck) newer() error {
	if len(w.meta) > 0 {
		if err := checkMeta(w.meta, nil); errors.Is(err, ErrNewer) {
			return err
		}
	}
	for at, f := range w.records {
		err := error(nil)
		if !knownKind(f.kind) {
			err = newer("a record of the kind %q, which this one does not know", f.kind)
		} else if f.kind == kindEntry {
			_, _, err = labelFrom(f.body)
		}
		if errors.Is(err, ErrNewer) {
			return fmt.Errorf("record %d.%d: %w", at.sequence(), at.index(), err)
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
func salvage(data []byte) *wreck {
	w := &wreck{records: make(map[place]found)}
	newest := make(map[place]found)
	scan(data, func(h head, body []byte) {
		if old, ok := newest[h.at]; !ok || h.commit >= old.commit {
			newest[h.at] = found{head: h, body: body}
		}
		w.commit = max(w.commit, h.commit)
	})
	t := newestTree(data, w.commit)
	w.sequence, w.meta = t.sequence, t.meta
	if state, ok := newest[statePlace]; ok {
		w.takeState(state)
	}
	switch said := entries(w.state); {
	case !t.current, t.commit == w.commit && t.entries() > said:
		t.holes, t.records = []span{{}}, nil
	case t.commit == w.commit && t.entries() < said && len(t.holes) == 0:
		t.holes = []span{{}} // a page says that it has fewer than it had
	}
	maps.Copy(w.records, t.records)
	for at, f := range newest {
		if _, sure := w.records[at]; sure || at == statePlace || !t.missing(at) {
			continue
		}
		// A fate may be older than the watermark: something waits for its result.
		if f.kind != kindEntry && knownKind(f.kind) || at.sequence() > w.state.Ended {
			w.records[at] = f
		}
	}
	return w
}

// take lays the spare file over what the old file has.
func (w *wreck) take(r *redo) {
	if r.unsure {
		w.unsure = r.commit
		return
	}
	for at, f := range r.records {
		switch f.kind {
		case kindState:
			if f.commit >= w.commit {
				w.takeState(f)
			}
		case kindGone:
			delete(w.records, at)
		default:
			f.sure = true
			w.records[at] = f
		}
	}
	w.commit = max(w.commit, r.commit)
}

func (w *wreck) takeState(f found) {
	var s stateRecord
	if f.kind != kindState || read(f.kind, f.body, &s) != nil {
		return
	}
	w.state = s
	w.sequence = max(w.sequence, s.Sequence)
}

// entries is how many entries a state counts.
func entries(s stateRecord) (n int) {
	for _, t := range s.Sources {
		n += t.Waiting + t.Held
	}
	return n
}

// A restored is a sound outbox made of a wreck.
type restored struct {
	records []any // by place
	places  []place
	state   stateRecord
	commit  uint64
	clocks  []byte
	live    map[station.ID]entryRecord

	saved    int // entries
	doubtful int // of them, found outside the tree
	orphans  int // of them, held because what they are about is lost
	unsure   int // of them, held because they were not acknowledged
	expected int // entries, at least
}

// restore makes the parts fit each other again: whatever is lost, what is left is
// an outbox.
func (w *wreck) restore() *restored {
	r := &restored{
		state: w.state, commit: w.commit + 1, clocks: w.meta["clocks"],
		live: make(map[station.ID]entryRecord), expected: entries(w.state),
	}
	if w.sequence > w.state.Sequence && w.state.Sequence > 0 {
		r.expected += int(w.sequence - w.state.Sequence) // given out after the newest state that was found
	}
	r.state.Sequence, r.state.Ended = w.sequence, 0
	r.state.Sources = nil
	events, fates := make(map[uint64]station.Event), make(map[place]fateRecord)
	awaited := make(map[place]bool)
	lanes := make(map[place]string)
	for _, at := range slices.Sorted(maps.Keys(w.records)) {
		r.state.Sequence = max(r.state.Sequence, at.sequence())
		f := w.records[at]
		switch f.kind {
		case kindEvent, kindKept:
			var ev station.Event
			if read(f.kind, f.body, &ev) != nil {
				continue
			}
			if f.kind == kindKept {
				r.put(at, kept{ev})
				continue
			}
			events[at.sequence()] = ev
		case kindFate:
			var fate fateRecord
			if read(f.kind, f.body, &fate) == nil {
				fates[at], lanes[at] = fate, fate.Lane
			}
		case kindEntry:
			var e entryRecord
			if read(f.kind, f.body, &e) == nil {
				w.condition(r, f, &e)
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
func (w *wreck) condition(r *restored, f found, e *entryRecord) {
	switch {
	case w.unsure != 0 && f.commit == w.unsure && e.Condition == station.Waiting:
		e.Condition, e.Hold = station.Held, station.HoldMisfit
		e.Reason = "storage failed while it was recorded, so no lamp has acknowledged it: retry sends it"
		r.unsure++
	case !f.sure && e.Condition != station.Held:
		e.Condition, e.Unsent, e.Since = station.Marked, false, station.Stamp{}
		r.doubtful++
	case !f.sure:
		e.doubt("it was found in a damaged outbox, and may have been delivered since")
	}
}

// orphan holds an entry that is about one that is lost.
func (r *restored) orphan(e *entryRecord) {
	e.Doubtful = e.mayHaveArrived()
	e.Condition, e.Hold = station.Held, station.HoldUndecided
	e.Reason = fmt.Sprintf("what it is about (%s) was lost with a damaged outbox: look at the vendor, do it there, and discard this", e.About.Short())
	e.About, e.Target = "", 0
	r.orphans++
}

func (r *restored) add(at place, e entryRecord) {
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

func (r *restored) put(at place, record any) {
	r.places = append(r.places, at)
	r.records = append(r.records, record)
}

// events puts the event of everything that is left; where it is lost, its entry
// says enough of it.
func (r *restored) events(found map[uint64]station.Event) {
	done := make(map[uint64]bool)
	for i, at := range r.places {
		sequence := at.sequence()
		if done[sequence] {
			continue
		}
		var id station.ID
		ev, ok := found[sequence]
		switch record := r.records[i].(type) {
		case kept:
			continue
		case entryRecord:
			id = record.ID.Event()
			if !ok {
				ev = station.Event{ID: id, Source: record.Source, Kind: record.Kind, At: record.At}
			}
		case fateRecord:
			id = record.ID.Event()
			if !ok {
				ev = station.Event{ID: id}
			}
		}
		done[sequence] = true
		r.put(placeOf(sequence, 0), ev)
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
	text := "a write to the outbox failed, and it was made anew"
	if damage != nil {
		text = "the outbox was damaged, and it was made anew"
	}
	lost := max(0, r.expected-r.saved)
	text += fmt.Sprintf(": %d entries saved, %d lost", r.saved, lost)
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
func (r *restored) write(db *bbolt.DB, notice station.Event) error {
	r.state.Sequence++
	r.put(placeOf(r.state.Sequence, 0), kept{notice})
	order := make([]int, len(r.places))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if r.places[a] < r.places[b] {
			return -1
		}
		return 1
	})
	err := db.Update(func(tx *bbolt.Tx) error {
		if err := begin(tx, head{kind: kindState, at: statePlace, commit: r.commit}, r.state); err != nil {
			return err
		}
		// The process that had the old file may have had something in the air.
		meta := tx.Bucket(bucketMeta)
		if err := marshal(meta, "session", session{Began: notice.At}); err != nil || !json.Valid(r.clocks) {
			return err
		}
		return meta.Put([]byte("clocks"), r.clocks)
	})
	for part := range slices.Chunk(order, batchOf) {
		err = errors.Join(err, db.Update(func(tx *bbolt.Tx) error {
			q := tx.Bucket(bucketQ)
			q.FillPercent = fillPercent
			for _, i := range part {
				if err := r.one(q, r.places[i], r.records[i]); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	return err
}

func (r *restored) one(q *bbolt.Bucket, at place, body any) error {
	h := head{kind: kindEvent, at: at, commit: r.commit}
	switch v := body.(type) {
	case kept:
		h.kind, body = kindKept, v.Event
	case entryRecord:
		h.kind = kindEntry
	case fateRecord:
		h.kind = kindFate
	}
	record, err := encode(h, body)
	if err != nil {
		return err
	}
	return q.Put(at.key(), record)
}

// A span is a range of keys of bucket q: from, and up to but not at, until. Nil is
// no bound.
type span struct{ from, until []byte }

func (s span) has(key []byte) bool {
	return bytes.Compare(key, s.from) >= 0 && (s.until == nil || bytes.Compare(key, s.until) < 0)
}

// A tree is what could be walked of a bbolt file. The format is that of bbolt's
// internal/common: little-endian, pages of a fixed size, each with its own number
// in its first eight bytes.
type tree struct {
	data     []byte
	reach    reach
	current  bool // nothing newer was ever committed
	seen     map[uint64]bool
	records  map[place]found
	holes    []span // of bucket q
	sequence uint64
	meta     map[string][]byte
	state    stateRecord
	commit   uint64 // of the state; 0: there was none
}

const (
	pageHead     = 16 // id 8, flags 2, count 2, overflow 4
	elementSize  = 16
	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagBucket   = 0x01 // of a leaf's element: the value is a bucket
	bucketHead   = 16   // root page 8 (0: the page follows), sequence 8
	metaMagic    = 0xED0CDAED
	metaVersion  = 2
	metaLength   = 64  // up to the checksum, FNV-1a of 64 bits
	deepest      = 100 // a tree of a station's size has four levels
	metaRoot     = 16  // offsets in a meta
	metaTransact = 48
)

// newestTree walks the newest tree. Both meta pages together say where it begins.
// Where one is lost it is the page from which a whole tree grows with the newest
// state that was ever written; else nothing is certain.
func newestTree(data []byte, commit uint64) *tree {
	newest, root, sound := uint64(0), uint64(0), 0
	for number := range 2 {
		m, ok := metaAt(data, number)
		if !ok {
			continue
		}
		sound++
		if transaction := binary.LittleEndian.Uint64(m[metaTransact:]); transaction >= newest {
			newest, root = transaction, binary.LittleEndian.Uint64(m[metaRoot:])
		}
	}
	if sound == 2 {
		t := walk(data, root, everything)
		t.current = true
		return t
	}
	for number := range uint64(len(data) / pageSize) {
		page := data[number*pageSize:][:pageSize]
		if binary.LittleEndian.Uint64(page) != number || !isRoot(page) {
			continue
		}
		if walk(data, number, lastOnly).commit != commit {
			continue
		}
		t := walk(data, number, everything)
		if len(t.holes) == 0 && t.entries() == entries(t.state) {
			t.current = true
			return t
		}
	}
	return walk(data, root, everything)
}

// isRoot reports whether a page has the two buckets.
func isRoot(page []byte) bool {
	found := 0
	return elements(page, func(flags uint32, key, _ []byte) bool {
		found++
		return flags == flagBucket && (string(key) == string(bucketQ) || string(key) == string(bucketMeta))
	}) && found == 2
}

// A reach is how much of a tree is walked: the last of each page's children leads
// to the state.
type reach bool

const (
	everything reach = false
	lastOnly   reach = true
)

// walk reads the tree that begins at a page, as far as it is sound.
func walk(data []byte, root uint64, r reach) *tree {
	t := &tree{data: data, reach: r, seen: make(map[uint64]bool), records: make(map[place]found), meta: make(map[string][]byte)}
	whole := false
	t.pages(root, span{}, 0, func(_ span, leaf []byte) bool {
		return elements(leaf, func(flags uint32, key, value []byte) bool {
			if flags&flagBucket == 0 || len(value) < bucketHead {
				return false
			}
			switch string(key) {
			case string(bucketQ):
				whole = true
				t.sequence = binary.LittleEndian.Uint64(value[8:])
				t.bucket(value, t.leaf, t.hole)
			case string(bucketMeta):
				t.bucket(value, t.leafOfMeta, func(span) {})
			}
			return true
		})
	}, func(span) {})
	if !whole {
		t.holes = []span{{}}
	}
	return t
}

// metaAt returns the meta of page 0 or 1, if it is sound.
func metaAt(data []byte, number int) ([]byte, bool) {
	if len(data) < (number+1)*pageSize {
		return nil, false
	}
	m := data[number*pageSize+pageHead:]
	sum := fnv.New64a()
	sum.Write(m[:metaLength-8])
	return m, binary.LittleEndian.Uint32(m) == metaMagic &&
		binary.LittleEndian.Uint32(m[4:]) == metaVersion &&
		binary.LittleEndian.Uint32(m[8:]) == pageSize &&
		binary.LittleEndian.Uint64(m[metaLength-8:]) == sum.Sum64()
}

// bucket walks a bucket, which has pages of its own or one that follows its head.
func (t *tree) bucket(value []byte, leaf func(span, []byte) bool, hole func(span)) {
	if root := binary.LittleEndian.Uint64(value); root != 0 {
		t.pages(root, span{}, 0, leaf, hole)
		return
	}
	if !leaf(span{}, value[bucketHead:]) {
		hole(span{})
	}
}

// pages walks a page and those below it. A page that is not what it says it is, or
// that leaf refuses, is a hole.
func (t *tree) pages(number uint64, keys span, depth int, leaf func(span, []byte) bool, hole func(span)) {
	page, flags, ok := t.page(number)
	switch {
	case !ok || depth > deepest:
		hole(keys)
	case flags == flagLeaf:
		if !leaf(keys, page) {
			hole(keys)
		}
	case flags == flagBranch:
		children, ok := branches(page)
		if !ok {
			hole(keys)
			return
		}
		for i, c := range children {
			if t.reach == lastOnly && i+1 < len(children) {
				continue
			}
			below := span{c.key, keys.until}
			if i == 0 {
				below.from = keys.from
			}
			if i+1 < len(children) {
				below.until = children[i+1].key
			}
			t.pages(c.page, below, depth+1, leaf, hole)
		}
	default:
		hole(keys)
	}
}

// page returns a page with its overflow, if its head is that of this page and
// nobody came here before.
func (t *tree) page(number uint64) (page []byte, flags uint16, ok bool) {
	if number < 2 || number >= uint64(len(t.data)/pageSize) || t.seen[number] {
		return nil, 0, false
	}
	t.seen[number] = true
	page = t.data[number*pageSize:]
	size := (uint64(binary.LittleEndian.Uint32(page[12:])) + 1) * pageSize
	if binary.LittleEndian.Uint64(page) != number || size > uint64(len(page)) {
		return nil, 0, false
	}
	return page[:size], binary.LittleEndian.Uint16(page[8:]), true
}

// A branch is one element of a branch page.
type branch struct {
	key  []byte
	page uint64
}

func branches(page []byte) ([]branch, bool) {
	count := int(binary.LittleEndian.Uint16(page[10:]))
	var all []branch
	for i := range count {
		at := pageHead + i*elementSize
		if at+elementSize > len(page) {
			return nil, false
		}
		element := page[at:]
		key, ok := within(element, binary.LittleEndian.Uint32(element), binary.LittleEndian.Uint32(element[4:]))
		if !ok || i > 0 && bytes.Compare(key, all[i-1].key) <= 0 {
			return nil, false
		}
		all = append(all, branch{key, binary.LittleEndian.Uint64(element[8:])})
	}
	return all, count > 0
}

// elements calls each with the elements of a leaf, and reports whether all of it
// was sound and to each's liking.
func elements(page []byte, each func(flags uint32, key, value []byte) bool) bool {
	if len(page) < pageHead || binary.LittleEndian.Uint16(page[8:]) != flagLeaf {
		return false
	}
	sound := true
	for i := range int(binary.LittleEndian.Uint16(page[10:])) {
		at := pageHead + i*elementSize
		if at+elementSize > len(page) {
			return false
		}
		element := page[at:]
		pos, size := binary.LittleEndian.Uint32(element[4:]), binary.LittleEndian.Uint32(element[8:])
		key, ok := within(element, pos, size)
		if !ok {
			sound = false
			continue
		}
		value, ok := within(element, pos+size, binary.LittleEndian.Uint32(element[12:]))
		if !ok || !each(binary.LittleEndian.Uint32(element), key, value) {
			sound = false
		}
	}
	return sound
}

// within returns the bytes that stand pos after the beginning of an element.
func within(element []byte, pos, size uint32) ([]byte, bool) {
	end := uint64(pos) + uint64(size)
	if end > uint64(len(element)) {
		return nil, false
	}
	return element[pos:end], true
}

// leaf takes the records of a leaf of bucket q up: those that are what was written
// at their key.
func (t *tree) leaf(keys span, page []byte) bool {
	return elements(page, func(flags uint32, key, value []byte) bool {
		h, body, err := openAny(value)
		if err != nil || flags != 0 || !bytes.Equal(key, h.at.key()) || !keys.has(key) {
			return false
		}
		if h.at == statePlace {
			t.commit = h.commit
			return read(h.kind, body, &t.state) == nil
		}
		t.records[h.at] = found{head: h, body: body, sure: true}
		return true
	})
}

func (t *tree) leafOfMeta(_ span, page []byte) bool {
	return elements(page, func(_ uint32, key, value []byte) bool {
		t.meta[string(key)] = value
		return true
	})
}

func (t *tree) hole(keys span) { t.holes = append(t.holes, keys) }

// missing reports whether the page of a place could not be read.
func (t *tree) missing(at place) bool {
	return slices.ContainsFunc(t.holes, func(s span) bool { return s.has(at.key()) })
}

func (t *tree) entries() (n int) {
	for _, f := range t.records {
		if f.kind == kindEntry {
			n++
		}
	}
	return n
}
