package l2l

import (
	"context"
	"math/rand/v2"
	"time"

	"stationd/internal/station"
)

// The events of the watch.
const (
	source    = "l2l"
	callEnded = "dispatch.closed" // Data: ref

	// watchEvery is the pace where none is said.
	watchEvery = 30 * time.Second
)

// Watch returns a source that follows L2L: the station's own open calls, and the
// order that runs on a line. Each round reads a dispatch for each call that has
// a ref, and the line's order, under the backend's pace; the time to the next
// round is drawn around every (0: 30 s), so that the stations of a plant do not
// ask all at once.
//
// It emits only what L2L positively shows. A dispatch that is completed or
// closed ends a call; one that is not shown does not. An order is emitted when
// it is first seen and when it changes. While L2L is not reached nothing is
// emitted, and what changed meanwhile is emitted afterwards. An event that could
// not be made durable is emitted again in the next round.
//
// line may be empty: then no order is followed. open returns the calls of State;
// stamp says when something was seen.
func (b *Backend) Watch(line string, every time.Duration, open func() []station.Call, stamp func(time.Time) station.Stamp) station.Source {
	if every <= 0 {
		every = watchEvery
	}
	return &watch{b: b, line: Line{Code: line}, every: every, open: open, stamp: stamp, told: map[string]bool{}}
}

type watch struct {
	b     *Backend
	line  Line
	every time.Duration
	open  func() []station.Call
	stamp func(time.Time) station.Stamp

	told map[string]bool // refs of calls whose end was emitted, while they are still open here
	last string          // id of the order that was emitted last
	seen bool            // one was emitted
}

// Run makes rounds until ctx is done, and then returns nil.
func (w *watch) Run(ctx context.Context, emit station.Emit) error {
	timer := time.NewTimer(rand.N(w.every))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		w.calls(ctx, emit)
		w.order(ctx, emit)
		timer.Reset(w.every - w.every/4 + rand.N(w.every/2+1))
	}
}

// calls emits the end of each own call that is over at L2L.
func (w *watch) calls(ctx context.Context, emit station.Emit) {
	still := map[string]bool{}
	for _, c := range w.open() {
		if c.Backend != source || c.Ref == "" || c.Closing != "" {
			continue
		}
		if w.told[c.Ref] {
			still[c.Ref] = true
			continue
		}
		row, shown, rc := w.b.dispatchOf(ctx, c.Ref)
		if rc.Outcome == station.Delivered && shown && row.over() {
			still[c.Ref] = w.emit(ctx, emit, callEnded, map[string]string{"ref": c.Ref})
		}
	}
	w.told = still
}

// order emits what the line runs when that is not what was emitted last.
func (w *watch) order(ctx context.Context, emit station.Emit) {
	if w.line.Code == "" {
		return
	}
	o, rc := w.b.current(ctx, w.line)
	if rc.Outcome != station.Delivered || w.seen && o.ID == w.last {
		return
	}
	if o.ID != "" {
		o.Product, rc = w.b.productOf(ctx, o)
		if rc.Outcome != station.Delivered && rc.Outcome != station.Refused {
			return // where L2L does not show products, one order still is not the other
		}
	}
	if w.emit(ctx, emit, station.OrderCurrent, map[string]string{"line": w.line.Code, "id": o.ID, "product": o.Product}) {
		w.last, w.seen = o.ID, true
	}
}

// emit emits an event and reports whether it is durable.
func (w *watch) emit(ctx context.Context, emit station.Emit, kind string, data map[string]string) bool {
	_, err := emit(station.Event{ID: station.NewID(), Source: source, Kind: kind, Data: data, At: w.stamp(time.Now())})
	if err != nil && ctx.Err() == nil {
		w.b.log.Warn("what was seen at the vendor is not recorded yet", "kind", kind, "error", err)
	}
	return err == nil
}
