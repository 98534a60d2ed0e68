package cli

import (
	"testing"

	"stationd/internal/terminal"
)

func TestALineIsInAColourByItsWord(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]terminal.Colour{
		`stationd.toml:4:1: unknown key "lisst" in [station]`:                            terminal.Red,
		`stationd.toml: fault: control: its path is too long -- choose a shorter one`:    terminal.Red,
		`stationd.toml:4:1: warning: the packaged unit does not allow this device`:       terminal.Yellow,
		`/etc/stationd/stationd.toml: warning: page: another program listens -- stop it`: terminal.Yellow,
		`warning: two stations have one name -- give each its own`:                       terminal.Yellow,
		`2 faults`: "",
		``:         "",
	} {
		if got := complaintColour(line); got != want {
			t.Errorf("%q has the colour %q, not %q", line, got, want)
		}
	}
	for line, want := range map[string]terminal.Colour{
		`9f86d081.1  2026-03-02 06:00:00  l2l/machine:SEAL-1  dispatch.open  held (refused)  Shift not started`: terminal.Red,
		`9f86d081.1  2026-03-02 06:00:00  l2l/machine:SEAL-1  dispatch.open  waiting         behind it`:         "",
		`ENTRY  TIME  LANE  VERB  STATUS  REASON`:                                                               "",
	} {
		if got := entryColour(line); got != want {
			t.Errorf("%q has the colour %q, not %q", line, got, want)
		}
	}
}
