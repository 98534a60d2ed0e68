package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// may is what each package may import beside the standard
// library. Everything points at internal/station, and internal/station at nothing;
// a third-party module has one door. A package without a row fails: nobody adds a
// folder without drawing its arrows.
var may = map[string][]string{
	"cmd/stationd": {"internal/cli", "internal/daemon", "internal/demo", "internal/doctor", "internal/dump", "internal/enrol", "internal/exit", "internal/live", "internal/relaycommand", "internal/setup", "internal/terminal", "internal/verify", "github.com/spf13/cobra"},

	// What a person runs.
	"internal/daemon":       {"internal/access", "internal/agent", "internal/api", "internal/api/*", "internal/atomicfile", "internal/cards", "internal/certificate", "internal/clock", "internal/crash", "internal/exit", "internal/gpio", "internal/live", "internal/logging", "internal/metrics", "internal/mounts", "internal/operator", "internal/plan", "internal/poster", "internal/printer", "internal/queue", "internal/relay", "internal/scanner", "internal/station", "internal/systemd", "internal/terminal", "internal/verify", "internal/version", "internal/words", "internal/control", "internal/web", "internal/fleet", "github.com/spf13/cobra"},
	"internal/cli":          {"internal/api", "internal/api/*", "internal/atomicfile", "internal/cards", "internal/config", "internal/contents", "internal/doctor", "internal/exit", "internal/gpio", "internal/operator", "internal/plan", "internal/poster", "internal/queue", "internal/sheet", "internal/station", "internal/terminal", "internal/verify", "internal/version", "internal/words", "internal/control", "internal/fleet", "internal/relay", "github.com/spf13/cobra", "github.com/spf13/pflag"},
	"internal/doctor":       {"internal/access", "internal/api", "internal/api/*", "internal/certificate", "internal/clock", "internal/contents", "internal/crash", "internal/exit", "internal/gpio", "internal/httpserver", "internal/plan", "internal/queue", "internal/scanner", "internal/station", "internal/terminal", "internal/verify", "internal/version", "internal/control", "github.com/spf13/cobra"},
	"internal/dump":         {"internal/atomicfile", "internal/config", "internal/contents", "internal/control", "internal/crash", "internal/doctor", "internal/exit", "internal/plan", "internal/queue", "internal/station", "internal/terminal", "internal/verify", "internal/version", "github.com/spf13/cobra"},
	"internal/enrol":        {"internal/api", "internal/atomicfile", "internal/doctor", "internal/exit", "internal/plan", "internal/station", "internal/terminal", "github.com/spf13/cobra"},
	"internal/setup":        {"internal/api", "internal/atomicfile", "internal/clock", "internal/config", "internal/exit", "internal/gpio", "internal/live", "internal/plan", "internal/scanner", "internal/station", "internal/terminal", "internal/words", "internal/zone", "github.com/spf13/cobra"},
	"internal/live":         {"internal/clock", "internal/exit", "internal/gpio", "internal/plan", "internal/scanner", "internal/scanner/gs1", "internal/scanner/mh10", "internal/station", "internal/terminal", "internal/control", "github.com/spf13/cobra"},
	"internal/relaycommand": {"internal/config", "internal/exit", "internal/logging", "internal/metrics", "internal/plan", "internal/relay", "internal/station", "internal/systemd", "internal/terminal", "internal/version", "internal/api", "internal/certificate", "internal/fleet", "internal/web", "github.com/spf13/cobra"},
	"internal/demo":         {"internal/exit", "internal/gpio", "internal/plan", "internal/plant", "internal/queue", "internal/station", "internal/systemd", "internal/control", "internal/html", "internal/html/element", "github.com/creack/pty", "github.com/spf13/cobra"},

	// What these share.
	"internal/plan":          {"internal/api", "internal/api/*", "internal/atomicfile", "internal/cards", "internal/certificate", "internal/config", "internal/exit", "internal/gpio", "internal/poster", "internal/printer", "internal/relay", "internal/scanner", "internal/station", "internal/words", "internal/zone", "internal/control"},
	"internal/cards":         {"internal/sheet", "internal/station", "internal/words"},
	"internal/poster":        {"internal/sheet", "internal/station", "internal/words"},
	"internal/sheet":         {"github.com/boombuler/barcode"},
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
	"internal/queue":                 {"internal/station", "internal/queue/format", "internal/queue/jsonobject"},
	"internal/queue/format":          {"internal/station", "internal/queue/jsonobject", "go.etcd.io/bbolt"},
	"internal/queue/jsonobject":      {"internal/station"},
	"internal/printer":               {"github.com/OpenPrinting/goipp"},
	"internal/gpio":                  {"internal/station", "github.com/warthog618/go-gpiocdev"},
	"internal/scanner":               {"internal/station", "internal/scanner/label", "internal/scanner/charset", "go.bug.st/serial"},
	"internal/scanner/label":         {"internal/scanner/charset", "internal/scanner/checkchar", "internal/scanner/gs1", "internal/scanner/hibc", "internal/scanner/mh10"},
	"internal/scanner/charset":       {},
	"internal/scanner/checkchar":     {},
	"internal/scanner/gs1":           {},
	"internal/scanner/hibc":          {},
	"internal/scanner/mh10":          {},
	"internal/api":                   {"internal/station", "golang.org/x/time"},
	"internal/api/l2l":               {"internal/station", "internal/api"},
	"internal/api/alert":             {"internal/station", "internal/api"},
	"internal/api/apitest":           {"github.com/getkin/kin-openapi"},
	"internal/api/lagerkoll":         {"internal/station", "internal/api"},
	"internal/api/webhook":           {"internal/station", "internal/api"},
	"internal/relay":                 {"internal/station", "internal/api", "github.com/nats-io/nats.go", "github.com/nats-io/nkeys"},
	"internal/fleet":                 {"internal/station"},
	"internal/relay/relaytest":       {"internal/station", "internal/api", "internal/relay", "github.com/nats-io/nats-server/v2", "github.com/nats-io/nats.go", "github.com/nats-io/nkeys"},
	"internal/config":                {"internal/station", "internal/zone", "github.com/pelletier/go-toml/v2"},
	"internal/httpserver":            {"internal/station"},
	"internal/operator":              {"internal/station"},
	"internal/operator/operatortest": {"internal/station", "internal/operator"},
	"internal/certificate":           {"internal/atomicfile"},
	"internal/access":                {"internal/atomicfile", "internal/station", "golang.org/x/crypto"},
	"internal/control":               {"internal/access", "internal/station", "internal/operator", "internal/httpserver", "internal/fleet"},
	"internal/web":                   {"internal/access", "internal/cards", "internal/poster", "internal/sheet", "internal/station", "internal/operator", "internal/html", "internal/html/element", "internal/httpserver", "internal/words", "internal/fleet"},
	"internal/words":                 {"internal/station"},
	"internal/html":                  {},
	"internal/zone":                  {},
	"internal/html/element":          {"internal/html"},
	"internal/metrics":               {"internal/station", "internal/httpserver", "internal/relay"},
	"internal/systemd":               {},
	"internal/logging":               {"internal/station"},
	"internal/plant":                 {"internal/zone"},
	"internal/matrix":                {}, // tests alone, which may point anywhere
	"internal/station/stationtest":   {"internal/station", "pgregory.net/rapid"},
	"hil":                            {"hil/control", "hil/emulator"},
	"hil/control":                    {},
	"hil/emulator":                   {"hil/control"},
	"hil/guest":                      {"hil/control", "internal/systemd"},
	"hil/probe":                      {"periph.io/x/conn/v3", "periph.io/x/host/v3"},
	"deploy":                         {},
	"deploy/manpages":                {"github.com/spf13/cobra", "github.com/spf13/pflag"},
	"installed":                      {"hil", "hil/control", "hil/emulator"},
}

