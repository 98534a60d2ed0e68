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

// The reads are for the command line, for `stationd doctor` and for the watch.
// Each is one request (ReadOrder may take a second), counts against the pace and
// changes nothing. A field that L2L does not show, or shows in a form that
// nobody knows, is empty. L2L may take no notice of a filter: rows say
// themselves what they are.
//
// An error wraps station.ErrKey where the key was not accepted, and an
// *api.Refusal where L2L said no, most often because the key may not read that
// area.

// A Dispatch is a dispatch as far as L2L shows it.
type Dispatch struct {
	ID          string    `json:"id"`               // what complete and close are told
	Number      string    `json:"number,omitempty"` // what people say
	Site        string    `json:"site,omitempty"`   // the site's number or the id of its record: L2L does not say which
	Machine     string    `json:"machine,omitempty"`
	Type        string    `json:"type,omitempty"`
	Line        string    `json:"line,omitempty"`
	Description string    `json:"description,omitempty"`
	Open        *bool     `json:"open,omitempty"`     // nil: L2L does not say
	Status      string    `json:"status,omitempty"`   // in L2L's words
	Attended    bool      `json:"attended,omitempty"` // L2L shows that somebody is on it
	Reported    time.Time `json:"reported,omitzero"`
	Created     time.Time `json:"created,omitzero"`
	Completed   time.Time `json:"completed,omitzero"`
	Closed      time.Time `json:"closed,omitzero"`

	described bool // the description is shown, be it empty
}

// over reports whether the row itself says that nobody is wanted at the machine
// any more: by its times, by whether it is open, or where that is not shown by its
// status. One that says nothing is not over.
func (d Dispatch) over() bool {
	if d.Open != nil && !*d.Open || !d.Completed.IsZero() || !d.Closed.IsZero() {
		return true
	}
	return d.Open == nil && (d.hasStatus("completed") || d.hasStatus("closed"))
}

// seen is how an open dispatch stands, for whoever waits for somebody to come.
func (d Dispatch) seen() station.SeenCall {
	return station.SeenCall{Number: d.Number, Attended: d.Attended}
}

// closed reports whether the row itself says that no list of open dispatches has it.
// One that is completed and not closed may still be in such a list.
func (d Dispatch) closed() bool {
	return d.Open != nil && !*d.Open || !d.Closed.IsZero() || d.Open == nil && d.hasStatus("closed")
}

// hasStatus compares with the names of L2L's own statuses. Those of a site's making
// say more than these words.
func (d Dispatch) hasStatus(name string) bool {
	return strings.EqualFold(strings.TrimSpace(d.Status), name)
}

// A DispatchQuery says which dispatches are asked for. What is empty is not
// asked about.
type DispatchQuery struct {
	ID      string
	Number  string
	Machine string
	Type    string
	Line    string
	Open    *bool
	OrderBy string // a field, with a minus in front for the newest first: -reported
	Limit   int
	Offset  int
}

// ReadDispatches lists dispatches.
//
//	GET dispatches/?site=12&machinecode=SEAL-1&dispatchtypecode=MAINT&open=T&order_by=-reported&limit=1
//	GET dispatches/?site=12&dispatchnumber=2871836
func (b *Backend) ReadDispatches(ctx context.Context, q DispatchQuery) ([]Dispatch, error) {
	query := asking(map[string]string{
		"id": q.ID, "dispatchnumber": q.Number, "machinecode": q.Machine, "dispatchtypecode": q.Type, "linecode": q.Line,
		"order_by": q.OrderBy, "limit": digits(q.Limit), "offset": digits(q.Offset),
	})
	if q.Open != nil {
		query.Set("open", map[bool]string{true: "T", false: "F"}[*q.Open])
	}
	return readList(ctx, b, pathDispatches, query, b.dispatch)
}

// statusAttended is the number of L2L's own status of a dispatch that somebody is working on.
const statusAttended = "-4"

// A shownDispatch is one row of dispatches/.
//
//	{"id": 90017, "dispatchnumber": 2871836, "site": 12, "machinecode": "SEAL-1", "dispatchtypecode": "MAINT",
//	 "description": "[sd-MFRGGZDFMY] Help needed", "reported": "2026-03-02 06:00:10", "open": "T", "closed": null}
type shownDispatch struct {
	ID          api.Scalar `json:"id"`
	Number      api.Scalar `json:"dispatchnumber"`
	Site        api.Scalar `json:"site"`
	Machine     api.Scalar `json:"machinecode"`
	Type        api.Scalar `json:"dispatchtypecode"`
	Line        api.Scalar `json:"linecode"`
	Description api.Scalar `json:"description"`
	Open        api.Scalar `json:"open"`
	Status      api.Scalar `json:"currentstatus_description"`
	StatusID    api.Scalar `json:"currentstatus_dispatchstatus_id"`
	Reported    api.Scalar `json:"reported"`
	Created     api.Scalar `json:"created"`
	Completed   api.Scalar `json:"completed"`
	Closed      api.Scalar `json:"closed"`
}

