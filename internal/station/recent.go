package station

import (
	"slices"
	"sort"
)

// MostRecent is how many presses and scans a Snapshot tells of.
const MostRecent = 5

// A RecentEvent is a press or a scan of one of the station's own inputs, and what has become
// of it so far. It is in memory alone: after a start there is none.
type RecentEvent struct {
	ID      ID
	Source  string
	Kind    string
	Code    string // what was read
	At      Stamp
	Note    Note          // what its operator was told at once
	Entries []RecentEntry // that it made
}

// A RecentEntry is an entry of a RecentEvent.
type RecentEntry struct {
	ID      ID
	Backend string
	Verb    string
	With    map[string]string
	Held    bool // a person must decide
	Fate    Fate // how it ended; empty: it has not

	// Corrected: somebody put a field of it right, and this is the entry that has its place.
	Corrected bool
}

// Recent returns the event as it is at first, and what its operator was told. The entries that
// it makes are added to it.
func (ev Event) Recent(note Note) RecentEvent {
	return RecentEvent{ID: ev.ID, Source: ev.Source, Kind: ev.Kind, Code: ev.Code, At: ev.At, Note: note}
}

// Add adds an entry that the event has made.
func (r *RecentEvent) Add(e Entry) {
	r.Entries = append(r.Entries, RecentEntry{ID: e.ID, Backend: e.Backend(), Verb: e.Verb, With: e.With})
}

// NewestFirst merges lists of recent events, each with the newest first, into one of at most
// MostRecent.
func NewestFirst(lists ...[]RecentEvent) []RecentEvent {
	all := slices.Concat(lists...)
	sort.SliceStable(all, func(i, j int) bool {
		age, known := all[i].At.Since(all[j].At)
		return known && age > 0
	})
	return all[:min(len(all), MostRecent)]
}
