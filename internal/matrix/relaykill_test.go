package matrix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"os"
	"strconv"
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

	// still is closed when its connections go on, and engineStill when those to the engine do;
	// nil: they do.
	still, engineStill chan struct{}

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
	if still := p.stands(toEngine); still != nil {
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

// stands is closed when a connection goes on; nil while it does.
func (p *process) stands(toEngine bool) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.still == nil && toEngine {
		return p.engineStill
	}
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
func (p *process) bend() { p.stand(&p.still) }

func (p *process) stand(which *chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	still := make(chan struct{})
	*which = still
	time.AfterFunc(standstill, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		*which = nil
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
	still := l.of.stands(l.toEngine)
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
	if still := l.of.stands(l.toEngine); still != nil {
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
	stopped := func(c *cell) {
		for _, one := range c.relay.relays {
			<-one.stopped
			one.start(c.t)
		}
	}
	each := func(do func(*oneRelay)) func(*cell) {
		return func(c *cell) {
			for _, one := range c.relay.relays {
				do(one)
			}
		}
	}
	return []strike{
		{"the station loses its power", (*cell).cutPower, nil},
		{"the station has a bent cable, which is let go later than patience", func(c *cell) { c.relay.station.bend() }, nil},
		{"the station is stopped in order", func(c *cell) { close(c.died) }, nil},
		{"the relay that leads is killed", func(c *cell) { leads, _ := c.relay.leading(); leads.cut() }, again},
		{"the relay that leads has a bent cable, which is let go later than its lease and patience", func(c *cell) { leads, _ := c.relay.leading(); leads.bend() }, nil},
		{"the relay that leads is stopped in order", func(c *cell) { leads, _ := c.relay.leading(); leads.stopInOrder() }, nil},
		{"the relay that waits is killed", func(c *cell) { _, waits := c.relay.leading(); waits.cut() }, again},
		{"the relay that waits has a bent cable, which is let go later than its lease and patience", func(c *cell) { _, waits := c.relay.leading(); waits.bend() }, nil},
		{"the relay that waits is stopped in order", func(c *cell) { _, waits := c.relay.leading(); waits.stopInOrder() }, nil},
		{"both relays are killed", each(func(one *oneRelay) { one.cut() }), again},
		{"both relays have bent cables, which are let go later than lease and patience", each(func(one *oneRelay) { one.bend() }), nil},
		{"both relays are stopped in order", each(func(one *oneRelay) { one.stopInOrder() }), stopped},
		{"the engine is killed, and its disk is lost", func(c *cell) { c.relay.engine.Kill() }, func(c *cell) { c.relay.engine.Start() }},
		{"the engine stands still longer than lease and patience", engineStands, nil},
		{"the vendor is away", func(c *cell) { c.network.breaks(refused); c.network.tear() }, func(c *cell) { c.network.breaks(nil) }},
		{"the vendor stands still longer than patience", vendorStands, nil},
		{"the vendor is stopped in order", func(c *cell) { c.network.breaks(refused); c.network.closeIdle() }, func(c *cell) { c.network.breaks(nil) }},
		{"everything loses its power", everythingLosesPower, func(c *cell) {
			c.relay.engine.Start()
			if c.partner != nil {
				c.partner.process.on()
			}
			again(c)
		}},
	}
}

// engineStands lets nothing pass between the engine and anybody for a while.
func engineStands(c *cell) {
	all := []*process{c.relay.station}
	for _, one := range c.relay.relays {
		all = append(all, one.process)
	}
	if c.partner != nil {
		all = append(all, c.partner.process)
	}
	for _, p := range all {
		p.stand(&p.engineStill)
	}
}

// vendorStands has the vendor do nothing for a while. What it is sent meanwhile it does then, though
// nobody may wait for the answer any more.
func vendorStands(c *cell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	still := make(chan struct{})
	c.still = still
	time.AfterFunc(standstill, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.still = nil
		close(still)
	})
}

func everythingLosesPower(c *cell) {
	for _, one := range c.relay.relays {
		one.cut()
	}
	if c.partner != nil {
		c.partner.process.cut()
	}
	c.cutPower()
	c.relay.engine.Kill()
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
// done once or held, never twice, and never lost. So it is where another station does the same in the
// lane.
func TestRelayKills(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("that each action ends once or held, whatever is killed on the way by a relay, was NOT proved: it takes its time")
	}
	counted := make(map[kill]*killCount)
	left := 0
	t.Run("by a relay", func(t *testing.T) {
		for _, s := range killed() {
			for _, at := range kills() {
				if counted[at.kill] == nil {
					counted[at.kill] = &killCount{}
				}
				if !s.meetsKill(at.kill) {
					continue
				}
				if !relayWhole() && !killInEveryRun(s, at.kill) {
					left++
					continue
				}
				t.Run(s.String()+"/"+at.String(), func(t *testing.T) { at.try(t, s, counted[at.kill]) })
			}
		}
	})
	tried := killCount{}
	for _, n := range counted {
		tried = tried.plus(*n)
	}
	t.Logf("%d combinations of a verb, a kill and a moment, %d of which the verb has no such moment; actions: %d once, %d held, %d taken for done by another's or left to it", tried.tried, tried.missed, tried.once, tried.held, tried.taken)
	if left > 0 {
		t.Logf("NOT tried: %d combinations of a verb, a kill and a moment; make relay-kill tries all", left)
	}
	if *update && !t.Failed() && (relayWhole() || os.Getenv("STATIOND_ONE_IN") != "") {
		writeKills(t, counted)
	}
}

// A kill is a cell of the kill matrix.
type kill struct {
	partner string // when a second station acts in the lane; "": there is none
	strike  string
	instant string
}

func (k kill) String() string {
	with := "one station"
	if k.partner != "" {
		with = "two stations, the second " + k.partner
	}
	return with + "/" + k.strike + "/" + k.instant
}

// A killCount is with how many verbs a kill was tried, and how the actions ended. With some verbs, which
// missed, nothing was struck.
type killCount struct{ tried, once, held, taken, missed int }

func (n killCount) plus(m killCount) killCount {
	return killCount{n.tried + m.tried, n.once + m.once, n.held + m.held, n.taken + m.taken, n.missed + m.missed}
}

// A struckKill is a kill with what is done, and when.
type struckKill struct {
	kill
	strike strike
	at     instant
}

// meetsKill reports whether the kill can happen to the sample: what calls in an outage calls before
// anything is struck.
func (s sample) meetsKill(k kill) bool { return s.outage == 0 || k.partner != whenStruck }

// kills are all cells of the matrix.
func kills() (all []struckKill) {
	for _, partner := range []string{"", atOnce, whenStruck} {
		for _, k := range strikes() {
			for _, at := range instants() {
				all = append(all, struckKill{kill{partner, k.name, at.name}, k, at})
			}
		}
	}
	return all
}

// try strikes a verb, and counts how it ends.
func (k struckKill) try(t *testing.T, s sample, n *killCount) {
	t.Helper()
	var first sync.Once
	did := false
	strikes := func(strike func()) { first.Do(strike) }
	f := fault{name: k.String(), kind: toRequest, arms: func(c *cell) {
		k.at.arm(c, func() {
			strikes(func() {
				did = true
				k.strike.strike(c)
				c.partner.struck()
			})
		})
	}, mends: func(c *cell) {
		strikes(func() {}) // now it is too late
		if did && k.strike.mend != nil {
			k.strike.mend(c)
		}
	}}
	ends, _ := runAll(t, s, f, variant{byRelay: true, relays: 2, partner: k.partner})
	n.tried++
	if !did {
		n.missed++
		return
	}
	for _, e := range ends {
		switch e.word {
		case once:
			n.once++
		case isHeld:
			n.held++
			t.Logf("held: %s: %s", e, e.reason)
		default:
			n.taken++
		}
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
// all, always the same. STATIOND_ONE_IN says of how many one is.
func killInEveryRun(s sample, k kill) bool {
	oneIn := uint32(400)
	if n, err := strconv.Atoi(os.Getenv("STATIOND_ONE_IN")); err == nil && n > 0 {
		oneIn = uint32(n) //nolint:gosec // it is above 0
	}
	h := fnv.New32a()
	fmt.Fprint(h, s, k)
	return h.Sum32()%oneIn == 0
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
