package demo

import (
	"fmt"
	"strings"
	"time"
)

// A Part is what the GS1 symbol on a part holds.
type Part struct {
	Article    string
	Batch      string
	Serial     string
	BestBefore string // YYMMDD
}

// Symbol returns the part's symbol as a scanner sends it: a GS1 DataMatrix in which FNC1, sent
// as GS, ends the batch, whose length varies.
//
//	]d2 01 09506000134352 15 270331 10 B7 <GS> 21 0001
func (p Part) Symbol() string {
	var s strings.Builder
	s.WriteString("]d201" + p.Article)
	if p.BestBefore != "" {
		s.WriteString("15" + p.BestBefore)
	}
	s.WriteString("10" + p.Batch)
	if p.Serial != "" {
		s.WriteString("\x1d21" + p.Serial)
	}
	return s.String()
}

// The articles of the simulated plant.
const (
	Soup = "09506000134352"
	Stew = "09506000134369"
)

// effectText is the text of the Effect of a traced part.
func (p Part) effectText() string {
	day, err := time.Parse("060102", p.BestBefore)
	if err != nil {
		return fmt.Sprintf("%s %s/%s", articleName(p.Article), p.Batch, p.Serial)
	}
	return fmt.Sprintf("%s %s/%s, best by %s", articleName(p.Article), p.Batch, p.Serial, day.Format(time.DateOnly))
}

// articleName is the name of an article for people.
func articleName(article string) string {
	switch article {
	case Soup:
		return "soup"
	case Stew:
		return "stew"
	}
	return article
}
