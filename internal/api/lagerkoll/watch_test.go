package lagerkoll

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/api"
	"stationd/internal/plant"
	"stationd/internal/relay/relaytest"
	"stationd/internal/station"
)

// lookOnce makes a round of a watch and returns what it emits.
func lookOnce(t *testing.T, w *watch) (events []station.Event) {
	t.Helper()
	w.round(t.Context(), func(ev station.Event) (station.Result, error) {
		if ev.Source != "lagerkoll" || ev.ID == "" {
			t.Errorf("%+v", ev)
		}
		events = append(events, ev)
		return station.Result{}, nil
	})
	return events
}

func watchOf(f floor, follow string, state func() station.State) *watch {
	w, _ := f.Watch(follow, time.Minute, state, func(time.Time) station.Stamp { return station.Stamp{} }).(*watch)
	return w
}

// doIt delivers what must succeed.
func doIt(t *testing.T, f floor, d station.Delivery) {
	t.Helper()
	before, rc := f.Look(t.Context(), d)
	if d.Before = before; rc.Outcome == station.Delivered {
		rc = f.Deliver(t.Context(), d)
	}
	if rc.Outcome != station.Delivered {
		t.Fatalf("%s: %v", d.Verb, rc.Err)
	}
}

func inHand(order string) func() station.State {
	return func() station.State {
		return station.State{Values: map[string]station.Value{"order": {Text: order}}}
	}
}

func TestTheOrderInHandIsFollowedByARelayToo(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, nil)
	s := Section{URL: f.LagerkollURL(), Store: "1001", Watch: time.Minute, Hand: "order", Via: api.Via{Via: api.ByRelayWord}}
	by := relaytest.Open(t).Through(t, f.Backend)
	for range 2 { // two stations
		w, _ := s.Follow(by, inHand("4711"), func(time.Time) station.Stamp { return station.Stamp{} }).(*watch)
		got := lookOnce(t, w)
		want := map[string]string{"id": "4711", "reference": "PO-4711", "done": "0", "amount": "700"}
		if len(got) != 1 || cmp.Diff(want, got[0].Data) != "" {
			t.Errorf("it is seen as %+v", got)
		}
	}
}

func TestTheOrderInHandIsFollowedWithHowMuchOfItIsDone(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, nil)
	w := watchOf(f, "order", inHand("4711"))
	doIt(t, f, f.delivery(made("batch", "B7", "amount", "12")))
	// It has two articles: which of them is being made Lagerkoll does not say.
	want := map[string]string{"id": "4711", "reference": "PO-4711", "done": "12", "amount": "700"}
	for i, kind := range []string{station.OrderCurrent, station.OrderSeen} {
		before := len(f.Requests())
		got := lookOnce(t, w)
		if len(got) != 1 || got[0].Kind != kind {
			t.Fatalf("look %d: %+v", i+1, got)
		}
		if diff := cmp.Diff(want, got[0].Data); diff != "" {
			t.Errorf("look %d: %s", i+1, diff)
		}
		if n := len(f.Requests()) - before; n != 1 {
			t.Errorf("look %d took %d requests", i+1, n)
		}
	}
	doIt(t, f, f.deliveryOf(orderFinish, map[string]string{"order": "4711"}))
	if got := lookOnce(t, w); len(got) != 1 || len(got[0].Data) != 0 || got[0].Kind != station.OrderCurrent {
		t.Errorf("it is finished, and told as %+v", got)
	}
	for _, hand := range []string{"", "no-id"} {
		w.state = inHand(hand)
		if got := lookOnce(t, w); len(got) != 1 || len(got[0].Data) != 0 {
			t.Errorf("%q is in hand: %+v", hand, got)
		}
	}
}

func TestTheOneOrderInDevelopmentIsFollowedAndNoneOfSeveral(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, nil)
	w := watchOf(f, "", func() station.State { return station.State{} })
	developing := 0
	for _, o := range f.Orders() {
		if o.State == plant.StateDeveloping {
			developing++
			if developing > 1 {
				doIt(t, f, f.deliveryOf(orderFinish, map[string]string{"order": ID(o.ID).String()}))
			}
		}
	}
	if got := lookOnce(t, w); len(got) != 1 || got[0].Data["id"] == "" {
		t.Errorf("one is in development: %+v", got)
	}
	for _, o := range f.Orders() {
		if o.State == plant.StateNew {
			doIt(t, f, f.deliveryOf(orderStart, map[string]string{"order": ID(o.ID).String()}))
			if got := lookOnce(t, w); len(got) != 1 || got[0].Data["id"] != "" {
				t.Errorf("two are in development: %+v", got)
			}
			return
		}
	}
	t.Fatal("the plant has no new order")
}

func TestWhileLagerkollIsNotReachedNothingIsTold(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, nil)
	f.AddFault(plant.Fault{Kind: plant.Down, Where: "GET *"})
	for _, follow := range []string{"", "order"} {
		if got := lookOnce(t, watchOf(f, follow, inHand("4711"))); len(got) > 0 {
			t.Errorf("%+v", got)
		}
	}
}

// Another order in hand is looked at within seconds, and no number of scans makes more than
// one look in five.
func TestAnotherOrderInHandIsLookedAtSoonAndNotMoreOftenThanEveryFiveSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		hand := ""
		state := func() station.State {
			mu.Lock()
			defer mu.Unlock()
			return inHand(hand)()
		}
		b := opened(t, "http://127.0.0.1/", nil)
		w, _ := b.Watch("order", 100*365*24*time.Hour, state, func(time.Time) station.Stamp { return station.Stamp{} }).(*watch)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		var looks []time.Duration
		began := time.Now()
		go func() {
			ended <- w.Run(ctx, func(station.Event) (station.Result, error) {
				looks = append(looks, time.Since(began).Truncate(time.Second))
				return station.Result{}, nil
			})
		}()
		for i := range 10 { // what is in hand is no order's id, so that nobody is asked
			mu.Lock()
			hand = []string{"x", "y"}[i%2]
			mu.Unlock()
			time.Sleep(time.Second)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if len(looks) < 2 || len(looks) > 4 || !slices.IsSorted(looks) || looks[len(looks)-1] > 20*time.Second {
			t.Errorf("it was looked at %v", looks)
		}
	})
}

// Whoever has a station's key has nothing else read by the way on which a station follows its order.
func TestARelayFetchesWhatAWatchReadsAndNothingElse(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, nil)
	for path, read := range map[string]bool{
		"4711": true, "state/2": true,
		"4711/article/09506000134352": false, "customer_order/1": false, "next_reference": false, "state/2/../4711": false, "": false,
	} {
		before := len(f.Requests())
		_, rc := f.Fetch(t.Context(), path, nil)
		if n := len(f.Requests()) - before; (rc.Outcome == station.Delivered) != read || (n > 0) != read {
			t.Errorf("%q is %v (%v), and Lagerkoll was asked %d times", path, rc.Outcome, rc.Err, n)
		}
	}
}
