package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/relay/relaytest"
	"stationd/internal/station"
)

// A fleet is a plant of stations with two relays in processes of their own, an engine, and
// the vendors of its first station.
type fleet struct {
	engine   *relaytest.Engine // nil: it has nodes
	nodes    []*engineNode
	stations []*demo.Simulation
	relays   []*childProcess
}

// A childProcess is a relay, or a node of the engine, that may be killed and started again.
type childProcess struct {
	t       *testing.T
	name    string
	command []string
	env     []string // beside that of the test
	log     *os.File

	mu  sync.Mutex // guards cmd
	cmd *exec.Cmd
}

// startChild starts a process, which the end of the test kills. When the test has failed, the end
// of its log is shown. env is what it has in its environment beside the test.
func startChild(t *testing.T, name string, env []string, command ...string) *childProcess {
	t.Helper()
	r := &childProcess{t: t, name: name, env: env, command: command}
	var err error
	r.log, err = os.Create(filepath.Join(t.TempDir(), name+".log"))
	must(t, err)
	r.start()
	t.Cleanup(func() {
		_ = r.end(syscall.SIGKILL) // it may have ended already
		if t.Failed() {
			text, _ := os.ReadFile(r.log.Name())
			t.Logf("the end of %s's log:\n%s", name, text[max(0, len(text)-4000):])
		}
		must(t, r.log.Close())
	})
	return r
}

func (r *childProcess) start() {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cmd = exec.CommandContext(context.WithoutCancel(r.t.Context()), r.command[0], r.command[1:]...)
	r.cmd.Stdout, r.cmd.Stderr = r.log, r.log
	r.cmd.Env = append(os.Environ(), r.env...)
	must(r.t, r.cmd.Start())
}

func (r *childProcess) signal(s syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.cmd.Process.Signal(s); !errors.Is(err, os.ErrProcessDone) {
		must(r.t, err)
	}
}

// end ends the process by a signal and waits for it.
func (r *childProcess) end(s syscall.Signal) error {
	r.signal(s)
	return r.wait()
}

func (r *childProcess) wait() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cmd.Wait()
}

// A fleetSetting says how a fleet is made.
type fleetSetting struct {
	stations int
	front    func(*plant.Plant) http.Handler // which requests to Lagerkoll pass; nil: none
	engine   func(*server.Options)           // how the engine is; nil: as it is by itself

	nodes  []*engineNode // an engine that runs already; nil: one of its own is started
	settle string        // of the stations; "": 2s

	// reached is how the one of that name reaches the engine: keys of its table [relay].
	// nil: straight.
	reached func(name string, e *relaytest.Engine) string

	// relay is the whole configuration of a relay, and the folder of its credentials; nil: one
	// of these tests.
	relay func(name string, e *relaytest.Engine, l2l, lagerkoll string) (text, credentials string)
}

