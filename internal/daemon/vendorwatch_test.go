package daemon

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/metrics"
	"stationd/internal/plan"
	"stationd/internal/station"
)

// deaf is a backend that is only watched.
type deaf struct{ name string }

func (deaf) Verbs() []station.Verb { return nil }

func (deaf) Deliver(context.Context, station.Delivery) station.Receipt {
	return station.Receipt{Outcome: station.Unreached}
}

// eye is a source that says through which backend it looks.
type eye struct {
	through station.Backend
	began   chan<- string
}

// LookNow implements station.Watch: it looks all the time.
func (eye) LookNow() {}

// Run implements station.Source.
func (e eye) Run(ctx context.Context, _ station.Emit) error {
	d, _ := e.through.(deaf)
	e.began <- d.name
	<-ctx.Done()
	return nil
}

func TestAReloadBeginsTheWatchAnewWithTheNewKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := make(chan string, 4)
		keyed := func(name string) *plan.Plan {
			return &plan.Plan{Vendors: []plan.Vendor{{
				Name: "l2l",
				Watch: func(b station.Backend, _ func() station.State, _ func(time.Time) station.Stamp) station.Watch {
					return eye{b, began}
				},
			}, {
				Name:  "lagerkoll",
				Watch: func(station.Backend, func() station.State, func(time.Time) station.Stamp) station.Watch { return nil },
			}}, Path: name}
		}
		f := &activeConfig{backends: map[string]*activeBackend{
			"l2l": newActiveBackend("l2l", deaf{"old key"}, metrics.NewTimings(nil)), "lagerkoll": newActiveBackend("lagerkoll", deaf{}, metrics.NewTimings(nil)),
		}}
		f.plan.Store(keyed("old"))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		for _, name := range []string{"l2l", "lagerkoll"} {
			go func() { ended <- f.watch(ctx, name, nil, nil, nil) }()
		}
		if got := <-began; got != "old key" {
			t.Errorf("it looks through %q", got)
		}
		var next station.Backend = deaf{"new key"}
		f.backends["l2l"].current.Store(&next)
		f.plan.Store(keyed("new"))
		f.backends["l2l"].announceReplaced()
		if got := <-began; got != "new key" {
			t.Errorf("after the reload it looks through %q", got)
		}
		synctest.Wait()
		if len(ended) > 0 {
			t.Error("a watch has ended by itself")
		}
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
}

// A callWatch has seen some calls; nil: it has not looked yet.
type callWatch struct {
	station.Watch
	seen map[string]station.SeenCall
}

func (w callWatch) Calls() map[string]station.SeenCall { return w.seen }

// A reload begins the watch anew. Until it has looked, whoever was on a call is still on it, or
// a call that is attended would call somebody else.
func TestAReloadForgetsNobodyWhoIsOnACall(t *testing.T) {
	t.Parallel()
	a := &activeConfig{backends: map[string]*activeBackend{"l2l": {}}}
	for i, step := range []struct {
		sees map[string]station.SeenCall
		want int
	}{
		{nil, 0},
		{map[string]station.SeenCall{"7": {Attended: true}}, 1},
		{nil, 1},
		{map[string]station.SeenCall{}, 0},
	} {
		w := station.Watch(callWatch{seen: step.sees})
		a.backends["l2l"].watch.Store(&w)
		if got := a.seenCalls()["l2l"]; len(got) != step.want {
			t.Errorf("step %d: %+v", i+1, got)
		}
	}
}
