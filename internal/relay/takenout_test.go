package relay_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"stationd/internal/relay"
	"stationd/internal/relay/relaytest"
	"stationd/internal/station"
)

// Whoever the engine refuses tries it again for as long as it takes: a user that is taken out and
// put back, or a wrong line in the engine's configuration for an hour, takes no visit to a station.
func TestWhoWasTakenOutOfTheEngineIsBackWhenItIsLetIn(t *testing.T) {
	t.Parallel()
	k := make(keys)
	both := []*server.NkeyUser{k.like(t, relaytest.RelayOfDocument, "relay-1"), k.like(t, relaytest.StationOfDocument, "pack4-1")}
	p := newPlant(t, func(o *server.Options) { o.Nkeys = both })
	said := make(map[string]*strings.Builder)
	var mu sync.Mutex
	logOf := func(name string) *slog.Logger {
		said[name] = &strings.Builder{}
		return slog.New(slog.NewTextHandler(&lockedWriter{&mu, said[name]}, nil))
	}
	refused := func(name string) int {
		mu.Lock()
		defer mu.Unlock()
		return strings.Count(said[name].String(), "authorization violation")
	}
	s := p.setting("relay-1")
	s.Engine, s.Log = k.table(t, p.engine, "relay-1"), logOf("relay-1")
	relaytest.Run(t, s)
	l, err := relay.Dial(relay.LinkSetting{Station: "pack4-1", Engine: k.table(t, p.engine, "pack4-1"), Log: logOf("pack4-1")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	relaytest.Await(t, l)
	wants(t, backendOf(l).Deliver(t.Context(), order("4711")), station.Delivered)

	nobody := k.like(t, relaytest.StationOfDocument, "pack9-9")
	p.engine.Change(func(o *server.Options) { o.Nkeys = []*server.NkeyUser{nobody} })
	for _, name := range []string{"relay-1", "pack4-1"} {
		until(t, name+" was refused again and again", func() bool { return refused(name) >= 4 })
	}
	p.engine.Change(func(o *server.Options) { o.Nkeys = both })
	relaytest.Await(t, l)
	d := order("4712")
	until(t, "the station delivers", func() bool { return backendOf(l).Deliver(t.Context(), d).Outcome == station.Delivered })
}
