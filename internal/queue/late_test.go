package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/station"
)

// afterwards is a vendor that can be told of a call as history, and has a clock
// and a key.
type afterwards struct {
	vendor
	clock func() (vendor, at time.Time)
	probe func() station.Receipt
}

func (v *afterwards) Verbs() []station.Verb {
	all := slices.Clone(verbs)
	all[0].Afterwards = station.Afterwards{Verb: "dispatch.add", From: "reported", Until: "completed"}
	return append(all, station.Verb{Name: "dispatch.add", Fields: []station.Field{{Name: "machine"}, {Name: "type"}, {Name: "reported"}, {Name: "completed"}}})
}

func (v *afterwards) VendorTime() (time.Time, time.Time) {
	if v.clock == nil {
		return time.Time{}, time.Time{}
	}
	return v.clock()
}

func (v *afterwards) Probe(context.Context) station.Receipt {
	if v.probe == nil {
		return station.Receipt{Outcome: station.Delivered}
	}
	return v.probe()
}

// recording is the program with a call that is told as history after half an hour.
func recording() station.Program {
	p := program()
	open := &p.Bindings[0].Do[0]
	open.Late, open.LateAfter = station.LateRecord, 30*time.Minute
	open.Verb.Fields, open.Verb.Adopts = append(slices.Clone(open.Verb.Fields), station.Field{Name: "once", Type: station.Bool}), "once"
	open.With["once"] = template("true") // which means nothing to a call that is over
	return p
}

func TestLateness(t *testing.T) {
	t.Parallel()
	t.Run("a call that was opened and closed during an outage becomes one entry of history with both true times", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &afterwards{}
			s.box.setting.Program = recording
			pressed := s.stamp(time.Now()).Wall
			open := s.press()
			time.Sleep(10 * time.Minute)
			released := s.stamp(time.Now()).Wall
			s.hold()
			time.Sleep(time.Hour)
			s.deliver(v, time.Minute)
			sent := v.attempts()
			if len(sent) != 1 {
				t.Fatalf("%d sendings, want one", len(sent))
			}
			d := sent[0]
			if d.Verb != "dispatch.add" || d.ID != open || d.With["machine"] != "SEAL-1" ||
				d.With["once"] != "" || d.With["reported"] != pressed.Format(time.RFC3339) || d.With["completed"] != released.Format(time.RFC3339) || !d.Exact {
				t.Errorf("sent %+v", d)
			}
			if left := s.standings(); len(left) != 0 || len(s.box.State().Calls) != 0 {
				t.Errorf("left %+v, calls %+v", left, s.box.State().Calls)
			}
		})
	})
	t.Run("a call that is open still is opened, however late, with its true time", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &afterwards{}
			s.box.setting.Program = recording
			pressed := s.stamp(time.Now()).Wall
			s.press()
			time.Sleep(5 * time.Hour)
			s.deliver(v, time.Minute)
			sent := v.attempts()
			if len(sent) != 1 || sent[0].Verb != "dispatch.open" || !sent[0].When.Equal(pressed) {
				t.Errorf("sent %+v", sent)
			}
		})
	})
	t.Run("within the limit a call is opened and closed as ever", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &afterwards{}
			s.box.setting.Program = recording
			s.press()
			s.hold()
			time.Sleep(20 * time.Minute)
			s.deliver(v, time.Minute)
			if sent := v.attempts(); len(sent) != 2 || sent[0].Verb != "dispatch.open" || sent[1].Verb != "dispatch.close" {
				t.Errorf("sent %+v", sent)
			}
		})
	})
	t.Run("when the answer to the history is lost, the mark finds it and the call is over", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &afterwards{vendor: vendor{answer: func(station.Delivery) (bool, station.Receipt) {
				return true, station.Receipt{Outcome: station.Doubtful, Err: errors.New("lost")}
			}}}
			s.box.setting.Program = recording
			s.press()
			s.hold()
			time.Sleep(time.Hour)
			s.deliver(v, 3*time.Minute)
			if len(v.attempts()) != 1 || len(v.effects()) != 1 {
				t.Errorf("%d sendings, %d effects", len(v.attempts()), len(v.effects()))
			}
			if left := s.standings(); len(left) != 0 || len(s.box.State().Calls) != 0 {
				t.Errorf("left %+v, calls %+v", left, s.box.State().Calls)
			}
		})
	})
	t.Run("a power cut after the history was sent leaves one dispatch: the open finds its mark", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &afterwards{vendor: vendor{answer: func(station.Delivery) (bool, station.Receipt) {
				return true, station.Receipt{Outcome: station.Doubtful, Err: errors.New("lost")}
			}}}
			s.box.setting.Program = recording
			open := s.press()
			s.hold()
			time.Sleep(time.Hour)
			s.deliver(v, 100*time.Millisecond)
			s.crash()
			s.start()
			v.mu.Lock()
			v.answer = nil
			v.mu.Unlock()
			s.deliver(v, 3*time.Minute)
			n := 0
			for _, id := range v.effects() {
				if id == open {
					n++
				}
			}
			if n != 1 || len(s.standings()) != 0 {
				t.Errorf("the call took effect %d times, left %+v", n, s.standings())
			}
		})
	})
}

