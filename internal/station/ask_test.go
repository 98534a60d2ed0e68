package station

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// office is the floor's program, with verbs that show every way of asking.
func office() Program {
	p := floor()
	vendor := p.Vendors["l2l"]
	vendor.Verbs = append(slices.Clip(vendor.Verbs),
		Verb{Name: "changeover.finish", Lane: []string{"line"}, Line: "line", Barrier: true, Before: true, Late: LateHold, LateAfter: 2 * time.Minute,
			Fields: []Field{{Name: "line", Required: true}, {Name: "id", Type: Integer}, {Name: LastSeen}}},
		Verb{Name: "dispatch.add", Lane: []string{"machine"}, PassThrough: true, Fields: []Field{
			{Name: "machine", Required: true}, {Name: "parts", Type: List}, {Name: "waste", Type: Number}, {Name: "day", Type: Date},
			{Name: "sure", Type: Bool}, {Name: "user"}}},
		Verb{Name: "list.print", BestEffort: true, Fields: []Field{{Name: "order", Required: true}}})
	p.Vendors = map[string]Vendor{"l2l": vendor}
	return p
}

func asking(verb string, fields ...string) ActionRequest {
	a := ActionRequest{Backend: "l2l", Verb: verb, With: map[string]string{}}
	for i := 0; i < len(fields); i += 2 {
		a.With[fields[i]] = fields[i+1]
	}
	return a
}

func TestWhatIsAskedWronglyIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		ask  ActionRequest
		want []string
	}{
		{"all is well", asking("dispatch.open", "type", "MAINT", "description", "Help"), nil},
		{"a backend that there is not", ActionRequest{Backend: "mes", Verb: "x"}, []string{`this station has no backend "mes"`}},
		{"a verb that there is not", asking("dispatch.opn"), []string{`l2l has no verb "dispatch.opn"`}},
		{"a field that there is not, and two that are missing", asking("dispatch.open", "typ", "MAINT"), []string{
			`dispatch.open has no field "typ"; it takes: type, machine, description, trade`,
			"dispatch.open needs type=…: ", "dispatch.open needs description=…: "}},
		{"the default stands for what is missing", asking("changeover.start", "product", "100"), nil},
		{"what the program fills in", asking("changeover.finish", LastSeen, "8801"), []string{
			"last_seen is filled in by the program: it knows what the line was last seen to run"}},
		{"wrong types", asking("dispatch.add", "parts", "a", "waste", "1,5", "day", "261301", "sure", "yes"), []string{
			`day must be a date, as "2026-10-31" or "261031", not "261301"`,
			`parts must be a list, not "a"`,
			`sure must be true or false, not "yes"`,
			`waste must be a number, as 12 or 0.5, not "1,5"`}},
		{"right types", asking("dispatch.add", "parts", `[{"article": "1"}]`, "waste", "1.5", "day", "261000", "sure", "true", "with.due", "x"), nil},
		{"an empty value", asking("dispatch.add", "user", ""), []string{"user= says nothing: leave it out"}},
		{"a further parameter that is a field", asking("dispatch.add", "with.user", "anna"), []string{
			"with.user: user is a field of dispatch.add itself: write it without with."}},
		{"a further parameter that is no name", asking("dispatch.add", "with._action", "delete"), []string{
			`with._action: "_action" is no name of a parameter: it has letters, digits and _, and begins with a letter`}},
		{"a verb that passes nothing through", asking("list.print", "order", "1", "with.due", "x"), []string{
			"with.due: list.print passes no further parameters through"}},
		{"an end without its call", asking("dispatch.close"), []string{"dispatch.close needs dispatch=…: "}},
		{"an end by the fields of a binding", asking("dispatch.close", "dispatch", "90017", "machine", "SEAL-1"), []string{
			"machine chooses among the calls of a binding; here dispatch says which one"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, faults := office().BuildAction(c.ask)
			if diff := cmp.Diff(c.want, faults); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			s, actions := office().Decide(State{}, c.ask.Event("uid:1000", Stamp{}))
			if len(c.want) > 0 && (len(actions) > 0 || len(s.Sources) > 0) {
				t.Errorf("and yet it came to %+v", actions)
			}
		})
	}
}

