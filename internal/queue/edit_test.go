package queue

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/station"
)

// edit is what a person has put right: a field, and what it should be.
func (s *station1) edit(entry station.ID, fields map[string]string) (station.ID, error) {
	data := map[string]string{"entry": string(entry), "by": "Anna", "reason": "a typo"}
	for field, value := range fields {
		data[station.EditField(field)] = value
	}
	done, err := s.box.Record(station.Event{Source: station.FromCommand, Kind: station.VerbEdit, Data: data, At: s.stamp(time.Now())})
	return one(s, done), err
}

// refusesOrder is a vendor that does not know one production order.
func refusesOrder(order string) *vendor {
	return &vendor{answer: func(d station.Delivery) (bool, station.Receipt) {
		if d.With["order"] == order {
			return false, station.Receipt{Outcome: station.Refused, Err: errors.New("no production order " + order)}
		}
		return true, station.Receipt{Outcome: station.Delivered}
	}}
}

func TestATypoInAHeldEntryIsPutRight(t *testing.T) {
	t.Parallel()
	t.Run("the corrected one goes out in its place with its true time, before the finish that waited, and the history has both", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			s.stop()
			history := filepath.Join(t.TempDir(), "history")
			s.open(Setting{History: history})
			wrong := s.scan("11/a")
			pressed := s.standings()[0].At
			v := refusesOrder("11")
			s.deliver(v, time.Minute)
			other := s.scan("1/b")
			finish := s.scan("FINISH 1")
			right, err := s.edit(wrong, map[string]string{"order": "1"})
			if err != nil {
				t.Fatal(err)
			}
			if all := s.standings(); all[0].ID != right || all[0].At != pressed || all[0].Source != "hand" || all[0].Condition != station.Waiting || len(all) != 3 {
				t.Errorf("it stands as %+v", all)
			}
			s.crash()
			s.open(Setting{History: history})
			s.deliver(v, 5*time.Minute)
			if got := v.effects(); !slices.Equal(got, []station.ID{right, other, finish}) {
				t.Errorf("at the vendor arrived %v, want %v", got, []station.ID{right, other, finish})
			}
			var b bytes.Buffer
			if err := ExportHistory(history, &b); err != nil {
				t.Fatal(err)
			}
			lines := make(map[string]HistoryLine)
			for text := range strings.Lines(b.String()) {
				var l HistoryLine
				if err := json.Unmarshal([]byte(text), &l); err != nil {
					t.Fatal(err)
				}
				lines[l.What+" "+string(l.ID)] = l
			}
			given, taken := lines["discarded "+string(wrong)], lines["corrected "+string(right)]
			if given.By != "Anna" || given.Why != "a typo" || !strings.Contains(given.Note, string(right)) || given.Fields["order"] != "11" {
				t.Errorf("of the old one the history says %+v", given)
			}
			if taken.By != "Anna" || !strings.Contains(taken.Note, string(wrong)) || !maps.Equal(taken.Fields, map[string]string{"order": "1", "serial": "a"}) {
				t.Errorf("of the new one the history says %+v", taken)
			}
		})
	})
	t.Run("a call to a machine that is not there becomes the call to the right one, and its button closes it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			open := s.press()
			v := &vendor{answer: func(d station.Delivery) (bool, station.Receipt) {
				if d.With["machine"] == "SEAL-1" {
					return false, station.Receipt{Outcome: station.Refused, Err: errors.New("no such machine")}
				}
				return true, station.Receipt{Outcome: station.Delivered, Ref: "90017"}
			}}
			s.deliver(v, time.Minute)
			right, err := s.edit(open, map[string]string{"machine": "SEAL-2"})
			if err != nil {
				t.Fatal(err)
			}
			if c := s.box.State().Calls; len(c) != 1 || c[0].Entry != right || c[0].Subject["machine"] != "SEAL-2" || c[0].Hold != station.HoldNone || c[0].Lane != "l2l/machine:SEAL-2" {
				t.Errorf("the call is %+v", c)
			}
			shut := s.hold()
			s.deliver(v, time.Minute)
			if got := v.effects(); !slices.Equal(got, []station.ID{right, shut}) || len(s.box.State().Calls) != 0 {
				t.Errorf("arrived %v, calls %+v", got, s.box.State().Calls)
			}
		})
	})
	t.Run("the close that waits for a call goes with it, unless it would have to go elsewhere", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			open := s.press()
			v := &vendor{answer: func(d station.Delivery) (bool, station.Receipt) {
				if d.With["type"] == "MAINT" {
					return false, station.Receipt{Outcome: station.Refused, Err: errors.New("no such type")}
				}
				return true, station.Receipt{Outcome: station.Delivered, Ref: "90017"}
			}}
			shut := s.hold()
			s.deliver(v, time.Minute)
			if _, err := s.edit(open, map[string]string{"machine": "SEAL-2"}); err == nil || !strings.Contains(err.Error(), "would go elsewhere") {
				t.Errorf("to another machine: %v", err)
			}
			right, err := s.edit(open, map[string]string{"type": "MAINTENANCE"})
			if err != nil {
				t.Fatal(err)
			}
			s.deliver(v, time.Minute)
			if got := v.effects(); !slices.Equal(got, []station.ID{right, shut}) || len(s.box.State().Calls) != 0 {
				t.Errorf("arrived %v, calls %+v", got, s.box.State().Calls)
			}
		})
	})
	t.Run("what is refused, and why", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			refused := s.scan("11/a")
			s.deliver(refusesOrder("11"), time.Minute)
			waits := s.scan("3/a")
			for _, c := range []struct {
				of     station.ID
				fields map[string]string
				want   string
			}{
				{waits, map[string]string{"order": "1"}, "only what is held"},
				{waits + "0", map[string]string{"order": "1"}, "no such entry"},
				{refused, map[string]string{"order": ""}, "needs order"},
				{refused, map[string]string{"order": "11"}, "nothing is changed"},
				{refused, map[string]string{"colour": "red"}, `no field "colour"`},
				{refused, map[string]string{"order": "1\x1b[2J"}, "control character"},
				{refused, map[string]string{"order": strings.Repeat("1", 300)}, "at most"},
			} {
				if _, err := s.edit(c.of, c.fields); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s %v: %v, want %q", c.of.Short(), c.fields, err, c.want)
				}
			}
		})
	})
	t.Run("what may have arrived is settled first", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			id := s.scan("1/a")
			s.deliver(&vendor{answer: losesIt}, time.Second)
			s.box.setting.Program = at(newTo)
			s.deliver(speaksTo{&vendor{}, newTo}, time.Minute)
			s.box.setting.Program = program
			if all := s.standings(); all[0].Condition != station.Held || !all[0].Doubtful {
				t.Fatalf("it stands as %+v", all[0])
			}
			if _, err := s.edit(id, map[string]string{"order": "2"}); err == nil || !strings.Contains(err.Error(), "may have arrived") || !strings.Contains(err.Error(), "retry it first") {
				t.Errorf("%v", err)
			}
		})
	})
}

