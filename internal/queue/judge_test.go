package queue

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/station"
)

// held counts what is held.
func (s *station1) held() (n int) {
	s.Helper()
	for _, e := range s.standings() {
		if e.Condition == station.Held {
			n++
		}
	}
	return n
}

func TestAnAnswerThatDecidesNothingEachTime(t *testing.T) {
	t.Parallel()
	page := fmt.Errorf("200: %w: a page", station.ErrUnreadable)
	failed := fmt.Errorf("500: %w", station.ErrFailed)
	answer := func(err error) func(station.Delivery) (bool, station.Receipt) {
		return func(station.Delivery) (bool, station.Receipt) {
			return false, station.Receipt{Outcome: station.Doubtful, Answered: true, Err: err}
		}
	}
	probe := func(rc station.Receipt) func() station.Receipt { return func() station.Receipt { return rc } }
	for sentence, c := range map[string]struct {
		err    error
		probe  station.Receipt
		lasts  time.Duration
		isHeld bool
	}{
		"the vendor fails for a day: nothing is held":                  {failed, station.Receipt{Outcome: station.Unreached, Answered: true, Err: failed}, 24 * time.Hour, false},
		"nothing of it can be read for three hours: nothing is held":   {page, station.Receipt{Outcome: station.Unreached, Answered: true, Err: page}, 3 * time.Hour, false},
		"nothing of it can be read for five hours: held":               {page, station.Receipt{Outcome: station.Unreached, Answered: true, Err: page}, 5 * time.Hour, true},
		"it is well otherwise: held":                                   {failed, station.Receipt{Outcome: station.Delivered}, 20 * time.Minute, true},
		"it is well otherwise, and shows this station nothing: held":   {page, station.Receipt{Outcome: station.Refused, Err: errors.New("no rights")}, 59 * time.Minute, true},
		"it is well otherwise, and two minutes are no patience: waits": {failed, station.Receipt{Outcome: station.Delivered}, 2 * time.Minute, false},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := open1(t)
				v := &afterwards{vendor: vendor{answer: answer(c.err)}, probe: probe(c.probe)}
				s.scan("1/a")
				s.deliver(v, c.lasts)
				if got := s.held() == 1; got != c.isHeld {
					t.Errorf("it is held: %v; %d attempts: %+v", got, len(v.attempts()), s.standings())
				}
				if n := len(v.attempts()); n > 5 && c.isHeld && c.lasts < time.Hour {
					t.Errorf("%d attempts", n)
				}
			})
		})
	}
}

// The key may have no right to read and be good for everything else, so that the first
// noes after something was accepted are believed. When the third comes and a read is
// still refused it was the key, and all of them wait again for one that works.
func TestNoesThatWereTheKeysAreTakenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open1(t)
		good := true
		v := &afterwards{}
		v.answer = func(station.Delivery) (bool, station.Receipt) {
			if good {
				return true, station.Receipt{Outcome: station.Delivered, Ref: "ref"}
			}
			return false, station.Receipt{Outcome: station.Refused, Err: fmt.Errorf("not allowed, %d", len(v.sent))}
		}
		v.probe = func() station.Receipt {
			if good {
				return station.Receipt{Outcome: station.Delivered}
			}
			return station.Receipt{Outcome: station.Refused, Err: errors.New("not allowed")}
		}
		s.scan("0/a")
		s.deliver(v, time.Second)
		good = false
		s.scan("1/a")
		s.scan("2/a")
		s.deliver(v, 10*time.Second)
		if n := s.held(); n != 2 {
			t.Fatalf("%d are held", n)
		}
		s.press()
		s.deliver(v, 5*time.Minute)
		if n := s.held(); n != 0 {
			t.Errorf("it is the key, and %d are held", n)
		}
		if n := len(v.attempts()); n > 5 {
			t.Errorf("%d attempts: nothing is sent before a read works", n)
		}
		good = true
		s.deliver(v, 5*time.Minute)
		if n := len(s.standings()); n != 0 || len(v.effects()) != 4 {
			t.Errorf("the key is right, %d are left and %d were done", n, len(v.effects()))
		}
	})
}

func TestWhatCertainlyDidNotArriveIsNotInDoubtBecauseAnotherGoesBeforeIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, v := open1(t), &vendor{}
		v.answer = func(station.Delivery) (bool, station.Receipt) {
			return false, station.Receipt{Outcome: station.Refused, Err: errors.New("no")}
		}
		first := s.scan("COUNT 0")
		s.deliver(v, time.Minute)
		v.then(func(station.Delivery) (bool, station.Receipt) {
			return false, station.Receipt{Outcome: station.Unreached, Err: errors.New("no way there")}
		})
		second := s.scan("COUNT 0")
		s.deliver(v, time.Minute) // it was marked before it was tried
		v.then(nil)
		if err := s.command(station.VerbRetry, first); err != nil {
			t.Fatal(err)
		}
		s.deliver(v, time.Minute)
		if got := v.effects(); !slices.Equal(got, []station.ID{first, second}) || v.looks != 0 {
			t.Errorf("%v took effect, want %v and %v; %d looks after what was never in doubt", got, first, second, v.looks)
		}
	})
}
