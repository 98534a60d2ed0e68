package lagerkoll

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"stationd/internal/station"
)

// mostAllocs is how often one call of the client may allocate, besides what
// net/http allocates for the bare round trip.
const mostAllocs = 50

// oneAnswer is a vendor that gives everybody the same answer and allocates
// nothing for it, so that what is counted is the client's alone.
func oneAnswer(t testing.TB, body string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for request := make([]byte, 64<<10); ; {
					n, err := conn.Read(request)
					if err != nil {
						return
					}
					if bytes.HasSuffix(request[:n], []byte("\r\n\r\n")) { // a request without a body, whole
						conn.Write(answer)
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String() + "/"
}

const smallOrder = `{"orderId":4711,"prReference":"PO-4711","state":"2","articles":[]}`

// It counts the allocations of the whole process, so nothing runs beside it.
func TestACallAllocatesLittle(t *testing.T) {
	base := oneAnswer(t, smallOrder)
	b := opened(t, base, nil)
	whole := testing.AllocsPerRun(200, func() {
		if _, rc := b.putEmpty(t.Context(), "4711", "/finish"); rc.Outcome != station.Delivered {
			t.Fatal(rc.Err)
		}
	})
	bare := testing.AllocsPerRun(200, func() {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, base+"4711/finish", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	})
	t.Logf("%g allocations a call, %g of them net/http's own", whole, bare)
	if whole-bare >= mostAllocs {
		t.Errorf("a call allocates %g times more than net/http, and %d is the limit", whole-bare, mostAllocs)
	}
}

func BenchmarkCall(b *testing.B) {
	backend := opened(b, oneAnswer(b, smallOrder), nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, rc := backend.putEmpty(b.Context(), "4711", "/finish"); rc.Outcome != station.Delivered {
			b.Fatal(rc.Err)
		}
	}
}

// manyOrders is a list of orders of about a mebibyte, as Lagerkoll prints it.
func manyOrders() []byte {
	var body bytes.Buffer
	body.WriteString(`{"ordersCount":1300,"pages":1,"pageSize":2000,"page":0,"orders":[`)
	for i := 0; body.Len() < 1<<20; i++ {
		if i > 0 {
			body.WriteByte(',')
		}
		id := strconv.Itoa(4000 + i)
		body.WriteString(`{"finishedAmount":3308.1140441303323,"orderId":` + id + `,"endDate":1714103893599,"prReference":"PO-` + id + `","customerOrderId":3254,"workHours":9523.770417007285,"internalReference":"internalReference","singleArticles":[{"articleId":"articleId","singleArticles":[{"totalAmount":8231.930031423013,"hasStockValue":false,"singleArticleId":"singleArticleId","singleArticleName":"singleArticleName","articleId":"articleId","purchasePrice":1759.1915612835908,"partAmount":760.2182527938218,"totalReserved":2618.0625495217955}]}],"customerOrderExternalId":"customerOrderExternalId","totalAmount":2282.9264045071827,"name":"name","comment":"comment","finishDate":1714103893599,"storeState":9351,"state":"0","articles":[{"waste":"0","amount":6140.247826094332,"articleName":"articleName","productionOrderId":7408,"articleId":"articleId","accuracy":4217.176608674109,"finished":4413.355888439972,"time":4983.201567751907,"status":9219}],"startDate":1714103893599,"reserveInDepth":"false"}`)
	}
	body.WriteString("]}")
	return body.Bytes()
}

// plainPage is the same answer in types that take only what is printed there.
type plainPage struct {
	Page        int64        `json:"page"`
	Pages       int64        `json:"pages"`
	PageSize    int64        `json:"pageSize"`
	OrdersCount int64        `json:"ordersCount"`
	Orders      []plainOrder `json:"orders"`
}

type plainOrder struct {
	OrderID                 int64          `json:"orderId"`
	PrReference             string         `json:"prReference"`
	CustomerOrderID         int64          `json:"customerOrderId"`
	CustomerOrderExternalID string         `json:"customerOrderExternalId"`
	InternalReference       string         `json:"internalReference"`
	Name                    string         `json:"name"`
	Comment                 string         `json:"comment"`
	StartDate               int64          `json:"startDate"`
	EndDate                 int64          `json:"endDate"`
	FinishDate              int64          `json:"finishDate"`
	WorkHours               float64        `json:"workHours"`
	State                   string         `json:"state"`
	ReserveInDepth          string         `json:"reserveInDepth"`
	StoreState              int64          `json:"storeState"`
	TotalAmount             float64        `json:"totalAmount"`
	FinishedAmount          float64        `json:"finishedAmount"`
	Articles                []plainArticle `json:"articles"`
	SingleArticles          []plainGroup   `json:"singleArticles"`
}

type plainArticle struct {
	ProductionOrderID int64   `json:"productionOrderId"`
	ArticleID         string  `json:"articleId"`
	ArticleName       string  `json:"articleName"`
	Time              float64 `json:"time"`
	Amount            float64 `json:"amount"`
	Finished          float64 `json:"finished"`
	Waste             string  `json:"waste"`
	Status            int64   `json:"status"`
	Accuracy          float64 `json:"accuracy"`
}

type plainGroup struct {
	ArticleID      string        `json:"articleId"`
	SingleArticles []plainSingle `json:"singleArticles"`
}

type plainSingle struct {
	ArticleID         string  `json:"articleId"`
	SingleArticleID   string  `json:"singleArticleId"`
	SingleArticleName string  `json:"singleArticleName"`
	TotalReserved     float64 `json:"totalReserved"`
	TotalAmount       float64 `json:"totalAmount"`
	PartAmount        float64 `json:"partAmount"`
	PurchasePrice     float64 `json:"purchasePrice"`
	HasStockValue     bool    `json:"hasStockValue"`
}

// BenchmarkDecodeOrders decodes a mebibyte of orders, and with encoding/json alone,
// by turns: x-json is how many times as long ours takes, which is to stay below 3.
func BenchmarkDecodeOrders(b *testing.B) {
	body := manyOrders()
	var ours, theirs time.Duration
	for b.Loop() {
		start := time.Now()
		page, ok := readPage(body)
		if !ok || errorOf(body) != nil || len(page.Orders) < 500 {
			b.Fatal("the list cannot be read")
		}
		ours += time.Since(start)

		start = time.Now()
		var plain plainPage
		if err := json.Unmarshal(body, &plain); err != nil || len(plain.Orders) < 500 {
			b.Fatal(err)
		}
		theirs += time.Since(start)
	}
	b.ReportMetric(float64(ours)/float64(theirs), "x-json")
}
