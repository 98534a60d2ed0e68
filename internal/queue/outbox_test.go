package queue

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/station"
)

// began is when the tests' board was booted.
var began = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

// board makes stamps as a board does that was booted at a time and whose clock
// is right.
func board(boot string) func(time.Time) station.Stamp {
	start := time.Now()
	return func(t time.Time) station.Stamp {
		up := t.Sub(start)
		return station.Stamp{Wall: began.Add(up), Boot: boot, Up: up, Trusted: true}
	}
}

// vendor is a backend in memory. It does what it is told at once, unless answer
// says otherwise, and it remembers by entry, as a vendor with a mark would.
type vendor struct {
	mu     sync.Mutex
	answer func(d station.Delivery) (arrives bool, rc station.Receipt)
	look   func(d station.Delivery) ([]byte, station.Receipt)
	sent   []station.Delivery // attempts that were not only looks
	looks  int                // looks of doubtful deliveries
	looked []station.Delivery // those
	done   []station.ID       // effects, in order
}

var verbs = []station.Verb{
	{Name: "dispatch.open", Fields: []station.Field{{Name: "machine"}, {Name: "type"}}, Lane: []string{"machine"}, Opens: []string{"machine", "type"}},
	{Name: "dispatch.close", Fields: []station.Field{{Name: "dispatch"}}, Ends: "dispatch"},
	{Name: "article.trace", Fields: []station.Field{{Name: "order", Required: true}, {Name: "serial"}}, Lane: []string{"order"}},
	{Name: "article.count", Fields: []station.Field{{Name: "order", Required: true}}, Lane: []string{"order"}, Before: true},
	{Name: "order.finish", Fields: []station.Field{{Name: "order", Required: true}}, Lane: []string{"order"}, Barrier: true},
	{Name: "changeover.start", Line: "line", Fields: []station.Field{{Name: "order", Required: true}}, Lane: []string{"order"}},
}

func (v *vendor) Verbs() []station.Verb { return verbs }

func (v *vendor) Look(_ context.Context, d station.Delivery) ([]byte, station.Receipt) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.look != nil {
		return v.look(d)
	}
	return fmt.Appendf(nil, "%d effects", len(v.done)), station.Receipt{Outcome: station.Delivered}
}

func (v *vendor) Deliver(_ context.Context, d station.Delivery) station.Receipt {
	v.mu.Lock()
	defer v.mu.Unlock()
	if d.Doubtful {
		v.looks++
		v.looked = append(v.looked, d)
		switch {
		case slices.Contains(v.done, d.ID):
			return station.Receipt{Outcome: station.Delivered, Ref: "ref-" + d.ID.Short()}
		case d.Settle > 0:
			return station.Receipt{Outcome: station.Doubtful, Wait: d.Settle, Err: errors.New("no trace of it yet")}
		case d.LookOnly:
			return station.Receipt{Outcome: station.Unreached, Err: station.ErrAbsent}
		}
	}
	v.sent = append(v.sent, d)
	arrives, rc := true, station.Receipt{Outcome: station.Delivered, Ref: "ref-" + d.ID.Short()}
	if v.answer != nil {
		arrives, rc = v.answer(d)
	}
	if arrives {
		v.done = append(v.done, d.ID)
	}
	return rc
}

func (v *vendor) effects() []station.ID {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.done)
}

func (v *vendor) attempts() []station.Delivery {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.sent)
}

func do(verb string, with map[string]string) station.Do {
	i := slices.IndexFunc(verbs, func(v station.Verb) bool { return v.Name == verb })
	d := station.Do{Backend: "l2l", Verb: verbs[i], With: make(map[string]station.Template)}
	for field, text := range with {
		d.With[field] = template(text)
	}
	return d
}

func template(text string) station.Template {
	t, err := station.ParseTemplate(text)
	if err != nil {
		panic(err)
	}
	return t
}

