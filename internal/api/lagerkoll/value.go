package lagerkoll

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"stationd/internal/api"
)

// What Lagerkoll prints bare in one place it prints in quotes in another, and
// any field may be null or absent. These types take all of it. What cannot be
// read is not known; it never makes the whole answer unreadable.

// A Text is a text, or a number as it was printed; "" where there is none.
type Text string

// UnmarshalJSON reads "A-1", 12, null.
func (t *Text) UnmarshalJSON(raw []byte) error {
	*t = Text(scalar(raw).String())
	return nil
}

// scalar reads one value in any of the forms in which Lagerkoll prints it.
func scalar(raw []byte) (s api.Scalar) {
	_ = s.UnmarshalJSON(raw) // it never fails
	return s
}

// A Number is an amount, a price, a count.
type Number struct {
	Value float64
	Known bool
}

// UnmarshalJSON reads 12, "12", 1.2E1.
func (n *Number) UnmarshalJSON(raw []byte) error {
	n.Value, n.Known = scalar(raw).Number()
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

// UnmarshalJSON reads 4711, "4711", 4.711E3.
func (id *ID) UnmarshalJSON(raw []byte) error {
	count, _ := scalar(raw).Count()
	*id = ID(count)
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
	t.Value, t.Known = scalar(raw).Truth()
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
	if value, ok := scalar(raw).Number(); ok && math.Abs(value) <= 1<<53 {
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

// The states, which Lagerkoll writes as NEW = 0 to CANCELLED = 3.
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
	if value, ok := scalar(raw).Number(); ok {
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
