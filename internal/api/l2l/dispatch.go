package l2l

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

const (
	dispatchOpen  = "dispatch.open"
	dispatchClose = "dispatch.close"

	// siteTime is how L2L takes and gives times: the site's wall clock, no zone.
	siteTime = "2006-01-02 15:04:05"
)

// openWire are L2L's names for the fields of dispatch.open.
func openWire() [][2]string {
	return [][2]string{
		{"type", "dispatchtypecode"},
		{"machine", "machinecode"},
		{"trade", "tradecode"},
		{"user", "user"},
		{"reason", "reason_id"},
		{"trade_required", "trade_required"},
		{"assigned_users", "assigned_users"},
		{"document_externalid", "document_externalid"},
		{"last_part_run", "last_part_run"},
		{"material_quarantined", "material_quarantined"},
	}
}

func openVerb() station.Verb {
	return station.Verb{
		Name: dispatchOpen,
		Fields: []station.Field{
			{Name: "type", Required: true, Means: "dispatch type code: MAINT"},
			{Name: "machine", Required: true, Means: "machine code: SEAL-1"},
			{Name: "description", Required: true, Means: "what the technicians read"},
			{Name: "trade", Required: true, Means: "trade code: MECH"},
			{Name: "user", Means: "L2L user name of who opens it"},
			{Name: "reason", Type: station.Integer, Means: "id of the dispatch reason"},
			{Name: "trade_required", Type: station.Truth, Means: "true: an unknown trade is refused; else L2L takes the default trade"},
			{Name: "assigned_users", Means: "L2L user names to call, with commas between"},
			{Name: "document_externalid", Means: "external id of the document to show"},
			{Name: "last_part_run", Means: "the last part that was run"},
			{Name: "material_quarantined", Means: "Y or N"},
		},
		Lane:  []string{"machine"},
		Opens: []string{"machine", "type"},
	}
}

// closeVerb has no Lane of its own: a close belongs into the lane of the call
// that it ends, whatever machine that stands at. Its machine and type are for
// the binding, which says with them which of its calls it closes; L2L is told
// the dispatch alone.
func closeVerb() station.Verb {
	return station.Verb{
		Name: dispatchClose,
		Fields: []station.Field{
			{Name: "dispatch", Type: station.Integer, Means: "id of the dispatch (not its number); without it the one that this call opened"},
			{Name: "machine", Means: "closes only calls at this machine: SEAL-1"},
			{Name: "type", Means: "closes only calls of this dispatch type: MAINT"},
		},
		Ends: "dispatch",
	}
}

// openDispatch opens a dispatch; in doubt it first looks for the mark of the
// earlier attempt.
func (b *Backend) openDispatch(ctx context.Context, d station.Delivery) station.Receipt {
	if d.Doubtful {
		if rc, settled := b.lookForMark(ctx, d); settled {
			return rc
		}
	}
	envelope, rc := b.post(ctx, "dispatches/open/", b.openForm(d))
	if rc.Outcome != station.Delivered {
		return rc
	}
	if list, ok := envelope.List("data"); ok && len(list) == 1 {
		if id, ok := list[0].ID("id"); ok {
			rc.Ref = id
			return rc
		}
	}
	return b.nameOfOpened(ctx, d)
}

// nameOfOpened finds the id of a dispatch that L2L says it opened, without
// saying which.
func (b *Backend) nameOfOpened(ctx context.Context, d station.Delivery) station.Receipt {
	if s := b.search(ctx, d); s.id != "" {
		return station.Receipt{Outcome: station.Delivered, Ref: s.id}
	}
	return station.Receipt{Outcome: station.Doubtful,
		Err: errors.New("L2L says that the dispatch is open but not which one, and it is not found by its mark yet")}
}

// lookForMark settles what an earlier attempt came to. It is not settled when
// the dispatch is certainly not there and may be opened.
func (b *Backend) lookForMark(ctx context.Context, d station.Delivery) (rc station.Receipt, settled bool) {
	s := b.search(ctx, d)
	switch {
	case s.id != "":
		return station.Receipt{Outcome: station.Delivered, Ref: s.id}, true
	case s.rc.Outcome != station.Delivered:
		return api.UnreadInDoubt(s.rc), true
	case s.unclear != "":
		return api.Undecided("the dispatches of machine %s, type %s: %s", d.With["machine"], d.With["type"], s.unclear), true
	case d.Settle > 0:
		return api.TooEarly(d), true
	}
	return station.Receipt{}, false
}

