package plant

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// row is one assumption in the manual:
//
//	| A8 | what | source | how to settle it | `limit-above-1`: refused, ignored |
var row = regexp.MustCompile(`(?m)^\| A(\d+) \| (.+) \| (.+) \| (.+) \| (.+) \|$`)

func TestTheManualAndTheSwitchesAgree(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../docs/assumptions.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := row.FindAllStringSubmatch(string(manual), -1)
	if lines := strings.Count(string(manual), "\n| A"); lines != len(rows) || lines == 0 {
		t.Fatalf("%d lines begin as an assumption does, %d of them are whole rows", lines, len(rows))
	}
	var written []Switch
	for i, r := range rows {
		if r[1] != strconv.Itoa(i+1) {
			t.Errorf("A%s stands where A%d is due", r[1], i+1)
		}
		name, positions, ok := strings.Cut(r[5], ": ")
		if !ok {
			if r[5] != "none" {
				t.Errorf("A%s: its switch is %q", r[1], r[5])
			}
			continue
		}
		s := Switch{Assumption: Assumption(strings.Trim(name, "`")), Number: i + 1}
		for pos := range strings.SplitSeq(positions, ", ") {
			s.Positions = append(s.Positions, Position(pos))
			if pos == string(Otherwise) && !strings.Contains(r[2], "*otherwise*") {
				t.Errorf("A%s does not say what is the case otherwise", r[1])
			}
		}
		written = append(written, s)
	}
	if diff := cmp.Diff(Switches(), written); diff != "" {
		t.Errorf("code (-) and docs/assumptions.md (+) differ:\n%s", diff)
	}
}

func TestTheManualNamesEverySourceThatItCites(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../docs/assumptions.md")
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`\b[SLDRC]\d+\b`)
	for _, r := range row.FindAllStringSubmatch(string(manual), -1) {
		for _, k := range key.FindAllString(r[2]+r[3]+r[4], -1) {
			if !strings.Contains(string(manual), "\n| "+k+" | ") {
				t.Errorf("A%s cites %s, which is not among the sources", r[1], k)
			}
		}
	}
}

func TestEverySwitchMovesSomething(t *testing.T) {
	t.Parallel()
	source := map[string]string{}
	for _, name := range []string{"l2l.go", "l2l_dispatch.go", "l2l_order.go", "l2l_params.go", "l2l_pitch.go", "lagerkoll.go", "lagerkoll_order.go", "lagerkoll_article.go", "lagerkoll_json.go"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source[name] = string(b)
	}
	declared, err := os.ReadFile("assumptions.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range Switches() {
		constant := regexp.MustCompile(`(\w+) +Assumption = "` + string(s.Assumption) + `"`).FindStringSubmatch(string(declared))
		if constant == nil {
			t.Fatalf("%s has no constant", s.Assumption)
		}
		used := false
		for _, text := range source {
			used = used || regexp.MustCompile(`\b`+constant[1]+`\b`).MatchString(text)
		}
		if !used {
			t.Errorf("%s is looked at nowhere", s.Assumption)
		}
	}
}
