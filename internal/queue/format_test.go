package queue

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/station"
)

// TestYesterday opens a file that the first stationd with this format wrote. It is
// never written anew: a station that is updated has such a file.
func TestYesterday(t *testing.T) {
	t.Parallel()
	t.Run("yesterday's file is opened, means the same, and is delivered", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			file, err := os.ReadFile("testdata/v1.db")
			if err != nil {
				t.Fatal(err)
			}
			s := &station1{T: t, path: filepath.Join(t.TempDir(), "outbox.db"), stamp: board("boot-2"), size: 64 << 10}
			if err := os.WriteFile(s.path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := VerifyFile(s.path); err != nil {
				t.Fatal(err)
			}
			s.start()
			type line struct {
				Verb, Serial string
				Seq          uint64
				Condition    station.Condition
				Reason       string
			}
			var got []line
			for _, e := range s.standings() {
				got = append(got, line{e.Verb, e.With["serial"], e.Seq, e.Condition, e.Reason})
			}
			want := []line{
				{"dispatch.close", "", 2, station.Marked, ""}, // the heads of their lanes
				{"article.trace", "refused", 3, station.Held, "order 1 is finished"},
				{"article.trace", "waiting", 4, station.Marked, ""},
				{"article.count", "", 5, station.Marked, ""},
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			if c, err := s.box.Contents(station.NoLimit()); err != nil || len(c.Kept) != 1 || c.Kept[0].Code != "nobody knows this" {
				t.Errorf("kept: %+v, %v", c.Kept, err)
			}
			if calls := s.box.State().Calls; len(calls) != 1 || calls[0].Ref != "90001" {
				t.Errorf("calls: %+v", calls)
			}
			v := &vendor{}
			s.deliver(v, 10*time.Second)
			if counts := s.standings(); len(counts) == 0 || len(v.effects()) != 0 {
				t.Errorf("before the settle time %v arrived", v.effects())
			}
			s.deliver(v, 3*time.Minute)
			if n := len(v.effects()); n != 3 || v.looks < 3 {
				t.Errorf("%d effects after %d looks", n, v.looks)
			}
			for _, d := range v.attempts() {
				if d.Verb == "dispatch.close" && d.Ref != "90001" {
					t.Errorf("the close is told %q as the vendor's name for the call", d.Ref)
				}
			}
			s.stop()
		})
	})
	t.Run("a file of a later stationd is left alone", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		s.scan("1/a")
		s.stop()
		file, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		later := bytes.ReplaceAll(file, []byte(magic+"\x04"), []byte(magic+"\x08"))
		later = bytes.ReplaceAll(later, []byte("version\x04"), []byte("version\x08"))
		if err := os.WriteFile(s.path, later, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := InspectFile(s.path); err == nil || !errors.Is(err, ErrNewer) {
			t.Errorf("inspected: %v", err)
		}
		if _, err := Open(s.path, Setting{Size: s.size, Stamp: s.stamp, Program: program, Verify: InspectFile}); err == nil || !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "version 8") {
			t.Errorf("opened: %v", err)
		}
		if now, err := os.ReadFile(s.path); err != nil || !bytes.Equal(now, later) {
			t.Error("it was changed")
		}
		if err := os.WriteFile(s.path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		s.start()
	})
}
