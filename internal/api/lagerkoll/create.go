package lagerkoll

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"stationd/internal/api"
	"stationd/internal/station"
)

const (
	orderCreate     = "order.create"
	orderCreateFrom = "order.create_from_customer_order"
)

// next is the reference of an order for which Lagerkoll is to choose one.
const next = "next"

// stateField is an order's state. It may be set when the order is made (POST) and not in an
// update.
func stateField() field {
	return field{wire: "state", name: "state", kind: aWhole, means: "0 new, which it is where nothing is said, 1 developing, 2 finished, 3 cancelled"}
}

func createVerb() station.Verb {
	fields := append(verbFields(orderFields()), verbFields([]field{stateField()})...)
	for i := range fields {
		if fields[i].Name == "reference" {
			fields[i].Required = true
			fields[i].Help += `; "next": the next one of Lagerkoll's`
		}
	}
	return station.Verb{Name: orderCreate, Does: "Create a production order", Fields: fields, Lane: []string{"reference"}, Before: true}
}

// A create is a delivery of order.create.
type create struct {
	reference string // next, or what the binding says
	id        station.ID
	record    api.Object
}

// newCreate puts the entry's mark in front of the internal reference, which is a
// free text that the entry itself creates.
func newCreate(d station.Delivery) (action, error) {
	c := create{reference: d.With["reference"], id: d.ID}
	record, err := fieldsOf(d, append(orderFields(), stateField()))
	if err != nil {
		return nil, err
	}
	if state, given := record["state"]; given && stateOf(record) == 0 {
		return nil, fmt.Errorf("state %s is none of 0 to 3", state)
	}
	internal, err := json.Marshal(strings.TrimSpace(c.id.Mark() + " " + d.With["internal_reference"]))
	if err != nil {
		return nil, err
	}
	record["internalReference"] = internal
	c.record = record
	return api.Compared(c), nil
}

// created is how Lagerkoll stands towards a new order.
type created struct {
	Reference string `json:"reference"`       // what the order is called, chosen before the first attempt
	Taken     ID     `json:"taken,omitempty"` // the order that has the reference already

	found  []Order // orders with that reference or with the entry's mark
	proven bool    // the search finds what is there
}

// Read chooses the reference when nothing has been read yet, and looks for it.
// A number that Lagerkoll has just called the next is not looked for.
func (c create) Read(ctx context.Context, b *Backend, before *created) (created, station.Receipt) {
	now := created{Reference: c.reference}
	var rc station.Receipt
	switch {
	case before != nil:
		now.Reference = before.Reference
		now.found, now.proven, rc = b.search(ctx, now.Reference, c.id)
	case c.reference == next:
		now.Reference, rc = b.nextReference(ctx)
	default:
		var all []Order
		if all, _, rc = b.matching(ctx, c.reference); rc.Outcome == station.Refused {
			rc = station.Receipt{Outcome: station.Delivered} // a reference that is taken Lagerkoll refuses by itself
		}
		for _, o := range all {
			if same(o.Reference, c.reference) {
				now.Taken = o.ID
			}
		}
	}
	return now, rc
}

func (c create) Ready(_ context.Context, _ *Backend, before created) (rc station.Receipt, done bool) {
	if before.Taken != 0 {
		return api.RefuseBecause("reference-taken", []string{"order", before.Taken.String(), "reference", before.Reference}, "order %v has the reference %s already; nothing was sent", before.Taken, before.Reference), true
	}
	return station.Receipt{}, false
}

func (c create) Compare(_ *Backend, before *created, now created) api.Finding {
	ours := slices.DeleteFunc(slices.Clone(now.found), func(o Order) bool { return !c.ours(o) })
	switch {
	case len(ours) == 1:
		return api.Finding{Verdict: api.Applied, Ref: ours[0].ID.String(), Note: string(ours[0].Reference)}
	case len(ours) > 1:
		return api.Finding{Facts: fmt.Sprintf("orders %v and %v both carry the mark %s", ours[0].ID, ours[1].ID, c.id.Mark())}
	case before == nil:
		return api.Finding{Facts: "which reference the order was to have is not known"}
	case len(now.found) > 0:
		return api.Finding{Facts: fmt.Sprintf("order %v has the reference %s, and the mark %s is not in its internal reference", now.found[0].ID, now.Reference, c.id.Mark())}
	case !now.proven:
		return api.Finding{Facts: fmt.Sprintf("no order with the reference %s or the mark %s was found, and the search does not find what is known to be there", now.Reference, c.id.Mark())}
	}
	return api.Finding{Verdict: api.Missing}
}

