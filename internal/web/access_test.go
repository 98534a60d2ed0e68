package web

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/access"
	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
)

const pin = "471147"

// openWithAccess opens the page of a station that has technicians, and a PIN.
func openWithAccess(t *testing.T, f *operatortest.Station) *Server {
	t.Helper()
	s := openEntries(t, f, "en")
	a, err := access.Open(filepath.Join(t.TempDir(), "access.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.SetPIN(pin); err != nil {
		t.Fatal(err)
	}
	s.station.Access, s.station.Expire = a, func() time.Duration { return 10 * time.Minute }
	return s
}

func overTLS(r *http.Request)   { r.TLS = &tls.ConnectionState{} }
func elsewhere(r *http.Request) { r.RemoteAddr = "10.0.0.99:4000" }

// showing has a browser show a cookie.
func showing(c *http.Cookie) func(*http.Request) { return func(r *http.Request) { r.AddCookie(c) } }

func logIn(t *testing.T, s *Server, how ...func(*http.Request)) *http.Cookie {
	t.Helper()
	w := ask(s, http.MethodPost, "/login", url.Values{"pin": {pin}}.Encode(), how...)
	all := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || len(all) != 1 {
		t.Fatalf("the log-in: %d, %v: %s", w.Code, all, w.Body)
	}
	return all[0]
}

func TestDecisionsNeedATechnicianWhereTheConfigurationSaysSo(t *testing.T) {
	t.Parallel()
	f := operatortest.Held()
	s := openWithAccess(t, f)
	entry := "entry=" + string(f.Entries[0].ID)
	for _, path := range []string{"/discard", "/close", "/entries/retry", "/entries/discard", "/entries/edit"} {
		if w := ask(s, http.MethodPost, path, entry); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "badge to the reader") {
			t.Errorf("%s on the station's own screen: %d %s", path, w.Code, w.Body)
		}
	}
	c := logIn(t, s)
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || len(c.Value) < 40 || c.Expires != (time.Time{}) {
		t.Errorf("the cookie is %+v", c)
	}
	if body := ask(s, http.MethodGet, "/entries", "", showing(c)).Body.String(); !strings.Contains(body, "Logged in, until 14:40") || !strings.Contains(body, `action="/logout"`) {
		t.Errorf("the page does not say who is logged in: %s", body)
	}
	if body := ask(s, http.MethodGet, "/", "", showing(c)).Body.String(); !strings.Contains(body, "Logged in, until 14:40") || !strings.Contains(body, `action="/logout"`) {
		t.Errorf("the operator's page does not say who is logged in: %s", body)
	}
	if body := ask(s, http.MethodGet, "/", "").Body.String(); !strings.Contains(body, `href="/login"`) {
		t.Errorf("the operator's page does not lead to the log-in: %s", body)
	}
	if w := ask(s, http.MethodPost, "/entries/retry", entry, showing(c)); w.Code != http.StatusSeeOther || f.Events()[0].Data["by"] != "page" {
		t.Errorf("logged in: %d, %+v", w.Code, f.Events())
	}
	if w := ask(s, http.MethodPost, "/logout", "x=", showing(c)); w.Code != http.StatusSeeOther || w.Result().Cookies()[0].MaxAge >= 0 {
		t.Errorf("the log-out: %d %v", w.Code, w.Result().Cookies())
	}
	if w := ask(s, http.MethodPost, "/entries/retry", entry, showing(c)); w.Code != http.StatusForbidden {
		t.Errorf("logged out: %d", w.Code)
	}
}

func TestABadgeThatWasShownAtTheStationDecidesOnItsOwnScreenAlone(t *testing.T) {
	t.Parallel()
	f := operatortest.Held()
	s := openWithAccess(t, f)
	code, err := s.station.Access.NewBadge("Anna", operatortest.Now())
	if err != nil {
		t.Fatal(err)
	}
	s.station.Access.Show(station.BadgeSum(code), operatortest.Now(), 10*time.Minute)
	entry := "entry=" + string(f.Entries[0].ID)
	if body := ask(s, http.MethodGet, "/entries", "").Body.String(); !strings.Contains(body, "Anna, until 14:40") {
		t.Errorf("the page does not say who may decide: %s", body)
	}
	if w := ask(s, http.MethodPost, "/entries/retry", entry, elsewhere); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "Log in to decide here.") {
		t.Errorf("elsewhere in the plant: %d", w.Code)
	}
	peer := s.peerUID
	s.peerUID = func(netip.AddrPort, netip.AddrPort) (uint32, error) { return 4_000_000_001, nil }
	if w := ask(s, http.MethodPost, "/entries/retry", entry); w.Code != http.StatusForbidden {
		t.Errorf("an account that is not in the group: %d", w.Code)
	}
	s.peerUID = peer
	call := string(f.Shown.State.Calls[0].Entry)
	if w := ask(s, http.MethodPost, "/close", "entry="+call); w.Code != http.StatusSeeOther {
		t.Errorf("a call is closed: %d %s", w.Code, w.Body)
	}
	if got := f.Events(); len(got) != 1 || got[0].Data["by"] != "Anna" || got[0].Data[station.DataTechnician] != "Anna" {
		t.Errorf("recorded %+v", got)
	}
	ask(s, http.MethodPost, "/logout", "x=")
	if w := ask(s, http.MethodPost, "/entries/retry", entry); w.Code != http.StatusForbidden {
		t.Errorf("logged out: %d", w.Code)
	}
}

