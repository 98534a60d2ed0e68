package setup

import (
	"slices"

	"stationd/internal/station"
)

// A countDraft is an event that counts one piece.
type countDraft struct{ Event, Name string }

// What is counted, by the names of the counters.
const (
	made  = "made"
	scrap = "scrap"
)

// lineProduct is what the line runs, as the watch of L2L last saw it.
const lineProduct = "{l2l.product}"

// countBindings returns what counts, and what tells L2L of it.
func (m *moreDraft) countBindings() (all []bindingDraft) {
	for _, c := range m.Counts {
		all = append(all, bindingDraft{events: []string{c.Event}, count: inline(keyValue{c.Name, "1"}), about: c.Event + ": counts " + c.Name})
	}
	if len(m.Counts) == 0 {
		return nil
	}
	counts := func(name string) bool {
		return slices.ContainsFunc(m.Counts, func(c countDraft) bool { return c.Name == name })
	}
	tell := bindingDraft{events: []string{station.FromStation + "." + station.Minute}, about: "station.minute: tells L2L what was counted",
		comment: "What was counted is told once a minute, and before the product changes.",
		do:      texts("l2l", "production.record", "product", m.Product)}
	for _, c := range []struct{ name, field string }{{made, "actual"}, {scrap, "scrap"}} {
		switch {
		case counts(c.name):
			tell.clear = append(tell.clear, c.name)
			tell.do = append(tell.do, texts(c.field, "{"+c.name+"|0}")...)
		case c.name == made:
			tell.do = append(tell.do, texts(c.field, "0")...)
		}
	}
	tell.do = append(tell.do, texts("start", "{since}", "end", "{now}")...)
	return append(all, tell)
}

// freeEvents returns the presses, double presses and holds of buttons that nothing answers,
// presses first.
func (s *setup) freeEvents() (events []string) {
	var used []string
	for _, on := range s.bindings() {
		used = append(used, on.events...)
		if on.Confirm != "" {
			used = append(used, on.Confirm)
		}
	}
	for _, kind := range []string{station.Press, station.Double, station.Hold} {
		for _, b := range s.Buttons {
			if event := b.Name + "." + kind; !slices.Contains(used, event) && (kind == station.Press || !b.Latch) {
				events = append(events, event)
			}
		}
	}
	return events
}

// askCount asks for a button that counts pieces.
func (s *setup) askCount() error {
	free := s.freeEvents()
	if len(free) == 0 {
		s.say("Each press, double press and hold has something to do already.")
		return nil
	}
	picked, err := s.choose("What counts one piece?", free...)
	if err != nil {
		return err
	}
	c := countDraft{Event: free[picked]}
	if picked, err = s.choose("What is counted?", "a good piece", "a piece of scrap"); err != nil {
		return err
	}
	c.Name = []string{made, scrap}[picked]
	product := s.More.Product
	change := func(d *draft) { d.More.Counts, d.More.Product = append(d.More.Counts, c), product }
	if product == "" {
		if picked, err = s.choose("Which product are they?", "the one that the line runs, as L2L says", "always the same"); err != nil {
			return err
		}
		product = lineProduct
		if picked == 1 {
			product, err = s.askChecked("The product's code in L2L", "", func(d *draft, answer string) error {
				product = answer
				change(d)
				return notEmpty(answer)
			})
			if err != nil {
				return err
			}
		}
	}
	if s.keep(change) {
		s.say("%s counts a piece, and L2L is told each minute.", c.Event)
	}
	return nil
}
