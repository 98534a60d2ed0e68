package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/exit"
	"stationd/internal/operator"
	"stationd/internal/station"
)

// decideOne has somebody at the command line decide about one entry or kept scan.
func decideOne(ctx context.Context, b *demo.Simulation, verb string, about station.ID) error {
	_, err := b.Control().Decide(ctx, operator.Decision{Verb: verb, Entries: []station.ID{about}})
	return err
}

// heldTraces has the station hold the traces of some batches, all refused for one reason.
func heldTraces(t *testing.T, b *demo.Simulation, batches ...string) (all []station.ID) {
	t.Helper()
	for _, batch := range batches {
		all = append(all, heldTrace(t, b, batch))
	}
	return all
}

// A historyLine is a line of the history as it is exported, where it is told who decided.
type historyLine struct {
	ID     station.ID        `json:"id"`
	What   string            `json:"what"`
	By     string            `json:"by"`
	Why    string            `json:"why"`
	Note   string            `json:"note"`
	Fields map[string]string `json:"fields"`
}

// historyOf is the history of a running station.
func historyOf(t *testing.T, b *demo.Simulation) (all []historyLine) {
	t.Helper()
	text, code := runCommand(t, b, "outbox", "export")
	if code != 0 {
		t.Fatalf("export ends with %d and says %s", code, text)
	}
	for line := range strings.Lines(text) {
		var l historyLine
		must(t, json.Unmarshal([]byte(line), &l))
		all = append(all, l)
	}
	return all
}

func TestAPersonDecidesAboutAllOfAKindAtTheCommandLine(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	scanAndWait(t, b, "PO4711")
	held := heldTraces(t, b, "B1", "B2", "B3", "B4")
	if text, code := runCommand(t, b, "outbox", "discard", held[0].Short()); code != exit.Usage || !strings.Contains(text, "--yes") {
		t.Errorf("unasked, discard ends with %d and says %s", code, text)
	}
	if text, code := runCommand(t, b, "outbox", "discard", held[0].Short(), "00000000.1", "--yes"); code != 1 || !strings.Contains(text, "not in the outbox") {
		t.Errorf("of one that is not there, discard ends with %d and says %s", code, text)
	}
	if text, code := runCommand(t, b, "outbox", "discard", held[0].Short(), held[1].Short(), "--yes", "--reason", "scanned twice"); code != 0 || strings.Count(text, ": discarded") != 2 {
		t.Errorf("of two, discard ends with %d and says %s", code, text)
	}
	if text, code := runCommand(t, b, "outbox", "retry", "--all-like", held[2].Short(), "--yes", "--wait"); code != 0 || strings.Count(text, ": delivered") != 2 {
		t.Errorf("of all that are alike, retry ends with %d and says %s", code, text)
	}
	must(t, b.WaitDelivered(t.Context()))
	if c, err := b.Contents(t.Context()); err != nil || len(c.Entries) != 0 {
		t.Errorf("left are %+v, %v", c.Entries, err)
	}
	if text, code := runCommand(t, b, "outbox", "retry", "--kind", "lagerkoll/article.trace", "--yes"); code != 1 || !strings.Contains(text, "nothing is held") {
		t.Errorf("of a kind that is not held, retry ends with %d and says %s", code, text)
	}
	if text, code := runCommand(t, b, "outbox", "retry"); code != exit.Usage {
		t.Errorf("of nothing, retry ends with %d and says %s", code, text)
	}
	discarded := 0
	for _, l := range historyOf(t, b) {
		if l.What == "discarded" && strings.HasPrefix(l.By, "uid:") && l.Why == "scanned twice" && l.Fields["order"] != "" {
			discarded++
		}
	}
	if discarded != 2 {
		t.Errorf("the history has %d that were discarded, with who and why", discarded)
	}
}

func TestATypoInAFieldIsPutRightAtTheCommandLine(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	scanAndWait(t, b, "PO4711")
	held := heldTrace(t, b, "=B7")
	if text, code := runCommand(t, b, "outbox", "edit", held.Short(), "amount=many", "--yes"); code != 1 || !strings.Contains(text, "a number") {
		t.Errorf("with a word for a number, edit ends with %d and says %s", code, text)
	}
	text, code := runCommand(t, b, "outbox", "edit", held.Short(), "batch=B7", "--yes", "--wait", "--reason", "the label is wrong")
	if code != 0 || !strings.Contains(text, "has its place") || !strings.Contains(text, ": delivered") {
		t.Errorf("edit ends with %d and says %s", code, text)
	}
	must(t, b.WaitDelivered(t.Context()))
	var given, taken historyLine
	for _, l := range historyOf(t, b) {
		switch {
		case l.What == "discarded" && l.ID == held:
			given = l
		case l.What == "corrected":
			taken = l
		}
	}
	if taken.ID == "" || given.Note != "corrected as "+string(taken.ID) || taken.Note != "in place of "+string(held) || taken.Fields["batch"] != "B7" || taken.Why != "the label is wrong" {
		t.Errorf("the history has %+v and %+v", given, taken)
	}
	found := false
	for _, r := range b.Plant.Requests() {
		found = found || strings.Contains(fmt.Sprint(r), "B7") && r.Method == http.MethodPut
	}
	if !found {
		t.Error("nothing of batch B7 reached the vendor")
	}
	text, code = runCommand(t, b, "outbox", "export", "--csv")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || code != 0 || rows[0][0] != "time" {
		t.Fatalf("as a table, export ends with %d, %v: %s", code, err, text)
	}
	for _, row := range rows[1:] {
		for _, cell := range row {
			if strings.HasPrefix(cell, "=") {
				t.Errorf("a spreadsheet works %q out", cell)
			}
		}
	}
}
