package lagerkoll

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/api"
	"stationd/internal/api/apitest"
	"stationd/internal/plant"
	"stationd/internal/relay/relaytest"
	"stationd/internal/station"
	"stationd/internal/station/stationtest"
)

var update = flag.Bool("update", false, "write the golden requests anew")

const (
	secret = "c4nary+lagerkoll/key"
	soup   = "09506000134352"
)

// opened is a backend before some vendor, in no hurry to wait.
func opened(t testing.TB, url string, change func(*Section)) *Backend {
	t.Helper()
	file := filepath.Join(t.TempDir(), "lagerkoll.key")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := Section{URL: url, Store: "1001"}
	s.Key.File = file
	if change != nil {
		change(&s)
	}
	b, err := open(s, api.Opening{Log: slog.New(slog.DiscardHandler)}, time.Microsecond, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *Backend) delivery(with map[string]string) station.Delivery {
	return b.deliveryOf(articleTrace, with)
}

func (b *Backend) deliveryOf(verb string, with map[string]string) station.Delivery {
	return station.Delivery{Attempt: 1, When: time.Now(), Exact: true, Entry: station.Entry{
		ID: station.NewID().Entry(1), Action: station.Action{Verb: verb, To: b.to, With: with}}}
}

// made is what the floor says was made of the soup on order 4711.
func made(more ...string) map[string]string {
	with := map[string]string{"order": "4711", "article": soup}
	for i := 0; i < len(more); i += 2 {
		with[more[i]] = more[i+1]
	}
	return with
}

// A floor is a simulated plant with a backend before it.
type floor struct {
	*plant.Plant
	*Backend
}

// contract is Lagerkoll's page as OpenAPI.
var contract = sync.OnceValues(func() (*apitest.Contract, error) {
	return apitest.Load("openapi.yaml", "/v1/production_orders/")
})

// held is what was held against the contract already, with what came of it: the
// floors see the same requests and answers over and over.
var held sync.Map

// holdAgainst says what in a request or its answer the contract does not allow.
func holdAgainst(page *apitest.Contract, r *http.Request, body []byte, status int, header http.Header, answer []byte) error {
	asked := fmt.Sprintf("%s %s %s %v", r.Method, r.URL, body, r.Header)
	said := fmt.Sprintf("%s %s %d %s", r.Method, r.URL.Path, status, answer)
	if _, known := held.Load(asked); !known {
		if err := page.Request(r, body); err != nil {
			return err
		}
		held.Store(asked, true)
	}
	if _, known := held.Load(said); !known {
		if err := page.Answer(r, status, header, answer); err != nil {
			return err
		}
		held.Store(said, true)
	}
	return nil
}

func newFloor(t *testing.T, switched map[plant.Assumption]plant.Position, change func(*Section)) floor {
	t.Helper()
	s := plant.Demo()
	s.APIKey = secret
	s.UserID, s.UserToken = "17", secret
	s.PerMinute = 10000
	s.Assumptions = switched
	const stew = "09506000134369"
	for i := range 9 { // an order for each verb
		o := plant.Order{ID: int64(4721 + i), Reference: fmt.Sprintf("PO-%d", 4721+i), Name: "Soup, evening", State: plant.StateDeveloping,
			Comment: "as ordered", Internal: "I-7", WorkHours: 2.5, StoreState: 1, Start: time.UnixMilli(1714103893596),
			Articles: []plant.OrderArticle{{Article: soup, Name: "Soup 400 g", Amount: 50, Finished: 2, Waste: 1}, {Article: stew, Name: "Stew 400 g", Amount: 20}}}
		if o.ID <= 4722 {
			o.State = plant.StateNew
		}
		if o.ID == 4725 {
			o.Articles = o.Articles[:1]
		}
		s.Orders = append(s.Orders, o)
	}
	page, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var faults []error
	s.Observe = func(r *http.Request, body []byte, status int, header http.Header, answer []byte) {
		err := holdAgainst(page, r, body, status, header, answer)
		mu.Lock()
		defer mu.Unlock()
		faults = append(faults, err)
	}
	p, err := plant.Open(s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for _, complaint := range p.Complaints() {
			t.Errorf("the plant complains: %s", complaint)
		}
		mu.Lock()
		defer mu.Unlock()
		if err := errors.Join(faults...); err != nil {
			t.Errorf("the contract is broken: %v", err)
		}
	})
	return floor{p, opened(t, p.LagerkollURL(), change)}
}

