package jsonobject

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"stationd/internal/station"
)

// What an Object has written is read back by these, as encoding/json would and without taking
// memory for each field. They know no more than what an Object writes most often: nothing that
// is escaped, no lists and no spaces. Of all else they say that they cannot, and encoding/json
// has to.

// Fields hands over each field of an object with its value as it stands there, up to the first
// that is refused. It reports whether all were taken.
func Fields(object string, take func(name, value string) bool) bool {
	rest, begins := strings.CutPrefix(object, "{")
	if rest == "}" {
		return begins
	}
	for more := begins; more; {
		name, behind, ok := cutText(rest)
		value, is := strings.CutPrefix(behind, ":")
		if !ok || !is {
			return false
		}
		value, rest, ok = cutValue(value)
		if !ok || !take(name, value) {
			return false
		}
		if rest == "}" {
			return true
		}
		rest, more = strings.CutPrefix(rest, ",")
	}
	return false
}

// cutText takes a text off what begins with one, without its quotation marks.
func cutText(from string) (text, rest string, ok bool) {
	if from == "" || from[0] != '"' {
		return "", "", false
	}
	text, rest, ok = strings.Cut(from[1:], `"`)
	if !ok || !utf8.ValidString(text) {
		return "", "", false
	}
	for _, c := range []byte(text) {
		if c < ' ' || c == '\\' {
			return "", "", false
		}
	}
	return text, rest, true
}

// cutValue takes a value off what begins with one.
func cutValue(from string) (value, rest string, ok bool) {
	open := 0 // objects that are not closed
	for rest = from; rest != ""; {
		switch rest[0] {
		case '"':
			if _, rest, ok = cutText(rest); !ok {
				return "", "", false
			}
		case '[':
			return "", "", false
		case '{':
			open++
			rest = rest[1:]
		case ',', '}':
			if open == 0 {
				return from[:len(from)-len(rest)], rest, len(rest) < len(from)
			}
			if rest[0] == '}' {
				open--
			}
			rest = rest[1:]
		default:
			rest = rest[1:]
		}
	}
	return "", "", false
}

// Text reads a text.
func Text(value string) (text string, ok bool) {
	text, rest, ok := cutText(value)
	return text, ok && rest == ""
}

// Number reads a whole number.
func Number(value string) (n int64, ok bool) {
	digits := strings.TrimPrefix(value, "-")
	if digits == "" || digits[0] < '1' || digits[0] > '9' {
		return 0, value == "0"
	}
	n, err := strconv.ParseInt(value, 10, 64)
	return n, err == nil
}

// Truth reads true or false.
func Truth(value string) (is, ok bool) { return value == "true", value == "true" || value == "false" }

// Texts reads texts by their names.
func Texts(value string) (texts map[string]string, ok bool) {
	texts = make(map[string]string)
	ok = Fields(value, func(name, value string) (ok bool) {
		texts[name], ok = Text(value)
		return ok
	})
	return texts, ok
}

// Stamp reads a stamp.
func Stamp(value string) (s station.Stamp, ok bool) {
	ok = Fields(value, func(name, value string) (ok bool) {
		switch name {
		case "wall":
			s.Wall, ok = moment(value)
		case "boot":
			s.Boot, ok = Text(value)
		case "up":
			var up int64
			up, ok = Number(value)
			s.Up = time.Duration(up)
		case "trusted":
			s.Trusted, ok = Truth(value)
		}
		return ok
	})
	return s, ok
}

// moment reads a time as time.Time writes it in JSON.
func moment(value string) (t time.Time, ok bool) {
	text, ok := Text(value)
	if !ok {
		return t, false
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t, err == nil
}
