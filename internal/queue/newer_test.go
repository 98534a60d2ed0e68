package queue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"stationd/internal/station"
)

// resum gives a record that was changed by hand the checksum that belongs to it.
func resum(record []byte) []byte {
	binary.BigEndian.PutUint32(record[28:], checksum(record))
	return record
}

// file writes the closed outbox anew as another program would.
func (s *station1) file(change func(q, meta *bbolt.Bucket) error) {
	s.Helper()
	db, err := bbolt.Open(s.path, 0o600, options(0))
	if err != nil {
		s.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { return change(tx.Bucket(bucketQ), tx.Bucket(bucketMeta)) })
	if err := errors.Join(err, db.Close()); err != nil {
		s.Fatal(err)
	}
}

// changeOne changes the first record of a kind.
func changeOne(k kind, change func(record []byte) []byte) func(q, meta *bbolt.Bucket) error {
	return func(q, _ *bbolt.Bucket) error {
		c := q.Cursor()
		for key, v := c.First(); key != nil; key, v = c.Next() {
			if kind(v[4]) == k {
				return q.Put(bytes.Clone(key), change(bytes.Clone(v)))
			}
		}
		return errors.New("there is none")
	}
}

func TestANewerVersionWroteIt(t *testing.T) {
	t.Parallel()
	set := func(at int, to byte, sound bool) func([]byte) []byte {
		return func(record []byte) []byte {
			record[at] = to
			if sound {
				resum(record)
			}
			return record
		}
	}
	key := func(name, value string) func(q, meta *bbolt.Bucket) error {
		return func(_, meta *bbolt.Bucket) error { return meta.Put([]byte(name), []byte(value)) }
	}
	cases := map[string]func(q, meta *bbolt.Bucket) error{
		"meta says version 2":                           key("version", "\x02"),
		"meta says its version in words":                key("version", "2.0"),
		"one entry is of version 2":                     changeOne(kindEntry, set(3, 2, true)),
		"one entry is of version 3":                     changeOne(kindEntry, set(3, 3, true)),
		"one entry is of version 2, and laid out anew":  changeOne(kindEntry, set(3, 2, false)),
		"one event is of version 2":                     changeOne(kindEvent, set(3, 2, true)),
		"the state is of version 2":                     changeOne(kindState, set(3, 2, true)),
		"a record is of a kind that this one knows not": changeOne(kindEvent, set(4, 'p', true)),
		"an entry is in a condition it knows not":       changeOne(kindEntry, set(headLength+16, 'p', true)),
		"meta has a key that it knows not":              key("relay", "{}"),
		"everything is of version 2": func(q, meta *bbolt.Bucket) error {
			var all [][2][]byte
			if err := q.ForEach(func(k, v []byte) error {
				all = append(all, [2][]byte{bytes.Clone(k), set(3, 2, true)(bytes.Clone(v))})
				return nil
			}); err != nil {
				return err
			}
			for _, r := range all {
				if err := q.Put(r[0], r[1]); err != nil {
					return err
				}
			}
			return key("version", "\x02")(q, meta)
		},
	}
	const afterDamage = "version 2"
	stopped := func(t *testing.T) *station1 {
		s := &station1{T: t, path: filepath.Join(t.TempDir(), "outbox.db"), stamp: board("boot-1"), size: 256 << 10}
		s.open(Setting{Version: "1.9.0"})
		s.press()
		s.scan("1/a")
		s.scan("nobody knows this")
		s.stop()
		return s
	}
	// refused checks that nobody opens, reads or saves it, and that nothing is touched.
	refused := func(t *testing.T, s *station1, says string) {
		t.Helper()
		type file struct {
			data []byte
			at   time.Time
		}
		files := func() map[string]file {
			all := make(map[string]file)
			names, err := filepath.Glob(filepath.Join(filepath.Dir(s.path), "*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				data, err := os.ReadFile(name)
				info, failed := os.Stat(name)
				if err := errors.Join(err, failed); err != nil {
					t.Fatal(err)
				}
				all[name] = file{data, info.ModTime()}
			}
			return all
		}
		before := files()
		for how, verify := range map[string]func(string) error{"unseen": nil, "seen": InspectFile, "damaged": func(string) error { return ErrDamaged }} {
			if how == "unseen" && says == afterDamage {
				continue // what is damaged is not opened unseen
			}
			box, err := Open(s.path, Setting{Size: 1 << 20, Stamp: s.stamp, Program: program, Version: "1.4.0", Verify: verify})
			if err == nil {
				box.Close()
			}
			if !errors.Is(err, ErrNewer) || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "install") {
				t.Errorf("opened %s: %v", how, err)
			}
		}
		after := files()
		if len(after) != len(before) {
			t.Errorf("there were %d files, and now there are %d", len(before), len(after))
		}
		for name, was := range before {
			if now := after[name]; !bytes.Equal(now.data, was.data) || !now.at.Equal(was.at) {
				t.Errorf("%s was touched", filepath.Base(name))
			}
		}
	}
	for name, change := range cases {
		t.Run(name+": it is refused in words, and nothing is touched", func(t *testing.T) {
			t.Parallel()
			s := stopped(t)
			s.file(change)
			refused(t, s, "1.9.0")
			_, read := ReadContents(s.path, station.NoLimit())
			for how, err := range map[string]error{
				"inspected": InspectFile(s.path),
				"verified":  VerifyFile(s.path),
				"read":      read,
				"walked":    Walk(s.path, func(station.EntryStatus) error { return nil }, func(station.Event) error { return nil }),
			} {
				if !errors.Is(err, ErrNewer) || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "1.9.0") {
					t.Errorf("%s: %v", how, err)
				}
			}
		})
	}
	for name, record := range map[string][]byte{
		"of version 2":                      set(3, 2, true)(encoded(t, kindEvent)),
		"of a kind that this one knows not": set(4, 'p', true)(encoded(t, kindEvent)),
	} {
		t.Run("the spare file has a record "+name+": it is refused in words, and nothing is touched", func(t *testing.T) {
			t.Parallel()
			s := stopped(t)
			if err := os.WriteFile(beside(s.path, spareSuffix), append(encoded(t, kindEvent), record...), 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, s, "spare file")
		})
	}
	t.Run("a file of a newer version that is damaged besides is not taken apart", func(t *testing.T) {
		t.Parallel()
		s := stopped(t)
		s.file(changeOne(kindEntry, set(3, 2, true)))
		data, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		clear(data[:2*pageSize])
		if err := os.WriteFile(s.path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, s, afterDamage)
	})
	for name, change := range map[string]func(q, meta *bbolt.Bucket) error{
		"of the version in a record": changeOne(kindEntry, set(3, version^4, false)),
		"of the version in meta":     key("version", string([]byte{version ^ 4})),
		"of a key of meta": func(_, meta *bbolt.Bucket) error {
			return errors.Join(meta.Put([]byte("sessioo"), meta.Get([]byte("session"))), meta.Delete([]byte("session")))
		},
	} {
		t.Run("a flipped bit "+name+" is damage, and the rest is saved", func(t *testing.T) {
			t.Parallel()
			s := stopped(t)
			s.file(change)
			if err := InspectFile(s.path); !errors.Is(err, ErrDamaged) {
				t.Errorf("inspected: %v", err)
			}
			box, err := Open(s.path, Setting{Size: s.size, Stamp: s.stamp, Program: program, Verify: InspectFile})
			if err != nil {
				t.Fatal(err)
			}
			c, err := box.Contents(station.NoLimit())
			if err := errors.Join(err, box.Close(), VerifyFile(s.path)); err != nil || len(c.Entries) == 0 {
				t.Errorf("%d entries, %v", len(c.Entries), err)
			}
		})
	}
}