func exclusive(s *Section) { s.Exclusive = true }

// acts orders a fault that strikes what changes something.
func (f floor) acts(fault plant.Fault) {
	for _, method := range []string{"PUT", "POST", "DELETE"} {
		fault.Where = method + " *"
		f.AddFault(fault)
	}
}

// fail breaks the plant as the suite of backends wants it broken.
func (f floor) fail(t *testing.T, fault stationtest.Fault) {
	t.Helper()
	f.ClearFaults()
	if err := f.Cable(fault != stationtest.Unplugged); err != nil {
		t.Error(err)
	}
	kinds := map[stationtest.Fault]plant.FaultKind{
		stationtest.LostAnswer: plant.Lost, stationtest.LostRequest: plant.Reset, stationtest.Silent: plant.Late,
	}
	if kind, ok := kinds[fault]; ok {
		f.acts(plant.Fault{Kind: kind, Delay: time.Minute})
	}
	if fault == stationtest.SaysNo {
		f.acts(plant.Fault{Kind: plant.Refusal, Text: "It is locked", Code: int(CodeUpdate)})
	}
}

// a verb's delivery on the floor.
type told struct {
	verb string
	with map[string]string
}

// everyVerb is one good delivery of every verb, each on an order of its own.
func everyVerb() []told {
	with := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	return []told{
		{orderCreate, with("reference", "NIGHT-1", "name", "Night", "internal_reference", "shift 3", "customer_order", "1", "start_date", "2026-03-02")},
		{orderCreate, with("reference", "next")},
		{orderCreateFrom, with("customer_order", "2")},
		{orderUpdate, with("order", "4721", "comment", "by hand", "work_hours", "3.5", "reserve_in_depth", "true", "end_date", "2026-03-02T14:00:00+01:00")},
		{orderStart, with("order", "4722")},
		{orderFinish, with("order", "4723")},
		{orderCancel, with("order", "4724")},
		{articleAdd, with("order", "4725", "article", "09506000134369", "amount", "12")},
		{articleUpdate, with("order", "4726", "article", soup, "finished", "7", "waste", "3")},
		{articleRemove, with("order", "4727", "article", "09506000134369")},
		{articleTrace, made("serial", "S-1", "batch", "B7")},
		{articleTrace, with("order", "4728", "article", soup, "batch", "B7", "amount", "2.5", "waste", "1")},
		{articleTrace, with("order", "4729", "article", soup, "amount", "3")},
	}
}

// name is a verb for a subtest, which needs no two of a kind.
func (w told) name(i int) string { return fmt.Sprintf("%s %d", w.verb, i) }

// limited is a backend that has the verbs of some deliveries alone.
type limited struct {
	*Backend
	of []station.Delivery
}

func (l limited) Verbs() []station.Verb {
	return slices.DeleteFunc(l.Backend.Verbs(), func(v station.Verb) bool {
		return !slices.ContainsFunc(l.of, func(d station.Delivery) bool { return d.Verb == v.Name })
	})
}

func TestLagerkollKeepsTheContractOfABackend(t *testing.T) {
	t.Parallel()
	person := func(s *Section) { exclusive(s); s.UserID, s.UserToken, s.Key.File = "17", s.Key, "" }
	passage := relaytest.Open(t)
	for sentence, change := range map[string]func(*Section){"as a machine": exclusive, "as a person": person, "by a relay": exclusive} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			stationtest.Backend(t, func(t *testing.T) stationtest.Bench {
				f := newFloor(t, nil, change)
				var deliveries []station.Delivery
				verbs := everyVerb()
				if sentence == "as a person" {
					verbs = verbs[len(verbs)-1:] // the login is the same for all
				}
				for _, w := range verbs {
					if w.with["reference"] == next {
						continue // side by side with others it may be outrun
					}
					deliveries = append(deliveries, f.deliveryOf(w.verb, w.with))
				}
				var backend station.Backend = limited{f.Backend, deliveries}
				if sentence == "by a relay" {
					backend = passage.Through(t, backend)
				}
				return stationtest.Bench{
					Backend:    backend,
					Secret:     secret,
					Deliveries: deliveries,
					Break:      func(fault stationtest.Fault) { f.fail(t, fault) },
					Effects:    func() int { return len(f.Writes()) },
				}
			})
		})
	}
}

