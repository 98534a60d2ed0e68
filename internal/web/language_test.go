package web

import (
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
	"stationd/internal/words"
)

// wordsOf are the words of a language's catalogue, in small letters.
func wordsOf(t *testing.T, tag string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../words/" + tag + ".properties")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]bool)
	for line := range strings.Lines(string(text)) {
		if _, said, found := strings.Cut(line, " = "); found && !strings.HasPrefix(line, "#") {
			for _, word := range split(regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(said, " ")) {
				all[word] = true
			}
		}
	}
	return all
}

// split takes a text apart into its words, in small letters.
func split(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) })
}

// visibleText is what a page says, without the words of programs and of vendors: those are
// folded, stand in the details alone, or are quoted.
func visibleText(page string) string {
	page = regexp.MustCompile(`(?s)<head>.*?</head>|<span class="small code"[^>]*>.*?</span>|<p class="code" lang="en">.*?</p>`).ReplaceAllString(page, " ")
	page = regexp.MustCompile(`[“”„«][^“”„«»<]*[“”»]`).ReplaceAllString(page, " ")
	return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " "))
}

// everything is a station with everything there is to be said, each with the English text
// that belongs to whoever repairs it.
func everything() map[string]*operatortest.Station {
	states := map[string]*operatortest.Station{"quiet": operatortest.Quiet(), "offline": operatortest.Offline(), "held": operatortest.Held(), "broken": operatortest.Broken()}
	for _, kind := range station.NoteKinds() {
		f := operatortest.Quiet()
		text := "4711"
		if kind == station.NoteNeeds || kind == station.NoteFull {
			text = "order"
		}
		why := &station.Reason{Kind: "too-long", Values: map[string]string{"field": "order", "most": "128"}, Quote: "XYZ"}
		if kind == station.NoteSet {
			why = &station.Reason{Kind: station.Counted, Values: map[string]string{"made": "17", "parts": "3"}}
		}
		f.Shown.State.Notes = map[string]station.Note{"hand": {Kind: kind, Text: text, At: operatortest.At("14:29"), Why: why}}
		states["note "+string(kind)] = f
	}
	for _, contact := range []station.Contact{{}, {Kind: station.Connected}, {Kind: station.Connected, Trouble: station.Unreadable}, {Kind: station.Connected, Trouble: station.Failing}, {Kind: station.Confirming}, {Kind: station.NoContact}} {
		f := operatortest.Offline()
		for name := range f.Shown.Health.Backends {
			f.Shown.Health.Backends[name] = contact
		}
		states["contact "+string(contact.Kind)+string(contact.Trouble)] = f
	}
	for _, hold := range []station.HoldReason{station.HoldRefused, station.HoldUndecided, station.HoldMisfit} {
		f := operatortest.Held()
		f.Entries[0].Hold, f.Entries[0].Doubtful, f.Entries[0].Twice, f.Entries[0].To = hold, true, f.Entries[1].ID, "10.0.0.1/1001"
		f.Entries[0].Why = &station.Reason{Kind: "not-allowed", Quote: "XYZ"}
		states["held "+string(hold)] = f
	}
	return states
}

func TestNoEnglishStandsOnThePageInAnotherLanguage(t *testing.T) {
	t.Parallel()
	english := wordsOf(t, "en")
	// Names that the plant gives here, and those of commands and programs.
	names := split("hand maintenance material red yellow white pack4-1 SEAL PACK L2L Lagerkoll MAINT call outbox stationd sudo adduser webhook OK GS1 XYZ")
	for _, tag := range words.Languages()[1:] {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			own := wordsOf(t, tag)
			for _, name := range names {
				own[name] = true
			}
			read := 0
			for state, f := range everything() {
				s := open(t, f, tag)
				for _, answer := range []*httptest.ResponseRecorder{
					ask(s, http.MethodGet, "/", ""),
					ask(s, http.MethodGet, "/cards", ""),
					ask(s, http.MethodGet, "/entries", ""),
					ask(s, http.MethodGet, "/", "", func(r *http.Request) { r.RemoteAddr = "192.0.2.7:50000" }),
					ask(s, http.MethodPost, "/entries/retry", "entry=deadbeef00.1"),
				} {
					if answer.Code == http.StatusNotFound {
						continue // this station has no such page
					}
					page := answer.Body.String()
					for _, word := range split(visibleText(page)) {
						read++
						if len([]rune(word)) > 2 && english[word] && !own[word] {
							t.Errorf("%s: the page says %q:\n%s", state, word, regexp.MustCompile(`\s+`).ReplaceAllString(visibleText(page), " "))
							break
						}
					}
				}
			}
			if read < 5000 {
				t.Errorf("only %d words were read: there was nothing to prove", read)
			}
		})
	}
}
