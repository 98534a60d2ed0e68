package queue

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"stationd/internal/queue/format"
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

// The errors of Open, and of whatever else looks at the file.
var (
	// ErrDamaged: the file is not what was written.
	ErrDamaged = format.ErrDamaged

	// ErrLocked: another process has the outbox open.
	ErrLocked = format.ErrLocked

	// ErrNewer: a newer version of stationd wrote the outbox or its spare file. That is
	// no damage: nothing of it is read, salvaged or changed, and no other start mends it.
	ErrNewer = format.ErrNewer
)

// Salvaged is the kind of the event, of source station, that says what was saved
// from a damaged file. It is kept until a person has put it away, and until then
// Faults says that a person must look.
const Salvaged = format.Salvaged

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

	// BestEffort is handed each action that makes no entry, once its event is on disk.
	// It must not block. Without it such actions come to nothing.
	BestEffort func(station.Event, station.Action)

	// Delivered is told of each entry that was delivered, how long after its event that
	// was. It must not block. nil: nobody is.
	Delivered func(backend string, took time.Duration)

	// Verify looks at the file in another process, with a time limit, before it is
	// opened: a damaged page can stop a process inside bbolt where nothing can be
	// recovered, or hang it. An error that wraps ErrDamaged has the file set aside
	// and salvaged; any other leaves it as it is and is Open's error. Without it
	// the file is opened unseen.
	Verify func(path string) error

	faults format.Faults // for tests: what a disk can do
}

const (
	defaultSize   = 64 << 20
	defaultSettle = 60 * time.Second
	mostKept      = 500 // unknown scans; the oldest gives way, and the log has them all
)

// An Outbox is the station's durable memory: events, entries and state in one
// file. Its methods may be called from several goroutines.
//
// A change is made by whoever holds mu, in one transaction and in memory alike, and mu is
// held until the disk has it: nobody ever acts on a state that is not on disk. Who only
// looks takes the view, and waits for nobody.
type Outbox struct {
	setting Setting
	file    *format.File
	queued  queuedChanges
	view    atomic.Pointer[view]
	ends    recentEnds
	lanes   []station.LaneStatus // as Lanes lists them after the commit lanesAt; never changed
	lanesAt uint64
	recent  []station.RecentEvent // the newest first; a view has it too, and it is never changed

	committing atomic.Pointer[time.Time] // when the commit under way began
	read       atomic.Int64              // records that were read for lists

	mu         sync.Mutex       // guards everything below, and what the file is told
	failed     error            // why it takes nothing more
	state      station.State    // as it is on disk
	stateBytes int              // as it was written last
	index      *index           // of what is on disk
	lately     lately           // the entries that were written last
	schedule   *schedule        // whose turn it is
	clocks     clocks           // of the last boots
	commands   []format.Command // the last ones that were recorded
	counts     station.Counts   // since the process began
	history    history          // what is done
	warned     float64          // the fill that was last warned of
	careful    bool             // two unclean ends in a row: every attempt is marked first
	began      time.Time        // since when no attempt of an earlier process can have begun

	workers map[string]*backendWorkers // by backend
}

// Open opens the outbox in the file at path, or creates it. The file is created
// whole under another name and renamed, so that a power cut leaves either no
// outbox or a sound one. A damaged file is set aside beside it and what can be read
// of it is saved in a new one; the event of that is kept until a person has put it
// away, and Faults says so until then. A file of a newer version is no damaged one: it is
// left as it is, and the error wraps ErrNewer. The caller closes the outbox; another
// process that opens it meanwhile gets an error after a second.
func Open(path string, setting Setting) (*Outbox, error) {
	setting.Size = cmp.Or(setting.Size, defaultSize)
	if setting.Log == nil {
		setting.Log = slog.New(slog.DiscardHandler)
	}
	if setting.Settle == nil {
		setting.Settle = func(string) time.Duration { return defaultSettle }
	}
	if setting.Delivered == nil {
		setting.Delivered = func(string, time.Duration) {}
	}
	if setting.BestEffort == nil {
		setting.BestEffort = func(station.Event, station.Action) {}
	}
	file, err := format.Open(path, format.Options{
		Size: setting.Size, Stamp: setting.Stamp, Log: setting.Log, Machine: setting.Machine,
		Verify: setting.Verify, Faults: setting.faults,
	})
	if err != nil {
		return nil, fmt.Errorf("outbox %s: %w", path, err)
	}
	index := newIndex()
	o := &Outbox{
		setting: setting,
		queued:  newQueuedChanges(),
		file:    file,
		index:   index,
		workers: make(map[string]*backendWorkers),
		history: history{dir: setting.History, days: cmp.Or(setting.Days, defaultDays)},
		counts:  station.Counts{Events: make(map[string]int)},
	}
	o.schedule = newSchedule(index.lanes, o.entry)
	if err = o.load(); err == nil {
		err = o.checkHome()
	}
	if err != nil {
		return nil, fmt.Errorf("outbox %s: %w", path, errors.Join(err, file.Close()))
	}
	o.publish()
	return o, nil
}

const (
	carefulEnds   = 2 // unclean ends
	carefulWithin = 10 * time.Minute
)

