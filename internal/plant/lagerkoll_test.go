package plant

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const soup = "09506000134352"

func TestATracedArticleIsProducedAndItsBatchIsShown(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	body := `{"articleId":"` + soup + `","amount":1,"batch":"B1","serial":"S1","bestBefore":1790000000000,"barcode":"]d201` + soup + `",
		"limitPartAmounts":false,"partTraceability":[{"articleId":"09506000134383","amount":1,"batch":"T7","serial":["T7-1"]}]}`
	a := lager(t, p, "PUT", "4711/article/"+soup, body)
	if a.status != 200 || a.json["finishedAmount"] != 1.0 {
		t.Fatal(a.text)
	}
	article := a.json["articles"].([]any)[0].(map[string]any)
	if article["finished"] != 1.0 || article["waste"] != "0" || a.json["state"] != "1" || a.json["reserveInDepth"] != "false" {
		t.Errorf("what the seed prints in quotes is not: %s", a.text)
	}
	var batches []struct {
		ArticleID string
		Batches   []struct {
			BatchID, SerialNr string
			DeliveredAmount   float64
			BestBefore        int64
		}
	}
	if err := json.Unmarshal([]byte(lager(t, p, "GET", "4711/batch", "").text), &batches); err != nil {
		t.Fatal(err)
	}
	if len(batches) != 2 || batches[0].ArticleID != soup || len(batches[0].Batches) != 1 || batches[0].Batches[0].SerialNr != "S1" || batches[0].Batches[0].BestBefore != 1790000000000 {
		t.Errorf("%+v", batches)
	}
	tr := p.Traces()
	if len(tr) != 1 || tr[0].Batch != "B1" || tr[0].Serial != "S1" || len(tr[0].Parts) != 1 || tr[0].Parts[0].Serials[0] != "T7-1" {
		t.Errorf("%+v", tr)
	}
	content(t, p)
}

func TestTheSameTraceSentTwiceIsProducedTwice(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pos  Position
		want float64
	}{{Stands, 4}, {Otherwise, 2}} {
		p := served(t, with(TraceAdds, tt.pos))
		for range 2 {
			lager(t, p, "PUT", "4711/article/"+soup, `{"amount":2,"batch":"B1"}`)
		}
		o := p.Orders()[0]
		if o.Articles[0].Finished != tt.want || len(o.Batches) != 1 || o.Batches[0].Amount != tt.want || len(p.Traces()) != 2 {
			t.Errorf("trace-adds %q: %+v", tt.pos, o)
		}
	}
}

func TestAnArticleIDMayCarryASlash(t *testing.T) {
	t.Parallel()
	s := Demo()
	s.Articles = append(s.Articles, Article{ID: "AB/12 å"})
	s.Orders[0].Articles = append(s.Orders[0].Articles, OrderArticle{Article: "AB/12 å", Amount: 5})
	p := served(t, s)
	for _, path := range []string{"AB%2F12%20%C3%A5", "AB/12%20%C3%A5"} {
		if a := lager(t, p, "PUT", "4711/article/"+path, `{"amount":1}`); a.status != 200 {
			t.Errorf("%s: %s", path, a.text)
		}
	}
	if f := p.Orders()[0].Articles[2].Finished; f != 2 {
		t.Errorf("finished %g", f)
	}
}

func TestAnOrderIsCreatedStartedAndFinished(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	next := lager(t, p, "GET", "pr_ref/next_id", "").json["prReference"]
	a := lager(t, p, "POST", "", fmt.Sprintf(`{"prReference":%q,"name":"Night","internalReference":"[sd-MFRGGZDFMY]","customerOrderId":1,"startDate":1790000000000}`, next))
	if a.status != 200 || a.json["prReference"] != next || a.json["startDate"] != 1790000000000.0 {
		t.Fatal(a.text)
	}
	if again := lager(t, p, "POST", "", fmt.Sprintf(`{"prReference":%q}`, next)); again.status != 400 || again.json["errorCode"] != 903002.0 {
		t.Errorf("the same reference again: %s", again.text)
	}
	id := text64(a.json["orderId"])
	if found := lager(t, p, "GET", fmt.Sprintf("production_orders_state?state_from=0&state_to=3&query=%v", next), ""); found.json["ordersCount"] != 1.0 {
		t.Errorf("by its reference: %s", found.text)
	}
	if a := lager(t, p, "POST", id+"/article", `{"articleId":"`+soup+`","amount":10}`); a.status != 200 {
		t.Error(a.text)
	}
	if a := lager(t, p, "PUT", id+"?startProduction=true", `{"orderId":`+id+`,"name":"Night"}`); a.json["state"] != "1" || a.json["internalReference"] != "" {
		t.Errorf("a PUT replaces the whole order: %s", a.text)
	}
	if a := lager(t, p, "PUT", id+"/article", `{"articleId":"`+soup+`","finished":7,"waste":1}`); a.json["finishedAmount"] != 7.0 {
		t.Error(a.text)
	}
	if a := lager(t, p, "PUT", id+"/finish", ""); a.json["state"] != "2" || a.json["finishDate"] == nil {
		t.Error(a.text)
	}
	for _, late := range []reply{lager(t, p, "PUT", id+"/finish", ""), lager(t, p, "PUT", id+"/cancel", ""), lager(t, p, "PUT", id+"/article/"+soup, `{"amount":1}`)} {
		if late.status != 400 || late.json["errorCode"] != 903003.0 {
			t.Errorf("after its end: %s", late.text)
		}
	}
	content(t, p)
}

