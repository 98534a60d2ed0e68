package queue

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/station"
)

// takingBack is the program with a button, and a scan, that take back.
func takingBack() station.Program {
	p := program()
	undo := func(event string) station.Binding { return station.Binding{Event: event, Undo: true} }
	p.Bindings = append(p.Bindings, undo("red.double"), undo("hand.double"),
		station.Binding{Event: "hand.hold", Do: []station.Do{
			do("article.trace", map[string]string{"order": "1", "serial": "a"}),
			do("article.trace", map[string]string{"order": "2", "serial": "a"}),
		}})
	return p
}

// takeBack takes back the last thing of a source, and returns what its operator is
// told.
func (s *station1) takeBack(source string) station.NoteKind {
	s.Helper()
	s.record(station.Event{Source: source, Kind: station.Double})
	return s.box.State().Notes[source].Kind
}

func unreached(station.Delivery) (bool, station.Receipt) {
	return false, station.Receipt{Outcome: station.Unreached, Err: errors.New("no network")}
}

func TestTakenBack(t *testing.T) {
	t.Parallel()
	bench := func(t *testing.T) *station1 {
		s := open1(t)
		s.box.setting.Program = takingBack
		return s
	}
	t.Run("a call that nobody has tried to send is taken back, and never sent", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := bench(t), &vendor{}
			s.press()
			if told := s.takeBack("red"); told != station.NoteUndone {
				t.Errorf("the operator is told %q", told)
			}
			if state := s.box.State(); len(state.Calls) != 0 || len(state.Sources) != 0 {
				t.Errorf("%+v", state)
			}
			s.deliver(v, time.Minute)
			if left := s.standings(); len(v.attempts()) != 0 || len(left) != 0 {
				t.Errorf("sent %+v, left %+v", v.attempts(), left)
			}
		})
	})
	t.Run("in an outage what never got through can still be taken back, however often it was tried", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := bench(t)
			s.press()
			v := &vendor{answer: unreached}
			s.deliver(v, 10*time.Minute)
			if told := s.takeBack("red"); told != station.NoteUndone {
				t.Errorf("after %d attempts that never got through the operator is told %q", len(v.attempts()), told)
			}
			if left := s.standings(); len(left) != 0 || len(s.box.State().Calls) != 0 {
				t.Errorf("left %+v, calls %+v", left, s.box.State().Calls)
			}
			back := &vendor{}
			s.deliver(back, time.Minute)
			if n := len(back.attempts()); n != 0 {
				t.Errorf("%d sendings of what was taken back", n)
			}
		})
	})
	t.Run("what may have arrived is too late, and so is what is on its way", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := bench(t)
			open := s.press()
			way := ""
			s.deliver(&vendor{answer: func(station.Delivery) (bool, station.Receipt) {
				if left := s.standings(); way == "" && len(left) == 1 {
					way = string(s.takeBack("red"))
				}
				return true, station.Receipt{Outcome: station.Doubtful, Err: errors.New("lost")}
			}}, 100*time.Millisecond)
			if way != string(station.NoteLate) {
				t.Errorf("while it was on its way the operator was told %q", way)
			}
			if told := s.takeBack("red"); told != station.NoteLate {
				t.Errorf("the operator is told %q", told)
			}
			if left := s.standings(); len(left) != 1 || left[0].ID != open || len(s.box.State().Calls) != 1 {
				t.Errorf("left %+v, calls %+v", left, s.box.State().Calls)
			}
		})
	})
	t.Run("of two entries of one press none is taken back when one of them may have arrived", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := bench(t)
			s.scan("1/z")
			s.record(station.Event{Source: "hand", Kind: station.Hold}) // behind it in one lane, first in the other
			s.deliver(&vendor{answer: func(station.Delivery) (bool, station.Receipt) {
				return true, station.Receipt{Outcome: station.Doubtful, Err: errors.New("lost")}
			}}, 100*time.Millisecond)
			if told := s.takeBack("hand"); told != station.NoteLate || len(s.standings()) != 3 {
				t.Errorf("the operator is told %q; %d wait", told, len(s.standings()))
			}
		})
	})
	t.Run("what waits behind another is taken back while that one is being tried", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := bench(t)
			first := s.scan("1/a")
			s.deliver(&vendor{answer: unreached}, 100*time.Millisecond)
			s.scan("1/b")
			if told := s.takeBack("hand"); told != station.NoteUndone {
				t.Errorf("the operator is told %q", told)
			}
			if left := s.standings(); len(left) != 1 || left[0].ID != first {
				t.Errorf("left %+v", left)
			}
		})
	})
	t.Run("after a power cut the first of a lane is too late, for it may have been on its way; the one behind it is not", func(t *testing.T) {
		t.Parallel()
		s := bench(t)
		s.scan("1/a")
		s.press()
		s.scan("1/b")
		s.crash()
		s.start()
		s.box.setting.Program = takingBack
		if told := s.takeBack("hand"); told != station.NoteUndone {
			t.Errorf("the operator is told %q of the second scan", told)
		}
		if told := s.takeBack("red"); told != station.NoteLate {
			t.Errorf("the operator is told %q of the press", told)
		}
	})
	t.Run("the close of a call goes with it when the call is taken back", func(t *testing.T) {
		t.Parallel()
		s := bench(t)
		s.box.setting.Program = func() station.Program {
			p := takingBack()
			p.Bindings = append(p.Bindings, station.Binding{Event: "red.release", Undo: true})
			return p
		}
		s.press()
		open := s.box.State().Undo["red"]
		s.hold()
		state := s.box.State()
		state.Undo["red"] = open // as if the press were the last thing
		s.box.state = state
		if told := s.takeBack("red"); told != station.NoteUndone {
			t.Errorf("the operator is told %q", told)
		}
		if state := s.box.State(); len(s.standings()) != 0 || len(state.Calls) != 0 || len(state.Sources) != 0 {
			t.Errorf("left %+v, %+v", s.standings(), state)
		}
	})
}

