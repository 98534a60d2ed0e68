package matrix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stationd/internal/api"
	"stationd/internal/plant"
	"stationd/internal/relay"
)

// standstill is how long nothing passes: longer than the lease, so that another leads
// before it goes on, and longer than patience.
const standstill = relay.Patience + 2*leaseTime

// A process is a station or a relay as the others see it: by its connections. Whoever ends
// them has killed it.
type process struct {
	engine relay.Engine

	mu    sync.Mutex // guards what follows
	conns []net.Conn
	off   bool
	still chan struct{} // closed when its connections go on; nil: they do

	// passes is shown what goes to the engine, and comes from there, before it passes.
	passes func(out bool, text []byte)
}

// table is the engine as this process reaches it.
func (p *process) table() relay.Engine {
	table := p.engine
	table.Dial = func(network, address string) (net.Conn, error) {
		return p.connect(true, func() (net.Conn, error) { return p.engine.Dial(network, address) })
	}
	return table
}

// through is a way to a vendor as this process has it.
func (p *process) through(dial api.Dial) api.Dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return p.connect(false, func() (net.Conn, error) { return dial(ctx, network, address) })
	}
}

func (p *process) connect(toEngine bool, dial func() (net.Conn, error)) (net.Conn, error) {
	if still := p.stands(); still != nil {
		<-still
	}
	conn, err := dial()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.off {
		return nil, errors.Join(errors.New("it was killed"), conn.Close())
	}
	p.conns = append(p.conns, conn)
	return &line{Conn: conn, of: p, toEngine: toEngine}, nil
}

// stands is closed when the connections go on; nil while they do.
func (p *process) stands() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.still
}

// on has the process started again.
func (p *process) on() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.off, p.conns = false, nil
}

// cut kills it.
func (p *process) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.off = true
	for _, conn := range p.conns {
		_ = conn.Close()
	}
}

// bend lets nothing through its connections for a while. What is written meanwhile, the
// kernel takes, and sends it afterwards.
func (p *process) bend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	still := make(chan struct{})
	p.still = still
	time.AfterFunc(standstill, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.still = nil
		close(still)
	})
}

// A line is a connection of a process.
type line struct {
	net.Conn
	of       *process
	toEngine bool

	mu   sync.Mutex // guards late
	late []byte     // what is sent when it goes on
}

func (l *line) Write(text []byte) (int, error) {
	l.of.see(l.toEngine, true, text)
	still := l.of.stands()
	l.mu.Lock()
	defer l.mu.Unlock()
	if still == nil && len(l.late) == 0 {
		return l.Conn.Write(text)
	}
	if len(l.late) == 0 {
		go func() {
			<-still
			l.mu.Lock()
			defer l.mu.Unlock()
			_, _ = l.Conn.Write(l.late) // whoever reads may be gone
			l.late = nil
		}()
	}
	l.late = append(l.late, text...)
	return len(text), nil
}

func (l *line) Read(into []byte) (int, error) {
	n, err := l.Conn.Read(into)
	l.of.see(l.toEngine, false, into[:n])
	if still := l.of.stands(); still != nil {
		<-still
	}
	return n, err
}

func (p *process) see(engine, out bool, text []byte) {
	p.mu.Lock()
	passes := p.passes
	p.mu.Unlock()
	if engine && passes != nil {
		passes(out, text)
	}
}

// A strike is done to a part of the plant, once; mend is done afterwards, nil: nothing.
type strike struct {
	name   string
	strike func(*cell)
	mend   func(*cell)
}

func strikes() []strike {
	again := func(c *cell) {
		for _, one := range c.relay.relays {
			one.mu.Lock()
			off := one.off
			one.mu.Unlock()
			if off {
				one.stop()
				one.start(c.t)
			}
		}
	}
	return []strike{
		{"the relay that leads is killed", func(c *cell) { leads, _ := c.relay.leading(); leads.cut() }, again},
		{"the relay that waits is killed", func(c *cell) { _, waits := c.relay.leading(); waits.cut() }, again},
		{"both relays are killed", func(c *cell) {
			for _, one := range c.relay.relays {
				one.cut()
			}
		}, again},
		{"the relay that leads has a bent cable, which is let go later than its lease and patience", func(c *cell) { leads, _ := c.relay.leading(); leads.bend() }, nil},
		{"the relay that leads is stopped in order", func(c *cell) { leads, _ := c.relay.leading(); go leads.stop() }, nil},
		{"the engine is killed, and its disk is lost", func(c *cell) { c.relay.engine.Kill() }, func(c *cell) { c.relay.engine.Start() }},
		{"the station loses its power", (*cell).cutPower, nil},
		{"the station is stopped in order", func(c *cell) { close(c.died) }, nil},
		{"the station has a bent cable, which is let go later than patience", func(c *cell) { c.relay.station.bend() }, nil},
		{"the vendor is away", func(c *cell) { c.network.breaks(refused); c.network.tear() }, func(c *cell) { c.network.breaks(nil) }},
	}
}

// An instant is when something is struck.
type instant struct {
	name string
	arm  func(c *cell, strike func())
}

