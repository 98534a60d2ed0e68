package web

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
)

// A state is a station as an operator meets it.
type state struct {
	name  string
	floor func() *operatortest.Station

	// usual: it stands on the screen for a moment or for a shift on any working day, so that
	// nobody should have to scroll for it.
	usual   bool
	program func(*station.Program) // nil: operatortest's
}

// shownIn opens the page of a state in a language.
func (s state) station(language string) (Station, *operatortest.Station) {
	f := s.floor()
	on := shown(f, language)
	if s.program != nil {
		p := operatortest.Program()
		s.program(&p)
		on.Program = func() station.Program { return p }
	}
	return on, f
}

// working is a station in the middle of a shift: an order in hand, somebody at work, and five
// presses and scans of the last minutes.
func working() *operatortest.Station {
	f := operatortest.Quiet()
	s := &f.Shown.State
	s.Calls = nil
	s.Values["user"] = station.Value{Text: "anna.ek", At: operatortest.At("13:50")}
	s.Values["parts"] = station.Value{Text: `["7350","7351","7352"]`, List: 3, At: operatortest.At("14:20")}
	s.Counters = map[string]station.Counter{"made": {Count: 17, Since: operatortest.At("14:00")}}
	s.Lines = map[string]station.Current{"PACK4": {Order: "8801", Product: "PC-200", At: operatortest.At("13:00")}}
	s.Notes = map[string]station.Note{"hand": {Kind: station.NoteDelivered, At: operatortest.At("14:29")}}
	trace := func(n int, clock string, fate station.Fate) station.RecentEvent {
		e := operatortest.Trace(uint32(n))
		return station.RecentEvent{ID: station.ID(fmt.Sprint(n)), Source: "hand", Kind: station.Scan, At: operatortest.At(clock), Note: station.Note{Kind: station.NoteRecorded, At: operatortest.At(clock)},
			Entries: []station.RecentEntry{{ID: e.ID, Backend: "lagerkoll", Verb: e.Verb, With: e.With, Fate: fate}}}
	}
	f.Shown.Recent = []station.RecentEvent{
		trace(1, "14:29", ""),
		trace(2, "14:28", station.FateDelivered),
		{ID: "3", Source: "hand", Kind: station.Scan, Code: "7310865004703", At: operatortest.At("14:27"), Note: station.Note{Kind: station.NoteUnknown, Text: "7310865004703", At: operatortest.At("14:27")}},
		{ID: "4", Source: "maintenance", Kind: station.Press, At: operatortest.At("14:12"), Note: station.Note{Kind: station.NoteRecorded, At: operatortest.At("14:12")},
			Entries: []station.RecentEntry{{ID: "4.1", Backend: "l2l", Verb: "dispatch.open", With: map[string]string{"machine": "SEAL-1", "type": "MAINT"}, Fate: station.FateDelivered}}},
		trace(5, "14:10", station.FateDelivered),
	}
	return f
}

// changed is a working station to which something happened.
func changed(how func(f *operatortest.Station, s *station.Snapshot)) func() *operatortest.Station {
	return func() *operatortest.Station {
		f := working()
		how(f, &f.Shown)
		return f
	}
}

// call is the call that is open in these states.
func call() station.Call {
	return station.Call{
		Backend: "l2l", Subject: map[string]string{"machine": "SEAL-1", "type": "MAINT"}, Source: "maintenance",
		Lane: "l2l/machine:SEAL-1", Entry: maint, Ref: "88123", Number: "2871836", At: operatortest.At("14:12"),
	}
}

// said is a note of a moment ago.
func said(kind station.NoteKind, text string) map[string]station.Note {
	at := operatortest.Now()
	at.Up, at.Wall = at.Up-2*time.Second, at.Wall.Add(-2*time.Second)
	return map[string]station.Note{"hand": {Kind: kind, Text: text, At: at}}
}

// asksForOrder has the station's scans ask for an order.
func asksForOrder(p *station.Program) {
	p.Bindings = []station.Binding{
		{Event: "hand.scan", Match: regexp.MustCompile(`^PO`), Set: map[string]station.Template{"order": {}}},
		{Event: "hand.scan", GS1: []string{"01"}, Needs: []string{"order"}},
	}
}

