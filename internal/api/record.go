package api

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// An Object is a JSON object in a vendor's answer, read tolerantly: what the
// vendors print as numbers in one place they print in quotes in another, any
// field may be null or absent, and a list of one may be the thing itself.
// A field that cannot be read as what is asked for is not there.
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
	if one, ok := ReadObject(raw); ok {
		return []Object{one}, true
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, false
	}
	for _, item := range items {
		o, ok := ReadObject(item)
		if !ok {
			return nil, false
		}
		list = append(list, o)
	}
	return list, true
}

// Has reports whether the field is there and not null.
func (o Object) Has(name string) bool {
	raw, found := o[name]
	return found && !bytes.Equal(bytes.TrimSpace(raw), []byte("null"))
}

// Text reads a text, or a number as it is printed.
func (o Object) Text(name string) (text string, ok bool) {
	if !o.Has(name) {
		return "", false
	}
	if err := json.Unmarshal(o[name], &text); err == nil {
		return text, true
	}
	var number json.Number
	if err := json.Unmarshal(o[name], &number); err != nil {
		return "", false
	}
	return number.String(), true
}

// Number reads a finite number: 12, "12", 1.2E1.
func (o Object) Number(name string) (number float64, ok bool) {
	text, ok := o.Text(name)
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return number, err == nil && !math.IsInf(number, 0) && !math.IsNaN(number)
}

// ID reads a vendor's own number for a thing, above zero, in plain digits: 12,
// "12", 1.2E1. Floats carry whole numbers exactly up to 2^53.
func (o Object) ID(name string) (id string, ok bool) {
	number, ok := o.Number(name)
	if !ok || number < 1 || number > 1<<53 || number != math.Trunc(number) {
		return "", false
	}
	return strconv.FormatInt(int64(number), 10), true
}

// Truth reads true or false, bare or in quotes.
func (o Object) Truth(name string) (truth, ok bool) {
	if !o.Has(name) {
		return false, false
	}
	if err := json.Unmarshal(o[name], &truth); err == nil {
		return truth, true
	}
	text, _ := o.Text(name)
	switch strings.ToLower(text) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// List reads a list of objects as ReadList does; a field that is absent is an
// empty list.
func (o Object) List(name string) (list []Object, ok bool) {
	if !o.Has(name) {
		return nil, true
	}
	return ReadList(o[name])
}
