package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/station"
)

// A returning is a vendor that is away until a moment, and remembers when it was tried.
type returning struct {
	vendor
	back time.Time
	away station.Receipt // what an attempt comes to until then

	mu    sync.Mutex
	tried []time.Time // until then
	took  map[station.ID]time.Time
}

// isAway reports whether it is, and counts what is tried in vain.
func (v *returning) isAway() bool {
	now := time.Now()
	if !now.Before(v.back) {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tried = append(v.tried, now)
	return true
}

func (v *returning) Look(ctx context.Context, d station.Delivery) ([]byte, station.Receipt) {
	if v.isAway() {
		return nil, v.away
	}
	return v.vendor.Look(ctx, d)
}

func (v *returning) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	if v.isAway() {
		return v.away
	}
	rc := v.vendor.Deliver(ctx, d)
	if rc.Outcome == station.Delivered {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.took == nil {
			v.took = make(map[station.ID]time.Time)
		}
		v.took[d.ID] = time.Now()
	}
	return rc
}

func (v *returning) Probe(context.Context) station.Receipt {
	if time.Now().Before(v.back) {
		return v.away
	}
	return station.Receipt{Outcome: station.Delivered}
}

// tries is how often it was tried in vain.
func (v *returning) tries() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.tried)
}

// ends are when the first and the last took effect.
func (v *returning) ends() (first, last time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, at := range v.took {
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	return first, last
}

// The ways in which a vendor can be away, all of it.
func waysToBeAway() map[string]station.Receipt {
	return map[string]station.Receipt{
		"the network is gone":            {Outcome: station.Unreached, Err: errors.New("not sent: no way there")},
		"it hangs, and nothing was sent": {Outcome: station.Unreached, Sent: true, Err: errors.New("the look got no answer")},
		"it answers with 503, to a look": {Outcome: station.Unreached, Answered: true, Err: fmt.Errorf("503: %w", station.ErrFailed)},
		"a page stands before it":        {Outcome: station.Unreached, Answered: true, Err: fmt.Errorf("200: %w", station.ErrUnreadable)},
	}
}

func TestOneSuccessWakesAllLanes(t *testing.T) {
	t.Parallel()
	const lanes = 50
	for name, away := range waysToBeAway() {
		t.Run(name+": all of fifty lanes are delivered within 1.5 s of the first", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for _, lasts := range []time.Duration{10 * time.Second, 130 * time.Second, time.Hour} {
					s := open1(t)
					v := &returning{back: time.Now().Add(lasts), away: away}
					for n := range lanes {
						s.scan(fmt.Sprintf("%d/s%d", n, n))
					}
					s.deliver(v, lasts+10*time.Minute)
					first, last := v.ends()
					if n := len(v.effects()); n != lanes {
						t.Fatalf("after %v %d were delivered", lasts, n)
					}
					if late := last.Sub(first); late > 1500*time.Millisecond {
						t.Errorf("after %v the last came %v after the first", lasts, late)
					}
				}
			})
		})
	}
	t.Run("what was recorded in the outage is delivered as soon", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &returning{back: time.Now().Add(10 * time.Minute), away: waysToBeAway()["the network is gone"]}
			s.scan("0/s0")
			s.deliver(v, time.Minute)
			for n := range lanes {
				s.scan(fmt.Sprintf("%d/s%d", n+1, n))
				s.scan(fmt.Sprintf("COUNT %d", n+100))
			}
			s.deliver(v, 20*time.Minute)
			first, last := v.ends()
			if n := len(v.effects()); n != 2*lanes+1 {
				t.Fatalf("%d were delivered", n)
			}
			if late := last.Sub(first); late > 3*time.Second {
				t.Errorf("the last came %v after the first", late)
			}
		})
	})
	t.Run("none is looked up again before its settle time is over", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &returning{}
			v.answer = losesIt
			doubtful := s.press()
			s.deliver(v, 5*time.Second) // looked up at once, and no trace of it yet
			began := time.Now().Add(-5 * time.Second)
			v.then(nil)
			v.back, v.away = time.Now().Add(20*time.Second), waysToBeAway()["the network is gone"]
			for n := range 5 {
				s.scan(fmt.Sprintf("%d/s%d", n, n))
			}
			looks := v.looks
			s.deliver(v, 40*time.Second)
			if v.looks != looks || len(v.effects()) != 5 {
				t.Errorf("%d more looks before the settle time is over, %d delivered", v.looks-looks, len(v.effects()))
			}
			s.deliver(v, 2*time.Minute)
			if at := v.took[doubtful]; at.Sub(began) < defaultSettle {
				t.Errorf("it was sent again %v after the attempt in doubt", at.Sub(began))
			}
		})
	})
	t.Run("an entry whose look-ups alone get no answer is not tried more often because others are delivered", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &returning{}
			tries := 0
			var poison station.ID
			v.answer = func(d station.Delivery) (bool, station.Receipt) {
				if d.ID != poison {
					return true, station.Receipt{Outcome: station.Delivered, Ref: "ref"}
				}
				tries++
				return false, waysToBeAway()["it hangs, and nothing was sent"]
			}
			poison = s.scan("0/s0")
			ctx, cancel := context.WithCancel(context.Background())
			var runs sync.WaitGroup
			for range 2 {
				runs.Go(func() { _ = s.box.Run(ctx, "l2l", v) })
			}
			const others = 600
			for n := range others { // every second, for ten minutes
				s.scan(fmt.Sprintf("1/o%d", n))
				time.Sleep(time.Second)
			}
			cancel()
			runs.Wait()
			if n := len(v.effects()); n < others-5 {
				t.Errorf("%d of %d others were delivered", n, others)
			}
			if tries > 50 {
				t.Errorf("it was tried %d times in ten minutes", tries)
			}
		})
	})
}

