package queue

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"stationd/internal/station"
)

// The errors of Record, grouped as a source meets them. Each says that nothing
// was recorded, and so that no lamp may answer.
var (
	// ErrFull: the outbox holds as much as it may. It takes events again when
	// entries have been delivered or discarded.
	ErrFull = errors.New("the outbox is full")

	// ErrStorage: a commit failed, so nobody knows what is on disk. The outbox
	// takes nothing more; the process has to end and look at the file anew.
	ErrStorage = errors.New("storage failed")

	// ErrNoEntry: a retry or discard named an entry that is not there, or that is
	// not in a condition for it.
	ErrNoEntry = errors.New("no such entry")
)

// Setting says how an outbox is kept. The zero value of a field is its default.
type Setting struct {
	Size    int64                              // bytes of the file; default 16 MiB
	Stamp   func(time.Time) station.Stamp      // required
	Log     *slog.Logger                       // default: nowhere
	Program func() station.Program             // the program in force; asked at each record; required
	Settle  func(backend string) time.Duration // how long an absence proves nothing; default 60 s
}

const (
	defaultSize   = 16 << 20
	defaultSettle = 60 * time.Second
	fillLimit     = 0.8 // of the file, so that a delete always finds free pages
	pageOverhead  = 1.15
	mostKept      = 500 // unknown scans; the oldest gives way, and the log has them all
)

var (
	bucketQ    = []byte("q")
	bucketMeta = []byte("meta")
)

// An Outbox is the station's durable memory: events, entries and state in one
// file. Its methods may be called from several goroutines.
type Outbox struct {
	path    string
	db      *bbolt.DB
	setting Setting

	queued struct { // writes that wait to share the next commit
		sync.Mutex
		writes []*write
	}

	// mu guards everything below. It is held during a commit, so that nobody ever
	// sees a state that is not on disk yet.
	mu       sync.Mutex
	failed   error
	state    station.State
	lanes    map[string]*lane
	receipts map[place]string // refs of ended entries that a waiting one is about
	kept     []place
	bytes    int64 // of live records
	clocks   map[string]time.Time
	changed  chan struct{} // closed at the next change
	contacts map[string]station.Contact
	pauses   map[string]time.Time
	counts   station.Counts
	careful  bool      // two unclean ends in a row: every attempt is marked first
	doubted  time.Time // since when an attempt of an earlier process may have been on its way
}

// Open opens the outbox in the file at path, or creates it. The file is created
// whole under another name and renamed, so that a power cut leaves either no
// outbox or a sound one. The caller closes it; another process that opens it
// meanwhile gets an error after a second.
func Open(path string, setting Setting) (*Outbox, error) {
	if setting.Size == 0 {
		setting.Size = defaultSize
	}
	if setting.Log == nil {
		setting.Log = slog.New(slog.DiscardHandler)
	}
	if setting.Settle == nil {
		setting.Settle = func(string) time.Duration { return defaultSettle }
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := create(path, setting.Size); err != nil {
			return nil, fmt.Errorf("outbox %s: %w", path, err)
		}
	}
	db, err := bbolt.Open(path, 0o600, options(setting.Size))
	if errors.Is(err, bbolterrors.ErrTimeout) {
		err = errors.New("another stationd has it open; stop that one first")
	}
	if err != nil {
		return nil, fmt.Errorf("outbox %s: %w", path, err)
	}
	o := &Outbox{
		path:     path,
		db:       db,
		setting:  setting,
		lanes:    make(map[string]*lane),
		receipts: make(map[place]string),
		changed:  make(chan struct{}),
		contacts: make(map[string]station.Contact),
		pauses:   make(map[string]time.Time),
		counts:   station.Counts{Events: make(map[string]int), Outcomes: make(map[[2]string]int)},
	}
	if err := o.load(); err != nil {
		return nil, fmt.Errorf("outbox %s: %w", path, errors.Join(err, db.Close()))
	}
	return o, nil
}

// options are the measured ones. The page size must be said: a kernel with 16 KiB
// pages would otherwise write three times as much for each press.
func options(size int64) *bbolt.Options {
	return &bbolt.Options{
		PageSize:        4096,
		Timeout:         time.Second,
		NoFreelistSync:  true,
		FreelistType:    bbolt.FreelistMapType,
		NoStatistics:    true,
		InitialMmapSize: int(size),
	}
}

