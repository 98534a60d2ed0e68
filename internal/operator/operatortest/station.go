// Package operatortest has a station in memory for the tests of the page and of the
// control socket: an outbox that does what a person decides, in the states that a
// person meets.
package operatortest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stationd/internal/operator"
	"stationd/internal/station"
)

// A Station is a station in memory, with an outbox that does what a person decides.
type Station struct {
	mu      sync.Mutex // guards all fields once requests may come
	events  []station.Event
	reads   int
	changed chan struct{}

	Shown   station.Snapshot
	Entries []station.EntryStatus
	Kept    []station.Event
	Left    map[station.ID]station.Ended // entries that have left the outbox
	Unread  error                        // why the entries cannot be read
	Unsound error                        // what Verify finds
}

// Stockholm is the zone of the station, without the tables of the machine.
func Stockholm() *time.Location { return time.FixedZone("CET", 3600) }

// At is a moment of the one boot that these tests know.
func At(clock string) station.Stamp {
	wall, _ := time.ParseInLocation("2006-01-02 15:04", "2026-03-14 "+clock, Stockholm()) // the zero time shows in any test
	boot := time.Date(2026, 3, 14, 5, 0, 0, 0, Stockholm())
	return station.Stamp{Wall: wall, Boot: "b1", Up: wall.Sub(boot), Trusted: true}
}

// Now is the moment at which the station is looked at.
func Now() station.Stamp { return At("14:30") }

// Quiet is a station where everything has been delivered.
func Quiet() *Station {
	return &Station{
		changed: make(chan struct{}),
		Shown: station.Snapshot{
			Station: "pack4-1",
			Version: "1.0.0",
			Now:     Now(),
			Lights:  map[string]station.Light{"red": station.Steady, "blue": station.Off},
			State: station.State{
				Values: map[string]station.Value{
					"order": {Text: "4711", At: At("13:58")},
					"batch": {Text: "A1", At: At("06:00"), For: time.Hour},
				},
				Calls: []station.Call{{
					Backend: "l2l", Subject: map[string]string{"machine": "SEAL-1", "type": "MAINT"}, Source: "maintenance",
					Lane: "l2l/machine:SEAL-1", Entry: "00000000000000000000000000000001.1", Ref: "88123", At: At("14:12"),
				}},
				Notes: map[string]station.Note{
					"maintenance": {Kind: station.NoteDelivered, At: At("14:12")},
					"hand":        {Kind: station.NoteSet, Text: "PO4711", At: At("13:58")},
				},
			},
			Health: station.Health{
				Fill:     0.004,
				Clock:    true,
				Backends: map[string]station.Contact{"l2l": {Kind: station.Connected}, "lagerkoll": {Kind: station.Connected}},
				Devices:  map[string]string{"maintenance": "", "hand": "", "red": ""},
			},
			Counts: station.Counts{
				Events:   map[string]int{"maintenance.press": 4, "hand.scan": 19},
				Outcomes: map[[2]string]int{{"l2l", "delivered"}: 4, {"l2l", "unreached"}: 2, {"lagerkoll", "refused"}: 1},
				Unknown:  1,
			},
		},
	}
}

// Trace is an entry about an article.
func Trace(n uint32) station.EntryStatus {
	return station.EntryStatus{
		Seq:       uint64(n),
		Condition: station.Waiting,
		Entry: station.Entry{
			ID: station.ID(fmt.Sprintf("%08x000000000000000000000000.1", n)), Source: "hand", Kind: station.Scan, At: At("14:21"),
			Action: station.Action{
				Lane: "lagerkoll/order:4711", Verb: "article.trace",
				With: map[string]string{"order": "4711", "article": "07350053850019", "batch": "A1", "amount": "1"},
			},
		},
	}
}

// Offline is a station whose network is down while seven entries wait.
func Offline() *Station {
	m := Quiet()
	for n := range 7 {
		m.Entries = append(m.Entries, Trace(uint32(0x10+n)))
	}
	m.Entries[0].Condition = station.Marked
	m.Shown.Waiting, m.Shown.Oldest = 7, At("14:21")
	m.Shown.Lights["red"] = station.Slow
	m.Shown.Health.Backends = map[string]station.Contact{
		"l2l":       {Kind: station.NoContact, Last: "dial tcp: lookup acme.leading2lean.com: no such host"},
		"lagerkoll": {Kind: station.NoContact, Last: "dial tcp: lookup capi.lagerkoll.com: no such host"},
	}
	m.Shown.State.Calls[0].Ref = ""
	m.Shown.State.Notes["hand"] = station.Note{Kind: station.NoteRecorded, Text: "]d20107350053850019\x1d10A1", At: At("14:21")}
	return m
}