// program is a station with an andon button and a scanner.
func program() station.Program {
	scan := func(match string, do ...station.Do) station.Binding {
		return station.Binding{Event: "hand.scan", Match: regexp.MustCompile(match), Max: 8 << 10, Do: do} // records longer than a page
	}
	late := do("changeover.start", map[string]string{"order": "{order}"})
	late.Late, late.LateAfter = station.LateHold, 2*time.Minute
	return station.Program{
		Station: "pack4-1",
		Vendors: map[string]station.Vendor{"l2l": {Verbs: verbs, To: "https://acme.example/ site 12"}},
		Lamps:   []string{"red"},
		Lamp:    map[string]string{"red": "red", "hand": "red"},
		Bindings: []station.Binding{
			{Event: "red.press", Do: []station.Do{do("dispatch.open", map[string]string{"machine": "SEAL-1", "type": "MAINT"})}},
			{Event: "red.hold", Do: []station.Do{do("dispatch.close", nil)}},
			scan(`^(?P<order>\d+)/(?P<serial>\w+)$`, do("article.trace", map[string]string{"order": "{order}", "serial": "{serial}"})),
			scan(`^COUNT (?P<order>\d+)$`, do("article.count", map[string]string{"order": "{order}"})),
			scan(`^FINISH (?P<order>\d+)$`, do("order.finish", map[string]string{"order": "{order}"})),
			scan(`^CHANGE (?P<order>\d+)$`, late),
		},
	}
}

// station1 is an outbox under test. However a test ends, its file is verified.
type station1 struct {
	*testing.T
	path  string
	stamp func(time.Time) station.Stamp
	box   *Outbox
	size  int64
}

func open1(t *testing.T) *station1 {
	t.Helper()
	s := &station1{T: t, path: filepath.Join(t.TempDir(), "outbox.db"), stamp: board("boot-1")}
	s.start()
	t.Cleanup(func() {
		if s.box != nil {
			if s.box.Err() == nil {
				s.consistent()
			}
			if err := s.box.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := VerifyFile(s.path); err != nil {
			t.Errorf("the outbox is not sound at the end of the test:\n%v", err)
		}
	})
	return s
}

// start opens the outbox as a new process would.
func (s *station1) start() {
	s.Helper()
	if s.size == 0 {
		s.size = 1 << 20
	}
	s.open(Setting{})
}

// open opens the outbox with a setting, completed by the test's own.
func (s *station1) open(setting Setting) {
	s.Helper()
	setting.Size, setting.Stamp, setting.Program = s.size, s.stamp, program
	box, err := Open(s.path, setting)
	if err != nil {
		s.Fatal(err)
	}
	s.box = box
}

// crash ends the process as a power cut does: nothing is said to the file.
func (s *station1) crash() {
	s.Helper()
	if err := s.box.file.Close(); err != nil {
		s.Fatal(err)
	}
	s.box = nil
}

func (s *station1) stop() {
	s.Helper()
	if err := s.box.Close(); err != nil {
		s.Fatal(err)
	}
	s.box = nil
}

func (s *station1) record(ev station.Event) station.Result {
	s.Helper()
	ev.At = s.stamp(time.Now())
	done, err := s.box.Record(ev)
	if err != nil {
		s.Fatal(err)
	}
	return done
}

func (s *station1) press() station.ID {
	s.Helper()
	return one(s, s.record(station.Event{Source: "red", Kind: station.Press}))
}

func (s *station1) hold() station.ID {
	s.Helper()
	return one(s, s.record(station.Event{Source: "red", Kind: station.Hold}))
}

func (s *station1) scan(code string) station.ID {
	s.Helper()
	return one(s, s.record(station.Event{Source: "hand", Kind: station.Scan, Code: code}))
}

func one(s *station1, done station.Result) station.ID {
	s.Helper()
	if len(done.Entries) == 0 {
		return ""
	}
	return done.Entries[0]
}

func (s *station1) command(kind string, entry station.ID) error {
	_, err := s.box.Record(station.Event{Source: station.FromCommand, Kind: kind, Data: map[string]string{"entry": string(entry)}, At: s.stamp(time.Now())})
	return err
}

// deliver runs the lanes until everything that can be decided is, or for so long.
func (s *station1) deliver(v station.Backend, so time.Duration) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), so)
	defer cancel()
	ended := make(chan error, 2)
	for range 2 {
		go func() { ended <- s.box.Run(ctx, "l2l", v) }()
	}
	for range 2 {
		if err := <-ended; err != nil {
			s.Fatal(err)
		}
	}
}

