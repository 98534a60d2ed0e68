package plan

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"stationd/internal/api"
	"stationd/internal/api/lagerkoll"
	"stationd/internal/config"
	"stationd/internal/exit"
	"stationd/internal/relay"
	"stationd/internal/words"
	"stationd/internal/zone"
)

// readRelay reads [relay]: how the station reaches the relay of its plant.
func (p *Plan) readRelay(f *config.File) {
	section := new(relay.Engine)
	if f.Section("relay", section) {
		p.Relay = section
		section.Check(func(key, text string) { f.Fault(config.At("relay", key), "%q %s", key, text) })
	}
	used := false
	for _, v := range p.Vendors {
		if !v.ByRelay {
			continue
		}
		used = true
		if p.Relay == nil {
			f.Fault(config.At(v.Name, "via"), `"via" leads to the relay of the plant, and the table [relay] that says where its engine is is missing`)
		}
	}
	if why := relay.CheckName(p.Station.Name); used && why != "" {
		f.Fault(config.At("station", "name"), `"name" %s`, why)
	}
	if p.Relay != nil && !used {
		f.Warn(config.At("relay"), `[relay] leads to nobody: say via = "relay" in the table of a vendor`)
	}
}

// Dial returns the link to the relay of the plant; nil where no vendor is reached by it. An
// error that is the key's wraps api.ErrKeyUnusable. heard is called when a relay is heard that
// was not before.
func (p *Plan) Dial(log *slog.Logger, heard func()) (*relay.Link, error) {
	for _, v := range p.Vendors {
		if v.ByRelay {
			return relay.Dial(relay.LinkSetting{Station: p.Station.Name, Engine: *p.Relay, Zone: p.Zone, Log: log, Heard: heard})
		}
	}
	return nil, nil
}

// DefaultRelayPath is where the package of the relay has its configuration.
const DefaultRelayPath = "/etc/stationd/relay.toml"

// defaultLease is how long a relay leads without a word from the engine.
const defaultLease = 6 * time.Second

// A RelayTable is the table [relay] of a relay's own configuration.
type RelayTable struct {
	Name     string        `toml:"name"`     // in the log, and what stations say who leads
	Timezone string        `toml:"timezone"` // of the site: L2L speaks its local time
	Lease    time.Duration `toml:"lease"`    // all relays of a plant the same
	Replicas int           `toml:"replicas"` // of the lease: 3 where the engine has three nodes

	relay.Engine
}

// A RelayPlan is a relay's configuration that has been read.
type RelayPlan struct {
	Path     string
	Web      *RelayWeb // the page of all stations; nil: there is none
	Metrics  config.Metrics
	Table    RelayTable
	Zone     *time.Location
	Allowed  []relay.Allowance
	Sections []RelayVendor
	Warnings []config.Fault
}

// A RelayWeb is the table [web] of a relay's configuration: the keys of a station's, and the
// language of the page.
type RelayWeb struct {
	Language string `toml:"language"`
	config.Web
}

// readWeb reads [web]: the page of all stations of the plant.
func (p *RelayPlan) readWeb(f *config.File) {
	w := RelayWeb{Language: "en", Web: config.Web{Listen: "127.0.0.1:8422"}}
	if !f.Section("web", &w) || w.Listen == "" {
		return
	}
	p.Web = &w
	f.CheckWeb(w.Web)
	f.OneOf(config.At("web", "language"), w.Language, words.Languages()...)
	api.KeyFrom(w.Token).Check("token", func(key, text string) { f.Fault(config.At("web", key), "%q %s", key, text) })
	if w.TLS && w.Certificate == "" {
		f.Fault(config.At("web", "tls"), `"tls" needs "certificate" and "certificate_key": a relay keeps nothing, and makes none`)
	}
}

// A RelayVendor is a vendor that a relay speaks to.
type RelayVendor struct {
	Name    string
	Section api.Section
}

// ReadRelay reads a relay's configuration whole; see Read.
func ReadRelay(path string) (*RelayPlan, []config.Fault, error) {
	f, err := config.Load(path)
	if err != nil {
		return nil, nil, err
	}
	p := &RelayPlan{Path: path, Zone: time.UTC, Table: RelayTable{Lease: defaultLease, Replicas: 1}}
	p.readTable(f)
	for _, b := range Backends() {
		section := b.section()
		if b.Name == "webhook" || !f.Section(b.Name, section) {
			continue
		}
		section.Check(func(key, text string) { f.Fault(config.At(b.Name, key), "%q %s", key, text) })
		if section.ByRelay() {
			f.Fault(config.At(b.Name, "via"), `"via" is for stations: this is the relay, which asks the vendor itself`)
		}
		if store, is := section.(*lagerkoll.Section); is && store.Exclusive {
			// A relay that takes over does not know which lanes the one before kept.
			f.Fault(config.At(b.Name, "exclusive"), `"exclusive" is not for a relay: while one takes over from another, two stations may trace onto one order`)
		}
		p.Sections = append(p.Sections, RelayVendor{b.Name, section})
	}
	p.readWeb(f)
	if p.Metrics = f.Metrics(); p.Web != nil && p.Metrics.Listen == p.Web.Listen && !strings.HasSuffix(p.Web.Listen, ":0") {
		f.Fault(config.At("metrics", "listen"), `"listen" is the page's address: take another port`)
	}
	if len(p.Sections) == 0 {
		f.Fault(config.At("relay"), "the relay speaks to nobody: it needs [l2l] or [lagerkoll]")
	}
	p.readAllowed(f)
	f.Unread()
	p.Warnings = f.Warnings()
	return p, f.Faults(), nil
}