// ours reports whether the order carries the entry's mark.
func (c create) ours(o Order) bool { return c.id.MarkedIn(string(o.Internal)) }

func (c create) Send(ctx context.Context, b *Backend, now created) station.Receipt {
	record := maps.Clone(c.record)
	reference, err := json.Marshal(now.Reference)
	if err != nil {
		return api.Refuse(err)
	}
	record["prReference"] = reference
	body, err := json.Marshal(record)
	if err != nil {
		return api.Refuse(err)
	}
	rc, o := b.create(ctx, "", body)
	switch {
	case rc.Outcome == station.Delivered:
		rc.Note = string(o.Reference)
	case rc.Outcome == station.Refused && c.reference == next:
		return b.referenceTaken(ctx, now.Reference, rc)
	}
	return rc
}

// referenceTaken turns a no into an attempt to be made anew where somebody else took the
// number that was the next one: nothing reserves it.
func (b *Backend) referenceTaken(ctx context.Context, reference string, no station.Receipt) station.Receipt {
	again, rc := b.nextReference(ctx)
	if rc.Outcome != station.Delivered || again == reference {
		return no
	}
	return station.Receipt{Outcome: station.Unreached, Err: fmt.Errorf("reference %s is not the next one any more: %w", reference, errors.New(no.Err.Error()))}
}

// create makes an order and returns it. Any order is a yes: its id is
// Lagerkoll's to give.
func (b *Backend) create(ctx context.Context, path string, body []byte) (station.Receipt, Order) {
	var o Order
	_, rc := b.send(ctx, request{method: http.MethodPost, path: path, body: body, isSuccess: func(body []byte) bool {
		o = Order{}
		return json.Unmarshal(body, &o) == nil && o.ID != 0
	}})
	if rc.Outcome == station.Delivered {
		rc.Ref = o.ID.String()
	}
	return rc, o
}

const (
	// pageSize is how many orders are asked for at a time.
	pageSize = 50
	// mostPages is how far a search goes: each page is a request of the 200 that
	// the whole account may make in a minute.
	mostPages = 8
)

// search looks for an order by its reference and by the mark. proven says that
// an order which is not among those found is not there: either all orders of the
// store were seen, or the search was seen to find an order that is known to be
// there by its reference alone. Lagerkoll's page does not say what query searches.
func (b *Backend) search(ctx context.Context, reference string, id station.ID) (found []Order, proven bool, rc station.Receipt) {
	wanted := func(o Order) bool {
		return same(o.Reference, reference) || id.MarkedIn(string(o.Internal))
	}
	proven = true
	var orders []Order
	for _, query := range []string{reference, id.Mark()} {
		var whole bool
		orders, whole, rc = b.matching(ctx, query)
		if rc.Outcome != station.Delivered {
			return nil, false, rc
		}
		if found = slices.DeleteFunc(slices.Clone(orders), func(o Order) bool { return !wanted(o) }); len(found) > 0 {
			return found, true, rc
		}
		proven = proven && whole
	}
	if !proven {
		return nil, false, station.Receipt{Outcome: station.Delivered}
	}
	first, rc := b.between(ctx, "", 0)
	if rc.Outcome != station.Delivered {
		return nil, false, rc
	}
	found = slices.DeleteFunc(slices.Clone(first.Orders), func(o Order) bool { return !wanted(o) })
	same := slices.EqualFunc(orders, first.Orders, func(a, b Order) bool { return a.ID == b.ID })
	switch {
	case len(found) > 0:
		return found, true, rc
	case len(orders) > 0 && !same:
		// The mark finds an order that does not show it: texts are shown otherwise here.
		return nil, false, rc
	case first.last(0):
		return nil, true, rc
	}
	known, ok := uniqueSample(first.Orders)
	if !ok {
		return nil, false, rc
	}
	orders, _, rc = b.matching(ctx, string(known.Reference))
	return nil, slices.ContainsFunc(orders, func(o Order) bool { return o.ID == known.ID }), rc
}

