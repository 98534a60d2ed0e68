package web

import (
	"strings"

	"stationd/internal/station"
)

// An Asked is what came of something that a person asked for.
type Asked struct {
	Event station.ID `json:"event"`
	Entry station.ID `json:"entry,omitempty"` // that carries it out; empty: there is none
	Said  string     `json:"said,omitempty"`  // what a person should know beside that

	// Repeated: it was recorded before, under the same event; Said tells what became
	// of that.
	Repeated bool `json:"repeated,omitempty"`
}

// A Settled is an entry as it stands, or how it ended.
type Settled struct {
	Standing *station.Standing `json:"standing,omitempty"` // while it is in the outbox
	Contact  station.Contact   `json:"contact,omitzero"`   // how its backend is
	Ended    *station.Ended    `json:"ended,omitempty"`    // nil with no standing: nobody knows any more
}

// A NotTaken is the error of something that was asked for in the wrong way: what
// is wrong with it, a sentence each.
type NotTaken struct{ Faults []string }

// Error implements error.
func (n *NotTaken) Error() string { return strings.Join(n.Faults, "; ") }

// eventHeader is the header by which a command brings the ID of its event along: given
// again with the same one, it is recorded once.
const eventHeader = "Stationd-Event"

// The answers and questions of the control socket.
type (
	named struct {
		Entry     string `json:"entry"`
		NotThere  bool   `json:"not_there,omitempty"`  // of retry: station.NotThere
		ToCurrent bool   `json:"to_current,omitempty"` // of retry: station.ToCurrent
	}
	decided struct {
		Entry station.ID `json:"entry"`
		Event station.ID `json:"event"`
		Looks bool       `json:"looks,omitempty"` // it is looked up at the vendor before it is sent

		Repeated bool `json:"repeated,omitempty"` // it was done before, under the same event
	}
	adoption struct {
		OldComputerGone bool `json:"old_computer_gone"` // they know that nobody has the original any more
	}
	adoptedNow struct {
		Entries int `json:"entries"`
	}
	reloaded struct {
		Faults []string `json:"faults"` // empty: it is in force
	}
	outboxLine struct { // one line of a list
		Entry  *station.Standing `json:"entry,omitempty"`
		Kept   *station.Event    `json:"kept,omitempty"`
		Totals *station.Totals   `json:"totals,omitempty"` // the last line
		Error  string            `json:"error,omitempty"`  // the last line of a list that broke off
	}
	verified struct {
		Fault string `json:"fault"` // empty: the outbox is sound
	}
	refused struct {
		Error  string   `json:"error"`
		Faults []string `json:"faults,omitempty"`
	}
	namedCall struct {
		Call string `json:"call"`
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
