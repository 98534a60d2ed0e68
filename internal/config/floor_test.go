package config

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"stationd/internal/station"
)

// A bench at which one station does everything that bindings with state can:
// multi-scan traces, counting, badges and undo.
const bench = `[station]
name = "pack4-1"
timezone = "UTC"

[l2l]
line = "PACK4"
machine = "SEAL-1"
trade = "MECH"

[lagerkoll]
store = "1001"

[[button]]
name = "red"
pin = 1

[[button]]
name = "green"
pin = 2

[[button]]
name = "done"
pin = 3

[[scanner]]
name = "hand"

[[on]] # PO4711: the order
event = "hand.scan"
match = '^PO(?P<order>\d+)$'
set = { order = "{order}" }
expire = "12h"

[[on]] # a badge
event = "hand.scan"
match = '^U-(?P<user>\w+)$'
set = { user = "{user}" }
expire = "10h"

[[on]] # S-…: a serial number of what is made
event = "hand.scan"
match = '^S-(?P<serial>.+)$'
append = { serials = "{serial}" }
expire = "1h"

[[on]]
event = "hand.scan"
match = '^UNDO$'
undo = true

[[on]] # a part: article and batch, maybe with a serial
event = "hand.scan"
gs1 = ["01", "10"]
needs = ["order"]
append = { parts = { article = "{gs1.01}", batch = "{gs1.10}", serial = "{gs1.21?}" } }
expire = "1h"

[[on]] # A-…: the article that is made
event = "hand.scan"
match = '^A-(?P<article>.+)$'
set = { article = "{article}" }
expire = "12h"

[[on]] # the closing button: one trace, and the bench is clear
event = "done.press"
needs = ["order", "article", "parts"]
clear = ["parts", "serials"]
do = [{ lagerkoll = "article.trace", order = "{order}", article = "{article}", amount = "{#serials|1}", parts = "{parts}" }]

[[on]] # one made
event = "green.press"
count = { made = 1 }

[[on]] # one scrapped
event = "green.hold"
count = { scrap = 1 }

[[on]]
event = "station.minute"
clear = ["made", "scrap"]
do = [{ l2l = "production.record", product = "{article}", actual = "{made|0}", scrap = "{scrap|0}", start = "{since}", end = "{now}" }]

[[on]]
event = "red.press"
do = [{ l2l = "dispatch.open", type = "MAINT", description = "Help", once = true, with = { due = "{now?}" } }]
`

// A walk is what happens at the bench, event by event.
type walk struct {
	t  *testing.T
	p  station.Program
	s  station.State
	at time.Time
	n  int
}

func atBench(t *testing.T) *walk {
	t.Helper()
	f := Parse("bench.toml", []byte(bench))
	p := read(f).program
	for _, fault := range f.Faults() {
		t.Fatal(fault)
	}
	return &walk{t: t, p: p, at: time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)}
}

