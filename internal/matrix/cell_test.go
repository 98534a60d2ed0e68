package matrix

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/api"
	"stationd/internal/api/l2l"
	"stationd/internal/api/lagerkoll"
	"stationd/internal/api/webhook"
	"stationd/internal/plant"
	"stationd/internal/queue"
	"stationd/internal/station"
)

// An end is what an entry came to.
type end struct {
	word   string // once, another's, adopted, held, waits, TWICE, LOST or WRONG
	hold   station.HoldReason
	done   bool   // of one that is held: it has been done
	reason string // of one that is held or waits
}

// The words for an end. The last three must never be seen.
const (
	once     = "once"
	anothers = "another's" // a second user's work is taken for ours
	adopted  = "adopted"   // as it was asked to
	isHeld   = "held"
	waits    = "waits"
	twice    = "TWICE"
	lost     = "LOST"
	wrong    = "WRONG"
)

// other is the type of what is called for beside the action.
const other = "OTHER"

// lasts is how long a call lasts that is over before anybody hears of it.
const lasts = 5 * time.Minute

// String is the end as the tables have it.
func (e end) String() string {
	if e.word != isHeld {
		return e.word
	}
	if e.done {
		return string(e.hold) + ", done"
	}
	return string(e.hold) + ", not done"
}

// otherwise is the end as testdata/otherwise.txt has it. That an entry was refused and
// that it had become late by then are one end there: the back-off is drawn, and decides
// which of the two comes first.
func (e end) otherwise() string {
	if e.word == isHeld && !e.done && (e.hold == station.HoldRefused || e.hold == station.HoldMisfit) {
		return "held, not done"
	}
	return e.String()
}

// A cell is one action under one fault, at a plant with at most one assumption
// switched.
type cell struct {
	t         *testing.T
	sample    sample
	fault     fault
	asAssumed bool // every assumption holds
	auth      string
	relay     *relayed // nil: the station asks the vendor itself
	partner   *partner // a second station in the lane; nil: there is none

	plant    *plant.Plant
	network  *network
	url      func(plain string) string
	dir      string
	wrongKey string // instead of the right one

	otherAddress bool // the configuration names another site and store

	outbox    *queue.Outbox
	backend   station.Backend
	stamp     func(time.Time) station.Stamp
	died      chan struct{}
	diskAtCut []byte    // the outbox file when the power went
	pressed   time.Time // when the action was asked for
	asked     int       // how many requests reached the plant since then

	mu          sync.Mutex // guards the fields below
	certificate tls.Certificate
	reached     bool          // the acting request has reached the plant
	byOthers    int           // what the second user did
	still       chan struct{} // the vendor goes on when it is closed; nil: it does
}

// run carries an action through and says what it came to, and on which assumptions
// that rests. Twice, lost or wrong is an error, and so is waiting for ever without
// a word.
func run(t *testing.T, s sample, f fault, at variant) (e end, assumptions []plant.Assumption) {
	t.Helper()
	ends, assumptions := runAll(t, s, f, at)
	return ends[0], assumptions
}

// runAll is run of all stations in the lane: the ends of the actions of each.
func runAll(t *testing.T, s sample, f fault, at variant) (ends []end, assumptions []plant.Assumption) {
	t.Helper()
	if at.byRelay {
		alone(t)
	}
	synctest.Test(t, func(t *testing.T) {
		c := newCell(t, s, f, at)
		if at.byRelay {
			c.relay = newRelayed(t, at.relays)
		}
		switch at.Assumption {
		case plant.KeyInHeader:
			c.auth = l2l.AuthHeader
		case plant.KeyInBody:
			c.auth = l2l.AuthBody
		}
		setting := plant.Demo()
		if !c.asAssumed {
			setting.Assumptions = map[plant.Assumption]plant.Position{at.Assumption: at.to}
		}
		if at.partner != "" {
			c.partner = newPartner(c, at.partner)
		}
		ends = c.run(setting)
		assumptions = c.plant.AssumptionsUsed()
		if complaints := c.plant.Complaints(); c.asAssumed && len(complaints) > 0 {
			t.Errorf("the plant complains: %q", complaints)
		}
	})
	for _, e := range ends {
		switch {
		case e.word == twice, e.word == lost, e.word == wrong:
			t.Error(e, e.reason)
		case e.word == waits && (e.reason == "" || at.to == plant.Stands && !s.blind()):
			t.Errorf("after twenty minutes it still waits, and nobody is told for what: %q", e.reason)
		}
	}
	return ends, assumptions
}

