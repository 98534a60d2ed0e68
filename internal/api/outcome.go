package api

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"stationd/internal/station"
)

// A Word is what a vendor's own body says.
type Word uint8

// The words. Unclear is everything that is none of the others: another format,
// something cut off, a yes that is not spelled out.
const (
	Unclear Word = iota
	Yes
	No
	BadKey
	TooMany
	Failed // it failed, and does not say how far it came
)

// An Answer is a vendor's word and the text that came with it.
type Answer struct {
	Word Word
	Text string
}

// Refusal is the error of a Refused receipt: the vendor's own text.
type Refusal struct{ Text string }

// Why is the vendor's own text, to be quoted.
func (n *Refusal) Why() station.Reason { return station.Reason{Quote: n.Text} }

// Error returns the vendor's words as those of a refusal.
func (n *Refusal) Error() string {
	if n.Text == "" {
		return "refused without a reason"
	}
	return "refused: " + n.Text
}

// A roundTrip is what came of one round trip.
type roundTrip struct {
	left   bool // the request's header was written, or an answer came
	err    error
	status int // 0: no answer
	header http.Header
	body   []byte  // whole only when err is nil
	by     *Client // whose excerpt of the body may be shown; nil: nothing of it
}

// outcome decides what a round trip came to:
//
//	the request did not leave                     Unreached
//	429, or the vendor's own "too many"           Unreached, with Wait
//	407                                           Unreached: a proxy's
//	401, 403, or the vendor's own "wrong key"     Unreached, station.ErrKey; 403 with station.ErrForbidden
//	2xx and the vendor's own yes                  Delivered
//	2xx or 4xx and the vendor's own no            Refused
//	5xx, or the vendor's own "I failed"           Doubtful, station.ErrFailed; with a 4xx Final
//	any other answer                              Doubtful, station.ErrUnreadable
//	no answer                                     Doubtful
//
// Any other answer is a redirect, 413, one that is cut off, too long or in no known
// form. Of a 503 too nobody says that nothing behind the gateway worked on it.
func (t roundTrip) outcome(says func(body []byte) Answer) station.Receipt {
	if says == nil {
		return t.byStatus()
	}
	if !t.left {
		return station.Receipt{Outcome: station.Unreached, Err: fmt.Errorf("not sent: %w", explainCertificate(t.err))}
	}
	if t.status == 0 {
		return station.Receipt{Outcome: station.Doubtful, Err: fmt.Errorf("sent, and no answer came: %w", explainCertificate(t.err))}
	}
	var own Answer
	if t.err == nil {
		own = says(t.body)
	}
	if own.Text != "" && t.by != nil {
		own.Text = t.by.Clean(own.Text)
	}
	status := t.statusText()
	switch {
	case t.status == http.StatusTooManyRequests || own.Word == TooMany:
		return station.Receipt{Outcome: station.Unreached, Wait: t.wait(busyWait),
			Err: fmt.Errorf("%s: too many requests", status)}
	case t.status == http.StatusProxyAuthRequired: // a proxy before plain http, and it passed nothing on
		return station.Receipt{Outcome: station.Unreached, Err: fmt.Errorf("the proxy refused: %s", status)}
	case t.status == http.StatusUnauthorized || t.status == http.StatusForbidden || own.Word == BadKey:
		return station.Receipt{Outcome: station.Unreached, Err: t.keyFault(status, own)}
	case t.err != nil:
		return doubtful("%s: %w: %v", status, station.ErrUnreadable, explainCertificate(t.err))
	case t.status >= 500 || own.Word == Failed:
		rc := doubtful("%s: %w, nobody knows how far it came%s", status, station.ErrFailed, t.said(own))
		rc.Wait, rc.Final = t.wait(0), t.status >= 400 && t.status < 500
		rc.Err = quoted{rc.Err, own.Text}
		return rc
	case t.status >= 300 && t.status < 400:
		return doubtful("%s: %w: a redirect, which is never followed: correct the url", status, station.ErrUnreadable)
	case t.status == http.StatusRequestEntityTooLarge:
		return doubtful("%s: %w: the request is too large for it%s", status, station.ErrUnreadable, t.said(own))
	case t.status >= 200 && t.status < 300 && own.Word == Yes:
		return station.Receipt{Outcome: station.Delivered}
	case t.status >= 200 && t.status < 500 && own.Word == No:
		return station.Receipt{Outcome: station.Refused, Err: &Refusal{own.Text}}
	}
	return doubtful("%s: %w: it says neither yes nor no%s", status, station.ErrUnreadable, t.said(own))
}

