package l2l

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"slices"

	"stationd/internal/api"
	"stationd/internal/station"
)

// The paths that a watch reads.
const (
	pathDispatches = "dispatches/"
	pathCurrent    = "buildsequence/get_current_order_on_line/"
	pathProducts   = "productcomponents/"
)

// Fetch implements api.Fetcher: it reads records of the backend's own site. L2L acts by
// parameters that begin with an underscore.
func (b *Backend) Fetch(ctx context.Context, path string, query url.Values) ([]byte, station.Receipt) {
	watched := slices.Contains([]string{pathDispatches, pathCurrent, pathProducts}, path)
	for name := range query {
		watched = watched && parameterName().MatchString(name)
	}
	if !watched {
		return nil, api.NotWatched(path)
	}
	query = maps.Clone(query)
	query.Del("auth")
	query.Set("site", b.site)
	var answer envelope[idOnly]
	r := b.reading(path, query)
	r.Interpret = answer.says
	body, rc := b.client.Do(ctx, r)
	return body, api.Unread(rc)
}

// Locate implements api.Placing: a dispatch is at its machine, and an order at its line. What
// is named by anything but L2L's id is not looked for.
func (b *Backend) Locate(ctx context.Context, name string, with map[string]string, d *station.Delivery) (api.Place, station.Receipt) {
	for _, field := range []string{"number", "externalid", "line_externalid"} {
		if with[field] != "" {
			return api.Place{}, station.Receipt{Outcome: station.Delivered}
		}
	}
	dispatch := ""
	switch name {
	case dispatchClose, dispatchComplete:
		dispatch = cmp.Or(with["dispatch"], d.Ref)
	case askDispatch:
		dispatch = with["id"]
	default:
		return b.locateOrder(ctx, with["line"], orderMeant(name, with, d))
	}
	row, _, rc := b.dispatchOf(ctx, dispatch)
	if row.Machine != "" {
		row.Line = ""
	}
	return api.Place{Line: row.Line, Machine: row.Machine}, rc
}

// orderMeant is the id of the order that a verb or a question is for, where that does not depend
// on what the line runs: a step sends the one that was looked at before.
func orderMeant(name string, with map[string]string, d *station.Delivery) string {
	if d == nil || name == changeoverStart {
		return with["id"]
	}
	var before orderSeen
	if json.Unmarshal(d.Before, &before) == nil { // else nothing is sent
		return before.ID
	}
	return stepID(*d)
}

// locateOrder reads where an order is that was named by its id, or else is what runs on the line.
func (b *Backend) locateOrder(ctx context.Context, line, id string) (api.Place, station.Receipt) {
	if id == "" {
		return api.Place{Line: line}, station.Receipt{Outcome: station.Delivered}
	}
	rows, rc := get[shownOrder](ctx, b, "buildsequence/", url.Values{"id": {id}})
	for _, shown := range rows.List {
		if o := b.order(shown); o.ID == id && o.Line != "" {
			return api.Place{Line: o.Line}, rc
		}
	}
	if line == "" || rc.Outcome != station.Delivered && rc.Outcome != station.Refused {
		return api.Place{}, rc
	}
	o, rc := b.current(ctx, Line{Code: line})
	if rc.Outcome == station.Delivered && o.ID == id {
		return api.Place{Line: line}, rc
	}
	return api.Place{}, rc
}

// Withhold implements api.Placing. A watch looks for its dispatches in the list of the whole
// site, page by page, and must not take a page for the last because others' are left out.
func (b *Backend) Withhold(path string, query url.Values, body []byte, within func(api.Place) bool) (left []byte, ok bool) {
	query = maps.Clone(query)
	query.Del("site") // Fetch says it
	switch path {
	case pathCurrent:
		return body, len(query) == 1 && within(api.Place{Line: query.Get("linecode")})
	case pathProducts: // a product is no line's
		return body, len(query) == 1 && query.Has("id")
	case pathDispatches:
		return withholdDispatches(body, within)
	}
	return nil, false
}

// withholdDispatches leaves of dispatches elsewhere what says that they are there.
func withholdDispatches(body []byte, within func(api.Place) bool) (left []byte, ok bool) {
	type record = map[string]json.RawMessage
	var answer record
	var rows []record
	if json.Unmarshal(body, &answer) != nil {
		return nil, false
	}
	if json.Unmarshal(answer["data"], &rows) != nil {
		rows = []record{nil}
		if json.Unmarshal(answer["data"], &rows[0]) != nil {
			return nil, false
		}
	}
	for _, row := range rows {
		var machine, line api.Scalar
		_ = json.Unmarshal(row["machinecode"], &machine) // what is not told is at no place
		_ = json.Unmarshal(row["linecode"], &line)
		if !within(api.Place{Machine: machine.String()}) && !within(api.Place{Line: line.String()}) {
			maps.DeleteFunc(row, func(name string, _ json.RawMessage) bool {
				return !slices.Contains([]string{"id", "open", "completed", "closed"}, name)
			})
		}
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return nil, false
	}
	answer["data"] = text
	left, err = json.Marshal(answer)
	return left, err == nil
}
