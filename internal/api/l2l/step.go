package l2l

import (
	"context"
	"fmt"
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
	name    string
	path    string
	does    string   // for people
	verb    string   // what it does to the order, for the fields
	done    []string // statuses that show that it has been done
	already string   // the note where it had been done before anything was sent
}

// finishing may be skipped, by L2L's own words, where no time is planned for the
// changeover: such an order is in progress at once, and there is nothing to do.
func finishing() step {
	return step{changeoverFinish, "buildsequence/finish_change_over/", "Finish the changeover of a line", "finish the changeover of",
		[]string{statusInProgress, statusCompleted, statusCleanup, statusPaused}, "the order is in progress already: there is no changeover to finish"}
}

func holding() step {
	return step{orderHold, "buildsequence/put_order_on_hold/", "Put an order on hold", "put on hold", []string{statusOnHold}, alreadySo}
}

func completing() step {
	return step{orderComplete, "buildsequence/complete_order/", "Complete an order", "complete", []string{statusCompleted}, alreadySo}
}

func (s step) declare() station.Verb {
	v := declareOnLine(s.name, s.does, s.verb+"; told none of the three, the order that runs on the line")
	v.Irreversible = s.name == orderComplete
	return v
}

// A stepDelivery is a delivery of a step.
type stepDelivery struct {
	step
	d station.Delivery
}

func (s step) newDelivery(_ *Backend, d station.Delivery) (action, error) {
	return api.Compared(stepDelivery{s, d}), checkOneSelector(d)
}

// Read reads the order that the step is for. In doubt that is the one that was read
// first, or that the action names; where neither is known nothing is read.
func (s stepDelivery) Read(ctx context.Context, b *Backend, before *orderSeen) (orderSeen, station.Receipt) {
	if !s.d.Doubtful {
		return b.targetOrder(ctx, s.d)
	}
	id := s.id(before)
	if id == "" {
		return orderSeen{}, station.Receipt{Outcome: station.Delivered}
	}
	o, shown, rc := b.orderOf(ctx, lineOf(s.d), id)
	now := o.seen()
	now.another = !shown
	return now, rc
}

// id is the id of the order, as far as it was known before; "" where it was not.
func (s stepDelivery) id(before *orderSeen) string {
	if before == nil {
		return stepID(s.d)
	}
	return before.ID
}

func (s stepDelivery) Ready(_ context.Context, _ *Backend, before orderSeen) (rc station.Receipt, done bool) {
	if slices.Contains(s.done, before.Status) {
		return station.Receipt{Outcome: station.Delivered, Ref: before.ID, Note: s.already}, true
	}
	if stepID(s.d) == "" { // an order that is named by its id does not depend on what runs
		if err := tooLate(s.d, before); err != nil {
			return api.Refuse(err), true
		}
	}
	return station.Receipt{}, false
}

func (s stepDelivery) Compare(_ *Backend, before *orderSeen, now orderSeen) api.Finding {
	id, status := s.id(before), ""
	if before != nil {
		status = before.Status
	}
	switch {
	case id == "":
		return api.Finding{Facts: fmt.Sprintf("which order of line %v it was for is not known", lineOf(s.d))}
	case now.another:
		return api.Finding{Facts: fmt.Sprintf("L2L does not show order %s any more; line %v runs %v", id, lineOf(s.d), now)}
	case slices.Contains(s.done, now.Status):
		return api.Finding{Verdict: api.Applied, Ref: now.ID, Note: byWhomUnsure}
	case now.Status == "" || now.Status != status:
		return api.Finding{Facts: fmt.Sprintf("order %s of line %v had the status %q and now has %q", id, lineOf(s.d), status, now.Status)}
	}
	return api.Finding{Verdict: api.Missing}
}

func (s stepDelivery) Send(ctx context.Context, b *Backend, now orderSeen) station.Receipt {
	form := b.newForm()
	form.Set("id", now.ID)
	lineOf(s.d).addTo(&form)
	_, rc := b.post(ctx, s.path, form)
	if rc.Outcome == station.Delivered {
		rc.Ref = now.ID
	}
	return rc
}

// targetOrder finds the order that a step is for: the one of that id, or the one that
// runs on the line. An order of an id that L2L does not show is known by its id
// alone.
func (b *Backend) targetOrder(ctx context.Context, d station.Delivery) (orderSeen, station.Receipt) {
	if id := stepID(d); id != "" {
		o, shown, rc := b.orderOf(ctx, lineOf(d), id)
		if rc.Outcome == station.Delivered && !shown {
			o = Order{ID: id}
		}
		return o.seen(), rc
	}
	now, rc := b.currentFor(ctx, d)
	if rc.Outcome != station.Delivered {
		return orderSeen{}, rc
	}
	it, told := now.matches(d)
	switch {
	case now.ID == "":
		return orderSeen{}, api.RefuseBecause("line-runs-none", []string{"line", lineOf(d).String()}, "line %v runs no order", lineOf(d))
	case told && !it:
		return orderSeen{}, api.RefuseBecause("line-runs-other", []string{"line", lineOf(d).String()}, "line %v runs %v, not %s", lineOf(d), now, wanted(d))
	}
	return now, rc
}

// stepID is the id of the order that a step is for, where that does not depend on
// what runs. One that was held because the line runs something else by now, and that
// a person has sent all the same, is for the order that ran at the event: they mean
// that one, and not whatever runs when they decide.
func stepID(d station.Delivery) string {
	if d.With["id"] != "" || !d.Forced || d.With["product"] != "" || d.With["externalid"] != "" {
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
