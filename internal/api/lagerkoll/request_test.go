package lagerkoll

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stationd/internal/station"
)

// answers are what a vendor says who is asked for the golden requests, by the
// end of the path.
func answers(r *http.Request) string {
	const order = `{"orderId": 4711, "prReference": "PO-4711", "customerOrderId": 1, "name": "Soup å", "comment": null, "startDate": 1714103893596,
		"workHours": "2.50", "state": "0", "reserveInDepth": "false", "later": {"a": 1}, "articles": [{"articleId": "09506000134352", "amount": 500.0,
		"finished": 1.0E1, "waste": "0", "accuracy": -2.5, "status": 0}], "singleArticles": [{"articleId": "09506000134352", "singleArticles":
		[{"singleArticleId": "T", "partAmount": "1", "hasStockValue": true}]}]}`
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/batch"):
		return "[]"
	case strings.HasSuffix(path, "/next_id"):
		return `{"prReference": "P00017"}`
	case strings.HasSuffix(path, "/flat"), strings.HasSuffix(path, "/print") && r.Header.Get("Accept") == "application/json":
		return `{"articles": []}`
	case strings.HasSuffix(path, "/print"):
		return "%PDF-1.4\n%%EOF\n"
	case strings.HasSuffix(path, "/production_orders_state"), r.Method == http.MethodGet && strings.Contains(path, "/customer_order/"),
		strings.Contains(path, "/state/"), strings.Contains(path, "_orders/article/"):
		return `{"orders": [], "pages": 0, "ordersCount": 0}`
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/article"):
		return `{"parts": [], "articles": [{"articleId": "AB/12 å%"}]}`
	}
	return order
}

// A recorder is a vendor who writes down what it is asked.
type recorder struct {
	mu   sync.Mutex
	seen bytes.Buffer
}

func (v *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	v.mu.Lock()
	defer v.mu.Unlock()
	fmt.Fprintf(&v.seen, "%s %s\n", r.Method, r.RequestURI)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if name != "User-Agent" && name != "Accept-Encoding" {
			fmt.Fprintf(&v.seen, "%s: %s\n", name, r.Header.Get(name))
		}
	}
	fmt.Fprintf(&v.seen, "\n%s\n\n", body)
	io.WriteString(w, answers(r))
}

func (v *recorder) title(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fmt.Fprintf(&v.seen, "### "+format+"\n", args...)
}

func TestTheRequestsAreTheSeeds(t *testing.T) {
	t.Parallel()
	v := new(recorder)
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	person := func(s *Section) { s.UserID = "17"; s.UserToken = s.Key; s.Key.File = "" }
	for _, c := range []struct {
		verb   string
		with   map[string]string
		change func(*Section)
	}{
		{articleTrace, made(), nil},
		{articleTrace, made("batch", "B/7 å", "serial", "S-1", "best_before", "270331", "amount", "0.50", "barcode", "]d2", "limit_part_amounts", "false", "waste", "002",
			"parts", `[{"article":"T","amount":"2","batch":"T-9","serial":"a"},{"article":"L","serial":["b","c"]}]`), nil},
		{articleTrace, made("article", "AB/12 å%", "amount", "12"), person},
		{orderCreate, map[string]string{"reference": "NIGHT-1", "name": "Night", "customer_order": "40", "customer_order_external": "C-1", "internal_reference": "shift 3",
			"comment": "\"å\"", "start_date": "2026-03-02T06:00:00+01:00", "end_date": "2026-03-03", "finish_date": "2026-03-04", "work_hours": "0.50", "state": "1",
			"reserve_in_depth": "true", "store_state": "0"}, nil},
		{orderCreate, map[string]string{"reference": "next"}, person},
		{orderCreateFrom, map[string]string{"customer_order": "1713"}, nil},
		{orderUpdate, map[string]string{"order": "4711", "comment": "by hand"}, nil},
		{orderStart, map[string]string{"order": "4711"}, nil},
		{orderFinish, map[string]string{"order": "4711"}, nil},
		{orderCancel, map[string]string{"order": "4711"}, nil},
		{articleAdd, map[string]string{"order": "4711", "article": "AB/12 å%", "name": "Å", "time": "1.5", "amount": "12", "finished": "0", "waste": "0.25", "status": "1"}, nil},
		{articleUpdate, map[string]string{"order": "4711", "article": soup, "finished": "12", "waste": "3"}, nil},
		{articleRemove, map[string]string{"order": "4711", "article": soup}, nil},
	} {
		b := opened(t, server.URL+"/v1/production_orders/", c.change)
		d := b.deliveryOf(c.verb, c.with)
		d.ID = "9f86d081884c7d659a2feaa0c55ad015.1"
		d.When = time.Date(2026, 3, 2, 7, 15, 9, 0, time.UTC)
		v.title("%s %v", c.verb, c.with)
		rc := b.Deliver(t.Context(), d)
		if rc.Outcome != station.Delivered && !strings.HasPrefix(c.verb, "order.finish") && rc.Holds() != station.HoldUndecided {
			t.Errorf("%s: %+v", c.verb, rc)
		}
	}
	b := opened(t, server.URL+"/v1/production_orders/", nil)
	for sentence, read := range reads() {
		v.title("%s", sentence)
		if err := read(t.Context(), b); err != nil {
			t.Errorf("%s: %v", sentence, err)
		}
	}
	golden(t, "testdata/requests.http", strings.ReplaceAll(v.seen.String(), secret, "<key>"))
}