// newFleet is a fleet with its power off. The lease of its relays is short.
func newFleet(t *testing.T, set fleetSetting) *fleet {
	t.Helper()
	f := &fleet{nodes: set.nodes}
	if set.nodes == nil {
		f.engine = relaytest.StartEngine(t, set.engine)
	}
	settle := cmp.Or(set.settle, "2s")
	reached := func(name string) string {
		if set.nodes != nil {
			return fmt.Sprintf("servers = [%q, %q, %q]\n", set.nodes[0].url, set.nodes[1].url, set.nodes[2].url)
		}
		if set.reached != nil {
			return set.reached(name, f.engine)
		}
		return fmt.Sprintf("servers = [%q]\n", f.engine.Table().Servers[0])
	}
	front := set.front
	var lagerkoll string
	for i := range set.stations {
		b := newStation(t, nil)
		f.stations = append(f.stations, b)
		if i == 0 {
			lagerkoll = f.plant().LagerkollURL()
		}
		if i == 0 && front != nil {
			server := httptest.NewServer(front(f.plant()))
			t.Cleanup(func() {
				server.CloseClientConnections()
				server.Close()
			})
			u, err := url.Parse(lagerkoll)
			must(t, err)
			lagerkoll = server.URL + u.Path
		}
		text, err := os.ReadFile(b.ConfigPath())
		must(t, err)
		name := fmt.Sprint("pack4-", i+1)
		set := string(text)
		for _, key := range []string{"key ", "rate ", "watch "} {
			set = regexp.MustCompile(`(?m)^`+key+`.*\n`).ReplaceAllString(set, "")
		}
		set = regexp.MustCompile(`(?m)^\[(l2l|lagerkoll)\]$`).ReplaceAllString(set, "[$1]\nvia = \"relay\"")
		set = regexp.MustCompile(`(?m)^settle .*$`).ReplaceAllString(set, fmt.Sprintf("settle = %q", settle))
		set = strings.Replace(set, `"pack4-1"`, fmt.Sprintf("%q", name), 1)
		set = strings.ReplaceAll(set, b.Plant.L2LURL(), f.plant().L2LURL())
		set = strings.ReplaceAll(set, b.Plant.LagerkollURL(), lagerkoll)
		set += "\n[relay]\n" + reached(name)
		must(t, os.WriteFile(b.ConfigPath(), []byte(set), 0o600))
		must(t, os.RemoveAll(b.KeysPath())) // no station has a vendor's key
	}
	binary, err := exec.LookPath(cmp.Or(os.Getenv("STATIOND_BINARY"), "stationd"))
	must(t, err)
	keys := t.TempDir()
	for name, key := range map[string]string{"l2l.key": plant.Demo().L2LKey, "lagerkoll.key": plant.Demo().APIKey} {
		must(t, os.WriteFile(filepath.Join(keys, name), []byte(key+"\n"), 0o600))
	}
	for i := range 2 {
		config := filepath.Join(t.TempDir(), "relay.toml")
		name := fmt.Sprint("dmz-", i+1)
		text := fmt.Sprintf(`[relay]
name = %q
timezone = "Europe/Stockholm"
%s
lease = "2s"
replicas = %d
[l2l]
url = %q
site = 12
key = { file = %q }
rate = "10000/s"
[lagerkoll]
url = %q
store = "1001"
key = { file = %q }
rate = "10000/s"
[web]
listen = "127.0.0.1:0"
[metrics]
listen = "127.0.0.1:0"
[[allow]]
station = "pack4-*"
`, name, reached(name), max(1, len(set.nodes)), f.plant().L2LURL(), filepath.Join(keys, "l2l.key"), lagerkoll, filepath.Join(keys, "lagerkoll.key"))
		credentials := "" // the folder that systemd hands over
		if set.relay != nil {
			text, credentials = set.relay(name, f.engine, f.plant().L2LURL(), lagerkoll)
		}
		must(t, os.WriteFile(config, []byte(text), 0o600))
		f.relays = append(f.relays, startChild(t, name, []string{"CREDENTIALS_DIRECTORY=" + credentials}, binary, "relay", "run", "--config", config))
	}
	return f
}

// plant is the plant of the whole fleet.
func (f *fleet) plant() *plant.Plant { return f.stations[0].Plant }

// Two stations trace parts onto one order while relays, the engine and the stations
// themselves are killed, stopped and wiped: each part once or held, and none lost.
func TestAPlantOfStationsWhileEverythingIsKilled(t *testing.T) {
	t.Parallel()
	const seed = 20260302
	f := newFleet(t, fleetSetting{stations: 2})
	random := rand.New(rand.NewPCG(seed, 1))
	for _, b := range f.stations {
		must(t, b.Power(t.Context(), true))
		scanAndWait(t, b, "PO4711")
	}
	// An answer takes its time, so that what is killed is often between effect and answer;
	// and some never come.
	f.plant().AddFault(plant.Fault{Kind: plant.Slow, Where: "PUT *", Delay: 20 * time.Millisecond})
	f.plant().AddFault(plant.Fault{Kind: plant.Lost, Where: "PUT *", Every: 17})

	over := make(chan struct{})
	var scanning sync.WaitGroup
	acknowledged := make([]map[string]bool, len(f.stations))
	for i, b := range f.stations {
		acknowledged[i] = make(map[string]bool)
		scanning.Go(func() { f.scanUntil(t, over, 50*time.Millisecond, b, fmt.Sprintf("%c", 'A'+i), acknowledged[i]) })
	}
	pause := func() { <-time.After(time.Duration(200+random.IntN(1500)) * time.Millisecond) }
	kill := func(r *childProcess) {
		_ = r.end(syscall.SIGKILL) // the error says that it was killed
		pause()
		r.start()
	}
	for sentence, act := range map[string]func(){
		"one relay is killed":                      func() { kill(f.relays[0]) },
		"the other is killed":                      func() { kill(f.relays[1]) },
		"a relay is stopped longer than its lease": func() { stopLong(f.relays[0]) },
		"the other too":                            func() { stopLong(f.relays[1]) },
		"a relay is stopped in order":              func() { must(t, f.relays[0].end(syscall.SIGTERM)); f.relays[0].start() },
		"the engine is killed":                     func() { f.engine.Kill(); pause(); f.engine.Start() },
		"the engine's disk is wiped":               func() { f.engine.Kill(); f.engine.Wipe(); f.engine.Start() },
		"a station is killed":                      func() { must(t, f.stations[1].Kill()); must(t, f.stations[1].Power(t.Context(), true)) },
	} {
		before := len(f.plant().Traces())
		must(t, demo.Until(t.Context(), "parts arrive before "+sentence, func() bool { return len(f.plant().Traces()) > before+3 }))
		pause()
		t.Log(sentence)
		act()
	}
	close(over)
	scanning.Wait()
	f.plant().ClearFaults()
	f.judge(t, acknowledged)
}

