package l2l

import (
	"context"
	"net/url"

	"stationd/internal/api"
	"stationd/internal/station"
)

const changeoverStart = "changeover.start"

func startVerb() station.Verb {
	return declareOnLine(changeoverStart, "start; told none of the three, L2L starts the next order of the line")
}

// lookBeforeStart reads what the line runs before it is changed over.
func (b *Backend) lookBeforeStart(ctx context.Context, d station.Delivery) ([]byte, station.Receipt) {
	if err := toldOnce(d); err != nil {
		return nil, api.Refuse(err)
	}
	now, rc := b.currentFor(ctx, d)
	if rc.Outcome != station.Delivered {
		return nil, api.Unread(rc)
	}
	return now.marshal(), rc
}

// startChangeover starts an order of a line. It acts only when it knows what
// runs there: told a product or nothing, L2L starts the next order that fits, so
// that doing it twice would start the one after it.
func (b *Backend) startChangeover(ctx context.Context, d station.Delivery) station.Receipt {
	before, known, err := remembered(d)
	if err == nil {
		err = toldOnce(d)
	}
	if err != nil {
		return api.Refuse(err)
	}
	if d.Doubtful {
		if rc, settled := b.settleStart(ctx, d, before, known); settled {
			return rc
		}
		return b.sendStart(ctx, d)
	}
	if !known {
		now, rc := b.currentFor(ctx, d)
		if rc.Outcome != station.Delivered {
			return api.Unread(rc)
		}
		before = now
	}
	switch it, _ := before.is(d); {
	case it && before.ID != "" && d.With["product"] != "":
		return b.productRuns(ctx, d, before)
	case it && before.ID != "":
		return station.Receipt{Outcome: station.Delivered, Ref: before.ID, Note: alreadySo}
	}
	if err := tooLate(d, before); err != nil {
		return api.Refuse(err)
	}
	return b.sendStart(ctx, d)
}

// settleStart settles what an earlier attempt came to. It is not settled when
// the line runs what it ran before and may be changed over; where that is what is
// wanted, the earlier attempt sent nothing.
func (b *Backend) settleStart(ctx context.Context, d station.Delivery, before glimpse, known bool) (rc station.Receipt, settled bool) {
	now, rc := b.currentFor(ctx, d)
	it, _ := now.is(d)
	switch {
	case rc.Outcome != station.Delivered:
		return api.UnreadInDoubt(rc), true
	case it && now.ID != "" && (!known || now.ID != before.ID):
		return station.Receipt{Outcome: station.Delivered, Ref: now.ID, Note: byWhomUnsure}, true
	case !known:
		return api.Undecided("line %v runs %v, and what it ran before is not known", lineOf(d), now), true
	case now.ID != before.ID:
		return api.Undecided("line %v ran %v and now runs %v; whether this changeover did it cannot be told", lineOf(d), before, now), true
	case d.Settle > 0:
		return api.TooEarly(d), true
	case d.LookOnly:
		return api.Absent(), true
	}
	return station.Receipt{}, false
}

func (b *Backend) sendStart(ctx context.Context, d station.Delivery) station.Receipt {
	form := url.Values{"site": {b.site}}
	lineOf(d).tell(form)
	put(form, "productcode", d, "product")
	put(form, "id", d, "id")
	put(form, "externalid", d, "externalid")
	id, rc := b.post(ctx, "buildsequence/start_change_over/", form)
	rc.Ref = id
	return rc
}
