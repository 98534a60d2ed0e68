package daemon

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"stationd/internal/clock"
	"stationd/internal/plan"
)

func TestAStationThatIsStoppedInOrderMakesNoLoop(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	clock, err := clock.New()
	must(t, err)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	for range 2 * manyStarts {
		s := openStarts(folder, clock.Stamp, log)
		if s.Faults()[plan.PartStarts] != "" {
			t.Fatal("it is said to loop")
		}
		s.stop()
	}
	for n := range mostStarts + 10 {
		if s := openStarts(folder, clock.Stamp, log); s.recent() != min(n, mostStarts) {
			t.Fatalf("%d ends that were not clean are %d", n, s.recent())
		}
	}
	must(t, os.WriteFile(filepath.Join(folder, startsName), []byte(`{"unclean":[`), 0o600)) // a power cut tore it
	if s := openStarts(folder, clock.Stamp, log); s.recent() != 0 {
		t.Errorf("a torn file is %d starts", s.recent())
	}
}

func TestAStartThatWasNotedIsKeptWhenTheStationRecords(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	clock, err := clock.New()
	must(t, err)
	s := openStarts(folder, clock.Stamp, slog.New(slog.NewTextHandler(t.Output(), nil)))
	noted, err := os.ReadFile(filepath.Join(folder, startsName))
	must(t, err)
	must(t, os.Remove(filepath.Join(folder, startsName))) // a power cut, before the disk had it
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, s.keep(ctx))
	if kept, err := os.ReadFile(filepath.Join(folder, startsName)); err != nil || string(kept) != string(noted) {
		t.Errorf("noted %s, kept %s: %v", noted, kept, err)
	}
}
