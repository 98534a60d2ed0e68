package main

import (
	"strings"
	"testing"
)

func TestAShellOffersTheBadgesThatCanBeRevoked(t *testing.T) {
	t.Parallel()
	b := newAlertStation(t, "\n[access]\n")
	must(t, b.Power(t.Context(), true))
	if out, code := runCommand(t, b, "badge", "new", "anna"); code != 0 {
		t.Fatalf("%d:\n%s", code, out)
	}
	var out, errs said
	code := command(t.Context(), []string{"__complete", "badge", "revoke", "--config", b.ConfigPath(), ""}, strings.NewReader(""), &out, &errs)
	if code != 0 || !strings.HasPrefix(out.String(), "anna\n") {
		t.Errorf("%d: a shell is offered\n%s%s", code, out.String(), errs.String())
	}
	if list, code := runCommand(t, b, "badge", "ls", "--json"); code != 0 || !strings.Contains(list, `"up": "`) {
		t.Errorf("%d: %s", code, list)
	}
}
