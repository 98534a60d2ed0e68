package l2l

import (
	"context"
	"net/url"
	"slices"

	"stationd/internal/api"
	"stationd/internal/station"
)

const (
	changeoverFinish = "changeover.finish"
	orderHold        = "order.hold"
	orderComplete    = "order.complete"
)

// A step takes one order from one status to another: finishing its changeover,
// putting it on hold, completing it. L2L takes a step without an id for whatever
// runs when it arrives, so that repeating it would strike the order after it.
// The id is therefore taken from the look, and sent.
type step struct {
	name   string
	path   string
	does   string   // what it does to the order, for the fields
	proof  []string // statuses that show that it has been done
	before string   // the note where it had been done before anything was sent
}

// finishing may be skipped, by L2L's own words, where no time is planned for the
// changeover: such an order is in progress at once, and there is nothing to do.
func finishing() step {
	return step{changeoverFinish, "buildsequence/finish_change_over/", "finish the changeover of",
		[]string{statusInProgress, statusCompleted, statusCleanup, statusPaused}, "the order is in progress already: there is no changeover to finish"}
}

func holding() step {
	return step{orderHold, "buildsequence/put_order_on_hold/", "put on hold", []string{statusOnHold}, alreadySo}
}

func completing() step {
	return step{orderComplete, "buildsequence/complete_order/", "complete", []string{statusCompleted}, alreadySo}
}

func (s step) declare() station.Verb {
	return declareOnLine(s.name, s.does+"; told none of the three, the order that runs on the line")
}

func (b *Backend) finishChangeover(ctx context.Context, d station.Delivery) station.Receipt {
	return b.take(ctx, d, finishing())
}

func (b *Backend) holdOrder(ctx context.Context, d station.Delivery) station.Receipt {
	return b.take(ctx, d, holding())
}

func (b *Backend) completeOrder(ctx context.Context, d station.Delivery) station.Receipt {
	return b.take(ctx, d, completing())
}

// lookAtOrder reads the order that a step is for.
func (b *Backend) lookAtOrder(ctx context.Context, d station.Delivery) ([]byte, station.Receipt) {
	g, rc := b.meant(ctx, d)
	if rc.Outcome != station.Delivered {
		return nil, api.Unread(rc)
	}
	return g.marshal(), rc
}

// meant finds the order that a step is for: the one of that id, or the one that
// runs on the line. An order of an id that L2L does not show is known by its id
// alone.
func (b *Backend) meant(ctx context.Context, d station.Delivery) (glimpse, station.Receipt) {
	if err := toldOnce(d); err != nil {
		return glimpse{}, api.Refuse(err)
	}
	if id := stepID(d); id != "" {
		o, shown, rc := b.orderOf(ctx, lineOf(d), id)
		if rc.Outcome == station.Delivered && !shown {
			o = Order{ID: id}
		}
		return o.glimpse(), rc
	}
	now, rc := b.currentFor(ctx, d)
	if rc.Outcome != station.Delivered {
		return glimpse{}, rc
	}
	it, told := now.is(d)
	switch {
	case now.ID == "":
		return glimpse{}, api.Refusef("line %v runs no order", lineOf(d))
	case told && !it:
		return glimpse{}, api.Refusef("line %v runs %v, not %s", lineOf(d), now, wanted(d))
	}
	return now, rc
}

// stepID is the id of the order that a step is for, where that does not depend on
// what runs. One that was held because the line runs something else by now, and that
// a person has sent all the same, is for the order that ran at the event: they mean
// that one, and not whatever runs when they decide.
func stepID(d station.Delivery) string {
	if d.With["id"] != "" || !d.Insists || d.With["product"] != "" || d.With["externalid"] != "" {
		return d.With["id"]
	}
	if seen := d.With[station.LastSeen]; seen != station.NoOrder {
		return seen
	}
	return ""
}

// wanted says in words which order an action names.
func wanted(d station.Delivery) string {
	if product := d.With["product"]; product != "" {
		return "an order of product " + product
	}
	return "the order with the external id " + d.With["externalid"]
}

// take makes one attempt at a step.
func (b *Backend) take(ctx context.Context, d station.Delivery, s step) station.Receipt {
	before, known, err := remembered(d)
	if err == nil {
		err = toldOnce(d)
	}
	if err != nil {
		return api.Refuse(err)
	}
	if d.Doubtful {
		if !known {
			before.ID = stepID(d)
		}
		if rc, settled := b.settleStep(ctx, d, s, before); settled {
			return rc
		}
		return b.sendStep(ctx, d, s, before.ID)
	}
	if !known {
		now, rc := b.meant(ctx, d)
		if rc.Outcome != station.Delivered {
			return api.Unread(rc)
		}
		before = now
	}
	if slices.Contains(s.proof, before.Status) {
		return station.Receipt{Outcome: station.Delivered, Ref: before.ID, Note: s.before}
	}
	if stepID(d) == "" { // an order that is named by its id does not depend on what runs
		if err := tooLate(d, before); err != nil {
			return api.Refuse(err)
		}
	}
	return b.sendStep(ctx, d, s, before.ID)
}

// settleStep settles what an earlier attempt came to. It is not settled when the
// order stands as it stood before and the step may be taken.
func (b *Backend) settleStep(ctx context.Context, d station.Delivery, s step, before glimpse) (rc station.Receipt, settled bool) {
	if before.ID == "" {
		return api.Undecided("which order of line %v it was for is not known", lineOf(d)), true
	}
	now, shown, rc := b.orderOf(ctx, lineOf(d), before.ID)
	switch {
	case rc.Outcome != station.Delivered:
		return api.UnreadInDoubt(rc), true
	case !shown:
		return api.Undecided("L2L does not show order %s any more; line %v runs %v", before.ID, lineOf(d), now.glimpse()), true
	case slices.Contains(s.proof, now.Status):
		return station.Receipt{Outcome: station.Delivered, Ref: now.ID, Note: byWhomUnsure}, true
	case now.Status == "" || now.Status != before.Status:
		return api.Undecided("order %s of line %v had the status %q and now has %q", before.ID, lineOf(d), before.Status, now.Status), true
	case d.Settle > 0:
		return api.TooEarly(d), true
	case d.LookOnly:
		return api.Absent(), true
	}
	return station.Receipt{}, false
}

func (b *Backend) sendStep(ctx context.Context, d station.Delivery, s step, id string) station.Receipt {
	form := url.Values{"site": {b.site}, "id": {id}}
	lineOf(d).tell(form)
	_, rc := b.post(ctx, s.path, form)
	if rc.Outcome == station.Delivered {
		rc.Ref = id
	}
	return rc
}
