package api

import (
	"context"
	"encoding/json"
	"fmt"

	"stationd/internal/station"
)

// This file says what is done about an entry that is in doubt: an earlier attempt may have
// arrived, because its answer was lost. The rule is the same for every verb of every vendor:
// look it up, and send again only where the records prove that it is not there. What to
// read, what that proves and what to send is the verb's to say.

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
	Facts   string        // of Unproven and Likely: what a person needs who must decide
	Ref     string        // of Applied: what the vendor calls what is there
	Note    string        // of Applied: what a person should know
	Marks   station.Marks // of Applied: whether the vendor shows marks; see station.Marks
}

// Settle says what an earlier attempt at d came to, by what was found. send is true
// where it certainly left no trace and may be made again; rc is then empty.
//
// Missing and Unproven count only when the settle time is over: until then the attempt may
// still be on its way, and another read may show it.
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

// Steps are the parts of a verb whose earlier attempt is found by comparing: how things stand
// now with how they stood before it. B is the backend, and S what is read and compared. S is
// kept on disk as JSON from the first look on, so it has no more than comparing needs.
type Steps[B, S any] interface {
	// Read reads how things stand. before is what was read first, nil where nothing
	// was; it may say where to look.
	Read(ctx context.Context, b B, before *S) (S, station.Receipt)

	// Ready is asked before the first attempt, or while it is certain that none arrived.
	// done is true where nothing is to be sent; rc is then the answer to the delivery.
	Ready(ctx context.Context, b B, before S) (rc station.Receipt, done bool)

	// Compare says whether an earlier attempt lies between before and now. before is
	// nil where it is not known.
	Compare(b B, before *S, now S) Finding

	// Send makes the one request that changes something.
	Send(ctx context.Context, b B, now S) station.Receipt
}

// A Change is an action that is made once in effect, however often it is attempted: in doubt
// it is looked up first.
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

// NotTold is the receipt of a read whose answer is well-formed but lacks what was asked for.
// Asking again would bring the same, so the delivery is refused.
func NotTold(vendor, format string, args ...any) station.Receipt {
	return RefuseBecause("not-told", nil, "%s's answer does not tell %s", vendor, fmt.Sprintf(format, args...))
}
