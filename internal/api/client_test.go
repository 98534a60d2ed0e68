package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/station"
)

// plainly reads the words yes, no, busy and key; anything else says nothing.
func plainly(body []byte) Answer {
	switch string(body) {
	case "yes":
		return Answer{Word: Yes}
	case "no":
		return Answer{Word: No, Text: "no " + canary}
	case "busy":
		return Answer{Word: TooMany}
	case "key":
		return Answer{Word: BadKey}
	case "failed":
		return Answer{Word: Failed, Text: "it broke"}
	}
	if text, long := strings.CutPrefix(string(body), "long "); long {
		return Answer{Word: No, Text: text}
	}
	return Answer{}
}

type bench struct {
	*Client
	log  *bytes.Buffer
	seen *atomic.Int32
}

func serve(t *testing.T, handler http.HandlerFunc) bench {
	t.Helper()
	seen := new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	b := clientOf(t, server.URL+"/", time.Millisecond)
	b.seen = seen
	return b
}

func clientOf(t *testing.T, base string, every time.Duration) bench {
	t.Helper()
	log := new(bytes.Buffer)
	return bench{log: log, Client: New(Settings{
		Base: base, Keys: []Key{canaryKey(t)}, Every: every, Response: 500 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})}
}

// ask makes one round trip with the key in query, header and body.
func (b bench) ask(ctx context.Context) ([]byte, station.Receipt) {
	return b.Do(ctx, Request{
		Method: http.MethodPost, Path: "dispatches/open/",
		Query:  url.Values{"auth": {canary}},
		Header: http.Header{"L2lauth": {canary}},
		Body:   []byte("auth=" + canary), Interpret: plainly,
	})
}

// wantHidden fails when the key is in the receipt or in the log.
func (b bench) wantHidden(t *testing.T, rc station.Receipt) {
	t.Helper()
	text := b.log.String()
	for err := rc.Err; err != nil; err = errors.Unwrap(err) {
		text += err.Error()
	}
	if urlErr := new(url.Error); errors.As(rc.Err, &urlErr) {
		t.Error("the error carries the URL")
	}
	for _, spelling := range []string{canary, url.QueryEscape(canary), url.PathEscape(canary)} {
		if strings.Contains(text, spelling) {
			t.Errorf("the key shows: %s", text)
		}
	}
}

