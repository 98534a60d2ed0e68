// Package plant is a simulated plant: both vendors' interfaces, an L2L site with
// its lines and dispatches and a Lagerkoll store with its production orders, and a
// receiver of its own for webhooks, held in memory and served on one port.
//
// It is strict. It does what the vendors' own texts say, refuses everything else and
// complains of it (Complaints): a parameter nobody documented, a quoted number, a code
// that is not in the plant. Where the texts are silent it behaves as a numbered
// assumption in docs/assumptions.md says, and many of those can be switched to
// what a real site might do instead.
//
// It fails on demand (AddFault), loses its network cable (Cable), and keeps what
// really happened (Dispatches, Sequences, Changeovers, Orders, Traces), which is what a
// test compares with when it asks whether something happened exactly once.
package plant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	l2lRoot       = "/api/1.0/"
	lagerkollRoot = "/v1/production_orders/"
	elsewhereRoot = "/elsewhere/" // where a redirect fault points to
	bodyLimit     = 1 << 20       // far above anything a station sends
)

// A Plant is the simulated plant. All its methods may be called by several
// goroutines at once.
type Plant struct {
	config   Config
	cable    *cable
	done     chan struct{} // closed when Run ends
	stopOnce sync.Once

	mu              sync.Mutex // guards the fields below; both vendors answer under it
	site            site
	store           store
	faults          []*activeFault
	posts           []Post // of the plant's own receiver
	requests        []Request
	complaints      []string
	assumptionsUsed map[Assumption]bool
}

// Open builds the plant that the configuration describes and takes its port, so that
// its URLs are known; nothing is served until Run. An error names everything that is
// wrong with the configuration, or the address that cannot be listened on.
func Open(s Config) (*Plant, error) {
	s = s.withDefaults()
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("plant: %w", err)
	}
	c, err := newCable(s.Listen)
	if err != nil {
		return nil, fmt.Errorf("plant: %w", err)
	}
	return &Plant{
		config:          s,
		cable:           c,
		done:            make(chan struct{}),
		site:            newSite(s),
		store:           newStore(s),
		assumptionsUsed: make(map[Assumption]bool),
	}, nil
}

// Run serves both vendors until ctx ends, and then returns nil. It is called
// once; when it returns, the port is free and every connection is closed.
func (p *Plant) Run(ctx context.Context) error {
	server := &http.Server{Handler: p.Handler(), ErrorLog: log.New(io.Discard, "", 0)}
	stop := context.AfterFunc(ctx, func() {
		p.stopOnce.Do(func() { close(p.done) })
		_ = server.Close() // ends Serve; by then nobody asks how the port was closed
	})
	defer stop()
	err := errors.Join(server.Serve(p.cable), p.cable.Close())
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("plant %s: %w", p.Addr(), err)
}

// Handler serves both vendors without the plant's own listener, for a caller
// who brings connections of another kind. Where the server cannot give its
// connection away, a connection that a fault cuts shows as an empty answer.
func (p *Plant) Handler() http.Handler { return http.HandlerFunc(p.serve) }

// Addr is the address that the plant listens on, host and port.
func (p *Plant) Addr() string { return p.cable.address }

// L2LURL is the base URL of the simulated L2L, with its trailing slash.
func (p *Plant) L2LURL() string { return "http://" + p.Addr() + l2lRoot }

// LagerkollURL is the base URL of the simulated Lagerkoll's production orders,
// with its trailing slash.
func (p *Plant) LagerkollURL() string { return "http://" + p.Addr() + lagerkollRoot }

// Cable plugs the plant's network cable in or pulls it. Pulled, every open
// connection is cut and new ones are refused; the port stays the plant's own.
// Doing it again changes nothing. The error is of an address that could not be
// listened on again.
func (p *Plant) Cable(up bool) error {
	if up {
		return p.cable.plugIn()
	}
	return p.cable.pull()
}

// serve answers one request: the fault that strikes it, if any, decides whether
// and when it takes effect and what becomes of the answer.
func (p *Plant) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		p.complain("%s %s: its body ended early or is above %d bytes", r.Method, r.URL.Path, bodyLimit)
		cut(w, false)
		return
	}
	f := p.matchFault(r)
	number := p.recordRequest(r, body, f.Kind)

	a, replaced := f.replacement(r)
	switch {
	case f.Kind == Down || f.Kind == Reset:
		cut(w, f.Kind == Reset)
		return
	case f.Kind == Late:
		p.wait(f.Delay, nil)
		a = p.carryOut(r, body)
	case !replaced:
		a = p.carryOut(r, body)
	}
	switch f.Kind {
	case Slow:
		p.wait(f.Delay, r.Context().Done())
	case Lost:
		cut(w, true)
		return
	case ErrorAfter, Truncated, Warned, ByteOrder, Huge:
		a = f.damaged(a)
	}
	p.recordStatus(number, a.status)
	if p.config.Observe != nil && f.Kind == "" {
		p.config.Observe(r, body, a.status, a.header, a.body)
	}
	if f.Kind == Drips {
		p.drip(w, a, f.Delay)
		return
	}
	a.write(w)
}

