package relay

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"stationd/internal/api"
	"stationd/internal/station"
)

// Watch stands among the verbs of an Allowance for what a station follows at a vendor.
const Watch = "watch"

// An Allowance is one [[allow]] of the relay's configuration: what the stations with such a
// name may do. Each of its keys narrows it, and a text may have * for any letters. Of several
// that match a station, one that allows it is enough.
type Allowance struct {
	Station  string   `toml:"station"`  // pack4-*
	Backends []string `toml:"backends"` // empty: all
	Verbs    []string `toml:"verbs"`    // and questions, by their backend: l2l/dispatch.open, lagerkoll/*; empty: all
	Lines    []string `toml:"lines"`    // where that is what is done and read,
	Machines []string `toml:"machines"` // by line and by machine; both empty: wherever it is
}

// Check reports every fault of an allowance by its key.
func (a Allowance) Check(fault func(key, text string)) {
	if _, err := path.Match(a.Station, ""); a.Station == "" || err != nil {
		fault("station", `must be a station's name, or a pattern like "pack4-*"`)
	}
	for key, all := range map[string][]string{"verbs": a.Verbs, "lines": a.Lines, "machines": a.Machines} {
		for _, one := range all {
			if _, err := path.Match(one, ""); err != nil {
				fault(key, fmt.Sprintf("%q is no name, nor a pattern like %q", one, "SEAL-*"))
			}
		}
	}
}

// Placed reports whether it holds to lines and machines.
func (a Allowance) Placed() bool { return len(a.Lines)+len(a.Machines) > 0 }

// Covers reports whether it is about a backend's verb or question, wherever that is done; "":
// about any of the backend's.
func (a Allowance) Covers(backend, verb string) bool {
	return (len(a.Backends) == 0 || slices.Contains(a.Backends, backend)) &&
		(len(a.Verbs) == 0 || slices.ContainsFunc(a.Verbs, func(pattern string) bool {
			of, _, _ := strings.Cut(pattern, "/")
			return verb == "" && matches(of, backend) || matches(pattern, backend+"/"+verb)
		}))
}

// within reports whether a place is one that it holds to. A place that nobody names is none.
func (a Allowance) within(p api.Place) bool {
	in := func(all []string, name string) bool {
		return name == "" || slices.ContainsFunc(all, func(pattern string) bool { return matches(pattern, name) })
	}
	return p != (api.Place{}) && in(a.Lines, p.Line) && in(a.Machines, p.Machine)
}

// matches reports whether a pattern is that name, or matches it.
func matches(pattern, name string) bool {
	matched, err := path.Match(pattern, name)
	return pattern == name || err == nil && matched
}

// verb is what the job asks for, as an Allowance names it; "" of a probe.
func (j *job) verb() string {
	switch {
	case j.Do == doFetch:
		return Watch
	case j.Delivery == nil:
		return j.Question
	}
	return j.Delivery.Verb
}

// permit is why a station may not have done what it asks for; nil where it may. Where it holds
// to places, within says which they are; nil: wherever it is.
func (r *Relay) permit(ctx context.Context, v Vendor, j *job) (within func(api.Place) bool, err error) {
	if len(r.Allowed) == 0 {
		return nil, nil
	}
	known := false
	var placed []Allowance
	for _, a := range r.Allowed {
		if !matches(a.Station, j.station) {
			continue
		}
		known = true
		switch {
		case !a.Covers(j.backend, j.verb()):
		case !a.Placed(), j.Do == doProbe:
			return nil, nil
		default:
			placed = append(placed, a)
		}
	}
	within = func(p api.Place) bool {
		return slices.ContainsFunc(placed, func(a Allowance) bool { return a.within(p) })
	}
	forbidden := func(why string) error {
		return fmt.Errorf("the relay does not allow %s/%s to the station %s: %s in relay.toml: %w, %w", j.backend, j.verb(), j.station, why, station.ErrKey, station.ErrForbidden)
	}
	switch {
	case !known:
		return nil, fmt.Errorf("the relay allows the station %s nothing: it has no [[allow]] there", j.station)
	case placed == nil:
		return nil, forbidden("no [[allow]] names it with backends and verbs")
	case j.Do == doFetch:
		return within, nil // what was fetched says where it is
	}
	places, err := j.places(ctx, v)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the relay did nothing: where it would be done cannot be read: %w", err)
	case slices.Contains(places, api.Place{}):
		return nil, forbidden(fmt.Sprintf("it is not known at which line and machine that would be, so it takes an [[allow]] with verbs = [%q] and neither lines nor machines", j.backend+"/"+j.verb()))
	}
	for _, p := range places {
		if !within(p) {
			named := strings.NewReplacer(`line "" and `, "", ` and machine ""`, "").Replace(fmt.Sprintf("line %q and machine %q", p.Line, p.Machine))
			return nil, forbidden(named + " would have to stand in lines and machines of its [[allow]]")
		}
	}
	return within, nil
}

// places are where a job acts or reads: as its own fields name it, and as the vendor shows what
// is named by itself. The zero place is one that nobody knows.
func (j *job) places(ctx context.Context, v Vendor) ([]api.Place, error) {
	with := j.With
	fields, found := []station.Field(nil), false
	if d := j.Delivery; d != nil {
		with = d.With
		for _, verb := range v.Backend.Verbs() {
			if verb.Name == j.verb() {
				// What ran at a line when it was looked at is not what runs there now.
				fields, found = verb.Fields, verb.Ends != "" || verb.Line != "" && (len(d.Before) > 0 || d.Forced)
			}
		}
	} else if asked, can := v.Backend.(station.Querier); can {
		for _, query := range asked.Queries() {
			if query.Name == j.verb() {
				fields = query.Fields
			}
		}
	}
	var named api.Place
	for _, f := range fields {
		switch f.Name {
		case "line":
			named.Line = with["line"]
		case "machine":
			named.Machine = with["machine"]
		}
		found = found || f.Anywhere && with[f.Name] != ""
	}
	for name := range with {
		if strings.HasPrefix(name, station.PassedThrough) {
			return []api.Place{{}}, nil // nobody knows what it means to the vendor
		}
	}
	if !found {
		return []api.Place{named}, nil
	}
	placing, can := v.Backend.(api.Placing)
	if !can {
		return []api.Place{{}}, nil
	}
	at, rc := placing.Locate(ctx, j.verb(), with, (*station.Delivery)(j.Delivery))
	if rc.Outcome == station.Unreached || rc.Outcome == station.Doubtful {
		return nil, rc.Err
	}
	if named != (api.Place{}) {
		return []api.Place{named, at}, nil
	}
	return []api.Place{at}, nil
}
