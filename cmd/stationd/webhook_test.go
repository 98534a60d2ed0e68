package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/exit"
	"stationd/internal/plant"
)

// newWebhookStation returns a station that posts what is scanned as HOOK and a number to the plant's
// own receiver.
func newWebhookStation(t *testing.T, more string) *demo.Simulation {
	t.Helper()
	b := newStation(t, nil)
	key := filepath.Join(filepath.Dir(b.ConfigPath()), "webhook.key")
	must(t, os.WriteFile(key, []byte(plant.Demo().WebhookKey+"\n"), 0o600))
	text, err := os.ReadFile(b.ConfigPath())
	must(t, err)
	text = fmt.Appendf(text, `
[webhook]
url = %q
key = { file = %q }
%s

[[on]]
event = "hand.scan"
match = "^HOOK (?P<n>[0-9]+)$"
do    = [{ webhook = "webhook.post", event = "made", code = "{code}", values = { n = "{n}" } }]
`, b.Plant.WebhookURL(), key, more)
	must(t, os.WriteFile(b.ConfigPath(), text, 0o600))
	must(t, b.Power(t.Context(), true))
	return b
}

func TestAnEventIsPostedToThePlantsOwnAddress(t *testing.T) {
	t.Parallel()
	b := newWebhookStation(t, "")
	must(t, b.Cable(false))
	pressed := time.Now()
	scanAndWait(t, b, "HOOK 1")
	scanAndWait(t, b, "HOOK 2")
	// What certainly did not leave is in no doubt after a power cut.
	must(t, b.Power(t.Context(), false))
	must(t, b.Power(t.Context(), true))
	must(t, b.Cable(true))
	must(t, b.WaitDelivered(t.Context()))
	posts := b.Plant.Posts()
	if len(posts) != 2 || posts[0].Code != "HOOK 1" || posts[1].Code != "HOOK 2" {
		t.Fatalf("the receiver has %+v", posts)
	}
	first := posts[0]
	if first.Station != "pack4-1" || first.Event != "made" || first.Source != "hand" || string(first.Values) != `{"n":"1"}` {
		t.Errorf("it was posted %+v", first)
	}
	if late := first.Time.Sub(pressed); late < -2*time.Second || late > 30*time.Second {
		t.Errorf("scanned at %v, and posted as of %v", pressed, first.Time)
	}
	if text, code := runCommand(t, b, "webhook", "post", "event=test", "--yes", "--wait"); code != 0 || len(b.Plant.Posts()) != 3 {
		t.Errorf("the command ends with %d and says %s", code, text)
	}
	if text, code := runCommand(t, b, "webhook", "post", "event=test", "--dry-run"); code != 0 || strings.Contains(text, plant.Demo().WebhookKey) || !strings.Contains(text, `"event":"test"`) {
		t.Errorf("a dry run ends with %d and says %s", code, text)
	}
}

func TestWhatMayHaveBeenPostedIsHeldForAPerson(t *testing.T) {
	t.Parallel()
	b := newWebhookStation(t, "")
	b.Plant.AddFault(plant.Fault{Kind: plant.Lost, Where: "POST *", Next: 1})
	scanAndWait(t, b, "HOOK 1")
	held := waitHeldOne(t, b)
	if n := len(b.Plant.Posts()); n != 1 || !strings.Contains(held.Reason, string(held.ID)) {
		t.Errorf("the receiver has %d, and the person is told %s", n, held.Reason)
	}
	if text, code := runCommand(t, b, "outbox", "discard", "--yes", held.ID.Short()); code != 0 {
		t.Errorf("discard ends with %d and says %s", code, text)
	}
	b.Plant.AddFault(plant.Fault{Kind: plant.Reset, Where: "POST *", Next: 1})
	scanAndWait(t, b, "HOOK 2")
	held = waitHeldOne(t, b)
	if text, code := runCommand(t, b, "outbox", "retry", "--not-there", held.ID.Short()); code != 0 {
		t.Errorf("retry ends with %d and says %s", code, text)
	}
	must(t, b.WaitDelivered(t.Context()))
	if posts := b.Plant.Posts(); len(posts) != 2 || posts[1].ID != string(held.ID) {
		t.Errorf("the receiver has %+v", posts)
	}
}

func TestWhatMayHaveBeenPostedIsPostedAgainWithTheSameIDWhereThatIsAllowed(t *testing.T) {
	t.Parallel()
	b := newWebhookStation(t, `repeat = "allowed"`)
	b.Plant.AddFault(plant.Fault{Kind: plant.Lost, Where: "POST *", Next: 1})
	scanAndWait(t, b, "HOOK 1")
	must(t, b.WaitDelivered(t.Context()))
	if posts := b.Plant.Posts(); len(posts) != 2 || posts[0].ID != posts[1].ID {
		t.Errorf("the receiver has %+v", posts)
	}
}

func TestAWrongKeyOfTheReceiverStopsItAloneAndIsSaid(t *testing.T) {
	t.Parallel()
	b := newWebhookStation(t, "")
	b.Plant.AddFault(plant.Fault{Kind: plant.Unauthorized, Where: "POST /hooks/*"})
	scanAndWait(t, b, "HOOK 1")
	must(t, demo.Until(t.Context(), "the key is said to be wrong", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && s.Health.Backends["webhook"].Fault != "" && s.Health.Backends["l2l"].Fault == ""
	}))
	b.Plant.ClearFaults()
	if text, code := runCommand(t, b, "reload"); code != 0 {
		t.Errorf("reload ends with %d and says %s", code, text)
	}
	must(t, b.WaitDelivered(t.Context()))
	if posts := b.Plant.Posts(); len(posts) != 1 {
		t.Errorf("the receiver has %+v", posts)
	}
	if text, code := runCommand(t, b, "webhook", "post", "values=none", "--yes"); code != exit.Usage {
		t.Errorf("values that are no JSON end with %d: %s", code, text)
	}
}
