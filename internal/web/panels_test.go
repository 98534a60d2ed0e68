package web

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"math"
	"testing"

	"github.com/chromedp/chromedp"

	"stationd/internal/operator/operatortest"
	"stationd/internal/words"
)

// A panel is a screen on which the page hangs beside a station, or in somebody's hand.
type panel struct {
	name          string
	width, height int
	tall          float64 // millimetres of its height that show a picture; 0: it is held in a hand
}

func panels() []panel {
	return []panel{
		{"7in-800x480", 800, 480, 85.9},
		{"7in-1024x600", 1024, 600, 85.9},
		{"10in-1280x800", 1280, 800, 135.6},
		{"15in-1920x1080", 1920, 1080, 193.6},
		{"24in-1920x1080", 1920, 1080, 299},
		{"phone-390x844", 390, 844, 0},
		{"phone-844x390", 844, 390, 0},
	}
}

// readFrom is how far away somebody stands who reads the sentence, in millimetres, and
// legible how large its capitals must look to them, in minutes of arc.
const (
	readFrom = 3000
	legible  = 15
)

// look opens a state of the page in a language.
func look(t *testing.T, ctx context.Context, st state, language string) {
	t.Helper()
	shown, _ := st.station(language)
	s, err := Open("127.0.0.1:0", shown, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.listener.Close() })
	operatortest.Run(t, s)
	do(t, ctx, chromedp.Navigate("http://"+s.Addr().String()+"/"))
	until(t, ctx, `document.fonts.status === "loaded" && document.fonts.check("600 20px Station")`)
}

