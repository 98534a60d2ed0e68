package queue

import (
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/station"
)

// counts is a program that reports what is counted, of the order that the line runs.
func counts() station.Program {
	p := program()
	l2l := p.Vendors["l2l"]
	l2l.Reads, l2l.Fresh = true, time.Minute
	p.Vendors = map[string]station.Vendor{"l2l": l2l}
	p.Bindings = append(p.Bindings,
		station.Binding{Event: "made.press", Count: map[string]station.Template{"made": template("1")}},
		station.Binding{Event: "station.minute", Clear: []string{"made"}, Do: []station.Do{do("article.count", map[string]string{"order": "{l2l.order}"})}})
	return p
}

func (s *station1) lineRuns(kind, order string) {
	s.Helper()
	s.record(station.Event{Source: "l2l", Kind: kind, Data: map[string]string{"line": "PACK4", "id": order}})
}

// A look at the line that says the same again costs the card nothing, and is on disk with the
// next write.
func TestALookThatSaysTheSameIsNotWrittenByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open1(t)
		s.box.setting.Program = counts
		s.lineRuns(station.OrderCurrent, "8801")
		written := s.commits()
		for range 100 {
			time.Sleep(30 * time.Second)
			s.lineRuns(station.OrderSeen, "8801")
		}
		seen := s.box.State().Readings["l2l"].At
		if n := s.commits() - written; n != 0 || time.Since(seen.Wall) > time.Second {
			t.Errorf("%d commits, and it was last seen %v ago", n, time.Since(seen.Wall))
		}
		s.record(station.Event{Source: "made", Kind: station.Press})
		s.crash()
		s.start()
		if got := s.box.State().Readings["l2l"]; got.At.Wall.Sub(seen.Wall) != 0 || got.Order != "8801" {
			t.Errorf("after a power cut: %+v", got)
		}
	})
}

// The power goes before and after the reading that another order runs: the pieces are told of
// the one before in the same transaction, or not yet.
func TestPiecesAreCutInTheTransactionOfTheChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open1(t)
		s.box.setting.Program = counts
		s.lineRuns(station.OrderCurrent, "8801")
		s.record(station.Event{Source: "made", Kind: station.Press})
		s.crash()
		s.start()
		s.box.setting.Program = counts
		time.Sleep(5 * time.Second)
		s.lineRuns(station.OrderCurrent, "8802")
		s.crash()
		s.start()
		s.box.setting.Program = counts
		left := s.standings()
		if len(left) != 1 || left[0].With["order"] != "8801" || left[0].Condition != station.Waiting || s.box.State().Counters["made"].Count != 0 {
			t.Errorf("%+v, %+v", left, s.box.State().Counters)
		}
		s.record(station.Event{Source: "made", Kind: station.Press})
		time.Sleep(time.Hour) // nobody sees the line for an hour
		s.lineRuns(station.OrderCurrent, "8803")
		left = s.standings()
		if len(left) != 2 || left[1].With["order"] != "8802" || left[1].Condition != station.Held || left[1].Hold != station.HoldMisfit || left[1].Why == nil {
			t.Fatalf("%+v", left)
		}
		s.crash()
		s.start()
		v := &vendor{answer: func(station.Delivery) (bool, station.Receipt) {
			return true, station.Receipt{Outcome: station.Delivered}
		}}
		s.deliver(v, time.Minute)
		if n := len(v.effects()); n != 1 {
			t.Errorf("%d were sent, and one is for a person to decide", n)
		}
		if err := s.command(station.VerbRetry, left[1].ID); err != nil {
			t.Fatal(err)
		}
		s.deliver(v, time.Minute)
		if n := len(v.effects()); n != 2 || len(s.standings()) != 0 {
			t.Errorf("%d were sent, and %+v is left", n, s.standings())
		}
	})
}
