package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"stationd/internal/httpserver"
	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
)

func TestAPortThatIsTakenIsAClearError(t *testing.T) {
	t.Parallel()
	s := open(t, operatortest.Quiet(), "en")
	_, err := Open(s.Addr().String(), shown(operatortest.Quiet(), "en"), quietLog())
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "another program listens at "+s.Addr().String()) {
		t.Errorf("the error is %v", err)
	}
	if _, err := Open("8420", shown(operatortest.Quiet(), "en"), quietLog()); err == nil || !strings.Contains(err.Error(), "host:port") {
		t.Errorf("for an address without a host: %v", err)
	}
}

func TestAPersonDecidesOnThePage(t *testing.T) {
	t.Parallel()
	held9f := string(operatortest.Trace(0x9f86d081).ID)
	cases := []struct {
		name, path, entry string
		want              station.Event
	}{
		{"a held entry is retried", "/entries/retry", held9f, station.Event{Source: "web", Kind: "retry", Data: map[string]string{"entry": held9f, "by": fmt.Sprintf("uid:%d", os.Geteuid())}, At: operatortest.Now()}},
		{"a held entry is discarded", "/entries/discard", held9f, station.Event{Source: "web", Kind: "discard", Data: map[string]string{"entry": held9f, "by": fmt.Sprintf("uid:%d", os.Geteuid())}, At: operatortest.Now()}},
		{"an unknown scan is dismissed", "/discard", "feed0000000000000000000000000000", station.Event{Source: "web", Kind: "discard", Data: map[string]string{"entry": "feed0000000000000000000000000000", "by": fmt.Sprintf("uid:%d", os.Geteuid())}, At: operatortest.Now()}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := operatortest.Held()
			w := ask(open(t, f, "en"), http.MethodPost, c.path, url.Values{"entry": {c.entry}}.Encode())
			if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), map[bool]string{true: "/", false: "/entries?done=" + c.want.Kind + ".1."}[c.path == "/discard"]) {
				t.Errorf("the answer is %d to %q", w.Code, w.Header().Get("Location"))
			}
			if diff := cmp.Diff([]station.Event{c.want}, f.Events(), cmpopts.IgnoreFields(station.Event{}, "ID")); diff != "" {
				t.Errorf("recorded (-want +got):\n%s", diff)
			}
			if f.Events()[0].ID == "" {
				t.Error("the event has no ID")
			}
		})
	}
}

func TestADecisionThatCannotBeCarriedOutSaysWhy(t *testing.T) {
	t.Parallel()
	w := ask(open(t, operatortest.Held(), "en"), http.MethodPost, "/entries/retry", "entry=deadbeef00.1")
	if w.Code != http.StatusConflict {
		t.Errorf("the answer is %d", w.Code)
	}
	if want := "Not done: It is no longer on hold"; !strings.Contains(w.Body.String(), want) {
		t.Errorf("the page does not say %q", want)
	}
}

func TestWhoMayAskForWhat(t *testing.T) {
	t.Parallel()
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	from := func(address string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = address } }
	to := func(address string) func(*http.Request) {
		return func(r *http.Request) {
			local := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))
			*r = *r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
		}
	}
	entry := "entry=" + string(operatortest.Trace(0x9f86d081).ID)
	cases := []struct {
		name, method, path, form string
		change                   []func(*http.Request)
		want                     int
	}{
		{"the station's own screen", "GET", "/", "", nil, 200},
		{"its script", "GET", "/page.js", "", nil, 200},
		{"its looks", "GET", "/page.css", "", nil, 200},
		{"by the name localhost", "GET", "/", "", []func(*http.Request){host("localhost:8420")}, 200},
		{"by the loopback of IPv6", "GET", "/", "", []func(*http.Request){host("[::1]:8420")}, 200},
		{"by the address that the connection came in at", "GET", "/", "", []func(*http.Request){host("10.0.0.7:8420"), to("10.0.0.7:8420")}, 200},
		{"by another address", "GET", "/", "", []func(*http.Request){host("10.0.0.8:8420"), to("10.0.0.7:8420")}, 421},
		{"by a name that somebody bound to this address", "GET", "/", "", []func(*http.Request){host("evil.example:8420")}, 421},
		{"the numbers, by such a name", "GET", "/metrics", "", []func(*http.Request){host("evil.example")}, 421},
		{"nothing that there is", "GET", "/etc/passwd", "", nil, 404},
		{"a decision by following a link", "GET", "/entries/retry", "", nil, 405},
		{"a decision from a page of another origin", "POST", "/entries/retry", entry, []func(*http.Request){header("Sec-Fetch-Site", "cross-site")}, 403},
		{"a decision from an old browser on another page", "POST", "/entries/retry", entry, []func(*http.Request){header("Origin", "http://evil.example")}, 403},
		{"a decision from the page itself", "POST", "/entries/retry", entry, []func(*http.Request){header("Sec-Fetch-Site", "same-origin")}, 303},
		{"the page from elsewhere in the plant", "GET", "/", "", []func(*http.Request){from("10.0.0.99:4000")}, 200},
		{"a decision from elsewhere in the plant", "POST", "/entries/retry", entry, []func(*http.Request){from("10.0.0.99:4000")}, 403},
		{"a decision about nothing", "POST", "/entries/retry", "", nil, 400},
		{"a form that does not end", "POST", "/entries/retry", "entry=" + strings.Repeat("x", 1<<20), nil, 400},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := operatortest.Held()
			w := ask(open(t, f, "en"), c.method, c.path, c.form, c.change...)
			if w.Code != c.want {
				t.Errorf("the answer is %d, want %d: %s", w.Code, c.want, w.Body)
			}
			if n := len(f.Events()); (n > 0) != (c.want == 303) {
				t.Errorf("%d events were recorded", n)
			}
		})
	}
}

