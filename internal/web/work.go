package web

import (
	"encoding/json"
	"maps"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"stationd/internal/station"
	"stationd/internal/words"
)

// This file says what is worked on: the calls that are open, what the line runs, what is in
// hand, and what became of the last presses and scans.

// mostCalls is how many calls the page shows: those that can be closed, and then those
// whose close waits.
const mostCalls = 100

// A callLine is a call on the page.
type callLine struct {
	Class   string
	Name    string
	Text    string     // how it stands
	Entry   station.ID // that opened it
	Closing bool       // its close waits
}

func (b viewBuilder) calls() (all []callLine, more int) {
	open, closing := make([]station.Call, 0, mostCalls), make([]station.Call, 0, mostCalls)
	for _, c := range b.snapshot.State.Calls {
		if c.Closing == "" {
			open = append(open, c)
		} else {
			closing = append(closing, c)
		}
	}
	shown := append(open, closing...)
	more = max(0, len(shown)-mostCalls)
	for _, c := range shown[:len(shown)-more] {
		l := callLine{Class: "wait", Name: b.callName(c), Text: b.callState(c), Entry: c.Entry, Closing: c.Closing != ""}
		if clock := b.times.Clock(c.At); clock != "" {
			l.Text = clock + " · " + l.Text
		}
		switch {
		case c.Hold != station.HoldNone:
			l.Class = "look"
		case b.attended(c):
			l.Class = "good"
		}
		all = append(all, l)
	}
	return all, more
}

// callName is what a call is called: what it is for, and where.
func (b viewBuilder) callName(c station.Call) string {
	var subject []string
	for _, field := range slices.Backward(slices.Sorted(maps.Keys(c.Subject))) {
		subject = append(subject, visible(b.program.Labels.Of(field, c.Subject[field])))
	}
	return strings.Join(subject, ", ")
}

// attended reports whether somebody is on a call as far as that is known now: what its vendor
// was last seen to show is worth nothing while it cannot be asked.
func (b viewBuilder) attended(c station.Call) bool {
	contact := b.snapshot.Health.Backends[c.Backend]
	return c.Attended && contact.Kind != station.NoContact && contact.Fault == ""
}

// callState says how a call stands at its vendor, by the number by which people look it up.
func (b viewBuilder) callState(c station.Call) string {
	vendor := b.backend(c.Backend)
	switch {
	case c.Hold != station.HoldNone:
		return b.texts.Say("call.held")
	case c.Closing != "":
		return b.texts.Say("call.closing")
	case c.Ref == "":
		return b.texts.Say("call.waiting", "vendor", vendor)
	case c.Number == "" && b.attended(c):
		return b.texts.Say("call.attended")
	case c.Number == "":
		return b.texts.Say("call.open", "vendor", vendor)
	case b.attended(c):
		return b.texts.Say("call.attended.number", "vendor", vendor, "number", visible(c.Number))
	}
	return b.texts.Say("call.open.number", "vendor", vendor, "number", visible(c.Number))
}

// mostItems is how many items of a list in hand are shown, the last ones.
const mostItems = 6

// now is what the line runs, who works at it and what is in hand. What has expired is not in
// hand, and neither is a counter at zero.
func (b viewBuilder) now() []line {
	s := b.snapshot.State
	all, read := b.readings()
	for _, name := range slices.Sorted(maps.Keys(s.Lines)) {
		if c := s.Lines[name]; c.Product != "" && !read[name] {
			all = append(all, line{Name: b.texts.Say("now.line", "line", visible(name)), Text: visible(b.program.Labels.Of("product", c.Product))})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		v := s.Values[name]
		if v.Expired(b.times.Now) {
			continue
		}
		text := visible(b.program.Labels.Of(name, v.Text))
		if v.List > 0 {
			text = b.listWords(v)
		}
		all = append(all, line{Name: words.Capital(b.value(name)), Text: text})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Counters)) {
		if c := s.Counters[name]; c.Count > 0 {
			all = append(all, line{Name: words.Capital(b.value(name)), Text: b.texts.Number(c.Count)})
		}
	}
	return all
}

// readings are what the vendors were last seen to say of what is made, where that may be
// taken for what is made now, and the lines that they speak of.
func (b viewBuilder) readings() (all []line, lines map[string]bool) {
	lines = make(map[string]bool)
	for _, backend := range slices.Sorted(maps.Keys(b.snapshot.State.Readings)) {
		r, fresh := b.program.Reading(b.snapshot.State, backend, b.times.Now)
		if !fresh {
			continue
		}
		lines[r.Line] = true
		var parts []string
		for _, text := range []string{b.program.Labels.Of("product", r.Product), r.Reference} {
			if text != "" {
				parts = append(parts, visible(text))
			}
		}
		switch {
		case r.Done != "" && r.Amount != "":
			parts = append(parts, b.texts.Say("now.done", "done", visible(b.texts.Amount(r.Done)), "amount", visible(b.texts.Amount(r.Amount))))
		case r.Done != "":
			parts = append(parts, b.value("actual")+" "+visible(b.texts.Amount(r.Done)))
		}
		if len(parts) > 0 {
			name := b.backend(backend)
			if r.Line != "" {
				name = b.texts.Say("now.line", "line", visible(r.Line))
			}
			all = append(all, line{Name: name, Text: strings.Join(parts, " · ")})
		}
	}
	return all, lines
}

