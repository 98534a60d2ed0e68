package cli

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"stationd/internal/api"
	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/station"
	"stationd/internal/terminal"
)

// A plant is what check --account finds in the configurations of several stations.
type plant struct {
	Accounts   []*account  `json:"accounts"`
	Complaints []complaint `json:"complaints"`

	stations []*plan.Plan // those without faults, in the order of the command line
}

// An account is what its vendor counts together.
type account struct {
	Backend  string  `json:"backend"`
	Account  string  `json:"account"`
	Sum      float64 `json:"sum_per_minute"`
	Limit    int     `json:"limit_per_minute,omitempty"` // 0: none is known
	Stations []share `json:"stations"`

	title     string
	localTime bool
	alone     []string // the stations that say that nobody else reports on their orders
}

// A share is one station's share of an account.
type share struct {
	File      string  `json:"file"`
	Station   string  `json:"station"`
	PerMinute float64 `json:"per_minute"`
}

// checkAccount is check --account. It needs nothing of this machine: the stations are
// others.
func checkAccount(stdout, stderr io.Writer, paths []string, asJSON, strict bool) error {
	all := readPlant(paths)
	faults := slices.ContainsFunc(all.Complaints, func(c complaint) bool { return c.Severity == severeFault })
	if asJSON {
		if err := printJSON(stdout, all); err != nil {
			return exit.Wrap(err)
		}
	} else {
		printComplaints(&terminal.LinePainter{W: stderr, Of: complaintColour}, all.Complaints)
		if err := printAccounts(stdout, all.Accounts); err != nil {
			return exit.Wrap(err)
		}
	}
	if faults || strict && len(all.Complaints) > 0 {
		return &exit.Error{Code: exit.Config}
	}
	return nil
}

// readPlant reads the configurations and compares them. One with faults is not counted.
func readPlant(paths []string) *plant {
	all := &plant{Accounts: []*account{}, Complaints: []complaint{}}
	for _, path := range paths {
		p, faults, err := plan.Read(path)
		switch {
		case err != nil:
			all.Complaints = append(all.Complaints, complaint{Severity: severeFault, File: path, Text: station.OneLine(err.Error(), 0)})
		case len(faults) > 0:
			for _, f := range faults {
				all.Complaints = append(all.Complaints, complaint{Severity: severeFault, File: f.File, Line: f.Line, Column: f.Col, Text: f.Text, detail: f.Detail})
			}
		default:
			all.stations = append(all.stations, p)
		}
	}
	all.addUp()
	all.findSharedNames()
	all.findSharedCalls()
	all.findSharedReaders()
	all.findZonesApart()
	return all
}

// warn takes up a warning about the configuration at path.
func (a *plant) warn(path, do, format string, args ...any) {
	a.Complaints = append(a.Complaints, complaint{Severity: severeWarning, File: path, Text: fmt.Sprintf(format, args...), Do: do})
}

// addUp adds up the shares of each account.
func (a *plant) addUp() {
	for _, p := range a.stations {
		for _, v := range p.Vendors {
			section, shares := v.Section.(api.Sharer)
			if !shares {
				continue
			}
			one := section.Share()
			i := slices.IndexFunc(a.Accounts, func(b *account) bool { return b.Backend == v.Name && b.Account == one.Account })
			if i < 0 {
				i = len(a.Accounts)
				a.Accounts = append(a.Accounts, &account{Backend: v.Name, Account: one.Account, Limit: one.Limit, title: v.Schema.Title, localTime: one.LocalTime})
			}
			its := a.Accounts[i]
			its.Stations = append(its.Stations, share{File: p.Path, Station: p.Station.Name, PerMinute: perMinute(one.Pace)})
			its.Sum = round(its.Sum + perMinute(one.Pace))
			if one.Alone {
				its.alone = append(its.alone, p.Station.Name)
			}
		}
	}
	for _, its := range a.Accounts {
		n := len(its.Stations)
		if its.Limit > 0 && its.Sum > float64(its.Limit) {
			do := "give them smaller rates"
			if each := its.Limit / n; each > 0 {
				do = fmt.Sprintf("give each rate = \"%d/min\" at most, or those that report more a larger share", each)
			}
			a.warn("", do, "%s may be asked %s/min by %s together, and its account has %d/min: it answers 429, and everybody waits",
				its.title, number(its.Sum), terminal.Count(n, "station"), its.Limit)
		}
		if len(its.alone) > 0 && n > 1 {
			a.warn("", "leave exclusive out, unless no two of them ever report on the same order",
				"%s says exclusive = true in [%s], that nobody else reports on its orders, and %s report there",
				enumerate(its.alone), its.Backend, terminal.Count(n, "station"))
		}
	}
}

