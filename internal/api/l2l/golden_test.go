package l2l

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/api/apitest"
	"stationd/internal/station"
)

// A recorder is a vendor that writes down what it is asked, and answers as L2L
// would of a line that is in changeover.
type recorder struct {
	page *apitest.Contract
	url  string

	mu   sync.Mutex
	seen bytes.Buffer
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	page, err := apitest.Load("openapi.yaml", "/api/1.0/")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{page: page}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		if err := page.Request(req, body); err != nil {
			t.Errorf("against the contract: %v", err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		fmt.Fprintf(&r.seen, "%s %s\n", req.Method, req.RequestURI)
		for _, name := range slices.Sorted(maps.Keys(req.Header)) {
			if name == "L2lauth" || name == "Accept" || name == "Content-Type" {
				fmt.Fprintf(&r.seen, "%s: %s\n", name, req.Header.Get(name))
			}
		}
		if len(body) > 0 {
			fmt.Fprintf(&r.seen, "\n%s\n", body)
		}
		fmt.Fprintln(&r.seen)
		answer := `[]`
		switch {
		case strings.Contains(req.URL.Path, "/get_current_order_on_line/"), req.URL.Path == "/api/1.0/buildsequence/":
			answer = `{"id": 8801, "product": 3001, "externalid": "PO-100-1", "status": 4}`
		case req.URL.Path == "/api/1.0/productcomponents/":
			answer = `{"id": 3001, "code": "PC/1"}`
		}
		fmt.Fprintf(w, `{"success": true, "data": %s}`, answer)
	}))
	t.Cleanup(server.Close)
	r.url = server.URL + "/api/1.0/"
	return r
}

func (r *recorder) heading(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(&r.seen, "### "+format+"\n\n", args...)
}

// written is what was asked, without the key.
func (r *recorder) written() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.NewReplacer(secret, "<key>", url.QueryEscape(secret), "<key>").Replace(r.seen.String())
}

// asked is one delivery of every verb in every form that L2L's pages show.
func (b *Backend) asked() []station.Delivery {
	with := help()
	with["description"] = "Hjälp & stöd = +1 %"
	with["user"], with["reason"] = "station.pack4", "17"
	once := help()
	once["once"], once["with.due"], once["with.parent_dispatch_id"] = "true", "2026-03-02T12:00:00+01:00", "90001"
	past := help()
	past["reported"], past["completed"] = "2026-03-02T06:00:00Z", "2026-03-02 07:30"
	all := []station.Delivery{
		inDoubt(b.delivery(dispatchOpen, "", with)),
		b.delivery(dispatchOpen, "", once),
		b.delivery(dispatchAdd, "", help()),
		inDoubt(b.delivery(dispatchAdd, "", past)),
		b.delivery(dispatchClose, "90017", nil),
		b.delivery(dispatchComplete, "", map[string]string{"dispatch": "90017"}),
		b.delivery(changeoverStart, "", map[string]string{"line": "PACK 4", "product": "PC-2"}),
		b.delivery(changeoverStart, "", map[string]string{"line": "PACK4"}),
		b.delivery(changeoverStart, "", map[string]string{"line": "PACK4", "id": "8802"}),
		b.delivery(changeoverStart, "", map[string]string{"line": "PACK4", "line_externalid": "L PACK4", "externalid": "PO/200"}),
		b.delivery(productionRecord, "", map[string]string{"line": "PACK4", "product": "PC-2", "actual": "60", "scrap": "1.5", "operator_count": "3",
			"start": "2026-03-02T07:15:00Z", "end": "2026-03-02 08:20"}),
	}
	for _, verb := range []string{changeoverFinish, orderHold, orderComplete} {
		for _, which := range []map[string]string{{}, {"product": "PC/1"}, {"id": "8801"}, {"line_externalid": "L PACK4", "externalid": "PO-100-1"}} {
			which["line"] = "PACK4"
			all = append(all, b.delivery(verb, "", which))
		}
	}
	return all
}

