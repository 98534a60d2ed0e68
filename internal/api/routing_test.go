package api

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stationd/internal/station"
)

// A trustedBy is a vendor behind TLS whom an authority of its own vouches for.
type trustedBy struct {
	*httptest.Server
	authority []byte // PEM
}

func newTrustedBy(t *testing.T) trustedBy {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	raw, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "yes") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return trustedBy{server, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})}
}

// lead is a client of a vendor by a route, and what it logs.
func lead(t *testing.T, base string, route Route) (*Client, *strings.Builder) {
	t.Helper()
	route.Check(func(key, text string) { t.Errorf("%s %s", key, text) })
	said := new(strings.Builder)
	return New(Settings{Base: base, Keys: []Key{canaryKey(t)}, Response: 2 * time.Second, Route: route, Log: slog.New(slog.NewTextHandler(said, nil))}), said
}

func call(t *testing.T, c *Client) station.Receipt {
	t.Helper()
	_, rc := c.Do(t.Context(), Request{Method: http.MethodPost, Path: "dispatches/open/", Body: []byte("a"), Interpret: plainly})
	return rc
}

func written(t *testing.T, path string, text []byte) string {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The plant opens what is encrypted, and its own authority vouches for the vendor. Its
// file may come later than the station, and be replaced: nobody restarts anything.
func TestAnAuthorityOfThePlantIsTrustedFromItsFile(t *testing.T) {
	t.Parallel()
	vendor, path := newTrustedBy(t), filepath.Join(t.TempDir(), "plant.pem")
	c, _ := lead(t, vendor.URL+"/", Route{CA: path})
	if rc := call(t, c); rc.Outcome != station.Unreached || !strings.Contains(rc.Err.Error(), path) || c.Broken() == "" {
		t.Errorf("the file is missing: %v, %v, %q", rc.Outcome, rc.Err, c.Broken())
	}
	written(t, path, []byte("not a certificate"))
	if rc := call(t, c); rc.Outcome != station.Unreached || !strings.Contains(rc.Err.Error(), "PEM") {
		t.Errorf("it is something else: %v, %v", rc.Outcome, rc.Err)
	}
	written(t, path, newTrustedBy(t).authority)
	if rc := call(t, c); rc.Outcome != station.Unreached || c.Broken() != "" {
		t.Errorf("it is another authority: %v, %v, %q", rc.Outcome, rc.Err, c.Broken())
	}
	written(t, path, vendor.authority)
	if rc := call(t, c); rc.Outcome != station.Delivered {
		t.Errorf("it is the right one: %v", rc.Err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if rc := call(t, c); rc.Outcome != station.Delivered {
		t.Errorf("what was read still serves: %v", rc.Err)
	}
}

// A proxy speaks as real ones do: CONNECT for what is encrypted, and its own noes.
type proxy struct {
	net.Listener
	login  string // user:password that it wants; "": nobody's
	status atomic.Int32
	mu     sync.Mutex
	asked  []string
	conns  []net.Conn
}

// What a proxy does besides saying no.
const (
	sayingYesFirst = -1 // and a no in the vendor's place
	hangingUp      = -2
)

func newProxy(t *testing.T, login string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &proxy{Listener: l, login: login}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *proxy) serve(c net.Conn) {
	defer c.Close()
	reader := bufio.NewReader(c)
	r, err := http.ReadRequest(reader)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.asked, p.conns = append(p.asked, r.Method+" "+r.Host), append(p.conns, c)
	p.mu.Unlock()
	switch status := int(p.status.Load()); {
	case p.login != "" && r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte(p.login)):
		io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
		return
	case status == sayingYesFirst:
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		return
	case status == hangingUp:
		return
	case status != 0:
		fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\n\r\n", status, http.StatusText(status))
		return
	}
	far, err := net.Dial("tcp", r.Host)
	if err != nil {
		return
	}
	defer far.Close()
	io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	go io.Copy(far, reader)
	_, _ = io.Copy(c, far)
}

func TestRequestsGoByTheProxyAndItsNoIsItsOwn(t *testing.T) {
	t.Parallel()
	const login = "station:s/e:c@ret"
	vendor, dir := newTrustedBy(t), t.TempDir()
	ca := written(t, filepath.Join(dir, "plant.pem"), vendor.authority)
	p := newProxy(t, login)
	address := p.Addr().String()
	key := filepath.Join(dir, "proxy.key")
	route := Route{CA: ca, Proxy: "http://" + address, ProxyKey: KeyFrom{File: key}}
	c, said := lead(t, vendor.URL+"/", route)
	hidden := func(rc station.Receipt) {
		t.Helper()
		text := said.String()
		if rc.Err != nil {
			text += rc.Err.Error()
		}
		for _, spelling := range []string{"s/e:c", "c@ret", url.QueryEscape("s/e:c@ret"), base64.StdEncoding.EncodeToString([]byte(login))} {
			if strings.Contains(strings.ToLower(text), strings.ToLower(spelling)) {
				t.Errorf("the proxy's password shows: %s", text)
			}
		}
	}
	rc := call(t, c)
	if rc.Outcome != station.Unreached || !strings.Contains(rc.Err.Error(), "proxy_key") {
		t.Errorf("no password: %v, %v", rc.Outcome, rc.Err)
	}
	written(t, key, []byte("station:wrong-one\n"))
	rc = call(t, c)
	if rc.Outcome != station.Unreached || !strings.Contains(rc.Err.Error(), "the proxy "+address+" refused: 407") || errors.Is(rc.Err, station.ErrKey) {
		t.Errorf("a wrong password: %v, %v", rc.Outcome, rc.Err)
	}
	hidden(rc)
	written(t, key, []byte(login+"\n"))
	for _, status := range []int32{403, 502, 503, 504} {
		p.status.Store(status)
		rc = call(t, c)
		if rc.Outcome != station.Unreached || !strings.Contains(rc.Err.Error(), fmt.Sprintf("the proxy %s refused: %d", address, status)) || errors.Is(rc.Err, station.ErrKey) {
			t.Errorf("the proxy says %d: %v, %v", status, rc.Outcome, rc.Err)
		}
		hidden(rc)
	}
	for _, status := range []int32{sayingYesFirst, hangingUp} {
		p.status.Store(status)
		if rc = call(t, c); rc.Outcome != station.Unreached || errors.Is(rc.Err, station.ErrKey) {
			t.Errorf("the proxy does not lead to the vendor (%d): %v, %v", status, rc.Outcome, rc.Err)
		}
		hidden(rc)
	}
	p.status.Store(0)
	if rc = call(t, c); rc.Outcome != station.Delivered {
		t.Errorf("the right password: %v", rc.Err)
	}
	hidden(rc)
	p.mu.Lock()
	for _, asked := range p.asked {
		if want := "CONNECT " + strings.TrimPrefix(vendor.URL, "https://"); asked != want {
			t.Errorf("the proxy was asked %q, want %q", asked, want)
		}
	}
	p.mu.Unlock()
	p.Close()
	c, _ = lead(t, vendor.URL+"/", route)
	if rc = call(t, c); rc.Outcome != station.Unreached || !strings.Contains(rc.Err.Error(), "the proxy "+address+" is not reached") {
		t.Errorf("the proxy is gone: %v, %v", rc.Outcome, rc.Err)
	}
}

// What goes by a proxy and was given up is not sent to the proxy later either.
func TestWhatWasGivenUpDoesNotReachTheProxyLater(t *testing.T) {
	t.Parallel()
	vendor := newTrustedBy(t)
	var seen atomic.Int32
	answer := vendor.Config.Handler
	vendor.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		answer.ServeHTTP(w, r)
	})
	p := newProxy(t, "")
	c, _ := lead(t, vendor.URL+"/", Route{CA: written(t, filepath.Join(t.TempDir(), "plant.pem"), vendor.authority), Proxy: "http://" + p.Addr().String()})
	if rc := call(t, c); rc.Outcome != station.Delivered {
		t.Fatal(rc.Err)
	}
	p.mu.Lock()
	conn := p.conns[0]
	p.mu.Unlock()
	hears := deaf(t, conn)
	if rc := call(t, c); rc.Outcome != station.Doubtful {
		t.Fatalf("it is in doubt: %v, %v", rc.Outcome, rc.Err)
	}
	hears()
	<-time.After(5 * time.Second) // the kernel would send it again within four
	if n := seen.Load(); n != 1 {
		t.Errorf("given up, and it arrives: %d requests", n)
	}
}

