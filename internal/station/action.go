package station

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// An Action is one thing one backend should do. Verb and With are the backend's
// own words; station carries them and reads only what the Verb declares.
//
// It carries everything the backend needs but the key: templates are expanded,
// defaults filled in, and To says for whom it was meant, so that a changed
// configuration never sends it elsewhere.
type Action struct {
	Lane  string            `json:"lane"`            // backend/subject: l2l/machine:SEAL-1
	Verb  string            `json:"verb"`            // dispatch.open
	With  map[string]string `json:"with,omitempty"`  // lists and tables as canonical JSON text
	About ID                `json:"about,omitempty"` // the entry whose result this one needs: the open that a close closes
	To    string            `json:"to,omitempty"`    // the backend's base URL and site or store at the time of the event

	// Barrier: it waits while anything earlier in its lane is held.
	Barrier bool `json:"barrier,omitempty"`

	// Ours: it closes a call only if the call is our own. Where the open in About
	// settles as Adopted, the outbox does not send this entry but ends it as moot,
	// with State.Drop, in the transaction that settles the open.
	Ours bool `json:"ours,omitempty"`

	// Marks: its verb marks on disk before it acts. Where there is no mark, nothing
	// was ever sent, and nothing is in doubt.
	Marks bool `json:"marks,omitempty"`

	// BestEffort: it makes no entry. The outbox hands it out once when its event is on
	// disk, and keeps nothing of it: it is tried once.
	BestEffort bool `json:"fleeting,omitempty"`

	// Unsure: a person must decide before it is ever sent, and why. It is held from the
	// beginning.
	Unsure string `json:"unsure,omitempty"`

	Late      Late          `json:"late,omitempty"`       // what becomes of it when it cannot be delivered in time
	LateAfter time.Duration `json:"late_after,omitempty"` // how old it may get before it is late; 0: never late
}

// Backend is the name of the backend that the action is for: the first part of
// its lane.
func (a Action) Backend() string {
	backend, _, _ := strings.Cut(a.Lane, "/")
	return backend
}

// Late says what becomes of an action that could not be delivered in time.
type Late string

// The three answers to lateness. The zero value is LateDeliver.
const (
	LateDeliver Late = ""       // deliver it all the same, with its true time
	LateHold    Late = "hold"   // hold it for a person
	LateRecord  Late = "record" // tell the vendor what happened, as history
)

// Five verbs are the program's own. An Action with one of them has no lane and
// makes no entry; the outbox carries it out within the same transaction.
const (
	VerbRetry   = "retry"   // the held entry in About goes back to its old place, and is looked up first where it may have arrived
	VerbDiscard = "discard" // the held entry in About is given up, the kept scan in About put away
	VerbEdit    = "edit"    // the held entry in About gives its place to one with the fields in With put right; the outbox refuses an event that does that and anything else
	VerbKeep    = "keep"    // the event is kept for a person: no binding knows it

	// VerbUndo takes back the entry in About: it is ended as discarded, with
	// State.Drop on the state that Decide returned, and what is about it is moot.
	//
	// That is allowed only for an entry that is live and waiting, and of which nothing
	// can have left: no attempt at it is under way, and none may have arrived, of this
	// process or of one before. An event has one such action for
	// each entry that is to be taken back, and they are carried out all or none:
	// where one is not allowed, the outbox puts the state that Decide returned away
	// and takes State.TooLate of the state before, and the event makes nothing.
	VerbUndo = "undo"
)

// VerbSend is the program's own too: an Action with it is BestEffort, has no lane, and
// sends the text in With[SendText] to the reader With[SendTo], with the escapes of the
// configuration.
const (
	VerbSend = "send"
	SendTo   = "to"
	SendText = "text"
)

// The names of With of a VerbRetry that a person may say besides, and of the Data of its
// event: true where they said so.
const (
	// NotThere: they looked at the vendor, and it is not there. What may have arrived
	// is then sent without another look.
	NotThere = "not_there"

	// ToCurrent: it goes to where the station speaks now, and not to where it was
	// meant for. What may have arrived there needs NotThere as well.
	ToCurrent = "to_current"
)

// The names of With that mean the same to every backend.
const (
	// PassedThrough begins the name of a parameter that is passed on as it stands, for a
	// verb that declares PassThrough: with.reason_id.
	PassedThrough = "with."

	// LastSeen is filled in for a verb that declares a Line: the order that the line
	// was last seen to run before the event, NoOrder where it was seen to run none.
	// It is left out where the line was never seen. Nobody else may say it. Where it is said, whether a late action
	// is held is for the backend to judge, which sees what the line runs now.
	LastSeen = "last_seen"
	NoOrder  = "none"

	// Named is a field that takes the station's own name where an action says nothing
	// else.
	Named = "station"

	// User is the value that a badge puts in hand, and the field that takes it
	// where an action says nothing else: who acts.
	User = "user"

	// DataTechnician is the name in the data of an event that says which technician has
	// shown a badge at the station, not long ago: no label can say it. It is what User
	// takes where nothing is in hand.
	DataTechnician = "technician"
)

