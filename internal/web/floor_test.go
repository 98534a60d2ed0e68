package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stationd/internal/station"
)

// A floor is a station in memory, with an outbox that does what a person decides.
type floor struct {
	mu       sync.Mutex
	snapshot station.Snapshot
	entries  []station.Standing
	kept     []station.Event
	events   []station.Event // recorded
	unread   error
	unsound  error
	ended    map[station.ID]station.Ended
	reads    int // how often its contents were read for the page
	changed  chan struct{}
}

// stockholm is the zone of the station, without the tables of the machine.
var stockholm = time.FixedZone("CET", 3600)

// at is a moment of the one boot that these tests know.
func at(clock string) station.Stamp {
	wall, err := time.ParseInLocation("2006-01-02 15:04", "2026-03-14 "+clock, stockholm)
	if err != nil {
		panic(err)
	}
	boot := time.Date(2026, 3, 14, 5, 0, 0, 0, stockholm)
	return station.Stamp{Wall: wall, Boot: "b1", Up: wall.Sub(boot), Trusted: true}
}

var now = at("14:30")

// quiet is a station where everything has been delivered.
func quiet() *floor {
	return &floor{
		changed: make(chan struct{}),
		snapshot: station.Snapshot{
			Station: "pack4-1",
			Version: "1.0.0",
			Now:     now,
			Lights:  map[string]station.Light{"red": station.Steady, "blue": station.Off},
			State: station.State{
				Values: map[string]station.Value{
					"order": {Text: "4711", At: at("13:58")},
					"batch": {Text: "A1", At: at("06:00"), For: time.Hour},
				},
				Calls: []station.Call{{
					Backend: "l2l", Subject: map[string]string{"machine": "SEAL-1", "type": "MAINT"}, Source: "maintenance",
					Lane: "l2l/machine:SEAL-1", Entry: "00000000000000000000000000000001.1", Ref: "88123", At: at("14:12"),
				}},
				Notes: map[string]station.Note{
					"maintenance": {Kind: station.NoteDelivered, At: at("14:12")},
					"hand":        {Kind: station.NoteSet, Text: "PO4711", At: at("13:58")},
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

// trace is an entry about an article.
func trace(n uint32) station.Standing {
	return station.Standing{
		Seq:       uint64(n),
		Condition: station.Waiting,
		Entry: station.Entry{
			ID: station.ID(fmt.Sprintf("%08x000000000000000000000000.1", n)), Source: "hand", Kind: station.Scan, At: at("14:21"),
			Action: station.Action{
				Lane: "lagerkoll/order:4711", Verb: "article.trace",
				With: map[string]string{"order": "4711", "article": "07350053850019", "batch": "A1", "amount": "1"},
			},
		},
	}
}

// offline is a station whose network is down while seven entries wait.
func offline() *floor {
	f := quiet()
	for n := range 7 {
		f.entries = append(f.entries, trace(uint32(0x10+n)))
	}
	f.entries[0].Condition = station.Marked
	f.snapshot.Waiting, f.snapshot.Oldest = 7, at("14:21")
	f.snapshot.Lights["red"] = station.Slow
	f.snapshot.Health.Backends = map[string]station.Contact{
		"l2l":       {Kind: station.NoContact, Last: "dial tcp: lookup acme.leading2lean.com: no such host"},
		"lagerkoll": {Kind: station.NoContact, Last: "dial tcp: lookup capi.lagerkoll.com: no such host"},
	}
	f.snapshot.State.Calls[0].Ref = ""
	f.snapshot.State.Notes["hand"] = station.Note{Kind: station.NoteRecorded, Text: "]d20107350053850019\x1d10A1", At: at("14:21")}
	return f
}

// held is a station where two entries and a scan wait for a person.
func held() *floor {
	f := quiet()
	no, perhaps := trace(0x9f86d081), trace(0x5a11ce00)
	no.Condition, no.Hold, no.Reason = station.Held, station.HoldRefused, "422: Article 07350053850019 is not part of production order 4711"
	perhaps.Condition, perhaps.Hold, perhaps.Reason = station.Held, station.HoldUndecided, "finished rose by 3, this entry's amount is 1"
	f.entries = []station.Standing{no, perhaps, trace(0x33)}
	f.kept = []station.Event{
		{ID: "feed0000000000000000000000000000", Source: "hand", Kind: station.Scan, Code: "WIFI:S:guest;T:WPA;;", At: at("14:25")},
		{ID: "da3a6ed0000000000000000000000000", Source: station.FromStation, Kind: "salvaged", Code: "the outbox was damaged, and it was made anew: 146 entries saved, 4 lost", At: at("14:20")},
	}
	f.snapshot.Held, f.snapshot.Waiting, f.snapshot.Kept, f.snapshot.Oldest = 2, 1, 2, at("14:21")
	f.snapshot.Lights["red"] = station.Quick
	f.snapshot.State.Notes["hand"] = station.Note{Kind: station.NoteHeld, Text: no.Reason, At: at("14:22")}
	f.snapshot.Health.Devices["hand"] = "port usb:0403:6001: it is unplugged"
	return f
}

// broken is a station whose card has died.
func broken() *floor {
	f := quiet()
	f.snapshot.Health.Storage = "outbox /var/lib/stationd/outbox.db: storage failed: input/output error"
	f.snapshot.Health.Clock, f.snapshot.Now.Trusted = false, false
	f.snapshot.Lights["red"], f.snapshot.Lights["blue"] = station.Quick, station.Quick
	return f
}

// hostile is a station where somebody scans code and a vendor answers with it.
func hostile() *floor {
	f := held()
	f.snapshot.Station = `<b>pack</b>`
	f.entries[0].Reason = `<img src=x onerror="document.title='hacked'">`
	f.entries[0].With["article"] = `"><script>document.title='hacked'</script>`
	f.kept[0].Code = "<script>document.title='hacked'</script>\x1d\x00\u202e\u2028"
	f.kept[0].ID = `"><script>document.title='hacked'</script>`
	f.snapshot.State.Notes["hand"] = station.Note{Kind: station.NoteUnknown, Text: f.kept[0].Code, At: at("14:25")}
	f.snapshot.State.Values["order"] = station.Value{Text: "'><i onmouseover=alert(1)>", At: at("13:58")}
	f.snapshot.Lights[`x" onload="alert(1)`] = station.Off
	return f
}

// change changes the floor and tells whoever waits for it.
func (f *floor) change(how func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how()
	f.snapshot.Commits++
	close(f.changed)
	f.changed = make(chan struct{})
}

// list lists the floor as the outbox does.
func (f *floor) list(limit station.Limit, entry func(station.Standing) error, kept func(station.Event) error) (all station.Totals, err error) {
	f.mu.Lock()
	entries, events, err := slices.Clone(f.entries), slices.Clone(f.kept), f.unread
	f.mu.Unlock()
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

// recorded returns the events that were recorded.
func (f *floor) recorded() []station.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.events)
}

// record does with an event what the outbox does.
func (f *floor) record(ev station.Event) (station.Result, error) {
	switch ev.Kind {
	case station.VerbRetry, station.VerbDiscard:
		return station.Result{ID: ev.ID}, f.decide(ev)
	}
	return f.enter(ev), nil
}

// decide carries out what a person decided about what is held or kept.
func (f *floor) decide(ev station.Event) (err error) {
	f.change(func() {
		f.events = append(f.events, ev)
		about := station.ID(ev.Data["entry"])
		is := func(e station.Standing) bool { return e.ID == about && e.Condition == station.Held }
		if i := slices.IndexFunc(f.kept, func(k station.Event) bool { return k.ID == about }); i >= 0 && ev.Kind == station.VerbDiscard {
			f.kept = slices.Delete(slices.Clone(f.kept), i, i+1)
			f.snapshot.Kept--
			return
		}
		i := slices.IndexFunc(f.entries, is)
		if i < 0 {
			err = errors.New("entry " + about.Short() + ": no such entry that is held: only what is held can be retried or discarded")
			return
		}
		f.entries = slices.Clone(f.entries)
		f.snapshot.Held--
		if ev.Kind == station.VerbDiscard {
			f.entries = slices.Delete(f.entries, i, i+1)
			return
		}
		f.entries[i].Condition, f.entries[i].Hold, f.entries[i].Reason = station.Waiting, station.HoldNone, ""
		f.snapshot.Waiting++
	})
	return err
}

// desk is the floor as the page sees it.
func (f *floor) desk(language string) Desk {
	locked := func(look func()) {
		f.mu.Lock()
		defer f.mu.Unlock()
		look()
	}
	return Desk{
		Snapshot: func() (s station.Snapshot) {
			locked(func() { s = f.snapshot })
			return s
		},
		Contents: func(limit station.Limit) (c station.Contents, err error) {
			locked(func() { f.reads++ })
			c.Totals, err = f.list(limit,
				func(e station.Standing) error { c.Entries = append(c.Entries, e); return nil },
				func(ev station.Event) error { c.Kept = append(c.Kept, ev); return nil })
			return c, err
		},
		List: f.list,
		Find: func(begins string) (found []station.ID, err error) {
			_, err = f.list(station.NoLimit(), func(e station.Standing) error {
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
		},
		Standing: func(id station.ID) (s station.Standing, there bool, err error) {
			locked(func() {
				if i := slices.IndexFunc(f.entries, func(e station.Standing) bool { return e.ID == id }); i >= 0 {
					s, there = f.entries[i], true
				}
				err = f.unread
			})
			return s, there, err
		},
		Record:   f.record,
		Recorded: func(station.ID, string) (station.Result, bool) { return station.Result{}, false },
		Program:  program,
		State: func() (s station.State) {
			locked(func() { s = f.snapshot.State })
			return s
		},
		Ended: func(id station.ID) (e station.Ended, known bool) {
			locked(func() { e, known = f.ended[id] })
			return e, known
		},
		Read:   f.read,
		Verify: func() error { return f.unsound },
		Changed: func() (c <-chan struct{}) {
			locked(func() { c = f.changed })
			return c
		},
		Stamp: func(time.Time) (s station.Stamp) {
			locked(func() { s = f.snapshot.Now })
			return s
		},
		Measures: func() map[string]map[string]int {
			return map[string]map[string]int{"glitches": {"maintenance": 3}, "repeats": {"hand": 2}}
		},
		Language: language,
		Zone:     stockholm,
	}
}

// open opens a page of the floor on a free port of the loopback.
func open(t *testing.T, f *floor, language string) *Server {
	t.Helper()
	s, err := Open("127.0.0.1:0", f.desk(language), quietLog())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.listener.Close() })
	return s
}

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// ask puts a request from the station's own screen to the page.
func ask(s *Server, method, path, form string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form))
	r.Host, r.RemoteAddr = "127.0.0.1:8420", "127.0.0.1:50000"
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, r)
	return w
}

// program is a station that speaks to one vendor, in a few words.
func program() station.Program {
	return station.Program{Station: "pack4-1", Vendors: map[string]station.Vendor{"l2l": {
		To:       "https://acme.example/api/1.0/ site 12",
		Defaults: map[string]string{"machine": "SEAL-1"},
		Verbs: []station.Verb{
			{Name: "dispatch.open", Opens: []string{"machine", "type"}, Lane: []string{"machine"}, Fields: []station.Field{
				{Name: "machine", Required: true}, {Name: "type", Required: true, Means: "dispatch type code: MAINT"}, {Name: "reason", Type: station.Integer}}},
			{Name: "dispatch.close", Ends: "dispatch", Fields: []station.Field{{Name: "dispatch", Type: station.Integer, Means: "id of the dispatch"}}},
			{Name: "list.print", Fleeting: true, Fields: []station.Field{{Name: "order", Required: true}}},
		},
	}}}
}

// enter decides an event, and keeps the state and the entries.
func (f *floor) enter(ev station.Event) station.Result {
	done := station.Result{ID: ev.ID}
	f.change(func() {
		f.events = append(f.events, ev)
		var actions []station.Action
		f.snapshot.State, actions, done.Note = program().Answer(f.snapshot.State, ev)
		for i, a := range actions {
			if a.Verb == station.VerbRetry {
				done.Retried = a.About
			}
			if a.Lane == "" || a.Fleeting {
				continue
			}
			e := station.Entry{ID: ev.ID.Entry(i + 1), Source: ev.Source, Kind: ev.Kind, At: ev.At, Action: a}
			f.entries = append(slices.Clone(f.entries), station.Standing{Entry: e, Condition: station.Waiting})
			done.Entries = append(done.Entries, e.ID)
		}
	})
	return done
}

// read is a vendor that tells what it was asked.
func (f *floor) read(_ context.Context, backend, name string, with map[string]string) (station.Answer, error) {
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
