package lagerkoll

import (
	"context"
	"encoding/json"
	"fmt"

	"stationd/internal/api"
	"stationd/internal/station"
)

const (
	alreadySo    = "already so"
	byWhomUnsure = "it is so, by whom cannot be told"
)

// An act is a delivery that was read and found possible.
type act interface {
	look(ctx context.Context, b *Backend) ([]byte, station.Receipt)
	deliver(ctx context.Context, b *Backend, d station.Delivery) station.Receipt
}

// steps are what the verbs do differently. S is how the verb's subject stands.
type steps[S any] interface {
	// stand reads how the subject stands. before is nil while nothing has been
	// read yet; it may say where to look.
	stand(ctx context.Context, b *Backend, before *S) (S, station.Receipt)

	// ready says what is to be done while it is certain that nothing arrived. done
	// is true where nothing is to be sent.
	ready(before S) (rc station.Receipt, done bool)

	// judge says whether an earlier attempt lies between before and now. before is
	// nil where it is not known.
	judge(before *S, now S) ruling

	// send makes the one request that changes something.
	send(ctx context.Context, b *Backend, now S) station.Receipt
}

// A verdict is what comparing two stands says of an earlier attempt.
type verdict uint8

const (
	unclear verdict = iota
	applied
	likely // it is there, unless another station did the same
	absent
)

// A ruling is a verdict and what belongs to it.
type ruling struct {
	verdict verdict
	facts   string // what a person needs who must decide
	ref     string // what Lagerkoll calls what is there
	note    string
}

// doing carries out the steps of a verb by the rules of doubt, which are the
// same for all of them.
type doing[S any] struct{ steps[S] }

// look reads what deliver will need to compare with.
func (a doing[S]) look(ctx context.Context, b *Backend) ([]byte, station.Receipt) {
	now, rc := a.stand(ctx, b, nil)
	if rc.Outcome != station.Delivered {
		return nil, api.Unread(rc)
	}
	raw, err := json.Marshal(now)
	if err != nil {
		return nil, api.Refuse(err)
	}
	return raw, rc
}

// deliver makes one attempt; in doubt it first reads what became of the earlier
// one.
func (a doing[S]) deliver(ctx context.Context, b *Backend, d station.Delivery) station.Receipt {
	var before *S
	if len(d.Before) > 0 {
		before = new(S)
		if err := json.Unmarshal(d.Before, before); err != nil {
			return api.Refusef("what there was before cannot be read any more: %v", err)
		}
	}
	if d.Doubtful {
		return a.settle(ctx, b, d, before)
	}
	if before == nil {
		now, rc := a.stand(ctx, b, nil)
		if rc.Outcome != station.Delivered {
			return api.Unread(rc)
		}
		before = &now
	}
	if rc, done := a.ready(*before); done {
		return rc
	}
	return a.send(ctx, b, *before)
}

// unreadable is the receipt of a read that Lagerkoll answered in order, and whose
// answer does not tell what was asked. Asking again would bring the same, so it
// is as good as a no.
func unreadable(format string, args ...any) station.Receipt {
	return station.Receipt{Outcome: station.Refused,
		Err: fmt.Errorf("Lagerkoll's answer does not tell "+format, args...)}
}

// settle settles what an earlier attempt came to, and sends again only where
// there is certainly no trace of it.
func (a doing[S]) settle(ctx context.Context, b *Backend, d station.Delivery, before *S) station.Receipt {
	now, rc := a.stand(ctx, b, before)
	if rc.Outcome != station.Delivered {
		return api.UnreadInDoubt(rc)
	}
	r := a.judge(before, now)
	switch {
	case r.verdict == applied, r.verdict == likely && b.exclusive:
		return station.Receipt{Outcome: station.Delivered, Ref: r.ref, Note: r.note}
	case r.verdict == likely:
		return api.Undecided("%s; another station may have done it", r.facts)
	case r.verdict == unclear && d.Settle == 0: // before that it may have arrived between the two reads
		return api.Undecided("%s", r.facts)
	case d.Settle > 0:
		return api.TooEarly(d)
	case d.LookOnly:
		return api.Absent()
	}
	return a.send(ctx, b, now)
}
