package main

import (
	"path/filepath"
	"regexp"
	"testing"

	"os/exec"
)

// Where anything that is linked calls methods by names which it works out (reflect's Method and
// MethodByName, as text/template and html/template do), the linker keeps every exported method
// of every type: two and a half megabytes of the program. cobra has such a template, which
// nobody asks for as long as no command sets one (SetUsageTemplate and the like).
func TestNoMethodIsCalledByItsName(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("that the linker may leave out what nobody calls was NOT proved: linking takes its time")
	}
	// The linker writes who refers to what: text/template.(*state).evalField <ReflectMethod> -> …
	c := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-dumpdep", "-o", filepath.Join(t.TempDir(), "stationd"), ".")
	out, err := c.CombinedOutput()
	must(t, err)
	if found := regexp.MustCompile(`(?m)^(\S+) <ReflectMethod> -> `).FindSubmatch(out); found != nil {
		t.Errorf("%s calls methods by names that it works out", found[1])
	}
	if !regexp.MustCompile(`(?m)^main\.main -> `).Match(out) {
		t.Errorf("the linker says nothing of what it links: %.500s", out)
	}
}
