package daemon

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/api/alert"
	"stationd/internal/plan"
	"stationd/internal/station"
)

func TestThatNobodyCouldBeToldIsAFaultOfTheStation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		stamp := func(now time.Time) station.Stamp {
			return station.Stamp{Wall: now, Boot: "one", Up: now.Sub(began) + time.Second, Trusted: true}
		}
		var faults []string
		works := false
		section := alert.Default()
		p := &plan.Plan{Path: "stationd.toml", Zone: time.UTC, Alert: &section}
		p.Program.Bindings = []station.Binding{{Event: "station.alert", Do: []station.Do{{Backend: "l2l"}}}}
		a := &alerts{
			path: filepath.Join(t.TempDir(), alertsName), log: slog.New(slog.DiscardHandler), stamp: stamp,
			plan:     func() *plan.Plan { return p },
			snapshot: func() station.Snapshot { return station.Snapshot{Now: stamp(time.Now()), Held: 1} },
			held:     func() ([]station.EntryStatus, error) { return nil, nil },
			record: func(ev station.Event) (station.Result, error) {
				if works {
					return station.Result{ID: ev.ID, Entries: []station.ID{ev.ID.Entry(1)}}, nil
				}
				return station.Result{}, errors.New("the outbox is full")
			},
			fault: func(text string) {
				if len(faults) == 0 || faults[len(faults)-1] != text {
					faults = append(faults, text)
				}
			},
			errors: make(map[string]string),
		}
		run := func(long time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), long)
			defer cancel()
			if err := a.run(ctx); err != nil {
				t.Error(err)
			}
		}
		run(20 * time.Minute)
		if len(faults) != 1 || faults[0] != "" {
			t.Errorf("after four tries: %q", faults)
		}
		run(10 * time.Minute)
		if len(faults) != 2 || !strings.Contains(faults[1], "nobody was told") || !strings.Contains(faults[1], "the outbox is full") {
			t.Errorf("after five tries: %q", faults)
		}
		works = true
		run(4 * time.Hour)
		if len(faults) != 3 || faults[2] != "" {
			t.Errorf("told when it was time again: %q", faults)
		}
	})
}
