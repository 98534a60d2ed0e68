package main

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/plant"
)

// What a vendor refuses, what nobody knows and what is missing is said in the language of the
// page; only what the vendor itself said stands there as it said it, as a quote.
func TestARefusalIsSaidInTheLanguageOfThePageWithTheVendorsWordsAsAQuote(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	editConfig(t, b, "[station]\n", "[station]\nlanguage = \"sv\"\n")
	must(t, b.Power(t.Context(), true))
	b.Plant.AddFault(plant.Fault{Kind: plant.Forbidden, Where: "POST /api/1.0/buildsequence/start_change_over/", Text: "Inga rättigheter"})
	b.Plant.AddFault(plant.Fault{Kind: plant.Refusal, Where: "POST /api/1.0/dispatches/open/", Text: "Skiftet har inte startat"})

	scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B1", Serial: "1"}.Symbol())
	expectPage(t, b, "Skanna order först")
	scanAndWait(t, b, "]C0who knows")
	expectPage(t, b, "Okänd kod who knows")
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	waitHeld(t, b, "dispatch.open", "Skiftet har inte startat")
	expectPage(t, b, "L2L avvisade den", "”Skiftet har inte startat”")
	scanAndWait(t, b, "PC-200")
	waitHeld(t, b, "changeover.start", "Inga rättigheter")
	expectPage(t, b, "Nyckeln får läsa, men inte göra det här", "”Inga rättigheter”")

	b.Plant.ClearFaults()
	for _, english := range []string{"refused", "rejected", "the key", "not for this", "POST", "order first", "Unknown"} {
		if page := seen(readPage(t, b)); strings.Contains(page, english) {
			t.Errorf("the page in Swedish says %q:\n%s", english, page)
		}
	}
}

// seen is the text of a page without what is folded and without the words of programs, which
// stand in the details alone.
func seen(page string) string {
	page = regexp.MustCompile(`(?s)<details.*?</details>|<head>.*?</head>|<span class="small code">.*?</span>`).ReplaceAllString(page, " ")
	return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " "))
}

func TestAReaderThatIsUnpluggedIsSaidInTheLanguageOfThePage(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	editConfig(t, b, "[station]\n", "[station]\nlanguage = \"de\"\n")
	must(t, b.Power(t.Context(), true))
	scanAndWait(t, b, "PO4711") // it is open
	b.Scanner.Unplug()
	expectPage(t, b, "nicht verbunden: einstecken")
	must(t, b.Scanner.Plug())
	must(t, demo.Until(t.Context(), "it is well again", func() bool { return !strings.Contains(readPage(t, b), "nicht verbunden: einstecken") }))
}