// Held is a station where two entries and a scan wait for a person.
func Held() *Station {
	m := Quiet()
	no, perhaps := Trace(0x9f86d081), Trace(0x5a11ce00)
	no.Condition, no.Hold, no.Reason = station.Held, station.HoldRefused, "422: Article 07350053850019 is not part of production order 4711"
	no.Why = &station.Reason{Kind: "lagerkoll-903003", Quote: "Article 07350053850019 is not part of production order 4711"}
	perhaps.Condition, perhaps.Hold, perhaps.Reason = station.Held, station.HoldUndecided, "finished rose by 3, this entry's amount is 1"
	m.Entries = []station.EntryStatus{no, perhaps, Trace(0x33)}
	m.Kept = []station.Event{
		{ID: "feed0000000000000000000000000000", Source: "hand", Kind: station.Scan, Code: "WIFI:S:guest;T:WPA;;", At: At("14:25")},
		{ID: "da3a6ed0000000000000000000000000", Source: station.FromStation, Kind: "salvaged", Code: "the outbox was damaged, and was rebuilt: 146 entries recovered, 4 lost", At: At("14:20")},
	}
	m.Shown.Held, m.Shown.Waiting, m.Shown.Kept, m.Shown.Oldest = 2, 1, 2, At("14:21")
	m.Shown.Lights["red"] = station.Quick
	m.Shown.State.Notes["hand"] = station.Note{Kind: station.NoteHeld, Text: no.Reason, Why: no.Why, At: At("14:22")}
	m.Shown.Health.Devices["hand"] = "port usb:0403:6001: it is unplugged"
	return m
}

// Broken is a station whose card has died.
func Broken() *Station {
	m := Quiet()
	m.Shown.Health.Storage = "outbox /var/lib/stationd/outbox.db: storage failed: input/output error"
	m.Shown.Health.Clock, m.Shown.Now.Trusted = false, false
	m.Shown.Lights["red"], m.Shown.Lights["blue"] = station.Quick, station.Quick
	return m
}

// Hostile is a station where somebody scans code and a vendor answers with it.
func Hostile() *Station {
	m := Held()
	m.Shown.Station = `<b>pack</b>`
	m.Entries[0].Reason = `<img src=x onerror="document.title='hacked'">`
	m.Entries[0].Why = &station.Reason{Quote: m.Entries[0].Reason}
	m.Entries[0].With["article"] = `"><script>document.title='hacked'</script>`
	m.Kept[0].Code = "<script>document.title='hacked'</script>\x1d\x00\u202e\u2028"
	m.Kept[0].ID = `"><script>document.title='hacked'</script>`
	m.Shown.State.Notes["hand"] = station.Note{Kind: station.NoteUnknown, Text: m.Kept[0].Code, At: At("14:25")}
	m.Shown.State.Values["order"] = station.Value{Text: "'><i onmouseover=alert(1)>", At: At("13:58")}
	m.Shown.Lights[`x" onload="alert(1)`] = station.Off
	return m
}

// Change changes the station and tells whoever waits for it.
func (m *Station) Change(how func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	how()
	m.Shown.Commits++
	close(m.changed)
	m.changed = make(chan struct{})
}

// List lists the station as the outbox does.
func (m *Station) List(limit station.Limit, entry func(station.EntryStatus) error, kept func(station.Event) error) (all station.Totals, err error) {
	m.mu.Lock()
	entries, events, err := slices.Clone(m.Entries), slices.Clone(m.Kept), m.Unread
	m.mu.Unlock()
	if err != nil {
		return all, err
	}
	for _, e := range entries {
		count, most := &all.Waiting, limit.Waiting
		if e.Condition == station.Held {
			count, most = &all.Held, limit.Held
		}
		if *count++; most < 0 || *count <= most {
			err = errors.Join(err, entry(e))
		}
	}
	for _, ev := range events {
		if ev.Source == station.FromStation {
			all.Notices++
		} else {
			all.Unknown++
		}
	}
	leave := 0
	if limit.Unknown >= 0 {
		leave = all.Unknown - limit.Unknown
	}
	for _, ev := range events {
		if ev.Source != station.FromStation && leave > 0 {
			leave--
			continue
		}
		err = errors.Join(err, kept(ev))
	}
	return all, err
}

