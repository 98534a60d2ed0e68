package plan

import (
	"cmp"
	"strings"

	"stationd/internal/cards"
	"stationd/internal/poster"
	"stationd/internal/scanner"
	"stationd/internal/station"
	"stationd/internal/words"
)

// Cards is the station for which cards are made, with the program in force, in the language of
// a catalogue.
func (p *Plan) Cards(program station.Program, language *words.Catalogue) cards.Station {
	s := cards.Station{Program: program, Words: language}
	for _, config := range p.Scanners {
		s.Readers = append(s.Readers, cards.Reader{
			Name:       config.Name,
			Identifies: config.AIM == "required",
			Event:      func(raw []byte) (station.Event, error) { return scanner.Event(config, raw, station.Stamp{}) },
		})
	}
	return s
}

// Poster is the station for which the sheet of its lamps is drawn, with the program in force,
// in the language of a catalogue.
func (p *Plan) Poster(program station.Program, language *words.Catalogue) poster.Station {
	s := poster.Station{
		Name: cmp.Or(program.Labels.Station, p.Station.Name), Words: language,
		Lamps: program.DefaultLamp != "" || len(program.Lamp) > 0, Buzzers: len(p.Buzzers) > 0,
	}
	for _, stack := range p.Stacks {
		s.Red, s.Yellow, s.Green = s.Red || stack.Red != "", s.Yellow || stack.Yellow != "", s.Green || stack.Green != ""
	}
	for _, b := range p.Buttons {
		button := poster.Button{Name: cmp.Or(program.Labels.Part[b.Name], b.Name)}
		for _, on := range program.Bindings {
			source, kind, _ := strings.Cut(on.Event, ".")
			if source != b.Name || on.Ignore {
				continue
			}
			button.Does = append(button.Does, poster.Deed{Kind: kind, Does: cards.Does(p.Cards(program, language), on)})
			if verb, closes := closing(program, on); closes && kind == station.Press && program.Latch[source] {
				text, known := language.Find("verb." + words.Key(verb.Name))
				if !known {
					text = verb.Does
				}
				button.Does = append(button.Does, poster.Deed{Kind: poster.Again, Does: []string{text}})
			}
		}
		s.Buttons = append(s.Buttons, button)
	}
	return s
}

// closing returns the verb by which the second press of a button that latches closes the call
// that its binding opens.
func closing(program station.Program, b station.Binding) (station.Verb, bool) {
	for _, do := range b.Do {
		if len(do.Verb.Opens) == 0 {
			continue
		}
		for _, verb := range program.Vendors[do.Backend].Verbs {
			if verb.Ends != "" {
				return verb, true
			}
		}
	}
	return station.Verb{}, false
}

// Queries are those of each backend.
func Queries() map[string][]station.Query {
	all := make(map[string][]station.Query)
	for _, b := range Backends() {
		all[b.Name] = b.Queries
	}
	return all
}