// load reads the index of everything that waits, and begins a session: with the last of the
// transactions that keepDoubt takes, mostly the only one. It is called by Open alone.
func (o *Outbox) load() error {
	now := o.setting.Stamp(time.Now())
	var last, next format.Session
	var doubts []doubt
	begin := func(tx *format.Tx) (err error) {
		if doubts, err = o.keepDoubt(tx, doubts, last); err != nil {
			return err
		}
		if err := o.putState(tx, o.state); err != nil || len(doubts) > 0 {
			return err
		}
		if err := tx.PutProgram(o.setting.Version); err != nil {
			return err
		}
		return tx.ChangeSession(func(s *format.Session) { *s = next })
	}
	err := o.file.Update(func(tx *format.Tx) (err error) {
		if err := o.readClocks(tx, now); err != nil {
			return err
		}
		if last, err = tx.Session(); err != nil {
			return err
		}
		o.commands, o.schedule.marks = last.Commands, last.Marks
		next = format.Session{Began: now, Ages: true, Commands: last.Commands, Marks: last.Marks}
		o.began = time.Now()
		if last.Began.Boot != now.Boot {
			o.began = time.Now().Add(-now.Up)
		}
		clean := last.Began == station.Stamp{} || last.Clean
		if !clean {
			next.Unclean = recent(append(last.Unclean, last.Began), now)
			o.careful = len(next.Unclean) >= carefulEnds
		}
		state, _, err := tx.State()
		if err != nil {
			return err
		}
		o.state = state.State
		for r, err := range tx.Records(0) {
			if err != nil {
				return err
			}
			if err := o.index.load(r); err != nil {
				return err
			}
		}
		doubts = o.index.doubts(clean, last)
		return begin(tx)
	})
	for err == nil && len(doubts) > 0 {
		err = o.file.Update(begin)
	}
	return err
}

// recent drops the stamps that are known to be older than carefulWithin.
func recent(stamps []station.Stamp, now station.Stamp) []station.Stamp {
	return slices.DeleteFunc(stamps, func(s station.Stamp) bool {
		age, known := now.Since(s)
		return known && age > carefulWithin
	})
}

// putState writes the state, and with it what a salvage needs to know. The caller holds
// mu, or is Open.
func (o *Outbox) putState(tx *format.Tx, state station.State) (err error) {
	last := tx.Sequence()
	o.stateBytes, err = tx.PutState(format.State{State: state, Sequence: last, Ended: o.index.watermark(last)})
	return err
}

// The fills that are warned of: in the log, and the second by Faults as well.
const (
	fillRemarkable = 0.5
	fillAlarming   = 0.8
)

// warn says once that the outbox is getting full. The caller holds mu.
func (o *Outbox) warn() {
	fill := o.file.Fill()
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

// Close stops taking events. Where an attempt may have arrived and nobody knows,
// that is noted on the entry, and since when; everything else is then certain, and
// the file says that the process ended cleanly. Nobody may be running Run any more.
func (o *Outbox) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed != nil {
		return o.file.Close()
	}
	err := o.commit(func(b *batch) error {
		for _, l := range o.index.lanes {
			var err error
			switch {
			case l.attempt.doubtful:
				err = b.markDoubtful(l, l.attempt.at, l.attempt.since)
			case l.attempt.number > 0:
				err = b.markCertain(l, l.attempt.at)
			}
			if err != nil {
				return err
			}
		}
		return b.tx.ChangeSession(func(s *format.Session) { s.Clean, s.Unclean = true, nil })
	})
	o.failed = fmt.Errorf("outbox %s: closed", o.file.Path())
	o.publish()
	if err := errors.Join(err, o.file.Close()); err != nil {
		return fmt.Errorf("outbox %s: %w", o.file.Path(), err)
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

// Verify checks what is in the file, while recording goes on; see format.File.Verify.
// It reports everything that it finds, joined; nil says that it is sound.
func (o *Outbox) Verify() error {
	if err := o.file.Verify(); err != nil {
		return fmt.Errorf("outbox %s: %w", o.file.Path(), err)
	}
	return nil
}

// HoldOrphaned holds the entries of backends that are not configured any more:
// they wait for a person, or for the configuration to come back. After an error some of
// them may be held, and it can be repeated.
func (o *Outbox) HoldOrphaned(configured func(backend string) bool) error {
	o.mu.Lock()
	all := o.index.entries(func(l *lane) bool { return !configured(l.backend()) }, func(s slot) bool { return !s.held })
	o.mu.Unlock()
	return o.changeMany(all, func(b *batch, l *lane, s *slot) error {
		if s.held {
			return nil
		}
		e, err := b.entry(s.at)
		if err != nil {
			return err
		}
		return b.hold(l, s, e, misfit("no-vendor", "no backend %q is configured any more", l.backend()))
	})
}

// hold gives an entry that nobody is delivering to a person. What is known of its
// earlier attempts stays with it.
func (b *batch) hold(l *lane, s *slot, e format.Entry, rc station.Receipt) error {
	if l.attempt.at == s.at {
		l.attempt = attempt{} // the disk has all of it
	}
	e.Doubtful = e.MayHaveArrived() || rc.Outcome == station.Doubtful
	if e.Doubtful {
		rc, e.Unsent = inDoubt(rc), false
	}
	b.state = b.state.Settle(station.Delivery{Entry: e.Entry}, rc)
	e.Condition, e.Hold, e.Reason, e.Why = station.Held, rc.Holds(), rc.Err.Error(), station.ReasonOf(rc.Err)
	s.held, s.marked, s.claimed, s.unsent = true, false, false, e.Unsent
	return b.putEntry(s.at, e)
}

// TryNow ends the waiting for backends whose key was wrong: somebody has changed
// the configuration, and does not want to wait for the next try to see whether it
// is right now. What may have been held for the key goes back to wait where it is.
func (o *Outbox) TryNow() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for backend, k := range o.schedule.keys {
		k.recheck = len(k.refused) > 0
		o.schedule.keys[backend] = k
	}
	for backend, c := range o.schedule.contacts {
		if c.Fault == "" {
			continue
		}
		delete(o.schedule.pauses, backend)
		for _, l := range o.index.lanes {
			if l.backend() == backend {
				l.clearWait()
			}
		}
	}
	o.publish()
}
