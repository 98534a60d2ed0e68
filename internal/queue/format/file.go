package format

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// This file opens the outbox's file, or makes it: whole under another name first, and as
// large as it ever gets.

// ErrDamaged is wrapped by what VerifyFile finds wrong with the file itself. Open
// then sets the file aside and saves what can be read; on any other error it
// leaves the file as it is.
var ErrDamaged = errors.New("the outbox is damaged")

// ErrLocked is wrapped by Open's error while another process has the outbox open.
var ErrLocked = errors.New("another stationd has it open; stop that one first")

var errNoOutbox = errors.New("this is not an outbox of stationd")

// PageSize is the size of the file's pages in bytes, whatever the kernel's is.
const PageSize = 4096

const fillLimit = 0.8 // of the file's pages, so that a delete always finds free ones

// Options say how a file is opened.
type Options struct {
	Size    int64                         // bytes of the file; required
	Stamp   func(time.Time) station.Stamp // required
	Log     *slog.Logger                  // required
	Machine string                        // this computer's serial number; empty: it is not known

	// Verify looks at the file in another process before it is opened; nil: nobody does.
	Verify func(path string) error

	Faults Faults
}

// Faults are what a test has a disk do. The zero value is the disk as it is.
type Faults struct {
	NoSync bool                                 // nothing is synced
	Commit func(*bbolt.Tx) error                // in place of a commit
	Rescue func(path string, data []byte) error // in place of writing the spare file
}

// A File is an outbox's file, open for this process alone, with its spare file beside
// it. View may be called from several goroutines; everything else from one at a time.
type File struct {
	path    string
	db      *bbolt.DB
	options Options
	seal    seal   // of its records
	size    int64  // bytes
	used    int    // pages
	commits uint64 // the number of the last one

	sequence uint64 // given to an event last

	buffer *recordBuffer    // of the transaction under way
	redo   map[Place][]byte // likewise
}

// Open opens the outbox in the file at path, or creates it. The file is created
// whole under another name and renamed, so that a power cut leaves either no
// outbox or a sound one. A damaged file is set aside beside it and what can be read
// of it is saved in a new one, with a kept event that says so. A file of a newer
// version is no damaged one: it is left as it is, and the error wraps ErrNewer. The
// caller closes the file; another process that opens it meanwhile gets an error that
// wraps ErrLocked, after a second.
func Open(path string, options Options) (*File, error) {
	if options.Faults.Commit == nil {
		options.Faults.Commit = commit
	}
	if options.Faults.Rescue == nil {
		options.Faults.Rescue = writeWhole
	}
	if err := prepare(path, options); err != nil {
		return nil, err
	}
	db, err := openBolt(path, options)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, db: db, options: options, buffer: new(recordBuffer), redo: make(map[Place][]byte)}
	if err = f.upgrade(); err == nil {
		err = f.load()
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return f, nil
}

// load takes the measure of the file.
func (f *File) load() error {
	err := f.View(func(t *Tx) (err error) {
		var state State
		t.release() // bbolt has looked at every page
		state, f.commits, err = t.State()
		f.sequence = state.Sequence
		// The next number belongs to the transaction that a power cut may have left
		// half written in free pages.
		f.commits++
		return err
	})
	if err != nil {
		return err
	}
	info, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	f.size = info.Size()
	return f.measure()
}

// Path returns where the file is.
func (f *File) Path() string { return f.path }

// Home returns where the file is now.
func (f *File) Home() (Home, error) { return homeOf(f.path, f.options.Machine) }

// Commits returns the number of the last commit.
func (f *File) Commits() uint64 { return f.commits }

// Close closes the file. It waits for every View.
func (f *File) Close() error { return f.db.Close() }

// View hands the file to look, as the last commit left it.
func (f *File) View(look func(*Tx) error) error {
	return f.db.View(func(tx *bbolt.Tx) error { return look(txOf(tx, f.seal)) })
}

// Update makes a change in one transaction, and syncs it. After an error nobody knows
// what is on disk, unless it is change's own.
func (f *File) Update(change func(*Tx) error) error {
	spared, err := f.update(change, (*File).commit)
	return errors.Join(spared, err)
}