func TestSuspectedKey(t *testing.T) {
	t.Parallel()
	no := func(station.Delivery) (bool, station.Receipt) {
		return false, station.Receipt{Outcome: station.Refused, Err: errors.New("not allowed")}
	}
	t.Run("three equal noes and a refused read: the key is wrong, and the three wait again", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &afterwards{vendor: vendor{answer: no}, probe: func() station.Receipt {
				return station.Receipt{Outcome: station.Refused, Err: errors.New("not allowed")}
			}}
			for i := range 5 {
				s.scan(fmt.Sprintf("%d/a", i))
			}
			s.deliver(v, 30*time.Second)
			for _, e := range s.standings() {
				if e.Condition == station.Held {
					t.Errorf("entry %s is held: %s", e.ID, e.Reason)
				}
			}
			if h := s.box.Snapshot().Health.Backends["l2l"]; !strings.Contains(h.Fault, "the key is wrong?") {
				t.Errorf("the health says %+v", h)
			}
			if n := len(v.attempts()); n > 5 {
				t.Errorf("%d attempts in half a minute", n)
			}
		})
	})
	t.Run("three equal noes and a good read: they are what they say, and held", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &afterwards{vendor: vendor{answer: no}, probe: func() station.Receipt { return station.Receipt{Outcome: station.Delivered} }}
			for i := range 4 {
				s.scan(fmt.Sprintf("%d/a", i))
			}
			s.deliver(v, time.Minute)
			for _, e := range s.standings() {
				if e.Condition != station.Held {
					t.Errorf("entry %s is %s", e.ID, e.Condition)
				}
			}
		})
	})
}

func TestTrueTimes(t *testing.T) {
	t.Parallel()
	untrusted := func(right func(time.Time) station.Stamp) func(time.Time) station.Stamp {
		return func(t time.Time) station.Stamp {
			now := right(t)
			now.Wall, now.Trusted = time.Date(1970, 1, 1, 0, 0, 20, 0, time.UTC).Add(now.Up), false
			return now
		}
	}
	t.Run("with no time server, the vendor's own clock tells when it was", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			right := s.stamp
			s.stamp = untrusted(right)
			s.box.setting.Stamp = s.stamp
			want := right(time.Now()).Wall
			s.scan("1/a")
			s.scan("1/b")
			time.Sleep(time.Hour)
			v := &afterwards{clock: func() (time.Time, time.Time) { return right(time.Now()).Wall, time.Now() }}
			s.deliver(v, time.Minute)
			sent := v.attempts()
			if last := sent[len(sent)-1]; !last.Exact || last.When.Sub(want).Abs() > time.Second {
				t.Errorf("sent with %v (sure %v), want %v", last.When, last.Exact, want)
			}
		})
	})
	t.Run("a clock that is set by hand puts right what was recorded before, and a restart does not forget it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{}
			s.stop()
			second := board("boot-2")
			right := func(t time.Time) station.Stamp {
				now := second(t)
				now.Wall = now.Wall.Add(26 * time.Hour) // since the first boot
				return now
			}
			s.stamp = untrusted(right)
			s.start()
			want := right(time.Now()).Wall
			s.scan("1/a") // in 1970
			time.Sleep(time.Hour)
			// date -s, which nobody who stood by has told the station: it was restarted.
			s.crash()
			set := func(t time.Time) station.Stamp {
				now := right(t)
				now.Trusted = false
				return now
			}
			s.stamp = set
			s.start()
			if s.box.ClockWasSet() {
				t.Error("nobody knows that it was set")
			}
			s.deliver(v, 3*time.Minute)
			if sent := v.attempts(); len(sent) != 1 || sent[0].Exact || !sent[0].When.Equal(want) {
				t.Errorf("sent %+v, want %v", sent, want)
			}
			s.box.setting.Stamp = right // a process that saw it being set
			s.scan("1/b")
			s.crash()
			s.stamp = set
			s.start()
			if !s.box.ClockWasSet() {
				t.Error("after a restart nobody knows that it was set")
			}
			s.box.setting.Stamp = untrusted(right) // set back to 1970
			if s.box.ClockWasSet() {
				t.Error("it says something else now")
			}
		})
	})
	t.Run("a boot that never knew the time lies between its neighbours, and says that it is an estimate", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{}
			right := s.stamp
			s.scan("1/a") // the first boot knows the time
			s.crash()
			time.Sleep(30 * time.Minute)
			second := board("boot-2")
			s.stamp = untrusted(second)
			s.start()
			happened := right(time.Now()).Wall
			s.scan("1/b") // the second never does
			s.crash()
			time.Sleep(30 * time.Minute)
			third, began := board("boot-3"), right(time.Now()).Wall
			s.stamp = func(t time.Time) station.Stamp {
				now := third(t)
				now.Wall = right(t).Wall
				return now
			}
			s.start()
			s.deliver(v, 5*time.Minute)
			sent := v.attempts()
			if len(sent) != 2 {
				t.Fatalf("sent %+v", sent)
			}
			d := sent[1]
			earliest := right(time.Now()).Wall.Add(-24 * time.Hour)
			if d.Exact || d.When.Before(earliest) || d.When.After(began) {
				t.Errorf("sent with %v (sure %v); it happened at %v, the next boot began at %v", d.When, d.Exact, happened, began)
			}
		})
	})
}

