package station

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func list(v any) Template {
	t, err := ParseList(v)
	if err != nil {
		panic(err)
	}
	return t
}

// a bench where lists, counters and undo are bound.
func bench() Program {
	p := floor()
	part := map[string]any{"article": "{gs1.01}", "batch": "{gs1.10?}", "serial": "{gs1.21?}"}
	p.Bindings = []Binding{
		{Event: "hand.scan", GS1: []string{"01"}, Append: map[string]Template{"parts": list(part)}, Expire: time.Hour},
		{Event: "hand.scan", Match: matches(`^UNDO$`), Undo: true},
		{Event: "hand.scan", Match: matches(`^SEND$`), Clear: []string{"parts"}, Do: []Do{
			doing("article.trace", map[string]string{"order": "4711", "article": "300", "amount": "{#parts}", "batch": "{parts}"})}},
		{Event: "hand.scan", Match: matches(`^\+(?P<n>.*)$`), Count: map[string]Template{"made": template("{n}")}},
		{Event: "hand.scan", Match: matches(`^PO(?P<order>.*)$`), Set: map[string]Template{"order": template("{order}")}},
		{Event: "green.press", Count: map[string]Template{"made": template("1")}},
		{Event: "green.hold", Undo: true},
		{Event: "blue.press", Count: map[string]Template{"made": template("1")}},
		{Event: "blue.hold", Set: map[string]Template{"order": template("blue")}},
		{Event: "shift.press", Clear: []string{"made", "order"}},
		{Event: "station.minute", Clear: []string{"made", "scrap"}, Do: []Do{
			doing("article.trace", map[string]string{"order": "1", "article": "{since} {now}", "amount": "{made|0}"})}},
		{Event: "maintenance.press", Do: []Do{doing("dispatch.open", map[string]string{"type": "MAINT", "description": "Help"})}},
		{Event: "maintenance.hold", Undo: true},
	}
	return p
}

func partScan(id ID, article string, second int) Event {
	return scan(id, "]d2", map[string]string{"gs1.01": article, "gs1.10": "LOT-2026", "gs1.21": "SN0000000001"}, second)
}

func pressOf(source, kind string, id ID, second int) Event {
	return Event{ID: id, Source: source, Kind: kind, At: atSecond(second)}
}

func TestLists(t *testing.T) {
	t.Parallel()
	p := bench()
	t.Run("a code full of quotation marks stays one text in the list", func(t *testing.T) {
		t.Parallel()
		s := State{}
		hostile := []string{`"},{"article":"evil`, "\\", "</script>&å", `{{parts}}`, `{order}`}
		for i, code := range hostile {
			s, _ = p.Decide(s, partScan(ID(fmt.Sprint("e", i)), code, i))
		}
		_, got := p.Decide(s, scan("s", "SEND", nil, 9))
		var parts []map[string]string
		if err := json.Unmarshal([]byte(got[0].With["batch"]), &parts); err != nil || got[0].With["amount"] != "5" {
			t.Fatalf("%v, %+v", err, got)
		}
		for i, code := range hostile {
			if parts[i]["article"] != code || len(parts[i]) != 3 {
				t.Errorf("part %d is %q, want %q", i, parts[i], code)
			}
		}
		if again, _ := canonical(parts); again != got[0].With["batch"] {
			t.Errorf("not canonical: %s", got[0].With["batch"])
		}
	})
	t.Run("after five hundred parts the list is full and says so, and the state is still small", func(t *testing.T) {
		t.Parallel()
		s := State{}
		for i := range mostItems {
			s, _ = p.Decide(s, partScan(ID(fmt.Sprint("e", i)), fmt.Sprintf("%014d", i), i))
		}
		if s.Values["parts"].List != mostItems || s.Notes["hand"].Kind != NoteSet {
			t.Fatalf("%d parts, note %+v", s.Values["parts"].List, s.Notes["hand"])
		}
		full, _ := p.Decide(s, partScan("last", "1", 501))
		if n := full.Notes["hand"]; n.Kind != NoteFull || n.Text != "parts" || full.Values["parts"] != s.Values["parts"] {
			t.Errorf("note %+v", n)
		}
		raw, err := json.Marshal(s)
		if err != nil || len(raw) > 48<<10 {
			t.Errorf("the state has %d bytes, %v", len(raw), err)
		}
		t.Logf("a state with %d parts has %d bytes", mostItems, len(raw))
	})
	t.Run("a list of long codes is full before it is half a state of its own", func(t *testing.T) {
		t.Parallel()
		s := State{}
		for i := range 400 {
			s, _ = p.Decide(s, partScan(ID(fmt.Sprint("e", i)), strings.Repeat(`"`, LongestValue), i))
		}
		if v := s.Values["parts"]; len(v.Text) > mostList || s.Notes["hand"].Kind != NoteFull {
			t.Errorf("%d bytes, note %+v", len(v.Text), s.Notes["hand"])
		}
	})
	t.Run("appending leaves the state before it as it was", func(t *testing.T) {
		t.Parallel()
		before, _ := p.Decide(State{}, partScan("e1", "1", 1))
		kept, _ := json.Marshal(before)
		p.Decide(before, partScan("e2", "2", 2))
		p.Decide(before, scan("e3", "UNDO", nil, 3))
		p.Decide(before, scan("e4", "+3", nil, 4))
		if now, _ := json.Marshal(before); string(now) != string(kept) {
			t.Errorf("before %s, after %s", kept, now)
		}
	})
}