// UpdateOrSpare is Update, and where the commit fails everything that the transaction
// did is written to the spare file. Then err is nil, so that it may be acknowledged,
// and spared says that the file can take nothing more and why. A change that changes
// nothing writes nothing.
func (f *File) UpdateOrSpare(change func(*Tx) error) (spared, err error) {
	return f.update(change, (*File).commitOrSpare)
}

func (f *File) commit(t *Tx) (spared, err error) { return nil, t.tx.Commit() }

func (f *File) commitOrSpare(t *Tx) (spared, err error) {
	if err := f.options.Faults.Commit(t.tx); err != nil {
		return f.spare(t, err)
	}
	return nil, nil
}

func (f *File) update(change func(*Tx) error, commit func(*File, *Tx) (spared, err error)) (spared, err error) {
	tx, err := f.db.Begin(true)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // after a commit it does nothing
	t := txOf(tx, f.seal)
	t.records.root.FillPercent = fillPercent
	t.commit, t.sequence = f.commits+1, f.sequence
	f.begin(t)
	if err := change(t); err != nil || !t.changed {
		return nil, err
	}
	if spared, err = commit(f, t); err != nil {
		return nil, err
	}
	f.commits, f.sequence = t.commit, t.sequence
	if spared != nil {
		return spared, nil
	}
	return nil, f.measure()
}

// begin gives a transaction the file's buffers. Nobody uses them after its end.
func (f *File) begin(t *Tx) {
	if cap(f.buffer.bytes) > mostBuffer { // of a large transaction: a map keeps its room too
		f.buffer, f.redo = new(recordBuffer), make(map[Place][]byte)
	}
	f.buffer.bytes = f.buffer.bytes[:0]
	clear(f.redo)
	t.redo, t.buffer = f.redo, f.buffer
}

// mostBuffer is how much memory for records is kept from one transaction to the next.
const mostBuffer = 64 << 10

// measure counts the pages in use: those below the file's high-water mark that no
// transaction may take. It is the only honest measure of how full the outbox is:
// records larger than a page, and pages that hold few records, take more than
// their bytes. What is drained is free, and as the list of free pages is not on
// disk it costs nothing: the file needs no compacting.
func (f *File) measure() error {
	stats := f.db.Stats()
	return f.db.View(func(tx *bbolt.Tx) error {
		f.used = int(tx.Size()/PageSize) - stats.FreePageN - stats.PendingPageN
		return nil
	})
}

// Used returns how many pages are in use.
func (f *File) Used() int { return f.used }

// Fill is how full the outbox is: 1 when it takes no more.
func (f *File) Fill() float64 {
	return float64(f.used) * PageSize / (float64(f.size) * fillLimit)
}

// boltOptions are the measured ones. The page size must be said: a kernel with 16 KiB
// pages would otherwise write three times as much for each press. The statistics
// are what tells how many pages are in use.
func boltOptions(size int64) *bbolt.Options {
	return &bbolt.Options{
		PageSize:        PageSize,
		Timeout:         time.Second,
		NoFreelistSync:  true,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: int(size),
	}
}

// openBolt opens the sound outbox at path for this process alone.
func openBolt(path string, options Options) (*bbolt.DB, error) {
	with := boltOptions(options.Size)
	with.NoSync = options.Faults.NoSync
	db, err := bbolt.Open(path, 0o600, with)
	if errors.Is(err, bbolterrors.ErrTimeout) {
		err = ErrLocked
	}
	return db, err
}

// tempName is the name under which a file is made whole before it gets its own.
func tempName(path string) string { return path + ".new" }

// siblingPath is the name of another file of the outbox at path: outbox.db has
// outbox.spare beside it.
func siblingPath(path, suffix string) string { return strings.TrimSuffix(path, ".db") + suffix }

// prepare sees to it that a sound outbox of the wanted size is at path, whatever is
// found there.
func prepare(path string, options Options) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	spare, err := os.ReadFile(siblingPath(path, spareSuffix))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := (seal{}).newerBytes(spare); err != nil {
		return explainNewer(fmt.Errorf("spare file %s: %w", siblingPath(path, spareSuffix), err), nil)
	}
	_, err = os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && spare == nil:
		return create(path, options)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	var damage error
	switch {
	case err != nil:
		damage = errMissing
	case options.Verify != nil:
		if damage = options.Verify(path); damage != nil && !errors.Is(damage, ErrDamaged) {
			return damage
		}
	default:
		if err := readOnly(path, false, checkRecords); errors.Is(err, ErrNewer) {
			return err
		}
	}
	if damage != nil || spare != nil {
		if err := rebuild(path, options, damage, spare); err != nil {
			return err
		}
	}
	return reserve(path, options)
}

