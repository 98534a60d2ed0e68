package l2l

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

// a vendor that answers each request on a connection with the same bytes, and
// allocates nothing itself, so that what is counted is the client's alone.
func canned(t testing.TB, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	whole := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				request := make([]byte, 16<<10)
				for {
					// A small request arrives in one piece on the loopback.
					if n, err := conn.Read(request); n == 0 || err != nil {
						return
					}
					if _, err := conn.Write(whole); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String() + "/"
}

// calls are what a station asks most often.
func (b *Backend) costly() map[string]func(t testing.TB) {
	closing := b.delivery(dispatchClose, "90017", nil)
	opening := b.delivery(dispatchOpen, "", help())
	good := func(t testing.TB, rc station.Receipt) {
		if rc.Outcome != station.Delivered {
			t.Fatal(rc.Err)
		}
	}
	return map[string]func(t testing.TB){
		"closing a call":           func(t testing.TB) { good(t, b.Deliver(t.Context(), closing)) },
		"opening a call":           func(t testing.TB) { good(t, b.Deliver(t.Context(), opening)) },
		"reading a call's record":  func(t testing.TB) { _, _, rc := b.dispatchOf(t.Context(), "90017"); good(t, rc) },
		"reading the line's order": func(t testing.TB) { _, rc := b.current(t.Context(), Line{Code: "PACK4"}); good(t, rc) },
	}
}

const shownCall = `{"success": true, "data": {"id": 90017, "dispatchnumber": 2871836, "site": 12, "machinecode": "SEAL-1", "linecode": "PACK4",
	"dispatchtypecode": "MAINT", "description": "[sd-MFRGGZDFMY] Help needed", "reported": "2026-03-02 06:00:10", "open": "T", "status": 4}}`

// bare makes the round trip that net/http makes of a call, with the same time
// limits and nothing else: what it allocates nobody who uses net/http can save.
func bare(t testing.TB, url string) func(t testing.TB) {
	transport := &http.Transport{ResponseHeaderTimeout: 30 * time.Second}
	t.Cleanup(transport.CloseIdleConnections)
	return func(t testing.TB) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("site=12"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}
	}
}

// It is not parallel: it counts what the whole process allocates. The race
// detector makes net/http allocate more, and so stands on both sides.
func TestACallToL2LAllocatesLittle(t *testing.T) {
	url := canned(t, shownCall)
	count := func(call func(testing.TB)) float64 {
		call(t) // connects
		return testing.AllocsPerRun(200, func() { call(t) })
	}
	floor := count(bare(t, url))
	for sentence, call := range opened(t, url, "").costly() {
		n := count(call)
		t.Logf("%s allocates %.0f times, %.0f of them in net/http", sentence, n, floor)
		// A request that can be torn when it is given up costs a few of them.
		if n-floor > 48 {
			t.Errorf("%s allocates %.0f times more than net/http does", sentence, n-floor)
		}
	}
}

func BenchmarkCall(bench *testing.B) {
	b := opened(bench, canned(bench, shownCall), "")
	for sentence, call := range b.costly() {
		bench.Run(strings.ReplaceAll(sentence, " ", "-"), func(bench *testing.B) {
			bench.ReportAllocs()
			for bench.Loop() {
				call(bench)
			}
		})
	}
}

// megabyte is an answer with a list of orders, a million bytes long.
func megabyte() []byte {
	var all bytes.Buffer
	all.WriteString(`{"success": true, "data": [`)
	for i := 0; all.Len() < 1_000_000; i++ {
		if i > 0 {
			all.WriteByte(',')
		}
		fmt.Fprintf(&all, `{"id": %d, "externalid": "PO-100-%d", "site": 12, "line": 71, "linecode": "PACK4", "product": 3001, "status": 4, `+
			`"schedule_start_date": "2026-03-02 06:00:00", "demand": 500, "actual": 12.5, "comment": "first come, first served"}`, 8801+i, i)
	}
	all.WriteString(`], "offset": 0, "limit": 2000}`)
	return all.Bytes()
}

// plainOrders is what encoding/json alone makes of such a list.
type plainOrders struct {
	Success bool `json:"success"`
	Data    []struct {
		ID         int64  `json:"id"`
		ExternalID string `json:"externalid"`
		Line       string `json:"linecode"`
		Product    int64  `json:"product"`
		Status     int    `json:"status"`
		Start      string `json:"schedule_start_date"`
	} `json:"data"`
}

func (b *Backend) decode(t testing.TB, body []byte) []Order {
	var answer envelope[shownOrder]
	if said := answer.says(body); said.Word != api.Yes {
		t.Fatal(said)
	}
	rows, err := rowsOf(answer.Data, station.Receipt{Outcome: station.Delivered}, "", b.order)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func BenchmarkDecodeAMegabyteOfOrders(bench *testing.B) {
	body := megabyte()
	b := opened(bench, "http://127.0.0.1/", "")
	bench.Run("stationd", func(bench *testing.B) {
		bench.ReportAllocs()
		bench.SetBytes(int64(len(body)))
		for bench.Loop() {
			b.decode(bench, body)
		}
	})
	bench.Run("encoding-json-alone", func(bench *testing.B) {
		bench.ReportAllocs()
		bench.SetBytes(int64(len(body)))
		for bench.Loop() {
			var rows plainOrders
			if err := json.Unmarshal(body, &rows); err != nil {
				bench.Fatal(err)
			}
		}
	})
}
