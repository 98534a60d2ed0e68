package live

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/plan"
	"stationd/internal/station"
)

func TestWhatAScanMeansIsWhatTheStationDecides(t *testing.T) {
	t.Parallel()
	p, faults, err := plan.Read(filepath.Join("..", "..", "deploy", "stationd.example.toml"))
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	for _, code := range []string{"PO4711", "PC-COOKIE", "elsewhere"} {
		ev := station.Event{ID: station.NewID(), Source: "hand", Kind: station.Scan, Code: code}
		state, actions := p.Program.Decide(station.State{}, ev)
		m := explain(p.Program, ev)
		if (m.Number == 0) != (len(actions) == 1 && actions[0].Verb == station.VerbKeep) {
			t.Errorf("%s: binding %d fits, and the station does %v", code, m.Number, actions)
		}
		if m.Number > 0 && (len(m.Actions) != len(actions) || len(m.State.Values) != len(state.Values)) {
			t.Errorf("%s: shown as %v, and the station does %v", code, m.Actions, actions)
		}
	}
}

func TestALongScanIsShownInLinesWithItsMarkBelowTheFault(t *testing.T) {
	t.Parallel()
	half := strings.Repeat("0123456789", 7)[:67]
	tests := []struct {
		name  string
		raw   string
		fault int
		want  string
	}{
		{"a short one", "]d210AB", -1, "  text    ]d210AB\n"},
		{"nothing", "", 0, "  text    \n          ^\n"},
		{"a fault in the first line", half + "ABCDE", 1, "  text    " + half + "A\n           ^\n          BCDE\n"},
		{"a fault in the second line", half + "ABCDE", 69, "  text    " + half + "A\n          BCDE\n           ^\n"},
		{"a fault behind the end", "AB", 2, "  text    AB\n            ^\n"},
		{"the name of a control character stays whole", half + "\x1dAB", -1, "  text    " + half + "\n          <GS>AB\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, markedText([]byte(test.raw), test.fault)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestABindingIsNamedAsItStandsInTheFile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		binding station.Binding
		want    string
	}{
		{station.Binding{Event: "hand.scan", GS1: []string{"01", "10"}}, `[[on]] number 2: event = "hand.scan", gs1 = [01, 10]`},
		{station.Binding{Event: "hand.scan", Carry: []string{"di.P", "hibc.lot", "di.Q", "store.item"}}, `[[on]] number 2: event = "hand.scan", di = [P, Q], hibc = [lot], store = [item]`},
		{station.Binding{Event: "hand.scan", JSON: map[string]station.JSONPath{"order": {}}}, `[[on]] number 2: event = "hand.scan", json of order`},
		{station.Binding{Event: "hand.scan", Pairs: map[string]string{"order": "PO", "amount": "QTY"}}, `[[on]] number 2: event = "hand.scan", pairs of amount, order`},
		{station.Binding{Event: "hand.scan", Ignore: true}, `[[on]] number 2: event = "hand.scan", ignore = true`},
	} {
		if got := (&meaning{Number: 2, Binding: test.binding}).bindingText(); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

func TestWhatWouldBeRefusedOrMustBeConfirmedIsSaid(t *testing.T) {
	t.Parallel()
	most := 12.0
	text, err := station.ParseTemplate("{amount}")
	if err != nil {
		t.Fatal(err)
	}
	p := station.Program{Bindings: []station.Binding{
		{Event: "hand.scan", Match: regexp.MustCompile(`^A(?P<amount>\d+)$`), Limits: map[string]station.Bound{"amount": {Max: &most}}, Set: map[string]station.Template{"n": text}, Number: 3},
		{Event: "hand.scan", Match: regexp.MustCompile(`^AWAY$`), Confirm: true, ConfirmBy: "go.press", Clear: []string{"n"}},
		{Event: "hand.scan", Match: regexp.MustCompile(`^DONE$`), Conditions: []station.Comparison{{Name: "parts", Compare: ">=", Number: 4, Counted: true}}, Clear: []string{"parts"}},
	}}
	for code, want := range map[string][]string{
		"A13":  {"[[on]] number 4", "would be refused: amount 13 > 12"},
		"A12":  {"sets n = 12"},
		"AWAY": {`confirm = "go.press"`},
		"DONE": {"would be refused here, where nothing is in hand: parts 0 (>= 4)"},
	} {
		ev := station.Event{ID: station.NewID(), Source: "hand", Kind: station.Scan, Code: code}
		m := explain(p, ev)
		var b strings.Builder
		m.write(&b, ev)
		for _, said := range want {
			if !strings.Contains(strings.Join(strings.Fields(b.String()), " "), said) {
				t.Errorf("%s: %q is not in\n%s", code, said, b.String())
			}
		}
	}
}
