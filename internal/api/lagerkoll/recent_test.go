package lagerkoll

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stationd/internal/plant"
	"stationd/internal/station"
	"stationd/internal/station/stationtest"
)

// between puts a proxy before the plant that calls then after each answer to a read
// of that path, and returns the floor with a backend that goes through it.
func (f floor) between(t *testing.T, path string, then func()) floor {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		f.Handler().ServeHTTP(answer, r)
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, path) {
			then()
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	t.Cleanup(server.Close)
	_, root, _ := strings.Cut(strings.TrimPrefix(f.LagerkollURL(), "http://"), "/")
	b := opened(t, server.URL+"/"+root, nil)
	return floor{f.Plant, b}
}

// A look at an article is two reads. Another station's trace between them is in the
// batches and not in the finished amount.
func TestAnotherStationReportsBetweenTheTwoReadsOfALook(t *testing.T) {
	t.Parallel()
	for so, with := range map[string]map[string]string{
		"a serial": made("serial", "S-1", "batch", "B7"),
		"a batch":  made("batch", "B7"),
	} {
		t.Run(so, func(t *testing.T) {
			t.Parallel()
			f := newFloor(t, nil, nil)
			other := floor{f.Plant, opened(t, f.LagerkollURL(), nil)}
			n := 0
			f = f.between(t, "/4711", func() {
				if n++; n == 1 {
					if rc := other.Deliver(t.Context(), other.delivery(made("serial", "S-9", "batch", "B7", "amount", "2"))); rc.Outcome != station.Delivered {
						t.Error(rc.Err)
					}
				}
			})
			d := f.look(t, f.delivery(with))
			if s := string(d.Before); !strings.Contains(s, `"finished":2`) || !strings.Contains(s, `"listed":2`) {
				t.Errorf("it is a look at two moments: %s", s)
			}
			f.fail(t, stationtest.LostRequest)
			if rc := f.Deliver(t.Context(), d); rc.Outcome != station.Doubtful {
				t.Fatalf("%+v", rc)
			}
			f.fail(t, stationtest.Sound)
			if rc := f.Deliver(t.Context(), inDoubt(d)); rc.Outcome != station.Delivered || len(f.Traces()) != 2 {
				t.Errorf("it certainly did not arrive, and is not sent again: %d traces, %+v", len(f.Traces()), rc)
			}
		})
	}
}

func TestALookThatIsTornAllTheTimeIsNotTaken(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, nil)
	other := floor{f.Plant, opened(t, f.LagerkollURL(), nil)}
	n, busy := 0, true
	f = f.between(t, "/4711", func() {
		if n++; busy {
			other.Deliver(t.Context(), other.delivery(made("batch", "B7", "amount", fmt.Sprint(n+1))))
		}
	})
	d := f.delivery(made("serial", "S-1"))
	before, rc := f.Look(t.Context(), d)
	if before != nil || rc.Outcome != station.Unreached || !rc.Answered || !errors.Is(rc.Err, errMoving) {
		t.Errorf("a look that is torn: %s %+v", before, rc)
	}
	if n != mostListed+1 {
		t.Errorf("the order was read %d times", n)
	}
	busy = false
	d = f.look(t, d)
	f.fail(t, stationtest.LostRequest)
	f.Deliver(t.Context(), d)
	f.fail(t, stationtest.Sound)
	busy = true
	if rc := f.Deliver(t.Context(), inDoubt(d)); rc.Outcome != station.Unreached || rc.Holds() != station.HoldNone {
		t.Errorf("in doubt, while it moves: %+v", rc)
	}
	busy = false
	if rc := f.Deliver(t.Context(), inDoubt(d)); rc.Outcome != station.Delivered {
		t.Errorf("in doubt, when it rests: %+v", rc)
	}
}

// count returns how many requests do makes.
func (f floor) count(do func()) int {
	before := len(f.Requests())
	do()
	return len(f.Requests()) - before
}

// traces looks and delivers.
func (f floor) traces(t *testing.T, with map[string]string) {
	t.Helper()
	if rc := f.Deliver(t.Context(), f.look(t, f.delivery(with))); rc.Outcome != station.Delivered {
		t.Fatal(rc.Err)
	}
}

