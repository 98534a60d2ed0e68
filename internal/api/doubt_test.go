package api

import (
	"context"
	"errors"
	"testing"
	"time"

	"stationd/internal/station"
)

func TestWhatIsFoundOfAnEarlierAttemptDecidesWhatIsDone(t *testing.T) {
	t.Parallel()
	const settling = 20 * time.Second
	for sentence, test := range map[string]struct {
		found    Finding
		settle   time.Duration
		lookOnly bool
		want     station.Outcome
		is       error
		send     bool
	}{
		"what is there is delivered":                                  {Finding{Verdict: Applied}, 0, false, station.Delivered, nil, false},
		"what is there is delivered, also before the time is over":    {Finding{Verdict: Applied}, settling, true, station.Delivered, nil, false},
		"what another may have done is held":                          {Finding{Verdict: Likely}, settling, false, station.Doubtful, station.ErrUndecided, false},
		"what proves nothing is held":                                 {Finding{}, 0, false, station.Doubtful, station.ErrUndecided, false},
		"what proves nothing is not held before the time is over":     {Finding{}, settling, false, station.Doubtful, nil, false},
		"what is not there is not sent again before the time is over": {Finding{Verdict: Missing}, settling, false, station.Doubtful, nil, false},
		"what is not there is noted on disk first":                    {Finding{Verdict: Missing}, 0, true, station.Unreached, station.ErrAbsent, false},
		"what is not there is sent again":                             {Finding{Verdict: Missing}, 0, false, 0, nil, true},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			rc, send := test.found.Settle(station.Delivery{Doubtful: true, Settle: test.settle, LookOnly: test.lookOnly})
			if rc.Outcome != test.want || send != test.send || test.is != nil && !errors.Is(rc.Err, test.is) {
				t.Errorf("%+v, and sent again: %v", rc, send)
			}
			if held := errors.Is(rc.Err, station.ErrUndecided); held && test.is == nil || rc.Wait > 0 && rc.Wait != test.settle {
				t.Errorf("%+v", rc)
			}
		})
	}
}

// counted is a counter at a vendor that a change raises by one.
type counted struct {
	read, sent int
	refuses    bool // to be read
}

type raise struct{}

func (raise) Read(_ context.Context, c *counted, _ *int) (int, station.Receipt) {
	if c.refuses {
		return 0, Refusef("the counter is not shown")
	}
	c.read++
	return c.sent, station.Receipt{Outcome: station.Delivered}
}

func (raise) Ready(context.Context, *counted, int) (station.Receipt, bool) {
	return station.Receipt{}, false
}

func (raise) Compare(_ *counted, before *int, now int) Finding {
	switch {
	case before == nil:
		return Finding{}
	case now == *before:
		return Finding{Verdict: Missing}
	}
	return Finding{Verdict: Applied}
}

func (raise) Send(_ context.Context, c *counted, _ int) station.Receipt {
	c.sent++
	return station.Receipt{Outcome: station.Delivered}
}

func TestAChangeInDoubtIsComparedAndACertainOneIsMade(t *testing.T) {
	t.Parallel()
	change := Compared(raise{})
	c := &counted{}
	before, rc := change.Look(t.Context(), c)
	if string(before) != "0" || rc.Outcome != station.Delivered {
		t.Fatalf("%s, %+v", before, rc)
	}
	deliver := func(before string, doubtful bool) station.Receipt {
		t.Helper()
		return change.Deliver(t.Context(), c, station.Delivery{Before: []byte(before), Doubtful: doubtful})
	}
	if rc := deliver("0", false); rc.Outcome != station.Delivered || c.sent != 1 || c.read != 1 {
		t.Errorf("with a look on disk: %+v, %+v", rc, c)
	}
	if rc := deliver("", false); rc.Outcome != station.Delivered || c.sent != 2 || c.read != 2 {
		t.Errorf("without a look: %+v, %+v", rc, c)
	}
	if rc := deliver("1", true); rc.Outcome != station.Delivered || c.sent != 2 {
		t.Errorf("in doubt, and it is there: %+v, %+v", rc, c)
	}
	if rc := deliver("2", true); rc.Outcome != station.Delivered || c.sent != 3 {
		t.Errorf("in doubt, and it is not there: %+v, %+v", rc, c)
	}
	if rc := deliver(`"torn`, true); !errors.Is(rc.Err, station.ErrUndecided) || c.sent != 3 {
		t.Errorf("in doubt, and the look cannot be read any more: %+v", rc)
	}
	if rc := deliver(`"torn`, false); rc.Outcome != station.Refused || c.sent != 3 {
		t.Errorf("the look cannot be read any more: %+v", rc)
	}
	c.refuses = true
	if rc := deliver("3", true); !errors.Is(rc.Err, station.ErrNotShown) || c.sent != 3 {
		t.Errorf("in doubt, and the vendor shows nothing: %+v", rc)
	}
	if _, rc := change.Look(t.Context(), c); rc.Outcome != station.Refused {
		t.Errorf("the vendor shows nothing: %+v", rc)
	}
}
