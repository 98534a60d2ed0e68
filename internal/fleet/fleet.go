// Package fleet has what a station says of itself to the people who see to a plant of
// stations, and in which order they should look at them.
package fleet

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"stationd/internal/station"
)

const (
	// Every is how often a station says how it is where nothing changes.
	Every = 10 * time.Second

	// Gap is the least time between two of its statuses.
	Gap = 2 * time.Second

	// AwayAfter is how old the last status of a station is that is away.
	AwayAfter = 3 * Every

	// LateAfter is how long an entry may wait until a person should know.
	LateAfter = 5 * time.Minute

	mostFaults  = 20  // that a status has
	longestText = 200 // of one text in it, in bytes
)

// A Status is what a station says of itself: how many entries there are and nothing of what
// they hold, and no key.
type Status struct {
	Station       string             `json:"station"`
	Version       string             `json:"version"`
	Configuration string             `json:"configuration,omitempty"` // the beginning of its hash
	Started       time.Time          `json:"started,omitzero"`
	Waiting       int                `json:"waiting"`
	Held          int                `json:"held"`
	Unknown       int                `json:"unknown"` // scans that nobody knew
	Calls         int                `json:"calls"`   // that are open
	Oldest        time.Duration      `json:"oldest,omitempty"`
	Storage       string             `json:"storage,omitempty"` // why nothing is recorded; empty: it is
	Vendors       map[string]Contact `json:"vendors,omitempty"`
	Faults        map[string]string  `json:"faults,omitempty"`    // of its parts
	PageHere      string             `json:"page_here,omitempty"` // why no other machine sees its page: nobody misses anything by it
	Clock         bool               `json:"clock"`               // it was set from outside since boot
	Ahead         time.Duration      `json:"ahead,omitempty"`     // of a vendor's clock, as far as one was heard
}

// A Contact is how a vendor answers a station.
type Contact struct {
	Kind  station.ContactKind `json:"kind,omitempty"`
	Fault string              `json:"fault,omitempty"` // the key is wrong
	Last  string              `json:"last,omitempty"`  // the last error
}

// StatusOf makes the status of a snapshot. What the snapshot does not have the caller adds.
func StatusOf(s station.Snapshot) Status {
	one := Status{
		Station: s.Station, Version: s.Version, Waiting: s.Waiting, Held: s.Held, Unknown: s.Kept, Calls: len(s.State.Calls),
		Storage: short(s.Health.Storage), Clock: s.Health.Clock,
	}
	if one.Storage == "" && s.Health.Fill >= 1 {
		one.Storage = "the outbox is full"
	}
	if s.Oldest != (station.Stamp{}) {
		if age, known := s.Now.Since(s.Oldest); known {
			one.Oldest = max(age, 0).Round(time.Second)
		}
	}
	for name, c := range s.Health.Backends {
		if one.Vendors == nil {
			one.Vendors = make(map[string]Contact)
		}
		one.Vendors[name] = Contact{Kind: c.Kind, Fault: short(c.Fault), Last: short(c.Last)}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Health.Devices)) {
		if name == station.PageElsewhere {
			one.PageHere = short(s.Health.Devices[name])
			continue
		}
		if s.Health.Devices[name] == "" || len(one.Faults) >= mostFaults {
			continue
		}
		if one.Faults == nil {
			one.Faults = make(map[string]string)
		}
		one.Faults[short(name)] = short(s.Health.Devices[name])
	}
	return one
}

// short is a text of a status.
func short(text string) string { return station.OneLine(text, longestText) }

// A Need is why a person should look at a station, the most urgent first.
type Need string

// The needs.
const (
	NotRecording Need = "not recording" // what is pressed and scanned there is lost
	Held         Need = "held"          // a person must decide
	Faulty       Need = "fault"         // a part of it, or a key, needs a person
	Away         Need = "away"          // it does not answer, or was not heard for AwayAfter
	Refused      Need = "refused"       // by the relays, because a person said so
	Late         Need = "late"          // an entry waits for longer than LateAfter, or a vendor does not answer
	Clock        Need = "clock"         // its clock was never set, or is off
	OtherVersion Need = "other version" // than most stations have
	Well         Need = "well"
)

