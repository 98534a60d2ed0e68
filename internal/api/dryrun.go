package api

import (
	"net/http"
	"slices"
)

// A DryRunRequest is a request as it is sent, but without its keys: it may be shown to
// anybody.
type DryRunRequest struct {
	Method string
	URL    string
	Header http.Header
	Body   string
	Sent   bool // it is a read, which changes nothing, and was sent
}

// shownOnly shows a request where it is a dry run, and reports whether it must not
// be sent: it would change something.
func (c *Client) shownOnly(r Request) bool {
	if c.dryRun == nil {
		return false
	}
	shown := DryRunRequest{Method: r.Method, URL: c.redact(c.target(r)), Header: http.Header{}, Body: c.redact(string(r.Body)), Sent: !r.changes()}
	r.head(shown.Header)
	for name, values := range shown.Header {
		values = slices.Clone(values)
		for i := range values {
			values[i] = c.redact(values[i])
		}
		shown.Header[name] = values
	}
	c.dryRun(shown)
	return !shown.Sent
}
