package web

import (
	"maps"
	"sync"

	"stationd/internal/station"
)

// outages remembers since when each backend has not been reached: the snapshot says
// only that it is not.
type outages struct {
	mu    sync.Mutex // guards since
	since map[string]station.Stamp
}

// note compares with a snapshot and returns since when each backend is out of reach.
func (o *outages) note(s station.Snapshot) map[string]station.Stamp {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since == nil {
		o.since = make(map[string]station.Stamp)
	}
	for name, c := range s.Health.Backends {
		if _, known := o.since[name]; c.Kind != station.NoContact {
			delete(o.since, name)
		} else if !known {
			o.since[name] = s.Now
		}
	}
	return maps.Clone(o.since)
}