func (b *Backend) dispatch(s *shownDispatch) Dispatch {
	id, _ := s.ID.ID()
	description, described := s.Description.Text()
	return Dispatch{
		ID: id, Number: s.Number.String(), Site: s.Site.String(),
		Machine: s.Machine.String(), Type: s.Type.String(), Line: s.Line.String(),
		Description: description, described: described, Open: truth(s.Open), Status: s.Status.String(), Attended: s.StatusID.String() == statusAttended,
		Reported: b.when(s.Reported), Created: b.when(s.Created), Completed: b.when(s.Completed), Closed: b.when(s.Closed),
	}
}

// An Order is a build sequence as far as L2L shows it: one product order of a
// line. Without an ID it stands for a line that runs none.
type Order struct {
	ID         string    `json:"id"`
	ExternalID string    `json:"externalid,omitempty"`
	Line       string    `json:"line,omitempty"`
	Product    string    `json:"product,omitempty"`    // its code
	ProductID  string    `json:"product_id,omitempty"` // the id of the product's record
	Status     string    `json:"status,omitempty"`     // L2L's number: 4
	Start      time.Time `json:"start,omitzero"`       // scheduled
	Demand     string    `json:"demand,omitempty"`     // how many are to be made, where L2L shows it
	Actual     string    `json:"actual,omitempty"`     // how many are made
}

// The statuses of a build sequence, from L2L's "Build Sequences API Statuses".
const (
	statusScheduled  = "2"
	statusReady      = "3"
	statusChangeover = "4"
	statusInProgress = "5"
	statusOnHold     = "6"
	statusCompleted  = "7"
	statusCleanup    = "9"
	statusPaused     = "10"
)

// StatusName returns L2L's word for the order's status, or its number where
// nobody knows the word.
func (o Order) StatusName() string {
	names := map[string]string{
		"0": "new", "1": "planning", statusScheduled: "scheduled", statusReady: "ready to build", statusChangeover: "changeover",
		statusInProgress: "in progress", statusOnHold: "on hold", statusCompleted: "completed", "8": "cancelled", statusCleanup: "cleanup", statusPaused: "paused",
	}
	if name, ok := names[o.Status]; ok {
		return name
	}
	return o.Status
}

// A Line names a line: by its code, or by its external id where that is given.
type Line struct {
	Code       string
	ExternalID string
}

// ReadOrder reads the order that runs on a line, with the code of its product.
//
//	GET buildsequence/get_current_order_on_line/?site=12&linecode=PACK4
func (b *Backend) ReadOrder(ctx context.Context, line Line) (Order, error) {
	o, rc := b.current(ctx, line)
	if rc.Outcome == station.Delivered && o.ID != "" {
		o.Product, rc = b.productOf(ctx, o)
	}
	if rc.Outcome != station.Delivered {
		return Order{}, rc.Err
	}
	return o, nil
}

// An OrderQuery says which build sequences are asked for. What is empty is not
// asked about.
type OrderQuery struct {
	ID         string
	Line       string
	StatusFrom string // L2L's numbers
	StatusTo   string
	OrderBy    string // schedule_start_date, with a minus in front for the last first
	Limit      int
	Offset     int
}

// ReadOrders lists build sequences.
//
//	GET buildsequence/?site=12&linecode=PACK4&status__gte=2&status__lte=6&order_by=-schedule_start_date&limit=1
//	GET buildsequence/?site=12&id=8801
func (b *Backend) ReadOrders(ctx context.Context, q OrderQuery) ([]Order, error) {
	return readList(ctx, b, "buildsequence/", asking(map[string]string{
		"id": q.ID, "linecode": q.Line, "status__gte": q.StatusFrom, "status__lte": q.StatusTo,
		"order_by": q.OrderBy, "limit": digits(q.Limit), "offset": digits(q.Offset),
	}), b.order)
}