func newCell(t *testing.T, s sample, f fault, at variant) *cell {
	t.Helper()
	return &cell{t: t, sample: s, fault: f, asAssumed: at.to == plant.Stands, dir: memoryDir(t), network: newNetwork(), died: make(chan struct{}), certificate: issued.good}
}

// memoryDir is a directory in memory where there is one: what a card survives is tried
// elsewhere, and thousands of outboxes wait long for a real one.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "stationd-matrix-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func (c *cell) run(setting plant.Config) []end {
	if c.fault.others || c.fault.idle {
		setting.Types = append(setting.Types, plant.DispatchType{Code: other})
		setting.Orders = append(setting.Orders, plant.Order{ID: 4999, State: plant.StateDeveloping,
			Articles: []plant.OrderArticle{{Article: soup, Amount: 100}}})
	}
	c.open(setting)
	defer c.close()
	if c.sample.there != nil {
		c.sample.there(c)
	}
	if c.sample.called {
		c.record("BEFORE")
		c.partner.record("BEFORE")
		c.deliver(time.Minute)
	}
	before := c.sample.done(c.plant)
	c.mu.Lock()
	c.reached = false
	c.mu.Unlock()
	asked := len(c.plant.Requests())
	if c.fault.vanish > 0 {
		c.network.vanishes(c.vanish)
	}
	entries := c.act()
	c.deliver(brokenFor)
	if c.fault.mends != nil {
		c.fault.mends(c)
	}
	select {
	case <-c.died:
		c.restorePower()
	default:
	}
	if c.fault.holds != nil {
		c.fault.holds(c)
		c.retry(entries)
	}
	c.deliver(20 * time.Minute)
	time.Sleep(2 * time.Minute) // whatever is still on its way arrives
	c.asked = len(c.plant.Requests()) - asked
	if c.fault.vanish > 0 && !c.reached && c.asAssumed {
		c.t.Error("no packet vanished")
	}
	if c.partner != nil {
		return c.partner.judge(entries)
	}
	return []end{c.judge(entries, c.sample.done(c.plant)-before-c.byOthers)}
}

// act asks for the action, while the way is broken where the fault says so. It
// returns its entries: the action and, where a call is closed again, that.
func (c *cell) act() (entries []station.ID) {
	breaks := func() {
		if c.fault.breaks != nil {
			c.fault.breaks(c)
			c.backend = nil
		}
	}
	if c.fault.others {
		c.record("OTHER 1")
		c.deliver(time.Minute)
		time.Sleep(time.Minute) // the connection is not kept
		defer func() {
			c.record("OTHER 2")
			c.record("OTHER 3")
		}()
	}
	if c.fault.idle {
		c.record("OTHER 1")
		c.deliver(time.Minute)
		c.network.closeIdle()
	}
	if c.relay != nil && c.backend == nil {
		c.backend = c.connect() // which takes until a relay is heard
	}
	if c.fault.arms != nil && c.sample.outage == 0 {
		c.fault.arms(c)
	}
	c.pressed = time.Now()
	if c.sample.outage == 0 {
		breaks()
		entries = append(entries, c.record("ACT"))
		c.partner.joins()
		if c.sample.closed {
			entries = append(entries, c.record("CLOSE"))
		}
		return append(entries, c.partner.next()...)
	}
	c.network.breaks(refused)
	entries = append(entries, c.record("ACT"))
	c.partner.joins()
	c.deliver(lasts)
	entries = append(entries, c.record("CLOSE"))
	c.partner.closes()
	c.deliver(c.sample.outage - lasts)
	time.Sleep(time.Minute) // the longest back-off: the lane meets the fault at once
	if c.fault.arms != nil {
		c.fault.arms(c)
	}
	c.network.breaks(nil)
	breaks()
	return entries
}