// anywhere may be imported by everything.
var anywhere = []string{"golang.org/x/sys"}

// simulated is imported by tests and by one command alone.
const simulated = "internal/plant"

// A goPackage is a package as go list describes it, without its tests.
type goPackage struct {
	ImportPath string
	Doc        string // the first sentence of its comment
	Imports    []string
}

// goPackages lists every package of the project, in the order of their paths, each
// with its path and imports as the table has them.
func goPackages(t *testing.T) (all []goPackage) {
	t.Helper()
	if testing.Short() {
		t.Skip("the arrows between the packages were NOT proved: go list takes its time")
	}
	out, err := exec.Command("go", "list", "-json=ImportPath,Doc,Imports", "../../...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, "stationd/")
		var imports []string
		for _, to := range p.Imports {
			to = strings.TrimPrefix(to, "stationd/")
			if strings.Contains(firstPart(to), ".") || ours(to) { // else the standard library
				imports = append(imports, to)
			}
		}
		p.Imports = imports
		all = append(all, p)
	}
}

func TestArrows(t *testing.T) {
	t.Parallel()
	for _, p := range goPackages(t) {
		row, ok := rowOf(p.ImportPath)
		if !ok {
			t.Errorf("%s has no row in the table of arrows: draw where it may point", p.ImportPath)
			continue
		}
		for _, to := range p.Imports {
			if to == simulated && p.ImportPath != "internal/demo" {
				t.Errorf("%s -> %s: the simulated plant is for tests and the demonstration", p.ImportPath, to)
			}
			if !allowed(row, to) && !allowed(anywhere, to) {
				t.Errorf("%s -> %s: no such arrow", p.ImportPath, to)
			}
		}
	}
}

