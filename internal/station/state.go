package station

import "time"

// State is what the operator has in hand, and what the station has told the
// world and not yet heard back. It is on disk in the same transaction as the
// entries it speaks of, so it survives a restart. It is a value: the functions
// that change it return a new one and leave the old as it was.
type State struct {
	Values   map[string]Value     `json:"values,omitempty"`   // order, article, parts: set, appended and cleared by bindings
	Counters map[string]Counter   `json:"counters,omitempty"` // made, scrap: counted and cleared by bindings
	Calls    []Call               `json:"calls,omitempty"`    // open calls, oldest first
	Lines    map[string]Current   `json:"lines,omitempty"`    // what each line was last seen to run
	Sources  map[string]Tally     `json:"sources,omitempty"`  // what each source has in the outbox
	Notes    map[string]Note      `json:"notes,omitempty"`    // the last thing each source's operator was told
	Undo     map[string]Undo      `json:"undo,omitempty"`     // the last thing each source did, while it may be taken back
	Readings map[string]Reading   `json:"readings,omitempty"` // what each vendor last said of what is made
	Pending  map[string]Pending   `json:"pending,omitempty"`  // what each source did and must confirm
	Times    map[string]time.Time `json:"times,omitempty"`    // when each time of the clock came that was seen to last
	Aside    []SetAside           `json:"aside,omitempty"`    // what was counted and could not be reported at a change, oldest first
}

// A Value is one thing the operator has in hand: a text, or a list.
type Value struct {
	Text string        `json:"text"`           // of a list: its canonical JSON
	List int           `json:"list,omitempty"` // how many items a list has; 0: it is a text
	At   Stamp         `json:"at"`
	For  time.Duration `json:"for,omitempty"` // how long it holds; 0: until it is cleared
}

// A Counter counts what is made. It stays when it is cleared, at zero, so that
// no two records ever tell of the same time.
type Counter struct {
	Count int   `json:"count,omitempty"`
	Since Stamp `json:"since,omitzero"` // of the first count since it was zero
	Until Stamp `json:"until,omitzero"` // when it was last cleared
}

// Current is what a line runs, as its vendor shows it.
type Current struct {
	Order   string `json:"order,omitempty"` // the vendor's id; empty: it runs nothing
	Product string `json:"product,omitempty"`
	At      Stamp  `json:"at"` // since when it has been seen to run it
}

// An Undo is what one event of a source did: what undo takes back.
type Undo struct {
	Entries  []ID               `json:"entries,omitempty"`  // that it made
	Was      map[string]*Value  `json:"was,omitempty"`      // values as they were before it; nil: not in hand
	Longer   []string           `json:"longer,omitempty"`   // lists that it made longer by one
	Counted  map[string]int     `json:"counted,omitempty"`  // what it added to counters
	Counters map[string]Counter `json:"counters,omitempty"` // counters that it cleared, as they were
}

// A Tally counts a source's entries that have no final fate yet.
type Tally struct {
	Waiting int `json:"waiting,omitempty"`
	Held    int `json:"held,omitempty"`
}

// A Call is an andon call, open from its press until it is closed here or at the
// vendor.
type Call struct {
	Backend string            `json:"backend"`
	Subject map[string]string `json:"subject"` // what tells it from another: machine, type
	Source  string            `json:"source"`
	Lane    string            `json:"lane"`
	Entry   ID                `json:"entry"`             // the open
	Ref     string            `json:"ref,omitempty"`     // the vendor's name for it, once delivered
	Number  string            `json:"number,omitempty"`  // by which people at the vendor call it, where that is known
	Closing ID                `json:"closing,omitempty"` // the close that waits
	Hold    HoldReason        `json:"hold,omitempty"`    // why its open waits for a person
	Adopted bool              `json:"adopted,omitempty"` // it was open at the vendor already: somebody else's
	Leave   bool              `json:"leave,omitempty"`   // if it is adopted, closing it here leaves it open there
	At      Stamp             `json:"at"`

	// Raised: it was opened because another had been open for too long. Overdue are the
	// times after which that was done for this one.
	Raised  bool            `json:"raised,omitempty"`
	Overdue []time.Duration `json:"overdue,omitempty"`

	// Attended: the vendor was last seen to show somebody on it. It is never on disk: a
	// Snapshot has it, and who asks Program.Due, while the vendor is watched.
	Attended bool `json:"attended,omitempty"`
}

// HoldReason says why an entry waits for a person.
type HoldReason string

// The reasons for holding. The zero value is not held.
const (
	HoldNone      HoldReason = ""
	HoldRefused   HoldReason = "refused"   // the vendor said no
	HoldUndecided HoldReason = "undecided" // it may have arrived; the vendor's records cannot tell
	HoldMisfit    HoldReason = "misfit"    // the configuration no longer fits it, or it came too late
)

// A Note is the last thing the station had to say to a source's operator.
type Note struct {
	Kind NoteKind `json:"kind"`
	Text string   `json:"text,omitempty"` // the code read, the value that is missing, the vendor's words
	Ask  string   `json:"ask,omitempty"`  // of a missing value: what the binding asks for, in the plant's words
	Why  *Reason  `json:"why,omitempty"`  // the same as a kind and values, where it has one; nil: only Text says it
	At   Stamp    `json:"at"`
}

// NoteKind is what a note is about.
type NoteKind string

