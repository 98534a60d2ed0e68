package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"stationd/internal/api"
	"stationd/internal/relay"
	"stationd/internal/relay/relaytest"
	"stationd/internal/station"
)

// late is how long these tests wait for what must come.
const late = time.Minute

// A shop is a vendor: what is posted there is an effect, and what is got is looked up.
type shop struct {
	*httptest.Server
	mu      sync.Mutex // guards what follows
	effects map[string]int
	hold    chan struct{} // an order is answered when it is closed; nil: at once
	begun   chan struct{} // gets a value for each order that came
	status  int           // of the next answers; 0: by what was done
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{effects: make(map[string]int), begun: make(chan struct{}, 1000)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	hold, status := s.hold, s.status
	if status == 0 && r.Method == http.MethodPost {
		s.effects[r.URL.Path]++
	}
	if status == 0 && r.Method == http.MethodGet && r.URL.Path != "/" && s.effects[r.URL.Path] == 0 {
		status = http.StatusNotFound
	}
	s.mu.Unlock()
	if r.Method == http.MethodPost {
		s.begun <- struct{}{}
		if hold != nil {
			select {
			case <-hold:
			case <-r.Context().Done():
			}
		}
	}
	if status != 0 {
		w.WriteHeader(status)
	}
}

// set changes what the shop does from now on.
func (s *shop) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// done is how often an entry had an effect.
func (s *shop) done(id station.ID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.effects["/"+string(id)]
}

// A clerk is a backend of a shop, as a relay has it.
type clerk struct{ client *api.Client }

func (s *shop) clerk(dial api.Dial) *clerk {
	return &clerk{api.New(api.Settings{Base: s.URL + "/", Dial: dial, Log: slog.New(slog.DiscardHandler)})}
}

func verbs() []station.Verb {
	return []station.Verb{{Name: "shop.order", Before: true, Lane: []string{"lane"}, Fields: []station.Field{{Name: "lane", Required: true, Help: "a lane"}, {Name: "line", Help: "a line"}, {Name: "machine", Help: "a machine"}}}}
}

func (c *clerk) Verbs() []station.Verb { return verbs() }

func (c *clerk) Look(ctx context.Context, _ station.Delivery) ([]byte, station.Receipt) {
	_, rc := c.client.Do(ctx, api.Request{Method: http.MethodGet})
	return []byte("{}"), api.Unread(rc)
}

func (c *clerk) Probe(ctx context.Context) station.Receipt {
	_, rc := c.client.Do(ctx, api.Request{Method: http.MethodGet})
	return api.Unread(rc)
}

func (c *clerk) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	if d.Doubtful {
		_, rc := c.client.Do(ctx, api.Request{Method: http.MethodGet, Path: string(d.ID)})
		f := api.Finding{Verdict: api.Missing}
		switch rc.Outcome {
		case station.Delivered:
			f.Verdict = api.Applied
		case station.Refused:
		default:
			return api.Unread(rc)
		}
		if rc, send := f.Settle(d); !send {
			return rc
		}
	}
	_, rc := c.client.Do(ctx, api.Request{Method: http.MethodPost, Path: string(d.ID)})
	return rc
}

// A plant is an engine with a shop behind its relays.
type plant struct {
	*shop
	engine *relaytest.Engine
}

func newPlant(t *testing.T, change func(*server.Options)) plant {
	t.Helper()
	return plant{newShop(t), relaytest.StartEngine(t, change)}
}

// setting is that of a relay of the plant.
func (p plant) setting(name string) relay.Setting {
	return relay.Setting{
		Name: name, Engine: p.engine.Table(), Lease: relay.LeaseLeast, Replicas: 1, Log: slog.New(slog.DiscardHandler),
		Vendors: []relay.Vendor{{Name: "shop", Backend: p.clerk(nil)}},
	}
}

// station is a station's backend, with its link.
func (p plant) station(t *testing.T, name string) (*relay.Link, *relay.Backend) {
	t.Helper()
	l := relaytest.Dial(t, p.engine, name)
	return l, backendOf(l)
}

func backendOf(l *relay.Link) *relay.Backend {
	return l.Backend(relay.BackendSetting{Name: "shop", Verbs: verbs(), Settle: api.SettleByRelay(false)})
}

