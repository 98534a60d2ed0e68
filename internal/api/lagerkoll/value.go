package lagerkoll

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// What Lagerkoll prints bare in one place it prints in quotes in another, and
// any field may be null or absent. These types take all of it. What cannot be
// read is not known; it never makes the whole answer unreadable.

// A Text is a text, or a number as it was printed; "" where there is none.
type Text string

// UnmarshalJSON reads "A-1", 12, null.
func (t *Text) UnmarshalJSON(raw []byte) error {
	*t = ""
	if len(raw) == 0 || raw[0] == '{' || raw[0] == '[' || raw[0] == 'n' {
		return nil
	}
	if raw[0] == '"' {
		*t = Text(unquoted(raw))
		return nil
	}
	*t = Text(raw)
	return nil
}

// unquoted returns the text that a JSON string stands for.
func unquoted(raw []byte) string {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	var text string
	_ = json.Unmarshal(raw, &text) // the parser found that it is a string
	return text
}

// number reads 12, "12", 1.2E1.
func number(raw []byte) (float64, bool) {
	if len(raw) > 1 && raw[0] == '"' {
		raw = bytes.TrimSpace(raw[1 : len(raw)-1])
	}
	value, err := strconv.ParseFloat(string(raw), 64)
	return value, err == nil && !math.IsInf(value, 0) && !math.IsNaN(value)
}

// A Number is an amount, a price, a count.
type Number struct {
	Value float64
	Known bool
}

// UnmarshalJSON reads 12, "12", 1.2E1.
func (n *Number) UnmarshalJSON(raw []byte) error {
	*n = Number{}
	if value, ok := number(raw); ok {
		*n = Number{value, true}
	}
	return nil
}

// MarshalJSON writes the number bare, null where it is not known.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.Known {
		return []byte("null"), nil
	}
	return json.Marshal(n.Value)
}

// String writes the number as a person does; "" where it is not known.
func (n Number) String() string {
	if !n.Known {
		return ""
	}
	return plainly(n.Value)
}

// plainly writes a number without an exponent.
func plainly(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }

// An ID is Lagerkoll's own number for a thing; 0 where there is none.
type ID int64

// UnmarshalJSON reads 4711, "4711", 4.711E3. A double carries whole numbers
// exactly up to 2^53; what is above is not known.
func (id *ID) UnmarshalJSON(raw []byte) error {
	*id = 0
	if value, ok := number(raw); ok && value >= 1 && value <= 1<<53 && value == math.Trunc(value) {
		*id = ID(value)
	}
	return nil
}

// String writes the number; "" where there is none.
func (id ID) String() string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(int64(id), 10)
}

// A Truth is true, false, or not known.
type Truth struct {
	Value bool
	Known bool
}

// UnmarshalJSON reads true, "true", "False".
func (t *Truth) UnmarshalJSON(raw []byte) error {
	switch string(bytes.ToLower(bytes.Trim(raw, `" `))) {
	case "true":
		*t = Truth{true, true}
	case "false":
		*t = Truth{false, true}
	default:
		*t = Truth{}
	}
	return nil
}

// MarshalJSON writes true or false bare, null where it is not known.
func (t Truth) MarshalJSON() ([]byte, error) {
	if !t.Known {
		return []byte("null"), nil
	}
	return strconv.AppendBool(nil, t.Value), nil
}

// A Date is a time; zero where there is none. Lagerkoll writes milliseconds
// since 1970.
type Date struct{ time.Time }

// UnmarshalJSON reads 1714103893596, "1714103893596", 1.714103893596E12.
func (d *Date) UnmarshalJSON(raw []byte) error {
	*d = Date{}
	if value, ok := number(raw); ok && math.Abs(value) <= 1<<53 {
		*d = Date{time.UnixMilli(int64(value)).UTC()}
	}
	return nil
}

// MarshalJSON writes milliseconds since 1970, null where there is no time.
func (d Date) MarshalJSON() ([]byte, error) {
	if d.IsZero() {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, d.UnixMilli(), 10), nil
}

// A State is how a production order stands. Its zero value is not a state.
type State uint8

// The states of the seed, NEW = 0 to CANCELLED = 3.
const (
	New State = iota + 1
	Developing
	Finished
	Cancelled
)

// States lists the states in Lagerkoll's order.
func States() []State { return []State{New, Developing, Finished, Cancelled} }

// ReadState reads a state's word or Lagerkoll's number for it.
func ReadState(text string) (State, bool) {
	for _, s := range States() {
		if text == s.String() || text == s.number() {
			return s, true
		}
	}
	return 0, false
}

// UnmarshalJSON reads 1, "1".
func (s *State) UnmarshalJSON(raw []byte) error {
	*s = 0
	if value, ok := number(raw); ok {
		*s, _ = ReadState(plainly(value))
	}
	return nil
}

// MarshalJSON writes Lagerkoll's number, null where the state is not known.
func (s State) MarshalJSON() ([]byte, error) {
	if s == 0 {
		return []byte("null"), nil
	}
	return []byte(s.number()), nil
}

// number is Lagerkoll's own.
func (s State) number() string { return strconv.Itoa(int(s) - 1) }

// String returns the state's word.
func (s State) String() string {
	switch s {
	case New:
		return "new"
	case Developing:
		return "developing"
	case Finished:
		return "finished"
	case Cancelled:
		return "cancelled"
	}
	return "unknown"
}