func inDoubt(d station.Delivery) station.Delivery {
	d.Doubtful = true
	d.Attempt++
	return d
}

func (f floor) look(t *testing.T, d station.Delivery) station.Delivery {
	t.Helper()
	before, rc := f.Look(t.Context(), d)
	if rc.Outcome != station.Delivered {
		t.Fatal(rc.Err)
	}
	d.Before = before
	return d
}

func TestATraceArrivesAsItWasScanned(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, nil)
	d := f.look(t, f.delivery(made("batch", "B7", "best_before", "270331", "amount", "0012", "barcode", "95060", "limit_part_amounts", "true",
		"parts", `[{"article":"09506000134383","amount":1,"batch":"T-9","serial":["a","b"]},{"article":"09506000134376"},{"article":"09506000134383","serial":["c","d"]}]`)))
	if rc := f.Deliver(t.Context(), d); rc.Outcome != station.Delivered {
		t.Fatal(rc.Err)
	}
	got := f.Traces()[0]
	got.At = time.Time{}
	want := plant.Trace{
		Order: 4711, Article: soup, Batch: "B7", Amount: 12, BestBefore: time.Date(2027, 3, 31, 0, 0, 0, 0, time.UTC).UnixMilli(), Barcode: "95060", Limit: true,
		Parts: []plant.Part{{Article: "09506000134383", Amount: 1, Batch: "T-9", Serials: []string{"a", "b"}}, {Article: "09506000134376", Amount: 1}, {Article: "09506000134383", Amount: 2, Serials: []string{"c", "d"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestASerialThatIsTracedAlreadyIsNeitherSentNorCalledDelivered(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, nil)
	with := made("serial", "S-1", "batch", "B7")
	f.Deliver(t.Context(), f.delivery(with))
	for sentence, d := range map[string]station.Delivery{
		"seen beforehand": f.look(t, f.delivery(with)), "seen in the attempt": f.delivery(with),
	} {
		if rc := f.Deliver(t.Context(), d); rc.Outcome != station.Refused || len(f.Traces()) != 1 {
			t.Errorf("%s: %+v", sentence, rc)
		}
	}
}

// What was there before is compared with what is there now; others may have been
// at work meanwhile.
func TestWhatBecameOfATrace(t *testing.T) {
	t.Parallel()
	shared := func(*Section) {}
	for sentence, c := range map[string]struct {
		with      map[string]string
		section   func(*Section)
		fault     stationtest.Fault
		meanwhile map[string]string
		want      string // delivered, sent, held
	}{
		"a serial that arrived":                                    {made("serial", "S-1"), shared, stationtest.LostAnswer, nil, "delivered"},
		"a serial that arrived, and another one":                   {made("serial", "S-1"), shared, stationtest.LostAnswer, made("serial", "S-2"), "delivered"},
		"a serial that did not":                                    {made("serial", "S-1"), shared, stationtest.LostRequest, nil, "sent"},
		"a serial that did not, but another one":                   {made("serial", "S-1"), shared, stationtest.LostRequest, made("serial", "S-2", "batch", "B1"), "held"},
		"a serial that did not, but two others":                    {made("serial", "S-1"), shared, stationtest.LostRequest, made("serial", "S-2", "amount", "2"), "sent"},
		"a batch that arrived, alone on the order":                 {made("batch", "B7"), exclusive, stationtest.LostAnswer, nil, "delivered"},
		"a batch that arrived, but others might have reported it":  {made("batch", "B7"), shared, stationtest.LostAnswer, nil, "held"},
		"a batch that did not arrive":                              {made("batch", "B7"), shared, stationtest.LostRequest, nil, "sent"},
		"a batch that did not, and somebody else reported as much": {made("batch", "B7"), shared, stationtest.LostRequest, made("batch", "B7"), "held"},
		"a batch that did not, and another batch grew":             {made("batch", "B7"), shared, stationtest.LostRequest, made("batch", "B8"), "held"},
		"a batch that arrived, and somebody else reported too":     {made("batch", "B7"), exclusive, stationtest.LostAnswer, made("batch", "B7"), "held"},
		"an amount that arrived, alone on the order":               {made("amount", "0.3"), exclusive, stationtest.LostAnswer, nil, "delivered"},
		"an amount that arrived, not alone":                        {made("amount", "0.3"), shared, stationtest.LostAnswer, nil, "held"},
		"an amount that did not arrive":                            {made("amount", "0.3"), shared, stationtest.LostRequest, nil, "sent"},
		"the other article of the order grew meanwhile":            {made("amount", "2"), shared, stationtest.LostRequest, map[string]string{"order": "4711", "article": "09506000134369", "amount": "2"}, "sent"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			f := newFloor(t, nil, c.section)
			f.Deliver(t.Context(), f.delivery(made("amount", "0.1"))) // 0.1 + 0.2 is not 0.3
			f.Deliver(t.Context(), f.delivery(made("batch", "B7", "amount", "0.2")))
			d := f.look(t, f.delivery(c.with))
			f.fail(t, c.fault)
			if rc := f.Deliver(t.Context(), d); rc.Outcome != station.Doubtful {
				t.Fatalf("%+v", rc)
			}
			f.fail(t, stationtest.Sound)
			if c.meanwhile != nil {
				f.Deliver(t.Context(), f.delivery(c.meanwhile))
			}
			before := len(f.Traces())
			rc := f.Deliver(t.Context(), inDoubt(d))
			got := "nothing"
			switch sent := len(f.Traces()) - before; {
			case rc.Outcome == station.Delivered && sent == 0:
				got = "delivered"
			case rc.Outcome == station.Delivered && sent == 1:
				got = "sent"
			case errors.Is(rc.Err, station.ErrUndecided) && sent == 0:
				got = "held"
			}
			if got != c.want {
				t.Errorf("%s, want %s: %+v", got, c.want, rc)
			}
		})
	}
}

func TestWhatCannotBeSentIsRefusedBeforehand(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, nil)
	for sentence, with := range map[string]map[string]string{
		"an order that is no number":      made("order", "PO4711"),
		"an order that leads elsewhere":   made("order", "../4711"),
		"an order with zeros before it":   made("order", "004711"),
		"an article that climbs":          made("article", ".."),
		"an amount of nothing":            made("amount", "0"),
		"an amount below nothing":         made("amount", "-1"),
		"an amount that is no number":     made("amount", "NaN"),
		"an amount like Java writes them": made("amount", "1.0E7"),
		"an amount with two points":       made("amount", "1.2.3"),
		"a date that is none":             made("best_before", "271332"),
		"a truth that is none":            made("limit_part_amounts", "yes"),
		"parts that are none":             made("parts", `{"article":"A"}`),
		"a part without an article":       made("parts", `[{"batch":"B"}]`),
		"a part with something unknown":   made("parts", `[{"article":"A","colour":"red"}]`),
		"a field that nobody knows":       made("colour", "red"),
	} {
		d := f.delivery(with)
		if rc := f.Deliver(t.Context(), d); rc.Outcome != station.Refused || rc.Err == nil {
			t.Errorf("%s: %+v", sentence, rc)
		}
		if _, rc := f.Look(t.Context(), d); rc.Outcome != station.Refused {
			t.Errorf("%s: looking: %+v", sentence, rc)
		}
	}
	if n := len(f.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestAnArticleNeverLeadsToAnotherOperation(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"A-1":          "A-1",
		"AB/12 #å%+":   "AB%2F12%20%23%C3%A5%25+",
		"a?b;c=d&e":    "a%3Fb%3Bc=d&e",
		"...":          "...",
		"A..B":         "A..B",
		"":             "",
		".":            "",
		"..":           "",
		"../finish":    "",
		"a/../finish":  "",
		`..\finish`:    "",
		"..;x/finish":  "",
		"%2e%2e":       "",
		"%252E%252e/x": "",
		"/":            "",
		"//":           "",
		"a\nb":         "",
		"a\x00b":       "",
		"a\x7fb":       "",
		"\xff":         "",
	} {
		got, err := segment(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q became %q (%v), want %q", text, got, err, want)
		}
	}
}

func FuzzSegment(f *testing.F) {
	for _, seed := range []string{"A-1", "../finish", "%2e%2e", "a/b", "å", "..;/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := segment(text)
		if err != nil {
			return
		}
		if got == "" || strings.ContainsAny(got, "/?#\\ ") || got == "." || got == ".." || !utf8.ValidString(got) {
			t.Fatalf("%q became %q", text, got)
		}
		r, err := http.NewRequest(http.MethodPut, "http://127.0.0.1/v1/production_orders/7/article/"+got, nil)
		if err != nil || r.URL.Path != "/v1/production_orders/7/article/"+text || r.URL.EscapedPath() != "/v1/production_orders/7/article/"+got {
			t.Fatalf("%q became %q and arrives as %q: %v", text, got, r.URL.Path, err)
		}
	})
}

func TestADateOnALabel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, event, want string }{
		{"270331", "2026-03-02", "2027-03-31"},
		{"270200", "2026-03-02", "2027-02-28"},
		{"280200", "2026-03-02", "2028-02-29"},
		{"271200", "2026-03-02", "2027-12-31"},
		{"760101", "2026-03-02", "2076-01-01"},
		{"770101", "2026-03-02", "1977-01-01"},
		{"990101", "2026-03-02", "1999-01-01"},
		{"000101", "2049-03-02", "2000-01-01"},
		{"000101", "2050-03-02", "2100-01-01"},
		{"991231", "2050-03-02", "2099-12-31"},
		{"270331", "1970-01-01", "2027-03-31"},
		{"270331", "", "2027-03-31"},
		{"2027-03-31", "2026-03-02", "2027-03-31"},
		{"271332", "2026-03-02", ""},
		{"270230", "2026-03-02", ""},
		{"270001", "2026-03-02", ""},
		{"270000", "2026-03-02", ""},
		{"271300", "2026-03-02", ""},
		{"27033", "2026-03-02", ""},
		{"27O331", "2026-03-02", ""},
		{"2027-02-30", "2026-03-02", ""},
		{"31.03.2027", "2026-03-02", ""},
	} {
		event, _ := time.Parse(time.DateOnly, c.event)
		got, err := bestBefore(c.text, event)
		if text := time.UnixMilli(got).UTC().Format(time.DateOnly); err == nil && text != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s read in %s is %s (%v), want %s", c.text, c.event, text, err, c.want)
		}
	}
}

