package l2l

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"stationd/internal/plant"
	"stationd/internal/station"
	"stationd/internal/station/stationtest"
)

// sequence is how an order stands.
func (f floor) sequence(id string) plant.Sequence {
	for _, s := range f.Sequences() {
		if fmt.Sprint(s.ID) == id {
			return s
		}
	}
	return plant.Sequence{}
}

func TestAStepIsTakenByTheOrderThatRuns(t *testing.T) {
	t.Parallel()
	for verb, want := range map[string]plant.Status{changeoverFinish: plant.InProgress, orderHold: plant.OnHold, orderComplete: plant.Completed} {
		for sentence, with := range map[string]func(f floor) map[string]string{
			"by line alone":      func(floor) map[string]string { return map[string]string{} },
			"by its product":     func(floor) map[string]string { return map[string]string{"product": "100"} },
			"by its id":          func(f floor) map[string]string { return map[string]string{"id": f.order("LINE1", 1)} },
			"by its external id": func(floor) map[string]string { return map[string]string{"externalid": "PO-1-1"} },
			"by external ids alone": func(floor) map[string]string {
				return map[string]string{"line_externalid": "L-1", "externalid": "PO-1-1"}
			},
		} {
			t.Run(verb+" "+sentence, func(t *testing.T) {
				t.Parallel()
				f := newFloor(t, "", nil)
				id := f.start(t, "LINE1")
				told := with(f)
				told["line"] = "LINE1"
				rc := f.must(t, f.delivery(verb, "", told))
				if rc.Ref != id || rc.Note != "" || f.sequence(id).Status != want {
					t.Errorf("%+v, and the order is %+v", rc, f.sequence(id))
				}
			})
		}
	}
}

func TestAStepThatWasTakenAlreadyIsNotTakenAgain(t *testing.T) {
	t.Parallel()
	for verb, note := range map[string]string{changeoverFinish: finishing().already, orderHold: alreadySo, orderComplete: alreadySo} {
		f := newFloor(t, "", nil)
		id := f.start(t, "LINE1")
		with := map[string]string{"line": "LINE1", "id": id}
		f.must(t, f.delivery(verb, "", with))
		before := f.effects()
		if rc := f.must(t, f.delivery(verb, "", with)); rc.Note != note || rc.Ref != id || f.effects() != before {
			t.Errorf("%s: %+v", verb, rc)
		}
	}
}

func TestAChangeoverForWhichNoTimeIsPlannedNeedNotBeFinished(t *testing.T) {
	t.Parallel()
	f := newFloor(t, "", nil)
	f.must(t, f.delivery(changeoverStart, "", map[string]string{"line": "PACK4", "product": "300"}))
	rc := f.must(t, f.delivery(changeoverFinish, "", map[string]string{"line": "PACK4"}))
	if rc.Note != finishing().already {
		t.Errorf("%+v", rc)
	}
	for _, r := range f.Requests() {
		if r.Path == "/api/1.0/buildsequence/finish_change_over/" {
			t.Error("it was sent")
		}
	}
}

func TestAStepOfWhatDoesNotRunIsRefused(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{changeoverFinish, orderHold, orderComplete} {
		f := newFloor(t, "", nil)
		none := f.delivery(verb, "", map[string]string{"line": "LINE2"})
		if rc := f.send(t, none); rc.Outcome != station.Refused {
			t.Errorf("%s on a line that runs nothing: %+v", verb, rc)
		}
		f.start(t, "LINE1")
		for _, with := range []map[string]string{{"product": "200"}, {"externalid": "PO-1-2"}, {"product": "100", "externalid": "PO-1-1"}} {
			with["line"] = "LINE1"
			if rc := f.send(t, f.delivery(verb, "", with)); rc.Outcome != station.Refused || f.effects() != 1 {
				t.Errorf("%s %v: %+v", verb, with, rc)
			}
		}
	}
}

// A second order of the same product waits behind the first: a step that is sent
// twice would strike it.
func TestAfterDoubtAStepNeverStrikesTheOrderBehind(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		fault     stationtest.Fault
		meanwhile string // verb of another hand, on the order that was meant
		next      bool   // and the next order is started
		status    plant.Status
		want      map[string]station.Outcome // by verb
	}{
		"it arrived, and the next order runs": {stationtest.LostAnswer, "", true, 0,
			map[string]station.Outcome{orderHold: station.Delivered, orderComplete: station.Delivered, changeoverFinish: station.Delivered}},
		"it did not arrive, and the same order runs": {stationtest.LostRequest, "", false, 0,
			map[string]station.Outcome{orderHold: station.Delivered, orderComplete: station.Delivered, changeoverFinish: station.Delivered}},
		"it did not arrive, and somebody else held the order": {stationtest.LostRequest, orderHold, false, 0,
			map[string]station.Outcome{orderHold: station.Delivered, orderComplete: station.Doubtful, changeoverFinish: station.Doubtful}},
		"it did not arrive, and somebody else completed the order": {stationtest.LostRequest, orderComplete, true, 0,
			map[string]station.Outcome{orderHold: station.Doubtful, orderComplete: station.Delivered, changeoverFinish: station.Delivered}},
	} {
		for verb, want := range c.want {
			t.Run(verb+": "+sentence, func(t *testing.T) {
				t.Parallel()
				f := newFloor(t, "", nil)
				id := f.start(t, "LINE1")
				f.fail(t, c.fault)
				d, rc := f.attempt(t.Context(), f.delivery(verb, "", map[string]string{"line": "LINE1"}))
				if rc.Outcome != station.Doubtful {
					t.Fatalf("%+v", rc)
				}
				f.fail(t, stationtest.Sound)
				if c.meanwhile != "" {
					f.must(t, f.delivery(c.meanwhile, "", map[string]string{"line": "LINE1", "id": id}))
				}
				if c.next {
					f.must(t, f.delivery(changeoverStart, "", map[string]string{"line": "LINE1", "product": "200"}))
				}
				rc = f.Deliver(t.Context(), inDoubt(d))
				if verb == changeoverFinish && c.next && c.fault == stationtest.LostAnswer {
					want = station.Delivered // the order it was for is completed: its changeover is past
				}
				if rc.Outcome != want || want == station.Doubtful && !errors.Is(rc.Err, station.ErrUndecided) {
					t.Errorf("%+v", rc)
				}
				for n := 2; n <= 3; n++ {
					if s := f.sequence(f.order("LINE1", n)); s.Status == plant.OnHold || s.Status == plant.Completed {
						t.Errorf("the order behind was struck: %+v", s)
					}
				}
			})
		}
	}
}