// states lists every state that the page is looked at in.
func states() []state {
	return []state{
		{name: "all-delivered", usual: true, floor: working},
		{name: "scan-next", usual: true, program: asksForOrder, floor: changed(func(_ *operatortest.Station, s *station.Snapshot) { delete(s.State.Values, "order") })},
		{name: "call-open", usual: true, floor: changed(func(_ *operatortest.Station, s *station.Snapshot) { s.State.Calls = []station.Call{call()} })},
		{name: "call-attended", usual: true, floor: changed(func(_ *operatortest.Station, s *station.Snapshot) {
			c := call()
			c.Attended = true
			s.State.Calls = []station.Call{c}
		})},
		{name: "two-calls", usual: true, floor: changed(func(_ *operatortest.Station, s *station.Snapshot) {
			other := call()
			other.Entry, other.Subject, other.Attended, other.Number = "02.1", map[string]string{"machine": "SEAL-1", "type": "MATERIAL"}, true, "2871840"
			s.State.Calls = []station.Call{call(), other}
		})},
		{name: "call-recorded", usual: true, floor: changed(func(_ *operatortest.Station, s *station.Snapshot) {
			c := call()
			c.Ref, c.Number = "", ""
			s.State.Calls, s.Waiting, s.Oldest = []station.Call{c}, 1, operatortest.At("14:12")
			s.Health.Backends["l2l"] = station.Contact{Kind: station.NoContact, Last: "dial tcp: lookup acme.example: no such host"}
		})},
		{name: "refused-needs", usual: true, floor: changed(func(_ *operatortest.Station, s *station.Snapshot) {
			delete(s.State.Values, "order")
			s.State.Notes = said(station.NoteNeeds, "order")
		})},
		{name: "refused-unknown", usual: true, floor: changed(func(_ *operatortest.Station, s *station.Snapshot) {
			s.State.Calls = []station.Call{call()}
			s.State.Notes = said(station.NoteUnknown, "7310865004703")
		})},
		{name: "no-contact", usual: true, floor: changed(func(f *operatortest.Station, s *station.Snapshot) {
			off := operatortest.Offline()
			f.Entries, s.Waiting, s.Oldest, s.Health.Backends = off.Entries, 7, operatortest.At("14:21"), off.Shown.Health.Backends
		})},
		{name: "two-calls-no-contact", usual: true, floor: changed(func(f *operatortest.Station, s *station.Snapshot) {
			off := operatortest.Offline()
			f.Entries, s.Waiting, s.Oldest, s.Health.Backends = off.Entries, 7, operatortest.At("14:21"), off.Shown.Health.Backends
			material := call()
			material.Entry, material.Subject = station.ID(fmt.Sprintf("%032d.1", 9)), map[string]string{"machine": "SEAL-1", "type": "MATERIAL"}
			material.Ref, material.Number = "", ""
			s.State.Calls = []station.Call{call(), material}
		})},
		{name: "confirming", usual: true, floor: changed(func(f *operatortest.Station, s *station.Snapshot) {
			f.Entries, s.Waiting, s.Oldest = []station.EntryStatus{operatortest.Trace(1)}, 1, operatortest.At("14:29")
			s.Health.Backends["lagerkoll"] = station.Contact{Kind: station.Confirming, Last: "no trace of it yet"}
		})},
		{name: "on-hold", usual: true, floor: func() *operatortest.Station {
			f, w := operatortest.Held(), working()
			f.Shown.Recent, f.Shown.State.Values = w.Shown.Recent, w.Shown.State.Values
			delete(f.Shown.Health.Devices, "hand")
			return f
		}},
		{name: "device-fault", floor: operatortest.Held},
		{name: "key-refused", floor: changed(func(_ *operatortest.Station, s *station.Snapshot) {
			s.Waiting, s.Health.Backends["l2l"] = 2, station.Contact{Kind: station.Connected, Fault: "401: the key is wrong"}
		})},
		{name: "configuration-rejected", floor: changed(func(_ *operatortest.Station, s *station.Snapshot) {
			s.Health.Devices["configuration"] = "the changed file is not in force: /etc/stationd/stationd.toml:13:8: there is no GPIO99"
		})},
		{name: "clock-unset", usual: true, floor: changed(func(_ *operatortest.Station, s *station.Snapshot) { s.Health.Clock, s.Now.Trusted = false, false })},
		{name: "many-calls", floor: changed(func(_ *operatortest.Station, s *station.Snapshot) {
			for n := range 5 {
				c := call()
				c.Entry, c.Ref, c.Number = station.ID(fmt.Sprintf("%032d.1", n+10)), fmt.Sprint(90+n), fmt.Sprint(2871900+n)
				c.Subject = map[string]string{"machine": fmt.Sprintf("SEAL-%d", n), "type": "MATERIAL"}
				s.State.Calls = append(s.State.Calls, c)
			}
		})},
		{name: "storage-failed", floor: operatortest.Broken},
		{name: "just-started", usual: true, floor: changed(func(_ *operatortest.Station, s *station.Snapshot) {
			s.Recent, s.State = nil, station.State{}
			s.Health.Backends = map[string]station.Contact{"l2l": {}, "lagerkoll": {}}
		})},
		{name: "long-lines", usual: true, floor: changed(func(_ *operatortest.Station, s *station.Snapshot) {
			s.State.Calls, s.Recent = []station.Call{call()}, slices.Clone(s.Recent)
			for i, e := range []station.RecentEntry{{}, {Held: true}, {Corrected: true}, {Corrected: true, Fate: station.FateDelivered}, {Fate: station.FateDiscarded}} {
				e.ID, e.Backend, e.Verb = station.ID(fmt.Sprint(i)), "lagerkoll", "article.trace"
				e.With = map[string]string{"article": "09506000134352", "batch": "LOT-2026-11-0042-B", "serial": "S-00012345678", "order": "PO-4711-2026"}
				s.Recent[i].Code, s.Recent[i].Note, s.Recent[i].Entries = "", station.Note{Kind: station.NoteRecorded, At: s.Recent[i].At}, []station.RecentEntry{e}
			}
		})},
		{name: "hostile", floor: operatortest.Hostile},
	}
}
