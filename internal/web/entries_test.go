package web

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
)

// tracing is a program whose Lagerkoll traces articles.
func tracing() station.Program {
	p := operatortest.Program()
	p.Vendors["lagerkoll"] = station.Vendor{Title: "Lagerkoll", Verbs: []station.Verb{{
		Name: "article.trace", Lane: []string{"order"}, Fields: []station.Field{
			{Name: "order", Required: true}, {Name: "article", Required: true}, {Name: "batch"}, {Name: "serial"}, {Name: "amount", Type: station.Number}},
	}}}
	return p
}

// openEntries opens a page of a station whose held entries are traces.
func openEntries(t *testing.T, f *operatortest.Station, language string) *Server {
	t.Helper()
	s := open(t, f, language)
	s.station.Program = tracing
	s.station.Export = func(w io.Writer, asCSV bool) error {
		_, err := fmt.Fprint(w, map[bool]string{true: "time,what\n", false: `{"what":"recorded"}` + "\n"}[asCSV])
		return err
	}
	return s
}

func by() string { return fmt.Sprintf("uid:%d", os.Geteuid()) }

func TestTheTechniciansPageSaysWhatIsOnHoldAndWhy(t *testing.T) {
	t.Parallel()
	body := ask(openEntries(t, operatortest.Held(), "en"), http.MethodGet, "/entries", "").Body.String()
	for _, want := range []string{
		"On hold <span class=\"count\">2</span>", "Trace article", "Lagerkoll · order 4711", "Lagerkoll rejected it",
		"422: Article 07350053850019 is not part of production order 4711", "It may have arrived at Lagerkoll",
		"Retry checks Lagerkoll first", "2 on hold", "1 waiting", "WIFI:S:guest;T:WPA;;", "146 entries recovered, 4 lost",
		`<dt>batch</dt><dd>A1</dd>`, "14:21", "Spreadsheet (CSV)",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if strings.Contains(body, "<script") {
		t.Error("it has a script")
	}
}

func TestATechnicianDecidesOnTheirPage(t *testing.T) {
	t.Parallel()
	no, perhaps := operatortest.Trace(0x9f86d081).ID, operatortest.Trace(0x5a11ce00).ID
	for name, c := range map[string]struct {
		path string
		form url.Values
		want map[string]string
		done string
	}{
		"one is retried": {"/entries/retry", url.Values{"entry": {string(no)}}, map[string]string{"entry": string(no)}, "retry.1"},
		"what is not there is sent": {
			"/entries/retry", url.Values{"entry": {string(perhaps)}, "not_there": {"true"}, "reason": {"I have looked"}},
			map[string]string{"entry": string(perhaps), "not_there": "true", "reason": "I have looked"}, "retry.1",
		},
		"one is discarded, with a reason": {
			"/entries/discard", url.Values{"entry": {string(no)}, "reason": {" scanned twice "}},
			map[string]string{"entry": string(no), "reason": "scanned twice"}, "discard.1",
		},
		"a field is put right": {
			"/entries/edit", url.Values{"entry": {string(no)}, "field.order": {"4712"}, "field.batch": {"A1"}, "field.serial": {""}, "field.amount": {""}},
			map[string]string{"entry": string(no), "field.order": "4712", "field.amount": ""}, "edit.1",
		},
		"an unknown scan is dismissed": {"/entries/discard", url.Values{"entry": {"feed0000000000000000000000000000"}}, map[string]string{"entry": "feed0000000000000000000000000000"}, "discard.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := operatortest.Held()
			s := openEntries(t, f, "en")
			w := ask(s, http.MethodPost, c.path, c.form.Encode())
			if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/entries?done="+c.done+".") {
				t.Fatalf("the answer is %d to %q: %s", w.Code, w.Header().Get("Location"), w.Body)
			}
			c.want["by"] = by()
			if got := f.Events(); len(got) != 1 || fmt.Sprint(got[0].Data) != fmt.Sprint(c.want) || got[0].Source != station.FromPage {
				t.Errorf("recorded %+v, want %v", got, c.want)
			}
			if body := ask(s, http.MethodGet, w.Header().Get("Location"), "").Body.String(); !strings.Contains(body, `role="status"`) {
				t.Error("the page does not say what was done")
			}
		})
	}
}

