package lagerkoll

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

const (
	source = "lagerkoll" // of the watch's events

	// watchLeast is the shortest time between two looks: each takes one of the account's
	// requests.
	watchLeast = 5 * time.Second

	// handEvery is how often it is looked which order is in hand. That asks Lagerkoll nothing.
	handEvery = time.Second
)

// Watch returns a source that follows one production order: the one whose id is in hand as
// follow, or where that is empty the one that is in development, as long as there is one and
// no other. Each round is one request under the backend's pace; the time to the next is drawn
// around every. A round is made at once when another order is in hand.
//
// The order is emitted each time that it is read, as station.OrderCurrent when it is another
// than before, and else as station.OrderSeen. An order that is not in development any more,
// and one of several, is emitted as none. What cannot be read is not emitted.
func (b *Backend) Watch(follow string, every time.Duration, state func() station.State, stamp func(time.Time) station.Stamp) station.Watch {
	return &watch{b: b, follow: follow, every: every, state: state, stamp: stamp, lookNow: make(chan struct{}, 1)}
}

type watch struct {
	b       *Backend
	follow  string
	every   time.Duration
	state   func() station.State
	stamp   func(time.Time) station.Stamp
	lookNow chan struct{} // for a round at once

	last    followed // that was emitted last
	emitted bool     // one was
}

// followed is what tells one order from another.
type followed struct{ id, reference, product string }

// LookNow has the next round begin at once, or five seconds after the one before at the
// soonest, without waiting for it. It never blocks.
func (w *watch) LookNow() {
	select {
	case w.lookNow <- struct{}{}:
	default:
	}
}

// Run makes rounds until ctx is done, and then returns nil.
func (w *watch) Run(ctx context.Context, emit station.Emit) error {
	next := time.Now().Add(api.FirstRound(w.every))
	var last time.Time
	var order string // that was in hand
	due := time.NewTimer(0)
	defer due.Stop()
	for {
		soon, wait := false, time.Until(next)
		if w.follow != "" {
			wait = min(wait, handEvery)
		}
		due.Reset(wait)
		select {
		case <-ctx.Done():
			return nil
		case <-w.lookNow:
			soon = true
		case <-due.C:
			now := w.inHand()
			soon, order = now != order, now
		}
		if soonest := last.Add(watchLeast); soon && soonest.Before(next) {
			next = soonest
		}
		if time.Now().Before(next) {
			continue
		}
		last = time.Now()
		w.round(ctx, emit)
		next = time.Now().Add(w.every - w.every/4 + rand.N(w.every/2+1))
	}
}

// inHand is the id of the order in hand; "" where there is none, or none is followed.
func (w *watch) inHand() string {
	if w.follow == "" {
		return ""
	}
	return w.state().Values[w.follow].Text
}

func (w *watch) round(ctx context.Context, emit station.Emit) {
	o, read := w.read(ctx)
	if !read {
		return
	}
	now := followed{}
	data := map[string]string{}
	if o.State == Developing || o.State == New && w.follow != "" {
		now = followed{id: strconv.FormatInt(int64(o.ID), 10), reference: string(o.Reference)}
		if len(o.Articles) == 1 {
			now.product = string(o.Articles[0].Article)
		}
		for name, shown := range map[string]string{
			station.DataOrder: now.id, station.DataReference: now.reference, station.DataProduct: now.product,
			station.DataDone: o.FinishedAmount.String(), station.DataAmount: o.Total.String(),
		} {
			if shown != "" {
				data[name] = shown
			}
		}
	}
	kind := station.OrderCurrent
	if w.emitted && w.last == now {
		kind = station.OrderSeen
	}
	_, err := emit(station.Event{ID: station.NewID(), Source: source, Kind: kind, Data: data, At: w.stamp(time.Now())})
	switch {
	case err == nil:
		w.last, w.emitted = now, true
	case ctx.Err() == nil:
		w.b.log.Warn("what was seen at the vendor is not recorded yet", "kind", kind, "error", err)
	}
}

// read reads the order that is followed; the zero Order where there is none.
func (w *watch) read(ctx context.Context) (o Order, read bool) {
	if w.follow == "" {
		page, err := w.b.OrdersOfState(ctx, Developing, time.Time{}, time.Time{}, Paging{Limit: 2})
		if err != nil {
			return Order{}, false
		}
		if len(page.Orders) == 1 {
			o = page.Orders[0]
		}
		return o, true
	}
	text := w.inHand()
	if text == "" {
		return Order{}, true
	}
	id, err := orderID(text)
	if err != nil {
		return Order{}, true // what is in hand is no order's id
	}
	o, err = w.b.Order(ctx, id)
	return o, err == nil
}