func order(lane string) station.Delivery {
	return station.Delivery{Attempt: 1, When: time.Now(), Entry: station.Entry{ID: station.NewID().Entry(1), Action: station.Action{
		Lane: "shop/" + lane, Verb: "shop.order", To: "the shop", With: map[string]string{"lane": lane},
	}}}
}

func wants(t *testing.T, rc station.Receipt, want station.Outcome) {
	t.Helper()
	if rc.Outcome != want {
		t.Errorf("the outcome is %v (%v), want %v", rc.Outcome, rc.Err, want)
	}
}

func until(t *testing.T, what string, fact func() bool) {
	t.Helper()
	for end := time.Now().Add(late); !fact(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain until %s", late, what)
		}
	}
}

func TestWithoutARelayNothingIsSentNowOrLater(t *testing.T) {
	t.Parallel()
	p := newPlant(t, nil)
	l, b := p.station(t, "pack4-1")
	d := order("4711")
	wants(t, b.Deliver(t.Context(), d), station.Unreached)

	_, stop := relaytest.Run(t, p.setting("relay-1"))
	relaytest.Await(t, l)
	stop()
	wants(t, b.Deliver(t.Context(), d), station.Unreached) // it was heard just now, and takes nothing

	relaytest.Run(t, p.setting("relay-2"))
	until(t, "the second relay is heard", func() bool { name, err := l.Leader(); return err == nil && name == "relay-2" })
	p.engine.Kill()
	until(t, "the station has noticed", func() bool { return b.Deliver(t.Context(), d).Outcome == station.Unreached })
	p.engine.Start()
	after := order("4711")
	until(t, "an order is delivered again", func() bool {
		rc := b.Deliver(t.Context(), after)
		after.Doubtful = after.Doubtful || rc.Outcome == station.Doubtful
		return rc.Outcome == station.Delivered
	})
	if p.done(d.ID) != 0 {
		t.Error("what was unreached has been sent")
	}
	if p.done(after.ID) != 1 {
		t.Errorf("%d effects of one order", p.done(after.ID))
	}
}

func TestAnAskThatWasLongOnItsWayIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlant(t, nil)
	relaytest.Run(t, p.setting("relay-1"))
	l, _ := p.station(t, "pack4-1")
	relaytest.Await(t, l)
	conn := connect(t, p.engine, "")
	lead := leadOf(t, conn)
	d := order("4711")
	say := func(do string, tick int64) string {
		return askRaw(t, conn, lead, map[string]any{"v": 1, "do": do, "tick": tick, "settle": time.Hour, "delivery": map[string]any{"entry": d.Entry}})
	}
	for sentence, ask := range map[string]struct {
		do   string
		tick int64
		want string
	}{
		"older than patience":  {"deliver", lead.Tick - int64(relay.Patience/time.Second) - 2, "on its way"},
		"of a tick to come":    {"deliver", lead.Tick + 1000, "none that this relay has told"},
		"of tomorrow's wire":   {"forecast", lead.Tick, "does not understand"},
		"with nothing to do":   {"", lead.Tick, "does not understand"},
		"as it should be":      {"deliver", lead.Tick, `"outcome":"delivered"`},
		"a look at the vendor": {"look", lead.Tick, `"outcome":"delivered"`},
	} {
		got := say(ask.do, ask.tick)
		if !strings.Contains(got, ask.want) {
			t.Errorf("an ask %s is answered %s, want %q", sentence, got, ask.want)
		}
	}
	if p.done(d.ID) != 1 {
		t.Errorf("%d effects, want that of the one good ask", p.done(d.ID))
	}
}

// A lead is what the relay that leads announces.
type lead struct {
	Term string
	Tick int64
}

