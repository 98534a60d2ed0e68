package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/queue"
	"stationd/internal/station"
)

const (
	usualStorms = 5
	stormSeed   = 20260302

	// A storm lasts for stormTime, and longer where a busy machine has not done enough
	// by then, up to longestStorm.
	stormTime    = 5 * time.Second
	longestStorm = 90 * time.Second
	leastDone    = 45 // confirmed presses and scans
	leastKills   = 4

	// stormSettle, the settle time of both vendors, is far above mostLate, the longest that
	// the plant or the proxy in front of it holds an effect back.
	mostLate    = 2 * time.Second
	stormSettle = 4 * time.Second
)

// stormNumbers are how many storms are asked for, and the seed of the first: each of
// the others has the next number.
func stormNumbers(t *testing.T) (storms int, seed uint64) {
	t.Helper()
	storms, seed = usualStorms, stormSeed
	if text := os.Getenv("STATIOND_STORMS"); text != "" {
		n, err := strconv.Atoi(text)
		must(t, err)
		storms = n
	}
	if text := os.Getenv("STATIOND_STORM_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		must(t, err)
		seed = n
	}
	return storms, seed
}

// TestStorms lets everything go wrong at once, at random: the station is killed, its
// network is pulled, packets vanish, answers are lost, late and strange, and keys are
// refused, while operators press and scan. Then it is calm, and what was confirmed to
// the operators is compared with what the plant holds, one thing at a time.
func TestStorms(t *testing.T) {
	t.Parallel()
	storms, seed := stormNumbers(t)
	for i := range storms {
		seed := seed + uint64(i) //nolint:gosec // a few storms
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			t.Logf("again by: STATIOND_STORMS=1 STATIOND_STORM_SEED=%d go test -count=1 -v -run '^TestStorms$' ./cmd/stationd", seed)
			s := openStorm(t, seed)
			s.run()
			s.endFaults()
			s.compare("when it is calm")
			s.retryHeld()
			s.compare("when a person has retried what was held")
			s.report()
		})
	}
}

// A storm is a floor at work, and what was confirmed to it.
type storm struct {
	t        *testing.T
	b        *demo.Simulation
	front    *front
	seed     uint64
	products []string
	began    time.Time
	over     context.Context //nolint:containedctx // the goroutines of a storm end with it

	cable sync.Mutex // held while it is pulled

	mu       sync.Mutex // guards what follows
	up       bool       // the station takes presses and scans
	process  int        // counts the processes
	scans    []*scanDone
	calls    map[station.ID]*callDone // by the entry that opens it
	pushes   map[string][]time.Time   // by button: when a push began
	held     map[station.ID]string    // whatever was ever held, and why
	happened map[string]int
}

// A scanDone is one label that was scanned once.
type scanDone struct {
	lane, what       string // a trace of an order, or a changeover of a line
	began, confirmed time.Time
	sure             bool // the station said that it is recorded
}

// A callDone is one call that the page or the command line showed as open.
type callDone struct {
	entry, closing   station.ID
	kind             string
	since, confirmed time.Time // it was pressed between these
	closed           time.Time // its close was confirmed
	closeSince       time.Time
}

func openStorm(t *testing.T, seed uint64) *storm {
	t.Helper()
	s := &storm{t: t, seed: seed, calls: make(map[station.ID]*callDone), pushes: make(map[string][]time.Time),
		held: make(map[station.ID]string), happened: make(map[string]int)}
	for n := range 40 {
		s.products = append(s.products, fmt.Sprintf("Q%02d", n+1))
	}
	s.b = newStation(t, func(set *demo.Config) {
		set.Settle, set.Watch = stormSettle, time.Second
		set.Plant.Products = append(set.Plant.Products, s.products...)
		for n, product := range s.products {
			set.Plant.Lines[0].Queue = append(set.Plant.Lines[0].Queue, plant.QueuedOrder{Product: product, ExternalID: fmt.Sprintf("PO-Q-%d", n+1)})
		}
		for id := range int64(3) {
			set.Plant.Orders = append(set.Plant.Orders, plant.Order{ID: 5001 + id, State: plant.StateDeveloping,
				Articles: []plant.OrderArticle{{Article: demo.Soup, Amount: 1_000_000}}})
		}
	})
	address := s.b.Plant.Addr()
	s.front = newFront(t, address)
	for range 2 { // one for each vendor
		editConfig(t, s.b, address, s.front.listener.Addr().String())
	}
	editConfig(t, s.b, "pin  = 17\n", "pin  = 17\nlatch = true\n")
	editConfig(t, s.b, "[[on]]\nevent = \"maintenance.hold\"\ndo    = [{ l2l = \"dispatch.close\" }]\n", "")
	must(t, s.b.Power(t.Context(), true))
	s.up = true
	return s
}