// openForm is the form of dispatches/open/. `reported` is sent only when the
// time is certain; otherwise L2L takes its own, and the text says the estimate.
func (b *Backend) openForm(d station.Delivery) url.Values {
	form := url.Values{"site": {b.site}}
	for _, w := range openWire() {
		put(form, w[1], d, w[0])
	}
	description := d.ID.Mark() + " " + d.With["description"]
	switch {
	case d.Sure && !d.When.IsZero():
		form.Set("reported", d.When.In(b.zone).Format(siteTime))
	case !d.When.IsZero():
		description += " (about " + d.When.In(b.zone).Format("2006-01-02 15:04") + ")"
	}
	form.Set("description", description)
	return form
}

// closeDispatch closes a dispatch. In doubt it does so again: closing what is
// closed changes nothing, and L2L says that it is.
func (b *Backend) closeDispatch(ctx context.Context, d station.Delivery) station.Receipt {
	id := d.With["dispatch"]
	if id == "" {
		id = d.Ref
	}
	if id == "" {
		return api.Refusef("nothing says which dispatch to close: neither the field dispatch nor an open that it belongs to")
	}
	if n, err := strconv.ParseUint(id, 10, 63); err != nil || n == 0 {
		return api.Refusef("%q is not the id of a dispatch: a whole number is wanted", id)
	}
	_, rc := b.post(ctx, "dispatches/close/"+id+"/", url.Values{})
	if no, ok := errors.AsType[*api.Refusal](rc.Err); ok && alreadyClosed(no.Text) {
		return station.Receipt{Outcome: station.Delivered, Ref: id, Note: "already closed"}
	}
	if rc.Outcome == station.Delivered {
		rc.Ref = id
	}
	return rc
}

// alreadyClosed knows L2L's words for a close that has been done before:
//
//	Dispatch already closed
func alreadyClosed(text string) bool {
	return strings.Contains(strings.ToLower(text), "already closed")
}

const (
	// listLimit is how many dispatches are asked for at once.
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
	id      string
	unclear string
	rc      station.Receipt
}

// search looks for the mark among the dispatches of the machine and the type,
// first among the open ones and then, in case it has been closed, among all.
func (b *Backend) search(ctx context.Context, d station.Delivery) search {
	var unclear search
	for _, open := range []string{"T", ""} {
		s := b.searchList(ctx, d, open)
		if s.id != "" || s.rc.Outcome != station.Delivered {
			return s
		}
		if s.unclear != "" {
			unclear = s
		}
	}
	if unclear.unclear != "" {
		return unclear
	}
	return search{rc: station.Receipt{Outcome: station.Delivered}}
}

// searchList goes through one list, newest first, until the mark is found or the
// list provably holds no place where it could be: it is at its end, or at
// dispatches reported long before the event.
func (b *Backend) searchList(ctx context.Context, d station.Delivery, open string) search {
	r := reading{b: b, d: d}
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
		envelope, rc := b.get(ctx, "dispatches/", query)
		if rc.Outcome != station.Delivered {
			return search{rc: rc}
		}
		if s, done := r.page(envelope); done {
			s.rc = rc
			return s
		}
	}
	return search{unclear: fmt.Sprintf("there are more than %d since then", len(r.rows)),
		rc: station.Receipt{Outcome: station.Delivered}}
}

// A dispatch is one row of a list, as far as it could be read.
type dispatch struct {
	id, site, machine, kind string
	description             string
	described               bool
	reported                time.Time // zero: unreadable
}

// A reading is a list of dispatches read so far.
type reading struct {
	b    *Backend
	d    station.Delivery
	rows []dispatch
}