// byStatus is outcome for an address whose answers have no words of their own:
//
//	2xx, but for a page in HTML                   Delivered
//	408, 425: it was not taken up                 Unreached, with Wait
//	4xx, but for those that outcome names         Refused, with how the answer begins
//
// All else is as outcome has it. A page is what a guest network's portal and a proxy
// answer in the receiver's place.
func (t roundTrip) byStatus() station.Receipt {
	switch {
	case t.status >= 200 && t.status < 300 && !t.isPage():
		return station.Receipt{Outcome: station.Delivered}
	case t.status == http.StatusRequestTimeout || t.status == http.StatusTooEarly:
		return station.Receipt{Outcome: station.Unreached, Wait: t.wait(busyWait), Err: fmt.Errorf("%s: it was not taken up", t.statusText())}
	case t.status < 400 || t.status >= 500:
	case t.status != http.StatusUnauthorized && t.status != http.StatusForbidden && t.status != http.StatusProxyAuthRequired && t.status != http.StatusTooManyRequests:
		text := t.statusText()
		if t.err == nil {
			text += t.said(Answer{})
		}
		return station.Receipt{Outcome: station.Refused, Err: &Refusal{text}}
	}
	return t.outcome(func([]byte) Answer { return Answer{} })
}

// isPage reports whether the answer is a page in HTML.
func (t roundTrip) isPage() bool {
	return strings.HasPrefix(http.DetectContentType(t.body), "text/html")
}

// statusText is the status as people know it: 503 Service Unavailable.
func (t roundTrip) statusText() string {
	return strings.TrimSpace(strconv.Itoa(t.status) + " " + http.StatusText(t.status))
}

// keyFault is the error of a key that was not accepted, with what was said.
func (t roundTrip) keyFault(status string, own Answer) error {
	if t.status == http.StatusForbidden {
		return quoted{fmt.Errorf("%s: %w or %w%s", status, station.ErrKey, station.ErrForbidden, t.said(own)), own.Text}
	}
	return quoted{fmt.Errorf("%s: %w%s", status, station.ErrKey, t.said(own)), own.Text}
}

// quoted is an error with what the vendor itself said, where it said anything.
type quoted struct {
	error
	text string
}

func (q quoted) Unwrap() error       { return q.error }
func (q quoted) Why() station.Reason { return station.Reason{Quote: q.text} }

// said is what the vendor said, to be put behind a text; "" where it said nothing.
func (t roundTrip) said(own Answer) string {
	text := own.Text
	if text == "" && t.by != nil {
		text = t.by.excerpt(t.body)
	}
	if text == "" {
		return ""
	}
	return ": " + text
}

func doubtful(format string, args ...any) station.Receipt {
	return station.Receipt{Outcome: station.Doubtful, Err: fmt.Errorf(format, args...)}
}

// explainCertificate says in plain words what a certificate error most often means on a board
// without a battery for its clock. Other errors are returned as they are.
func explainCertificate(err error) error {
	cert, ok := errors.AsType[x509.CertificateInvalidError](err)
	if !ok || cert.Reason != x509.Expired || cert.Cert == nil {
		return err
	}
	return fmt.Errorf("the clock of this station is wrong, or the vendor's certificate has run out: it holds from %s to %s and the clock says %s",
		cert.Cert.NotBefore.UTC().Format(time.DateOnly), cert.Cert.NotAfter.UTC().Format(time.DateOnly), time.Now().UTC().Format(time.DateTime))
}

const (
	busyWait = 5 * time.Second  // where a vendor does not say how long; L2L's own library waits as long
	minWait  = 1 * time.Second  // "0" would be a loop
	maxWait  = 15 * time.Minute // longer is a mistake somewhere
)

// wait reads the Retry-After header of the answer, between minWait and maxWait;
// absent is returned where there is none that can be understood. A date counts
// from the answer's own Date, for this station's clock may be wrong.
//
//	Retry-After: 30
//	Retry-After: Wed, 21 Oct 2026 07:28:00 GMT
func (t roundTrip) wait(absent time.Duration) time.Duration {
	text := strings.TrimSpace(t.header.Get("Retry-After"))
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Duration(min(max(seconds, int64(minWait/time.Second)), int64(maxWait/time.Second))) * time.Second
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return absent
	}
	now, err := http.ParseTime(t.header.Get("Date"))
	if err != nil {
		return absent
	}
	return min(max(until.Sub(now), minWait), maxWait)
}