func TestEveryReadingOperationAnswers(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	for path, want := range map[string]string{
		"4711":                            `"orderId":4711`,
		"4711/batch":                      `"countBatch":0`,
		"4711/products/flat?order=desc":   `"articleId":"09506000134383"`,
		"4711/pickinglist/print":          `"articles"`,
		"state/1":                         `"ordersCount":1`,
		"state/1?from=1&to=2":             `"ordersCount":0`,
		"customer_order/1":                `"ordersCount":0`,
		"article/" + soup:                 `"ordersCount":1`,
		"production_orders_state":         `"pageSize":20`,
		"production_orders_state?limit=1": `"pages":2`,
		"pr_ref/next_id":                  `"prReference":"P00001"`,
	} {
		if a := lager(t, p, "GET", path, ""); a.status != 200 || !strings.Contains(a.text, want) {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
	r := lagerRequest(t, p, "GET", "4711/pickinglist/print", "")
	r.Header.Set("Accept", "application/pdf")
	if a := send(t, r); !strings.HasPrefix(a.text, "%PDF-") {
		t.Errorf("picking list: %s", a.text)
	}
	if a := lager(t, p, "POST", "customer_order/2", ""); a.json["customerOrderId"] != 2.0 {
		t.Error(a.text)
	}
	if a := lager(t, p, "DELETE", "4711/article/"+soup, ""); a.status != 200 || strings.Contains(a.text, soup) {
		t.Error(a.text)
	}
	if a := lager(t, p, "PUT", "4712/cancel", ""); a.json["state"] != "3" {
		t.Error(a.text)
	}
	content(t, p)
}

func TestWhatNoTextOfLagerkollAllowsIsRefusedAloud(t *testing.T) {
	t.Parallel()
	trace := "4711/article/" + soup
	for name, tt := range map[string]struct{ method, path, body, of string }{
		"an unknown field":                       {"PUT", trace, `{"amount":1,"lot":"B1"}`, "unknown field lot"},
		"a quoted amount":                        {"PUT", trace, `{"amount":"1"}`, "amount has the wrong type"},
		"a quoted flag":                          {"PUT", trace, `{"amount":1,"limitPartAmounts":"true"}`, "limitPartAmounts has the wrong type"},
		"a number as a serial":                   {"PUT", trace, `{"amount":1,"serial":7}`, "serial has the wrong type"},
		"a broken number as best before":         {"PUT", trace, `{"amount":1,"bestBefore":1.5}`, "bestBefore has the wrong type"},
		"best before in seconds":                 {"PUT", trace, `{"amount":1,"bestBefore":1790000000}`, "no time in milliseconds"},
		"an object as a part's serial":           {"PUT", trace, `{"amount":1,"partTraceability":[{"articleId":"09506000134383","amount":1,"serial":[{}]}]}`, "serial holds a wrong element"},
		"an unknown part":                        {"PUT", trace, `{"amount":1,"partTraceability":[{"articleId":"9","amount":1}]}`, "unknown part"},
		"no amount":                              {"PUT", trace, `{}`, "amount is 0"},
		"another article in the body":            {"PUT", trace, `{"articleId":"1","amount":1}`, "in the path"},
		"an unknown parameter":                   {"PUT", trace + "?scrap=1", `{"amount":1}`, "unknown parameter scrap"},
		"two objects":                            {"PUT", trace, `{"amount":1}{"amount":1}`, "more in the body"},
		"an update that does not name its order": {"PUT", "4711", `{"name":"x"}`, "orderId in the body"},
		"a read-only list in a new order":        {"POST", "", `{"articles":[]}`, "unknown field articles"},
		"a body where none is due":               {"PUT", "4711/finish", `{}`, "a body where none is due"},
		"a path with two slashes":                {"GET", "/4711", ``, "no such operation"},
		"an article without a name":              {"PUT", "4711/article/", `{"amount":1}`, "no such operation"},
		"a verb that the path does not have":     {"DELETE", "4711", ``, "no such operation"},
		"a state that does not exist":            {"GET", "state/4", ``, "none of 0 to 3"},
		"a page that is not a number":            {"GET", "state/1?page=x", ``, "no allowed value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := served(t, Demo())
			a := lager(t, p, tt.method, tt.path, tt.body)
			if a.status < 400 || a.json["errorCode"] == nil {
				t.Errorf("%d %s", a.status, a.text)
			}
			complains(t, p, tt.of)
			if len(p.Traces()) != 0 || p.Orders()[0].Articles[0].Finished != 0 {
				t.Error("it was done all the same")
			}
		})
	}
}

func TestCredentialsAreOfOneKind(t *testing.T) {
	t.Parallel()
	s := Demo()
	s.UserID, s.UserToken = "7", "demo-user-token"
	p := served(t, s)
	for _, tt := range []struct {
		name   string
		header map[string]string
		good   bool
	}{
		{"a machine's key", map[string]string{"store": "1001", "api_key": s.APIKey}, true},
		{"a person's login", map[string]string{"store": "1001", "user_id": "7", "user_token": s.UserToken}, true},
		{"both", map[string]string{"store": "1001", "api_key": s.APIKey, "user_id": "7", "user_token": s.UserToken}, false},
		{"a key beside an empty login", map[string]string{"store": "1001", "api_key": s.APIKey, "user_id": ""}, false},
		{"half a login", map[string]string{"store": "1001", "user_token": s.UserToken}, false},
		{"a wrong key", map[string]string{"store": "1001", "api_key": "x"}, false},
		{"another store", map[string]string{"store": "1002", "api_key": s.APIKey}, false},
		{"no store", map[string]string{"api_key": s.APIKey}, false},
		{"nothing", map[string]string{}, false},
	} {
		r := request(t, "GET", p.LagerkollURL()+"4711", "")
		r.Header.Set("Accept", "application/json")
		for k, v := range tt.header {
			r.Header.Set(k, v)
		}
		a := send(t, r)
		if good := a.status == 200; good != tt.good || !good && (a.status != 401 || a.json["errorCode"] != 900001.0) {
			t.Errorf("%s: %d %s", tt.name, a.status, a.text)
		}
	}
}

func TestAnErrorLooksAsTheSeedPrintsIt(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	want := `{"errorCode":903001,"errorMessage":"There is no production order 1","errorField":null,"errorData":null}`
	if a := lager(t, p, "GET", "1", ""); a.text != want || a.status != 400 {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func TestAnAccountHas200RequestsAMinute(t *testing.T) {
	t.Parallel()
	p, err := Open(Demo())
	if err != nil {
		t.Fatal(err)
	}
	defer p.cable.Close()
	synctest.Test(t, func(t *testing.T) {
		ask := func() *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, lagerkollRoot+"4711", nil)
			r.Header.Set("store", p.config.Store)
			r.Header.Set("api_key", p.config.APIKey)
			r.Header.Set("Accept", "application/json")
			p.Handler().ServeHTTP(w, r)
			return w
		}
		for i := range 200 {
			if w := ask(); w.Code != 200 {
				t.Fatalf("request %d: %d", i+1, w.Code)
			}
			time.Sleep(100 * time.Millisecond)
		}
		w := ask() // 20 s into the minute
		if w.Code != 429 || w.Header().Get("Retry-After") != "40" || !strings.Contains(w.Body.String(), "900429") {
			t.Fatalf("request 201: %d, Retry-After %q, %s", w.Code, w.Header().Get("Retry-After"), w.Body)
		}
		time.Sleep(40 * time.Second)
		if w := ask(); w.Code != 200 {
			t.Errorf("after Retry-After: %d", w.Code)
		}
	})
}

func TestLagerkollBehavesAsItsSwitchesSay(t *testing.T) {
	t.Parallel()
	trace := "4711/article/" + soup
	status := func(n int) func(reply) bool { return func(a reply) bool { return a.status == n } }
	has := func(s string) func(reply) bool { return func(a reply) bool { return strings.Contains(a.text, s) } }
	for _, tt := range []struct {
		a                  Assumption
		pos                Position
		method, path, body string
		want               func(reply) bool
	}{
		{ErrorIs400, Otherwise, "GET", "1", "", func(a reply) bool { return a.status == 200 && a.json["errorCode"] == 903001.0 }},
		{QuotedAnswers, Otherwise, "GET", "4711", "", has(`"state":1`)},
		{NativeRequests, Otherwise, "PUT", trace, `{"amount":1,"limitPartAmounts":"true"}`, status(200)},
		{TraceAdds, Otherwise, "PUT", trace, `{"amount":3}`, has(`"finishedAmount":3`)},
		{TraceWaste, Refused, "PUT", trace + "?waste=2", `{"amount":3}`, status(400)},
		{TraceWaste, Ignored, "PUT", trace + "?waste=2", `{"amount":3}`, has(`"waste":"0"`)},
		{TraceWaste, Stands, "PUT", trace + "?waste=2", `{"amount":3}`, has(`"waste":"2"`)},
		{BatchList, Otherwise, "GET", "4711/batch", "", func(a reply) bool { return a.json["articleId"] == soup }},
		{BatchReadable, Refused, "GET", "4711/batch", "", status(400)},
		{BatchReadable, Ignored, "GET", "4711/batch", "", has(`"batches":[]`)},
		{QueryByReference, Refused, "GET", "production_orders_state?query=PO-4711", "", status(400)},
		{QueryByReference, Ignored, "GET", "production_orders_state?query=PO-4711", "", has(`"ordersCount":2`)},
		{OrdersInEnvelope, Otherwise, "GET", "production_orders_state", "", func(a reply) bool { return strings.HasPrefix(a.text, "[{") }},
		{QueryByReference, Otherwise, "GET", "production_orders_state?query=PO-4711", "", has(`"ordersCount":0`)},
		{QueryByReference, Otherwise, "GET", "production_orders_state?query=morning", "", has(`"ordersCount":1`)},
		{ArticleOnce, Stands, "POST", "4711/article", `{"articleId":"` + soup + `","amount":7}`, status(400)},
		{ArticleOnce, Ignored, "POST", "4711/article", `{"articleId":"` + soup + `","amount":7}`, has(`"amount":7`)},
		{InternalReturned, Ignored, "POST", "", `{"internalReference":"I-7"}`, has(`"internalReference":""`)},
		{ReferenceUnique, Ignored, "POST", "", `{"prReference":"PO-4711"}`, status(200)},
		{UpdateReplaces, Otherwise, "PUT", "4711", `{"orderId":4711}`, has(`"name":"Soup, morning"`)},
		{ArticleSets, Otherwise, "PUT", "4711/article", `{"articleId":"` + soup + `","finished":3}`, has(`"finishedAmount":5`)},
		{EndTwiceRefused, Otherwise, "PUT", "4712/cancel", "", status(200)},
		{BestBeforeMillis, Ignored, "PUT", trace, `{"amount":1,"bestBefore":20260302}`, status(200)},
		{SlashEncoded, Refused, "PUT", "4711/article/A%2F1", `{"amount":1}`, status(404)},
	} {
		t.Run(fmt.Sprintf("%s is %q", tt.a, tt.pos), func(t *testing.T) {
			t.Parallel()
			s := with(tt.a, tt.pos)
			if tt.a == ArticleSets {
				s.Orders[0].Articles[0].Finished = 2
			}
			p := served(t, s)
			if tt.a == EndTwiceRefused {
				lager(t, p, tt.method, tt.path, tt.body)
			}
			if a := lager(t, p, tt.method, tt.path, tt.body); !tt.want(a) {
				t.Errorf("%d %s", a.status, a.text)
			}
		})
	}
	t.Run("a wrong key is answered as any other error", func(t *testing.T) {
		t.Parallel()
		p := served(t, with(CredentialsAre401, Otherwise))
		r := lagerRequest(t, p, "GET", "4711", "")
		r.Header.Set("api_key", "x")
		if a := send(t, r); a.status != 400 || a.json["errorCode"] != 900001.0 {
			t.Errorf("%d %s", a.status, a.text)
		}
	})
}
