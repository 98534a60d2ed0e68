package station

import (
	"maps"
	"slices"
	"time"
)

// Alert is the kind of the event of the station's own by which it says that something
// has waited for a person too long. Its data has one name, DataAlert.
const (
	Alert     = "alert"
	DataAlert = "alert" // what is wrong, in a sentence
)

// An AlertKind says what an alert is about.
type AlertKind string

// The kinds.
const (
	AlertHeld        AlertKind = "held"        // entries are held for a person
	AlertUndelivered AlertKind = "undelivered" // nothing can be delivered to a vendor
	AlertWaiting     AlertKind = "waiting"     // the same entry is the oldest that waits, although the vendors answer and nothing is held
)

// An AlertState is one of the conditions of AlertKind while it lasts, with who was told of
// it. That something is held is one condition, whichever entries and however many: it begins
// with the first and ends when none is held.
type AlertState struct {
	Kind    AlertKind            `json:"kind"`
	Backend string               `json:"backend,omitempty"` // of AlertUndelivered
	Oldest  Stamp                `json:"oldest,omitzero"`   // of AlertWaiting: the entry's event
	Since   Stamp                `json:"since"`
	Told    map[string]AlertTold `json:"told,omitempty"` // by the way in which it is told
}

// An AlertTold says how often one way of telling was tried, and when it was told.
type AlertTold struct {
	At    Stamp `json:"at,omitzero"`     // when it was last told; zero: not yet
	Tries int   `json:"tries,omitempty"` // in a row that came to nothing, since it was due
	Tried Stamp `json:"tried,omitzero"`  // when the last of them began
}

// MostAlertTries is how often telling is tried before it waits for the time at which it
// would be told again. Between two tries are 1, 2, 4 and 8 minutes.
const MostAlertTries = 5

// firstAlertWait is between the first try and the second.
const firstAlertWait = time.Minute

// Alerts returns what is so now: what has begun, what goes on, and nothing that is
// over. before is what it returned last. A vendor that has not been tried since the
// start, and one that is being asked what arrived, leaves it as it is.
func (s Snapshot) Alerts(before []AlertState, now Stamp) []AlertState {
	var all []AlertState
	answers := s.Held == 0
	take := func(kind AlertKind, backend string, so, keep bool) {
		i := slices.IndexFunc(before, func(a AlertState) bool { return a.Kind == kind && a.Backend == backend })
		switch {
		case i >= 0 && (so || keep):
			all = append(all, before[i].placed(now))
		case so:
			all = append(all, AlertState{Kind: kind, Backend: backend, Since: now})
		}
	}
	take(AlertHeld, "", s.Held > 0, false)
	backends := slices.Collect(maps.Keys(s.Health.Backends))
	for _, a := range before {
		if a.Kind == AlertUndelivered && !slices.Contains(backends, a.Backend) {
			backends = append(backends, a.Backend)
		}
	}
	slices.Sort(backends)
	for _, name := range backends {
		c := s.Health.Backends[name]
		waits := s.Waiting > 0
		unsure := c.Kind == Untried || c.Kind == Confirming && c.Trouble == ""
		so := c.Fault != "" || c.Kind == NoContact || c.Trouble != ""
		take(AlertUndelivered, name, waits && so, waits && unsure)
		answers = answers && !so
	}
	if s.Waiting > 0 && s.Oldest != (Stamp{}) && answers {
		i := slices.IndexFunc(before, func(a AlertState) bool { return a.Kind == AlertWaiting && a.Oldest.same(s.Oldest) })
		if i >= 0 {
			return append(all, before[i].placed(now))
		}
		all = append(all, AlertState{Kind: AlertWaiting, Oldest: s.Oldest, Since: now})
	}
	return all
}

// same reports whether two stamps are of one moment, also where one was read from a file.
func (t Stamp) same(other Stamp) bool {
	return t.Boot == other.Boot && t.Up == other.Up && t.Wall.Equal(other.Wall)
}

// placed has the times of which nobody can tell how long ago they were count from the
// beginning of this boot: after a power cut with a clock that nobody has set, nothing
// is told at once that may have been told a minute ago.
func (a AlertState) placed(now Stamp) AlertState {
	boot := Stamp{Wall: now.Wall.Add(-now.Up), Boot: now.Boot, Trusted: now.Trusted}
	place := func(s Stamp) Stamp {
		if _, known := now.Since(s); known || s == (Stamp{}) {
			return s
		}
		return boot
	}
	a.Since = place(a.Since)
	told := make(map[string]AlertTold, len(a.Told))
	for way, t := range a.Told {
		t.At, t.Tried = place(t.At), place(t.Tried)
		told[way] = t
	}
	a.Told = told
	return a
}

// For returns how long it has been so.
func (a AlertState) For(now Stamp) time.Duration {
	age, _ := now.Since(a.Since)
	return max(0, age)
}

// Due reports whether it is to be told in that way now: once it has lasted for after,
// again when another again has passed since it was told (0: never), and in between
// where a try came to nothing.
func (a AlertState) Due(way string, now Stamp, after, again time.Duration) bool {
	since := func(s Stamp) time.Duration {
		age, _ := now.Since(s)
		return age
	}
	t := a.Told[way]
	switch {
	case a.For(now) < after:
		return false
	case t.Tries >= MostAlertTries:
		return again > 0 && since(t.Tried) >= again
	case t.Tries > 0:
		return since(t.Tried) >= firstAlertWait<<(t.Tries-1)
	case t.At == (Stamp{}):
		return true
	}
	return again > 0 && since(t.At) >= again
}

// Trying notes that a try begins. It is to be on disk before anything leaves, so that
// a station that is started again and again tells no more than one that runs through.
func (a AlertState) Trying(way string, now Stamp) AlertState {
	t := a.Told[way]
	if t.Tries >= MostAlertTries {
		t.Tries = 0
	}
	t.Tries, t.Tried = t.Tries+1, now
	return a.with(way, t)
}

// ToldNow notes that it was told.
func (a AlertState) ToldNow(way string, now Stamp) AlertState {
	return a.with(way, AlertTold{At: now})
}

func (a AlertState) with(way string, t AlertTold) AlertState {
	told := maps.Clone(a.Told)
	if told == nil {
		told = make(map[string]AlertTold)
	}
	told[way] = t
	a.Told = told
	return a
}
