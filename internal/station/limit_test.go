package station

import (
	"regexp"
	"testing"
)

// assembly is a place where a piece is built of scanned parts.
func assembly() Program {
	trace := Verb{Name: "article.trace", Lane: []string{"order"}, Fields: []Field{
		{Name: "order", Required: true}, {Name: "article", Required: true}, {Name: "amount", Type: Number}, {Name: "parts", Type: List}}}
	p := floor()
	v := p.Vendors["l2l"]
	v.Verbs = append(v.Verbs, trace)
	p.Vendors = map[string]Vendor{"l2l": v}
	number := func(n float64) *float64 { return &n }
	do := func(with map[string]string) []Do {
		d := Do{Backend: "l2l", Verb: trace, With: map[string]Template{}}
		for field, text := range with {
			d.With[field] = template(text)
		}
		return []Do{d}
	}
	p.Bindings = []Binding{
		{Event: "hand.scan", Match: regexp.MustCompile(`^AMOUNT (?P<amount>\S+)$`), Do: do(map[string]string{"order": "1", "article": "A", "amount": "{amount}"})},
		{Event: "hand.scan", Match: regexp.MustCompile(`^FEW (?P<amount>\S+)$`), Limits: map[string]Bound{"amount": {Min: number(1), Max: number(12)}},
			Do: do(map[string]string{"order": "1", "article": "A", "amount": "{amount}"})},
		{Event: "hand.scan", Match: regexp.MustCompile(`^MANY (?P<amount>\S+)$`), Limits: map[string]Bound{"amount": {Max: number(5_000_000)}},
			Do: do(map[string]string{"order": "1", "article": "A", "amount": "{amount}"})},
		{Event: "hand.scan", Match: regexp.MustCompile(`^USER (?P<name>\S+)$`), Limits: map[string]Bound{"user": {Allow: []string{"eva", "tor"}}},
			Set: map[string]Template{"user": template("{name}")}},
		{Event: "hand.scan", Match: regexp.MustCompile(`^PART (?P<part>\S+)$`), NotIn: map[string]Template{"parts": template("{part}")},
			Append: map[string]Template{"parts": template("{part}")}},
		{Event: "hand.scan", Match: regexp.MustCompile(`^CHECK (?P<part>\S+)$`), In: map[string]Template{"parts": template("{part}")},
			Set: map[string]Template{"checked": template("{part}")}},
		{Event: "hand.scan", Match: regexp.MustCompile(`^DONE$`), Conditions: []Comparison{{Name: "parts", Compare: ">=", Number: 2, Counted: true}},
			Do: do(map[string]string{"order": "1", "article": "A", "parts": "{parts}"}), Clear: []string{"parts"}},
		{Event: "hand.scan", Match: regexp.MustCompile(`^CANCEL$`), Confirm: true, Clear: []string{"parts", "user"}},
		{Event: "hand.scan", Match: regexp.MustCompile(`^SCRAP (?P<article>\S+)$`), Confirm: true, ConfirmBy: "go.press",
			Do: do(map[string]string{"order": "1", "article": "{article}"})},
		{Event: "hand.scan", Match: regexp.MustCompile(`^NEEDS$`), Confirm: true, Needs: []string{"order"}, Clear: []string{"order"}},
	}
	return p
}

// told is what a scan comes to: how it is noted, and how many entries it makes.
type told struct {
	kind    NoteKind
	text    string
	entries int
}

func (h *shift) scanned(code string, second int) told {
	actions := h.happens(scan("", code, nil, second))
	n := h.s.Notes["hand"]
	return told{n.Kind, n.Text, len(actions)}
}

func TestAnAmountThatNobodyMeansDoesNotGoOut(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]told{
		"AMOUNT 99999999": {NoteAbove, "amount 99999999 > 100000", 0},
		"AMOUNT 1e300":    {NoteAbove, "amount 1e300 > 100000", 0},
		"AMOUNT Inf":      {NoteAbove, "amount Inf > 100000", 0},
		"AMOUNT 100000":   {NoteRecorded, "AMOUNT 100000", 1},
		"FEW 13":          {NoteAbove, "amount 13 > 12", 0},
		"FEW 0":           {NoteBelow, "amount 0 < 1", 0},
		"FEW NaN":         {NoteBelow, "amount NaN < 1", 0},
		"FEW -1":          {NoteBelow, "amount -1 < 1", 0},
		"FEW twelve":      {NoteNumber, "amount twelve", 0},
		"FEW 12":          {NoteRecorded, "FEW 12", 1},
		"MANY 4000000":    {NoteRecorded, "MANY 4000000", 1},
		"USER mallory":    {NoteNotAllowed, "user mallory", 0},
		"USER eva":        {NoteSet, "USER eva", 0},
		"USER eva\x20":    {NoteUnknown, "USER eva ", 1},
	} {
		h := &shift{Program: assembly(), t: t}
		if got := h.scanned(code, 1); got != want {
			t.Errorf("%s: %+v, want %+v", code, got, want)
		}
	}
	h := &shift{Program: assembly(), t: t}
	list, err := ParseList([]any{map[string]any{"article": "B", "amount": "{amount}"}})
	if err != nil {
		t.Fatal(err)
	}
	h.Bindings[0].Do[0].With = map[string]Template{"order": template("1"), "article": template("A"), "parts": list}
	if got := h.scanned("AMOUNT 99999999", 1); got.kind != NoteAbove || got.entries > 0 {
		t.Errorf("the amount of a part: %+v", got)
	}
}

