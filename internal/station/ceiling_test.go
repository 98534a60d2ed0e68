package station

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// hostile is a floor whose labels open calls, fill texts in hand and name lines.
func hostile() Program {
	p := floor()
	call := doing("dispatch.open", map[string]string{"type": "MATERIAL", "machine": "{code}", "description": "x"})
	again := doing("dispatch.open", map[string]string{"type": "MAINT", "description": "x"})
	again.Again = true
	p.Bindings = append([]Binding{
		{Event: "hand.scan", Match: regexp.MustCompile(`^CALL`), Max: 7089, Do: []Do{call}},
		{Event: "hand.scan", Match: regexp.MustCompile(`^LONG`), Max: 7089, Set: map[string]Template{"all": template("{all|}{code}")}},
		{Event: "hand.scan", Match: regexp.MustCompile(`^LINE`), Do: []Do{doing("changeover.start", map[string]string{"line": "{code}"})}},
		{Event: "again.press", Do: []Do{again}},
	}, p.Bindings...)
	return p
}

func scanOf(code string, n int) Event {
	return Event{ID: ID(fmt.Sprintf("%032x", n)), Source: "hand", Kind: Scan, Code: code, At: Stamp{Wall: time.Unix(int64(n), 0), Boot: "b", Up: time.Duration(n) * time.Second, Trusted: true}}
}

func TestLabelsThatAreOpenedAsCallsLeaveRoomForTheButtons(t *testing.T) {
	t.Parallel()
	p, s := hostile(), State{}
	for n := range 2500 {
		s, _ = p.Decide(s, scanOf(fmt.Sprintf("CALL%d", n), n))
	}
	if len(s.Calls) != callsForScans || s.Notes["hand"].Kind != NoteFull || s.Notes["hand"].Text != "open calls" {
		t.Errorf("%d calls are open, and the scanner is told %+v", len(s.Calls), s.Notes["hand"])
	}
	s, actions := p.Decide(s, Event{ID: "00000000000000000000000000001111", Source: "maintenance", Kind: "press", At: scanOf("", 3000).At})
	if len(actions) != 1 || actions[0].Verb != "dispatch.open" {
		t.Errorf("a press does %+v", actions)
	}
	for n := range 200 {
		ev := scanOf("", 4000+n)
		ev.Source, ev.Kind, ev.Code = "again", "press", ""
		s, _ = p.Decide(s, ev)
	}
	if len(s.Calls) != mostCalls || s.Notes["again"].Kind != NoteFull {
		t.Errorf("%d calls are open, and the button is told %+v", len(s.Calls), s.Notes["again"])
	}
	if text, err := json.Marshal(s); err != nil || len(text) > 100_000 {
		t.Errorf("the state has %d bytes: %v", len(text), err)
	}
}

func TestNoTextInTheStateGrowsWithoutEnd(t *testing.T) {
	t.Parallel()
	p, s := hostile(), State{}
	for n := range 100 {
		s, _ = p.Decide(s, scanOf("LONG"+strings.Repeat("8", 4000), n))
	}
	if n := len(s.Values["all"].Text); n > longestInHand || s.Notes["hand"].Kind != NoteUnfit {
		t.Errorf("the text in hand has %d characters, and the scanner is told %+v", n, s.Notes["hand"])
	}
	s, actions := p.Decide(s, scanOf("CALL"+strings.Repeat("8", 4000), 200))
	if len(s.Calls) != 0 || len(actions) != 1 || actions[0].Verb != VerbKeep || s.Notes["hand"].Text != "machine has 4004 characters, and 256 at most" {
		t.Errorf("a call of a long name: %+v, %+v", actions, s.Notes["hand"])
	}
	for n := range 200 {
		ev := scanOf(fmt.Sprintf("LINE%d", n), 300+n)
		after, actions := p.Decide(s, ev)
		for i, a := range actions {
			e := Entry{ID: ev.ID.Entry(i + 1), Source: ev.Source, At: ev.At, Action: a}
			after = after.Settle(Delivery{Entry: e}, Receipt{Outcome: Delivered, Runs: Running{Line: a.With["line"], Order: "4711"}, At: ev.At})
		}
		s = after
	}
	if _, last := s.Lines["LINE199"]; len(s.Lines) != mostLines || !last {
		t.Errorf("%d lines are known, the last of them: %v", len(s.Lines), last)
	}
	if text, err := json.Marshal(s); err != nil || len(text) > 100_000 {
		t.Errorf("the state has %d bytes: %v", len(text), err)
	}
}

func TestWhatAPersonAsksForHasCeilingsToo(t *testing.T) {
	t.Parallel()
	p, s := hostile(), State{}
	_, faults := p.BuildAction(ActionRequest{Backend: "l2l", Verb: "dispatch.open", With: map[string]string{"type": "MAINT", "description": "x", "machine": strings.Repeat("8", 300)}})
	if len(faults) != 1 || !strings.Contains(faults[0], "machine has 300 characters") {
		t.Errorf("faults: %q", faults)
	}
	for n := range 150 {
		asking := ActionRequest{Backend: "l2l", Verb: "dispatch.open", With: map[string]string{"type": "MAINT", "description": "x", "machine": fmt.Sprint("M", n)}}
		ev := asking.Event("uid:0", scanOf("", n).At)
		ev.ID = scanOf("", n).ID
		s, _ = p.Decide(s, ev)
	}
	if len(s.Calls) != mostCalls || s.Notes[FromCommand].Kind != NoteFull {
		t.Errorf("%d calls are open, and the command is told %+v", len(s.Calls), s.Notes)
	}
}

// In an outage of days each call that was opened and closed waits with its close.
func TestCallsThatWereClosedInAnOutageKeepNoButtonFromCalling(t *testing.T) {
	t.Parallel()
	p, s := hostile(), State{}
	at := scanOf("", 1).At
	press := func(n int) (opened bool) {
		after, actions := p.Decide(s, Event{ID: ID(fmt.Sprintf("%032x", 2*n)), Source: "maintenance", Kind: "press", At: at})
		s, _ = p.Decide(after, Event{ID: ID(fmt.Sprintf("%032x", 2*n+1)), Source: "maintenance", Kind: "hold", At: at})
		return len(actions) == 1
	}
	for n := range mostWithClosed {
		if !press(n) {
			t.Fatalf("the %d. call was refused", n+1)
		}
	}
	if press(mostWithClosed) || s.Notes["maintenance"].Kind == NoteRecorded {
		t.Errorf("%d calls wait with their close, and one more is recorded", len(s.Calls))
	}
	if text, err := json.Marshal(s); err != nil || len(text) > 500_000 {
		t.Errorf("the state has %d bytes: %v", len(text), err)
	}
}
