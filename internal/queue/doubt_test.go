package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// losesIt is a vendor's answer that never arrives, to a request that never did.
func losesIt(station.Delivery) (bool, station.Receipt) {
	return false, station.Receipt{Outcome: station.Doubtful, Err: errors.New("no answer came")}
}

// then has the vendor answer otherwise from now on.
func (v *vendor) then(answer func(station.Delivery) (bool, station.Receipt)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.answer = answer
}

// onDisk is the entry's record.
func (s *station1) onDisk(id station.ID) (e format.Entry) {
	s.Helper()
	err := s.box.file.View(func(tx *format.Tx) error {
		for r, err := range tx.Records(0) {
			if err != nil || r.Kind != format.KindEntry {
				continue
			}
			if found, err := r.Entry(); err == nil && found.ID == id {
				e = found
			}
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	return e
}

func TestTheAgeOfDoubt(t *testing.T) {
	t.Parallel()
	t.Run("a station that is killed every half minute sends what is in doubt when its settle time is over, and once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{answer: losesIt}
			s.press()
			s.deliver(v, 10*time.Second)
			v.then(nil)
			began, sent := time.Now(), len(v.attempts())
			for len(v.effects()) == 0 && time.Since(began) < 10*time.Minute {
				s.crash()
				s.start()
				s.deliver(v, 30*time.Second)
			}
			if took := time.Since(began); took > 2*time.Minute || len(v.effects()) != 1 || len(v.attempts()) != sent+1 {
				t.Errorf("after %v it took effect %d times, in %d sendings", took, len(v.effects()), len(v.attempts())-sent)
			}
			if took := time.Since(began); took < defaultSettle {
				t.Errorf("it was sent again %v after a process that may have sent it ended", took)
			}
		})
	})
	t.Run("and so does one that is stopped cleanly every half minute", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{answer: losesIt}
			s.press()
			s.deliver(v, 100*time.Millisecond)
			v.then(nil)
			began := time.Now()
			for len(v.effects()) == 0 && time.Since(began) < 10*time.Minute {
				s.stop()
				s.start()
				s.deliver(v, 30*time.Second)
			}
			if took := time.Since(began); took < defaultSettle-time.Second || took > 2*time.Minute || len(v.effects()) != 1 {
				t.Errorf("after %v it took effect %d times", took, len(v.effects()))
			}
		})
	})
	t.Run("what is sent again after it was proved absent begins its doubt anew, on disk, before it leaves", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{answer: losesIt}
			id := s.press()
			s.deliver(v, 10*time.Second)
			s.crash()
			s.start()
			if e := s.onDisk(id); e.Condition != station.Marked || e.Since == (station.Stamp{}) {
				t.Errorf("after the start the disk says %s, in doubt since %+v", e.Condition, e.Since)
			}
			v.then(func(station.Delivery) (bool, station.Receipt) {
				if e := s.onDisk(id); e.Condition != station.Marked || e.Since != (station.Stamp{}) {
					t.Errorf("while it is sent again the disk says %s, in doubt since %+v", e.Condition, e.Since)
				}
				return losesIt(station.Delivery{})
			})
			s.deliver(v, 90*time.Second)
			if n := len(v.attempts()); n != 2 {
				t.Fatalf("%d sendings", n)
			}
			s.crash()
			s.start()
			v.then(nil)
			s.deliver(v, defaultSettle-time.Second)
			if n := len(v.attempts()); n != 2 {
				t.Errorf("%d sendings before the new settle time is over", n)
			}
			s.deliver(v, time.Minute)
			if n := len(v.attempts()); n != 3 || len(v.effects()) != 1 {
				t.Errorf("%d sendings, %d effects", n, len(v.effects()))
			}
		})
	})
	t.Run("an outage in which a call is in doubt writes nothing", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{answer: losesIt}
			s.press()
			s.deliver(v, 10*time.Second)
			s.crash()
			s.start()
			before := s.box.file.Commits()
			s.deliver(away{v}, time.Hour)
			if after := s.box.file.Commits(); after != before {
				t.Errorf("%d commits in an hour without the network", after-before)
			}
		})
	})
	t.Run("a step of the wall clock makes no doubt older or younger", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			for _, step := range []time.Duration{-100 * time.Hour, 100 * time.Hour} {
				s, v := open1(t), &vendor{answer: losesIt}
				s.press()
				s.deliver(v, 10*time.Second)
				v.then(nil)
				s.crash()
				s.start()
				right := s.stamp
				s.stamp = func(t time.Time) station.Stamp {
					now := right(t)
					now.Wall = now.Wall.Add(step)
					return now
				}
				s.crash()
				s.start()
				s.deliver(v, 50*time.Second)
				if n := len(v.effects()); n != 0 {
					t.Errorf("the clock stepped by %v, and it was sent before its settle time", step)
				}
				s.deliver(v, 30*time.Second)
				if n := len(v.effects()); n != 1 {
					t.Errorf("the clock stepped by %v, and it took effect %d times", step, n)
				}
			}
		})
	})
	t.Run("a version that keeps no ages ran in between: doubt begins anew", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{answer: losesIt}
			s.press()
			s.deliver(v, 10*time.Second)
			v.then(nil)
			s.crash()
			s.start()
			time.Sleep(2 * defaultSettle)
			if err := s.box.file.Update(func(tx *format.Tx) error {
				return tx.ChangeSession(func(last *format.Session) { *last = format.Session{Began: s.stamp(time.Now())} })
			}); err != nil {
				t.Fatal(err)
			}
			s.crash()
			s.start()
			s.deliver(v, defaultSettle-time.Second)
			if n := len(v.effects()); n != 0 {
				t.Error("it was sent by the age that an older version had not kept")
			}
			s.deliver(v, time.Minute)
			if n := len(v.effects()); n != 1 {
				t.Errorf("it took effect %d times", n)
			}
		})
	})
	t.Run("a board without a clock that boots every forty seconds counts what it was up", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{answer: losesIt}
			boots := func(name string) {
				since := time.Now()
				s.stamp = func(t time.Time) station.Stamp {
					return station.Stamp{Wall: time.Unix(0, 0).Add(t.Sub(since)), Boot: name, Up: t.Sub(since)}
				}
			}
			boots("boot-1")
			s.crash()
			s.start()
			s.press()
			s.deliver(v, 10*time.Second)
			v.then(nil)
			began := time.Now()
			for i := 2; len(v.effects()) == 0 && i < 20; i++ {
				s.crash()
				boots(fmt.Sprintf("boot-%d", i))
				time.Sleep(25 * time.Second) // until stationd is started
				s.start()
				s.deliver(v, 15*time.Second)
			}
			if took := time.Since(began); took < defaultSettle || took > 3*time.Minute || len(v.effects()) != 1 {
				t.Errorf("after %v it took effect %d times", took, len(v.effects()))
			}
		})
	})
	t.Run("quiet for how long", func(t *testing.T) {
		t.Parallel()
		wall := began
		at := func(boot string, up time.Duration, trusted bool, step time.Duration) station.Stamp {
			return station.Stamp{Wall: wall.Add(step), Boot: boot, Up: up, Trusted: trusted}
		}
		for name, c := range map[string]struct {
			since, now station.Stamp
			want       time.Duration
		}{
			"the same boot":                          {at("a", time.Minute, true, 0), at("a", 90*time.Second, true, time.Hour), 30 * time.Second},
			"another boot, no clock":                 {at("a", time.Hour, false, 0), at("b", 20*time.Second, true, time.Hour), 20 * time.Second},
			"another boot, both clocks set":          {at("a", time.Hour, true, 0), at("b", 20*time.Second, true, time.Hour), time.Hour},
			"another boot, and the clock went back":  {at("a", time.Hour, true, 0), at("b", 20*time.Second, true, -time.Hour), 20 * time.Second},
			"what the boots before it are known for": {at("a", -30*time.Second, false, 0), at("b", 20*time.Second, false, 0), 50 * time.Second},
			"no boot is known":                       {at("", 0, true, 0), at("", time.Hour, true, time.Hour), 0},
		} {
			if got := sentNothingFor(c.since, c.now); got != c.want {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
	})
}

func TestThePowerIsCutInAnOutage(t *testing.T) {
	t.Parallel()
	t.Run("forty calls that waited are looked up twice at the most, and no new call waits behind that", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			const calls = 40
			s := open1(t)
			var all []station.ID
			for i := range calls { // and nobody knows that there is an outage
				all = append(all, s.scan(fmt.Sprintf("%d/a", i)))
			}
			s.crash()
			s.start()
			v := slow{&vendor{}, 500 * time.Millisecond}
			ended := make(chan struct{})
			go func() {
				s.deliver(v, 5*time.Minute)
				close(ended)
			}()
			time.Sleep(3 * time.Second)
			pressed := time.Now()
			all = append(all, s.press())
			for !slices.Contains(v.effects(), all[calls]) && time.Since(pressed) < time.Minute {
				time.Sleep(100 * time.Millisecond)
			}
			if took := time.Since(pressed); took > 2*time.Second {
				t.Errorf("a new call arrived after %v, behind the look-ups of %d others", took, calls)
			}
			<-ended
			if len(s.standings()) != 0 || len(v.effects()) != len(all) || len(v.attempts()) != len(all) {
				t.Errorf("of %d: %d effects, %d sendings, left %d", len(all), len(v.effects()), len(v.attempts()), len(s.standings()))
			}
			times := make(map[station.ID]int)
			for _, d := range v.looked {
				times[d.ID]++
			}
			for id, n := range times {
				if n > 2 {
					t.Errorf("%s was looked up %d times", id, n)
				}
			}
			t.Logf("%d of %d were in doubt, %d look-ups", len(times), calls, v.looks)
		})
	})
	// outage records calls in lanes of their own while nobody is reached.
	outage := func(s *station1, calls int) (all []station.ID) {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 2)
		for range 2 {
			go func() { ended <- s.box.Run(ctx, "l2l", away{&vendor{}}) }()
		}
		for i := range calls {
			all = append(all, s.scan(fmt.Sprintf("%d/a", i)))
			time.Sleep(5 * time.Second)
		}
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				s.Fatal(err)
			}
		}
		return all
	}
	allOnce := func(t *testing.T, s *station1, v *vendor, all []station.ID) {
		t.Helper()
		got := v.effects()
		if len(got) != len(all) || len(v.attempts()) != len(all) || len(s.standings()) != 0 {
			t.Errorf("of %d: %d effects, %d sendings, left %d", len(all), len(got), len(v.attempts()), len(s.standings()))
		}
		for _, id := range all {
			if !slices.Contains(got, id) {
				t.Errorf("%s never arrived", id)
			}
		}
	}
	t.Run("of forty calls that were recorded in an outage only those that were tried are in doubt; the others go out at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			const calls = 40
			s := open1(t)
			all := outage(s, calls)
			s.crash()
			s.start()
			if err := s.box.Verify(); err != nil {
				t.Error(err)
			}
			inDoubt := 0
			for _, e := range s.standings() {
				if e.Doubtful {
					inDoubt++
				}
			}
			v := slow{&vendor{}, 200 * time.Millisecond}
			s.deliver(v, 10*time.Second)
			if n := len(v.effects()); n < calls-inDoubt || inDoubt > 2 {
				t.Errorf("%d were in doubt, and after ten seconds %d of %d had arrived", inDoubt, n, calls)
			}
			s.deliver(v, 3*time.Minute)
			allOnce(t, s, v.vendor, all)
			t.Logf("%d of %d were in doubt, %d look-ups", inDoubt, calls, v.looks)
		})
	})
	t.Run("that costs no commit: one a call while it lasts, and one a delivery after it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			const calls = 40
			s, v := open1(t), &vendor{}
			before := s.box.file.Commits()
			all := outage(s, calls)
			if n := s.box.file.Commits() - before; n != calls {
				t.Errorf("%d commits for %d calls in an outage", n, calls)
			}
			before = s.box.file.Commits()
			began := time.Now()
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.box.Run(ctx, "l2l", v) }()
			for len(v.effects()) < calls && time.Since(began) < time.Minute {
				time.Sleep(100 * time.Millisecond)
			}
			took := time.Since(began)
			cancel()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if n := s.box.file.Commits() - before; n > calls || took > 10*time.Second {
				t.Errorf("%d commits for %d deliveries, in %v after the outage", n, calls, took)
			}
			allOnce(t, s, v, all)
		})
	})
	t.Run("a version that does not take the note away ran in between: everything is looked up", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{}
			all := outage(s, 5)
			s.crash()
			s.start()
			if err := s.box.file.Update(func(tx *format.Tx) error {
				return tx.ChangeSession(func(last *format.Session) { *last = format.Session{Began: s.stamp(time.Now())} })
			}); err != nil {
				t.Fatal(err)
			}
			v.done = append(v.done, all[4]) // which that version did, and nobody noted it
			s.crash()
			s.start()
			s.deliver(v, 3*time.Minute)
			if n := len(v.effects()); n != 5 || len(v.attempts()) != 4 {
				t.Errorf("%d effects, %d sendings", n, len(v.attempts()))
			}
		})
	})
	t.Run("what was never tried is tried where what was is taken back", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			s.box.setting.Program = takingBack
			s.press()
			s.deliver(away{&vendor{}}, time.Second)
			id := s.scan("1/a")
			if e := s.onDisk(id); !e.Unsent {
				t.Errorf("in an outage it is recorded as %+v", e)
			}
			if told := s.takeBack("red"); told != station.NoteUndone {
				t.Errorf("the operator is told %q", told)
			}
			v := &vendor{}
			s.deliver(v, 10*time.Second)
			if got := v.effects(); !slices.Equal(got, []station.ID{id}) {
				t.Errorf("arrived %v", got)
			}
		})
	})
}