func TestWhoeverIsElsewhereSeesNoButtons(t *testing.T) {
	t.Parallel()
	s := open(t, operatortest.Held(), "en")
	elsewhere := ask(s, http.MethodGet, "/", "", func(r *http.Request) { r.RemoteAddr = "10.0.0.99:4000" }).Body.String()
	if !strings.Contains(elsewhere, `class="visitor"`) {
		t.Error("a page elsewhere is not for visitors")
	}
	if strings.Contains(ask(s, http.MethodGet, "/", "").Body.String(), `class="visitor"`) {
		t.Error("the station's own screen is for visitors")
	}
}

func TestTheBrowserIsToldToTrustNothingElse(t *testing.T) {
	t.Parallel()
	s := open(t, operatortest.Quiet(), "en")
	for _, path := range []string{"/", "/page.js", "/page.css", "/healthz", "/metrics", "/nothing"} {
		h := ask(s, http.MethodGet, path, "").Header()
		if got := h.Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'self'") || strings.Contains(got, "unsafe") {
			t.Errorf("%s: content security policy %q", path, got)
		}
		if got := h.Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%s: content type options %q", path, got)
		}
		if got := h.Get("Referrer-Policy"); got != "no-referrer" {
			t.Errorf("%s: referrer policy %q", path, got)
		}
	}
}

func TestHealthSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		floor  *operatortest.Station
		status int
		says   string
	}{
		{"all is well", operatortest.Quiet(), 200, "ok\n"},
		{"a vendor out of reach is not the station's fault", operatortest.Offline(), 200, "ok\n"},
		{"what is held is not either, and what does not keep it from recording is said", operatortest.Held(), 200, "ok\nhand: port usb:0403:6001: it is unplugged\n"},
		{"the card died", operatortest.Broken(), 503, "storage failed: outbox /var/lib/stationd/outbox.db: storage failed: input/output error\n"},
		{"the outbox is full", func() *operatortest.Station { f := operatortest.Quiet(); f.Shown.Health.Fill = 1.02; return f }(), 503, "outbox full\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := ask(open(t, c.floor, "sv"), http.MethodGet, "/healthz", "")
			if w.Code != c.status || w.Body.String() != c.says {
				t.Errorf("%d %q, want %d %q", w.Code, w.Body, c.status, c.says)
			}
		})
	}
}

// A wire is a listener with one connection, in memory, so that its time-outs run
// on the clock of synctest.
type wire struct {
	net.Listener
	once  chan net.Conn
	close func()
}

func (w wire) Accept() (net.Conn, error) {
	conn, ok := <-w.once
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (w wire) Close() error {
	w.close()
	return nil
}

// connect has the page listen to one connection in memory alone, and returns its other end.
func (s *Server) connect() net.Conn {
	s.listener.Close()
	here, there := net.Pipe()
	once := make(chan net.Conn, 1)
	once <- there
	s.listener = httpserver.Limit(wire{once: once, close: sync.OnceFunc(func() { close(once) })}, s.log)
	return here
}

func TestAnOpenPageHearsABeatEvery15SecondsForAsLongAsItIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, operatortest.Quiet(), "en")
		here := s.connect()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		heard := make(chan string, 1)
		go func() {
			io.WriteString(here, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
			all, _ := io.ReadAll(here)
			heard <- string(all)
		}()
		time.Sleep(10*time.Minute + time.Second)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		got := <-heard
		if n := strings.Count(got, "event: beat\ndata: 1.0.0\n\n"); n != 41 { // one at once, then 4 a minute
			t.Errorf("%d beats in ten minutes, want 41", n)
		}
		if n := strings.Count(got, "event: main\n"); n != 1 {
			t.Errorf("the page was sent %d times although nothing changed", n)
		}
	})
}

func TestAChangeReachesAnOpenPageAndStoppingEndsIt(t *testing.T) {
	t.Parallel()
	f := operatortest.Quiet()
	s := open(t, f, "en")
	stop := operatortest.Run(t, s)
	response, err := http.Get("http://" + s.Addr().String() + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	until := func(text string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return
			}
		}
		t.Fatalf("the stream ended before %q: %v", text, lines.Err())
	}
	until("MAINT, SEAL-1")
	f.Change(func() { f.Shown.Held = 1 })
	until("Action needed: 1 on hold")
	began := time.Now()
	stop()
	if took := time.Since(began); took > httpserver.SendWithin {
		t.Errorf("stopping took %v with a page open", took)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Errorf("the stream did not end in order: %v", err)
	}
}

func TestTooManyPagesAreTurnedAway(t *testing.T) {
	t.Parallel()
	s := open(t, operatortest.Quiet(), "en")
	for range mostRemoteViewers {
		if !s.feed.join(false) {
			t.Fatal("turned away too early")
		}
	}
	elsewhere := func(r *http.Request) { r.RemoteAddr = "192.0.2.1:50000" }
	if w := ask(s, http.MethodGet, "/events", "", elsewhere); w.Code != http.StatusServiceUnavailable {
		t.Errorf("one page too many got %d", w.Code)
	}
	for range mostLocalViewers {
		if !s.feed.join(true) {
			t.Fatal("the operator's own screen was turned away")
		}
	}
	if w := ask(s, http.MethodGet, "/events", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("one page of this machine too many got %d", w.Code)
	}
	s.feed.leave(false)
	if !s.feed.join(false) {
		t.Error("a page that left did not make room")
	}
}
