package main

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/exit"
	"stationd/internal/station"
)

func TestAStationThatIsStartedAgainAndAgainSaysSo(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	expectFault(t, b, "starts", "")
	for range 3 {
		must(t, b.Power(t.Context(), false)) // it has no time for anything
		must(t, b.Power(t.Context(), true))
	}
	expectFault(t, b, "starts", "3 times within the last hour")
	if text := getText(t, http.DefaultClient, b.Log.PageURL()+"healthz"); !strings.HasPrefix(text, "ok\n") {
		t.Errorf("it records, and says %q", text)
	}
}

func TestAStationWhoseOutboxCannotBeOpenedSaysSo(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	must(t, b.Power(t.Context(), true)) // which makes its outbox
	must(t, b.Stop())
	whole := b.OutboxPath() + ".whole"
	must(t, os.Rename(b.OutboxPath(), whole))
	must(t, os.Mkdir(b.OutboxPath(), 0o700)) // nothing that could be an outbox
	c, err := b.Launch(t.Context())
	must(t, err)
	for _, pin := range []int{demo.PinRed, demo.PinYellow, demo.PinWhite} {
		must(t, demo.Until(t.Context(), "every lamp blinks quickly", func() bool {
			l, ok := b.Lamps.Light(pin)
			return ok && l == station.Quick
		}))
	}
	b.Push(demo.PinMaintenance, demo.PressTime)
	must(t, demo.Until(t.Context(), "the page says it", func() bool { return b.Log.Count("nothing is recorded") > 0 }))
	page := ""
	for line := range strings.Lines(readLog(t, b)) {
		if _, at, said := strings.Cut(line, `"msg":"nothing is recorded","page":"`); said {
			page, _, _ = strings.Cut(at, `"`)
		}
	}
	if text := getText(t, http.DefaultClient, "http://"+page+"/healthz"); !strings.HasPrefix(text, "storage failed: outbox ") {
		t.Errorf("healthz says %q", text)
	}
	if text := getText(t, http.DefaultClient, "http://"+page+"/"); !strings.Contains(text, "Not recorded: storage failed") {
		t.Errorf("the page says:\n%s", text)
	}
	must(t, demo.Until(t.Context(), "it ends", c.Ended))
	if code := c.Cmd.ProcessState.ExitCode(); code != exit.Failure {
		t.Errorf("it ended with %d: %v", code, c.Err)
	}
	must(t, os.Remove(b.OutboxPath()))
	must(t, os.Rename(whole, b.OutboxPath()))
	must(t, b.Power(t.Context(), true))
	pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
}
