package l2l

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"stationd/internal/api"
	"stationd/internal/station"
)

// An ending is a way to end a dispatch: its path, and what L2L says of one that
// has been ended so before.
type ending struct {
	path string
	done []string // texts of a no that means that it is done
	note string
}

func closing() ending {
	return ending{"dispatches/close/", []string{"already closed"}, "already closed"}
}

// completion completes a dispatch. One that is closed is completed as well.
func completion() ending {
	return ending{"dispatches/complete/", []string{"already completed", "already closed"}, "already completed"}
}

// closeVerb has no Lane of its own: a close belongs into the lane of the call
// that it ends, whatever machine that stands at. Its machine and type are for
// the binding, which says with them which of its calls it closes; L2L is told
// the dispatch alone.
func closeVerb() station.Verb { return endVerb(dispatchClose, "Close a dispatch", "closes") }

// completeVerb ends the call as closeVerb does: nobody is wanted at the machine
// any more. The dispatch stays on L2L's screen until somebody closes it there.
func completeVerb() station.Verb {
	return endVerb(dispatchComplete, "Complete a dispatch", "completes")
}

func endVerb(name, does, ends string) station.Verb {
	return station.Verb{
		Name: name,
		Does: does,
		Fields: []station.Field{
			{Name: "dispatch", Type: station.Integer, Anywhere: true, Help: "id of the dispatch (not its number); without it the one that this call opened"},
			{Name: "machine", Help: ends + " only calls at this machine: SEAL-1"},
			{Name: "type", Help: ends + " only calls of this dispatch type: MAINT"},
		},
		Ends: "dispatch",
	}
}

func (b *Backend) closeDispatch(ctx context.Context, d station.Delivery) station.Receipt {
	return b.endDispatch(ctx, d, closing())
}

func (b *Backend) completeDispatch(ctx context.Context, d station.Delivery) station.Receipt {
	return b.endDispatch(ctx, d, completion())
}

// endDispatch ends a dispatch. In doubt it does so again: ending what is ended
// changes nothing, and L2L says that it is. Where it says no in other words, the
// dispatch itself is asked: what it shows as over is over.
func (b *Backend) endDispatch(ctx context.Context, d station.Delivery, e ending) station.Receipt {
	id := d.With["dispatch"]
	if id == "" {
		id = d.Ref
	}
	if id == "" {
		return api.RefuseBecause("no-call", nil, "nothing says which dispatch is meant: neither the field dispatch nor an open that it belongs to")
	}
	if n, err := strconv.ParseUint(id, 10, 63); err != nil || n == 0 {
		return api.RefuseBecause("value", []string{"field", "dispatch"}, "%q is not the id of a dispatch: a whole number is wanted", id)
	}
	_, rc := b.post(ctx, e.path+id+"/", nil)
	if rc.Outcome == station.Delivered {
		rc.Ref = id
		return rc
	}
	text, said := refusal(rc)
	if !said {
		return rc
	}
	over := e.saysDone(text)
	if !over {
		row, shown, read := b.dispatchOf(ctx, id)
		if read.Outcome != station.Delivered && read.Outcome != station.Refused {
			return api.Unread(read) // what the no means is asked again
		}
		over = shown && row.over()
	}
	if over {
		return station.Receipt{Outcome: station.Delivered, Ref: id, Note: e.note}
	}
	return rc
}

// saysDone reports whether L2L's words say that it is done already.
func (e ending) saysDone(text string) bool {
	for _, done := range e.done {
		if strings.Contains(text, done) {
			return true
		}
	}
	return false
}

// dispatchOf reads one dispatch by its id. shown is false where L2L does not
// show it, whatever it shows instead.
//
//	GET dispatches/?site=12&id=90017
func (b *Backend) dispatchOf(ctx context.Context, id string) (row Dispatch, shown bool, rc station.Receipt) {
	rows, rc := get[shownDispatch](ctx, b, pathDispatches, url.Values{"id": {id}})
	if rc.Outcome != station.Delivered {
		return Dispatch{}, false, rc
	}
	for _, shown := range rows.List {
		if row := b.dispatch(shown); row.ID == id {
			return row, true, rc
		}
	}
	return Dispatch{}, false, rc
}
