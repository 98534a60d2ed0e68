package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"stationd/internal/api/alert"
	"stationd/internal/demo"
	"stationd/internal/exit"
	"stationd/internal/plan"
	"stationd/internal/station"
)

// An alertReceiver receives alerts.
type alertReceiver struct {
	*httptest.Server
	mu     sync.Mutex // guards what follows
	got    []alert.Message
	keys   []string
	status int
}

func newAlertReceiver(t *testing.T) *alertReceiver {
	t.Helper()
	p := &alertReceiver{status: http.StatusNoContent}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		var m alert.Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || r.Method != http.MethodPost {
			t.Errorf("%s with %v", r.Method, err)
		}
		p.got = append(p.got, m)
		p.keys = append(p.keys, r.Header.Get("X-Alert-Key"))
		w.WriteHeader(p.status)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *alertReceiver) messages() []alert.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]alert.Message{}, p.got...)
}

func (p *alertReceiver) answer(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = status
}

// newAlertStation returns a station with more in its configuration, with the power off.
func newAlertStation(t *testing.T, more string) *demo.Simulation {
	t.Helper()
	b := newStation(t, nil)
	text, err := os.ReadFile(b.ConfigPath())
	must(t, err)
	must(t, os.WriteFile(b.ConfigPath(), append(text, more...), 0o600))
	return b
}

// waitTwoChecks waits until the station's alerts have been checked twice.
func waitTwoChecks(t *testing.T) {
	t.Helper()
	over := time.NewTimer(3 * time.Second)
	defer over.Stop()
	select {
	case <-over.C:
	case <-t.Context().Done():
	}
}

func TestWhatIsHeldIsToldElsewhereOnce(t *testing.T) {
	t.Parallel()
	const secret = "canary-alert-7f3c"
	p := newAlertReceiver(t)
	b := newAlertStation(t, "")
	key := filepath.Join(b.KeysPath(), "alert.key")
	must(t, os.WriteFile(key, []byte(secret+"\n"), 0o600))
	text, err := os.ReadFile(b.ConfigPath())
	must(t, err)
	table := fmt.Sprintf("\n[alert]\nafter = \"2s\"\nurl = %q\nkey = { file = %q }\nheader = \"X-Alert-Key\"\n", p.URL+"/hook?sig=canary-address", key)
	must(t, os.WriteFile(b.ConfigPath(), append(text, table...), 0o600))
	must(t, b.Power(t.Context(), true))
	scanAndWait(t, b, "PO4711")
	first := heldTrace(t, b, "B7")
	must(t, demo.Until(t.Context(), "it is told", func() bool { return len(p.messages()) == 1 }))
	m := p.messages()[0]
	if m.What != station.AlertHeld || m.Station != "pack4-1" || m.Held != 1 || len(m.Entries) != 1 || m.Entries[0].ID != first || m.Entries[0].Reason == "" || !strings.Contains(m.Text, "1 entry is held for a person") || m.Again {
		t.Errorf("it says %+v", m)
	}
	if p.keys[0] != secret {
		t.Errorf("the header has %q", p.keys[0])
	}
	second := heldTrace(t, b, "B8")
	for range 3 {
		must(t, b.Kill())
		must(t, b.Power(t.Context(), true))
		waitTwoChecks(t)
	}
	if n := len(p.messages()); n != 1 {
		t.Errorf("with another held and three restarts it is told %d times", n)
	}
	for _, id := range []station.ID{first, second} {
		must(t, decideOne(t.Context(), b, station.VerbDiscard, id))
	}
	must(t, demo.Until(t.Context(), "it is over", func() bool {
		text, err := os.ReadFile(filepath.Join(b.DataPath(), "alerts.json"))
		return err == nil && string(text) == "[]"
	}))
	heldTrace(t, b, "B9")
	must(t, demo.Until(t.Context(), "what is held another time is told", func() bool { return len(p.messages()) == 2 }))
	log, err := os.ReadFile(b.LogPath())
	must(t, err)
	if strings.Contains(string(log), "canary") {
		t.Error("the log has a secret")
	}
}

func TestAnAlertWhoseKeyIsMissingIsSaidBeforeItIsNeeded(t *testing.T) {
	t.Parallel()
	p := newAlertReceiver(t)
	b := newAlertStation(t, "")
	key := filepath.Join(b.KeysPath(), "alert.key")
	text, err := os.ReadFile(b.ConfigPath())
	must(t, err)
	table := fmt.Sprintf("\n[alert]\nurl = %q\nkey = { file = %q }\n", p.URL, key)
	must(t, os.WriteFile(b.ConfigPath(), append(text, table...), 0o600))
	must(t, b.Power(t.Context(), true))
	says := func(what string, so func(fault string) bool) {
		t.Helper()
		must(t, demo.Until(t.Context(), what, func() bool {
			s, err := b.Control().Snapshot(t.Context())
			fault, told := s.Health.Devices[plan.PartAlert]
			return err == nil && told && so(fault)
		}))
	}
	says("the missing key is a fault", func(fault string) bool { return strings.Contains(fault, "alert.key") })
	must(t, os.WriteFile(key, []byte("a-key-of-the-plant\n"), 0o600))
	says("and is none when it is there", func(fault string) bool { return fault == "" })
}

