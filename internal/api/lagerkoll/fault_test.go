package lagerkoll

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"stationd/internal/api"
	"stationd/internal/plant"
	"stationd/internal/station"
)

// carry makes attempts at a delivery as a lane does, until it is delivered or
// held. Between two attempts so much time goes by that a backend which was asked
// to wait has waited.
func (f floor) carry(t *testing.T, d station.Delivery) station.Receipt {
	t.Helper()
	var verb station.Verb
	for _, v := range Verbs() {
		if v.Name == d.Verb {
			verb = v
		}
	}
	var rc station.Receipt
	for range 6 {
		if verb.Before && !d.Doubtful {
			var before []byte
			if before, rc = f.Look(t.Context(), d); rc.Outcome != station.Delivered {
				if rc.Outcome == station.Doubtful {
					t.Errorf("a look that failed left a doubt: %+v", rc)
				}
				if rc.Holds() != station.HoldNone {
					return rc
				}
				f.Backend = f.later()
				continue
			}
			d.Before = before
		}
		rc = f.Deliver(t.Context(), d)
		switch {
		case rc.Outcome == station.Delivered || rc.Holds() != station.HoldNone:
			return rc
		case rc.Outcome == station.Doubtful && d.Settle > 0:
			d.Settle = 0
		case rc.Outcome == station.Doubtful:
			d.Doubtful, d.Settle = true, time.Minute
		}
		d.Attempt++
		f.Backend = f.later()
	}
	return rc
}

// just is a fault that strikes once.
func just(fault plant.Fault) plant.Fault {
	fault.Next = 1
	return fault
}

// later is the backend after any time that it was asked to wait.
func (f floor) later() *Backend { return f.with(2 * time.Second) }

// with is the backend with another patience, having been asked nothing yet.
func (f floor) with(patience time.Duration) *Backend {
	client := api.New(api.Settings{Base: f.LagerkollURL(), Every: time.Microsecond, Response: patience, Log: slog.New(slog.DiscardHandler)})
	return &Backend{client: client, sign: f.sign, to: f.to, exclusive: f.exclusive, verbs: Verbs(), recent: newRecent(time.Microsecond)}
}

// onceOrHeld judges how often the vendor did what an entry says, by how it ended.
func onceOrHeld(t *testing.T, w told, writes int, rc station.Receipt) {
	t.Helper()
	delivered := rc.Outcome == station.Delivered
	switch {
	case writes > 1:
		t.Errorf("%s was done %d times: %+v", w.verb, writes, rc)
	case writes == 0 && delivered:
		t.Errorf("%s was not done, and called delivered: %+v", w.verb, rc)
	case !delivered && rc.Holds() == station.HoldNone:
		t.Errorf("%s is neither delivered nor held: %+v", w.verb, rc)
	}
}

func strikes() map[string]plant.Fault {
	return map[string]plant.Fault{
		"the answer is lost":                     {Kind: plant.Lost},
		"the request is lost":                    {Kind: plant.Reset},
		"the connection ends unanswered":         {Kind: plant.Down},
		"500 before anything is done":            {Kind: plant.ErrorBefore},
		"500 after everything is done":           {Kind: plant.ErrorAfter},
		"a gateway fails":                        {Kind: plant.BadGateway},
		"too many requests, and for how long":    {Kind: plant.TooMany, RetryAfter: time.Second},
		"too many requests, and no word of when": {Kind: plant.TooMany},
		"the answer is cut off":                  {Kind: plant.Truncated},
		"a captive portal answers":               {Kind: plant.HTML},
		"a redirect":                             {Kind: plant.Redirect},
		"the common error":                       {Kind: plant.Refusal},
	}
}

// all carries a delivery of every verb through the same fault, one after the
// other on one floor, and hands what became of each to judge.
func (f floor) all(t *testing.T, fault plant.Fault, judge func(w told, writes int, rc station.Receipt)) {
	t.Helper()
	for _, w := range everyVerb() {
		f.ClearFaults()
		if fault.Kind != "" {
			f.acts(just(fault))
		}
		f.Backend = f.later()
		before := len(f.Writes())
		rc := f.carry(t, f.deliveryOf(w.verb, w.with))
		judge(w, len(f.Writes())-before, rc)
	}
}

func TestWhateverStrikesAnEntryIsDoneOnceOrHeld(t *testing.T) {
	t.Parallel()
	for sentence, fault := range strikes() {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			newFloor(t, nil, exclusive).all(t, fault, func(w told, writes int, rc station.Receipt) {
				if rc.Outcome != station.Delivered || writes != 1 {
					t.Errorf("%s, alone on its orders, was done %d times and ends %v: %v", w.verb, writes, rc.Outcome, rc.Err)
				}
			})
		})
	}
}

