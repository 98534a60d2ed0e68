package format

import (
	"errors"
	"time"

	"stationd/internal/queue/jsonobject"
	"stationd/internal/station"
)

// This file writes the JSON of records, byte for byte as encoding/json would by the tags of
// their types, and reads that of entries. What is written with each press, and read for each
// delivery, takes no memory for each of its fields.

// appendJSON appends the JSON of a record's body; nothing where it has none.
func appendJSON(to []byte, body any) ([]byte, error) {
	switch body := body.(type) {
	case *Entry:
		return body.appendJSON(to)
	case *State:
		return body.appendJSON(to)
	case *Fate:
		return body.appendJSON(to)
	case *station.Event:
		return appendEvent(to, body)
	case nil:
		return to, nil
	}
	return nil, errors.New("no record has such a body")
}

func appendEvent(to []byte, ev *station.Event) ([]byte, error) {
	o := jsonobject.Begin(to)
	o.Text("id", string(ev.ID))
	o.Text("source", ev.Source)
	o.Text("kind", ev.Kind)
	o.OptionalText("code", ev.Code)
	o.OptionalTexts("data", ev.Data)
	o.Stamp("at", ev.At)
	return o.End()
}

func (e *Entry) appendJSON(to []byte) ([]byte, error) {
	o := jsonobject.Begin(to)
	o.Text("id", string(e.ID))
	o.Text("source", e.Source)
	o.Text("kind", e.Kind)
	o.Stamp("at", e.At)

	o.Text("lane", e.Lane)
	o.Text("verb", e.Verb)
	o.OptionalTexts("with", e.With)
	o.OptionalText("about", string(e.About))
	o.OptionalText("to", e.To)
	o.OptionalTruth("barrier", e.Barrier)
	o.OptionalTruth("ours", e.Ours)
	o.OptionalTruth("marks", e.Marks)
	o.OptionalTruth("fleeting", e.BestEffort)
	o.OptionalText("unsure", e.Unsure)
	o.OptionalText("late", string(e.Late))
	o.OptionalNumber("late_after", int64(e.LateAfter))

	if e.Target != 0 {
		o.Number("target", uint64(e.Target))
	}
	o.Text("condition", string(e.Condition))
	o.OptionalText("hold", string(e.Hold))
	o.OptionalText("reason", e.Reason)
	if e.Why != nil {
		o.Value("why", e.Why)
	}
	if len(e.Before) > 0 {
		o.Value("before", e.Before)
	}
	o.OptionalNumber("starts", int64(e.Starts))
	o.OptionalTruth("insists", e.Insists)
	o.OptionalTruth("doubtful", e.Doubtful)
	o.OptionalTruth("unsent", e.Unsent)
	o.OptionalText("twice", string(e.Twice))
	o.OptionalText("in_place_of", string(e.InPlaceOf))
	o.OptionalTruth("copy", e.Copy)
	o.OptionalStamp("since", e.Since)
	return o.End()
}

func (f *Fate) appendJSON(to []byte) ([]byte, error) {
	o := jsonobject.Begin(to)
	o.Text("id", string(f.ID))
	o.Text("lane", f.Lane)
	o.Text("fate", string(f.Fate))
	o.OptionalText("ref", f.Ref)
	o.OptionalText("in_place_of", string(f.InPlaceOf))
	return o.End()
}

func (s *State) appendJSON(to []byte) ([]byte, error) {
	o := jsonobject.Begin(to)
	appendEach(&o, "values", s.Values, fieldsOfValue)
	appendEach(&o, "counters", s.Counters, fieldsOfCounter)
	appendOptional(&o, "calls", s.Calls, len(s.Calls))
	appendOptional(&o, "lines", s.Lines, len(s.Lines))
	appendEach(&o, "sources", s.Sources, fieldsOfTally)
	appendEach(&o, "notes", s.Notes, fieldsOfNote)
	appendOptional(&o, "undo", s.Undo, len(s.Undo))
	appendOptional(&o, "readings", s.Readings, len(s.Readings))
	appendOptional(&o, "pending", s.Pending, len(s.Pending))
	appendOptional(&o, "times", s.Times, len(s.Times))
	appendOptional(&o, "aside", s.Aside, len(s.Aside))
	o.Number("sequence", s.Sequence)
	o.Number("ended", s.Ended)
	o.OptionalText("seal", s.Seal)
	o.OptionalTruth("old", s.Old)
	return o.End()
}

