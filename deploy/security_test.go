package deploy_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// repository is every text of the repository with that ending, by its path.
func repository(t *testing.T, ending string) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "build" || entry.Name() == ".git") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(name, ending) {
			text, err := os.ReadFile(name)
			texts[name] = string(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func TestEveryTestThatTheSecurityTablesNameIsThere(t *testing.T) {
	t.Parallel()
	there := make(map[string]bool)
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, text := range repository(t, "_test.go") {
		for _, name := range declared.FindAllStringSubmatch(text, -1) {
			there[name[1]] = true
		}
	}
	tables, err := os.ReadFile(filepath.Join("..", "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(string(tables), -1)
	if len(named) < 50 {
		t.Fatalf("docs/security.md names %d tests", len(named))
	}
	for _, name := range named {
		if !there[name[1]] {
			t.Errorf("docs/security.md names %s, and there is no such test", name[1])
		}
	}
	for line := range strings.Lines(string(tables)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) == 3 && strings.TrimSpace(cells[2]) == "" {
			t.Errorf("a row of docs/security.md says neither which test nor that there is none: %s", line)
		}
	}
}

// Whoever downloads a release has the public key from elsewhere: what is not the
// maintainers', or was changed since, is found by two commands.
func TestAReleaseIsKnownByItsSignature(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("minisign"); err != nil {
		t.Skip("minisign is not installed: that a changed release is found by its signature was not proved")
	}
	dir := t.TempDir()
	run := func(name string, args ...string) (string, error) {
		c := exec.CommandContext(t.Context(), name, args...)
		c.Dir = dir
		said, err := c.CombinedOutput()
		return string(said), err
	}
	script, err := filepath.Abs("release.sh")
	if err != nil {
		t.Fatal(err)
	}
	if said, err := run("minisign", "-G", "-W", "-p", "stationd.pub", "-s", "secret"); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for _, name := range []string{"stationd_1_arm64.deb", "stationd-arm64.cdx.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("the bytes of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if said, err := run(script, "release", "secret", "stationd 1", "stationd_1_arm64.deb", "stationd-arm64.cdx.json"); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	verified := func() (sums, files error) {
		_, sums = run("minisign", "-V", "-p", "stationd.pub", "-m", "release/SHA256SUMS")
		_, files = run("sh", "-c", "cd release && sha256sum --strict -c SHA256SUMS")
		return sums, files
	}
	if sums, files := verified(); sums != nil || files != nil {
		t.Errorf("as it was released: %v, %v", sums, files)
	}
	change := func(name string) {
		if err := os.WriteFile(filepath.Join(dir, "release", name), []byte("other bytes"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	change("stationd_1_arm64.deb")
	if sums, files := verified(); sums != nil || files == nil {
		t.Errorf("with another package: %v, %v", sums, files)
	}
	change("SHA256SUMS")
	if sums, _ := verified(); sums == nil {
		t.Error("other sums are taken for the maintainers'")
	}
}