// Lanes lists the lanes as the outbox does.
func (m *Station) Lanes(most int) (some []station.LaneStatus, all int) {
	m.locked(func() {
		for _, e := range m.Entries {
			i := slices.IndexFunc(some, func(l station.LaneStatus) bool { return l.Name == e.Lane })
			if i < 0 {
				i, some = len(some), append(some, station.LaneStatus{Name: e.Lane})
			}
			if e.Condition == station.Held {
				some[i].Held++
			} else {
				some[i].Waiting++
			}
		}
	})
	return some[:min(len(some), most)], len(some)
}

// Events returns the events that were recorded.
func (m *Station) Events() []station.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.events)
}

// Record does with an event what the outbox does.
func (m *Station) Record(ev station.Event) (station.Result, error) {
	switch ev.Kind {
	case station.VerbRetry, station.VerbDiscard, station.VerbEdit:
		return station.Result{ID: ev.ID}, m.decide(ev)
	}
	return m.enter(ev), nil
}

// decide carries out what a person decided about what is held or kept.
func (m *Station) decide(ev station.Event) (err error) {
	m.Change(func() {
		m.events = append(m.events, ev)
		about := []string{ev.Data[station.DataEntry]}
		if several := ev.Data[station.DataEntries]; several != "" {
			about = strings.Fields(several)
		}
		for _, id := range about {
			if err = m.decideOne(ev, station.ID(id)); err != nil {
				return
			}
		}
	})
	return err
}

func (m *Station) decideOne(ev station.Event, about station.ID) error {
	is := func(e station.EntryStatus) bool { return e.ID == about && e.Condition == station.Held }
	if i := slices.IndexFunc(m.Kept, func(k station.Event) bool { return k.ID == about }); i >= 0 && ev.Kind == station.VerbDiscard {
		m.Kept = slices.Delete(slices.Clone(m.Kept), i, i+1)
		m.Shown.Kept--
		return nil
	}
	i := slices.IndexFunc(m.Entries, is)
	if i < 0 {
		return station.Because(errors.New("entry "+about.Short()+": no such entry that is held: only what is held can be retried, edited or discarded"), "not-held")
	}
	m.Entries = slices.Clone(m.Entries)
	m.Shown.Held--
	if ev.Kind == station.VerbDiscard {
		m.Entries = slices.Delete(m.Entries, i, i+1)
		return nil
	}
	e := &m.Entries[i]
	if ev.Kind == station.VerbEdit {
		e.ID, e.With = ev.ID.Entry(1), maps.Clone(e.With)
		for name, value := range ev.Data {
			if field, is := strings.CutPrefix(name, station.EditField("")); is {
				e.With[field] = value
			}
		}
	}
	e.Condition, e.Hold, e.Reason = station.Waiting, station.HoldNone, ""
	m.Shown.Waiting++
	return nil
}

// Program is a station that speaks to one vendor, in a few words, and to another that can
// do nothing.
func Program() station.Program {
	return station.Program{Station: "pack4-1", Lamps: []string{"red", "blue"}, Lamp: map[string]string{"maintenance": "red", "hand": "blue"}, Vendors: map[string]station.Vendor{"lagerkoll": {Title: "Lagerkoll"}, "l2l": {
		Title:    "L2L",
		To:       "https://acme.example/api/1.0/ site 12",
		Defaults: map[string]string{"machine": "SEAL-1"},
		Verbs: []station.Verb{
			{Name: "dispatch.open", Opens: []string{"machine", "type"}, Lane: []string{"machine"}, Fields: []station.Field{
				{Name: "machine", Required: true}, {Name: "type", Required: true, Help: "dispatch type code: MAINT"}, {Name: "reason", Type: station.Integer}}},
			{Name: "dispatch.close", Ends: "dispatch", Fields: []station.Field{{Name: "dispatch", Type: station.Integer, Help: "id of the dispatch"}}},
			{Name: "list.print", BestEffort: true, Fields: []station.Field{{Name: "order", Required: true}}},
		},
	}}}
}

