package web

import "stationd/internal/station"

// Contents is everything in the outbox without a final fate.
type Contents struct {
	Entries []station.Standing `json:"entries"` // in the order of their events
	Kept    []station.Event    `json:"kept"`    // unknown scans
}

// The answers and questions of the control socket.
type (
	named struct {
		Entry string `json:"entry"`
	}
	decided struct {
		Entry station.ID `json:"entry"`
		Event station.ID `json:"event"`
	}
	verified struct {
		Fault string `json:"fault"` // empty: the outbox is sound
	}
	refused struct {
		Error string `json:"error"`
	}
)

// A Portrait is a snapshot as JSON. Its counts by backend and outcome stand in a
// list: JSON has no objects with two keys.
type portrait struct {
	station.Snapshot
	Counts tallies // in place of the snapshot's own
}

type tallies struct {
	Events   map[string]int
	Outcomes []tally
	Unknown  int
}

type tally struct {
	Backend, Outcome string
	Count            int
}

func portraitOf(s station.Snapshot) portrait {
	p := portrait{s, tallies{Events: s.Counts.Events, Outcomes: []tally{}, Unknown: s.Counts.Unknown}}
	for of, n := range s.Counts.Outcomes {
		p.Counts.Outcomes = append(p.Counts.Outcomes, tally{of[0], of[1], n})
	}
	return p
}

func (p portrait) snapshot() station.Snapshot {
	s := p.Snapshot
	s.Counts = station.Counts{Events: p.Counts.Events, Outcomes: make(map[[2]string]int), Unknown: p.Counts.Unknown}
	for _, t := range p.Counts.Outcomes {
		s.Counts.Outcomes[[2]string{t.Backend, t.Outcome}] = t.Count
	}
	return s
}
