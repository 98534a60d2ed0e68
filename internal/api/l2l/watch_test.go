package l2l

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/api"
	"stationd/internal/plant"
	"stationd/internal/relay/relaytest"
	"stationd/internal/station"
)

// An observer runs a watch and takes down what it emits.
type observer struct {
	floor
	events chan station.Event

	mu    sync.Mutex
	calls []station.Call
	fail  error             // what emit answers
	seen  map[string]string // of the last order that was as before
}

func observe(t *testing.T, f floor, line string) *observer {
	t.Helper()
	o := &observer{floor: f, events: make(chan station.Event, 100)}
	stamp := func(at time.Time) station.Stamp { return station.Stamp{Wall: at, Boot: "b"} }
	return o.run(t, f.Watch(line, 2*time.Millisecond, o.open, stamp))
}

func (o *observer) run(t *testing.T, w station.Watch) *observer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx, o.emit) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the watch ends with %v", err)
		}
	})
	return o
}

func (o *observer) open() []station.Call {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]station.Call(nil), o.calls...)
}

func (o *observer) emit(ev station.Event) (station.Result, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.fail == nil && ev.Kind == station.OrderSeen:
		o.seen = ev.Data // each round brings one
	case o.fail == nil:
		o.events <- ev
	}
	return station.Result{}, o.fail
}

func (o *observer) set(fail error, calls ...station.Call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fail, o.calls = fail, calls
}

// next is the next event.
func (o *observer) next(t *testing.T) station.Event {
	t.Helper()
	select {
	case ev := <-o.events:
		if ev.Source != "l2l" || ev.ID == "" || ev.At.Boot != "b" {
			t.Errorf("%+v", ev)
		}
		return ev
	case <-time.After(20 * time.Second):
		t.Fatal("no event came")
	}
	return station.Event{}
}

// rounds waits until the watch has asked n more times, and has had its answers.
func (o *observer) rounds(t *testing.T, n int) {
	t.Helper()
	for want := len(o.Requests()) + n; len(o.Requests()) < want; {
		select {
		case <-t.Context().Done():
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func (o *observer) quiet(t *testing.T) {
	t.Helper()
	o.rounds(t, 8)
	if len(o.events) > 0 {
		t.Errorf("it emits %+v", <-o.events)
	}
}

// Two stations follow the same line by a relay: both see the same, and L2L is asked as for one.
func TestTheWatchByARelayAsksForAllStationsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFloor(t, "", nil)
	passage := relaytest.Open(t)
	f.start(t, "LINE1")
	ours := f.must(t, f.delivery(dispatchOpen, "", help())).Ref
	s := Section{URL: f.L2LURL(), Site: 12, Line: "LINE1", Watch: 50 * time.Millisecond, Via: api.Via{Via: api.ByRelayWord}}
	by := passage.Through(t, f.Backend)
	before := len(f.Requests())
	var stations []*observer
	for range 2 {
		o := &observer{floor: f, events: make(chan station.Event, 100), calls: []station.Call{{Backend: "l2l", Ref: ours}}}
		state := func() station.State { return station.State{Calls: o.open()} }
		o.run(t, s.Follow(by, state, func(at time.Time) station.Stamp { return station.Stamp{Wall: at, Boot: "b"} }))
		stations = append(stations, o)
	}
	for _, o := range stations {
		if ev := o.next(t); ev.Kind != station.OrderCurrent || ev.Data[station.DataLine] != "LINE1" || ev.Data[station.DataOrder] == "" {
			t.Errorf("%+v", ev)
		}
	}
	if n := len(f.Requests()) - before; n > 4 { // the open ones, the line, the order's product, and the watch may have looked anew
		t.Errorf("%d requests for what two stations follow", n)
	}
	f.must(t, f.delivery(dispatchClose, ours, nil))
	for _, o := range stations {
		if ev := o.next(t); ev.Kind != "dispatch.closed" || ev.Data["ref"] != ours {
			t.Errorf("%+v", ev)
		}
	}
}

func TestTheWatchFollowsTheCallsOfTheStation(t *testing.T) {
	t.Parallel()
	for verb, end := range map[string]string{"closes": dispatchClose, "completes": dispatchComplete} {
		t.Run("a technician "+verb+" one at L2L", func(t *testing.T) {
			t.Parallel()
			f := newFloor(t, "", nil)
			ours, other := f.must(t, f.delivery(dispatchOpen, "", help())).Ref, help()
			other["type"] = "MATERIAL"
			theirs := f.must(t, f.delivery(dispatchOpen, "", other)).Ref
			o := observe(t, f, "LINE1")
			if ev := o.next(t); ev.Kind != station.OrderCurrent {
				t.Errorf("%+v", ev)
			}
			o.set(nil,
				station.Call{Backend: "l2l", Ref: ours},
				station.Call{Backend: "l2l"}, // not delivered yet
				station.Call{Backend: "l2l", Ref: theirs, Closing: "its close waits"},
				station.Call{Backend: "elsewhere", Ref: theirs})
			o.quiet(t)
			f.must(t, f.delivery(end, theirs, nil))
			f.must(t, f.delivery(end, ours, nil))
			ev := o.next(t)
			if diff := cmp.Diff(map[string]string{"ref": ours}, ev.Data); diff != "" || ev.Kind != "dispatch.closed" {
				t.Errorf("%+v", ev)
			}
			o.quiet(t)
		})
	}
	t.Run("one that ended is told once, and again where it was not recorded", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, "", nil)
		ref := f.must(t, f.delivery(dispatchOpen, "", help())).Ref
		f.must(t, f.delivery(dispatchClose, ref, nil))
		o := observe(t, f, "LINE1")
		call := station.Call{Backend: "l2l", Ref: ref}
		o.set(errors.New("the outbox is full"), call)
		o.rounds(t, 8)
		o.set(nil, call)
		kinds := map[string]int{o.next(t).Kind: 1}
		kinds[o.next(t).Kind]++
		if diff := cmp.Diff(map[string]int{"dispatch.closed": 1, "order.current": 1}, kinds); diff != "" {
			t.Error(diff)
		}
		o.quiet(t)
	})
}

