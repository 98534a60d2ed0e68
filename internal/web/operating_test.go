package web

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
)

func TestACallIsClosedWithTheKeyboardAlone(t *testing.T) {
	ctx := browse(t)
	f := working()
	f.Shown.State.Calls = []station.Call{call()}
	s := open(t, f, "en")
	operatortest.Run(t, s)
	do(t, ctx, chromedp.Navigate("http://"+s.Addr().String()+"/"))
	focused := func(what string) {
		t.Helper()
		if got := value[string](t, ctx, `document.activeElement.innerText`); got != what {
			t.Fatalf("the focus is on %q, want %q", got, what)
		}
		if !value[bool](t, ctx, `parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 3`) {
			t.Errorf("nobody sees that the focus is on %q", what)
		}
	}
	do(t, ctx, chromedp.KeyEvent(kb.Tab))
	focused("Close call")
	do(t, ctx, chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.Tab))
	focused("Yes, close it")
	if n := len(f.Events()); n != 0 {
		t.Errorf("%d events were recorded before it was confirmed", n)
	}
	f.Change(func() { f.Shown.Held = 1 }) // the page changes under the hands of whoever decides
	until(t, ctx, `document.getElementById("sentence").textContent === "Action needed: 1 on hold"`)
	focused("Yes, close it")
	if _, err := chromedp.RunResponse(ctx, chromedp.KeyEvent(kb.Enter)); err != nil {
		t.Fatal(err)
	}
	until(t, ctx, `document.getElementById("calls").innerText.includes("closing")`)
	if events := f.Events(); len(events) != 1 || events[0].Kind != station.Close {
		t.Errorf("recorded: %+v", events)
	}
	do(t, ctx, chromedp.KeyEvent(kb.Tab))
	focused("Details")
	do(t, ctx, chromedp.KeyEvent(kb.Enter))
	until(t, ctx, `getComputedStyle(document.getElementById("more")).display !== "none"`)
}

func TestWhenTheStationIsGoneThePageSaysSoInFullSize(t *testing.T) {
	ctx := browse(t)
	f := working()
	s := open(t, f, "en")
	stop := operatortest.Run(t, s)
	do(t, ctx, chromedp.Navigate("http://"+s.Addr().String()+"/"))
	until(t, ctx, `document.getElementById("lost").hidden && performance.getEntriesByType("resource").length > 1`)
	stop()
	until(t, ctx, `!document.getElementById("lost").hidden`)
	said := value[string](t, ctx, `document.getElementById("lost").innerText`)
	if !strings.HasPrefix(said, "STATION NOT RESPONDING. Presses are not recorded. Call the old way.") || !strings.Contains(said, "The page shows the state at ") {
		t.Errorf("the page says %q", said)
	}
	for _, on := range panels() {
		do(t, ctx, chromedp.EmulateViewport(int64(on.width), int64(on.height)))
		if !value[bool](t, ctx, `(() => { const r = document.getElementById("lost").getBoundingClientRect(); return r.width === innerWidth && r.height === innerHeight && document.getElementById("lost").scrollHeight <= innerHeight; })()`) {
			t.Errorf("%s: it does not fill the screen, or does not fit on it", on.name)
		}
		photograph(t, ctx, "gone-"+on.name)
	}
	if value[bool](t, ctx, `document.querySelector("#health .button").matches(":focus") || !document.getElementById("main").inert`) {
		t.Error("what stands behind can still be touched")
	}
}

func TestThePageMovesNothingForWhoeverWantsThat(t *testing.T) {
	ctx := browse(t, chromedp.Flag("force-prefers-reduced-motion", true))
	f := operatortest.Held() // a lamp blinks
	s := open(t, f, "en")
	operatortest.Run(t, s)
	do(t, ctx, chromedp.Navigate("http://"+s.Addr().String()+"/#more"))
	if n := value[int](t, ctx, `document.getAnimations().length`); n != 0 {
		t.Errorf("%d things move", n)
	}
}

