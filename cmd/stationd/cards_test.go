package main

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stationd/internal/cards"
	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/station"
)

// cardBindings are put before the bindings of the simulated station.
const cardBindings = `
[[on]]
event = "hand.scan"
match = '^UNDO$'
undo  = true

[[on]]
event = "hand.scan"
match = '^CALL-(?P<type>QUALITY|MATERIAL)$'
do    = [{ l2l = "dispatch.open", type = "{type}", description = "Help needed at {station}" }]

[[on]]
event = "hand.scan"
match = '^FINISH THE ORDER OF THIS STATION$'
needs = ["order"]
do    = [{ lagerkoll = "order.finish", order = "{order}" }]

[[on]]
event = "hand.scan"
match = '^U-(?P<user>\p{L}+)$'
set   = { user = "{user}" }
`

// startCardStation starts a station whose bindings take all kinds of cards.
func startCardStation(t *testing.T) *demo.Simulation {
	t.Helper()
	b := newStation(t, nil)
	editConfig(t, b, "[[on]]\nevent  = \"hand.scan\"\nmatch  = '^PO", cardBindings+"\n[[on]]\nevent  = \"hand.scan\"\nmatch  = '^PO")
	must(t, b.Power(t.Context(), true))
	return b
}

// readSheets prints a PDF on 300 dots an inch and reads every code with programs that are not
// ours. areas are the codes for which a Data Matrix is looked for, at most one on a page:
// libdmtx looks for one more until its time is over.
func readSheets(t *testing.T, pdf string, areas ...string) map[string]int {
	t.Helper()
	for _, program := range []string{"pdftoppm", byZbar, byDmtx} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("NOT PROVED: that what is printed is read by other programs, because there is no %s", program)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "pdftoppm", "-r", "300", "-gray", pdf, strings.TrimSuffix(pdf, ".pdf")).CombinedOutput(); err != nil {
		t.Fatalf("pdftoppm: %v: %s", err, out)
	}
	pages, err := filepath.Glob(strings.TrimSuffix(pdf, ".pdf") + "-*.pgm")
	must(t, err)
	found := make(map[string]int)
	for i, page := range pages {
		text := pageText(ctx, t, pdf, i+1)
		readImage(ctx, t, page, slices.ContainsFunc(areas, func(code string) bool { return strings.Contains(text, code) }), found)
	}
	return found
}

// readImage reads every code in an image; area says that there is a Data Matrix.
func readImage(ctx context.Context, t *testing.T, image string, area bool, found map[string]int) {
	t.Helper()
	programs := [][]string{
		{byZbar, "--raw", "--quiet", "--nodbus", "-Sdisable", "-Scode128.enable", image},
		{byZbar, "--raw", "--quiet", "--nodbus", "-Sdisable", "-Sqrcode.enable", "-Sbinary", image},
	}
	if area {
		programs = append(programs, []string{byDmtx, "--newline", "--stop-after=1", "--milliseconds=120000", image})
	}
	for _, words := range programs {
		out, err := exec.CommandContext(ctx, words[0], words[1:]...).Output()
		if err != nil && len(out) > 0 {
			t.Fatalf("%s: %v", words, err)
		}
		for line := range strings.Lines(string(out)) {
			found[strings.TrimSuffix(line, "\n")]++
		}
	}
}

// pageText is what a person reads on a page.
func pageText(ctx context.Context, t *testing.T, pdf string, page int) string {
	t.Helper()
	at := strconv.Itoa(page)
	out, err := exec.CommandContext(ctx, "pdftotext", "-f", at, "-l", at, pdf, "-").Output()
	must(t, err)
	return strings.Join(strings.Fields(string(out)), " ") // a code may be broken into lines
}

// madeCards are the cards of the command's --json, by their codes.
func madeCards(t *testing.T, text string) map[string]cards.Card {
	t.Helper()
	var made cards.Sheets
	must(t, json.NewDecoder(strings.NewReader(text)).Decode(&made)) // what follows is said to people
	all := make(map[string]cards.Card)
	for _, g := range made.Groups {
		for _, c := range g.Cards {
			all[c.Code] = c
		}
	}
	return all
}

