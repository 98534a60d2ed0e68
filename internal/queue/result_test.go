package queue

import (
	"errors"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/station"
)

// answering is the program with bindings whose results differ: one that needs an
// order in hand, one that takes it in hand, and one that takes back.
func answering() station.Program {
	p := takingBack()
	p.Bindings = append([]station.Binding{
		{Event: "bench.scan", Match: regexp.MustCompile(`^PART (?P<serial>\w+)$`), Do: []station.Do{do("article.trace", map[string]string{"order": "{order}", "serial": "{serial}"})}},
		{Event: "bench.scan", Match: regexp.MustCompile(`^ORDER (?P<number>\d+)$`), Set: map[string]station.Template{"order": template("{number}")}},
	}, p.Bindings...)
	return p
}

func TestWhoeverRecordsAnEventIsToldWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open1(t)
		s.box.setting.Program = answering
		bench := func(code string) station.Event {
			return station.Event{Source: "bench", Kind: station.Scan, Code: code}
		}
		button := func(kind string) station.Event { return station.Event{Source: "red", Kind: kind} }
		told := func(so string, ev station.Event, want station.NoteKind, text string, entries int) station.Result {
			t.Helper()
			ev.ID = station.NewID()
			done := s.record(ev)
			if done.ID != ev.ID || done.Note.Kind != want || done.Note.Text != text || len(done.Entries) != entries {
				t.Errorf("%s: %+v; want %q %q and %d entries", so, done, want, text, entries)
			}
			return done
		}
		told("a part without its order", bench("PART a1"), station.NoteNeeds, "order", 0)
		told("a code that nobody knows", bench("???"), station.NoteUnknown, "???", 0)
		told("an order", bench("ORDER 4711"), station.NoteSet, "ORDER 4711", 0)
		told("a part", bench("PART a1"), station.NoteRecorded, "PART a1", 1)
		told("no call to close", button(station.Hold), station.NoteNothing, "", 0)
		open := told("a call", button(station.Press), station.NoteRecorded, "", 1)
		told("the same call again", button(station.Press), station.NoteAlready, "", 0)
		told("a button that nobody has bound", button(station.Release), "", "", 0)

		s.deliver(&vendor{answer: func(d station.Delivery) (bool, station.Receipt) {
			if d.Verb == "dispatch.open" {
				return false, station.Receipt{Outcome: station.Refused, Err: errors.New("no such machine")}
			}
			return true, station.Receipt{Outcome: station.Delivered}
		}}, time.Minute)
		told("nothing that can be taken back", button(station.Double), station.NoteLate, "", 0)
		again := told("a call that was refused", button(station.Press), station.NoteRecorded, "", 0)
		if again.Retried != open.Entries[0] {
			t.Errorf("the call that is sent again is %q, want %q", again.Retried, open.Entries[0])
		}
	})
}
