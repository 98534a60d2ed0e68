package station

import (
	"maps"
	"reflect"
	"strings"
)

// This file keeps what the vendors were last seen to say of what is made: State.Readings. A
// watch reads it, and bindings may name it: {l2l.product}. It is never guessed: what was not
// read lately has no value.

// A Reading is what a vendor last said of what is made, by its own records: L2L of the line
// that it watches, Lagerkoll of the production order that it follows. What the vendor did
// not say is empty.
type Reading struct {
	Line      string `json:"line,omitempty"`
	Order     string `json:"order,omitempty"`     // the vendor's id; empty: nothing runs
	Reference string `json:"reference,omitempty"` // what people call the order
	Product   string `json:"product,omitempty"`   // its code
	Done      string `json:"done,omitempty"`      // how much of it is done, as the vendor writes it
	Amount    string `json:"amount,omitempty"`    // and of how much

	Since Stamp `json:"since"` // when it was first seen so: order, product and line
	At    Stamp `json:"at"`    // when it was last seen so; on disk as of the last write
}

// The names of what a reading says: of the Data of an OrderCurrent, and after the backend's
// name and a point in templates, as {l2l.order}. The id is DataOrder in Data and "order" in
// templates.
const (
	DataLine      = "line"
	DataOrder     = "id"
	DataProduct   = "product"
	DataReference = "reference"
	DataDone      = "done"
	DataAmount    = "amount"
)

// ReadingNames lists what a template may name of a reading.
func ReadingNames() []string { return []string{"order", "reference", "product", "done", "amount"} }

// text returns what a name of ReadingNames stands for.
func (r Reading) text(name string) string {
	switch name {
	case "order":
		return r.Order
	case "reference":
		return r.Reference
	case "product":
		return r.Product
	case "done":
		return r.Done
	case "amount":
		return r.Amount
	}
	return ""
}

// sameOrder reports whether two readings speak of the same order.
func (r Reading) sameOrder(other Reading) bool {
	return r.Line == other.Line && r.Order == other.Order && r.Product == other.Product && r.Reference == other.Reference
}

// Reading returns what a vendor last said of what is made, and whether it may still be
// taken for what is made now: it was read no longer ago than the vendor's Fresh, and
// nothing has been seen since that contradicts it.
func (p Program) Reading(s State, backend string, now Stamp) (r Reading, fresh bool) {
	r, read := s.Readings[backend]
	vendor, known := p.Vendors[backend]
	if !read || !known || !vendor.Reads {
		return Reading{}, false
	}
	age, sure := now.Since(r.At)
	if !sure || age > vendor.Fresh {
		return r, false
	}
	if c, ran := s.Lines[r.Line]; ran && r.Line != "" && c.Order != r.Order {
		return r, false // an answer of the vendor's has said since that the line runs another
	}
	if vendor.Follows != "" {
		if order, in := s.value(vendor.Follows, now); !in || order != r.Order {
			return r, false
		}
	}
	return r, true
}

// reading returns what a name like l2l.product stands for. is reports whether it names a
// reading at all; fresh, whether that may be taken for what is so now. A text that the
// vendor did not say is empty.
func (p Program) reading(s State, name string, now Stamp) (text string, fresh, is bool) {
	backend, of, further := strings.Cut(name, ".")
	vendor, known := p.Vendors[backend]
	if !further || !known || !vendor.Reads {
		return "", false, false
	}
	r, fresh := p.Reading(s, backend, now)
	return r.text(of), fresh, true
}

// takeReading enters what a watch has read.
func (s State) takeReading(ev Event) State {
	now := Reading{
		Line: ev.Data[DataLine], Order: clip(ev.Data[DataOrder]), Reference: clip(ev.Data[DataReference]), Product: clip(ev.Data[DataProduct]),
		Done: clip(ev.Data[DataDone]), Amount: clip(ev.Data[DataAmount]), Since: ev.At, At: ev.At,
	}
	if last, read := s.Readings[ev.Source]; read && last.sameOrder(now) {
		now.Since = last.Since
	}
	s.Readings = maps.Clone(s.Readings)
	if s.Readings == nil {
		s.Readings = make(map[string]Reading)
	}
	s.Readings[ev.Source] = now
	return s
}

// OnlyReadAgain reports whether s differs from before in nothing but when the same was read
// last, and how much was done by then. That is worth no write of its own: it is in memory,
// and on disk with the next write.
func (s State) OnlyReadAgain(before State) bool {
	if len(s.Readings) != len(before.Readings) {
		return false
	}
	for backend, r := range s.Readings {
		if was, read := before.Readings[backend]; !read || !was.sameOrder(r) {
			return false
		}
	}
	s.Readings = before.Readings
	return reflect.DeepEqual(s, before)
}
