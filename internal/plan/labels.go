package plan

import (
	"maps"
	"slices"
	"strings"

	"stationd/internal/config"
	"stationd/internal/station"
)

// readLabels reads what people call things: label in the tables of the station and its
// parts, and the table [labels].
func (p *Plan) readLabels(f *config.File) station.Labels {
	l := station.Labels{Station: p.Station.Label, Part: make(map[string]string)}
	check := func(label string, at ...any) {
		if label != "" {
			f.Label(config.At(append(at, "label")...), label)
		}
	}
	check(p.Station.Label, "station")
	part := func(table string, i int, name, label string) {
		if label != "" {
			l.Part[name] = label
		}
		check(label, table, i)
	}
	for i, b := range p.Buttons {
		part("button", i, b.Name, b.Label)
	}
	for i, lamp := range p.Lamps {
		part("lamp", i, lamp.Name, lamp.Label)
	}
	for i, s := range p.Scanners {
		part("scanner", i, s.Name, s.Label)
	}
	table := f.Labels()
	l.Value, l.Type, l.Product = table.Value, table.Type, table.Product
	return l
}

// warnOfLabels warns of labels of what the station never shows.
func (p *Plan) warnOfLabels(f *config.File) {
	values, types := p.labelled()
	for _, name := range slices.Sorted(maps.Keys(p.Program.Labels.Value)) {
		// What a watch keeps, {l2l.order}, is there without a binding that sets it.
		if !values[name] && !strings.Contains(name, ".") {
			f.Warn(config.At("labels", "value", name), "nothing is called %q here: no binding takes it in hand or asks for it, so its label stands nowhere", name)
		}
	}
	if types == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(p.Program.Labels.Type)) {
		if !types[name] {
			f.Warn(config.At("labels", "type", name), "no binding opens a call of type %q, so its label stands nowhere", name)
		}
	}
}

// labelled lists the values that bindings take in hand, need or fill in, and the types of
// the calls that they open; types is nil where a type may be anything, as from a label.
func (p *Plan) labelled() (values, types map[string]bool) {
	values, types = make(map[string]bool), make(map[string]bool)
	anyType := false
	for _, b := range p.Program.Bindings {
		for _, names := range [][]string{slices.Collect(maps.Keys(b.Set)), slices.Collect(maps.Keys(b.Append)), slices.Collect(maps.Keys(b.Count)), b.Needs} {
			for _, name := range names {
				values[name] = true
			}
		}
		for _, do := range b.Do {
			for _, field := range do.Verb.Fields {
				values[field.Name] = true
			}
			if said, given := do.With["type"]; given {
				text, constant := said.Constant()
				types[text], anyType = true, anyType || !constant
			}
			types[p.Program.Vendors[do.Backend].Defaults["type"]] = true
		}
	}
	if anyType {
		return values, nil
	}
	return values, types
}
