package web

import (
	"maps"
	"reflect"
	"sync"
	"time"

	g "stationd/internal/html"
	"stationd/internal/station"
	"stationd/internal/words"
)

// ageEvery is how often the page is drawn anew when nothing changes but how long ago
// things were, which it tells in minutes.
const ageEvery = 5 * time.Second

// A mainCache is the main part of the page as it was drawn last, for everybody who
// looks at it: sixty pages cost one drawing, and one that nothing has changed on costs
// none.
type mainCache struct {
	mu       sync.Mutex // guards all fields, and is held while the page is drawn
	drawings int        // so far
	snapshot station.Snapshot
	at       station.Stamp // when it was drawn
	stale    bool
	outages  map[string]station.Stamp // since when each backend has not been reached
	fragment string                   // HTML
	holds    time.Duration            // how long it stays true while nothing changes

	// The entries that are listed, read again when the outbox has changed.
	read        bool
	commits     uint64 // of the snapshot for which they were read
	contents    station.Contents
	contentsErr error
}

// renderMain returns the main part of the page as the station is now.
func (s *Server) renderMain() string {
	c := &s.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	now, at := s.station.Snapshot(), s.station.Stamp(time.Now())
	old := stale(now, at)
	outages := s.outages.note(now)
	if c.drawings > 0 && old == c.stale && maps.Equal(outages, c.outages) && c.isTrue(now, at) {
		return c.fragment
	}
	builder := s.viewBuilder(now, outages)
	fragment := g.String(builder.view().html())
	c.drawings++
	c.snapshot, c.at, c.stale, c.outages, c.fragment = now, at, old, outages, fragment
	c.holds = min(ageEvery, builder.refusalEndsIn())
	return c.fragment
}

// isTrue reports whether what was drawn is still true at a time.
func (c *mainCache) isTrue(now station.Snapshot, at station.Stamp) bool {
	if age, known := at.Since(c.at); !known || age < 0 || age >= c.holds {
		return false
	}
	before := c.snapshot
	for _, s := range []*station.Snapshot{&before, &now} {
		s.Now, s.Counts = station.Stamp{}, station.Counts{} // the page does not show them
	}
	return reflect.DeepEqual(before, now)
}

// viewBuilder gathers what a view is made of. The caller holds the lock of the cache.
func (s *Server) viewBuilder(now station.Snapshot, outages map[string]station.Stamp) viewBuilder {
	c := &s.cache
	if now.Waiting+now.Held+now.Kept == 0 {
		c.read, c.contents, c.contentsErr = false, station.Contents{}, nil
	} else if !c.read || c.contentsErr != nil || c.commits != now.Commits {
		c.contents, c.contentsErr = s.station.Outbox.Contents(pageLimit())
		c.read, c.commits = true, now.Commits
	}
	l := viewBuilder{
		snapshot:    now,
		program:     s.station.Program(),
		contents:    c.contents,
		contentsErr: c.contentsErr,
		outages:     outages,
		texts:       s.texts,
		hasCards:    s.station.Cards != nil,
		times:       words.Times{Now: s.station.Stamp(time.Now()), Zone: s.station.Zone, Words: s.texts},
	}
	if l.times.Zone == nil {
		l.times.Zone = time.Local
	}
	return l
}
