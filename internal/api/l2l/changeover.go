package l2l

import (
	"context"
	"fmt"

	"stationd/internal/api"
	"stationd/internal/station"
)

const changeoverStart = "changeover.start"

func startVerb() station.Verb {
	return declareOnLine(changeoverStart, "Start the changeover of a line to an order", "start; told none of the three, L2L starts the next order of the line")
}

// A start is a delivery of changeover.start. It acts only when it knows what runs
// there: told a product or nothing, L2L starts the next order that fits, so that
// doing it twice would start the one after it.
type start struct{ d station.Delivery }

func newStart(_ *Backend, d station.Delivery) (action, error) {
	return api.Compared(start{d}), checkOneSelector(d)
}

// Read reads what the line runs.
func (s start) Read(ctx context.Context, b *Backend, _ *orderSeen) (orderSeen, station.Receipt) {
	return b.currentFor(ctx, s.d)
}

func (s start) Ready(ctx context.Context, b *Backend, before orderSeen) (rc station.Receipt, done bool) {
	switch it, _ := before.matches(s.d); {
	case it && before.ID != "" && s.d.With["product"] != "":
		return b.runsAlready(ctx, s.d, before), true
	case it && before.ID != "":
		return station.Receipt{Outcome: station.Delivered, Ref: before.ID, Note: alreadySo}, true
	}
	if err := tooLate(s.d, before); err != nil {
		return api.Refuse(err), true
	}
	return station.Receipt{}, false
}

// Compare takes it that nothing was sent where the line runs what it ran before, also
// where that is what is wanted.
func (s start) Compare(_ *Backend, before *orderSeen, now orderSeen) api.Finding {
	it, _ := now.matches(s.d)
	switch {
	case it && now.ID != "" && (before == nil || now.ID != before.ID):
		return api.Finding{Verdict: api.Applied, Ref: now.ID, Note: byWhomUnsure}
	case before == nil:
		return api.Finding{Facts: fmt.Sprintf("line %v runs %v, and what it ran before is not known", lineOf(s.d), now)}
	case now.ID != before.ID:
		return api.Finding{Facts: fmt.Sprintf("line %v ran %v and now runs %v; whether this changeover did it cannot be told", lineOf(s.d), before, now)}
	}
	return api.Finding{Verdict: api.Missing}
}

func (s start) Send(ctx context.Context, b *Backend, _ orderSeen) station.Receipt {
	form := b.newForm()
	lineOf(s.d).addTo(&form)
	put(&form, "productcode", s.d, "product")
	put(&form, "id", s.d, "id")
	put(&form, "externalid", s.d, "externalid")
	id, rc := b.post(ctx, "buildsequence/start_change_over/", form)
	rc.Ref = id
	return rc
}
