package station

import (
	"maps"
	"strconv"
	"strings"
	"time"
)

// This file keeps what the operator has in hand: the values, lists and counters that earlier
// events have left for the next ones, as the order that was scanned before its parts. They
// are in the State, so that a restart forgets none of them.

// value returns what is in hand under a name, unless it expired: a text, a list as JSON, how
// many items a list has (#name), or a count. A counter at zero has no value.
func (s State) value(name string, now Stamp) (string, bool) {
	if c := s.Counters[name]; c.Count > 0 {
		return strconv.Itoa(c.Count), true
	}
	name, many := strings.CutPrefix(name, counted)
	v, ok := s.Values[name]
	switch {
	case !ok || v.Expired(now):
		return "", false
	case many:
		return strconv.Itoa(v.List), v.List > 0
	}
	return v.Text, true
}

// InHand reports whether there is a value, a list or a count under a name that has not
// expired: what a binding asks for by needs.
func (s State) InHand(name string, now Stamp) bool {
	text, in := s.value(name, now)
	return in && text != ""
}

// Expired reports whether a value no longer holds. One whose age is not known, as after a
// restart of the board before its clock was set, has expired: to ask the operator again is
// safe, and to book parts on yesterday's order is not.
func (v Value) Expired(now Stamp) bool {
	if v.For == 0 {
		return false
	}
	age, known := now.Since(v.At)
	return !known || age > v.For
}

// setValue takes a value in hand.
func (s State) setValue(name string, v Value) State {
	s.Values = maps.Clone(s.Values)
	if s.Values == nil {
		s.Values = make(map[string]Value)
	}
	s.Values[name] = v
	return s
}

// setCounter returns s with a counter set.
func (s State) setCounter(name string, c Counter) State {
	s.Counters = maps.Clone(s.Counters)
	if s.Counters == nil {
		s.Counters = make(map[string]Counter)
	}
	s.Counters[name] = c
	return s
}

// clear returns s without the values of these names, and with their counters at zero.
func (s State) clear(names []string, now Stamp) State {
	for _, name := range names {
		if _, in := s.Values[name]; in {
			s.Values = maps.Clone(s.Values)
			delete(s.Values, name)
		}
		if _, counts := s.Counters[name]; counts {
			s = s.setCounter(name, Counter{Until: now})
		}
	}
	return s
}

// mostCount is the most that one event counts and that a counter holds: an article number
// that was scanned in place of an amount is above it.
const mostCount = 1_000_000

// count adds to a counter; ok is false where the text is no whole number from 1 on, or the
// counter would pass mostCount.
func (s State) count(name, text string, now Stamp) (after State, ok bool) {
	n, err := strconv.Atoi(text)
	c := s.Counters[name]
	if err != nil || n < 1 || n > mostCount-c.Count {
		return s, false
	}
	if c.Count == 0 {
		c.Since = now
	}
	c.Count += n
	return s.setCounter(name, c), true
}

// Counting reports whether anything that was counted is to be reported: a counter is above
// zero, or something is set aside.
func (s State) Counting() bool {
	if len(s.Aside) > 0 {
		return true
	}
	for _, c := range s.Counters {
		if c.Count > 0 {
			return true
		}
	}
	return false
}

// since returns when the time began in which these counters counted; it ends now. It begins
// with their first count, but not before any of them was last cleared, so that the times of
// two production records never overlap, whatever the clock did in between. It is not known
// while the clock has not been set, within the first second, and while the clock stands
// before the end of the last record.
func (s State) since(names []string, now Stamp) (at time.Time, known bool) {
	var until time.Time
	for _, name := range names {
		c := s.Counters[name]
		if c.Until.Trusted && c.Until.toSecond().After(until) {
			until = c.Until.toSecond()
		}
		if c.Count == 0 {
			continue
		}
		if first := now.wallAt(c.Since); !known || first.Before(at) {
			at, known = first, true
		}
	}
	if at.Before(until) {
		at = until
	}
	return at, known && now.Trusted && at.Before(now.toSecond())
}

// toSecond is the wall clock of a stamp, cut to the whole second. A time.Time that this
// process has just taken carries a monotonic reading too, and two of them would be
// compared by that: Truncate leaves it out.
func (t Stamp) toSecond() time.Time { return t.Wall.UTC().Truncate(time.Second) }

// wallAt returns what the clock of t would have said at an earlier stamp. How long ago a
// stamp of another boot was may be unknown; then it is taken for the moment when this boot
// began, for it was not later.
func (t Stamp) wallAt(earlier Stamp) time.Time {
	age, known := t.Since(earlier)
	if !known {
		age = t.Up
	}
	return t.Wall.Add(-age).UTC().Truncate(time.Second)
}
