package queue

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/station"
)

// refusing says no to the verb and yes to all else.
func refusing(verb string) *vendor {
	v := new(vendor)
	v.answer = func(d station.Delivery) (bool, station.Receipt) {
		if d.Verb == verb {
			return false, station.Receipt{Outcome: station.Refused, Err: errors.New("refused: the order is on hold")}
		}
		return true, station.Receipt{Outcome: station.Delivered, Ref: "ref-" + d.ID.Short()}
	}
	return v
}

func TestWhatWaitsBehindAHeldEntrySaysBehindWhichAndWhy(t *testing.T) {
	t.Parallel()
	// behind checks what each entry waits behind: in a running station, in a list of
	// any length, of one entry, and in the file.
	behind := func(s *station1, want map[station.ID]station.ID) {
		s.Helper()
		check := func(where string, all []station.EntryStatus) {
			s.Helper()
			for _, e := range all {
				held, waits := want[e.ID]
				switch {
				case !waits && e.Behind != nil:
					s.Errorf("%s: %s %s waits behind %+v", where, e.Verb, e.ID.Short(), *e.Behind)
				case waits && (e.Behind == nil || e.Behind.Entry != held || e.Behind.Hold != station.HoldRefused || e.Behind.Reason == ""):
					s.Errorf("%s: %s %s waits behind %+v, and not behind %s", where, e.Verb, e.ID.Short(), e.Behind, held.Short())
				}
			}
		}
		check("in a long list", s.standings())
		c, err := s.box.Contents(station.Limit{Held: 10, Waiting: 10, Unknown: 10})
		if err != nil {
			s.Fatal(err)
		}
		check("in a short list", c.Entries)
		for _, e := range c.Entries {
			one, _, err := s.box.Standing(e.ID)
			if err != nil || one == nil {
				s.Fatal(err, one)
			}
			check("asked for alone", []station.EntryStatus{*one})
		}
		s.stop()
		c, err = ReadContents(s.path, station.NoLimit())
		if err != nil {
			s.Fatal(err)
		}
		check("in the file", c.Entries)
		s.start()
	}
	t.Run("an order's end behind its trace, and what was scanned after it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			trace := s.scan("1/a")
			s.deliver(refusing("article.trace"), time.Minute)
			finish, later := s.scan("FINISH 1"), s.scan("COUNT 1")
			s.scan("2/a")
			s.scan("FINISH 2")
			behind(s, map[station.ID]station.ID{finish: trace, later: trace})
			if err := s.command(station.VerbDiscard, trace); err != nil {
				t.Fatal(err)
			}
			behind(s, nil)
		})
	})
	t.Run("a close behind its open", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			open := s.press()
			end := s.hold()
			s.deliver(refusing("dispatch.open"), time.Minute)
			behind(s, map[station.ID]station.ID{end: open})
		})
	})
	t.Run("what the last attempt at an entry came to is its own, and not another's", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := new(vendor)
			v.answer = func(d station.Delivery) (bool, station.Receipt) {
				return false, station.Receipt{Outcome: station.Unreached, Answered: true, Err: errors.New("order " + d.With["order"] + " is locked")}
			}
			first, second := s.scan("1/a"), s.scan("2/a")
			s.deliver(v, time.Minute)
			for id, want := range map[station.ID]string{first: "order 1 is locked", second: "order 2 is locked"} {
				if e, _, err := s.box.Standing(id); err != nil || e == nil || e.Last != want {
					t.Errorf("entry %s: %q, %v; want %q", id.Short(), e.Last, err, want)
				}
			}
		})
	})
}
