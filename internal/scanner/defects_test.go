package scanner

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// source returns the Go files of a folder that match, as one text.
func source(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	var all strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

func TestEveryDefectHasItsTest(t *testing.T) {
	t.Parallel()
	folders := map[string]string{"scanner": ".", "label": "label", "gpio": "../gpio", "hil": "../../hil", "stationd": "../../cmd/stationd"}
	tests := make(map[string]string)
	for name, folder := range folders {
		tests[name] = source(t, filepath.Join(folder, "*_test.go"))
	}
	row := regexp.MustCompile(`(?m)^\|.*\|$`)
	named := regexp.MustCompile("`([a-z]+)\\.((?:Test|Fuzz)[A-Za-z0-9]+)`")
	rows := row.FindAllString(source(t, "../../docs/hardware-defects.md"), -1)
	if len(rows) < 30 {
		t.Fatalf("the table has %d rows", len(rows))
	}
	for _, r := range rows {
		if strings.HasPrefix(r, "| defect |") || strings.HasPrefix(r, "| ---") {
			continue
		}
		found := named.FindAllStringSubmatch(r, -1)
		if len(found) == 0 {
			t.Errorf("no test is named in the row %s", r)
		}
		for _, f := range found {
			if !strings.Contains(tests[f[1]], "\nfunc "+f[2]+"(") {
				t.Errorf("there is no %s.%s", f[1], f[2])
			}
		}
	}
}

func TestNobodyAsksTheModuleForItsListOfPorts(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{".", "../../cmd/stationd"} {
		text := source(t, filepath.Join(folder, "*.go"))
		for _, list := range []string{"Get" + "PortsList", "serial/" + "enumerator"} {
			if strings.Contains(text, list) {
				t.Errorf("%s uses %s, which opens every port of the machine and sets its speed", folder, list)
			}
		}
	}
}