// create makes an empty outbox at path.
func create(path string, options Options) error {
	err := build(path, options, func(db *bbolt.DB) error {
		return db.Update(func(tx *bbolt.Tx) error {
			return begin(tx, newSeal(), 0, State{})
		})
	})
	if err != nil {
		return err
	}
	return rename(path)
}

// begin puts into an empty file what every outbox has.
func begin(tx *bbolt.Tx, s seal, commit uint64, state State) error {
	// An older version looks for both buckets before it asks for the version.
	if _, err := tx.CreateBucketIfNotExists(bucketQ); err != nil {
		return err
	}
	meta, err := tx.CreateBucketIfNotExists(bucketMeta)
	if err != nil {
		return err
	}
	state.Seal, state.Old = s.digits, false
	record, err := s.encode(KindState, statePlace, commit, &state)
	if err != nil {
		return err
	}
	return errors.Join(
		recordsOf(tx, false).root.Put(stateKey, record),
		meta.Put([]byte("version"), []byte{current}),
		meta.Put([]byte("seal"), []byte(s.digits)),
		meta.Put([]byte("id"), []byte(station.NewID())),
	)
}

// build makes a file with that content under its temporary name, whole
// and synced. A power cut leaves either no outbox or a sound one.
func build(path string, options Options, content func(*bbolt.DB) error) error {
	name := tempName(path)
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := openBolt(name, options)
	if err != nil {
		return err
	}
	if err := errors.Join(content(db), db.Close()); err != nil {
		return err
	}
	return fill(name, options.Size)
}

// rename gives the file that build made its name.
func rename(path string) error {
	if err := os.Rename(tempName(path), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// reserve makes an older or smaller file as large as it should be. Without room
// for that the outbox is as large as it was.
func reserve(path string, options Options) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() >= options.Size {
		return err
	}
	err = fill(path, options.Size)
	if errors.Is(err, syscall.ENOSPC) {
		options.Log.Warn("the card has no room for an outbox of the wanted size; it stays as large as it was", "path", path, "size", info.Size())
		return os.Truncate(path, info.Size())
	}
	return err
}

// fill writes zeros up to size, and into the holes that bbolt leaves where it has
// made the file longer, so that the card has every block for good.
func fill(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	for at := int64(0); at < end; {
		hole, err := f.Seek(at, unix.SEEK_HOLE) // the end counts as one
		if err != nil {
			return err
		}
		if at, err = f.Seek(hole, unix.SEEK_DATA); errors.Is(err, unix.ENXIO) {
			at = end // no data behind it
		} else if err != nil {
			return err
		}
		if err := writeZeros(f, hole, at); err != nil {
			return err
		}
	}
	return errors.Join(writeZeros(f, end, size), f.Sync(), f.Close())
}

func writeZeros(f *os.File, from, until int64) error {
	for zeros := make([]byte, 1<<20); from < until; {
		n, err := f.WriteAt(zeros[:min(int64(len(zeros)), until-from)], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// asideName is a name for a file that is set aside: outbox-DATE.damaged. It is
// given as a second name, so that there is no moment without an outbox.
func asideName(path string) string {
	stem := siblingPath(path, "-"+time.Now().UTC().Format("20060102T150405Z"))
	name := stem + asideSuffix
	for i := 2; ; i++ {
		if _, err := os.Lstat(name); err != nil {
			return name
		}
		name = fmt.Sprintf("%s-%d%s", stem, i, asideSuffix)
	}
}

const asideSuffix = ".damaged"

// MostAside is how many damaged files are kept: each is as large as the outbox.
const MostAside = 3

// removeOldAside keeps the newest of the files that were set aside.
func removeOldAside(path string, options Options) error {
	names, err := filepath.Glob(siblingPath(path, "-*"+asideSuffix))
	if err != nil {
		return err
	}
	for len(names) > MostAside { // sorted by name, and so by date
		options.Log.Warn("a damaged outbox that was set aside long ago is deleted to make room", "file", names[0])
		if err := os.Remove(names[0]); err != nil {
			return err
		}
		names = names[1:]
	}
	return nil
}