// leadOf hears who leads.
func leadOf(t *testing.T, conn *nats.Conn) (l lead) {
	t.Helper()
	heard, err := conn.SubscribeSync(relay.LeadSubject)
	if err != nil {
		t.Fatal(err)
	}
	m, err := heard.NextMsg(late)
	if err == nil {
		err = json.Unmarshal(m.Data, &l)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// askRaw asks a vendor of the relay as the station pack4-1, with whatever ask it is, and returns
// the answer as it came.
func askRaw(t *testing.T, conn *nats.Conn, l lead, ask any) string {
	t.Helper()
	id := string(station.NewID())
	answers, err := conn.SubscribeSync("sd.answer.pack4-1." + id)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(ask)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.PublishMsg(&nats.Msg{Subject: "sd.do." + l.Term + ".shop.pack4-1." + id, Reply: "sd.answer.pack4-1." + id, Data: text}); err != nil {
		t.Fatal(err)
	}
	m, err := answers.NextMsg(late)
	if err != nil {
		t.Fatal(err)
	}
	return string(m.Data)
}

// connect is somebody at the engine, with the seed of a key or without.
func connect(t *testing.T, e *relaytest.Engine, seed string) *nats.Conn {
	t.Helper()
	options := []nats.Option{nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})}
	if seed != "" {
		pair, err := nkeys.FromSeed([]byte(seed))
		if err != nil {
			t.Fatal(err)
		}
		public, err := pair.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		options = append(options, nats.Nkey(public, pair.Sign))
	}
	c, err := nats.Connect(e.Table().Servers[0], options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// A relay that has begun to connect when its lease runs out sends nothing any more.
func TestARelayWhoseLeaseHasRunOutSendsNothing(t *testing.T) {
	t.Parallel()
	p := newPlant(t, nil)
	connecting, goOn := make(chan struct{}, 10), make(chan struct{})
	s := p.setting("relay-1")
	plain := p.clerk(nil)
	slow := p.clerk(func(ctx context.Context, network, address string) (net.Conn, error) {
		connecting <- struct{}{}
		<-goOn
		return (&net.Dialer{}).DialContext(ctx, network, address)
	})
	s.Vendors[0].Backend = slowDelivery{plain, slow}
	r, _ := relaytest.Run(t, s)
	l, b := p.station(t, "pack4-1")
	relaytest.Await(t, l)
	d := order("4711")
	receipt := make(chan station.Receipt, 1)
	var asked sync.WaitGroup
	asked.Go(func() { receipt <- b.Deliver(t.Context(), d) })
	<-connecting
	p.engine.Kill() // and with it the lease
	until(t, "the relay does not lead any more", func() bool { return !r.Leads() })
	close(goOn)
	wants(t, <-receipt, station.Doubtful) // the station cannot know
	asked.Wait()
	p.engine.Start()
	relaytest.Await(t, l)
	d.Doubtful, d.LookOnly = true, true
	until(t, "the vendor is looked at", func() bool {
		rc := b.Deliver(t.Context(), d)
		return errors.Is(rc.Err, station.ErrAbsent) || rc.Outcome == station.Delivered
	})
	if p.done(d.ID) != 0 {
		t.Error("it was sent after the lease had run out")
	}
}

// slowDelivery has one clerk for reads and another for changes.
type slowDelivery struct {
	*clerk
	slow *clerk
}

func (s slowDelivery) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	if d.Doubtful {
		return s.clerk.Deliver(ctx, d)
	}
	return s.slow.Deliver(ctx, d)
}

func TestAnotherRelayTakesOverAndNeverTwoLead(t *testing.T) {
	t.Parallel()
	p := newPlant(t, nil)
	first, stopFirst := relaytest.Run(t, p.setting("relay-1"))
	l, b := p.station(t, "pack4-1")
	relaytest.Await(t, l)
	second, _ := relaytest.Run(t, p.setting("relay-2"))
	watching, end := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	watch.Go(func() {
		for watching.Err() == nil {
			// Both are asked at one moment: a lease that is over stays over.
			if first.Leads() && second.Leads() && first.Leads() {
				t.Error("two relays lead")
				return
			}
			<-time.After(time.Millisecond)
		}
	})
	defer func() { end(); watch.Wait() }()
	rc := b.Deliver(t.Context(), order("4711"))
	wants(t, rc, station.Delivered)
	stopFirst()
	until(t, "the second leads", func() bool { name, err := l.Leader(); return err == nil && name == "relay-2" })
	wants(t, b.Deliver(t.Context(), order("4711")), station.Delivered)

	// The engine's disk is wiped: what it knew of the lease is gone.
	p.engine.Kill()
	p.engine.Wipe()
	p.engine.Start()
	until(t, "an order is delivered again", func() bool { return b.Deliver(t.Context(), order("4711")).Outcome == station.Delivered })
}

// The account's pace apart, nothing breaks where two relays believe that they lead: an entry
// has one sender, its station.
func TestTwoRelaysThatBothBelieveTheyLeadDoNothingTwice(t *testing.T) {
	t.Parallel()
	p := newPlant(t, nil)
	for i, bucket := range []string{"one", "other"} {
		relaytest.RunWith(t, p.setting(fmt.Sprint("relay-", i+1)), func(r *relay.Relay) { r.SetBucket(bucket) })
	}
	var ids []station.ID
	var mu sync.Mutex
	var floor sync.WaitGroup
	for i := range 4 {
		l, b := p.station(t, fmt.Sprint("pack4-", i+1))
		relaytest.Await(t, l)
		floor.Go(func() {
			for range 25 {
				d := order("4711")
				mu.Lock()
				ids = append(ids, d.ID)
				mu.Unlock()
				until(t, "an order is delivered", func() bool {
					rc := b.Deliver(t.Context(), d)
					d.Doubtful = d.Doubtful || rc.Outcome == station.Doubtful
					return rc.Outcome == station.Delivered
				})
			}
		})
	}
	floor.Wait()
	for _, id := range ids {
		if n := p.done(id); n != 1 {
			t.Errorf("entry %s had %d effects", id.Short(), n)
		}
	}
}

func TestWhenAnotherRelayTakesOverWhatIsUnderWayIsInDoubt(t *testing.T) {
	t.Parallel()
	p := newPlant(t, nil)
	p.set(func() { p.hold = make(chan struct{}) })
	first := p.setting("relay-1")
	first.Vendors[0].Backend = p.clerk(nil)
	relaytest.RunWith(t, first, func(r *relay.Relay) { r.SetBucket("one") })
	l, b := p.station(t, "pack4-1")
	relaytest.Await(t, l)
	d := order("4711")
	receipt := make(chan station.Receipt, 1)
	var asked sync.WaitGroup
	asked.Go(func() { receipt <- b.Deliver(t.Context(), d) })
	<-p.begun
	relaytest.RunWith(t, p.setting("relay-2"), func(r *relay.Relay) { r.SetBucket("other") })
	rc := <-receipt
	asked.Wait()
	wants(t, rc, station.Doubtful)
	if !strings.Contains(fmt.Sprint(rc.Err), "took over") {
		t.Errorf("the reason is %v", rc.Err)
	}
	p.set(func() { close(p.hold); p.hold = nil })
	d.Doubtful, d.LookOnly = true, true
	wants(t, b.Deliver(t.Context(), d), station.Delivered)
	if p.done(d.ID) != 1 {
		t.Errorf("%d effects", p.done(d.ID))
	}
}

func TestALaneIsOneEntrysFromTheLookUntilItIsDecided(t *testing.T) {
	t.Parallel()
	p := newPlant(t, nil)
	relaytest.Run(t, p.setting("relay-1"))
	l, one := p.station(t, "pack4-1")
	m, other := p.station(t, "pack4-2")
	relaytest.Await(t, l)
	relaytest.Await(t, m)
	mine, theirs := order("4711"), order("4711")
	var rc station.Receipt
	mine.Before, rc = one.Look(t.Context(), mine)
	wants(t, rc, station.Delivered)
	looked := make(chan station.Receipt, 1)
	var asking sync.WaitGroup
	asking.Go(func() { _, rc := other.Look(t.Context(), theirs); looked <- rc })
	elsewhere := order("4712")
	_, rc = other.Look(t.Context(), elsewhere)
	wants(t, rc, station.Delivered)
	select {
	case rc := <-looked:
		t.Errorf("another station looks at the lane meanwhile: %v", rc.Outcome)
	default:
	}
	wants(t, one.Deliver(t.Context(), mine), station.Delivered)
	wants(t, <-looked, station.Delivered)
	asking.Wait()
}

// While the vendor is away nobody can say whether the order arrived, and it is compared with
// what was there before: no other station changes that meanwhile.
func TestALaneIsKeptForWhatIsInDoubtWhileTheVendorIsAway(t *testing.T) {
	t.Parallel()
	p := newPlant(t, nil)
	relaytest.Run(t, p.setting("relay-1"))
	l, one := p.station(t, "pack4-1")
	m, other := p.station(t, "pack4-2")
	relaytest.Await(t, l)
	relaytest.Await(t, m)
	mine, theirs := order("4711"), order("4711")
	var rc station.Receipt
	mine.Before, rc = one.Look(t.Context(), mine)
	wants(t, rc, station.Delivered)
	p.set(func() { p.status = http.StatusGatewayTimeout })
	wants(t, one.Deliver(t.Context(), mine), station.Doubtful)
	mine.Doubtful = true
	wants(t, one.Deliver(t.Context(), mine), station.Unreached) // it is looked up in vain
	p.set(func() { p.status = 0 })
	soon, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, rc = other.Look(soon, theirs)
	wants(t, rc, station.Unreached)
	wants(t, one.Deliver(t.Context(), mine), station.Delivered)
	_, rc = other.Look(t.Context(), theirs)
	wants(t, rc, station.Delivered)
}

// An ask that its station gave up is forgotten, and keeps no relay from stopping.
func TestARelayDoesNotWaitForWhatWasGivenUp(t *testing.T) {
	t.Parallel()
	p := newPlant(t, nil)
	_, stop := relaytest.Run(t, p.setting("relay-1"))
	l, one := p.station(t, "pack4-1")
	m, other := p.station(t, "pack4-2")
	relaytest.Await(t, l)
	relaytest.Await(t, m)
	_, rc := one.Look(t.Context(), order("4711")) // and keeps the lane
	wants(t, rc, station.Delivered)
	soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, rc = other.Look(soon, order("4711"))
	wants(t, rc, station.Unreached)
	wants(t, other.Probe(t.Context()), station.Delivered) // the relay has heard of it by now
	stopped := make(chan struct{})
	var stopping sync.WaitGroup
	stopping.Go(func() { stop(); close(stopped) })
	select {
	case <-stopped:
	case <-time.After(late / 2):
		t.Errorf("it has not stopped after %v", late/2)
	}
	stopping.Wait()
}

func TestVersionsNextToEachOtherUnderstandEachOther(t *testing.T) {
	t.Parallel()
	for sentence, wire := range map[string]struct {
		newest, oldest int
		want           station.Outcome
	}{
		"a relay one version ahead":  {2, 1, station.Delivered},
		"a relay two versions ahead": {3, 2, station.Unreached},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, nil)
			relaytest.RunWith(t, p.setting("relay-1"), func(r *relay.Relay) { r.SetVersions(wire.newest, wire.oldest) })
			l, b := p.station(t, "pack4-1")
			until(t, "the relay is heard", func() bool { name, _ := l.Leader(); return name == "relay-1" })
			d := order("4711")
			rc := b.Deliver(t.Context(), d)
			wants(t, rc, wire.want)
			if wire.want == station.Unreached && !strings.Contains(rc.Err.Error(), "update the older") {
				t.Errorf("nobody is told what to do: %v", rc.Err)
			}
		})
	}
}

