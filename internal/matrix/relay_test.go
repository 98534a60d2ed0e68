package matrix

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server/ats"

	"stationd/internal/api"
	"stationd/internal/api/l2l"
	"stationd/internal/api/lagerkoll"
	"stationd/internal/relay"
	"stationd/internal/relay/relaytest"
	"stationd/internal/station"
)

// relayEnds keeps what ends otherwise where a station asks the relay of its plant.
const relayEnds = "testdata/relay.txt"

// leaseTime is how long a relay leads without a word from the engine.
const leaseTime = 6 * time.Second

// relayWhole reports whether every combination is to be tried by a relay.
func relayWhole() bool { return os.Getenv("STATIOND_RELAY") == "whole" }

// A relayed is the way of a station by an engine and relays, in memory.
type relayed struct {
	engine   *relaytest.Engine
	station  *process
	relays   []*oneRelay
	link     *relay.Link
	straight bool // the station asks the vendor itself for now
}

// A oneRelay is a relay with all that it is connected to.
type oneRelay struct {
	*process
	name   string
	vendor *relaytest.Slot
	relay  *relay.Relay
	stop   func()

	stopped chan struct{} // closed when it was stopped in order; nil: nobody stopped it
}

func newRelayed(t *testing.T, relays int) *relayed {
	t.Helper()
	r := &relayed{engine: relaytest.StartEngineInMemory(t, leaseTime)}
	r.station = &process{engine: r.engine.Table()}
	for i := range max(relays, 1) {
		one := &oneRelay{process: &process{engine: r.engine.Table()}, name: fmt.Sprint("dmz-", i+1), vendor: &relaytest.Slot{}}
		r.relays = append(r.relays, one)
		one.start(t)
		if i == 0 {
			r.await(t) // the first leads
		}
	}
	return r
}

// start starts the relay.
func (o *oneRelay) start(t *testing.T) {
	t.Helper()
	o.on()
	s := relay.Setting{Name: o.name, Engine: o.table(), Lease: leaseTime, Replicas: 1, Log: slog.New(slog.DiscardHandler)}
	for _, name := range []string{"l2l", "lagerkoll"} {
		s.Vendors = append(s.Vendors, relay.Vendor{Name: name, Backend: o.vendor, Settle: api.SettleByRelay(false)})
	}
	o.relay, o.stop = relaytest.Run(t, s)
}

// stopInOrder stops the relay, and waits for nothing.
func (o *oneRelay) stopInOrder() {
	stop, stopped := o.stop, make(chan struct{})
	o.stopped = stopped
	go func() {
		defer close(stopped)
		stop()
	}()
}

// await waits until a relay leads.
func (r *relayed) await(t *testing.T) {
	t.Helper()
	l := relaytest.Dial(t, r.engine, "listener")
	relaytest.Await(t, l)
	l.Close()
}

// leading is the relay that leads; the first where none does.
func (r *relayed) leading() (leads, other *oneRelay) {
	for i, one := range r.relays {
		if one.relay.Leads() {
			return one, r.relays[len(r.relays)-1-i]
		}
	}
	return r.relays[0], r.relays[len(r.relays)-1]
}

// connect starts the station's end anew, and has the relays speak to the vendor as it is now.
func (r *relayed) connect(c *cell) station.Backend {
	c.t.Helper()
	if r.straight {
		return c.connectBy(c.network.Dial)
	}
	for _, one := range r.relays {
		one.vendor.Set(c.connectBy(one.through(c.network.Dial)))
	}
	if r.link != nil {
		r.link.Close()
	}
	r.station.on()
	var b station.Backend
	r.link, b = c.link("pack4-1", r.station)
	c.partner.connect()
	return b
}

