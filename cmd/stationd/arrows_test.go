package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// may is the law of the house: what each package may import beside the standard
// library. Everything points at internal/station, and internal/station at nothing;
// a third-party module has one door. A package without a row fails: nobody adds a
// folder without drawing its arrows.
var may = map[string][]string{
	"cmd/stationd": {"internal/cli", "internal/daemon", "internal/demo", "internal/doctor", "internal/exit", "internal/live", "internal/setup", "internal/terminal", "github.com/spf13/cobra"},

	// What a person runs.
	"internal/daemon": {"internal/agent", "internal/api", "internal/api/*", "internal/atomicfile", "internal/clock", "internal/crash", "internal/exit", "internal/gpio", "internal/live", "internal/logging", "internal/mounts", "internal/operator", "internal/plan", "internal/printer", "internal/queue", "internal/scanner", "internal/station", "internal/systemd", "internal/terminal", "internal/verify", "internal/version", "internal/control", "internal/web", "github.com/spf13/cobra"},
	"internal/cli":    {"internal/api", "internal/api/*", "internal/config", "internal/contents", "internal/doctor", "internal/exit", "internal/gpio", "internal/operator", "internal/plan", "internal/queue", "internal/station", "internal/terminal", "internal/verify", "internal/version", "internal/control", "github.com/spf13/cobra"},
	"internal/doctor": {"internal/api", "internal/api/*", "internal/clock", "internal/contents", "internal/crash", "internal/exit", "internal/gpio", "internal/httpserver", "internal/plan", "internal/queue", "internal/scanner", "internal/station", "internal/terminal", "internal/verify", "internal/version", "internal/control", "github.com/spf13/cobra"},
	"internal/setup":  {"internal/api", "internal/atomicfile", "internal/clock", "internal/config", "internal/exit", "internal/gpio", "internal/live", "internal/plan", "internal/scanner", "internal/station", "internal/terminal", "github.com/spf13/cobra"},
	"internal/live":   {"internal/clock", "internal/exit", "internal/gpio", "internal/plan", "internal/scanner", "internal/scanner/gs1", "internal/scanner/mh10", "internal/station", "internal/terminal", "internal/control", "github.com/spf13/cobra"},
	"internal/demo":   {"internal/exit", "internal/gpio", "internal/plan", "internal/plant", "internal/queue", "internal/station", "internal/systemd", "internal/control", "github.com/creack/pty", "github.com/spf13/cobra"},

	// What these share.
	"internal/plan":          {"internal/api", "internal/api/*", "internal/atomicfile", "internal/config", "internal/exit", "internal/gpio", "internal/printer", "internal/scanner", "internal/station", "internal/control"},
	"internal/plan/plantest": {"internal/plan"},
	"internal/contents":      {"internal/plan", "internal/queue", "internal/station", "internal/control"},
	"internal/verify":        {"internal/exit", "internal/queue"},
	"internal/exit":          {"internal/queue"},
	"internal/terminal":      {"internal/station"},
	"internal/clock":         {"internal/station"},
	"internal/crash":         {},
	"internal/mounts":        {},
	"internal/atomicfile":    {},
	"internal/version":       {},

	// The station itself.
	"internal/station":               {},
	"internal/agent":                 {"internal/station"},
	"internal/queue":                 {"internal/station", "internal/queue/format"},
	"internal/queue/format":          {"internal/station", "go.etcd.io/bbolt"},
	"internal/printer":               {"github.com/OpenPrinting/goipp"},
	"internal/gpio":                  {"internal/station", "github.com/warthog618/go-gpiocdev"},
	"internal/scanner":               {"internal/station", "internal/scanner/label", "internal/scanner/charset", "go.bug.st/serial"},
	"internal/scanner/label":         {"internal/scanner/charset", "internal/scanner/checkchar", "internal/scanner/gs1", "internal/scanner/hibc", "internal/scanner/mh10"},
	"internal/scanner/charset":       {"golang.org/x/text"},
	"internal/scanner/checkchar":     {},
	"internal/scanner/gs1":           {},
	"internal/scanner/hibc":          {},
	"internal/scanner/mh10":          {},
	"internal/api":                   {"internal/station", "golang.org/x/time"},
	"internal/api/l2l":               {"internal/station", "internal/api"},
	"internal/api/alert":             {"internal/station", "internal/api"},
	"internal/api/apitest":           {"github.com/getkin/kin-openapi"},
	"internal/api/lagerkoll":         {"internal/station", "internal/api"},
	"internal/config":                {"internal/station", "github.com/pelletier/go-toml/v2"},
	"internal/httpserver":            {"internal/station"},
	"internal/operator":              {"internal/station"},
	"internal/operator/operatortest": {"internal/station", "internal/operator"},
	"internal/control":               {"internal/station", "internal/operator", "internal/httpserver"},
	"internal/web":                   {"internal/station", "internal/operator", "internal/httpserver", "github.com/prometheus/client_golang"},
	"internal/systemd":               {},
	"internal/logging":               {"internal/station"},
	"internal/plant":                 {},
	"internal/matrix":                {}, // tests alone, which may point anywhere
	"internal/station/stationtest":   {"internal/station"},
	"hil":                            {"hil/control", "hil/emulator"},
	"hil/control":                    {},
	"hil/emulator":                   {"hil/control"},
	"hil/guest":                      {"hil/control", "internal/systemd"},
	"hil/probe":                      {"periph.io/x/conn/v3", "periph.io/x/host/v3"},
	"deploy":                         {},
	"deploy/poster":                  {},
	"installed":                      {"hil", "hil/control", "hil/emulator"},
}

