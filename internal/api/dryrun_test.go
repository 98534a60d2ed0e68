package api

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"stationd/internal/station"
)

func TestARehearsalSendsNothingThatChangesAnythingAndShowsNoKey(t *testing.T) {
	t.Parallel()
	var heard atomic.Int32
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard.Add(1)
		if r.Method != http.MethodGet {
			t.Errorf("the vendor was told %s %s", r.Method, r.URL.Path)
		}
		_, _ = io.WriteString(w, "yes")
	}))
	defer vendor.Close()
	key, err := NewKey("sec+ret/7f3c")
	if err != nil {
		t.Fatal(err)
	}
	var shown []DryRunRequest
	c := New(Settings{Base: vendor.URL + "/", Keys: []Key{key}, Log: slog.New(slog.DiscardHandler)})
	ctx := WithDryRun(t.Context(), func(r DryRunRequest) { shown = append(shown, r) })
	says := func([]byte) Answer { return Answer{Word: Yes} }
	query := url.Values{"auth": {key.Reveal()}}
	if _, rc := c.Do(ctx, Request{Method: http.MethodGet, Path: "read", Query: query, Interpret: says}); rc.Outcome != station.Delivered {
		t.Errorf("a read comes to %v: %v", rc.Outcome, rc.Err)
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		_, rc := c.Do(ctx, Request{Method: method, Path: "do", Query: query, Interpret: says,
			Header: http.Header{"Api_key": {key.Reveal()}}, Body: []byte(query.Encode())})
		if rc.Outcome != station.Unreached || rc.Err == nil || errors.Is(rc.Err, station.ErrKey) {
			t.Errorf("%s comes to %v: %v", method, rc.Outcome, rc.Err)
		}
	}
	if heard.Load() != 1 || len(shown) != 4 || !shown[0].Sent || shown[1].Sent {
		t.Fatalf("the vendor heard %d requests, shown were %+v", heard.Load(), shown)
	}
	for _, r := range shown {
		text := r.URL + strings.Join(r.Header["Api_key"], "") + r.Body
		if strings.Contains(text, "sec") || !strings.Contains(text, "auth=<key>") {
			t.Errorf("it is shown as %q", text)
		}
	}
	if r := shown[1]; r.Header["Api_key"][0] != "<key>" || r.Body != "auth=<key>" || r.Header.Get("User-Agent") != "stationd" {
		t.Errorf("it is shown as %+v", r)
	}
}
