package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stationd/internal/api"
	"stationd/internal/plant"
	"stationd/internal/station"
	"stationd/internal/station/stationtest"
)

const secret = "canary-webhook-5d1e"

// section is a [webhook] of an address, with the key of these tests.
func section(t *testing.T, url, repeat string) Section {
	t.Helper()
	key := filepath.Join(t.TempDir(), "webhook.key")
	if err := os.WriteFile(key, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := Section{Hook: api.Hook{URL: url, Key: api.KeyFrom{File: key}}, Timeout: 5 * time.Second, Repeat: repeat}
	s.Check(func(key, text string) { t.Errorf("%s %s", key, text) })
	return s
}

func opened(t *testing.T, s Section) station.Backend {
	t.Helper()
	b, err := s.Open(api.Opening{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pressed is the first attempt at a press of red.
func pressed(s Section) station.Delivery {
	return station.Delivery{
		Entry: station.Entry{ID: station.NewID().Entry(1), Source: "red", Kind: station.Press, Action: station.Action{
			Lane: "webhook/station:pack4-1", Verb: webhookPost, To: s.To(),
			With: map[string]string{"station": "pack4-1", "code": "PO4711", "values": `{"order":"4711"}`},
		}},
		Attempt: 1, Exact: true, When: time.Date(2026, 3, 2, 8, 15, 0, 250_000_000, time.FixedZone("CET", 3600)),
	}
}

// A floor is a plant with its own receiver, and the backend that posts to it.
type floor struct {
	*plant.Plant
	Section
	backend station.Backend
}

func newFloor(t *testing.T, repeat string) floor {
	t.Helper()
	config := plant.Demo()
	config.WebhookKey = secret
	p, err := plant.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for _, complaint := range p.Complaints() {
			t.Errorf("the plant complains: %s", complaint)
		}
	})
	s := section(t, p.WebhookURL(), repeat)
	return floor{p, s, opened(t, s)}
}

// events is how many different events the receiver has: it drops what it gets twice.
func (f floor) events() int {
	ids := map[string]bool{}
	for _, p := range f.Posts() {
		ids[p.ID] = true
	}
	return len(ids)
}

// fail breaks the plant as the suite of backends wants it broken.
func (f floor) fail(t *testing.T, fault stationtest.Fault) {
	t.Helper()
	f.ClearFaults()
	if err := f.Cable(fault != stationtest.Unplugged); err != nil {
		t.Error(err)
	}
	kinds := map[stationtest.Fault]plant.FaultKind{
		stationtest.LostAnswer: plant.Lost, stationtest.LostRequest: plant.Reset,
		stationtest.Silent: plant.Late, stationtest.SaysNo: plant.Refusal,
	}
	if kind, ok := kinds[fault]; ok {
		f.AddFault(plant.Fault{Kind: kind, Delay: time.Minute})
	}
}

func TestTheWebhookKeepsTheContractOfABackend(t *testing.T) {
	t.Parallel()
	t.Run("where what is in doubt is held", func(t *testing.T) {
		t.Parallel()
		stationtest.Backend(t, func(t *testing.T) stationtest.Bench {
			f := newFloor(t, "")
			return stationtest.Bench{
				Backend: f.backend, Secret: secret, Blind: []string{webhookPost}, Deliveries: []station.Delivery{pressed(f.Section)},
				Break: func(fault stationtest.Fault) { f.fail(t, fault) }, Effects: func() int { return len(f.Posts()) },
			}
		})
	})
	t.Run("where the receiver drops what it gets twice", func(t *testing.T) {
		t.Parallel()
		stationtest.Backend(t, func(t *testing.T) stationtest.Bench {
			f := newFloor(t, RepeatAllowed)
			return stationtest.Bench{
				Backend: f.backend, Secret: secret, Harmless: []string{webhookPost}, Deliveries: []station.Delivery{pressed(f.Section)},
				Break: func(fault stationtest.Fault) { f.fail(t, fault) }, Effects: f.events,
			}
		})
	})
}

func TestAPressIsPostedWithItsTimeAndItsID(t *testing.T) {
	t.Parallel()
	f := newFloor(t, "")
	d := pressed(f.Section)
	if rc := f.backend.Deliver(t.Context(), d); rc.Outcome != station.Delivered {
		t.Fatal(rc.Err)
	}
	guess := pressed(f.Section)
	guess.With["event"], guess.Exact = "material.needed", false
	if rc := f.backend.Deliver(t.Context(), guess); rc.Outcome != station.Delivered {
		t.Fatal(rc.Err)
	}
	posts := f.Posts()
	if len(posts) != 2 {
		t.Fatalf("%d posts", len(posts))
	}
	first, second := posts[0], posts[1]
	if first.ID != string(d.ID) || first.Station != "pack4-1" || first.Event != "red.press" || first.Source != "red" || first.Code != "PO4711" ||
		string(first.Values) != `{"order":"4711"}` || !first.Time.Equal(d.When) || !first.ClockTrusted {
		t.Errorf("posted: %+v", first)
	}
	if second.Event != "material.needed" || second.ClockTrusted {
		t.Errorf("posted of an event whose time is a guess: %+v", second)
	}
	body, err := json.Marshal(Event{ID: "1", ClockTrusted: false})
	if err != nil || strings.Contains(string(body), `"time"`) {
		t.Errorf("an event whose time nobody knows: %s %v", body, err)
	}
}

func TestWhatAnAnswerOfTheReceiverMeans(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   station.Outcome
		is     error
	}{
		"taken":                             {http.StatusAccepted, "", station.Delivered, nil},
		"taken, with words":                 {http.StatusOK, "ok", station.Delivered, nil},
		"taken, with more than is read":     {http.StatusOK, strings.Repeat("x", 100<<10), station.Delivered, nil},
		"a page of a guest network":         {http.StatusOK, "<!DOCTYPE html><title>Welcome</title>", station.Doubtful, station.ErrUnreadable},
		"a no":                              {http.StatusUnprocessableEntity, "unknown station", station.Refused, nil},
		"an address that is not there":      {http.StatusNotFound, "", station.Refused, nil},
		"a request that is too large":       {http.StatusRequestEntityTooLarge, "", station.Refused, nil},
		"a wrong key":                       {http.StatusUnauthorized, secret + " is wrong", station.Unreached, station.ErrKey},
		"a key that may not do it":          {http.StatusForbidden, "", station.Unreached, station.ErrForbidden},
		"a request that came too slowly":    {http.StatusRequestTimeout, "", station.Unreached, nil},
		"too early":                         {http.StatusTooEarly, "", station.Unreached, nil},
		"too many":                          {http.StatusTooManyRequests, "", station.Unreached, nil},
		"a failure":                         {http.StatusInternalServerError, "", station.Doubtful, station.ErrFailed},
		"a gateway without its server":      {http.StatusServiceUnavailable, "", station.Doubtful, station.ErrFailed},
		"a redirect, which is not followed": {http.StatusTemporaryRedirect, "", station.Doubtful, station.ErrUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests.Add(1)
				w.Header().Set("Location", "/elsewhere")
				w.Header().Set("Content-Type", "application/octet-stream")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			t.Cleanup(server.Close)
			s := section(t, server.URL+"/canary-in-the-path", RepeatAllowed)
			rc := opened(t, s).Deliver(t.Context(), pressed(s))
			if rc.Outcome != c.want || c.is != nil && !errors.Is(rc.Err, c.is) || requests.Load() != 1 {
				t.Errorf("%+v after %d requests", rc, requests.Load())
			}
			if rc.Err != nil && strings.Contains(rc.Err.Error(), "canary") || strings.Contains(s.To(), "canary") {
				t.Errorf("a secret is shown: %v, %s", rc.Err, s.To())
			}
			if no, refused := errors.AsType[*api.Refusal](rc.Err); refused && c.body != "" && !strings.Contains(no.Text, c.body) {
				t.Errorf("the receiver's words are not told: %v", rc.Err)
			}
		})
	}
}

