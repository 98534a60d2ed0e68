package l2l

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

const (
	alreadySo    = "already so"
	byWhomUnsure = "the line is there, by whom cannot be told"
)

// orderLate is after how long a verb on an order is held: the line may run
// something else by then.
const orderLate = 2 * time.Minute

// lineFields are the fields that name a line. The code names the lane, also
// where L2L is told the external id.
func lineFields() []station.Field {
	return []station.Field{
		{Name: "line", Required: true, Help: "line code: PACK4"},
		{Name: "line_externalid", Anywhere: true, Help: "external id of the line, which L2L is then told in the place of its code"},
	}
}

// lineOf is the line that a delivery is for.
func lineOf(d station.Delivery) Line {
	return Line{Code: d.With["line"], ExternalID: d.With["line_externalid"]}
}

// addTo names the line to L2L.
func (l Line) addTo(values interface{ Set(name, value string) }) {
	if l.ExternalID != "" {
		values.Set("line_externalid", l.ExternalID)
		return
	}
	values.Set("linecode", l.Code)
}

// String names the line to people.
func (l Line) String() string {
	if l.Code == "" {
		return l.ExternalID
	}
	return l.Code
}

// declareOnLine is a verb on an order of a line. Late, it is held for a person
// unless the line still runs what it ran at the event.
func declareOnLine(name, does, which string) station.Verb {
	fields := append(lineFields(), whichFields(which)...)
	return station.Verb{
		Name: name,
		Does: does,
		Fields: append(fields, station.Field{Name: station.LastSeen,
			Help: "id of the order that the line was last seen to run before the event; filled in by the program"}),
		Lane:      []string{"line"},
		Line:      "line",
		Barrier:   true,
		Before:    true,
		Late:      station.LateHold,
		LateAfter: orderLate,
	}
}

// tooLate says that an action is late and the line does not run what it ran at
// the event; nil where it is in time, where nobody had seen the line, or where
// the line has not moved.
func tooLate(d station.Delivery, now orderSeen) error {
	then := d.With[station.LastSeen]
	switch then {
	case "":
		return nil
	case station.NoOrder:
		then = ""
	}
	inTime := d.Exact && time.Since(d.When) <= d.LateAfter
	if d.Late != station.LateHold || d.LateAfter == 0 || inTime || now.ID == then {
		return nil
	}
	return station.Because(fmt.Errorf("%w: it is late, and line %v ran %v when it happened and now runs %v",
		station.ErrMisfit, lineOf(d), orderSeen{ID: then}, now), "line-changed", "line", lineOf(d).String())
}

// runsAfter says what a delivered action left its line to run. A step of an order that
// was named says nothing of its line, which may have run another.
func runsAfter(d station.Delivery, rc station.Receipt) station.Running {
	left := station.Running{Line: d.With["line"], Order: rc.Ref, Product: d.With["product"]}
	named := d.With["id"] != "" || d.With["externalid"] != ""
	switch {
	case rc.Outcome != station.Delivered || rc.Ref == "" && d.Verb != orderHold && d.Verb != orderComplete:
	case d.Verb == changeoverStart:
		return left
	case named || rc.Note == alreadySo:
	case d.Verb == changeoverFinish:
		return left
	case d.Verb == orderHold, d.Verb == orderComplete:
		left.Order = station.NoOrder
		return left
	}
	return station.Running{}
}

// whichFields are the fields that name an order, at most one of them.
func whichFields(verb string) []station.Field {
	return []station.Field{
		{Name: "product", Help: "product code of the order to " + verb},
		{Name: "id", Type: station.Integer, Anywhere: true, Help: "id of the build sequence to " + verb},
		{Name: "externalid", Anywhere: true, Help: "external id of the build sequence to " + verb},
	}
}

// checkOneSelector says that an action names its order in more than one way; nil when it
// does not.
func checkOneSelector(d station.Delivery) error {
	var told []string
	for _, field := range []string{"product", "id", "externalid"} {
		if d.With[field] != "" {
			told = append(told, field)
		}
	}
	if len(told) > 1 {
		return fmt.Errorf("%s is told which order by %s: keep one of them", d.Verb, strings.Join(told, " and "))
	}
	return nil
}

// An orderSeen is an order as it is remembered on disk between two attempts. It is
// empty when nothing runs.
//
//	{"order":"8801","product":"100","status":"4"}
type orderSeen struct {
	ID         string `json:"order"`
	Product    string `json:"product,omitempty"`
	ExternalID string `json:"externalid,omitempty"`
	Status     string `json:"status,omitempty"`

	another bool // it is what the line runs, and not the order that was asked for
}

