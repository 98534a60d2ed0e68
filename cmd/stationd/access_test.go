package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/station"
)

// technicianOnly is a binding that needs a technician.
const technicianOnly = `
[[on]]
event = "hand.scan"
match = '^FINISH (?P<order>\d+)$'
role  = "technician"
do    = [{ lagerkoll = "order.finish", order = "{order}" }]
`

// newStationWithAccess is a station that knows technicians; its power is off.
func newStationWithAccess(t *testing.T) *demo.Simulation {
	t.Helper()
	b := newStation(t, nil)
	editConfig(t, b, "[web]\n", "[access]\n\n[web]\n")
	text, err := os.ReadFile(b.ConfigPath())
	must(t, err)
	must(t, os.WriteFile(b.ConfigPath(), append(text, technicianOnly...), 0o600))
	return b
}

// newBadge makes a badge and returns its code.
func newBadge(t *testing.T, b *demo.Simulation, name string) string {
	t.Helper()
	code, err := b.Control().NewBadge(t.Context(), name)
	must(t, err)
	return code
}

// showBadge shows a badge to the reader, and returns what the operator is told.
func showBadge(t *testing.T, b *demo.Simulation, code string) station.Note {
	t.Helper()
	waitRecorded(t, b, "hand.badge", func() { must(t, b.Scan(code)) })
	return noteOf(t, b)
}

// noteOf is what the operator at the reader was told last.
func noteOf(t *testing.T, b *demo.Simulation) station.Note {
	t.Helper()
	s, err := b.Control().Snapshot(t.Context())
	must(t, err)
	return s.State.Notes["hand"]
}

func TestATechniciansBadgeOpensWhatNeedsOne(t *testing.T) {
	t.Parallel()
	b := newStationWithAccess(t)
	must(t, b.Power(t.Context(), true))
	code := newBadge(t, b, "Anna")

	scanAndWait(t, b, "FINISH 4711")
	if note := noteOf(t, b); note.Kind != station.NoteRole {
		t.Errorf("without a badge the operator is told %+v", note)
	}
	// A call for help needs none.
	pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
	must(t, b.WaitDelivered(t.Context()))
	if n := len(b.Plant.Dispatches()); n != 1 {
		t.Fatalf("%d dispatches are open", n)
	}

	if note := showBadge(t, b, code); note.Kind != station.NoteTechnician || note.Text != "Anna" {
		t.Errorf("shown, it says %+v", note)
	}
	scanAndWait(t, b, "FINISH 4711")
	if note := noteOf(t, b); note.Kind != station.NoteRecorded && note.Kind != station.NoteDelivered && note.Kind != station.NoteHeld {
		t.Errorf("with a badge the operator is told %+v", note)
	}
	must(t, demo.Until(t.Context(), "it has been asked of the vendor", func() bool {
		for _, r := range b.Plant.Requests() {
			if r.Method == http.MethodPut || r.Method == http.MethodPost && strings.Contains(r.Path, "4711") {
				return true
			}
		}
		return false
	}))
	if said, code := runCommand(t, b, "badge", "ls"); code != 0 || !strings.Contains(said, "Anna") {
		t.Errorf("badge ls ends with %d and says %s", code, said)
	}
	// A revoked badge opens nothing more, and neither does it for whoever has shown it.
	if said, code := runCommand(t, b, "badge", "revoke", "Anna"); code != 0 {
		t.Errorf("badge revoke ends with %d and says %s", code, said)
	}
	scanAndWait(t, b, "FINISH 4712")
	if note := noteOf(t, b); note.Kind != station.NoteRole {
		t.Errorf("revoked, the operator is told %+v", note)
	}
	if note := showBadge(t, b, "x"+code); note.Kind != station.NoteNoBadge {
		t.Errorf("shown when it is revoked, it says %+v", note)
	}
	// What a badge opens ends with the process.
	code = newBadge(t, b, "Anna")
	showBadge(t, b, code)
	must(t, b.Power(t.Context(), false))
	must(t, b.Power(t.Context(), true))
	scanAndWait(t, b, "FINISH 4713")
	if note := noteOf(t, b); note.Kind != station.NoteRole {
		t.Errorf("after a restart the operator is told %+v", note)
	}
	if note := showBadge(t, b, code); note.Kind != station.NoteTechnician {
		t.Errorf("after a restart the badge says %+v", note)
	}
}

