package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/exit"
)

func TestTheSummaryIsTheSameOfTheStationAndOfItsFile(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	must(t, b.Cable(false))
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	waitRecorded(t, b, "material.press", func() { b.Push(demo.PinMaterial, demo.PressTime) })
	scanAndWait(t, b, "7310865004703")
	ask := func(args ...string) string {
		t.Helper()
		var out, said bytes.Buffer
		args = append([]string{"outbox", "summary", "--config", b.ConfigPath()}, args...)
		if code := command(t.Context(), args, nil, &out, &said); code != 0 {
			t.Fatalf("%q ended with %d: %s", args, code, said.String())
		}
		return strings.TrimSpace(out.String())
	}
	const words = "2 entries wait, 1 unknown scan or notice is kept"
	if got := ask(); got != words {
		t.Errorf("of the running station: %q", got)
	}
	c, err := b.Contents(t.Context())
	must(t, err)
	for args, want := range map[string]string{
		"outbox show":    c.Entries[0].ID.Short(),
		"outbox discard": c.Kept[0].ID.Short() + "\t7310865004703",
		"call close":     c.Entries[0].ID.Short() + "\tmaintenance",
	} {
		var out bytes.Buffer
		words := append(strings.Fields("__complete "+args), "--config", b.ConfigPath(), "")
		if code := command(t.Context(), words, nil, &out, io.Discard); code != 0 || !strings.Contains("\n"+out.String(), "\n"+want) {
			t.Errorf("a shell that completes %q is offered:\n%s", args, out.String())
		}
	}
	must(t, b.Power(t.Context(), false))
	if got := ask(); got != words {
		t.Errorf("of its file: %q", got)
	}
	if got, want := ask("--json"), `{"waiting":2,"held":0,"kept":1}`; got != want {
		t.Errorf("as JSON: %s", got)
	}
	list := b.Dir + "/entries.jsonl"
	ask("--file", b.OutboxPath(), "--entries", list)
	text, err := os.ReadFile(list)
	must(t, err)
	if n := bytes.Count(text, []byte("\n")); n != 3 || !bytes.Contains(text, []byte("7310865004703")) {
		t.Errorf("the list has %d lines:\n%s", n, text)
	}
	var said bytes.Buffer
	if code := command(t.Context(), []string{"outbox", "summary", "--file", b.OutboxPath(), "--entries", list}, nil, &said, &said); code != exit.Failure {
		t.Errorf("a list that is there already is no place for another: it ended with %d: %s", code, said.String())
	}
}