func TestHistory(t *testing.T) {
	t.Parallel()
	t.Run("what was done can be read back as JSON lines, in order, and the oldest days go", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			s.stop()
			dir := filepath.Join(filepath.Dir(s.path), "history")
			s.open(Setting{History: dir, Days: 3})
			v := &vendor{answer: func(d station.Delivery) (bool, station.Receipt) {
				if d.With["serial"] == "bad" {
					return false, station.Receipt{Outcome: station.Refused, Err: errors.New("unknown article")}
				}
				return true, station.Receipt{Outcome: station.Delivered, Ref: "r"}
			}}
			for range 5 {
				s.scan("1/good")
				bad := s.scan("1/bad")
				s.deliver(v, time.Minute)
				if err := s.command(station.VerbDiscard, bad); err != nil {
					t.Fatal(err)
				}
				time.Sleep(24 * time.Hour)
			}
			var text bytes.Buffer
			if err := ExportHistory(dir, &text); err != nil {
				t.Fatal(err)
			}
			counts := map[string]int{}
			var last time.Time
			for line := range strings.Lines(text.String()) {
				var d HistoryLine
				if err := json.Unmarshal([]byte(line), &d); err != nil {
					t.Fatal(err)
				}
				counts[d.What]++
				if d.At.Wall.Before(last) {
					t.Errorf("%s is before the line above it", line)
				}
				last = d.At.Wall
			}
			want := map[string]int{"recorded": 9, "delivered": 3, "held": 3, "discarded": 3}
			if fmt.Sprint(counts) != fmt.Sprint(want) {
				t.Errorf("of five days the last three say %v, want %v", counts, want)
			}
		})
	})
	t.Run("a clock in 1970 beside thirty days of history: what is done is kept, and the oldest day goes when its time comes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			s.stop()
			dir := filepath.Join(filepath.Dir(s.path), "history")
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			right := s.stamp
			today := right(time.Now()).Wall
			for n := range 30 {
				name := today.AddDate(0, 0, -n-1).Format(time.DateOnly) + historySuffix
				if err := os.WriteFile(filepath.Join(dir, name), []byte("{}\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s.stamp = func(t time.Time) station.Stamp {
				now := right(t)
				now.Wall, now.Trusted = time.Unix(20, 0).Add(now.Up), false
				return now
			}
			s.open(Setting{History: dir})
			kept := func(when string, codes ...string) {
				t.Helper()
				var text bytes.Buffer
				if err := ExportHistory(dir, &text); err != nil {
					t.Fatal(err)
				}
				for _, code := range codes {
					if !strings.Contains(text.String(), code) {
						t.Errorf("%s %s is not in the history", when, code)
					}
				}
			}
			s.scan("1/in-1970")
			kept("in 1970", "1/in-1970")
			s.box.setting.Stamp = right // and now it is set
			s.scan("1/today")
			kept("today", "1/in-1970", "1/today")
			files, err := historyFiles(dir)
			if err != nil || len(files) != 30 || dayOf(files[29]) != today.Format(time.DateOnly) {
				t.Errorf("%v: %d files: %q", err, len(files), files)
			}
			s.stop()
			s.open(Setting{History: dir, Days: 1})
			s.scan("1/alone")
			kept("with one day", "1/today", "1/alone")
		})
	})
	t.Run("a day with much is kept in parts, of which the oldest go", func(t *testing.T) {
		t.Parallel()
		h := history{dir: t.TempDir(), days: 30}
		line := HistoryLine{At: station.Stamp{Wall: time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC), Trusted: true}, Code: strings.Repeat("x", 1<<20)}
		for n := range 100 {
			line.Name = fmt.Sprint("event ", n)
			if err := h.add([]HistoryLine{line}); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.close(); err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if err := ExportHistory(h.dir, &text); err != nil {
			t.Fatal(err)
		}
		first, last := strings.Index(text.String(), "event 95"), strings.Index(text.String(), "event 99")
		if text.Len() > mostHistory+2*mostPart || first < 0 || last < first {
			t.Errorf("%d bytes; event 95 at %d, event 99 at %d", text.Len(), first, last)
		}
	})
	t.Run("a history that cannot be written stops nothing", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		s.stop()
		s.open(Setting{History: filepath.Join(s.path, "not a folder")})
		s.scan("1/a")
		if err := s.box.Err(); err != nil {
			t.Error(err)
		}
	})
}
