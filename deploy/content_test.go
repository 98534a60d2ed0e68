package deploy_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const docFolder = "/usr/share/doc/stationd"

// packed is what a package holds: each file's name, with the folders. Where
// STATIOND_DEBS names packages that is what is in them, as in make deb-test; else it
// is what nfpm.yaml is going to put there.
func packed(t *testing.T) map[string]map[string]bool {
	t.Helper()
	all := make(map[string]map[string]bool)
	for deb := range strings.FieldsSeq(os.Getenv("STATIOND_DEBS")) {
		held := make(map[string]bool)
		for line := range strings.Lines(must(t, command(t, "dpkg-deb", "--contents", deb))) {
			if fields := strings.Fields(line); len(fields) > 5 {
				held[strings.TrimSuffix(strings.TrimPrefix(fields[5], "."), "/")] = true
			}
		}
		all[filepath.Base(deb)] = held
	}
	if len(all) > 0 {
		return all
	}
	held := make(map[string]bool)
	src := ""
	for _, line := range lines(t, "nfpm.yaml") {
		name, value, _ := strings.Cut(strings.TrimPrefix(line, "- "), ": ")
		switch {
		case name == "src":
			src = value
		case name != "dst":
		case !strings.HasSuffix(value, "/"):
			held[value] = true
		default:
			from, _ := strings.CutPrefix(src, "build/stage/")
			found, err := filepath.Glob(filepath.Join("..", from))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				held[path.Join(value, filepath.Base(f))] = true
			}
		}
	}
	for name := range held {
		for ; name != "/"; name = path.Dir(name) {
			held[name] = true
		}
	}
	return map[string]map[string]bool{"nfpm.yaml": held}
}

// A naming is a text that names something, and where.
type naming struct{ text, where string }

// texts are everything that comes into the hands of whoever has the package and
// nothing else: its documents, the manual, the example, and all that the program can
// say.
func texts(t *testing.T) (all []naming) {
	t.Helper()
	for _, pattern := range []string{"*.md", "*.1", "*.toml", "*.service", "*.rules", "*.conf", "scripts/*", "../docs/*.md", "../CHANGELOG.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v %v", pattern, found, err)
		}
		for _, name := range found {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, naming{strings.ReplaceAll(string(text), `\-`, "-"), name})
		}
	}
	for _, folder := range []string{"../cmd/stationd", "../internal"} {
		err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.Contains(name, "/plant/") {
				return err
			}
			return inStrings(name, &all)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// inStrings adds every string of a file of the program's.
func inStrings(name string, all *[]naming) error {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, nil, 0)
	if err != nil {
		return err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, is := n.(*ast.BasicLit); is && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				*all = append(*all, naming{text, fmt.Sprintf("%s:%d", name, set.Position(lit.Pos()).Line)})
			}
		}
		return true
	})
	return nil
}

// The site's own: named, and never in a package.
var sitesOwn = []string{
	"/etc/stationd/stationd.toml", "/etc/stationd/keys/l2l.key", "/etc/stationd/keys/lagerkoll.key", "/etc/stationd/keys/webhook.key", "/etc/stationd/keys/alert.key", "/etc/stationd/keys/proxy.key", "/etc/stationd/keys/page.token",
	"/etc/stationd/relay.toml", "/etc/stationd/fleet.toml", "/etc/stationd/keys/relay.nkey", "/etc/stationd/plant-ca.pem", "/etc/stationd/pack4-1.pem", "/etc/stationd/pack4-1.key",
	"/etc/stationd/relay.example.toml", // in the package of the relay
	"/etc/stationd/l2l.key", "/etc/stationd/lagerkoll.token", "/etc/stationd/office.pem", "/etc/stationd/plant.pem", "/etc/stationd/proxy.key", "/etc/stationd/page.key", "/etc/stationd/page.token", "/etc/stationd/page.crt", "/etc/stationd/keys/l2l.key.cred",
}

var (
	absolute = regexp.MustCompile(`/(?:usr/(?:bin|lib|share)|etc/stationd|lib/systemd)/[A-Za-z0-9_.@/-]*[A-Za-z0-9]`)
	// A name with an ending: without one it is a folder's, or a package's.
	document = regexp.MustCompile(`(?:^|[\s` + "`" + `(:,"'])((?:docs|deploy)/[A-Za-z0-9_./-]*\.[A-Za-z0-9]+)`)
)

