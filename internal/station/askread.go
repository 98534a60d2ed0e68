package station

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Querier is a Backend whose vendor can be asked how things are, for the command
// line and for whoever looks after the station.
type Querier interface {
	Backend

	// Queries lists what can be asked.
	Queries() []Query

	// Query asks, within the limit of the backend's requests a minute, and changes nothing.
	// with must have passed Query.Validate. An error says in a sentence what could not be
	// read, wraps ErrKey where the key was not accepted, and carries no key.
	Query(ctx context.Context, name string, with map[string]string) (Answer, error)
}

// A Query is one question to a vendor.
type Query struct {
	Name   string   // in the command's words: current-order
	Help   string   // one line for the integrator
	Args   []string // the fields that may be said without their names, in order
	Fields []Field
	File   string // what the answer is where it is a file: a PDF

	// Offers says of which fields of verbs the rows of its answers are values.
	Offers []Offer

	// Also says what is wrong with the fields together, a sentence each. It is nil where
	// no field depends on another.
	Also func(with map[string]string) []string
}

// An Offer says that the rows of a query's answer are the values that a field of the same
// backend's verbs can have: the orders that are in progress.
type Offer struct {
	Field string            // of verbs: order
	With  map[string]string // what the query is told for that
	Value int               // the column of the value
	Title []int             // the columns of what people call it
}

// Field returns the field of that name.
func (r Query) Field(name string) (Field, bool) {
	i := slices.IndexFunc(r.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return r.Fields[i], true
}

// Validate says everything that is wrong with what the question is told, a sentence
// each.
func (r Query) Validate(with map[string]string) (faults []string) {
	for _, name := range slices.Sorted(maps.Keys(with)) {
		if f, own := r.Field(name); own {
			faults = append(faults, f.Validate(with[name])...)
			continue
		}
		faults = append(faults, fmt.Sprintf("%s has no field %q; it takes: %s", r.Name, name, r.takes()))
	}
	for _, f := range r.Fields {
		if _, said := with[f.Name]; f.Required && !said {
			faults = append(faults, fmt.Sprintf("%s needs %s=…: %s", r.Name, f.Name, f.Help))
		}
	}
	if len(faults) == 0 && r.Also != nil {
		return r.Also(with)
	}
	return faults
}

func (r Query) takes() string {
	var names []string
	for _, f := range r.Fields {
		names = append(names, f.Name)
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// An Answer is what a vendor answered: a table, or a file.
type Answer struct {
	Columns []string        `json:"columns,omitempty"`
	Rows    [][]string      `json:"rows,omitempty"` // the vendor's text as it came: whoever shows it makes it safe
	Note    string          `json:"note,omitempty"` // what the rows do not say: that there are more
	All     json.RawMessage `json:"all,omitempty"`  // everything that was read, for programs
	File    []byte          `json:"-"`
	Type    string          `json:"-"` // the media type of File
}

// AnswerOf returns the answer with everything that was read as JSON.
func AnswerOf(all any, columns ...string) (Answer, error) {
	text, err := json.Marshal(all)
	return Answer{Columns: columns, All: text}, err
}

// AttemptOnce makes one attempt at what was never sent. A verb that needs to know how things
// stood before (Before) looks now.
func AttemptOnce(ctx context.Context, b Backend, d Delivery) Receipt {
	looks := slices.ContainsFunc(b.Verbs(), func(v Verb) bool { return v.Name == d.Verb && v.Before })
	if looker, can := b.(Looker); can && looks {
		before, rc := looker.Look(ctx, d)
		if rc.Outcome != Delivered {
			return rc
		}
		d.Before = before
	}
	return b.Deliver(ctx, d)
}

// RunQuery puts one question to a backend, and says everything that is wrong with
// the question before it does.
func RunQuery(ctx context.Context, b Backend, name string, with map[string]string) (Answer, error) {
	reader, can := b.(Querier)
	if !can {
		return Answer{}, errors.New("this backend cannot be asked anything")
	}
	reads := reader.Queries()
	i := slices.IndexFunc(reads, func(r Query) bool { return r.Name == name })
	if i < 0 {
		return Answer{}, fmt.Errorf("there is no question %q", name)
	}
	if faults := reads[i].Validate(with); len(faults) > 0 {
		return Answer{}, errors.New(strings.Join(faults, "; "))
	}
	return reader.Query(ctx, name, with)
}
