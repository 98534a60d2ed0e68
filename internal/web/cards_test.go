package web

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"stationd/internal/cards"
	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
	"stationd/internal/words"
)

// cardStation has one reader, and one binding that takes orders.
func cardStation(language *words.Catalogue) cards.Station {
	order, err := station.ParseTemplate("{order}")
	if err != nil {
		panic(err)
	}
	return cards.Station{
		Words: language,
		Program: station.Program{Bindings: []station.Binding{
			{Event: "hand.scan", Match: regexp.MustCompile(`^PO(?P<order>\d+)$`), Set: map[string]station.Template{"order": order}},
		}},
		Readers: []cards.Reader{{Name: "hand", Event: func(raw []byte) (station.Event, error) {
			code := strings.TrimPrefix(string(raw), "]C0")
			return station.Event{Source: "hand", Kind: station.Scan, Code: code}, nil
		}}},
	}
}

func TestThePageOfCardsShowsWhatCanBeScanned(t *testing.T) {
	t.Parallel()
	s := open(t, operatortest.Quiet(), "sv")
	w := ask(s, http.MethodGet, "/cards", "")
	page := w.Body.String()
	for _, want := range []string{
		`<html lang="sv">`, "<h2>Välj order</h2>", "<h3>&lt;b&gt;Soup&lt;/b&gt;</h3>", `aria-label="PO4711"`, `<path d="M`,
		"Några kort saknas: Lagerkoll gick inte att läsa", `href="/cards.pdf"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if w.Code != http.StatusOK || strings.Contains(page, "style=") {
		t.Errorf("status %d, or a style that the browser is told not to take:\n%s", w.Code, page)
	}
	if page := ask(s, http.MethodGet, "/", "").Body.String(); !strings.Contains(page, `href="/cards">Kort att skanna</a>`) {
		t.Error("the station's page does not lead to the cards")
	}
	for _, file := range []string{"/cards.css", "/cards.js"} {
		if w := ask(s, http.MethodGet, file, ""); w.Code != http.StatusOK || w.Body.Len() == 0 {
			t.Errorf("%s: status %d", file, w.Code)
		}
	}
	for _, pdf := range []string{"/cards.pdf", "/poster.pdf"} {
		w := ask(s, http.MethodGet, pdf, "")
		if w.Header().Get("Content-Type") != "application/pdf" || !strings.HasPrefix(w.Body.String(), "%PDF-") {
			t.Errorf("%s is %s: %.20q", pdf, w.Header().Get("Content-Type"), w.Body)
		}
	}
}

func TestNoNumberOfViewersOfCardsAsksTheVendorsMoreThanOnceAMinute(t *testing.T) {
	t.Parallel()
	asked := 0
	of := shown(operatortest.Quiet(), "en")
	of.CardLists = func(context.Context) (cards.Lists, []string) {
		asked++
		return nil, nil
	}
	s, err := Open("127.0.0.1:0", of, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.listener.Close() })
	for range 20 {
		page := ask(s, http.MethodGet, "/cards", "").Body.String()
		if !strings.Contains(page, "No binding of this station takes a code that can be printed.") {
			t.Errorf("a station without cards shows\n%s", page)
		}
	}
	if asked != 1 {
		t.Errorf("the vendors were asked %d times", asked)
	}
}

// Nothing is said about the bindings while the lists are missing that they take their codes from.
func TestCardsThatAreMissingAreNotSaidNotToExist(t *testing.T) {
	t.Parallel()
	of := shown(operatortest.Quiet(), "en")
	of.CardLists = func(context.Context) (cards.Lists, []string) { return nil, []string{"Lagerkoll"} }
	s, err := Open("127.0.0.1:0", of, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.listener.Close() })
	page := ask(s, http.MethodGet, "/cards", "").Body.String()
	if !strings.Contains(page, "Some cards are missing: Lagerkoll could not be read") || strings.Contains(page, "No binding") {
		t.Errorf("the page says\n%s", page)
	}
}