// run runs the storm until it is over.
func (s *storm) run() {
	ctx, end := context.WithCancel(s.t.Context())
	defer end()
	s.over, s.began = ctx, time.Now()
	var parts sync.WaitGroup
	for i, part := range []func(*rand.Rand){
		s.power, s.network, s.delayVendor, s.vendors, s.person, s.scanner,
		func(r *rand.Rand) { s.caller("maintenance", demo.PinMaintenance, r) },
		func(r *rand.Rand) { s.caller("material", demo.PinMaterial, r) },
	} {
		random := rand.New(rand.NewPCG(s.seed, uint64(i))) //nolint:gosec // the number of a part
		parts.Go(func() { part(random) })
	}
	for !s.enough() {
		<-time.After(50 * time.Millisecond)
	}
	end()
	parts.Wait()
}

func (s *storm) enough() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := len(s.calls)
	for _, scan := range s.scans {
		if scan.sure {
			done++
		}
	}
	blown := time.Since(s.began)
	return s.t.Failed() || blown >= longestStorm || blown >= stormTime && done >= leastDone && s.happened["kills"] >= leastKills
}

// pause waits for a while and reports whether the storm is not over then.
func (s *storm) pause(wait time.Duration) bool {
	select {
	case <-s.over.Done():
		return false
	case <-time.After(wait):
		return true
	}
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

func (s *storm) count(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.happened[what]++
}

// power kills the station, stops it and starts it again.
func (s *storm) power(r *rand.Rand) {
	for s.pause(between(r, 200*time.Millisecond, 2500*time.Millisecond)) {
		s.off(func() error {
			s.count("kills")
			return s.b.Kill()
		})
		<-time.After(between(r, 0, 300*time.Millisecond))
		s.on()
	}
}

// off ends the process. What is held then is read from the disk: nobody else would
// tell of something that was held in that moment.
func (s *storm) off(end func() error) {
	s.mu.Lock()
	s.up = false
	s.process++
	s.mu.Unlock()
	if err := end(); err != nil {
		s.t.Error(err)
	}
	c, err := queue.ReadContents(s.b.OutboxPath(), station.NoLimit())
	if err != nil {
		s.t.Error(err)
	}
	s.note(c)
}

func (s *storm) on() {
	if err := s.b.Power(s.t.Context(), true); err != nil {
		s.t.Error(err)
		return
	}
	s.mu.Lock()
	s.up = true
	s.mu.Unlock()
}

// note takes up what is held.
func (s *storm) note(c station.Contents) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range c.Entries {
		if e.Condition == station.Held {
			s.held[e.ID] = e.Reason
		}
	}
}

// network pulls the cable, and lets packets vanish as an access point does that starts
// again.
func (s *storm) network(r *rand.Rand) {
	for s.pause(between(r, 200*time.Millisecond, 1200*time.Millisecond)) {
		lasts := between(r, 50*time.Millisecond, 1200*time.Millisecond)
		if r.IntN(2) == 0 {
			s.outage(lasts)
			continue
		}
		s.count("times packets vanish")
		s.front.deaf(s.t, true)
		<-time.After(lasts)
		s.front.deaf(s.t, false)
	}
}

func (s *storm) outage(lasts time.Duration) {
	s.cable.Lock()
	defer s.cable.Unlock()
	s.count("outages")
	if err := s.b.Cable(false); err != nil {
		s.t.Error(err)
	}
	<-time.After(lasts)
	if err := s.b.Cable(true); err != nil {
		s.t.Error(err)
	}
}

