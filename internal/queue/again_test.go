package queue

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"stationd/internal/station"
)

func TestACommandIsRecordedOnceForItsID(t *testing.T) {
	t.Parallel()
	s := open1(t)
	ask := func(id station.ID, order, by string) (station.Result, error) {
		ev := station.ActionRequest{Backend: "l2l", Verb: "article.trace", With: map[string]string{"order": order}}.Event(by, s.stamp(time.Now()))
		ev.ID = id
		return s.box.Record(ev)
	}
	id := station.NewID()
	first, err := ask(id, "1", "uid:0")
	if err != nil || first.Repeated || len(first.Entries) != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	s.crash()
	s.start()
	for _, by := range []string{"uid:0", "uid:1000"} {
		again, err := ask(id, "1", by)
		if err != nil || !again.Repeated || len(again.Entries) != 1 || again.Entries[0] != first.Entries[0] || again.Note.Kind != first.Note.Kind {
			t.Errorf("again, after a power cut: %+v, %v; the first was %+v", again, err, first)
		}
	}
	if _, err := ask(id, "2", "uid:0"); !errors.Is(err, errOtherCommand) {
		t.Errorf("another command under the same ID: %v", err)
	}
	for i := range 2 * mostCommands {
		if done, err := ask(station.NewID(), fmt.Sprint(10+i), "uid:0"); err != nil || done.Repeated {
			t.Fatal(done, err)
		}
	}
	if n := len(s.box.commands); n != mostCommands {
		t.Errorf("%d commands are remembered", n)
	}
	if again, err := ask(id, "1", "uid:0"); err != nil || !again.Repeated {
		t.Errorf("long after, while it waits: %+v, %v", again, err)
	}
	if n := len(s.standings()); n != 1+2*mostCommands {
		t.Errorf("%d entries, want %d", n, 1+2*mostCommands)
	}
}