func TestSomebodyElsesCall(t *testing.T) {
	t.Parallel()
	adopts := func(station.Delivery) (bool, station.Receipt) {
		return true, station.Receipt{Outcome: station.Delivered, Ref: "4711", Adopted: true}
	}
	once := func(closes bool) func() station.Program {
		return func() station.Program {
			p := program()
			open := do("dispatch.open", map[string]string{"machine": "SEAL-1", "type": "MAINT", "once": "true"})
			open.Verb.Fields, open.Verb.Adopts = append(open.Verb.Fields, station.Field{Name: "once", Type: station.Bool}), "once"
			open.Close = closes
			p.Bindings[0].Do = []station.Do{open}
			return p
		}
	}
	t.Run("a call that was pressed and closed offline turns out to be somebody else's: it stays open there and is over here", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{answer: adopts}
			s.box.setting.Program = once(false)
			s.press()
			s.hold()
			s.deliver(v, time.Minute)
			if sent := v.attempts(); len(sent) != 1 || sent[0].Verb != "dispatch.open" {
				t.Errorf("sent %+v", sent)
			}
			if state := s.box.State(); len(s.standings()) != 0 || len(state.Calls) != 0 || len(state.Sources) != 0 {
				t.Errorf("left %+v, %+v", s.standings(), state)
			}
		})
	})
	t.Run("it is closed there where the configuration says so", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{answer: adopts}
			s.box.setting.Program = once(true)
			s.press()
			s.hold()
			s.deliver(v, time.Minute)
			if sent := v.attempts(); len(sent) != 2 || sent[1].Verb != "dispatch.close" || sent[1].Ref != "4711" {
				t.Errorf("sent %+v", sent)
			}
		})
	})
}

// seen is the program with changeovers of a line that is followed.
func seen() station.Program {
	p := program()
	change := &p.Bindings[5].Do[0]
	change.Verb.Fields = append([]station.Field{{Name: station.LastSeen}, {Name: "line"}}, change.Verb.Fields...)
	change.Verb.Lane = []string{"line"}
	change.With["line"] = template("PACK4")
	return p
}

func TestWhatItsBackendJudges(t *testing.T) {
	t.Parallel()
	t.Run("a late changeover of a line that was seen is for its backend to judge; retried by a person it has no limit", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			s.box.setting.Program = seen
			s.record(station.Event{Source: "l2l", Kind: station.OrderCurrent, Data: map[string]string{"line": "PACK4", "id": "8801"}})
			v := &vendor{answer: func(d station.Delivery) (bool, station.Receipt) {
				if d.Late == station.LateHold {
					return false, misfit("too-late", "it is late, and the line runs something else")
				}
				return true, station.Receipt{Outcome: station.Delivered}
			}}
			id := s.scan("CHANGE 7")
			time.Sleep(time.Hour)
			s.deliver(v, time.Minute)
			sent := v.attempts()
			if len(sent) != 1 || sent[0].With[station.LastSeen] != "8801" || sent[0].LateAfter != 2*time.Minute {
				t.Fatalf("sent %+v", sent)
			}
			if left := s.standings(); len(left) != 1 || left[0].Hold != station.HoldMisfit {
				t.Fatalf("left %+v", left)
			}
			if err := s.command(station.VerbRetry, id); err != nil {
				t.Fatal(err)
			}
			s.deliver(v, time.Minute)
			if left := s.standings(); len(left) != 0 || len(v.effects()) != 1 {
				t.Errorf("left %+v", left)
			}
		})
	})
}

