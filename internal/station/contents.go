package station

// A Limit says how many of each kind a list of the outbox has at most; below zero,
// all of them.
type Limit struct {
	Held    int // the oldest
	Waiting int // the oldest
	Unknown int // scans that nobody knew, the newest; notices are listed all
}

// NoLimit lists everything.
func NoLimit() Limit { return Limit{-1, -1, -1} }

// Contents is what is in the outbox without a final fate, or the beginning of it.
type Contents struct {
	Totals
	Entries []EntryStatus `json:"entries"` // waiting and held, in the order of their events
	Kept    []Event       `json:"kept"`    // unknown scans and notices, in their order
}

// Totals are how many there are altogether, listed or not.
type Totals struct {
	Waiting int `json:"waiting"`
	Held    int `json:"held"`
	Unknown int `json:"unknown"` // scans that nobody knew
	Notices int `json:"notices"` // what the station itself noted for a person
}

// A LaneStatus is a lane in which anything is held or waits.
type LaneStatus struct {
	Name    string `json:"name"` // l2l/machine:SEAL-1
	Waiting int    `json:"waiting"`
	Held    int    `json:"held"`
}

// An Ended is how an entry ended.
type Ended struct {
	What Fate   `json:"what"`
	Ref  string `json:"ref,omitempty"`
	Note string `json:"note,omitempty"`
}