// A script is a vendor that gives the same answers to everybody.
func script(t *testing.T, answers map[string]string) *Backend {
	t.Helper()
	return ask(t, func(method, path, _ string) string { return answers[method+" "+path] })
}

// ask is a vendor that answers by method, escaped path and the parameter query.
func ask(t *testing.T, answer func(method, path, query string) string) *Backend {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, answer(r.Method, r.URL.EscapedPath(), r.URL.Query().Get("query")))
	}))
	t.Cleanup(server.Close)
	return opened(t, server.URL+"/", nil)
}

func TestHowAnOrderStands(t *testing.T) {
	t.Parallel()
	const order = `{"orderId": 4711, "state": "1", "articles": [{"articleId": "09506000134352", "finished": 3.0, "waste": "0"}]}`
	const batches = `{"articleId": "09506000134352", "batches": [{"batchId": "B7", "serialNr": "S-1", "deliveredAmount": 2}, {"batchId": "B8", "deliveredAmount": "1"}]}`
	for sentence, c := range map[string]struct{ order, batches, want string }{
		"as the page shows it":              {order, batches, `{"finished":3,"listed":3,"batch":2,"serial":true}`},
		"the batches come as a list":        {order, "[" + batches + "]", `{"finished":3,"listed":3,"batch":2,"serial":true}`},
		"of another article":                {order, strings.Replace(batches, "09506", "19506", 1), `{"finished":3,"listed":0}`},
		"an empty list":                     {order, "[]", `{"finished":3,"listed":0}`},
		"an empty object":                   {order, "{}", `{"finished":3,"listed":0}`},
		"a batch bare":                      {order, `{"articleId": "09506000134352", "batches": {"batchId": "B7", "deliveredAmount": 2}}`, `{"finished":3,"listed":2,"batch":2}`},
		"everything quoted":                 {`{"orderId": "4711", "articles": {"articleId": "09506000134352", "finished": "3.0"}}`, "[]", `{"finished":3,"listed":0}`},
		"finished in Java's large form":     {strings.Replace(order, "3.0", "1.0E7", 1), "[]", `{"finished":10000000,"listed":0}`},
		"finished is null":                  {strings.Replace(order, "3.0", "null", 1), "[]", `{"finished":null,"listed":0}`},
		"the article is not on the order":   {`{"orderId": 4711}`, "[]", `{"finished":null,"listed":0}`},
		"another order answers":             {strings.Replace(order, "4711", "4712", 1), batches, ""},
		"an order without its id":           {`{"articles": []}`, batches, ""},
		"the order is a page":               {"<html>", batches, ""},
		"the order is cut off":              {order[:40], batches, ""},
		"the order is an error":             {`{"errorCode": 903001, "errorMessage": "No such order"}`, batches, ""},
		"the batches are an error":          {order, `{"errorCode": 900101, "errorMessage": "x"}`, ""},
		"the batches are something else":    {order, `{"pages": 1}`, ""},
		"a batch is a text":                 {order, `{"articleId": "09506000134352", "batches": ["B7"]}`, `{"finished":3,"hidden":true,"listed":0}`},
		"a delivered amount that is a word": {order, `{"articleId": "09506000134352", "batches": [{"batchId": "B7", "deliveredAmount": "two"}]}`, `{"finished":3,"hidden":true,"listed":0}`},
		"the batches are not for this key":  {order, `{"errorCode": 903001, "errorMessage": "Permission denied"}`, `{"finished":3,"hidden":true,"listed":0}`},
	} {
		b := script(t, map[string]string{"GET /4711": c.order, "GET /4711/batch": c.batches})
		before, rc := b.Look(t.Context(), b.delivery(made("batch", "B7", "serial", "S-1")))
		if string(before) != c.want || (rc.Outcome == station.Delivered) != (c.want != "") || rc.Outcome == station.Doubtful {
			t.Errorf("%s: %s, want %s (%+v)", sentence, before, c.want, rc)
		}
	}
}

