package l2l

import (
	"errors"
	"fmt"
	"testing"

	"stationd/internal/plant"
	"stationd/internal/station"
)

// A trial is one action of the fault matrix, on a line or machine type of its
// own so that one trial does not see another.
type trial struct {
	sentence string
	prepare  func(t *testing.T, f floor) bool // false: the plant cannot be brought there
	deliver  func(f floor) station.Delivery
	most     int // how often a single attempt acts: closing an open dispatch changes one thing
}

// trials is every mutating verb, in every form that acts in a way of its own.
func trials() []trial {
	call := func(kind string, more ...string) map[string]string {
		with := map[string]string{"type": kind, "machine": "LABEL-1", "trade": "MECH", "description": "Help needed"}
		for i := 0; i < len(more); i += 2 {
			with[more[i]] = more[i+1]
		}
		return with
	}
	made := func(verb string, with map[string]string) func(f floor) station.Delivery {
		return func(f floor) station.Delivery { return f.delivery(verb, "", with) }
	}
	ready := func(*testing.T, floor) bool { return true }
	runs := func(line string) func(t *testing.T, f floor) bool {
		return func(t *testing.T, f floor) bool {
			_, rc := f.attempt(t.Context(), f.delivery(changeoverStart, "", map[string]string{"line": line, "id": f.order(line, 1)}))
			return rc.Outcome == station.Delivered
		}
	}
	// The dispatch to be ended is filed behind the backend's back, for a plant that
	// refuses to open one.
	ends := func(verb, kind string) trial {
		return trial{verb, func(t *testing.T, f floor) bool {
			return f.Deliver(t.Context(), f.delivery(dispatchOpen, "", call(kind))).Outcome == station.Delivered
		}, func(f floor) station.Delivery {
			ref := ""
			for _, d := range f.Dispatches() {
				if d.Type == kind && d.Open() {
					ref = fmt.Sprint(d.ID)
				}
			}
			return f.delivery(verb, ref, nil)
		}, 1}
	}
	return []trial{
		{"a call", ready, made(dispatchOpen, call("MAINT")), 1},
		{"a call to be opened once", ready, made(dispatchOpen, call("MATERIAL", "machine", "SEAL-1", "once", "true")), 1},
		{"a call that is history", ready, made(dispatchAdd, call("QUALITY")), 1},
		ends(dispatchClose, "MATERIAL"),
		ends(dispatchComplete, "QUALITY"),
		{"a changeover by product", ready, made(changeoverStart, map[string]string{"line": "LINE1", "product": "100"}), 1},
		{"a changeover by line", ready, made(changeoverStart, map[string]string{"line": "LINE2"}), 1},
		{"a changeover by external ids", ready, made(changeoverStart, map[string]string{"line": "LINE3", "line_externalid": "L-3", "externalid": "PO-3-2"}), 1},
		{"the end of a changeover", runs("LINE4"), made(changeoverFinish, map[string]string{"line": "LINE4"}), 1},
		{"a hold by line", runs("LINE5"), made(orderHold, map[string]string{"line": "LINE5"}), 1},
		{"a hold by product", runs("LINE6"), made(orderHold, map[string]string{"line": "LINE6", "product": "100"}), 1},
		{"an end by line", runs("LINE7"), made(orderComplete, map[string]string{"line": "LINE7"}), 1},
		{"an end by external id", runs("LINE8"), made(orderComplete, map[string]string{"line": "LINE8", "externalid": "PO-8-1"}), 1},
		{"a count", ready, made(productionRecord, map[string]string{"line": "LINE9", "product": "100", "actual": "60", "scrap": "2"}), 1},
	}
}

// lane carries a delivery as a lane does, until it is delivered or a person must
// decide. After a 429 it goes on as after a restart, so as not to wait.
func (f *floor) lane(t *testing.T, d station.Delivery) station.Receipt {
	t.Helper()
	var rc station.Receipt
	for range 6 {
		d, rc = f.attempt(t.Context(), d)
		if rc.Outcome == station.Delivered || rc.Holds() != station.HoldNone {
			return rc
		}
		d.Doubtful = d.Doubtful || rc.Outcome == station.Doubtful
		d.Attempt++
		if rc.Wait > 0 {
			f.Backend = opened(t, f.L2LURL(), f.auth)
		}
	}
	return rc
}