func TestWhatARoundTripCameTo(t *testing.T) {
	t.Parallel()
	say := func(status int, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	cut := func(linger int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			io.ReadAll(r.Body)
			conn, _, _ := w.(http.Hijacker).Hijack()
			conn.(*net.TCPConn).SetLinger(linger)
			conn.Close()
		}
	}
	for sentence, c := range map[string]struct {
		answer http.HandlerFunc
		want   station.Outcome
		wait   time.Duration
		key    bool
	}{
		"200 and a yes is delivered":                       {say(200, "yes"), station.Delivered, 0, false},
		"201 and a yes is delivered":                       {say(201, "yes"), station.Delivered, 0, false},
		"200 and a no is refused":                          {say(200, "no"), station.Refused, 0, false},
		"400 and a no is refused":                          {say(400, "no"), station.Refused, 0, false},
		"400 and a yes is neither":                         {say(400, "yes"), station.Doubtful, 0, false},
		"404 with a page is not the vendor's no":           {say(404, "<html>"), station.Doubtful, 0, false},
		"200 with a page is not a yes":                     {say(200, "<html>yes"), station.Doubtful, 0, false},
		"200 with nothing is not a yes":                    {say(200, ""), station.Doubtful, 0, false},
		"204 is not a yes":                                 {say(204, ""), station.Doubtful, 0, false},
		"500 is doubtful even with a no":                   {say(500, "no"), station.Doubtful, 0, false},
		"503 is doubtful":                                  {say(503, "busy soon"), station.Doubtful, 0, false},
		"503 that asks for a pause gets it":                {say(503, "", "Retry-After", "7"), station.Doubtful, 7 * time.Second, false},
		"502 is doubtful":                                  {say(502, "yes"), station.Doubtful, 0, false},
		"a redirect is doubtful":                           {say(302, "yes", "Location", "/elsewhere/?auth="+canary), station.Doubtful, 0, false},
		"429 without a time waits five seconds":            {say(429, "<html>"), station.Unreached, 5 * time.Second, false},
		"429 with seconds":                                 {say(429, "", "Retry-After", "30"), station.Unreached, 30 * time.Second, false},
		"429 with zero seconds still waits one":            {say(429, "", "Retry-After", "0"), station.Unreached, time.Second, false},
		"429 with a day waits a quarter of an hour":        {say(429, "", "Retry-After", "86400"), station.Unreached, 15 * time.Minute, false},
		"429 with nonsense waits five seconds":             {say(429, "", "Retry-After", "soon"), station.Unreached, 5 * time.Second, false},
		"429 with a date counts from the answer's own":     {say(429, "", "Date", "Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After", "Wed, 21 Oct 2015 07:28:40 GMT"), station.Unreached, 40 * time.Second, false},
		"429 with a date in the past waits one second":     {say(429, "", "Date", "Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After", "Wed, 21 Oct 2015 07:20:00 GMT"), station.Unreached, time.Second, false},
		"a body that says too many is 429, whatever it is": {say(200, "busy"), station.Unreached, 5 * time.Second, false},
		"500 with too many is unreached":                   {say(500, "busy"), station.Unreached, 5 * time.Second, false},
		"401 is the key":                                   {say(401, "no"), station.Unreached, 0, true},
		"403 is the key":                                   {say(403, "<html>"), station.Unreached, 0, true},
		"a body that speaks of the key is the key":         {say(400, "key"), station.Unreached, 0, true},
		"a connection that ends is doubtful":               {cut(-1), station.Doubtful, 0, false},
		"a connection that is torn is doubtful":            {cut(0), station.Doubtful, 0, false},
		"an answer cut off is doubtful": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "yes")
		}, station.Doubtful, 0, false},
		"an answer of nine MiB is doubtful": {func(w http.ResponseWriter, r *http.Request) {
			w.Write(bytes.Repeat([]byte("y"), 9<<20))
		}, station.Doubtful, 0, false},
		"a small answer that unpacks to nine MiB is doubtful": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(bytes.Repeat([]byte("y"), 9<<20))
			z.Close()
		}, station.Doubtful, 0, false},
		"an answer that never comes is doubtful": {func(w http.ResponseWriter, r *http.Request) {
			io.ReadAll(r.Body)
			<-r.Context().Done()
		}, station.Doubtful, 0, false},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			b := serve(t, c.answer)
			body, rc := b.ask(t.Context())
			if rc.Outcome != c.want || rc.Wait != c.wait {
				t.Errorf("outcome %v, wait %v (%v); want %v, %v", rc.Outcome, rc.Wait, rc.Err, c.want, c.wait)
			}
			if errors.Is(rc.Err, station.ErrKey) != c.key {
				t.Errorf("the key is at fault: %v", rc.Err)
			}
			if (rc.Outcome == station.Delivered) != (body != nil) || (rc.Err == nil) != (rc.Outcome == station.Delivered) {
				t.Errorf("outcome %v, body %q, error %v", rc.Outcome, body, rc.Err)
			}
			if n := b.seen.Load(); n != 1 {
				t.Errorf("the vendor saw %d requests", n)
			}
			b.wantHidden(t, rc)
		})
	}
}

func TestAVendorsNoIsHandedOnWithoutTheKey(t *testing.T) {
	t.Parallel()
	b := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "no") })
	_, rc := b.ask(t.Context())
	no, ok := errors.AsType[*Refusal](rc.Err)
	if !ok || no.Text != "no <key>" {
		t.Errorf("the vendor's words: %v", rc.Err)
	}
}

func TestWhatDoesNotLeaveIsUnreached(t *testing.T) {
	t.Parallel()
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	mute, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never says a word of TLS
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mute.Close() })
	for sentence, base := range map[string]string{
		"nobody listens":            "http://" + dead.Addr().String() + "/",
		"the name is nobody's":      "https://nobody.invalid/",
		"TLS does not come about":   "https://" + mute.Addr().String() + "/",
		"the address is no address": "http://[::1",
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			b := clientOf(t, base, time.Millisecond)
			b.routing.transport.TLSHandshakeTimeout = 100 * time.Millisecond
			_, rc := b.ask(t.Context())
			if rc.Outcome != station.Unreached {
				t.Errorf("outcome %v: %v", rc.Outcome, rc.Err)
			}
			b.wantHidden(t, rc)
		})
	}
}