// stopLong stops a relay for longer than its lease, and lets it go on.
func stopLong(r *childProcess) {
	r.signal(syscall.SIGSTOP)
	<-time.After(5 * time.Second)
	r.signal(syscall.SIGCONT)
}

// scanUntil scans parts, one as soon as the one before is in the outbox and the pace lets it.
func (f *fleet) scanUntil(t *testing.T, over <-chan struct{}, pace time.Duration, b *demo.Simulation, prefix string, acknowledged map[string]bool) {
	for n := 1; ; n++ {
		select {
		case <-over:
			return
		case <-time.After(pace):
		}
		serial := fmt.Sprintf("%s%04d", prefix, n)
		if b.Scan(demo.Part{Article: demo.Soup, Batch: "B7", Serial: serial}.Symbol()) != nil {
			continue // the station is away
		}
		acknowledged[serial] = demo.Until(t.Context(), "the scan is recorded, or the station is away", func() bool {
			return f.partKnown(t.Context(), b, serial) || !b.Powered()
		}) == nil && b.Powered()
	}
}

// partKnown reports whether a part's trace was recorded: it waits, or was delivered.
func (f *fleet) partKnown(ctx context.Context, b *demo.Simulation, serial string) bool {
	c, err := b.Control().Contents(ctx, station.NoLimit())
	return err == nil && slices.ContainsFunc(c.Entries, func(e station.EntryStatus) bool { return e.With["serial"] == serial }) ||
		slices.ContainsFunc(f.plant().Traces(), func(tr plant.Trace) bool { return tr.Serial == serial })
}

// judge waits until nothing waits, and compares what was acknowledged with what the plant saw. It
// returns how much is held.
func (f *fleet) judge(t *testing.T, acknowledged []map[string]bool) int {
	t.Helper()
	held := make(map[string]bool)
	for _, b := range f.stations {
		must(t, b.WaitDelivered(t.Context()))
		c, err := b.Contents(t.Context())
		must(t, err)
		for _, e := range c.Entries {
			t.Logf("held: %s: %s", e.With["serial"], e.Reason)
			held[e.With["serial"]] = true
		}
	}
	seen := make(map[string]int)
	last := make(map[byte]string) // of each station
	for _, tr := range f.plant().Traces() {
		if seen[tr.Serial]++; seen[tr.Serial] == 2 {
			t.Errorf("serial %s took effect twice", tr.Serial)
		}
		if tr.Serial < last[tr.Serial[0]] {
			t.Errorf("serial %s took effect after %s, and was scanned before it", tr.Serial, last[tr.Serial[0]])
		}
		last[tr.Serial[0]] = tr.Serial
	}
	known := 0
	for _, of := range acknowledged {
		for serial, yes := range of {
			if !yes {
				continue
			}
			if known++; seen[serial] == 0 && !held[serial] {
				t.Errorf("serial %s was acknowledged and is lost", serial)
			}
		}
	}
	t.Logf("%d scans were acknowledged, %d are at the plant, %d are held", known, len(seen), len(held))
	if known < 50 {
		t.Errorf("only %d scans were acknowledged: too few to prove anything", known)
	}
	return len(held)
}

// A moment is when something is struck while a part is traced.
type moment struct {
	method string // of the request
	lost   bool   // the request never arrives
	early  bool   // it is struck before the effect
	first  string // a request of that method comes before, whose answer is lost; "": none
}

// A striker strikes once at a moment, on the way to a plant.
type striker struct {
	moment
	plant *plant.Plant

	mu     sync.Mutex // guards what follows
	strike func()     // nil: nothing is struck
	came   bool       // what comes before, since it was armed
}

