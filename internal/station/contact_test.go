package station

import (
	"errors"
	"fmt"
	"testing"
)

func TestNoContactIsSaidOnlyOfABackendThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	why := func(err error) error { return fmt.Errorf("why: %w", err) }
	other := errors.New("something")
	was := Contact{Kind: Connected}
	paused := Contact{Kind: Connected, Fault: "the key is wrong"}
	for _, c := range []struct {
		so       string
		before   Contact
		rc       Receipt
		doubtful bool
		want     ContactKind
		fault    bool
	}{
		{"it did it", was, Receipt{Outcome: Delivered}, false, Connected, false},
		{"it said no", was, Receipt{Outcome: Refused, Err: other}, false, Connected, false},
		{"it says that there are too many requests", was, Receipt{Outcome: Unreached, Answered: true, Err: other}, false, Connected, false},
		{"the key is wrong", was, Receipt{Outcome: Unreached, Answered: true, Err: why(ErrKey)}, false, Connected, true},
		{"nobody answers", was, Receipt{Outcome: Unreached, Err: other}, false, NoContact, false},
		{"nobody answers the look-up", was, Receipt{Outcome: Unreached, Err: other}, true, NoContact, false},
		{"the answer was lost", was, Receipt{Outcome: Doubtful, Err: other}, false, Confirming, false},
		{"its server failed", was, Receipt{Outcome: Doubtful, Answered: true, Err: why(ErrFailed)}, false, Confirming, false},
		{"its answer cannot be read", was, Receipt{Outcome: Doubtful, Answered: true, Err: why(ErrUnreadable)}, false, Confirming, false},
		{"the answer to a look-up cannot be read", was, Receipt{Outcome: Unreached, Answered: true, Err: why(ErrUnreadable)}, true, Confirming, false},
		{"it shows no trace yet", was, Receipt{Outcome: Doubtful, Answered: true, Wait: 1, Err: other}, true, Confirming, false},
		{"it says too many requests to the look-up", was, Receipt{Outcome: Unreached, Answered: true, Err: other}, true, Confirming, false},
		{"its records cannot tell, and a person decides", was, Receipt{Outcome: Doubtful, Answered: true, Err: why(ErrUndecided)}, true, Connected, false},
		{"it did what was in doubt", was, Receipt{Outcome: Delivered}, true, Connected, false},
		{"an entry that was not meant for it", Contact{Kind: NoContact}, Receipt{Outcome: Refused, Err: why(ErrMisfit)}, false, NoContact, false},
		{"the key was wrong, and it says too many requests", paused, Receipt{Outcome: Unreached, Answered: true, Err: other}, false, Connected, true},
		{"the key was wrong, and nobody answers", paused, Receipt{Outcome: Unreached, Err: other}, false, NoContact, true},
		{"the key was wrong, and it did it", paused, Receipt{Outcome: Delivered}, false, Connected, false},
	} {
		got := c.before.After(c.rc, c.doubtful)
		trouble := map[bool]Trouble{errors.Is(c.rc.Err, ErrFailed): Failing, errors.Is(c.rc.Err, ErrUnreadable): Unreadable}[true]
		if got.Trouble != trouble {
			t.Errorf("%s: the trouble is %q, want %q", c.so, got.Trouble, trouble)
		}
		if got.Kind != c.want || (got.Fault != "") != c.fault {
			t.Errorf("%s: %+v, want %q and a fault: %v", c.so, got, c.want, c.fault)
		}
		if offline := (Health{Backends: map[string]Contact{"l2l": got}}).offline(); offline != (c.want == NoContact) {
			t.Errorf("%s: a stack light says out of reach: %v", c.so, offline)
		}
	}
}
