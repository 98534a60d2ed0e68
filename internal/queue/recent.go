package queue

import (
	"slices"
	"strings"

	"stationd/internal/station"
)

// This file keeps the last presses and scans, and what has become of each, for the page. They
// are in memory: the history has them all, and is promised to nobody.

// noteRecent takes up what a commit did: the events that it recorded, and how entries fared,
// by its lines of history. The list of before is shared with views, and stays as it is. The
// caller holds mu.
func (o *Outbox) noteRecent(recorded []station.RecentEvent, done []HistoryLine) {
	all, copied := o.recent, false
	if len(recorded) > 0 {
		all, copied = withNewest(recorded, o.recent), true
	}
	for i, ev := range all {
		for j, e := range ev.Entries {
			for _, line := range done {
				if after, is := fared(e, line); is {
					if !copied {
						all, copied = slices.Clone(all), true
					}
					e = after
					all[i].Entries = slices.Clone(all[i].Entries)
					all[i].Entries[j] = e
				}
			}
		}
	}
	o.recent = all
}

// withNewest is the list with what was recorded after it, which is in the order of its events.
func withNewest(recorded, before []station.RecentEvent) []station.RecentEvent {
	all := make([]station.RecentEvent, 0, station.MostRecent)
	for _, ev := range slices.Backward(recorded[max(0, len(recorded)-station.MostRecent):]) {
		all = append(all, ev)
	}
	return append(all, before[:min(len(before), station.MostRecent-len(all))]...)
}

// fared is an entry after what a line of the history says of it, and whether it says anything.
// From an edit on it is the entry that was made by it.
func fared(e station.RecentEntry, line HistoryLine) (after station.RecentEntry, is bool) {
	old, corrected := strings.CutPrefix(line.Note, inPlaceOf)
	switch {
	case corrected && line.What == "corrected" && station.ID(old) == e.ID:
		e.ID, e.With, e.Held, e.Fate, e.Corrected = line.ID, line.Fields, false, "", true
		return e, true
	case line.ID != e.ID:
		return e, false
	}
	switch line.What {
	case string(station.Held):
		e.Held = true
	case "retried":
		e.Held = false
	case string(station.FateDelivered), string(station.FateMerged), string(station.FateDiscarded), string(station.FateMoot):
		if strings.HasPrefix(line.Note, correctedAs) {
			return e, false
		}
		e.Held, e.Fate = false, station.Fate(line.What)
	default:
		return e, false
	}
	return e, true
}