// go through the whole matrix on one floor.
func (f floor) trials(t *testing.T, fault plant.Fault) {
	t.Helper()
	for _, tr := range trials() {
		f.ClearFaults()
		if !tr.prepare(t, f) {
			continue // the switch that is tried forbids it
		}
		d := tr.deliver(f)
		before := f.effects()
		f.AddFault(fault)
		rc := f.lane(t, d)
		n, most := f.effects()-before, tr.most
		if f.goesOn && (d.Verb == orderHold || d.Verb == orderComplete) {
			most++ // the start of the next order
		}
		switch {
		case n > most:
			t.Errorf("%s: done %d times: %+v", tr.sentence, n, rc)
		case rc.Outcome == station.Delivered && n == 0, rc.Outcome != station.Delivered && rc.Holds() == station.HoldNone:
			t.Errorf("%s: done %d times, and neither delivered nor held: %+v", tr.sentence, n, rc)
		case rc.Outcome == station.Refused && n > 0 && !errors.Is(rc.Err, station.ErrMisfit):
			t.Errorf("%s: refused, and done: %+v", tr.sentence, rc)
		}
	}
}

// Every mutating verb is done once or held, whatever happens to its first
// request.
func TestEveryVerbIsDoneOnceOrHeldWhateverHappensToItsRequest(t *testing.T) {
	t.Parallel()
	for _, kind := range []plant.FaultKind{plant.Lost, plant.Reset, plant.Down, plant.ErrorBefore, plant.ErrorAfter, plant.BadGateway,
		plant.TooMany, plant.Truncated, plant.HTML, plant.Redirect} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			f := newFloor(t, "", nil)
			f.trials(t, plant.Fault{Kind: kind, Where: "POST *", Next: 1})
		})
	}
	t.Run("refused twice in a row it is held, and done when a person insists", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, "", nil)
		for _, tr := range trials() {
			if !tr.prepare(t, f) {
				t.Fatal(tr.sentence)
			}
			d := tr.deliver(f)
			before := f.effects()
			f.AddFault(plant.Fault{Kind: plant.Refusal, Where: "POST *", Next: 2})
			for range 2 {
				if rc := f.lane(t, d); rc.Outcome != station.Refused || f.effects() != before {
					t.Errorf("%s: %+v", tr.sentence, rc)
				}
			}
			if rc := f.lane(t, d); rc.Outcome != station.Delivered || f.effects() == before {
				t.Errorf("%s: %+v", tr.sentence, rc)
			}
		}
	})
}

// The same with any one assumption false.
func TestEveryVerbIsDoneOnceOrHeldWhateverL2LDoesOtherwise(t *testing.T) {
	t.Parallel()
	for _, s := range plant.Switches() {
		if !ofL2L(s) {
			continue
		}
		for _, pos := range s.Positions {
			for _, kind := range []plant.FaultKind{plant.Lost, plant.Reset} {
				t.Run(fmt.Sprintf("%s %s, %s", s.Assumption, pos, kind), func(t *testing.T) {
					t.Parallel()
					f := newFloor(t, "", map[plant.Assumption]plant.Position{s.Assumption: pos})
					f.goesOn = s.Assumption == plant.LineIdles
					f.trials(t, plant.Fault{Kind: kind, Where: "POST *", Next: 1})
				})
			}
		}
	}
}

// What the plant answers is within the contract in every position of its
// switches, and so is what it is asked.
func TestTheContractHoldsWhateverL2LDoesOtherwise(t *testing.T) {
	t.Parallel()
	for _, s := range plant.Switches() {
		if !ofL2L(s) {
			continue
		}
		for _, pos := range s.Positions {
			if pos == plant.Refused {
				continue // a no is a no
			}
			t.Run(fmt.Sprintf("%s %s", s.Assumption, pos), func(t *testing.T) {
				t.Parallel()
				f := newFloorHeld(t, "", map[plant.Assumption]plant.Position{s.Assumption: pos}, true)
				for _, tr := range trials() {
					if tr.prepare(t, f) {
						f.attempt(t.Context(), tr.deliver(f))
					}
				}
			})
		}
	}
}
