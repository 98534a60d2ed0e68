// Package plantest tells tests which keys the configuration has, by asking the program.
package plantest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stationd/internal/plan"
)

// allowedBy is what the program says that is allowed in a configuration where a word is
// that it does not know.
func allowedBy(t *testing.T, text, fault string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stationd.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, faults, err := plan.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		if _, list, found := strings.Cut(f.Text, fault); found {
			_, list, _ = strings.Cut(list, "llowed here: ")
			return strings.Split(list, ", ")
		}
	}
	return nil
}

// Keys is every key that the program takes, by its table as it is written: [station],
// [[button]].
func Keys(t *testing.T) map[string][]string {
	t.Helper()
	keys := make(map[string][]string)
	for _, table := range allowedBy(t, "[xyzzy]\n", `unknown table "xyzzy"`) {
		for _, heading := range []string{"[[" + table + "]]", "[" + table + "]"} {
			found := allowedBy(t, heading+"\nxyzzy = 1\n", `unknown key "xyzzy" in `+heading)
			if found != nil {
				keys[heading] = found
				break
			}
		}
		if keys["["+table+"]"] == nil && keys["[["+table+"]]"] == nil {
			t.Errorf("the program does not say which keys [%s] takes", table)
		}
	}
	const action = `[station]
name = "a"
timezone = "Europe/Stockholm"
[l2l]
url = "https://acme.example/api/1.0/"
site = 1
key = { credential = "l2l.key" }
[[button]]
name = "b"
pin = 4
[[on]]
event = "b.press"
do = [{ l2l = "dispatch.open", xyzzy = "1" }]
`
	manner := allowedBy(t, action, `"xyzzy"`)
	if !slices.Contains(manner, "late") {
		t.Errorf("the program does not say what an action takes: %v", manner)
	}
	for _, key := range []string{"again", "once", "adopted", "with", "late", "late_after"} {
		if slices.Contains(manner, key) {
			keys["[[on]]"] = append(keys["[[on]]"], key)
		}
	}
	return keys
}