// encoded is a sound record of an event.
func encoded(t *testing.T, k kind) []byte {
	t.Helper()
	record, err := encode(head{kind: k, at: placeOf(9, 0), commit: 99}, station.Event{ID: "9"})
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// A card flips one bit of the page that says which version wrote the file. Whatever it
// becomes, the station comes up: it is no newer version's. The keys and values of a page
// of bbolt stand side by side behind a table of where each begins and how long it is.
func TestNoFlippedBitOfTheMetaPageIsANewerVersion(t *testing.T) {
	t.Parallel()
	s := &station1{T: t, path: filepath.Join(t.TempDir(), "outbox.db"), stamp: board("boot-1"), size: 256 << 10}
	s.open(Setting{Version: "1.9.0"})
	s.press()
	s.stop()
	var table [][3]uint32 // begins, length of the key, length of the value
	var bytesOf, state []byte
	s.file(func(q, meta *bbolt.Bucket) error {
		state = bytes.Clone(q.Get(stateKey))
		return meta.ForEach(func(k, v []byte) error {
			table = append(table, [3]uint32{uint32(len(bytesOf)), uint32(len(k)), uint32(len(v))})
			bytesOf = append(append(bytesOf, k...), v...)
			return nil
		})
	})
	read := func() map[string][]byte {
		all := make(map[string][]byte)
		for _, e := range table {
			key, end := uint64(e[0])+uint64(e[1]), uint64(e[0])+uint64(e[1])+uint64(e[2])
			if end > uint64(len(bytesOf)) {
				return nil // beyond the page: bbolt does not come through it
			}
			all[string(bytesOf[e[0]:key])] = bytesOf[key:end]
		}
		return all
	}
	if err := checkMeta(read(), state); err != nil {
		t.Fatal(err)
	}
	tried := 0
	look := func(what string, at int) {
		t.Helper()
		all := read()
		if all == nil {
			return
		}
		tried++
		for _, state := range [][]byte{state, nil} {
			if err := checkMeta(all, state); errors.Is(err, ErrNewer) {
				t.Errorf("bit %d of %s: %v", at, what, err)
			}
		}
	}
	for i := range table {
		for field, name := range []string{"where it begins", "the key's length", "the value's length"} {
			for bit := range 32 {
				table[i][field] ^= 1 << bit
				look(fmt.Sprintf("entry %d, %s", i, name), bit)
				table[i][field] ^= 1 << bit
			}
		}
	}
	for at := range len(bytesOf) * 8 {
		bytesOf[at/8] ^= 1 << (at % 8)
		look("the keys and values", at)
		bytesOf[at/8] ^= 1 << (at % 8)
	}
	if tried < 1000 {
		t.Errorf("%d bits were flipped, of %d entries", tried, len(table))
	}
}