// reads are the reads of Lagerkoll's page, each once, in order.
func reads() func(yield func(string, func(context.Context, *Backend) error) bool) {
	type ctx = context.Context
	at := time.UnixMilli(1714103893596)
	all := []struct {
		sentence string
		read     func(c ctx, b *Backend) error
	}{
		{"an order", func(c ctx, b *Backend) error { _, err := b.Order(c, 4711); return err }},
		{"orders of a state", func(c ctx, b *Backend) error {
			_, err := b.OrdersOfState(c, Developing, time.Time{}, time.Time{}, Paging{})
			return err
		}},
		{"orders of a state, narrowed", func(c ctx, b *Backend) error {
			_, err := b.OrdersOfState(c, New, at, at.Add(time.Hour), Paging{Page: 2, Limit: 7, Sort: "end_date", Ascending: true})
			return err
		}},
		{"orders of a customer order", func(c ctx, b *Backend) error { _, err := b.OrdersOfCustomerOrder(c, 1); return err }},
		{"orders with an article", func(c ctx, b *Backend) error {
			_, err := b.OrdersWithArticle(c, soup, 0, Paging{})
			return err
		}},
		{"orders with an article, narrowed", func(c ctx, b *Backend) error {
			_, err := b.OrdersWithArticle(c, "AB/12 å%", Developing, Paging{Page: 1, Limit: 3})
			return err
		}},
		{"orders between states", func(c ctx, b *Backend) error {
			_, err := b.OrdersBetween(c, New, Cancelled, "", Paging{})
			return err
		}},
		{"orders between states, searched", func(c ctx, b *Backend) error {
			_, err := b.OrdersBetween(c, New, Developing, "PO 1&2", Paging{Page: 1, Limit: 3, Sort: "end_date"})
			return err
		}},
		{"batches", func(c ctx, b *Backend) error { _, err := b.Batches(c, 4711); return err }},
		{"flat products", func(c ctx, b *Backend) error {
			_, err := b.FlatProducts(c, 4711, "", "", Sorting{})
			return err
		}},
		{"flat products, narrowed", func(c ctx, b *Backend) error {
			_, err := b.FlatProducts(c, 4711, "tray", "Acme", Sorting{Sort: "supplier_art", Descending: true})
			return err
		}},
		{"the next reference", func(c ctx, b *Backend) error { _, err := b.NextReference(c); return err }},
		{"a picking list", func(c ctx, b *Backend) error { _, err := b.PickingList(c, 4711, Picking{}); return err }},
		{"a picking list to print", func(c ctx, b *Backend) error {
			_, err := b.PickingListPDF(c, 4711, Picking{Sorting: Sorting{Sort: "name"}, OnlyAvailable: true, Images: true})
			return err
		}},
		{"the probe", func(c ctx, b *Backend) error { return b.Probe(c).Err }},
	}
	return func(yield func(string, func(context.Context, *Backend) error) bool) {
		for _, r := range all {
			if !yield(r.sentence, r.read) {
				return
			}
		}
	}
}

func TestEveryReadIsAnsweredByThePlantAsTheContractSays(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, nil)
	f.Deliver(t.Context(), f.delivery(made("serial", "S-1", "batch", "B7", "parts", `[{"article":"09506000134383"}]`)))
	for sentence, read := range reads() {
		if err := read(t.Context(), f.Backend); err != nil {
			t.Errorf("%s: %v", sentence, err)
		}
	}
}

// Every operation of the page is asked for by this package, and what is asked
// and answered is held against the contract by each floor.
func TestTheContractHasEveryOperationOfThePageAndAllAreUsed(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, exclusive)
	for _, w := range everyVerb() {
		if rc := f.Deliver(t.Context(), f.deliveryOf(w.verb, w.with)); rc.Outcome != station.Delivered {
			t.Errorf("%s: %+v", w.verb, rc)
		}
	}
	for sentence, read := range reads() {
		if err := read(t.Context(), f.Backend); err != nil {
			t.Errorf("%s: %v", sentence, err)
		}
	}
	page, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(page.Operations()); n != 18 {
		t.Errorf("the contract has %d operations, and the page 18", n)
	}
	used := page.Used()
	for _, op := range page.Operations() {
		if !slices.Contains(used, op) {
			t.Errorf("%s was never asked for", op)
		}
	}
}

func TestTheTwoWaysToLogInAreNeverMixed(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		change func(*Section)
		want   []string
	}{
		"a machine": {func(*Section) {}, []string{"Api_key", "Store"}},
		"a person":  {func(s *Section) { s.UserID, s.UserToken, s.Key.File = "17", s.Key, "" }, []string{"Store", "User_id", "User_token"}},
	} {
		var got []string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = nil
			for _, name := range slices.Sorted(maps.Keys(r.Header)) {
				switch name {
				case "Accept", "Accept-Encoding", "User-Agent", "Content-Type", "Content-Length":
				default:
					got = append(got, name)
				}
			}
			io.WriteString(w, answers(r))
		}))
		t.Cleanup(server.Close)
		b := opened(t, server.URL+"/v1/production_orders/", c.change)
		for _, act := range []func(){
			func() { b.Deliver(t.Context(), b.deliveryOf(orderFinish, map[string]string{"order": "4711"})) },
			func() { b.Probe(t.Context()) },
			func() { b.PickingListPDF(t.Context(), 4711, Picking{}) },
		} {
			act()
			if !slices.Equal(got, c.want) {
				t.Errorf("%s sends %v, want %v", sentence, got, c.want)
			}
		}
	}
}