func TestAllOfAKindAreDecidedOnThePage(t *testing.T) {
	t.Parallel()
	f := operatortest.Held()
	for i := range 30 {
		e := f.Entries[0]
		e.Entry = operatortest.Trace(uint32(0x100 + i)).Entry
		e.Reason = fmt.Sprintf("422: Article %d is not part of production order 4711", i)
		f.Entries = append(f.Entries, e)
	}
	s := openEntries(t, f, "en")
	body := ask(s, http.MethodGet, "/entries", "").Body.String()
	if !strings.Contains(body, "Discard all 31 like this") || strings.Count(body, `<li id="e-`) != entriesPerPage || !strings.Contains(body, `href="/entries?held=1#held"`) {
		t.Errorf("the page has %d of them, and no more: %s", strings.Count(body, `<li id="e-`), body)
	}
	if body := ask(s, http.MethodGet, "/entries?held=1", "").Body.String(); strings.Count(body, `<li id="e-`) != 12 || strings.Contains(body, "?held=2") || !strings.Contains(body, `href="/entries?#held"`) {
		t.Errorf("the second page has %d of them", strings.Count(body, `<li id="e-`))
	}
	for _, far := range []string{"held=999999", "held=-1", "held=x", "waiting=5&unknown=7"} {
		if w := ask(s, http.MethodGet, "/entries?"+far, ""); w.Code != http.StatusOK {
			t.Errorf("%s: %d", far, w.Code)
		}
	}
	w := ask(s, http.MethodPost, "/entries/discard", url.Values{"entry": {string(f.Entries[0].ID)}, "like": {"true"}, "reason": {"the order is closed"}}.Encode())
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/entries?done=discard.31.") {
		t.Fatalf("the answer is %d to %q: %s", w.Code, w.Header().Get("Location"), w.Body)
	}
	if left := f.Entries; len(left) != 2 || left[0].Hold != station.HoldUndecided {
		t.Errorf("left are %+v", left)
	}
}

func TestWhatCannotBeEditedSaysWhy(t *testing.T) {
	t.Parallel()
	f := operatortest.Held()
	f.Entries[1].Doubtful = true
	s := openEntries(t, f, "en")
	if body := ask(s, http.MethodGet, "/entries/edit?entry="+string(f.Entries[1].ID), "").Body.String(); !strings.Contains(body, "It may have arrived as it is. Retry it first") || strings.Contains(body, `name="field.`) {
		t.Errorf("of what may have arrived it says %s", body)
	}
	body := ask(s, http.MethodGet, "/entries/edit?entry="+string(f.Entries[0].ID), "").Body.String()
	for _, want := range []string{`name="field.order" value="4711"`, `name="field.serial" value=""`, "422: Article"} {
		if !strings.Contains(body, want) {
			t.Errorf("the form does not have %s: %s", want, body)
		}
	}
	if w := ask(s, http.MethodGet, "/entries/edit?entry=cafe.1", ""); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "is not on hold any more") {
		t.Errorf("of one that has gone: %d %s", w.Code, w.Body)
	}
}

// Every page shows what somebody scanned, and a vendor's words, and carries none of it out.
func TestHostileTextsOnTheTechniciansPage(t *testing.T) {
	t.Parallel()
	f := operatortest.Hostile()
	f.Entries[0].Source = `"><script>`
	s := openEntries(t, f, "en")
	for _, path := range []string{"/entries", "/entries/edit?entry=" + url.QueryEscape(string(f.Entries[0].ID)), "/login", "/entries?done=%3Cscript%3E.1"} {
		body := ask(s, http.MethodGet, path, "").Body.String()
		for _, bad := range []string{"<script", "<img", "<i ", "\x00", "\u202e"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s has %q in it", path, bad)
			}
		}
	}
	w := ask(s, http.MethodPost, "/entries/discard", url.Values{"entry": {string(f.Entries[0].ID)}, "reason": {"\x1b[2J"}}.Encode())
	if w.Code != http.StatusConflict || len(f.Events()) != 0 {
		t.Errorf("a reason with control characters: %d, %d events", w.Code, len(f.Events()))
	}
}

