package web

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"stationd/internal/httpserver"
)

const (
	mostReaders = 16               // open pages of other machines; each costs a connection and a buffer
	mostOwn     = 8                // open pages of this machine, which have places of their own
	beatEvery   = 15 * time.Second // a page that hears nothing for longer says that it is old
	lookEvery   = 500 * time.Millisecond

	// lookAfter is how long after a change the station is looked at: the lights
	// follow the change, and presses that come together cost one look.
	lookAfter = 50 * time.Millisecond

	// lookLeast is the least time between two looks: where something changes all the
	// time, as while a hundred lanes try a vendor that is away, nobody reads faster.
	lookLeast = 300 * time.Millisecond
)

// Live is the fragment that every open page shows.
type live struct {
	mu      sync.Mutex
	readers int // of other machines
	own     int // of this one
	shown   string
	changed chan struct{} // closed when shown changes
}

func newLive() *live { return &live{changed: make(chan struct{})} }

// join counts one more reader, of this machine or another; false says that there are
// enough.
func (l *live) join(own bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, most := &l.readers, mostReaders
	if own {
		n, most = &l.own, mostOwn
	}
	if *n >= most {
		return false
	}
	*n++
	return true
}

func (l *live) leave(own bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if own {
		l.own--
	} else {
		l.readers--
	}
}

// watched reports whether anybody reads.
func (l *live) watched() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.readers+l.own > 0
}

// show replaces the fragment and wakes the readers if it is another one.
func (l *live) show(fragment string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if fragment == l.shown {
		return
	}
	l.shown = fragment
	close(l.changed)
	l.changed = make(chan struct{})
}

// now returns the fragment and a channel that is closed when it is replaced.
func (l *live) now() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shown, l.changed
}

// refresh draws the fragment for the open pages, if there are any.
func (s *Server) refresh() {
	if !s.live.watched() {
		s.lost.note(s.station.Snapshot())
		return
	}
	fragment, err := s.main()
	if err != nil {
		s.log.Error("the page cannot be drawn", "error", err)
		return
	}
	s.live.show(string(fragment))
}

// events sends the main part of the page whenever it changes, and a beat with
// the version in between, until the reader leaves or the station stops:
//
//	event: main
//	data: <section id="how">…
//
//	event: beat
//	data: 1.4.0
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	own := here(r)
	if !s.live.join(own) {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "enough pages are open already: close one", http.StatusServiceUnavailable)
		return
	}
	defer s.live.leave(own)
	w.Header().Set("Content-Type", "text/event-stream")
	out := stream{w: w, control: http.NewResponseController(w)}
	s.refresh()
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	version := visible(s.station.Snapshot().Version)
	err := out.send("beat", version)
	for last := ""; err == nil; {
		fragment, changed := s.live.now()
		if fragment != last {
			last = fragment
			if err = out.send("main", fragment); err != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		case <-beat.C:
			err = out.send("beat", version)
		}
	}
}

// A Stream writes server-sent events.
type stream struct {
	w       io.Writer
	control *http.ResponseController
}

// send writes one event. The server's time-out is for a whole answer; here each
// event has its own, so that a reader who has gone to sleep is let go.
func (s stream) send(event, data string) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(httpserver.SendWithin)) // an error shows in the write
	if _, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", event, strings.ReplaceAll(data, "\n", "\ndata: ")); err != nil {
		return err
	}
	return s.control.Flush()
}
