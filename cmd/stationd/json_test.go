package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/plan"
)

// What reads and prints answers in JSON too; here is what does neither.
func TestEveryCommandThatReadsAnswersInJSON(t *testing.T) {
	t.Parallel()
	acts := []string{
		"run", "relay run", "reload", "demo", "setup", "enrol", "badge new", "badge revoke", "passwd", "call close", "webhook post", "lamps off", "lamps failed",
		"outbox retry", "outbox discard", "outbox edit", "outbox adopt",
		"completion", "unit", // documents of their own
		"outbox export",                          // lines of JSON in any case
		"lagerkoll picking-list", "lamps poster", // PDFs
	}
	for _, b := range plan.Backends() {
		for _, v := range b.Verbs {
			acts = append(acts, b.Name+" "+v.Name)
		}
	}
	reading := 0
	for line, c := range commandLines(commands(), "") {
		if slices.Contains(acts, line) {
			continue
		}
		if c.Flags().Lookup("json") == nil {
			t.Errorf("stationd %s has no --json; if it reads nothing, name it above", line)
		}
		reading++
	}
	if reading < 15 {
		t.Errorf("only %d commands read", reading)
	}
}

func TestDurationsInTheJSONOfCommandsAreText(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	must(t, b.Cable(false))
	pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
	for _, words := range [][]string{{"outbox", "ls", "--json"}, {"call", "ls", "--json"}, {"outbox", "export"}} {
		out, code := runCommand(t, b, words...)
		up := regexp.MustCompile(`"up": ?(.)`).FindAllStringSubmatch(out, -1)
		if code != 0 || len(up) == 0 || slices.ContainsFunc(up, func(found []string) bool { return found[1] != `"` }) {
			t.Errorf("%v, %d:\n%s", words, code, out)
		}
	}
	out, code := runCommand(t, b, "outbox", "verify", "--json")
	if code != 0 || !strings.Contains(out, `"sound": true`) {
		t.Errorf("%d:\n%s", code, out)
	}
}
