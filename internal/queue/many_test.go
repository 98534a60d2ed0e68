package queue

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// startOf opens an outbox as a station does that was started in another boot, in a process
// of its own, does with it what a station does then, and says how much memory that took at
// one time, in kB: what Go had of the kernel at the most. The pages of the file are not
// among it.
func startOf(boot, machine string, then func(*Outbox) error) func(path string) error {
	return func(path string) error {
		debug.SetMemoryLimit(unitMemory / 4 * 3) // as the program has it
		debug.SetGCPercent(20)                   // what is garbage depends on how busy the machine is
		box, err := Open(path, Setting{
			Stamp: board(boot), Program: program, Machine: machine, Verify: InspectFile,
			faults: format.Faults{NoSync: true},
		})
		if err != nil {
			return err
		}
		if err := errors.Join(then(box), box.Close()); err != nil {
			return err
		}
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		_, err = fmt.Println(memory.Sys >> 10)
		return err
	}
}

const unitMemory = 224 << 20 // the unit's MemoryHigh

func nothingMore(*Outbox) error { return nil }

// startsWithMany are starts that change everything that waits.
var startsWithMany = []struct {
	name    string
	do      func(path string) error
	damaged bool // before it
}{
	{"a start as ever", startOf("boot-2", "10000000abcd", nothingMore), false},
	{"a start in another computer", startOf("boot-3", "10000000ef01", nothingMore), false},
	{"all of it is put back", startOf("boot-4", "10000000ef01", func(box *Outbox) error {
		_, err := box.Adopt()
		return err
	}), false},
	{"a start with all of it in doubt", startOf("boot-5", "10000000ef01", nothingMore), false},
	{"a start without its vendor", startOf("boot-6", "10000000ef01", func(box *Outbox) error {
		return box.HoldOrphaned(func(string) bool { return false })
	}), false},
	{"a start with a damaged outbox", startOf("boot-7", "10000000ef01", nothingMore), true},
}

// damage damages one entry of an outbox, in its place.
func damage(t *testing.T, path string) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file[bytes.LastIndex(file, []byte(`"verb":"article.trace"`))]++
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAStartThatChangesAllThatWaits bounds what it takes: in one transaction, fifty thousand
// entries take 430 MB, and the unit allows 256. make soak has as many.
func TestAStartThatChangesAllThatWaits(t *testing.T) {
	t.Parallel()
	entries := min(rounds(10_000), 50_000)
	const (
		most     = 32 << 10  // kB above a start that changes nothing
		salvaged = 200 << 10 // a damaged outbox is read whole, and Go takes what it is allowed
	)
	path := filepath.Join(t.TempDir(), "outbox.db")
	backlog(t, path, entries)
	usual := int64(0)
	for i, start := range startsWithMany {
		most := int64(most)
		if start.damaged {
			damage(t, path)
			most = salvaged
		}
		said, err := again(t.Context(), t, start.name, path).Output()
		kB := int64(0)
		if err == nil {
			_, err = fmt.Sscan(string(said), &kB)
		}
		if err != nil {
			t.Fatalf("%s: %v: %s", start.name, err, said)
		}
		t.Logf("%s, %d entries: %d kB", start.name, entries, kB)
		if i == 0 {
			usual = kB
		}
		if kB > usual+most && !raceDetector { // which takes memory of its own
			t.Errorf("%s takes %d kB, at most %d", start.name, kB, usual+most)
		}
	}
	held := 0
	if _, err := Read(path, station.NoLimit(), func(e station.EntryStatus) error {
		if e.Condition == station.Held && e.Doubtful {
			held++
		}
		return nil
	}, func(station.Event) error { return nil }); err != nil || held < entries-1 {
		t.Errorf("%d of %d are held and in doubt at the end: %v", held, entries, err)
	}
	if err := VerifyFile(path); err != nil {
		t.Error(err)
	}
}

