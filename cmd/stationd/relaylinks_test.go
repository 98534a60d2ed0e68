package main

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"stationd/internal/api"
	"stationd/internal/api/apitest"
	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/relay"
	"stationd/internal/relay/relaytest"
	"stationd/internal/station"
)

// A dmzPlant is a plant whose parts are computers of their own, as in docs/relay.md: two
// stations, an engine that asks for certificates and keys, two relays with a cable to either
// side, and the vendors. Each is a process, but for the vendors.
type dmzPlant struct {
	t       *testing.T
	dir     string
	vouches *plantAuthority // for the engine, the vendors and who asks them
	engine  *host
	vendor  *host
	vendors *gateway
	relays  [2]*dmzRelay
	floor   [2]*dmzStation
	rounds  int // that began
}

// A dmzRelay has its first cable to the floor, and the other to the vendors.
type dmzRelay struct {
	*host
	log *demo.LogWatcher
}

type dmzStation struct {
	*host
	*demo.Simulation
}

// A gateway is where the vendors are reached. It strikes when all that is expected is at a moment.
type gateway struct {
	plant *plant.Plant

	mu   sync.Mutex // guards next
	next *meeting   // nil: requests pass
}

// A meeting is of requests at an instant. When all have come, or no more come, the strike is
// done, and they go on.
type meeting struct {
	instant
	strike func()

	came   chan struct{}
	struck chan struct{} // closed when it is done
}

// An instant is when a link is struck.
type instant struct {
	name   string
	expect int  // how many requests come; 0: it is before any
	reads  bool // they change nothing
	early  bool // they are not done yet
}

func instants() []instant {
	return []instant{
		{name: "before anything is asked"},
		{name: "after the look and before its answer", expect: 2, reads: true},
		{name: "when it is at the vendor, before its effect", expect: 4, early: true},
		{name: "when it is at the vendor, after its effect", expect: 4},
	}
}

// meet has the next requests of an instant meet. The channel is closed when they have, and the
// strike is done.
func (g *gateway) meet(at instant, strike func()) (struck <-chan struct{}) {
	m := &meeting{instant: at, strike: strike, came: make(chan struct{}, 1000), struck: make(chan struct{})}
	g.mu.Lock()
	g.next = m
	g.mu.Unlock()
	go func() {
		var late <-chan time.Time // who is on its way comes in a moment
		for left := m.expect; left > 0; {
			select {
			case <-m.came:
				left--
				late = time.After(10 * time.Second)
			case <-late:
				left = 0
			}
		}
		m.strike()
		g.mu.Lock()
		g.next = nil
		g.mu.Unlock()
		close(m.struck)
	}()
	return m.struck
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // it never came whole
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	g.mu.Lock()
	m := g.next
	g.mu.Unlock()
	waits := func(early bool) {
		if m != nil && m.early == early && m.reads == (r.Method == http.MethodGet) {
			m.came <- struct{}{}
			<-m.struck
		}
	}
	waits(true)
	answer := httptest.NewRecorder()
	g.plant.Handler().ServeHTTP(answer, r)
	waits(false)
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // whoever asked may be gone
}

// linkBindings are what is scanned in these tests. Each call is at a machine of its own, so that
// none waits for another's answer.
const linkBindings = `
[[on]]
event = "hand.scan"
match = '^HELP$'
do = [{ l2l = "dispatch.open", type = "MAINT", description = "Help" }]
[[on]]
event = "hand.scan"
match = '^HELPED$'
do = [{ l2l = "dispatch.close", type = "MAINT", machine = "SEAL-1" }]
[[on]]
event = "hand.scan"
match = '^TRAYS$'
do = [{ l2l = "dispatch.open", type = "MATERIAL", machine = "TRAY-1", description = "Trays" }]
[[on]]
event = "hand.scan"
match = '^TRAYS-HERE$'
do = [{ l2l = "dispatch.close", type = "MATERIAL", machine = "TRAY-1" }]
[[on]]
event = "hand.scan"
match = '^CHECK$'
do = [{ l2l = "dispatch.open", type = "QUALITY", machine = "LABEL-1", once = true, description = "Check" }]
[[on]]
event = "hand.scan"
match = '^CHECKED$'
do = [{ l2l = "dispatch.close", type = "QUALITY", machine = "LABEL-1" }]
`