// create makes a sound, empty outbox of the given size at path.
func create(path string, size int64) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	making := path + ".new"
	if err := os.Remove(making); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	db, err := bbolt.Open(making, 0o600, options(size))
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		q, err := tx.CreateBucket(bucketQ)
		if err != nil {
			return err
		}
		meta, err := tx.CreateBucket(bucketMeta)
		if err != nil {
			return err
		}
		record, err := encode(kindState, ^place(0), station.State{})
		if err != nil {
			return err
		}
		return errors.Join(
			q.Put(stateKey, record),
			meta.Put([]byte("version"), []byte{version}),
			meta.Put([]byte("id"), []byte(station.NewID())),
			meta.Put([]byte("watermark"), binary.BigEndian.AppendUint64(nil, 0)),
		)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := fill(making, size); err != nil {
		return err
	}
	if err := os.Rename(making, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// fill writes zeros up to size, so that the card has the blocks for good.
func fill(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	for zeros := make([]byte, 1<<20); end < size; {
		n, err := f.Write(zeros[:min(int64(len(zeros)), size-end)])
		if err != nil {
			return err
		}
		end += int64(n)
	}
	return errors.Join(f.Sync(), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// session is what the file knows of the process that has, or had, it open.
type session struct {
	Began   station.Stamp   `json:"began"`
	Clean   bool            `json:"clean"`             // it stopped with nothing in the air
	Unclean []station.Stamp `json:"unclean,omitempty"` // beginnings of processes before it that did not
}

const (
	carefulEnds   = 2 // unclean ends
	carefulWithin = 10 * time.Minute
)

// load reads the index of everything that waits, and begins a session.
func (o *Outbox) load() error {
	now := o.setting.Stamp(time.Now())
	clean := false
	err := o.db.Update(func(tx *bbolt.Tx) error {
		q, meta := tx.Bucket(bucketQ), tx.Bucket(bucketMeta)
		if q == nil || meta == nil {
			return errors.New("this is not an outbox of stationd")
		}
		if v := meta.Get([]byte("version")); len(v) != 1 || v[0] != version {
			return fmt.Errorf("outbox of version %d; this program reads version %d: use the stationd that wrote it", v, version)
		}
		if err := unmarshal(meta, "clocks", &o.clocks); err != nil {
			return err
		}
		if o.clocks == nil {
			o.clocks = make(map[string]time.Time)
		}
		var last session
		if err := unmarshal(meta, "session", &last); err != nil {
			return err
		}
		next := session{Began: now}
		switch {
		case last.Began == (station.Stamp{}), last.Clean:
			clean = true
		default:
			next.Unclean = recent(append(last.Unclean, last.Began), now)
			o.careful = len(next.Unclean) >= carefulEnds
			o.doubted = time.Now()
			if last.Began.Boot != now.Boot {
				o.doubted = time.Now().Add(-now.Up)
			}
		}
		if err := o.index(q); err != nil {
			return err
		}
		if err := o.watermark(q, meta); err != nil {
			return err
		}
		return marshal(meta, "session", next)
	})
	if err != nil {
		return err
	}
	for _, l := range o.lanes {
		if i := l.head(); i >= 0 && !clean && l.slots[i].suspect() {
			l.attempt = attempt{at: l.slots[i].at, doubtful: true, since: o.doubted}
		}
	}
	return nil
}

// recent drops the stamps that are known to be older than carefulWithin.
func recent(stamps []station.Stamp, now station.Stamp) []station.Stamp {
	return slices.DeleteFunc(stamps, func(s station.Stamp) bool {
		age, known := now.Since(s)
		return known && age > carefulWithin
	})
}

func marshal(b *bbolt.Bucket, key string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.Put([]byte(key), text)
}

func unmarshal(b *bbolt.Bucket, key string, into any) error {
	text := b.Get([]byte(key))
	if text == nil {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("meta %s: %w", key, err)
	}
	return nil
}

// index reads every record once and keeps of each what the lanes need.
func (o *Outbox) index(q *bbolt.Bucket) error {
	ids := make(map[station.ID]place)
	return q.ForEach(func(k, v []byte) error {
		if string(k) == string(stateKey) {
			return decode(v, kindState, ^place(0), &o.state)
		}
		at, err := placeFrom(k)
		if err != nil {
			return err
		}
		o.bytes += int64(len(k) + len(v))
		if at.index() == 0 {
			var ev eventRecord
			if err := decode(v, kindEvent, at, &ev); err != nil {
				return fmt.Errorf("event %d: %w", at.sequence(), err)
			}
			if ev.Kept {
				o.kept = append(o.kept, at)
			}
			return nil
		}
		switch found, _, _, err := open(v); {
		case err != nil:
			return fmt.Errorf("entry %d.%d: %w", at.sequence(), at.index(), err)
		case found == kindFate:
			var f fateRecord
			if err := decode(v, kindFate, at, &f); err != nil {
				return fmt.Errorf("entry %d.%d: %w", at.sequence(), at.index(), err)
			}
			ids[f.ID] = at
			o.receipts[at] = f.Ref
			return nil
		}
		var e entryRecord
		if err := decode(v, kindEntry, at, &e); err != nil {
			return fmt.Errorf("entry %d.%d: %w", at.sequence(), at.index(), err)
		}
		ids[e.ID] = at
		var about place
		if e.About != "" {
			var ok bool
			if about, ok = ids[e.About]; !ok {
				return fmt.Errorf("entry %s: it is about %s, which is not there", e.ID, e.About)
			}
		}
		o.lane(e.Lane).append(slotOf(at, e, about))
		return nil
	})
}

// watermark notes in meta up to which sequence everything has ended.
func (o *Outbox) watermark(q, meta *bbolt.Bucket) error {
	ended := q.Sequence()
	for _, l := range o.lanes {
		if len(l.slots) > 0 {
			ended = min(ended, l.slots[0].at.sequence()-1)
		}
	}
	return meta.Put([]byte("watermark"), binary.BigEndian.AppendUint64(nil, ended))
}

func (o *Outbox) lane(name string) *lane {
	l := o.lanes[name]
	if l == nil {
		l = &lane{name: name, abouts: make(map[place][]place)}
		o.lanes[name] = l
	}
	return l
}

// Close stops taking events. Where an attempt may have arrived and nobody knows,
// that is noted on the entry; everything else is then certain, and the file says
// that the process ended cleanly. Nobody may be running Run any more.
func (o *Outbox) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed != nil {
		return o.db.Close()
	}
	err := o.update(func(b *batch) error {
		for _, l := range o.lanes {
			if l.attempt.doubtful {
				if err := b.doubt(l, l.attempt.at); err != nil {
					return err
				}
			}
		}
		meta := b.tx.Bucket(bucketMeta)
		var s session
		if err := unmarshal(meta, "session", &s); err != nil {
			return err
		}
		s.Clean, s.Unclean = true, nil
		b.changed = true
		return errors.Join(marshal(meta, "session", s), o.watermark(b.q, meta))
	})
	o.failed = fmt.Errorf("outbox %s: closed", o.path)
	if err := errors.Join(err, o.db.Close()); err != nil {
		return fmt.Errorf("outbox %s: %w", o.path, err)
	}
	return nil
}

// State returns the state that is on disk.
func (o *Outbox) State() station.State {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state
}

// Changed returns a channel that is closed when the state, the entries or a
// backend's contact changes next.
func (o *Outbox) Changed() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changed
}

// tell wakes everybody who waits for a change. The caller holds mu.
func (o *Outbox) tell() {
	close(o.changed)
	o.changed = make(chan struct{})
}

// Err returns why the outbox takes nothing more; nil while it does.
func (o *Outbox) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failed
}