func TestEachPrintedCardDoesWhatItSays(t *testing.T) {
	t.Parallel()
	b := startCardStation(t)
	pdf := filepath.Join(t.TempDir(), "cards.pdf")
	people := []string{"user=EVA,ŁUKASZ"}
	if out, code := runCommand(t, b, slices.Concat([]string{"cards", "-o", pdf}, people)...); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	out, code := runCommand(t, b, slices.Concat([]string{"cards", "--json"}, people)...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	said := madeCards(t, out)
	printed := readSheets(t, pdf, "FINISH THE ORDER OF THIS STATION")
	want := []string{
		"CALL-MATERIAL", "CALL-QUALITY", "FINISH THE ORDER OF THIS STATION",
		"PC-100", "PC-200", "PC-300", // planned in L2L
		"PO4711", // in progress at Lagerkoll
		"U-EVA", "U-ŁUKASZ", "UNDO",
	}
	if got := slices.Sorted(maps.Keys(printed)); !slices.Equal(got, want) {
		t.Fatalf("other programs read %q, want %q", got, want)
	}
	if got := slices.Sorted(maps.Keys(said)); !slices.Equal(got, want) {
		t.Fatalf("the cards are %q, want %q", got, want)
	}
	for code, kind := range map[string]string{"UNDO": "Code 128", "U-ŁUKASZ": "QR Code", "FINISH THE ORDER OF THIS STATION": "Data Matrix"} {
		if said[code].Symbology != kind {
			t.Errorf("%s is drawn as %s, want %s", code, said[code].Symbology, kind)
		}
	}

	inHand := func(name string) string {
		s, err := b.Control().Snapshot(t.Context())
		must(t, err)
		return s.State.Values[name].Text
	}
	says := func(code, title string, does ...string) {
		t.Helper()
		if c := said[code]; c.Title != title || !slices.Equal(c.Does, does) {
			t.Errorf("the card %s says %q %q, want %q %q", code, c.Title, c.Does, title, does)
		}
		scanAndWait(t, b, code)
		must(t, b.WaitDelivered(t.Context()))
	}
	says("U-EVA", "EVA", "Signs in: EVA")
	if got := inHand(station.User); got != "EVA" {
		t.Errorf("the card of Eva signs in %q", got)
	}
	says("U-ŁUKASZ", "ŁUKASZ", "Signs in: ŁUKASZ")
	if got := inHand(station.User); got != "ŁUKASZ" {
		t.Errorf("the card of Łukasz signs in %q", got)
	}
	says("UNDO", "Undo the last scan")
	if got := inHand(station.User); got != "EVA" {
		t.Errorf("after the card that undoes, %q is signed in", got)
	}
	says("PO4711", "PO-4711 · Soup, morning", "Choose order: 4711")
	if got := inHand("order"); got != "4711" {
		t.Errorf("the card of the order chooses %q", got)
	}
	says("CALL-QUALITY", "Open dispatch: QUALITY")
	if d := b.Plant.Dispatches(); len(d) != 1 || d[0].Type != "QUALITY" || !d[0].Open() {
		t.Errorf("the card for a call opens %+v", d)
	}
	says("PC-200", "200", "Start changeover: 200")
	if c := b.Plant.Changeovers(); len(c) != 1 || c[0].Product != "200" {
		t.Errorf("the card of a product starts %+v", c)
	}
	finish := said["FINISH THE ORDER OF THIS STATION"]
	if finish.Needs != "Scan first: order" || finish.Irreversible == "" {
		t.Errorf("the card that finishes an order says %+v", finish)
	}
	says(finish.Code, "Finish production order")
	if o := b.Plant.Orders(); o[0].State != plant.StateFinished {
		t.Errorf("the card that finishes an order leaves it %+v", o[0])
	}
	if said["UNDO"].Irreversible != "" {
		t.Error("the card that undoes says that it cannot be undone")
	}
}

func TestCardsOfAVendorThatIsNotReachedAreMissingAndThatIsSaid(t *testing.T) {
	t.Parallel()
	b := startCardStation(t)
	must(t, b.Cable(false))
	pdf := filepath.Join(t.TempDir(), "cards.pdf")
	out, code := runCommand(t, b, "cards", "-o", pdf, "product=100")
	if code != 1 || !strings.Contains(out, "cards are missing: Lagerkoll: ") || strings.Contains(out, "L2L: ") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if info, err := os.Stat(pdf); err != nil || info.Size() == 0 {
		t.Errorf("what could be made is not written: %v", err)
	}
	if out, code := runCommand(t, b, "cards", "-o", pdf, "--offline"); code != 1 || !strings.Contains(out, "is there already") {
		t.Errorf("a file that is there: exit code %d: %s", code, out)
	}
	out, code = runCommand(t, b, "cards", "-o", pdf, "--offline", "--force", "--language", "pl")
	if code != 0 || !strings.Contains(out, "no card of [[on]] number 7: it needs a list of user: user=…") {
		t.Errorf("exit code %d: %s", code, out)
	}
	for _, wrong := range [][]string{{"cards"}, {"cards", "-o", "-", "EVA"}, {"cards", "-o", "-", "user=@" + pdf + ".none"}, {"cards", "-o", "-", "--language", "tlh"}} {
		if out, code := runCommand(t, b, wrong...); code != 2 {
			t.Errorf("%q: exit code %d: %s", wrong, code, out)
		}
	}
}

// The page of the cards is scanned from a tablet, or from paper on which a browser printed it.
func TestThePageOfCardsIsReadFromTheScreenAndFromPaper(t *testing.T) {
	t.Parallel()
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("NOT PROVED: that the page of cards can be scanned and printed, because there is no chromium")
	}
	b := startCardStation(t)
	page := ""
	must(t, demo.Until(t.Context(), "the page is open", func() bool {
		for line := range strings.Lines(readLog(t, b)) {
			if _, at, said := strings.Cut(line, `"msg":"the page is open","page":"`); said {
				page, _, _ = strings.Cut(at, `"`)
			}
		}
		return page != ""
	}))
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	pdf, screen := filepath.Join(dir, "page.pdf"), filepath.Join(dir, "screen.png")
	for _, what := range [][]string{{"--no-pdf-header-footer", "--print-to-pdf=" + pdf}, {"--window-size=1280,2000", "--screenshot=" + screen}} {
		words := slices.Concat([]string{"--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + filepath.Join(dir, "profile")}, what, []string{"http://" + page + "/cards"})
		if said, err := exec.CommandContext(ctx, browser, words...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
	}
	const area = "FINISH THE ORDER OF THIS STATION"
	want := []string{"CALL-MATERIAL", "CALL-QUALITY", area, "PC-100", "PC-200", "PC-300", "PO4711", "UNDO"}
	if got := slices.Sorted(maps.Keys(readSheets(t, pdf, area))); !slices.Equal(got, want) {
		t.Errorf("from paper, other programs read %q, want %q", got, want)
	}
	seen := make(map[string]int)
	readImage(ctx, t, screen, true, seen)
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
		t.Errorf("from the screen, other programs read %q, want %q", got, want)
	}
}

func TestABadgeIsDrawnAndOpensWhatNeedsOne(t *testing.T) {
	t.Parallel()
	b := newStationWithAccess(t)
	must(t, b.Power(t.Context(), true))
	pdf := filepath.Join(t.TempDir(), "badge.pdf")
	out, code := runCommand(t, b, "badge", "new", "Anna Berg", "-o", pdf)
	if code != 0 || strings.Contains(out, station.BadgePrefix) {
		t.Fatalf("exit code %d: %s", code, out)
	}
	if info, err := os.Stat(pdf); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the badge lies there for everybody: %v, %v", info, err)
	}
	if _, code := runCommand(t, b, "badge", "new", "Eva", "-o", pdf); code != 1 {
		t.Errorf("a file that is there: exit code %d", code)
	}
	if out, _ := runCommand(t, b, "badge", "ls"); strings.Contains(out, "Eva") {
		t.Errorf("a badge was made that nobody has: %s", out)
	}
	found := readSheets(t, pdf, "Anna Berg")
	if len(found) != 1 {
		t.Fatalf("other programs read %d codes, want the same one in two symbols", len(found))
	}
	for secret, times := range found {
		if times != 2 || !strings.HasPrefix(secret, station.BadgePrefix) || len(secret) != len(station.BadgePrefix)+station.BadgeSecret {
			t.Errorf("a code of %d characters is read %d times", len(secret), times)
		}
		text, err := exec.CommandContext(t.Context(), "pdftotext", pdf, "-").Output()
		must(t, err)
		if strings.Contains(string(text), secret) || !strings.Contains(string(text), "Anna Berg") {
			t.Errorf("the badge says %s", text)
		}
		if note := showBadge(t, b, secret); note.Kind != station.NoteTechnician || note.Text != "Anna Berg" {
			t.Errorf("shown to the reader the operator is told %+v", note)
		}
	}
}
