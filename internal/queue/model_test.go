package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"stationd/internal/station"
)

// TestModel lets chance run a station: presses, scans, answers of every kind,
// power cuts, restarts, and a person who retries and discards. However it goes,
// each entry that was recorded ends once, and the vendor has done it once at most,
// however often a person retried it. STATIOND_ROUNDS=n tries n times as much.
func TestModel(t *testing.T) {
	// Not parallel: how much is tried is a flag of rapid's.
	checks := 25
	if n, _ := strconv.Atoi(os.Getenv("STATIOND_ROUNDS")); n > 0 {
		checks *= n
	}
	for name, value := range map[string]string{
		"rapid.checks":     strconv.Itoa(checks),
		"rapid.steps":      "60",
		"rapid.nofailfile": "true", // chance also sits in the back-off: a fail file repeats only half of it
	} {
		if f := flag.Lookup(name); f.Value.String() == f.DefValue {
			if err := flag.Set(name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	seen := make(map[string]int)
	rapid.Check(t, func(r *rapid.T) {
		// What rapid ends a check with must not leave the bubble by itself.
		var ended any
		synctest.Test(t, func(*testing.T) {
			defer func() { ended = recover() }()
			m := newModel(r)
			defer m.cleanUp()
			r.Repeat(map[string]func(*rapid.T){
				"":        m.sound,
				"scan":    m.scan,
				"press":   m.press,
				"call":    m.call,
				"deliver": m.deliver,
				"person":  m.person,
				"time":    func(r *rapid.T) { time.Sleep(time.Duration(rapid.IntRange(1, 2400).Draw(r, "seconds")) * time.Second) },
				"restart": m.restart,
				"kill":    m.kill,
			})
			m.finish(r)
			for word, n := range m.counts {
				seen[word] += n
			}
			seen["stations"]++
			seen["entries"] += len(m.recorded)
		})
		if ended != nil {
			panic(ended)
		}
	})
	t.Log(seen)
	words := []string{"kills", "retried in doubt", "delivered", "power cuts", "found by a look", "proved absent", "retried"}
	if checks >= 250 { // these are rarer than a short run is long
		words = append(words, "discarded", "moot", "merged", "late effects")
	}
	for _, word := range words {
		if seen[word] == 0 && !t.Failed() {
			t.Errorf("%q never happened: it was NOT proved", word)
		}
	}
}

// A play is what the vendor does with one attempt.
type play int

const (
	does        play = iota
	loses            // does it, and the answer is lost
	drops            // the request is lost
	doesLate         // no answer in time, and it is done half a settle time later
	isAway           // not reached
	isBusy           // asks to be left alone
	wantsKey         // does not accept the key
	saysNo           // refuses
	saysNothing      // does it, and the backend forgets to say so
	cannotTell       // on a look: the records do not tell
	cutsBefore       // the power goes before the effect
	cutsAfter        // the power goes after the effect
	plays
)

// A model is a station, a vendor with books of its own, and what both must agree
// on.
type model struct {
	dir   string
	boot  int
	stamp func(time.Time) station.Stamp
	box   *Outbox

	mu       sync.Mutex
	script   []play
	delays   []int  // seconds
	dead     bool   // the power is off: nothing that this process does counts
	card     string // what was on the card when it went
	fault    error
	recorded []station.EntryStatus
	effects  map[station.ID]int
	saw      map[station.ID][]string // what Look showed
	doubted  map[station.ID]bool     // since an attempt that may have arrived
	counts   map[string]int
}

func newModel(r *rapid.T) *model {
	dir, err := os.MkdirTemp("", "stationd-model-")
	if err != nil {
		r.Fatal(err)
	}
	m := &model{dir: dir, effects: make(map[station.ID]int),
		saw: make(map[station.ID][]string), doubted: make(map[station.ID]bool), counts: make(map[string]int)}
	m.power(r)
	return m
}

func (m *model) cleanUp() {
	_ = m.box.Close() // an error would have shown in what is checked
	_ = os.RemoveAll(m.dir)
	_ = os.RemoveAll(m.dir + ".card")
}

func (m *model) path() string { return filepath.Join(m.dir, "outbox.db") }

// power boots the board.
func (m *model) power(r *rapid.T) {
	m.boot++
	name, since := fmt.Sprintf("boot-%d", m.boot), time.Now()
	m.stamp = func(t time.Time) station.Stamp {
		return station.Stamp{Wall: t, Boot: name, Up: t.Sub(since), Trusted: true}
	}
	m.open(r)
}

func (m *model) open(r *rapid.T) {
	box, err := Open(m.path(), Setting{Size: 256 << 10, Stamp: m.stamp, Program: modelProgram, History: filepath.Join(m.dir, "history")})
	if err != nil {
		r.Fatal(err)
	}
	m.box = box
}

var modelVerbs = []station.Verb{
	{Name: "dispatch.open", Fields: []station.Field{{Name: "machine"}, {Name: "type"}}, Lane: []string{"machine"}, Opens: []string{"machine", "type"},
		Afterwards: station.Afterwards{Verb: "dispatch.add", From: "reported", Until: "completed"}},
	{Name: "dispatch.add"},
	{Name: "dispatch.close", Fields: []station.Field{{Name: "dispatch"}}, Ends: "dispatch"},
	{Name: "article.trace", Fields: []station.Field{{Name: "order", Required: true}}, Lane: []string{"order"}},
	{Name: "article.count", Fields: []station.Field{{Name: "order", Required: true}}, Lane: []string{"order"}, Before: true},
	{Name: "order.finish", Fields: []station.Field{{Name: "order", Required: true}}, Lane: []string{"order"}, Barrier: true},
	{Name: "changeover.start", Fields: []station.Field{{Name: "line", Required: true}}, Lane: []string{"line"}, Line: "line", Barrier: true, Before: true},
}

// modelProgram has two andon buttons, of which one tells late calls as history,
// and scans of every kind; one scan does two things in two lanes.
func modelProgram() station.Program {
	do := func(verb string, with map[string]string) station.Do {
		i := slices.IndexFunc(modelVerbs, func(v station.Verb) bool { return v.Name == verb })
		d := station.Do{Backend: "l2l", Verb: modelVerbs[i], With: make(map[string]station.Template)}
		for field, text := range with {
			d.With[field] = template(text)
		}
		return d
	}
	order := map[string]string{"order": "{order}"}
	late := do("dispatch.open", map[string]string{"machine": "SEAL-1", "type": "MAINT"})
	late.Late, late.LateAfter = station.LateRecord, 10*time.Minute
	change := do("changeover.start", map[string]string{"line": "PACK4"})
	change.Late, change.LateAfter = station.LateHold, 20*time.Minute
	scan := func(word string, do ...station.Do) station.Binding {
		return station.Binding{Event: "hand.scan", Match: regexp.MustCompile("^" + word + ` (?P<order>\d)$`), Do: do}
	}
	return station.Program{
		Station: "pack4-1",
		Vendors: map[string]station.Vendor{"l2l": {Verbs: modelVerbs}},
		Bindings: []station.Binding{
			{Event: "red.press", Do: []station.Do{late}},
			{Event: "red.hold", Do: []station.Do{do("dispatch.close", nil)}},
			{Event: "blue.press", Do: []station.Do{do("dispatch.open", map[string]string{"machine": "SEAL-1", "type": "MATERIAL"})}},
			{Event: "blue.hold", Do: []station.Do{do("dispatch.close", nil)}},
			scan("TRACE", do("article.trace", order)),
			scan("COUNT", do("article.count", order)),
			scan("FINISH", do("order.finish", order)),
			scan("CHANGE", change, do("article.trace", order)),
		},
	}
}

func (m *model) scan(r *rapid.T) {
	word := rapid.SampledFrom([]string{"TRACE", "TRACE", "TRACE", "COUNT", "COUNT", "FINISH", "CHANGE", "UNKNOWN"}).Draw(r, "scan")
	m.record(r, station.Event{Source: "hand", Kind: station.Scan, Code: fmt.Sprintf("%s %d", word, rapid.IntRange(1, 2).Draw(r, "order"))})
}

func (m *model) press(r *rapid.T) {
	m.record(r, station.Event{
		Source: rapid.SampledFrom([]string{"red", "blue"}).Draw(r, "button"),
		Kind:   rapid.SampledFrom([]string{station.Press, station.Hold}).Draw(r, "kind"),
	})
}

// call opens a call and closes it, so that a close waits for its open.
func (m *model) call(r *rapid.T) {
	button := rapid.SampledFrom([]string{"red", "blue"}).Draw(r, "button")
	m.record(r, station.Event{Source: button, Kind: station.Press})
	m.record(r, station.Event{Source: button, Kind: station.Hold})
}

func (m *model) record(r *rapid.T, ev station.Event) {
	ev.At = m.stamp(time.Now())
	made, err := m.box.Record(ev)
	if errors.Is(err, ErrFull) {
		return
	}
	if err != nil {
		r.Fatal(err)
	}
	for _, e := range m.contents(r) {
		if slices.Contains(made.Entries, e.ID) {
			m.recorded = append(m.recorded, e)
		}
	}
}

func (m *model) contents(r *rapid.T) []station.EntryStatus {
	c, err := m.box.Contents(station.NoLimit())
	if err != nil {
		r.Fatal(err)
	}
	return c.Entries
}

// deliver runs the lanes for a while, before a vendor in a mood.
func (m *model) deliver(r *rapid.T) {
	m.script = rapid.SliceOfN(rapid.Map(rapid.IntRange(0, int(plays)-1), func(n int) play { return play(n) }), 1, 12).Draw(r, "vendor")
	m.delays = rapid.SliceOfN(rapid.IntRange(0, 25), 1, 3).Draw(r, "delays")
	m.run(r, time.Duration(rapid.IntRange(1, 300).Draw(r, "seconds"))*time.Second, rapid.IntRange(1, 2).Draw(r, "runs"))
}

func (m *model) run(r *rapid.T, so time.Duration, runs int) {
	ctx, cancel := context.WithTimeout(context.Background(), so)
	defer cancel()
	errs := make(chan error, runs)
	for range runs {
		go func() { errs <- m.box.Run(ctx, "l2l", m) }()
	}
	for range runs {
		if err := <-errs; err != nil {
			r.Fatal(err)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault != nil {
		r.Fatal(m.fault)
	}
	if m.dead {
		m.revive(r)
	}
}

// revive starts the station again with what its card had when the power went.
func (m *model) revive(r *rapid.T) {
	_ = m.box.Close() // what it says, it says to a card that is not there
	if err := putBack(m.dir, m.card); err != nil {
		r.Fatal(err)
	}
	m.dead = false
	m.counts["power cuts"]++
	if m.counts["power cuts"]%2 == 0 {
		m.open(r) // the process alone
		return
	}
	m.power(r)
}

// putBack makes a folder what a copy of it was, with the same files in it: another
// file would be a copy.
func putBack(dir, was string) error {
	var all []error
	names := make(map[string]bool)
	kept, err := os.ReadDir(was)
	all = append(all, err)
	for _, f := range kept {
		names[f.Name()] = true
		if f.IsDir() {
			to := filepath.Join(dir, f.Name())
			all = append(all, os.RemoveAll(to), os.CopyFS(to, os.DirFS(filepath.Join(was, f.Name()))))
			continue
		}
		content, err := os.ReadFile(filepath.Join(was, f.Name()))
		all = append(all, err, os.WriteFile(filepath.Join(dir, f.Name()), content, 0o600))
	}
	there, err := os.ReadDir(dir)
	all = append(all, err)
	for _, f := range there {
		if !names[f.Name()] {
			all = append(all, os.RemoveAll(filepath.Join(dir, f.Name())))
		}
	}
	return errors.Join(append(all, os.RemoveAll(was))...)
}

// restart stops the station in order and starts it again.
func (m *model) restart(r *rapid.T) {
	if err := errors.Join(m.box.Close(), VerifyFile(m.path())); err != nil {
		r.Fatal(err)
	}
	if rapid.Bool().Draw(r, "reboot") {
		m.power(r)
		return
	}
	m.open(r)
}

// kill ends the process where it stands, with nothing under way.
func (m *model) kill(r *rapid.T) {
	if err := errors.Join(m.box.file.Close(), VerifyFile(m.path())); err != nil {
		r.Fatal(err)
	}
	m.counts["kills"]++
	m.open(r)
}

// person decides about what is held.
func (m *model) person(r *rapid.T) {
	var held []station.EntryStatus
	for _, e := range m.contents(r) {
		if e.Condition == station.Held {
			held = append(held, e)
		}
	}
	if len(held) == 0 {
		return
	}
	e := rapid.SampledFrom(held).Draw(r, "held")
	decision := rapid.SampledFrom([]string{station.VerbRetry, station.VerbRetry, station.VerbDiscard, station.VerbEdit}).Draw(r, "decision")
	if decision != station.VerbEdit {
		m.decide(r, e, decision)
		return
	}
	m.edit(r, e)
}

// edit puts the order of what is held right. What may have arrived, or has no order, is
// left as it is.
func (m *model) edit(r *rapid.T, e station.EntryStatus) {
	order := rapid.SampledFrom([]string{"1", "2"}).Draw(r, "corrected")
	before := len(m.contents(r))
	done, err := m.box.Record(station.Event{Source: station.FromCommand, Kind: station.VerbEdit, Data: map[string]string{"entry": string(e.ID), station.EditField("order"): order}, At: m.stamp(time.Now())})
	if may := e.With["order"] != "" && e.With["order"] != order && !e.Doubtful; may != (err == nil) {
		r.Fatalf("an edit of %+v to order %s: %v", e, order, err)
	}
	if err != nil {
		return
	}
	all := m.contents(r)
	i := slices.IndexFunc(all, func(e station.EntryStatus) bool { return slices.Contains(done.Entries, e.ID) })
	if i < 0 || len(all) != before || all[i].Seq != e.Seq || all[i].At != e.At || all[i].Source != e.Source {
		r.Fatalf("%+v was edited, and is %+v", e, all)
	}
	m.recorded = append(m.recorded, all[i])
	m.counts["edited"]++
}

func (m *model) decide(r *rapid.T, e station.EntryStatus, decision string) {
	m.mu.Lock()
	if decision == station.VerbRetry {
		m.counts["retried"]++ // which is looked up first where it may have arrived
		if e.Doubtful {
			m.counts["retried in doubt"]++
		}
	}
	m.mu.Unlock()
	_, err := m.box.Record(station.Event{Source: station.FromCommand, Kind: decision, Data: map[string]string{"entry": string(e.ID)}, At: m.stamp(time.Now())})
	if err != nil {
		r.Fatal(err)
	}
}

// sound is what holds after every step.
func (m *model) sound(r *rapid.T) {
	if err := m.box.Verify(); err != nil {
		r.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, n := range m.effects {
		if n > 1 {
			r.Fatalf("entry %s took effect %d times", id, n)
		}
	}
}

// finish mends the vendor and has a person decide about everything that is held,
// until the outbox is empty. Then each entry must have ended once.
func (m *model) finish(r *rapid.T) {
	m.script, m.delays = []play{does}, []int{0}
	for range 60 {
		m.run(r, 10*time.Minute, 2)
		m.sound(r)
		left := m.contents(r)
		if len(left) == 0 {
			break
		}
		for i, e := range left {
			if e.Condition == station.Held {
				m.decide(r, e, []string{station.VerbRetry, station.VerbDiscard}[i%4/3])
				break
			}
		}
	}
	if left := m.contents(r); len(left) > 0 {
		r.Fatalf("%d entries are left although the vendor is well and a person decided about all: first %+v", len(left), left[0])
	}
	if calls := m.box.State().Calls; slices.ContainsFunc(calls, func(c station.Call) bool { return c.Ref == "" || c.Closing != "" }) {
		r.Fatalf("nothing waits, and calls do: %+v", calls)
	}
	fates := m.fates(r)
	for _, e := range m.recorded {
		word, ended := fates[e.ID]
		n := m.effects[e.ID]
		switch {
		case !ended:
			r.Fatalf("%s %s %s: it is gone, and nobody knows how it ended", e.ID, e.Lane, e.Verb)
		case word == string(station.FateDelivered) && n == 0:
			r.Fatalf("%s %s %s: delivered, says the station, and the vendor never did it", e.ID, e.Lane, e.Verb)
		case word == string(station.FateMerged) && (n > 0 || e.Verb != "dispatch.close" || m.effects[e.About] == 0):
			r.Fatalf("%s %s %s: merged, and done %d times by itself", e.ID, e.Lane, e.Verb, n)
		case word == string(station.FateMoot) && (n > 0 || fates[e.About] != string(station.FateDiscarded) && fates[e.About] != string(station.FateMoot)):
			r.Fatalf("%s %s %s: moot, what it is about was %s, and it was done %d times", e.ID, e.Lane, e.Verb, fates[e.About], n)
		}
		m.counts[word]++
	}
}

// fates reads the history: how each entry ended, which is once.
func (m *model) fates(r *rapid.T) map[station.ID]string {
	var text bytes.Buffer
	if err := ExportHistory(filepath.Join(m.dir, "history"), &text); err != nil {
		r.Fatal(err)
	}
	fates := make(map[station.ID]string)
	for d := json.NewDecoder(&text); d.More(); {
		var line HistoryLine
		if err := d.Decode(&line); err != nil {
			r.Fatal(err)
		}
		switch fate := station.Fate(line.What); fate {
		case station.FateDelivered, station.FateDiscarded, station.FateMoot, station.FateMerged:
			if was, twice := fates[line.ID]; twice {
				r.Fatalf("entry %s was %s, and then again %s", line.ID, was, line.What)
			}
			fates[line.ID] = line.What
		}
	}
	return fates
}

// Verbs, Look, Deliver and Probe are the vendor's side.
func (m *model) Verbs() []station.Verb { return modelVerbs }

// Probe answers that the key is good.
func (m *model) Probe(context.Context) station.Receipt {
	return station.Receipt{Outcome: station.Delivered}
}

// Look shows how often the vendor has done anything.
func (m *model) Look(_ context.Context, d station.Delivery) ([]byte, station.Receipt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return nil, station.Receipt{Outcome: station.Unreached, Err: errors.New("no way there")}
	}
	if m.doubted[d.ID] {
		m.wrong("%s: it looks anew although an attempt may have arrived", d.ID)
	}
	switch m.play(d) {
	case isAway, drops, isBusy:
		return nil, station.Receipt{Outcome: station.Unreached, Err: errors.New("no way there")}
	case saysNo:
		return nil, station.Receipt{Outcome: station.Refused, Err: fmt.Errorf("there is no such order: %d", d.Attempt)}
	}
	before := fmt.Sprintf("%d done at %v", len(m.effects), time.Now())
	m.saw[d.ID] = append(m.saw[d.ID], before)
	return []byte(before), station.Receipt{Outcome: station.Delivered}
}

// play is what the script says for this attempt. It goes by entry and attempt, so
// that it does not matter which lane comes first.
func (m *model) play(d station.Delivery) play {
	i := slices.IndexFunc(m.recorded, func(e station.EntryStatus) bool { return e.ID == d.ID })
	return m.script[(i+d.Attempt)%len(m.script)]
}

func (m *model) wrong(format string, args ...any) {
	if m.fault == nil {
		m.fault = fmt.Errorf(format, args...)
	}
}

// Deliver makes one attempt as the script has it.
func (m *model) Deliver(_ context.Context, d station.Delivery) station.Receipt {
	m.mu.Lock()
	delay := m.delays[d.Attempt%len(m.delays)]
	m.mu.Unlock()
	time.Sleep(time.Duration(delay) * time.Second)
	m.mu.Lock()
	defer m.mu.Unlock()
	doubtful := station.Receipt{Outcome: station.Doubtful, Err: errors.New("no answer came")}
	if m.dead {
		return doubtful
	}
	play := m.play(d)
	m.mayBeSent(d)
	if d.Doubtful {
		switch {
		case play == isAway:
			return station.Receipt{Outcome: station.Unreached, Err: errors.New("no way there")}
		case play == cannotTell:
			return station.Receipt{Outcome: station.Doubtful, Err: fmt.Errorf("%w: a person must look", station.ErrUndecided)}
		case m.effects[d.ID] > 0:
			m.counts["found by a look"]++
			return station.Receipt{Outcome: station.Delivered, Ref: "ref-" + string(d.ID)}
		case d.Settle > 0:
			return station.Receipt{Outcome: station.Doubtful, Wait: d.Settle, Err: errors.New("no trace of it yet")}
		case d.LookOnly:
			m.counts["proved absent"]++
			m.doubted[d.ID] = false
			return station.Receipt{Outcome: station.Unreached, Err: station.ErrAbsent}
		}
		m.counts["sent again"]++
	}
	return m.act(d, play, doubtful)
}

// act carries an attempt out. The caller holds mu.
func (m *model) act(d station.Delivery, play play, doubtful station.Receipt) station.Receipt {
	did := station.Receipt{Outcome: station.Delivered, Ref: "ref-" + string(d.ID)}
	switch play {
	case loses, saysNothing, cutsAfter:
		m.effects[d.ID]++
		m.doubted[d.ID] = true
	case drops:
		m.doubted[d.ID] = true
	case doesLate:
		m.doubted[d.ID] = true
		m.counts["late effects"]++
		time.AfterFunc(defaultSettle/2, func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.effects[d.ID]++
		})
	case isAway:
		return station.Receipt{Outcome: station.Unreached, Err: errors.New("no way there")}
	case isBusy:
		return station.Receipt{Outcome: station.Unreached, Wait: 20 * time.Second, Err: errors.New("too many requests")}
	case wantsKey:
		return station.Receipt{Outcome: station.Unreached, Err: fmt.Errorf("401: %w", station.ErrKey)}
	case saysNo:
		return station.Receipt{Outcome: station.Refused, Err: fmt.Errorf("no, for reason %d", d.Attempt%2)}
	case does, cannotTell:
		m.effects[d.ID]++
		return did
	}
	switch play {
	case saysNothing:
		return station.Receipt{}
	case cutsBefore, cutsAfter:
		m.doubted[d.ID] = true
		m.cut()
	}
	return doubtful
}

// cut takes the power away: what the card has at this moment is all that is left.
// No commit is under way then: a torn one is another test's.
func (m *model) cut() {
	m.box.mu.Lock()
	defer m.box.mu.Unlock()
	m.dead, m.card = true, m.dir+".card"
	if err := os.CopyFS(m.card, os.DirFS(m.dir)); err != nil {
		m.wrong("%v", err)
	}
}

// mayBeSent checks that it is the entry's turn, and that a look which doubt goes
// by was kept. The caller holds mu.
func (m *model) mayBeSent(d station.Delivery) {
	c, err := m.box.Contents(station.NoLimit())
	if err != nil {
		m.wrong("%v", err)
		return
	}
	i := slices.IndexFunc(c.Entries, func(e station.EntryStatus) bool { return e.ID == d.ID })
	if i < 0 {
		m.wrong("%s is attempted, and is not in the outbox", d.ID)
		return
	}
	live := make(map[station.ID]bool)
	for _, e := range c.Entries {
		live[e.ID] = true
	}
	if c.Entries[i].Condition == station.Held {
		m.wrong("%s is attempted, and is held", d.ID)
	}
	if live[d.About] {
		m.wrong("%s is attempted before what it is about has ended", d.ID)
	}
	if looks := d.Verb == "article.count" || d.Verb == "changeover.start"; looks && d.Doubtful {
		switch {
		case len(d.Before) == 0:
			m.wrong("%s %s is in doubt, and it never looked, so nothing was ever sent", d.ID, d.Verb)
		case !slices.Contains(m.saw[d.ID], string(d.Before)):
			m.wrong("%s %s is in doubt and goes by %q, and it saw %q", d.ID, d.Verb, d.Before, m.saw[d.ID])
		}
	}
	for _, e := range c.Entries[:i] {
		overtakes := e.Lane == d.Lane && (d.Barrier || e.Condition != station.Held && !live[e.About])
		if overtakes && !d.Doubtful { // what is in doubt keeps its turn
			m.wrong("%s %s overtakes %s %s, which is %s", d.ID, d.Verb, e.ID, e.Verb, e.Condition)
		}
	}
}
