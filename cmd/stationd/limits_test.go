package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stationd/internal/access"
	"stationd/internal/agent"
	"stationd/internal/api"
	"stationd/internal/api/webhook"
	"stationd/internal/cards"
	"stationd/internal/control"
	"stationd/internal/dump"
	"stationd/internal/enrol"
	"stationd/internal/httpserver"
	"stationd/internal/logging"
	"stationd/internal/queue"
	"stationd/internal/relay"
	"stationd/internal/scanner"
	"stationd/internal/station"
	"stationd/internal/web"
)

var update = flag.Bool("update", false, "write docs/limits.md and the table of docs/architecture.md again")

const limitsHead = `# Limits

What there may be at most of everything that accumulates, and what a person sees where it is
reached. No label, network, vendor or full card makes the station take more. Generated from the
program:

    go test ./cmd/stationd -run TestTheDocumentHasEveryLimit -update

`

// docs/limits.md is what the program says of itself.
func TestTheDocumentHasEveryLimit(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(limitsHead)
	for _, part := range []struct {
		title string
		of    []station.Ceiling
	}{
		{"Inputs", slices.Concat(agent.Ceilings(), scanner.Ceilings())},
		{"What is in hand and open", station.Ceilings()},
		{"On disk", queue.Ceilings()},
		{"Vendors", slices.Concat(api.Ceilings(), webhook.Ceilings(), relay.Ceilings())},
		{"The page and the commands", slices.Concat(httpserver.Ceilings(), web.Ceilings(), access.Ceilings(), control.Ceilings(), cards.Ceilings(), enrol.Ceilings())},
		{"The log", slices.Concat(logging.Ceilings(), dump.Ceilings())},
	} {
		fmt.Fprintf(&b, "## %s\n\n| of | at most | where it is reached |\n| --- | --- | --- |\n", part.title)
		for _, c := range part.of {
			if slices.Contains([]string{c.Of, c.Most, c.Then}, "") {
				t.Errorf("%s: %+v lacks something", part.title, c)
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", c.Of, c.Most, c.Then)
		}
		b.WriteString("\n")
	}
	want := strings.TrimSuffix(b.String(), "\n")
	path := filepath.Join("..", "..", "docs", "limits.md")
	if *update {
		must(t, os.WriteFile(path, []byte(want), 0o644))
	}
	text, err := os.ReadFile(path)
	must(t, err)
	if string(text) != want {
		t.Errorf("docs/limits.md is stale: go test ./cmd/stationd -run TestTheDocumentHasEveryLimit -update")
	}
}
