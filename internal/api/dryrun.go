package api

import (
	"context"
	"net/http"
	"slices"
)

// A DryRunRequest is a request as it is sent, but without its keys: it may be shown to
// anybody.
type DryRunRequest struct {
	Method string      `json:"method"`
	URL    string      `json:"url"`
	Header http.Header `json:"header,omitempty"`
	Body   string      `json:"body,omitempty"`
	Sent   bool        `json:"sent,omitempty"` // it is a read, which changes nothing, and was sent
}

// dryRunKey is the key of what is shown the requests of a context.
type dryRunKey struct{}

// WithDryRun returns a context in which show is told each request, and what would change
// something is not sent. show must not block.
func WithDryRun(ctx context.Context, show func(DryRunRequest)) context.Context {
	return context.WithValue(ctx, dryRunKey{}, show)
}

// DryRunOf returns what is shown the requests of a context; nil where they are sent.
func DryRunOf(ctx context.Context) func(DryRunRequest) {
	show, _ := ctx.Value(dryRunKey{}).(func(DryRunRequest))
	return show
}

// shownOnly shows a request where it is a dry run, and reports whether it must not
// be sent: it would change something.
func (c *Client) shownOnly(ctx context.Context, r Request) bool {
	show := DryRunOf(ctx)
	if show == nil {
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
	show(shown)
	return !shown.Sent
}