// Needs lists all needs, the most urgent first.
func Needs() []Need {
	return []Need{NotRecording, Held, Faulty, Away, Refused, Late, Clock, OtherVersion, Well}
}

// mostAhead is how far a station's clock may be off the vendor's.
const mostAhead = 30 * time.Second

// A Seen is a station as it was seen last.
type Seen struct {
	Name    string        `json:"name"`
	Status  Status        `json:"status"`
	At      time.Time     `json:"at"`                // when it said so, by the clock of the engine
	Age     time.Duration `json:"age"`               // of the status
	Live    bool          `json:"live,omitempty"`    // it was asked just now
	Silent  bool          `json:"silent,omitempty"`  // it was asked just now, and did not answer
	Refused string        `json:"refused,omitempty"` // who has the relays refuse it, and since when
	Need    Need          `json:"need"`
}

// Read makes a Seen of what the engine keeps of a station, and of how old that is by the
// engine's clock. A text that is no status is one that says nothing.
func Read(name string, text []byte, at time.Time, age time.Duration) Seen {
	s := Seen{Name: name, At: at, Age: age.Round(time.Second)}
	if json.Unmarshal(text, &s.Status) != nil {
		s.Status = Status{}
	}
	return s
}

// Order says what each station needs, and puts those first that a person must see to first;
// of the same need, the one that waits longest, then by name.
func Order(all []Seen) {
	usual := usualVersion(all)
	for i := range all {
		all[i].Need = all[i].need(usual)
	}
	rank := Needs()
	sort.Slice(all, func(i, j int) bool {
		a, b := &all[i], &all[j]
		return cmp.Or(cmp.Compare(slices.Index(rank, a.Need), slices.Index(rank, b.Need)),
			cmp.Compare(b.Status.Oldest, a.Status.Oldest), byName(a.Name, b.Name)) < 0
	})
}

// byName compares names as people do: pack4-2 stands before pack4-10.
func byName(a, b string) int {
	split := func(name string) (string, int) {
		begin := strings.TrimRight(name, "0123456789")
		n, err := strconv.Atoi(name[len(begin):])
		if err != nil {
			return name, -1
		}
		return begin, n
	}
	beginA, numberA := split(a)
	beginB, numberB := split(b)
	return cmp.Or(strings.Compare(beginA, beginB), cmp.Compare(numberA, numberB), strings.Compare(a, b))
}

// usualVersion is the version that most stations have.
func usualVersion(all []Seen) (usual string) {
	count := make(map[string]int)
	for _, s := range all {
		count[s.Status.Version]++
	}
	for _, version := range slices.Sorted(maps.Keys(count)) {
		if count[version] > count[usual] {
			usual = version
		}
	}
	return usual
}

func (s Seen) need(usual string) Need {
	n := s.Status
	late, faulty := n.Oldest > LateAfter, len(n.Faults) > 0
	for _, c := range n.Vendors {
		late = late || c.Kind == station.NoContact
		faulty = faulty || c.Fault != ""
	}
	switch {
	case n.Storage != "":
		return NotRecording
	case n.Held > 0:
		return Held
	case faulty:
		return Faulty
	case s.Silent, !s.Live && s.Age > AwayAfter:
		return Away
	case s.Refused != "":
		return Refused
	case late:
		return Late
	case !n.Clock || n.Ahead.Abs() > mostAhead:
		return Clock
	case n.Version != usual:
		return OtherVersion
	}
	return Well
}

// Contacts says in one line which vendors do not answer as they should: "l2l: no contact";
// "" where all do.
func (s Status) Contacts() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(s.Vendors)) {
		switch c := s.Vendors[name]; {
		case c.Fault != "":
			all = append(all, name+": the key is not accepted")
		case c.Kind != station.Connected && c.Kind != station.Untried:
			all = append(all, fmt.Sprintf("%s: %s", name, c.Kind))
		}
	}
	return strings.Join(all, ", ")
}
