package station

import (
	"encoding/json"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reading is a program with one binding of hand.scan.
func reading(b Binding) Program {
	b.Event = "hand.scan"
	return Program{Bindings: []Binding{b}}
}

// inHand decides a scan and returns what is in hand then, and the note.
func inHand(p Program, code string, data map[string]string) (map[string]string, Note, []Action) {
	ev := Event{ID: "e1", Source: "hand", Kind: Scan, Code: code, Data: data, At: Stamp{Boot: "b"}}
	s, actions := p.Decide(State{}, ev)
	values := make(map[string]string)
	for name, v := range s.Values {
		values[name] = v.Text
	}
	return values, s.Notes["hand"], actions
}

func TestABindingFiresOnlyIfEveryValueThatItUsesIsGood(t *testing.T) {
	t.Parallel()
	good := map[string]string{"gs1.01": "09506000134352", "gs1.10": "AB", "gtin13": "9506000134352"}
	with := func(extra map[string]string) map[string]string {
		all := map[string]string{"gs1.error": "AI (17): there is no such month"}
		maps.Copy(all, good)
		maps.Copy(all, extra)
		return all
	}
	tests := []struct {
		name string
		take string
		data map[string]string
		want string
		note NoteKind
	}{
		{"all is good", "{gs1.01}", good, "09506000134352", NoteSet},
		{"a bad date, which is not used", "{gs1.01} {gs1.10}", with(map[string]string{DataBad: "gs1.17"}), "09506000134352 AB", NoteSet},
		{"a bad date, which would be left out", "{gs1.01}{gs1.17|-}", with(map[string]string{DataBad: "gs1.17"}), "", NoteUnfit},
		{"something was lost, which is not used", "{gs1.01}", with(map[string]string{DataBad: "gs1.*"}), "09506000134352", NoteSet},
		{"something was lost, and a serial number would be left out", "{gs1.01}{gs1.21|-}", with(map[string]string{DataBad: "gs1.*"}), "", NoteUnfit},
		{"a form that the number has", "{gtin13}", good, "9506000134352", NoteSet},
		{"a form that it has not", "{gtin12}", good, "", NoteUnknown},
		{"a form that it has not, and something in its place", "{gtin12|-}", good, "-", NoteSet},
		{"nothing of it may be used", "{gs1.01}", with(map[string]string{DataRefused: "byte 3: 83 is no text"}), "", NoteUnfit},
		{"a bad data identifier", "{gs1.01}{di.Q|1}", with(map[string]string{DataBad: "di.Q"}), "", NoteUnfit},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := reading(Binding{GS1: []string{"01"}, Set: map[string]Template{"read": template(test.take)}})
			values, note, actions := inHand(p, "X", test.data)
			if values["read"] != test.want || note.Kind != test.note {
				t.Errorf("read is %q, note %+v, want %q, %s", values["read"], note, test.want, test.note)
			}
			if kept := len(actions) == 1 && actions[0].Verb == VerbKeep; kept != (test.want == "") {
				t.Errorf("it is kept: %v", kept)
			}
		})
	}
}

func TestNothingThatAPrintedCodeHoldsGoesIntoAFieldAsAControlCharacter(t *testing.T) {
	t.Parallel()
	verb := Verb{Name: "order.start", Fields: []Field{{Name: "order", Required: true}, {Name: "note"}}, Lane: []string{"order"}, PassThrough: true}
	match := regexp.MustCompile(`(?s)^PO(?P<order>.+)$`)
	bindings := map[string]Binding{
		"a field and a lane":  {Match: match, Do: []Do{{Backend: "l2l", Verb: verb, With: map[string]Template{"order": template("{order}")}}}},
		"a further parameter": {Match: match, Do: []Do{{Backend: "l2l", Verb: verb, With: map[string]Template{"order": template("1"), "with.x": template("{code}")}}}},
		"a value in hand":     {Match: match, Set: map[string]Template{"order": template("{order}")}},
		"a list":              {Match: match, Append: map[string]Template{"parts": template("{order}")}},
		"a counter":           {Match: match, Count: map[string]Template{"made": template("{order}")}},
	}
	for name, b := range bindings {
		for _, c := range []string{"\x00", "\t", "\n", "\x1d", "\x7f", "\u0085", "\u009f"} {
			values, note, actions := inHand(reading(b), "PO47"+c+"11", nil)
			if note.Kind != NoteUnfit || !strings.Contains(note.Text, "a control character (") || len(values) > 0 {
				t.Errorf("%s: %q: note %+v, in hand %v", name, c, note, values)
			}
			if len(actions) != 1 || actions[0].Verb != VerbKeep {
				t.Errorf("%s: %q: %+v", name, c, actions)
			}
		}
		// What turns text around, separates lines or is not seen makes a field another
		// than it looks.
		for _, c := range []string{"\u202e", "\u2066", "\u200f", "\u061c", "\u2028", "\u200b", "\u2060", "\ufeff", "\u200d", "\ufe0f", "\u00ad", "\u034f", "\u115f", "\u2061", "\ufff9", "\U000e0041", "\ue000", "\uffff"} {
			values, note, actions := inHand(reading(b), "PO47"+c+"11", nil)
			if note.Kind != NoteUnfit || !strings.Contains(note.Text, "a character that is not seen (U+") || len(values) > 0 || len(actions) != 1 || actions[0].Verb != VerbKeep {
				t.Errorf("%s: %q: note %+v, in hand %v, %+v", name, c, note, values, actions)
			}
		}
	}
}

