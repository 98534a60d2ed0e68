package report

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stationd/bench/measure"
	"stationd/bench/rig"
	"stationd/bench/store"
)

func some() Results {
	r := Results{Made: "2026-03-02 07:15 UTC", Commit: "4711abc", Took: "9m0s", Machine: Machine{Processor: "a processor", Cores: 2}, Load: []string{"0.31"}}
	r.Set("outage_lanes", rig.Stationd, measure.Of(0.4))
	r.Set("outage_lanes", rig.Python, measure.Of(1, 2, 3))
	r.Set("size_arm64", rig.Stationd, measure.Of(12.5))
	r.Set("armed", rig.Stationd, measure.Figure{})
	r.Stores = []store.Row{{Name: store.Tuned, Enqueue: measure.Of(0.5), Shared: measure.Of(1000), Cycles: measure.Of(200), Note: "tuned"}, {Name: "x", Enqueue: measure.Of(1), Shared: measure.Of(500), Cycles: measure.Of(100), Bytes: 12_288, Flushes: 2, Note: "other"}}
	r.Curves = map[string][]Curve{"backlog": {{Name: "a < b", X: []float64{0, 10, 50_000}, Y: []float64{1, 2, 3}, High: []float64{2, 3, 4}}}}
	return r
}

func TestTheDocumentSaysWhatWasMeasured(t *testing.T) {
	t.Parallel()
	text, err := Document(some())
	if err != nil {
		t.Fatal(err)
	}
	for sentence, part := range map[string]string{
		"a goal that is reached":            "the last has arrived, s | 0.40 | 2.00 (1.00–3.00) |  |  | ≤ 1.50 | yes",
		"a goal that is not reached":        "| the program, arm64, MB | 12.50 |  |  |  | ≤ 11.00 | no",
		"what was not measured":             "| exec → buttons armed, ms |  |  |  |  | ≤ 20.0 | not measured",
		"twice as slow as tuned bbolt":      "| x | 1.000 (2.00) | 500 (0.50) | 100 (0.50) | not counted | 12,288, 2.00 |",
		"a picture, and its numbers":        "![Last byte to durable, by how many entries wait](benchmarks/backlog.svg)",
		"a backlog with its thousands":      "| 50,000 | 3.00 (95 %: 4.00) |",
		"of what was run, and with what by": "commit 4711abc",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%s: the document has no %q:\n%s", sentence, part, text)
		}
	}
}

func TestAPartThatIsMeasuredAgainTakesThePlaceOfWhatWas(t *testing.T) {
	t.Parallel()
	again := Results{Made: "2026-03-03 08:20 UTC", Commit: "4712def", Took: "1m0s", Load: []string{"0.02"}}
	again.Set("size_arm64", rig.Stationd, measure.Of(10.5))
	all := some()
	all.Renew("sizes", again)
	text, err := Document(all)
	if err != nil {
		t.Fatal(err)
	}
	for sentence, part := range map[string]string{
		"what was measured again": "| the program, arm64, MB | 10.50 |  |  |  | ≤ 11.00 | yes",
		"what was not":            "the last has arrived, s | 0.40 | 2.00 (1.00–3.00) |",
		"when, and of what":       "| sizes: measured again | 2026-03-03 08:20 UTC, commit 4712def, in 1m0s, load average 0.02 |",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%s: the document has no %q:\n%s", sentence, part, text)
		}
	}
}

func TestAPictureIsWellFormed(t *testing.T) {
	t.Parallel()
	for _, p := range Pictures() {
		for sentence, curves := range map[string][]Curve{
			"three points": some().Curves["backlog"],
			"one point":    {{Name: "one", X: []float64{5}, Y: []float64{5}}},
			"no height":    {{Name: "flat", X: []float64{1, 2}, Y: []float64{0, 0}}},
		} {
			svg := p.SVG(curves)
			if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
				t.Errorf("%s, %s: a place that is no number", p.ID, sentence)
			}
			for d := xml.NewDecoder(strings.NewReader(svg)); ; {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatalf("%s, %s: %v\n%s", p.ID, sentence, err, svg)
				}
			}
		}
	}
}

func TestAnAxisHasLines(t *testing.T) {
	t.Parallel()
	for _, s := range []span{{0, 1, true}, {0, 7.3, true}, {0.2, 480, true}, {12, 12.4, true}} {
		if n := len((Picture{}).ticks(s, false)); n < 2 || n > 12 {
			t.Errorf("from %g to %g: %d lines", s.low, s.high, n)
		}
	}
}

