package main

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/station"
)

func TestAStationThatIsStartedAgainAndAgainSaysSo(t *testing.T) {
	t.Parallel()
	b := floor(t, nil)
	misses(t, b, "starts", "")
	for range 3 {
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

func TestAStationWhoseOutboxCannotBeOpenedSaysSo(t *testing.T) {
	t.Parallel()
	b := dark(t, nil)
	must(t, b.power(t.Context(), true)) // which makes its outbox
	must(t, b.stop())
	whole := b.outboxPath() + ".whole"
	must(t, os.Rename(b.outboxPath(), whole))
	must(t, os.Mkdir(b.outboxPath(), 0o700)) // nothing that could be an outbox
	c, err := b.launch(t.Context())
	must(t, err)
	for _, pin := range []int{pinRed, pinYellow, pinWhite} {
		must(t, until(t.Context(), "every lamp blinks quickly", func() bool {
			l, ok := b.eyes.light(pin)
			return ok && l == station.Quick
		}))
	}
	b.push(pinMaintenance, briefly)
	must(t, until(t.Context(), "the page says it", func() bool { return b.log.count("nothing is recorded") > 0 }))
	page := ""
	for line := range strings.Lines(logOf(t, b)) {
		if _, at, said := strings.Cut(line, `"msg":"nothing is recorded","page":"`); said {
			page, _, _ = strings.Cut(at, `"`)
		}
	}
	if text := get(t, http.DefaultClient, "http://"+page+"/healthz"); !strings.HasPrefix(text, "storage failed: outbox ") {
		t.Errorf("healthz says %q", text)
	}
	if text := get(t, http.DefaultClient, "http://"+page+"/"); !strings.Contains(text, "Storage failed") {
		t.Errorf("the page says:\n%s", text)
	}
	must(t, until(t.Context(), "it ends", c.over))
	if code := c.cmd.ProcessState.ExitCode(); code != exitRun {
		t.Errorf("it ended with %d: %v", code, c.err)
	}
	must(t, os.Remove(b.outboxPath()))
	must(t, os.Rename(whole, b.outboxPath()))
	must(t, b.power(t.Context(), true))
	pressed(t, b, "maintenance.press", pinMaintenance)
}
