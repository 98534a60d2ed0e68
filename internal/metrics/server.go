package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"

	"stationd/internal/httpserver"
)

// A Server answers with the numbers, and nothing else, at an address of its own: for a
// Prometheus elsewhere, which must not need the page's.
type Server struct {
	numbers  http.Handler
	listener *httpserver.Listener
}

// Open listens at an address, host:port, at once: a port that is taken is an error here and
// not later. Nobody is answered before Run, and then by the handler of a Station or a Relay.
func Open(listen string, numbers http.Handler, log *slog.Logger) (*Server, error) {
	listener, err := net.Listen(httpserver.Network(listen), listen) //nolint:noctx // listening on an own address does not wait
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("metrics: another program listens at %s: stop it, or change listen in [metrics]: %w", listen, err)
	}
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return &Server{numbers, httpserver.Limit(listener, log)}, nil
}

// Addr is the address it listens at: with port 0, the port that was found.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Run answers until ctx is done and then returns nil. It may be called once: it closes the
// listener. It answers under any host name: there is nothing that a page from elsewhere could
// have done here, or learn that its own computer could not ask for.
func (s *Server) Run(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.numbers)
	server := s.listener.Server(ctx, http.MaxBytesHandler(mux, 0))
	server.WriteTimeout = httpserver.SendWithin
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(s.listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("metrics %s: %w", s.Addr(), err)
	case <-ctx.Done():
		return httpserver.Stop(ctx, server)
	}
}