func TestAnAlertAsADispatchOfItsOwn(t *testing.T) {
	t.Parallel()
	b := newAlertStation(t, `
[alert]
after = "2s"

[[on]]
event = "station.alert"
do    = [{ l2l = "dispatch.open", type = "QUALITY", description = "{alert}" }]
`)
	must(t, b.Power(t.Context(), true))
	scanAndWait(t, b, "PO4711")
	heldTrace(t, b, "B7")
	must(t, demo.Until(t.Context(), "a dispatch is open", func() bool { return len(b.Plant.Dispatches()) == 1 }))
	must(t, b.Kill())
	must(t, b.Power(t.Context(), true))
	waitTwoChecks(t)
	found := b.Plant.Dispatches()
	if len(found) != 1 || found[0].Type != "QUALITY" || !strings.Contains(found[0].Description, "pack4-1: 1 entry is held for a person") {
		t.Errorf("the plant has %+v", found)
	}
	// That L2L is out of reach L2L is not told when it is over.
	must(t, b.Cable(false))
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	waitTwoChecks(t)
	waitTwoChecks(t)
	must(t, b.Cable(true))
	must(t, b.WaitDelivered(t.Context()))
	if found := b.Plant.Dispatches(); len(found) != 2 || found[1].Type != "MAINT" {
		t.Errorf("the plant has %+v", found)
	}
}

func TestAnAlertThatReachesNobodyDelaysNothing(t *testing.T) {
	t.Parallel()
	p := newAlertReceiver(t)
	p.answer(http.StatusInternalServerError)
	b := newAlertStation(t, fmt.Sprintf("\n[alert]\nafter = \"1s\"\nurl = %q\n", p.URL))
	must(t, b.Power(t.Context(), true))
	scanAndWait(t, b, "PO4711")
	heldTrace(t, b, "B7")
	must(t, demo.Until(t.Context(), "it is tried", func() bool { return b.Log.Count("an alert was not told") == 1 }))
	tried := time.Now()
	scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B8"}.Symbol())
	must(t, b.WaitDelivered(t.Context()))
	for range 2 {
		must(t, b.Kill())
		must(t, b.Power(t.Context(), true))
	}
	waitTwoChecks(t)
	// On a machine that takes a minute for this the second try is due.
	if n := len(p.messages()); n != 1 && time.Since(tried) < 50*time.Second {
		t.Errorf("within seconds and with two restarts it is tried %d times", n)
	}
	// Another address is taken up while the station runs.
	other := newAlertReceiver(t)
	editConfig(t, b, p.URL, other.URL)
	reloadStation(t, b, heardReload)
	if out, code := runCommand(t, b, "doctor"); code == exit.Config || !strings.Contains(out, "alert connection") {
		t.Errorf("the doctor says (%d):\n%s", code, out)
	}
}

func TestAnAlertThatTellsNobodyIsAFaultOfTheFile(t *testing.T) {
	t.Parallel()
	const file = `[station]
name = "pack4-1"
timezone = "Europe/Stockholm"

[l2l]
url = "https://acme.example/api/1.0/"
site = 12
machine = "SEAL-1"
trade = "MECH"
key = { credential = "l2l.key" }

[[on]]
event = "station.alert"
do = [{ l2l = "dispatch.open", type = "STATION", description = "{alert}" }]

[alert]
`
	const post = "url = \"https://alerts.example.com/hook?sig=1\"\n"
	for _, c := range []struct{ name, old, new, want string }{
		{"all is well", "", "", ""},
		{"an address besides", "[alert]\n", "[alert]\n" + post + "header = \"X-Key\"\nkey = { credential = \"alert.key\" }\nrepeat = \"0s\"\n", ""},
		{"no way", "station.alert", "station.minute", "[alert] tells nobody"},
		{"a binding without the table", "[alert]\n", "", "only where the file has a table [alert]"},
		{"an address without TLS", "[alert]\n", "[alert]\nurl = \"http://alerts.example.com/\"\n", "must begin with https://"},
		{"a time that is no time", "[alert]\n", "[alert]\nafter = \"0s\"\n", "must be 1s to 168h"},
		{"again at once", "[alert]\n", "[alert]\nrepeat = \"1m\"\n", "must be 10m to 168h, or 0s: never again"},
		{"a key for nothing", "[alert]\n", "[alert]\nkey = { credential = \"alert.key\" }\n", `"key" stands without a url`},
		{"a key that stands there", "[alert]\n", "[alert]\n" + post + "key = \"abcdef\"\n", "a secret is never written in this file"},
		{"a header that is none", "[alert]\n", "[alert]\n" + post + "header = \"a b\"\n", "must be the name of a header"},
		{"what an alert does not say", "{alert}", "{code}", `no binding sets {code}`},
		{"a word that there is not", "[alert]\n", "[alert]\nafterwards = \"1m\"\n", `unknown key "afterwards"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, faults, err := plan.Read(writeConfig(t, "%s", strings.Replace(file, c.old, c.new, 1)))
			must(t, err)
			var all []string
			for _, f := range faults {
				all = append(all, f.Text)
			}
			if said := strings.Join(all, "\n"); !strings.Contains(said, c.want) || c.want == "" && said != "" {
				t.Errorf("the faults are %q", all)
			}
		})
	}
}