// A list that does not show what is made would prove every serial absent.
func TestASerialIsNotBelievedAbsentFromAListThatDoesNotGrow(t *testing.T) {
	t.Parallel()
	b := script(t, map[string]string{
		"GET /4711":       `{"orderId": 4711, "articles": [{"articleId": "09506000134352", "finished": 4}]}`,
		"GET /4711/batch": `[]`,
	})
	d := inDoubt(b.delivery(made("serial", "S-1")))
	d.Before = []byte(`{"finished":3,"listed":0}`)
	if rc := b.Deliver(t.Context(), d); !errors.Is(rc.Err, station.ErrUndecided) {
		t.Errorf("%+v", rc)
	}
}

// Batches that nobody can read, now or beforehand, become readable for nobody: it
// is sent all the same, and a doubt is held when the settle time is over.
func TestBatchesThatCannotBeReadAreNoReasonNotToSendAndHoldADoubt(t *testing.T) {
	t.Parallel()
	const shown, garbled = `[]`, `{"articleId": "09506000134352", "batches": ["B7"]}`
	const order = `{"orderId": 4711, "articles": [{"articleId": "09506000134352", "finished": 3}]}`
	for sentence, c := range map[string]struct{ then, now string }{
		"garbled now":       {`{"finished":3,"listed":0}`, garbled},
		"garbled then":      {`{"finished":3,"hidden":true,"listed":0}`, shown},
		"garbled ever":      {`{"finished":3,"hidden":true,"listed":0}`, garbled},
		"forbidden to read": {`{"finished":3,"listed":0}`, `{"errorCode": 903001, "errorMessage": "Permission denied"}`},
	} {
		for _, what := range [][]string{{"serial", "S-1"}, {"batch", "B7"}} {
			b := script(t, map[string]string{"GET /4711": order, "GET /4711/batch": c.now, "PUT /4711/article/09506000134352": order})
			d := b.delivery(made(what...))
			if d.Before = []byte(c.then); b.Deliver(t.Context(), d).Outcome != station.Delivered {
				t.Errorf("%s, %v: not sent", sentence, what)
			}
			d = inDoubt(d)
			d.Settle = time.Second
			if rc := b.Deliver(t.Context(), d); rc.Outcome != station.Doubtful || rc.Holds() != station.HoldNone {
				t.Errorf("%s, %v, too early: %+v", sentence, what, rc)
			}
			d.Settle = 0
			if rc := b.Deliver(t.Context(), d); rc.Holds() != station.HoldUndecided {
				t.Errorf("%s, %v: %+v", sentence, what, rc)
			}
		}
	}
}

