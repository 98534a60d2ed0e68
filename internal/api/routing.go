package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// mostUnanswered is how many TLS handshakes in a row may get no answer, over connections
// that are there, before one is tried with a shorter greeting.
const mostUnanswered = 2

// A routing leads requests to a vendor: straight or by a proxy, and by whom the vendor
// must be vouched for. What is wrong with a file of the configuration is an error of
// each request until the file is right.
type routing struct {
	base  string
	route Route
	log   *slog.Logger

	proxyURL   *url.URL // the proxy; nil: none
	proxyFault error

	mu         sync.Mutex // guards what follows
	transport  *http.Transport
	caState    fileState // of the ca that is in use
	trustRead  bool      // the certificates have been read
	trustStale bool      // who answered is not trusted: they are read again
	loginState fileState
	user       *url.Userinfo
	secrets    []func(text string) string // hide the proxy's
	fault      error                      // what is wrong with a file; nil when all is well

	unanswered  int  // handshakes in a row that got no answer
	shortHello  bool // the greeting is short: without the post-quantum share
	shortLogged bool // that only a short one gets through
}

// A fileState tells one content of a file from another.
type fileState struct {
	size int64
	at   time.Time
}

func stateOf(path string) fileState {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}
	}
	return fileState{info.Size(), info.ModTime()}
}

func newRouting(s Settings) *routing {
	w := &routing{base: s.Base, route: s.Route, log: s.Log}
	w.proxyURL, w.proxyFault = s.Route.proxyTo(s.Base)
	if s.Route.Proxy == "" {
		w.secrets = redactors(environmentSecrets())
	}
	var http1 http.Protocols
	http1.SetHTTP1(true)
	w.transport = &http.Transport{
		Proxy:                  w.proxy,
		DialContext:            s.Dial,
		TLSHandshakeTimeout:    ConnectTime,
		ResponseHeaderTimeout:  s.Response,
		IdleConnTimeout:        idleTime,
		MaxIdleConns:           mostConnections,
		MaxIdleConnsPerHost:    mostConnections,
		MaxResponseHeaderBytes: 64 << 10,
		Protocols:              &http1,
		OnProxyConnectResponse: refusedByProxy,
	}
	return w
}

// refusedByProxy is the error of a proxy that does not let requests through to the
// vendor: what is not let through was not sent.
func refusedByProxy(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return fmt.Errorf("the proxy %s refused: %s", proxy.Host, strings.TrimSpace(fmt.Sprint(answer.StatusCode, " ", http.StatusText(answer.StatusCode))))
}

// named names the proxy in an error of connecting to it, and not the vendor.
func (w *routing) named(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "proxyconnect" && w.proxyURL != nil {
		return fmt.Errorf("the proxy %s is not reached: %w", w.proxyURL.Host, op.Err)
	}
	return err
}

// proxy is the transport's Proxy.
func (w *routing) proxy(*http.Request) (*url.URL, error) {
	if w.proxyURL == nil || w.proxyFault != nil {
		return nil, w.proxyFault
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.user == nil {
		return w.proxyURL, nil
	}
	proxy := *w.proxyURL
	proxy.User = w.user
	return &proxy, nil
}

// address is the host and port that is connected to: the proxy's, or the vendor's.
func (w *routing) address() string {
	to := w.proxyURL
	if to == nil {
		to, _ = url.Parse(w.base) // it has been checked
	}
	if port := to.Port(); port != "" {
		return to.Host
	}
	return net.JoinHostPort(to.Hostname(), map[string]string{"http": "80", "https": "443"}[to.Scheme])
}

// open returns the transport for the next request, with the files of the
// configuration as they are now.
func (w *routing) open() (*http.Transport, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = errors.Join(w.readLogin(), w.readTrust())
	if w.fault != nil {
		return nil, w.fault
	}
	return w.transport, nil
}

// readLogin reads user and password for the proxy where their file is another than
// it was. The caller holds mu.
func (w *routing) readLogin() error {
	if !w.route.ProxyKey.Given() {
		return nil
	}
	now := stateOf(w.route.ProxyKey.path())
	if w.user != nil && (now == fileState{} || now == w.loginState) {
		return nil // the one that was read still serves
	}
	login, err := w.route.ProxyKey.Read()
	if err != nil {
		return fmt.Errorf("proxy_key: %w", err)
	}
	user, password, found := strings.Cut(login.Reveal(), ":")
	if !found {
		return errors.New("proxy_key: the file must hold user:password in one line")
	}
	w.loginState, w.user, w.secrets = now, url.UserPassword(user, password), redactors(loginSecrets(login.Reveal()))
	return nil
}

// readTrust reads the certificates at first, where their file is another than it
// was, and where whoever answered was not trusted. The caller holds mu.
func (w *routing) readTrust() error {
	if !strings.HasPrefix(w.base, "https:") {
		return nil
	}
	now := fileState{}
	if w.route.CA != "" {
		now = stateOf(w.route.CA)
	}
	if w.trustRead && !w.trustStale && (now == w.caState || now == fileState{}) {
		return nil
	}
	pool, err := Trust(w.route.CA)
	if err != nil {
		return err
	}
	first := !w.trustRead
	w.trustRead, w.trustStale, w.caState = true, false, now
	w.secure(first, func(c *tls.Config) {
		if c.RootCAs == nil || !first {
			c.RootCAs = pool
		}
	})
	return nil
}

// secure changes how connections are made from now on. A transport that is in use
// must not be changed, so that another takes its place. The caller holds mu.
func (w *routing) secure(first bool, change func(*tls.Config)) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if w.transport.TLSClientConfig != nil {
		config = w.transport.TLSClientConfig.Clone()
	}
	change(config)
	if first {
		w.transport.TLSClientConfig = config
		return
	}
	before := w.transport
	w.transport = before.Clone()
	w.transport.TLSClientConfig = config
	before.CloseIdleConnections()
}

// noteHandshake takes up how a TLS handshake went. Some firewalls swallow a greeting that
// is longer than a packet, which it is with a post-quantum share: where nothing
// answers it, one without is tried, and what gets through stays.
func (w *routing) noteHandshake(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if stranger := (x509.UnknownAuthorityError{}); errors.As(err, &stranger) {
		w.trustStale = true
	}
	var late net.Error
	switch {
	case err == nil:
		w.unanswered = 0
		if w.shortHello && !w.shortLogged {
			w.shortLogged = true
			w.log.Warn("a long TLS greeting is swallowed on the way, and a short one is not: a firewall should be mended", "hint", "it drops what is longer than one packet; see docs/network.md")
		}
	case !errors.As(err, &late) || !late.Timeout():
	case w.shortLogged: // the way is silent for another reason
	default:
		if w.unanswered++; w.unanswered >= mostUnanswered {
			w.unanswered, w.shortHello = 0, !w.shortHello
			w.secure(false, func(c *tls.Config) {
				c.CurvePreferences = nil
				if w.shortHello {
					c.CurvePreferences = ShortCurves()
				}
			})
		}
	}
}

// ShortCurves are the key shares of a TLS greeting that fits one packet.
func ShortCurves() []tls.CurveID { return []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384} }

// redact hides the proxy's secrets.
func (w *routing) redact(text string) string {
	w.mu.Lock()
	secrets := w.secrets
	w.mu.Unlock()
	for _, redact := range secrets {
		text = redact(text)
	}
	return text
}

// broken is what is wrong with a file that the way needs; "" when all is well.
func (w *routing) broken() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault == nil {
		return ""
	}
	return w.fault.Error() + ": put the right file there; it is read again before each request"
}