// delayVendor has a vendor be slow, and the network end for a moment while something is under
// way there: it takes effect when nobody waits for the answer any more.
func (s *storm) delayVendor(r *rand.Rand) {
	for s.pause(between(r, 50*time.Millisecond, 300*time.Millisecond)) {
		s.delayOne(r)
	}
}

func (s *storm) delayOne(r *rand.Rand) {
	s.b.Plant.AddFault(plant.Fault{Kind: plant.Late, Where: []string{"POST /api/1.0/dispatches/open/", "PUT *"}[r.IntN(2)], Next: 1, Delay: between(r, mostLate/2, mostLate)})
	seen := len(s.b.Plant.Requests())
	for waited := time.Now(); time.Since(waited) < 2*time.Second && s.pause(5*time.Millisecond); {
		if slices.ContainsFunc(s.b.Plant.Requests()[seen:], func(q plant.Request) bool { return q.Fault == plant.Late }) {
			s.count("late effects")
			s.outage(between(r, 20*time.Millisecond, 200*time.Millisecond))
			return
		}
	}
}

// vendors lets the vendors answer otherwise than they should, or not at all.
func (s *storm) vendors(r *rand.Rand) {
	kinds := []plant.FaultKind{
		plant.Down, plant.Reset, plant.Lost, plant.Lost, plant.Lost, plant.Slow, plant.Late, plant.ErrorBefore, plant.ErrorAfter, plant.BadGateway,
		plant.TooMany, plant.Refusal, plant.Truncated, plant.HTML, plant.Redirect, plant.Forbidden, plant.TooLarge, plant.Warned, plant.ByteOrder,
	}
	for s.pause(between(r, 20*time.Millisecond, 400*time.Millisecond)) {
		if r.IntN(8) == 0 {
			s.wrongKey(r)
			continue
		}
		if r.IntN(8) == 0 { // and what it came to is not shown
			s.count("lost answers and looks")
			s.b.Plant.AddFault(plant.Fault{Kind: plant.Lost, Where: []string{"POST *", "PUT *"}[r.IntN(2)], Next: 1})
			s.b.Plant.AddFault(plant.Fault{Kind: plant.Refusal, Where: "GET *", Next: 1 + r.IntN(3), Text: "Not now"})
			continue
		}
		s.count("faults")
		f := plant.Fault{Kind: kinds[r.IntN(len(kinds))], Next: 1 + r.IntN(4), Delay: between(r, 50*time.Millisecond, mostLate)}
		f.Where = []string{"POST *", "PUT *", "POST *", "PUT *", "GET *", ""}[r.IntN(6)]
		if f.Kind == plant.TooMany && r.IntN(2) == 0 {
			f.RetryAfter = time.Second
		}
		s.b.Plant.AddFault(f)
	}
}

// wrongKey has the plant take no key for a while, at one vendor or at both, and say
// that it is wrong or only no. Then the key is right and the configuration reloaded,
// as after somebody has put it right.
func (s *storm) wrongKey(r *rand.Rand) {
	s.count("wrong keys")
	f := plant.Fault{Kind: []plant.FaultKind{plant.Unauthorized, plant.Refusal}[r.IntN(2)], Text: "Not allowed",
		Where: []string{"*/api/1.0/*", "*/v1/*", ""}[r.IntN(3)]}
	s.b.Plant.AddFault(f)
	<-time.After(between(r, 100*time.Millisecond, 1000*time.Millisecond))
	s.b.Plant.ClearFaults()
	c := s.b.Process()
	if s.ready() && c != nil { // before it is ready the signal would end it
		_ = c.Cmd.Process.Signal(syscall.SIGHUP) // it may have ended since
	}
}

// person retries something that is held, from time to time.
func (s *storm) person(r *rand.Rand) {
	for s.pause(between(r, 500*time.Millisecond, 2*time.Second)) {
		if !s.ready() {
			continue
		}
		c, err := s.b.Control().Contents(s.over, station.NoLimit())
		if err != nil {
			continue // it is dark
		}
		s.note(c)
		for _, e := range c.Entries {
			if e.Condition == station.Held && r.IntN(2) == 0 {
				s.count("retries")
				_ = decideOne(s.over, s.b, station.VerbRetry, e.ID) // it is killed, or somebody else was quicker
			}
		}
	}
}