// The screen at the station stays open: nobody there loads it again to be let decide.
func TestAnOpenPageIsLoadedAgainWhenSomebodyElseMayDecide(t *testing.T) {
	t.Parallel()
	f := operatortest.Held()
	s := openWithAccess(t, f)
	code, err := s.station.Access.NewBadge("Anna", operatortest.Now())
	if err != nil {
		t.Fatal(err)
	}
	operatortest.Run(t, s)
	address := "http://" + s.Addr().String()
	response, err := http.Get(address + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	hears := func(version string) {
		t.Helper()
		for beat := false; lines.Scan(); beat = lines.Text() == "event: beat" {
			if beat && lines.Text() == "data: "+version {
				break
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatalf("the stream ended before the beat %q: %v", version, err)
		}
		if body := ask(s, http.MethodGet, "/", "").Body.String(); !strings.Contains(body, `data-version="`+version+`"`) {
			t.Fatalf("the page that is loaded then is not of %q, and is loaded for ever", version)
		}
	}
	hears("1.0.0")
	s.station.Access.Show(station.BadgeSum(code), operatortest.Now(), 10*time.Minute)
	f.Change(func() {
		f.Shown.State.Notes = map[string]station.Note{"hand": {Kind: station.NoteTechnician, At: operatortest.Now()}}
	})
	hears("1.0.0 Anna")
	s.station.Access.LogOut()
	f.Change(func() { f.Shown.State.Notes = nil })
	hears("1.0.0")
}

// A beat is all that such a page hears, and it asks for the page again.
func TestAnOpenPageDoesNotOutliveTheRightToSeeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openWithAccess(t, operatortest.Held())
		s.station.Token = func() (string, error) { return "a-long-token-of-the-plant", nil }
		c := logIn(t, s, elsewhere, overTLS)
		began := time.Now()
		w := ask(s, http.MethodGet, "/events", "", elsewhere, overTLS, showing(c))
		if open := time.Since(began); open < 10*time.Minute || open > 10*time.Minute+heartbeatEvery {
			t.Errorf("logged in for 10 minutes, it was open for %v", open)
		}
		if body := w.Body.String(); !strings.HasSuffix(body, "event: beat\ndata: 1.0.0\n\n") || !strings.Contains(body, "event: beat\ndata: 1.0.0 page\n\n") {
			t.Errorf("it heard\n%s", body)
		}
	})
}

func TestAPINFromElsewhereIsTakenEncryptedAlone(t *testing.T) {
	t.Parallel()
	f := operatortest.Held()
	s := openWithAccess(t, f)
	w := ask(s, http.MethodPost, "/login", "pin="+pin, elsewhere)
	if w.Code != http.StatusForbidden || len(w.Result().Cookies()) != 0 || !strings.Contains(w.Body.String(), "https") {
		t.Errorf("unencrypted: %d %s", w.Code, w.Body)
	}
	if body := ask(s, http.MethodGet, "/login", "", elsewhere).Body.String(); strings.Contains(body, `name="pin"`) {
		t.Error("unencrypted, the page asks for the PIN")
	}
	c := logIn(t, s, elsewhere, overTLS)
	if !c.Secure {
		t.Errorf("the cookie is %+v", c)
	}
	if w := ask(s, http.MethodPost, "/entries/discard", "entry="+string(f.Entries[0].ID), elsewhere, overTLS, showing(c)); w.Code != http.StatusSeeOther {
		t.Errorf("logged in: %d", w.Code)
	}
}

func TestTheNinthWrongPINIsToldHowLongToWait(t *testing.T) {
	t.Parallel()
	s := openWithAccess(t, operatortest.Held())
	for i := range 9 {
		w := ask(s, http.MethodPost, "/login", "pin=000001", elsewhere, overTLS)
		want, says := http.StatusForbidden, "The PIN is wrong."
		if i >= 5 {
			want, says = http.StatusTooManyRequests, "Too many wrong PINs. Try again in"
		}
		if w.Code != want || !strings.Contains(w.Body.String(), says) || len(w.Result().Cookies()) != 0 {
			t.Errorf("PIN %d: %d %s", i+1, w.Code, w.Body)
		}
	}
	if w := ask(s, http.MethodPost, "/login", "pin="+pin, elsewhere, overTLS); w.Code != http.StatusTooManyRequests {
		t.Errorf("then the right one: %d", w.Code)
	}
	logIn(t, s) // the station's own screen is not concerned
}

