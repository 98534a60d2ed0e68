package queue

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

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
	Size    int64                              // bytes of the file; default 64 MiB, room for 50,000 entries
	Stamp   func(time.Time) station.Stamp      // required
	Log     *slog.Logger                       // default: nowhere
	Program func() station.Program             // the program in force; asked at each record; required
	Version string                             // of the program; the file says which one wrote it
	History string                             // the folder of the history; empty: none is kept
	Days    int                                // how many days of it are kept; default 30
	Settle  func(backend string) time.Duration // how long an absence proves nothing; default 60 s

	// Machine tells this computer from every other: its serial number. An outbox that
	// was last open on another one is a copy. Empty: it is not known.
	Machine string

	// Fleeting is handed each action that makes no entry, once its event is on disk.
	// It must not block. Without it such actions come to nothing.
	Fleeting func(station.Event, station.Action)

	// Verify looks at the file in another process, with a time limit, before it is
	// opened: a damaged page can stop a process inside bbolt where nothing can be
	// recovered, or hang it. An error that wraps ErrDamaged has the file set aside
	// and salvaged; any other leaves it as it is and is Open's error. Without it
	// the file is opened unseen.
	Verify func(path string) error

	// For tests: what a disk can do to a commit and to the spare file.
	noSync bool
	commit func(*bbolt.Tx) error
	rescue func(path string, data []byte) error
}

const (
	defaultSize   = 64 << 20
	defaultSettle = 60 * time.Second
	fillLimit     = 0.8  // of the file's pages, so that a delete always finds free ones
	fillPercent   = 0.95 // of a page, before the next is begun: keys only ascend
	mostKept      = 500  // unknown scans; the oldest gives way, and the log has them all
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
		writes   []*write
		recorded time.Time // when the last event came
	}

	committing atomic.Pointer[time.Time] // when the commit under way began

	seen atomic.Pointer[view] // for whoever only looks
	read atomic.Int64         // records that were read for them
	ends endings

	// mu guards everything below. It is held during a commit, so that nobody ever
	// sees a state that is not on disk yet.
	mu         sync.Mutex
	failed     error
	state      station.State
	stateBytes int // as it was written last
	lanes      map[string]*lane
	receipts   map[place]string // refs of ended entries that a waiting one is about
	waiting    places           // entries that wait or are marked
	held       places           // entries that are held
	kept       places           // events that are kept
	oldest     struct {         // of those that wait
		at    place
		stamp station.Stamp
	}
	notices  map[place]string // of kept, those of the program's own
	commits  uint64           // the number of the last one
	size     int64            // of the file
	used     int              // pages
	warned   float64          // the fill that was last warned of
	clocks   []bootClock      // in the order of the boots
	learned  bool             // something of this boot's clock is not on disk yet
	contacts map[string]station.Contact
	pauses   map[string]time.Time
	away     map[string]absence // of the backends that are out of reach
	counts   station.Counts
	history  history
	keys     map[string]keyRecord // by backend
	commands []commandRecord      // the last ones that were recorded
	marks    map[string]station.Marks
	careful  bool      // two unclean ends in a row: every attempt is marked first
	began    time.Time // since when no attempt of an earlier process can have begun
}

// Open opens the outbox in the file at path, or creates it. The file is created
// whole under another name and renamed, so that a power cut leaves either no
// outbox or a sound one. A damaged file is set aside beside it and what can be read
// of it is saved in a new one; the event of that is kept until a person has put it
// away, and Tell says so until then. A file of a newer version is no damaged one: it is
// left as it is, and the error wraps ErrNewer. The caller closes the outbox; another
// process that opens it meanwhile gets an error after a second.
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
	if setting.Fleeting == nil {
		setting.Fleeting = func(station.Event, station.Action) {}
	}
	if setting.commit == nil {
		setting.commit = commit
	}
	if setting.rescue == nil {
		setting.rescue = writeWhole
	}
	if err := ready(path, setting); err != nil {
		return nil, fmt.Errorf("outbox %s: %w", path, err)
	}
	db, err := openFile(path, setting)
	if err != nil {
		return nil, fmt.Errorf("outbox %s: %w", path, err)
	}
	o := &Outbox{
		path:     path,
		db:       db,
		setting:  setting,
		lanes:    make(map[string]*lane),
		receipts: make(map[place]string),
		notices:  make(map[place]string),
		contacts: make(map[string]station.Contact),
		pauses:   make(map[string]time.Time),
		away:     make(map[string]absence),
		keys:     make(map[string]keyRecord),
		history:  history{dir: setting.History, days: cmp.Or(setting.Days, defaultDays)},
		counts:   station.Counts{Events: make(map[string]int), Outcomes: make(map[[2]string]int)},
	}
	if err := o.load(); err != nil {
		return nil, fmt.Errorf("outbox %s: %w", path, errors.Join(err, db.Close()))
	}
	o.tell()
	return o, nil
}

