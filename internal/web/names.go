package web

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"stationd/internal/station"
	"stationd/internal/words"
)

// This file says what people call things: by the labels of the configuration, else by the
// words of the language, and by their names only where there is neither.

// stationName is what people call the station.
func (s *Server) stationName(name string) string {
	return visible(cmp.Or(s.station.Program().Labels.Station, name))
}

// part is what people call a button, a lamp, a scanner or a part of the program itself.
func (b viewBuilder) part(name string) string {
	if label := b.program.Labels.Part[name]; label != "" {
		return visible(label)
	}
	if backend, ok := b.program.Vendors[name]; ok && backend.Title != "" {
		return visible(backend.Title)
	}
	if word, found := b.texts.Find("part." + words.Key(strings.ReplaceAll(name, " ", "_"))); found {
		return word
	}
	if backend, part, ok := strings.Cut(name, " "); ok { // l2l key
		if word, found := b.texts.Find("part." + words.Key(part)); found {
			return b.backend(backend) + " · " + word
		}
	}
	return visible(name)
}

// value is what people call a value that is in hand or missing, or a field.
func (b viewBuilder) value(name string) string {
	if label := b.program.Labels.Value[name]; label != "" {
		return visible(label)
	}
	key := words.Key("value." + strings.NewReplacer(".", "-", " ", "-").Replace(name))
	if word, found := b.texts.Find(key); found {
		return word
	}
	of, rest, _ := strings.Cut(name, ".")
	switch _, backend := b.program.Vendors[of]; {
	case backend: // l2l.product
		return b.backend(of) + ": " + b.value(rest)
	case of == "gs1":
		return "GS1 (" + visible(rest) + ")" // as it stands below the bars
	}
	return visible(name)
}

// note puts what was said to a press or scan in words. What it is about stands in the
// text where that has a place for it, and else after it. An error's own text stands in
// noteDetails alone.
func (b viewBuilder) note(n station.Note) string {
	text, found := b.texts.Find("note." + words.Key(n.Kind))
	if !found {
		text = b.texts.Say("reason.unknown") // a later version's
	}
	about := ""
	switch n.Kind {
	case station.NoteNeeds:
		return b.needs(n)
	case station.NoteAsked:
		about = b.verb(n.Text)
	case station.NoteSet:
		if n.Why != nil {
			return b.texts.Say("note.counted", "about", b.counted(n.Why.Values))
		}
		about = visible(n.Text)
	case station.NoteFull:
		about = b.value(n.Text)
	case station.NoteConfirm:
		if n.Why != nil { // not by the same once more, but by a button
			return b.reason(n.Why)
		}
		about = visible(n.Text)
	case station.NoteUnread: // the sentence is complete
	case station.NoteDelivered:
		about, _ = b.texts.Find("delivered." + words.Key(strings.ReplaceAll(n.Text, " ", "-")))
	case station.NoteHeld, station.NoteUnfit, station.NoteUnrecorded:
		about = b.reason(n.Why)
	default:
		about = cmp.Or(b.reason(n.Why), visible(n.Text))
	}
	if about == "" {
		return text
	}
	return text + ": " + about
}

// needs says what is missing: as the plant says it, where it does.
func (b viewBuilder) needs(n station.Note) string {
	switch {
	case n.Ask != "":
		return visible(n.Ask)
	case n.Text == "now" || n.Text == "since":
		return b.texts.Say("note.needs.clock")
	}
	return b.texts.Say("note.needs", "about", b.value(n.Text))
}

// counted says what lists and counters are at: "made 17, parts 3".
func (b viewBuilder) counted(numbers map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		all = append(all, b.value(name)+" "+b.texts.Amount(numbers[name]))
	}
	return strings.Join(all, ", ")
}

// noteDetails is the text of an error that a note is about, for whoever repairs it.
func noteDetails(n station.Note) string {
	switch n.Kind {
	case station.NoteHeld, station.NoteUnfit, station.NoteUnrecorded:
		return visible(n.Text)
	}
	return ""
}

// reason says why something was refused, with what the vendor itself said as a quote; ""
// where only the text of an error says it.
func (b viewBuilder) reason(why *station.Reason) string {
	if why == nil {
		return ""
	}
	values := make([]any, 0, 2*len(why.Values))
	for name, value := range why.Values {
		text := visible(value)
		switch name {
		case "field":
			text = b.value(value)
		case "part":
			text = b.part(value)
		case "wanted":
			text = strings.NewReplacer(">=", "≥", "<=", "≤").Replace(text)
		}
		values = append(values, name, text)
	}
	text, _ := b.texts.Find("reason."+words.Key(why.Kind), values...)
	if why.Quote == "" {
		return text
	}
	quote := b.texts.Say("quote", "text", visible(why.Quote))
	if text == "" {
		return quote
	}
	return text + ": " + quote
}

// failed says in words why a decision was not carried out.
func (b viewBuilder) failed(err error) string {
	return cmp.Or(b.reason(station.ReasonOf(err)), b.texts.Say("reason.unknown"))
}

// notice says what the station itself has noted, by its kind.
func (b viewBuilder) notice(kind string) string {
	text, found := b.texts.Find("notice." + words.Key(kind))
	if !found {
		return b.texts.Say("notice.unknown")
	}
	return text
}

// deviceFault says what is wrong with a part: its reason, where it has one, and else that
// something is.
func (b viewBuilder) deviceFault(name string) string {
	return cmp.Or(b.reason(b.snapshot.Health.Reasons[name]), b.texts.Say("device.fault"))
}

// deviceHelp says what is to be done about a part with a fault: what is wrong, where its
// reason says it, and else whom to call.
func (b viewBuilder) deviceHelp(name string) string {
	if why := b.reason(b.snapshot.Health.Reasons[name]); why != "" {
		return words.Capital(why)
	}
	return b.texts.Say("how.device.do")
}
