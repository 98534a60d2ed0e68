package queue

import (
	"sync"

	"stationd/internal/station"
)

// mostEnded is how many ends are remembered: somebody who waits for one hears of it
// within seconds.
const mostEnded = 1000

// recentEnds are the last entries that ended, and how. They are in memory only: the
// history has them all, and is promised to nobody.
type recentEnds struct {
	mu    sync.Mutex // guards both
	of    map[station.ID]station.Ended
	order []station.ID // the oldest first
}

// add adds the entries that ended in a commit, by its lines of history.
func (e *recentEnds) add(lines []HistoryLine) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, line := range lines {
		switch fate := station.Fate(line.What); fate {
		case station.FateDelivered, station.FateDiscarded, station.FateMoot, station.FateMerged:
			e.note(line.ID, station.Ended{What: fate, Ref: line.Ref, Note: line.Note})
		}
	}
}

func (e *recentEnds) note(id station.ID, how station.Ended) {
	if e.of == nil {
		e.of = make(map[station.ID]station.Ended)
	}
	if len(e.order) == mostEnded {
		delete(e.of, e.order[0])
		e.order = e.order[1:]
	}
	e.of[id] = how
	e.order = append(e.order, id)
}

// get returns how an entry ended; known is false of one that is forgotten, or waits.
func (e *recentEnds) get(id station.ID) (how station.Ended, known bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	how, known = e.of[id]
	return how, known
}