func TestABadgesCodeIsShownNowhere(t *testing.T) {
	t.Parallel()
	b := newStationWithAccess(t)
	must(t, b.Power(t.Context(), true))
	code := newBadge(t, b, "Anna")
	secret := strings.ToLower(code[len(station.BadgePrefix):])
	followed := make(chan string, 100)
	following, ended := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		left <- b.Control().Follow(following, "scans", func(line json.RawMessage) error {
			followed <- string(line)
			return nil
		})
	}()
	must(t, demo.Until(t.Context(), "somebody follows the scans", func() bool {
		must(t, b.Scan("PO4711"))
		select {
		case line := <-followed:
			return strings.Contains(line, "PO4711")
		default:
			return false
		}
	}))
	unknown := code[:len(code)-1] + "Z" // which is in no code
	for _, shown := range []string{code, unknown, strings.ToLower(code), "PO4711 " + code} {
		showBadge(t, b, shown)
	}
	heard := make(map[string]string)
	must(t, demo.Until(t.Context(), "who follows the scans is told of them", func() bool {
		select {
		case line := <-followed:
			heard["stationd scans --follow "+line] = line
		default:
		}
		return len(heard) >= 4
	}))
	ended()
	must(t, <-left)
	held := heldTraceAfterOrder(t, b)
	if said, code := runCommand(t, b, "outbox", "discard", held.Short(), "--yes", "--reason", unknown); code == 0 || strings.Contains(said, unknown) {
		t.Errorf("with a badge typed for a reason, discard ends with %d and says %s", code, said)
	}
	for _, path := range []string{"", "entries", "login", "events", "metrics", "healthz"} {
		heard["the station's page /"+path] = getText(t, http.DefaultClient, b.Log.PageURL()+path)
	}
	for _, words := range [][]string{{"outbox", "ls", "--all", "--json"}, {"outbox", "export"}, {"outbox", "export", "--csv"}, {"badge", "ls", "--json"}, {"doctor"}} {
		heard[strings.Join(words, " ")], _ = runCommand(t, b, words...)
	}
	heard["the control socket"] = getText(t, &http.Client{Transport: socketTransport(b.SocketPath())}, "http://stationd.invalid/snapshot")
	packed := filepath.Join(t.TempDir(), "dump.tar.gz")
	if said, code := runCommand(t, b, "dump", "-o", packed); code != 0 {
		t.Errorf("dump ends with %d and says %s", code, said)
	}
	for name, text := range readDump(t, packed) {
		heard["the dump's "+name] = text
	}
	must(t, b.Power(t.Context(), false))
	must(t, filepath.WalkDir(b.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		heard[path] = string(text)
		return err
	}))
	if !strings.Contains(heard[b.LogPath()], "a badge was shown") || !strings.Contains(heard["outbox export"], "hand.badge") {
		t.Fatal("no badge was shown: there was nothing to prove")
	}
	for where, text := range heard {
		if at := strings.Index(strings.ToLower(text), secret[:len(secret)-1]); at >= 0 {
			t.Errorf("%s shows the code: …%q…", where, text[max(0, at-60):min(len(text), at+40)])
		}
	}
}

// heldTraceAfterOrder has the station hold a trace.
func heldTraceAfterOrder(t *testing.T, b *demo.Simulation) station.ID {
	t.Helper()
	scanAndWait(t, b, "PO4711")
	return heldTrace(t, b, "B7")
}

// runPIN sets the PIN of the page.
func runPIN(t *testing.T, b *demo.Simulation, pin string) (said string, code int) {
	t.Helper()
	var out bytes.Buffer
	code = command(t.Context(), []string{"passwd", "--config", b.ConfigPath()}, strings.NewReader(pin+"\n"), &out, &out)
	return out.String(), code
}