// What L2L does not show has not ended.
func TestAnAbsenceIsNotAnEnd(t *testing.T) {
	t.Parallel()
	for sentence, answer := range map[string]string{
		"nothing is shown":           `{"success": true, "data": []}`,
		"another one is shown":       `{"success": true, "data": {"id": 8, "open": "F"}}`,
		"nothing is said of its end": `{"success": true, "data": {"id": 7}}`,
		"its end is empty":           `{"success": true, "data": {"id": 7, "closed": null, "completed": "", "open": null}}`,
		"it may not be read":         `{"success": false, "error": "Permission denied"}`,
		"the answer is cut off":      `{"success": true, "data": {"id": 7, "open": "F"`,
		"a captive portal answers":   `<html>`,
	} {
		w := script(t, map[string]string{"GET /dispatches/": answer}).Watch("", 0,
			func() []station.Call { return []station.Call{{Backend: "l2l", Ref: "7"}} },
			func(time.Time) station.Stamp { return station.Stamp{} }).(*watch)
		w.calls(t.Context(), func(ev station.Event) (station.Result, error) {
			t.Errorf("%s: %+v", sentence, ev)
			return station.Result{}, nil
		})
	}
}

func TestTheWatchFollowsTheOrderOfTheLine(t *testing.T) {
	t.Parallel()
	f := newFloor(t, "", nil)
	o := observe(t, f, "LINE1")
	want := func(id, product string) {
		t.Helper()
		ev := o.next(t)
		data := map[string]string{"line": "LINE1", "id": id, "product": product}
		if id != "" {
			data["reference"] = "PO-1-1"
		}
		if diff := cmp.Diff(data, ev.Data); diff != "" || ev.Kind != station.OrderCurrent {
			t.Errorf("%s\n%s", ev.Kind, diff)
		}
		o.quiet(t)
	}
	want("", "")
	order := f.start(t, "LINE1")
	want(order, "100")
	o.mu.Lock()
	seen := o.seen
	o.mu.Unlock()
	if diff := cmp.Diff(map[string]string{"line": "LINE1", "id": order, "product": "100", "reference": "PO-1-1"}, seen); diff != "" {
		t.Errorf("each look says that it still runs: %s", diff)
	}
	f.must(t, f.delivery(changeoverFinish, "", map[string]string{"line": "LINE1"}))
	o.quiet(t)
	f.must(t, f.delivery(orderHold, "", map[string]string{"line": "LINE1"}))
	want("", "")
}

func TestTheWatchIsSilentWhileTheNetworkIsDown(t *testing.T) {
	t.Parallel()
	f := newFloor(t, "", nil)
	ref := f.must(t, f.delivery(dispatchOpen, "", help())).Ref
	o := observe(t, f, "LINE1")
	o.set(nil, station.Call{Backend: "l2l", Ref: ref})
	if ev := o.next(t); ev.Kind != station.OrderCurrent {
		t.Errorf("%+v", ev)
	}
	f.AddFault(plant.Fault{Kind: plant.Down, Where: "GET *"})
	f.must(t, f.delivery(dispatchClose, ref, nil))
	o.quiet(t)
	f.ClearFaults()
	if ev := o.next(t); ev.Kind != "dispatch.closed" {
		t.Errorf("%+v", ev)
	}
}