func TestALateStepThatAPersonSendsIsForTheOrderThatRanAtTheEvent(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{orderHold, orderComplete} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			f := newFloor(t, "", nil)
			f.start(t, "LINE1")
			wanted, runs := f.order("LINE1", 2), f.order("LINE1", 1)
			d := f.delivery(verb, "", map[string]string{"line": "LINE1", station.LastSeen: wanted})
			d.Forced, d.When, d.Exact = true, time.Now().Add(-time.Hour), true
			was := f.sequence(runs).Status
			rc := f.send(t, d)
			if now := f.sequence(runs).Status; now != was {
				t.Errorf("the order that runs was %d and is %d", was, now)
			}
			if rc.Outcome == station.Delivered && rc.Ref != wanted {
				t.Errorf("%+v, want order %s", rc, wanted)
			}
			sent := f.Requests()
			if last := sent[len(sent)-1]; !strings.Contains(fmt.Sprintf("%+v", last), wanted) {
				t.Errorf("the last request is %+v, want one for order %s", last, wanted)
			}
		})
	}
}

func TestALateVerbOnAnOrderWaitsForAPersonWhenTheLineHasMoved(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{changeoverStart, changeoverFinish, orderHold, orderComplete} {
		for sentence, c := range map[string]struct {
			seen func(f floor) string
			age  time.Duration
			sure bool
			want station.Outcome
		}{
			"the line runs what it ran":       {func(f floor) string { return f.order("LINE1", 1) }, time.Hour, true, station.Delivered},
			"the line runs something else":    {func(f floor) string { return f.order("LINE1", 2) }, time.Hour, true, station.Refused},
			"the line ran nothing":            {func(floor) string { return station.NoOrder }, time.Hour, true, station.Refused},
			"it is not late":                  {func(f floor) string { return f.order("LINE1", 2) }, time.Minute, true, station.Delivered},
			"nobody knows whether it is late": {func(f floor) string { return f.order("LINE1", 2) }, 0, false, station.Refused},
			"nobody had seen the line before": {func(floor) string { return "" }, time.Hour, true, station.Delivered},
		} {
			t.Run(verb+": "+sentence, func(t *testing.T) {
				t.Parallel()
				f := newFloor(t, "", nil)
				f.start(t, "LINE1")
				d := f.delivery(verb, "", map[string]string{"line": "LINE1", station.LastSeen: c.seen(f)})
				d.Late, d.LateAfter = station.LateHold, orderLate
				d.When, d.Exact = time.Now().Add(-c.age), c.sure
				before := f.effects()
				rc := f.send(t, d)
				if rc.Outcome != c.want || (f.effects() == before) != (c.want == station.Refused) {
					t.Errorf("%+v", rc)
				}
				if c.want == station.Refused && rc.Holds() != station.HoldMisfit {
					t.Errorf("it is held as %q", rc.Holds())
				}
			})
		}
	}
}

func TestAChangeoverByExternalIDs(t *testing.T) {
	t.Parallel()
	told := func() map[string]string {
		return map[string]string{"line": "LINE1", "line_externalid": "L-1", "externalid": "PO-1-2"}
	}
	t.Run("starts that order, and not again", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, "", nil)
		rc := f.must(t, f.delivery(changeoverStart, "", told()))
		if rc.Ref != f.order("LINE1", 2) {
			t.Errorf("%+v", rc)
		}
		if rc := f.must(t, f.delivery(changeoverStart, "", told())); rc.Note != alreadySo || len(f.Changeovers()) != 1 {
			t.Errorf("%+v", rc)
		}
	})
	t.Run("whose answer was lost is seen to have happened", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, "", nil)
		f.fail(t, stationtest.LostAnswer)
		d, _ := f.attempt(t.Context(), f.delivery(changeoverStart, "", told()))
		f.fail(t, stationtest.Sound)
		if rc := f.Deliver(t.Context(), inDoubt(d)); rc.Note != byWhomUnsure || len(f.Changeovers()) != 1 {
			t.Errorf("%+v", rc)
		}
	})
}