// architecture is the document whose table of packages is written here.
const architecture = "../../docs/architecture.md"

func TestTheArchitectureHasEveryPackage(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("| package | what it is | imports |\n| --- | --- | --- |\n")
	packages := goPackages(t)
	for _, p := range packages {
		what := regexp.MustCompile(`^((Package|Command) \S+ )?(is )?`).ReplaceAllString(strings.TrimSuffix(p.Doc, "."), "")
		if what == "" {
			what = "tests alone"
		}
		row, _ := rowOf(p.ImportPath)
		var imports []string
		for _, to := range row {
			imports = append(imports, "`"+strings.TrimPrefix(to, "internal/")+"`")
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", p.ImportPath, what, strings.Join(imports, ", "))
	}
	text, err := os.ReadFile(architecture)
	must(t, err)
	const begin, end = "<!-- packages: written by this project's tests -->\n", "<!-- end of packages -->"
	before, rest, found := strings.Cut(string(text), begin)
	have, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table of packages", architecture)
	}
	if *update {
		must(t, os.WriteFile(architecture, []byte(before+begin+table.String()+end+after), 0o644))
	} else if rowsOf(have) != rowsOf(table.String()) {
		t.Errorf("the table in %s has other packages or imports than the table of arrows (go test ./cmd/stationd -run TestTheArchitecture -update writes it)", architecture)
	}
	for _, symbol := range regexp.MustCompile("`(?:station\\.)?[A-Z][a-z]+\\.([A-Z][A-Za-z]+)[`(]").FindAllStringSubmatch(before, -1) {
		if !declared(t, symbol[1]) {
			t.Errorf("%s names %s, and no package has it", architecture, symbol[0])
		}
	}
	drawing, _, _ := strings.Cut(before, "\n## ")
	for _, p := range packages {
		name, one := strings.CutPrefix(p.ImportPath, "internal/")
		if one && !strings.Contains(name, "/") && name != "matrix" && !regexp.MustCompile(`\b`+name+`\b`).MatchString(drawing) {
			t.Errorf("the drawing in %s has no %s", architecture, name)
		}
	}
}

func TestTheGlossaryNamesWhatTheCodeHas(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/glossary.md")
	must(t, err)
	named := regexp.MustCompile("`(?:station|plan|queue|scanner)\\.([A-Z][A-Za-z]+)`").FindAllStringSubmatch(string(text), -1)
	for _, n := range named {
		if !declared(t, n[1]) {
			t.Errorf("docs/glossary.md names %s, and no package has it", n[0])
		}
	}
	if len(named) < 40 {
		t.Errorf("docs/glossary.md names only %d things of the code: there was nothing to prove", len(named))
	}
}

// rowsOf are the packages and imports of a table, without what each package is.
func rowsOf(table string) string {
	return regexp.MustCompile(`(?m)^(\| [^|]* \|).*(\| [^|]* \|)$`).ReplaceAllString(table, "$1$2")
}

// declared reports whether any package beside the commands declares a name.
func declared(t *testing.T, name string) bool {
	t.Helper()
	files, err := filepath.Glob("../../internal/*/*.go")
	must(t, err)
	declaration := regexp.MustCompile(`(?m)^(func (\([^)]*\) )?|type |const |\t)` + name + `( |\(|$)`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		if declaration.Match(text) {
			return true
		}
	}
	return false
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

// A mutex says what it guards: whoever adds a field or a method must know whether to hold
// it.
func TestEachMutexSaysWhatItGuards(t *testing.T) {
	t.Parallel()
	fields := 0
	for _, folder := range []string{"cmd", "internal", "hil", "installed"} {
		must(t, filepath.WalkDir(filepath.Join("..", "..", folder), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, parser.ParseComments)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				f, is := n.(*ast.Field)
				if !is {
					return true
				}
				if kind, is := f.Type.(*ast.SelectorExpr); is && strings.HasSuffix(kind.Sel.Name, "Mutex") {
					fields++
					if f.Doc == nil && f.Comment == nil {
						t.Errorf("%s: a mutex that does not say what it guards", files.Position(f.Pos()))
					}
				}
				return true
			})
			return nil
		}))
	}
	if fields < 20 {
		t.Errorf("only %d were found", fields)
	}
}
