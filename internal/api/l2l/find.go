package l2l

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

const (
	// listLimit is how many rows are asked for at once.
	listLimit = 50
	// listPages is after how many requests a search gives up.
	listPages = 10
	// slack is how much older than the event a dispatch must be for the search to
	// be past it. It covers the hour that a site's clock repeats in autumn, clocks
	// that differ, and a time zone that was configured wrongly.
	slack = 26 * time.Hour
)

// A search is what looking for a delivery's mark came to: its id, or what makes
// the answer unclear, or neither, and then the dispatch is not there. Unless
// all reads were answered, rc is the receipt of the one that was not.
type search struct {
	id         string
	unclear    string
	rc         station.Receipt
	endedShown bool // the list is seen to hold dispatches that are not open any more
	openShown  bool // it holds open ones
	marksShown bool // one of any list carries a mark, whosesoever
}

// search looks for the mark among the dispatches of the machine and the type:
// among the open ones, where a call most often is; among all; and, since no text
// says that a list without a filter holds what is closed, among those that are
// not open. A dispatch that was added is never among the open ones. As long as an
// absence proves nothing, only the first of the lists is read.
func (b *Backend) search(ctx context.Context, d station.Delivery) (found search) {
	lists := []string{"T", ""}
	if d.Verb == dispatchAdd {
		lists = lists[1:]
	}
	var last, unclear search
	marked := false
	defer func() { found.marksShown = marked }()
	for _, open := range lists {
		last = b.searchList(ctx, d, open)
		marked = marked || last.marksShown
		if last.id != "" || last.rc.Outcome != station.Delivered || d.Settle > 0 {
			return last
		}
		if last.unclear != "" {
			unclear = last
		}
	}
	ended := b.searchList(ctx, d, "F")
	marked = marked || ended.marksShown
	switch {
	case ended.id != "" || ended.rc.Outcome != station.Delivered && ended.rc.Outcome != station.Refused:
		return ended
	case unclear.unclear != "":
		return unclear
	case ended.rc.Outcome == station.Refused || ended.openShown:
		// The filter means nothing here, so all rests on the list without one.
		if !last.endedShown && !ended.endedShown {
			return search{unclear: "L2L shows none that is over, so that this one may be over and not shown",
				rc: station.Receipt{Outcome: station.Delivered}}
		}
		return last
	}
	return ended
}

// searchList goes through one list, newest first, until the mark is found or the
// list provably holds no place where it could be: it is at its end, or at
// dispatches reported long before the event.
func (b *Backend) searchList(ctx context.Context, d station.Delivery, open string) search {
	r := listSearch{b: b, d: d}
	for range listPages {
		query := url.Values{
			"machinecode":      {d.With["machine"]},
			"dispatchtypecode": {d.With["type"]},
			"order_by":         {"-reported"},
			"limit":            {strconv.Itoa(listLimit)},
		}
		if open != "" {
			query.Set("open", open)
		}
		if len(r.rows) > 0 {
			query.Set("offset", strconv.Itoa(len(r.rows)))
		}
		page, rc := get[shownDispatch](ctx, b, pathDispatches, query)
		if rc.Outcome != station.Delivered {
			return search{rc: rc}
		}
		if s, done := r.page(page); done {
			s.rc = rc
			s.endedShown, s.openShown = r.shows(true), r.shows(false)
			s.marksShown = slices.ContainsFunc(r.rows, func(row Dispatch) bool { return station.AnyMarkIn(row.Description) })
			return s
		}
	}
	return search{unclear: fmt.Sprintf("there are more than %d since then", len(r.rows)),
		rc: station.Receipt{Outcome: station.Delivered}}
}

// A listSearch is a list of dispatches read so far.
type listSearch struct {
	b    *Backend
	d    station.Delivery
	rows []Dispatch
}