func TestWhoMayNotDecideOnlyLooksAtTheTechniciansPage(t *testing.T) {
	t.Parallel()
	f := operatortest.Held()
	s := openEntries(t, f, "en")
	elsewhere := func(r *http.Request) { r.RemoteAddr = "10.0.0.99:4000" }
	body := ask(s, http.MethodGet, "/entries", "", elsewhere).Body.String()
	if strings.Contains(body, "/entries/retry") || strings.Contains(body, "/entries/history") || !strings.Contains(body, "Only the screen at the station may decide") {
		t.Errorf("a visitor sees %s", body)
	}
	entry := string(f.Entries[0].ID)
	for _, c := range [][2]string{
		{http.MethodPost, "/entries/retry"}, {http.MethodPost, "/entries/discard"}, {http.MethodPost, "/entries/edit"},
		{http.MethodGet, "/entries/edit?entry=" + entry}, {http.MethodGet, "/entries/history?as=csv"},
	} {
		form := ""
		if c[0] == http.MethodPost {
			form = "entry=" + entry
		}
		if w := ask(s, c[0], c[1], form, elsewhere); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "time,what") {
			t.Errorf("%s: %d", c[1], w.Code)
		}
	}
	if len(f.Events()) != 0 {
		t.Errorf("recorded %+v", f.Events())
	}
	for as, want := range map[string]string{"csv": "time,what\n", "lines": `{"what":"recorded"}` + "\n"} {
		w := ask(s, http.MethodGet, "/entries/history?as="+as, "")
		if w.Code != http.StatusOK || w.Body.String() != want || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
			t.Errorf("the history as %s: %d %v %s", as, w.Code, w.Header(), w.Body)
		}
	}
	if w := ask(s, http.MethodPost, "/entries/retry", "entry="+entry, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }); w.Code != http.StatusForbidden {
		t.Errorf("from a page of another site: %d", w.Code)
	}
}

func TestTheTechniciansPageInEveryLanguage(t *testing.T) {
	t.Parallel()
	english := ask(openEntries(t, operatortest.Held(), "en"), http.MethodGet, "/entries", "").Body.String()
	for _, language := range []string{"sv", "de", "pl", "es", "fi"} {
		body := ask(openEntries(t, operatortest.Held(), language), http.MethodGet, "/entries", "").Body.String()
		if !strings.Contains(body, `<html lang="`+language+`">`) {
			t.Errorf("%s: the page does not say its language", language)
		}
		for _, word := range []string{"On hold", "1 waiting", "Retry", "Discard", "Dismiss", "rejected", "Reload", "Lanes"} {
			if strings.Contains(english, word) && strings.Contains(body, word) {
				t.Errorf("%s: it says %q", language, word)
			}
		}
		if i := slices.IndexFunc([]string{"entries.", "login.", "held."}, func(key string) bool { return strings.Contains(body, ">"+key) }); i >= 0 {
			t.Errorf("%s: it shows a key", language)
		}
	}
}

// An address that somebody was sent must not have the page say what the station never did.
func TestOnlyTheStationSaysWhatWasDone(t *testing.T) {
	t.Parallel()
	s := openEntries(t, operatortest.Held(), "en")
	true3 := s.tellDone(station.VerbDiscard, 3)
	if body := ask(s, http.MethodGet, true3, "").Body.String(); !strings.Contains(body, "3 discarded") {
		t.Error("the page does not say what was done")
	}
	signature := true3[strings.LastIndex(true3, ".")+1:]
	other := openEntries(t, operatortest.Held(), "en")
	for _, forged := range []string{
		"/entries?done=discard.3", "/entries?done=discard.3.", "/entries?done=discard.200." + signature, "/entries?done=retry.3." + signature,
		other.tellDone(station.VerbDiscard, 3), // of another station, or of this one before it was started again
	} {
		if body := ask(s, http.MethodGet, forged, "").Body.String(); strings.Contains(body, `role="status"`) {
			t.Errorf("%s: the page says that it was done", forged)
		}
	}
}
