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

// Locate implements api.Placing: a dispatch is at its machine, and an order at its line. What
// is named by anything but L2L's id is not looked for.
func (b *Backend) Locate(ctx context.Context, name string, with map[string]string, ref string) (api.Place, station.Receipt) {
	for _, field := range []string{"number", "externalid", "line_externalid"} {
		if with[field] != "" {
			return api.Place{}, station.Receipt{Outcome: station.Delivered}
		}
	}
	dispatch := ""
	switch name {
	case dispatchClose, dispatchComplete:
		dispatch = cmp.Or(with["dispatch"], ref)
	case askDispatch:
		dispatch = with["id"]
	default:
		rows, rc := get[shownOrder](ctx, b, "buildsequence/", url.Values{"id": {with["id"]}})
		for _, shown := range rows.List {
			if o := b.order(shown); o.ID == with["id"] {
				return api.Place{Line: o.Line}, rc
			}
		}
		return api.Place{}, rc
	}
	row, _, rc := b.dispatchOf(ctx, dispatch)
	if row.Machine != "" {
		row.Line = ""
	}
	return api.Place{Line: row.Line, Machine: row.Machine}, rc
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
