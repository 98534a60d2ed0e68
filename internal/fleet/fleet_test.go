package fleet

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"stationd/internal/station"
)

func TestAStatusSaysHowAStationIsAndNothingOfALabel(t *testing.T) {
	t.Parallel()
	now := station.Stamp{Wall: time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC), Up: time.Hour, Boot: "b", Trusted: true}
	oldest := now
	oldest.Wall, oldest.Up = now.Wall.Add(-7*time.Minute), now.Up-7*time.Minute
	s := station.Snapshot{
		Station: "pack4-1", Version: "1.4.0", Now: now, Waiting: 3, Held: 1, Kept: 2, Oldest: oldest,
		Health: station.Health{
			Clock: true, Fill: 1, Backends: map[string]station.Contact{"l2l": {Kind: station.NoContact, Last: strings.Repeat("x", 5000)}},
			Devices: map[string]string{"hand": "not there", "red": ""},
		},
	}
	got := StatusOf(s)
	if got.Oldest != 7*time.Minute || got.Held != 1 || got.Waiting != 3 || got.Unknown != 2 || got.Storage == "" || !got.Clock {
		t.Errorf("it says %+v", got)
	}
	if len(got.Faults) != 1 || got.Faults["hand"] != "not there" || len(got.Vendors["l2l"].Last) > longestText+10 {
		t.Errorf("it says %+v", got)
	}
	s.Health.Devices = map[string]string{station.PageElsewhere: "nobody said who may"}
	s.Health.Fill, s.Held = 0, 0
	s.Health.Backends, s.Oldest = nil, now
	all := []Seen{{Name: "pack4-1", Live: true, Status: StatusOf(s)}}
	if Order(all); all[0].Need != Well || all[0].Status.PageHere != "nobody said who may" {
		t.Errorf("a page that is for its own machine alone is taken for %s, as %q", all[0].Need, all[0].Status.PageHere)
	}
	for i := range 100 {
		s.Health.Devices[strings.Repeat("d", i+1)] = strings.Repeat("y", 1000)
	}
	if text, err := json.Marshal(StatusOf(s)); err != nil || len(text) > 16<<10 {
		t.Errorf("with a hundred faults it has %d bytes, %v", len(text), err)
	}
}

func TestWhatAStationSaidLastIsAsOldAsTheEngineHasIt(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)
	if s := Read("pack4-1", []byte(`{"held":2}`), at, 90*time.Second); s.Age != 90*time.Second || s.Status.Held != 2 {
		t.Errorf("it is %+v", s)
	}
	if s := Read("pack4-1", []byte(`no status`), at, 0); s.Age != 0 || s.Status.Held != 0 {
		t.Errorf("of what is no status it is %+v", s)
	}
	all := []Seen{
		{Name: "a", Age: 2 * AwayAfter, Status: Status{Clock: true}},
		{Name: "b", Age: 2 * AwayAfter, Live: true, Status: Status{Clock: true}},
		{Name: "c", Silent: true, Status: Status{Clock: true}},
		{Name: "d", Age: AwayAfter, Status: Status{Clock: true}},
		{Name: "e", Age: Every, Status: Status{Clock: true, Ahead: -24 * time.Hour, Started: at.Add(-24 * time.Hour)}}, // its clock is a day behind
	}
	Order(all)
	want := map[string]Need{"a": Away, "b": Well, "c": Away, "d": Well, "e": Clock}
	for _, s := range all {
		if s.Need != want[s.Name] {
			t.Errorf("%s is %s, want %s", s.Name, s.Need, want[s.Name])
		}
	}
}

func TestStationsStandAsPeopleCountThem(t *testing.T) {
	t.Parallel()
	var all []Seen
	for _, name := range []string{"pack4-10", "seal", "pack4-2", "pack4-1", "pack4-99999999999999999999"} {
		all = append(all, Seen{Name: name, Status: Status{Clock: true}})
	}
	Order(all)
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	if got, want := strings.Join(names, " "), "pack4-1 pack4-2 pack4-10 pack4-99999999999999999999 seal"; got != want {
		t.Errorf("they stand as %s, want %s", got, want)
	}
}
