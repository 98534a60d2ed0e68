package l2l

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stationd/internal/plant"
	"stationd/internal/station"
	"stationd/internal/station/stationtest"
)

// The queue of LINE1 has an order of product 100, one of 200 and another of 100.
func TestTheNextOrderIsOfTheProductThatRuns(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	for so, tt := range map[string]struct {
		switched map[plant.Assumption]plant.Position
		product  string        // "": 100
		start    string        // by what this station started the order that runs before; "": somebody else did
		before   time.Duration // how long before the card
		going    bool          // its changeover is still on
		age      time.Duration // of the card
		seen     string        // what the line was last seen to run: it, other, or "" for never
		want     string        // so, held, unknown
	}{
		"and it was started long before":                         {seen: "it", want: "held"},
		"and this station started it, long before":               {start: "product", before: hour, seen: "it", want: "held"},
		"and the card is scanned twice":                          {start: "product", before: 20 * time.Second, seen: "it", want: "so"},
		"and the card is scanned twice in an outage":             {start: "product", before: 20 * time.Second, age: hour, seen: "it", want: "so"},
		"and the next card is scanned in an outage too":          {start: "product", before: hour, age: hour, going: true, seen: "it", want: "held"},
		"and it was started by its id a moment before":           {start: "id", before: 20 * time.Second, seen: "it", want: "so"},
		"and its changeover is still on":                         {going: true, seen: "it", want: "so"},
		"and the line ran something else at the card":            {seen: "other", want: "so"},
		"and the line ran nothing at the card":                   {seen: station.NoOrder, want: "so"},
		"and nobody had seen the line":                           {want: "held"},
		"no, it is of another product":                           {product: "200", seen: "it", want: "so"},
		"and L2L does not show a queue's lines":                  {switched: map[plant.Assumption]plant.Position{plant.LineCodeReturned: plant.Ignored}, seen: "it", want: "held"},
		"and L2L shows one order at a time, which is it":         {switched: map[plant.Assumption]plant.Position{plant.LimitAboveOne: plant.Ignored}, seen: "it", want: "unknown"},
		"and L2L takes no limit above one":                       {switched: map[plant.Assumption]plant.Position{plant.LimitAboveOne: plant.Refused}, seen: "it", want: "unknown"},
		"no, another product's, and one order at a time":         {switched: map[plant.Assumption]plant.Position{plant.LimitAboveOne: plant.Ignored}, product: "200", seen: "it", want: "unknown"},
		"and the external ids are not shown, which it needs not": {switched: map[plant.Assumption]plant.Position{plant.ExternalIDReturned: plant.Ignored}, seen: "it", want: "held"},
	} {
		t.Run(so, func(t *testing.T) {
			t.Parallel()
			f := newFloorHeld(t, "", tt.switched, len(tt.switched) == 0)
			product, at := "100", 1
			if tt.product != "" {
				product, at = tt.product, 2
			}
			runs := f.order("LINE1", at)
			card := time.Now().Add(-tt.age)
			start := map[string]string{"line": "LINE1", "id": runs}
			if tt.start == "product" {
				start = map[string]string{"line": "LINE1", "product": product}
			}
			first := f.delivery(changeoverStart, "", start)
			first.When = card.Add(-tt.before)
			by := f
			if tt.start == "" {
				by.Backend = opened(t, f.L2LURL(), "")
			}
			by.must(t, first)
			if !tt.going {
				by.must(t, by.delivery(changeoverFinish, "", map[string]string{"line": "LINE1"}))
			}
			with := map[string]string{"line": "LINE1", "product": product}
			switch tt.seen {
			case "":
			case "it":
				with[station.LastSeen] = runs
			case "other":
				with[station.LastSeen] = f.order("LINE1", 3)
			default:
				with[station.LastSeen] = tt.seen
			}
			d := f.delivery(changeoverStart, "", with)
			d.When, d.Late, d.LateAfter = card, station.LateHold, orderLate
			before := f.effects()
			_, rc := f.attempt(t.Context(), d)
			got := fmt.Sprintf("%+v", rc)
			switch {
			case rc.Outcome == station.Delivered && rc.Note == alreadySo && rc.Ref == runs:
				got = "so"
			case rc.Outcome == station.Delivered && strings.HasPrefix(rc.Note, "nothing was started: line LINE1 runs order "+runs+" of product "+product):
				got = "unknown"
			case rc.Holds() == station.HoldRefused && strings.Contains(rc.Err.Error(),
				fmt.Sprintf("line LINE1 runs order %s of product 100, and order %s of product 100 waits in its queue", runs, f.order("LINE1", 3))):
				got = "held"
			}
			if got != tt.want {
				t.Errorf("it ends %s, want %s: %+v", got, tt.want, rc)
			}
			if f.effects() != before {
				t.Error("and something was done at the plant")
			}
			if rc := f.must(t, f.delivery(changeoverStart, "", map[string]string{"line": "LINE1", "id": f.order("LINE1", 3)})); rc.Ref != f.order("LINE1", 3) || rc.Note != "" {
				t.Errorf("by its id it does not start: %+v", rc)
			}
		})
	}
}

// The power goes after the look that saw the product run: nothing was sent, and the
// line's order is no proof that it was.
func TestThePowerGoesWhileTheProductRunsAlready(t *testing.T) {
	t.Parallel()
	f := newFloor(t, "", nil)
	f.must(t, f.delivery(changeoverStart, "", map[string]string{"line": "LINE1", "id": f.order("LINE1", 1)}))
	f.must(t, f.delivery(changeoverFinish, "", map[string]string{"line": "LINE1"}))
	f.Backend = opened(t, f.L2LURL(), "")
	d := f.delivery(changeoverStart, "", map[string]string{"line": "LINE1", "product": "100", station.LastSeen: f.order("LINE1", 1)})
	before, rc := f.Look(t.Context(), d)
	if rc.Outcome != station.Delivered {
		t.Fatal(rc.Err)
	}
	d.Before = before
	f.fail(t, stationtest.Unplugged)
	if rc := f.Deliver(t.Context(), d); rc.Outcome != station.Unreached {
		t.Errorf("%+v", rc)
	}
	f.fail(t, stationtest.Sound)
	again := inDoubt(d)
	again.LookOnly = true
	if rc := f.Deliver(t.Context(), again); rc.Outcome != station.Unreached || !rc.Answered {
		t.Errorf("in doubt: %+v", rc)
	}
	if _, rc := f.attempt(t.Context(), d); rc.Holds() != station.HoldRefused || len(f.Changeovers()) != 1 {
		t.Errorf("after it: %+v", rc)
	}
}
