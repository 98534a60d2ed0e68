package queue

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

func TestFile(t *testing.T) {
	t.Parallel()
	t.Run("every block of a new outbox is the card's for good, and of one that is made larger too", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		id := s.scan("1/a")
		s.stop()
		for _, size := range []int64{1 << 20, 3 << 20} {
			s.size = size
			s.start()
			info, err := os.Stat(s.path)
			if err != nil {
				t.Fatal(err)
			}
			if blocks := info.Sys().(*syscall.Stat_t).Blocks * 512; info.Size() != size || blocks < size {
				t.Errorf("%d bytes of %d, %d of them on the card", info.Size(), size, blocks)
			}
			if left := s.standings(); len(left) != 1 || left[0].ID != id {
				t.Errorf("%+v", left)
			}
			s.stop()
		}
		s.start()
	})
	t.Run("an outbox of which every other entry is held takes little more than its bytes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			for i := range 600 {
				s.scan(fmt.Sprintf("%d/n%d", i%3, i))
			}
			before := s.box.file.Used()
			v := &vendor{answer: func(d station.Delivery) (bool, station.Receipt) {
				if strings.ContainsAny(d.With["serial"][len(d.With["serial"])-1:], "02468") {
					return false, station.Receipt{Outcome: station.Refused, Err: errors.New("no")}
				}
				return true, station.Receipt{Outcome: station.Delivered}
			}}
			s.deliver(v, time.Hour)
			if len(s.standings()) != 300 || s.box.file.Used() > before*3/4 {
				t.Errorf("%d pages before, %d with half of the entries", before, s.box.file.Used())
			}
		})
	})
	t.Run("a press after a long backlog was drained writes no more pages than the first one did", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			s.stop()
			var written int64
			s.withDisk(func(tx *bbolt.Tx) error {
				err := tx.Commit()
				stats := tx.Stats()
				written = stats.GetWrite()
				return err
			}, nil)
			pages := func() int64 {
				s.scan("1/a")
				return written
			}
			first := pages()
			for i := range 500 {
				s.scan(fmt.Sprintf("%d/n%d", i%3, i))
			}
			s.deliver(&vendor{}, time.Hour)
			if used := s.box.file.Used(); used > 8 {
				t.Errorf("an empty outbox uses %d pages", used)
			}
			if again := pages(); again > first {
				t.Errorf("%d pages, and %d at first", again, first)
			}
		})
	})
	t.Run("the outbox warns once when half of it is used and once at 80 per cent, and a lamp shows the second", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		s.stop()
		var said bytes.Buffer
		box, err := Open(s.path, Setting{Size: s.size, Stamp: s.stamp, Program: program, Log: slog.New(slog.NewTextHandler(&said, nil))})
		if err != nil {
			t.Fatal(err)
		}
		s.box = box
		fills := map[string]float64{}
		for i := 0; box.file.Fill() < 0.9; i++ {
			s.scan(fmt.Sprintf("1/n%d", i))
			if fill := box.file.Fill(); box.Faults()["outbox"] != "" && fills["told"] == 0 {
				fills["told"] = fill
			}
		}
		if n := strings.Count(said.String(), "getting full"); n != 2 || !strings.Contains(said.String(), "limit=0.5") || !strings.Contains(said.String(), "limit=0.8") {
			t.Errorf("it said\n%s", said.String())
		}
		if fills["told"] < 0.8 || fills["told"] > 0.85 {
			t.Errorf("the lamp is told at %v", fills["told"])
		}
	})
	t.Run("a file that could not be looked at is left as it is, and the station does not start", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		s.scan("1/a")
		s.stop()
		locked := errors.New("no process could be started")
		if _, err := Open(s.path, Setting{Size: s.size, Stamp: s.stamp, Program: program, Verify: func(string) error { return locked }}); !errors.Is(err, locked) {
			t.Errorf("opened: %v", err)
		}
		s.start()
		if len(s.standings()) != 1 || s.box.Faults()["outbox"] != "" {
			t.Error("it was rebuilt all the same")
		}
	})
	t.Run("a few damaged files are kept, and the oldest gives way", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		id := s.scan("1/a")
		s.stop()
		for range format.MostAside + 2 {
			box, err := Open(s.path, Setting{Size: s.size, Stamp: s.stamp, Program: program, Verify: func(string) error { return ErrDamaged }})
			if err != nil {
				t.Fatal(err)
			}
			if err := box.file.Close(); err != nil {
				t.Fatal(err)
			}
		}
		aside, err := filepath.Glob(filepath.Join(filepath.Dir(s.path), "outbox-*.damaged"))
		if err != nil || len(aside) != format.MostAside {
			t.Errorf("%v, %v", aside, err)
		}
		s.start()
		left := s.standings()
		if len(left) != 1 || left[0].ID != id || left[0].Condition != station.Marked {
			t.Errorf("%+v", left)
		}
	})
}