// readAllowed reads [[allow]]: what stations may do.
func (p *RelayPlan) readAllowed(f *config.File) {
	f.Tables("allow", &p.Allowed)
	if len(p.Allowed) == 0 {
		f.Warn(config.At("relay"), "there is no [[allow]]: every station that the engine lets in may do everything that the keys can")
	}
	asked := make(map[string][]string) // what each backend can be asked
	for _, b := range Backends() {
		asked[b.Name] = []string{relay.Watch}
		for _, v := range b.Verbs {
			if !v.BestEffort { // the station's own
				asked[b.Name] = append(asked[b.Name], v.Name)
			}
		}
		for _, q := range b.Queries {
			asked[b.Name] = append(asked[b.Name], q.Name)
		}
	}
	atLagerkoll := false
	for i, a := range p.Allowed {
		a.Check(func(key, text string) { f.Fault(config.At("allow", i, key), "%q %s", key, text) })
		for _, name := range a.Backends {
			f.OneOf(config.At("allow", i, "backends"), name, "l2l", "lagerkoll")
		}
		for _, pattern := range a.Verbs {
			one := relay.Allowance{Verbs: []string{pattern}}
			covers := func(backend string) bool {
				return slices.ContainsFunc(asked[backend], func(verb string) bool { return one.Covers(backend, verb) })
			}
			if !covers("l2l") && !covers("lagerkoll") {
				f.Fault(config.At("allow", i, "verbs"), `%q is no verb and no question, which are called as "l2l/dispatch.open", "lagerkoll/*" or "l2l/watch"`, pattern)
			}
		}
		switch {
		case !a.Placed():
			atLagerkoll = atLagerkoll || a.Covers("lagerkoll", "")
		case !a.Covers("l2l", ""):
			f.Fault(config.At("allow", i), "Lagerkoll knows neither lines nor machines: leave lines and machines out of an [[allow]] for it")
		case len(a.Machines) == 0 && a.Covers("l2l", "dispatch.open"):
			f.Warn(config.At("allow", i, "lines"), `a call names its machine, and no machine is allowed here: add machines = ["SEAL-1"], or "*" for all`)
		}
	}
	if !atLagerkoll && len(p.Allowed) > 0 && slices.ContainsFunc(p.Sections, func(v RelayVendor) bool { return v.Name == "lagerkoll" }) {
		f.Warn(config.At("lagerkoll"), `no station may do anything here: Lagerkoll knows no lines, so it takes an [[allow]] with backends = ["lagerkoll"] and neither lines nor machines`)
	}
}

func (p *RelayPlan) readTable(f *config.File) {
	t := &p.Table
	if !f.Section("relay", t) {
		f.Fault(config.At("relay"), "the table [relay] is missing; it needs at least name, timezone and servers")
		return
	}
	if why := relay.CheckName(t.Name); why != "" {
		f.Fault(config.At("relay", "name"), `"name" %s`, why)
	}
	t.Check(func(key, text string) { f.Fault(config.At("relay", key), "%q %s", key, text) })
	if t.Lease < relay.LeaseLeast || t.Lease > time.Minute {
		f.Fault(config.At("relay", "lease"), `"lease" must be %v to 1m`, relay.LeaseLeast)
	}
	if t.Replicas != 1 && t.Replicas != 3 && t.Replicas != 5 {
		f.Fault(config.At("relay", "replicas"), `"replicas" must be 1, 3 or 5: on so many nodes of the engine the lease is kept`)
	}
	location, err := zone.Load(t.Timezone)
	if err != nil || t.Timezone == "" || t.Timezone == "Local" {
		f.Fault(config.At("relay", "timezone"), `"timezone" must be the site's, as "Europe/Stockholm": L2L speaks its local time`)
		return
	}
	p.Zone = location
}

// LoadRelay reads a relay's configuration for a command that needs one; see Load.
func LoadRelay(path string, stderr io.Writer) (*RelayPlan, error) {
	p, faults, err := ReadRelay(path)
	if err != nil {
		return nil, exit.With(exit.Config, err)
	}
	if len(faults) > 0 {
		PrintFaults(stderr, faults)
		return nil, &exit.Error{Code: exit.Config}
	}
	return p, nil
}

// Open opens the relay's vendors, which reads their keys, and returns what a relay needs to
// know.
func (p *RelayPlan) Open(log *slog.Logger) (relay.Setting, error) {
	s := relay.Setting{Name: p.Table.Name, Engine: p.Table.Engine, Lease: p.Table.Lease, Replicas: p.Table.Replicas, Allowed: p.Allowed, Log: log}
	var errs []error
	for _, v := range p.Sections {
		backend, err := v.Section.Open(api.Opening{Log: log, Zone: p.Zone})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		base, route := v.Section.Reached()
		vendor := relay.Vendor{Name: v.Name, Backend: backend, Settle: api.SettleByRelay(route.ByProxy(base))}
		if api.Loopback(base) {
			vendor.Settle = 0 // as a station's own may be shorter there
		}
		s.Vendors = append(s.Vendors, vendor)
	}
	if err := errors.Join(errs...); err != nil {
		return s, fmt.Errorf("%s: %w", p.Path, err)
	}
	return s, nil
}