// uniqueSample picks an order that a search can find by its reference alone: no other
// text of it holds the reference.
func uniqueSample(orders []Order) (Order, bool) {
	i := slices.IndexFunc(orders, func(o Order) bool {
		others := string(o.Name + "\n" + o.Comment + "\n" + o.Internal + "\n" + o.CustomerExternal)
		return o.Reference != "" && !strings.Contains(others, string(o.Reference))
	})
	if i < 0 {
		return Order{}, false
	}
	return orders[i], true
}

// matching returns the orders of any state that Lagerkoll finds for a query.
// whole is false where there are more of them than a search goes through.
func (b *Backend) matching(ctx context.Context, query string) (orders []Order, whole bool, rc station.Receipt) {
	for n := range mostPages {
		page, rc := b.between(ctx, query, n)
		if rc.Outcome != station.Delivered {
			return nil, false, rc
		}
		orders = append(orders, page.Orders...)
		if page.last(n) {
			return orders, true, rc
		}
	}
	return orders, false, station.Receipt{Outcome: station.Delivered}
}

// last reports whether there is no page after number n, counted from 0. A bare
// list does not say; it ends where it is not full.
func (p Page) last(n int) bool {
	if len(p.Orders) == 0 {
		return true
	}
	if p.Pages.Known {
		return float64(n+1) >= p.Pages.Value
	}
	return len(p.Orders) < pageSize
}

// between reads one page of the orders of any state.
func (b *Backend) between(ctx context.Context, query string, page int) (Page, station.Receipt) {
	q := url.Values{"state_from": {"0"}, "state_to": {"3"}, "page": {strconv.Itoa(page)}, "limit": {strconv.Itoa(pageSize)}}
	if query != "" {
		q.Set("query", query)
	}
	return b.page(ctx, "production_orders_state", q)
}

func createFromVerb() station.Verb {
	return station.Verb{
		Name:   orderCreateFrom,
		Does:   "Create a production order of a customer order",
		Fields: []station.Field{{Name: "customer_order", Type: station.Integer, Required: true, Help: "id of the customer order"}},
		Lane:   []string{"customer_order"},
		Before: true,
	}
}

// A createFrom is a delivery of order.create_from_customer_order. Its request
// has no body, so there is no place for a mark.
type createFrom struct{ path, customer string }

func newCreateFrom(d station.Delivery) (action, error) {
	customer, err := orderPath(d.With["customer_order"])
	if err != nil {
		return nil, fmt.Errorf("customer_order: %w", err)
	}
	return api.Compared(createFrom{"customer_order/" + customer, customer}), nil
}

// customerOrders is which production orders a customer order has.
type customerOrders struct {
	Orders []ID `json:"orders"`
	Whole  bool `json:"whole"` // the list shows all of them
}

func (c createFrom) Read(ctx context.Context, b *Backend, _ *customerOrders) (customerOrders, station.Receipt) {
	page, rc := b.page(ctx, c.path, nil)
	now := customerOrders{Orders: []ID{}, Whole: !page.Pages.Known || page.Pages.Value <= 1}
	for _, o := range page.Orders {
		now.Orders = append(now.Orders, o.ID)
	}
	if page.Count.Known && page.Count.Value != float64(len(now.Orders)) {
		now.Whole = false
	}
	return now, rc
}

func (c createFrom) Ready(_ context.Context, _ *Backend, _ customerOrders) (rc station.Receipt, done bool) {
	return station.Receipt{}, false
}

func (c createFrom) Compare(b *Backend, before *customerOrders, now customerOrders) api.Finding {
	r := api.Finding{Facts: fmt.Sprintf("customer order %s has the production orders %v", c.customer, now.Orders)}
	switch {
	case before == nil:
		r.Facts += ", and which it had before is not known"
		return r
	case !before.Whole || !now.Whole:
		r.Facts += " and more, which Lagerkoll does not list"
		return r
	}
	more := slices.DeleteFunc(slices.Clone(now.Orders), func(id ID) bool { return slices.Contains(before.Orders, id) })
	switch len(more) {
	case 0:
		r.Verdict = api.Missing
	case 1:
		r.Verdict, r.Ref = b.likely(), more[0].String()
	}
	r.Facts += fmt.Sprintf(", before %v", before.Orders)
	return r
}

func (c createFrom) Send(ctx context.Context, b *Backend, _ customerOrders) station.Receipt {
	rc, o := b.create(ctx, c.path, nil)
	if rc.Outcome == station.Delivered {
		rc.Note = string(o.Reference)
	}
	return rc
}
