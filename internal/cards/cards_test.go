package cards

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stationd/internal/scanner"
	"stationd/internal/sheet"
	"stationd/internal/station"
	"stationd/internal/words"
)

// text is a template that must be one.
func text(t *testing.T, s string) station.Template {
	t.Helper()
	template, err := station.ParseTemplate(s)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// stationOf is a station with these bindings and one reader, hand, configured as reader says.
func stationOf(reader scanner.Config, bindings ...station.Binding) Station {
	if reader.Name == "" {
		reader.Name = "hand"
	}
	for i := range bindings {
		bindings[i].Number = i
	}
	return Station{
		Program: station.Program{Station: "pack4-1", Bindings: bindings},
		Words:   words.In("en"),
		Readers: []Reader{{Name: reader.Name, Identifies: reader.AIM == "required", Event: func(raw []byte) (station.Event, error) {
			return scanner.Event(reader, raw, station.Stamp{})
		}}},
	}
}

// sets is a binding that takes what a group of the pattern read in hand, by the same name.
func sets(t *testing.T, pattern string) station.Binding {
	t.Helper()
	b := station.Binding{Event: "hand.scan", Match: regexp.MustCompile(pattern), Set: make(map[string]station.Template)}
	for _, name := range b.Match.SubexpNames() {
		if name != "" {
			b.Set[name] = text(t, "{"+name+"}")
		}
	}
	if len(b.Set) == 0 {
		b.Set["chosen"] = text(t, "{code}")
	}
	return b
}

// made are the cards as "code by symbology: title", and what none is made of.
func made(s Sheets) (cards, left []string) {
	for _, g := range s.Groups {
		for _, c := range g.Cards {
			cards = append(cards, fmt.Sprintf("%s by %s: %s", c.Code, c.Symbology, c.Title))
		}
	}
	for _, l := range s.Left {
		left = append(left, strings.Trim(fmt.Sprintf("%d %s: %s", l.Binding, l.Code, l.Why), " "))
	}
	return cards, left
}

func TestACardIsOnlyMadeOfACodeThatIsTakenAsItSays(t *testing.T) {
	t.Parallel()
	part := station.Binding{Event: "hand.scan", Carry: []string{"di.P"}, Set: map[string]station.Template{"part": text(t, "{di.P}")}}
	amount := station.Binding{Event: "hand.scan", Match: regexp.MustCompile(`^N(?P<n>.+)$`), Count: map[string]station.Template{"made": text(t, "{n}")}}
	for _, c := range []struct {
		name     string
		reader   scanner.Config
		bindings []station.Binding
		lists    Lists
		cards    []string
		left     []string
	}{
		{
			name:     "each value of a list that fits has a card",
			bindings: []station.Binding{sets(t, `^PO(?P<order>\d+)$`)},
			lists:    Lists{"order": {{"4711", "Soup, morning"}, {"47x", ""}}},
			cards:    []string{"PO4711 by Code 128: Soup, morning"},
			left:     []string{"1 PO47x: no binding takes it"},
		},
		{
			name:     "a binding that stands before takes it",
			bindings: []station.Binding{sets(t, `^U`), sets(t, `^U-(?P<user>\w+)$`)},
			lists:    Lists{"user": {{"EVA", "Eva"}}},
			cards:    []string{"U by Code 128: Choose chosen: U"},
			left:     []string{"2 U-EVA: [[on]] number 1 takes it first"},
		},
		{
			name:     "bars that would be read as a data identifier become an area",
			reader:   scanner.Config{AIM: "required"},
			bindings: []station.Binding{part, sets(t, `^PC-(?P<product>.+)$`)},
			lists:    Lists{"product": {{"COOKIE", ""}}},
			cards:    []string{"PC-COOKIE by Data Matrix: COOKIE"},
			left:     []string{"1 : it takes labels of goods, or more codes than can be listed"},
		},
		{
			name:     "a reader that takes something off does not read the code",
			reader:   scanner.Config{Strip: scanner.Strip{Prefix: "U"}},
			bindings: []station.Binding{sets(t, `^(?P<user>U.*)$`)},
			lists:    Lists{"user": {{"ULLA", ""}}},
			left:     []string{`1 ULLA: hand would read it as "LLA"`},
		},
		{
			name:     "what would be refused has no card",
			bindings: []station.Binding{amount},
			lists:    Lists{"n": {{"12", ""}, {"many", ""}}},
			cards:    []string{"N12 by Code 128: 12"},
			left:     []string{"1 Nmany: it is not taken: many"},
		},
		{
			name:     "letters beyond ASCII are a QR Code, and a long code an area",
			bindings: []station.Binding{sets(t, `^U-(?P<user>.+)$`)},
			lists:    Lists{"user": {{"Łukasz", ""}, {"SOMEBODY WITH A LONG NAME", ""}}},
			cards:    []string{"U-Łukasz by QR Code: Łukasz", "U-SOMEBODY WITH A LONG NAME by Data Matrix: SOMEBODY WITH A LONG NAME"},
		},
		{
			name:     "what cannot be drawn is said",
			bindings: []station.Binding{sets(t, `^U-(?P<user>[^z]+)$`)},
			lists:    Lists{"user": {{strings.Repeat("x", 2000), ""}, {"A\tB", ""}}},
			left:     []string{"1 U-" + strings.Repeat("x", 2000) + ": 2002 characters are too many for a card", `1 U-A	B: "U-A\tB" has a control character`},
		},
		{
			name:     "a list that is not there is asked for, and two values in a code are no list",
			bindings: []station.Binding{sets(t, `^U-(?P<user>\w+)$`), sets(t, `^(?P<order>\d+)/(?P<article>\d+)$`)},
			left:     []string{"1 : it needs a list of user", "2 : its code has several values in one: order, article"},
		},
		{
			name:     "one card for two spellings of the same, and one for each of two that differ",
			bindings: []station.Binding{{Event: "hand.scan", Match: regexp.MustCompile(`^(UNDO|ZURÜCK)$`), Undo: true}, sets(t, `^SHIFT (?P<shift>A|B)$`)},
			cards:    []string{"UNDO by Code 128: Undo the last scan", "SHIFT A by Code 128: Choose shift: A", "SHIFT B by Code 128: Choose shift: B"},
		},
		{
			name:     "what is ignored, and what is no scan, has none",
			bindings: []station.Binding{{Event: "hand.scan", Match: regexp.MustCompile(`^NOREAD$`), Ignore: true}, {Event: "help.press"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cards, left := made(Make(stationOf(c.reader, c.bindings...), c.lists))
			if !slices.Equal(cards, c.cards) {
				t.Errorf("cards %q, want %q", cards, c.cards)
			}
			if !slices.Equal(left, c.left) {
				t.Errorf("no card of %q, want %q", left, c.left)
			}
		})
	}
}

func TestACardThatNotEveryReaderUnderstandsSaysWhich(t *testing.T) {
	t.Parallel()
	both := sets(t, `^PO(?P<order>\d+)$`)
	other := both
	other.Event = "fixed.scan"
	s := stationOf(scanner.Config{}, both, other, sets(t, `^END$`))
	s.Readers = append(s.Readers, stationOf(scanner.Config{Name: "fixed"}).Readers...)
	only := make(map[string]string)
	for _, g := range Make(s, Lists{"order": {{Text: "4711"}}}).Groups {
		for _, c := range g.Cards {
			if _, twice := only[c.Code]; twice {
				t.Errorf("%s has two cards that say the same", c.Code)
			}
			only[c.Code] = c.Only
		}
	}
	if only["PO4711"] != "" || only["END"] != "Only with reader: hand" {
		t.Errorf("said of the readers: %q", only)
	}
}

func TestACardSaysWhatPeopleCallThingsAndWhatItTakes(t *testing.T) {
	t.Parallel()
	finish := station.Binding{
		Event: "hand.scan", Match: regexp.MustCompile(`^FINISH$`), Needs: []string{"order", "parts"}, Confirm: true,
		Do: []station.Do{{Backend: "store", Verb: station.Verb{Name: "order.finish", Irreversible: true, Fields: []station.Field{{Name: "order"}}}, With: map[string]station.Template{"order": text(t, "{order}")}}},
	}
	call := station.Binding{
		Event: "hand.scan", Match: regexp.MustCompile(`^CALL$`), Confirm: true, ConfirmBy: "go.press",
		Do: []station.Do{{Backend: "l2l", Verb: station.Verb{Name: "dispatch.open", Opens: []string{"machine", "type"}, Fields: []station.Field{{Name: "type"}, {Name: "machine"}}}, With: map[string]station.Template{"type": text(t, "MAINT")}}},
	}
	cancel := station.Binding{
		Event: "hand.scan", Match: regexp.MustCompile(`^CANCEL (?P<order>\d+)$`),
		Do: []station.Do{{Backend: "store", Verb: station.Verb{Name: "order.cancel", Irreversible: true, Fields: []station.Field{{Name: "order"}}}, With: map[string]station.Template{"order": text(t, "{order}")}}},
	}
	cancel.Role = station.Technician
	s := stationOf(scanner.Config{}, finish, call, cancel)
	s.Program.Labels = station.Labels{Part: map[string]string{"go": "the green button"}, Value: map[string]string{"parts": "the bag of screws"}, Type: map[string]string{"MAINT": "Fitter"}}
	var said []string
	for _, g := range Make(s, Lists{"order": {{"4711", "Soup, morning"}}}).Groups {
		for _, c := range g.Cards {
			said = append(said, strings.Join(slices.Concat([]string{c.Title}, c.Does, []string{c.Role, c.Needs, c.Confirm, c.Irreversible}), " / "))
		}
	}
	want := []string{
		"Finish production order /  / Scan first: order, the bag of screws / Scan it twice within 10 seconds / Cannot be undone once it is sent",
		"Open dispatch: Fitter /  /  / Confirm within 10 seconds: the green button / ",
		"Cancel production order: 4711 / Soup, morning / Show a technician's badge first /  /  / Cannot be undone once it is sent",
	}
	if !slices.Equal(said, want) {
		t.Errorf("the cards say %q, want %q", said, want)
	}
}

func TestWhatAPatternTakesIsListed(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		`^UNDO$`:                       "UNDO",
		`UNDO`:                         "UNDO",
		`^(?:UNDO|BACK)$`:              "UNDO, BACK",
		`^UNDO!?\s*$`:                  "UNDO, UNDO!",
		`^(?i)undo$`:                   "UNDO",
		`^[AB]1$`:                      "A1, B1",
		`^PO(?P<order>\d+)$`:           "PO{order}",
		`^PO(?P<order>\d+)(-.*)?$`:     "PO{order}, PO{order}-",
		`^C-(?P<type>MAINT|QUAL)$`:     "C-MAINT, C-QUAL",
		`^\d{6}$`:                      "more",
		`^.+$`:                         "more",
		`^(?P<a>[A-Z]+)-(?P<b>[0-9])$`: "{a}-0, {a}-1, {a}-2, {a}-3, {a}-4, {a}-5, {a}-6, {a}-7, {a}-8, {a}-9",
	} {
		codes, ok := codesOf(pattern)
		var all []string
		for _, code := range codes {
			line := ""
			for _, p := range code {
				if line += p.text; p.text == "" {
					line += "{" + p.name + "}"
				}
			}
			all = append(all, line)
		}
		got := strings.Join(all, ", ")
		if !ok {
			got = "more"
		}
		if got != want {
			t.Errorf("%s takes %q, want %q", pattern, got, want)
		}
	}
}

func TestListsAreReadFromVendorsOnlyWhereTheyAreNotGiven(t *testing.T) {
	t.Parallel()
	finish := station.Binding{Event: "help.press", Do: []station.Do{{Backend: "store", With: map[string]station.Template{"order": text(t, "{order}")}}}}
	p := station.Program{
		Bindings: []station.Binding{sets(t, `^PO(?P<order>\d+)$`), sets(t, `^U-(?P<user>.+)$`), finish},
		Vendors:  map[string]station.Vendor{"store": {Title: "Store"}},
	}
	queries := map[string][]station.Query{"store": {{Name: "orders", Offers: []station.Offer{{Field: "order", With: map[string]string{"state": "open"}, Value: 0, Title: []int{1, 2}}}}}}
	asked := 0
	ask := func(_ context.Context, backend, query string, with map[string]string) (station.Answer, error) {
		asked++
		if backend != "store" || query != "orders" || with["state"] != "open" {
			t.Errorf("asked %s %s %v", backend, query, with)
		}
		return station.Answer{Rows: [][]string{{"1", "A", "Soup"}, {"1", "A", "Soup"}, {"", "B", ""}, {"2", "", ""}}}, nil
	}
	lists, faults := Offered(t.Context(), p, Lists{"user": {{Text: "EVA"}}}, queries, ask)
	if got := fmt.Sprint(lists["order"], lists["user"], faults, asked); got != "[{1 A · Soup} {2 }] [{EVA }] map[] 1" {
		t.Errorf("read %s", got)
	}
	if _, faults := Offered(t.Context(), p, Lists{"order": {{Text: "7"}}}, queries, ask); asked != 1 || len(faults) > 0 {
		t.Errorf("a list that was given is asked for all the same: %v", faults)
	}
	broken := func(context.Context, string, string, map[string]string) (station.Answer, error) {
		return station.Answer{}, errors.New("no answer came")
	}
	if _, faults := Offered(t.Context(), p, nil, queries, broken); fmt.Sprint(faults) != "map[Store:no answer came]" {
		t.Errorf("a vendor that does not answer: %q", faults)
	}
}

func TestAFileOfValuesIsReadAsPeopleWriteIt(t *testing.T) {
	t.Parallel()
	got := ReadList("\ufeffEVA;Eva Lindqvist\r\n\r\n# night shift\nOLLE\t Olle\n  ŁUKASZ  \n")
	if want := "[{EVA Eva Lindqvist} {OLLE Olle} {ŁUKASZ }]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestCardsFillPagesAndEachPageHasItsHeading(t *testing.T) {
	t.Parallel()
	var people []Value
	for i := range 23 {
		people = append(people, Value{Text: fmt.Sprintf("P%d", i)})
	}
	s := stationOf(scanner.Config{}, sets(t, `^U-(?P<user>\w+)$`))
	heading := Heading{Station: "pack4-1", Date: "2026-03-13", Words: s.Words}
	if pages := Draw(heading, Make(s, Lists{"user": people})); len(pages) != 3 {
		t.Errorf("23 cards are on %d pages, want 3", len(pages))
	}
	var b strings.Builder
	pages := Draw(heading, Make(s, nil))
	if err := sheet.WritePDF(&b, sheet.Document{Title: "none", Language: "en"}, pages); err != nil || len(pages) != 1 {
		t.Errorf("a station without cards has %d pages: %v", len(pages), err)
	}
}

func TestEachPageSaysThatCardsAreMissing(t *testing.T) {
	t.Parallel()
	people := make([]Value, 23)
	for i := range people {
		people[i].Text = fmt.Sprintf("P%d", i)
	}
	s := stationOf(scanner.Config{}, sets(t, `^U-(?P<user>\w+)$`))
	whole := Heading{Station: "pack4-1", Date: "2026-03-13", Words: s.Words}
	lacking := whole
	lacking.Unread = []string{"Lagerkoll"}
	made := Make(s, Lists{"user": people})
	lacks := Draw(lacking, made)
	for i, page := range Draw(whole, made) {
		if reflect.DeepEqual(page, lacks[i]) {
			t.Errorf("page %d does not say so", i+1)
		}
	}
}
