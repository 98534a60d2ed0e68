package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"stationd/internal/demo"
	"stationd/internal/exit"
	"stationd/internal/station"
)

// serveDemoPage serves the demo's page of a simulation.
func serveDemoPage(t *testing.T, b *demo.Simulation) *httptest.Server {
	t.Helper()
	page := demo.NewPage(b)
	stop, err := page.ShowScreen(t.Context())
	must(t, err)
	t.Cleanup(stop)
	server := httptest.NewServer(page.Handler())
	t.Cleanup(server.Close)
	return server
}

// submit sends a form as a browser without scripts would, and returns what is
// shown then.
func submit(t *testing.T, address, path string, form url.Values, change func(*http.Request)) (status int, shown string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+path, strings.NewReader(form.Encode()))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if change != nil {
		change(r)
	}
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer.StatusCode, string(page)
}

func TestTheDemoWithoutAScript(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	page := serveDemoPage(t, b)
	send := func(path string, form url.Values) string {
		t.Helper()
		status, shown := submit(t, page.URL, path, form, nil)
		if status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, status, shown)
		}
		return shown
	}
	waitRecorded(t, b, "maintenance.press", func() { send("/push", url.Values{"button": {"maintenance"}}) })
	must(t, b.WaitDelivered(t.Context()))
	if shown := getText(t, page.Client(), page.URL); !strings.Contains(shown, `<span class="badge">open</span>`) {
		t.Error("the call that was pressed is not among the plant's dispatches")
	}
	waitRecorded(t, b, "maintenance.hold", func() { send("/push", url.Values{"hold": {"maintenance"}}) })
	must(t, b.WaitDelivered(t.Context()))
	if d := b.Plant.Dispatches(); len(d) != 1 || d[0].Open() {
		t.Errorf("after two seconds of holding the call is over; the plant has %+v", d)
	}

	scanAndWait(t, b, "PO4711")
	if shown := send("/cable", url.Values{"on": {"false"}}); !strings.Contains(shown, "pulled out") {
		t.Error("the cable is not shown to be pulled")
	}
	waitRecorded(t, b, "hand.scan", func() { send("/scan", url.Values{"part": {demo.Soup}}) })
	if shown := send("/power", url.Values{"on": {"false"}}); !strings.Contains(shown, "article.trace") || !strings.Contains(shown, "No power") {
		t.Error("without power the page does not show what is on the disk")
	}
	if status, shown := submit(t, page.URL, "/scan", url.Values{"code": {"PO4712"}}, nil); status != http.StatusConflict || !strings.Contains(shown, "no power") {
		t.Errorf("a scan with a scanner without power: %d %s", status, shown)
	}
	send("/power", url.Values{"on": {"true"}})
	if shown := send("/fault", url.Values{"kind": {"lost"}}); !strings.Contains(shown, "waits for L2L and Lagerkoll") {
		t.Error("a mishap that was ordered is not shown to wait")
	}
	send("/cable", url.Values{"on": {"true"}})
	must(t, b.WaitDelivered(t.Context()))
	if n := len(b.Plant.Traces()); n != 1 {
		t.Errorf("the part was traced %d times", n)
	}
	if shown := getText(t, page.Client(), page.URL); !strings.Contains(shown, "waits for L2L<") {
		t.Error("a mishap that has struck is shown to wait still")
	}
}

func TestTheDemoIsForThisComputerAlone(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	page := serveDemoPage(t, b)
	for name, change := range map[string]func(*http.Request){
		"a name that was bent to this address": func(r *http.Request) { r.Host = "demo.example" },
		"a form on a page from elsewhere":      func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"an older browser's form elsewhere":    func(r *http.Request) { r.Header.Set("Origin", "http://demo.example") },
	} {
		if status, shown := submit(t, page.URL, "/power", url.Values{"on": {"false"}}, change); status < 400 || !b.Powered() {
			t.Errorf("%s pulled the plug: %d %s", name, status, shown)
		}
	}
	for listen, says := range map[string]string{
		"0.0.0.0:8421":      "this computer only",
		"192.0.2.7:8421":    "this computer only",
		"plant.example:842": "this computer only",
		"8421":              "for example 127.0.0.1:8421",
	} {
		var stderr strings.Builder
		if code := command(t.Context(), []string{"demo", "--listen", listen}, nil, io.Discard, &stderr); code != exit.Usage || !strings.Contains(stderr.String(), says) {
			t.Errorf("--listen %s: exit %d, %s", listen, code, &stderr)
		}
	}
}

func TestTheDemoFindsItsPlaceTaken(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	var stderr strings.Builder
	code := command(t.Context(), []string{"demo", "--listen", taken.Addr().String()}, nil, io.Discard, &stderr)
	if code != exit.Failure || !strings.Contains(stderr.String(), "address already in use; choose another port, such as --listen 127.0.0.1:0") {
		t.Errorf("exit %d: %s", code, &stderr)
	}
	stderr.Reset()
	if code := command(t.Context(), []string{"demo", "--keep", "."}, nil, io.Discard, &stderr); code != exit.Failure || !strings.Contains(stderr.String(), "is not empty") {
		t.Errorf("--keep with a folder that is in use: exit %d: %s", code, &stderr)
	}
}

