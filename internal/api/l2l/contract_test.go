package l2l

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// guess matches the numbers of an x-assumption.
var guess = regexp.MustCompile(`x-assumption: (\[[^\]]*\]|A\d+)`)

func TestEveryGuessOfTheContractIsInTheManual(t *testing.T) {
	t.Parallel()
	contract, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	manual, err := os.ReadFile("../../../docs/assumptions.md")
	if err != nil {
		t.Fatal(err)
	}
	var guessed []string
	for _, found := range guess.FindAllStringSubmatch(string(contract), -1) {
		for number := range strings.FieldsSeq(strings.Trim(strings.ReplaceAll(found[1], ",", " "), "[]")) {
			guessed = append(guessed, number)
			if !strings.Contains(string(manual), "\n| "+number+" | ") {
				t.Errorf("%s is not in docs/assumptions.md", number)
			}
		}
	}
	// Two of L2L's are no matter of the wire's form: what a list holds without a
	// filter, and that a filter by an unknown code is refused.
	for _, number := range regexp.MustCompile(`(?m)^\| (A\d+) \|`).FindAllStringSubmatch(string(manual), -1) {
		n := number[1]
		ofL2L := len(n) < 3 || n < "A40" || n >= "A69" && n <= "A71" || n == "A74"
		if ofL2L && n != "A14" && n != "A18" && !slices.Contains(guessed, n) {
			t.Errorf("%s is not marked in openapi.yaml", n)
		}
	}
}

// The ten operations of L2L's two articles, as their headings have them.
func TestTheContractHasEveryOperationOfTheSeeds(t *testing.T) {
	t.Parallel()
	contract, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?s)operationId: (\w+)\n(?:      [^\n]*\n|        [^\n]*\n)*?      x-seed: (S\d)`).FindAllStringSubmatch(string(contract), -1)
	var got []string
	for _, f := range found {
		got = append(got, f[2]+" "+f[1])
	}
	slices.Sort(got)
	want := []string{
		"S1 completeOrder", "S1 currentOrder", "S1 finishChangeover", "S1 holdOrder", "S1 startChangeover",
		"S2 addDispatch", "S2 closeDispatch", "S2 completeDispatch", "S2 listDispatches", "S2 openDispatch",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