// anywhere may be imported by everything.
var anywhere = []string{"golang.org/x/sys"}

// simulated is imported by tests and by one command alone.
const simulated = "internal/plant"

func TestArrows(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the arrows of the house were NOT proved: go list takes its time")
	}
	list := exec.Command("go", "list", "-json=ImportPath,Imports", "../../...")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		from := strings.TrimPrefix(p.ImportPath, "stationd/")
		row, ok := rowOf(from)
		if !ok {
			t.Errorf("%s has no row in the table of arrows: draw where it may point", from)
			continue
		}
		for _, to := range p.Imports {
			to = strings.TrimPrefix(to, "stationd/")
			if !strings.Contains(firstPart(to), ".") && !ours(to) {
				continue // the standard library
			}
			if to == simulated && from != "internal/demo" {
				t.Errorf("%s -> %s: the simulated plant is for tests and the demonstration", from, to)
			}
			if !allowed(row, to) && !allowed(anywhere, to) {
				t.Errorf("%s -> %s: no such arrow", from, to)
			}
		}
	}
}

func firstPart(importPath string) string {
	first, _, _ := strings.Cut(importPath, "/")
	return first
}

func ours(importPath string) bool {
	switch firstPart(importPath) {
	case "internal", "cmd", "hil", "deploy", "installed":
		return slices.ContainsFunc([]string{"internal/", "cmd/", "hil", "deploy", "installed"}, func(p string) bool {
			return strings.HasPrefix(importPath, p)
		}) && !strings.HasPrefix(importPath, "internal/runtime") && !strings.HasPrefix(importPath, "internal/syscall")
	}
	return false
}

func rowOf(from string) ([]string, bool) {
	if row, ok := may[from]; ok {
		return row, true
	}
	for pattern, row := range may {
		if ok, _ := path.Match(pattern, from); ok {
			return row, true
		}
	}
	return nil, false
}

// allowed reports whether to is one of the row's: a package of ours by pattern, a
// module with everything in it.
func allowed(row []string, to string) bool {
	return slices.ContainsFunc(row, func(pattern string) bool {
		if ok, _ := path.Match(pattern, to); ok {
			return true
		}
		return strings.Contains(firstPart(pattern), ".") && strings.HasPrefix(to, pattern+"/")
	})
}