func (s *station1) standings() []station.EntryStatus {
	s.Helper()
	c, err := s.box.Contents(station.NoLimit())
	if err != nil {
		s.Fatal(err)
	}
	return c.Entries
}

func TestRecord(t *testing.T) {
	t.Parallel()
	t.Run("a press is on disk with its entry when Record returns, whatever happens next", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		id := s.press()
		s.crash()
		s.start()
		got := s.standings()
		if len(got) != 1 || got[0].ID != id || got[0].Condition != station.Marked {
			t.Fatalf("after the crash the outbox holds %+v, want the entry %s marked, for it may have been on its way", got, id)
		}
		if calls := s.box.State().Calls; len(calls) != 1 || calls[0].Entry != id {
			t.Errorf("after the crash the open calls are %+v", calls)
		}
	})
	t.Run("a second press on an open call opens nothing new", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		s.press()
		if again := s.press(); again != "" {
			t.Errorf("the second press made the entry %s", again)
		}
		if n := s.box.State().Notes["red"].Kind; n != station.NoteAlready {
			t.Errorf("the operator is told %q, want %q", n, station.NoteAlready)
		}
	})
	t.Run("a scan that nobody knows is kept, survives a restart, and can be put away", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		done := s.record(station.Event{Source: "hand", Kind: station.Scan, Code: "what's this"})
		s.crash()
		s.start()
		c, err := s.box.Contents(station.NoLimit())
		if err != nil || len(c.Kept) != 1 || c.Kept[0].Code != "what's this" {
			t.Fatalf("kept: %+v, %v", c.Kept, err)
		}
		if err := s.command(station.VerbDiscard, done.ID); err != nil {
			t.Fatal(err)
		}
		if c, _ := s.box.Contents(station.NoLimit()); len(c.Kept) != 0 {
			t.Errorf("still kept: %+v", c.Kept)
		}
	})
	t.Run("the oldest of too many unknown scans gives way", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		for i := range mostKept + 2 {
			s.record(station.Event{Source: "hand", Kind: station.Scan, Code: fmt.Sprintf("unknown-%d", i)})
		}
		c, err := s.box.Contents(station.NoLimit())
		if err != nil || len(c.Kept) != mostKept || c.Kept[0].Code != "unknown-2" {
			t.Errorf("%d kept, the oldest %q, %v", len(c.Kept), c.Kept[0].Code, err)
		}
	})
	t.Run("a full outbox refuses the press and says so; drained, it takes presses again", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		var err error
		for i := 0; err == nil && i < 10000; i++ {
			_, err = s.box.Record(station.Event{Source: "hand", Kind: station.Scan, Code: fmt.Sprintf("1/s%d", i), At: s.stamp(time.Now())})
		}
		if !errors.Is(err, ErrFull) {
			t.Fatalf("recording without end: %v, want ErrFull", err)
		}
		if h := s.box.Snapshot().Health; h.Storage == "" {
			t.Error("the health of a full outbox says nothing")
		}
		asked := station.ActionRequest{Backend: "l2l", Verb: "article.trace", With: map[string]string{"order": "1"}}.Event("uid:0", s.stamp(time.Now()))
		if _, err := s.box.Record(asked); !errors.Is(err, ErrFull) {
			t.Errorf("what a person asks for at the command line: %v, want ErrFull", err)
		}
		waiting := len(s.standings())
		v := &vendor{}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- s.box.Run(ctx, "l2l", v) }()
		for {
			changed := s.box.Changed()
			if len(s.standings()) == 0 {
				break
			}
			<-changed
		}
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if left := s.standings(); len(left) != 0 {
			t.Errorf("%d of %d entries are left after draining", len(left), waiting)
		}
		if n := len(v.effects()); n != waiting {
			t.Errorf("%d of %d arrived", n, waiting)
		}
		s.scan("1/afterwards")
	})
	t.Run("an event of the program's own that changes nothing writes nothing", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		s.press()
		before := s.standings()
		s.record(station.Event{Source: "l2l", Kind: "dispatch.closed", Data: map[string]string{"ref": "4711"}})
		id := s.scan("1/a")
		after := s.standings()
		if after[len(after)-1].Seq != before[0].Seq+1 {
			t.Errorf("entry %s has sequence %d after %d: something was written between them", id, after[len(after)-1].Seq, before[0].Seq)
		}
	})
}