func instants() []instant {
	const deliver = `"do":"deliver"`
	at := func(p *process, out bool, of string, strike func()) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.passes = func(o bool, text []byte) {
			if o == out && bytes.Contains(text, []byte(of)) {
				strike()
			}
		}
	}
	onRequest := func(before bool) func(*cell, func()) {
		return func(c *cell, strike func()) {
			c.fault.strikes = func(_ *cell, _ *http.Request, serve func()) {
				if before {
					strike()
				}
				serve()
				strike()
			}
		}
	}
	return []instant{
		{"before it is published", func(c *cell, strike func()) { at(c.relay.station, true, deliver, strike) }},
		{"in the relay's queue", func(c *cell, strike func()) {
			leads, _ := c.relay.leading()
			at(leads.process, false, deliver, strike)
		}},
		{"between look and mark", func(c *cell, strike func()) {
			at(c.relay.station, false, `"before":"`, strike)
		}},
		{"before the effect", onRequest(true)},
		{"after the effect", onRequest(false)},
		{"when the answer leaves the relay", func(c *cell, strike func()) {
			leads, _ := c.relay.leading()
			at(leads.process, false, deliver, func() { at(leads.process, true, `"outcome":"`, strike) })
		}},
		{"before the settle", func(c *cell, strike func()) {
			c.fault.strikes = func(_ *cell, _ *http.Request, serve func()) {
				c.strikeOnce(plant.Fault{Kind: plant.Lost})
				serve()
			}
			at(c.relay.station, true, `"doubtful":true`, strike)
		}},
	}
}

// TestRelayKills strikes each part of a plant with a relay at each moment of each verb: it is
// done once or held, never twice, and never lost.
func TestRelayKills(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("that each action ends once or held, whatever is killed on the way by a relay, was NOT proved: it takes its time")
	}
	ends := make(map[[2]string]map[string][]string) // strike and instant, end, verbs
	tried, left, missed := 0, 0, 0
	t.Run("by a relay", func(t *testing.T) {
		for _, s := range killed() {
			for _, k := range strikes() {
				for _, at := range instants() {
					if !relayWhole() && !killInEveryRun(s, k, at) {
						left++
						continue
					}
					tried++
					t.Run(s.String()+"/"+k.name+"/"+at.name, func(t *testing.T) {
						var first sync.Once
						did := false
						strikes := func(strike func()) { first.Do(strike) }
						f := fault{name: k.name + ", " + at.name, kind: toRequest, arms: func(c *cell) {
							at.arm(c, func() { strikes(func() { did = true; k.strike(c) }) })
						}, mends: func(c *cell) {
							strikes(func() {}) // now it is too late
							if did && k.mend != nil {
								k.mend(c)
							}
						}}
						e, _ := run(t, s, f, variant{byRelay: true, relays: 2})
						if !did {
							missed++
							return
						}
						cell := [2]string{k.name, at.name}
						if ends[cell] == nil {
							ends[cell] = make(map[string][]string)
						}
						ends[cell][e.String()] = append(ends[cell][e.String()], s.String()+": "+e.reason)
					})
				}
			}
		}
	})
	for _, cell := range slices.SortedFunc(maps.Keys(ends), func(a, b [2]string) int { return strings.Compare(a[0]+a[1], b[0]+b[1]) }) {
		for e, of := range ends[cell] {
			if e != once {
				t.Logf("%s, %s: %s: %q", cell[0], cell[1], e, of)
			}
		}
	}
	t.Logf("%d combinations of a verb, a kill and a moment, %d of which the verb has no such moment", tried, missed)
	if left > 0 {
		t.Logf("NOT tried: %d combinations of a verb, a kill and a moment; make relay-kill tries all", left)
	}
}

// killed are the samples that are struck: each verb of both vendors once, a late merge, and a
// call that is made once.
func killed() (all []sample) {
	seen := make(map[string]bool)
	for _, s := range samples() {
		if s.exclusive || s.blind() || s.reads || seen[s.verb] && s.outage == 0 && s.with["once"] == "" {
			continue
		}
		seen[s.verb] = true
		all = append(all, s)
	}
	return all
}

// killInEveryRun reports whether a combination is tried in every run of the tests: some of
// all, always the same.
func killInEveryRun(s sample, k strike, at instant) bool {
	const oneIn = 60
	h := fnv.New32a()
	fmt.Fprint(h, s, k.name, at.name)
	return h.Sum32()%oneIn == 0 || os.Getenv("STATIOND_RELAY") == s.verb
}

// TestTheWayIsChanged turns a station from its own way to the relay's, and back, while what it
// has sent is marked or in doubt.
func TestTheWayIsChanged(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("that each action ends once or held when a station is turned to a relay, or back, was NOT proved: it takes its time")
	}
	tried, left := 0, 0
	for _, s := range killed() {
		for _, toRelay := range []bool{true, false} {
			for _, after := range []bool{true, false} {
				for _, marked := range []bool{true, false} {
					name := fmt.Sprintf("to the relay %v, after the effect %v, marked %v", toRelay, after, marked)
					h := fnv.New32a()
					fmt.Fprint(h, s, name)
					if !relayWhole() && h.Sum32()%16 != 0 {
						left++
						continue
					}
					tried++
					t.Run(s.String()+"/"+name, func(t *testing.T) { changeWay(t, s, toRelay, after, marked) })
				}
			}
		}
	}
	t.Logf("%d combinations of a verb and a change of its way", tried)
	if left > 0 {
		t.Logf("NOT tried: %d combinations of a verb and a change of its way; make relay-kill tries all", left)
	}
}

func changeWay(t *testing.T, s sample, toRelay, after, marked bool) {
	f := powerCut(after)
	turn := func(c *cell) { c.relay.straight, c.backend = !toRelay, nil }
	f.arms = func(c *cell) {
		c.relay.straight = toRelay
		c.backend = c.connect()
		if marked {
			return
		}
		kind := plant.Down
		if after {
			kind = plant.Lost
		}
		c.fault.strikes = func(c *cell, _ *http.Request, serve func()) {
			c.strikeOnce(plant.Fault{Kind: kind})
			serve()
		}
	}
	f.mends = turn
	e, _ := run(t, s, f, variant{byRelay: true, relays: 1})
	if e.word != once && e.word != isHeld {
		t.Errorf("it ends %s: %s", e, e.reason)
	}
}