func TestAControlCharacterThatAnOlderProgramTookInHandGoesNowhere(t *testing.T) {
	t.Parallel()
	b := Binding{Event: "help.press", Do: []Do{{Backend: "l2l", Verb: Verb{Name: "order.start", Fields: []Field{{Name: "order"}}, Lane: []string{"order"}}, With: map[string]Template{"order": template("{order}")}}}}
	ev := Event{ID: "e1", Source: "help", Kind: Press, At: Stamp{Boot: "b"}}
	s, actions := Program{Bindings: []Binding{b}}.Decide(State{Values: map[string]Value{"order": {Text: "47\t11"}}}, ev)
	if len(actions) > 0 || s.Notes["help"].Kind != NoteUnfit {
		t.Errorf("%+v, note %+v", actions, s.Notes["help"])
	}
}

func TestAValueIsAsLongAsTheBindingAllows(t *testing.T) {
	t.Parallel()
	take := map[string]Template{"read": template("{code}")}
	for _, test := range []struct {
		max, length int
		fits        bool
	}{{0, LongestValue, true}, {0, LongestValue + 1, false}, {300, 300, true}, {300, 301, false}, {10, 11, false}} {
		values, note, _ := inHand(reading(Binding{Max: test.max, Set: take}), strings.Repeat("å", test.length), nil)
		if (values["read"] != "") != test.fits || (note.Kind == NoteUnfit) == test.fits {
			t.Errorf("%d characters where %d go: note %+v", test.length, test.max, note)
		}
	}
}

func TestAValueInHandMayBeCalledAsAFormOfTheArticleNumber(t *testing.T) {
	t.Parallel()
	b := Binding{Event: "hand.scan", Match: regexp.MustCompile("^GO$"), Set: map[string]Template{"read": template("{gtin}")}}
	ev := Event{ID: "e1", Source: "hand", Kind: Scan, Code: "GO", Data: map[string]string{"symbology": "qr"}, At: Stamp{Boot: "b"}}
	s, _ := Program{Bindings: []Binding{b}}.Decide(State{Values: map[string]Value{"gtin": {Text: "4006381333931"}}}, ev)
	if s.Values["read"].Text != "4006381333931" {
		t.Errorf("in hand %v, note %v", s.Values, s.Notes)
	}
}

func TestABindingThatIgnoresDoesNothing(t *testing.T) {
	t.Parallel()
	values, note, actions := inHand(reading(Binding{Match: regexp.MustCompile("^NOREAD$"), Ignore: true}), "NOREAD", nil)
	if len(values) > 0 || note.Kind != "" || actions != nil {
		t.Errorf("in hand %v, note %+v, actions %+v", values, note, actions)
	}
}

