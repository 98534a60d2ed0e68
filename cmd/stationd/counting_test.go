package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/station"
)

// countingStation is a station whose red button counts pieces, which are told of the product
// that L2L's line runs. fresh is how long a reading of the line counts.
func countingStation(t *testing.T, fresh string) *demo.Simulation {
	t.Helper()
	b := newStation(t, func(s *demo.Config) {
		s.Watch = 50 * time.Millisecond
		s.Plant.Lines = []plant.Line{{Code: "PACK4", ExternalID: "L-PACK4", Queue: []plant.QueuedOrder{{Product: "100"}, {Product: "200"}, {Product: "300"}}}}
	})
	editConfig(t, b, `watch   = "50ms"`, `watch   = "50ms"`+"\n"+`fresh   = "`+fresh+`"`)
	editConfig(t, b, `event = "maintenance.press"
do    = [{ l2l = "dispatch.open", type = "MAINT", description = "Help needed at {station}" }]

[[on]]
event = "maintenance.hold"
do    = [{ l2l = "dispatch.close" }]
`, `event = "maintenance.press"
count = { made = 1 }

[[on]]
event = "station.minute"
do    = [{ l2l = "production.record", product = "{l2l.product}", actual = "{made}", start = "{since}", end = "{now}" }]
clear = ["made"]
`)
	must(t, b.Power(t.Context(), true))
	return b
}

// startInL2L has the line run an order, as somebody does at L2L's own screen.
func startInL2L(t *testing.T, b *demo.Simulation, order string) {
	t.Helper()
	actInL2L(t, b, "buildsequence/start_change_over/", url.Values{"linecode": {"PACK4"}, "id": {order}})
}

// waitRead waits until the station has read that the line runs an order.
func waitRead(t *testing.T, b *demo.Simulation, order string) {
	t.Helper()
	must(t, demo.Until(t.Context(), "the line is seen to run "+order, func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && s.State.Readings["l2l"].Order == order
	}))
}

// toldOf lists how many pieces L2L was told of, and of what.
func toldOf(b *demo.Simulation) (told []string) {
	for _, c := range b.Plant.Counts() {
		told = append(told, fmt.Sprintf("%v of %s", c.Actual, c.Product))
	}
	slices.Sort(told)
	return told
}

// Three products run within a minute. What was counted is told of each, and no record lies
// over another.
func TestPiecesOfThreeProductsWithinAMinuteAreToldOfEach(t *testing.T) {
	t.Parallel()
	b := countingStation(t, "10m")
	piece := func() {
		waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	}
	for i, pieces := range []int{2, 3, 4} {
		order := fmt.Sprint(8801 + i)
		startInL2L(t, b, order)
		waitRead(t, b, order)
		for range pieces {
			piece()
		}
		if i == 1 { // the power goes between a piece and the next order
			must(t, b.Power(t.Context(), false))
			must(t, b.Power(t.Context(), true))
		}
	}
	actInL2L(t, b, "buildsequence/complete_order/", url.Values{"linecode": {"PACK4"}, "id": {"8803"}})
	waitRead(t, b, "")
	must(t, b.WaitDelivered(t.Context()))
	if diff := cmp.Diff([]string{"2 of 100", "3 of 200", "4 of 300"}, toldOf(b)); diff != "" {
		t.Error(diff)
	}
	counts := b.Plant.Counts()
	slices.SortFunc(counts, func(a, b plant.Count) int { return a.Start.Compare(b.Start) })
	for i, c := range counts {
		if !c.Start.Before(c.End) || i > 0 && c.Start.Before(counts[i-1].End) {
			t.Errorf("the records overlap: %+v", counts)
		}
	}
}

// While the station is off the line changes over. Nobody knows of what the pieces were that
// were counted and not told: a person decides, and it goes out as they say.
func TestPiecesOfAnUnseenChangeAreForAPersonToDecide(t *testing.T) {
	t.Parallel()
	b := countingStation(t, "1s")
	startInL2L(t, b, "8801")
	waitRead(t, b, "8801")
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.Power(t.Context(), false))
	off := time.Now()
	startInL2L(t, b, "8802")
	must(t, demo.Until(t.Context(), "the reading is old", func() bool { return time.Since(off) > 1200*time.Millisecond }))
	must(t, b.Power(t.Context(), true))
	held := waitHeldOne(t, b)
	if held.Hold != station.HoldMisfit || held.With["product"] != "100" || held.With["actual"] != "1" || !strings.Contains(held.Reason, "PACK4 was last seen with 100") {
		t.Errorf("%+v", held)
	}
	if len(b.Plant.Counts()) > 0 {
		t.Errorf("L2L was told %v", toldOf(b))
	}
	waitRead(t, b, "8802")
	if text, code := runCommand(t, b, "outbox", "retry", held.ID.Short()); code != 0 {
		t.Fatal(text)
	}
	must(t, b.WaitDelivered(t.Context()))
	if diff := cmp.Diff([]string{"1 of 100"}, toldOf(b)); diff != "" {
		t.Error(diff)
	}
}

// The order in hand is followed at Lagerkoll: how much of it is done is shown, and a binding
// that names it is refused while it is not known.
func TestTheOrderInHandIsFollowedAtLagerkoll(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	editConfig(t, b, `store  = "1001"`, `store  = "1001"
watch  = "50ms"
fresh  = "10m"
follow = "order"`)
	editConfig(t, b, `[[on]]
event = "hand.scan"
match = '^PC-`, `[[on]]
event = "hand.scan"
match = '^MADE-(?P<amount>\d+)$'
do    = [{ lagerkoll = "article.trace", order = "{lagerkoll.order}", article = "09506000134352", batch = "B7", amount = "{amount}" }]

[[on]]
event = "hand.scan"
match = '^PC-`)
	must(t, b.Power(t.Context(), true))
	waitRecorded(t, b, "hand.scan", func() { must(t, b.Scan("MADE-3")) })
	if about := lastNote(t, b, "hand", station.NoteUnread); about != "lagerkoll.order" {
		t.Errorf("it is told about %q", about)
	}
	done := func() (r station.Reading) {
		if s, err := b.Control().Snapshot(t.Context()); err == nil {
			r = s.State.Readings["lagerkoll"]
		}
		return r
	}
	scanAndWait(t, b, "PO4711")
	must(t, demo.Until(t.Context(), "the order is read", func() bool { r := done(); return r.Order == "4711" && r.Amount == "700" && r.Done == "0" }))
	scanAndWait(t, b, "MADE-5")
	must(t, b.WaitDelivered(t.Context()))
	must(t, demo.Until(t.Context(), "what was made is seen", func() bool { return done().Done == "5" }))
	if traces := b.Plant.Traces(); len(traces) != 1 || traces[0].Order != 4711 || traces[0].Amount != 5 {
		t.Errorf("%+v", traces)
	}
}
