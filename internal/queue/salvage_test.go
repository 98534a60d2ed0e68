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

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// leaf finds a page of the newest tree that holds entries and not the state.
func (s stock) leaf(t *testing.T) (number int, page []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(path, s.data, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: format.PageSize, NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		for i := 2; i < s.pages && number == 0; i++ {
			page := s.data[i*format.PageSize:][:format.PageSize]
			if info, err := tx.Page(i); err != nil {
				return err
			} else if info.Type == "leaf" && bytes.Contains(page, []byte(magic)) && !bytes.Contains(page, stateKey) {
				number = i
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if number > 0 {
		return number, s.data[number*format.PageSize:][:format.PageSize]
	}
	t.Fatal("there is no such page")
	return 0, nil
}

// newestMeta is the page that the last commit wrote.
func (s stock) newestMeta() int {
	const transaction = pageHead + 48
	first, second := s.data[transaction:], s.data[format.PageSize+transaction:]
	if binary.LittleEndian.Uint64(first) > binary.LittleEndian.Uint64(second) {
		return 0
	}
	return 1
}

// mayBeRoot reports whether a page leads to others, or has the bucket meta.
func mayBeRoot(page []byte) bool {
	const branch, leaf = 1, 2
	kind := binary.LittleEndian.Uint16(page[8:])
	return kind == branch || kind == leaf && bytes.Contains(page, bucketMeta)
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
		if err := box.file.Close(); err != nil {
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
		clear(s.data[s.newestMeta()*format.PageSize:][pageHead:format.PageSize])
		found, told, back := opened(t, s)
		if told == "" || back != 0 || found[station.Waiting] != 100-heads || strings.Contains(told, "looked up") {
			t.Errorf("of 100: %v, %d of them had been delivered; told %q", found, back, told)
		}
	})
	t.Run("without a tree every record is searched for, nothing comes back that ended before the oldest that waits, and all is looked up", func(t *testing.T) {
		t.Parallel()
		s := damaged()
		clear(s.data[:2*format.PageSize])
		for number := range uint64(s.pages) { // every page that could be the beginning
			if page := s.data[number*format.PageSize:][:format.PageSize]; mayBeRoot(page) {
				clear(page[:pageHead])
			}
		}
		found, _, back := opened(t, s)
		if found[station.Waiting] != 0 || found[station.Marked]-back != 100 {
			t.Errorf("of 100: %v, %d of them back", found, back)
		}
	})
	t.Run("a start leaves out one number: the power may have gone in the middle of the transaction that had it", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		s.scan("1/a")
		last := s.box.file.Commits()
		s.crash()
		s.start()
		s.scan("1/b")
		at := format.PlaceOf(s.standings()[1].Seq, 1)
		s.stop()
		s.file(func(records, _ *bbolt.Bucket) error {
			record := records.Get(append(binary.BigEndian.AppendUint64([]byte("r"), at.Sequence()), 1))
			if commit := binary.BigEndian.Uint64(record[20:]); commit <= last+2 {
				t.Errorf("the next transaction but one has number %d after %d", commit, last)
			}
			return nil
		})
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
