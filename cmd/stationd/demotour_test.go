package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"stationd/internal/demo"
	"stationd/internal/plant"
)

// A tab is one of the browser's.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func (b tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	must(b.t, chromedp.Do(b.ctx, steps...))
}

func (b tab) click(css string) { b.t.Helper(); b.do(chromedp.Click(chromedp.CSS(css))) }

// becomes waits until an expression is true in the tab.
func (b tab) becomes(expression string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression)); err != nil {
		said, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`))
		b.t.Fatalf("%s did not become true: %v; the page says\n%s", expression, err, said)
	}
}

// says waits until the operator's screen says a sentence.
func (b tab) says(sentence string) {
	b.t.Helper()
	b.becomes(`document.getElementById("sentence")?.textContent.startsWith(` + quoted(sentence) + `)`)
}

// draw keeps a picture for a document, where -draw is said.
func (b tab) draw(name string) {
	b.t.Helper()
	if !*drawLabels {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	must(b.t, err)
	must(b.t, os.WriteFile(filepath.Join("..", "..", "docs", "pictures", name), png, 0o644))
}

func quoted(text string) string { return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"` }

// What the demo offers to try works when it is followed to the letter. With -draw it takes
// the pictures of README.md on its way.
func TestTheDemoIsTriedAsItSays(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(chromium); err != nil {
		t.Skipf("that the demo's tour works was NOT proved: there is no %s", chromium)
	}
	b := startStation(t, func(c *demo.Config) { c.Watch = 500 * time.Millisecond })
	page := serveDemoPage(t, b)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ctx, closed := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))...)
	defer closed()
	first, closed := chromedp.NewContext(ctx)
	defer closed()
	table := tab{t, first}
	table.do(chromedp.EmulateViewport(1600, 900), chromedp.Navigate(page.URL))
	frame, err := chromedp.Run(first, chromedp.Evaluate[string](`document.getElementById("screen").src`))
	must(t, err)
	second, closed := chromedp.NewContext(first)
	defer closed()
	screen := tab{t, second}
	screen.do(chromedp.EmulateViewport(800, 480), chromedp.Navigate(frame))
	screen.says("Scan the order")

	push := func(button string, d time.Duration) {
		t.Helper()
		at := func(of string) float64 {
			v, err := chromedp.Run(first, chromedp.Evaluate[float64](`document.querySelector('[data-button="`+button+`"]').getBoundingClientRect().`+of+` + 50`))
			must(t, err)
			return v
		}
		x, y := at("x"), at("y")
		table.do(chromedp.MouseEvent(chromedp.MousePressed, x, y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
		<-time.After(d)
		table.do(chromedp.MouseEvent(chromedp.MouseReleased, x, y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	}
	scan := func(label string) {
		t.Helper()
		table.do(chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll(".label")].find((l) => l.innerText.startsWith(` + quoted(label) + `)).click()`))
	}
	traced := func(n int) {
		t.Helper()
		must(t, demo.Until(t.Context(), "the plant has each part once", func() bool { return len(b.Plant.Traces()) == n }))
	}

	// 1
	push("maintenance", demo.PressTime)
	table.becomes(`document.querySelector(".red .lamp").matches(".lit") && document.querySelectorAll("#dispatches .badge").length == 1`)
	screen.says("Maintenance, SEAL-1")
	screen.becomes(`document.body.innerText.includes("open in L2L, no. 2871001")`)
	must(t, demo.Until(t.Context(), "somebody is sent", func() bool { return b.Plant.Attend(2871001) }))
	screen.becomes(`document.body.innerText.includes("somebody is on it")`)

	// 2
	scan("Soup")
	screen.says("Scan the order first")
	scan("PO4711")
	screen.becomes(`document.getElementById("now").innerText.includes("PO4711") || document.getElementById("now").innerText.includes("4711")`)
	scan("Soup")
	traced(1)
	screen.becomes(`document.querySelector("#recent li").innerText.includes("delivered")`)
	screen.draw("page.png")

	// 3
	table.click(`#cable button`)
	table.becomes(`document.querySelector("#cable").innerText.includes("pulled out")`)
	push("material", demo.PressTime)
	scan("Soup")
	scan("Soup")
	table.becomes(`document.querySelectorAll("#outbox li").length == 3`)
	screen.becomes(`document.getElementById("health").innerText.includes("no contact")`)
	table.draw("demo.png")

	// 4
	table.click(`#power button`)
	screen.becomes(`!document.getElementById("lost").hidden && document.getElementById("lost").innerText.includes("Presses are not recorded")`)
	table.becomes(`document.querySelector("#power").innerText.includes("No power")`)
	table.click(`#power button`)
	screen.becomes(`document.getElementById("lost").hidden`)
	table.becomes(`document.querySelector("#power").innerText.includes("stationd runs")`)
	table.click(`#cable button`)
	traced(3)
	table.becomes(`document.querySelectorAll("#dispatches .badge").length == 2`)

	// 5
	b.Plant.ClearFaults()
	table.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('[value="` + string(plant.Lost) + `"]').click()`))
	table.becomes(`document.querySelector("#faults").innerText.includes("waits for")`)
	scan("Soup")
	traced(4)
	must(t, b.WaitDelivered(t.Context()))
	traced(4)

	// 6
	scan("Carton")
	screen.says("Unknown code 7310865004703")
	push("maintenance", demo.HoldTime)
	table.becomes(`document.querySelectorAll("#dispatches .badge").length == 1`)
	for _, d := range b.Plant.Dispatches() {
		if d.Type == "MAINT" && d.Open() {
			t.Errorf("the call is still open: %+v", d)
		}
	}
}
