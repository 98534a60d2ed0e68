// Package store measures what keeps a queue on disk: the outbox of stationd as it is, and
// what somebody would take in its place.
package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// A Store is a queue on disk. What a method has returned without an error is synced.
type Store interface {
	// Put adds a record. Several goroutines may call it at once.
	Put(record []byte) error

	// Cycle adds a record, which is delivered at once, and takes off what was delivered:
	// that record, or the one before where the two share a commit.
	Cycle(record []byte) error

	Close() error
}

// A Kind is one way to keep a queue.
type Kind struct {
	Name    string
	Version string // of the module; empty: the project's own
	Note    string // how it was set up

	// Open opens a new store in an empty folder, for that many writers at once.
	Open func(dir string, writers int) (Store, error)
}

// The names of the kinds that others are compared with.
const (
	Ours   = "stationd's outbox"
	Tuned  = "bbolt, tuned"
	Append = "append to a preallocated file"
)

// Kinds are the three that are always measured.
func Kinds() []Kind {
	return []Kind{
		{Name: Append, Note: "one pwrite and fdatasync; what was delivered is a durable cursor in a second file", Open: openAppend},
		{Name: Tuned, Version: "v1.5.0", Note: "NoFreelistSync, map, 4 KiB pages, filled with zeros; what was delivered goes in the commit of the next; Batch of 1 ms for several writers", Open: openTuned},
		{Name: Ours, Note: "Record, which is an event, its state and its entry; eight deliverers", Open: openOutbox},
	}
}

// room is how much of a file is written before it is used.
const room = 16 << 20

// fill makes a file of zeros, so that using it needs no new blocks.
func fill(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	zeros := make([]byte, 1<<20)
	for range room / len(zeros) {
		if _, err := f.Write(zeros); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, f.Sync()
}

// A sharing joins what several goroutines put at once: who comes while a commit is under
// way shares the next one.
type sharing struct {
	put   func(records [][]byte) error
	mu    sync.Mutex // held during a commit
	queue sync.Mutex // guards next
	next  *sharedCommit
}

type sharedCommit struct {
	records [][]byte
	done    bool
	err     error
}

func (s *sharing) Put(record []byte) error {
	s.queue.Lock()
	if s.next == nil {
		s.next = &sharedCommit{}
	}
	mine := s.next
	mine.records = append(mine.records, record)
	s.queue.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if mine.done {
		return mine.err
	}
	s.queue.Lock()
	s.next = nil
	s.queue.Unlock()
	mine.done, mine.err = true, s.put(mine.records)
	return mine.err
}

// appended is a preallocated file that is appended to, and a cursor.
type appended struct {
	sharing
	file, cursor *os.File
	end          int64
	delivered    uint64
}

func openAppend(dir string, _ int) (Store, error) {
	file, err := fill(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	cursor, err := fill(filepath.Join(dir, "cursor"))
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	a := &appended{file: file, cursor: cursor}
	a.put = a.write
	return a, nil
}

func (a *appended) write(records [][]byte) error {
	var all []byte
	for _, r := range records {
		all = binary.LittleEndian.AppendUint32(all, uint32(len(r)))
		all = append(all, r...)
	}
	if _, err := a.file.WriteAt(all, a.end%room); err != nil {
		return err
	}
	a.end += int64(len(all))
	return unix.Fdatasync(int(a.file.Fd()))
}

func (a *appended) Cycle(record []byte) error {
	if err := a.Put(record); err != nil {
		return err
	}
	a.delivered++
	if _, err := a.cursor.WriteAt(binary.LittleEndian.AppendUint64(nil, a.delivered), 0); err != nil {
		return err
	}
	return unix.Fdatasync(int(a.cursor.Fd()))
}

func (a *appended) Close() error { return errors.Join(a.file.Close(), a.cursor.Close()) }

// Bolt is a queue in one bucket of bbolt.
type Bolt struct {
	db     *bbolt.DB
	commit func(func(*bbolt.Tx) error) error
	shared bool     // what was delivered goes in the commit of the next
	done   [][]byte // delivered and still there
}

func openTuned(dir string, writers int) (Store, error) {
	path := filepath.Join(dir, "bolt.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: 4096, Timeout: time.Second, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType, NoStatistics: true})
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if _, err := file.WriteAt(make([]byte, room-info.Size()), info.Size()); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return newBolt(db, writers, true)
}

// NewBolt makes a queue of an opened file. With shared, what was delivered is taken off in
// the commit of the next record.
func newBolt(db *bbolt.DB, writers int, shared bool) (*Bolt, error) {
	b := &Bolt{db: db, commit: db.Update, shared: shared}
	if writers > 1 {
		db.MaxBatchDelay = time.Millisecond
		b.commit = db.Batch
	}
	return b, db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket())
		return err
	})
}

// OpenDefault opens bbolt as it is where nobody says anything.
func OpenDefault(dir string, writers int) (Store, error) {
	db, err := bbolt.Open(filepath.Join(dir, "bolt.db"), 0o600, nil)
	if err != nil {
		return nil, err
	}
	b, err := newBolt(db, writers, false)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return b, nil
}

func bucket() []byte { return []byte("q") }

// Put implements Store.
func (b *Bolt) Put(record []byte) error {
	return b.commit(func(tx *bbolt.Tx) error {
		_, err := b.add(tx, record)
		return err
	})
}

func (b *Bolt) add(tx *bbolt.Tx, record []byte) (key []byte, err error) {
	q := tx.Bucket(bucket())
	q.FillPercent = 0.95
	n, err := q.NextSequence()
	if err != nil {
		return nil, err
	}
	key = binary.BigEndian.AppendUint64(nil, n)
	return key, q.Put(key, record)
}

func (b *Bolt) takeOff(tx *bbolt.Tx) error {
	for _, key := range b.done {
		if err := tx.Bucket(bucket()).Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// Cycle implements Store.
func (b *Bolt) Cycle(record []byte) error {
	var key []byte
	err := b.db.Update(func(tx *bbolt.Tx) (err error) {
		if err := b.takeOff(tx); err != nil {
			return err
		}
		key, err = b.add(tx, record)
		return err
	})
	if err != nil {
		return err
	}
	b.done = append(b.done[:0], key)
	if b.shared {
		return nil
	}
	if err := b.db.Update(b.takeOff); err != nil {
		return err
	}
	b.done = b.done[:0]
	return nil
}

// Close implements Store.
func (b *Bolt) Close() error { return b.db.Close() }

// Record is what the peers keep of a scan: 300 bytes of JSON.
func Record(i int) []byte {
	text := fmt.Sprintf(`{"id":"9f86d081884c7d659a2feaa0c55a%04d","source":"hand","kind":"scan","code":"M%03d-%08d","at":{"wall":"2026-03-02T07:15:00.25Z","boot":"5f0c8f7e-1c39-4e1f-9d6c-0a4a5b1c7d21","up":12345678,"trusted":true},"lane":"l2l/machine:M%03d","verb":"dispatch.add","with":{"machine":"M%03d","type":"MAINT"`, i%10000, i%3, i, i%3, i%3)
	for len(text) < 298 {
		text += " "
	}
	return []byte(text + "}}")
}