func TestALoneLaneIsTriedSoonAfterTheNetworkIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var late []time.Duration
		for n := range 60 {
			s := open1(t)
			lasts := time.Duration(n*n)*time.Second + time.Duration(n)*137*time.Millisecond
			v := &returning{back: time.Now().Add(lasts), away: waysToBeAway()["the network is gone"]}
			s.scan("0/s0")
			s.deliver(v, lasts+2*time.Minute)
			first, _ := v.ends()
			late = append(late, first.Sub(v.back))
		}
		if most := slices.Max(late); most > 5*time.Second {
			t.Errorf("delivered up to %v after the network was back: %v", most, late)
		}
	})
}

// What people feel of an outage that is over: how long until everything is there. No pace is
// in the way here, and the vendor answers at once.
func TestFiftyLanesAreThereSoonAfterTheNetworkIsBack(t *testing.T) {
	t.Parallel()
	const lanes = 50
	for _, c := range []struct {
		lasts, within time.Duration
	}{
		{10 * time.Second, 1500 * time.Millisecond}, {60 * time.Second, 1500 * time.Millisecond}, {130 * time.Second, 1500 * time.Millisecond},
		{5 * time.Minute, 3 * time.Second}, {time.Hour, 5 * time.Second},
	} {
		t.Run(c.lasts.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var late []time.Duration
				for n := range 6 {
					s := open1(t)
					lasts := c.lasts + time.Duration(n)*137*time.Millisecond
					v := &returning{back: time.Now().Add(lasts), away: waysToBeAway()["the network is gone"]}
					for n := range lanes {
						s.scan(fmt.Sprintf("%d/s%d", n, n))
					}
					s.deliver(v, lasts+2*time.Minute)
					if n := len(v.effects()); n != lanes {
						t.Fatalf("%d were delivered", n)
					}
					_, last := v.ends()
					late = append(late, last.Sub(v.back))
				}
				if most := slices.Max(late); most > c.within {
					t.Errorf("the last of fifty came up to %v after the network was back: %v", most, late)
				}
			})
		})
	}
}

