package main

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"path/filepath"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/dgraph-io/badger/v4"
	"github.com/hashicorp/raft"
	raftwal "github.com/hashicorp/raft-wal"
	_ "github.com/mattn/go-sqlite3" // the driver sqlite3, which is SQLite itself by cgo
	"github.com/tidwall/wal"
	_ "modernc.org/sqlite" // the driver sqlite, which is SQLite in Go

	"stationd/bench/store"
)

// others are what somebody would take in place of the outbox. Each syncs every record.
func others() []store.Kind {
	return []store.Kind{
		{Name: "bbolt, as it comes", Version: "v1.5.0", Note: "no options; what was delivered goes in a commit of its own", Open: store.OpenDefault},
		{Name: "SQLite by mattn/go-sqlite3 (cgo)", Version: "v1.14.53", Note: "WAL, synchronous=FULL", Open: sqlite("sqlite3", "?_journal_mode=WAL&_synchronous=FULL")},
		{Name: "SQLite by modernc.org/sqlite (Go)", Version: "v1.62.0", Note: "WAL, synchronous=FULL", Open: sqlite("sqlite", "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")},
		{Name: "tidwall/wal", Version: "v1.2.1", Note: "NoSync=false, segments of 1 MB; TruncateFront", Open: openWAL},
		{Name: "hashicorp/raft-wal", Version: "v0.4.0", Note: "segments of 1 MB; DeleteRange", Open: openRaftWAL},
		{Name: "pebble", Version: "v2.1.7", Note: "pebble.Sync, memtable of 1 MB", Open: openPebble},
		{Name: "badger", Version: "v4.9.6", Note: "SyncWrites, memtable of 8 MB", Open: openBadger},
	}
}

func key(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

type sqliteStore struct{ db *sql.DB }

func sqlite(driver, options string) func(string, int) (store.Store, error) {
	return func(dir string, _ int) (store.Store, error) {
		db, err := sql.Open(driver, "file:"+filepath.Join(dir, "q.db")+options)
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(1)
		var mode string
		var full int
		err = errors.Join(db.QueryRow("PRAGMA journal_mode").Scan(&mode), db.QueryRow("PRAGMA synchronous").Scan(&full))
		if err == nil && (mode != "wal" || full != 2) {
			err = errors.New("SQLite has not taken WAL and FULL")
		}
		if err == nil {
			_, err = db.Exec("CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, record BLOB NOT NULL)")
		}
		if err != nil {
			return nil, errors.Join(err, db.Close())
		}
		return sqliteStore{db}, nil
	}
}

func (s sqliteStore) Put(record []byte) error {
	_, err := s.db.Exec("INSERT INTO outbox(record) VALUES(?)", record)
	return err
}

func (s sqliteStore) Cycle(record []byte) error {
	done, err := s.db.Exec("INSERT INTO outbox(record) VALUES(?)", record)
	if err != nil {
		return err
	}
	id, err := done.LastInsertId()
	if err != nil {
		return err
	}
	_, err = s.db.Exec("DELETE FROM outbox WHERE id=?", id)
	return err
}

func (s sqliteStore) Close() error { return s.db.Close() }

type walStore struct {
	log *wal.Log
	mu  sync.Mutex // guards n
	n   uint64
}

func openWAL(dir string, _ int) (store.Store, error) {
	log, err := wal.Open(filepath.Join(dir, "wal"), &wal.Options{SegmentSize: 1 << 20})
	return &walStore{log: log}, err
}

func (s *walStore) Put(record []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	return s.log.Write(s.n, record)
}

func (s *walStore) Cycle(record []byte) error {
	if err := s.Put(record); err != nil || s.n == 1 {
		return err
	}
	return s.log.TruncateFront(s.n) // one must stay
}

func (s *walStore) Close() error { return s.log.Close() }

type raftStore struct {
	log *raftwal.WAL
	mu  sync.Mutex // guards n
	n   uint64
}

func openRaftWAL(dir string, _ int) (store.Store, error) {
	log, err := raftwal.Open(dir, raftwal.WithSegmentSize(1<<20))
	return &raftStore{log: log}, err
}

func (s *raftStore) Put(record []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	return s.log.StoreLog(&raft.Log{Index: s.n, Data: record})
}

func (s *raftStore) Cycle(record []byte) error {
	if err := s.Put(record); err != nil || s.n == 1 {
		return err
	}
	return s.log.DeleteRange(s.n-1, s.n-1)
}

func (s *raftStore) Close() error { return s.log.Close() }

type pebbleStore struct {
	db *pebble.DB
	mu sync.Mutex // guards n
	n  uint64
}

type silent struct{}

func (silent) Infof(string, ...any)    {}
func (silent) Errorf(string, ...any)   {}
func (silent) Warningf(string, ...any) {}
func (silent) Debugf(string, ...any)   {}
func (silent) Fatalf(string, ...any)   {}

func openPebble(dir string, _ int) (store.Store, error) {
	db, err := pebble.Open(dir, &pebble.Options{Logger: silent{}, MemTableSize: 1 << 20})
	return &pebbleStore{db: db}, err
}

func (s *pebbleStore) next() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	return key(s.n)
}

func (s *pebbleStore) Put(record []byte) error { return s.db.Set(s.next(), record, pebble.Sync) }

func (s *pebbleStore) Cycle(record []byte) error {
	at := s.next()
	if err := s.db.Set(at, record, pebble.Sync); err != nil {
		return err
	}
	return s.db.Delete(at, pebble.Sync)
}

func (s *pebbleStore) Close() error { return s.db.Close() }

type badgerStore struct {
	db *badger.DB
	mu sync.Mutex // guards n
	n  uint64
}

func openBadger(dir string, _ int) (store.Store, error) {
	db, err := badger.Open(badger.DefaultOptions(dir).WithSyncWrites(true).WithLogger(silent{}).WithMemTableSize(8 << 20).WithValueLogFileSize(16 << 20))
	return &badgerStore{db: db}, err
}

func (s *badgerStore) next() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	return key(s.n)
}

func (s *badgerStore) set(at, record []byte) error {
	return s.db.Update(func(tx *badger.Txn) error { return tx.Set(at, record) })
}

func (s *badgerStore) Put(record []byte) error { return s.set(s.next(), record) }

func (s *badgerStore) Cycle(record []byte) error {
	at := s.next()
	if err := s.set(at, record); err != nil {
		return err
	}
	return s.db.Update(func(tx *badger.Txn) error { return tx.Delete(at) })
}

func (s *badgerStore) Close() error { return s.db.Close() }