func (s *storm) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.up
}

// scanner scans one label after the other: orders, their parts, and products.
func (s *storm) scanner(r *rand.Rand) {
	products := slices.Clone(s.products)
	order := ""
	for n := 0; s.pause(between(r, 0, 60*time.Millisecond)); n++ {
		switch {
		case order == "" || r.IntN(8) == 0:
			next := fmt.Sprint(5001 + r.IntN(3))
			if next == order {
				continue
			}
			order = ""
			if s.scan("PO"+next, func() bool { return s.inHand("order") == next }).sure {
				order = next
			}
		case len(products) > 0 && r.IntN(6) == 0:
			s.scanOne("PC-"+products[0], "PACK4", products[0])
			products = products[1:]
		default:
			serial := fmt.Sprintf("T%04d", n)
			s.scanOne(demo.Part{Article: demo.Soup, Batch: "B7", Serial: serial}.Symbol(), order, serial)
		}
	}
}

// inHand is what the station says that the operator has in hand.
func (s *storm) inHand(name string) string {
	now, err := s.b.Control().Snapshot(s.t.Context())
	if err != nil {
		return ""
	}
	return now.State.Values[name].Text
}

// scanOne scans a label of which there is one, and keeps what was confirmed of it.
func (s *storm) scanOne(code, lane, what string) {
	done := s.scan(code, func() bool {
		c, err := s.b.Control().Contents(s.t.Context(), station.NoLimit())
		return err == nil && slices.ContainsFunc(c.Entries, func(e station.EntryStatus) bool { return madeBy(e, what) }) || len(s.effectsOf(what)) > 0
	})
	done.lane, done.what = lane, what
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scans = append(s.scans, done)
}

// scan scans a label and waits until it is confirmed that it is recorded, or the
// station has been killed.
func (s *storm) scan(code string, confirmed func() bool) *scanDone {
	process := -1
	for process < 0 {
		s.mu.Lock()
		if s.up {
			process = s.process
		}
		s.mu.Unlock()
		if process < 0 && !s.pause(5*time.Millisecond) {
			return &scanDone{}
		}
	}
	done := &scanDone{began: time.Now()}
	if s.b.Scan(code) != nil {
		return done // it has gone dark, and what the scanner sent is gone with it or not
	}
	err := demo.Until(s.t.Context(), "the scan is recorded, or the station killed", func() bool {
		s.mu.Lock()
		same := s.process == process
		s.mu.Unlock()
		done.sure = confirmed()
		return done.sure || !same
	})
	if err != nil {
		s.t.Errorf("%s: %v", code, err)
	}
	done.confirmed = time.Now()
	return done
}

// caller presses a button that latches, again and again: what opens a call closes it.
func (s *storm) caller(button string, pin int, r *rand.Rand) {
	for s.pause(between(r, 0, 150*time.Millisecond)) {
		before, seen := s.readCalls(button, time.Time{})
		if !seen || !s.ready() {
			continue
		}
		pushed := time.Now()
		s.mu.Lock()
		s.pushes[button] = append(s.pushes[button], pushed)
		s.mu.Unlock()
		s.b.Push(pin, demo.PressTime)
		for waited := time.Now(); time.Since(waited) < 4*time.Second; <-time.After(10 * time.Millisecond) {
			if now, seen := s.readCalls(button, pushed); seen && now != before {
				break
			}
		}
	}
	// What the last push came to may show only after the next start.
}

// readCalls takes up what the station says of the calls of a button, of which there is one
// observer, and returns them in short. pushed is when it was pressed last.
func (s *storm) readCalls(button string, pushed time.Time) (short string, seen bool) {
	now, err := s.b.Control().Snapshot(s.t.Context())
	if err != nil {
		return "", false
	}
	return s.observe(button, now.State, pushed), true
}

