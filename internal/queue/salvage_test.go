package queue

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"stationd/internal/station"
)

// leaf finds a page of the newest tree that holds entries and not the state.
func (s stock) leaf(t *testing.T) (number int, page []byte) {
	t.Helper()
	newest, root := uint64(0), uint64(0)
	for i := range 2 {
		if m, ok := metaAt(s.data, i); ok && binary.LittleEndian.Uint64(m[metaTransact:]) > newest {
			newest, root = binary.LittleEndian.Uint64(m[metaTransact:]), binary.LittleEndian.Uint64(m[metaRoot:])
		}
	}
	seen := walk(s.data, root, everything).seen
	for number := range uint64(s.pages) {
		page := s.data[number*pageSize:][:pageSize]
		if seen[number] && binary.LittleEndian.Uint16(page[8:]) == flagLeaf && number != root && !bytes.Contains(page, stateKey) {
			return int(number), page
		}
	}
	t.Fatal("there is no such page")
	return 0, nil
}

// newestMeta is the page that the last commit wrote.
func (s stock) newestMeta() int {
	first, _ := metaAt(s.data, 0)
	second, _ := metaAt(s.data, 1)
	if binary.LittleEndian.Uint64(first[metaTransact:]) > binary.LittleEndian.Uint64(second[metaTransact:]) {
		return 0
	}
	return 1
}