// enter decides an event, and keeps the state and the entries.
func (m *Station) enter(ev station.Event) station.Result {
	done := station.Result{ID: ev.ID}
	m.Change(func() {
		m.events = append(m.events, ev)
		var actions []station.Action
		m.Shown.State, actions, done.Note = Program().Answer(m.Shown.State, ev)
		for i, a := range actions {
			if a.Verb == station.VerbRetry {
				done.Retried = a.About
			}
			if a.Lane == "" || a.BestEffort {
				continue
			}
			e := station.Entry{ID: ev.ID.Entry(i + 1), Source: ev.Source, Kind: ev.Kind, At: ev.At, Action: a}
			m.Entries = append(slices.Clone(m.Entries), station.EntryStatus{Entry: e, Condition: station.Waiting})
			done.Entries = append(done.Entries, e.ID)
		}
	})
	return done
}

// Read is a vendor that tells what it was asked.
func (m *Station) Read(_ context.Context, backend, name string, with map[string]string) (station.Answer, error) {
	switch name {
	case "picture":
		return station.Answer{File: []byte("%PDF-1.7 \x00\xff"), Type: "application/pdf"}, nil
	case "silence":
		return station.Answer{}, errors.New("GET dispatches/: sent, and no answer came")
	}
	a, err := station.AnswerOf(with, "BACKEND", "NAME", "MACHINE")
	a.Rows, a.Note = [][]string{{backend, name, with["machine"]}}, "all of it"
	return a, err
}

func (m *Station) locked(look func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	look()
}

// Snapshot returns the station as it is.
func (m *Station) Snapshot() (s station.Snapshot) {
	m.locked(func() { s = m.Shown })
	return s
}

// Contents is List in one piece.
func (m *Station) Contents(limit station.Limit) (c station.Contents, err error) {
	m.locked(func() { m.reads++ })
	c.Totals, err = m.List(limit,
		func(e station.EntryStatus) error { c.Entries = append(c.Entries, e); return nil },
		func(ev station.Event) error { c.Kept = append(c.Kept, ev); return nil })
	return c, err
}

// Reads returns how often Contents was called.
func (m *Station) Reads() (n int) {
	m.locked(func() { n = m.reads })
	return n
}

// Find implements control.Outbox.
func (m *Station) Find(begins string) (found []station.ID, err error) {
	_, err = m.List(station.NoLimit(), func(e station.EntryStatus) error {
		if strings.HasPrefix(string(e.ID), begins) {
			found = append(found, e.ID)
		}
		return nil
	}, func(ev station.Event) error {
		if strings.HasPrefix(string(ev.ID), begins) {
			found = append(found, ev.ID)
		}
		return nil
	})
	return found, err
}

// Standing implements operator.Outbox.
func (m *Station) Standing(id station.ID) (s *station.EntryStatus, ended *station.Ended, err error) {
	m.locked(func() {
		if i := slices.IndexFunc(m.Entries, func(e station.EntryStatus) bool { return e.ID == id }); i >= 0 {
			s = &slices.Clone(m.Entries)[i]
		} else if e, known := m.Left[id]; known {
			ended = &e
		}
		err = m.Unread
	})
	return s, ended, err
}

// Recorded knows of no command.
func (m *Station) Recorded(station.ID, string) (station.Result, bool) { return station.Result{}, false }

// State implements operator.Outbox.
func (m *Station) State() station.State { return m.Snapshot().State }

// Adopt finds nothing to adopt.
func (m *Station) Adopt() (int, error) { return 0, nil }

// Verify implements control.Outbox.
func (m *Station) Verify() error { return m.Unsound }

// Changed implements control.Outbox and web.Outbox.
func (m *Station) Changed() (c <-chan struct{}) {
	m.locked(func() { c = m.changed })
	return c
}

// Stamp is always now.
func (m *Station) Stamp(time.Time) station.Stamp { return m.Snapshot().Now }

// Recorder returns a recorder for what people decide about the station.
func (m *Station) Recorder() operator.Recorder {
	return operator.Recorder{Outbox: m, Record: m.Record, Program: Program, Stamp: m.Stamp, Log: slog.New(slog.DiscardHandler)}
}

// Run runs a server until the test ends.
func Run(t *testing.T, s interface{ Run(context.Context) error }) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}
