package queue

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

func (s *station1) name() string {
	s.Helper()
	var id station.ID
	if err := s.box.file.View(func(tx *format.Tx) error {
		id = tx.OutboxID()
		return nil
	}); err != nil {
		s.Fatal(err)
	}
	return string(id)
}

func TestACopy(t *testing.T) {
	t.Parallel()
	waiting := func(t *testing.T) (s *station1, name string) {
		s = open1(t)
		s.stop()
		s.open(Setting{Machine: "10000000abcd"})
		s.press()
		s.scan("1/a")
		return s, s.name()
	}
	allHeld := func(t *testing.T, s *station1, name string) {
		t.Helper()
		for _, e := range s.standings() {
			if e.Condition != station.Held || e.Hold != station.HoldUndecided {
				t.Errorf("%s is %s (%s)", e.Verb, e.Condition, e.Hold)
			}
		}
		if s.name() == name {
			t.Error("it has the name of the one it is a copy of")
		}
	}
	t.Run("of a backup that is put back nothing is sent unasked; what a person retries is looked up", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, name := waiting(t)
			s.stop()
			backup, err := os.ReadFile(s.path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(s.path+".backup", backup, 0o600); err != nil {
				t.Fatal(err)
			}
			s.open(Setting{Machine: "10000000abcd"})
			v := &vendor{}
			s.deliver(v, time.Minute)
			s.stop()
			if err := os.Rename(s.path+".backup", s.path); err != nil {
				t.Fatal(err)
			}
			s.open(Setting{Machine: "10000000abcd"})
			s.deliver(v, time.Minute)
			left := s.standings()
			if len(left) != 2 || len(v.attempts()) != 2 {
				t.Fatalf("%d left, %d sendings", len(left), len(v.attempts()))
			}
			allHeld(t, s, name)
			if err := s.command(station.VerbRetry, left[1].ID); err != nil {
				t.Fatal(err)
			}
			s.stop()
			s.open(Setting{Machine: "10000000abcd"})
			s.deliver(v, 3*time.Minute)
			if len(s.standings()) != 1 || len(v.attempts()) != 2 {
				t.Errorf("left %+v, %d sendings: it had been delivered before", s.standings(), len(v.attempts()))
			}
		})
	})
	t.Run("so is one that gets the number of the file before it", func(t *testing.T) {
		t.Parallel()
		s, name := waiting(t)
		s.stop()
		backup, err := os.ReadFile(s.path)
		if err == nil {
			err = errors.Join(os.Remove(s.path), os.WriteFile(s.path, backup, 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
		s.open(Setting{Machine: "10000000abcd"})
		allHeld(t, s, name)
	})
	t.Run("a card in another computer is a copy", func(t *testing.T) {
		t.Parallel()
		s, name := waiting(t)
		s.crash()
		s.open(Setting{Machine: "10000000ef01"})
		allHeld(t, s, name)
	})
	t.Run("so is one that is damaged, and one of which the place alone has changed", func(t *testing.T) {
		t.Parallel()
		for _, machine := range []string{"10000000ef01", "10000000abcd"} {
			s, _ := waiting(t)
			s.crash()
			file, err := os.ReadFile(s.path)
			if err != nil {
				t.Fatal(err)
			}
			at := bytes.LastIndex(file, []byte(`"serial":"a"`)) // of a scan: what is around it can be read
			file[at]++
			if err := errors.Join(os.WriteFile(s.path+".backup", file, 0o600), os.Rename(s.path+".backup", s.path)); err != nil {
				t.Fatal(err)
			}
			s.open(Setting{Machine: machine, Verify: InspectFile})
			if s.box.Faults()["outbox"] == "" {
				t.Fatal("it was not damaged: nothing was proved")
			}
			if left := s.standings(); len(left) == 0 {
				t.Error("nothing was saved")
			}
			for _, e := range s.standings() {
				if e.Condition != station.Held {
					t.Errorf("on %s %s is %s", machine, e.Verb, e.Condition)
				}
			}
		}
	})
	t.Run("one that is damaged in its own place is none", func(t *testing.T) {
		t.Parallel()
		s, _ := waiting(t)
		s.scan("1/b")
		s.crash()
		file, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		file[bytes.LastIndex(file, []byte(`"serial":"b"`))]++
		if err := os.WriteFile(s.path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s.open(Setting{Machine: "10000000abcd", Verify: InspectFile})
			for _, e := range s.standings() {
				if e.Condition == station.Held {
					t.Errorf("%s is held: %s", e.Verb, e.Reason)
				}
			}
			s.crash()
		}
		s.open(Setting{Machine: "10000000abcd"})
	})
	t.Run("a power cut, and a computer that does not say which it is, make no copy, and hide none", func(t *testing.T) {
		t.Parallel()
		s, name := waiting(t)
		for _, machine := range []string{"10000000abcd", "", "10000000abcd"} {
			s.crash()
			s.open(Setting{Machine: machine})
			for _, e := range s.standings() {
				if e.Condition == station.Held {
					t.Errorf("%s is held: %s", e.Verb, e.Reason)
				}
			}
		}
		if s.name() != name {
			t.Error("it has another name")
		}
		s.crash()
		s.open(Setting{})
		s.crash()
		s.open(Setting{Machine: "10000000ef01"})
		allHeld(t, s, name)
	})
}