// event is one event, a second after the last.
func (w *walk) event(source, kind, code string, data map[string]string) []station.Action {
	w.t.Helper()
	w.n++
	w.at = w.at.Add(time.Second)
	up := w.at.Sub(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
	ev := station.Event{ID: station.NewID(), Source: source, Kind: kind, Code: code, Data: data,
		At: station.Stamp{Wall: w.at, Boot: "b", Up: up, Trusted: true}}
	s, actions := w.p.Decide(w.s, ev)
	w.s = s
	return actions
}

func (w *walk) scan(code string) []station.Action { return w.event("hand", station.Scan, code, nil) }

func (w *walk) part(article, batch, serial string) []station.Action {
	data := map[string]string{"gs1.01": article, "gs1.10": batch}
	if serial != "" {
		data["gs1.21"] = serial
	}
	return w.event("hand", station.Scan, "]d2…", data)
}

func TestOrderArticleSerialsAndPartsAreScannedAndOnePressTracesThem(t *testing.T) {
	t.Parallel()
	w := atBench(t)
	w.scan("PO4711")
	w.scan("A-300")
	w.scan("S-1")
	w.scan("S-2")
	w.part("0950600013", "B7", "")
	if got := w.part("0950600014", `B"8\`, "X-9"); len(got) != 0 || w.s.Notes["hand"].Text != "parts 2" {
		t.Errorf("collecting a part asks for %+v and says %q", got, w.s.Notes["hand"].Text)
	}
	got := w.event("done", station.Press, "", nil)
	if len(got) != 1 {
		t.Fatalf("%d actions, note %+v", len(got), w.s.Notes["done"])
	}
	if got[0].Lane != "lagerkoll/order:4711" || got[0].With["article"] != "300" || got[0].With["amount"] != "2" {
		t.Errorf("%+v", got[0])
	}
	want := `[{"article":"0950600013","batch":"B7"},{"article":"0950600014","batch":"B\"8\\","serial":"X-9"}]`
	if got[0].With["parts"] != want {
		t.Errorf("parts %s, want %s", got[0].With["parts"], want)
	}
	if got := w.event("done", station.Press, "", nil); len(got) != 0 || w.s.Notes["done"].Text != "parts" {
		t.Errorf("pressed again with an empty bench: %+v, note %+v", got, w.s.Notes["done"])
	}
}

func TestPartsOfAnHourAgoAreNotInTheTrace(t *testing.T) {
	t.Parallel()
	w := atBench(t)
	w.scan("PO4711")
	w.scan("A-300")
	w.part("1", "OLD", "")
	w.at = w.at.Add(2 * time.Hour)
	w.part("2", "NEW", "")
	got := w.event("done", station.Press, "", nil)
	if len(got) != 1 || got[0].With["parts"] != `[{"article":"2","batch":"NEW"}]` {
		t.Errorf("%+v", got)
	}
}

func TestTheWrongPartIsTakenBackByOneScan(t *testing.T) {
	t.Parallel()
	w := atBench(t)
	w.scan("PO4711")
	w.scan("A-300")
	w.part("1", "RIGHT", "")
	w.part("2", "WRONG", "")
	if got := w.scan("UNDO"); len(got) != 0 || w.s.Notes["hand"].Kind != station.NoteUndone {
		t.Errorf("%+v, note %+v", got, w.s.Notes["hand"])
	}
	if w.scan("UNDO"); w.s.Notes["hand"].Kind != station.NoteLate {
		t.Errorf("one thing back is kept, and the second undo says %+v", w.s.Notes["hand"])
	}
	got := w.event("done", station.Press, "", nil)
	if len(got) != 1 || got[0].With["parts"] != `[{"article":"1","batch":"RIGHT"}]` {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsCountedInAMinuteIsRecordedOnceWithItsTimes(t *testing.T) {
	t.Parallel()
	w := atBench(t)
	minute := func() []station.Action { return w.event(station.FromStation, station.Minute, "", nil) }
	w.scan("A-300") // 06:00:01
	w.event("green", station.Press, "", nil)
	w.event("green", station.Press, "", nil)
	w.event("green", station.Hold, "", nil)
	w.at = w.at.Truncate(time.Minute).Add(time.Minute - time.Second)
	got := minute() // 06:01:00
	if len(got) != 1 {
		t.Fatalf("%d actions", len(got))
	}
	for field, want := range map[string]string{
		"product": "300", "actual": "2", "scrap": "1", "start": "2026-11-22T06:00:02Z", "end": "2026-11-22T06:01:00Z", "line": "PACK4",
	} {
		if got[0].With[field] != want {
			t.Errorf("%s is %q, want %q", field, got[0].With[field], want)
		}
	}
	before, _ := json.Marshal(w.s)
	if again := minute(); len(again) != 0 {
		t.Errorf("counted nothing, and %+v", again)
	}
	if after, _ := json.Marshal(w.s); string(after) != string(before) {
		t.Error("a minute in which nothing was counted is written to disk")
	}
	w.event("green", station.Hold, "", nil) // 06:01:02
	w.at = w.at.Truncate(time.Minute).Add(time.Minute - time.Second)
	got = minute()
	if len(got) != 1 || got[0].With["actual"] != "0" || got[0].With["scrap"] != "1" || got[0].With["start"] != "2026-11-22T06:01:02Z" {
		t.Errorf("only scrap was counted: %+v", got)
	}
}

func TestABadgeIsInTheCallWhileItHoldsAndACallNeverWaitsForIt(t *testing.T) {
	t.Parallel()
	w := atBench(t)
	got := w.event("red", station.Press, "", nil)
	if len(got) != 1 || got[0].With["user"] != "" {
		t.Fatalf("without a badge a press asks for %+v", got)
	}
	w.s.Calls = nil
	w.scan("U-eva")
	if got = w.event("red", station.Press, "", nil); len(got) != 1 || got[0].With["user"] != "eva" {
		t.Errorf("with a badge a press asks for %+v", got)
	}
	w.s.Calls = nil
	w.at = w.at.Add(11 * time.Hour)
	if got = w.event("red", station.Press, "", nil); len(got) != 1 || got[0].With["user"] != "" {
		t.Errorf("after the shift a press asks for %+v", got)
	}
}

func TestFurtherParametersAndOnceGoAlong(t *testing.T) {
	t.Parallel()
	w := atBench(t)
	got := w.event("red", station.Press, "", nil)
	if len(got) != 1 || got[0].With["once"] != "true" || got[0].With["with.due"] != "2026-11-22T06:00:01Z" || !w.s.Calls[0].Leave {
		t.Errorf("%+v, call %+v", got, w.s.Calls)
	}
	f := Parse("close.toml", []byte(strings.Replace(bench, "once = true", `once = true, adopted = "close"`, 1)))
	if p := read(f).program; len(f.Faults()) > 0 || !p.Bindings[len(p.Bindings)-1].Do[0].Close {
		t.Errorf(`adopted = "close" came to nothing: %v`, f.Faults())
	}
}

func TestNamesWorkInsideAListOfAnAction(t *testing.T) {
	t.Parallel()
	f := Parse("a.toml", []byte(`
[station]
name = "s"
timezone = "UTC"
[lagerkoll]
[[scanner]]
name = "hand"
[[on]]
event = "hand.scan"
match = '^S(?P<serial>.*)$'
append = { serials = "{serial}" }
[[on]]
event = "hand.scan"
do = [{ lagerkoll = "article.trace", order = "1", article = "2", amount = 1, parts = [
	{ article = "{code}", amount = 2, batch = "{batch?}", serial = "{serials}" },
	{ batch = "{batch?}" },
] }]
[[on]]
event = "hand.scan"
match = '^never$'
set = { batch = "x" }
`))
	p := read(f).program
	for _, fault := range f.Faults()[1:] { // the last binding is never reached, and that is meant
		t.Error(fault)
	}
	s, _ := decide(p, station.State{}, station.Event{Source: "hand", Kind: station.Scan, Code: `S"},{`})
	_, got := decide(p, s, station.Event{Source: "hand", Kind: station.Scan, Code: `x","amount":99,"y":"<&>`})
	want := `[{"amount":2,"article":"x\",\"amount\":99,\"y\":\"<&>","serial":["\"},{"]}]`
	if len(got) != 1 || got[0].With["parts"] != want {
		t.Errorf("%+v\nwant %s", got, want)
	}
}
