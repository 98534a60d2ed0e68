package cards

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"stationd/internal/sheet"
	"stationd/internal/station"
	"stationd/internal/words"
)

// A Station is what cards are made for.
type Station struct {
	Program station.Program
	Words   *words.Catalogue
	Readers []Reader
}

// A Reader is one that the station has.
type Reader struct {
	Name       string
	Identifies bool // it sends an AIM identifier with every scan

	// Event is what the reader would make of a scan: raw is without what ends it.
	Event func(raw []byte) (station.Event, error)
}

// A Group is cards that do the same with different values.
type Group struct {
	Title string `json:"title"`
	Cards []Card `json:"cards"`
}

// A Card is a code, and what scanning it does.
type Card struct {
	Title        string       `json:"title"`
	Does         []string     `json:"does,omitempty"`    // what scanning it does, a line each
	Needs        string       `json:"needs,omitempty"`   // what must be scanned first, in a sentence
	Role         string       `json:"role,omitempty"`    // whose badge must have been shown
	Confirm      string       `json:"confirm,omitempty"` // that it must be confirmed, and how
	Irreversible string       `json:"irreversible,omitempty"`
	Only         string       `json:"only,omitempty"` // that not every reader understands it, and which do
	Code         string       `json:"code"`
	Symbol       sheet.Symbol `json:"-"`
	Symbology    string       `json:"symbology"`
	Readers      []string     `json:"readers"` // that understand it as the card says
	Binding      int          `json:"binding"` // counted from 1 in the order of the file
}

// A Sheets is everything that is made for a station.
type Sheets struct {
	Groups []Group   `json:"groups"`
	Left   []LeftOut `json:"left_out,omitempty"`
}

// A LeftOut is a binding of a scan, or a value of a list, of which no card is made.
type LeftOut struct {
	Binding int    `json:"binding"`
	Code    string `json:"code,omitempty"`
	Lacks   string `json:"lacks,omitempty"` // the list that is missing: user
	Why     string `json:"why"`             // in English, for the integrator
}

// Make makes the cards of a station.
func Make(s Station, lists Lists) Sheets {
	m := maker{Station: s, lists: lists, groups: make(map[string]int)}
	for i, b := range s.Program.Bindings {
		if strings.HasSuffix(b.Event, "."+station.Scan) && !b.Ignore {
			m.binding(i, b)
		}
	}
	sort.SliceStable(m.sheets.Groups, func(i, j int) bool { return m.rank(m.sheets.Groups[i]) < m.rank(m.sheets.Groups[j]) })
	return m.sheets
}

// Does says what a binding does, a line each: for a button, which reads no code.
func Does(s Station, b station.Binding) []string {
	m := maker{Station: s}
	return m.does(b, nil)
}

type maker struct {
	Station
	lists  Lists
	sheets Sheets
	groups map[string]int // the index of a group by its title
	cards  int
}

// rank puts the commands first.
func (m *maker) rank(g Group) int {
	if g.Title == m.Words.Say("cards.commands") {
		return 0
	}
	return 1
}

// codesOfBinding lists the codes that a binding takes by its match.
func codesOfBinding(b station.Binding) (codes [][]piece, listed bool) {
	if !strings.HasSuffix(b.Event, "."+station.Scan) || b.Ignore || b.Match == nil || len(b.GS1)+len(b.Carry)+len(b.JSON)+len(b.Pairs) > 0 {
		return nil, false
	}
	return codesOf(b.Match.String())
}

