package station

import (
	"errors"
	"maps"
)

// A Reason says why something was not done, so that it can be said in every language: the
// page has a text for each kind, with these values. An error's own text is in English, and
// for the log and whoever repairs it.
type Reason struct {
	Kind   string            `json:"kind,omitempty"`
	Values map[string]string `json:"values,omitempty"` // by the names that the text has for them
	Quote  string            `json:"quote,omitempty"`  // what the vendor said, in its own words
}

// Counted is the kind of what a note says that lists and counters are at: their numbers, by
// their names.
const Counted = "counted"

// An Explained is an error that knows its Reason.
type Explained interface {
	error
	Why() Reason
}

// Because returns err with the reason for it: a kind, and names and values in turn. What the
// vendor said stays with it.
func Because(err error, kind string, values ...string) error {
	r := Reason{Kind: kind}
	for i := 0; i+1 < len(values); i += 2 {
		if r.Values == nil {
			r.Values = make(map[string]string, len(values)/2)
		}
		r.Values[values[i]] = values[i+1]
	}
	if inner := ReasonOf(err); inner != nil {
		r.Quote = inner.Quote
	}
	return reasonError{err, r}
}

// ReasonOf is the reason of an error; nil where it has none.
func ReasonOf(err error) *Reason {
	explained, ok := errors.AsType[Explained](err)
	if !ok {
		return nil
	}
	why := explained.Why()
	why.Quote, why.Values = Cut(why.Quote, longestNote), maps.Clone(why.Values)
	for name, value := range why.Values {
		why.Values[name] = Cut(value, longestNote)
	}
	return &why
}

type reasonError struct {
	err error
	why Reason
}

func (e reasonError) Error() string { return e.err.Error() }
func (e reasonError) Unwrap() error { return e.err }
func (e reasonError) Why() Reason   { return e.why }
