package api

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stationd/internal/api/apitest"
	"stationd/internal/station"
)

// Of two name servers the first is dead. The call goes out with the second's
// answer, and only the first of many look-ups waits for the dead one. Where both
// are dead, the last good answer serves.
func TestADeadNameServerCostsACallItsFirstLookUpAlone(t *testing.T) {
	t.Parallel()
	if !apitest.InNamespace(t, "what a dead name server costs") {
		return
	}
	first, second := apitest.NewNameServer(t, "127.0.0.2"), apitest.NewNameServer(t, "127.0.0.3")
	first.Dead.Store(true)
	apitest.ResolvConf(t, "nameserver 127.0.0.2\nnameserver 127.0.0.3\n")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close") // each call looks up and connects anew
		io.WriteString(w, "yes")
	}))
	t.Cleanup(server.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	var said strings.Builder
	c := New(Settings{Base: "http://acme.example.com:" + port + "/", Keys: []Key{canaryKey(t)}, Log: slog.New(slog.NewTextHandler(&said, nil))})
	call := func() {
		t.Helper()
		if _, rc := c.Do(t.Context(), Request{Method: http.MethodPost, Path: "dispatches/open/", Interpret: plainly}); rc.Outcome != station.Delivered {
			t.Fatal(rc.Err)
		}
	}
	call()
	before := first.Asked.Load()
	if before == 0 {
		t.Fatal("the dead name server was never asked: there was nothing to prove")
	}
	call()
	call()
	if now := first.Asked.Load(); now != before {
		t.Errorf("the dead name server is asked again, %d times", now-before)
	}
	if !strings.Contains(said.String(), "127.0.0.2:53") {
		t.Errorf("the log does not name it: %s", said.String())
	}
	second.Dead.Store(true)
	call()
	// While both are silent, the one that was left out is asked again.
	first.Dead.Store(false)
	before = first.Asked.Load()
	for range 3 {
		call()
	}
	if first.Asked.Load() == before {
		t.Error("the first answers again, and is not asked")
	}
}