// retry is a person who retries what is held of some entries.
func (c *cell) retry(entries []station.ID) {
	c.t.Helper()
	contents, err := c.outbox.Contents(station.NoLimit())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, e := range contents.Entries {
		if e.Condition != station.Held || !slices.Contains(entries, e.ID) {
			continue
		}
		if e.Doubtful && (e.Hold == station.HoldMisfit || strings.Contains(e.Reason, "not sent")) {
			c.t.Errorf("it may have arrived, and a person is told that it was not sent: %s", e.Reason)
		}
		_, err := c.outbox.Record(station.Event{Source: station.FromCommand, Kind: station.VerbRetry, Data: map[string]string{"entry": string(e.ID)}, At: c.stamp(time.Now())})
		if err != nil {
			c.t.Error(err)
		}
	}
}

// judge compares what the outbox believes with what the plant knows.
func (c *cell) judge(entries []station.ID, ours int) end {
	if err := c.outbox.Verify(); err != nil {
		c.t.Error(err)
	}
	contents, err := c.outbox.Contents(station.NoLimit())
	if err != nil {
		c.t.Fatal(err)
	}
	if ours > 1 {
		return end{word: twice, reason: fmt.Sprintf("%d times", ours)}
	}
	for _, id := range entries {
		for _, e := range contents.Entries {
			switch {
			case e.ID != id:
			case e.Condition == station.Held:
				return end{word: isHeld, hold: e.Hold, done: ours == 1, reason: e.Reason}
			default:
				return end{word: waits, reason: c.waitsFor(e, contents.Entries)}
			}
		}
	}
	if c.fault.others && c.asAssumed {
		for _, e := range contents.Entries {
			c.t.Errorf("%s %s: the key is right again, and it is %s: %s", e.Verb, e.With, e.Condition, e.Reason)
		}
	}
	if c.sample.wrong != nil {
		if why := c.sample.wrong(c); why != "" {
			return end{word: wrong, reason: why}
		}
	}
	switch {
	case ours == 1:
		return end{word: once}
	case c.byOthers > 0:
		return end{word: anothers}
	case c.sample.reads:
		return end{word: adopted}
	}
	return end{word: lost}
}

// waitsFor says for what an entry may wait without end: for a key that works, or
// for the fate of another that a person decides. "" is neither.
func (c *cell) waitsFor(e station.EntryStatus, all []station.EntryStatus) string {
	for _, other := range all {
		if other.ID == e.About && other.Condition == station.Held {
			return "a person decides about the open first"
		}
	}
	contact := c.outbox.Snapshot().Health.Backends[e.Backend()]
	if c.sample.blind() { // whether it is the key, or the receiver, nobody can be asked
		return cmp.Or(contact.Fault, contact.Last)
	}
	return contact.Fault
}

// open builds the plant and the station before it.
func (c *cell) open(setting plant.Config) {
	c.t.Helper()
	var err error
	if c.plant, err = plant.Open(setting); err != nil {
		c.t.Fatal(err)
	}
	var listener net.Listener = c.network
	c.url = func(plain string) string { return plain }
	if strings.HasPrefix(c.fault.name, "TLS") {
		c.url = func(plain string) string { return strings.Replace(plain, "http://", "https://", 1) }
		listener = tls.NewListener(c.network, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			shown := c.certificate
			return &shown, nil
		}})
	}
	server := &http.Server{Handler: http.HandlerFunc(c.serve), ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(listener)
	c.t.Cleanup(func() { server.Close() })
	c.boot("boot-1")
	c.outbox = c.openOutbox("outbox.db")
	c.partner.open()
}

