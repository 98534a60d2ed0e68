package web

import (
	"maps"
	"sync"

	"stationd/internal/station"
)

// Lost remembers since when each backend has not been reached: the snapshot says
// only that it is not.
type lost struct {
	mu    sync.Mutex
	since map[string]station.Stamp
}

// note takes up a snapshot and returns since when each backend is out of reach.
func (l *lost) note(s station.Snapshot) map[string]station.Stamp {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.since == nil {
		l.since = make(map[string]station.Stamp)
	}
	for name, c := range s.Health.Backends {
		if _, known := l.since[name]; c.Kind != station.NoContact {
			delete(l.since, name)
		} else if !known {
			l.since[name] = s.Now
		}
	}
	return maps.Clone(l.since)
}
