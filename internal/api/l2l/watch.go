package l2l

import (
	"context"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

// The events of the watch.
const (
	source    = "l2l"
	callEnded = "dispatch.closed" // Data: ref

	// watchEvery is the pace where none is said.
	watchEvery = 30 * time.Second

	// openLimit is how many open dispatches are asked for at once.
	openLimit = 200

	// mostLooks is how many calls that are not among the open ones are read by
	// themselves in one round. The rest comes in the rounds after it.
	mostLooks = 20

	// mostProductReads is how often an order's product is read where the answer does not tell
	// it. After that the order is told without.
	mostProductReads = 3
)

// Watch returns a source that follows L2L: the station's own open calls, and the
// order that runs on a line. Each round asks for one list of the dispatches that are
// open, whatever the number of calls, and none where the station has no call that L2L
// knows; and for the line's order. Both are under the backend's pace; the time to the
// next round is drawn around every (0: 30 s), so that the stations of a plant do not
// ask all at once.
//
// A call is over when its dispatch says so. Where a dispatch says nothing of it, the
// list of the open ones decides, by a rule that [watch.calls] has. An order is emitted
// in each round that reads it, so that it is known how old the reading is: as
// station.OrderCurrent when it is first seen and when it changes, and else as
// station.OrderSeen. While L2L is not reached nothing is
// emitted, and what changed meanwhile is emitted afterwards. An event that could
// not be made durable is emitted again in the next round.
//
// line may be empty: then no order is followed. open returns the calls of State;
// stamp says when something was seen.
func (b *Backend) Watch(line string, every time.Duration, open func() []station.Call, stamp func(time.Time) station.Stamp) station.Watch {
	if every <= 0 {
		every = watchEvery
	}
	return &watch{b: b, line: Line{Code: line}, every: every, open: open, stamp: stamp, followed: map[string]followedCall{}, lookNow: make(chan struct{}, 1)}
}

type watch struct {
	b       *Backend
	line    Line
	every   time.Duration
	open    func() []station.Call
	stamp   func(time.Time) station.Stamp
	lookNow chan struct{}                               // for a round at once
	seen    atomic.Pointer[map[string]station.SeenCall] // of the last round; a map that is not changed any more

	followed     map[string]followedCall // by ref, of the calls that are open here
	last         Order                   // that was emitted last
	emittedOrder bool                    // one was emitted
	productReads int                     // of an order that was not emitted yet
}

// followedCall is what a watch remembers of an open call.
type followedCall struct {
	listed  bool             // it stood among the open ones once
	missing bool             // the last whole list of the open ones was without it
	emitted bool             // its end was emitted
	shown   station.SeenCall // as L2L last showed it
}

// LookNow has the next round begin at once, or five seconds after the one before at the
// soonest, without waiting for it: somebody has pressed for a call that is open already,
// and may be over. It never blocks.
func (w *watch) LookNow() {
	select {
	case w.lookNow <- struct{}{}:
	default:
	}
}

// Run makes rounds until ctx is done, and then returns nil.
func (w *watch) Run(ctx context.Context, emit station.Emit) error {
	var last time.Time
	next := time.Now().Add(api.FirstRound(w.every))
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.lookNow:
			if soonest := last.Add(min(watchLeast, w.every)); soonest.Before(next) {
				next = soonest
				timer.Reset(time.Until(next))
			}
			continue
		case <-timer.C:
		}
		last = time.Now()
		w.round(ctx, emit)
		next = time.Now().Add(w.every - w.every/4 + rand.N(w.every/2+1))
		timer.Reset(time.Until(next))
	}
}

func (w *watch) round(ctx context.Context, emit station.Emit) {
	w.calls(ctx, emit)
	w.publishCalls()
	w.order(ctx, emit)
}

// publishCalls has Calls return what is known of the calls that are open.
func (w *watch) publishCalls() {
	seen := make(map[string]station.SeenCall, len(w.followed))
	for ref, f := range w.followed {
		if f.shown != (station.SeenCall{}) {
			seen[ref] = f.shown
		}
	}
	w.seen.Store(&seen)
}

// Calls implements [station.CallWatch].
func (w *watch) Calls() map[string]station.SeenCall {
	if seen := w.seen.Load(); seen != nil {
		return *seen
	}
	return nil
}

// calls emits the end of each own call that is over at L2L. The calls are taken
// before anything is asked, so that none of them was opened after the answer.
//
// The open dispatches are listed, and a call that stands there is judged by its row.
// One that does not is read by itself: what its record says counts. Where the record
// says nothing, the documented filter open=T decides, once two whole lists in a row
// were without it, one a round: of a dispatch that L2L shows at all, or that this
// watch has seen among the open ones. A list that cannot be read to its end, or that
// holds what is closed, says nothing of what is not in it.
func (w *watch) calls(ctx context.Context, emit station.Emit) {
	own := w.openHere()
	var listed openList
	if len(own) > 0 {
		listed = w.b.listOpen(ctx, own, w.filter(own))
		if rc := listed.rc; rc.Outcome != station.Delivered && rc.Outcome != station.Refused {
			return
		}
	}
	var missing []string
	for _, c := range own {
		f := w.followed[c.Ref]
		switch row, is := listed.rows[c.Ref]; {
		case !is:
			missing = append(missing, c.Ref)
		case row.over():
			f.emitted = w.end(ctx, emit, c.Ref)
		default:
			f = followedCall{listed: true, shown: row.seen()}
		}
		w.followed[c.Ref] = f
	}
	rand.Shuffle(len(missing), func(i, j int) { missing[i], missing[j] = missing[j], missing[i] })
	for _, ref := range missing[:min(len(missing), mostLooks)] {
		if !w.checkCall(ctx, emit, ref, listed.whole) {
			return
		}
	}
}

