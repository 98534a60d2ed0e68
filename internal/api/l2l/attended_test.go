package l2l

import (
	"net/url"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/station"
)

func TestAnOpenCallHasTheNumberThatPeopleLookUp(t *testing.T) {
	t.Parallel()
	f := newFloor(t, "", nil)
	rc := f.must(t, f.delivery(dispatchOpen, "", help()))
	if made := f.Dispatches(); len(made) != 1 || rc.Number != strconv.Itoa(made[0].Number) || rc.Ref == rc.Number {
		t.Errorf("the receipt says %+v, and L2L has %+v", rc, made)
	}
}

func TestTheWatchSeesWhetherSomebodyIsOnACall(t *testing.T) {
	t.Parallel()
	rows := map[string]string{
		"7": `{"id": 7, "dispatchnumber": 2871836, "open": "T", "currentstatus_dispatchstatus_id": -5}`,
		"8": `{"id": 8, "dispatchnumber": 2871837, "open": "T", "currentstatus_dispatchstatus_id": -4, "currentstatus_description": "In Progress"}`,
		"9": `{"id": 9, "open": "T"}`, // it shows neither
	}
	l := look(site(t, func(q url.Values) string {
		if id := q.Get("id"); id != "" {
			return shows(rows[id])
		}
		if q.Get("offset") != "" {
			return shows()
		}
		return shows(rows["7"], rows["8"], rows["9"])
	}), "", called("7"), called("8"), called("9"))
	watch, sees := station.Watch(l.watch).(station.CallWatch)
	if !sees {
		t.Fatal("the watch does not see calls")
	}
	if seen := watch.Calls(); len(seen) != 0 {
		t.Errorf("before it has looked it sees %v", seen)
	}
	l.rounds(t, 1)
	want := map[string]station.SeenCall{"7": {Number: "2871836"}, "8": {Number: "2871837", Attended: true}}
	if diff := cmp.Diff(want, watch.Calls()); diff != "" {
		t.Error(diff)
	}
	l.calls = l.calls[:1]
	l.rounds(t, 1)
	if diff := cmp.Diff(map[string]station.SeenCall{"7": {Number: "2871836"}}, watch.Calls()); diff != "" {
		t.Errorf("after two are over here: %s", diff)
	}
}