func TestARouteIsChecked(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		route Route
		key   string
		says  string
	}{
		"a relative file":              {Route{CA: "plant.pem"}, "ca", "absolute"},
		"a password in the file":       {Route{Proxy: "http://station:secret@proxy:3128"}, "proxy", "proxy_key"},
		"a password with a slash":      {Route{Proxy: "http://station:12/secret@proxy:3128"}, "proxy", "proxy_key"},
		"no scheme":                    {Route{Proxy: "proxy:3128"}, "proxy", "is not an address"},
		"a path":                       {Route{Proxy: "http://proxy:3128/pac"}, "proxy", "is not an address"},
		"a login and no proxy":         {Route{ProxyKey: KeyFrom{File: "/k"}}, "proxy_key", "without a proxy"},
		"a login's file is relative":   {Route{Proxy: "http://proxy:3128", ProxyKey: KeyFrom{File: "k"}}, "proxy_key", "absolute"},
		"none":                         {Route{Proxy: NoProxy}, "", ""},
		"one with a port":              {Route{Proxy: "http://proxy.example:3128", ProxyKey: KeyFrom{File: "/k"}}, "", ""},
		"one that is spoken to by TLS": {Route{Proxy: "https://proxy.example"}, "", ""},
	} {
		found := false
		c.route.Check(func(key, text string) {
			if strings.Contains(text, "secret") {
				t.Errorf("%s: the fault shows the password", sentence)
			}
			if key != c.key || !strings.Contains(text, c.says) {
				t.Errorf("%s: %s %s", sentence, key, text)
			}
			found = true
		})
		if found != (c.key != "") {
			t.Errorf("%s: a fault is found: %v", sentence, found)
		}
	}
}