// newDMZPlant starts a plant on a network. Its stations run and can deliver when it returns, and
// the first relay leads.
func newDMZPlant(t *testing.T, n *network) *dmzPlant {
	t.Helper()
	binary, err := exec.LookPath(cmp.Or(os.Getenv("STATIOND_BINARY"), "stationd"))
	must(t, err)
	dir, err := os.MkdirTemp("", "stationd-dmz-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &dmzPlant{t: t, dir: dir, vouches: newPlantAuthority(t), engine: n.host("engine", 1), vendor: n.host("vendor", 1)}
	p.openVendors()
	for i := range p.relays {
		h := n.host(fmt.Sprint("dmz-", i+1), 2)
		h.ip(h.cables[1].route(p.vendor.cables[0].subnet()))
		p.relays[i] = &dmzRelay{host: h}
	}
	for i := range p.floor {
		p.floor[i] = &dmzStation{host: n.host(fmt.Sprint("pack4-", i+1), 1)}
	}
	p.startEngine()
	for i := range p.relays {
		p.startRelay(i, binary)
		if i == 0 {
			must(t, demo.Until(t.Context(), "the first relay leads", func() bool { return p.relays[0].log.Count(relayLeads) > 0 }))
		}
	}
	for i := range p.floor {
		p.startStation(i)
	}
	scanAndWait(t, p.floor[0].Simulation, "PO4711")
	return p
}

// openVendors has both vendors listen at their host.
func (p *dmzPlant) openVendors() {
	setting := plant.Demo()
	setting.PerMinute = 1_000_000
	setting.Machines = append(setting.Machines, plant.Machine{Code: "TRAY-1", Line: "PACK4"})
	served, err := plant.Open(setting)
	must(p.t, err)
	p.vendors = &gateway{plant: served}
	p.vouches.issue("vendor", p.vendor.cables[0].address())
	pair, err := tls.LoadX509KeyPair(p.vouches.path("vendor.pem"), p.vouches.path("vendor.key"))
	must(p.t, err)
	listener := tls.NewListener(p.vendor.listen("443"), &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	server := &http.Server{Handler: p.vendors, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(listener)
	p.t.Cleanup(func() { server.Close() })
}

// vendorURL is where a vendor is; its address here is that of nobody else.
func (p *dmzPlant) vendorURL(path string) string {
	return "https://" + p.vendor.cables[0].address() + path
}

const (
	l2lPath       = "/api/1.0/"
	lagerkollPath = "/v1/production_orders/"
	relayLeads    = "this relay leads"
)

// table is how one of them reaches the engine.
func (p *dmzPlant) table(name string) string {
	p.vouches.issue(name)
	return fmt.Sprintf("servers = [\"tls://%s:4222\"]\nkey = { file = %q }\nca = %q\ncertificate = %q\ncertificate_key = %q\n",
		p.engine.cables[0].address(), filepath.Join(p.dir, name+".nkey"), p.vouches.path("ca.pem"), p.vouches.path(name+".pem"), p.vouches.path(name+".key"))
}

// user gives one of them a key at the engine, and returns what it may do there, as docs/relay.md
// has it for one like it.
func (p *dmzPlant) user(like, name string) string {
	user, seed := relaytest.User(p.t, like, name)
	must(p.t, os.WriteFile(filepath.Join(p.dir, name+".nkey"), []byte(seed+"\n"), 0o600))
	return fmt.Sprintf("{ nkey: %s, permissions: { publish: [\"%s\"], subscribe: [\"%s\"] } }\n", user.Nkey,
		strings.Join(user.Permissions.Publish.Allow, `", "`), strings.Join(user.Permissions.Subscribe.Allow, `", "`))
}

func (p *dmzPlant) startEngine() {
	p.vouches.issue("engine", p.engine.cables[0].address())
	var users strings.Builder
	for _, r := range p.relays {
		users.WriteString(p.user(relaytest.RelayOfDocument, r.name))
	}
	for _, s := range p.floor {
		users.WriteString(p.user(relaytest.StationOfDocument, s.name))
	}
	config := filepath.Join(p.dir, "engine.conf")
	must(p.t, os.WriteFile(config, fmt.Appendf(nil, "listen: \"%s:4222\"\njetstream { store_dir: %q }\ntls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }\nauthorization { users: [\n%s] }\n",
		p.engine.cables[0].address(), filepath.Join(p.dir, "engine"), p.vouches.path("engine.pem"), p.vouches.path("engine.key"), p.vouches.path("ca.pem"), &users), 0o600))
	program, err := exec.LookPath("nats-server")
	must(p.t, err)
	p.engine.start(p.dir, program, "-c", config)
}

func (p *dmzPlant) startRelay(i int, binary string) {
	r := p.relays[i]
	for name, key := range map[string]string{"l2l.key": plant.Demo().L2LKey, "lagerkoll.key": plant.Demo().APIKey} {
		must(p.t, os.WriteFile(filepath.Join(p.dir, name), []byte(key+"\n"), 0o600))
	}
	config := filepath.Join(p.dir, r.name+".toml")
	must(p.t, os.WriteFile(config, fmt.Appendf(nil, `[relay]
name = %q
timezone = "Europe/Stockholm"
lease = "2s"
%s
[l2l]
url = %q
site = 12
key = { file = %q }
ca = %q
rate = "20/s"
[lagerkoll]
url = %q
store = "1001"
key = { file = %q }
ca = %[5]q
rate = "200/min"
[web]
listen = ""
[[allow]]
station = "pack4-*"
`, r.name, p.table(r.name), p.vendorURL(l2lPath), filepath.Join(p.dir, "l2l.key"), p.vouches.path("ca.pem"), p.vendorURL(lagerkollPath), filepath.Join(p.dir, "lagerkoll.key")), 0o600))
	r.log = r.start(p.dir, binary, "relay", "run", "--config", config)
}

func (p *dmzPlant) startStation(i int) {
	s := p.floor[i]
	settle := api.SettleByRelay(false)
	s.Simulation = newStation(p.t, func(c *demo.Config) {
		c.Way = &demo.Way{Name: s.name, Engine: "tls://" + p.engine.cables[0].address() + ":4222", Plant: p.vendors.plant}
		c.Command = append(s.enter(), c.Command...)
		c.Settle = settle
	})
	text, err := os.ReadFile(s.ConfigPath())
	must(p.t, err)
	set := strings.NewReplacer(p.vendors.plant.L2LURL(), p.vendorURL(l2lPath), p.vendors.plant.LagerkollURL(), p.vendorURL(lagerkollPath)).Replace(string(text))
	set = regexp.MustCompile(`(?m)^servers = .*\n`).ReplaceAllLiteralString(set, p.table(s.name))
	must(p.t, os.WriteFile(s.ConfigPath(), []byte(set+linkBindings), 0o600))
	must(p.t, s.Power(p.t.Context(), true))
}

// leader is the relay that began to lead last.
func (p *dmzPlant) leader() *dmzRelay {
	if p.relays[1].log.Last(relayLeads).After(p.relays[0].log.Last(relayLeads)) {
		return p.relays[1]
	}
	return p.relays[0]
}

// A linkFault is what happens to a link, and for how long.
type linkFault struct {
	name   string
	lasts  time.Duration
	strike func(link) (mend func())
}

// linkFaults are long enough that each end has noticed; the bent link is let go when nothing may
// be begun any more for what was asked before.
func linkFaults() []linkFault {
	const noticed = 20 * time.Second
	return []linkFault{
		{"its cable is pulled", noticed, func(l link) func() { l.from.pull(true); return func() { l.from.pull(false) } }},
		{"nothing arrives from there", noticed, link.silence},
		{"nothing arrives there", noticed, func(l link) func() { return l.back().silence() }},
		{"nothing passes for longer than patience", relay.Patience + 10*time.Second, func(l link) func() {
			out, in := l.silence(), l.back().silence()
			return func() { out(); in() }
		}},
		{"it has another address", noticed, func(l link) func() { l.from.move(reachedBy(l)); return func() {} }},
	}
}

// reachedBy is what a host reaches by its end of a link.
func reachedBy(l link) string {
	if l.from == l.from.host.cables[0] {
		return "default"
	}
	return l.to.subnet()
}

// linksOf are the links of a plant by their names, as they are when they are asked for.
func linksOf(p *dmzPlant) map[string]func() []link {
	return map[string]func() []link{
		"stations to engine": func() (all []link) {
			for _, s := range p.floor {
				all = append(all, link{s.cables[0], p.engine.cables[0]})
			}
			return all
		},
		"relay to engine": func() []link { return []link{{p.leader().cables[0], p.engine.cables[0]}} },
		"relay to vendor": func() []link { return []link{{p.leader().cables[1], p.vendor.cables[0]}} },
	}
}

// deliveredWithin is how long after a link is back everything must be delivered: the settle time
// of what is in doubt, the tries before it and after it, and a busy machine.
const deliveredWithin = 6 * time.Minute

// round has the stations act while a link has a fault, and counts at the vendors.
func (p *dmzPlant) round(t *testing.T, of func() []link, f linkFault, at instant) {
	t.Helper()
	p.prepare(t)
	before := p.refused()
	var mends []func()
	strike := func() {
		for _, l := range of() {
			mends = append(mends, f.strike(l))
		}
	}
	struck := make(<-chan struct{})
	if at.expect == 0 {
		strike()
	} else {
		struck = p.vendors.meet(at, strike)
	}
	p.act(t)
	if at.expect > 0 {
		select {
		case <-struck:
		case <-time.After(deliveredWithin):
			t.Fatal("nothing came to the vendors")
		}
	}
	<-time.After(f.lasts)
	for _, mend := range mends {
		mend()
	}
	back := time.Now()
	p.waitDelivered(t)
	took := time.Since(back).Round(time.Second)
	<-time.After(time.Until(back.Add(f.lasts))) // a kernel sends again within twice the time that it tried
	t.Logf("all was delivered %v after the link was back; the relays refused %d asks", took, p.refused()-before)
	p.judge(t)
}

// symbol is that of a part of this round.
func (p *dmzPlant) symbol(name string) string {
	return demo.Part{Article: demo.Soup, Batch: "B7", Serial: fmt.Sprint(name, p.rounds)}.Symbol()
}

// refused is how many asks the relays have not carried out.
func (p *dmzPlant) refused() (n int) {
	for _, r := range p.relays {
		n += r.log.Count("an ask was not carried out")
	}
	return n
}

// prepare opens the call that is closed in the round, and has both vendors asked just before it.
func (p *dmzPlant) prepare(t *testing.T) {
	t.Helper()
	p.rounds++
	scanAndWait(t, p.floor[0].Simulation, "HELP")
	scanAndWait(t, p.floor[0].Simulation, p.symbol("W"))
	p.waitDelivered(t)
}

// act has the stations trace a part, close a call, open one, and open one that is asked for once,
// all at once.
func (p *dmzPlant) act(t *testing.T) {
	t.Helper()
	recorded := func(s *dmzStation) int {
		now, err := s.Control().Snapshot(t.Context())
		must(t, err)
		return now.Counts.Events["hand.scan"]
	}
	scans := [][]string{{p.symbol("L"), "HELPED"}, {"TRAYS", "CHECK"}}
	var before []int
	for _, s := range p.floor {
		before = append(before, recorded(s))
	}
	for i, s := range p.floor {
		for _, code := range scans[i] {
			must(t, s.Scan(code))
		}
	}
	for i, s := range p.floor {
		must(t, demo.Until(t.Context(), "all is recorded", func() bool { return recorded(s) == before[i]+len(scans[i]) }))
	}
}

// waitDelivered waits until no station has anything that waits.
func (p *dmzPlant) waitDelivered(t *testing.T) {
	t.Helper()
	end := time.Now().Add(deliveredWithin)
	for _, s := range p.floor {
		for {
			waiting, ok := s.Waiting(t.Context())
			if ok && len(waiting) == 0 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %d wait still, the first is %+v", s.name, len(waiting), waiting[:min(1, len(waiting))])
			}
			<-time.After(50 * time.Millisecond)
		}
	}
}

// judge ends a round, and counts at the vendors what the rounds until now have done: each once,
// and nothing is held, for each can be looked up.
func (p *dmzPlant) judge(t *testing.T) {
	t.Helper()
	for _, code := range []string{"TRAYS-HERE", "CHECKED"} {
		scanAndWait(t, p.floor[1].Simulation, code)
	}
	p.waitDelivered(t)
	for _, s := range p.floor {
		c, err := s.Contents(t.Context())
		must(t, err)
		for _, e := range c.Entries {
			if e.Condition == station.Held {
				t.Errorf("%s holds %s: %s", s.name, e.Verb, e.Reason)
			}
		}
	}
	traced := make(map[string]int)
	for _, tr := range p.vendors.plant.Traces() {
		traced[tr.Serial]++
	}
	for _, name := range []string{"W", "L"} {
		if n := traced[fmt.Sprint(name, p.rounds)]; n != 1 {
			t.Errorf("part %s%d is traced %d times", name, p.rounds, n)
		}
	}
	opened, closed := make(map[string]int), make(map[string]int)
	for _, d := range p.vendors.plant.Dispatches() {
		opened[d.Type]++
		if !d.Closed.IsZero() {
			closed[d.Type]++
		}
	}
	for _, kind := range []string{"MAINT", "MATERIAL", "QUALITY"} {
		if opened[kind] != p.rounds || closed[kind] != p.rounds {
			t.Errorf("%d calls of %s were made and %d closed, want %d", opened[kind], kind, closed[kind], p.rounds)
		}
	}
}

// Each link of a plant is struck in each way of the kernel's, in each moment of what is done.
func TestWhateverHappensToALinkOfAPlantEachActionIsDoneOnce(t *testing.T) {
	t.Parallel()
	const proves = "that each action is done once, whatever happens to a link of a plant,"
	if os.Getenv("STATIOND_RELAY") != "whole" { // an absence counts after two minutes
		t.Skip(proves + " was NOT proved; make relay-links proves it")
	}
	if !apitest.InNamespace(t, proves) {
		return
	}
	plants := 0
	for _, name := range []string{"stations to engine", "relay to engine", "relay to vendor"} {
		for _, at := range instants() {
			plants++
			n := newNetwork(t, plants, proves)
			t.Run(name+", "+at.name, func(t *testing.T) {
				t.Parallel()
				n.t = t
				p := newDMZPlant(t, n)
				for _, f := range linkFaults() {
					t.Run(f.name, func(t *testing.T) { p.round(t, linksOf(p)[name], f, at) })
				}
			})
		}
	}
}

// A station whose cable was out delivers when it is back, and while the relay that led has no
// cable to the engine another leads.
func TestAPlantDeliversByTheCablesThatItHas(t *testing.T) {
	t.Parallel()
	const proves = "that a plant whose cables are pulled delivers by another relay, and when they are back,"
	if !apitest.InNamespace(t, proves) {
		return
	}
	p := newDMZPlant(t, newNetwork(t, 1, proves))
	p.prepare(t)
	first := p.leader()
	first.cables[0].pull(true)
	p.floor[0].cables[0].pull(true)
	noticed := time.After(5 * time.Second) // so long no relay is heard there that nothing is asked of one
	must(t, demo.Until(t.Context(), "another leads", func() bool { return p.leader() != first }))
	<-noticed
	p.act(t)
	must(t, demo.Until(t.Context(), "the station that has its cable delivers", func() bool {
		waiting, ok := p.floor[1].Waiting(t.Context())
		return ok && len(waiting) == 0
	}))
	if waiting, ok := p.floor[0].Waiting(t.Context()); !ok || len(waiting) != 2 {
		t.Errorf("at the station without one %d wait, want 2", len(waiting))
	}
	p.floor[0].cables[0].pull(false)
	p.waitDelivered(t)
	p.judge(t)
}
