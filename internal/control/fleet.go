package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"stationd/internal/station"
)

// mostFleetListed is how many of each kind a person of the fleet is told of at once.
const mostFleetListed = 200

// FleetHandler answers people who ask over the engine of the plant, as the control socket
// does and no more than this of it:
//
//	GET  /outbox?held=200&waiting=0&unknown=0
//	POST /outbox/retry
//	GET  /outbox/entry/9f86d081….1
//	GET  /status                              what it says of itself (Station.Status)
//	GET  /doctor                              what stationd doctor --json finds
//
// who says who asks: that stands in log and history.
func FleetHandler(asked Station, who func(context.Context) (name string, known bool), log *slog.Logger) http.Handler {
	s := &Server{station: asked, log: log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /outbox", func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"held", "waiting", "unknown"} {
			if n, err := strconv.Atoi(r.URL.Query().Get(name)); err != nil || n < 0 || n > mostFleetListed {
				s.refuse(w, http.StatusBadRequest, fmt.Errorf("%s=%s: give a number of 0 to %d", name, r.URL.Query().Get(name), mostFleetListed))
				return
			}
		}
		s.list(w, r)
	})
	mux.HandleFunc("POST /outbox/retry", s.decision(station.VerbRetry))
	mux.HandleFunc("GET /outbox/entry/{entry}", s.await)
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { s.answer(w, http.StatusOK, asked.Status()) })
	mux.HandleFunc("GET /doctor", func(w http.ResponseWriter, r *http.Request) {
		found, err := asked.Doctor(r.Context())
		if err != nil {
			s.refuse(w, http.StatusServiceUnavailable, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if _, err := w.Write(found); err != nil {
			s.log.Debug("what doctor found did not reach who asked", "error", err)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		s.refuse(w, http.StatusNotFound, errors.New("a station is not asked that over the engine: go there, or by ssh"))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if name, known := who(ctx); known {
			ctx = context.WithValue(ctx, peerKey{}, "fleet:"+name)
		}
		mux.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Through returns a client that asks a station by another way than its socket; named is how
// that station is called in errors. What the way returns may wrap ErrNotAsked.
func Through(way http.RoundTripper, named string) *Client {
	return &Client{path: named, http: &http.Client{Transport: way}}
}