// Snapshot fills in what the outbox knows of the station at this moment.
func (o *Outbox) Snapshot() station.Snapshot {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := station.Snapshot{
		State: o.state,
		Kept:  len(o.kept),
		Health: station.Health{
			Fill:     o.fill(),
			Backends: maps.Clone(o.contacts),
		},
		Counts: station.Counts{
			Events:   maps.Clone(o.counts.Events),
			Outcomes: maps.Clone(o.counts.Outcomes),
			Unknown:  o.counts.Unknown,
		},
	}
	switch {
	case o.failed != nil:
		s.Health.Storage = o.failed.Error()
	case s.Health.Fill >= 1:
		s.Health.Storage = ErrFull.Error()
	}
	oldest := ^place(0)
	for _, l := range o.lanes {
		for _, slot := range l.slots {
			if slot.held {
				s.Held++
				continue
			}
			s.Waiting++
			oldest = min(oldest, slot.at)
		}
	}
	if s.Waiting > 0 && o.failed == nil {
		// A record that cannot be read shows when its turn comes; here it only
		// leaves the age unknown.
		_ = o.db.View(func(tx *bbolt.Tx) error {
			var e entryRecord
			err := decode(tx.Bucket(bucketQ).Get(oldest.key()), kindEntry, oldest, &e)
			s.Oldest = e.At
			return err
		})
	}
	return s
}

// HoldStrangers holds the entries of backends that are not configured any more:
// they wait for a person, or for the configuration to come back.
func (o *Outbox) HoldStrangers(configured func(backend string) bool) error {
	return o.write(func(b *batch) error {
		for _, l := range o.lanes {
			if configured(l.backend()) {
				continue
			}
			for i := range l.slots {
				if l.slots[i].held {
					continue
				}
				e, err := b.entry(l.slots[i].at)
				if err != nil {
					return err
				}
				rc := misfit("no backend %q is configured any more", l.backend())
				b.state = b.state.Settle(station.Delivery{Entry: e.Entry}, rc)
				e.Condition, e.Hold, e.Reason, e.Before = station.Held, rc.Holds(), rc.Err.Error(), nil
				l.slots[i].held = true
				if err := b.put(kindEntry, l.slots[i].at, e); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// fill is how full the outbox is: 1 when it takes no more. The caller holds mu.
func (o *Outbox) fill() float64 {
	return float64(o.bytes) * pageOverhead / (float64(o.setting.Size) * fillLimit)
}

// hash is a short stand-in for an ID in memory; the disk has the whole one.
func hash(id station.ID) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	return h.Sum64()
}
