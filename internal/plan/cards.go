package plan

import (
	"stationd/internal/cards"
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

// Queries are those of each backend.
func Queries() map[string][]station.Query {
	all := make(map[string][]station.Query)
	for _, b := range Backends() {
		all[b.Name] = b.Queries
	}
	return all
}
