package relay

import (
	"testing"
	"time"

	"stationd/internal/station"
)

// A relay that was stopped for longer than its lease leads again, and its own last attempt was in
// doubt. Another relay has led meanwhile, by which it was decided: nobody comes back for it.
func TestALaneThatAnEarlierTermKeptKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	asks := func(in *term, name, entry string) *job {
		of := station.Entry{ID: station.ID(entry), Action: station.Action{Lane: "lagerkoll/order:4711"}}
		return &job{term: in, station: name, ask: ask{Do: doLook, Delivery: &delivery{Entry: of}}}
	}
	a, first, second := newAdmission(), new(term), new(term)
	taken := func(j *job) bool {
		a.add(j)
		return a.take(time.Now()) == j
	}
	mine := asks(first, "pack4-1", "1.1")
	if !taken(mine) {
		t.Fatal("a free lane is nobody's")
	}
	a.done(mine, station.Receipt{Outcome: station.Delivered})
	if taken(asks(first, "pack4-2", "2.1")) {
		t.Error("in the same term the lane is another's")
	}
	if taken(asks(&term{first: first}, "pack4-2", "4.1")) {
		t.Error("the relay had the lease all the time, and took a new term for its connection alone: the lane is another's")
	}
	if !taken(asks(second, "pack4-2", "3.1")) {
		t.Error("in the next term it is kept still")
	}
}