// session is what the file knows of the process that has, or had, it open.
type session struct {
	Began   station.Stamp   `json:"began"`
	Clean   bool            `json:"clean"`             // it stopped with nothing in the air
	Ages    bool            `json:"ages,omitempty"`    // it keeps on the entries the age of doubt, and whether any attempt began
	Unclean []station.Stamp `json:"unclean,omitempty"` // beginnings of processes before it that did not

	Commands []commandRecord `json:"commands,omitempty"` // the last ones that were recorded, of whatever process

	Marks map[string]station.Marks `json:"marks,omitempty"` // what each backend was last seen to do with them
}

const (
	carefulEnds   = 2 // unclean ends
	carefulWithin = 10 * time.Minute
)

// changeSession changes what the file knows of the process that has it open.
func changeSession(tx *bbolt.Tx, change func(*session)) error {
	meta := tx.Bucket(bucketMeta)
	var s session
	if err := unmarshal(meta, "session", &s); err != nil {
		return err
	}
	change(&s)
	return marshal(meta, "session", s)
}

// load reads the index of everything that waits, and begins a session.
func (o *Outbox) load() error {
	now := o.setting.Stamp(time.Now())
	clean := false
	err := o.db.Update(func(tx *bbolt.Tx) (err error) {
		defer func() { err = refuseTx(tx, err) }()
		q, meta := tx.Bucket(bucketQ), tx.Bucket(bucketMeta)
		if q == nil || meta == nil {
			return errors.New("this is not an outbox of stationd")
		}
		if err := checkVersion(q, meta); err != nil {
			return err
		}
		if err := o.readClocks(meta, now); err != nil {
			return err
		}
		var last session
		if err := unmarshal(meta, "session", &last); err != nil {
			return err
		}
		o.commands, o.marks = last.Commands, last.Marks
		next := session{Began: now, Ages: true, Commands: last.Commands, Marks: last.Marks}
		o.began = time.Now()
		if last.Began.Boot != now.Boot {
			o.began = time.Now().Add(-now.Up)
		}
		switch {
		case last.Began == (station.Stamp{}), last.Clean:
			clean = true
		default:
			next.Unclean = recent(append(last.Unclean, last.Began), now)
			o.careful = len(next.Unclean) >= carefulEnds
		}
		if err := o.index(q); err != nil {
			return err
		}
		// The next number belongs to the transaction that a power cut may have left
		// half written in free pages.
		o.commits++
		if err := o.keepDoubt(q, o.commits+1, clean, last); err != nil {
			return err
		}
		record, err := o.putState(q, o.commits+1, o.state)
		if err != nil {
			return err
		}
		o.stateBytes = len(record)
		o.commits++
		if err := meta.Put([]byte("program"), []byte(o.setting.Version)); err != nil {
			return err
		}
		return marshal(meta, "session", next)
	})
	if err != nil {
		return err
	}
	if err := o.weigh(); err != nil {
		return err
	}
	return o.settleIn()
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
	return q.ForEach(func(k, v []byte) error {
		h, body, err := open(v)
		if err != nil {
			return fmt.Errorf("record at %x: %w", k, err)
		}
		if h.at == statePlace {
			o.commits = h.commit
			var s stateRecord
			err := read(h.kind, body, &s)
			o.state = s.State
			return err
		}
		return o.indexOne(h, body)
	})
}

func (o *Outbox) indexOne(h head, body []byte) error {
	switch h.kind {
	case kindKept:
		var ev station.Event
		if err := read(h.kind, body, &ev); err != nil {
			return fmt.Errorf("event %d: %w", h.at.sequence(), err)
		}
		o.kept.add(h.at)
		if ev.Source == station.FromStation {
			o.notices[h.at] = ev.Code
		}
	case kindFate:
		var f fateRecord
		if err := read(h.kind, body, &f); err != nil {
			return fmt.Errorf("entry %d.%d: %w", h.at.sequence(), h.at.index(), err)
		}
		o.receipts[h.at] = f.Ref
	case kindEntry:
		l, _, err := labelFrom(body)
		if err != nil {
			return fmt.Errorf("entry %d.%d: %w", h.at.sequence(), h.at.index(), err)
		}
		if l.condition == station.Held {
			o.held.add(h.at)
		} else {
			o.waiting.add(h.at)
		}
		o.lane(l.lane).append(slot{
			at: h.at, id: l.id, about: l.about,
			held: l.condition == station.Held, marked: l.condition == station.Marked,
			barrier: l.barrier, marks: l.marks, unsent: l.unsent,
		})
	}
	return nil
}

// endedUpTo is the sequence up to which no entry waits or is held. The caller
// holds mu.
func (o *Outbox) endedUpTo(last uint64) uint64 {
	for _, l := range o.lanes {
		if len(l.slots) > 0 {
			last = min(last, l.slots[0].at.sequence()-1)
		}
	}
	return last
}

