package web

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"stationd/internal/httpserver"
	"stationd/internal/station"
)

const (
	mostRemoteViewers = 32               // open pages of other machines; each costs a connection and a buffer
	mostLocalViewers  = 32               // open pages of this machine, which have places of their own
	heartbeatEvery    = 15 * time.Second // a page that hears nothing for 40 s says that it may be out of date
	refreshEvery      = 500 * time.Millisecond
	unwatchedEvery    = 10 * time.Second // where no page is open: only how long a vendor has been away is noted

	// refreshDelay is how long after a change the page is drawn: the lights follow the
	// change, and presses that come together cost one drawing.
	refreshDelay = 25 * time.Millisecond

	// refreshGap is the least time between two drawings for changes: where something changes
	// all the time, as while a hundred lanes try a vendor that is away, nobody reads faster.
	refreshGap = 300 * time.Millisecond
)

// A feed has what every open page shows, for the streams that send it.
type feed struct {
	opened chan struct{} // has a value when a page was opened where none was

	mu       sync.Mutex // guards what follows
	remote   int        // viewers on other machines
	local    int        // viewers on this one
	fragment string
	changed  chan struct{} // closed when the fragment changes
}

func newFeed() *feed { return &feed{opened: make(chan struct{}, 1), changed: make(chan struct{})} }

// join counts one more viewer, on this machine or another; false says that there are
// as many as there may be.
func (f *feed) join(local bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, most := &f.remote, mostRemoteViewers
	if local {
		n, most = &f.local, mostLocalViewers
	}
	if *n >= most {
		return false
	}
	*n++
	if f.remote+f.local == 1 {
		select {
		case f.opened <- struct{}{}:
		default: // it is heard anyway
		}
	}
	return true
}

func (f *feed) leave(local bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if local {
		f.local--
	} else {
		f.remote--
	}
}

// watched reports whether any page is open.
func (f *feed) watched() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.remote+f.local > 0
}

// refreshIn returns how long the open pages are true while nothing changes.
func (f *feed) refreshIn() time.Duration {
	if f.watched() {
		return refreshEvery
	}
	return station.UntilBeat(time.Now(), unwatchedEvery)
}

// show replaces the fragment and wakes the streams if it is another one.
func (f *feed) show(fragment string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fragment == f.fragment {
		return
	}
	f.fragment = fragment
	close(f.changed)
	f.changed = make(chan struct{})
}

// now returns the fragment and a channel that is closed when it is replaced.
func (f *feed) now() (string, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fragment, f.changed
}

// refresh draws the fragment for the open pages, if there are any.
func (s *Server) refresh() {
	if !s.feed.watched() {
		s.outages.note(s.station.Snapshot())
		return
	}
	s.feed.show(s.renderMain())
}

// events sends the main part of the page whenever it changes, and a beat with what the rest is
// drawn for (drawnFor) in between and whenever that changes, until the viewer leaves or may not
// look any more, or the station stops:
//
//	event: main
//	data: <section id="headline">…
//
//	event: beat
//	data: 1.4.0
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	local := isLocal(r)
	if !s.feed.join(local) {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many pages are open: close one", http.StatusServiceUnavailable)
		return
	}
	defer s.feed.leave(local)
	w.Header().Set("Content-Type", "text/event-stream")
	out := stream{w: w, control: http.NewResponseController(w)}
	s.refresh()
	beat := time.NewTicker(heartbeatEvery)
	defer beat.Stop()
	drawnFor := s.drawnFor(r)
	err := out.send("beat", drawnFor)
	for last := ""; err == nil; {
		fragment, changed := s.feed.now()
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
			if now := s.drawnFor(r); now != drawnFor {
				drawnFor = now
				err = out.send("beat", drawnFor)
			}
		case <-beat.C:
			drawnFor = s.drawnFor(r)
			if err = out.send("beat", drawnFor); !s.mayLook(r) {
				return
			}
		}
	}
}

// A stream writes server-sent events.
type stream struct {
	w       io.Writer
	control *http.ResponseController
}

// send writes one event. The server's time-out is for a whole answer; here each
// event has its own, so that a viewer whose machine sleeps is let go.
func (s stream) send(event, data string) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(httpserver.SendWithin)) // an error shows in the write
	if _, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", event, strings.ReplaceAll(data, "\n", "\ndata: ")); err != nil {
		return err
	}
	return s.control.Flush()
}