// Forty stations of a plant lose the network in the same moment, and have it back in the
// same moment.
func TestTheStationsOfAPlantDoNotComeBackAllAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const stations = 40
		back := time.Now().Add(130 * time.Second)
		vendors := make([]*returning, stations)
		var runs sync.WaitGroup
		ctx, cancel := context.WithCancel(context.Background())
		for i := range vendors {
			s := open1(t)
			s.scan("0/s0")
			vendors[i] = &returning{back: back, away: waysToBeAway()["the network is gone"]}
			runs.Go(func() { _ = s.box.Run(ctx, "l2l", vendors[i]) })
		}
		time.Sleep(140 * time.Second)
		cancel()
		runs.Wait()
		var came []time.Duration
		for _, v := range vendors {
			first, _ := v.ends()
			came = append(came, first.Sub(back))
		}
		slices.Sort(came)
		for i := range came[:stations/2] {
			if within := came[i+stations/2-1] - came[i]; within < 100*time.Millisecond {
				t.Errorf("half of the stations come within %v: %v", within, came)
			}
		}
	})
}

func TestALongOutageIsCheap(t *testing.T) {
	t.Parallel()
	for _, lanes := range []int{1, 50} {
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			v := &returning{back: time.Now().Add(time.Hour), away: waysToBeAway()["the network is gone"]}
			for n := range lanes {
				s.scan(fmt.Sprintf("%d/s%d", n, n))
			}
			before := s.commits()
			s.deliver(v, time.Hour)
			if n := v.tries(); n > 1000 || n < 3600/6 {
				t.Errorf("%d lanes: %d tries in an hour without the network", lanes, n)
			}
			if n := s.commits() - before; n != 0 {
				t.Errorf("%d lanes: %d commits in an hour without the network", lanes, n)
			}
			s.deliver(v, time.Minute)
			if n := len(v.effects()); n != lanes {
				t.Errorf("%d lanes: %d were delivered", lanes, n)
			}
		})
	}
}

func TestWhatIsRecordedInAnOutageIsTriedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open1(t)
		v := &returning{back: time.Now().Add(time.Hour), away: waysToBeAway()["the network is gone"]}
		s.scan("0/s0")
		ctx, cancel := context.WithCancel(context.Background())
		var runs sync.WaitGroup
		for range 2 {
			runs.Go(func() { _ = s.box.Run(ctx, "l2l", v) })
		}
		for n := range 20 {
			time.Sleep(time.Duration(60000+137*n) * time.Millisecond)
			for _, record := range []func() station.ID{
				func() station.ID { return s.scan(fmt.Sprintf("%d/s%d", n+1, n)) },
				func() station.ID { return s.scan(fmt.Sprintf("COUNT %d", n+100)) },
			} {
				synctest.Wait()
				before := v.tries()
				record()
				synctest.Wait()
				if v.tries() == before {
					t.Errorf("something is recorded, and the network not tried")
				}
			}
		}
		cancel()
		runs.Wait()
	})
}

// A look that takes long, as one does that begins in an outage, makes no settle time
// longer.
func TestTheSettleTimeIsNoLongerWhereTheLookTookLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, v := open1(t), &slowLook{takes: 40 * time.Second}
		v.answer = losesIt
		began := time.Now()
		s.press()
		s.deliver(v, 100*time.Millisecond)
		v.then(nil)
		s.deliver(v, 5*time.Minute)
		if late := v.sentAt.Sub(began); late < defaultSettle || late > defaultSettle+10*time.Second {
			t.Errorf("it was sent again after %v", late)
		}
	})
}

// A slowLook takes long for its first look at what is in doubt.
type slowLook struct {
	vendor
	takes  time.Duration
	sentAt time.Time // the last time
}

func (v *slowLook) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	if d.Doubtful {
		time.Sleep(v.takes)
		v.takes = 0
	} else {
		v.sentAt = time.Now()
	}
	return v.vendor.Deliver(ctx, d)
}
