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

// Recent returns the event and what became of it, as it is at first.
func (ev Event) Recent(note Note, entries []Entry) RecentEvent {
	r := RecentEvent{ID: ev.ID, Source: ev.Source, Kind: ev.Kind, Code: ev.Code, At: ev.At, Note: note}
	for _, e := range entries {
		r.Entries = append(r.Entries, RecentEntry{ID: e.ID, Backend: e.Backend(), Verb: e.Verb, With: e.With})
	}
	return r
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