func TestTheLinesAreWhole(t *testing.T) {
	t.Parallel()
	text, err := Lines()
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, l := range text.Lines {
		if l.ID == "" || l.Title == "" || seen[l.ID] {
			t.Errorf("a line without an id or a title, or twice: %+v", l)
		}
		seen[l.ID] = true
		if l.Most != nil && l.Least != nil {
			t.Errorf("%s: at most and at least", l.ID)
		}
		if l.FailAbove != nil && l.Most != nil && *l.FailAbove < *l.Most || l.FailBelow != nil && l.Least != nil && *l.FailBelow > *l.Least {
			t.Errorf("%s: what reaches the goal fails", l.ID)
		}
	}
}

// far is a result of each line that has a goal: on the one side of it, or on the other.
func far(text Text, reached bool) (r Results) {
	for _, l := range text.Lines {
		switch {
		case l.Most != nil && reached:
			r.Set(l.ID, rig.Stationd, measure.Of(*l.Most/2))
		case l.Most != nil:
			r.Set(l.ID, rig.Stationd, measure.Of(*l.Most*2))
		case l.Least != nil && reached:
			r.Set(l.ID, rig.Stationd, measure.Of(*l.Least*2))
		case l.Least != nil:
			r.Set(l.ID, rig.Stationd, measure.Of(*l.Least/2))
		}
	}
	return r
}

func TestWhereAGoalIsNotReachedTheDocumentSaysWhy(t *testing.T) {
	t.Parallel()
	text, err := Lines()
	if err != nil {
		t.Fatal(err)
	}
	missed, reached := far(text, false), far(text, true)
	for _, l := range text.Lines {
		if l.Most == nil && l.Least == nil {
			continue
		}
		if oneLine(l.Why) == "" {
			t.Errorf("%s: it has a goal, and nothing is said for the day on which it is not reached", l.ID)
			continue
		}
		begin, _, _ := strings.Cut(oneLine(l.Why), "{")
		if got := text.said(l, missed); !strings.Contains(got, begin) {
			t.Errorf("%s: it is not reached, and the reason is not given: %q", l.ID, got)
		}
		if got := text.said(l, reached); got != text.said(Line{ID: l.ID, How: l.How}, reached) {
			t.Errorf("%s: it is reached, and a reason is given why it is not: %q", l.ID, got)
		}
	}
}

func TestTheFiguresInWhatIsSaidAreThoseOfTheRun(t *testing.T) {
	t.Parallel()
	text := Text{Lines: []Line{{ID: "a", Decimals: 1, Most: new(float64), Why: "{a} of {b\nPython}, {b}"}, {ID: "b", Decimals: 2, Part: true}}}
	var r Results
	r.Set("a", rig.Stationd, measure.Of(1200))
	r.Set("b", rig.Python, measure.Of(0.125))
	if got, want := text.said(text.Lines[0], r), "1,200.0 of 0.12, (not measured)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	text, err := Lines()
	if err != nil {
		t.Fatal(err)
	}
	ids := make(map[string]bool)
	for _, l := range text.Lines {
		ids[l.ID] = true
	}
	for _, l := range text.Lines {
		for _, place := range placeholder.FindAllString(oneLine(l.How+" "+l.Why), -1) {
			id, peer, other := strings.Cut(strings.Trim(place, "{}"), " ")
			if !ids[id] || other && !slices.Contains([]string{rig.Python, rig.NodeRED, rig.Bare, store.Tuned}, peer) {
				t.Errorf("%s: %s is no figure of a run", l.ID, place)
			}
		}
	}
}

func TestTheQuickRunFailsOnWhatIsFarOff(t *testing.T) {
	t.Parallel()
	above, below := 4.0, 0.5
	most, least := Line{Title: "syncs", Decimals: 1, FailAbove: &above}, Line{Title: "ratio", Decimals: 1, FailBelow: &below}
	if most.Fails(4) != "" || least.Fails(0.5) != "" || (Line{}).Fails(1e9) != "" {
		t.Error("what is within fails")
	}
	if got := most.Fails(4.5); got != "syncs: 4.5, and more than 4.0 fails" {
		t.Errorf("%q", got)
	}
	if got := least.Fails(0.4); got != "ratio: 0.4, and less than 0.5 fails" {
		t.Errorf("%q", got)
	}
}

// What is said of the lines changes without a run: make bench-render writes it.
func TestTheDocumentIsThatOfItsResults(t *testing.T) {
	t.Parallel()
	docs := filepath.Join("..", "..", "docs")
	results, err := Read(filepath.Join(docs, Folder, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Document(results)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(docs, "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/benchmarks.md is not what its results and lines.toml make: make bench-render")
	}
	for _, p := range Pictures() {
		if len(results.Curves[p.ID]) == 0 {
			continue
		}
		if got, err := os.ReadFile(filepath.Join(docs, Folder, p.ID+".svg")); err != nil || string(got) != p.SVG(results.Curves[p.ID]) {
			t.Errorf("%s.svg is not what its results make (%v): make bench-render", p.ID, err)
		}
	}
}
