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

	"stationd/internal/station"
)

// retry is what a person decides, with the words that they say besides.
func (s *station1) retry(entry station.ID, said ...string) error {
	data := map[string]string{"entry": string(entry)}
	for _, word := range said {
		data[word] = "true"
	}
	_, err := s.box.Record(station.Event{Source: station.FromCommand, Kind: station.VerbRetry, Data: data, At: s.stamp(time.Now())})
	return err
}

// at is the program of a station that speaks to L2L somewhere else.
func at(to string) func() station.Program {
	return func() station.Program {
		p := program()
		v := p.Vendors["l2l"]
		v.To = to
		p.Vendors = map[string]station.Vendor{"l2l": v}
		return p
	}
}

// speaksTo is a vendor that takes nothing which was meant for another.
type speaksTo struct {
	*vendor
	to string
}

func (v speaksTo) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	if d.To != v.to {
		return misfit("meant for %s: this station now speaks to %s", d.To, v.to)
	}
	return v.vendor.Deliver(ctx, d)
}

const (
	oldTo = "https://acme.example/ site 12"
	newTo = "https://new.example/ site 12"
)

func TestItsAddressHasChanged(t *testing.T) {
	t.Parallel()
	moved := func(s *station1, old *vendor) (now speaksTo) {
		s.box.setting.Program = at(newTo)
		now = speaksTo{&vendor{}, newTo}
		s.deliver(now, time.Minute)
		return now
	}
	t.Run("a retry says where it was meant for and where the station speaks now; told so, it goes there, and its close too", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			open := s.press()
			shut := s.hold()
			now := moved(s, &vendor{})
			err := s.retry(open)
			if err == nil || !strings.Contains(err.Error(), oldTo) || !strings.Contains(err.Error(), newTo) || !strings.Contains(err.Error(), "--to-current") {
				t.Errorf("a plain retry: %v", err)
			}
			if left := s.standings(); left[0].Condition != station.Held {
				t.Errorf("after it: %+v", left[0])
			}
			if err := s.retry(open, station.ToCurrent); err != nil {
				t.Fatal(err)
			}
			s.deliver(now, time.Minute)
			if got := now.effects(); !slices.Equal(got, []station.ID{open, shut}) || len(s.standings()) != 0 {
				t.Errorf("at the new address arrived %v, left %+v", got, s.standings())
			}
		})
	})
	t.Run("what may have arrived at the old address goes to the new one only where somebody says that it is not there", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			id := s.scan("1/a")
			s.deliver(&vendor{answer: losesIt}, time.Second)
			now := moved(s, nil)
			for _, said := range [][]string{nil, {station.ToCurrent}, {station.NotThere}} {
				if err := s.retry(id, said...); err == nil || !strings.Contains(err.Error(), "look there first") && !strings.Contains(err.Error(), "may have arrived") {
					t.Errorf("retry %v: %v", said, err)
				}
			}
			s.deliver(now, 5*time.Minute)
			if n := len(now.effects()); n != 0 {
				t.Errorf("%d effects at the new address", n)
			}
			if err := s.retry(id, station.ToCurrent, station.NotThere); err != nil {
				t.Fatal(err)
			}
			s.deliver(now, time.Minute)
			if n := len(now.effects()); n != 1 || len(s.standings()) != 0 {
				t.Errorf("%d effects at the new address, left %+v", n, s.standings())
			}
		})
	})
	t.Run("a close of a call that is open at the old address closes nothing at the new one", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			s.press()
			s.deliver(speaksTo{&vendor{}, oldTo}, time.Minute)
			shut := s.hold()
			now := moved(s, nil)
			if err := s.retry(shut, station.ToCurrent); err == nil || !strings.Contains(err.Error(), "do it there") {
				t.Errorf("%v", err)
			}
			if n := len(now.attempts()); n != 0 {
				t.Errorf("%d sendings", n)
			}
			if err := s.command(station.VerbDiscard, shut); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("what is for a vendor that is not configured any more is refused in words", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		id := s.scan("1/a")
		if err := s.box.HoldOrphaned(func(string) bool { return false }); err != nil {
			t.Fatal(err)
		}
		s.box.setting.Program = func() station.Program { return station.Program{} }
		if err := s.retry(id); err == nil || !strings.Contains(err.Error(), "speaks to no l2l any more") {
			t.Errorf("%v", err)
		}
	})
}

func TestItIsNotThere(t *testing.T) {
	t.Parallel()
	t.Run("what the records cannot tell is held again, until a person says that it is not there", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := open1(t), &vendor{}
			id := s.scan("COUNT 1")
			cannot := oneAnswer{func(station.Delivery) station.Receipt {
				return station.Receipt{Outcome: station.Doubtful, Err: fmt.Errorf("%w: they were changed by somebody", station.ErrUndecided)}
			}}
			s.deliver(cannot, time.Minute)
			for range 2 {
				if err := s.retry(id); err != nil {
					t.Fatal(err)
				}
				s.deliver(cannot, time.Minute)
				if left := s.standings(); len(left) != 1 || left[0].Hold != station.HoldUndecided {
					t.Fatalf("left %+v", left)
				}
			}
			if err := s.retry(id, station.NotThere); err != nil {
				t.Fatal(err)
			}
			s.deliver(v, time.Second)
			if len(v.effects()) != 1 || v.looks != 0 || len(s.standings()) != 0 {
				t.Errorf("%d effects, %d looks, left %+v", len(v.effects()), v.looks, s.standings())
			}
		})
	})
}

func TestTheOldComputerIsGone(t *testing.T) {
	t.Parallel()
	t.Run("what is held as a copy is looked up and sent, all of it at once; what was held before it stays held", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			s.stop()
			s.open(Setting{Machine: "10000000abcd"})
			refused := s.scan("9/bad")
			s.deliver(&vendor{answer: func(station.Delivery) (bool, station.Receipt) {
				return false, station.Receipt{Outcome: station.Refused, Err: errors.New("no")}
			}}, time.Second)
			v := &vendor{}
			var all []station.ID
			for i := range 500 {
				all = append(all, s.scan(fmt.Sprintf("%d/s%d", i%7, i)))
			}
			call := s.press()
			s.hold()
			v.done = append(v.done, all[0], call) // the old computer delivered these, and nobody noted it
			s.crash()
			s.open(Setting{Machine: "10000000ef01"})
			for _, e := range s.standings() {
				if e.Condition != station.Held || !e.Doubtful {
					t.Fatalf("%s is %s, doubtful %v", e.ID, e.Condition, e.Doubtful)
				}
			}
			s.deliver(v, time.Minute)
			if len(v.attempts()) != 0 {
				t.Errorf("%d sendings before anybody said that it is gone", len(v.attempts()))
			}
			n, err := s.box.Adopt()
			if err != nil || n != len(all)+2 {
				t.Fatalf("%d adopted, want %d: %v", n, len(all)+2, err)
			}
			s.deliver(v, 12*time.Hour)
			left := s.standings()
			if len(left) != 1 || left[0].ID != refused {
				t.Errorf("left %+v", left)
			}
			times := make(map[station.ID]int)
			for _, id := range v.effects() {
				times[id]++
			}
			for _, id := range append(all, call) {
				if times[id] != 1 {
					t.Errorf("%s took effect %d times", id, times[id])
				}
			}
			if n, err := s.box.Adopt(); n != 0 || err != nil {
				t.Errorf("again: %d, %v", n, err)
			}
		})
	})
}
