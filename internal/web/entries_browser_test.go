package web

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
)

// The technician's page with the keyboard alone, as on a laptop: log in, put a field right,
// discard with a reason; and how it looks on a phone. One test, not parallel: the browser
// takes both cores of a small machine.
func TestTheTechniciansPageInARealBrowser(t *testing.T) {
	ctx := browse(t)
	f := operatortest.Held()
	for i := range 3 {
		e := f.Entries[0]
		e.Entry = operatortest.Trace(uint32(0x9f86d090 + i)).Entry
		f.Entries = append(f.Entries, e)
	}
	s := openWithAccess(t, f)
	operatortest.Run(t, s)
	address := "http://" + s.Addr().String()
	key := func(keys ...string) {
		t.Helper()
		for _, k := range keys {
			do(t, ctx, chromedp.KeyEvent(k))
		}
	}
	// enter presses Enter, and waits for the page that this leads to.
	enter := func() {
		t.Helper()
		if _, err := chromedp.RunResponse(ctx, chromedp.KeyEvent("\r")); err != nil {
			t.Fatal(err)
		}
	}
	// reach presses the tabulator until what has the focus is of that text.
	reach := func(text string) {
		t.Helper()
		for range 80 {
			key("\t")
			if value[bool](t, ctx, fmt.Sprintf(`(document.activeElement.innerText || document.activeElement.id) === %q`, text)) {
				return
			}
		}
		t.Fatalf("the tabulator does not reach %q", text)
	}

	do(t, ctx, chromedp.Navigate(address+"/entries"))
	for name, size := range map[string][2]int64{"phone": {390, 844}, "laptop": {1280, 800}} {
		do(t, ctx, chromedp.EmulateViewport(size[0], size[1]))
		photograph(t, ctx, "entries-looking-"+name)
	}
	reach("Log in")
	enter()
	until(t, ctx, `document.activeElement.id === "pin"`)
	photograph(t, ctx, "login-laptop")
	key("4", "7", "1", "1", "4", "7")
	enter()
	until(t, ctx, `document.body.innerText.includes("Log out")`)
	for name, size := range map[string][2]int64{"phone": {390, 844}, "laptop": {1280, 800}} {
		do(t, ctx, chromedp.EmulateViewport(size[0], size[1]))
		if wide := value[int](t, ctx, `document.documentElement.scrollWidth`); wide > int(size[0]) {
			t.Errorf("on a %s it is %d wide, and has to be moved sideways", name, wide)
		}
		photograph(t, ctx, "entries-"+name)
	}
	if small := value[string](t, ctx, `[...document.querySelectorAll("button, .button, .acts summary")].filter(b => b.checkVisibility() && b.getBoundingClientRect().height < 48).map(b => b.innerText).join()`); small != "" {
		t.Errorf("too small for a finger: %s", small)
	}

	reach("Edit")
	enter()
	until(t, ctx, `document.querySelector("h1").innerText === "Edit"`)
	photograph(t, ctx, "edit-laptop")
	reach("field-order")
	do(t, ctx, chromedp.KeyEvent("a", chromedp.KeyModifiers(2))) // all of it
	key("4", "7", "1", "2")
	enter()
	until(t, ctx, `document.body.innerText.includes("1 corrected")`)

	reach("Discard")
	key("\r")
	key("\t", "t", "w", "i", "c", "e")
	do(t, ctx, chromedp.EmulateViewport(390, 844))
	photograph(t, ctx, "discard-phone")
	enter()
	until(t, ctx, `document.body.innerText.includes("1 discarded")`)
	events := f.Events()
	if len(events) != 2 || events[0].Kind != station.VerbEdit || events[0].Data[station.EditField("order")] != "4712" || events[1].Kind != station.VerbDiscard || events[1].Data[station.DataReason] != "twice" {
		t.Errorf("recorded %+v", events)
	}
	reach("Log out")
	enter()
	until(t, ctx, `document.body.innerText.includes("Log in") && !document.body.innerText.includes("Retry")`)
}
