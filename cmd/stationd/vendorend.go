package main

import (
	"bytes"
	"encoding/json"
	"time"

	"stationd/internal/queue"
	"stationd/internal/station"
	"stationd/internal/web"
)

const (
	// endedLooks and endedEvery are how often an end is looked for: the history is
	// written a moment after the outbox.
	endedLooks = 5
	endedEvery = 100 * time.Millisecond
)

// ended finds in the history how an entry ended. The history is promised to nobody:
// where it does not say, nobody knows.
func (p *plan) ended(id station.ID) (web.Ended, bool) {
	for range endedLooks {
		e := ending{of: id}
		if err := queue.ExportHistory(p.history(), &e); err != nil {
			return web.Ended{}, false
		}
		if e.found {
			return e.ended, true
		}
		<-time.After(endedEvery)
	}
	return web.Ended{}, false
}

// An ending finds the end of one entry among the lines of a history.
type ending struct {
	of    station.ID
	found bool
	ended web.Ended
}

// Write implements io.Writer. It is handed whole lines:
//
//	{"at":{…},"what":"delivered","id":"9f86….1","name":"l2l/machine:SEAL-1 dispatch.open","ref":"90017"}
func (e *ending) Write(line []byte) (int, error) {
	if !bytes.Contains(line, []byte(e.of)) {
		return len(line), nil
	}
	var done queue.Done
	if json.Unmarshal(line, &done) != nil || done.ID != e.of {
		return len(line), nil
	}
	switch fate := station.Fate(done.What); fate {
	case station.FateDelivered, station.FateDiscarded, station.FateMoot, station.FateMerged:
		e.found, e.ended = true, web.Ended{What: done.What, Ref: done.Ref, Note: done.Note}
	}
	return len(line), nil
}
