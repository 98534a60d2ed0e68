package station

import (
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var floorVerbs = []Verb{
	{Name: "dispatch.open", Opens: []string{"machine", "type"}, Lane: []string{"machine"}, Fields: []Field{
		{Name: "type", Required: true}, {Name: "machine", Required: true}, {Name: "description", Required: true}, {Name: "trade"}}},
	{Name: "dispatch.close", Ends: "dispatch", Fields: []Field{{Name: "dispatch"}, {Name: "machine"}, {Name: "type"}}},
	{Name: "changeover.start", Lane: []string{"line"}, Barrier: true, Fields: []Field{{Name: "line", Required: true}, {Name: "product"}}},
	{Name: "article.trace", Lane: []string{"order"}, Fields: []Field{
		{Name: "order", Required: true}, {Name: "article", Required: true}, {Name: "batch"}, {Name: "serial"}, {Name: "amount"}}},
}

func doing(verb string, with map[string]string) Do {
	d := Do{Backend: "l2l", With: map[string]Template{}}
	for _, v := range floorVerbs {
		if v.Name == verb {
			d.Verb = v
		}
	}
	for field, text := range with {
		d.With[field] = template(text)
	}
	return d
}

func template(text string) Template {
	t, err := ParseTemplate(text)
	if err != nil {
		panic(err)
	}
	return t
}

func floor() Program {
	call := doing("dispatch.open", map[string]string{"type": "MAINT", "description": "Help needed at {station}"})
	trace := doing("article.trace", map[string]string{
		"order": "{order}", "article": "{gs1.01}", "batch": "{gs1.10}", "serial": "{gs1.21?}", "amount": "{gs1.30|1}"})
	return Program{
		Station: "pack4-1",
		Vendors: map[string]Vendor{"l2l": {
			Verbs: floorVerbs, To: "https://acme.example/api/1.0/ site 12",
			Defaults: map[string]string{"machine": "SEAL-1", "line": "PACK4", "trade": "MECH"},
		}},
		Lamps:       []string{"red", "white"},
		Lamp:        map[string]string{"maintenance": "red"},
		DefaultLamp: "white",
		Latch:       map[string]bool{"latching": true},
		Bindings: []Binding{
			{Event: "maintenance.press", Do: []Do{call}},
			{Event: "maintenance.hold", Do: []Do{doing("dispatch.close", nil)}},
			{Event: "latching.press", Do: []Do{doing("dispatch.open", map[string]string{"type": "MATERIAL", "description": "Material"})}},
			{Event: "hand.scan", Match: regexp.MustCompile(`^PO(?P<order>\d+)$`), Set: map[string]Template{"order": template("{order}")}, Expire: 8 * time.Hour},
			{Event: "hand.scan", Match: regexp.MustCompile(`^BOTH (?P<product>\w+)$`), Needs: []string{"order"}, Clear: []string{"order"}, Do: []Do{
				doing("changeover.start", map[string]string{"product": "{product}"}),
				doing("article.trace", map[string]string{"order": "{order}", "article": "{product}"}),
			}},
			{Event: "hand.scan", GS1: []string{"01", "10"}, Needs: []string{"order"}, Do: []Do{trace}},
		},
	}
}

// a day at the station: stamps of one boot, a second apart.
func atSecond(s int) Stamp {
	up := time.Duration(s) * time.Second
	return Stamp{Wall: time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC).Add(up), Boot: "b", Up: up, Trusted: true}
}

func press(id ID, second int) Event {
	return Event{ID: id, Source: "maintenance", Kind: Press, At: atSecond(second)}
}

func scan(id ID, code string, data map[string]string, second int) Event {
	return Event{ID: id, Source: "hand", Kind: Scan, Code: code, Data: data, At: atSecond(second)}
}

func delivered(s State, a Action, id ID, source, ref string, second int) State {
	return s.Settle(Delivery{Entry: Entry{ID: id, Source: source, Action: a}}, Receipt{Outcome: Delivered, Ref: ref, At: atSecond(second)})
}