// putState writes the state, and with it what a salvage needs to know. It returns
// the record.
func (o *Outbox) putState(q *bbolt.Bucket, commit uint64, state station.State) ([]byte, error) {
	last := q.Sequence()
	record, err := encode(head{kind: kindState, at: statePlace, commit: commit}, stateRecord{State: state, Sequence: last, Ended: o.endedUpTo(last)})
	if err != nil {
		return nil, err
	}
	return record, q.Put(stateKey, record)
}

// weigh takes the measure of a file that has just been opened.
func (o *Outbox) weigh() error {
	info, err := os.Stat(o.path)
	if err != nil {
		return err
	}
	o.size = info.Size()
	return o.measure()
}

// measure counts the pages in use: those below the file's high-water mark that no
// transaction may take. It is the only honest measure of how full the outbox is:
// records larger than a page, and pages that hold few records, take more than
// their bytes. What is drained is free, and as the list of free pages is not on
// disk it costs nothing: the file needs no compacting. The caller holds mu, or is
// Open.
func (o *Outbox) measure() error {
	stats := o.db.Stats()
	return o.db.View(func(tx *bbolt.Tx) error {
		o.used = int(tx.Size()/pageSize) - stats.FreePageN - stats.PendingPageN
		return nil
	})
}

// The fills that are warned of: in the log, and the second by Tell as well.
const (
	fillRemarkable = 0.5
	fillAlarming   = 0.8
)

// warn says once that the outbox is getting full. The caller holds mu.
func (o *Outbox) warn() {
	fill := o.fill()
	step := 0.0
	for _, limit := range []float64{fillRemarkable, fillAlarming, 1} {
		if fill >= limit {
			step = limit
		}
	}
	if step > o.warned {
		o.setting.Log.Warn("the outbox is getting full: deliver or discard entries", "fill", fill, "limit", step)
	}
	if step > o.warned || fill < o.warned-0.1 {
		o.warned = step
	}
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
// that is noted on the entry, and since when; everything else is then certain, and
// the file says that the process ended cleanly. Nobody may be running Run any more.
func (o *Outbox) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed != nil {
		return o.db.Close()
	}
	err := o.update(func(b *batch) error {
		for _, l := range o.lanes {
			var err error
			switch {
			case l.attempt.doubtful:
				err = b.doubt(l, l.attempt.at, l.attempt.since)
			case l.attempt.number > 0:
				err = b.certain(l, l.attempt.at)
			}
			if err != nil {
				return err
			}
		}
		b.changed = true
		return changeSession(b.tx, func(s *session) { s.Clean, s.Unclean = true, nil })
	})
	o.failed = fmt.Errorf("outbox %s: closed", o.path)
	o.tell()
	if err := errors.Join(err, o.db.Close()); err != nil {
		return fmt.Errorf("outbox %s: %w", o.path, err)
	}
	return nil
}

// Committing returns when the commit under way began, and the zero time while there
// is none. It waits for nothing: who asks wants to know whether the disk hangs.
func (o *Outbox) Committing() (began time.Time) {
	if at := o.committing.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// HoldStrangers holds the entries of backends that are not configured any more:
// they wait for a person, or for the configuration to come back.
func (o *Outbox) HoldStrangers(configured func(backend string) bool) error {
	return o.write(func(b *batch) error {
		for _, l := range o.lanes {
			if configured(l.backend()) {
				continue
			}
			if err := b.holdLane(l, misfit("no backend %q is configured any more", l.backend())); err != nil {
				return err
			}
		}
		return nil
	})
}

// holdLane gives everything that waits in a lane to a person, for one reason.
func (b *batch) holdLane(l *lane, rc station.Receipt) error {
	for i := range l.slots {
		if l.slots[i].held {
			continue
		}
		e, err := b.entry(l.slots[i].at)
		if err != nil {
			return err
		}
		if err := b.hold(l, &l.slots[i], e, rc); err != nil {
			return err
		}
	}
	return nil
}

// hold gives an entry that nobody is delivering to a person. What is known of its
// earlier attempts stays with it.
func (b *batch) hold(l *lane, s *slot, e entryRecord, rc station.Receipt) error {
	if l.attempt.at == s.at {
		l.attempt = attempt{} // the disk has all of it
	}
	e.Doubtful = e.mayHaveArrived() || rc.Outcome == station.Doubtful
	if e.Doubtful {
		rc, e.Unsent = inDoubt(rc), false
	}
	b.state = b.state.Settle(station.Delivery{Entry: e.Entry}, rc)
	e.Condition, e.Hold, e.Reason = station.Held, rc.Holds(), rc.Err.Error()
	s.held, s.marked, s.claimed, s.unsent = true, false, false, e.Unsent
	return b.put(kindEntry, s.at, e)
}

// fill is how full the outbox is: 1 when it takes no more. The caller holds mu.
func (o *Outbox) fill() float64 {
	return float64(o.used) * pageSize / (float64(o.size) * fillLimit)
}

// hash is a short stand-in for an ID in memory; the disk has the whole one.
func hash(id station.ID) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	return h.Sum64()
}