// drip writes an answer a byte at a time, until the client has gone.
func (p *Plant) drip(w http.ResponseWriter, a answer, delay time.Duration) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	out := http.NewResponseController(w)
	for i := range a.body {
		if out.Flush() != nil {
			return
		}
		p.wait(delay, nil)
		if _, err := w.Write(a.body[i : i+1]); err != nil {
			return
		}
	}
}

// carryOut carries the request out.
func (p *Plant) carryOut(r *http.Request, body []byte) answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	path := r.URL.EscapedPath()
	if rest, ok := strings.CutPrefix(path, l2lRoot); ok {
		return p.l2l(r, rest, body)
	}
	if path+"/" == lagerkollRoot || strings.HasPrefix(path, lagerkollRoot) {
		return p.lagerkoll(r, strings.TrimPrefix(path, lagerkollRoot), body)
	}
	if ofWebhook(r) && p.config.WebhookKey != "" {
		return p.webhook(r, body)
	}
	if strings.HasPrefix(path, elsewhereRoot) {
		p.complainLocked("%s %s: a redirect to another host was followed", r.Method, path)
		return page(http.StatusOK, "elsewhere")
	}
	p.complainLocked("%s %s: there is nothing at this path", r.Method, path)
	return page(http.StatusNotFound, "Not Found")
}

// wait lets d pass, or less when the plant ends or cut is closed.
func (p *Plant) wait(d time.Duration, cut <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-cut:
	case <-p.done:
	}
}

// recordRequest keeps a request without its keys, and returns its number.
func (p *Plant) recordRequest(r *http.Request, body []byte, fault FaultKind) int {
	query, _ := url.ParseQuery(r.URL.RawQuery)
	req := Request{
		At:     time.Now(),
		Method: r.Method,
		Path:   p.redact(r.URL.EscapedPath()),
		Query:  p.redacted(query),
		Key:    keyPlaces(r, query, body),
		Fault:  fault,
	}
	if isForm(r) {
		form, _ := url.ParseQuery(string(body))
		req.Form = p.redacted(form)
	} else {
		req.Body = p.redact(string(body))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	req.Number = len(p.requests) + 1
	p.requests = append(p.requests, req)
	return req.Number
}

// recordStatus keeps the status that a request was answered with.
func (p *Plant) recordStatus(number, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests[number-1].Status = status
}

// complain keeps a complaint; the caller does not hold the lock.
func (p *Plant) complain(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complainLocked(format, args...)
}

// complainLocked keeps a complaint; the caller holds the lock.
func (p *Plant) complainLocked(format string, args ...any) {
	p.complaints = append(p.complaints, p.redact(fmt.Sprintf(format, args...)))
}

// An answer is what goes back to the client.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may be gone
}

// page is an answer in HTML, as servers and the proxies before them give when
// they speak for themselves.
func page(status int, title string) answer {
	return answer{
		status: status,
		header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		body:   []byte("<!DOCTYPE html><html><head><title>" + title + "</title></head><body><h1>" + title + "</h1></body></html>\n"),
	}
}

// isForm reports whether the request says that its body is a form.
func isForm(r *http.Request) bool {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded")
}

// redacted returns a copy of the parameters without keys.
func (p *Plant) redacted(v url.Values) url.Values {
	clean := url.Values{}
	for name, values := range v {
		for _, value := range values {
			clean.Add(name, p.redact(value))
		}
	}
	if clean.Has("auth") {
		clean.Set("auth", "***") // a wrong key is a key too
	}
	return clean
}

// redact replaces the plant's keys wherever they stand.
func (p *Plant) redact(s string) string {
	for _, key := range []string{p.config.L2LKey, p.config.APIKey, p.config.UserToken, p.config.WebhookKey} {
		if key != "" {
			s = strings.ReplaceAll(s, key, "***")
		}
	}
	return s
}

// keyPlaces names the places in which the request carries a key.
func keyPlaces(r *http.Request, query url.Values, body []byte) []string {
	var places []string
	if query.Has("auth") {
		places = append(places, "query auth")
	}
	for _, name := range []string{"L2LAUTH", "api_key", "user_token"} {
		if len(r.Header.Values(name)) > 0 {
			places = append(places, "header "+name)
		}
	}
	if form, _ := url.ParseQuery(string(body)); isForm(r) && form.Has("auth") {
		places = append(places, "body auth")
	}
	return places
}