func TestAPairOfChangeovers(t *testing.T) {
	t.Parallel()
	runs := func(s *station1, id string) {
		s.record(station.Event{Source: "l2l", Kind: station.OrderCurrent, Data: map[string]string{"line": "PACK4", "id": id}})
	}
	// line is a vendor that holds what is late and finds another order than was seen.
	line := func(now *string) *vendor {
		return &vendor{answer: func(d station.Delivery) (bool, station.Receipt) {
			if d.Late == station.LateHold && d.With[station.LastSeen] != *now {
				return false, misfit("it is late, and the line ran %s and runs %s", d.With[station.LastSeen], *now)
			}
			*now = d.With["order"]
			return true, station.Receipt{Outcome: station.Delivered, Runs: station.Running{Line: "PACK4", Order: *now}}
		}}
	}
	t.Run("several changeovers of a long outage are not late for each other", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, now := open1(t), "1"
			s.box.setting.Program = seen
			runs(s, "1")
			s.scan("CHANGE 2")
			s.scan("CHANGE 3")
			s.scan("CHANGE 4")
			time.Sleep(time.Hour)
			s.deliver(line(&now), time.Minute)
			if left := s.standings(); len(left) != 0 || now != "4" {
				t.Errorf("the line runs %s, left %+v", now, left)
			}
			if got := s.box.State().Lines["PACK4"].Order; got != "4" {
				t.Errorf("the line is thought to run %s", got)
			}
		})
	})
	t.Run("also when the power is cut between the two", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, now := open1(t), "1"
			s.box.setting.Program = seen
			runs(s, "1")
			s.scan("CHANGE 2")
			s.scan("CHANGE 3")
			time.Sleep(time.Hour)
			v := line(&now)
			first := v.answer
			v.answer = func(d station.Delivery) (bool, station.Receipt) {
				if d.With["order"] == "3" {
					return unreached(d)
				}
				return first(d)
			}
			s.deliver(v, time.Second)
			s.crash()
			s.start()
			s.deliver(line(&now), 3*time.Minute)
			if left := s.standings(); len(left) != 0 || now != "3" {
				t.Errorf("the line runs %s, left %+v", now, left)
			}
		})
	})
	t.Run("somebody else's changeover between the two is still found", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, now := open1(t), "1"
			s.box.setting.Program = seen
			runs(s, "1")
			s.scan("CHANGE 2")
			s.scan("CHANGE 3")
			time.Sleep(time.Hour)
			v := line(&now)
			all := v.answer
			v.answer = func(d station.Delivery) (bool, station.Receipt) {
				arrives, rc := all(d)
				now = "9" // at once
				return arrives, rc
			}
			s.deliver(v, time.Minute)
			if left := s.standings(); len(left) != 1 || left[0].Hold != station.HoldMisfit || now != "9" {
				t.Errorf("the line runs %s, left %+v", now, left)
			}
		})
	})
}

func TestFleeting(t *testing.T) {
	t.Parallel()
	t.Run("a list is printed when its scan is on disk, and never waits in the outbox", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		s.stop()
		var printed []station.Action
		s.open(Setting{BestEffort: func(ev station.Event, a station.Action) {
			if ev.Code != "PRINT 7" {
				t.Errorf("of %+v", ev)
			}
			printed = append(printed, a)
		}})
		s.box.setting.Program = func() station.Program {
			p := program()
			list := do("article.trace", map[string]string{"order": "7"})
			list.Verb.Name, list.Verb.BestEffort = "picking_list.print", true
			p.Bindings = append([]station.Binding{
				{Event: "hand.scan", Do: []station.Do{list, do("article.trace", map[string]string{"order": "8"})}},
				{Event: "hand.double", Do: []station.Do{list}},
			}, p.Bindings...)
			return p
		}
		done := s.record(station.Event{Source: "hand", Kind: station.Scan, Code: "PRINT 7"})
		if len(printed) != 1 || printed[0].Verb != "picking_list.print" || printed[0].With["order"] != "7" {
			t.Errorf("printed %+v", printed)
		}
		left := s.standings()
		if len(left) != 1 || len(done.Entries) != 1 || left[0].ID != done.ID.Entry(2) || s.box.State().Sources["hand"].Waiting != 1 {
			t.Errorf("made %v, left %+v", done.Entries, left)
		}
		if told := s.box.State().Notes["hand"].Kind; told != station.NoteRecorded {
			t.Errorf("of two actions one is kept, and the operator is told %q", told)
		}
		s.record(station.Event{Source: "hand", Kind: station.Double, Code: "PRINT 7"})
		if told := s.box.State().Notes["hand"].Kind; told != station.NoteAsked || len(s.standings()) != 1 {
			t.Errorf("nothing is kept, and the operator is told %q", told)
		}
	})
}