func TestTheRequestsAreTheSeeds(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	send := func(b *Backend, d station.Delivery) {
		d.ID = "9f86d081884c7d659a2feaa0c55ad015.1"
		d.When = time.Date(2026, 3, 2, 7, 15, 9, 0, time.UTC)
		told := slices.Collect(func(yield func(string) bool) {
			for _, name := range slices.Sorted(maps.Keys(d.With)) {
				if !yield(name + "=" + d.With[name]) {
					return
				}
			}
		})
		doubt := ""
		if d.Doubtful {
			doubt = ", in doubt"
		}
		r.heading("%s%s, key in the %s: %s", d.Verb, doubt, b.auth, strings.Join(told, ", "))
		if rc := (floor{Backend: b}).send(t, d); rc.Outcome == station.Refused {
			t.Errorf("%s: %v", d.Verb, rc.Err)
		}
	}
	b := opened(t, r.url, AuthQuery)
	for _, d := range b.asked() {
		send(b, d)
	}
	for _, auth := range []string{AuthHeader, AuthBody} {
		b := opened(t, r.url, auth)
		send(b, inDoubt(b.delivery(dispatchOpen, "", help())))
		send(b, b.delivery(dispatchClose, "90017", nil))
		send(b, b.delivery(changeoverStart, "", map[string]string{"line": "PACK4", "id": "8802"}))
	}
	for sentence, read := range reads(b) {
		r.heading("%s", sentence)
		if err := read(t.Context()); err != nil {
			t.Errorf("%s: %v", sentence, err)
		}
	}
	golden(t, "testdata/requests.http", r.written())
}

func (f floor) send(t *testing.T, d station.Delivery) station.Receipt {
	t.Helper()
	_, rc := f.attempt(t.Context(), d)
	return rc
}

// reads is every read, in an order that stays.
func reads(b *Backend) func(yield func(string, func(context.Context) error) bool) {
	yes := true
	return func(yield func(string, func(context.Context) error) bool) {
		_ = yield("open dispatches of a machine and a type, the newest", func(ctx context.Context) error {
			_, err := b.ReadDispatches(ctx, DispatchQuery{Machine: "SEAL-1", Type: "MAINT", Open: &yes, OrderBy: "-reported", Limit: 1})
			return err
		}) && yield("a dispatch by its number", func(ctx context.Context) error {
			_, err := b.ReadDispatches(ctx, DispatchQuery{Number: "2871836"})
			return err
		}) && yield("the current order of a line", func(ctx context.Context) error {
			_, err := b.ReadOrder(ctx, Line{Code: "PACK4"})
			return err
		}) && yield("the current order of a line by its external id", func(ctx context.Context) error {
			_, err := b.ReadOrder(ctx, Line{ExternalID: "L PACK4"})
			return err
		}) && yield("a build sequence by its id", func(ctx context.Context) error {
			_, err := b.ReadOrders(ctx, OrderQuery{ID: "8801"})
			return err
		}) && yield("the next orders of a line", func(ctx context.Context) error {
			_, err := b.ReadOrders(ctx, OrderQuery{Line: "PACK4", StatusFrom: "2", StatusTo: "6", OrderBy: "-schedule_start_date", Limit: 5, Offset: 5})
			return err
		}) && yield("the sites", func(ctx context.Context) error {
			_, err := b.ReadSites(ctx)
			return err
		}) && yield("a probe", func(ctx context.Context) error { return b.Probe(ctx).Err })
	}
}

// Every operation of the contract is asked for by a verb or a read, and with it
// everything that L2L's pages describe.
func TestEveryOperationOfTheContractIsAskedFor(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	b := opened(t, r.url, AuthQuery)
	for _, d := range b.asked() {
		floor{Backend: b}.send(t, d)
	}
	for _, read := range reads(b) {
		if err := read(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(r.page.Operations(), r.page.Used()); diff != "" {
		t.Errorf("contract (-) and what was asked for (+):\n%s", diff)
	}
}