// listWords is a list in hand: how many items it has, and the last of them.
func (b viewBuilder) listWords(v station.Value) string {
	text := b.texts.Number(v.List)
	var items []json.RawMessage
	if json.Unmarshal([]byte(v.Text), &items) != nil {
		return text
	}
	var shown []string
	for _, item := range items[max(0, len(items)-mostItems):] {
		shown = append(shown, visible(itemWords(item)))
	}
	if len(items) > mostItems {
		shown = append([]string{"…"}, shown...)
	}
	return text + ": " + strings.Join(shown, ", ")
}

// itemWords is an item of a list: a text, or the values of its fields.
func itemWords(item json.RawMessage) string {
	var text string
	if json.Unmarshal(item, &text) == nil {
		return text
	}
	var fields map[string]any
	if json.Unmarshal(item, &fields) != nil {
		return string(item)
	}
	var values []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if value, isText := fields[name].(string); isText && value != "" {
			values = append(values, value)
		}
	}
	return strings.Join(values, " ")
}

// A recentLine is a press or a scan on the page. Where there is no room for all of it, what
// became of it is shown, and the text before it is cut.
type recentLine struct {
	Class string
	Clock string
	Text  string
	Fate  string // what became of it; empty: the text says so
}

// recent are the last presses and scans, with what became of each. After a start, when
// nothing has been pressed yet, they are what each button and reader was told last.
func (b viewBuilder) recent() []recentLine {
	var all []recentLine
	seen := make(map[string]bool)
	for _, ev := range b.snapshot.Recent {
		seen[ev.Source] = true
		all = append(all, b.recentLine(ev))
	}
	var before []station.RecentEvent
	for source, n := range b.snapshot.State.Notes {
		if !seen[source] && !b.program.Reserved(source) {
			before = append(before, station.RecentEvent{Source: source, At: n.At, Note: n})
		}
	}
	sort.Slice(before, func(i, j int) bool { return before[i].Source < before[j].Source })
	for _, ev := range station.NewestFirst(before) {
		if len(all) < station.MostRecent {
			all = append(all, b.recentLine(ev))
		}
	}
	return all
}

func (b viewBuilder) recentLine(ev station.RecentEvent) recentLine {
	l := recentLine{Class: string(ev.Note.Kind.Reply().Page), Clock: b.times.Clock(ev.At)}
	if len(ev.Entries) == 0 {
		l.Text = b.noteOf(ev.Note, ev.Source)
		return l
	}
	var about, fates []string
	l.Class = "good"
	for _, e := range ev.Entries {
		fate, class := b.entryFate(e)
		if class == "look" || class == "wait" && l.Class == "good" {
			l.Class = class
		}
		about, fates = append(about, words.Capital(b.entryWords(e.Verb, e.With))), append(fates, fate)
	}
	l.Text = strings.Join(about, "; ")
	if different := slices.Compact(slices.Clone(fates)); len(different) == 1 {
		fates = different
	}
	l.Fate = strings.Join(fates, "; ")
	if ev.Note.Kind == station.NoteTwice {
		l.Class = "look"
	}
	return l
}

// noteOf puts what was said to a press or scan that made no entry in words.
func (b viewBuilder) noteOf(n station.Note, source string) string {
	switch n.Kind {
	case station.NoteUnknown:
		return b.refusal(n)
	case station.NoteSet, station.NoteRecorded, station.NoteNumber, station.NoteFull:
		return b.note(n)
	}
	return b.part(source) + ": " + b.note(n)
}

// entryFate says what has become of an entry, or of the one that has its place.
func (b viewBuilder) entryFate(e station.RecentEntry) (text, class string) {
	if e.Corrected {
		e.Corrected = false
		text, class = b.entryFate(e)
		return b.texts.Say("recent.corrected", "became", text), class
	}
	switch {
	case e.Held:
		return b.texts.Say("recent.held"), "look"
	case e.Fate == station.FateDelivered, e.Fate == station.FateMerged:
		return b.texts.Say("recent.delivered"), "good"
	case e.Fate != "":
		return b.texts.Say("recent.discarded"), "wait"
	}
	return b.texts.Say("recent.waiting"), "wait"
}

// longestArticle is how many characters of an article number stand in the list: of a longer
// one its end, which tells the articles of one maker apart.
const longestArticle = 7

// entryWords says what an entry is about, in the order in which people say it: "article
// 7350, batch AB-12, order 4701".
func (b viewBuilder) entryWords(verb string, with map[string]string) string {
	var fields []string
	for _, name := range []string{"type", "machine", "article", "amount", "batch", "serial", "product", "actual", "scrap", "order", "line"} {
		value := with[name]
		switch {
		case value == "", name == "line" && with["product"] != "", name == "amount" && value == "1":
		case name == "type", name == "machine":
			fields = append(fields, visible(b.program.Labels.Of(name, value)))
		case name == "article":
			if n := utf8.RuneCountInString(value); n > longestArticle && b.program.Labels.Of(name, value) == value {
				value = "…" + string([]rune(value)[n-longestArticle:])
			}
			fields = append(fields, b.value(name)+" "+visible(b.program.Labels.Of(name, value)))
		case name == "amount", name == "actual", name == "scrap":
			fields = append(fields, b.value(name)+" "+visible(b.texts.Amount(value)))
		default:
			fields = append(fields, b.value(name)+" "+visible(b.program.Labels.Of(name, value)))
		}
	}
	about := strings.Join(fields, ", ")
	if verb == "article.trace" && about != "" {
		return about
	}
	if about == "" {
		return b.verb(verb)
	}
	return b.verb(verb) + " " + about
}