// page takes the next page in. done says that the search of this list is over.
//
// A page shorter than was asked for is not taken for the last: a site may give
// fewer at a time. The last page is an empty one.
func (r *listSearch) page(page api.Rows[shownDispatch]) (s search, done bool) {
	if !page.OK {
		return search{unclear: "the answer is not a list of dispatches"}, true
	}
	news := 0
	for _, shown := range page.List {
		row := r.b.dispatch(shown)
		if r.d.ID.MarkedIn(row.Description) {
			return r.found(row), true
		}
		if row.ID == "" || !r.known(row.ID) {
			news++
		}
		r.rows = append(r.rows, row)
	}
	if text := r.unmarkedTwin(); text != "" {
		return search{unclear: text}, true
	}
	switch text := r.notAsAsked(); {
	case len(page.List) == 0 || text != "" || r.pastEvent():
		return search{unclear: text}, true
	case news == 0:
		return search{unclear: "L2L gives the same page again and again"}, true
	}
	return search{}, false
}

// found judges a dispatch that carries the mark. The mark proves that the
// earlier attempt arrived; where somebody has moved the dispatch since or copied
// its text, a person says which dispatch the call is.
func (r *listSearch) found(row Dispatch) search {
	moved := row.Machine != "" && !same(row.Machine, r.d.With["machine"]) ||
		row.Type != "" && !same(row.Type, r.d.With["type"])
	switch {
	case row.ID == "":
		return search{unclear: "one carries this call's mark and has no id"}
	case moved:
		return search{unclear: fmt.Sprintf("dispatch %s carries this call's mark and now stands at machine %s with type %s", row.ID, row.Machine, row.Type)}
	}
	return search{id: row.ID}
}

// unmarkedTwin says that a dispatch was reported in the very second of the one that is looked
// for, and carries nobody's mark: it may be that one, at a site that changes texts. ""
// where there is none.
func (r *listSearch) unmarkedTwin() string {
	reported, _, err := r.b.times(r.d)
	if err != nil || reported.IsZero() {
		return ""
	}
	for _, row := range r.rows {
		if row.described && !station.AnyMarkIn(row.Description) && row.Reported.Equal(reported.Truncate(time.Second)) {
			return fmt.Sprintf("dispatch %s was reported in the same second, and its description carries no mark", row.ID)
		}
	}
	return ""
}

func (r *listSearch) known(id string) bool {
	for _, row := range r.rows {
		if row.ID == id {
			return true
		}
	}
	return false
}

// shows reports whether a row says that it is over, or that it is open.
func (r *listSearch) shows(over bool) bool {
	for _, row := range r.rows {
		if over && row.over() || !over && row.Open != nil && *row.Open {
			return true
		}
	}
	return false
}

// notAsAsked says why what has been read proves nothing about what has not been
// found: a filter that was ignored, or a text that is not shown.
//
// L2L knows a site by its number and by the id of its record, and its texts do
// not say which of the two a dispatch carries. Rows that agree on a value which
// is not the site's number are taken to carry the other one.
func (r *listSearch) notAsAsked() string {
	sites := map[string]bool{}
	for _, row := range r.rows {
		switch {
		case !same(row.Machine, r.d.With["machine"]) || !same(row.Type, r.d.With["type"]):
			return fmt.Sprintf("L2L shows dispatch %s of machine %q and type %q, which were not asked for", row.ID, row.Machine, row.Type)
		case !row.described:
			return fmt.Sprintf("L2L does not show the description of dispatch %s", row.ID)
		case row.Site != "":
			sites[row.Site] = true
		}
	}
	if len(sites) > 1 {
		return "L2L shows dispatches of other sites, which were not asked for"
	}
	return ""
}

// pastEvent reports whether the last row was reported so long before the one looked
// for that no later row can be that one. It takes the time that the dispatch was
// made with, and a list that is seen to be in order.
func (r *listSearch) pastEvent() bool {
	reported, _, err := r.b.times(r.d)
	if err != nil || reported.IsZero() || len(r.rows) == 0 {
		return false
	}
	for i, row := range r.rows {
		if row.Reported.IsZero() || i > 0 && row.Reported.After(r.rows[i-1].Reported.Add(time.Hour)) {
			return false // an hour, because a site's clock repeats one in autumn
		}
	}
	return r.rows[len(r.rows)-1].Reported.Before(reported.Add(-slack))
}
