package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/demo"
)

// Forty stations share one file. This one says its name, its machine and a pin, and includes
// the rest: what the rest says is in force after a reload, check names every file, and a start
// with a template that is broken runs all of what was in force last.
func TestAStationOfATemplateIsReloadedAndStartedWithTheLastGoodOne(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	text, err := os.ReadFile(b.ConfigPath())
	must(t, err)
	template := filepath.Join(b.Dir, "line.toml")
	edit := func(old, new string) {
		t.Helper()
		was, err := os.ReadFile(template)
		must(t, err)
		if !strings.Contains(string(was), old) {
			t.Fatalf("the template has no %q", old)
		}
		must(t, os.WriteFile(template, []byte(strings.Replace(string(was), old, new, 1)), 0o600))
	}
	must(t, os.WriteFile(template, text, 0o600))
	edit(`name     = "pack4-1"`, `name     = "${STATION}"`)
	edit(`machine = "SEAL-1"`, `machine = "${MACHINE}"`)
	edit(`pin  = 17`, `pin  = "${PIN}"`)
	must(t, os.WriteFile(b.ConfigPath(), []byte("include = [\"line.toml\"]\n\n[vars]\nSTATION = \"pack4-1\"\nMACHINE = \"SEAL-1\"\nPIN = 17\n"), 0o600))
	said, code := runProgram(t, b, "check", b.ConfigPath())
	if code != 0 || !strings.Contains(said, "read: "+b.ConfigPath()+", "+template) {
		t.Errorf("check ends with %d and says:\n%s", code, said)
	}
	must(t, os.Chmod(template, 0o666))
	if said, _ := runProgram(t, b, "check", b.ConfigPath()); !strings.Contains(said, "every account of this machine may change it (mode 0666): "+template) {
		t.Errorf("check says:\n%s", said)
	}
	must(t, os.Chmod(template, 0o600))
	must(t, b.Power(t.Context(), true))
	edit("Help needed at {station}", "Hurry to ${STATION}")
	if said, code := runProgram(t, b, "reload", "--config", b.ConfigPath()); code != 0 {
		t.Errorf("stationd reload ended with %d and said:\n%s", code, said)
	}
	edit("${MACHINE}", "${MASHINE}")
	said, code = runProgram(t, b, "reload", "--config", b.ConfigPath())
	if code == 0 || !strings.Contains(said, template+":18:12: there is no variable MASHINE") {
		t.Errorf("stationd reload ended with %d and said:\n%s", code, said)
	}
	must(t, b.Power(t.Context(), false))
	edit("[[scanner]]", "[[scanner]")
	must(t, b.Power(t.Context(), true))
	expectFault(t, b, "configuration", "line.toml:")
	pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
	must(t, b.WaitDelivered(t.Context()))
	found := b.Plant.Dispatches()
	if len(found) != 1 || found[0].Machine != "SEAL-1" || !strings.HasSuffix(found[0].Description, "Hurry to pack4-1") {
		t.Errorf("%+v", found)
	}
}