// appendOptional writes a list or a map of so many, which may be empty.
func appendOptional[T any](o *jsonobject.Object, name string, all T, many int) {
	if many > 0 {
		o.Value(name, all)
	}
}

// appendEach writes an object for each of a map's values, by their names, which may be none.
func appendEach[V any](o *jsonobject.Object, name string, all map[string]V, fields func(*jsonobject.Object, V)) {
	if len(all) == 0 {
		return
	}
	o.Open(name)
	var room [16]string
	for _, name := range jsonobject.Names(all, room[:0]) {
		o.Open(name)
		fields(o, all[name])
		o.Close()
	}
	o.Close()
}

func fieldsOfValue(o *jsonobject.Object, v station.Value) {
	o.Text("text", v.Text)
	o.OptionalNumber("list", int64(v.List))
	o.Stamp("at", v.At)
	o.OptionalNumber("for", int64(v.For))
}

func fieldsOfCounter(o *jsonobject.Object, c station.Counter) {
	o.OptionalNumber("count", int64(c.Count))
	o.OptionalStamp("since", c.Since)
	o.OptionalStamp("until", c.Until)
}

func fieldsOfTally(o *jsonobject.Object, t station.Tally) {
	o.OptionalNumber("waiting", int64(t.Waiting))
	o.OptionalNumber("held", int64(t.Held))
}

func fieldsOfNote(o *jsonobject.Object, n station.Note) {
	o.Text("kind", string(n.Kind))
	o.OptionalText("text", n.Text)
	o.OptionalText("ask", n.Ask)
	if n.Why != nil {
		o.Value("why", n.Why)
	}
	o.Stamp("at", n.At)
}

// readEntry reads an entry as appendJSON writes one that nobody has attempted. It reports false
// of any that has more to say, or was written in another way: encoding/json reads those.
func readEntry(text string) (e Entry, ok bool) {
	ok = jsonobject.Fields(text, func(name, value string) (ok bool) {
		switch name {
		case "id":
			e.ID, ok = textOf[station.ID](value)
		case "source":
			e.Source, ok = jsonobject.Text(value)
		case "kind":
			e.Kind, ok = jsonobject.Text(value)
		case "at":
			e.At, ok = jsonobject.Stamp(value)
		case "lane":
			e.Lane, ok = jsonobject.Text(value)
		case "verb":
			e.Verb, ok = jsonobject.Text(value)
		case "with":
			e.With, ok = jsonobject.Texts(value)
		case "about":
			e.About, ok = textOf[station.ID](value)
		case "to":
			e.To, ok = jsonobject.Text(value)
		case "barrier":
			e.Barrier, ok = jsonobject.Truth(value)
		case "ours":
			e.Ours, ok = jsonobject.Truth(value)
		case "marks":
			e.Marks, ok = jsonobject.Truth(value)
		case "late":
			e.Late, ok = textOf[station.Late](value)
		case "late_after":
			var after int64
			after, ok = jsonobject.Number(value)
			e.LateAfter = time.Duration(after)
		case "target":
			var target int64
			target, ok = jsonobject.Number(value)
			e.Target = Place(target)
		case "condition":
			e.Condition, ok = textOf[station.Condition](value)
		case "unsent":
			e.Unsent, ok = jsonobject.Truth(value)
		}
		return ok
	})
	return e, ok
}

func textOf[T ~string](value string) (T, bool) {
	text, ok := jsonobject.Text(value)
	return T(text), ok
}