func TestAStationMayDoWhatItIsAllowed(t *testing.T) {
	t.Parallel()
	p := newPlant(t, nil)
	s := p.setting("relay-1")
	s.Allowed = []relay.Allowance{{Station: "pack4-*", Lines: []string{"PACK4"}, Machines: []string{"SEAL-1"}}}
	relaytest.Run(t, s)
	l, ours := p.station(t, "pack4-1")
	m, strangers := p.station(t, "pack5-1")
	relaytest.Await(t, l)
	relaytest.Await(t, m)
	at := func(field, value string) station.Delivery {
		d := order("4711")
		d.With[field] = value
		return d
	}
	wants(t, ours.Deliver(t.Context(), order("4711")), station.Unreached) // nobody knows where
	wants(t, ours.Deliver(t.Context(), at("line", "PACK4")), station.Delivered)
	wants(t, ours.Deliver(t.Context(), at("machine", "SEAL-1")), station.Delivered)
	for _, d := range []station.Delivery{at("line", "PACK5"), at("machine", "SEAL-2")} {
		rc := ours.Deliver(t.Context(), d)
		wants(t, rc, station.Unreached)
		if !errors.Is(rc.Err, station.ErrForbidden) || p.done(d.ID) != 0 {
			t.Errorf("what is not allowed is %v, with %d effects", rc.Err, p.done(d.ID))
		}
	}
	wants(t, strangers.Deliver(t.Context(), order("4711")), station.Unreached)
	wants(t, strangers.Probe(t.Context()), station.Unreached)
}

