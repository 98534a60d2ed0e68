package lagerkoll

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

// The reads of Lagerkoll's page, for the command line and the doctor. Each makes
// one request under the backend's pace. An error is Lagerkoll's own (*Error),
// station.ErrKey, or says that nothing was reached; it never carries a key.

// A Paging says which orders of a list are wanted. Its zero value is Lagerkoll's
// own: the first page of 50, the latest start first.
type Paging struct {
	Page      int    // from 0
	Limit     int    // 0: Lagerkoll's own
	Sort      string // start_date, end_date; "": start_date
	Ascending bool
}

func (p Paging) query() url.Values {
	q := url.Values{}
	if p.Page > 0 {
		q.Set("page", strconv.Itoa(p.Page))
	}
	if p.Limit > 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	if p.Sort != "" {
		q.Set("sort_column", p.Sort)
	}
	if p.Ascending {
		q.Set("order", "asc")
	}
	return q
}

// A Sorting says how a list of parts is wanted. Its zero value is Lagerkoll's
// own: by article number, ascending.
type Sorting struct {
	Sort       string // art, name, supplier, supplier_art; "": art
	Descending bool
}

func (s Sorting) query() url.Values {
	q := url.Values{}
	if s.Sort != "" {
		q.Set("sort_column", s.Sort)
	}
	if s.Descending {
		q.Set("order", "desc")
	}
	return q
}

// Order reads a production order.
func (b *Backend) Order(ctx context.Context, id ID) (o Order, err error) {
	_, rc := b.get(ctx, id.path(), nil, func(body []byte) bool {
		o = Order{}
		return json.Unmarshal(body, &o) == nil && o.ID == id
	})
	return o, rc.Err
}

// path is the order's place; 0 is no order's.
func (id ID) path() string { return strconv.FormatInt(int64(id), 10) }

// OrdersOfState reads a page of the orders in a state whose start lies between
// from and to; zero times are no limits.
func (b *Backend) OrdersOfState(ctx context.Context, s State, from, to time.Time, p Paging) (Page, error) {
	q := p.query()
	if !from.IsZero() {
		q.Set("from", strconv.FormatInt(from.UnixMilli(), 10))
	}
	if !to.IsZero() {
		q.Set("to", strconv.FormatInt(to.UnixMilli(), 10))
	}
	page, rc := b.page(ctx, "state/"+s.number(), q)
	return page, rc.Err
}

// OrdersOfCustomerOrder reads the production orders of a customer order.
func (b *Backend) OrdersOfCustomerOrder(ctx context.Context, customerOrder ID) (Page, error) {
	page, rc := b.page(ctx, "customer_order/"+customerOrder.path(), nil)
	return page, rc.Err
}

// OrdersWithArticle reads a page of the orders that have an article and whose
// state is last or one before it; the zero state is no limit.
func (b *Backend) OrdersWithArticle(ctx context.Context, article string, last State, p Paging) (Page, error) {
	name, err := segment(article)
	if err != nil {
		return Page{}, err
	}
	q := p.query()
	if last != 0 {
		q.Set("max_state", last.number())
	}
	page, rc := b.page(ctx, "article/"+name, q)
	return page, rc.Err
}

// OrdersBetween reads a page of the orders from one state to another that fit a
// query; "" fits all. It cannot be sorted, and Lagerkoll's own limit is 20.
func (b *Backend) OrdersBetween(ctx context.Context, from, to State, query string, p Paging) (Page, error) {
	p.Sort, p.Ascending = "", false
	q := p.query()
	q.Set("state_from", from.number())
	q.Set("state_to", to.number())
	if query != "" {
		q.Set("query", query)
	}
	page, rc := b.page(ctx, "production_orders_state", q)
	return page, rc.Err
}

// page reads a list of orders.
func (b *Backend) page(ctx context.Context, path string, query url.Values) (p Page, rc station.Receipt) {
	_, rc = b.get(ctx, path, query, func(body []byte) (ok bool) {
		p, ok = readPage(body)
		return ok
	})
	return p, rc
}

// Batches reads the batches and serial numbers of an order's articles.
func (b *Backend) Batches(ctx context.Context, id ID) (list []Batches, err error) {
	_, rc := b.get(ctx, id.path()+"/batch", nil, func(body []byte) (ok bool) {
		list, ok = readBatches(body)
		return ok
	})
	return list, rc.Err
}

// FlatProducts reads the parts that an order needs; query and supplier narrow
// the list down where they are not empty.
func (b *Backend) FlatProducts(ctx context.Context, id ID, query, supplier string, s Sorting) ([]FlatArticle, error) {
	q := s.query()
	if query != "" {
		q.Set("query", query)
	}
	if supplier != "" {
		q.Set("supplier", supplier)
	}
	return b.flat(ctx, id.path()+"/products/flat", q)
}

// flat reads a list of parts.
func (b *Backend) flat(ctx context.Context, path string, query url.Values) ([]FlatArticle, error) {
	var answer struct {
		Articles api.List[FlatArticle] `json:"articles"`
	}
	_, rc := b.get(ctx, path, query, func(body []byte) bool {
		answer.Articles = nil
		return json.Unmarshal(body, &answer) == nil && answer.Articles != nil
	})
	return answer.Articles, rc.Err
}

// NextReference reads the reference that Lagerkoll would give the next order.
func (b *Backend) NextReference(ctx context.Context) (string, error) {
	reference, rc := b.nextReference(ctx)
	return reference, rc.Err
}

// nextReference reads the next reference.
//
//	{"prReference": "prReference"}
func (b *Backend) nextReference(ctx context.Context) (reference string, rc station.Receipt) {
	_, rc = b.get(ctx, "pr_ref/next_id", nil, func(body []byte) bool {
		o, _ := api.ReadObject(body)
		reference, _ = o.Text("prReference")
		return reference != ""
	})
	return reference, rc
}

// A Picking says what a picking list is to show. Its zero value is Lagerkoll's
// own: everything, without pictures.
type Picking struct {
	Sorting
	OnlyAvailable bool // leave out what is not available
	Images        bool // pictures of the articles
}

func (p Picking) query() url.Values {
	q := p.Sorting.query()
	if p.OnlyAvailable {
		q.Set("filter_non_available", "true")
	}
	if p.Images {
		q.Set("article_images", "true")
	}
	return q
}

// PickingList reads the picking list of an order as rows.
func (b *Backend) PickingList(ctx context.Context, id ID, p Picking) ([]FlatArticle, error) {
	return b.flat(ctx, id.path()+"/pickinglist/print", p.query())
}

// PickingListPDF reads the picking list of an order as a PDF, at most as long as
// a document may be. What is not a whole PDF is an error.
func (b *Backend) PickingListPDF(ctx context.Context, id ID, p Picking) ([]byte, error) {
	body, rc := b.send(ctx, request{
		method: http.MethodGet, path: id.path() + "/pickinglist/print", query: p.query(), accept: "application/pdf", isSuccess: isPDF, most: api.MostDocument,
	})
	return body, rc.Err
}

// isPDF recognises a whole PDF: it begins with its version and ends, within its
// last kilobyte, with the word for its end (ISO 32000-2, 7.5.5 and annex I).
func isPDF(body []byte) bool {
	return bytes.HasPrefix(body, []byte("%PDF-")) && bytes.Contains(body[max(0, len(body)-1024):], []byte("%%EOF"))
}
