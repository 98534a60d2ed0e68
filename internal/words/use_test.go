package words

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A use is a place of the program that asks for a text.
type use struct {
	at     string
	key    string // or the beginning of one that is made of something else
	prefix bool
	names  []string // of the values that are given, sorted; nil where this cannot be seen
	counts bool
}

// A program is everything that the packages which import this one say.
type program struct {
	files    *token.FileSet
	uses     []use
	literals map[string]bool // every text constant
	passes   map[string]int  // functions that are given a key, with the place of it; one is of its folder, and a local one of its file
}

// uses reads the source of every package that imports this one.
func uses(t *testing.T) program {
	t.Helper()
	p := program{files: token.NewFileSet(), literals: make(map[string]bool), passes: make(map[string]int)}
	folders := make(map[string][]string)
	using := make(map[string]bool)
	for _, root := range []string{"../../cmd", "../../internal", "../../deploy"} {
		err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
			if err != nil || filepath.Base(filepath.Dir(path)) == "words" || filepath.Base(filepath.Dir(path)) == "testdata" {
				return err
			}
			if filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go") {
				folders[filepath.Dir(path)] = append(folders[filepath.Dir(path)], path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	parsed := make(map[string][]*ast.File)
	for folder, paths := range folders {
		for _, path := range paths {
			file, err := parser.ParseFile(p.files, path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			parsed[folder] = append(parsed[folder], file)
			for _, i := range file.Imports {
				using[folder] = using[folder] || i.Path.Value == `"stationd/internal/words"`
			}
		}
	}
	for folder := range using {
		if !using[folder] {
			continue
		}
		for _, file := range parsed[folder] {
			p.findPasses(file)
		}
		for _, file := range parsed[folder] {
			ast.Inspect(file, func(n ast.Node) bool { p.look(n); return true })
		}
	}
	// The package itself.
	own, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range own {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(p.files, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool { p.look(n); return true })
	}
	return p
}

// findPasses finds the functions that take a key and pass it on.
func (p program) findPasses(file *ast.File) {
	note := func(name string, params *ast.FieldList) {
		at := 0
		for _, field := range params.List {
			if sel, ok := field.Type.(*ast.SelectorExpr); ok && sel.Sel.Name == "Key" {
				p.passes[name] = at
			}
			at += max(1, len(field.Names))
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			note(filepath.Dir(p.fileOf(n))+" "+n.Name.Name, n.Type.Params)
		case *ast.AssignStmt:
			for i, right := range n.Rhs {
				name, isName := n.Lhs[i].(*ast.Ident)
				if f, ok := right.(*ast.FuncLit); ok && isName {
					note(p.fileOf(n)+" "+name.Name, f.Type.Params)
				}
			}
		}
		return true
	})
}

func (p *program) look(n ast.Node) {
	if text, ok := literal(n); ok {
		p.literals[text] = true
	}
	if sum, ok := n.(*ast.BinaryExpr); ok && sum.Op == token.ADD {
		if text, ok := literal(sum.X); ok && strings.HasSuffix(text, ".") {
			p.uses = append(p.uses, use{at: p.at(n), key: text, prefix: true})
		}
	}
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return
	}
	var name string
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		name = fun.Name
	case *ast.SelectorExpr:
		if x, ok := fun.X.(*ast.Ident); ok && (x.Name == "strings" || x.Name == "bytes" || x.Name == "terminal") {
			return
		}
		name = fun.Sel.Name
	}
	place, values := 0, 0
	switch name {
	case "Say", "Find":
		values = 1
	case "Count":
		values = 2
	default:
		if place, ok = p.passes[p.fileOf(n)+" "+name]; !ok {
			place, ok = p.passes[filepath.Dir(p.fileOf(n))+" "+name]
		}
		if !ok || place >= len(call.Args) {
			return
		}
	}
	if key, ok := literal(call.Args[place]); ok {
		u := use{at: p.at(n), key: key, counts: name == "Count"}
		if values > 0 && call.Ellipsis == token.NoPos && len(call.Args) >= values {
			u.names = []string{}
			for i := values; i < len(call.Args); i += 2 {
				said, _ := literal(call.Args[i])
				u.names = append(u.names, "{"+said+"}")
			}
			if u.counts {
				u.names = append(u.names, "{n}")
			}
			slices.Sort(u.names)
		}
		p.uses = append(p.uses, u)
	}
}

func (p program) fileOf(n ast.Node) string { return p.files.Position(n.Pos()).Filename }

func (p program) at(n ast.Node) string { return p.files.Position(n.Pos()).String() }

func literal(n ast.Node) (string, bool) {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

func TestWhatTheProgramSaysIsInTheCatalogueAndNothingElseIs(t *testing.T) {
	t.Parallel()
	p := uses(t)
	english := byKey(In("en"))
	if len(p.uses) < 50 {
		t.Fatalf("the program asks for only %d texts: there was nothing to prove", len(p.uses))
	}
	used := make(map[Key]bool)
	for _, u := range p.uses {
		if u.prefix {
			for key := range english {
				used[key] = used[key] || strings.HasPrefix(string(key), u.key)
			}
			continue
		}
		en, found := english[Key(u.key)]
		if !found {
			t.Errorf("%s says %q, which no language has", u.at, u.key)
			continue
		}
		used[Key(u.key)] = true
		if _, plain := en[""]; u.counts == plain {
			t.Errorf("%s: %q has forms for numbers, and is not counted, or the other way round", u.at, u.key)
		}
		if diff := cmp.Diff(placeholders(en[""]+en["other"]), u.names, cmp.Transformer("sorted", func(s []string) []string { return append([]string{}, s...) })); u.names != nil && diff != "" {
			t.Errorf("%s gives %q other values than the text has (-text +given):\n%s", u.at, u.key, diff)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(english)) {
		named := strings.Contains(string(key), ".") && p.literals[string(key)] // a word without a dot may be anything
		if !used[key] && !named {
			t.Errorf("%s is said nowhere: take it out of every language", key)
		}
	}
}