func TestAWrongKeyIsTheRelaysOwnMatter(t *testing.T) {
	t.Parallel()
	p := newPlant(t, nil)
	var said strings.Builder
	var mu sync.Mutex
	s := p.setting("relay-1")
	s.Log = slog.New(slog.NewTextHandler(&lockedWriter{&mu, &said}, nil))
	relaytest.Run(t, s)
	l, b := p.station(t, "pack4-1")
	relaytest.Await(t, l)
	p.set(func() { p.status = http.StatusUnauthorized })
	rc := b.Deliver(t.Context(), order("4711"))
	wants(t, rc, station.Unreached)
	if errors.Is(rc.Err, station.ErrKey) || rc.Wait == 0 {
		t.Errorf("a station is told that its key is wrong: %v, wait %v", rc.Err, rc.Wait)
	}
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(said.String(), "does not accept the relay's key") {
		t.Errorf("the relay does not say it: %s", said.String())
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	to *strings.Builder
}

func (w *lockedWriter) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(text)
}

func TestAStationWhoseSettleTimeIsTooShortIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlant(t, nil)
	s := p.setting("relay-1")
	s.Vendors[0].Settle = api.SettleByRelay(true)
	relaytest.Run(t, s)
	l, b := p.station(t, "pack4-1")
	relaytest.Await(t, l)
	d := order("4711")
	rc := b.Deliver(t.Context(), d)
	wants(t, rc, station.Unreached)
	if !strings.Contains(fmt.Sprint(rc.Err), "settle in [shop]") || p.done(d.ID) != 0 {
		t.Errorf("it is answered %v, with %d effects", rc.Err, p.done(d.ID))
	}
}