func TestLane(t *testing.T) {
	t.Parallel()
	t.Run("entries of one lane arrive in the order of their events", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{}
			var want []station.ID
			for i := range 20 {
				want = append(want, s.scan(fmt.Sprintf("1/s%d", i)))
			}
			s.deliver(v, time.Minute)
			if got := v.effects(); !slices.Equal(got, want) {
				t.Errorf("arrived %v, want %v", got, want)
			}
			if left := s.standings(); len(left) != 0 {
				t.Errorf("left in the outbox: %+v", left)
			}
		})
	})
	t.Run("a lane that stands still stops no other", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &vendor{answer: func(d station.Delivery) (bool, station.Receipt) {
				if d.With["order"] == "1" {
					return false, station.Receipt{Outcome: station.Unreached, Err: errors.New("no way there")}
				}
				return true, station.Receipt{Outcome: station.Delivered}
			}}
			s.scan("1/a")
			s.scan("1/b")
			other := s.scan("2/a")
			s.deliver(v, 10*time.Minute)
			if got := v.effects(); !slices.Equal(got, []station.ID{other}) {
				t.Errorf("arrived %v, want only %s", got, other)
			}
			for _, d := range v.attempts() {
				if d.With["serial"] == "b" {
					t.Error("the second of a standing lane was attempted")
				}
			}
		})
	})
	t.Run("after a lost answer it looks at once, sends nothing while an absence proves nothing, and finds what arrived", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &vendor{answer: func(station.Delivery) (bool, station.Receipt) {
				return true, station.Receipt{Outcome: station.Doubtful, Err: errors.New("the answer was lost")}
			}}
			id := s.scan("1/a")
			s.deliver(v, 30*time.Second)
			if got := v.effects(); !slices.Equal(got, []station.ID{id}) {
				t.Errorf("effects %v, want one", got)
			}
			if len(v.attempts()) != 1 || v.looks == 0 {
				t.Errorf("%d sendings and %d looks, want 1 and some", len(v.attempts()), v.looks)
			}
			if left := s.standings(); len(left) != 0 {
				t.Errorf("left in the outbox: %+v", left)
			}
		})
	})
	t.Run("after a lost request it sends again only when the absence has lasted", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &vendor{}
			v.answer = func(d station.Delivery) (bool, station.Receipt) {
				if d.Attempt == 1 {
					return false, station.Receipt{Outcome: station.Doubtful, Err: errors.New("the request was lost")}
				}
				return true, station.Receipt{Outcome: station.Delivered}
			}
			s.scan("1/a")
			s.deliver(v, defaultSettle-time.Second)
			if n := len(v.attempts()); n != 1 {
				t.Fatalf("%d sendings before the absence proves anything", n)
			}
			s.deliver(v, 2*time.Minute)
			if n := len(v.attempts()); n != 2 || len(v.effects()) != 1 {
				t.Errorf("%d sendings, %d effects; want 2 and 1", n, len(v.effects()))
			}
		})
	})
	t.Run("what is refused is held with the reason, and the next one passes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &vendor{answer: func(d station.Delivery) (bool, station.Receipt) {
				if d.With["serial"] == "bad" {
					return false, station.Receipt{Outcome: station.Refused, Err: errors.New("unknown article")}
				}
				return true, station.Receipt{Outcome: station.Delivered}
			}}
			bad := s.scan("1/bad")
			good := s.scan("1/good")
			s.deliver(v, time.Minute)
			if got := v.effects(); !slices.Equal(got, []station.ID{good}) {
				t.Errorf("arrived %v, want %s", got, good)
			}
			left := s.standings()
			if len(left) != 1 || left[0].ID != bad || left[0].Condition != station.Held || left[0].Hold != station.HoldRefused || left[0].Reason != "unknown article" {
				t.Errorf("left: %+v", left)
			}
			lights := program().Lights(s.box.State(), station.Health{}, s.stamp(time.Now()))
			if lights["red"] != station.Quick {
				t.Errorf("the lamp is %v, want quick: a person must look", lights["red"])
			}
		})
	})
	t.Run("a held entry that is retried goes back to its old place", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			mended := false
			v := &vendor{}
			v.answer = func(d station.Delivery) (bool, station.Receipt) {
				switch {
				case d.With["serial"] == "bad" && !mended:
					return false, station.Receipt{Outcome: station.Refused, Err: errors.New("unknown article")}
				case d.With["serial"] != "bad" && !mended:
					return false, station.Receipt{Outcome: station.Unreached, Err: errors.New("no way there")}
				}
				return true, station.Receipt{Outcome: station.Delivered}
			}
			bad := s.scan("1/bad")
			good := s.scan("1/good")
			s.deliver(v, time.Minute)
			v.mu.Lock()
			mended = true
			v.mu.Unlock()
			if err := s.command(station.VerbRetry, bad); err != nil {
				t.Fatal(err)
			}
			s.deliver(v, 3*time.Minute)
			if got := v.effects(); !slices.Equal(got, []station.ID{bad, good}) {
				t.Errorf("arrived %v, want %v before %v", got, bad, good)
			}
		})
	})
	t.Run("what waits for a person can only be retried or discarded while it is held", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		id := s.scan("1/a")
		if err := s.command(station.VerbRetry, id); !errors.Is(err, ErrNoEntry) {
			t.Errorf("retry of a waiting entry: %v", err)
		}
		if err := s.command(station.VerbDiscard, "0123456789abcdef.1"); !errors.Is(err, ErrNoEntry) {
			t.Errorf("discard of an unknown entry: %v", err)
		}
	})
	t.Run("a close waits for its open and is told the vendor's name for it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{}
			opened := s.press()
			closed := s.hold()
			s.deliver(v, time.Minute)
			sent := v.attempts()
			if len(sent) != 2 || sent[0].ID != opened || sent[1].ID != closed || sent[1].Ref != "ref-"+opened.Short() {
				t.Errorf("sent %+v", sent)
			}
			if calls := s.box.State().Calls; len(calls) != 0 {
				t.Errorf("calls still open: %+v", calls)
			}
		})
	})
	t.Run("a close that comes after the open was delivered carries the vendor's name itself", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{}
			opened := s.press()
			s.deliver(v, time.Minute)
			if l := program().Lights(s.box.State(), station.Health{}, s.stamp(time.Now()))["red"]; l != station.Steady {
				t.Errorf("the lamp of a delivered call is %v, want steady", l)
			}
			s.hold()
			if l := program().Lights(s.box.State(), station.Health{}, s.stamp(time.Now()))["red"]; l != station.Slow {
				t.Errorf("the lamp while the close waits is %v, want slow", l)
			}
			s.deliver(v, time.Minute)
			sent := v.attempts()
			if got := sent[len(sent)-1].With["dispatch"]; got != "ref-"+opened.Short() {
				t.Errorf("the close names %q", got)
			}
			if l := program().Lights(s.box.State(), station.Health{}, s.stamp(time.Now().Add(3*time.Second)))["red"]; l != station.Off {
				t.Errorf("the lamp of a closed call is %v, want off", l)
			}
		})
	})
	t.Run("a close whose open was discarded is moot", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &vendor{answer: func(station.Delivery) (bool, station.Receipt) {
				return false, station.Receipt{Outcome: station.Refused, Err: errors.New("unknown machine")}
			}}
			opened := s.press()
			s.hold()
			s.deliver(v, time.Minute)
			if n := len(v.attempts()); n != 1 {
				t.Errorf("%d attempts: the close went without its open", n)
			}
			if err := s.command(station.VerbDiscard, opened); err != nil {
				t.Fatal(err)
			}
			if left := s.standings(); len(left) != 0 {
				t.Errorf("left: %+v", left)
			}
			if calls := s.box.State().Calls; len(calls) != 0 {
				t.Errorf("calls still open: %+v", calls)
			}
		})
	})
	t.Run("pressing again on a call that the vendor refused is its retry", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &vendor{answer: func(d station.Delivery) (bool, station.Receipt) {
				return false, station.Receipt{Outcome: station.Refused, Err: errors.New("no")}
			}}
			opened := s.press()
			s.deliver(v, time.Minute)
			s.press()
			if left := s.standings(); len(left) != 1 || left[0].ID != opened || left[0].Condition != station.Waiting {
				t.Errorf("left: %+v", left)
			}
		})
	})
	t.Run("an order is not finished while one of its traces is held", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &vendor{answer: func(d station.Delivery) (bool, station.Receipt) {
				if d.With["serial"] == "bad" {
					return false, station.Receipt{Outcome: station.Refused, Err: errors.New("unknown article")}
				}
				return true, station.Receipt{Outcome: station.Delivered}
			}}
			bad := s.scan("1/bad")
			finish := s.scan("FINISH 1")
			s.deliver(v, time.Minute)
			if got := v.effects(); len(got) != 0 {
				t.Errorf("arrived %v while the trace is held", got)
			}
			if err := s.command(station.VerbDiscard, bad); err != nil {
				t.Fatal(err)
			}
			s.deliver(v, time.Minute)
			if got := v.effects(); !slices.Equal(got, []station.ID{finish}) {
				t.Errorf("arrived %v, want %v", got, finish)
			}
		})
	})
	t.Run("a changeover that is too old to be sent unasked is held, and a person may insist", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{}
			id := s.scan("CHANGE 300")
			time.Sleep(3 * time.Minute)
			s.deliver(v, time.Minute)
			left := s.standings()
			if len(left) != 1 || left[0].Hold != station.HoldMisfit {
				t.Fatalf("left: %+v", left)
			}
			if err := s.command(station.VerbRetry, id); err != nil {
				t.Fatal(err)
			}
			s.deliver(v, time.Minute)
			if got := v.effects(); !slices.Equal(got, []station.ID{id}) {
				t.Errorf("arrived %v after a person insisted", got)
			}
		})
	})
	t.Run("a wrong key pauses the whole backend and burns nobody's turn", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &vendor{answer: func(station.Delivery) (bool, station.Receipt) {
				return false, station.Receipt{Outcome: station.Unreached, Err: fmt.Errorf("401: %w", station.ErrKey)}
			}}
			for i := range 5 {
				s.scan(fmt.Sprintf("%d/a", i))
			}
			s.deliver(v, 50*time.Second)
			if n := len(v.attempts()); n > 2 {
				t.Errorf("%d attempts in a minute with a wrong key", n)
			}
			h := s.box.Snapshot().Health
			if h.Backends["l2l"].Fault == "" {
				t.Error("the health does not say that the key is wrong")
			}
			if l := program().Lights(s.box.State(), h, s.stamp(time.Now()))["red"]; l != station.Quick {
				t.Errorf("the lamp is %v, want quick", l)
			}
		})
	})
}