func TestASecretMayHaveAHeaderOfItsOwn(t *testing.T) {
	t.Parallel()
	got := make(chan http.Header, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }))
	t.Cleanup(server.Close)
	s := section(t, server.URL, "")
	s.Header = "X-Station-Key"
	d := pressed(s)
	if rc := opened(t, s).Deliver(t.Context(), d); rc.Outcome != station.Delivered {
		t.Fatal(rc.Err)
	}
	if h := <-got; h.Get("X-Station-Key") != secret || h.Get("Authorization") != "" || h.Get(idHeader) != string(d.ID) {
		t.Errorf("%v", h)
	}
}

func TestTheSectionSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	good := Section{Hook: api.Hook{URL: "https://hooks.example.com/stationd?t=1", Key: api.KeyFrom{Credential: "webhook.key"}}}
	for name, c := range map[string]struct {
		change func(*Section)
		want   string // the key of the fault
	}{
		"nothing":                       {func(*Section) {}, ""},
		"http to this machine":          {func(s *Section) { s.URL = "http://127.0.0.1:8080/hook" }, ""},
		"no url":                        {func(s *Section) { s.URL = "" }, "url"},
		"http":                          {func(s *Section) { s.URL = "http://hooks.example.com/" }, "url"},
		"a user in the url":             {func(s *Section) { s.URL = "https://a:b@hooks.example.com/" }, "url"},
		"no key":                        {func(s *Section) { s.Key = api.KeyFrom{} }, "key"},
		"no header's name":              {func(s *Section) { s.Header = "X Key" }, "header"},
		"a time-out of a millisecond":   {func(s *Section) { s.Timeout = time.Millisecond }, "timeout"},
		"a time-out of an hour":         {func(s *Section) { s.Timeout = time.Hour }, "timeout"},
		"repeat is another word":        {func(s *Section) { s.Repeat = "yes" }, "repeat"},
		"a proxy's key without a proxy": {func(s *Section) { s.ProxyKey = api.KeyFrom{File: "/a"} }, "proxy_key"},
	} {
		s := good
		c.change(&s)
		got := ""
		s.Check(func(key, _ string) { got += key })
		if got != c.want {
			t.Errorf("%s: fault of %q, want %q", name, got, c.want)
		}
	}
	other := good
	other.URL = "https://hooks.example.com/stationd?t=2"
	if good.To() == other.To() || !strings.HasPrefix(good.To(), "https://hooks.example.com/ address ") || len(good.To()) > 60 {
		t.Errorf("two addresses are %s and %s", good.To(), other.To())
	}
}

// net/http repeats a request with an idempotency key by itself, on another connection,
// where one that was used before ends without an answer: the receiver has it twice then.
func TestAPostOnAKeptConnectionThatEndsUnansweredIsNotRepeated(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			t.Error(err)
		}
		if requests.Add(1) == 2 {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			conn.Close() // it has been read, and done
		}
	}))
	t.Cleanup(server.Close)
	s := section(t, server.URL, "")
	b := opened(t, s)
	if rc := b.Deliver(t.Context(), pressed(s)); rc.Outcome != station.Delivered {
		t.Fatal(rc.Err)
	}
	if rc := b.Deliver(t.Context(), pressed(s)); rc.Outcome != station.Doubtful || requests.Load() != 2 {
		t.Errorf("%+v after %d requests", rc, requests.Load())
	}
}
