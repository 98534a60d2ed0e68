package api

import (
	"crypto/tls"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"stationd/internal/station"
)

// A handshake costs a small board more than the request. Requests that follow one
// another within the idle time go over one connection; the next one after it
// makes another.
func TestOneTLSHandshakeAnIdlePeriod(t *testing.T) {
	t.Parallel()
	var handshakes atomic.Int32
	closed := make(chan struct{}, 10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "yes") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)

	c := New(Settings{Base: server.URL + "/", Keys: []Key{canaryKey(t)}, Every: time.Microsecond, Log: slog.New(slog.DiscardHandler)})
	c.routing.transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	c.routing.transport.TLSClientConfig.VerifyConnection = func(tls.ConnectionState) error {
		handshakes.Add(1)
		return nil
	}
	c.routing.transport.IdleConnTimeout = 500 * time.Millisecond // so as not to wait for idleTime
	for period := int32(1); period <= 2; period++ {
		for range 20 {
			if _, rc := c.Do(t.Context(), Request{Method: http.MethodPost, Path: "dispatches/open/", Body: []byte("site=12"), Interpret: plainly}); rc.Outcome != station.Delivered {
				t.Fatal(rc.Err)
			}
		}
		if n := handshakes.Load(); n != period {
			t.Errorf("%d handshakes in %d periods", n, period)
		}
		<-closed
	}
}
