package relay

import (
	"fmt"
	"path"
	"slices"

	"stationd/internal/station"
)

// An Allowance is one [[allow]] of the relay's configuration: what the stations with such a
// name may do. Of several that match a station, one that allows it is enough.
type Allowance struct {
	Station  string   `toml:"station"`  // a name, with * for any letters: pack4-*
	Backends []string `toml:"backends"` // empty: all
	Lines    []string `toml:"lines"`    // that it may name; empty: all
	Machines []string `toml:"machines"` // that it may name; empty: all
}

// Check reports every fault of an allowance by its key.
func (a Allowance) Check(fault func(key, text string)) {
	if _, err := path.Match(a.Station, ""); a.Station == "" || err != nil {
		fault("station", `must be a station's name, or a pattern like "pack4-*"`)
	}
}

func (a Allowance) allows(backend string, with map[string]string) bool {
	within := func(all []string, value string) bool {
		return len(all) == 0 || value == "" || slices.Contains(all, value)
	}
	return within(a.Backends, backend) && within(a.Lines, with["line"]) && within(a.Machines, with["machine"])
}

// forbids is why a station may not have done what it asks for; nil when it may.
func (r *Relay) forbids(j *job) error {
	with := j.With
	if j.Delivery != nil {
		with = j.Delivery.Entry.With
	}
	known := false
	for _, a := range r.Allowed {
		if matches, err := path.Match(a.Station, j.station); err != nil || !matches {
			continue
		}
		if a.allows(j.backend, with) {
			return nil
		}
		known = true
	}
	switch {
	case len(r.Allowed) == 0:
		return nil
	case !known:
		return fmt.Errorf("the relay allows the station %s nothing: it has no [[allow]] there", j.station)
	}
	return fmt.Errorf("the relay does not allow this to the station %s, line %q, machine %q: %w, %w", j.station, with["line"], with["machine"], station.ErrKey, station.ErrForbidden)
}