// binding makes the cards of one binding.
func (m *maker) binding(index int, b station.Binding) {
	leave := func(code, lacks, why string) {
		m.sheets.Left = append(m.sheets.Left, LeftOut{b.Number + 1, code, lacks, why})
	}
	codes, listed := codesOfBinding(b)
	if !listed {
		leave("", "", "it takes labels of goods, or more codes than can be listed")
		return
	}
	var why, lacks string
	made := make(map[string]bool) // by what the code means
	for _, code := range codes {
		read, means := names(code), meaning(code)
		if usesCode(b) {
			means = filled(code, "")
		}
		switch {
		case made[means]: // another spelling of the same
		case len(read) > 1:
			why = "its code has several values in one: " + strings.Join(read, ", ")
		case len(read) == 0:
			fault := m.card(index, b, filled(code, ""), "", Value{})
			made[means] = fault == ""
			if fault != "" && (why == "" || lacks != "") {
				why, lacks = fault, ""
			}
		case len(m.lists[read[0]]) == 0:
			if why == "" {
				why, lacks = fmt.Sprintf("it needs a list of %s", read[0]), read[0]
			}
		default:
			made[means] = true
			for _, value := range m.lists[read[0]][:min(len(m.lists[read[0]]), mostListed)] {
				if fault := m.card(index, b, filled(code, value.Text), read[0], value); fault != "" {
					leave(filled(code, value.Text), "", fault)
				}
			}
			if n := len(m.lists[read[0]]); n > mostListed {
				leave("", "", fmt.Sprintf("the list of %s has %d values: none of those behind the first %d", read[0], n, mostListed))
			}
		}
	}
	if why != "" && !slices.Contains(slices.Collect(maps.Values(made)), true) {
		leave("", lacks, why)
	}
}

// usesCode reports whether a binding does something with the code as a whole.
func usesCode(b station.Binding) bool {
	uses := func(templates map[string]station.Template) bool {
		for t := range maps.Values(templates) {
			if slices.ContainsFunc(t.Names(), func(n station.Name) bool { return n.Name == "code" }) {
				return true
			}
		}
		return false
	}
	return uses(b.Set) || uses(b.Append) || uses(b.Count) || slices.ContainsFunc(b.Do, func(do station.Do) bool { return uses(do.With) })
}

// card makes a card of a code, in which name has a value. A fault says why there is none.
func (m *maker) card(index int, b station.Binding, code, name string, value Value) (fault string) {
	if m.cards >= mostCards {
		return fmt.Sprintf("there are %d cards already", mostCards)
	}
	symbols, err := sheet.Symbols(code)
	if err != nil {
		return err.Error()
	}
	reader, _, _ := strings.Cut(b.Event, ".")
	at := slices.IndexFunc(m.Readers, func(r Reader) bool { return r.Name == reader })
	if at < 0 {
		return fmt.Sprintf("there is no reader %q", reader)
	}
	for _, symbol := range symbols {
		read, misread := m.read(m.Readers[at], index, code, symbol.Symbology)
		switch {
		case misread != "":
			fault = misread
		case name != "" && read[name] != value.Text:
			fault = fmt.Sprintf("%s would be %q", name, read[name])
		default:
			c := m.describe(b, read)
			c.Code, c.Symbol, c.Symbology = code, symbol, string(symbol.Symbology)
			if value.Title == "" {
				value.Title = m.Program.Labels.Of(name, value.Text)
			}
			c.title(name, visible(value.Title))
			m.add(c, b, name)
			return ""
		}
	}
	return fault
}

// read returns the values that a binding reads from a code, where this reader reads it from
// such a symbol. misread says why the program would take it for something else than the
// binding means, with an AIM identifier in front or without.
func (m *maker) read(r Reader, index int, code string, kind sheet.Symbology) (values map[string]string, misread string) {
	for _, identifier := range []string{kind.AIM(), ""} {
		if identifier == "" && r.Identifies {
			continue
		}
		ev, err := r.Event([]byte(identifier + code))
		if err != nil {
			return nil, err.Error()
		}
		ev.ID = station.NewID()
		if m.Program.Bindings[index].Role != "" { // what it does once somebody may
			ev.Data = maps.Clone(ev.Data)
			if ev.Data == nil {
				ev.Data = make(map[string]string)
			}
			ev.Data[station.DataTechnician] = "…"
		}
		got, read := m.Program.Matching(ev)
		switch {
		case ev.Code != code:
			return nil, fmt.Sprintf("%s would read it as %q", r.Name, ev.Code)
		case got < 0:
			return nil, "no binding takes it"
		case got != index:
			return nil, fmt.Sprintf("[[on]] number %d takes it first", m.Program.Bindings[got].Number+1)
		}
		values = make(map[string]string, len(read)+1)
		maps.Copy(values, read)
		values["code"] = code
		_, _, note := m.unconfirmed(index).Answer(m.prepared(index, ev), ev)
		switch note.Kind {
		case station.NoteUnknown, station.NoteUnfit, station.NoteNumber, station.NoteAbove, station.NoteBelow, station.NoteNotAllowed:
			return nil, fmt.Sprintf("it is not taken: %s", note.Text)
		}
	}
	return values, ""
}

