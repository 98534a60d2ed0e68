package queue

import (
	"errors"
	"slices"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// This file finds a held entry that counts the same as what is recorded.

// mostCompared is how many held entries of a lane are compared with what is recorded,
// the newest first.
const mostCompared = 20

// countsTwice returns where a held entry of its lane stands that counts the same as an action,
// by the action's index. A person who sees that nothing came of a scan scans again, and when
// the first is then retried both count.
func (b *batch) countsTwice(actions []station.Action) (map[int]format.Place, error) {
	var all map[int]format.Place // most often there is none
	for i, a := range actions {
		l := b.o.index.lanes[a.Lane]
		verb, _ := b.o.setting.Program().Vendors[a.Backend()].Verb(a.Verb)
		if l == nil || len(verb.Counts) == 0 {
			continue
		}
		compared := 0
		for _, s := range slices.Backward(l.slots) {
			if !s.held {
				continue
			}
			if compared++; compared > mostCompared {
				break
			}
			e, err := b.entry(s.at)
			if err != nil {
				return nil, err
			}
			if verb.CountsTwice(e.Action, a) {
				if all == nil {
					all = make(map[int]format.Place)
				}
				all[i] = s.at
				break
			}
		}
	}
	return all, nil
}

// firstOf is the place of the first of so many actions that has one; 0 where none has.
func firstOf(twice map[int]format.Place, actions int) format.Place {
	for i := range actions {
		if at := twice[i]; at != 0 {
			return at
		}
	}
	return 0
}

// countsAs says for the history which other entry counts the same; "" where there is none.
func countsAs(other station.ID) string {
	if other == "" {
		return ""
	}
	return "it counts the same as " + string(other)
}

// noteTwice notes on a held entry that another one counts the same, and returns the held
// one's ID.
func (b *batch) noteTwice(held format.Place, by station.ID) (station.ID, error) {
	e, err := b.entry(held)
	if err != nil {
		return "", err
	}
	e.Twice = by
	return e.ID, b.putEntry(held, e)
}

// clearTwice takes the note from the other one of two entries that count the same, where
// one of them is given up.
func (b *batch) clearTwice(given format.Entry) error {
	if given.Twice == "" {
		return nil
	}
	_, at, err := b.find(given.Twice)
	if errors.Is(err, ErrNoEntry) {
		return nil // it was delivered
	}
	if err != nil {
		return err
	}
	e, err := b.entry(at)
	if err != nil || e.Twice != given.ID {
		return err
	}
	e.Twice = ""
	return b.putEntry(at, e)
}
