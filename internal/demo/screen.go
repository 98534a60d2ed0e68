package demo

import (
	"context"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// noPower is what the frame shows while nothing answers at the station's page; the browser
// looks again every second.
const noPower = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="1"><title>dark</title></head><body></body></html>`

// Screen serves the station's own page at an address of its own, for the frame in which the
// demo's page shows it as the operator has it. The station itself lets nobody do that; here only
// a page of this computer may.
func (p *Page) Screen() http.Handler {
	return onlyLoopback(&httputil.ReverseProxy{
		FlushInterval: -1, // each event at once
		Rewrite: func(r *httputil.ProxyRequest) {
			if at, err := url.Parse(p.sim.Log.PageURL()); err == nil {
				r.SetURL(at)
			}
		},
		ModifyResponse: func(r *http.Response) error {
			policy := r.Header.Get("Content-Security-Policy")
			r.Header.Set("Content-Security-Policy", strings.Replace(policy, "frame-ancestors 'none'", "frame-ancestors http://127.0.0.1:* http://localhost:*", 1))
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors http://127.0.0.1:* http://localhost:*")
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, noPower) // whoever asked has gone
		},
	})
}

// ShowScreen serves the frame on a free port, and has the page show it. stop ends that.
func (p *Page) ShowScreen(ctx context.Context) (stop func(), err error) {
	listener, err := listenLoopback(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := newServer(ctx, p.Screen())
	p.screen = "http://" + listener.Addr().String() + "/"
	go func() { _ = server.Serve(listener) }() // ends when it is closed
	return func() { _ = server.Close() }, nil
}