func TestTheAnswerToATraceServesForTheLookBeforeTheNext(t *testing.T) {
	t.Parallel()
	serial := func(n int) map[string]string { return made("batch", "B7", "serial", fmt.Sprintf("S-%d", n)) }
	batch := func(int) map[string]string { return made("batch", "B7", "amount", "5") }
	amount := func(int) map[string]string { return made("amount", "5") }
	for _, tt := range []struct {
		so     string
		with   func(n int) map[string]string
		every  time.Duration
		counts []int // of each of some traces, one after the other
	}{
		// The second of the batches shows that the first is listed.
		{"serials in a row", serial, time.Hour, []int{3, 2, 2, 2}},
		{"batches in a row", batch, time.Hour, []int{3, 2, 1, 1}},
		{"two batches by turns", func(n int) map[string]string { return made("batch", fmt.Sprint("B", n%2), "amount", "5") }, time.Hour, []int{3, 2, 2, 2}},
		{"amounts in a row", amount, time.Hour, []int{2, 1, 1, 1}},
		{"serials, each when the pace allows a read", serial, -1, []int{3, 3, 3, 3}},
		{"batches, each when the pace allows a read", batch, -1, []int{3, 3, 2, 2}},
		{"amounts, each when the pace allows a read", amount, -1, []int{2, 2, 2, 2}},
	} {
		t.Run(tt.so, func(t *testing.T) {
			t.Parallel()
			f := newFloor(t, nil, nil)
			f.recent.every = tt.every
			for n, want := range tt.counts {
				if got := f.count(func() { f.traces(t, tt.with(n)) }); got != want {
					t.Errorf("trace %d took %d requests, want %d", n+1, got, want)
				}
			}
		})
	}
}

// What is remembered is never older than what would be read, and nothing of it is
// taken where it does not add up.
func TestWhatIsRememberedOfAnOrderIsForgotten(t *testing.T) {
	t.Parallel()
	amount := made("amount", "5")
	for so, tt := range map[string]struct {
		switched map[plant.Assumption]plant.Position
		do       func(t *testing.T, f, other floor)
		count    int
	}{
		"nothing happens": {nil, func(*testing.T, floor, floor) {}, 1},
		"another article is traced": {nil, func(t *testing.T, f, _ floor) {
			f.traces(t, map[string]string{"order": "4711", "article": "09506000134369", "amount": "2"})
		}, 1},
		"another order is changed": {nil, func(t *testing.T, f, _ floor) {
			f.Deliver(t.Context(), f.deliveryOf(orderUpdate, map[string]string{"order": "4721", "comment": "x"}))
		}, 1},
		"the article is updated": {nil, func(t *testing.T, f, _ floor) {
			f.Deliver(t.Context(), f.deliveryOf(articleUpdate, made("finished", "7")))
		}, 2},
		"the order is updated": {nil, func(t *testing.T, f, _ floor) {
			f.Deliver(t.Context(), f.deliveryOf(orderUpdate, map[string]string{"order": "4711", "comment": "x"}))
		}, 2},
		"a trace is refused": {nil, func(t *testing.T, f, _ floor) {
			d := f.look(t, f.delivery(amount))
			f.fail(t, stationtest.SaysNo)
			f.Deliver(t.Context(), d)
			f.fail(t, stationtest.Sound)
		}, 2},
		"an answer is lost": {nil, func(t *testing.T, f, _ floor) {
			d := f.look(t, f.delivery(amount))
			f.fail(t, stationtest.LostAnswer)
			f.Deliver(t.Context(), d)
			f.fail(t, stationtest.Sound)
		}, 2},
		"another station has reported before the answer": {nil, func(t *testing.T, f, other floor) {
			d := f.look(t, f.delivery(amount))
			other.traces(t, amount)
			f.Deliver(t.Context(), d)
		}, 2},
		"Lagerkoll sets what it was believed to add": {map[plant.Assumption]plant.Position{plant.TraceAdds: plant.Otherwise},
			func(t *testing.T, f, _ floor) { f.traces(t, made("amount", "9")) }, 2},
	} {
		t.Run(so, func(t *testing.T) {
			t.Parallel()
			f := newFloor(t, tt.switched, nil)
			f.recent.every = time.Hour
			f.traces(t, amount)
			f.traces(t, amount)
			tt.do(t, f, floor{f.Plant, opened(t, f.LagerkollURL(), nil)})
			if got := f.count(func() { f.traces(t, amount) }); got != tt.count {
				t.Errorf("the next trace took %d requests, want %d", got, tt.count)
			}
		})
	}
}

