package lagerkoll

import (
	"context"
	"strings"
	"sync"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

const (
	mostOrders   = 16  // whole orders that are remembered
	mostArticles = 256 // articles of orders of which a few numbers are
)

// recent is what Lagerkoll has shown a moment ago, so that it need not be asked twice.
//
// It is used for no longer than the pace lies between two requests. What is asked for
// anew is as old as that when the request after it leaves, so nobody gets more time to
// change something unseen: no rule says that this station is the only writer, and none
// is needed. Whatever this station itself sends to an order ends what is known of it.
type recent struct {
	every time.Duration

	mu       sync.Mutex // guards what follows
	orders   map[string]cachedOrder
	articles map[articleOf]cachedArticle
}

// cachedOrder is an order as it was read.
type cachedOrder struct {
	record api.Object
	at     time.Time
}

// articleOf names an article of an order.
type articleOf struct{ order, article string }

// cachedArticle is what is known of an article of an order.
type cachedArticle struct {
	after afterTrace

	// How much more is finished than the batches list, as far as it was seen at once.
	apart *float64

	// The batches were seen to list what is finished beyond that.
	listed bool
}

// afterTrace is how an article stands after this station's last trace of it. As long
// as its finished amount is the same, nobody else has traced it.
type afterTrace struct {
	finished, waste *float64  // by the answer; nil: nothing is known
	at              time.Time // of the answer

	known   bool // of the batch: what it had before and what was traced together
	batch   string
	inBatch float64
}

func newRecent(every time.Duration) *recent {
	return &recent{every: every, orders: map[string]cachedOrder{}, articles: map[articleOf]cachedArticle{}}
}

// fresh reports whether what was shown then is still as good as what is asked for.
func (r *recent) fresh(at time.Time) bool { return !at.IsZero() && time.Since(at) <= r.every }

// noteOrder notes an order that was read.
func (r *recent) noteOrder(order string, record api.Object) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, o := range r.orders {
		if !r.fresh(o.at) || len(r.orders) >= mostOrders {
			delete(r.orders, id)
		}
	}
	r.orders[order] = cachedOrder{record, time.Now()}
}

// order returns an order that was read a moment ago.
func (r *recent) order(order string) (record api.Object, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.orders[order]
	return o.record, r.fresh(o.at)
}

// article returns what is known of an article of an order.
func (r *recent) article(of articleOf) cachedArticle {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.articles[of]
}

// noteTrace notes how an article stands after a trace.
func (r *recent) noteTrace(of articleOf, after afterTrace) {
	r.change(of, func(a *cachedArticle) { a.after = after })
}

// noteBatches notes how much more of an article is finished than its batches list, and
// whether they list anything beyond that.
func (r *recent) noteBatches(of articleOf, apart float64, listed bool) {
	r.change(of, func(a *cachedArticle) { a.apart, a.listed = &apart, listed })
}

func (r *recent) change(of articleOf, change func(*cachedArticle)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, known := r.articles[of]
	for old := range r.articles {
		if known || len(r.articles) < mostArticles {
			break
		}
		delete(r.articles, old)
	}
	change(&a)
	r.articles[of] = a
}

// forget forgets how an order stands, because something was sent to it: all of it, or
// the one article that was traced.
func (r *recent) forget(path, article string) {
	order, _, _ := strings.Cut(path, "/")
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.orders, order)
	for of, a := range r.articles {
		if of.order == order && (article == "" || of.article == article) {
			r.articles[of] = cachedArticle{apart: a.apart, listed: a.listed}
		}
	}
}

// recentOrder returns an order as it was read a moment ago, or reads it.
func (b *Backend) recentOrder(ctx context.Context, path string) (api.Object, station.Receipt) {
	if record, ok := b.recent.order(path); ok {
		return record, station.Receipt{Outcome: station.Delivered}
	}
	return b.order(ctx, path)
}
