package main

import (
	"bytes"
	"cmp"
	"context"
	"html"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/queue"
)

// startStation returns a simulation whose station runs. It watches L2L once a day, so that the
// plant gets the requests of the test alone. The outbox is verified at the end of the test.
func startStation(t *testing.T, change func(*demo.Config)) *demo.Simulation {
	t.Helper()
	b := newStation(t, change)
	must(t, b.Power(t.Context(), true))
	return b
}

// newStation is startStation with the power off.
func newStation(t testing.TB, change func(*demo.Config)) *demo.Simulation {
	t.Helper()
	if testing.Short() {
		t.Skip("a whole station in its own process was NOT proved: it takes its time")
	}
	binary, err := exec.LookPath(cmp.Or(os.Getenv("STATIOND_BINARY"), "stationd")) // the test binary itself, see TestMain
	must(t, err)
	// Not the test's own folder: its name is too long for sockets.
	dir, err := os.MkdirTemp("", "stationd-box-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	setting := demo.Config{Dir: dir, Command: []string{binary}, Plant: plant.Demo(), Settle: 300 * time.Millisecond, Rate: "60000/min", Watch: 24 * time.Hour}
	setting.Plant.PerMinute = 1_000_000
	if change != nil {
		change(&setting)
	}
	b, err := demo.Open(t.Context(), setting)
	must(t, err)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the end of the station's log:\n%s", b.Log.Tail())
		}
		if err := queue.VerifyFile(b.OutboxPath()); err != nil {
			t.Error(err)
		}
		if c := b.Plant.Complaints(); len(c) > 0 {
			t.Errorf("the plant complains: %q", c)
		}
	})
	return b
}

// waitRecorded calls do and waits until the station has recorded an event after that.
func waitRecorded(t testing.TB, b *demo.Simulation, event string, do func()) {
	t.Helper()
	count := func() int {
		s, err := b.Control().Snapshot(t.Context())
		if err != nil {
			return -1
		}
		return s.Counts.Events[event]
	}
	before := count()
	do()
	must(t, demo.Until(t.Context(), event+" is recorded", func() bool { return count() > before }))
}

// scanAndWait scans a code and waits until that is recorded.
func scanAndWait(t *testing.T, b *demo.Simulation, code string) {
	t.Helper()
	waitRecorded(t, b, "hand.scan", func() { must(t, b.Scan(code)) })
}

// pressAndWait presses a button until that is recorded: a station that has just started does
// not count a button that is pressed already.
func pressAndWait(t *testing.T, b *demo.Simulation, event string, pin int) {
	t.Helper()
	must(t, demo.Until(t.Context(), event+" is recorded", func() bool {
		b.Push(pin, demo.PressTime)
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && s.Counts.Events[event] > 0
	}))
}

// editConfig replaces a text in the station's configuration.
func editConfig(t *testing.T, b *demo.Simulation, old, new string) {
	t.Helper()
	text, err := os.ReadFile(b.ConfigPath())
	must(t, err)
	if !bytes.Contains(text, []byte(old)) {
		t.Fatalf("the configuration has no %q", old)
	}
	must(t, os.WriteFile(b.ConfigPath(), bytes.Replace(text, []byte(old), []byte(new), 1), 0o600))
}

// reloadStation makes the station read its configuration, as systemctl reload does, and waits
// for a message in its log.
func reloadStation(t *testing.T, b *demo.Simulation, says string) {
	t.Helper()
	before := b.Log.Count(says)
	c := b.Process()
	if c == nil {
		t.Fatal("the station does not run")
	}
	must(t, c.Cmd.Process.Signal(syscall.SIGHUP))
	must(t, demo.Until(t.Context(), says, func() bool { return b.Log.Count(says) > before }))
}

// expectLogged waits for something in the station's log, which is written a moment after what
// it tells.
func expectLogged(t *testing.T, b *demo.Simulation, pattern string) {
	t.Helper()
	says := regexp.MustCompile(pattern)
	must(t, demo.Until(t.Context(), "the log says "+pattern, func() bool { return says.MatchString(readLog(t, b)) }))
}

// readLog returns what has come into the station's log until now. What must be there is for
// expectLogged.
func readLog(t *testing.T, b *demo.Simulation) string {
	t.Helper()
	text, err := os.ReadFile(b.LogPath())
	must(t, err)
	return string(text)
}

// getText returns the body of a GET; of an event stream what comes first.
func getText(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	answer, err := client.Do(r)
	must(t, err)
	defer answer.Body.Close()
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream") {
		first := make([]byte, 1<<20)
		n, err := answer.Body.Read(first)
		must(t, err)
		return string(first[:n])
	}
	page, err := io.ReadAll(answer.Body)
	must(t, err)
	return string(page)
}

// readPage returns the text of the station's own page.
func readPage(t *testing.T, b *demo.Simulation) string {
	t.Helper()
	return html.UnescapeString(getText(t, http.DefaultClient, b.Log.PageURL()))
}

// socketTransport reaches the control socket as the commands do.
func socketTransport(path string) *http.Transport {
	return &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