func TestWhatIsNotCompleteOrNotInTheListIsRefused(t *testing.T) {
	t.Parallel()
	h := &shift{Program: assembly(), t: t}
	for i, step := range []struct {
		code string
		want told
	}{
		{"DONE", told{NoteNotYet, "parts 0 (>= 2)", 0}},
		{"PART A", told{NoteSet, "parts 1", 0}},
		{"PART A", told{NoteAmong, "A", 0}},
		{"CHECK B", told{NoteNotAmong, "B", 0}},
		{"CHECK A", told{NoteSet, "CHECK A", 0}},
		{"DONE", told{NoteNotYet, "parts 1 (>= 2)", 0}},
		{"PART B", told{NoteSet, "parts 2", 0}},
		{"DONE", told{NoteRecorded, "DONE", 1}},
		{"CHECK A", told{NoteNotAmong, "A", 0}},
	} {
		if got := h.scanned(step.code, i+1); got != step.want {
			t.Errorf("step %d, %s: %+v, want %+v", i+1, step.code, got, step.want)
		}
	}
	if v := (Value{Text: `[{"article":"A","serial":"S1"}]`, List: 1}); !v.has("S1") || v.has("S2") || v.has("serial") {
		t.Error("a part is found by any of its fields")
	}
}

func TestWhatMustBeConfirmedIsDoneTheSecondTime(t *testing.T) {
	t.Parallel()
	asked := told{NoteConfirm, "CANCEL", 0}
	h := &shift{Program: assembly(), t: t}
	h.scanned("PART A", 1)
	in := func() bool { _, in := h.s.Values["parts"]; return in }
	for i, step := range []struct {
		code   string
		second int
		want   told
		in     bool
	}{
		{"CANCEL", 10, asked, true},
		{"CANCEL", 21, asked, true}, // eleven seconds later: it asks anew
		{"PART B", 22, told{NoteSet, "parts 2", 0}, true},
		{"CANCEL", 23, asked, true}, // another scan came between
		{"CANCEL", 33, told{NoteSet, "CANCEL", 0}, false},
		{"CANCEL", 34, asked, false},
		{"NEEDS", 35, told{NoteNeeds, "order", 0}, false}, // and so did one that is refused
		{"CANCEL", 36, asked, false},
	} {
		if got := h.scanned(step.code, step.second); got != step.want || in() != step.in {
			t.Errorf("step %d, %s: %+v, in hand %v", i+1, step.code, got, in())
		}
	}
	if got := h.scanned("NEEDS", 60); got.kind != NoteNeeds {
		t.Errorf("what would be refused is confirmed by nobody: %+v", got)
	}

	press := func(second int) []Action {
		return h.happens(Event{Source: "go", Kind: Press, At: atSecond(second)})
	}
	if a := press(100); len(a) > 0 || len(h.s.Notes["go"].Kind) > 0 {
		t.Errorf("nothing waits for the button, and it does %v", a)
	}
	if got := h.scanned("SCRAP X", 110); got.kind != NoteConfirm || h.s.Notes["hand"].Why == nil || h.s.Notes["hand"].Why.Values["part"] != "go" {
		t.Errorf("nobody is told that it is the button: %+v, %+v", got, h.s.Notes["hand"].Why)
	}
	if got := h.scanned("SCRAP X", 111); got.kind != NoteConfirm || got.entries > 0 {
		t.Errorf("the same scan does not confirm it: %+v", got)
	}
	if a := press(112); len(a) != 1 || a[0].With["article"] != "X" || h.s.Notes["hand"].Kind != NoteRecorded || h.s.Sources["go"].Waiting != 1 {
		t.Errorf("%v, %+v", a, h.s)
	}
	if a := press(113); len(a) > 0 {
		t.Errorf("the second press does it again: %v", a)
	}
	h.scanned("SCRAP Y", 120)
	if a := press(131); len(a) > 0 {
		t.Errorf("eleven seconds later: %v", a)
	}
	h.scanned("SCRAP Y", 140)
	late := Event{Source: "go", Kind: Press, At: atSecond(141)}
	late.At.Boot, late.At.Trusted = "another", false
	if a := h.happens(late); len(a) > 0 {
		t.Errorf("after the power was off for nobody knows how long: %v", a)
	}
}

// Two readers wait for one button: the press confirms what was scanned last, and not one of
// both by chance.
func TestAButtonConfirmsWhatWasScannedLast(t *testing.T) {
	t.Parallel()
	for range 20 {
		h := &shift{Program: assembly(), t: t}
		for _, b := range h.Bindings {
			if b.ConfirmBy != "" {
				b.Event = "other.scan"
				h.Bindings = append(h.Bindings, b)
			}
		}
		h.scanned("SCRAP X", 110)
		h.happens(Event{Source: "other", Kind: Scan, Code: "SCRAP Y", At: atSecond(111)})
		for i, want := range []string{"Y", "X"} {
			if a := h.happens(Event{Source: "go", Kind: Press, At: atSecond(112 + i)}); len(a) != 1 || a[0].With["article"] != want {
				t.Fatalf("press %d: %v, want %s", i+1, a, want)
			}
		}
	}
}
