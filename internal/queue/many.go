package queue

import (
	"cmp"
	"slices"

	"stationd/internal/queue/format"
)

// This file changes many entries, of all that wait it may be: in one transaction they would
// take more memory than a small board has.

// mostAtOnce is how many entries are changed in one transaction where it may be all of them.
const mostAtOnce = 200

// A laneEntry is a live entry in its lane.
type laneEntry struct {
	lane *lane
	at   format.Place
}

// everyLane and everySlot choose all that there is.
func everyLane(*lane) bool { return true }
func everySlot(slot) bool  { return true }

// entries lists the live entries that are wanted in the lanes that are, in the order of their
// places: those that stand in one page of the file are then changed together. The caller
// holds mu, or is Open.
func (x *index) entries(lanes func(*lane) bool, wanted func(slot) bool) []laneEntry {
	var all []laneEntry
	for _, l := range x.lanes {
		if !lanes(l) {
			continue
		}
		for _, s := range l.slots {
			if wanted(s) {
				all = append(all, laneEntry{l, s.at})
			}
		}
	}
	slices.SortFunc(all, func(a, b laneEntry) int { return cmp.Compare(a.at, b.at) })
	return all
}

// changeMany makes a change to each of those entries that have not ended meanwhile, in as many
// transactions as it takes: after an error, or when the power goes, some of them are
// changed. The change sees for itself whether the entry is still as it was listed.
func (o *Outbox) changeMany(all []laneEntry, change func(*batch, *lane, *slot) error) error {
	for some := range slices.Chunk(all, mostAtOnce) {
		err := o.write(func(b *batch) error {
			for _, e := range some {
				i := e.lane.find(e.at)
				if i < 0 {
					continue
				}
				if err := change(b, e.lane, &e.lane.slots[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