// An Entry is an action made durable.
type Entry struct {
	ID     ID     `json:"id"`
	Source string `json:"source"` // of its event
	Kind   string `json:"kind"`   // of its event
	At     Stamp  `json:"at"`     // of its event
	Action
}

// A Delivery is one attempt at an entry.
type Delivery struct {
	Entry
	Attempt  int       // counted from 1 in this process
	Doubtful bool      // an earlier attempt may have arrived: look before acting
	Ref      string    // what the backend called the entry in About
	Before   []byte    // what Look saw before the first attempt that may have arrived
	When     time.Time // the true time of the event, worked out by the lane; zero where nothing is known
	Exact    bool      // false: When is an estimate

	// Merged: it tells of a call that was opened and closed before the vendor heard
	// of either, by the verb's Afterwards. Its two times in With are as sure as When.
	Merged bool

	// Forced: it was held because it did not fit any more, and a person had it sent
	// all the same. They were shown what was meant at the event, and mean that.
	Forced bool

	// Marks is what the vendor was last seen to do with them; empty: nobody knows.
	Marks Marks

	// Settle is how long an absence still proves nothing: an earlier attempt may
	// be on its way. While it is above zero a backend that finds no trace answers
	// Doubtful with Wait set to it, and does not send.
	Settle time.Duration

	// LookOnly: it is in doubt, and only to be looked up. Where the vendor's records
	// certainly show no trace of an earlier attempt, a backend answers Unreached with
	// ErrAbsent and does not send: the lane first notes on disk that another attempt
	// begins. A verb whose repetition changes nothing has nothing to look up, and acts.
	LookOnly bool
}

// An Outcome is what an attempt came to. Its zero value is not an outcome.
type Outcome uint8

// The four outcomes. There is no fifth: between "it worked" and "it failed"
// stands "nobody knows", and it has a name.
const (
	Delivered Outcome = iota + 1 // the backend did it
	Refused                      // it understood and said no, and always will
	Unreached                    // it certainly did nothing
	Doubtful                     // the request left and no answer came back
)

// String returns the outcome's word in logs, metrics and pages.
func (o Outcome) String() string {
	switch o {
	case Delivered:
		return "delivered"
	case Refused:
		return "refused"
	case Unreached:
		return "unreached"
	case Doubtful:
		return "doubtful"
	}
	return "no outcome"
}

// A Receipt is the answer to a Delivery.
type Receipt struct {
	Outcome Outcome
	Ref     string        // the backend's own name for what it made or found
	Number  string        // by which people at the vendor call it; empty: not known, or the same
	Note    string        // what a person should know of a delivery: "already so"
	Adopted bool          // the call in Ref was open at the vendor already: it is somebody else's
	Runs    Running       // what the delivery left a line to run; without a Line: nobody knows
	Wait    time.Duration // the backend asked to be left alone this long

	// Answered: the vendor can be reached, whatever came of the attempt. It need not be
	// set where the vendor did it or refused it.
	Answered bool

	// Sent: the request has left, and no answer came: a connection was there at least.
	// Where neither this nor Answered is set, the vendor cannot be reached at all.
	Sent bool

	// Marks is what the answer shows of marks at this vendor; empty: nothing.
	Marks Marks

	// Final: the vendor would answer the same again. Where its records show no trace of
	// the attempt, the answer counts as a refusal.
	Final bool

	Err error // why, unless Delivered; it never carries a key
	At  Stamp // when the answer was in; filled in by the lane
}

// Running is what a line runs.
type Running struct {
	Line    string
	Order   string // the vendor's name for it, or NoOrder
	Product string // its code, where it is known
}

// Marks says whether a vendor shows a text with the mark that it was told with it, by
// which an entry is found again after a lost answer.
type Marks string

// What a vendor does with marks.
const (
	MarksKept Marks = "kept"
	MarksLost Marks = "lost" // it shows texts without: that no mark is found says nothing
)

// ErrUndecided is wrapped by the Err of a Doubtful receipt when the vendor's own
// records cannot tell whether an earlier attempt arrived. The lane then holds
// the entry: a person decides. The wrapping text holds the facts in plain words.
var ErrUndecided = errors.New("the vendor's records cannot tell")

// ErrNotShown is wrapped, beside ErrUndecided, where the vendor's records cannot tell
// because it refused to show them. It may be the key.
var ErrNotShown = errors.New("they are not shown")

// ErrAbsent is wrapped by the Err of an Unreached receipt of a delivery that was
// only to be looked up, when the vendor's records certainly show no trace of an
// earlier attempt. The entry is then as if it had never been sent.
var ErrAbsent = errors.New("no trace of an earlier attempt")

// ErrKey is wrapped by the Err of an Unreached receipt when the backend did not
// accept the key. The whole backend pauses, and says so.
var ErrKey = errors.New("the key is wrong")

// ErrForbidden is wrapped, beside ErrKey, where the key was not accepted for this
// one thing: it may be good for others. The lane asks before it blames the key.
var ErrForbidden = errors.New("this is forbidden to the key")