func (s *storm) observe(button string, state station.State, pushed time.Time) (short string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	there := make(map[station.ID]bool)
	for _, c := range state.Calls {
		if c.Source != button {
			continue
		}
		there[c.Entry] = true
		known := s.calls[c.Entry]
		if known == nil {
			known = &callDone{entry: c.Entry, kind: button, since: s.firstPush(button), confirmed: now}
			s.calls[c.Entry] = known
		}
		if c.Closing != "" && known.closed.IsZero() {
			known.closing, known.closed, known.closeSince = c.Closing, now, pushed
		}
		short += fmt.Sprint(c.Entry, c.Closing, c.Hold, " ")
	}
	for _, known := range s.calls {
		if known.kind == button && !there[known.entry] && known.closed.IsZero() {
			known.closed, known.closeSince = now, pushed
		}
	}
	return short
}

// firstPush is the first push of a button since its last call was seen: one of those
// since then opened the next. The caller holds mu.
func (s *storm) firstPush(button string) time.Time {
	var last time.Time
	for _, c := range s.calls {
		if c.kind == button && c.confirmed.After(last) {
			last = c.confirmed
		}
	}
	for _, p := range s.pushes[button] {
		if p.After(last) {
			return p
		}
	}
	return last
}

// endFaults ends all faults, and waits until there is nothing left to do.
func (s *storm) endFaults() {
	s.t.Helper()
	s.b.Plant.ClearFaults()
	s.front.deaf(s.t, false)
	must(s.t, s.b.Cable(true))
	s.off(s.b.Kill)
	s.on()
	s.waitSettled()
	for _, button := range []string{"maintenance", "material"} {
		must(s.t, demo.Until(s.t.Context(), "the station tells of its calls", func() bool {
			_, seen := s.readCalls(button, time.Time{})
			return seen
		}))
	}
}

// waitSettled waits until everything has been delivered, or is held, or waits behind what
// is held.
func (s *storm) waitSettled() {
	s.t.Helper()
	last := ""
	for {
		var c station.Contents
		err := demo.Until(s.t.Context(), "something is delivered or held", func() bool {
			var err error
			c, err = s.b.Contents(s.t.Context())
			now := ""
			for _, e := range c.Entries {
				now += fmt.Sprint(e.ID, e.Condition, " ")
			}
			different := now != last || onlyHeld(c)
			last = now
			return err == nil && different
		})
		if err != nil {
			s.t.Fatalf("%v: %+v", err, c.Entries)
		}
		s.note(c)
		if onlyHeld(c) {
			return
		}
	}
}

// onlyHeld reports whether nothing is left that does not wait for a person.
func onlyHeld(c station.Contents) bool {
	for _, e := range c.Entries {
		if !waitsForPerson(e, c.Entries) {
			return false
		}
	}
	return true
}

func waitsForPerson(e station.EntryStatus, all []station.EntryStatus) bool {
	if e.Condition == station.Held {
		return true
	}
	for _, other := range all {
		if other.Lane != e.Lane || other.Seq > e.Seq || other.ID == e.ID {
			continue
		}
		if (other.ID == e.About || e.Barrier && other.Condition == station.Held) && waitsForPerson(other, all) {
			return true
		}
	}
	return false
}

// retryHeld is a person who retries all that is held, in its order, a few times: what
// was held because of the storm goes out.
func (s *storm) retryHeld() {
	s.t.Helper()
	for range 3 {
		c, err := s.b.Contents(s.t.Context())
		must(s.t, err)
		slices.SortFunc(c.Entries, func(a, b station.EntryStatus) int { return int(a.Seq) - int(b.Seq) }) //nolint:gosec // a few hundred
		retried := 0
		for _, e := range c.Entries {
			if e.Condition == station.Held {
				must(s.t, decideOne(s.t.Context(), s.b, station.VerbRetry, e.ID))
				retried++
			}
		}
		if retried == 0 {
			return
		}
		s.waitSettled()
	}
}

// An effect is something that the floor did, and when it took effect at the plant.
type effect struct {
	lane, what       string
	began, confirmed time.Time
	at               time.Time
	held             bool // it was, or what it is about, so that it has no turn
}