// arm has the next request of the moment strike.
func (f *striker) arm(strike func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.strike, f.came = strike, false
}

// take is the strike where this is the request of the moment, and whether it is the one that comes
// before.
func (f *striker) take(r *http.Request) (strike func(), first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.strike == nil:
		return nil, false
	case f.first != "" && !f.came:
		f.came = r.Method == f.first
		return nil, f.came
	case r.Method != f.method:
		return nil, false
	}
	strike = f.strike
	f.strike = nil
	return strike, false
}

func (f *striker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	strike, first := f.take(r)
	if strike != nil && (f.early || f.lost) {
		strike()
		strike = nil
		if f.lost {
			panic(http.ErrAbortHandler)
		}
	}
	answer := httptest.NewRecorder()
	f.plant.Handler().ServeHTTP(answer, r)
	if first {
		panic(http.ErrAbortHandler)
	}
	if strike != nil {
		strike()
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // whoever asked may be gone
}

// At each moment of a trace each part of the plant is struck: the part is traced once, or
// held, and never lost.
func TestAPartIsTracedOnceWhateverIsStruckAtWhichMoment(t *testing.T) {
	t.Parallel()
	for sentence, at := range map[string]moment{
		"while it is looked at":                        {method: http.MethodGet},
		"when it is sent, and it never arrives":        {method: http.MethodPut, lost: true},
		"when it is sent, and it arrives all the same": {method: http.MethodPut, early: true},
		"after the effect and before the answer":       {method: http.MethodPut},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			on := &striker{moment: at}
			f := newFleet(t, fleetSetting{stations: 1, front: func(p *plant.Plant) http.Handler { on.plant = p; return on }})
			b := f.stations[0]
			must(t, b.Power(t.Context(), true))
			scanAndWait(t, b, "PO4711")
			struck := make(chan func(), 1) // what is done after the strike
			victims := f.victims(t)
			for n, victim := range slices.Sorted(maps.Keys(victims)) {
				on.arm(func() {
					after := victims[victim]()
					struck <- after
				})
				serial := fmt.Sprintf("V%04d", n)
				must(t, b.Scan(demo.Part{Article: demo.Soup, Batch: "B7", Serial: serial}.Symbol()))
				select {
				case after := <-struck:
					after()
				case <-time.After(2 * demo.WaitLimit):
					t.Fatalf("%s: nothing reached the plant", victim)
				}
				must(t, b.WaitDelivered(t.Context()))
				c, err := b.Contents(t.Context())
				must(t, err)
				traced := 0
				for _, tr := range f.plant().Traces() {
					if tr.Serial == serial {
						traced++
					}
				}
				held := slices.ContainsFunc(c.Entries, func(e station.EntryStatus) bool { return e.With["serial"] == serial })
				if traced > 1 || traced == 0 && !held {
					t.Errorf("%s %s: it is traced %d times, held: %v", victim, sentence, traced, held)
				}
				if held {
					t.Errorf("%s %s: it is held: %s", victim, sentence, c.Entries[0].Reason)
				}
			}
		})
	}
}

// victims are what may be struck; each returns what is done afterwards.
func (f *fleet) victims(t *testing.T) map[string]func() (after func()) {
	relays := func(strike func(*childProcess) func()) func() func() {
		return func() func() {
			var after []func()
			for _, r := range f.relays { // which of them leads nobody asks
				after = append(after, strike(r))
			}
			return func() {
				for _, do := range after {
					do()
				}
			}
		}
	}
	return map[string]func() func(){
		"the relays are killed": relays(func(r *childProcess) func() {
			_ = r.end(syscall.SIGKILL) // the error says that it was killed
			return r.start
		}),
		"the relays are stopped longer than their lease": relays(func(r *childProcess) func() {
			r.signal(syscall.SIGSTOP)
			return func() {
				<-time.After(3 * time.Second)
				r.signal(syscall.SIGCONT)
			}
		}),
		"the relays are stopped in order": relays(func(r *childProcess) func() {
			r.signal(syscall.SIGTERM)
			return func() { _ = r.wait(); r.start() }
		}),
		"the engine is killed": func() func() {
			f.engine.Kill()
			return f.engine.Start
		},
		"the engine's disk is wiped": func() func() {
			f.engine.Kill()
			f.engine.Wipe()
			return f.engine.Start
		},
		"the station is killed": func() func() {
			must(t, f.stations[0].Kill())
			return func() { must(t, f.stations[0].Power(t.Context(), true)) }
		},
	}
}