// close ends everything that lives in the bubble.
func (c *cell) close() {
	if err := errors.Join(c.outbox.Close(), queue.VerifyFile(filepath.Join(c.dir, "outbox.db"))); err != nil {
		c.t.Error(err)
	}
	c.partner.close()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.plant.Run(ended); err != nil { // frees its port
		c.t.Error(err)
	}
}

// boot lets the station's board boot now. Its clock is right.
func (c *cell) boot(name string) {
	since := time.Now()
	c.stamp = func(t time.Time) station.Stamp {
		return station.Stamp{Wall: t, Boot: name, Up: t.Sub(since), Trusted: true}
	}
}

func (c *cell) openOutbox(name string) *queue.Outbox {
	c.t.Helper()
	box, err := queue.Open(filepath.Join(c.dir, name), queue.Setting{
		Size: 128 << 10, Stamp: c.stamp, Program: func() station.Program { return c.program(1) },
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return box
}

// program knows the scans of the first station, or of the second in its lane: what must be there, the
// action, another in the same lane, and the close of the call that it opened.
func (c *cell) program(number int) station.Program {
	sections := c.sections(c.network.Dial)
	vendors := map[string]station.Vendor{
		"l2l":       {Verbs: l2l.Verbs(), To: sections["l2l"].To()},
		"lagerkoll": {Verbs: lagerkoll.Verbs(), To: sections["lagerkoll"].To()},
		"webhook":   {Verbs: webhook.Verbs(), To: sections["webhook"].To()},
	}
	do := func(backend, name string, with map[string]string) []station.Do {
		verb, _ := vendors[backend].Verb(name)
		d := station.Do{Backend: backend, Verb: verb, With: make(map[string]station.Template), Late: verb.Late, LateAfter: verb.LateAfter}
		for field, text := range with {
			template, err := station.ParseTemplate(text)
			if err != nil {
				c.t.Fatal(err)
			}
			d.With[field] = template
		}
		return []station.Do{d}
	}
	// Beside the action, and never what the plant is asked for in the end, nor in its lane.
	beside := do("l2l", "production.record", with(nil, "line", "PACK4", "product", "300", "actual", "{n}"))
	if !strings.HasPrefix(c.sample.verb, "dispatch.") {
		beside = do("l2l", "dispatch.add", with(nil, "machine", "LABEL-1", "type", other, "trade", "MECH", "description", "{n}"))
	}
	last := beside
	if c.sample.backend == "lagerkoll" {
		beside = do("lagerkoll", "order.create", with(nil, "reference", "OTHER-{n}", "name", "Other"))
		last = beside
		if c.sample.verb != "article.trace" {
			last = do("lagerkoll", "article.trace", with(nil, "order", "4999", "article", soup, "batch", "B9", "serial", "{n}"))
		}
	}
	if c.sample.blind() {
		beside = do("webhook", "webhook.post", with(nil, "station", "other", "event", "other", "code", "{n}"))
		last = beside
	}
	call := with(nil, "machine", "SEAL-1", "type", "MATERIAL", "trade", "MECH", "description", "Help needed")
	action, next := c.sample.with, c.sample.with
	if m := c.sample.marked(); c.partner != nil && m != nil {
		action, next = with(action, m.field, m.of[number-1]), with(action, m.field, m.of[2])
		if c.sample.called {
			action, call = c.sample.with, with(call, m.field, m.of[number-1])
		}
	}
	return station.Program{
		Station: fmt.Sprint("pack4-", number),
		Vendors: vendors,
		Bindings: []station.Binding{
			{Event: "hand.scan", Match: regexp.MustCompile("^BEFORE$"), Do: do("l2l", "dispatch.open", call)},
			{Event: "hand.scan", Match: regexp.MustCompile("^OTHER (?P<n>[12])$"), Do: beside},
			{Event: "hand.scan", Match: regexp.MustCompile("^OTHER (?P<n>3)$"), Do: last},
			{Event: "hand.scan", Match: regexp.MustCompile(`^ACT\d*$`), Do: do(c.sample.backend, c.sample.verb, action)},
			{Event: "hand.scan", Match: regexp.MustCompile("^NEXT$"), Do: do(c.sample.backend, c.sample.verb, next)},
			{Event: "hand.scan", Match: regexp.MustCompile("^CLOSE$"), Do: do("l2l", "dispatch.close", nil)},
		},
	}
}

func (c *cell) sections(dial api.Dial) map[string]api.Section {
	set := plant.Demo()
	key := func(right string) api.KeyFrom {
		if c.wrongKey != "" {
			right = c.wrongKey
		}
		path := filepath.Join(c.dir, "key")
		if err := os.WriteFile(path, []byte(right), 0o600); err != nil {
			c.t.Fatal(err)
		}
		return api.KeyFrom{File: path}
	}
	one := l2l.Section{URL: c.url(c.plant.L2LURL()), Site: set.Site, Auth: c.auth, Dial: dial}
	two := lagerkoll.Section{URL: c.url(c.plant.LagerkollURL()), Store: set.Store, Exclusive: c.sample.exclusive, Dial: dial}
	three := webhook.Section{Hook: api.Hook{URL: c.url(c.plant.WebhookURL())}, Dial: dial}
	if c.sample.repeat {
		three.Repeat = webhook.RepeatAllowed
	}
	if c.otherAddress {
		one.Site, two.Store, three.URL = one.Site+1, two.Store+"9", three.URL+"/9"
	}
	switch c.sample.backend {
	case "l2l":
		one.Key = key(set.L2LKey)
	case "lagerkoll":
		two.Key = key(set.APIKey)
	default:
		three.Key = key(set.WebhookKey)
	}
	return map[string]api.Section{"l2l": one, "lagerkoll": two, "webhook": three}
}

func (c *cell) connect() station.Backend {
	c.t.Helper()
	if c.relay != nil {
		return c.relay.connect(c)
	}
	return c.connectBy(c.network.Dial)
}

func (c *cell) connectBy(dial api.Dial) station.Backend {
	c.t.Helper()
	backend, err := c.sections(dial)[c.sample.backend].Open(api.Opening{Zone: plant.Demo().Zone, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		c.t.Fatal(err)
	}
	return backend
}

func (c *cell) record(code string) station.ID {
	c.t.Helper()
	made, err := c.outbox.Record(station.Event{Source: "hand", Kind: station.Scan, Code: code, At: c.stamp(time.Now())})
	if err != nil || len(made.Entries) != 1 {
		c.t.Fatalf("%s made %v: %v", code, made.Entries, err)
	}
	return made.Entries[0]
}

// deliver runs the lanes until everything is delivered or held, for so long at
// most, or until the station has no power.
func (c *cell) deliver(so time.Duration) {
	c.t.Helper()
	if c.backend == nil {
		c.backend = c.connect()
	}
	var both sync.WaitGroup
	over := make(chan struct{})
	if c.partner != nil {
		both.Go(func() { c.partner.deliver(so, over) })
	}
	drain(c.t, c.outbox, c.sample.backend, c.backend, so, c.died, nil)
	close(over)
	both.Wait()
}

// drain runs the lanes of an outbox until nothing waits in it and until is closed (nil: it is), for so
// long at most, or until the station has died.
func drain(t *testing.T, box *queue.Outbox, name string, b station.Backend, so time.Duration, died, until <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), so)
	defer cancel()
	var runs sync.WaitGroup
	for range 2 {
		runs.Go(func() {
			if err := box.Run(ctx, name, b); err != nil {
				t.Error(err)
			}
		})
	}
	for alive := true; alive; {
		changed := box.Changed()
		if box.Snapshot().Waiting == 0 && until == nil {
			break
		}
		select {
		case <-changed:
		case <-until:
			until = nil
		case <-ctx.Done():
			alive = false
		case <-died:
			alive = false
		}
	}
	cancel()
	runs.Wait()
}

// vanish is how long packets vanish from the one on that begins so.
func (c *cell) vanish(begins []byte) time.Duration {
	method, path, _ := strings.Cut(c.sample.act, " ")
	front, _, _ := strings.Cut(path, "*")
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reached || !bytes.HasPrefix(begins, []byte(method+" "+front)) {
		return 0
	}
	c.reached = true
	return c.fault.vanish
}

// serve is the plant, behind the fault.
func (c *cell) serve(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	still := c.still
	c.mu.Unlock()
	if still != nil {
		<-still
	}
	serve := func() { c.partner.counts(r, func() { c.plant.Handler().ServeHTTP(w, r) }) }
	if c.fault.alters != nil && r.Method == http.MethodGet {
		serve = func() { c.alter(w, r) }
	}
	method, path, _ := strings.Cut(c.sample.act, " ")
	front, _, _ := strings.Cut(path, "*")
	c.mu.Lock()
	strikes := !c.reached && c.fault.strikes != nil && r.Method == method && strings.HasPrefix(r.URL.Path, front)
	c.reached = c.reached || strikes
	c.mu.Unlock()
	if strikes {
		c.fault.strikes(c, r, serve)
		return
	}
	serve()
}

// toldTexts are the fields whose texts somebody told the plant.
var toldTexts = regexp.MustCompile(`"(description|internalReference|prReference|serialNr|batchId)":\s*"((?:[^"\\]|\\.)*)"`)

// alter serves a read, with its texts in the form that the fault gives them.
func (c *cell) alter(w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	c.plant.Handler().ServeHTTP(answer, r)
	maps.Copy(w.Header(), answer.Header())
	w.Header().Del("Content-Length")
	w.WriteHeader(answer.Code)
	_, _ = w.Write(toldTexts.ReplaceAllFunc(answer.Body.Bytes(), func(field []byte) []byte {
		part := toldTexts.FindSubmatch(field)
		return fmt.Appendf(nil, `"%s": "%s"`, part[1], c.fault.alters(string(part[2])))
	}))
}

// strikeOnce lets the fault strike the acting request, once.
func (c *cell) strikeOnce(f plant.Fault) {
	f.Where, f.Next = c.sample.act, 1
	c.plant.AddFault(f)
}

// showCertificate sets what the plant shows for a certificate from now on.
func (c *cell) showCertificate(certificate tls.Certificate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.certificate = certificate
}

// marks are an entry's mark, in a form and in JSON.
var marks = regexp.MustCompile(`%5Bsd-[A-Z2-7]{10}%5D\+|\[sd-[A-Z2-7]{10}\] ?`)

// secondUser is another user, who sends what we send, without our mark.
func (c *cell) secondUser(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	theirs := r.Clone(context.Background())
	theirs.Body = io.NopCloser(bytes.NewReader(marks.ReplaceAll(body, nil)))
	before := c.sample.done(c.plant)
	answer := httptest.NewRecorder()
	c.plant.Handler().ServeHTTP(answer, theirs)
	c.byOthers += c.sample.done(c.plant) - before
	if c.byOthers > 1 || c.byOthers == 0 && c.asAssumed {
		c.t.Errorf("the second user did it %d times: %s", c.byOthers, answer.Body)
	}
}

// cutPower cuts the power: what the card has at this moment is all that is left.
func (c *cell) cutPower() {
	var err error
	if c.diskAtCut, err = os.ReadFile(filepath.Join(c.dir, "outbox.db")); err != nil {
		c.t.Error(err)
	}
	if c.relay != nil {
		c.relay.station.cut()
	}
	close(c.died)
}

// restorePower boots the board again with what its card had. The file stays the same
// one: another in its place would be a copy.
func (c *cell) restorePower() {
	c.t.Helper()
	if err := c.outbox.Close(); err != nil {
		c.t.Error(err)
	}
	if c.diskAtCut != nil { // else it was stopped in order
		if err := os.WriteFile(filepath.Join(c.dir, "outbox.db"), c.diskAtCut, 0o600); err != nil {
			c.t.Error(err)
		}
	}
	c.died = make(chan struct{})
	c.boot("boot-2")
	c.outbox, c.backend = c.openOutbox("outbox.db"), nil
}