// The notes.
const (
	NoteRecorded   NoteKind = "recorded"   // it is on disk
	NoteSet        NoteKind = "set"        // a value was taken in hand, nothing to deliver
	NoteAsked      NoteKind = "asked"      // it is tried once, and nothing of it is kept
	NoteDelivered  NoteKind = "delivered"  // the vendor has it
	NoteUnknown    NoteKind = "unknown"    // no binding knows this scan; it is kept
	NoteNeeds      NoteKind = "needs"      // something must be in hand first: Text names it
	NoteAlready    NoteKind = "already"    // this call is open already
	NoteNothing    NoteKind = "nothing"    // there is no open call to close
	NoteHeld       NoteKind = "held"       // a person must decide: Text says why
	NoteFull       NoteKind = "full"       // the list in Text takes nothing more
	NoteUnread     NoteKind = "unread"     // what is read at a vendor is not known: Text names it, as l2l.product
	NoteAbove      NoteKind = "above"      // an amount is too large: Text says which, what it is and what it may be
	NoteBelow      NoteKind = "below"      // an amount is too small: likewise
	NoteNotAllowed NoteKind = "notallowed" // a value is none of those that are allowed: Text says which and what it is
	NoteNotYet     NoteKind = "notyet"     // a condition is not fulfilled: Text says which, what there is and what must be
	NoteNotAmong   NoteKind = "notamong"   // Text is not among the items of the list
	NoteAmong      NoteKind = "among"      // Text is among them already
	NoteOverdue    NoteKind = "overdue"    // the source's call has been open for as long as Text says
	NoteConfirm    NoteKind = "confirm"    // it must be confirmed, and nothing is recorded until then
	NoteNumber     NoteKind = "number"     // Text should be a whole number that can be counted
	NoteUnfit      NoteKind = "unfit"      // something is wrong with this scan: Text says what; it is kept
	NoteUndone     NoteKind = "undone"     // the last thing was taken back
	NoteLate       NoteKind = "late"       // there is nothing that can be taken back any more
	NoteLeft       NoteKind = "left"       // the call is over here; at the vendor it stays open
	NoteTwice      NoteKind = "twice"      // it is on disk, and so is what counts the same and is held: Text names it

	NoteTechnician   NoteKind = "technician"     // a technician has shown a badge: Text says who
	NoteNoTechnician NoteKind = "technician-off" // and has shown it again: Text says who may decide no longer
	NoteNoBadge      NoteKind = "badge-unknown"  // nobody knows this badge, or it was revoked
	NoteRole         NoteKind = "role"           // this needs a technician's badge first

	// NoteUnrecorded is never on disk: nothing of the event is, and Text says why. It
	// is to be done again.
	NoteUnrecorded NoteKind = "unrecorded"
)

// Condition is how an entry that has no final fate stands in the outbox.
type Condition string

// The conditions.
const (
	Waiting Condition = "waiting" // not attempted, or only what did certainly not arrive
	Marked  Condition = "marked"  // an attempt may have arrived
	Held    Condition = "held"    // a person must decide
)

// Fate is how an entry ended.
type Fate string

// The fates.
const (
	FateDelivered Fate = "delivered"
	FateDiscarded Fate = "discarded" // a person gave it up
	FateMoot      Fate = "moot"      // what it was about was discarded
	FateMerged    Fate = "merged"    // another entry told the vendor for both
)

// An EntryStatus is how an entry stands in the outbox.
type EntryStatus struct {
	Entry
	Seq       uint64     `json:"seq"` // the order of its event; never a clock
	Condition Condition  `json:"condition"`
	Hold      HoldReason `json:"hold,omitempty"`
	Reason    string     `json:"reason,omitempty"` // in words, for the person who must decide
	Why       *Reason    `json:"why,omitempty"`    // the same as a kind and values, where it has one

	// Doubtful: an attempt may have arrived. Also where it is held for another reason.
	Doubtful bool `json:"doubtful,omitempty"`

	// Twice is another entry that counts the same, recorded while this one was held, or
	// held when this one was recorded: if both are sent, it is counted twice.
	Twice ID `json:"twice,omitempty"`

	// Behind is the held entry that this one waits behind: what it is about, or what
	// a barrier may not pass. nil: it waits behind none.
	Behind *Behind `json:"behind,omitempty"`

	// Last is what the last attempt at it came to, where somebody asks about this one
	// entry of a running station.
	Last string `json:"last,omitempty"`
}

// A Behind is a held entry that others wait behind: they go on when a person has
// retried or discarded it.
type Behind struct {
	Entry  ID         `json:"entry"`
	Hold   HoldReason `json:"hold"`
	Reason string     `json:"reason,omitempty"` // in words, for the person who must decide
}

// A Snapshot is the station at one moment, for the page and the commands.
type Snapshot struct {
	Station string
	Version string
	Now     Stamp
	State   State
	Lights  map[string]Light
	Health  Health
	Waiting int           // entries waiting or marked
	Held    int           // entries held
	Kept    int           // unknown scans kept for a person
	Oldest  Stamp         // of the oldest waiting entry; zero when none waits
	Commits uint64        // of the outbox so far: while it is the same, so is what is on disk
	Recent  []RecentEvent // the last presses and scans of the station's own inputs, the newest first
	Bytes   int           // of the state as it was written last: it is written anew with each event
	Counts  Counts
}

// Counts are what happened since the process started, for the metrics.
type Counts struct {
	Events   map[string]int    // by event name
	Outcomes map[[2]string]int // by backend and outcome
	Unknown  int
}