func TestThePackageHasWhatTheProgramAndItsTextsName(t *testing.T) {
	t.Parallel()
	for deb, held := range packed(t) {
		named := 0
		for _, n := range texts(t) {
			for _, name := range absolute.FindAllString(n.text, -1) {
				if strings.HasPrefix(name, "/usr/") && !strings.Contains(name, "stationd") || slices.Contains(sitesOwn, name) {
					continue // another package's, or the site's
				}
				named++
				if !held[name] {
					t.Errorf("%s names %s, which is not in %s", n.where, name, deb)
				}
			}
			for _, found := range document.FindAllStringSubmatch(n.text, -1) {
				name := path.Join(docFolder, found[1])
				if found[1] == "deploy/README.md" {
					name = docFolder + "/README.md"
				}
				named++
				if !held[name] {
					t.Errorf("%s names %s, and there is no %s in %s", n.where, found[1], name, deb)
				}
			}
		}
		if named < 25 {
			t.Errorf("only %d names were found: there was nothing to prove", named)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)

// documents are the texts of a package's documents by their names in it.
func documents(t *testing.T, deb string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for name := range strings.FieldsSeq(os.Getenv("STATIOND_DEBS")) {
		if filepath.Base(name) != deb {
			continue
		}
		dir := t.TempDir()
		must(t, command(t, "dpkg-deb", "--extract", name, dir))
		err := filepath.WalkDir(filepath.Join(dir, docFolder), func(file string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(file, ".md") {
				return err
			}
			text, err := os.ReadFile(file)
			all[strings.TrimPrefix(file, dir)] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	for _, pattern := range []string{"README.md", "../docs/*.md", "../docs/adr/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			// The Makefile's stage does the same: README.md stands above docs/.
			moved := strings.NewReplacer("](../docs/", "](docs/", "](../deploy/README.md", "](../README.md").Replace(string(text))
			all[path.Join(docFolder, strings.TrimPrefix(name, "../"))] = moved
		}
	}
	return all
}

func TestThePackagesDocumentsLinkToOneAnother(t *testing.T) {
	t.Parallel()
	for deb, held := range packed(t) {
		links := 0
		for name, text := range documents(t, deb) {
			for _, to := range link.FindAllStringSubmatch(text, -1) {
				if strings.Contains(to[1], "://") {
					continue
				}
				links++
				if target := path.Join(path.Dir(name), to[1]); !held[target] {
					t.Errorf("%s links to %s, and there is no %s in %s", name, to[1], target, deb)
				}
			}
		}
		if links < 10 {
			t.Errorf("only %d links were found: there was nothing to prove", links)
		}
	}
}

func TestThePackageCompletesInEveryShell(t *testing.T) {
	t.Parallel()
	for deb, held := range packed(t) {
		for _, name := range []string{
			"/usr/share/bash-completion/completions/stationd",
			"/usr/share/zsh/vendor-completions/_stationd",
			"/usr/share/fish/vendor_completions.d/stationd.fish",
		} {
			if !held[name] {
				t.Errorf("%s has no %s", deb, name)
			}
		}
	}
}

// A plant sends the package to a hundred boards, and each reads the program from its card at
// every start.
func TestThePackageIsSmall(t *testing.T) {
	debs := strings.Fields(os.Getenv("STATIOND_DEBS"))
	if len(debs) == 0 {
		t.Skip("the sizes of the packages and of the program in them were NOT looked at: make deb-test does")
	}
	const mostPackage, mostProgram = 5_000_000, 15_200_000
	for _, deb := range debs {
		dir := t.TempDir()
		must(t, command(t, "dpkg-deb", "--extract", deb, dir))
		for name, most := range map[string]int64{deb: mostPackage, filepath.Join(dir, "usr/bin/stationd"): mostProgram} {
			info, err := os.Stat(name)
			if err != nil {
				t.Error(err)
				continue
			}
			t.Logf("%s: %s has %d bytes", filepath.Base(deb), filepath.Base(name), info.Size())
			// What is shipped for PCs is larger: its instructions are.
			if strings.Contains(deb, "_arm") && info.Size() > most {
				t.Errorf("%s: %s has %d bytes, at most %d: docs/adr/0019-a-smaller-program.md says what is large", filepath.Base(deb), filepath.Base(name), info.Size(), most)
			}
		}
	}
}