// become has the page that is open show another state, without loading it again.
func become(t *testing.T, ctx context.Context, st state, language string) {
	t.Helper()
	shown, _ := st.station(language)
	s, err := Open("127.0.0.1:0", shown, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	defer s.listener.Close()
	text, err := json.Marshal(s.renderMain())
	if err != nil {
		t.Fatal(err)
	}
	do(t, ctx, chromedp.Evaluate[chromedp.Void](`document.getElementById("main").innerHTML = `+string(text)+`; undefined`))
}

// A measure is what a page looks like, in pixels.
type measure struct {
	Sentence, Capital float64 // the size of the sentence's letters, and the height of its capitals
	Card              float64 // the height of what the sentence fills
	Wide, High        float64 // of the whole page
	Small             string  // what is too small or too near to another to be touched
	Tail              float64 // how far the tail of a p in the sentence's last line is below what the sentence fills
	Spills            string  // text that its box is too small for
	Cut               string  // what became of a press or scan, where that is not to be seen whole
}

const measuring = `(() => {
	const sentence = document.getElementById("sentence"), style = getComputedStyle(sentence);
	const canvas = document.createElement("canvas").getContext("2d");
	canvas.font = style.fontWeight + " " + style.fontSize + " " + style.fontFamily;
	const page = document.documentElement;
	const touched = Array.from(document.querySelectorAll("button, summary, a, input:not([type=hidden])"))
		.filter((b) => !b.closest(".other") && b.checkVisibility()).map((b) => [b.innerText, b.getBoundingClientRect()]);
	const small = touched.filter(([, r]) => r.width < 80 || r.height < 80).map(([text, r]) => text + " " + r.width + "x" + r.height);
	touched.forEach(([one, a], i) => touched.slice(i + 1).forEach(([other, b]) => {
		const apart = Math.max(a.left - b.right, b.left - a.right, a.top - b.bottom, b.top - a.bottom);
		if (apart < 8) small.push(one + " and " + other + " " + apart + " apart");
	}));
	const spills = Array.from(document.querySelectorAll("#screen *")).filter((e) => e.checkVisibility() && !e.closest(".spoken, svg") &&
		(e.getBoundingClientRect().right > innerWidth + 1 || e.getBoundingClientRect().left < -1)).map((e) => e.tagName + " " + e.innerText);
	const cut = Array.from(document.querySelectorAll("#recent .fate")).filter((e) => e.scrollHeight > e.clientHeight + 2 || e.scrollWidth > e.clientWidth + 1).map((e) => e.innerText);
	return {
		Cut: cut.join(", "),
		Tail: document.querySelector(".do") ? 0 : Math.max(...Array.from(sentence.getClientRects(), (r) => r.bottom)) - document.querySelector(".card").getBoundingClientRect().bottom,
		Sentence: parseFloat(style.fontSize), Capital: canvas.measureText("H").actualBoundingBoxAscent, Card: document.querySelector(".card").getBoundingClientRect().height,
		Wide: page.scrollWidth, High: page.scrollHeight, Small: small.join(", "), Spills: spills.join(", "),
	};
})()`

// minutesOfArc is how large something looks from where the page is read.
func minutesOfArc(millimetres float64) float64 {
	return math.Atan(millimetres/readFrom) * 180 / math.Pi * 60
}

// Every state on every panel: the sentence can be read from three metres, and what stands
// there on a working day needs no scrolling. SCREENSHOTS names a folder for the pictures.
func TestTheSentenceIsReadFromThreeMetresOnEveryPanel(t *testing.T) {
	ctx := browse(t)
	for _, st := range states() {
		t.Run(st.name, func(t *testing.T) {
			look(t, ctx, st, "en")
			for _, on := range panels() {
				checkLook(t, ctx, st, on)
				if size := photograph(t, ctx, on.name+"-"+st.name); size != image.Pt(on.width, on.height) {
					t.Errorf("the screen shows %v", size)
				}
			}
			if title := value[string](t, ctx, `document.title`); title == "hacked" {
				t.Error("a scan was obeyed")
			}
		})
	}
}

func checkLook(t *testing.T, ctx context.Context, st state, on panel) {
	t.Helper()
	do(t, ctx, chromedp.EmulateViewport(int64(on.width), int64(on.height)))
	m := value[measure](t, ctx, measuring)
	if m.Wide > float64(on.width) || m.Spills != "" {
		t.Errorf("%s: the page is %v wide, and spills: %s", on.name, m.Wide, m.Spills)
	}
	if m.Tail > 0 {
		t.Errorf("%s: the tail of a p is %v pixels below the card", on.name, m.Tail)
	}
	if m.Cut != "" {
		t.Errorf("%s: not to be seen whole: %s", on.name, m.Cut)
	}
	if m.Small != "" {
		t.Errorf("%s: too small or too near to be touched: %s", on.name, m.Small)
	}
	if on.tall == 0 {
		return
	}
	height := float64(on.height)
	arc := minutesOfArc(m.Capital * on.tall / height)
	t.Logf("%s: letters %.0f %% of the height, capitals %.1f minutes of arc, the card %.0f %%", on.name, 100*m.Sentence/height, arc, 100*m.Card/height)
	if m.Sentence < 0.12*height || m.Card < height/3 {
		t.Errorf("%s: the sentence is %v pixels high in %v of %v", on.name, m.Sentence, m.Card, height)
	}
	if arc < legible && st.name != "storage-failed" { // which is four lines, and larger than anything else
		t.Errorf("%s: its capitals are %.1f minutes of arc from %d mm", on.name, arc, readFrom)
	}
	if st.usual && m.High > height {
		t.Errorf("%s: the page is %v high: it must be scrolled", on.name, m.High)
	}
}

// In each language the sentence fits the smallest panel, and everything stands on it that
// does in English.
func TestEveryLanguageFitsTheSmallestPanel(t *testing.T) {
	ctx := browse(t)
	for _, language := range words.Languages() {
		look(t, ctx, states()[0], language)
		for _, st := range states() {
			t.Run(language+"/"+st.name, func(t *testing.T) {
				become(t, ctx, st, language)
				checkLook(t, ctx, st, panels()[0])
				photograph(t, ctx, fmt.Sprintf("%s-%s", language, st.name))
			})
		}
	}
}
