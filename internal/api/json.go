package api

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Scalar is one field of a vendor's record, read tolerantly: what the vendors print
// as a number in one place they print in quotes in another, and any field may be null
// or absent. A list or an object in its place is no fault of the record: the field is
// not there. The zero Scalar is a field that is absent.
//
// It stands in a struct that encoding/json fills in one go, and [Object] reads its
// fields with it.
type Scalar struct {
	text string
	kind byte // 0 absent or null, 't' a text, 'n' a number as it is printed, 'b' true or false
}

// UnmarshalJSON takes any JSON value and never fails.
func (s *Scalar) UnmarshalJSON(raw []byte) error {
	*s = Scalar{}
	if len(raw) == 0 {
		return nil
	}
	switch c := raw[0]; {
	case c == '"':
		s.kind = 't'
		if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
			s.text = string(inner)
		} else if err := json.Unmarshal(raw, &s.text); err != nil {
			*s = Scalar{}
		}
	case c == 't':
		*s = Scalar{text: "true", kind: 'b'}
	case c == 'f':
		*s = Scalar{text: "false", kind: 'b'}
	case c == '-' || '0' <= c && c <= '9':
		*s = Scalar{text: string(raw), kind: 'n'}
	}
	return nil
}

// Text reads a text, or a number as it is printed.
func (s Scalar) Text() (text string, ok bool) {
	if s.kind != 't' && s.kind != 'n' {
		return "", false
	}
	return s.text, true
}

// String is the text, empty where there is none.
func (s Scalar) String() string {
	text, _ := s.Text()
	return text
}

// Number reads a finite number: 12, "12", 1.2E1.
func (s Scalar) Number() (number float64, ok bool) {
	text, ok := s.Text()
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return number, err == nil && !math.IsInf(number, 0) && !math.IsNaN(number)
}

// Count reads a whole number above zero: 12, "12", 1.2E1. Floats carry whole numbers
// exactly up to 2^53; what is above is not there.
func (s Scalar) Count() (count int64, ok bool) {
	number, ok := s.Number()
	if !ok || number < 1 || number > 1<<53 || number != math.Trunc(number) {
		return 0, false
	}
	return int64(number), true
}

// ID reads a vendor's own number for a thing, as Count does, in plain digits.
func (s Scalar) ID() (id string, ok bool) {
	number, ok := s.Count()
	if !ok {
		return "", false
	}
	if s.kind == 'n' && len(s.text) < 16 && !strings.ContainsAny(s.text, ".eE") {
		return s.text, true // as it is printed: JSON has no leading zeros
	}
	return strconv.FormatInt(number, 10), true
}

// Truth reads true or false, bare or in quotes.
func (s Scalar) Truth() (truth, ok bool) {
	if s.kind != 't' && s.kind != 'b' {
		return false, false
	}
	switch strings.ToLower(strings.TrimSpace(s.text)) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}
