package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stationd/internal/demo"
)

func TestAKeyThatEveryAccountMayReadIsNotUsed(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	key := filepath.Join(b.KeysPath(), "lagerkoll.key")
	must(t, os.Chmod(key, 0o644))
	must(t, b.Power(t.Context(), true))
	expectFault(t, b, "lagerkoll key", "every account of this machine may read it (mode 0644)")
	scanAndWait(t, b, "PO4711")
	scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B7", Serial: "K1"}.Symbol())
	if waiting, ok := b.Waiting(t.Context()); !ok || len(waiting) != 1 || waiting[0].Backend() != "lagerkoll" {
		t.Errorf("one trace waits for Lagerkoll, and it is %+v", waiting)
	}
	out, code := runCheck(t, b)
	if code != 0 || !strings.Contains(out, "warning: lagerkoll key: key file "+key+": every account of this machine may read it (mode 0644)") || !strings.Contains(out, "chmod 640 "+key) {
		t.Errorf("check says (%d):\n%s", code, out)
	}
	must(t, os.Chmod(key, 0o600))
	must(t, b.WaitDelivered(t.Context()))
	expectFault(t, b, "lagerkoll key", "")
	if got := b.Plant.Traces(); len(got) != 1 {
		t.Errorf("the part is traced %d times", len(got))
	}
}

func TestCheckAndTheLogSayWhatEveryAccountMayChange(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	must(t, os.MkdirAll(b.DataPath(), 0o700))
	if out, code := runCheck(t, b); code != 0 || strings.Contains(out, "may change it") {
		t.Errorf("nobody else may change anything, and check says (%d):\n%s", code, out)
	}
	must(t, os.Chmod(b.ConfigPath(), 0o666))
	must(t, os.Chmod(b.DataPath(), 0o777))
	out, code := runCheck(t, b)
	for _, want := range []string{
		"configuration file: every account of this machine may change it (mode 0666): " + b.ConfigPath(),
		"data folder: every account of this machine may change it (mode 0777): " + b.DataPath(),
	} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("check does not say %q (%d):\n%s", want, code, out)
		}
	}
	must(t, b.Power(t.Context(), true))
	for _, path := range []string{b.ConfigPath(), b.DataPath()} {
		expectLogged(t, b, `"msg":"every account of this machine may change it","path":"`+regexp.QuoteMeta(path)+`"`)
	}
}

// runCheck runs check on the station's configuration.
func runCheck(t *testing.T, b *demo.Simulation) (out string, code int) {
	t.Helper()
	var all said
	code = command(t.Context(), []string{"check", b.ConfigPath()}, strings.NewReader(""), &all, &all)
	return all.String(), code
}