func TestSalvage(t *testing.T) {
	t.Parallel()
	original := stockOf(t, 100, 40)
	damaged := func() stock {
		s := original
		s.data = bytes.Clone(original.data)
		return s
	}
	// opened salvages the file and counts its entries by their condition.
	opened := func(t *testing.T, s stock) (found map[station.Condition]int, told string, back int) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "outbox.db")
		if err := os.WriteFile(path, s.data, 0o600); err != nil {
			t.Fatal(err)
		}
		box, err := Open(path, Setting{Size: 2 << 20, Stamp: board("boot-2"), Program: program, Verify: inChild(t, 10*time.Second)})
		if err != nil {
			t.Fatal(err)
		}
		found, told = make(map[station.Condition]int), box.Faults()["outbox"]
		c, err := box.Contents(station.NoLimit())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.Entries {
			found[e.Condition]++
			if !s.waiting[e.ID] {
				back++
			}
		}
		if err := box.db.Close(); err != nil {
			t.Fatal(err)
		}
		if err := VerifyFile(path); err != nil {
			t.Error(err)
		}
		return found, told, back
	}
	const heads = 7 // lanes, whose heads any start doubts that does not follow a clean stop
	t.Run("a page that was overwritten puts its own entries in doubt and no others", func(t *testing.T) {
		t.Parallel()
		s := damaged()
		_, page := s.leaf(t)
		clear(page)
		found, told, _ := opened(t, s)
		if found[station.Waiting] < 85-heads || found[station.Waiting]+found[station.Marked] < 90 {
			t.Errorf("of 100: %v", found)
		}
		if found[station.Waiting]+found[station.Marked] < 100 && strings.Contains(told, " 0 lost") {
			t.Errorf("of 100 %v, and it tells %q", found, told)
		}
	})
	t.Run("a page that says it has fewer records than it has loses none", func(t *testing.T) {
		t.Parallel()
		s := damaged()
		_, page := s.leaf(t)
		binary.LittleEndian.PutUint16(page[10:], binary.LittleEndian.Uint16(page[10:])-2)
		found, told, back := opened(t, s)
		if told == "" || found[station.Waiting]+found[station.Marked]-back != 100 || !strings.Contains(told, fmt.Sprintf("; %d are looked up", back+1)) {
			t.Errorf("of 100: %v, %d of them back; told %q", found, back, told)
		}
	})
	t.Run("where the page of the last commit is lost the file does not go back one commit in silence", func(t *testing.T) {
		t.Parallel()
		s := damaged()
		clear(s.data[s.newestMeta()*pageSize:][pageHead:pageSize])
		found, told, back := opened(t, s)
		if told == "" || back != 0 || found[station.Waiting] != 100-heads || strings.Contains(told, "looked up") {
			t.Errorf("of 100: %v, %d of them had been delivered; told %q", found, back, told)
		}
	})
	t.Run("without a tree every record is searched for, nothing comes back that ended before the oldest that waits, and all is looked up", func(t *testing.T) {
		t.Parallel()
		s := damaged()
		clear(s.data[:2*pageSize])
		for number := range uint64(s.pages) { // every page that could be the beginning
			if page := s.data[number*pageSize:][:pageSize]; isRoot(page) {
				clear(page[:pageHead])
			}
		}
		found, _, back := opened(t, s)
		if found[station.Waiting] != 0 || found[station.Marked]-back != 100 {
			t.Errorf("of 100: %v, %d of them back", found, back)
		}
	})
	t.Run("of two copies the newer one counts, and what has ended does not come back", func(t *testing.T) {
		t.Parallel()
		var file []byte
		put := func(k kind, at place, commit uint64, body any) {
			record, err := encode(head{kind: k, at: at, commit: commit}, body)
			if err != nil {
				t.Fatal(err)
			}
			file = append(append(file, "somewhere"...), record...)
		}
		entry := func(id station.ID, reason string) entryRecord {
			return entryRecord{Entry: station.Entry{ID: id, Action: station.Action{Lane: "l2l/order:1"}}, Condition: station.Held, Reason: reason}
		}
		put(kindEntry, placeOf(3, 1), 3, entry("ended.1", ""))
		put(kindEntry, placeOf(7, 1), 9, entry("waits.1", "newer"))
		put(kindState, statePlace, 9, stateRecord{Sequence: 7, Ended: 5})
		put(kindEntry, placeOf(7, 1), 7, entry("waits.1", "older"))
		put(kindState, statePlace, 8, stateRecord{Sequence: 7, Ended: 2})
		put(kindEntry, placeOf(8, 1), 8, entry("fate.1", ""))
		put(kindFate, placeOf(8, 1), 9, fateRecord{ID: "fate.1"})
		w := salvage(file)
		if _, back := w.records[placeOf(3, 1)]; back {
			t.Error("an entry that has ended is back")
		}
		var e entryRecord
		if f := w.records[placeOf(7, 1)]; f.sure || read(f.kind, f.body, &e) != nil || e.Reason != "newer" {
			t.Errorf("the entry that waits is %+v", e)
		}
		if f := w.records[placeOf(8, 1)]; f.kind != kindFate {
			t.Errorf("an entry whose fate was written later is a %q", f.kind)
		}
	})
	t.Run("a start leaves out one number: the power may have gone in the middle of the transaction that had it", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		s.scan("1/a")
		last := s.box.commits
		s.crash()
		s.start()
		s.scan("1/b")
		at := placeOf(s.standings()[1].Seq, 1)
		err := s.box.db.View(func(tx *bbolt.Tx) error {
			h, _, err := open(tx.Bucket(bucketQ).Get(at.key()))
			if h.commit <= last+2 {
				t.Errorf("the next transaction but one has number %d after %d", h.commit, last)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("a close whose open is lost is held, and says what to do", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		open := s.press()
		closing := s.hold()
		s.stop()
		file, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		// Every copy of the open, wherever it stands.
		entry := []byte(`{"id":"` + string(open) + `"`)
		file = bytes.ReplaceAll(file, entry, bytes.Repeat([]byte("-"), len(entry)))
		if err := os.WriteFile(s.path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		box, err := Open(s.path, Setting{Size: s.size, Stamp: s.stamp, Program: program, Verify: InspectFile})
		if err != nil {
			t.Fatal(err)
		}
		s.box = box
		left := s.standings()
		if len(left) != 1 || left[0].ID != closing || left[0].Condition != station.Held || !strings.Contains(left[0].Reason, "look at the vendor") {
			t.Errorf("%+v", left)
		}
		if calls := box.State().Calls; len(calls) != 0 {
			t.Errorf("calls: %+v", calls)
		}
	})
}