func TestTheDemoCleansUp(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("that the demo leaves nothing behind was NOT proved: it takes its time")
	}
	tmp, err := os.MkdirTemp("", "sd-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(tmp) })
	demo := exec.CommandContext(t.Context(), "stationd", "demo", "--listen", "127.0.0.1:0")
	demo.Env = append(os.Environ(), "TMPDIR="+tmp)
	out, err := demo.StdoutPipe()
	must(t, err)
	must(t, demo.Start())
	address := ""
	for lines := bufio.NewScanner(out); address == "" && lines.Scan(); {
		address = regexp.MustCompile(`http://\S+`).FindString(lines.Text())
	}
	if shown := getText(t, http.DefaultClient, address); !strings.Contains(shown, "stationd runs") {
		t.Errorf("the page at %q does not say that the station runs", address)
	}
	if made, err := filepath.Glob(filepath.Join(tmp, "*", "data", "outbox.db")); err != nil || len(made) != 1 {
		t.Errorf("there is no outbox on disk: %v %v", made, err)
	}
	must(t, demo.Process.Signal(syscall.SIGINT))
	_, _ = io.Copy(io.Discard, out) // up to its end
	if err := demo.Wait(); err != nil {
		t.Errorf("the demo was ended by Ctrl-C: %v", err)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("it left something behind: %v %v", left, err)
	}
}

// chromium is where Debian has it.
const chromium = "/usr/bin/chromium"

func TestTheDemoInABrowser(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(chromium); err != nil {
		t.Skipf("that the demo's buttons can be held with the mouse was NOT proved: there is no %s", chromium)
	}
	b := startStation(t, nil)
	page := serveDemoPage(t, b)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ctx, closed := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))...)
	defer closed()
	ctx, closed = chromedp.NewContext(ctx)
	defer closed()
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		must(t, chromedp.Do(ctx, steps...))
	}
	becomes := func(expression string) {
		t.Helper()
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression)); err != nil {
			t.Fatalf("%s did not become true: %v", expression, err)
		}
	}
	number := func(expression string) float64 {
		t.Helper()
		v, err := chromedp.Run(ctx, chromedp.Evaluate[float64](expression))
		must(t, err)
		return v
	}

	do(chromedp.EmulateViewport(1280, 800), chromedp.Navigate(page.URL))
	if right := number(`document.documentElement.scrollWidth`); right > 1280 {
		t.Errorf("at 1280 by 800 the page is %v wide", right)
	}
	const maintenance = `document.querySelector('[data-button="maintenance"]').getBoundingClientRect()`
	x, y := number(maintenance+`.x + 50`), number(maintenance+`.y + 50`)
	mouse := func(d time.Duration) {
		t.Helper()
		do(chromedp.MouseEvent(chromedp.MousePressed, x, y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
		<-time.After(d)
		do(chromedp.MouseEvent(chromedp.MouseReleased, x, y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	}
	waitRecorded(t, b, "maintenance.press", func() { mouse(demo.PressTime) })
	becomes(`document.querySelector('.red .lamp').matches('.lit') && document.querySelectorAll('#dispatches .badge').length == 1`)
	waitRecorded(t, b, "maintenance.hold", func() { mouse(demo.HoldTime) })
	becomes(`!document.querySelector('.red .lamp').matches('.lit') && document.querySelectorAll('#dispatches .badge').length == 0`)

	waitRecorded(t, b, "hand."+station.Scan, func() { do(chromedp.Click(chromedp.CSS(`[value="PO4711"]`))) })
	waitRecorded(t, b, "hand."+station.Scan, func() { do(chromedp.Click(chromedp.CSS(`[name="part"]`))) })
	becomes(`document.querySelectorAll('#traces tbody tr').length == 1`)
	do(chromedp.Click(chromedp.CSS(`#cable button`)))
	becomes(`document.querySelector('#cable').innerText.includes('pulled out')`)
	waitRecorded(t, b, "hand."+station.Scan, func() { do(chromedp.Click(chromedp.CSS(`[name="part"]`))) })
	becomes(`document.querySelector('#outbox').innerText.includes('article.trace')`)
	do(chromedp.Click(chromedp.CSS(`#power button`)))
	becomes(`document.querySelector('#power').innerText.includes('No power')`)
	do(chromedp.Click(chromedp.CSS(`[value="PO4711"]`)))
	becomes(`document.querySelector('#answer').innerText.includes('no power')`)
	do(chromedp.Click(chromedp.CSS(`#power button`)))
	becomes(`document.querySelector('#power').innerText.includes('stationd runs')`)
	do(chromedp.Click(chromedp.CSS(`#cable button`)))
	becomes(`document.querySelectorAll('#traces tbody tr').length == 2`)
}
