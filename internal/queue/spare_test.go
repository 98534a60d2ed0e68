package queue

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// withDisk opens the outbox on a disk whose commits and spare files a test has in
// its hand.
func (s *station1) withDisk(commit func(*bbolt.Tx) error, rescue func(string, []byte) error) {
	s.Helper()
	box, err := Open(s.path, Setting{Size: s.size, Stamp: s.stamp, Program: program, faults: format.Faults{Commit: commit, Rescue: rescue}})
	if err != nil {
		s.Fatal(err)
	}
	s.box = box
}

var errDisk = errors.New("input/output error")

// tried is a press of which the disk may say what it likes.
func (s *station1) tried(ev station.Event) (station.Result, error) {
	ev.At = s.stamp(time.Now())
	return s.box.Record(ev)
}

func TestFailedCommit(t *testing.T) {
	t.Parallel()
	press := station.Event{Source: "red", Kind: station.Press}
	for name, c := range map[string]func(*bbolt.Tx) error{
		"and nothing of it is in the file": func(*bbolt.Tx) error { return errDisk },
		"and all of it is in the file":     func(tx *bbolt.Tx) error { return errors.Join(tx.Commit(), errDisk) },
	} {
		t.Run("a commit fails, "+name+": the press is safe in the spare file, and the next start has it once", func(t *testing.T) {
			t.Parallel()
			s := open1(t)
			before := []station.ID{s.scan("1/a"), s.scan("1/b")}
			s.stop()
			s.withDisk(c, nil)
			done, err := s.tried(press)
			if err != nil {
				t.Fatalf("the press was not taken: %v", err)
			}
			if s.box.Err() == nil {
				t.Error("the outbox goes on with a file that nobody knows")
			}
			if _, err := s.tried(press); !errors.Is(err, ErrStorage) {
				t.Errorf("the next press: %v, want %v", err, ErrStorage)
			}
			s.stop()
			s.start()
			var there []station.ID
			for _, e := range s.standings() {
				if e.Condition == station.Held {
					t.Errorf("entry %s is %s", e.ID, e.Condition)
				}
				there = append(there, e.ID)
			}
			if want := append(before, done.Entries...); !slices.Equal(there, want) {
				t.Errorf("after the start %v wait, want %v", there, want)
			}
			if calls := s.box.State().Calls; len(calls) != 1 || calls[0].Entry != done.Entries[0] {
				t.Errorf("calls %+v", calls)
			}
			if tell := s.box.Faults()["outbox"]; !strings.Contains(tell, "3 entries recovered, 0 lost") {
				t.Errorf("it tells %q", tell)
			}
			if _, err := os.Stat(siblingPath(s.path, spareSuffix)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the spare file is still there: %v", err)
			}
		})
	}
	t.Run("a delivery whose commit failed is not made again", func(t *testing.T) {
		t.Parallel()
		s, v := open1(t), &vendor{}
		s.scan("1/a")
		s.stop()
		s.withDisk(func(*bbolt.Tx) error { return errDisk }, nil)
		if err := s.box.Run(t.Context(), "l2l", v); !errors.Is(err, ErrStorage) {
			t.Errorf("Run: %v", err)
		}
		s.stop()
		s.start()
		if left := s.standings(); len(left) != 0 || len(v.effects()) != 1 {
			t.Errorf("%d are left, %d arrived", len(left), len(v.effects()))
		}
	})
	t.Run("where the spare file cannot be written either the press is refused, and what the next start finds of it is held", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		s.scan("1/a")
		s.stop()
		written := 0
		s.withDisk(
			func(tx *bbolt.Tx) error { return errors.Join(tx.Commit(), errDisk) },
			func(path string, data []byte) error {
				if written++; written == 1 {
					return errDisk
				}
				return os.WriteFile(path, data, 0o600)
			})
		if _, err := s.tried(press); !errors.Is(err, ErrStorage) {
			t.Fatalf("the press: %v, want %v", err, ErrStorage)
		}
		s.stop()
		s.start()
		left := s.standings()
		if len(left) != 2 || left[0].Condition != station.Marked || left[1].Condition != station.Held || !strings.Contains(left[1].Reason, "no lamp has acknowledged it") {
			t.Errorf("%+v", left)
		}
		if err := s.command(station.VerbRetry, left[1].ID); err != nil {
			t.Error(err)
		}
	})
	t.Run("the power goes when the spare file has been taken up and not yet removed: it is not taken up twice", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			s.stop()
			s.withDisk(func(*bbolt.Tx) error { return errDisk }, nil)
			done, err := s.tried(press)
			if err != nil {
				t.Fatal(err)
			}
			s.stop()
			spare, err := os.ReadFile(siblingPath(s.path, spareSuffix))
			if err != nil {
				t.Fatal(err)
			}
			s.start()
			s.deliver(&vendor{}, 3*time.Minute)
			s.crash()
			if err := os.WriteFile(siblingPath(s.path, spareSuffix), spare, 0o600); err != nil {
				t.Fatal(err)
			}
			s.start()
			if left := s.standings(); len(left) != 0 {
				t.Errorf("entry %s was delivered, and is back: %+v", done.Entries[0], left)
			}
		})
	})
	t.Run("somebody has moved the outbox away and left the spare file: the station starts, has the press, and looks it up before it is sent", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		s.scan("1/a")
		s.stop()
		s.withDisk(func(*bbolt.Tx) error { return errDisk }, nil)
		done, err := s.tried(press)
		if err != nil {
			t.Fatal(err)
		}
		s.stop()
		moved := s.path + ".moved"
		if err := os.Rename(s.path, moved); err != nil {
			t.Fatal(err)
		}
		box, err := Open(s.path, Setting{Size: s.size, Stamp: s.stamp, Program: program, Verify: VerifyFile})
		if err != nil {
			t.Fatalf("it does not start: %v", err)
		}
		s.box = box
		left := s.standings()
		if len(left) != 1 || left[0].ID != done.Entries[0] || left[0].Condition != station.Marked {
			t.Errorf("%+v, want the press, marked", left)
		}
		if calls := s.box.State().Calls; len(calls) != 1 || calls[0].Entry != done.Entries[0] {
			t.Errorf("calls %+v", calls)
		}
		if tell := s.box.Faults()["outbox"]; !strings.Contains(tell, "was not there, and was rebuilt from its spare file alone: 1 entries recovered, 1 lost") {
			t.Errorf("it tells %q", tell)
		}
		if _, err := os.Stat(siblingPath(s.path, spareSuffix)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the spare file is still there: %v", err)
		}
		if err := VerifyFile(moved); err != nil {
			t.Errorf("what was moved away: %v", err)
		}
	})
	t.Run("a half written spare file is none", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		id := s.scan("1/a")
		s.stop()
		if err := os.WriteFile(siblingPath(s.path, spareSuffix)+".new", []byte("SDQ\x01n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.start()
		if left := s.standings(); len(left) != 1 || left[0].ID != id || len(s.box.Faults()["outbox"]) != 0 {
			t.Errorf("%+v", left)
		}
	})
}

func TestNotice(t *testing.T) {
	t.Parallel()
	t.Run("what was salvaged is told until a person has put it away, and no unknown scan pushes it out", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		s.scan("1/a")
		s.stop()
		s.withDisk(func(*bbolt.Tx) error { return errDisk }, nil)
		if _, err := s.tried(station.Event{Source: "red", Kind: station.Press}); err != nil {
			t.Fatal(err)
		}
		s.stop()
		s.size = 2 << 20
		s.start()
		for range mostKept + 1 {
			s.record(station.Event{Source: "hand", Kind: station.Scan, Code: "unknown"})
		}
		s.stop()
		s.start()
		c, err := s.box.Contents(station.NoLimit())
		if err != nil {
			t.Fatal(err)
		}
		if s.box.Faults()["outbox"] == "" || len(c.Kept) != mostKept+1 || c.Kept[0].Kind != Salvaged {
			t.Fatalf("%d kept, the oldest %+v", len(c.Kept), c.Kept[0])
		}
		if err := s.command(station.VerbDiscard, c.Kept[0].ID); err != nil {
			t.Fatal(err)
		}
		if tell := s.box.Faults()["outbox"]; tell != "" {
			t.Errorf("it still tells %q", tell)
		}
	})
}