// compare holds what was confirmed against what the plant has and what is held.
func (s *storm) compare(when string) {
	s.t.Helper()
	c, err := s.b.Contents(s.t.Context())
	must(s.t, err)
	s.note(c)
	told := s.history()
	s.mu.Lock()
	defer s.mu.Unlock()
	wrong := func(format string, args ...any) {
		s.t.Helper()
		s.t.Errorf("%s: %s", when, fmt.Sprintf(format, args...))
	}
	for _, e := range c.Entries {
		if e.Condition == station.Held && e.Reason == "" {
			wrong("%s %s is held, and nobody says why", e.Verb, e.ID)
		}
	}
	waits := func(is func(station.EntryStatus) bool) bool { return slices.ContainsFunc(c.Entries, is) }

	var effects []effect
	effects = append(effects, s.compareScans(waits, wrong)...)
	effects = append(effects, s.compareCalls(told, waits, wrong)...)
	for i, a := range effects {
		for _, b := range effects[i+1:] {
			first, second := a, b
			if second.confirmed.Before(first.began) {
				first, second = b, a
			}
			if first.lane == second.lane && !first.held && !second.held && first.confirmed.Before(second.began) && first.at.After(second.at) {
				wrong("%s: %s was confirmed before %s was begun, and took effect after it", first.lane, first.what, second.what)
			}
		}
	}
}

// compareScans compares the labels that were scanned. The caller holds mu.
func (s *storm) compareScans(waits func(func(station.EntryStatus) bool) bool, wrong func(string, ...any)) (effects []effect) {
	known := make(map[string]bool)
	for _, done := range s.scans {
		known[done.what] = true
		found := s.effectsOf(done.what)
		here := waits(func(e station.EntryStatus) bool { return madeBy(e, done.what) })
		switch {
		case len(found) > 1:
			wrong("%s was scanned once and took effect %d times", done.what, len(found))
		case len(found) == 1 && found[0].lane != done.lane:
			wrong("%s was scanned for %s and stands at %s", done.what, done.lane, found[0].lane)
		case len(found) == 0 && done.sure && !here:
			wrong("%s was confirmed and is lost", done.what)
		case len(found) == 1 && done.sure:
			found[0].began, found[0].confirmed, found[0].held = done.began, done.confirmed, s.held[station.ID(done.what)] != ""
			effects = append(effects, found[0])
		}
	}
	for _, e := range s.effectsOf("") {
		if !known[e.what] {
			wrong("nobody scanned %s, and it took effect", e.what)
		}
	}
	return effects
}

// effectsOf are the effects of the label of a part or a product; of all, where none is
// named.
func (s *storm) effectsOf(what string) (found []effect) {
	for _, tr := range s.b.Plant.Traces() {
		if what == "" || tr.Serial == what {
			found = append(found, effect{lane: fmt.Sprint(tr.Order), what: tr.Serial, at: tr.At})
		}
	}
	for _, change := range s.b.Plant.Changeovers() {
		if what == "" || change.Product == what {
			found = append(found, effect{lane: change.Line, what: change.Product, at: change.Started})
		}
	}
	return found
}

// madeBy reports whether an entry came of the label of a part or a product.
func madeBy(e station.EntryStatus, what string) bool {
	return e.With["serial"] == what || e.With["product"] == what
}

