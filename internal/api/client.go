package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"stationd/internal/station"
)

const (
	// ConnectTime limits connecting, and once more the TLS handshake. Nothing has
	// left by then, so it may be short. Looking up the name has LookTime.
	ConnectTime = 5 * time.Second

	// ResponseTime limits the wait for an answer after the request has left. It
	// is long, because giving up early makes doubt.
	ResponseTime = 30 * time.Second

	// idleTime is how long a connection is kept for the next request. It is shorter
	// than the shortest keep-alive of the common servers (Apache: 5 s): a server
	// that closes a connection just as a request is written on it makes doubt.
	idleTime = 4 * time.Second

	// mostConnections is how many are kept: as many as deliveries to one vendor may be
	// under way at once.
	mostConnections = 8
)

// Settings are what a Client needs to know.
type Settings struct {
	Base     string        // base URL, checked by CheckURL; paths are put after it
	Keys     []Key         // never to be seen in an error or a log
	Every    time.Duration // the pace: no two requests closer than this, and none before it has passed once
	Response time.Duration // limit of the wait for an answer; 0: ResponseTime
	Dial     Dial          // nil: over the network
	Route    Route         // checked
	Log      *slog.Logger
}

// A Dial makes a connection as net.Dialer.DialContext does. A test hands in one
// whose connections live in memory, so that hours of an outage pass in a moment.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// A Client makes single round trips to one vendor, for many goroutines at once.
type Client struct {
	base      string
	redactors []func(text string) string // of the keys
	pace      *rate.Limiter
	response  time.Duration
	routing   *routing
	dial      Dial
	log       *slog.Logger

	handshakeDone func(tls.ConnectionState, error) // of each connection

	mu          sync.Mutex // guards pausedUntil
	pausedUntil time.Time  // the vendor asked to be left alone until then

	lastTime vendorTime
}

// New returns a client. It starts nothing and connects to nothing.
func New(s Settings) *Client {
	if s.Response == 0 {
		s.Response = ResponseTime
	}
	if s.Dial == nil {
		s.Dial = newNetwork(newResolver(s.Log), s.Response).dial
	}
	// Nobody knows when a process before this one last asked: the pace begins with its
	// wait, or each start would ask for one more than the account allows.
	pace := rate.NewLimiter(rate.Every(s.Every), 1)
	pace.Allow()
	c := &Client{
		base:      s.Base,
		redactors: redactors(s.Keys),
		pace:      pace,
		response:  s.Response,
		log:       s.Log,
		routing:   newRouting(s),
		dial:      s.Dial,
	}
	c.handshakeDone = func(_ tls.ConnectionState, err error) { c.routing.noteHandshake(err) }
	return c
}

// A Request is one round trip to make.
type Request struct {
	Method string
	Path   string // after the base, each segment escaped already
	Query  url.Values
	Header http.Header
	Body   []byte

	// Most is how many bytes of an answer are read at most; 0: as many as a vendor's
	// records may have.
	Most int

	// Interpret is what the body of an answer says in the vendor's own terms. It is
	// asked about bodies that were read to their end, whatever their status. nil: the
	// status alone says yes or no; see roundTrip.byStatus.
	Interpret func(body []byte) Answer
}

// Do makes one round trip: it waits for its turn, sends the request at most once
// and says what came of it. The body is returned with a Delivered receipt only.
//
// It obeys ctx. Ended before the request has left, the receipt is Unreached;
// after that Doubtful. While the vendor has asked to be left alone nothing is
// sent, and the receipt is Unreached with the rest of the wait.
func (c *Client) Do(ctx context.Context, r Request) ([]byte, station.Receipt) {
	if rest := c.pauseLeft(); rest > 0 {
		return nil, station.Receipt{Outcome: station.Unreached, Wait: rest, Answered: true,
			Err: c.cleanError(r.what()+": not sent: the vendor asked to be left alone for a while", nil)}
	}
	if err := c.pace.Wait(ctx); err != nil {
		return nil, station.Receipt{Outcome: station.Unreached,
			Err: c.cleanError(r.what()+": not sent: "+err.Error(), err)}
	}
	if c.shownOnly(ctx, r) {
		return nil, station.Receipt{Outcome: station.Unreached, Err: c.cleanError(r.what()+": not sent: this is a dry run", nil)}
	}
	guard := guardOf(ctx, r)
	if err := guard(); err != nil {
		return nil, station.Receipt{Outcome: station.Unreached, Answered: true,
			Err: c.cleanError(r.what()+": not sent: "+err.Error(), err)}
	}
	start := time.Now()
	t := c.roundTrip(ctx, r, guard)
	t.by = c
	c.noteVendorTime(t)
	rc := c.describe(r, t.outcome(r.Interpret))
	rc.Answered, rc.Sent = t.status != 0, t.left && t.status == 0
	c.pause(rc.Wait)
	Observe(ctx, time.Since(start), rc)
	if c.log.Enabled(ctx, slog.LevelDebug) { // what is not written need not be gathered
		c.log.Debug("request answered", "method", r.Method, "path", r.Path, "status", t.status,
			"outcome", rc.Outcome.String(), "took", time.Since(start))
	}
	if rc.Outcome != station.Delivered {
		return nil, rc
	}
	return t.body, rc
}

