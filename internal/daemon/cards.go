package daemon

import (
	"context"
	"maps"
	"slices"

	"stationd/internal/cards"
	"stationd/internal/plan"
	"stationd/internal/poster"
	"stationd/internal/words"
)

// cards makes the cards of the program in force.
func (s *openStation) cards(language *words.Catalogue, lists cards.Lists) cards.Sheets {
	return cards.Make(s.plan.Cards(s.active.program(), language), lists)
}

// poster is the station for which the sheet of its lamps is drawn.
func (s *openStation) poster(language *words.Catalogue) poster.Station {
	return s.plan.Poster(s.active.program(), language)
}

// cardLists asks the vendors for the lists of which cards are made. unread are those that
// could not be read.
func (s *openStation) cardLists(ctx context.Context) (lists cards.Lists, unread []string) {
	lists, faults := cards.Offered(ctx, s.active.program(), nil, plan.Queries(), s.active.query)
	for vendor, err := range faults {
		s.log.Warn("the cards of a vendor are missing", "vendor", vendor, "error", err)
	}
	return lists, slices.Sorted(maps.Keys(faults))
}