// openHere returns the calls that L2L knows, whose end nobody has told or asked for yet,
// and forgets those that are over here.
func (w *watch) openHere() (own []station.Call) {
	of := map[string]followedCall{}
	for _, c := range w.open() {
		if c.Backend != source || c.Ref == "" || c.Closing != "" {
			continue
		}
		of[c.Ref] = w.followed[c.Ref]
		if !of[c.Ref].emitted {
			own = append(own, c)
		}
	}
	w.followed = of
	return own
}

// filter narrows the list down to the machine, and the type, that all calls have in
// common. While one was missed the whole site is asked: a technician may have moved it.
func (w *watch) filter(own []station.Call) url.Values {
	place := url.Values{}
	if w.b.fetch != nil {
		return place // one list serves all stations of the plant
	}
	for field, wire := range map[string]string{"machine": "machinecode", "type": "dispatchtypecode"} {
		value := own[0].Subject[field]
		same := value != "" && !slices.ContainsFunc(own, func(c station.Call) bool {
			return c.Subject[field] != value || w.followed[c.Ref].missing
		})
		if same {
			place.Set(wire, value)
		}
	}
	return place
}

// checkCall judges a call that did not stand among the open ones, by its own record. It
// reports whether L2L answers.
func (w *watch) checkCall(ctx context.Context, emit station.Emit, ref string, whole bool) bool {
	row, shown, rc := w.b.dispatchOf(ctx, ref)
	if rc.Outcome != station.Delivered && rc.Outcome != station.Refused {
		return false
	}
	f := w.followed[ref]
	switch {
	case shown && row.over():
		f.emitted = w.end(ctx, emit, ref)
	case shown && row.Open != nil:
		f.missing, f.shown = false, row.seen()
	case !whole, !shown && !f.listed:
	case f.missing:
		f.emitted = w.end(ctx, emit, ref)
	default:
		f.missing = true
	}
	w.followed[ref] = f
	return true
}

func (w *watch) end(ctx context.Context, emit station.Emit, ref string) bool {
	return w.emit(ctx, emit, callEnded, map[string]string{"ref": ref})
}

// An openList is what a list of open dispatches says of some calls.
type openList struct {
	rows  map[string]Dispatch // of the calls, by id
	whole bool                // it was read to its end: what it does not have is not among the open ones
	rc    station.Receipt
}

// listOpen lists the open dispatches of a place, the newest first, until all the calls
// are found or the list is at its end. A page shorter than was asked for is not taken
// for the last: a site may give fewer at a time.
//
//	GET dispatches/?site=12&machinecode=SEAL-1&open=T&order_by=-reported&limit=200
func (b *Backend) listOpen(ctx context.Context, calls []station.Call, place url.Values) openList {
	l := openList{rows: map[string]Dispatch{}}
	wanted, read := map[string]bool{}, map[string]bool{}
	for _, c := range calls {
		wanted[c.Ref] = true
	}
	for range listPages {
		query := maps.Clone(place)
		query.Set("open", "T")
		query.Set("order_by", "-reported")
		query.Set("limit", strconv.Itoa(openLimit))
		if len(read) > 0 {
			query.Set("offset", strconv.Itoa(len(read)))
		}
		var page api.Rows[shownDispatch]
		page, l.rc = get[shownDispatch](ctx, b, pathDispatches, query)
		if l.rc.Outcome != station.Delivered || !page.OK {
			return l
		}
		before, filtered := len(read), true
		for _, shown := range page.List {
			row := b.dispatch(shown)
			read[row.ID] = true
			filtered = filtered && row.ID != "" && !row.closed()
			if wanted[row.ID] {
				l.rows[row.ID] = row
			}
		}
		l.whole = filtered && len(page.List) == 0
		if l.whole || !filtered || len(l.rows) == len(wanted) || len(read) == before {
			return l
		}
	}
	return l
}

// order emits what the line runs.
func (w *watch) order(ctx context.Context, emit station.Emit) {
	if w.line.Code == "" {
		return
	}
	o, rc := w.b.current(ctx, w.line)
	if rc.Outcome != station.Delivered {
		return
	}
	kind := station.OrderCurrent
	switch {
	case w.emittedOrder && o.ID == w.last.ID:
		kind, o.Product = station.OrderSeen, w.last.Product
	case o.ID != "":
		o.Product, rc = w.b.productOf(ctx, o)
		w.productReads++
		// Where L2L does not show products, one order still is not the other.
		told := rc.Outcome == station.Delivered || rc.Outcome == station.Refused
		if !told && (!rc.Answered || w.productReads < mostProductReads) {
			return
		}
	}
	w.productReads = 0
	data := map[string]string{station.DataLine: w.line.Code, station.DataOrder: o.ID, station.DataProduct: o.Product}
	for name, shown := range map[string]string{station.DataReference: o.ExternalID, station.DataDone: o.Actual, station.DataAmount: o.Demand} {
		if shown != "" {
			data[name] = shown
		}
	}
	if w.emit(ctx, emit, kind, data) {
		w.last, w.emittedOrder = o, true
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