// slow is a vendor that takes its time.
type slow struct {
	*vendor
	takes time.Duration
}

func (v slow) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	time.Sleep(v.takes)
	return v.vendor.Deliver(ctx, d)
}

// away is a vendor that nobody reaches.
type away struct{ *vendor }

func (away) Deliver(context.Context, station.Delivery) station.Receipt {
	_, rc := unreached(station.Delivery{})
	return rc
}

func TestDoubtStaysWithWhatIsHeld(t *testing.T) {
	t.Parallel()
	// Each case has an entry that has arrived, and of which nobody knows, held in
	// another way; then what held it is put right and a person retries it.
	program2 := func(to string) func() station.Program {
		return func() station.Program {
			p := program()
			v := p.Vendors["l2l"]
			v.To = to
			p.Vendors = map[string]station.Vendor{"l2l": v}
			return p
		}
	}
	arrived := func(station.Delivery) (bool, station.Receipt) {
		return true, station.Receipt{Outcome: station.Doubtful, Err: errors.New("no answer came")}
	}
	says := func(err error, outcome station.Outcome) station.Backend {
		return oneAnswer{func(station.Delivery) station.Receipt { return station.Receipt{Outcome: outcome, Err: err} }}
	}
	holds := map[string]func(s *station1, v *vendor){
		"its address changed": func(s *station1, _ *vendor) {
			s.box.setting.Program = program2("https://new.example/ site 12")
			s.deliver(says(fmt.Errorf("%w: meant for another", station.ErrMisfit), station.Refused), time.Minute)
			s.box.setting.Program = program
		},
		"its verb was taken out": func(s *station1, v *vendor) { s.deliver(withoutVerbs{v}, time.Minute) },
		"its vendor was taken out": func(s *station1, _ *vendor) {
			s.crash()
			s.start()
			if err := s.box.HoldOrphaned(func(string) bool { return false }); err != nil {
				s.Fatal(err)
			}
		},
		"its look was refused": func(s *station1, _ *vendor) {
			s.deliver(says(fmt.Errorf("%w: they are not shown", station.ErrUndecided), station.Doubtful), time.Minute)
		},
		"it seems to stop the process": func(s *station1, _ *vendor) {
			e := s.onDisk(s.standings()[0].ID)
			if err := s.box.write(func(b *batch) error {
				e.Condition, e.Starts = station.Marked, mostStarts
				return b.putEntry(s.box.index.lanes[e.Lane].slots[0].at, e)
			}); err != nil {
				s.Fatal(err)
			}
			s.deliver(says(errors.New("never asked"), station.Unreached), time.Minute)
		},
		"something in it cannot be sent": func(s *station1, _ *vendor) {
			s.deliver(says(errors.New("completed: it is no time"), station.Refused), time.Minute)
		},
	}
	for name, hold := range holds {
		for _, restart := range []string{"", ", and the power is cut"} {
			for _, code := range []string{"1/a", "COUNT 1"} {
				t.Run(name+restart+": "+code, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						s, v := open1(t), &vendor{answer: arrived}
						id := s.scan(code)
						s.deliver(v, 100*time.Millisecond)
						v.then(nil)
						if restart != "" {
							s.crash()
							s.start()
						}
						before := s.onDisk(id).Before
						hold(s, v)
						left := s.standings()
						if len(left) != 1 || left[0].Condition != station.Held || !left[0].Doubtful {
							t.Fatalf("left %+v", left)
						}
						if e := left[0]; e.Hold == station.HoldMisfit || strings.Contains(e.Reason, "not sent") {
							t.Errorf("it may have arrived, and a person is told %q: %s", e.Hold, e.Reason)
						}
						if now := s.onDisk(id).Before; string(now) != string(before) {
							t.Errorf("before it %q was seen, and now it goes by %q", before, now)
						}
						if restart != "" {
							s.crash()
							s.start()
						}
						if err := s.command(station.VerbRetry, id); err != nil {
							t.Fatal(err)
						}
						if restart != "" {
							s.crash()
							s.start()
						}
						s.deliver(v, 5*time.Minute)
						if got := v.effects(); !slices.Equal(got, []station.ID{id}) || len(s.standings()) != 0 {
							t.Errorf("retried, it took effect %d times; left %+v", len(got), s.standings())
						}
					})
				})
			}
		}
	}
	t.Run("what certainly did not arrive is sent again at once when it is retried", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &vendor{answer: func(station.Delivery) (bool, station.Receipt) {
				return false, station.Receipt{Outcome: station.Refused, Err: errors.New("no")}
			}}
			id := s.scan("1/a")
			s.deliver(v, time.Second)
			v.then(nil)
			if err := s.command(station.VerbRetry, id); err != nil {
				t.Fatal(err)
			}
			s.deliver(v, time.Second)
			if len(v.effects()) != 1 || v.looks != 0 {
				t.Errorf("%d effects, %d looks", len(v.effects()), v.looks)
			}
		})
	})
}

