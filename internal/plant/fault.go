package plant

import (
	"bytes"
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FaultKind is what goes wrong.
type FaultKind string

// The kinds of fault. Each says whether the request still takes effect, which
// is the one thing a client cannot see.
const (
	Down         FaultKind = "down"         // the connection ends unanswered; nothing is done
	Reset        FaultKind = "reset"        // the connection is reset; nothing is done
	Lost         FaultKind = "lost"         // it is done, and the connection reset before the answer
	Slow         FaultKind = "slow"         // it is done at once and answered after Delay
	Late         FaultKind = "late"         // it is done and answered after Delay, even when the client has gone
	ErrorBefore  FaultKind = "error before" // 500; nothing is done
	ErrorAfter   FaultKind = "error after"  // 500; it is done all the same
	BadGateway   FaultKind = "bad gateway"  // 502 with a proxy's HTML page; nothing is done
	TooMany      FaultKind = "too many"     // 429, with Retry-After when it is set; nothing is done
	Refusal      FaultKind = "refusal"      // the vendor's own no with Text; nothing is done
	Unauthorized FaultKind = "unauthorized" // 401, as if the key were wrong; nothing is done
	Truncated    FaultKind = "truncated"    // it is done; the answer is the first half of its JSON
	HTML         FaultKind = "html"         // 200 with a captive portal's page; nothing is done
	Redirect     FaultKind = "redirect"     // 307 to another host; nothing is done
	Forbidden    FaultKind = "forbidden"    // 403, the key has no right to this; nothing is done
	TooLarge     FaultKind = "too large"    // 413 with a proxy's page; nothing is done
	Warned       FaultKind = "warned"       // it is done; a warning's text stands before the answer's JSON
	ByteOrder    FaultKind = "byte order"   // it is done; a byte order mark stands before the answer's JSON
	Huge         FaultKind = "huge"         // it is done; the answer is 8 MiB of good JSON
	Drips        FaultKind = "drips"        // it is done; the answer comes a byte at a time, each after Delay
)

// A Fault is something that goes wrong with requests.
type Fault struct {
	Kind FaultKind

	// Where says which requests it strikes: a method and a path, or a path alone,
	// as "POST /api/1.0/dispatches/open/". A star stands for any text, slashes
	// too. Empty, it strikes every request.
	Where string

	Skip  int // this many of the requests that fit pass unharmed first
	Every int // of the rest it strikes every n-th, beginning with the n-th; 0 and 1: each
	Next  int // it is over when it has struck this often; 0: never, until Clear

	Delay      time.Duration // of Slow, Late and Drips
	RetryAfter time.Duration // of TooMany, told in whole seconds; 0: no such header
	Text       string        // of Refusal and Forbidden; empty: "Something went wrong on the server"
	Code       int           // of Refusal at Lagerkoll; 0: 900101, its "common error"
	To         string        // of Redirect, a URL without a path; empty: this plant under the name localhost
}

// An activeFault is a fault with its count.
type activeFault struct {
	Fault
	fits   int // requests that fitted so far
	struck int
}

// AddFault lets a fault strike from now on. Of several that match a request, the one
// that was added first strikes.
func (p *Plant) AddFault(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, &activeFault{Fault: f})
}

// ClearFaults removes every fault. A request that one has struck already runs to its
// end.
func (p *Plant) ClearFaults() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = nil
}

// matchFault returns the fault that strikes a request; the zero Fault where none does.
func (p *Plant) matchFault(r *http.Request) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.faults {
		if !fits(f.Where, r.Method, r.URL.EscapedPath()) || f.Next > 0 && f.struck >= f.Next {
			continue
		}
		f.fits++
		n := f.fits - f.Skip
		if n < 1 || f.Every > 1 && n%f.Every != 0 {
			continue
		}
		f.struck++
		match := f.Fault
		if match.To == "" {
			_, port, _ := strings.Cut(p.Addr(), ":")
			match.To = "http://localhost:" + port
		}
		return match
	}
	return Fault{}
}

