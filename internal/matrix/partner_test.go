package matrix

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"stationd/internal/queue"
	"stationd/internal/relay"
	"stationd/internal/station"
)

// When the second station in a lane acts.
const (
	atOnce     = "at the same time"
	whenStruck = "when the first is struck"
)

// A partner is the second station in a lane: it does the same as the first, by the same relays.
// All methods do nothing where there is none.
type partner struct {
	cell    *cell
	when    string
	process *process
	link    *relay.Link
	outbox  *queue.Outbox
	backend station.Backend
	entries []station.ID // its own: the action and, where a call is closed again, that

	turn    chan struct{} // has room while nobody counts
	effects []int         // whose each was, in the plant's order: marks from 0; -1: nobody can tell
}

func newPartner(c *cell, when string) *partner {
	return &partner{cell: c, when: when, process: &process{engine: c.relay.engine.Table()}, turn: make(chan struct{}, 1)}
}

func (p *partner) open() {
	if p == nil {
		return
	}
	c := p.cell
	c.t.Helper()
	var err error
	p.outbox, err = queue.Open(filepath.Join(c.dir, "outbox-2.db"), queue.Setting{
		Size: 128 << 10, Stamp: c.stamp, Program: func() station.Program { return c.program(2) },
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

func (p *partner) close() {
	if p == nil {
		return
	}
	if err := errors.Join(p.outbox.Verify(), p.outbox.Close(), queue.VerifyFile(filepath.Join(p.cell.dir, "outbox-2.db"))); err != nil {
		p.cell.t.Error(err)
	}
}

func (p *partner) connect() {
	if p != nil && p.backend == nil {
		p.link, p.backend = p.cell.link("pack4-2", p.process)
	}
}

func (p *partner) record(code string) {
	if p == nil {
		return
	}
	made, err := p.outbox.Record(station.Event{Source: "hand", Kind: station.Scan, Code: code, At: p.cell.stamp(time.Now())})
	if err != nil || len(made.Entries) != 1 {
		p.cell.t.Errorf("the second station: %s made %v: %v", code, made.Entries, err)
		return
	}
	if code != "BEFORE" {
		p.entries = append(p.entries, made.Entries[0])
	}
}

// joins has it act with the first station, if it is to.
func (p *partner) joins() {
	if p == nil || p.when != atOnce {
		return
	}
	p.record("ACT")
	if p.cell.sample.closed && p.cell.sample.outage == 0 {
		p.record("CLOSE")
	}
}

// closes has it close the call that it opened in an outage.
func (p *partner) closes() {
	if p != nil {
		p.record("CLOSE")
	}
}

// struck has it act when the first station was struck, if it is to.
func (p *partner) struck() {
	if p == nil || p.when != whenStruck {
		return
	}
	p.record("ACT")
	if p.cell.sample.closed {
		p.record("CLOSE")
	}
}

// next has the first station do the same once more, where the plant can tell it from the action.
func (p *partner) next() []station.ID {
	if p == nil || !p.cell.sample.again() {
		return nil
	}
	return []station.ID{p.cell.record("NEXT")}
}

func (p *partner) deliver(so time.Duration, over <-chan struct{}) {
	drain(p.cell.t, p.outbox, p.cell.sample.backend, p.backend, so, nil, over)
}

// A marking is the field by which the plant can tell who did it: what the action of the first station
// has there, that of the second, and the next of the first.
type marking struct {
	field string
	of    [3]string
}

// marked is how the plant can tell whose an action was; nil: it cannot.
func (s sample) marked() *marking {
	fields := map[string]marking{
		"dispatch.open":     {"description", [3]string{"Help needed", "Line 2 needs help", "Help needed again"}},
		"changeover.start":  {"product", [3]string{"100", "200", "300"}},
		"production.record": {"actual", [3]string{"9181", "9281", "9381"}},
		"order.update":      {"comment", [3]string{"by hand", "by foot", "by ear"}},
		"article.update":    {"finished", [3]string{"191", "192", "193"}},
		"article.trace":     {"serial", [3]string{"S1", "S2", "S3"}},
	}
	for _, same := range []string{"dispatch.add", "dispatch.complete", "dispatch.close"} {
		fields[same] = fields["dispatch.open"]
	}
	m, can := fields[s.verb]
	if _, has := s.with[m.field]; !can || s.reads || !has && !s.called {
		return nil
	}
	return &m
}

// again reports whether the first station does it a second time: a call that is open it does not open
// again.
func (s sample) again() bool {
	return s.marked() != nil && !s.called && s.verb != "dispatch.open"
}

// counts carries a request out, and says whose effect it had.
func (p *partner) counts(r *http.Request, carryOut func()) {
	if p == nil {
		carryOut()
		return
	}
	c := p.cell
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	p.turn <- struct{}{}
	before := p.done()
	defer func() {
		for k, n := range p.done() {
			for range n - before[k] {
				p.effects = append(p.effects, p.whose(k, r, body))
			}
		}
		<-p.turn
	}()
	carryOut()
}

// done is how often it was done: in all, or by each where the plant's own records have the marking.
func (p *partner) done() (n []int) {
	s := p.cell.sample
	m := s.marked()
	if m == nil || m.field != "description" {
		return []int{s.done(p.cell.plant)}
	}
	n = make([]int, len(m.of))
	for _, d := range p.cell.plant.Dispatches() {
		is := d.Type == s.with["type"]
		switch s.verb {
		case "dispatch.complete":
			is = !d.Completed.IsZero()
		case "dispatch.close":
			is = !d.Closed.IsZero()
		}
		for k, text := range m.of {
			if is && strings.HasSuffix(d.Description, text) {
				n[k]++
			}
		}
	}
	return n
}

// whose says whose an effect was.
func (p *partner) whose(k int, r *http.Request, body []byte) int {
	m := p.cell.sample.marked()
	switch {
	case m == nil:
		return -1
	case m.field == "description":
		return k
	}
	text := r.URL.String() + " " + strings.ReplaceAll(string(body), "+", " ")
	for k, of := range m.of {
		if regexp.MustCompile(`\b` + of + `\b`).MatchString(text) {
			return k
		}
	}
	p.cell.t.Errorf("whose is %s %s?", r.URL, body)
	return -1
}

// judge compares what both outboxes believe with what the plant knows.
func (p *partner) judge(entries []station.ID) (ends []end) {
	c := p.cell
	if err := c.outbox.Verify(); err != nil {
		c.t.Error(err)
	}
	all := make(map[station.ID]station.EntryStatus)
	for _, box := range []*queue.Outbox{c.outbox, p.outbox} {
		contents, err := box.Contents(station.NoLimit())
		if err != nil {
			c.t.Fatal(err)
		}
		for _, e := range contents.Entries {
			all[e.ID] = e
		}
	}
	by := map[int]int{}
	for _, k := range p.effects {
		by[k]++
	}
	acts := []station.ID{entries[0]}
	marks := []int{0}
	if len(p.entries) > 0 {
		acts, marks = append(acts, p.entries[0]), append(marks, 1)
	}
	if c.sample.again() {
		acts, marks = append(acts, entries[1]), append(marks, 2)
	}
	if by[-1] > len(acts) {
		return []end{{word: twice, reason: fmt.Sprintf("%d times by %d", by[-1], len(acts))}}
	}
	left := by[-1]
	for i, id := range acts {
		n := by[marks[i]]
		if c.sample.marked() == nil {
			n = min(1, left)
		}
		e := p.end(id, all, n, by[-1])
		if c.sample.marked() == nil && e.word == once {
			left--
		}
		ends = append(ends, e)
	}
	for _, of := range [][]station.ID{entries, p.entries} {
		for _, id := range of {
			if e, there := all[id]; there && !slices.Contains(acts, id) {
				ends = append(ends, end{word: isHeld, hold: e.Hold, reason: e.Reason})
				if e.Condition != station.Held {
					ends[len(ends)-1] = end{word: waits}
				}
			}
		}
	}
	if first, again := slices.Index(p.effects, 0), slices.Index(p.effects, 2); first >= 0 && again >= 0 && again < first {
		ends = append(ends, end{word: wrong, reason: "the next of the first station was done before its first"})
	}
	if c.sample.wrong != nil && len(p.entries) > 0 {
		if why := c.sample.wrong(c); why != "" && !slices.ContainsFunc(ends, func(e end) bool { return e.word == isHeld }) {
			ends = append(ends, end{word: wrong, reason: why})
		}
	}
	return ends
}

// end is what one action came to that had n effects; together is how many there are of whom nobody
// can tell whose.
func (p *partner) end(id station.ID, all map[station.ID]station.EntryStatus, n, together int) end {
	s := p.cell.sample
	e, there := all[id]
	switch {
	case n > 1:
		return end{word: twice, reason: fmt.Sprintf("%d times", n)}
	case there && e.Condition == station.Held:
		return end{word: isHeld, hold: e.Hold, done: n == 1, reason: e.Reason}
	case there && p.behindHeld(e, all):
		return end{word: isHeld, reason: "a person decides about the one before in the lane"}
	case there:
		return end{word: waits}
	case n == 1:
		return end{word: once}
	case s.reads, s.with["once"] != "" && len(p.effects) > 0:
		return end{word: adopted}
	case together > 0:
		return end{word: anothers}
	}
	return end{word: lost}
}

// behindHeld reports whether an entry waits for a person to decide about another of its station in the
// lane: nothing overtakes it there.
func (p *partner) behindHeld(e station.EntryStatus, all map[station.ID]station.EntryStatus) bool {
	own := slices.Contains(p.entries, e.ID)
	for id, other := range all {
		if other.Condition == station.Held && other.Lane == e.Lane && slices.Contains(p.entries, id) == own {
			return true
		}
	}
	return false
}
