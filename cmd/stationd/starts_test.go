package main

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAStationThatIsStartedAgainAndAgainSaysSo(t *testing.T) {
	t.Parallel()
	b := floor(t, nil)
	misses(t, b, "starts", "")
	for range manyStarts {
		must(t, b.power(t.Context(), false)) // it has no time for anything
		must(t, b.power(t.Context(), true))
	}
	misses(t, b, "starts", "3 times within the last hour")
	if text := get(t, http.DefaultClient, b.log.pageURL()+"healthz"); !strings.HasPrefix(text, "ok\n") {
		t.Errorf("it records, and says %q", text)
	}
}

func TestAStationThatIsStoppedInOrderMakesNoLoop(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	clock, err := newClock()
	must(t, err)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	for range 2 * manyStarts {
		s := openStarts(folder, clock.stamp, log)
		if s.loops() {
			t.Fatal("it is said to loop")
		}
		s.stop()
	}
	for n := range mostStarts + 10 {
		if s := openStarts(folder, clock.stamp, log); s.recent() != min(n, mostStarts) {
			t.Fatalf("%d ends that were not clean are %d", n, s.recent())
		}
	}
	must(t, os.WriteFile(filepath.Join(folder, startsName), []byte(`{"unclean":[`), 0o600)) // a power cut tore it
	if s := openStarts(folder, clock.stamp, log); s.recent() != 0 {
		t.Errorf("a torn file is %d starts", s.recent())
	}
}

func TestWhatSystemdSaysOfRestarts(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]finding{
		"NRestarts=0\nResult=success\n":  {Verdict: isWell, Found: "none"},
		"NRestarts=3\nResult=watchdog\n": {Verdict: isWarning, Found: "3 times since the service was started, the last time after: watchdog"},
		"":                               {Verdict: isUntold},
	} {
		if got := restartsOf(said); got.Verdict != want.Verdict || !strings.Contains(got.Found, want.Found) {
			t.Errorf("%q: %+v", said, got)
		}
	}
}
