package words

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reasonKinds are the places of the program that give a reason (station.Reason): the kind,
// and the names of its values; nil where they cannot be seen. whose names each function
// that takes a kind, and the place of it.
func reasonKinds(t *testing.T) (all []use) {
	t.Helper()
	takes := map[string]int{"Because": 1, "RefuseBecause": 0, "misfit": 0, "refused": 0, "undecided": 0}
	files := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "test/") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if u, ok := reasonLiteral(n); ok {
					u.at = files.Position(n.Pos()).String()
					all = append(all, u)
				}
			case *ast.CallExpr:
				place, ok := takes[calledName(n)]
				if !ok || len(n.Args) <= place {
					return true
				}
				if kind, ok := literal(n.Args[place]); ok {
					all = append(all, use{at: files.Position(n.Pos()).String(), key: kind, names: valueNames(n, place)})
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func calledName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// valueNames are the names of the values that a call gives, in braces and sorted.
func valueNames(call *ast.CallExpr, place int) []string {
	values := call.Args[place+1:]
	switch calledName(call) {
	case "misfit", "refused", "undecided":
		return []string{}
	case "RefuseBecause":
		list, ok := values[0].(*ast.CompositeLit)
		if !ok {
			return []string{} // nil
		}
		values = list.Elts
	}
	if call.Ellipsis != token.NoPos {
		return nil
	}
	names := []string{}
	for i := 0; i < len(values); i += 2 {
		name, _ := literal(values[i])
		names = append(names, "{"+name+"}")
	}
	slices.Sort(names)
	return names
}

// reasonLiteral is a station.Reason that is written with its kind.
func reasonLiteral(lit *ast.CompositeLit) (u use, ok bool) {
	name := ""
	switch of := lit.Type.(type) {
	case *ast.Ident:
		name = of.Name
	case *ast.SelectorExpr:
		name = of.Sel.Name
	}
	if name != "Reason" {
		return u, false
	}
	u.names = []string{}
	for _, e := range lit.Elts {
		field, isField := e.(*ast.KeyValueExpr)
		if !isField {
			continue
		}
		switch key, _ := field.Key.(*ast.Ident); key.Name {
		case "Kind":
			u.key, ok = literal(field.Value)
		case "Values":
			values, isMap := field.Value.(*ast.CompositeLit)
			if !isMap {
				return u, false
			}
			for _, v := range values.Elts {
				said, _ := literal(v.(*ast.KeyValueExpr).Key)
				u.names = append(u.names, "{"+said+"}")
			}
		}
	}
	slices.Sort(u.names)
	return u, ok
}

// What is refused or held is said on the page in the words of its language: each reason that
// the program gives has a text with its values, and each text is given by the program.
func TestEachReasonOfTheProgramHasAText(t *testing.T) {
	t.Parallel()
	english := In("en")
	given := make(map[string]bool)
	for _, u := range reasonKinds(t) {
		given[u.key] = true
		text, found := english.Find("reason." + Key(u.key))
		if !found {
			t.Errorf("%s: the reason %q has no text", u.at, u.key)
			continue
		}
		if diff := cmp.Diff(placeholders(text), u.names, cmp.Transformer("sorted", func(s []string) []string { return append([]string{}, s...) })); u.names != nil && diff != "" {
			t.Errorf("%s: the reason %q has other values than its text (-text +given):\n%s", u.at, u.key, diff)
		}
	}
	if len(given) < 30 {
		t.Errorf("the program gives only %d reasons: there was nothing to prove", len(given))
	}
	source := make(map[string]bool)
	for _, path := range []string{"../api/l2l/refusal.go", "../api/receipt.go"} { // which give a kind that stands elsewhere
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, quoted := range regexp.MustCompile(`"([a-z0-9-]+)"`).FindAllStringSubmatch(string(text), -1) {
			source[quoted[1]] = true
		}
	}
	for key := range english.texts {
		kind, isReason := strings.CutPrefix(string(key), "reason.")
		if isReason && !given[kind] && !source[kind] && kind != "unknown" && !strings.HasPrefix(kind, "lagerkoll-") {
			t.Errorf("%s is given by nothing: take it out of every language", key)
		}
	}
}
