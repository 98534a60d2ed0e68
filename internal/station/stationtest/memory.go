package stationtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"stationd/internal/station"
)

// The verbs of Memory. They are the two ways of settling a doubt: by a mark that
// rides along, and by comparing with what was there before.
const (
	NoteWrite  = "note.write"  // files a text under the delivery's mark
	NoteErase  = "note.erase"  // takes a note away; doing it again changes nothing
	CounterAdd = "counter.add" // adds one to a counter
)

// Memory is a backend whose vendor is a few fields. It is a station.Looker and
// obeys every rule of Backend; tests of lanes drive it.
type Memory struct {
	to string

	mu       sync.Mutex // guards what follows
	fault    Fault
	notes    []string
	counters map[string]int
	effects  int
}

// NewMemory returns a backend that takes deliveries for that address alone.
func NewMemory(to string) *Memory { return &Memory{to: to, counters: map[string]int{}} }

// Break sets what is broken until the next Break.
func (m *Memory) Break(f Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
}

// Effects returns how often the vendor has acted.
func (m *Memory) Effects() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.effects
}

// Notes returns the texts of the notes that stand, oldest first.
func (m *Memory) Notes() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var texts []string
	for _, n := range m.notes {
		if n != "" {
			texts = append(texts, n)
		}
	}
	return texts
}

// Counter returns the count of a counter.
func (m *Memory) Counter(name string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counters[name]
}

// Verbs lists the three verbs.
func (m *Memory) Verbs() []station.Verb {
	text := station.Field{Name: "text", Required: true, Help: "what the note says"}
	board := station.Field{Name: "board", Required: true, Help: "where it hangs"}
	return []station.Verb{
		{Name: NoteWrite, Fields: []station.Field{board, text}, Lane: []string{"board"}, Opens: []string{"board"}},
		{Name: NoteErase, Fields: []station.Field{{Name: "note", Type: station.Integer, Help: "which note"}}, Ends: "note"},
		{Name: CounterAdd, Fields: []station.Field{{Name: "counter", Required: true, Help: "which counter"}},
			Lane: []string{"counter"}, Barrier: true, Before: true},
	}
}

// Look reads the counter.
func (m *Memory) Look(ctx context.Context, d station.Delivery) ([]byte, station.Receipt) {
	if rc, ok := m.misfit(d); ok {
		return nil, rc
	}
	count, rc := m.read(ctx, d)
	before, _ := json.Marshal(count)
	return before, rc
}

// Deliver makes one attempt.
func (m *Memory) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	if rc, ok := m.misfit(d); ok {
		return rc
	}
	if d.Doubtful && d.Verb != NoteErase {
		if rc, settled := m.settle(ctx, d); settled {
			return rc
		}
	}
	return m.act(ctx, d)
}

func (m *Memory) misfit(d station.Delivery) (station.Receipt, bool) {
	refuse := func(format string, args ...any) (station.Receipt, bool) {
		return station.Receipt{Outcome: station.Refused, Err: fmt.Errorf(format, args...)}, true
	}
	if d.To != m.to {
		return refuse("meant for %s: this station now speaks to %s", d.To, m.to)
	}
	for _, v := range m.Verbs() {
		if v.Name != d.Verb {
			continue
		}
		for _, f := range v.Fields {
			if f.Required && d.With[f.Name] == "" {
				return refuse("%s is missing", f.Name)
			}
		}
		return station.Receipt{}, false
	}
	return refuse("there is no verb %s", d.Verb)
}

// read looks at the vendor: for a note, how often its mark is found; for a
// counter, its count.
func (m *Memory) read(ctx context.Context, d station.Delivery) (int, station.Receipt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return 0, station.Receipt{Outcome: station.Unreached, Err: ctx.Err()}
	case m.fault == Unplugged:
		return 0, station.Receipt{Outcome: station.Unreached, Err: errors.New("the cable is out")}
	case d.Verb == CounterAdd:
		return m.counters[d.With["counter"]], station.Receipt{Outcome: station.Delivered}
	}
	return m.marked(d), station.Receipt{Outcome: station.Delivered}
}

// marked returns the number of the note with the delivery's mark, 0 for none.
func (m *Memory) marked(d station.Delivery) int {
	for i, n := range m.notes {
		if strings.HasPrefix(n, d.ID.Mark()) {
			return i + 1
		}
	}
	return 0
}

func (m *Memory) settle(ctx context.Context, d station.Delivery) (station.Receipt, bool) {
	now, rc := m.read(ctx, d)
	if rc.Outcome != station.Delivered {
		return rc, true
	}
	was := 0
	if d.Verb == CounterAdd {
		if err := json.Unmarshal(d.Before, &was); err != nil {
			return undecided("what it was before is not known"), true
		}
	}
	switch {
	case now == was && d.Settle > 0:
		return station.Receipt{Outcome: station.Doubtful, Wait: d.Settle, Err: errors.New("no trace yet")}, true
	case now == was && d.LookOnly:
		return station.Receipt{Outcome: station.Unreached, Err: station.ErrAbsent}, true
	case now == was:
		return station.Receipt{}, false
	case d.Verb == NoteWrite:
		return station.Receipt{Outcome: station.Delivered, Ref: fmt.Sprint(now)}, true
	case now == was+1:
		return station.Receipt{Outcome: station.Delivered}, true
	}
	return undecided(fmt.Sprintf("the counter went from %d to %d", was, now)), true
}

func undecided(text string) station.Receipt {
	return station.Receipt{Outcome: station.Doubtful, Err: fmt.Errorf("%w: %s", station.ErrUndecided, text)}
}

// act sends the delivery to the vendor, as the fault lets it.
func (m *Memory) act(ctx context.Context, d station.Delivery) station.Receipt {
	m.mu.Lock()
	fault := m.fault
	m.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return station.Receipt{Outcome: station.Unreached, Err: ctx.Err()}
	case fault == Unplugged:
		return station.Receipt{Outcome: station.Unreached, Err: errors.New("the cable is out")}
	case fault == SaysNo:
		return station.Receipt{Outcome: station.Refused, Err: errors.New("the vendor says no")}
	case fault == LostRequest:
		return station.Receipt{Outcome: station.Doubtful, Err: errors.New("no answer came")}
	case fault == Silent:
		select {
		case <-ctx.Done():
		case <-time.After(time.Minute):
		}
		return station.Receipt{Outcome: station.Doubtful, Err: errors.New("no answer came")}
	}
	ref, note := m.effect(d)
	if fault == LostAnswer {
		return station.Receipt{Outcome: station.Doubtful, Err: errors.New("no answer came")}
	}
	return station.Receipt{Outcome: station.Delivered, Ref: ref, Note: note}
}

func (m *Memory) effect(d station.Delivery) (ref, note string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch d.Verb {
	case CounterAdd:
		m.counters[d.With["counter"]]++
	case NoteWrite:
		m.notes = append(m.notes, d.ID.Mark()+" "+d.With["text"])
		ref = fmt.Sprint(len(m.notes))
	case NoteErase:
		n, err := strconv.Atoi(d.With["note"] + d.Ref)
		if err != nil || n < 1 || n > len(m.notes) || m.notes[n-1] == "" {
			return "", "already erased"
		}
		m.notes[n-1] = ""
	}
	m.effects++
	return ref, ""
}