func TestListTemplate(t *testing.T) {
	t.Parallel()
	values := func(name string) (string, bool) {
		v, ok := map[string]string{"order": `4"711`, "serials": `["a","b"]`, "#serials": "2"}[name]
		return v, ok
	}
	for _, c := range []struct {
		shape         any
		want, missing string
		present       bool
	}{
		{[]any{"{order}", "x", 1, 0.5, true}, `["4\"711","x",1,0.5,true]`, "", true},
		{map[string]any{"b": "{order}", "a": "{batch?}"}, `{"b":"4\"711"}`, "", true},
		{map[string]any{"a": "{serials}"}, `{"a":["a","b"]}`, "", true},
		{map[string]any{"a": "{serials?}", "n": "{#serials}"}, `{"a":["a","b"],"n":"2"}`, "", true},
		{[]any{map[string]any{"a": "{batch?}"}, []any{"{batch?}"}}, "", "", false},
		{[]any{map[string]any{"a": "{batch?}"}, ""}, `[""]`, "", true},
		{[]any{}, "[]", "", true},
		{[]any{map[string]any{"a": "{batch}"}}, "", "batch", false},
		{[]any{"{{order}}", "<&>"}, `["{order}","<&>"]`, "", true},
	} {
		tmpl := list(c.shape)
		text, present, missing := tmpl.expand(values)
		if text != c.want || present != c.present || missing != c.missing {
			t.Errorf("%v: %q present %v missing %q", c.shape, text, present, missing)
		}
	}
	if _, err := ParseList([]any{map[string]any{"a": "{"}}); err == nil {
		t.Error("a brace that is not closed is taken")
	}
	if text, constant := list([]any{"{{x}}"}).Constant(); !constant || text != `["{x}"]` {
		t.Errorf("%q, constant %v", text, constant)
	}
	if names := list(map[string]any{"b": "{y?}", "a": []any{"{#x}"}}).Names(); !cmp.Equal(names, []Name{{Name: "#x", Must: true, At: 1}, {Name: "y", At: 1}}) {
		t.Errorf("names %+v", names)
	}
}