func TestDecide(t *testing.T) {
	t.Parallel()
	p := floor()
	t.Run("a press opens a dispatch with the defaults filled in, in the lane of its machine", func(t *testing.T) {
		t.Parallel()
		s, got := p.Decide(State{}, press("e1", 1))
		want := []Action{{
			Lane: "l2l/machine:SEAL-1", Verb: "dispatch.open", To: "https://acme.example/api/1.0/ site 12",
			With: map[string]string{"type": "MAINT", "machine": "SEAL-1", "trade": "MECH", "description": "Help needed at pack4-1"},
		}}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if len(s.Calls) != 1 || s.Calls[0].Entry != "e1.1" || s.Sources["maintenance"].Waiting != 1 {
			t.Errorf("state: %+v", s)
		}
	})
	t.Run("a GS1 scan becomes a trace of the order in hand; what is optional and missing is left out", func(t *testing.T) {
		t.Parallel()
		s, _ := p.Decide(State{}, scan("e1", "PO4711", nil, 1))
		_, got := p.Decide(s, scan("e2", "…", map[string]string{"gs1.01": "09506000134352", "gs1.10": "B7"}, 2))
		want := []Action{{
			Lane: "l2l/order:4711", Verb: "article.trace", To: "https://acme.example/api/1.0/ site 12",
			With: map[string]string{"order": "4711", "article": "09506000134352", "batch": "B7", "amount": "1"},
		}}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
	t.Run("a scan that lacks the order asks for it and does nothing", func(t *testing.T) {
		t.Parallel()
		s, got := p.Decide(State{}, scan("e1", "…", map[string]string{"gs1.01": "09506000134352", "gs1.10": "B7"}, 1))
		if len(got) != 0 || s.Notes["hand"].Kind != NoteNeeds || s.Notes["hand"].Text != "order" {
			t.Errorf("%v, note %+v", got, s.Notes["hand"])
		}
	})
	t.Run("an order that has expired is asked for again; one of an earlier boot without a clock too", func(t *testing.T) {
		t.Parallel()
		s, _ := p.Decide(State{}, scan("e1", "PO4711", nil, 1))
		gs1 := map[string]string{"gs1.01": "09506000134352", "gs1.10": "B7"}
		if _, got := p.Decide(s, scan("e2", "…", gs1, 9*3600)); len(got) != 0 {
			t.Error("an order of nine hours ago was used")
		}
		other := scan("e3", "…", gs1, 2)
		other.At.Boot, other.At.Trusted = "another", false
		if _, got := p.Decide(s, other); len(got) != 0 {
			t.Error("an order of unknown age was used")
		}
	})
	t.Run("one scan that does two things makes two entries, and then puts the order away", func(t *testing.T) {
		t.Parallel()
		s, _ := p.Decide(State{}, scan("e1", "PO4711", nil, 1))
		s, got := p.Decide(s, scan("e2", "BOTH 300", nil, 2))
		if len(got) != 2 || got[0].Lane != "l2l/line:PACK4" || !got[0].Barrier || got[1].Lane != "l2l/order:4711" {
			t.Errorf("%+v", got)
		}
		if _, in := s.Values["order"]; in || s.Sources["hand"].Waiting != 2 {
			t.Errorf("state: %+v", s)
		}
	})
	t.Run("deciding changes nothing in the state that it was handed", func(t *testing.T) {
		t.Parallel()
		s, _ := p.Decide(State{}, press("e1", 1))
		s, _ = p.Decide(s, scan("e2", "PO4711", nil, 2))
		before := cmp.Diff(State{}, s)
		p.Decide(s, press("e3", 3))
		p.Decide(s, Event{ID: "e4", Source: "maintenance", Kind: Hold, At: atSecond(4)})
		p.Decide(s, scan("e5", "BOTH 300", nil, 5))
		if after := cmp.Diff(State{}, s); after != before {
			t.Errorf("before %s after %s", before, after)
		}
	})
	t.Run("the second press of a latching button closes its call", func(t *testing.T) {
		t.Parallel()
		latching := Event{ID: "e1", Source: "latching", Kind: Press, At: atSecond(1)}
		s, _ := p.Decide(State{}, latching)
		latching.ID, latching.At = "e2", atSecond(2)
		s, got := p.Decide(s, latching)
		if len(got) != 1 || got[0].Verb != "dispatch.close" || got[0].About != "e1.1" || s.Calls[0].Closing != "e2.1" {
			t.Errorf("%+v, calls %+v", got, s.Calls)
		}
	})
	t.Run("a press while the close of the last call waits is a new call", func(t *testing.T) {
		t.Parallel()
		s, _ := p.Decide(State{}, press("e1", 1))
		s, _ = p.Decide(s, Event{ID: "e2", Source: "maintenance", Kind: Hold, At: atSecond(2)})
		s, got := p.Decide(s, press("e3", 3))
		if len(got) != 1 || got[0].Verb != "dispatch.open" || len(s.Calls) != 2 {
			t.Errorf("%+v, calls %+v", got, s.Calls)
		}
	})
	t.Run("a hold without an open call says so and does nothing", func(t *testing.T) {
		t.Parallel()
		s, got := p.Decide(State{}, Event{ID: "e1", Source: "maintenance", Kind: Hold, At: atSecond(1)})
		if len(got) != 0 || s.Notes["maintenance"].Kind != NoteNothing {
			t.Errorf("%v, %+v", got, s.Notes)
		}
	})
	t.Run("a call that a technician closed at the vendor is over; a stranger's is not ours", func(t *testing.T) {
		t.Parallel()
		s, a := p.Decide(State{}, press("e1", 1))
		s = delivered(s, a[0], "e1.1", "maintenance", "99", 2)
		other, _ := p.Decide(s, Event{Source: "l2l", Kind: "dispatch.closed", Data: map[string]string{"ref": "98"}})
		if len(other.Calls) != 1 {
			t.Error("a stranger's dispatch ended our call")
		}
		s, _ = p.Decide(s, Event{Source: "l2l", Kind: "dispatch.closed", Data: map[string]string{"ref": "99"}})
		if len(s.Calls) != 0 {
			t.Errorf("calls: %+v", s.Calls)
		}
	})
	t.Run("a call that may have arrived is not opened again by a press: a person decides", func(t *testing.T) {
		t.Parallel()
		s, a := p.Decide(State{}, press("e1", 1))
		s = s.Settle(Delivery{Entry: Entry{ID: "e1.1", Source: "maintenance", Action: a[0]}}, Receipt{Outcome: Doubtful, Err: ErrUndecided, At: atSecond(2)})
		s, got := p.Decide(s, press("e2", 3))
		if len(got) != 0 || s.Notes["maintenance"].Kind != NoteHeld {
			t.Errorf("%v, %+v", got, s.Notes)
		}
	})
	t.Run("an empty value is no value: no article number, no trace", func(t *testing.T) {
		t.Parallel()
		s, _ := p.Decide(State{}, scan("e1", "PO4711", nil, 1))
		b := floor()
		b.Bindings = []Binding{{Event: "hand.scan", Do: []Do{doing("article.trace", map[string]string{"order": "{order}", "article": "{code}"})}}}
		s, got := b.Decide(s, scan("e2", "", nil, 2))
		if len(got) != 0 || s.Notes["hand"].Kind != NoteNeeds {
			t.Errorf("%v, %+v", got, s.Notes)
		}
	})
}

func TestLights(t *testing.T) {
	t.Parallel()
	p := floor()
	call := func() (State, Action) {
		s, a := p.Decide(State{}, press("e1", 1))
		return s, a[0]
	}
	open := func() State {
		s, a := call()
		return delivered(s, a, "e1.1", "maintenance", "99", 2)
	}
	for name, c := range map[string]struct {
		state      func() State
		health     Health
		second     int
		red, white Light
	}{
		"nothing is going on": {state: func() State { return State{} }, red: Off, white: Off},
		"recorded: slow":      {state: func() State { s, _ := call(); return s }, second: 2, red: Slow},
		"delivered: steady":   {state: open, second: 60, red: Steady},
		"the close waits: slow again": {state: func() State {
			s, _ := p.Decide(open(), Event{ID: "e2", Source: "maintenance", Kind: Hold, At: atSecond(50)})
			return s
		}, second: 60, red: Slow},
		"refused: quick": {state: func() State {
			s, a := call()
			return s.Settle(Delivery{Entry: Entry{ID: "e1.1", Source: "maintenance", Action: a}}, Receipt{Outcome: Refused, Err: errors.New("no"), At: atSecond(2)})
		}, second: 60, red: Quick},
		"a scan that nobody knows flashes on the lamp for the rest": {state: func() State {
			s, _ := p.Decide(State{}, scan("e1", "what?", nil, 10))
			return s
		}, second: 11, white: Quick},
		"and is over after two seconds": {state: func() State {
			s, _ := p.Decide(State{}, scan("e1", "what?", nil, 10))
			return s
		}, second: 12, white: Off},
		"an unplugged scanner is a fault":                              {state: func() State { return State{} }, health: Health{Devices: map[string]string{"hand": "unplugged"}}, white: Quick},
		"a lamp that cannot be driven is a fault, and another says so": {state: func() State { return State{} }, health: Health{Devices: map[string]string{"red": "gone"}}, red: Quick, white: Quick},
		"a wrong key is shown, and calls keep their own light": {state: open, second: 60,
			health: Health{Backends: map[string]Contact{"lagerkoll": {Fault: "the key is wrong"}}}, red: Steady, white: Quick},
		"storage failed: every lamp": {state: open, second: 60, health: Health{Storage: "storage failed"}, red: Quick, white: Quick},
		"the network is down: no lamp says more than recorded": {state: func() State { s, _ := call(); return s }, second: 600,
			health: Health{Backends: map[string]Contact{"l2l": {Kind: NoContact, Last: "no route to host"}}}, red: Slow},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := p.Lights(c.state(), c.health, atSecond(c.second))
			if want := map[string]Light{"red": c.red, "white": c.white}; !cmp.Equal(want, got) {
				t.Errorf("lights %v, want %v", got, want)
			}
		})
	}
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	values := func(name string) (string, bool) {
		v, ok := map[string]string{"order": "4711", "empty": ""}[name]
		return v, ok
	}
	for _, c := range []struct {
		text, want, missing string
		present             bool
	}{
		{"plain", "plain", "", true},
		{"{order}", "4711", "", true},
		{"no. {order}!", "no. 4711!", "", true},
		{"{batch?}", "", "", false},
		{"{batch|1}", "1", "", true},
		{"{batch|}", "", "", false},
		{"{order|1}", "4711", "", true},
		{"{batch}", "", "batch", false},
		{"{empty}", "", "empty", false},
		{"{{order}}", "{order}", "", true},
	} {
		tmpl, err := ParseTemplate(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		text, present, missing := tmpl.expand(values)
		if text != c.want || present != c.present || missing != c.missing {
			t.Errorf("%s: %q present %v missing %q", c.text, text, present, missing)
		}
	}
	for text, at := range map[string]int{"{order": 0, "a}": 1, "{}": 1, "x{a b}": 2, "{|1}": 1} {
		_, err := ParseTemplate(text)
		var wrong *TemplateError
		if !errors.As(err, &wrong) || wrong.At != at {
			t.Errorf("%s: %v, want a fault at %d", text, err, at)
		}
	}
}

func TestStamp(t *testing.T) {
	t.Parallel()
	t.Run("within a boot a clock that is set does not make a call older", func(t *testing.T) {
		t.Parallel()
		pressed, later := atSecond(10), atSecond(70)
		pressed.Wall, pressed.Trusted = time.Unix(30, 0), false
		if age, known := later.Since(pressed); !known || age != time.Minute {
			t.Errorf("age %v, known %v", age, known)
		}
	})
	t.Run("between boots only clocks that were set can tell", func(t *testing.T) {
		t.Parallel()
		pressed, later := atSecond(10), atSecond(70)
		later.Boot = "next"
		if age, known := later.Since(pressed); !known || age != time.Minute {
			t.Errorf("age %v, known %v", age, known)
		}
		pressed.Trusted = false
		if _, known := later.Since(pressed); known {
			t.Error("it claims to know")
		}
	})
}

func TestID(t *testing.T) {
	t.Parallel()
	id := ID("9f86d081884c7d659a2feaa0c55ad015")
	if e := id.Entry(2); e != "9f86d081884c7d659a2feaa0c55ad015.2" || e.Event() != id || e.Short() != "9f86d081.2" {
		t.Errorf("entry %s, event %s, short %s", e, e.Event(), e.Short())
	}
	if m := id.Entry(1).Mark(); !regexp.MustCompile(`^\[sd-[A-Z2-7]{10}\]$`).MatchString(m) || m == id.Entry(2).Mark() {
		t.Errorf("mark %s", m)
	}
	if a, b := NewID(), NewID(); a == b || len(a) != 32 {
		t.Errorf("%s %s", a, b)
	}
}