// link is a station's way to the relay, and its backend there.
func (c *cell) link(name string, p *process) (*relay.Link, station.Backend) {
	c.t.Helper()
	l, err := relay.Dial(relay.LinkSetting{Station: name, Engine: p.table(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(l.Close)
	relaytest.Await(c.t, l)
	verbs := map[string][]station.Verb{"l2l": l2l.Verbs(), "lagerkoll": lagerkoll.Verbs()}
	return l, l.Backend(relay.BackendSetting{Name: c.sample.backend, Verbs: verbs[c.sample.backend], Settle: api.SettleByRelay(false)})
}

// engines is held while one runs: the timers that the client of NATS keeps for its next request
// are those of the whole process, and a bubble must not find another's.
var engines sync.Mutex // guards what is global in the client of NATS

// alone waits until no other engine runs, and empties the pools.
func alone(t testing.TB) {
	engines.Lock()
	t.Cleanup(engines.Unlock)
	ats.Register() // the engine's own clock, which is no bubble's
	t.Cleanup(ats.Unregister)
	runtime.GC()
	runtime.GC()
}

// tryByRelay tries the verbs of both vendors under the faults again, where the station asks a
// relay: every verb under some faults, or all of it. Each must end as it does without one, or
// as testdata/relay.txt has it.
func tryByRelay(t *testing.T, standing *results) *results {
	t.Helper()
	before, tried := readEnds(t, relayEnds), &results{}
	at := variant{byRelay: true}
	left := 0
	t.Run(at.name(), func(t *testing.T) {
		for _, s := range samples() {
			if s.exclusive || s.blind() {
				continue // they are not for a relay
			}
			for _, f := range faults() {
				switch {
				case !s.meets(f):
					continue
				case !relayWhole() && !inEveryRun(s, f):
					left++
					continue
				}
				t.Run(s.String()+"/"+f.name, func(t *testing.T) {
					e, _ := run(t, s, f, at)
					tried.add(s, f, e, nil)
					was, _ := standing.of(s, f)
					if want := cmp.Or(before[at.name()][combination{s.String(), f.name}], was.otherwise()); e.otherwise() != want && !*update {
						t.Errorf("it ends %s (%s), and without a relay, or in %s, %s (make relay-matrix UPDATE=-update tries all and writes it)", e.otherwise(), e.reason, relayEnds, want)
					}
				})
			}
		}
	})
	t.Logf("%d combinations by a relay", len(tried.end))
	if left > 0 {
		t.Logf("NOT tried: %d combinations of a verb and a fault by a relay; make relay-matrix tries all", left)
	}
	return tried
}

// inEveryRun reports whether a combination is tried by a relay in every run of the tests: of
// each verb the lost answer, and another that goes round.
func inEveryRun(s sample, f fault) bool {
	all := samples()
	first := slices.IndexFunc(all, func(o sample) bool { return o.verb == s.verb })
	if all[first].String() != s.String() {
		return false
	}
	return f.name == "the answer is lost after the effect" || faults()[first*7%len(faults())].name == f.name
}

// ofRelay says what is otherwise by a relay.
func ofRelay(b *strings.Builder, otherwise map[string]map[combination]string) {
	b.WriteString("\n## By the relay of a plant\n\n" + relayHead)
	at := variant{byRelay: true}
	if len(otherwise[at.name()]) == 0 {
		b.WriteString("* nothing\n")
	}
	for _, s := range samples() {
		by := make(map[string][]string)
		for _, f := range faults() {
			if e := otherwise[at.name()][combination{s.String(), f.name}]; e != "" {
				by[e] = append(by[e], f.name)
			}
		}
		for _, e := range slices.Sorted(maps.Keys(by)) {
			fmt.Fprintf(b, "* %s: **%s** (%s)\n", s.titled(), e, numbers(by[e]))
		}
	}
}

const relayHead = "All of the above was tried again where the station asks the relay of its plant ([relay.md](relay.md)): with a real engine,\n" +
	"and a settle time of 2m6s. A station that sends to its plant's own address, and `exclusive`, are not for a relay. Where it\n" +
	"ends otherwise than without a relay stands here, with the numbers of the faults. Each link of a plant was cut, silent in one\n" +
	"direction or in both for longer than a relay may begin what it was asked, or given another address, between computers in network\n" +
	"namespaces: each trace and each call was done once, and none was held.\n\n"
