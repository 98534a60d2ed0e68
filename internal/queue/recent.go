package queue

import (
	"slices"

	"stationd/internal/station"
)

// This file keeps the last presses and scans, and what has become of each, for the page. They
// are in memory: the history has them all, and is promised to nobody.

// noteRecent takes up what a commit did: the events that it recorded, and how entries fared,
// by its lines of history. The list of before is shared with views, and stays as it is. The
// caller holds mu.
func (o *Outbox) noteRecent(recorded []station.RecentEvent, done []HistoryLine) {
	if len(recorded) == 0 && len(done) == 0 {
		return
	}
	all := slices.Clone(o.recent)
	for _, ev := range recorded {
		all = slices.Insert(all, 0, ev)
	}
	all = all[:min(len(all), station.MostRecent)]
	for i, ev := range all {
		for j, e := range ev.Entries {
			for _, line := range done {
				if line.ID != e.ID {
					continue
				}
				if after := fared(e, line.What); after.Held != e.Held || after.Fate != e.Fate {
					e = after
					all[i].Entries = slices.Clone(all[i].Entries)
					all[i].Entries[j] = e
				}
			}
		}
	}
	o.recent = all
}

// fared is an entry after what a line of the history says of it.
func fared(e station.RecentEntry, what string) station.RecentEntry {
	switch what {
	case string(station.Held):
		e.Held = true
	case "retried":
		e.Held = false
	case string(station.FateDelivered), string(station.FateMerged), string(station.FateDiscarded), string(station.FateMoot):
		e.Held, e.Fate = false, station.Fate(what)
	}
	return e
}
