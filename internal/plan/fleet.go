package plan

import (
	"fmt"
	"io"
	"time"

	"stationd/internal/config"
	"stationd/internal/exit"
	"stationd/internal/relay"
	"stationd/internal/zone"
)

// DefaultFleetPath is where whoever sees to the stations of a plant has their configuration.
const DefaultFleetPath = "/etc/stationd/fleet.toml"

// A FleetTable is the table [fleet]: who asks the stations of a plant, and how.
type FleetTable struct {
	Name     string `toml:"name"`     // of the person, in log and history of a station
	Timezone string `toml:"timezone"` // in which times are told; the site's

	relay.Engine
}

// A FleetPlan is the configuration of whoever sees to the stations of a plant.
type FleetPlan struct {
	Path  string
	Table FleetTable
	Zone  *time.Location
}

// ReadFleet reads such a configuration whole; see Read.
func ReadFleet(path string) (*FleetPlan, []config.Fault, error) {
	f, err := config.Load(path)
	if err != nil {
		return nil, nil, err
	}
	p := &FleetPlan{Path: path, Zone: time.UTC}
	t := &p.Table
	if f.Section("fleet", t) {
		if why := relay.CheckName(t.Name); why != "" {
			f.Fault(config.At("fleet", "name"), `"name" %s`, why)
		}
		t.Check(func(key, text string) { f.Fault(config.At("fleet", key), "%q %s", key, text) })
		place, err := zone.Load(t.Timezone)
		if err != nil || t.Timezone == "" || t.Timezone == "Local" {
			f.Fault(config.At("fleet", "timezone"), `"timezone" must be the site's, as "Europe/Stockholm"`)
		} else {
			p.Zone = place
		}
	} else {
		f.Fault(config.At("fleet"), "the table [fleet] is missing; it needs at least name, timezone and servers")
	}
	f.Unread()
	return p, f.Faults(), nil
}

// LoadFleet reads it for a command that needs one; see Load.
func LoadFleet(path string, stderr io.Writer) (*FleetPlan, error) {
	p, faults, err := ReadFleet(path)
	if err != nil {
		return nil, exit.With(exit.Config, fmt.Errorf("%w; name yours with --config FILE, which has the table [fleet] (/etc/stationd/fleet.example.toml has every key)", err))
	}
	if len(faults) > 0 {
		PrintFaults(stderr, faults)
		return nil, &exit.Error{Code: exit.Config}
	}
	return p, nil
}
