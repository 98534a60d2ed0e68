package api

import (
	"bytes"
	"encoding/json"
	"slices"
)

// An Object is a record in a vendor's answer of which every field is kept as it came,
// to be written back. A field that cannot be read as what is asked for is not there;
// see [Scalar].
type Object map[string]json.RawMessage

// ReadObject reads a JSON object; ok is false for anything else and for what is
// cut off or followed by something.
func ReadObject(raw []byte) (o Object, ok bool) {
	err := json.Unmarshal(raw, &o)
	return o, err == nil && o != nil
}

// ReadList reads a list of objects, or one object as a list of one; null and []
// are empty lists. ok is false for anything else, also within a list.
func ReadList(raw []byte) (list []Object, ok bool) {
	var all List[Object]
	err := json.Unmarshal(raw, &all)
	absent := func(o Object) bool { return o == nil }
	if err != nil || slices.ContainsFunc(all, absent) {
		return nil, false
	}
	return all, true
}

// scalar reads one field.
func (o Object) scalar(name string) (s Scalar) {
	_ = s.UnmarshalJSON(o[name]) // it never fails
	return s
}

// Has reports whether the field is there and not null.
func (o Object) Has(name string) bool {
	raw, found := o[name]
	return found && !bytes.Equal(bytes.TrimSpace(raw), []byte("null"))
}

// Text reads a field as [Scalar.Text] does.
func (o Object) Text(name string) (text string, ok bool) { return o.scalar(name).Text() }

// Number reads a field as [Scalar.Number] does.
func (o Object) Number(name string) (number float64, ok bool) { return o.scalar(name).Number() }

// ID reads a field as [Scalar.ID] does.
func (o Object) ID(name string) (id string, ok bool) { return o.scalar(name).ID() }

// Truth reads a field as [Scalar.Truth] does.
func (o Object) Truth(name string) (truth, ok bool) { return o.scalar(name).Truth() }

// List reads a list of objects as ReadList does; a field that is absent is an
// empty list.
func (o Object) List(name string) (list []Object, ok bool) {
	if !o.Has(name) {
		return nil, true
	}
	return ReadList(o[name])
}

// A List is a list of records, or one record in its place. Anything else is a fault of
// what it stands in.
type List[T any] []T

// UnmarshalJSON takes a list, an object or null.
func (l *List[T]) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '{' {
		*l = make(List[T], 1)
		return json.Unmarshal(raw, &(*l)[0])
	}
	return json.Unmarshal(raw, (*[]T)(l))
}

// Rows is a field that holds a list of records, or one record in its place.
type Rows[T any] struct {
	List  List[*T] // none of them nil
	There bool     // the field is there, be it null
	OK    bool     // it can be read: a list of objects, an object, or null
	None  bool     // it spells out that there is nothing: null, [], {}, false, ""
}

// UnmarshalJSON takes any JSON value and never fails.
func (r *Rows[T]) UnmarshalJSON(raw []byte) error {
	*r = Rows[T]{There: true}
	switch string(raw) {
	case "null":
		r.None, r.OK = true, true
		return nil
	case "false", `""`:
		r.None = true
		return nil
	}
	if c := raw[0]; (c == '[' || c == '{') && len(bytes.TrimSpace(raw[1:len(raw)-1])) == 0 {
		r.None, r.OK = true, true
		return nil
	}
	if raw[0] == '[' || raw[0] == '{' {
		r.OK = r.List.UnmarshalJSON(raw) == nil && !slices.Contains(r.List, nil)
	}
	if !r.OK {
		r.List = nil
	}
	return nil
}

// One returns the record where there is exactly one; ok is false otherwise, and
// the record is empty.
func (r Rows[T]) One() (record *T, ok bool) {
	if !r.OK || len(r.List) != 1 {
		return new(T), false
	}
	return r.List[0], true
}
