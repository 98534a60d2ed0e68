package lagerkoll

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/api"
	"stationd/internal/plant"
	"stationd/internal/station"
)

func known(value float64) Number { return Number{value, true} }

func TestAnOrderIsReadInEveryFormItMayCome(t *testing.T) {
	t.Parallel()
	want := Order{
		ID: 4711, Reference: "PO-4711", CustomerOrder: 7, Name: "Soup", WorkHours: known(2.5), State: Developing,
		ReserveInDepth: Truth{false, true}, Start: Date{time.UnixMilli(1714103893596).UTC()}, Total: known(500),
		Articles: []Article{{Article: "A-1", Amount: known(1e7), Finished: known(3), Waste: known(0), Accuracy: known(-2.5)}},
	}
	for sentence, body := range map[string]string{
		"as the page prints it": `{"orderId": 4711, "prReference": "PO-4711", "customerOrderId": 7, "name": "Soup", "workHours": 2.5, "state": "1", "reserveInDepth": "false",
			"startDate": 1714103893596, "totalAmount": 500.0, "articles": [{"articleId": "A-1", "amount": 1.0E7, "finished": 3.0, "waste": "0", "accuracy": -2.5}]}`,
		"all in quotes, with a bare article": `{"orderId": "4711", "prReference": "PO-4711", "customerOrderId": "7", "name": "Soup", "workHours": "2.5", "state": "1", "reserveInDepth": "False",
			"startDate": "1714103893596", "totalAmount": "500", "articles": {"articleId": "A-1", "amount": "10000000", "finished": "3", "waste": "0", "accuracy": "-2.5"}}`,
		"as Java prints large numbers, with more than is known": `{"orderId": 4.711E3, "prReference": "PO-4711", "customerOrderId": 7.0, "name": "S\u006fup", "comment": null, "workHours": 25E-1, "state": 1.0, "reserveInDepth": false,
			"startDate": 1.714103893596E12, "endDate": null, "totalAmount": 5E2, "storeState": "none", "colour": {"a": []}, "articles": [{"articleId": "A-1", "amount": 1E7, "finished": 3, "waste": 0, "accuracy": -2.5, "time": {}, "status": null}]}`,
	} {
		b := script(t, map[string]string{"GET /4711": body})
		got, err := b.Order(t.Context(), 4711)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", sentence, err, diff)
		}
	}
}

func TestANumberThatNoDoubleCarriesIsNoID(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]ID{
		`9007199254740992`: 1 << 53, `9007199254740994`: 0, `0`: 0, `-1`: 0, `1.5`: 0, `"x"`: 0, `null`: 0, `{}`: 0, `1e400`: 0,
	} {
		var id ID
		if err := json.Unmarshal([]byte(body), &id); err != nil || id != want {
			t.Errorf("%s: %v %v", body, id, err)
		}
	}
}

func TestRowsLeaveAsPlainJSON(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(Article{Order: 1, Article: "A-1", Amount: known(0.1), Finished: known(1e7)})
	want := `{"productionOrderId":1,"articleId":"A-1","articleName":"","time":null,"amount":0.1,"finished":10000000,"waste":null,"status":null,"accuracy":null}`
	if string(raw) != want || err != nil {
		t.Errorf("%s %v", raw, err)
	}
	raw, err = json.Marshal(struct {
		S State
		N State
		D Date
		T Truth
	}{Cancelled, 0, Date{time.UnixMilli(12)}, Truth{true, true}})
	if string(raw) != `{"S":3,"N":null,"D":12,"T":true}` || err != nil {
		t.Errorf("%s %v", raw, err)
	}
}

