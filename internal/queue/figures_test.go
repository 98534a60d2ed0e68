package queue

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"stationd/internal/queue/format"
)

var update = flag.Bool("update", false, "write the figures of docs/files.md anew that this test measures, as make soak does; those of damage only with STATIOND_ROUNDS=30")

var writing sync.Mutex // guards docs/files.md, which several tests write

// figures finds the figures of docs/files.md that a test has written, by their name.
func figures(name string) *regexp.Regexp {
	return regexp.MustCompile(`(?s)<!-- ` + name + `: version (\d+), written by make soak -->\n\n(.*?)\n\n<!-- end of ` + name + ` -->`)
}

func filesDocument() string { return filepath.Join("..", "..", "docs", "files.md") }

// writeFigures writes what a test has measured into docs/files.md, where it is told to.
func writeFigures(t *testing.T, name, table string) {
	t.Helper()
	if !*update || t.Failed() {
		return
	}
	writing.Lock()
	defer writing.Unlock()
	text, err := os.ReadFile(filesDocument())
	if err != nil {
		t.Fatal(err)
	}
	at := figures(name).FindIndex(text)
	if at == nil {
		t.Fatalf("%s has no place for %s", filesDocument(), name)
	}
	var b strings.Builder
	b.Write(text[:at[0]])
	fmt.Fprintf(&b, "<!-- %s: version %d, written by make soak -->\n\n%s\n\n<!-- end of %s -->", name, format.Version, table, name)
	b.Write(text[at[1]:])
	if err := os.WriteFile(filesDocument(), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTheDocumentsFiguresAreOfTodaysFormat(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filesDocument())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"damage", "cost"} {
		found := figures(name).FindSubmatch(text)
		if found == nil {
			t.Errorf("docs/files.md has no figures of %s", name)
			continue
		}
		if got, want := string(found[1]), fmt.Sprint(format.Version); got != want {
			t.Errorf("the figures of %s in docs/files.md are of version %s, the format is %s: make soak", name, got, want)
		}
	}
}
