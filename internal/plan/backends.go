package plan

import (
	"log/slog"
	"maps"
	"slices"
	"time"

	"stationd/internal/api"
	"stationd/internal/api/l2l"
	"stationd/internal/api/lagerkoll"
	"stationd/internal/api/webhook"
	"stationd/internal/config"
	"stationd/internal/relay"
	"stationd/internal/station"
)

// A Backend is one that this program has, whether the configuration uses it or not. One that
// it uses is a Vendor.
type Backend struct {
	Name    string // of its table and its command, and the source of its events: l2l
	Title   string // as people call it: L2L
	Verbs   []station.Verb
	Queries []station.Query
	section func() api.Section // an empty one
}

// Backends is the only list of backends: a further one is one more line here.
func Backends() []Backend {
	return []Backend{
		{"l2l", "L2L", l2l.Verbs(), l2l.Queries(), func() api.Section { return new(l2l.Section) }},
		{"lagerkoll", "Lagerkoll", append(lagerkoll.Verbs(), PrintVerb()), lagerkoll.Queries(), func() api.Section { return new(lagerkoll.Section) }},
		{"webhook", "Webhook", webhook.Verbs(), nil, func() api.Section { return new(webhook.Section) }},
	}
}

// A Vendor is a backend that the configuration has a table for.
type Vendor struct {
	Name    string
	Section api.Section
	Schema  station.Vendor
	Settle  time.Duration // how long after an attempt an absence at the vendor proves nothing
	ByRelay bool          // the relay of the plant asks the vendor in the station's place

	// Open opens the backend. One that is ByRelay stands at the end of the link, and of
	// the others link is not used.
	Open func(log *slog.Logger, link *relay.Link) (station.Backend, error)

	// Watch returns the source that follows the vendor through a backend which Open
	// returned; nil where nothing is followed.
	Watch func(b station.Backend, state func() station.State, stamp func(time.Time) station.Stamp) station.Watch
}

// Vendor returns the vendor of that name in the configuration in force.
func (p *Plan) Vendor(name string) (Vendor, bool) {
	i := slices.IndexFunc(p.Vendors, func(v Vendor) bool { return v.Name == name })
	if i < 0 {
		return Vendor{}, false
	}
	return p.Vendors[i], true
}

// BackendNames lists the names that are a backend's, in the order of the table.
func BackendNames() (names []string) {
	for _, b := range Backends() {
		names = append(names, b.Name)
	}
	return names
}

// readVendors reads the tables of the backends.
func (p *Plan) readVendors(f *config.File) {
	for _, b := range Backends() {
		section := b.section()
		if !f.Section(b.Name, section) {
			continue
		}
		section.Check(func(key, text string) { f.Fault(config.At(b.Name, key), "%q %s", key, text) })
		if doubtful, can := section.(interface {
			Warn(warn func(key, text string))
		}); can {
			doubtful.Warn(func(key, text string) { f.Warn(config.At(b.Name, key), "%q %s", key, text) })
		}
		p.Vendors = append(p.Vendors, p.vendor(b, section))
	}
}

// vendor returns the Vendor of a backend and its table.
func (p *Plan) vendor(b Backend, section api.Section) Vendor {
	defaults := make(map[string]string)
	for _, v := range b.Verbs {
		if _, named := v.Field(station.Named); named {
			defaults[station.Named] = p.Station.Name
		}
		if v.Name == PrintVerb().Name {
			maps.Copy(defaults, p.printerDefaults())
		}
	}
	maps.Copy(defaults, section.Defaults())
	schema := station.Vendor{Title: b.Title, Verbs: b.Verbs, To: section.To(), Defaults: defaults}
	if follower, can := section.(api.Follower); can {
		schema.Reads, schema.Fresh, schema.Follows = follower.Reads()
	}
	return Vendor{
		Name:    b.Name,
		Section: section,
		Schema:  schema,
		Settle:  section.SettleTime(),
		ByRelay: section.ByRelay(),
		Open: func(log *slog.Logger, link *relay.Link) (station.Backend, error) {
			if section.ByRelay() {
				return link.Backend(relay.BackendSetting{Name: b.Name, Verbs: b.Verbs, Queries: b.Queries, Settle: section.SettleTime()}), nil
			}
			return section.Open(api.Opening{Log: log, Zone: p.Zone})
		},
		Watch: func(b station.Backend, state func() station.State, stamp func(time.Time) station.Stamp) station.Watch {
			if follower, can := section.(api.Follower); can {
				return follower.Follow(b, state, stamp)
			}
			return nil
		},
	}
}