func TestWithoutKnowingWhatWasThereBeforeADoubtIsHeld(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, exclusive)
	d := inDoubt(f.delivery(made("serial", "S-1")))
	if rc := f.Deliver(t.Context(), d); !errors.Is(rc.Err, station.ErrUndecided) || len(f.Traces()) != 0 {
		t.Errorf("%+v", rc)
	}
}

func TestWhatLagerkollSays(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]station.Outcome{
		`{"orderId": 4711}`:                      station.Delivered,
		`{"orderId": "4711", "errorCode": null}`: station.Delivered,
		`{"orderId": 4712}`:                      station.Doubtful,
		`{"orderId": null}`:                      station.Doubtful,
		`{}`:                                     station.Doubtful,
		`[]`:                                     station.Doubtful,
		`{"errorCode": 903003, "errorMessage": "locked"}`:     station.Refused,
		`{"errorCode": "903003"}`:                             station.Refused,
		`{"errorCode": 900101, "errorMessage": "went wrong"}`: station.Doubtful,
		`{"errorCode": "what", "orderId": 4711}`:              station.Doubtful,
		`{"errorCode": 0, "orderId": 4711}`:                   station.Doubtful,
		`{"errorCode": 900001}`:                               station.Unreached,
		`{"errorCode": 900429}`:                               station.Unreached,
	} {
		b := script(t, map[string]string{"PUT /4711/article/" + soup: answer})
		d := b.delivery(made())
		d.Before = []byte(`{"finished":0,"listed":0}`)
		if rc := b.Deliver(t.Context(), d); rc.Outcome != want {
			t.Errorf("%s: %+v", answer, rc)
		}
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestTheSectionSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	good := Section{URL: "https://capi.lagerkoll.com/v1/production_orders/", Store: "1001", Rate: "60/min"}
	good.Key.File = "/etc/stationd/lagerkoll.key"
	for sentence, c := range map[string]struct {
		change func(*Section)
		want   []string
	}{
		"a good one has no fault":                  {func(s *Section) {}, nil},
		"a person's login":                         {func(s *Section) { s.UserToken = s.Key; s.UserID = "17"; s.Key.File = "" }, nil},
		"both ways to log in":                      {func(s *Section) { s.UserToken = s.Key; s.UserID = "17" }, []string{"key"}},
		"half a login":                             {func(s *Section) { s.Key.File = ""; s.UserID = "17" }, []string{"user_id"}},
		"no login and no store":                    {func(s *Section) { s.Key.File = ""; s.Store = "" }, []string{"store", "key"}},
		"a store that would be two header lines":   {func(s *Section) { s.Store = "1\r\nx: y" }, []string{"store"}},
		"a rate above the account's":               {func(s *Section) { s.Rate = "4/s" }, []string{"rate"}},
		"a rate that is none":                      {func(s *Section) { s.Rate = "60" }, []string{"rate"}},
		"a rate of nothing":                        {func(s *Section) { s.Rate = "0/min" }, []string{"rate"}},
		"no rate at all is this station's share":   {func(s *Section) { s.Rate = "" }, nil},
		"a settle time that is shorter than a try": {func(s *Section) { s.Settle = time.Second }, []string{"settle"}},
	} {
		s := good
		c.change(&s)
		var got []string
		s.Check(func(key, text string) { got = append(got, key) })
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", sentence, diff)
		}
	}
	if got := good.To(); got != "https://capi.lagerkoll.com/v1/production_orders/ store 1001" {
		t.Errorf("to: %s", got)
	}
	if good.SettleTime() != time.Minute {
		t.Errorf("settle: %v", good.SettleTime())
	}
}

func FuzzOutcome(f *testing.F) {
	for _, seed := range []string{
		`{"orderId": 4711}`, `{"errorCode": 903003}`, `[{"articleId": "x", "batches": []}]`, `{"orderId": 4711, "articles": [{"articleId": "09506000134352", "finished": 1}]}`, "<html>", "",
	} {
		f.Add(200, seed)
	}
	var status int
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	f.Cleanup(server.Close)
	f.Fuzz(func(t *testing.T, s int, text string) {
		if s < 200 || s > 599 {
			return
		}
		status, body = s, text
		b := opened(t, server.URL+"/", nil)
		first := b.delivery(made("serial", "S-1"))
		first.Before = []byte(`{"finished":0,"listed":0}`)
		for _, d := range []station.Delivery{first, inDoubt(first), b.delivery(made())} {
			rc := b.Deliver(context.Background(), d)
			if rc.Outcome < station.Delivered || rc.Outcome > station.Doubtful {
				t.Fatalf("no outcome: %+v", rc)
			}
			if rc.Outcome == station.Delivered && (s > 299 || !strings.Contains(text, "orderId")) {
				t.Fatalf("delivered by %d %q", s, text)
			}
		}
	})
}
