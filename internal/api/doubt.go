package api

import (
	"context"
	"encoding/json"
	"fmt"

	"stationd/internal/station"
)

// This file is the rule of doubt: what is done about an entry whose earlier attempt
// may have arrived. It is the same for every verb of every vendor. A verb says what
// it reads, what that proves and what it sends; here stands in which order, and what
// is never sent.

// A Verdict is what a vendor's records say of an earlier attempt.
type Verdict uint8

// The verdicts. The zero value proves nothing.
const (
	Unproven Verdict = iota
	Applied          // it is there
	Likely           // it is there, unless another station did the same
	Missing          // it is certainly not there
)

// A Finding is a verdict and what belongs to it.
type Finding struct {
	Verdict Verdict
	Facts   string // of Unproven and Likely: what a person needs who must decide
	Ref     string // of Applied: what the vendor calls what is there
	Note    string // of Applied: what a person should know
	Marks   station.Marks
}

// Settle says what an earlier attempt at d came to, by what was found. send is true
// where it certainly left no trace and may be made again; rc is then empty.
//
// An absence counts only when the settle time is over, and so does a picture that
// proves nothing: the attempt may arrive between two reads.
func (f Finding) Settle(d station.Delivery) (rc station.Receipt, send bool) {
	switch {
	case f.Verdict == Applied:
		return station.Receipt{Outcome: station.Delivered, Ref: f.Ref, Note: f.Note, Marks: f.Marks}, false
	case f.Verdict == Likely:
		return Undecided("%s; another station may have done it", f.Facts), false
	case f.Verdict == Unproven && d.Settle == 0:
		return Undecided("%s", f.Facts), false
	case d.Settle > 0:
		return TooEarly(d), false
	case d.LookOnly:
		return Absent(), false
	}
	return station.Receipt{}, true
}

// Steps are what the verbs do differently that change something which is compared
// with what it was before. B is the backend, and S what is read: its JSON is on disk
// from the first look on, so that it holds what comparing needs and nothing more.
type Steps[B, S any] interface {
	// Read reads how things stand. before is what was read first, nil where nothing
	// was; it may say where to look.
	Read(ctx context.Context, b B, before *S) (S, station.Receipt)

	// Ready says what is to be done while it is certain that nothing arrived. done
	// is true where nothing is to be sent; rc then is what comes of the delivery.
	Ready(ctx context.Context, b B, before S) (rc station.Receipt, done bool)

	// Compare says whether an earlier attempt lies between before and now. before is
	// nil where it is not known.
	Compare(b B, before *S, now S) Finding

	// Send makes the one request that changes something.
	Send(ctx context.Context, b B, now S) station.Receipt
}

// A Change is a delivery that was read and found possible, and is carried out by the
// rule of doubt.
type Change[B any] interface {
	// Look reads what Deliver will need to compare with; see station.Looker.
	Look(ctx context.Context, b B) ([]byte, station.Receipt)

	// Deliver makes one attempt; in doubt it first reads what became of the earlier
	// one. See station.Backend.
	Deliver(ctx context.Context, b B, d station.Delivery) station.Receipt
}

// Compared returns the change that consists of these steps.
func Compared[B, S any](s Steps[B, S]) Change[B] { return compared[B, S]{s} }

type compared[B, S any] struct{ steps Steps[B, S] }

func (c compared[B, S]) Look(ctx context.Context, b B) ([]byte, station.Receipt) {
	now, rc := c.steps.Read(ctx, b, nil)
	if rc.Outcome != station.Delivered {
		return nil, Unread(rc)
	}
	raw, err := json.Marshal(now)
	if err != nil {
		return nil, Refuse(err)
	}
	return raw, rc
}

func (c compared[B, S]) Deliver(ctx context.Context, b B, d station.Delivery) station.Receipt {
	var before *S
	if len(d.Before) > 0 {
		before = new(S)
		if err := json.Unmarshal(d.Before, before); err != nil {
			return lost(d, err)
		}
	}
	if d.Doubtful {
		return c.again(ctx, b, d, before)
	}
	if before == nil {
		now, rc := c.steps.Read(ctx, b, nil)
		if rc.Outcome != station.Delivered {
			return Unread(rc)
		}
		before = &now
	}
	if rc, done := c.steps.Ready(ctx, b, *before); done {
		return rc
	}
	return c.steps.Send(ctx, b, *before)
}

// lost is the receipt of a delivery whose first look cannot be read any more.
func lost(d station.Delivery, err error) station.Receipt {
	const text = "what there was before cannot be read any more: %v"
	if d.Doubtful {
		return Undecided(text, err)
	}
	return Refusef(text, err)
}

// again settles what an earlier attempt came to, and sends again only where there is
// certainly no trace of it.
func (c compared[B, S]) again(ctx context.Context, b B, d station.Delivery, before *S) station.Receipt {
	now, rc := c.steps.Read(ctx, b, before)
	if rc.Outcome != station.Delivered {
		return UnreadInDoubt(rc)
	}
	if rc, send := c.steps.Compare(b, before, now).Settle(d); !send {
		return rc
	}
	return c.steps.Send(ctx, b, now)
}

// NotTold is the receipt of a read that a vendor answered in order, and whose answer
// does not tell what was asked. Asking again would bring the same, so it is as good
// as a no.
func NotTold(vendor, format string, args ...any) station.Receipt {
	return Refuse(fmt.Errorf("%s's answer does not tell %s", vendor, fmt.Sprintf(format, args...)))
}
