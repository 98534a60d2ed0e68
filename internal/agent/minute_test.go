package agent

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/station"
)

func TestAMinutePassesOnlyWhileAnythingIsCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute+time.Second)
		defer cancel()
		began := time.Now()
		var minutes []station.Event
		m := Clock{
			Program: func() station.Program { return station.Program{} },
			Changed: func() <-chan struct{} { return nil },
			State: func() station.State {
				if time.Since(began) < 2*time.Minute || time.Since(began) > 4*time.Minute {
					return station.State{Counters: map[string]station.Counter{"made": {}}}
				}
				return station.State{Counters: map[string]station.Counter{"made": {Count: 1}}}
			},
			Stamp: func(at time.Time) station.Stamp { return station.Stamp{Wall: at} },
		}
		err := m.Run(ctx, func(ev station.Event) (station.Result, error) {
			minutes = append(minutes, ev)
			return station.Result{}, errors.New("storage failed") // nothing that a minute could mend
		})
		if err != nil {
			t.Error(err)
		}
		if len(minutes) != 3 {
			t.Fatalf("%d minutes, want those after 2, 3 and 4 minutes", len(minutes))
		}
		for i, ev := range minutes {
			if ev.Name() != "station.minute" || ev.ID == "" || !ev.At.Wall.Equal(began.Add(time.Duration(i+2)*time.Minute)) {
				t.Errorf("minute %d: %+v", i, ev)
			}
		}
	})
}