func TestSeveralAreDecidedTogetherOrNoneIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open1(t)
		ids := []station.ID{s.scan("11/a"), s.scan("11/b"), s.scan("11/c")}
		s.deliver(refusesOrder("11"), time.Minute)
		decide := func(verb string, ids ...station.ID) error {
			var all []string
			for _, id := range ids {
				all = append(all, string(id))
			}
			_, err := s.box.Record(station.Event{Source: station.FromCommand, Kind: verb, Data: map[string]string{"entries": strings.Join(all, " ")}, At: s.stamp(time.Now())})
			return err
		}
		if err := decide(station.VerbDiscard, ids[0], "ffffffffffffffffffffffffffffffff.1", ids[1]); err == nil {
			t.Error("one of them is not there, and nobody was told")
		}
		if n := len(s.standings()); n != 3 {
			t.Fatalf("%d are left of the three", n)
		}
		if err := decide(station.VerbRetry, ids[0], ids[1], ids[0]); err != nil {
			t.Fatal(err)
		}
		if err := decide(station.VerbDiscard, ids[2]); err != nil {
			t.Fatal(err)
		}
		v := &vendor{}
		s.deliver(v, time.Minute)
		if got := v.effects(); !slices.Equal(got, ids[:2]) || len(s.standings()) != 0 {
			t.Errorf("arrived %v, left %+v", got, s.standings())
		}
	})
}

func TestHeldEntriesOfOneKind(t *testing.T) {
	t.Parallel()
	kind := func(backend, verb, reason string, doubtful bool) string {
		return station.EntryStatus{
			Entry: station.Entry{Action: station.Action{Lane: backend + "/x:1", Verb: verb}}, Hold: station.HoldRefused, Reason: reason, Doubtful: doubtful,
		}.HeldKind()
	}
	one := kind("lagerkoll", "article.trace", "422: Article 0735 is not part of production order 4711", false)
	if other := kind("lagerkoll", "article.trace", "422: Article 0736 is not part of production order 4712", false); other != one {
		t.Errorf("%q and %q are of two kinds", one, other)
	}
	for name, other := range map[string]string{
		"another reason":   kind("lagerkoll", "article.trace", "422: Article 0735 has no batch", false),
		"another verb":     kind("lagerkoll", "article.add", "422: Article 0735 is not part of production order 4711", false),
		"another vendor":   kind("l2l", "article.trace", "422: Article 0735 is not part of production order 4711", false),
		"it is in a doubt": kind("lagerkoll", "article.trace", "422: Article 0735 is not part of production order 4711", true),
	} {
		if other == one {
			t.Errorf("%s: it is of the same kind", name)
		}
	}
}

func TestOneEntryAtATimeIsPutRight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open1(t)
		one, other := s.scan("11/a"), s.scan("11/b")
		s.deliver(refusesOrder("11"), time.Minute)
		_, err := s.box.Record(station.Event{Source: station.FromCommand, Kind: station.VerbEdit, At: s.stamp(time.Now()),
			Data: map[string]string{station.DataEntries: string(one) + " " + string(other), station.EditField("order"): "1"}})
		if err == nil || !strings.Contains(err.Error(), "one entry at a time") {
			t.Errorf("two at once: %v", err)
		}
		if got := s.recently(); !slices.Equal(got, []string{"hand.scan recorded, article.trace held", "hand.scan recorded, article.trace held"}) {
			t.Errorf("they are %q", got)
		}
	})
}