func TestASoundIsMadeOnceForEachRefusalAndOnlyWhereItIsSwitchedOn(t *testing.T) {
	ctx := browse(t)
	f := working()
	s := open(t, f, "en")
	operatortest.Run(t, s)
	do(t, ctx, chromedp.Navigate("http://"+s.Addr().String()+"/#more"),
		chromedp.Evaluate[chromedp.Void](`window.tones = 0; { const start = OscillatorNode.prototype.start; OscillatorNode.prototype.start = function (...all) { window.tones++; return start.apply(this, all); }; } undefined`))
	tones := func(want int, so string) {
		t.Helper()
		if got := value[int](t, ctx, `window.tones`); got != want {
			t.Errorf("%s: %d tones, want %d", so, got, want)
		}
	}
	says := func(notes map[string]station.Note, sentence string) {
		t.Helper()
		f.Change(func() { f.Shown.State.Notes = notes })
		until(t, ctx, `document.getElementById("sentence").textContent === "`+sentence+`"`)
	}
	says(said(station.NoteUnknown, "1"), "Unknown code 1")
	tones(0, "while it is off")
	do(t, ctx, chromedp.Click(chromedp.CSS(`#sound-test`)))
	tones(1, "the test")
	do(t, ctx, chromedp.Click(chromedp.CSS(`#sound-on`)))
	tones(2, "switched on, it is heard")
	says(said(station.NoteUnknown, "2"), "Unknown code 2")
	tones(3, "another code that nobody knows")
	f.Change(func() { f.Shown.Waiting, f.Shown.Oldest = 1, operatortest.At("14:29") })
	until(t, ctx, `document.getElementById("health").innerText.includes("1 waiting")`)
	tones(3, "something else changes")
	says(nil, "1 waiting to be delivered")
	tones(3, "the refusal is over")
	do(t, ctx, chromedp.Navigate("http://"+s.Addr().String()+"/#more"))
	until(t, ctx, `document.getElementById("sound-on").getAttribute("aria-pressed") === "true"`)
}

// mostBytes and mostRequests are what the page may cost, with its letters, script and stream.
const (
	mostBytes    = 60_000
	mostRequests = 4
)

func TestThePageCostsFourRequestsAndLittle(t *testing.T) {
	ctx := browse(t)
	for _, st := range states() {
		shown, _ := st.station("pl")
		s, err := Open("127.0.0.1:0", shown, quietLog())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.listener.Close() })
		operatortest.Run(t, s)
		do(t, ctx, chromedp.Navigate("http://"+s.Addr().String()+"/"))
		until(t, ctx, `document.fonts.status === "loaded"`)
		requests := value[int](t, ctx, `performance.getEntriesByType("resource").filter((r) => !r.name.startsWith("data:")).length + 1`)
		bytes := value[int](t, ctx, `[...performance.getEntriesByType("resource"), ...performance.getEntriesByType("navigation")].reduce((sum, r) => sum + r.transferSize, 0)`)
		if requests > mostRequests || bytes > mostBytes || bytes < 20_000 {
			t.Errorf("%s: %d requests and %d bytes", st.name, requests, bytes)
		}
		t.Logf("%s: %d requests, %d bytes", st.name, requests, bytes)
	}
}

// A shift of eight hours is replayed fast: the browser is left with no more than it had.
func TestAPageThatIsOpenForAShiftLeaksNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT PROVED: that a page may be open for a shift: it takes its time")
	}
	ctx := browse(t, chromedp.Flag("js-flags", "--expose-gc"))
	f := working()
	s := open(t, f, "en")
	operatortest.Run(t, s)
	do(t, ctx, chromedp.Navigate("http://"+s.Addr().String()+"/"))
	until(t, ctx, `document.fonts.status === "loaded"`)
	fragments := make([]string, 0, len(states()))
	for _, st := range states() {
		shown, _ := st.station("en")
		one, err := Open("127.0.0.1:0", shown, quietLog())
		if err != nil {
			t.Fatal(err)
		}
		fragments = append(fragments, one.renderMain())
		one.listener.Close()
	}
	const changes = 3000 // more than one in ten seconds, for eight hours
	replay := func(n int) {
		t.Helper()
		for i := range n {
			s.feed.show(fragments[i%len(fragments)])
			if i%20 == 0 {
				until(t, ctx, `true`) // the browser has had a turn
			}
			<-time.After(time.Millisecond)
		}
		s.feed.show(fragments[0])
		until(t, ctx, `document.getElementById("sentence").textContent === "Everything delivered"`)
	}
	measure := func() (heap, nodes float64) {
		t.Helper()
		do(t, ctx, chromedp.Evaluate[chromedp.Void](`gc(); gc(); undefined`))
		return value[float64](t, ctx, `performance.memory.usedJSHeapSize`), value[float64](t, ctx, `document.querySelectorAll("*").length`)
	}
	replay(300)
	heap, nodes := measure()
	replay(changes)
	after, left := measure()
	t.Logf("the heap has %.0f kB after %d changes, %.0f kB before; %v elements, %v before", after/1e3, changes, heap/1e3, left, nodes)
	if left != nodes || after > heap+1e6 {
		t.Errorf("the heap grew from %v to %v, the elements from %v to %v", heap, after, nodes, left)
	}
}