// A shownOrder is one row of buildsequence/.
//
//	{"id": 8801, "externalid": "PO-100-1", "site": 12, "line": 71, "linecode": "PACK4", "product": 3001, "status": 4,
//	 "schedule_start_date": "2026-03-02 06:00:00"}
type shownOrder struct {
	ID         api.Scalar `json:"id"`
	ExternalID api.Scalar `json:"externalid"`
	Line       api.Scalar `json:"linecode"`
	Product    api.Scalar `json:"productcode"`
	ProductID  api.Scalar `json:"product"`
	Status     api.Scalar `json:"status"`
	Start      api.Scalar `json:"schedule_start_date"`
	Demand     api.Scalar `json:"demand"`
	Actual     api.Scalar `json:"actual"`
}

func (b *Backend) order(s *shownOrder) Order {
	id, _ := s.ID.ID()
	product, _ := s.ProductID.ID()
	o := Order{ID: id, ExternalID: s.ExternalID.String(), Line: s.Line.String(), Product: s.Product.String(), ProductID: product, Start: b.when(s.Start)}
	for into, shown := range map[*string]api.Scalar{&o.Status: s.Status, &o.Demand: s.Demand, &o.Actual: s.Actual} {
		if n, ok := shown.Number(); ok {
			*into = strconv.FormatFloat(n, 'f', -1, 64)
		}
	}
	return o
}

// A Site is a site as far as L2L shows it.
type Site struct {
	Number string `json:"site"`         // what the configuration calls site
	ID     string `json:"id,omitempty"` // of its record
	Name   string `json:"name,omitempty"`
	Test   *bool  `json:"test,omitempty"` // one for tests; nil: L2L does not say
	Active *bool  `json:"active,omitempty"`
}

// A shownSite is one row of sites/.
//
//	{"id": 7, "site": 12, "description": "Pack house", "test_site": true, "active": true}
type shownSite struct {
	Number api.Scalar `json:"site"`
	ID     api.Scalar `json:"id"`
	Name   api.Scalar `json:"description"`
	Test   api.Scalar `json:"test_site"`
	Active api.Scalar `json:"active"`
}

// ReadSites lists the sites that the key may see.
//
//	GET sites/
func (b *Backend) ReadSites(ctx context.Context) ([]Site, error) {
	rows, rc := ask[shownSite](ctx, b, "sites/", url.Values{})
	return rowsOf(rows, rc, "sites/", func(s *shownSite) Site {
		id, _ := s.ID.ID()
		return Site{Number: s.Number.String(), ID: id, Name: s.Name.String(), Test: truth(s.Test), Active: truth(s.Active)}
	})
}

// Probe makes one cheap read, for a lane that has been told the same no several
// times in a row and asks itself whether it is the key or the entries: Delivered
// says that L2L is well and shows this station its records, Refused or an error
// of the key that it does not. A key may read dispatches and not sites, so both
// are tried before it says so.
func (b *Backend) Probe(ctx context.Context) station.Receipt {
	_, rc := get[idOnly](ctx, b, "sites/", url.Values{})
	if rc.Outcome == station.Refused || errors.Is(rc.Err, station.ErrForbidden) {
		_, other := get[idOnly](ctx, b, pathDispatches, url.Values{"limit": {"1"}})
		if other.Outcome != station.Doubtful && other.Outcome != station.Unreached || errors.Is(other.Err, station.ErrKey) {
			rc = other // where it was not answered, the first answer stands
		}
	}
	return api.Unread(rc)
}

// readList makes one read of a list of the site.
func readList[S, T any](ctx context.Context, b *Backend, path string, query url.Values, row func(*S) T) ([]T, error) {
	rows, rc := get[S](ctx, b, path, query)
	return rowsOf(rows, rc, path, row)
}

// rowsOf reads the rows of an answer.
func rowsOf[S, T any](shown api.Rows[S], rc station.Receipt, path string, row func(*S) T) ([]T, error) {
	if rc.Outcome != station.Delivered {
		return nil, rc.Err
	}
	if !shown.OK {
		return nil, fmt.Errorf("GET %s: L2L's answer holds no list", path)
	}
	rows := make([]T, len(shown.List))
	for i, s := range shown.List {
		rows[i] = row(s)
	}
	return rows, nil
}

// asking is a query of everything that is asked about.
func asking(about map[string]string) url.Values {
	query := url.Values{}
	for name, value := range about {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

func digits(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// truth reads a truth as L2L writes it: "T", "F", true, "True"; nil for anything
// else.
func truth(s api.Scalar) *bool {
	value, ok := s.Truth()
	if !ok {
		text := s.String()
		value, ok = text == "T", text == "T" || text == "F"
	}
	if !ok {
		return nil
	}
	return &value
}

// when reads a time of the site; zero where there is none or nobody can read it.
func (b *Backend) when(s api.Scalar) time.Time {
	at, _ := b.siteMoment(s.String())
	return at
}
