package station

import (
	"regexp"
	"time"
)

// A Program is everything the configuration says about what events mean. It is
// a value that nobody changes: a changed configuration is a new Program, taken
// up between two records.
type Program struct {
	Station     string // the station's name, {station} in templates
	Labels      Labels // what people call things
	Bindings    []Binding
	Vendors     map[string]Vendor // by backend
	Lamps       []string          // every configured lamp
	Lamp        map[string]string // the lamp of each source that has one
	DefaultLamp string            // the lamp that shows everything that has none; may be empty
	Latch       map[string]bool   // sources whose second press closes the call

	Zone   *time.Location // of the clock at the wall; nil: UTC
	Shifts []Shift

	Stacks        []Stack
	Reminders     map[string]time.Duration // of every configured buzzer: how often it sounds again; 0: never
	Buzzer        map[string]string        // the buzzer of each source that has one
	DefaultBuzzer string                   // the buzzer that answers for everything that has none; may be empty
}

// A Stack is a stack light: it shows the station as a whole and answers no single
// source. A colour or a buzzer that it does not have is empty; its lamps are among
// the program's Lamps, and answer for nothing else.
type Stack struct {
	Name               string
	Red, Yellow, Green string // lamps
	Buzzer             string
}

// A Vendor is what the program knows of a backend.
type Vendor struct {
	Title    string // as people call it: L2L
	Verbs    []Verb
	To       string            // base URL and site or store: what its entries are frozen with
	Defaults map[string]string // by field, used where a binding says nothing

	// Reads: its watch reads what is made, and bindings may name that, as {l2l.product}.
	// Fresh is how long a reading counts, and Follows the value in hand that says which
	// order is read; empty: the vendor says which.
	Reads   bool
	Fresh   time.Duration
	Follows string
}

// Verb returns the vendor's verb of that name.
func (v Vendor) Verb(name string) (Verb, bool) {
	for _, verb := range v.Verbs {
		if verb.Name == name {
			return verb, true
		}
	}
	return Verb{}, false
}

// A Binding says what one kind of event means. The first binding in the file
// that fits an event is the one that is carried out; there is no second.
//
// It is carried out in this order: needs, conditions, limits, set, append, count, do, send,
// clear. Where anything is missing or not as it must be, none of it is.
type Binding struct {
	Event  string              // source.kind
	Match  *regexp.Regexp      // the code must match; its named groups are names in templates
	GS1    []string            // the code must carry these application identifiers
	Carry  []string            // the code must carry these values besides, by their names: di.P, hibc.lot
	JSON   map[string]JSONPath // names in templates, and where in a code of JSON their values stand
	Pairs  map[string]string   // names in templates, and the names that the code has for them
	Max    int                 // how many characters a value from the label has at most; 0: LongestValue
	Ignore bool                // the event means nothing, and nothing of it is kept
	Needs  []string            // values that must be in hand, or the operator is asked for them
	Ask    string              // what the operator is asked where a value is missing; empty: to scan it
	Set    map[string]Template // values taken in hand
	Append map[string]Template // items added to lists in hand
	Expire time.Duration       // how long set and append hold; 0: until cleared
	Count  map[string]Template // what is added to counters: whole numbers
	Do     []Do
	Send   map[string]string // what is sent to readers, by their names, once the event is on disk
	Clear  []string          // values put away afterwards, counters set to zero
	Role   string            // Technician: only while one has shown a badge; empty: whoever stands there
	Undo   bool              // the last thing of this source is taken back; nothing else is done

	Limits     map[string]Bound    // what values and fields may be, by their names
	Conditions []Comparison        // what must be so, or it is refused
	In         map[string]Template // what must be among the items of lists in hand, by their names
	NotIn      map[string]Template // and what must not be
	Confirm    bool                // it is carried out when its event is confirmed within ConfirmWithin
	ConfirmBy  string              // by which event; empty: by the same again

	At    []DayTime     // of a station.at: when
	After time.Duration // of an open: how long the call has been so

	Number int // of its [[on]] in the file, counted from 0
}

// A Do is one action of a binding.
type Do struct {
	Backend   string
	Verb      Verb
	With      map[string]Template // by field; with.NAME is passed through
	Again     bool                // open another call even while the same one is open
	Close     bool                // closing the call closes it at the vendor even if it was adopted
	Late      Late
	LateAfter time.Duration
}