// The engine lets each ask and hear under its own name alone.
func TestAStationIsWhoTheEngineSaysItIs(t *testing.T) {
	t.Parallel()
	k := make(keys)
	p := newPlant(t, func(o *server.Options) {
		o.Nkeys = []*server.NkeyUser{
			k.like(t, relaytest.RelayOfDocument, "relay-1"), k.like(t, relaytest.StationOfDocument, "pack1"), k.like(t, relaytest.StationOfDocument, "pack2"),
			k.like(t, relaytest.StationOfDocument, "deaf", "sd.answer."),
		}
	})
	table := func(of string) relay.Engine { return k.table(t, p.engine, of) }
	s := p.setting("relay-1")
	s.Engine = table("relay-1")
	relaytest.Run(t, s)
	link := func(name, key string) *relay.Backend {
		l, err := relay.Dial(relay.LinkSetting{Station: name, Engine: table(key), Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		until(t, "the relay is heard", func() bool { name, _ := l.Leader(); return name == "relay-1" })
		return backendOf(l)
	}
	wants(t, link("pack1", "pack1").Deliver(t.Context(), order("4711")), station.Delivered)
	for sentence, b := range map[string]*relay.Backend{
		"pack2 asks as pack1":               link("pack1", "pack2"),
		"a station that hears no answers":   link("deaf", "deaf"),
		"one with an answer's name amended": link("pack1x", "pack1"),
	} {
		d := order("4711")
		start := time.Now()
		rc := b.Deliver(t.Context(), d)
		if rc.Outcome != station.Unreached || p.done(d.ID) != 0 || time.Since(start) > late/2 {
			t.Errorf("%s: %v after %v: %v", sentence, rc.Outcome, time.Since(start), rc.Err)
		}
	}
	listener, err := relay.Dial(relay.LinkSetting{Engine: table("relay-1"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(listener.Close)
	relaytest.Await(t, listener) // as stationd relay doctor does
	conn := connect(t, p.engine, k["pack2"])
	for _, subject := range []string{"sd.answer.pack1.>", "sd.do.>", "$KV.>"} {
		if _, err := conn.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		if err := conn.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := conn.LastError(); !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), subject) {
			t.Errorf("pack2 may hear %s: %v", subject, err)
		}
	}
	if err := conn.Publish(relay.LeadSubject, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := conn.LastError(); err == nil || !strings.Contains(err.Error(), "sd.lead") {
		t.Errorf("pack2 may play relay: %v", err)
	}
}

// A cable leads from one end to the engine, and can be cut: what is on it is lost.
type cable struct {
	net.Listener
	to string

	mu   sync.Mutex // guards ends
	ends []net.Conn
}

func newCable(t *testing.T, e *relaytest.Engine) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{Listener: l, to: strings.TrimPrefix(e.Table().Servers[0], "nats://")}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", c.to)
			if err != nil {
				_ = near.Close()
				continue
			}
			c.mu.Lock()
			c.ends = append(c.ends, near, far)
			c.mu.Unlock()
			running.Go(func() { _, _ = io.Copy(far, near); _ = far.Close() })
			running.Go(func() { _, _ = io.Copy(near, far); _ = near.Close() })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		c.cut()
		running.Wait()
	})
	return c
}

// cut ends every connection. The next is let through.
func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, end := range c.ends {
		_ = end.Close()
	}
	c.ends = nil
}

