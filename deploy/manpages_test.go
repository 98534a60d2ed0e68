package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryCommandHasAManualPageOfItsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, command(t, "go", "run", "-tags", "manpages", "../cmd/stationd", dir))
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 50 {
		t.Fatalf("only %d pages were written, %v", len(pages), err)
	}
	for name, want := range map[string]string{
		"stationd-outbox-ls.1":         "oldest 100 waiting",
		"stationd-l2l-dispatch.open.1": "machine code: SEAL",
		"stationd-doctor.1":            "Diagnose the station",
		"stationd-outbox.1":            "stationd-outbox-retry(1)",
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(strings.NewReplacer(`\-`, "-", " (1)", "(1)").Replace(string(text)), want) {
			t.Errorf("%s does not say %q, %v", name, want, err)
		}
	}
	for deb, held := range packed(t) {
		if deb != "nfpm.yaml" && !held["/usr/share/man/man1/stationd-outbox-ls.1.gz"] {
			t.Errorf("%s has no pages of the commands", deb)
		}
	}
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("groff is not here, so nothing was proved about how the commands' pages are set")
	}
	for _, page := range pages {
		if out := must(t, command(t, "groff", "-man", "-Tutf8", "-ww", "-z", page)); out != "" {
			t.Errorf("groff says of %s:\n%s", filepath.Base(page), out)
		}
	}
}
