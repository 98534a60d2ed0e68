package api

import (
	"net/http"
	"slices"
)

// A Rehearsed is a request as it is sent, but without its keys: it may be shown to
// anybody.
type Rehearsed struct {
	Method string
	URL    string
	Header http.Header
	Body   string
	Sent   bool // it is a read, which changes nothing, and was sent
}

// rehearsed shows a request to whoever rehearses, and reports whether it must not
// be sent: it would change something.
func (c *Client) rehearsed(r Request) bool {
	if c.rehearse == nil {
		return false
	}
	shown := Rehearsed{Method: r.Method, URL: c.hide(c.target(r)), Header: http.Header{}, Body: c.hide(string(r.Body)), Sent: r.Method == http.MethodGet}
	r.head(shown.Header)
	for name, values := range shown.Header {
		values = slices.Clone(values)
		for i := range values {
			values[i] = c.hide(values[i])
		}
		shown.Header[name] = values
	}
	c.rehearse(shown)
	return !shown.Sent
}