func TestRestart(t *testing.T) {
	t.Parallel()
	t.Run("after a crash the head of each lane is doubtful and nothing behind it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{}
			s.scan("1/a")
			s.scan("1/b")
			s.scan("2/a")
			s.crash()
			s.start()
			s.deliver(v, 3*time.Minute)
			if len(v.effects()) != 3 || v.looks < 2 {
				t.Errorf("%d effects and %d looks", len(v.effects()), v.looks)
			}
			for _, d := range v.looked {
				if d.With["serial"] != "a" {
					t.Errorf("order %s serial %s was looked up", d.With["order"], d.With["serial"])
				}
			}
			for _, d := range v.attempts() {
				if d.Doubtful {
					t.Errorf("order %s serial %s was sent in doubt", d.With["order"], d.With["serial"])
				}
			}
		})
	})
	t.Run("after a clean stop with nothing in the air nothing is doubtful", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{}
			s.scan("1/a")
			s.stop()
			s.start()
			s.deliver(v, time.Minute)
			if v.looks != 0 || len(v.effects()) != 1 {
				t.Errorf("%d looks, %d effects", v.looks, len(v.effects()))
			}
		})
	})
	t.Run("a clean stop keeps the doubt of an answer that was lost before it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &vendor{answer: func(d station.Delivery) (bool, station.Receipt) {
				return true, station.Receipt{Outcome: station.Doubtful, Err: errors.New("lost")}
			}}
			s.scan("1/a")
			s.deliver(v, 100*time.Millisecond)
			s.stop()
			s.start()
			s.deliver(v, 3*time.Minute)
			if len(v.attempts()) != 1 || len(v.effects()) != 1 {
				t.Errorf("%d sendings, %d effects; want one of each", len(v.attempts()), len(v.effects()))
			}
		})
	})
	t.Run("a doubtful entry that a retry pushed from the head is still looked up after a crash", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &vendor{answer: func(d station.Delivery) (bool, station.Receipt) {
				switch d.With["serial"] {
				case "bad":
					return false, station.Receipt{Outcome: station.Refused, Err: errors.New("no")}
				default:
					return true, station.Receipt{Outcome: station.Doubtful, Err: errors.New("lost")}
				}
			}}
			bad := s.scan("1/bad")
			s.scan("1/lost")
			s.deliver(v, 100*time.Millisecond)
			if err := s.command(station.VerbRetry, bad); err != nil {
				t.Fatal(err)
			}
			s.crash()
			s.start()
			v.mu.Lock()
			v.answer = nil
			v.mu.Unlock()
			s.deliver(v, 5*time.Minute)
			effects := map[station.ID]int{}
			for _, id := range v.effects() {
				effects[id]++
			}
			for id, n := range effects {
				if n != 1 {
					t.Errorf("entry %s took effect %d times", id, n)
				}
			}
			if len(effects) != 2 {
				t.Errorf("%d effects, want 2", len(effects))
			}
		})
	})
	t.Run("a verb that marks before it acts is not doubted where there is no mark", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{}
			s.scan("COUNT 1")
			s.crash()
			s.start()
			s.deliver(v, time.Minute)
			sent := v.attempts()
			if len(sent) != 1 || sent[0].Doubtful || string(sent[0].Before) != "0 effects" {
				t.Errorf("sent %+v", sent)
			}
		})
	})
	t.Run("what Look saw is on disk before the attempt and is what is gone by after a crash", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &vendor{}
			v.answer = func(d station.Delivery) (bool, station.Receipt) {
				left := s.standings()
				if len(left) != 1 || left[0].Condition != station.Marked {
					t.Errorf("while the attempt is under way the disk says %+v", left)
				}
				return false, station.Receipt{Outcome: station.Doubtful, Err: errors.New("lost")}
			}
			s.scan("COUNT 1")
			s.deliver(v, 100*time.Millisecond)
			s.crash()
			v.mu.Lock()
			v.done, v.answer = append(v.done, "somebody-else.1"), nil
			v.mu.Unlock()
			s.start()
			s.deliver(v, 3*time.Minute)
			if len(v.looked) == 0 {
				t.Fatal("after the crash nothing was looked up")
			}
			for _, d := range v.looked {
				if string(d.Before) != "0 effects" {
					t.Errorf("after the crash it was looked up by %q", d.Before)
				}
			}
			sent := v.attempts()
			if last := sent[len(sent)-1]; last.Doubtful || string(last.Before) != "1 effects" {
				t.Errorf("when it was proved absent it was sent with doubtful %v and before %q", last.Doubtful, last.Before)
			}
		})
	})
	t.Run("the events of an earlier boot keep their true times", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{}
			s.scan("1/a")
			want := s.stamp(time.Now()).Wall
			s.crash()
			time.Sleep(10 * time.Minute)
			later := board("boot-2")
			s.stamp = func(t time.Time) station.Stamp {
				now := later(t)
				now.Wall = now.Wall.Add(10 * time.Minute)
				return now
			}
			s.start()
			s.deliver(v, 3*time.Minute)
			sent := v.attempts()
			if len(sent) != 1 || !sent[0].Exact || !sent[0].When.Equal(want) {
				t.Errorf("sent with %v (sure %v), want %v", sent[0].When, sent[0].Exact, want)
			}
		})
	})
	t.Run("an event before the clock was set gets its true time once it is", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{}
			right := s.stamp
			s.stamp = func(t time.Time) station.Stamp {
				now := right(t)
				now.Wall, now.Trusted = time.Date(1970, 1, 1, 0, 0, 20, 0, time.UTC).Add(now.Up), false
				return now
			}
			want := right(time.Now()).Wall
			s.scan("1/a")
			time.Sleep(time.Hour)
			s.box.setting.Stamp = right
			s.deliver(v, time.Minute)
			sent := v.attempts()
			if len(sent) != 1 || !sent[0].Exact || !sent[0].When.Equal(want) {
				t.Errorf("sent with %v (sure %v), want %v", sent[0].When, sent[0].Exact, want)
			}
		})
	})
	t.Run("an entry that stops the process each time it is attempted is held", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			id := s.scan("1/poison")
			poison := make(chan struct{})
			v := &vendor{answer: func(station.Delivery) (bool, station.Receipt) {
				poison <- struct{}{} // the process dies here
				return false, station.Receipt{Outcome: station.Unreached, Err: errors.New("never seen")}
			}}
			starts := 0
			for ; starts < 10; starts++ {
				ended := make(chan error, 1)
				ctx, cancel := context.WithCancel(context.Background())
				box := s.box
				go func() { ended <- box.Run(ctx, "l2l", v) }()
				time.Sleep(2 * time.Minute) // past the settle time, so that it is sent again
				synctest.Wait()
				if left := s.standings(); left[0].Condition == station.Held {
					cancel()
					<-ended
					break
				}
				s.crash()
				<-poison // let the goroutine of the dead process go
				cancel()
				<-ended
				s.start()
			}
			left := s.standings()
			if len(left) != 1 || left[0].ID != id || left[0].Condition != station.Held {
				t.Errorf("after %d starts: %+v", starts, left)
			}
		})
	})
	t.Run("a second process cannot open the outbox", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		if _, err := Open(s.path, Setting{Stamp: s.stamp, Program: program}); err == nil {
			t.Error("opened twice")
		}
		if _, err := ReadContents(s.path, station.NoLimit()); err == nil {
			t.Error("read while it is open")
		}
	})
	t.Run("the entries of a backend that is not configured any more are held, not deleted", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		id := s.scan("1/a")
		if err := s.box.HoldOrphaned(func(backend string) bool { return backend != "l2l" }); err != nil {
			t.Fatal(err)
		}
		if left := s.standings(); len(left) != 1 || left[0].ID != id || left[0].Hold != station.HoldMisfit {
			t.Errorf("left: %+v", left)
		}
	})
}

