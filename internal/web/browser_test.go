package web

import (
	"bytes"
	"context"
	"image"
	_ "image/png" // what screenshots are
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
)

// chromium is where Debian has it.
const chromium = "/usr/bin/chromium"

// browse starts a browser of the size of a small touch screen that speaks to
// nobody but the page.
func browse(t *testing.T, further ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	if _, err := os.Stat(chromium); err != nil {
		t.Skipf("NOT PROVED: that the page works in a real browser, because there is no %s", chromium)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute)
	t.Cleanup(cancel)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("no-pings", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.WindowSize(800, 480),
	)
	ctx, closed := chromedp.NewExecAllocator(ctx, append(options, further...)...)
	t.Cleanup(closed)
	ctx, closed = chromedp.NewContext(ctx)
	t.Cleanup(closed)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(800, 480)); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// do carries out steps in the browser.
func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// submit clicks a button that leads to another page, and waits for that page.
func submit(t *testing.T, ctx context.Context, button string) {
	t.Helper()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(button))); err != nil {
		t.Fatal(err)
	}
}

// until waits until an expression is true in the page.
func until(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression)); err != nil {
		t.Fatalf("%s did not become true: %v", expression, err)
	}
}

// value evaluates an expression in the page.
func value[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// photograph writes what the screen shows to a file and returns its size. Where
// SCREENSHOTS names a folder, the pictures stay.
func photograph(t *testing.T, ctx context.Context, name string) image.Point {
	t.Helper()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
	picture, _, err := image.DecodeConfig(bytes.NewReader(png))
	if err != nil {
		t.Fatal(err)
	}
	return image.Pt(picture.Width, picture.Height)
}

// It is one test, not parallel: the browser takes both cores of a small machine
// and seconds to start.
func TestThePageInARealBrowser(t *testing.T) {
	ctx := browse(t)
	f := operatortest.Held()
	s := open(t, f, "en")
	operatortest.Run(t, s)
	address := "http://" + s.Addr().String() + "/"
	details := func() { do(t, ctx, chromedp.Click(chromedp.CSS(`#health .button`))) }

	do(t, ctx, chromedp.Navigate(address))
	if got := value[string](t, ctx, `document.getElementById("sentence").textContent`); got != "Action needed: 2 on hold" {
		t.Errorf("the page says %q", got)
	}

	t.Run("a change shows without loading the page again", func(t *testing.T) {
		do(t, ctx, chromedp.Evaluate[chromedp.Void](`window.before = document.getElementById("headline"); document.querySelector("#over").open = true; undefined`))
		f.Change(func() {
			f.Entries = slices.Clone(f.Entries)
			f.Entries[0].Why = &station.Reason{Kind: "lagerkoll-903003", Quote: "order 4711 is closed"}
		})
		until(t, ctx, `document.getElementById("held").innerText.includes("order 4711 is closed")`)
		if !value[bool](t, ctx, `window.before === document.getElementById("headline")`) {
			t.Error("the page was loaded again")
		}
		if !value[bool](t, ctx, `document.querySelector("#over").open`) {
			t.Error("what the viewer had opened was closed")
		}
	})

	t.Run("what is on hold leads to the page where that is decided", func(t *testing.T) {
		details()
		submit(t, ctx, `#to-entries`)
		if got := value[string](t, ctx, `document.querySelector("h1").textContent`); got != "On hold and waiting" {
			t.Errorf("it leads to %q", got)
		}
		do(t, ctx, chromedp.Navigate(address))
	})

	t.Run("closing a call takes two touches", func(t *testing.T) {
		before := len(f.Events())
		do(t, ctx, chromedp.Click(chromedp.CSS(`#over summary`)))
		if n := len(f.Events()); n != before {
			t.Errorf("the first touch recorded something: %d events", n-before)
		}
		submit(t, ctx, `[id="close-`+maint+`"]`)
		until(t, ctx, `document.getElementById("calls").innerText.includes("closing") && !document.getElementById("over")`)
		if events := f.Events(); len(events) != before+1 || events[before].Kind != station.Close {
			t.Errorf("recorded: %+v", events)
		}
	})
}
