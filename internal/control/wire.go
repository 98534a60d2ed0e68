package control

import "stationd/internal/station"

// A Progress is an entry as it stands, or how it ended.
type Progress struct {
	Standing *station.EntryStatus `json:"standing,omitempty"` // while it is in the outbox
	Contact  station.Contact      `json:"contact,omitzero"`   // how its backend is
	Ended    *station.Ended       `json:"ended,omitempty"`    // nil with no standing: nobody knows any more
}

// eventHeader is the header by which a command brings the ID of its event along: given
// again with the same one, it is recorded once.
const eventHeader = "Stationd-Event"

// The answers and questions of the control socket.
type (
	decisionRequest struct {
		Entry     string            `json:"entry"`                // or the beginning of it
		Entries   []string          `json:"entries,omitempty"`    // several in place of it, decided together
		NotThere  bool              `json:"not_there,omitempty"`  // of retry: station.NotThere
		ToCurrent bool              `json:"to_current,omitempty"` // of retry: station.ToCurrent
		Fields    map[string]string `json:"fields,omitempty"`     // of edit: what each field should be
		Reason    string            `json:"reason,omitempty"`
	}
	decisionAnswer struct {
		Entry     station.ID   `json:"entry"`
		Entries   []station.ID `json:"entries,omitempty"` // all of them, where several were decided
		Event     station.ID   `json:"event"`
		Looks     bool         `json:"looks,omitempty"`     // it, or one of them, is looked up at the vendor before it is sent
		Corrected station.ID   `json:"corrected,omitempty"` // of edit: the entry in its place

		Repeated bool `json:"repeated,omitempty"` // it was done before, under the same event
	}
	adoptRequest struct {
		OldComputerGone bool `json:"old_computer_gone"` // they know that nobody has the original any more
	}
	adoptAnswer struct {
		Entries int `json:"entries"`
	}
	reloadAnswer struct {
		Faults []string `json:"faults"` // empty: it is in force
	}
	outboxLine struct { // one line of a list
		Entry  *station.EntryStatus `json:"entry,omitempty"`
		Kept   *station.Event       `json:"kept,omitempty"`
		Totals *station.Totals      `json:"totals,omitempty"` // the last line
		Error  string               `json:"error,omitempty"`  // the last line of a list that broke off
	}
	verifyAnswer struct {
		Fault string `json:"fault"` // empty: the outbox is sound
	}
	errorAnswer struct {
		Error  string   `json:"error"`
		Faults []string `json:"faults,omitempty"`
	}
	badgeRequest struct {
		Name string `json:"name"`
	}
	badgeAnswer struct {
		Code string `json:"code"` // a secret: it is shown once, and logged nowhere
	}
	pinRequest struct {
		PIN string `json:"pin"`
	}
	closeCallRequest struct {
		Call string `json:"call"`
	}
)

// A snapshotJSON is a snapshot as JSON. Its counts by backend and outcome stand in a
// list: JSON has no objects with two keys.
type snapshotJSON struct {
	station.Snapshot
	Counts countsJSON // in place of the snapshot's own
}

type countsJSON struct {
	Events   map[string]int
	Outcomes []outcomeJSON
	Unknown  int
}

type outcomeJSON struct {
	Backend, Outcome string
	Count            int
}

func jsonOf(s station.Snapshot) snapshotJSON {
	p := snapshotJSON{s, countsJSON{Events: s.Counts.Events, Outcomes: []outcomeJSON{}, Unknown: s.Counts.Unknown}}
	for of, n := range s.Counts.Outcomes {
		p.Counts.Outcomes = append(p.Counts.Outcomes, outcomeJSON{of[0], of[1], n})
	}
	return p
}

func (p snapshotJSON) snapshot() station.Snapshot {
	s := p.Snapshot
	s.Counts = station.Counts{Events: p.Counts.Events, Outcomes: make(map[[2]string]int), Unknown: p.Counts.Unknown}
	for _, t := range p.Counts.Outcomes {
		s.Counts.Outcomes[[2]string{t.Backend, t.Outcome}] = t.Count
	}
	return s
}