func TestAListOfOrdersComesInThreeForms(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"page": 0, "pages": 1, "pageSize": 50, "ordersCount": 2, "orders": [{"orderId": 1}, {"orderId": 2}]}`: "1 2",
		`{"pages": "1", "orders": {"orderId": "1"}}`:                                                            "1",
		`{"ordersCount": 0, "pages": 0, "orders": []}`:                                                          "",
		`{"ordersCount": 0, "orders": null}`:                                                                    "",
		` [{"orderId": 1}, {"orderId": 2}]`:                                                                     "1 2",
		`[]`:                                                                                                    "",
		`{"orderId": 3, "name": "x"}`:                                                                           "3",
		`{}`:                                                                                                    "error",
		`{"pages": 1}`:                                                                                          "error",
		`{"orders": [{"name": "without an id"}]}`:                                                               "error",
		`{"orders": ["1"]}`:                                                                                     "error",
		`{"orders": [{"orderId": 1}, null]}`:                                                                    "error",
		`{"orders": "1"}`:                                                                                       "error",
		`[{"orderId": 1}, 2]`:                                                                                   "error",
		`[{"orderId": 1}`:                                                                                       "error",
		`{"orders": [{"orderId": 1}]}}`:                                                                         "error",
		`<html>`:                                                                                                "error",
		``:                                                                                                      "error",
		`null`:                                                                                                  "error",
		`{"errorCode": 903001, "orders": []}`:                                                                   "error",
		`{"orders": [{"orderId": 1, "articles": "x"}]}`:                                                         "error",
	} {
		b := script(t, map[string]string{"GET /production_orders_state": body})
		page, err := b.OrdersBetween(t.Context(), New, Cancelled, "", Paging{})
		var ids []string
		for _, o := range page.Orders {
			ids = append(ids, o.ID.String())
		}
		got := strings.Join(ids, " ")
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%s: %q, want %q (%v)", body, got, want, err)
		}
	}
}

func TestBatchesAndPartsAreRead(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, nil)
	f.Deliver(t.Context(), f.delivery(made("serial", "S-1", "batch", "B7", "best_before", "270331")))
	list, err := f.Batches(t.Context(), 4711)
	want := api.List[Batch]{{Batch: "B7", Serial: "S-1", Ordered: known(500), Delivered: known(1), BestBefore: Date{time.Date(2027, 3, 31, 0, 0, 0, 0, time.UTC)}}}
	if diff := cmp.Diff(want, list[0].Batches); diff != "" || err != nil || list[0].Article != soup || len(list) != 2 {
		t.Errorf("%v %s", err, diff)
	}
	parts, err := f.FlatProducts(t.Context(), 4711, "Tray", "", Sorting{})
	if err != nil || len(parts) != 1 || parts[0].Name != "Tray" || parts[0].Amount != known(700) {
		t.Errorf("%v %+v", err, parts)
	}
	picking, err := f.PickingList(t.Context(), 4711, Picking{})
	if err != nil || len(picking) != 2 {
		t.Errorf("%v %+v", err, picking)
	}
	one := script(t, map[string]string{"GET /1/batch": `{"articleId": "A", "batches": {"batchId": 7}}`})
	if list, err := one.Batches(t.Context(), 1); err != nil || len(list) != 1 || list[0].Batches[0].Batch != "7" {
		t.Errorf("%v %+v", err, list)
	}
}

func TestAPickingListIsAWholePDFOrNone(t *testing.T) {
	t.Parallel()
	const path = "GET /4711/pickinglist/print"
	f := newFloor(t, nil, nil)
	if pdf, err := f.PickingListPDF(t.Context(), 4711, Picking{}); err != nil || !strings.HasPrefix(string(pdf), "%PDF-1.4") {
		t.Errorf("%v %s", err, pdf)
	}
	for sentence, c := range map[string]struct {
		body string
		good bool
	}{
		"a PDF":                {"%PDF-1.7\n…\n%%EOF\r\n", true},
		"a PDF that is cut":    {"%PDF-1.7\n…\n", false},
		"a page":               {"<html>%PDF-1.7 %%EOF", false},
		"nothing":              {"", false},
		"an error":             {`{"errorCode": 903001, "errorMessage": "no such order"}`, false},
		"more than is allowed": {"%PDF-1.7\n" + strings.Repeat("x", 8<<20) + "\n%%EOF\n", false},
	} {
		b := script(t, map[string]string{path: c.body})
		pdf, err := b.PickingListPDF(t.Context(), 4711, Picking{})
		if (err == nil) != c.good || !c.good && pdf != nil {
			t.Errorf("%s: %d bytes, %v", sentence, len(pdf), err)
		}
	}
}

func TestAnErrorOfLagerkollsIsTyped(t *testing.T) {
	t.Parallel()
	for _, code := range []Code{CodeCredentials, CodeCommon, CodeTooMany, CodeGet, CodeCreate, CodeUpdate, CodeCustomerOrder} {
		body, _ := json.Marshal(map[string]any{"errorCode": code, "errorMessage": "About " + secret + " <b>", "errorField": "order" + secret, "errorData": nil})
		b := script(t, map[string]string{"GET /4711": string(body), "PUT /4711/finish": string(body)})
		_, readErr := b.Order(t.Context(), 4711)
		own, ok := errors.AsType[*Error](readErr)
		if !ok || own.Code != code || own.Message != "About <key> <b>" || own.Field != "order<key>" {
			t.Errorf("%d: %#v (%v)", code, own, readErr)
			continue
		}
		for err := readErr; err != nil; err = errors.Unwrap(err) {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%d shows the key: %v", code, err)
			}
		}
		if got := errors.Is(readErr, station.ErrKey); got != (code == CodeCredentials) {
			t.Errorf("%d speaks of the key: %v", code, got)
		}
		if _, got := errors.AsType[*api.Refusal](readErr); got != (code > 903000) {
			t.Errorf("%d is a refusal: %v", code, got)
		}
	}
	for body, want := range map[string]Code{
		`{"errorCode": "903003"}`: 903003, `{"errorCode": 9.03003E5}`: 903003, `{"errorCode": -1}`: 0, `{"errorCode": {}}`: 0, `{"errorCode": 1e300}`: 0,
	} {
		if e := errorOf([]byte(body)); e == nil || e.Code != want {
			t.Errorf("%s: %+v", body, e)
		}
	}
	for _, body := range []string{`{"errorCode": null}`, `{"orderId": 1}`, `["errorCode"]`, `"errorCode"`} {
		if e := errorOf([]byte(body)); e != nil {
			t.Errorf("%s: %+v", body, e)
		}
	}
}

func TestTheProbeTellsAKeyFromAnOutage(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, nil)
	if rc := f.Probe(t.Context()); rc.Outcome != station.Delivered || len(f.Requests()) != 1 {
		t.Errorf("%+v", rc)
	}
	f.AddFault(plant.Fault{Kind: plant.Unauthorized, Next: 1})
	if rc := f.Probe(t.Context()); rc.Outcome != station.Unreached || !errors.Is(rc.Err, station.ErrKey) {
		t.Errorf("%+v", rc)
	}
	f.AddFault(plant.Fault{Kind: plant.Lost})
	if rc := f.Probe(t.Context()); rc.Outcome != station.Unreached {
		t.Errorf("a read leaves no doubt: %+v", rc)
	}
	f.ClearFaults()
	f.AddFault(plant.Fault{Kind: plant.Refusal, Code: int(CodeGet), Next: 1})
	if rc := f.Probe(t.Context()); rc.Outcome != station.Refused {
		t.Errorf("%+v", rc)
	}
}

func TestReadsAskForNothingThatClimbs(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		io.WriteString(w, `{"orders": []}`)
	}))
	t.Cleanup(server.Close)
	b := opened(t, server.URL+"/", nil)
	for _, article := range []string{"", "..", "../state/1", "%2e%2e", "a\nb"} {
		if _, err := b.OrdersWithArticle(t.Context(), article, 0, Paging{}); err == nil || asked > 0 {
			t.Errorf("%q: %v", article, err)
		}
	}
}

func FuzzReadPage(f *testing.F) {
	for _, seed := range []string{`{"orders": [{"orderId": 1}]}`, `[{"orderId": "1", "articles": {"waste": "0"}}]`, `{"orderId": 1, "state": "9"}`, `{"orders": {}}`, `[null]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		page, ok := readPage(body)
		for _, o := range page.Orders {
			if ok && o.ID == 0 {
				t.Fatalf("%s: an order without an id", body)
			}
		}
		if _, err := json.Marshal(page); err != nil {
			t.Fatalf("%s: what was read cannot be written: %v", body, err)
		}
		readBatches(body)
		errorOf(body)
	})
}
