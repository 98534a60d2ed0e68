package l2l

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"stationd/internal/api"
	"stationd/internal/station"
)

// alreadyCritical is in L2L's words for a machine that is down for another
// dispatch, of whatever type that allows one at a time:
//
//	This Machine already has an open critical Dispatch.
const alreadyCritical = "already has an open critical dispatch"

// adopt does what L2L advises before a dispatch is opened: it looks for one of
// the same machine and type that is open, and takes that for the call.
//
//	GET dispatches/?site=12&machinecode=SEAL-1&dispatchtypecode=MAINT&open=T&order_by=-reported&limit=1
//
// What comes back is believed only when its own fields say what was asked for: a
// filter that L2L ignores would hide a call behind somebody else's. Where L2L
// does not show its dispatches the call is opened all the same, for a second
// dispatch does less harm than none.
func (b *Backend) adopt(ctx context.Context, d station.Delivery) (rc station.Receipt, settled bool) {
	rows, rc := get[shownDispatch](ctx, b, pathDispatches, url.Values{
		"machinecode":      {d.With["machine"]},
		"dispatchtypecode": {d.With["type"]},
		"open":             {"T"},
		"order_by":         {"-reported"},
		"limit":            {"1"},
	})
	switch rc.Outcome {
	case station.Delivered:
	case station.Refused:
		return station.Receipt{}, false
	default:
		return api.Unread(rc), true
	}
	for _, shown := range rows.List {
		row := b.dispatch(shown)
		if row.ID != "" && same(row.Machine, d.With["machine"]) && same(row.Type, d.With["type"]) && !row.over() {
			return adoptedReceipt(row, d), true
		}
	}
	return station.Receipt{}, false
}

// adoptedReceipt is the receipt of a call that is a dispatch which was open already: its
// own, by its mark, or somebody else's.
func adoptedReceipt(row Dispatch, d station.Delivery) station.Receipt {
	if d.ID.MarkedIn(row.Description) {
		return station.Receipt{Outcome: station.Delivered, Ref: row.ID, Number: row.Number}
	}
	return station.Receipt{Outcome: station.Delivered, Ref: row.ID, Number: row.Number, Note: adopted, Adopted: true}
}

// explainBlocked says what stands in the way of a call that L2L refused because the
// machine is down already. That may be a dispatch of another type, so the look
// asks for all that are open at the machine. The call itself among them is
// delivered; so is one of the same type for a call that is to be opened once.
func (b *Backend) explainBlocked(ctx context.Context, d station.Delivery, rc station.Receipt) station.Receipt {
	rows, _ := get[shownDispatch](ctx, b, pathDispatches, url.Values{
		"machinecode": {d.With["machine"]},
		"open":        {"T"},
		"order_by":    {"-reported"},
		"limit":       {strconv.Itoa(listLimit)},
	})
	var open []string
	for _, shown := range rows.List {
		row := b.dispatch(shown)
		if row.ID == "" || !same(row.Machine, d.With["machine"]) || row.over() {
			continue
		}
		ours := d.ID.MarkedIn(row.Description)
		if same(row.Type, d.With["type"]) && (ours || d.With["once"] == "true") {
			return adoptedReceipt(row, d)
		}
		open = append(open, b.inWords(row))
	}
	which := "L2L does not show which"
	if len(open) > 0 {
		which = "open there: " + strings.Join(open, ", ")
	}
	rc.Err = fmt.Errorf("machine %s is down for another call already, and L2L takes one at a time (%s): %w", d.With["machine"], which, rc.Err)
	return rc
}

// inWords says which dispatch a row is.
//
//	dispatch 2871001 of type MAINT, reported 2026-03-02 08:15
func (b *Backend) inWords(row Dispatch) string {
	name := "dispatch " + row.Number
	if row.Number == "" {
		name = "dispatch with the id " + row.ID
	}
	if row.Type != "" {
		name += " of type " + row.Type
	}
	if !row.Reported.IsZero() {
		name += ", reported " + row.Reported.In(b.zone).Format("2006-01-02 15:04")
	}
	return name
}
