package l2l

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

const changeoverStart = "changeover.start"

const (
	alreadySo    = "already so"
	byWhomUnsure = "the line is there, by whom cannot be told"
)

func changeoverVerb() station.Verb {
	return station.Verb{
		Name: changeoverStart,
		Fields: []station.Field{
			{Name: "line", Required: true, Means: "line code: PACK4"},
			{Name: "product", Means: "product code; the next order of it is started"},
			{Name: "id", Type: station.Integer, Means: "id of the build sequence to start, instead of a product; without both the next order is started"},
		},
		Lane:      []string{"line"},
		Barrier:   true,
		Before:    true,
		Late:      station.LateHold,
		LateAfter: 2 * time.Minute,
	}
}

// An order is what runs on a line: the build sequence's id and, where it was
// asked for, its product code. Both are empty when nothing runs.
type order struct {
	ID      string `json:"order"`
	Product string `json:"product,omitempty"`
}

func (o order) marshal() []byte {
	raw, _ := json.Marshal(o) // two strings always can be
	return raw
}

// String says in words what runs.
func (o order) String() string {
	switch {
	case o.ID == "":
		return "no order"
	case o.Product == "":
		return "order " + o.ID
	}
	return fmt.Sprintf("order %s of product %s", o.ID, o.Product)
}

// startChangeover starts the next order of a line. It acts only when it knows
// what runs there: an order is started without its id, so that doing it twice
// would start the one after it.
func (b *Backend) startChangeover(ctx context.Context, d station.Delivery) station.Receipt {
	if d.With["product"] != "" && d.With["id"] != "" {
		return api.Refusef("changeover.start is told either a product or an id, not both")
	}
	before, known := order{}, len(d.Before) > 0
	if known {
		if err := json.Unmarshal(d.Before, &before); err != nil {
			return api.Refusef("what the line ran before cannot be read any more: %v", err)
		}
	}
	if d.Doubtful {
		if rc, settled := b.settleChangeover(ctx, d, before, known); settled {
			return rc
		}
		return b.sendChangeover(ctx, d)
	}
	if !known {
		now, rc := b.currentOrder(ctx, d.With["line"], d.With["product"] != "")
		if rc.Outcome != station.Delivered {
			return api.Unread(rc)
		}
		before = now
	}
	if wanted(d, before) {
		return station.Receipt{Outcome: station.Delivered, Ref: before.ID, Note: alreadySo}
	}
	return b.sendChangeover(ctx, d)
}

// settleChangeover settles what an earlier attempt came to. It is not settled
// when the line runs what it ran before and may be changed over.
func (b *Backend) settleChangeover(ctx context.Context, d station.Delivery, before order, known bool) (rc station.Receipt, settled bool) {
	now, rc := b.currentOrder(ctx, d.With["line"], d.With["product"] != "")
	switch {
	case errors.Is(rc.Err, errUnreadable): // it will be so again: a person decides
		return api.Undecided("%v", rc.Err), true
	case rc.Outcome != station.Delivered:
		return api.UnreadInDoubt(rc), true
	case wanted(d, now):
		return station.Receipt{Outcome: station.Delivered, Ref: now.ID, Note: byWhomUnsure}, true
	case !known:
		return api.Undecided("line %s runs %v, and what it ran before is not known", d.With["line"], now), true
	case now.ID != before.ID:
		return api.Undecided("line %s ran %v and now runs %v; whether this changeover did it cannot be told", d.With["line"], before, now), true
	case d.Settle > 0:
		return api.TooEarly(d), true
	}
	return station.Receipt{}, false
}

// wanted reports whether the order is the one that the delivery asks for. A
// changeover to whatever comes next asks for none in particular.
func wanted(d station.Delivery, o order) bool {
	switch {
	case o.ID == "":
		return false
	case d.With["id"] != "":
		return o.ID == d.With["id"]
	}
	return d.With["product"] != "" && same(o.Product, d.With["product"])
}

func (b *Backend) sendChangeover(ctx context.Context, d station.Delivery) station.Receipt {
	form := url.Values{"site": {b.site}}
	put(form, "linecode", d, "line")
	put(form, "productcode", d, "product")
	put(form, "id", d, "id")
	envelope, rc := b.post(ctx, "buildsequence/start_change_over/", form)
	if rc.Outcome != station.Delivered {
		return rc
	}
	if list, ok := envelope.List("data"); ok && len(list) == 1 {
		rc.Ref, _ = list[0].ID("id")
	}
	return rc
}

// currentOrder reads what runs on a line. An answer about another line, or one
// that names no order and does not say that there is none, is no answer.
//
//	{"success": true, "data": {"id": 8801, "linecode": "PACK4", "product": 3001}}
//	{"success": true, "data": null}
//	{"success": false, "error": "No current order on line"}
func (b *Backend) currentOrder(ctx context.Context, line string, withProduct bool) (order, station.Receipt) {
	envelope, rc := b.get(ctx, "buildsequence/get_current_order_on_line/", url.Values{"linecode": {line}})
	if no, ok := errors.AsType[*api.Refusal](rc.Err); ok && strings.Contains(strings.ToLower(no.Text), "no current order") {
		return order{}, station.Receipt{Outcome: station.Delivered}
	}
	if rc.Outcome != station.Delivered {
		return order{}, rc
	}
	record, none, ok := single(envelope)
	if none {
		return order{}, rc
	}
	id, hasID := record.ID("id")
	code, _ := record.Text("linecode")
	switch {
	case !ok || !hasID:
		return order{}, unreadable("what runs on line %s", line)
	case code != "" && !same(code, line):
		return order{}, unreadable("what runs on line %s: L2L speaks of line %s", line, code)
	case !withProduct:
		return order{ID: id}, rc
	}
	product, rc := b.productOf(ctx, record)
	return order{ID: id, Product: product}, rc
}

// productOf returns the product code of an order, which may carry only the id of
// the product's record.
func (b *Backend) productOf(ctx context.Context, record api.Object) (string, station.Receipt) {
	if code, ok := record.Text("productcode"); ok && code != "" {
		return code, station.Receipt{Outcome: station.Delivered}
	}
	id, ok := record.ID("product")
	if !ok {
		return "", unreadable("the product of the current order")
	}
	envelope, rc := b.get(ctx, "productcomponents/", url.Values{"id": {id}})
	if rc.Outcome != station.Delivered {
		return "", rc
	}
	product, _, _ := single(envelope)
	got, _ := product.ID("id")
	code, _ := product.Text("code")
	if got != id || code == "" {
		return "", unreadable("product %s", id)
	}
	return code, rc
}

// single takes the one record out of an envelope, which holds it bare or as a
// list of one. none says that the envelope spells out that there is no record:
// null, [], {}, false or "".
func single(envelope api.Object) (record api.Object, none, ok bool) {
	raw, there := envelope["data"]
	if !there {
		return nil, false, false
	}
	switch strings.Join(strings.Fields(string(raw)), "") {
	case "null", "[]", "{}", "false", `""`:
		return nil, true, true
	}
	list, ok := envelope.List("data")
	if !ok || len(list) != 1 {
		return nil, false, false
	}
	return list[0], false, true
}

// errUnreadable is in the receipt of a read whose answer does not tell what was
// asked.
var errUnreadable = errors.New("L2L's answer does not tell")

func unreadable(format string, args ...any) station.Receipt {
	return station.Receipt{Outcome: station.Unreached,
		Err: fmt.Errorf("%w "+format, append([]any{errUnreadable}, args...)...)}
}