func TestAStationThatIsNotAloneHoldsWhatItCannotTell(t *testing.T) {
	t.Parallel()
	for _, fault := range []plant.Fault{{Kind: plant.Lost}, {Kind: plant.Reset}} {
		t.Run(string(fault.Kind), func(t *testing.T) {
			t.Parallel()
			newFloor(t, nil, nil).all(t, fault, func(w told, writes int, rc station.Receipt) { onceOrHeld(t, w, writes, rc) })
		})
	}
}

// The request is taken up when nobody waits for its answer any more, while the
// settle time still runs.
func TestAnEffectThatComesLateIsNotRepeated(t *testing.T) {
	t.Parallel()
	for i, w := range everyVerb() {
		t.Run(w.name(i), func(t *testing.T) {
			t.Parallel()
			f := newFloor(t, nil, exclusive)
			d := f.deliveryOf(w.verb, w.with)
			before, rc := f.Look(t.Context(), d)
			if rc.Outcome != station.Delivered {
				t.Fatal(rc.Err)
			}
			d.Before = before
			f.Backend = f.with(600 * time.Millisecond)
			f.acts(plant.Fault{Kind: plant.Late, Delay: 1200 * time.Millisecond, Next: 1})
			if rc := f.Deliver(t.Context(), d); rc.Outcome != station.Doubtful {
				t.Fatalf("%+v", rc)
			}
			f.ClearFaults()
			f.Backend = f.later()
			d = inDoubt(d)
			d.Settle = time.Minute
			if rc := f.Deliver(t.Context(), d); rc.Outcome == station.Delivered && len(f.Writes()) == 0 {
				t.Fatalf("it is called delivered before it is: %+v", rc)
			}
			for tick, end := time.NewTicker(10*time.Millisecond), time.After(10*time.Second); len(f.Writes()) == 0; {
				select {
				case <-tick.C:
				case <-end:
					t.Fatal("the late effect never came")
				}
			}
			d.Settle = 0
			rc = f.Deliver(t.Context(), d)
			if rc.Outcome != station.Delivered {
				t.Errorf("%+v", rc)
			}
			onceOrHeld(t, w, len(f.Writes()), rc)
		})
	}
}

// Somebody else does the same just after our attempt went astray.
func TestASecondUserWhoDoesTheSameIsNotDoubled(t *testing.T) {
	t.Parallel()
	for _, fault := range []plant.Fault{{Kind: plant.Lost}, {Kind: plant.Reset}} {
		for i, w := range everyVerb() {
			t.Run(fmt.Sprintf("%s, %s", fault.Kind, w.name(i)), func(t *testing.T) {
				t.Parallel()
				f := newFloor(t, nil, nil)
				d := f.deliveryOf(w.verb, w.with)
				before, rc := f.Look(t.Context(), d)
				if rc.Outcome != station.Delivered {
					t.Fatal(rc.Err)
				}
				d.Before = before
				f.acts(just(fault))
				if rc := f.Deliver(t.Context(), d); rc.Outcome != station.Doubtful {
					t.Fatalf("%+v", rc)
				}
				f.ClearFaults()
				ours := len(f.Writes())
				other := f.later()
				other.Deliver(t.Context(), other.deliveryOf(w.verb, w.with))
				since := len(f.Writes())
				rc = f.carry(t, inDoubt(d))
				ours += len(f.Writes()) - since
				if ours > 1 || rc.Outcome != station.Delivered && rc.Holds() == station.HoldNone {
					t.Errorf("ours was done %d times: %+v", ours, rc)
				}
			})
		}
	}
}

// With any one assumption false, what an answer or a request was lost of is done
// once, or held: never twice, and never called done when it was not.
func TestItIsOnceOrHeldWhateverLagerkollDoesOtherwise(t *testing.T) {
	t.Parallel()
	for _, s := range lagerkollSwitches() {
		for _, pos := range s.Positions {
			for _, fault := range []plant.Fault{{}, {Kind: plant.Lost}, {Kind: plant.Reset}} {
				t.Run(fmt.Sprintf("%s %s, %s", s.Assumption, pos, fault.Kind), func(t *testing.T) {
					t.Parallel()
					f := newFloor(t, map[plant.Assumption]plant.Position{s.Assumption: pos}, exclusive)
					f.all(t, fault, func(w told, writes int, rc station.Receipt) { onceOrHeld(t, w, writes, rc) })
				})
			}
		}
	}
}

// lagerkollSwitches are those of the assumptions about Lagerkoll.
func lagerkollSwitches() []plant.Switch {
	var all []plant.Switch
	for _, s := range plant.Switches() {
		if s.Number >= 40 && s.Number < 69 || s.Assumption == plant.InternalReturned {
			all = append(all, s)
		}
	}
	return all
}
