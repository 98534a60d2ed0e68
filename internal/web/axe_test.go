package web

import (
	"cmp"
	"context"
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"stationd/internal/words"
)

// axeFile is where make axe puts axe-core, which is too large to be part of the project.
const axeFile = "../../build/axe.min.js"

// axe reads axe-core, the rules of accessibility that a program can check.
func axe(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(cmp.Or(os.Getenv("STATIOND_AXE"), axeFile))
	if err != nil {
		t.Skipf("NOT PROVED: that axe finds nothing on the page: make axe fetches it (%v)", err)
	}
	return string(source)
}

// violations are the rules that the page in the browser breaks, and where.
const violations = `axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.target.join(" ") + " " + n.failureSummary).join("; ")).join("\n"))`

// obey runs axe, which is in the browser, on the page as it is.
func obey(t *testing.T, ctx context.Context) {
	t.Helper()
	found, err := chromedp.Run(ctx, chromedp.Evaluate[string](violations, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	if found != "" {
		t.Errorf("axe finds\n%s", found)
	}
}

// Each state in each language, with what is behind Details unfolded.
func TestThePageBreaksNoRuleOfAccessibility(t *testing.T) {
	rules := axe(t)
	ctx := browse(t)
	for _, language := range words.Languages() {
		look(t, ctx, states()[0], language)
		do(t, ctx, chromedp.Evaluate[chromedp.Void](rules+`; location.hash = "#more"; undefined`))
		for _, st := range states() {
			t.Run(language+"/"+st.name, func(t *testing.T) {
				become(t, ctx, st, language)
				do(t, ctx, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach((d) => d.open = true); undefined`))
				obey(t, ctx)
			})
		}
	}
}

// In the dark the page has other colours.
func TestTheDarkPageBreaksNoRuleOfAccessibility(t *testing.T) {
	rules := axe(t)
	ctx := browse(t, chromedp.Flag("blink-settings", "preferredColorScheme=0"))
	for _, st := range states() {
		t.Run(st.name, func(t *testing.T) {
			look(t, ctx, st, "en")
			if !value[bool](t, ctx, `matchMedia("(prefers-color-scheme: dark)").matches`) {
				t.Fatal("the browser is not dark")
			}
			photograph(t, ctx, "dark-"+st.name)
			do(t, ctx, chromedp.Evaluate[chromedp.Void](`location.hash = "#more"; document.querySelectorAll("details").forEach((d) => d.open = true); undefined`))
			do(t, ctx, chromedp.Evaluate[chromedp.Void](rules+"; undefined"))
			obey(t, ctx)
			photograph(t, ctx, "dark-more-"+st.name)
		})
	}
}