func TestAClockThatIsWrongIsCalledThat(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for sentence, from := range map[string]time.Time{
		"the clock stands before the certificate": time.Now().AddDate(10, 0, 0),
		"the clock stands after the certificate":  time.Now().AddDate(-10, 0, 0),
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			cert := x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: from.AddDate(1, 0, 0), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
			der, err := x509.CreateCertificate(rand.Reader, &cert, &cert, &key.PublicKey, key)
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
			server.StartTLS()
			t.Cleanup(server.Close)
			b := clientOf(t, server.URL+"/", time.Millisecond)
			_, rc := b.ask(t.Context())
			if rc.Outcome != station.Unreached || !strings.Contains(rc.Err.Error(), "clock of this station is wrong") {
				t.Errorf("outcome %v: %v", rc.Outcome, rc.Err)
			}
		})
	}
}

func TestAContextThatEnds(t *testing.T) {
	t.Parallel()
	t.Run("before the request has left it is unreached", func(t *testing.T) {
		t.Parallel()
		b := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "yes") })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, rc := b.ask(ctx)
		if rc.Outcome != station.Unreached || !errors.Is(rc.Err, context.Canceled) || b.seen.Load() != 0 {
			t.Errorf("outcome %v: %v", rc.Outcome, rc.Err)
		}
	})
	t.Run("after that it is doubtful", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		b := serve(t, func(w http.ResponseWriter, r *http.Request) {
			io.ReadAll(r.Body)
			cancel()
			<-r.Context().Done()
		})
		_, rc := b.ask(ctx)
		if rc.Outcome != station.Doubtful || !errors.Is(rc.Err, context.Canceled) {
			t.Errorf("outcome %v: %v", rc.Outcome, rc.Err)
		}
	})
	t.Run("while it waits for its turn it is unreached", func(t *testing.T) {
		t.Parallel()
		b := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "yes") })
		slow := clientOf(t, b.base, time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, rc := slow.ask(ctx)
		if rc.Outcome != station.Unreached || b.seen.Load() != 0 {
			t.Errorf("outcome %v: %v", rc.Outcome, rc.Err)
		}
		slow.wantHidden(t, rc)
	})
}

func TestThePaceCountsEveryRequest(t *testing.T) {
	t.Parallel()
	b := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "yes") })
	slow := clientOf(t, b.base, 50*time.Millisecond)
	start := time.Now()
	for range 4 {
		slow.Do(t.Context(), Request{Method: http.MethodGet, Interpret: plainly})
	}
	if took := time.Since(start); took < 150*time.Millisecond {
		t.Errorf("four requests took %v", took)
	}
}

// A station that is killed and started again ten times within a minute asks for no
// more than one that runs through, and its first request waits for one turn.
func TestTenStartsWithinAMinuteAskForNoMoreThanTheRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const every, starts = time.Minute / 200, 10
		began, requests := time.Now(), 0
		for range starts {
			started, first := time.Now(), time.Duration(-1)
			c := New(Settings{Base: "http://127.0.0.1:1/", Every: every, Log: slog.New(slog.DiscardHandler),
				Dial: func(context.Context, string, string) (net.Conn, error) {
					if requests++; first < 0 {
						first = time.Since(started)
					}
					return nil, errors.New("nobody listens")
				}})
			ctx, kill := context.WithTimeout(t.Context(), time.Minute/starts)
			for ctx.Err() == nil {
				c.Do(ctx, Request{Method: http.MethodGet, Interpret: plainly})
			}
			kill()
			if first > every {
				t.Errorf("the first request after a start was %v late; a turn is %v", first, every)
			}
		}
		if took := time.Since(began); requests > 200 || took > time.Minute {
			t.Errorf("%d requests in %v with %d starts; 200 a minute are allowed", requests, took, starts)
		}
		t.Logf("%d requests in a minute with %d starts", requests, starts)
	})
}

func TestWhoAsksToBeLeftAloneIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	b.ask(t.Context())
	_, rc := b.ask(t.Context())
	if rc.Outcome != station.Unreached || rc.Wait < 50*time.Second || b.seen.Load() != 1 {
		t.Errorf("outcome %v, wait %v, %d requests", rc.Outcome, rc.Wait, b.seen.Load())
	}
}

func TestCookiesAreNotKeptAndNothingInvitesToSendTwice(t *testing.T) {
	t.Parallel()
	b := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Cookie", "Referer", "Idempotency-Key", "X-Idempotency-Key", "Expect"} {
			if r.Header.Get(name) != "" {
				t.Errorf("the request carries %s", name)
			}
		}
		http.SetCookie(w, &http.Cookie{Name: "kept", Value: "1"})
		io.WriteString(w, "yes")
	})
	for range 2 {
		if _, rc := b.ask(t.Context()); rc.Outcome != station.Delivered {
			t.Error(rc.Err)
		}
	}
}

// A server that closes a kept connection just as a POST is written on it may
// have read it: sending it again by itself would be the guess that is forbidden.
func TestAPostOnAConnectionThatDiesIsNotSentAgain(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	b := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.ReadAll(r.Body)
		if calls.Add(1) == 1 {
			io.WriteString(w, "yes")
			return
		}
		conn, _, _ := w.(http.Hijacker).Hijack()
		conn.Close()
	})
	b.ask(t.Context())
	_, rc := b.ask(t.Context())
	if rc.Outcome != station.Doubtful || calls.Load() != 2 {
		t.Errorf("outcome %v after %d requests", rc.Outcome, calls.Load())
	}
}

func TestTheAddressOfAVendor(t *testing.T) {
	t.Parallel()
	for base, sound := range map[string]bool{
		"https://acme.leading2lean.com/api/1.0/":       true,
		"http://127.0.0.1:8080/api/":                   true,
		"http://localhost/":                            true,
		"http://[::1]:80/":                             true,
		"http://acme.leading2lean.com/api/1.0/":        false,
		"http://127.0.0.1.example.com/":                false,
		"https://acme.leading2lean.com/api/1.0":        false,
		"https://user:word@acme.leading2lean.com/api/": false,
		"https://acme.leading2lean.com/api/?auth=x":    false,
		"https://acme.leading2lean.com/api/#x":         false,
		"acme.leading2lean.com/api/":                   false,
		"ftp://127.0.0.1/":                             false,
		"":                                             false,
	} {
		if text := CheckURL(base); (text == "") != sound {
			t.Errorf("%q: %s", base, text)
		}
	}
	if got := Canonical("HTTPS://ACME.leading2lean.com:443/api/1.0/"); got != "https://acme.leading2lean.com/api/1.0/" {
		t.Errorf("canonical: %s", got)
	}
}

func FuzzOutcome(f *testing.F) {
	f.Add(200, "yes", "", true)
	f.Add(429, "", "Wed, 21 Oct 2015 07:28:00 GMT", true)
	f.Add(302, "yes", "-1", false)
	f.Fuzz(func(t *testing.T, status int, body, after string, whole bool) {
		tr := roundTrip{left: true, status: status, body: []byte(body), header: http.Header{"Retry-After": {after}, "Date": {"Wed, 21 Oct 2015 07:28:00 GMT"}}}
		if !whole {
			tr.err = io.ErrUnexpectedEOF
		}
		rc := tr.outcome(plainly)
		if rc.Outcome < station.Delivered || rc.Outcome > station.Doubtful {
			t.Fatalf("no outcome: %v", rc)
		}
		if rc.Outcome == station.Delivered && (body != "yes" || !whole || status < 200 || status > 299) {
			t.Fatalf("delivered by %d %q", status, body)
		}
		if rc.Wait < 0 || rc.Wait > maxWait || (rc.Err == nil) != (rc.Outcome == station.Delivered) {
			t.Fatalf("receipt %+v", rc)
		}
	})
}
