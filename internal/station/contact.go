package station

import "errors"

// Contact is how it stands with a backend, by the last attempts at it.
type Contact struct {
	Kind    ContactKind
	Trouble Trouble // what is the matter with its answers
	Fault   string  // why the backend is paused until a person has acted: the key is wrong; "" otherwise
	Last    string  // the last error in words, "" after an attempt that decided something
}

// A ContactKind says in one word how it stands with a backend. It is also the word
// of metrics and commands.
type ContactKind string

// The kinds. No contact is said of a backend that does not answer, and of no other.
const (
	Untried    ContactKind = ""           // no attempt has ended since the start
	Connected  ContactKind = "connected"  // the last attempt was answered, whatever the answer was
	Confirming ContactKind = "confirming" // so too, or its answer was lost; something may have arrived, and is looked up before anything is sent again
	NoContact  ContactKind = "no contact" // the last attempt was not answered
)

// ContactKinds lists every kind that has a word.
func ContactKinds() []ContactKind {
	return []ContactKind{Connected, Confirming, NoContact}
}

// Trouble is what is the matter with the answers of a backend that answers.
type Trouble string

// The troubles. The zero value is none.
const (
	Unreadable Trouble = "unreadable" // nobody can read the last answer
	Failing    Trouble = "failing"    // the last answer says that the vendor failed
)

// Troubles lists every trouble there is.
func Troubles() []Trouble { return []Trouble{Unreadable, Failing} }

// After says how it stands after one more attempt at an entry, which was in doubt
// before it or not. That the key is wrong holds until the backend does something
// with it, or says no.
func (c Contact) After(rc Receipt, doubtful bool) Contact {
	if errors.Is(rc.Err, ErrMisfit) {
		return c // nobody was asked
	}
	after := Contact{Kind: Connected, Fault: c.Fault}
	if rc.Err != nil {
		after.Last = rc.Err.Error()
	}
	switch {
	case errors.Is(rc.Err, ErrUnreadable):
		after.Trouble = Unreadable
	case errors.Is(rc.Err, ErrFailed):
		after.Trouble = Failing
	}
	undecided := rc.Holds() == HoldUndecided
	switch {
	case rc.Outcome == Delivered, rc.Outcome == Refused:
		after.Fault = ""
	case errors.Is(rc.Err, ErrKey):
		after.Fault = after.Last
	case rc.Outcome == Unreached && !rc.Answered && after.Trouble == "":
		after.Kind = NoContact
	case rc.Outcome == Doubtful && !undecided, doubtful && !undecided:
		after.Kind = Confirming
	}
	return after
}