func TestATechnicianLogsInOnThePageAndDecides(t *testing.T) {
	t.Parallel()
	b := newStationWithAccess(t)
	must(t, b.Power(t.Context(), true))
	if said, code := runPIN(t, b, "471147"); code != 0 || strings.Contains(said, "471147") {
		t.Fatalf("passwd ends with %d and says %s", code, said)
	}
	held := heldTraceAfterOrder(t, b)
	jar, err := cookiejar.New(nil)
	must(t, err)
	browser := &http.Client{Jar: jar}
	send := func(path string, form url.Values) (int, string) {
		t.Helper()
		answer, err := browser.PostForm(strings.TrimSuffix(b.Log.PageURL(), "/")+path, form)
		must(t, err)
		defer answer.Body.Close()
		var text bytes.Buffer
		_, err = text.ReadFrom(answer.Body)
		must(t, err)
		return answer.StatusCode, text.String()
	}
	entry := url.Values{"entry": {string(held)}, "field.batch": {"B8"}, "field.order": {"4711"}, "reason": {"the label is wrong"}}
	if code, text := send("/entries/edit", entry); code != http.StatusForbidden || !strings.Contains(text, "badge") {
		t.Errorf("without a log-in: %d %s", code, text)
	}
	for i := range 9 {
		code, text := send("/login", url.Values{"pin": {"000001"}})
		if want := map[bool]int{true: http.StatusForbidden, false: http.StatusTooManyRequests}[i < 5]; code != want {
			t.Errorf("wrong PIN %d: %d %s", i+1, code, text)
		}
	}
	// A restart forgets it; a call goes through in any case.
	pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
	must(t, b.Power(t.Context(), false))
	must(t, b.Power(t.Context(), true))
	if code, text := send("/login", url.Values{"pin": {"471147"}}); code != http.StatusOK || !strings.Contains(text, "Logged in") {
		t.Fatalf("the log-in: %d %s", code, text)
	}
	if code, text := send("/entries/edit", entry); code != http.StatusOK || !strings.Contains(text, "1 corrected") {
		t.Errorf("the edit: %d %s", code, text)
	}
	must(t, b.WaitDelivered(t.Context()))
	done := false
	for _, l := range historyOf(t, b) {
		done = done || l.What == "corrected" && l.By == "page" && l.Why == "the label is wrong" && l.Fields["batch"] == "B8"
	}
	if !done {
		t.Error("the history does not say what the technician did")
	}
	must(t, b.Power(t.Context(), false))
	must(t, b.Power(t.Context(), true))
	if code, _ := send("/entries/retry", entry); code != http.StatusForbidden {
		t.Errorf("a restart has logged nobody out: %d", code)
	}
	if log, err := os.ReadFile(b.LogPath()); err != nil || strings.Contains(string(log), "471147") || !strings.Contains(string(log), "a technician has logged in") {
		t.Errorf("the log has the PIN, or not the log-in: %v", err)
	}
}

func TestBadgesThatCannotBeReadAreAFaultUntilTheyAreMadeAnew(t *testing.T) {
	t.Parallel()
	b := newStationWithAccess(t)
	must(t, os.WriteFile(filepath.Join(b.DataPath(), "access.json"), []byte("{half of it"), 0o600))
	must(t, b.Power(t.Context(), true))
	fault := func() string {
		s, err := b.Control().Snapshot(t.Context())
		must(t, err)
		return s.Health.Devices["access"]
	}
	must(t, demo.Until(t.Context(), "the fault shows", func() bool { return strings.Contains(fault(), "make them anew") }))
	code := newBadge(t, b, "Anna")
	must(t, demo.Until(t.Context(), "the fault is over", func() bool { return fault() == "" }))
	if note := showBadge(t, b, code); note.Kind != station.NoteTechnician {
		t.Errorf("the new badge says %+v", note)
	}
}

func TestDoctorSaysWhereNobodyCanBeATechnician(t *testing.T) {
	t.Parallel()
	b := newStationWithAccess(t)
	must(t, b.Power(t.Context(), true))
	if said, _ := runCommand(t, b, "doctor"); !strings.Contains(said, "neither a badge nor a PIN") || !strings.Contains(said, "stationd badge new NAME") {
		t.Errorf("without either, doctor says\n%s", said)
	}
	newBadge(t, b, "Anna")
	if said, _ := runCommand(t, b, "doctor"); !strings.Contains(said, "1 badge and no PIN") {
		t.Errorf("with a badge, doctor says\n%s", said)
	}
}