// unconfirmed is the program in which a binding is carried out without being confirmed.
func (m *maker) unconfirmed(index int) station.Program {
	p := m.Program
	p.Bindings = slices.Clone(p.Bindings)
	p.Bindings[index].Confirm = false
	return p
}

// prepared is a state in which everything is in hand that a binding needs.
func (m *maker) prepared(index int, ev station.Event) station.State {
	s := station.State{Values: make(map[string]station.Value)}
	for _, name := range m.Program.Bindings[index].Needs {
		s.Values[name] = station.Value{Text: "1", At: ev.At}
	}
	return s
}

// describe is what a binding does, on a card; read are the values of the card's code.
func (m *maker) describe(b station.Binding, read map[string]string) Card {
	reader, _, _ := strings.Cut(b.Event, ".")
	c := Card{Binding: b.Number + 1, Readers: []string{reader}, Does: m.does(b, read)}
	if len(b.Needs) > 0 {
		var needs []string
		for _, need := range b.Needs {
			needs = append(needs, m.called(need))
		}
		c.Needs = m.Words.Say("cards.needs", "what", strings.Join(needs, ", "))
	}
	if b.Role == station.Technician {
		c.Role = m.Words.Say("cards.role")
	}
	if seconds := int(station.ConfirmWithin / time.Second); b.Confirm && b.ConfirmBy == "" {
		c.Confirm = m.Words.Say("cards.confirm", "seconds", seconds)
	} else if b.Confirm {
		by, _, _ := strings.Cut(b.ConfirmBy, ".")
		c.Confirm = m.Words.Say("reason.confirm-by", "part", m.part(by), "seconds", seconds)
	}
	if slices.ContainsFunc(b.Do, func(do station.Do) bool { return do.Verb.Irreversible }) {
		c.Irreversible = m.Words.Say("cards.irreversible")
	}
	return c
}

// title gives a card its title: what people call the value that it was made of, or the first
// thing that it does. One that cannot be undone always has that in front: nobody takes the
// card that cancels an order for the one that chooses it.
func (c *Card) title(name, called string) {
	switch {
	case name == "":
		c.Title, c.Does = c.Does[0], c.Does[1:]
	case c.Irreversible != "":
		c.Title, c.Does = c.Does[0], slices.Concat([]string{called}, c.Does[1:])
	default:
		c.Title = called
	}
}

// called is what people call a value: by the label of the configuration, else by the word of
// the language, and by its name only where there is neither.
func (m *maker) called(name string) string {
	if label := m.Program.Labels.Value[name]; label != "" {
		return visible(label)
	}
	key := words.Key("value." + strings.NewReplacer(".", "-", " ", "-").Replace(name))
	if word, found := m.Words.Find(key); found {
		return word
	}
	return visible(name)
}

// part is what people call a button or a reader.
func (m *maker) part(name string) string {
	return visible(cmp.Or(m.Program.Labels.Part[name], name))
}

// longestShown is how many characters of a text from elsewhere stand on a card.
const longestShown = 200

// visible makes text from elsewhere fit to be read by a person; see station.Visible.
func visible(text string) string {
	return station.Visible(station.Cut(text, longestShown), "‹", "›")
}