func (c *cable) table() relay.Engine {
	return relay.Engine{Servers: []string{"nats://" + c.Addr().String()}}
}

// Whose cable is bent for a moment, its answer may be lost: nobody waits for it until the
// longest time is over.
func TestAnAnswerThatIsLostOnTheWayIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	for _, whose := range []string{"the relay's", "the station's"} {
		t.Run(whose+" connection is lost for a moment", func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, nil)
			toRelay, toStation := newCable(t, p.engine), newCable(t, p.engine)
			s := p.setting("relay-1")
			s.Engine = toRelay.table()
			relaytest.Run(t, s)
			l, err := relay.Dial(relay.LinkSetting{Station: "pack4-1", Engine: toStation.table(), Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(l.Close)
			relaytest.Await(t, l)
			hold := make(chan struct{})
			p.set(func() { p.hold = hold })
			d := order("4711")
			receipt := make(chan station.Receipt, 1)
			var asked sync.WaitGroup
			asked.Go(func() { receipt <- backendOf(l).Deliver(t.Context(), d) })
			<-p.begun
			if whose == "the relay's" {
				toRelay.cut()
			} else {
				toStation.cut()
			}
			p.set(func() { close(hold); p.hold = nil })
			select {
			case rc := <-receipt:
				wants(t, rc, station.Doubtful)
			case <-time.After(late):
				t.Errorf("it still waits %v after the connection was lost", late)
			}
			asked.Wait()
			d.Doubtful, d.LookOnly = true, true
			until(t, "it is found", func() bool { return backendOf(l).Deliver(t.Context(), d).Outcome == station.Delivered })
			if p.done(d.ID) != 1 {
				t.Errorf("%d effects", p.done(d.ID))
			}
		})
	}
}

// BenchmarkAnOrder is what a way by a relay adds to an attempt.
func BenchmarkAnOrder(b *testing.B) {
	shop := &shop{effects: make(map[string]int), begun: make(chan struct{}, 1<<20)}
	shop.Server = httptest.NewServer(shop)
	b.Cleanup(shop.Close)
	p := plant{shop, relaytest.StartEngine(b, nil)}
	relaytest.Run(b, p.setting("relay-1"))
	l := relaytest.Dial(b, p.engine, "pack4-1")
	if _, err := l.Await(b.Context()); err != nil {
		b.Fatal(err)
	}
	for way, backend := range map[string]station.Backend{"straight": p.clerk(nil), "by a relay": backendOf(l)} {
		b.Run(way, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				if rc := backend.Deliver(b.Context(), order("4711")); rc.Outcome != station.Delivered {
					b.Fatal(rc.Err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
		})
	}
}