// In the middle of what takes several transactions the power goes, or the card fails.
func TestTheNextStartGoesOn(t *testing.T) {
	t.Parallel()
	const entries = 2*mostAtOnce + 50
	waiting := func(t *testing.T) *station1 {
		t.Helper()
		s := open1(t)
		s.stop()
		s.size = 4 << 20
		s.open(Setting{Machine: "10000000abcd"})
		all := make([]station.Emitted, entries)
		for i := range all {
			all[i].Event = station.Event{Source: "hand", Kind: station.Scan, Code: fmt.Sprintf("%d/n%d", i%3, i), At: s.stamp(time.Now())}
		}
		s.box.RecordAll(all)
		for _, e := range all {
			if e.Err != nil {
				t.Fatal(e.Err)
			}
		}
		s.crash()
		return s
	}
	// failing is a disk whose commits after so many fail, and that takes no spare file or does.
	failing := func(after int, spare bool) format.Faults {
		f := format.Faults{Commit: func(tx *bbolt.Tx) error {
			if after--; after < 0 {
				return errors.New("input/output error")
			}
			return tx.Commit()
		}}
		if !spare {
			f.Rescue = func(string, []byte) error { return errors.New("input/output error") }
		}
		return f
	}
	conditions := func(s *station1) map[station.Condition]int {
		all := make(map[station.Condition]int)
		for _, e := range s.standings() {
			all[e.Condition]++
		}
		return all
	}
	for _, spare := range []bool{false, true} {
		t.Run(fmt.Sprintf("to hold a copy; a spare file: %v", spare), func(t *testing.T) {
			t.Parallel()
			s := waiting(t)
			with := Setting{Machine: "10000000ef01", Size: s.size, Stamp: s.stamp, Program: program, faults: failing(1, spare)}
			if box, err := Open(s.path, with); err == nil {
				s.box = box
				t.Fatal("nothing failed: nothing was proved")
			}
			some := 0
			if _, err := Read(s.path, station.NoLimit(), func(e station.EntryStatus) error {
				if e.Condition == station.Held {
					some++
				}
				return nil
			}, func(station.Event) error { return nil }); err != nil || some == 0 || some == entries {
				t.Fatalf("%d of %d were held before it failed (%v): nothing was proved", some, entries, err)
			}
			s.open(Setting{Machine: "10000000ef01"})
			if all := conditions(s); all[station.Held] != entries {
				t.Errorf("of %d: %v", entries, all)
			}
		})
	}
	t.Run("to judge what is in doubt", func(t *testing.T) {
		t.Parallel()
		s := waiting(t)
		s.open(Setting{Machine: "10000000ef01"})
		if n, err := s.box.Adopt(); n != entries || err != nil {
			t.Fatalf("%d of %d were put back: %v", n, entries, err)
		}
		s.crash()
		// What the card has in the middle: the clock is asked for each entry.
		var cut []byte
		clock, asked := board("boot-2"), 0
		s.stamp = func(at time.Time) station.Stamp {
			if asked++; asked == 2*(mostAtOnce+50) {
				var err error
				if cut, err = os.ReadFile(s.path); err != nil {
					t.Error(err)
				}
			}
			return clock(at)
		}
		s.open(Setting{Machine: "10000000ef01"})
		s.crash()
		if err := os.WriteFile(s.path, cut, 0o600); err != nil {
			t.Fatal(err)
		}
		boots := func() map[string]int {
			all := make(map[string]int)
			if err := format.View(s.path, func(tx *format.Tx) error {
				for r, err := range tx.Records(0) {
					if err != nil || r.Kind != format.KindEntry {
						continue
					}
					e, err := r.Entry()
					if err != nil {
						return err
					}
					all[e.Since.Boot]++
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			return all
		}
		if all := boots(); all["boot-1"] == 0 || all["boot-2"] == 0 {
			t.Fatalf("the power went before or after, not in the middle: nothing was proved: %v", all)
		}
		s.open(Setting{Machine: "10000000ef01"})
		if all := conditions(s); all[station.Marked] != entries {
			t.Errorf("of %d: %v", entries, all)
		}
		s.crash()
		if all := boots(); all["boot-2"] != entries {
			t.Errorf("of %d, by the boot that said since when nothing was sent: %v", entries, all)
		}
		s.open(Setting{Machine: "10000000ef01"})
	})
}
