// Package printer sends PDFs to network printers by the Internet Printing Protocol
// (IPP/1.1: RFC 8010 and RFC 8011), which every printer of the last twenty years
// speaks, on paper without a driver.
//
// Printing is tried once. Nothing here is stored, retried or looked up after a lost
// answer: a person stands at the printer and sees whether the paper came.
package printer

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/OpenPrinting/goipp"
)

// A Printer is one table [[printer]] of the configuration.
type Printer struct {
	// Name is what actions and faults call it.
	Name string `toml:"name"`

	// URL is the printer's address: ipp://192.0.2.10/ipp/print, or ipps:// for a
	// connection that is encrypted. Without a port it is 631, for both.
	URL string `toml:"url"`

	// Certificate is the path of the printer's own certificate, in PEM, for an ipps
	// printer that made its certificate itself, as most do. Only this certificate is
	// accepted then. "" asks the system's authorities.
	Certificate string `toml:"certificate"`
}

const (
	defaultPort = "631"
	connectTime = 5 * time.Second
	answerLimit = 1 << 20 // bytes; all that a printer says of itself is some 50 kB
	pdf         = "application/pdf"
	requester   = "stationd" // who prints, as the printer's own list of jobs shows it
)

// Check reports every fault of the printers of one station, through fault: the
// table's name, its index, the key at fault and what is wrong. It opens nothing.
// Names are for the caller to check.
func Check(printers []Printer, fault func(table string, index int, key, text string)) {
	for i, p := range printers {
		u, err := url.Parse(p.URL)
		switch {
		case p.URL == "":
			fault("printer", i, "url", `"url" is missing: the printer's address, as "ipp://192.0.2.10/ipp/print"`)
		case err != nil || u.Scheme != "ipp" && u.Scheme != "ipps" || u.Hostname() == "":
			fault("printer", i, "url", `"url" must be an address as "ipp://192.0.2.10/ipp/print", or with ipps://`)
		case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
			fault("printer", i, "url", `"url" must hold no user, no question mark and no number sign: only the address`)
		}
		switch {
		case p.Certificate == "":
		case err == nil && u.Scheme == "ipp":
			fault("printer", i, "certificate", `"certificate" means nothing at ipp://: what is sent there is not encrypted; write ipps://`)
		case !filepath.IsAbs(p.Certificate):
			fault("printer", i, "certificate", `"certificate" must be a whole path, as "/etc/stationd/office.pem"`)
		}
	}
}

// A Document is something to print.
type Document struct {
	Name string // as the printer's display and its list of jobs show it
	PDF  []byte
}

// Ready asks the printer whether it would print a PDF now; nil says yes. It changes
// nothing, and takes as long as ctx allows.
func (p Printer) Ready(ctx context.Context) error {
	c, err := p.client()
	if err != nil {
		return p.wrap(err)
	}
	defer c.transport.CloseIdleConnections()
	return p.wrap(c.ready(ctx))
}

// Print asks the printer whether it would print a PDF and sends it one. It returns
// the number by which the printer lists it, when the printer has taken it in: the
// paper comes later. It makes one attempt, which ctx limits. An error says in words
// what the printer said, and whether it may print all the same.
func (p Printer) Print(ctx context.Context, d Document) (number int, err error) {
	c, err := p.client()
	if err != nil {
		return 0, p.wrap(err)
	}
	defer c.transport.CloseIdleConnections()
	if err := c.ready(ctx); err != nil {
		return 0, p.wrap(err)
	}
	number, err = c.print(ctx, d)
	return number, p.wrap(err)
}

// wrap puts the printer's name and address in front of an error.
func (p Printer) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("printer %s at %s: %w", p.Name, p.URL, err)
}

// A client speaks to one printer.
type client struct {
	uri       string // as IPP knows the printer
	url       string // as HTTP does
	transport *http.Transport
}

// client returns a client for the printer. It connects to nothing yet.
//
//	ipp://192.0.2.10/ipp/print   http://192.0.2.10:631/ipp/print
//	ipps://office/ipp/print      https://office:631/ipp/print
func (p Printer) client() (*client, error) {
	u, err := url.Parse(p.URL)
	if err != nil {
		return nil, err
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), defaultPort)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	u.Scheme = map[string]string{"ipp": "http", "ipps": "https"}[u.Scheme]
	c := &client{uri: p.URL, url: u.String(), transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: connectTime}).DialContext,
		TLSHandshakeTimeout: connectTime,
	}}
	if p.Certificate != "" {
		if c.transport.TLSClientConfig, err = pinned(p.Certificate); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// CheckCertificate reads the printer's own certificate, where one is named, and says why
// it could not be used. It connects to nothing.
func (p Printer) CheckCertificate() error {
	if p.Certificate == "" {
		return nil
	}
	_, err := pinned(p.Certificate)
	return err
}

// pinned accepts the one certificate in a file and no other. A printer's own
// certificate names itself, or yesterday's address, so no name is compared: whoever
// holds the key to this very certificate is the printer.
func pinned(path string) (*tls.Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("certificate %s: it holds no certificate in PEM", path)
	}
	own, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", path, err)
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection takes its place
		VerifyConnection: func(shown tls.ConnectionState) error {
			if len(shown.PeerCertificates) == 0 || !shown.PeerCertificates[0].Equal(own) {
				return fmt.Errorf("the printer shows another certificate than the one in %s", path)
			}
			return nil
		},
	}, nil
}

