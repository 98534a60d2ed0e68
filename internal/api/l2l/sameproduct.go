package l2l

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

const (
	// doubleScanTime is within how long of each other two cards of a product on one line
	// are one card that was scanned twice.
	doubleScanTime = orderLate

	// mostLines bounds the lines whose last changeover is remembered.
	mostLines = 256
)

// errMoved says that a line was changed over between two reads.
var errMoved = errors.New("the line was changed over while it was looked at: looking again later")

// startMemory is what this process knows of the changeovers that it made: the order, and
// when it was asked for.
type startMemory struct {
	mu sync.Mutex           // guards of
	of map[string]lastStart // by line
}

type lastStart struct {
	order string
	when  time.Time
}

// note notes that a delivery started an order.
func (s *startMemory) note(d station.Delivery, rc station.Receipt) {
	started := rc.Outcome == station.Delivered && (rc.Note == "" || rc.Note == byWhomUnsure)
	if d.Verb != changeoverStart || !started || rc.Ref == "" || !d.Exact {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil || len(s.of) >= mostLines {
		s.of = map[string]lastStart{}
	}
	s.of[lineOf(d).String()] = lastStart{rc.Ref, d.When}
}

// recently reports whether a delivery asks for what was asked for a moment before, and is
// running.
func (s *startMemory) recently(d station.Delivery, runs string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.of[lineOf(d).String()]
	return last.order == runs && d.Exact && d.When.Sub(last.when).Abs() <= doubleScanTime
}

// runsAlready says what becomes of a changeover to a product that the line runs
// already. The card may have been scanned twice, and it may be the next order's, which
// is of the same product: L2L would start that one. It is already so where
//
//   - the line was last seen, before the event, to run something else: it has been
//     changed over since,
//   - the event is in time and the changeover to that order is still on,
//   - the same was asked for within two minutes, and that started the order,
//   - no other order of the product waits in the line's queue.
//
// Otherwise it is held. By its id an order is started whatever runs.
func (b *Backend) runsAlready(ctx context.Context, d station.Delivery, runs orderSeen) station.Receipt {
	so := station.Receipt{Outcome: station.Delivered, Ref: runs.ID, Note: alreadySo}
	seen := d.With[station.LastSeen]
	inTime := d.Exact && time.Since(d.When) <= orderLate
	if seen != "" && seen != runs.ID || inTime && runs.Status == statusChangeover || b.started.recently(d, runs.ID) {
		return so
	}
	now, rc := b.current(ctx, lineOf(d))
	switch {
	case rc.Outcome != station.Delivered:
		return api.Unread(rc)
	case now.ID != runs.ID:
		return station.Receipt{Outcome: station.Unreached, Answered: true, Err: fmt.Errorf("line %v: %w", lineOf(d), errMoved)}
	}
	next, whole, rc := b.nextInQueue(ctx, d, now)
	switch {
	case next.ID != "":
		return api.RefuseBecause("which-order", []string{"line", lineOf(d).String()}, "line %v runs %v, and %v waits in its queue: which of them the product means cannot be told, and nothing was sent; start it by its id, or discard this",
			lineOf(d), runs, next.seen().named(d.With["product"]))
	case rc.Outcome != station.Delivered && rc.Outcome != station.Refused:
		return api.Unread(rc)
	case !whole:
		so.Note = fmt.Sprintf("nothing was started: line %v runs %v, and whether another of it waits L2L does not show", lineOf(d), runs)
	}
	return so
}

// named is the order with a product that it was found by.
func (g orderSeen) named(product string) orderSeen {
	g.Product = product
	return g
}

// nextInQueue finds an order of the same product as the one that runs, in the line's queue.
// whole says that the queue was read to its end.
//
//	GET buildsequence/?site=12&linecode=PACK4&status__gte=2&status__lte=3&order_by=schedule_start_date&limit=50
func (b *Backend) nextInQueue(ctx context.Context, d station.Delivery, runs Order) (next Order, whole bool, rc station.Receipt) {
	line := runs.Line
	if line == "" {
		line = d.With["line"]
	}
	asked := url.Values{
		"linecode":    {line},
		"status__gte": {statusScheduled},
		"status__lte": {statusReady},
		"order_by":    {"schedule_start_date"},
		"limit":       {strconv.Itoa(listLimit)},
	}
	read := map[string]bool{}
	for range listPages {
		query := maps.Clone(asked)
		if len(read) > 0 {
			query.Set("offset", strconv.Itoa(len(read)))
		}
		page, rc := get[shownOrder](ctx, b, "buildsequence/", query)
		if rc.Outcome != station.Delivered || !page.OK {
			return Order{}, false, rc
		}
		before := len(read)
		for _, shown := range page.List {
			o := b.order(shown)
			read[o.ID] = true
			if o.ID != "" && o.ID != runs.ID && o.isQueued() && o.mayBeOn(line) && o.sameProduct(runs, d.With["product"]) {
				return o, false, rc
			}
		}
		if len(page.List) == 0 {
			return Order{}, true, rc
		}
		if len(read) == before {
			return Order{}, false, rc
		}
	}
	return Order{}, false, station.Receipt{Outcome: station.Delivered}
}

// isQueued reports whether the order is in the queue of its line.
func (o Order) isQueued() bool { return o.Status == statusScheduled || o.Status == statusReady }

// mayBeOn reports whether the order may be on the line: L2L may not show where it is.
func (o Order) mayBeOn(line string) bool { return o.Line == "" || same(o.Line, line) }

// sameProduct reports whether the order is of the product that runs and that was asked
// for, by whichever of the two names L2L shows.
func (o Order) sameProduct(runs Order, product string) bool {
	return o.ProductID != "" && o.ProductID == runs.ProductID || strings.TrimSpace(o.Product) != "" && same(o.Product, product)
}