func TestNeverSentIsNeverInDoubt(t *testing.T) {
	t.Parallel()
	t.Run("a clean stop after a power cut leaves no doubt of what marks before it acts and never did", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{}
			s.scan("COUNT 1")
			s.crash()
			s.start()
			s.stop()
			s.start()
			s.deliver(v, 3*time.Minute)
			if sent := v.attempts(); v.looks != 0 || len(sent) != 1 || sent[0].Doubtful || len(sent[0].Before) == 0 {
				t.Errorf("%d looks after doubt, sent %+v", v.looks, sent)
			}
		})
	})
	t.Run("after a power cut what a person retries goes back before what never was attempted", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			refuses := &vendor{answer: func(station.Delivery) (bool, station.Receipt) {
				return false, station.Receipt{Outcome: station.Refused, Err: errors.New("no")}
			}}
			first := s.scan("1/a")
			s.deliver(refuses, time.Second)
			second := s.scan("COUNT 1")
			s.crash()
			s.start()
			if err := s.command(station.VerbRetry, first); err != nil {
				t.Fatal(err)
			}
			v := &vendor{}
			s.deliver(v, 3*time.Minute)
			if got := v.effects(); !slices.Equal(got, []station.ID{first, second}) {
				t.Errorf("arrived %v, want %s before %s", got, first, second)
			}
		})
	})
}
