package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"stationd/internal/fleet"
	"stationd/internal/station"
	"stationd/internal/words"
)

// aPlant is one station of each need.
func aPlant() []fleet.Seen {
	good := fleet.Status{Version: "1.4.0", Clock: true, Vendors: map[string]fleet.Contact{"l2l": {Kind: station.Connected}}}
	change := func(name string, age time.Duration, with func(*fleet.Seen)) fleet.Seen {
		s := fleet.Seen{Name: name, Age: age, Status: good}
		if with != nil {
			with(&s)
		}
		return s
	}
	all := []fleet.Seen{
		change("pack4-1", 3*time.Second, nil), change("pack4-2", 3*time.Second, nil),
		change("pack4-3", time.Second, func(s *fleet.Seen) {
			s.Status.Held, s.Status.Oldest = 2, 12*time.Minute
			s.Status.Waiting = 31
		}),
		change("seal-1", 26*time.Hour, func(s *fleet.Seen) { s.Status.Held = 0 }),
		change("seal-2", time.Second, func(s *fleet.Seen) { s.Status.Storage = "write failed: input/output error" }),
		change("seal-3", time.Second, func(s *fleet.Seen) {
			s.Status.Waiting, s.Status.Oldest = 4, 40*time.Minute
			s.Status.Vendors = map[string]fleet.Contact{"lagerkoll": {Kind: station.NoContact, Last: "no relay heard since 14:03"}}
		}),
		change("seal-4", time.Second, func(s *fleet.Seen) {
			s.Status.Faults = map[string]string{"hand": "<script>alert(1)</script>/dev/ttyACM0 is not there"}
		}),
		change("seal-5", time.Second, func(s *fleet.Seen) { s.Status.Clock, s.Status.Ahead = false, -3*time.Hour }),
		change("seal-6", time.Second, func(s *fleet.Seen) { s.Status.Version = "1.3.9" }),
		change("seal-7", time.Second, func(s *fleet.Seen) { s.Refused = "anna, 2026-03-02 14:03" }),
	}
	fleet.Order(all)
	return all
}

// fleetPage is the page of some stations, in a language.
func fleetPage(t *testing.T, language string, token func() (string, error), all []fleet.Seen, err error) *FleetServer {
	t.Helper()
	f, openErr := OpenFleet("127.0.0.1:0", FleetShown{
		Name: "dmz-1", Language: language, Zone: time.UTC, Token: token,
		Stations: func(context.Context) ([]fleet.Seen, error) { return all, err },
	}, slog.New(slog.DiscardHandler))
	if openErr != nil {
		t.Fatal(openErr)
	}
	t.Cleanup(func() { _ = f.page.listener.Close() })
	return f
}

// get asks the page for a path from an address.
func (f *FleetServer) get(from, host, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://"+host+path, nil)
	r.RemoteAddr = from
	w := httptest.NewRecorder()
	f.handler().ServeHTTP(w, r)
	return w
}

func TestThePageOfThePlantShowsWhomToSeeToFirst(t *testing.T) {
	t.Parallel()
	for _, language := range words.Languages() {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			text := fleetPage(t, language, nil, aPlant(), nil).get("127.0.0.1:5", "127.0.0.1", "/").Body.String()
			last := 0
			for _, name := range []string{"seal-2", "pack4-3", "seal-4", "seal-1", "seal-7", "seal-3", "seal-5", "seal-6", "pack4-1", "pack4-2"} {
				at := strings.Index(text, ">"+name+"<")
				if at < last {
					t.Errorf("%s is not in its place", name)
				}
				last = at
			}
			if strings.Contains(text, "<script") || !strings.Contains(text, "&lt;script&gt;") {
				t.Error("what a station says acts on the page")
			}
			if strings.Contains(text, ">fleet.") || strings.Contains(text, "<form") || strings.Contains(text, "{") {
				t.Errorf("the page has a text without words, or something to decide:\n%s", text)
			}
		})
	}
}

func TestThePageOfThePlantIsForThisMachineAndWhoHasTheToken(t *testing.T) {
	t.Parallel()
	token := func() (string, error) { return "a token that is long enough", nil }
	f := fleetPage(t, "en", token, aPlant(), nil)
	if got := f.get("127.0.0.1:5", "127.0.0.1", "/"); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "pack4-3") {
		t.Errorf("this machine sees %d", got.Code)
	}
	for _, path := range []string{"/", "/login", "/fleet.css"} {
		if got := f.get("192.0.2.7:5", "127.0.0.1", path); strings.Contains(got.Body.String(), "pack4") || path == "/" && got.Code != http.StatusUnauthorized {
			t.Errorf("another machine sees %d of %s", got.Code, path)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/", nil)
	r.RemoteAddr = "192.0.2.7:5"
	r.Header.Set("Authorization", "Bearer a token that is long enough")
	w := httptest.NewRecorder()
	f.handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("who has the token sees %d", w.Code)
	}
	if got := f.get("127.0.0.1:5", "evil.example", "/"); got.Code != http.StatusMisdirectedRequest {
		t.Errorf("by another name it answers %d", got.Code)
	}
}

func TestThePageOfThePlantSaysThatItKnowsNothing(t *testing.T) {
	t.Parallel()
	if text := fleetPage(t, "en", nil, nil, nil).get("127.0.0.1:5", "127.0.0.1", "/").Body.String(); !strings.Contains(text, "No station has been heard of yet.") {
		t.Errorf("without stations it is\n%s", text)
	}
	if text := fleetPage(t, "en", nil, nil, errors.New("the engine is not reached")).get("127.0.0.1:5", "127.0.0.1", "/").Body.String(); !strings.Contains(text, "the engine is not reached") {
		t.Errorf("without an engine it is\n%s", text)
	}
}

func TestThePageOfThePlantInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browse(t)
	f := fleetPage(t, "en", nil, aPlant(), nil)
	// The page renews itself, and might do so in the middle of a question.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		drawn := httptest.NewRecorder()
		f.handler().ServeHTTP(drawn, r)
		w.Header().Set("Content-Type", drawn.Header().Get("Content-Type"))
		_, _ = strings.NewReplacer(`content="5"`, `content="3600"`).WriteString(w, drawn.Body.String()) // the browser may have gone
	}))
	t.Cleanup(server.Close)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 720)); err != nil {
		t.Fatal(err)
	}
	do(t, ctx, chromedp.Navigate(server.URL+"/"))
	until(t, ctx, `document.querySelectorAll("tbody tr").length === 10`)
	if value[bool](t, ctx, `document.documentElement.scrollWidth > document.documentElement.clientWidth`) {
		t.Error("the page is wider than the screen")
	}
	if got := value[string](t, ctx, `getComputedStyle(document.querySelector("tr.look .need")).color`); got != "rgb(165, 18, 26)" {
		t.Errorf("what a person must see to first is drawn in %s: the style sheet is not there", got)
	}
	photograph(t, ctx, "fleet")
}