// PaceWait returns how long a request that came now would wait for its turn.
func (c *Client) PaceWait() time.Duration {
	now := time.Now()
	missing := 1 - c.pace.TokensAt(now)
	if limit := c.pace.Limit(); missing > 0 && limit != rate.Inf {
		return time.Duration(missing / float64(limit) * float64(time.Second))
	}
	return 0
}

// An Observer is told of each round trip that has ended: how long it took, without the wait
// for its turn, and what came of it. It must not block.
type Observer func(took time.Duration, rc station.Receipt)

// observerKey is the key of a context's Observer.
type observerKey struct{}

// WithObserver returns a context whose round trips are told to the observer.
func WithObserver(ctx context.Context, o Observer) context.Context {
	return context.WithValue(ctx, observerKey{}, o)
}

// Observe tells the observer of a context, where it has one, of a round trip that was made by
// other means than a Client.
func Observe(ctx context.Context, took time.Duration, rc station.Receipt) {
	if observe, ok := ctx.Value(observerKey{}).(Observer); ok {
		observe(took, rc)
	}
}

// Reach connects to the vendor, or to the proxy before it, and hangs up: it says whether
// anybody is there, and asks nothing. The receipt is Delivered or Unreached.
func (c *Client) Reach(ctx context.Context) station.Receipt {
	ctx, cancel := context.WithTimeout(ctx, LookTime+ConnectTime)
	defer cancel()
	over, err := c.dial(ctx, "tcp", c.routing.address())
	if err != nil {
		return station.Receipt{Outcome: station.Unreached, Err: c.cleanError("not sent: "+err.Error(), err)}
	}
	_ = over.Close() // nothing was written on it
	return station.Receipt{Outcome: station.Delivered}
}

// roundTrip sends the request and reads the answer. It makes no judgement.
func (c *Client) roundTrip(ctx context.Context, r Request, guard Guard) (t roundTrip) {
	ctx, cancel := context.WithTimeout(ctx, LookTime+2*ConnectTime+c.response)
	defer cancel()

	// WroteHeaders comes before the header's last bytes go to the socket, so a
	// request without it cannot have been acted on. The transport asks for a
	// connection a second time only where not one byte of a write was written.
	var sent struct {
		trace   httptrace.ClientTrace
		left    atomic.Bool
		over    atomic.Pointer[conn]
		stopped atomic.Pointer[error] // what the guard said when there was a connection
	}
	sent.trace = httptrace.ClientTrace{
		GetConn: func(string) { sent.left.Store(false) },
		GotConn: func(got httptrace.GotConnInfo) {
			if now := connOf(got.Conn); sent.over.Swap(now) != now && now != nil {
				now.begin()
			}
			if err := guard(); err != nil { // connecting took its time
				why := err // which takes memory: here alone
				sent.stopped.Store(&why)
				_ = got.Conn.Close() // nothing was written on it, and nothing can be
				cancel()
				return
			}
			sent.stopped.Store(nil)
		},
		WroteHeaders:     func() { sent.left.Store(true) },
		TLSHandshakeDone: c.handshakeDone,
	}
	ctx = httptrace.WithClientTrace(ctx, &sent.trace)
	defer func() {
		t.left = sent.left.Load() || t.status != 0
		if why := sent.stopped.Load(); why != nil && t.status == 0 {
			t.left, t.err = false, *why
		}
		if c := sent.over.Load(); c != nil && t.err == nil {
			c.end()
		} else if c != nil { // given up means that it cannot arrive
			c.abort()
		}
	}()

	req, err := http.NewRequestWithContext(ctx, r.Method, c.target(r), bytes.NewReader(r.Body))
	if err != nil {
		return roundTrip{err: err}
	}
	r.head(req.Header)
	if _, keyed := req.Header["Idempotency-Key"]; keyed {
		// The transport would send it again by itself where a kept connection ends without
		// an answer. It does not where it cannot have the body a second time.
		req.GetBody = nil
	}

	// The transport itself and not an http.Client: that one follows redirects,
	// keeps cookies and puts the URL, key and all, into its errors.
	transport, err := c.routing.open()
	if err != nil {
		return roundTrip{err: err}
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return roundTrip{err: c.routing.named(err)}
	}
	defer resp.Body.Close()
	most := cmp.Or(r.Most, mostAnswer)
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(most)+1))
	body = bytes.TrimPrefix(body, []byte(byteOrderMark))
	if err == nil {
		err = checkSize(body, most)
	}
	if err == nil {
		body = c.redactAnswer(body)
	}
	return roundTrip{status: resp.StatusCode, header: resp.Header, body: body, err: err}
}

// what names a request in errors.
func (r Request) what() string { return r.Method + " " + cmp.Or(r.Path, "/") }