func TestCounters(t *testing.T) {
	t.Parallel()
	p := bench()
	minute := func(s State, at Stamp) (State, []Action) {
		return p.Decide(s, Event{ID: "m", Source: FromStation, Kind: Minute, At: at})
	}
	t.Run("a scan that is no number, or far too large a one, counts nothing", func(t *testing.T) {
		t.Parallel()
		for _, code := range []string{"x", "0", "-3", "1.5", "9506000134352", "1000001"} {
			s, _ := p.Decide(State{}, scan("e1", "+"+code, nil, 1))
			if s.Counting() || s.Notes["hand"].Kind != NoteNumber || s.Notes["hand"].Text != code {
				t.Errorf("%s: %+v, note %+v", code, s.Counters, s.Notes["hand"])
			}
		}
		s, _ := p.Decide(State{}, scan("e1", "+12", nil, 1))
		if s.Counters["made"].Count != 12 || s.Notes["hand"].Text != "made 12" {
			t.Errorf("%+v, note %+v", s.Counters, s.Notes["hand"])
		}
	})
	t.Run("the times of two records never overlap: not when a press is recorded late, not when the clock is set back", func(t *testing.T) {
		t.Parallel()
		s, _ := p.Decide(State{}, pressOf("green", Press, "e1", 10))
		s, got := minute(s, atSecond(60))
		if len(got) != 1 || got[0].With["article"] != "2026-11-22T06:00:10Z 2026-11-22T06:01:00Z" {
			t.Fatalf("%+v", got)
		}
		s, _ = p.Decide(s, pressOf("green", Press, "e2", 59)) // its contact closed before the minute
		back := atSecond(120)
		back.Wall = back.Wall.Add(-90 * time.Second)
		if early, got := minute(s, back); len(got) != 0 || !reflect.DeepEqual(early, s) {
			t.Errorf("the clock stands before the last record's end, and %+v is recorded", got)
		}
		_, got = minute(s, atSecond(120))
		if len(got) != 1 || got[0].With["article"] != "2026-11-22T06:01:00Z 2026-11-22T06:02:00Z" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("without a clock that was set, counts stay in hand and nothing is written; their time is right afterwards", func(t *testing.T) {
		t.Parallel()
		counted := pressOf("green", Press, "e1", 10)
		counted.At.Trusted, counted.At.Wall = false, time.Unix(0, 0)
		s, _ := p.Decide(State{}, counted)
		unset := atSecond(60)
		unset.Trusted = false
		if same, got := minute(s, unset); len(got) != 0 || !reflect.DeepEqual(same, s) {
			t.Errorf("%+v", got)
		}
		if at, known := s.since([]string{"made"}, unset); known {
			t.Errorf("it claims to know that it counts since %v", at)
		}
		_, got := minute(s, atSecond(120))
		if len(got) != 1 || got[0].With["article"] != "2026-11-22T06:00:10Z 2026-11-22T06:02:00Z" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("what was counted in a boot without a clock was counted before this boot", func(t *testing.T) {
		t.Parallel()
		counted := pressOf("green", Press, "e1", 10)
		counted.At.Trusted, counted.At.Boot = false, "earlier"
		s, _ := p.Decide(State{}, counted)
		_, got := minute(s, atSecond(60))
		if len(got) != 1 || got[0].With["article"] != "2026-11-22T06:00:00Z 2026-11-22T06:01:00Z" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a count in the same second waits for the next minute", func(t *testing.T) {
		t.Parallel()
		s, _ := p.Decide(State{}, pressOf("green", Press, "e1", 60))
		late := atSecond(60)
		late.Up, late.Wall = late.Up+900*time.Millisecond, late.Wall.Add(900*time.Millisecond)
		if _, got := minute(s, late); len(got) != 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("times are told in UTC, wherever the station stands", func(t *testing.T) {
		t.Parallel()
		s, _ := p.Decide(State{}, pressOf("green", Press, "e1", 10))
		local := atSecond(60)
		local.Wall = local.Wall.In(time.FixedZone("CET", 3600))
		_, got := minute(s, local)
		if len(got) != 1 || got[0].With["article"] != "2026-11-22T06:00:10Z 2026-11-22T06:01:00Z" {
			t.Errorf("%+v", got)
		}
	})
}

func TestUndo(t *testing.T) {
	t.Parallel()
	p := bench()
	undo := func(s State, id ID, second int) (State, []Action) { return p.Decide(s, scan(id, "UNDO", nil, second)) }
	t.Run("an entry is taken back by the outbox, and what its event put away is in hand again", func(t *testing.T) {
		t.Parallel()
		s, _ := p.Decide(State{}, partScan("e1", "1", 1))
		parts := s.Values["parts"]
		s, _ = p.Decide(s, scan("e2", "SEND", nil, 2))
		s, got := undo(s, "e3", 3)
		if want := []Action{{Verb: VerbUndo, About: "e2.1"}}; !cmp.Equal(want, got) {
			t.Errorf("%+v", got)
		}
		if s.Values["parts"] != parts || s.Notes["hand"].Kind != NoteUndone {
			t.Errorf("in hand %+v, note %+v", s.Values, s.Notes["hand"])
		}
		s = s.Drop(Entry{ID: "e2.1", Source: "hand"}, Waiting)
		if len(s.Sources) != 0 || len(s.Undo) != 0 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("an open call that is taken back is no call any more", func(t *testing.T) {
		t.Parallel()
		s, _ := p.Decide(State{}, press("e1", 1))
		s, got := p.Decide(s, pressOf("maintenance", Hold, "e2", 2))
		if len(got) != 1 || got[0].About != "e1.1" {
			t.Fatalf("%+v", got)
		}
		if s = s.Drop(Entry{ID: "e1.1", Source: "maintenance"}, Waiting); len(s.Calls) != 0 {
			t.Errorf("calls %+v", s.Calls)
		}
	})
	t.Run("when the vendor has it, or a person must decide, it is too late and nothing changes", func(t *testing.T) {
		t.Parallel()
		for name, rc := range map[string]Receipt{
			"delivered": {Outcome: Delivered}, "refused": {Outcome: Refused}, "undecided": {Outcome: Doubtful, Err: ErrUndecided},
		} {
			s, _ := p.Decide(State{}, partScan("e1", "1", 1))
			s, a := p.Decide(s, scan("e2", "SEND", nil, 2))
			s = s.Settle(Delivery{Entry: Entry{ID: "e2.1", Source: "hand", Action: a[0]}}, rc)
			s, got := undo(s, "e3", 3)
			if _, in := s.Values["parts"]; len(got) != 0 || in || s.Notes["hand"].Kind != NoteLate {
				t.Errorf("%s: %+v, in hand %+v, note %+v", name, got, s.Values, s.Notes["hand"])
			}
		}
	})
	t.Run("what lacks something or is unknown is no last thing: the one before it is taken back", func(t *testing.T) {
		t.Parallel()
		s, _ := p.Decide(State{}, scan("e1", "PO1", nil, 1))
		s, _ = p.Decide(s, scan("e2", "PO2", nil, 2))
		s, _ = p.Decide(s, scan("e3", "SEND", nil, 3))
		s, _ = p.Decide(s, scan("e4", "what?", nil, 4))
		s, _ = undo(s, "e5", 5)
		if s.Values["order"].Text != "1" {
			t.Errorf("in hand %+v", s.Values)
		}
	})
	t.Run("a value that was not in hand before is not in hand after", func(t *testing.T) {
		t.Parallel()
		s, _ := p.Decide(State{}, scan("e1", "PO1", nil, 1))
		s, _ = undo(s, "e2", 2)
		if _, in := s.Values["order"]; in {
			t.Errorf("in hand %+v", s.Values)
		}
	})
	t.Run("another source's value is not undone", func(t *testing.T) {
		t.Parallel()
		s, _ := p.Decide(State{}, scan("e1", "PO1", nil, 1))
		s, _ = p.Decide(s, pressOf("blue", Hold, "e2", 2))
		s, _ = undo(s, "e3", 3)
		if s.Values["order"].Text != "blue" || s.Notes["hand"].Kind != NoteLate {
			t.Errorf("in hand %+v, note %+v", s.Values, s.Notes["hand"])
		}
	})
	t.Run("a count is taken back, whoever has counted since; one that has been told is not", func(t *testing.T) {
		t.Parallel()
		s, _ := p.Decide(State{}, pressOf("green", Press, "e1", 1))
		s, _ = p.Decide(s, pressOf("blue", Press, "e2", 2))
		undone, _ := p.Decide(s, pressOf("green", Hold, "e3", 3))
		if undone.Counters["made"].Count != 1 {
			t.Errorf("%+v", undone.Counters)
		}
		told, _ := p.Decide(s, Event{ID: "m", Source: FromStation, Kind: Minute, At: atSecond(60)})
		told, _ = p.Decide(told, pressOf("green", Hold, "e3", 61))
		if told.Counters["made"].Count != 0 || told.Notes["green"].Kind != NoteLate || len(told.Undo) != 0 {
			t.Errorf("%+v, note %+v", told.Counters, told.Notes["green"])
		}
	})
	t.Run("for a source that nothing takes back nothing is kept", func(t *testing.T) {
		t.Parallel()
		s, _ := p.Decide(State{}, pressOf("blue", Press, "e1", 1))
		if len(s.Undo) != 0 {
			t.Errorf("%+v", s.Undo)
		}
	})
	t.Run("the outbox says that it is too late by a note alone", func(t *testing.T) {
		t.Parallel()
		s, _ := p.Decide(State{}, scan("e1", "PO1", nil, 1))
		late := s.TooLate(scan("e2", "UNDO", nil, 2))
		if late.Notes["hand"].Kind != NoteLate || !cmp.Equal(late.Values, s.Values) || !cmp.Equal(late.Undo, s.Undo) {
			t.Errorf("%+v", late)
		}
	})
}

func TestAdoptedCalls(t *testing.T) {
	t.Parallel()
	p := floor()
	once := doing("dispatch.open", map[string]string{"type": "MAINT", "description": "Help"})
	once.Verb.Fields = append([]Field{{Name: "once", Type: Bool}}, once.Verb.Fields...)
	once.Verb.Adopts = "once"
	once.With["once"] = template("true")
	p.Bindings[0].Do = []Do{once}
	adopting := once
	adopting.Close = true
	hold := Event{ID: "e2", Source: "maintenance", Kind: Hold, At: atSecond(9)}
	open := func(p Program, rc Receipt) State {
		s, a := p.Decide(State{}, press("e1", 1))
		rc.Outcome, rc.At = Delivered, atSecond(2)
		return s.Settle(Delivery{Entry: Entry{ID: "e1.1", Source: "maintenance", Action: a[0]}}, rc)
	}
	t.Run("a call that somebody else had opened is over here and stays open there", func(t *testing.T) {
		t.Parallel()
		s, got := p.Decide(open(p, Receipt{Ref: "99", Adopted: true}), hold)
		if len(got) != 0 || len(s.Calls) != 0 || s.Notes["maintenance"].Kind != NoteLeft {
			t.Errorf("%+v, %+v", got, s)
		}
	})
	t.Run("our own call is closed there", func(t *testing.T) {
		t.Parallel()
		_, got := p.Decide(open(p, Receipt{Ref: "99"}), hold)
		if len(got) != 1 || got[0].With["dispatch"] != "99" || got[0].Ours {
			t.Errorf("%+v", got)
		}
	})
	t.Run("so is an adopted one where the binding says so", func(t *testing.T) {
		t.Parallel()
		closing := p
		closing.Bindings = append([]Binding{{Event: "maintenance.press", Do: []Do{adopting}}}, p.Bindings...)
		_, got := closing.Decide(open(closing, Receipt{Ref: "99", Adopted: true}), hold)
		if len(got) != 1 || got[0].With["dispatch"] != "99" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("closed before the vendor has answered, the close is only for a call of our own", func(t *testing.T) {
		t.Parallel()
		s, a := p.Decide(State{}, press("e1", 1))
		s, got := p.Decide(s, hold)
		if len(got) != 1 || !got[0].Ours || got[0].About != "e1.1" {
			t.Fatalf("%+v", got)
		}
		s = s.Settle(Delivery{Entry: Entry{ID: "e1.1", Source: "maintenance", Action: a[0]}}, Receipt{Outcome: Delivered, Ref: "99", Adopted: true, At: atSecond(10)})
		if s = s.Drop(Entry{ID: "e2.1", Source: "maintenance"}, Waiting); len(s.Calls) != 0 || len(s.Sources) != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestClosingFromThePage(t *testing.T) {
	t.Parallel()
	p := floor()
	closing := func(source string, data map[string]string) Event {
		return Event{ID: "c", Source: source, Kind: Close, Data: data, At: atSecond(9)}
	}
	s, a := p.Decide(State{}, press("e1", 1))
	opened := delivered(s, a[0], "e1.1", "maintenance", "99", 2)
	waiting := s
	gone := p
	gone.Bindings = nil // its button is not there any more
	t.Run("a call is closed by the ID of its open or by the vendor's name, also when its button is gone", func(t *testing.T) {
		t.Parallel()
		for name, data := range map[string]map[string]string{"by entry": {"entry": "e1.1"}, "by ref": {"ref": "99"}} {
			s, got := gone.Decide(opened, closing(FromPage, data))
			want := []Action{{Lane: "l2l/machine:SEAL-1", Verb: "dispatch.close", With: map[string]string{"dispatch": "99"}, To: "https://acme.example/api/1.0/ site 12"}}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s: %s", name, d)
			}
			if s.Calls[0].Closing != "c.1" || s.Sources[FromPage].Waiting != 1 {
				t.Errorf("%s: %+v", name, s)
			}
			if light := p.Lights(s, Health{}, atSecond(60))["red"]; light != Slow {
				t.Errorf("the lamp of the button is %v while the close waits", light)
			}
		}
	})
	t.Run("a call that is still on its way is closed after it", func(t *testing.T) {
		t.Parallel()
		_, got := p.Decide(waiting, closing(FromCommand, map[string]string{"entry": "e1.1"}))
		if len(got) != 1 || got[0].About != "e1.1" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a call that is not there, or is being closed, changes nothing", func(t *testing.T) {
		t.Parallel()
		closed, _ := p.Decide(opened, closing(FromPage, map[string]string{"ref": "99"}))
		for _, c := range []struct {
			s    State
			data map[string]string
		}{{opened, nil}, {opened, map[string]string{"ref": "98"}}, {waiting, map[string]string{"ref": ""}}, {closed, map[string]string{"ref": "99"}}} {
			if s, got := p.Decide(c.s, closing(FromPage, c.data)); len(got) != 0 || !reflect.DeepEqual(s, c.s) {
				t.Errorf("%v: %+v", c.data, got)
			}
		}
	})
	t.Run("a call of a vendor that is not configured any more is let go of here", func(t *testing.T) {
		t.Parallel()
		s, got := Program{}.Decide(opened, closing(FromPage, map[string]string{"ref": "99"}))
		if len(got) != 0 || len(s.Calls) != 0 {
			t.Errorf("%+v, %+v", got, s.Calls)
		}
	})
}

func TestWhatALineRuns(t *testing.T) {
	t.Parallel()
	p := floor()
	change := doing("changeover.start", map[string]string{"product": "{code}"})
	change.Verb.Fields = append([]Field{{Name: LastSeen}}, change.Verb.Fields...)
	change.Verb.Line = "line"
	p.Bindings = []Binding{{Event: "hand.scan", Do: []Do{change}}}
	sees := func(s State, id, product string, second int) State {
		s, _ = p.Decide(s, Event{Source: "l2l", Kind: OrderCurrent, Data: map[string]string{"line": "PACK4", "id": id, "product": product}, At: atSecond(second)})
		return s
	}
	last := func(s State) string {
		_, got := p.Decide(s, scan("e1", "300", nil, 9))
		return got[0].With[LastSeen]
	}
	s := sees(State{}, "8801", "200", 1)
	if got := last(s); got != "8801" {
		t.Errorf("a changeover says that the line was last seen to run %q", got)
	}
	if again := sees(s, "8801", "200", 30); !reflect.DeepEqual(again, s) {
		t.Error("the same order again is written to disk")
	}
	if got := last(sees(s, "", "", 2)); got != NoOrder {
		t.Errorf("a line that runs nothing was seen to run %q", got)
	}
	if got := last(State{}); got != "" {
		t.Errorf("a line that was never seen was seen to run %q", got)
	}
	_, got := floor().Decide(sees(State{Values: map[string]Value{"order": {Text: "1"}}}, "8801", "", 1), scan("e2", "BOTH 300", nil, 2))
	if _, said := got[0].With[LastSeen]; said {
		t.Error("a verb that does not ask is told")
	}
	if called, a := p.Decide(State{Calls: []Call{{Backend: "l2l", Ref: "", Entry: "x"}}}, Event{Source: "l2l", Kind: OrderCurrent}); len(called.Calls) != 1 || len(a) != 0 {
		t.Error("an order without a line ended a call")
	}
}

func matches(pattern string) *regexp.Regexp { return regexp.MustCompile(pattern) }
