package web

import (
	"html/template"
	"maps"
	"reflect"
	"strings"
	"sync"
	"time"

	"stationd/internal/station"
)

// ageEvery is how often the page is drawn anew when nothing changes but how long ago
// things were, which it tells in minutes.
const ageEvery = 5 * time.Second

// A Picture is the main part of the page as it was drawn last, for everybody who
// looks at it: sixty pages cost one drawing, and one that nothing has changed on costs
// none.
type picture struct {
	mu       sync.Mutex
	drawn    int // how often
	of       station.Snapshot
	stale    bool
	lost     map[string]station.Stamp // since when each backend has not been reached
	fragment template.HTML

	// The entries that are listed, read anew when the outbox has changed.
	read     bool
	commits  uint64
	contents station.Contents
	unread   error
}

// main returns the main part of the page as the station is now.
func (s *Server) main() (template.HTML, error) {
	p := &s.picture
	p.mu.Lock()
	defer p.mu.Unlock()
	now := s.station.Snapshot()
	old := stale(now, s.station.Stamp(time.Now()))
	lost := s.lost.note(now)
	if p.drawn > 0 && old == p.stale && maps.Equal(lost, p.lost) && p.shows(now) {
		return p.fragment, nil
	}
	var b strings.Builder
	if err := s.pages.ExecuteTemplate(&b, "main", s.looker(now, lost).view()); err != nil {
		return "", err
	}
	p.drawn++
	p.of, p.stale, p.lost, p.fragment = now, old, lost, template.HTML(b.String()) //nolint:gosec // the template's own
	return p.fragment, nil
}

// shows reports whether the picture is still true.
func (p *picture) shows(now station.Snapshot) bool {
	if age, known := now.Now.Since(p.of.Now); !known || age < 0 || age >= ageEvery {
		return false
	}
	before := p.of
	for _, s := range []*station.Snapshot{&before, &now} {
		s.Now, s.Counts = station.Stamp{}, station.Counts{} // the page does not show them
	}
	return reflect.DeepEqual(before, now)
}

// looker gathers what a view is made of. The caller holds the picture's lock.
func (s *Server) looker(now station.Snapshot, lost map[string]station.Stamp) looker {
	p := &s.picture
	if now.Waiting+now.Held+now.Kept == 0 {
		p.read, p.contents, p.unread = false, station.Contents{}, nil
	} else if !p.read || p.unread != nil || p.commits != now.Commits {
		p.contents, p.unread = s.station.Outbox.Contents(limit())
		p.read, p.commits = true, now.Commits
	}
	l := looker{
		snapshot: now,
		program:  s.station.Program(),
		contents: p.contents,
		unread:   p.unread,
		lost:     lost,
		words:    s.words,
		times:    times{now: s.station.Stamp(time.Now()), zone: s.station.Zone, words: s.words},
	}
	if l.times.zone == nil {
		l.times.zone = time.Local
	}
	return l
}