func TestSessionsHaveAnEnd(t *testing.T) {
	t.Parallel()
	var s sessions
	now := time.Now()
	first := s.begin(now, 10*time.Minute)
	if left := s.look(first, now.Add(9*time.Minute), 10*time.Minute); left != 10*time.Minute {
		t.Errorf("looked at, it holds for %v", left)
	}
	if left := s.look(first, now.Add(19*time.Minute), 10*time.Minute); left != 0 {
		t.Errorf("not looked at for ten minutes, it holds for %v", left)
	}
	busy := s.begin(now, 10*time.Minute)
	for at := now; at.Before(now.Add(longestSession)); at = at.Add(9 * time.Minute) {
		if s.look(busy, at, 10*time.Minute) == 0 {
			t.Fatalf("looked at all the time, it has ended after %v", at.Sub(now))
		}
	}
	if s.look(busy, now.Add(longestSession), 10*time.Minute) != 0 {
		t.Error("looked at all the time, it does not end")
	}
	for range 3 * mostSessions {
		s.begin(now, 10*time.Minute)
	}
	if len(s.of) > mostSessions {
		t.Errorf("there are %d", len(s.of))
	}
	if s.look("", now, 10*time.Minute) != 0 || s.look("guess", now, 10*time.Minute) != 0 {
		t.Error("a guess is logged in")
	}
}

func TestOtherMachinesShowAToken(t *testing.T) {
	t.Parallel()
	s := openWithAccess(t, operatortest.Held())
	s.station.Token = func() (string, error) { return "a-long-token-of-the-plant", nil }
	for _, path := range []string{"/", "/entries", "/healthz", "/events", "/page.js"} {
		if w := ask(s, http.MethodGet, path, "", elsewhere, overTLS); w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "4711") {
			t.Errorf("%s without it: %d", path, w.Code)
		}
		if path == "/events" {
			continue // a stream
		}
		if w := ask(s, http.MethodGet, path, ""); w.Code != http.StatusOK {
			t.Errorf("%s on the station's own screen: %d", path, w.Code)
		}
		bearer := func(r *http.Request) { r.Header.Set("Authorization", "Bearer a-long-token-of-the-plant") }
		if w := ask(s, http.MethodGet, path, "", elsewhere, overTLS, bearer); w.Code != http.StatusOK {
			t.Errorf("%s with it in its header: %d", path, w.Code)
		}
	}
	if w := ask(s, http.MethodPost, "/token", "token=wrong", elsewhere, overTLS); w.Code != http.StatusForbidden || len(w.Result().Cookies()) != 0 {
		t.Errorf("a wrong one: %d", w.Code)
	}
	w := ask(s, http.MethodPost, "/token", "token=a-long-token-of-the-plant", elsewhere, overTLS)
	if w.Code != http.StatusSeeOther || len(w.Result().Cookies()) != 1 {
		t.Fatalf("the right one: %d %s", w.Code, w.Body)
	}
	c := w.Result().Cookies()[0]
	if !c.Secure || !c.HttpOnly || strings.Contains(c.Value, "token") {
		t.Errorf("the cookie is %+v", c)
	}
	if w := ask(s, http.MethodGet, "/", "", elsewhere, overTLS, showing(c)); w.Code != http.StatusOK {
		t.Errorf("with the cookie: %d", w.Code)
	}
	if w := ask(s, http.MethodPost, "/entries/discard", "entry="+string(operatortest.Trace(0x9f86d081).ID), elsewhere, overTLS, showing(c)); w.Code != http.StatusForbidden {
		t.Errorf("who may look decides: %d", w.Code)
	}
	if w := ask(s, http.MethodGet, "/", "", elsewhere, overTLS, showing(logIn(t, s, elsewhere, overTLS))); w.Code != http.StatusOK {
		t.Errorf("a technician who has logged in: %d", w.Code)
	}
	s.station.Token = func() (string, error) { return "", errors.New("no such file") }
	if w := ask(s, http.MethodGet, "/", "", elsewhere, overTLS, showing(c)); w.Code != http.StatusUnauthorized {
		t.Errorf("the token's file is gone: %d", w.Code)
	}
}

func TestFurtherNamesOfTheStation(t *testing.T) {
	t.Parallel()
	s := open(t, operatortest.Quiet(), "en")
	s.station.Hosts = []string{"Pack4-1.plant.example"}
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	if w := ask(s, http.MethodGet, "/", "", host("pack4-1.plant.example:8420")); w.Code != http.StatusOK {
		t.Errorf("by a name of hosts: %d", w.Code)
	}
	if w := ask(s, http.MethodGet, "/", "", host("evil.example")); w.Code != http.StatusMisdirectedRequest {
		t.Errorf("by another name: %d", w.Code)
	}
}
