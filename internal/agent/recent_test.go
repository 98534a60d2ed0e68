package agent

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/station"
)

// A press that the outbox did not take is among the last ones, and is said not to be recorded;
// an open call shows what its vendor was last seen to show of it.
func TestALookHasWhatWasNotRecordedAndHowTheCallsStandAtTheVendor(t *testing.T) {
	t.Parallel()
	at := func(up time.Duration) station.Stamp { return station.Stamp{Boot: "b", Up: up} }
	b := newBox()
	b.s.Recent = []station.RecentEvent{{ID: "1", Source: "hand", At: at(time.Second)}}
	b.s.State.Calls = []station.Call{{Backend: "l2l", Ref: "7"}, {Backend: "l2l", Ref: "8", Number: "2871837"}, {Backend: "l2l"}}
	status := NewStatus(b)
	refuse := station.Emit(func(station.Event) (station.Result, error) { return station.Result{}, errors.New("disk full") })
	_, err := status.Recording(refuse.All(), func() {}).One()(station.Event{ID: "2", Source: "red", Kind: station.Press, At: at(2 * time.Second)})
	if err == nil {
		t.Fatal("the outbox took it")
	}
	a := &agent{station: Station{
		Outbox: b, Status: status, Log: slog.New(slog.DiscardHandler),
		Program: func() station.Program { return station.Program{} },
		Stamp:   func(time.Time) station.Stamp { return at(3 * time.Second) },
		Calls: func() map[string]map[string]station.SeenCall {
			return map[string]map[string]station.SeenCall{"l2l": {"7": {Number: "2871836", Attended: true}, "8": {}, "": {Attended: true}}}
		},
	}}
	a.look()
	s := status.Snapshot()
	if len(s.Recent) != 2 || s.Recent[0].ID != "2" || s.Recent[0].Note.Kind != station.NoteUnrecorded || s.State.Notes["red"].Kind != station.NoteUnrecorded {
		t.Errorf("%+v, and told %+v", s.Recent, s.State.Notes)
	}
	want := []station.Call{{Backend: "l2l", Ref: "7", Number: "2871836", Attended: true}, {Backend: "l2l", Ref: "8", Number: "2871837"}, {Backend: "l2l"}}
	if diff := cmp.Diff(want, s.State.Calls); diff != "" {
		t.Error(diff)
	}
	if b.s.State.Calls[0].Attended {
		t.Error("what is on disk was changed")
	}
}