// ErrUnreadable is wrapped by the Err of a receipt when the vendor, or what stands
// before it, answered, and nobody can read what the answer means: a page, a text
// cut off or too long, a redirect, a request that is too large for it. Asking again
// may well bring the same.
var ErrUnreadable = errors.New("it answers, and the answer cannot be read")

// ErrFailed is wrapped by the Err of a receipt when the answer says that the vendor
// failed, and not what it did before that.
var ErrFailed = errors.New("the vendor failed")

// ErrMisfit is wrapped by the Err of a Refused receipt when the vendor was not
// even asked: the entry was meant for somebody else, or came too late.
var ErrMisfit = errors.New("not sent")

// Holds says whether the receipt means that a person must decide, and why.
func (rc Receipt) Holds() HoldReason {
	switch {
	case rc.Outcome == Refused && errors.Is(rc.Err, ErrMisfit):
		return HoldMisfit
	case rc.Outcome == Refused:
		return HoldRefused
	case rc.Outcome == Doubtful && errors.Is(rc.Err, ErrUndecided):
		return HoldUndecided
	}
	return HoldNone
}

// A Verb is one thing a backend can do.
type Verb struct {
	Name   string   // the vendor's own words: dispatch.open
	Does   string   // what it does, in a line for people: "Open a dispatch: call for help"
	Fields []Field  // what it must and may be told
	Lane   []string // the fields whose values, after defaults, name the subject; all of them required

	// Line is the field that names a line, for a verb whose meaning depends on what the
	// line runs. Its entries carry LastSeen.
	Line string

	// Barrier verbs wait while anything earlier in their lane is held: a
	// changeover must not overtake the trace that belongs to the order before it.
	Barrier bool

	// Before: its look-up after doubt needs to know what was there before. The
	// backend is a Looker, and what Look saw is on disk before the attempt.
	Before bool

	// BestEffort verbs are tried once and never kept: what they do is worth nothing
	// later, and a person sees at once whether it was done. A list is printed, or
	// asked for again.
	BestEffort bool

	// Opens names the fields that tell one call from another. A verb with Opens
	// opens a call: {machine, type}.
	Opens []string

	// Adopts names the field that, told true, has a call of the same kind which is
	// open at the vendor already taken for this one. It is of a verb with Opens.
	Adopts string

	// Ends names the field that takes the backend's own name for the call, where
	// it is known already. A verb with Ends closes the calls its source opened; the
	// backend's first is what a latching button's second press means.
	Ends string

	// Counts names the fields that say what is counted, for a verb that counts it twice
	// when it is done twice: {order, article, batch}. Where one of them is not said,
	// nobody can tell one piece from the next. Unique is the field that a vendor does
	// not take twice; where it is said, nothing is counted twice.
	Counts []string
	Unique string

	// Irreversible: no other verb of the vendor takes back what it did.
	Irreversible bool

	// PassThrough: besides its fields the verb takes any parameter that the vendor
	// documents. A binding says them as with = { reason_id = "7" }; in With they
	// stand as with.reason_id. Which names and values go out is the backend's to
	// judge, when it delivers.
	PassThrough bool

	Late      Late          // its policy where a binding says nothing
	LateAfter time.Duration // and the limit that goes with it

	// Afterwards says how a call that was opened and closed before the vendor
	// heard of either is told: as one entry of what happened.
	Afterwards Afterwards
}

// Afterwards names the verb that tells a call as history, and the two of its
// fields that take the true times, in RFC 3339.
type Afterwards struct {
	Verb  string // dispatch.add; empty: there is none
	From  string // reported
	Until string // completed
}

// CountsTwice reports whether two actions of this verb count the same thing, as far as
// they say.
func (v Verb) CountsTwice(a, b Action) bool {
	if len(v.Counts) == 0 || a.Verb != v.Name || b.Verb != v.Name || a.To != b.To || a.With[v.Unique] != "" || b.With[v.Unique] != "" {
		return false
	}
	return !slices.ContainsFunc(v.Counts, func(field string) bool {
		return a.With[field] == "" || a.With[field] != b.With[field]
	})
}

// Field returns the verb's field of that name.
func (v Verb) Field(name string) (Field, bool) {
	for _, f := range v.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// A Field is one thing a verb is told.
type Field struct {
	Name     string
	Type     FieldType
	Required bool
	Help     string // one line for the integrator: "article number of the bundled article"

	// Anywhere: what it names is found wherever it is, and not at the line and machine that
	// the other fields name: the id of a dispatch.
	Anywhere bool
}

// A FieldType says what text a field takes.
type FieldType uint8

// The types of a field. On disk each is text; the backend writes it in the
// vendor's own form.
const (
	Text    FieldType = iota // any text
	Number                   // a decimal number: 12, 0.5
	Integer                  // a whole number
	Bool                     // true or false
	Date                     // YYMMDD as in GS1, or YYYY-MM-DD
	List                     // canonical JSON text
)

// String returns the type's word in faults and manuals.
func (t FieldType) String() string {
	switch t {
	case Text:
		return "text"
	case Number:
		return "number"
	case Integer:
		return "whole number"
	case Bool:
		return "true or false"
	case Date:
		return "date"
	case List:
		return "list"
	}
	return "unknown"
}