// compareCalls compares the calls. The caller holds mu.
func (s *storm) compareCalls(told map[station.ID]bool, waits func(func(station.EntryStatus) bool) bool, wrong func(string, ...any)) (effects []effect) {
	made := make(map[string][]plant.Dispatch) // by type
	for _, d := range s.b.Plant.Dispatches() {
		if d.Made != "changeover" {
			made[d.Type] = append(made[d.Type], d)
		}
	}
	kinds := map[string]string{"maintenance": "MAINT", "material": "MATERIAL"}
	known := make(map[int]int)
	for id := range told {
		for _, of := range made {
			for _, d := range of {
				if id.MarkedIn(d.Description) {
					known[d.ID]++
				}
			}
		}
	}
	for _, call := range s.calls {
		var found []plant.Dispatch
		for _, d := range made[kinds[call.kind]] {
			if call.entry.MarkedIn(d.Description) {
				found = append(found, d)
				known[d.ID]++
			}
		}
		here := waits(func(e station.EntryStatus) bool { return e.ID == call.entry })
		switch {
		case len(found) > 1:
			wrong("the %s call %s was opened %d times", call.kind, call.entry.Short(), len(found))
			continue
		case len(found) == 0 && !here:
			wrong("the %s call %s was confirmed and is lost", call.kind, call.entry.Short())
			continue
		case len(found) == 0:
			continue
		}
		d := found[0]
		if text := s.timeProblem(call, d); text != "" {
			wrong("the %s call %s %s", call.kind, call.entry.Short(), text)
		}
		held := s.held[call.entry] != ""
		effects = append(effects, effect{lane: d.Machine, what: call.kind + " open " + call.entry.Short(), began: call.since, confirmed: call.confirmed, at: d.Created, held: held})
		closes := waits(func(e station.EntryStatus) bool { return e.ID == call.closing || e.About == call.entry })
		switch {
		case call.closed.IsZero():
		case d.Closed.IsZero() && !closes && !here:
			wrong("the close of the %s call %s was confirmed and is lost", call.kind, call.entry.Short())
		case !d.Closed.IsZero() && !call.closeSince.IsZero():
			effects = append(effects, effect{lane: d.Machine, what: call.kind + " close " + call.entry.Short(), began: call.closeSince, confirmed: call.closed, at: d.Closed,
				held: held || call.closing == "" || s.held[call.closing] != ""})
		}
	}
	for button, kind := range kinds {
		if pushed := len(s.pushes[button]); len(made[kind]) > pushed {
			wrong("%s was pushed %d times, and the plant has %d dispatches", button, pushed, len(made[kind]))
		}
		for _, d := range made[kind] {
			if known[d.ID] == 0 {
				wrong("dispatch %d is nobody's: %s", d.ID, d.Description)
			}
		}
	}
	return effects
}

// timeProblem says how the time that the plant was told of a call cannot be the true one. It
// was pressed between two moments, and the vendor takes whole seconds, or minutes from a
// station whose clock was never set.
func (s *storm) timeProblem(call *callDone, d plant.Dispatch) string {
	told, hazy := demo.CallTime(d, plant.Demo().Zone)
	allowed := time.Second
	if hazy {
		allowed = time.Minute
	}
	if told.Before(call.since.Add(-allowed)) || told.After(call.confirmed.Add(allowed)) {
		return fmt.Sprintf("was pressed between %v and %v, and the plant was told %v", call.since, call.confirmed, told)
	}
	return ""
}

// history is what the station has written down: the entries that its events may have
// made. What it held is noted, with the labels that it came of.
func (s *storm) history() map[station.ID]bool {
	s.t.Helper()
	codes := make(map[station.ID]string) // of the events
	all := make(map[station.ID]bool)
	var held []queue.HistoryLine
	files, err := filepath.Glob(filepath.Join(s.b.DataPath(), "history", "*"))
	must(s.t, err)
	for _, path := range files {
		text, err := os.ReadFile(path)
		must(s.t, err)
		for line := range bytes.Lines(text) {
			var done queue.HistoryLine
			if json.Unmarshal(line, &done) != nil {
				continue // torn by a kill
			}
			switch done.What {
			case "recorded":
				codes[done.ID] = done.Code
				all[done.ID.Entry(1)] = true
			case string(station.Held):
				held = append(held, done)
			}
		}
	}
	if len(all) == 0 {
		s.t.Fatal("the station has written no history")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, done := range held {
		s.held[done.ID] = done.Reason
	}
	for id, why := range s.held {
		code := codes[id.Event()]
		if _, serial, is := strings.Cut(code, "\x1d21"); is {
			code = serial
		}
		s.held[station.ID(strings.TrimPrefix(code, "PC-"))] = why
	}
	return all
}

// report says what was done and what became of it.
func (s *storm) report() {
	c, err := s.b.Contents(s.t.Context())
	must(s.t, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	sure, pushed := 0, 0
	for _, done := range s.scans {
		if done.sure {
			sure++
		}
	}
	for _, times := range s.pushes {
		pushed += len(times)
	}
	s.t.Logf("%v: %d scans, %d of them confirmed; %d pushes, %d calls; %d requests; %v; %d were held, %d are",
		time.Since(s.began).Round(time.Second), len(s.scans), sure, pushed, len(s.calls), len(s.b.Plant.Requests()), s.happened, len(s.held), len(c.Entries))
	for _, e := range c.Entries {
		s.t.Logf("held still: %s of %s: %s %s", e.Verb, e.Lane, e.Condition, e.Reason)
	}
}