func TestValuesInACodeOfJSON(t *testing.T) {
	t.Parallel()
	paths := func(texts ...string) map[string]JSONPath {
		all := make(map[string]JSONPath)
		for i, text := range texts {
			p, err := ParseJSONPath(text)
			if err != nil {
				t.Fatal(err)
			}
			all[string(rune('a'+i))] = p
		}
		return all
	}
	const doc = `{"po": "4711", "lines": [{"qty": 5.50, "part no": "A"}], "done": true, "none": null, "big": 12345678901234567890}`
	tests := []struct {
		code  string
		paths map[string]JSONPath
		want  map[string]string // nil: it does not fit
	}{
		{doc, paths("$.po", "$.lines[0].qty", "$.lines[0]['part no']", "$.done", "$.big"), map[string]string{"a": "4711", "b": "5.50", "c": "A", "d": "true", "e": "12345678901234567890"}},
		{doc, paths("$.po", "$.batch?"), map[string]string{"a": "4711"}},
		{doc, paths("$.po", "$.batch"), nil},
		{doc, paths("$.none"), nil},
		{doc, paths("$.lines"), nil},
		{doc, paths("$.lines[1].qty"), nil},
		{`["4711"]`, paths("$[0]"), map[string]string{"a": "4711"}},
		{`"4711"`, paths("$.po?"), nil},
		{"PO4711", paths("$.po"), nil},
		{doc + doc, paths("$.po"), nil},
	}
	for _, test := range tests {
		groups, fits := Binding{JSON: test.paths}.readCode(test.code)
		if fits != (test.want != nil) {
			t.Errorf("%s fits: %v", test.code, fits)
		} else if diff := cmp.Diff(test.want, groups); fits && diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.code, diff)
		}
	}
	for _, text := range []string{"", "$", "po", "$po", "$.", "$.a..b", "$[a]", "$[-1]", "$['a", "$.a b[", "$[0"} {
		if _, err := ParseJSONPath(text); err == nil {
			t.Errorf("%q is a path", text)
		}
	}
}

func TestCodesOfNamesAndValues(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]map[string]string{
		"PO=4711;QTY=500":                     {"PO": "4711", "QTY": "500"},
		"PO=4711\nQTY=500\n":                  {"PO": "4711", "QTY": "500"},
		"PO=4711|QTY=500":                     {"PO": "4711", "QTY": "500"},
		"po=4711&qty=5":                       {"po": "4711", "qty": "5"},
		"PO: 4711, QTY: 500":                  {"PO": "4711", "QTY": "500"},
		`{"pbn":"PICK1","qty":"5"}`:           {"pbn": "PICK1", "qty": "5"},
		"{pbn:PICK1,on:WM1,pc:C1,pm:X,qty:5}": {"pbn": "PICK1", "on": "WM1", "pc": "C1", "pm": "X", "qty": "5"},
		"QTY:100 PN:ABC PO:7/1":               {"QTY": "100", "PN": "ABC", "PO": "7/1"},
		"PO=4711":                             {"PO": "4711"},
		"PO=A=B":                              {"PO": "A=B"},
		"PO=4711;PO=4712":                     nil,
		"PO4711":                              nil,
		"":                                    nil,
		"=4711":                               nil,
	} {
		if diff := cmp.Diff(want, Pairs(code)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", code, diff)
		}
	}
	b := Binding{Pairs: map[string]string{"order": "PO", "qty": "QTY?"}}
	if groups, fits := b.readCode("PO=4711;X=1"); !fits || groups["order"] != "4711" || groups["qty"] != "" {
		t.Errorf("it gives %v", groups)
	}
	if _, fits := b.readCode("QTY=5;X=1"); fits {
		t.Error("it fits without its order")
	}
}

// FuzzInCode: whatever a code holds, nothing panics, what is found is text that stood in
// it, and what goes into a field is free of control characters.
func FuzzInCode(f *testing.F) {
	f.Add(`{"po":"4711","lines":[{"qty":5}]}`, "$.lines[0].qty", "po")
	f.Add("PO=4711;QTY=5", "$.a", "QTY")
	f.Add("{pbn:PICK1,qty:5}", "$['a b'][3]?", "qty")
	f.Fuzz(func(t *testing.T, code, path, name string) {
		for _, v := range Pairs(code) {
			if !strings.Contains(code, v) {
				t.Errorf("%q: %q never stood there", code, v)
			}
		}
		b := Binding{Event: "hand.scan", Set: map[string]Template{"v": {parts: []part{{name: "v"}}}}}
		if p, err := ParseJSONPath(path); err == nil {
			b.JSON = map[string]JSONPath{"v": p}
		} else {
			b.Pairs = map[string]string{"v": name}
		}
		s, _ := Program{Bindings: []Binding{b}}.Decide(State{}, Event{ID: "e", Source: "hand", Kind: Scan, Code: code, At: Stamp{Boot: "b"}})
		if why := unusable("v", s.Values["v"].Text, LongestValue); why != "" {
			t.Errorf("%q: %s", code, why)
		}
		if _, err := json.Marshal(s); err != nil {
			t.Error(err)
		}
	})
}