// changes reports whether a request may change anything at the vendor.
func (r Request) changes() bool { return r.Method != http.MethodGet }

// head writes the header that a request is sent with.
func (r Request) head(into http.Header) {
	maps.Copy(into, r.Header)
	into.Set("User-Agent", "stationd")
}

// target is the URL that a request goes to.
func (c *Client) target(r Request) string {
	if len(r.Query) == 0 {
		return c.base + r.Path
	}
	return c.base + r.Path + "?" + r.Query.Encode()
}

// pauseLeft returns how long the vendor still wants to be left alone.
func (c *Client) pauseLeft() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Until(c.pausedUntil)
}

// pause remembers that the vendor asked to be left alone for d, so that
// lanes which have not asked yet do not ask one after the other.
func (c *Client) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if until := time.Now().Add(d); until.After(c.pausedUntil) {
		c.pausedUntil = until
	}
}

// describe puts what was asked in front of the receipt's error and takes the keys
// out of it.
func (c *Client) describe(r Request, rc station.Receipt) station.Receipt {
	if rc.Err == nil {
		return rc
	}
	text := r.what() + ": " + rc.Err.Error()
	if no, ok := errors.AsType[*Refusal](rc.Err); ok {
		no = &Refusal{c.Clean(no.Text)}
		rc.Err = c.cleanError(r.what()+": "+no.Error(), no)
		return rc
	}
	rc.Err = c.cleanError(text, rc.Err)
	return rc
}

const (
	// mostWords bounds a vendor's text where it comes in: it goes into errors, the
	// outbox, the log and the page.
	mostWords = 512

	// mostExcerpt bounds what is shown of an answer that is no vendor's text.
	mostExcerpt = 200

	// readWords is how much of a text is looked through for keys before it is cut.
	readWords = 8 << 10

	byteOrderMark = "\xef\xbb\xbf"
)

// Clean makes a vendor's text fit to be shown: without keys, on one line, and of
// bounded length.
func (c *Client) Clean(text string) string { return c.cut(text, mostWords) }

// excerpt is how an answer begins.
func (c *Client) excerpt(body []byte) string {
	head := body[:min(len(body), readWords)]
	if bytes.IndexByte(head, 0) >= 0 {
		return "" // a picture, or a document
	}
	return c.cut(string(head), mostExcerpt)
}

// cut hides the keys before it cuts, or half of one would stay.
func (c *Client) cut(text string, most int) string {
	if len(text) > readWords {
		text = text[:readWords]
	}
	return station.OneLine(c.redact(text), most)
}

func (c *Client) redact(text string) string {
	for _, redact := range c.redactors {
		text = redact(text)
	}
	return c.routing.redact(text)
}

// Broken says what is wrong with a file that every request needs, the ca or the
// proxy_key; "" when all is well. Such a file is read again before each request.
func (c *Client) Broken() string { return c.routing.broken() }

// cleanError makes an error of a text, without keys. Of err it keeps only what
// callers ask for and what carries no text of its own, for the rest may hold
// the URL.
func (c *Client) cleanError(text string, err error) error {
	f := &cleanError{text: c.redact(text)}
	for _, known := range []error{station.ErrKey, station.ErrForbidden, station.ErrUnreadable, station.ErrFailed, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			f.is = append(f.is, known)
		}
	}
	if no, ok := errors.AsType[*Refusal](err); ok {
		f.is = append(f.is, no)
	} else if said, ok := errors.AsType[quoted](err); ok && said.text != "" {
		f.is = append(f.is, quoted{errors.New("the vendor says why"), c.Clean(said.text)})
	}
	return f
}

// A cleanError is an error whose text has been cleaned.
type cleanError struct {
	text string
	is   []error
}

func (f *cleanError) Error() string   { return f.text }
func (f *cleanError) Unwrap() []error { return f.is }

// CheckURL says what is wrong with a vendor's base URL, "" when nothing is. It
// must be https, or http to this very machine, and end in a slash.
func CheckURL(base string) string {
	u, err := url.Parse(base)
	switch {
	case base == "":
		return "is missing"
	case err != nil || u.Host == "":
		return fmt.Sprintf("%q is not an address like https://acme.example.com/api/1.0/", base)
	case u.Scheme != "https" && (u.Scheme != "http" || !Loopback(base)):
		return "must begin with https://: the key goes with every request (http is for this machine alone)"
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "must hold no user, no question mark and no number sign: only the address"
	case !strings.HasSuffix(u.Path, "/"):
		return "must end in a slash"
	}
	return ""
}

// Loopback reports whether a base URL leads to this very machine.
func Loopback(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// Canonical returns a base URL that CheckURL finds nothing wrong with in the one
// spelling that entries are frozen with: scheme and host in small letters, and
// no port that goes without saying.
func Canonical(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	u.Scheme = strings.ToLower(u.Scheme)
	u.Host = strings.ToLower(u.Host)
	if u.Scheme == "https" {
		u.Host = strings.TrimSuffix(u.Host, ":443")
	}
	return u.String()
}