func TestWhatAPersonAsksForIsDoneAsABindingDoesIt(t *testing.T) {
	t.Parallel()
	now := Stamp{Wall: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), Boot: "b", Up: time.Hour, Trusted: true}
	const to = "https://acme.example/api/1.0/ site 12"
	before := State{
		Values: map[string]Value{User: {Text: "anna", At: now}},
		Lines:  map[string]Current{"PACK4": {Order: "8801"}},
		Calls: []Call{
			{Backend: "l2l", Subject: map[string]string{"machine": "SEAL-1", "type": "MAINT"}, Source: "maintenance", Lane: "l2l/machine:SEAL-1",
				Entry: "aa.1", Ref: "90001", Adopted: true, Leave: true},
			{Backend: "l2l", Subject: map[string]string{"machine": "SEAL-1", "type": "HELD"}, Source: "cli", Lane: "l2l/machine:SEAL-1",
				Entry: "bb.1", Hold: HoldRefused},
		},
	}
	cases := []struct {
		name string
		ask  ActionRequest
		want []Action
		note NoteKind
	}{
		{"a call, with nothing filled in", asking("dispatch.open", "type", "QUALITY", "description", "{station}"),
			[]Action{{Lane: "l2l/machine:SEAL-1", Verb: "dispatch.open", To: to, With: map[string]string{
				"machine": "SEAL-1", "trade": "MECH", "type": "QUALITY", "description": "{station}"}}}, NoteRecorded},
		{"a call that is open already", asking("dispatch.open", "type", "MAINT", "description", "x"), nil, NoteAlready},
		{"a call that was refused is its retry", asking("dispatch.open", "type", "HELD", "description", "x"),
			[]Action{{Verb: VerbRetry, About: "bb.1"}}, NoteRecorded},
		{"a step of a line, with what it was seen to run", asking("changeover.finish"),
			[]Action{{Lane: "l2l/line:PACK4", Verb: "changeover.finish", To: to, Barrier: true, Marks: true, Late: LateHold, LateAfter: 2 * time.Minute,
				With: map[string]string{"line": "PACK4", LastSeen: "8801"}}}, NoteRecorded},
		{"a list, in one spelling, and not in the name of who has badged in", asking("dispatch.add", "parts", `[ {"b": 1.50, "a": "x"} ]`, "with.due", "y"),
			[]Action{{Lane: "l2l/machine:SEAL-1", Verb: "dispatch.add", To: to,
				With: map[string]string{"machine": "SEAL-1", "parts": `[{"a":"x","b":1.50}]`, "with.due": "y"}}}, NoteRecorded},
		{"the end of a dispatch that is none of this station's", asking("dispatch.close", "dispatch", "4"),
			[]Action{{Lane: "l2l/dispatch:4", Verb: "dispatch.close", To: to, With: map[string]string{"dispatch": "4"}}}, NoteRecorded},
		{"the end of a call of this station's, be it adopted", asking("dispatch.close", "dispatch", "90001"),
			[]Action{{Lane: "l2l/machine:SEAL-1", Verb: "dispatch.close", To: to, With: map[string]string{"dispatch": "90001"}}}, NoteRecorded},
		{"what is not kept", asking("list.print", "order", "4711"),
			[]Action{{Lane: "l2l/", Verb: "list.print", To: to, BestEffort: true, With: map[string]string{"order": "4711"}}}, NoteAsked},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ev := c.ask.Event("uid:1000", now)
			s, actions := office().Decide(before, ev)
			if diff := cmp.Diff(c.want, actions); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
			if n := s.Notes[FromCommand]; n.Kind != c.note {
				t.Errorf("the note is %q, want %q", n.Kind, c.note)
			}
			for _, call := range s.Calls {
				if call.Ref == c.ask.With["dispatch"] && call.Ref != "" && call.Closing != ev.ID.Entry(1) {
					t.Errorf("the call's close is %q", call.Closing)
				}
			}
		})
	}
	t.Run("a close that is on its way is not asked for twice", func(t *testing.T) {
		t.Parallel()
		p := office()
		s, _ := p.Decide(before, asking("dispatch.close", "dispatch", "90001").Event("uid:1000", now))
		s, actions := p.Decide(s, asking("dispatch.close", "dispatch", "90001").Event("uid:1000", now))
		if len(actions) > 0 || s.Notes[FromCommand].Kind != NoteAlready {
			t.Errorf("it came to %+v, note %+v", actions, s.Notes[FromCommand])
		}
	})
}

func TestAQuestionIsCheckedBeforeItIsAsked(t *testing.T) {
	t.Parallel()
	r := Query{Name: "orders", Fields: []Field{{Name: "line", Required: true, Help: "line code"}, {Name: "limit", Type: Integer}},
		Also: func(with map[string]string) []string {
			if with["limit"] == "0" {
				return []string{"a list of none"}
			}
			return nil
		}}
	cases := map[string][]string{
		"line=PACK4":          nil,
		"line=PACK4 limit=0":  {"a list of none"},
		"limit=many":          {`limit must be a whole number, not "many"`, "orders needs line=…: line code"},
		"line=PACK4 colour=1": {`orders has no field "colour"; it takes: line, limit`},
	}
	for said, want := range cases {
		t.Run(said, func(t *testing.T) {
			t.Parallel()
			with := map[string]string{}
			for part := range strings.FieldsSeq(said) {
				name, value, _ := strings.Cut(part, "=")
				with[name] = value
			}
			if diff := cmp.Diff(want, r.Validate(with)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}
