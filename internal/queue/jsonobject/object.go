// Package jsonobject writes JSON objects as encoding/json writes structs, and reads those again: what
// is written with each press, and read for each delivery, takes no memory for each of its fields.
package jsonobject

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"stationd/internal/station"
)

// An Object is a JSON object that is being written, field by field. What is optional is left
// out where it is empty, as omitempty and omitzero do. The first error stays, and is End's.
type Object struct {
	text []byte
	err  error
}

// Begin begins an object behind a text.
func Begin(behind []byte) Object { return Object{text: append(behind, '{')} }

// End ends the object and returns the text with it.
func (o *Object) End() ([]byte, error) { return append(o.text, '}'), o.err }

// Open begins an object in a field, whose fields are those that follow, up to Close.
func (o *Object) Open(name string) {
	o.name(name)
	o.text = append(o.text, '{')
}

// Close ends what Open began last.
func (o *Object) Close() { o.text = append(o.text, '}') }

// name begins a field.
func (o *Object) name(name string) {
	if o.text[len(o.text)-1] != '{' {
		o.text = append(o.text, ',')
	}
	o.quote(name)
	o.text = append(o.text, ':')
}

// Text writes a text.
func (o *Object) Text(name, text string) {
	o.name(name)
	o.quote(text)
}

// OptionalText writes a text that may be empty.
func (o *Object) OptionalText(name, text string) {
	if text != "" {
		o.Text(name, text)
	}
}

// OptionalTexts writes texts by their names, in the order of these.
func (o *Object) OptionalTexts(name string, texts map[string]string) {
	if len(texts) == 0 {
		return
	}
	o.Open(name)
	var room [16]string
	for _, one := range Names(texts, room[:0]) {
		o.Text(one, texts[one])
	}
	o.Close()
}

// Number writes a number.
func (o *Object) Number(name string, n uint64) {
	o.name(name)
	o.text = strconv.AppendUint(o.text, n, 10)
}

// OptionalNumber writes a number that may be 0.
func (o *Object) OptionalNumber(name string, n int64) {
	if n != 0 {
		o.name(name)
		o.text = strconv.AppendInt(o.text, n, 10)
	}
}

// OptionalTruth writes true where it is so.
func (o *Object) OptionalTruth(name string, is bool) {
	if is {
		o.name(name)
		o.text = append(o.text, "true"...)
	}
}

// Stamp writes a stamp.
func (o *Object) Stamp(name string, s station.Stamp) {
	o.Open(name)
	o.time("wall", s.Wall)
	o.Text("boot", s.Boot)
	o.name("up")
	o.text = strconv.AppendInt(o.text, int64(s.Up), 10)
	o.OptionalTruth("trusted", s.Trusted)
	o.Close()
}

// OptionalStamp writes a stamp that may be zero.
func (o *Object) OptionalStamp(name string, s station.Stamp) {
	if s != (station.Stamp{}) {
		o.Stamp(name, s)
	}
}

func (o *Object) time(name string, t time.Time) {
	o.name(name)
	text, err := t.AppendText(append(o.text, '"'))
	if err != nil {
		o.fail(err)
		return
	}
	o.text = append(text, '"')
}

// Value writes any value, by encoding/json: for what is seldom there.
func (o *Object) Value(name string, v any) {
	o.name(name)
	text, err := json.Marshal(v)
	o.fail(err)
	o.text = append(o.text, text...)
}

func (o *Object) fail(err error) {
	if o.err == nil {
		o.err = err
	}
}

// quote writes a text. Where anything in it must be escaped, encoding/json does it.
func (o *Object) quote(text string) {
	if isPlain(text) {
		o.text = append(append(append(o.text, '"'), text...), '"')
		return
	}
	quoted, err := json.Marshal(text)
	o.fail(err)
	o.text = append(o.text, quoted...)
}

// isPlain reports whether a text stands in JSON as it is.
func isPlain(text string) bool {
	for _, c := range text {
		switch {
		case c < ' ', c == '"', c == '\\', c == '<', c == '>', c == '&', c == '\u2028', c == '\u2029', c == utf8.RuneError:
			return false
		}
	}
	return true
}

// Names returns the keys of a map in their order; room is memory for them.
func Names[V any](of map[string]V, room []string) []string {
	for name := range of {
		room = append(room, name)
	}
	slices.Sort(room)
	return room
}
