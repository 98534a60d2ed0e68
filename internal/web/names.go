package web

import (
	"cmp"
	"strings"

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
	if word, found := b.texts.Find("part." + words.Key(name)); found {
		return word
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
	return visible(name)
}