// page takes the next page in. done says that the search of this list is over.
//
// A page shorter than was asked for is not taken for the last: a site may give
// fewer at a time. The last page is an empty one.
func (r *reading) page(envelope api.Object) (s search, done bool) {
	if _, there := envelope["data"]; !there {
		return search{unclear: "the answer holds no list"}, true
	}
	list, ok := envelope.List("data")
	if !ok {
		return search{unclear: "the answer is not a list of dispatches"}, true
	}
	news := 0
	for _, o := range list {
		row := r.b.dispatch(o)
		if strings.Contains(row.description, r.d.ID.Mark()) {
			return r.found(row), true
		}
		if row.id == "" || !r.known(row.id) {
			news++
		}
		r.rows = append(r.rows, row)
	}
	switch text := r.doubts(); {
	case len(list) == 0 || text != "" || r.past():
		return search{unclear: text}, true
	case news == 0:
		return search{unclear: "L2L gives the same page again and again"}, true
	}
	return search{}, false
}

// found judges a dispatch that carries the mark. The mark proves that the
// earlier attempt arrived; where somebody has moved the dispatch since or copied
// its text, a person says which dispatch the call is.
func (r *reading) found(row dispatch) search {
	moved := row.machine != "" && !same(row.machine, r.d.With["machine"]) ||
		row.kind != "" && !same(row.kind, r.d.With["type"])
	switch {
	case row.id == "":
		return search{unclear: "one carries this call's mark and has no id"}
	case moved:
		return search{unclear: fmt.Sprintf("dispatch %s carries this call's mark and now stands at machine %s with type %s", row.id, row.machine, row.kind)}
	}
	return search{id: row.id}
}

func (r *reading) known(id string) bool {
	for _, row := range r.rows {
		if row.id == id {
			return true
		}
	}
	return false
}

// doubts says why what has been read proves nothing about what has not been
// found: a filter that was ignored, or a text that is not shown.
//
// L2L knows a site by its number and by the id of its record, and its texts do
// not say which of the two a dispatch carries. Rows that agree on a value which
// is not the site's number are taken to carry the other one.
func (r *reading) doubts() string {
	sites := map[string]bool{}
	for _, row := range r.rows {
		switch {
		case !same(row.machine, r.d.With["machine"]) || !same(row.kind, r.d.With["type"]):
			return fmt.Sprintf("L2L shows dispatch %s of machine %q and type %q, which were not asked for", row.id, row.machine, row.kind)
		case !row.described:
			return fmt.Sprintf("L2L does not show the description of dispatch %s", row.id)
		case row.site != "":
			sites[row.site] = true
		}
	}
	if len(sites) > 1 {
		return "L2L shows dispatches of other sites, which were not asked for"
	}
	return ""
}

// past reports whether the last row was reported so long before the event that
// no later row can be the one looked for. It takes a certain time and a list
// that is seen to be in order.
func (r *reading) past() bool {
	if !r.d.Sure || r.d.When.IsZero() || len(r.rows) == 0 {
		return false
	}
	for i, row := range r.rows {
		if row.reported.IsZero() || i > 0 && row.reported.After(r.rows[i-1].reported.Add(time.Hour)) {
			return false // an hour, because a site's clock repeats one in autumn
		}
	}
	return r.rows[len(r.rows)-1].reported.Before(r.d.When.Add(-slack))
}

// dispatch reads one row.
//
//	{"id": 90017, "dispatchnumber": 2871836, "site": 12, "machinecode": "SEAL-1", "dispatchtypecode": "MAINT",
//	 "description": "[sd-MFRGGZDFMY] Help needed", "reported": "2026-03-02 06:00:10"}
func (b *Backend) dispatch(o api.Object) (row dispatch) {
	row.id, _ = o.ID("id")
	row.site, _ = o.Text("site")
	row.machine, _ = o.Text("machinecode")
	row.kind, _ = o.Text("dispatchtypecode")
	row.description, row.described = o.Text("description")
	reported, _ := o.Text("reported")
	reported = strings.Replace(reported, "T", " ", 1)
	if at, err := time.ParseInLocation(siteTime, reported[:min(len(reported), len(siteTime))], b.zone); err == nil {
		row.reported = at
	}
	return row
}
