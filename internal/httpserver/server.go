package httpserver

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Server returns an HTTP server for this listener that no slow or greedy client can
// hold up. What it is asked ends with ctx. It has no WriteTimeout: an answer may be a
// stream.
func (l *Listener) Server(ctx context.Context, h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnState:         l.connState,
		ErrorLog:          slog.NewLogLogger(l.log.Handler(), slog.LevelDebug),
	}
}

// SendWithin is how long an answer, or one piece of a stream, may take to be sent before
// whoever asked is let go.
const SendWithin = 10 * time.Second

// stopWithin is how long the answers under way may take when the station stops.
const stopWithin = 2 * time.Second

// Stop ends a server once the answers under way are out, or after two seconds, also
// where ctx is done already.
func Stop(ctx context.Context, server *http.Server) error {
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if server.Shutdown(grace) != nil {
		return server.Close()
	}
	return nil
}

// Network is the network to listen in at an address: of an IPv4 address, 0.0.0.0 among
// them, IPv4 alone. Go's "tcp" would be IPv6 as well there.
func Network(listen string) string {
	if host, _, err := net.SplitHostPort(listen); err == nil {
		if address, err := netip.ParseAddr(host); err == nil && address.Is4() {
			return "tcp4"
		}
	}
	return "tcp"
}