// ready asks the printer how it is: nil when it would print a PDF now.
//
//	printer-state: enum 5
//	printer-state-reasons: keyword media-empty-error
//	printer-is-accepting-jobs: boolean true
//	document-format-supported: mimeMediaType application/pdf, image/urf
func (c *client) ready(ctx context.Context) error {
	const state, reasons, accepting, formats = "printer-state", "printer-state-reasons", "printer-is-accepting-jobs", "document-format-supported"
	m := c.request(goipp.OpGetPrinterAttributes)
	m.Operation.Add(goipp.MakeAttr("requested-attributes", goipp.TagKeyword,
		goipp.String(state), goipp.String(reasons), goipp.String(accepting), goipp.String(formats)))
	answer, _, err := c.send(ctx, m, nil)
	if err != nil {
		return err
	}
	if takes := texts(answer.Printer, formats); len(takes) > 0 && !slices.Contains(takes, pdf) {
		return fmt.Errorf("it takes no PDF; it takes %s", strings.Join(takes, ", "))
	}
	why := reasonText(texts(answer.Printer, reasons))
	if yes := texts(answer.Printer, accepting); slices.Contains(yes, "false") {
		return fmt.Errorf("it takes nothing at present%s", why)
	}
	const stopped = 5 // RFC 8011, 5.4.11
	if now, ok := number(answer.Printer, state); ok && now == stopped {
		return fmt.Errorf("it has stopped%s", why)
	}
	return nil
}

// print sends the document.
func (c *client) print(ctx context.Context, d Document) (int, error) {
	const state, reasons, id = "job-state", "job-state-reasons", "job-id"
	m := c.request(goipp.OpPrintJob)
	m.Operation.Add(goipp.MakeAttribute("requesting-user-name", goipp.TagName, goipp.String(requester)))
	m.Operation.Add(goipp.MakeAttribute("job-name", goipp.TagName, goipp.String(title(d.Name))))
	m.Operation.Add(goipp.MakeAttribute("document-format", goipp.TagMimeType, goipp.String(pdf)))
	answer, sent, err := c.send(ctx, m, d.PDF)
	if err != nil && sent {
		return 0, fmt.Errorf("it was sent, and the printer does not say what became of it: look there before it is printed again: %w", err)
	}
	if err != nil {
		return 0, err
	}
	const cancelled, aborted = 7, 8 // RFC 8011, 5.3.7
	if now, ok := number(answer.Job, state); ok && (now == cancelled || now == aborted) {
		return 0, fmt.Errorf("it took the document and gave it up%s", reasonText(texts(answer.Job, reasons)))
	}
	known, _ := number(answer.Job, id)
	return known, nil
}

// title is a name that fits into IPP, whose names have at most 255 bytes.
func title(name string) string {
	const longest = 255
	name = strings.ToValidUTF8(name, "?")
	if len(name) > longest {
		name = strings.ToValidUTF8(name[:longest], "")
	}
	return name
}

// request begins a request. The charset, the language and the printer stand first,
// in this order (RFC 8011, 4.1.4).
func (c *client) request(op goipp.Op) *goipp.Message {
	m := goipp.NewRequest(goipp.MakeVersion(1, 1), op, 1)
	m.Operation.Add(goipp.MakeAttribute("attributes-charset", goipp.TagCharset, goipp.String("utf-8")))
	m.Operation.Add(goipp.MakeAttribute("attributes-natural-language", goipp.TagLanguage, goipp.String("en")))
	m.Operation.Add(goipp.MakeAttribute("printer-uri", goipp.TagURI, goipp.String(c.uri)))
	return m
}

// send makes one request. sent is true with an error after which the printer may have got
// the request and acted on it; it is false where the printer refused in its answer.
func (c *client) send(ctx context.Context, m *goipp.Message, document []byte) (answer goipp.Message, sent bool, err error) {
	head, err := m.EncodeBytes()
	if err != nil {
		return answer, false, err
	}
	var left atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { left.Store(true) }})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(append(head, document...)))
	if err != nil {
		return answer, false, err
	}
	r.Header.Set("Content-Type", goipp.ContentType)
	r.Header.Set("Accept", goipp.ContentType)
	r.Header.Set("User-Agent", requester)
	// The transport itself and not an http.Client: nothing is sent on to where the
	// printer points.
	response, err := c.transport.RoundTrip(r)
	if err != nil {
		return answer, left.Load(), explainNetwork(err)
	}
	defer response.Body.Close()
	if err := checkHTTP(response); err != nil {
		return answer, false, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return answer, true, explainNetwork(err)
	}
	if err := answer.DecodeBytes(body); err != nil {
		return answer, true, fmt.Errorf("its answer cannot be read: %w", err)
	}
	return answer, false, refusal(answer)
}