// fits reports whether a request is among those that where names.
func fits(where, method, path string) bool {
	if m, rest, ok := strings.Cut(where, " "); ok {
		if m != method {
			return false
		}
		where = rest
	}
	if where == "" {
		return true
	}
	parts := strings.Split(where, "*")
	if len(parts) == 1 {
		return path == where
	}
	path, ok := strings.CutPrefix(path, parts[0])
	if !ok {
		return false
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		_, rest, ok := strings.Cut(path, part)
		if !ok {
			return false
		}
		path = rest
	}
	return strings.HasSuffix(path, parts[last])
}

// replacement returns the answer that a fault gives in place of the vendor's, for
// the faults that do.
func (f Fault) replacement(r *http.Request) (answer, bool) {
	lagerkoll := strings.HasPrefix(r.URL.Path, lagerkollRoot)
	text := f.Text
	if text == "" {
		text = "Something went wrong on the server"
	}
	if ofWebhook(r) {
		switch f.Kind {
		case Forbidden:
			return webhookAnswer(http.StatusForbidden, text), true
		case Refusal:
			return webhookAnswer(http.StatusUnprocessableEntity, text), true
		case Unauthorized:
			return webhookAnswer(http.StatusUnauthorized, text), true
		}
	}
	switch f.Kind {
	case ErrorBefore:
		return page(http.StatusInternalServerError, "Server Error (500)"), true
	case BadGateway:
		return page(http.StatusBadGateway, "502 Bad Gateway"), true
	case HTML:
		return page(http.StatusOK, "Welcome to the guest network"), true
	case Redirect:
		a := page(http.StatusTemporaryRedirect, "Temporary Redirect")
		a.header.Set("Location", f.To+elsewhereRoot+strings.TrimPrefix(r.URL.RequestURI(), "/"))
		return a, true
	case TooLarge:
		return page(http.StatusRequestEntityTooLarge, "413 Request Entity Too Large"), true
	case Forbidden:
		if lagerkoll {
			return lagerkollError(http.StatusForbidden, 0, text), true
		}
		return l2lError(http.StatusForbidden, text), true
	case TooMany:
		return f.tooMany(lagerkoll), true
	case Refusal:
		if lagerkoll {
			return lagerkollError(http.StatusBadRequest, cmp.Or(f.Code, codeCommon), text), true
		}
		return l2lError(http.StatusOK, text), true
	case Unauthorized:
		if lagerkoll {
			return lagerkollError(http.StatusUnauthorized, codeCredentials, "Credentials don't match"), true
		}
		return l2lError(http.StatusUnauthorized, "Invalid API key"), true
	}
	return answer{}, false
}

func (f Fault) tooMany(lagerkoll bool) answer {
	a := page(http.StatusTooManyRequests, "Too Many Requests")
	if lagerkoll {
		a = lagerkollError(http.StatusTooManyRequests, codeTooMany, "Too many requests")
	}
	if f.RetryAfter > 0 {
		a.header.Set("Retry-After", strconv.Itoa(int((f.RetryAfter+time.Second-1)/time.Second)))
	}
	return a
}

// hugeAnswer is how many bytes a Huge answer has.
const hugeAnswer = 8 << 20

// damaged returns a good answer as the fault leaves it.
func (f Fault) damaged(a answer) answer {
	if f.Kind == ErrorAfter {
		return page(http.StatusInternalServerError, "Server Error (500)")
	}
	switch f.Kind {
	case Warned:
		a.body = slices.Concat([]byte("Warning: Undefined variable $shift in /srv/www/hook.php on line 12\n"), a.body)
	case ByteOrder:
		a.body = slices.Concat([]byte("\xef\xbb\xbf"), a.body)
	case Huge:
		row := slices.Concat(a.body, []byte(","))
		a.body = slices.Concat([]byte("["), bytes.Repeat(row, hugeAnswer/len(row)), a.body, []byte("]"))
	default:
		a.body = bytes.Clone(a.body[:len(a.body)/2])
	}
	return a
}

// cut ends the connection without an answer; abrupt: the client sees a reset.
func cut(w http.ResponseWriter, abrupt bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return // a server that keeps its connections: the answer stays empty
	}
	if abrupt {
		reset(conn)
		return
	}
	conn.Close()
}
