package relay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"stationd/internal/relay"
	"stationd/internal/relay/relaytest"
	"stationd/internal/station"
)

// keys are the seeds of the users of an engine, by name.
type keys map[string]string

// like makes a user with the permissions of one of docs/relay.md.
func (k keys) like(t *testing.T, role, name string, without ...string) *server.NkeyUser {
	t.Helper()
	user, seed := relaytest.User(t, role, name, without...)
	k[name] = seed
	return user
}

// table is how one of them names the engine.
func (k keys) table(t *testing.T, e *relaytest.Engine, of string) relay.Engine {
	t.Helper()
	named := e.Table()
	named.Key.File = filepath.Join(t.TempDir(), "relay.nkey")
	if err := os.WriteFile(named.Key.File, []byte(k[of]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return named
}

// A desk is a person at the engine.
func desk(t *testing.T, name string, table relay.Engine) *relay.Fleet {
	t.Helper()
	f, err := relay.DialFleet(relay.FleetSetting{Person: name, Engine: table, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	ctx, cancel := context.WithTimeout(t.Context(), late)
	defer cancel()
	if err := f.Await(ctx); err != nil {
		t.Fatal(err)
	}
	return f
}

// answering has a station answer persons until the test ends: with who asks, and what. more is
// told of each request.
func answering(t *testing.T, l *relay.Link, more func(http.ResponseWriter)) {
	t.Helper()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by, _ := relay.PersonOf(r.Context())
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %v %s %s %s %s", by.Name, by.Decides, r.Method, r.URL.RequestURI(), r.Header.Get("Stationd-Event"), body)
		if more != nil {
			more(w)
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for range relay.Answerers {
		running.Go(func() {
			if err := l.AnswerPersons(ctx, handler); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { cancel(); running.Wait() })
}

// post asks a station as a person who decides.
func post(t *testing.T, f *relay.Fleet, name string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), late)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://station.invalid/outbox/retry", strings.NewReader(`{"entry":"1"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Stationd-Event", "aa")
	answer, err := (&http.Client{Transport: f.Station(name)}).Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

func TestAPersonIsWhoTheEngineSaysTheyAre(t *testing.T) {
	t.Parallel()
	k := make(keys)
	e := relaytest.StartEngine(t, func(o *server.Options) {
		o.Nkeys = []*server.NkeyUser{
			k.like(t, relaytest.RelayOfDocument, "relay-1"), k.like(t, relaytest.StationOfDocument, "pack1"), k.like(t, relaytest.StationOfDocument, "pack2"),
			k.like(t, relaytest.PersonOfDocument, "anna"), k.like(t, relaytest.PersonOfDocument, "bo", "sd.decide.", "sd.revoke."),
		}
	})
	shop := newShop(t)
	relaytest.Run(t, relay.Setting{
		Name: "relay-1", Engine: k.table(t, e, "relay-1"), Lease: relay.LeaseLeast, Replicas: 1, Log: slog.New(slog.DiscardHandler),
		Vendors: []relay.Vendor{{Name: "shop", Backend: shop.clerk(nil)}},
	})
	links := make(map[string]*relay.Link)
	for _, name := range []string{"pack1", "pack2"} {
		l, err := relay.Dial(relay.LinkSetting{Station: name, Engine: k.table(t, e, name), Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		until(t, "the relay is heard", func() bool { name, _ := l.Leader(); return name == "relay-1" })
		answering(t, l, nil)
		links[name] = l
	}
	anna, bo := desk(t, "anna", k.table(t, e, "anna")), desk(t, "bo", k.table(t, e, "bo"))

	t.Run("who decides is known by name", func(t *testing.T) {
		got, err := post(t, anna, "pack1")
		if want := `anna true POST /outbox/retry aa {"entry":"1"}`; got != want || err != nil {
			t.Errorf("the station hears %q, %v, want %q", got, err, want)
		}
	})
	t.Run("who may only see decides nothing", func(t *testing.T) {
		if got, err := post(t, bo, "pack1"); !errors.Is(err, relay.ErrNotAllowed) || !strings.Contains(err.Error(), "sd.decide.pack1.bo.*") {
			t.Errorf("bo decides %q, %v", got, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), late)
		defer cancel()
		if got := bo.Read(ctx, []string{"pack1", "pack2"}, "/status"); string(got["pack2"].Body) != "bo false GET /status  " || got["pack1"].Err != nil {
			t.Errorf("bo sees %+v", got)
		}
		if err := bo.Revoke(ctx, "pack1", false); !errors.Is(err, relay.ErrNotAllowed) {
			t.Errorf("bo has a station refused: %v", err)
		}
	})
	t.Run("nobody asks as somebody else", func(t *testing.T) {
		if got, err := post(t, desk(t, "anna", k.table(t, e, "bo")), "pack1"); err == nil {
			t.Errorf("bo decides as anna: %q", got)
		}
	})
	t.Run("a decision that is asked as a question is none", func(t *testing.T) {
		conn := connect(t, e, k["bo"])
		heard, err := conn.SubscribeSync("sd.told.bo.pack1.x1")
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.PublishRequest("sd.see.pack1.bo.x1", "sd.told.bo.pack1.x1", []byte(`{"v":1,"method":"POST","path":"/outbox/retry"}`)); err != nil {
			t.Fatal(err)
		}
		m, err := heard.NextMsg(late)
		if err != nil || !strings.Contains(string(m.Data), "it was asked as a question, and is a decision") {
			t.Errorf("it is answered %v, %v", m, err)
		}
	})
	t.Run("what stations say is kept, each under its own name", func(t *testing.T) {
		if err := links["pack1"].KeepStatus([]byte(`{"held":1}`)); err != nil {
			t.Fatal(err)
		}
		conn := connect(t, e, k["pack2"])
		if err := conn.Publish("$KV.sd-status.pack1", []byte(`{"held":9}`)); err != nil {
			t.Fatal(err)
		}
		var all []relay.KeptStatus
		until(t, "it is kept", func() bool {
			var err error
			all, err = bo.Statuses(t.Context())
			return err == nil && len(all) == 1
		})
		if all[0].Station != "pack1" || string(all[0].Text) != `{"held":1}` || all[0].At.IsZero() {
			t.Errorf("kept is %+v", all)
		}
	})
	t.Run("a station that a person had refused delivers nothing", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), late)
		defer cancel()
		first, other := backendOf(links["pack1"]), backendOf(links["pack2"])
		wants(t, first.Deliver(ctx, order("4711")), station.Delivered)
		if err := anna.Revoke(ctx, "pack1", false); err != nil {
			t.Fatal(err)
		}
		if rc := first.Deliver(ctx, order("4711")); rc.Outcome != station.Unreached || !strings.Contains(rc.Err.Error(), "anna had the station refused") {
			t.Errorf("it is told %v, %v", rc.Outcome, rc.Err)
		}
		wants(t, other.Deliver(ctx, order("4711")), station.Delivered)
		if all, err := bo.Revoked(ctx); err != nil || all["pack1"].By != "anna" || len(all) != 1 {
			t.Errorf("refused are %+v, %v", all, err)
		}
		if err := anna.Revoke(ctx, "pack1", true); err != nil {
			t.Fatal(err)
		}
		wants(t, first.Deliver(ctx, order("4711")), station.Delivered)
	})
}

func TestAStationThatIsAwayIsSaidToBeAtOnce(t *testing.T) {
	t.Parallel()
	e := relaytest.StartEngine(t, nil)
	anna := desk(t, "anna", e.Table())
	ctx, cancel := context.WithTimeout(t.Context(), late)
	defer cancel()
	if got := anna.Read(ctx, []string{"pack1"}, "/status")["pack1"]; !errors.Is(got.Err, relay.ErrAway) {
		t.Errorf("it is %+v", got)
	}
	if err := anna.Revoke(ctx, "pack1", false); err == nil || !strings.Contains(err.Error(), "no relay leads") {
		t.Errorf("without a relay a station is refused: %v", err)
	}
	if all, err := anna.Statuses(ctx); err != nil || len(all) > 0 {
		t.Errorf("the engine knows %v, %v", all, err)
	}
}

func TestAnAnswerOfAStationHasACeiling(t *testing.T) {
	t.Parallel()
	e := relaytest.StartEngine(t, nil)
	l := relaytest.Dial(t, e, "pack1")
	answering(t, l, func(w http.ResponseWriter) {
		for range 600 {
			fmt.Fprint(w, strings.Repeat("x", 1024))
		}
	})
	anna := desk(t, "anna", e.Table())
	until(t, "it answers that it is too much", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), late)
		defer cancel()
		got := anna.Read(ctx, []string{"pack1"}, "/outbox")["pack1"]
		return got.Err != nil && strings.Contains(got.Err.Error(), "more than 512 kB")
	})
	if err := l.KeepStatus(make([]byte, 64<<10)); err == nil {
		t.Error("a status of 64 kB is kept")
	}
}

func TestAQuestionForWhichNobodyWaitsAnyMoreIsNotCarriedOut(t *testing.T) {
	t.Parallel()
	e := relaytest.StartEngine(t, nil)
	l := relaytest.Dial(t, e, "pack1")
	anna := desk(t, "anna", e.Table())
	var mu sync.Mutex
	var paths []string
	begun, goOn := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		paths = append(paths, r.URL.Path)
		switch r.URL.Path {
		case "/long":
			close(begun)
			<-goOn
		case "/panics":
			panic("as a handler may")
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := l.AnswerPersons(ctx, handler); err != nil {
			t.Error(err)
		}
	})
	defer func() { cancel(); running.Wait() }()
	asking, done := context.WithTimeout(t.Context(), late)
	defer done()
	running.Go(func() {
		until(t, "it has a long question", func() bool {
			return !errors.Is(anna.Read(asking, []string{"pack1"}, "/long")["pack1"].Err, relay.ErrAway)
		})
	})
	<-begun
	short, end := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer end()
	anna.Read(short, []string{"pack1"}, "/too-late")
	<-time.After(200 * time.Millisecond) // by the station's clock too nobody waits now
	close(goOn)
	if got := anna.Read(asking, []string{"pack1"}, "/panics")["pack1"]; got.Err == nil || !strings.Contains(got.Err.Error(), "its log says how") {
		t.Errorf("a question at which the station fails is answered %+v", got)
	}
	if got := anna.Read(asking, []string{"pack1"}, "/in-time")["pack1"]; got.Err != nil {
		t.Errorf("the next is answered %+v", got)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(paths, " "); got != "/long /panics /in-time" {
		t.Errorf("the station carried out %s", got)
	}
}

func TestWhoAnswersNobodyDoesNotHearWhatIsAskedOfItsStation(t *testing.T) {
	t.Parallel()
	e := relaytest.StartEngine(t, nil)
	answering(t, relaytest.Dial(t, e, "pack1"), nil)
	relaytest.Dial(t, e, "pack1") // as doctor, beside the station that runs
	anna := desk(t, "anna", e.Table())
	until(t, "the station answers", func() bool {
		answer, err := post(t, anna, "pack1")
		return err == nil && strings.HasPrefix(answer, "anna true POST")
	})
	for range 40 {
		if answer, err := post(t, anna, "pack1"); err != nil || !strings.HasPrefix(answer, "anna true POST") {
			t.Fatalf("it is answered %q, %v", answer, err)
		}
	}
}