func (o Order) seen() orderSeen {
	return orderSeen{ID: o.ID, Product: o.Product, ExternalID: o.ExternalID, Status: o.Status}
}

// String says in words what runs.
func (g orderSeen) String() string {
	switch {
	case g.ID == "":
		return "no order"
	case g.Product == "":
		return "order " + g.ID
	}
	return fmt.Sprintf("order %s of product %s", g.ID, g.Product)
}

// matches reports whether the order is the one that an action names; told is false
// for an action that names none.
func (g orderSeen) matches(d station.Delivery) (it, told bool) {
	switch {
	case d.With["id"] != "":
		return g.ID == d.With["id"], true
	case d.With["externalid"] != "":
		return g.ExternalID != "" && same(g.ExternalID, d.With["externalid"]), true
	case d.With["product"] != "":
		return same(g.Product, d.With["product"]), true
	}
	return false, false
}

// current reads what runs on a line. An answer about another line, or one that
// names no order and does not say that there is none, is no answer.
//
//	{"success": true, "data": {"id": 8801, "linecode": "PACK4", "product": 3001, "status": 4}}
//	{"success": true, "data": null}
//	{"success": false, "error": "No current order on line"}
func (b *Backend) current(ctx context.Context, line Line) (Order, station.Receipt) {
	query := url.Values{}
	line.addTo(query)
	rows, rc := get[shownOrder](ctx, b, pathCurrent, query)
	if text, _ := refusal(rc); strings.Contains(text, "no current order") {
		return Order{}, station.Receipt{Outcome: station.Delivered}
	}
	if rc.Outcome != station.Delivered {
		return Order{}, rc
	}
	if rows.None {
		return Order{}, rc
	}
	shown, ok := rows.One()
	o := b.order(shown)
	switch {
	case !ok || o.ID == "":
		return Order{}, notTold("what runs on line %v", line)
	case line.ExternalID == "" && o.Line != "" && !same(o.Line, line.Code):
		return Order{}, notTold("what runs on line %v: L2L speaks of line %s", line, o.Line)
	}
	return o, rc
}

// currentFor reads what runs on a delivery's line, with the product where the
// delivery names one.
func (b *Backend) currentFor(ctx context.Context, d station.Delivery) (orderSeen, station.Receipt) {
	o, rc := b.current(ctx, lineOf(d))
	if rc.Outcome == station.Delivered && o.ID != "" && d.With["product"] != "" {
		o.Product, rc = b.productOf(ctx, o)
	}
	return o.seen(), rc
}

// orderOf reads one build sequence by its id, and where L2L does not show it so,
// as the order that runs on the line. shown is false where it is neither.
//
//	GET buildsequence/?site=12&id=8801
func (b *Backend) orderOf(ctx context.Context, line Line, id string) (o Order, shown bool, rc station.Receipt) {
	rows, rc := get[shownOrder](ctx, b, "buildsequence/", url.Values{"id": {id}})
	if rc.Outcome != station.Delivered && rc.Outcome != station.Refused {
		return Order{}, false, rc
	}
	for _, shown := range rows.List {
		if o := b.order(shown); o.ID == id {
			return o, true, rc
		}
	}
	o, rc = b.current(ctx, line)
	return o, rc.Outcome == station.Delivered && o.ID == id, rc
}

// productOf returns the product code of an order, which may carry only the id of
// the product's record.
func (b *Backend) productOf(ctx context.Context, o Order) (string, station.Receipt) {
	if o.Product != "" {
		return o.Product, station.Receipt{Outcome: station.Delivered}
	}
	if o.ProductID == "" {
		return "", notTold("the product of the current order")
	}
	rows, rc := get[shownProduct](ctx, b, pathProducts, url.Values{"id": {o.ProductID}})
	if rc.Outcome != station.Delivered {
		return "", rc
	}
	product, _ := rows.One()
	got, _ := product.ID.ID()
	code := product.Code.String()
	if got != o.ProductID || code == "" {
		return "", notTold("product %s", o.ProductID)
	}
	return code, rc
}

// A shownProduct is one row of productcomponents/.
//
//	{"id": 3001, "site": 12, "code": "COOKIE-200G", "description": "Cookies 200 g"}
type shownProduct struct {
	ID   api.Scalar `json:"id"`
	Code api.Scalar `json:"code"`
}

// notTold is the receipt of a read that L2L answered in order, and whose answer does
// not tell what was asked.
func notTold(format string, args ...any) station.Receipt { return api.NotTold("L2L", format, args...) }
