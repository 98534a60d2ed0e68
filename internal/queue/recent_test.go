package queue

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/station"
)

// recently is the last presses and scans in a few words, the newest first.
func (s *station1) recently() []string {
	var all []string
	for _, ev := range s.box.Snapshot().Recent {
		text := ev.Source + "." + ev.Kind + " " + string(ev.Note.Kind)
		for _, e := range ev.Entries {
			text += ", " + e.Verb
			if e.Corrected {
				text += " corrected " + e.With["order"]
			}
			if e.Held {
				text += " held"
			}
			if e.Fate != "" {
				text += " " + string(e.Fate)
			}
		}
		all = append(all, strings.TrimSpace(text))
	}
	return all
}

func TestTheLastPressesAndScansSayWhatBecameOfEach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, v := open1(t), &vendor{}
		want := func(so string, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, s.recently()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", so, diff)
			}
		}
		want("nothing was pressed")
		s.press()
		want("it is on disk", "red.press recorded, dispatch.open")
		before := s.box.Snapshot().Recent
		s.deliver(v, time.Minute)
		want("the vendor has it", "red.press recorded, dispatch.open delivered")
		if before[0].Entries[0].Fate != "" {
			t.Error("a list that was handed out before has changed")
		}
		v.answer = func(station.Delivery) (bool, station.Receipt) {
			return false, station.Receipt{Outcome: station.Refused, Err: errors.New("no such article")}
		}
		scanned := s.scan("4711/a")
		s.scan("nobody knows this")
		s.deliver(v, time.Minute)
		want("one was refused, one is unknown", "hand.scan unknown", "hand.scan recorded, article.trace held", "red.press recorded, dispatch.open delivered")
		if err := s.command(station.VerbDiscard, scanned); err != nil {
			t.Fatal(err)
		}
		want("a person gave it up, which is nobody's scan", "hand.scan unknown", "hand.scan recorded, article.trace discarded", "red.press recorded, dispatch.open delivered")
		for range station.MostRecent {
			s.scan("nobody knows this")
		}
		want("only five are kept", "hand.scan unknown", "hand.scan unknown", "hand.scan unknown", "hand.scan unknown", "hand.scan unknown")
		s.crash()
		s.start()
		want("after a start nobody remembers any")
	})
}

func TestAScanThatWasPutRightSaysWhatBecameOfTheNewEntry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, v := open1(t), &vendor{}
		want := func(so, want string) {
			t.Helper()
			if diff := cmp.Diff([]string{want}, s.recently()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", so, diff)
			}
		}
		refuse := func(station.Delivery) (bool, station.Receipt) {
			return false, station.Receipt{Outcome: station.Refused, Err: errors.New("no such order")}
		}
		v.answer = refuse
		scanned := s.scan("4711/a")
		s.deliver(v, time.Minute)
		want("refused", "hand.scan recorded, article.trace held")
		second, err := s.edit(scanned, map[string]string{"order": "4712"})
		if err != nil {
			t.Fatal(err)
		}
		want("put right, and not sent yet", "hand.scan recorded, article.trace corrected 4712")
		s.deliver(v, time.Minute)
		want("refused again", "hand.scan recorded, article.trace corrected 4712 held")
		if _, err := s.edit(second, map[string]string{"order": "4713"}); err != nil {
			t.Fatal(err)
		}
		v.answer = nil
		s.deliver(v, time.Minute)
		want("put right again, and the vendor has it", "hand.scan recorded, article.trace corrected 4713 delivered")
	})
}