// What the batch has is remembered, and what was traced added to it. Whatever is not so
// afterwards is held, and never sent twice.
func TestABatchThatIsRememberedWronglyIsHeld(t *testing.T) {
	t.Parallel()
	batch := func(name string) map[string]string { return made("batch", name, "amount", "5") }
	sets := map[plant.Assumption]plant.Position{plant.TraceAdds: plant.Otherwise}
	for so, tt := range map[string]struct {
		switched map[plant.Assumption]plant.Position
		first    []map[string]string
		then     map[string]string
		other    func(t *testing.T, f, other floor)
		before   bool // the other does it before our look, and not after our trace
		count    int  // requests of our look
	}{
		"another sets the amount back to what it was, which ours is part of": {nil, []map[string]string{batch("B7"), batch("B7")}, batch("B7"),
			func(_ *testing.T, _, other floor) {
				other.Deliver(t.Context(), other.deliveryOf(articleUpdate, made("finished", "10")))
			}, false, 0},
		"another has traced the same batch since": {nil, []map[string]string{batch("B7"), batch("B7")}, batch("B7"),
			func(t *testing.T, _, other floor) { other.traces(t, batch("B7")) }, true, 2},
		"a store that sets has the same amount in another batch": {sets, []map[string]string{batch("B7")}, batch("B8"),
			func(*testing.T, floor, floor) {}, false, 1},
	} {
		t.Run(so, func(t *testing.T) {
			t.Parallel()
			f := newFloor(t, tt.switched, nil)
			other := floor{f.Plant, opened(t, f.LagerkollURL(), nil)}
			f.recent.every = time.Hour
			for _, with := range tt.first {
				f.traces(t, with)
			}
			if tt.before {
				tt.other(t, f, other)
				f.recent.every = -1
			}
			var d station.Delivery
			if n := f.count(func() { d = f.look(t, f.delivery(tt.then)) }); n != tt.count {
				t.Errorf("the look took %d requests, want %d", n, tt.count)
			}
			f.fail(t, stationtest.LostAnswer)
			f.Deliver(t.Context(), d)
			f.fail(t, stationtest.Sound)
			if !tt.before {
				tt.other(t, f, other)
			}
			sent := len(f.Traces())
			if rc := f.Deliver(t.Context(), inDoubt(d)); rc.Holds() != station.HoldUndecided || len(f.Traces()) != sent {
				t.Errorf("%d traces and then %d, %+v", sent, len(f.Traces()), rc)
			}
		})
	}
}

// A site whose batches list nothing: what is not listed is not reckoned on.
func TestBatchesThatListNothingAreReadEachTime(t *testing.T) {
	t.Parallel()
	f := newFloor(t, map[plant.Assumption]plant.Position{plant.BatchReadable: plant.Ignored}, nil)
	f.recent.every = time.Hour
	for range 3 {
		f.traces(t, made("batch", "B7", "amount", "5"))
	}
	d := f.look(t, f.delivery(made("batch", "B7", "amount", "5")))
	f.fail(t, stationtest.LostRequest)
	f.Deliver(t.Context(), d)
	f.fail(t, stationtest.Sound)
	if rc := f.Deliver(t.Context(), inDoubt(d)); rc.Outcome != station.Delivered || len(f.Traces()) != 4 {
		t.Errorf("it certainly did not arrive, and is not sent again: %d traces, %+v", len(f.Traces()), rc)
	}
}

// What was made of an article before without naming its batch is in no list, and lies
// between the two for ever. It is found out once.
func TestWhatIsInNoBatchCostsOneReadOnce(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, nil)
	f.recent.every = -1
	f.Deliver(t.Context(), f.delivery(map[string]string{"order": "4723", "article": soup, "amount": "5"}))
	for n, want := range []int{4, 3, 3} { // two of it were finished when the order came
		got := f.count(func() {
			f.traces(t, map[string]string{"order": "4723", "article": soup, "serial": fmt.Sprintf("S-%d", n)})
		})
		if got != want {
			t.Errorf("trace %d took %d requests, want %d", n+1, got, want)
		}
	}
}

func TestAnUpdateSendsTheOrderThatItsLookHasRead(t *testing.T) {
	t.Parallel()
	for so, with := range map[string]told{
		"of an order":    {orderUpdate, map[string]string{"order": "4711", "comment": "by hand"}},
		"of its article": {articleUpdate, made("finished", "7")},
	} {
		for every, want := range map[time.Duration]int{time.Hour: 2, -1: 3} {
			t.Run(fmt.Sprint(so, " ", want), func(t *testing.T) {
				t.Parallel()
				f := newFloor(t, nil, nil)
				f.recent.every = every
				got := f.count(func() {
					if rc := f.Deliver(t.Context(), f.look(t, f.deliveryOf(with.verb, with.with))); rc.Outcome != station.Delivered {
						t.Error(rc.Err)
					}
				})
				if got != want {
					t.Errorf("it took %d requests, want %d", got, want)
				}
			})
		}
	}
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	t.Parallel()
	r := newRecent(time.Hour)
	for i := range 10 * mostArticles {
		f := float64(i)
		r.noteTrace(articleOf{"4711", fmt.Sprint(i)}, afterTrace{finished: &f})
		r.noteOrder(fmt.Sprint(i), nil)
	}
	if len(r.articles) > mostArticles || len(r.orders) > mostOrders {
		t.Errorf("%d articles and %d orders are remembered", len(r.articles), len(r.orders))
	}
	if _, ok := r.order(fmt.Sprint(10*mostArticles - 1)); !ok {
		t.Error("the last order is forgotten")
	}
}
