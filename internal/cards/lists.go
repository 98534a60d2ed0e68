package cards

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"stationd/internal/station"
)

// A Value is one of a list: what a code holds, and what people call it.
type Value struct {
	Text  string
	Title string // empty: they call it by Text
}

// Lists are the values of which cards are made, by the name that a binding gives them: the
// people of user, the orders of order.
type Lists map[string][]Value

// Limits of what is read of a vendor and of a file.
const (
	mostOffered = 100  // of one list of a vendor's
	mostListed  = 1000 // of one name
	mostCards   = 2000 // of a station
)

// Ceilings lists how many cards are made of how much.
func Ceilings() []station.Ceiling {
	return []station.Ceiling{
		{Of: "cards to scan, of a station", Most: strconv.Itoa(mostCards), Then: "the command says of which codes there is none"},
		{Of: "cards of one list", Most: strconv.Itoa(mostListed), Then: "the rest of the list has none"},
		{Of: "values that are read of a vendor for cards", Most: strconv.Itoa(mostOffered), Then: "the rest has none"},
	}
}

// ReadList reads the text of a file of values: one a line, and behind a semicolon or a tab
// what people call it. Empty lines and those that begin with # say nothing.
//
//	EVA;Eva Lindqvist
//	OLLE;Olle Nowak
func ReadList(text string) (all []Value) {
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		value, title := line, ""
		if at := strings.IndexAny(line, ";\t"); at >= 0 {
			value, title = line[:at], line[at+1:]
		}
		all = append(all, Value{strings.TrimSpace(value), strings.TrimSpace(title)})
	}
	return all
}

// A want is a value that bindings read from codes, and the vendors' fields that it goes to.
type want struct {
	name    string
	targets []target
}

type target struct{ backend, field string }

// wants lists the values of which cards could be made: those that a code of a binding stands
// for.
func wants(p station.Program) (all []want) {
	for _, b := range p.Bindings {
		codes, listed := codesOfBinding(b)
		if !listed {
			continue
		}
		for _, code := range codes {
			for _, name := range names(code) {
				if slices.ContainsFunc(all, func(w want) bool { return w.name == name }) {
					continue
				}
				all = append(all, want{name, targetsOf(p, b, name)})
			}
		}
	}
	return all
}

// targetsOf lists the vendors' fields that a value goes to: those of the binding that reads
// it, and those of every binding once it is in hand.
func targetsOf(p station.Program, b station.Binding, name string) (all []target) {
	add := func(b station.Binding, name string) {
		for _, do := range b.Do {
			for _, field := range slices.Sorted(maps.Keys(do.With)) {
				if whole, is := do.With[field].Whole(); is && whole == name {
					all = append(all, target{do.Backend, field})
				}
			}
		}
	}
	add(b, name)
	for _, inHand := range slices.Sorted(maps.Keys(b.Set)) {
		if whole, is := b.Set[inHand].Whole(); !is || whole != name {
			continue
		}
		for _, other := range p.Bindings {
			add(other, inHand)
		}
	}
	return slices.Compact(all)
}

// An Ask puts one of a vendor's queries.
type Ask func(ctx context.Context, backend, query string, with map[string]string) (station.Answer, error)

// Offered reads from the vendors the values that bindings read from codes, as far as a vendor
// lists them: the orders that are in progress, the products that are planned. They are added
// to the lists that are given; no vendor is asked for one of these. queries are those of each
// backend. unread says by the titles of vendors why what they have could not be read; the rest is
// there all the same.
func Offered(ctx context.Context, p station.Program, given Lists, queries map[string][]station.Query, ask Ask) (lists Lists, unread map[string]error) {
	lists, unread = make(Lists), make(map[string]error)
	maps.Copy(lists, given)
	for _, w := range wants(p) {
		for _, t := range w.targets {
			for _, q := range queries[t.backend] {
				for _, o := range q.Offers {
					if o.Field != t.field || len(lists[w.name]) > 0 {
						continue
					}
					values, err := read(ctx, p, q, o, t.backend, ask)
					if err != nil {
						unread[p.Vendors[t.backend].Title] = err
						continue
					}
					lists[w.name] = values
				}
			}
		}
	}
	return lists, unread
}

// read asks for one list. Fields of the query that the configuration has a default for are
// filled in.
func read(ctx context.Context, p station.Program, q station.Query, o station.Offer, backend string, ask Ask) ([]Value, error) {
	with := maps.Clone(o.With)
	if with == nil {
		with = make(map[string]string)
	}
	for _, f := range q.Fields {
		if value := p.Vendors[backend].Defaults[f.Name]; value != "" && with[f.Name] == "" {
			with[f.Name] = value
		}
		if f.Name == "limit" && with["limit"] == "" {
			with["limit"] = fmt.Sprint(mostOffered)
		}
	}
	a, err := ask(ctx, backend, q.Name, with)
	if err != nil {
		return nil, err
	}
	var all []Value
	for _, row := range a.Rows {
		if o.Value >= len(row) || row[o.Value] == "" {
			continue
		}
		v := Value{Text: row[o.Value]}
		var title []string
		for _, column := range o.Title {
			if column < len(row) && row[column] != "" {
				title = append(title, row[column])
			}
		}
		v.Title = strings.Join(title, " · ")
		if !slices.ContainsFunc(all, func(have Value) bool { return have.Text == v.Text }) {
			all = append(all, v)
		}
	}
	return all[:min(len(all), mostOffered)], nil
}
