package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"stationd/internal/demo"
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
	program := filepath.Join(t.TempDir(), "stationd")
	c := exec.CommandContext(t.Context(), "go", "build", "-tags=nethttpomithttp2", "-ldflags=-s -w -dumpdep", "-o", program, ".")
	out, err := c.CombinedOutput()
	must(t, err)
	if found := regexp.MustCompile(`(?m)^(\S+) <ReflectMethod> -> `).FindSubmatch(out); found != nil {
		t.Errorf("%s calls methods by names that it works out", found[1])
	}
	if !regexp.MustCompile(`(?m)^main\.main -> `).Match(out) {
		t.Errorf("the linker says nothing of what it links: %.500s", out)
	}
	holdsSize(t, program)
	holdsInit(t, program)
	holdsMemory(t, program)
}

// A package that is moved and not named anew would quietly not be inlined where a press passes: Go
// says nothing of a name that matches nothing.
func TestThePackagesThatTheMakefileInlinesAreThere(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../Makefile")
	must(t, err)
	often := regexp.MustCompile(`(?m)^OFTEN +:= \$\(addprefix stationd/internal/,(.+)\)$`).FindSubmatch(text)
	if often == nil {
		t.Fatal("the Makefile has no OFTEN")
	}
	for name := range strings.FieldsSeq(string(often[1])) {
		if _, err := os.Stat(filepath.Join("../../internal", strings.TrimSuffix(name, "/..."))); err != nil {
			t.Errorf("OFTEN of the Makefile names a package that is not there: %v", err)
		}
	}
}

// holdsMemory fails where the program at rest has more of its file in memory than it uses: what it
// needed to start is released some seconds after. How much of its own it has hangs on the kernel.
func holdsMemory(t *testing.T, program string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "stationd.toml")
	must(t, os.WriteFile(file, fmt.Appendf(nil, "[station]\nname = \"pack4-1\"\ntimezone = \"UTC\"\ndata = %q\n", dir), 0o600))
	c := exec.CommandContext(t.Context(), program, "run", "--config", file)
	must(t, c.Start())
	defer func() {
		must(t, c.Process.Signal(syscall.SIGTERM))
		must(t, c.Wait())
	}()
	began, now, highest := time.Now(), 0, 0
	err := demo.Until(t.Context(), "what only a start needs is released", func() bool {
		now = kilobytes(t, c.Process.Pid, "RssFile")
		highest = max(now, highest)
		return now < highest/2 && time.Since(began) > 11*time.Second // a second after it is
	})
	t.Logf("it has %d kB of its file in memory at rest, and had %d", now, highest)
	must(t, err)
}

// holdsSize fails where the program has grown: what a new library or a generic that is made for
// each type costs is seen when it comes. make deb-test holds what is shipped for arm64 and its
// package.
func holdsSize(t *testing.T, program string) {
	t.Helper()
	most := map[string]int64{"amd64": 17_700_000}[runtime.GOARCH]
	if most == 0 {
		t.Logf("the size of the program for %s was NOT looked at: none is named for it", runtime.GOARCH)
		return
	}
	info, err := os.Stat(program)
	must(t, err)
	if info.Size() > most {
		t.Errorf("the program for %s has %d bytes, %d more than it may: docs/adr/0019-a-smaller-program.md says what is large and how it is found", runtime.GOARCH, info.Size(), info.Size()-most)
	}
}

// holdsInit fails where more is set up before main than was: every process pays for it, that
// which looks at the outbox too, and in memory for as long as it runs.
func holdsInit(t *testing.T, program string) {
	t.Helper()
	const most = 205_000 // bytes
	c := exec.CommandContext(t.Context(), program, "version")
	c.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := c.CombinedOutput()
	must(t, err)
	total := 0
	// init stationd/internal/config @4.6 ms, 0.18 ms clock, 124576 bytes, 1243 allocs
	for _, found := range regexp.MustCompile(`(?m)^init \S+ .* (\d+) bytes, \d+ allocs$`).FindAllSubmatch(out, -1) {
		n, err := strconv.Atoi(string(found[1]))
		must(t, err)
		total += n
	}
	if total == 0 || total > most {
		t.Errorf("%d bytes are allocated before main, at most %d; most is a pattern or a table of a package's own:\n%s", total, most, out)
	}
}