// does says what a binding does, a line each.
func (m *maker) does(b station.Binding, read map[string]string) (lines []string) {
	say := func(key words.Key, values ...any) { lines = append(lines, m.Words.Say(key, values...)) }
	if b.Undo {
		say("cards.undo")
	}
	for _, do := range b.Do {
		text, known := m.Words.Find("verb." + words.Key(do.Verb.Name))
		if !known {
			text = do.Verb.Does
		}
		if about := m.about(do, read); about != "" {
			text += ": " + about
		}
		lines = append(lines, text)
	}
	for _, in := range slices.Sorted(maps.Keys(b.Set)) {
		text := visible(m.Program.Labels.Of(in, shown(b.Set[in], read)))
		switch {
		case in == station.User:
			say("cards.badge", "name", text)
		case text == "":
			say("cards.set", "what", m.called(in))
		default:
			say("cards.choose", "what", m.called(in), "value", text)
		}
	}
	for _, list := range slices.Sorted(maps.Keys(b.Append)) {
		say("cards.append", "what", m.called(list))
	}
	for _, counter := range slices.Sorted(maps.Keys(b.Count)) {
		amount := shown(b.Count[counter], read)
		if amount == "" {
			amount = "…"
		}
		say("cards.count", "what", m.called(counter), "amount", amount)
	}
	for range b.Send {
		say("cards.trigger")
	}
	if len(lines) == 0 || len(b.Do)+len(b.Set)+len(b.Append)+len(b.Count) == 0 {
		for _, gone := range b.Clear {
			say("cards.clear", "what", m.called(gone))
		}
	}
	if len(lines) == 0 {
		say("cards.nothing")
	}
	return lines
}

// about is what an action is about, as far as the binding says it: the type of a call, the
// value that was read.
func (m *maker) about(do station.Do, read map[string]string) string {
	for _, f := range do.Verb.Fields {
		t, said := do.With[f.Name]
		if !said {
			continue
		}
		if whole, is := t.Whole(); is && read[whole] != "" {
			return visible(m.Program.Labels.Of(f.Name, read[whole]))
		}
		tells := slices.Contains(do.Verb.Opens, f.Name) || slices.Contains(do.Verb.Lane, f.Name) || do.Verb.Ends != ""
		if text, constant := t.Constant(); constant && tells {
			return visible(m.Program.Labels.Of(f.Name, text))
		}
	}
	return ""
}

// shown is what a template says with the values that were read; "" where it depends on more.
func shown(t station.Template, read map[string]string) string {
	if text, constant := t.Constant(); constant {
		return text
	}
	if whole, is := t.Whole(); is {
		return read[whole]
	}
	return ""
}

// add puts a card into its group. The same card of another reader is the same card.
func (m *maker) add(c Card, b station.Binding, name string) {
	title := m.groupOf(b, name)
	at, there := m.groups[title]
	if !there {
		at = len(m.sheets.Groups)
		m.groups[title] = at
		m.sheets.Groups = append(m.sheets.Groups, Group{Title: title})
	}
	group := &m.sheets.Groups[at]
	for i := range group.Cards {
		have := &group.Cards[i]
		if have.Code == c.Code && have.Symbology == c.Symbology && have.Title == c.Title && slices.Equal(have.Does, c.Does) {
			if !slices.Contains(have.Readers, c.Readers[0]) {
				have.Readers = append(have.Readers, c.Readers[0])
			}
			have.Only = m.only(have.Readers)
			return
		}
	}
	c.Only = m.only(c.Readers)
	group.Cards = append(group.Cards, c)
	m.cards++
}

// only says which readers understand a card, where not all do.
func (m *maker) only(readers []string) string {
	if len(readers) >= len(m.Readers) {
		return ""
	}
	var all []string
	for _, reader := range readers {
		all = append(all, m.part(reader))
	}
	return m.Words.Say("cards.only", "readers", strings.Join(all, ", "))
}

// groupOf is the title of the group of a binding's cards.
func (m *maker) groupOf(b station.Binding, name string) string {
	if name == "" {
		return m.Words.Say("cards.commands")
	}
	if _, badge := b.Set[station.User]; badge {
		return m.Words.Say("cards.badges")
	}
	var does []string
	for _, do := range b.Do {
		text, known := m.Words.Find("verb." + words.Key(do.Verb.Name))
		if !known {
			text = do.Verb.Does
		}
		does = append(does, text)
	}
	for _, in := range slices.Sorted(maps.Keys(b.Set)) {
		does = append(does, m.Words.Say("cards.set", "what", m.called(in)))
	}
	if len(does) == 0 {
		return m.Words.Say("cards.others")
	}
	return strings.Join(slices.Compact(does), ", ")
}