// oneAnswer is a vendor that says one thing to everything.
type oneAnswer struct {
	says func(station.Delivery) station.Receipt
}

func (oneAnswer) Verbs() []station.Verb { return verbs }

func (a oneAnswer) Deliver(_ context.Context, d station.Delivery) station.Receipt { return a.says(d) }

// withoutVerbs is a vendor of which the program knows nothing that it can do.
type withoutVerbs struct{ station.Backend }

func (withoutVerbs) Verbs() []station.Verb { return nil }

func TestLatenessAfterDoubt(t *testing.T) {
	t.Parallel()
	t.Run("what must not be sent late unasked is held when its absence is proved too late", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{answer: losesIt}
			id := s.scan("CHANGE 300")
			s.deliver(v, 100*time.Millisecond)
			v.then(nil)
			s.crash()
			time.Sleep(time.Hour)
			s.start()
			s.deliver(v, 5*time.Minute)
			left := s.standings()
			if len(left) != 1 || left[0].ID != id || left[0].Hold != station.HoldMisfit || left[0].Doubtful || len(v.effects()) != 0 {
				t.Fatalf("%d effects, left %+v", len(v.effects()), left)
			}
			if err := s.command(station.VerbRetry, id); err != nil {
				t.Fatal(err)
			}
			s.deliver(v, time.Minute)
			if n := len(v.effects()); n != 1 {
				t.Errorf("after a person insisted it took effect %d times", n)
			}
		})
	})
	t.Run("a call that was opened and closed before the power cut is told as history, and calls nobody", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &afterwards{vendor: vendor{answer: losesIt}}
			s.box.setting.Program = recording
			open := s.press()
			s.deliver(v, 100*time.Millisecond)
			s.hold()
			s.crash()
			time.Sleep(2 * time.Hour)
			s.start()
			s.box.setting.Program = recording
			v.then(nil)
			sent := len(v.attempts())
			s.deliver(v, 5*time.Minute)
			last := v.attempts()[sent:]
			if len(last) != 1 || last[0].Verb != "dispatch.add" || last[0].ID != open || len(s.standings()) != 0 {
				t.Errorf("sent %+v, left %+v", last, s.standings())
			}
		})
	})
}