// findSharedNames finds stations that nobody could tell apart.
func (a *plant) findSharedNames() {
	first := make(map[string]string)
	for _, p := range a.stations {
		if other, known := first[p.Station.Name]; known {
			a.warn(p.Path, "give each station a name of its own",
				"its name is %q, and so is that of %s: nobody can tell at the vendors, in alerts and in the metrics which of them it was", p.Station.Name, other)
			continue
		}
		first[p.Station.Name] = p.Path
	}
}

// findSharedCalls finds calls that two stations open as the same one at the vendor.
func (a *plant) findSharedCalls() {
	type caller struct{ station, path string }
	first := make(map[string]caller)
	for _, p := range a.stations {
		own := make(map[string]bool)
		for _, b := range p.Program.Bindings {
			for _, do := range b.Do {
				call, named := namedCall(p, do)
				if !named || own[call] {
					continue
				}
				own[call] = true
				if other, known := first[call]; known {
					a.warn(p.Path, "leave it where both stand at that machine; or give one its own machine or type",
						"%s opens %s, and so does %s (%s): what the one has opened, the other's button finds open", p.Station.Name, call, other.station, other.path)
					continue
				}
				first[call] = caller{p.Station.Name, p.Path}
			}
		}
	}
}

// namedCall returns which call an action opens, where that does not depend on what is in
// hand.
func namedCall(p *plan.Plan, do station.Do) (call string, named bool) {
	if len(do.Verb.Opens) == 0 {
		return "", false
	}
	vendor := p.Program.Vendors[do.Backend]
	words := []string{do.Verb.Name, "at", vendor.To}
	for _, field := range do.Verb.Opens {
		value := vendor.Defaults[field]
		if said, is := do.With[field]; is {
			if value, is = said.Constant(); !is {
				return "", false
			}
		}
		words = append(words, field+"="+value)
	}
	return strings.Join(words, " "), true
}

// findSharedReaders finds readers of the network that two stations connect to: a scan would
// be recorded by both.
func (a *plant) findSharedReaders() {
	first := make(map[string]string)
	for _, p := range a.stations {
		for _, s := range p.Scanners {
			address, of := strings.CutPrefix(s.Port, "tcp:")
			if !of || api.Loopback("http://"+address) {
				continue
			}
			if other, known := first[address]; known && other != p.Path {
				a.warn(p.Path, "let one of them have it", "the reader %q at %s is that of %s too: what is scanned is recorded by both, and reported twice", s.Name, address, other)
				continue
			}
			first[address] = p.Path
		}
	}
}

// findZonesApart finds stations of one L2L site in different time zones: the vendor speaks
// the site's local time, and there is one.
func (a *plant) findZonesApart() {
	for _, its := range a.Accounts {
		if !its.localTime {
			continue
		}
		stations := make(map[string][]string)
		for _, s := range its.Stations {
			i := slices.IndexFunc(a.stations, func(p *plan.Plan) bool { return p.Path == s.File })
			zone := a.stations[i].Station.Timezone
			stations[zone] = append(stations[zone], s.Station)
		}
		if len(stations) < 2 {
			continue
		}
		var said []string
		for _, zone := range slices.Sorted(maps.Keys(stations)) {
			said = append(said, fmt.Sprintf("%s has %s", enumerate(stations[zone]), zone))
		}
		a.warn("", "write the site's own time zone in each", "%s is one site with one time, and its stations have several: %s", its.Account, strings.Join(said, ", "))
	}
}

// printAccounts writes one table: each account, the stations' shares, and their sum.
func printAccounts(w io.Writer, all []*account) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, its := range all {
		fmt.Fprintf(t, "%s, %s\n", its.title, terminal.OneLine(its.Account))
		for _, s := range its.Stations {
			fmt.Fprintf(t, "  %s\t%s/min\t%s\n", terminal.OneLine(s.Station), number(s.PerMinute), terminal.OneLine(s.File))
		}
		limit := "no limit is known"
		if its.Limit > 0 {
			limit = fmt.Sprintf("of %d/min", its.Limit)
		}
		fmt.Fprintf(t, "  together\t%s/min\t%s\n", number(its.Sum), limit)
	}
	return t.Flush()
}

// enumerate names the first of many.
func enumerate(names []string) string {
	const most = 4
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

func perMinute(pace time.Duration) float64 { return round(float64(time.Minute) / float64(pace)) }

// round takes away what the whole nanoseconds of a pace have added.
func round(n float64) float64 { return math.Round(n*100) / 100 }

func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