// A firewall on the way swallows a TLS greeting that is longer than one packet, as one
// with a post-quantum share is.
func TestAFirewallThatSwallowsALongGreetingIsPassed(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("that a firewall which swallows a long TLS greeting is passed was NOT proved: it takes ten seconds")
	}
	vendor := newTrustedBy(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var swallowed atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				greeting := make([]byte, 4096)
				n, err := c.Read(greeting)
				if err != nil {
					return
				}
				if n > 1400 {
					swallowed.Add(1)
					_, _ = io.Copy(io.Discard, c)
					return
				}
				far, err := net.Dial("tcp", vendor.Listener.Addr().String())
				if err != nil {
					return
				}
				defer far.Close()
				_, _ = far.Write(greeting[:n])
				go io.Copy(far, c)
				_, _ = io.Copy(c, far)
			}()
		}
	}()
	c, said := lead(t, "https://"+l.Addr().String()+"/", Route{CA: written(t, filepath.Join(t.TempDir(), "plant.pem"), vendor.authority)})
	var last error
	for range mostUnanswered + 1 {
		rc := call(t, c)
		if last = rc.Err; rc.Outcome == station.Delivered {
			break
		}
		if rc.Outcome != station.Unreached {
			t.Fatalf("nothing was sent: %v, %v", rc.Outcome, rc.Err)
		}
	}
	if last != nil || swallowed.Load() != mostUnanswered {
		t.Fatalf("after %d were swallowed: %v", swallowed.Load(), last)
	}
	if !strings.Contains(said.String(), "TLS greeting") {
		t.Errorf("nobody is told: %s", said)
	}
	c.routing.transport.CloseIdleConnections()
	if rc := call(t, c); rc.Outcome != station.Delivered || swallowed.Load() != mostUnanswered {
		t.Errorf("what gets through is remembered: %v, %d swallowed", rc.Err, swallowed.Load())
	}
}
