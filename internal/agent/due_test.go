package agent

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/station"
)

// A clock's program does one thing at six, and one when the red call has been open for ninety
// seconds.
func TestWhatIsDueIsEmittedWithinTheSecondAndOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		six, err := station.ParseDayTime("06:00")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now().UTC() // midnight
		program := station.Program{Bindings: []station.Binding{
			{Event: "station.at", At: []station.DayTime{six}, Set: map[string]station.Template{}},
			{Event: "red.open", After: 90 * time.Second},
		}}
		stamp := func(at time.Time) station.Stamp {
			return station.Stamp{Wall: at.UTC(), Boot: "b", Up: at.Sub(began), Trusted: true}
		}
		var state station.State
		changed := make(chan struct{})
		var done []string
		emit := func(ev station.Event) (station.Result, error) {
			after, _ := program.Decide(state, ev)
			if cmp.Diff(state, after) != "" {
				done = append(done, time.Since(began).String()+" "+ev.Name())
			}
			state = after
			close(changed)
			changed = make(chan struct{})
			return station.Result{}, nil
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		c := Clock{
			State: func() station.State { return state }, Stamp: stamp,
			Program: func() station.Program { return program }, Changed: func() <-chan struct{} { return changed },
		}
		go func() { ended <- c.Run(ctx, emit) }()
		time.Sleep(10 * time.Hour)
		synctest.Wait()
		state.Calls = []station.Call{{Backend: "l2l", Source: "red", Entry: "e1.1", At: stamp(time.Now())}}
		before := changed
		changed = make(chan struct{})
		close(before) // which wakes the clock
		time.Sleep(time.Hour)
		synctest.Wait()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		// The first is noted when it is seen for the first time, and does nothing.
		if diff := cmp.Diff([]string{"0s station.at", "6h0m0s station.at", "10h1m30s red.open"}, done); diff != "" {
			t.Error(diff)
		}
	})
}
