package deploy_test

import (
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"testing"

	"stationd/internal/words"
)

// Each line that the screen of a station depends on, with what happens without it.
func TestTheScreenShowsThePageAndNothingElse(t *testing.T) {
	t.Parallel()
	u := readUnitFile(t, "screen/stationd-screen.service")
	for _, c := range []struct{ directive, value, because string }{
		{"Service.Restart", "always", "a browser that died leaves a dark screen"},
		{"Unit.StartLimitIntervalSec", "0", "systemd gives a screen up that fails five times"},
		{"Service.PAMName", "login", "nobody gives cage the screen"},
		{"Service.TTYPath", "/dev/tty1", "nobody gives cage the screen"},
		{"Unit.Conflicts", "getty@tty1.service", "a log-in lies under the page"},
		{"Service.OOMScoreAdjust", "500", "the station is ended and not the browser"},
		{"Service.RuntimeDirectory", "stationd-screen", "the browser asks whether to restore pages, and wears the card"},
		{"Service.Environment", "XCURSOR_PATH=/usr/share/stationd/cursors XCURSOR_THEME=none", "a cursor stands on the page"},
	} {
		if !slices.Contains(u[c.directive], c.value) {
			t.Errorf("%s is %q and not %s: %s", c.directive, u[c.directive], c.value, c.because)
		}
	}
	text, err := os.ReadFile("screen/stationd-screen.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"--app=file:///usr/share/stationd/screen.html#${PAGE}", "--hide-crash-restore-bubble", "--noerrdialogs", "--user-data-dir=/run/stationd-screen/", "--no-first-run"} {
		if !strings.Contains(string(text), flag) {
			t.Errorf("the browser is not started with %s", flag)
		}
	}
	if strings.Contains(u["Service.ExecStart"][0], "--kiosk") {
		t.Error("with --kiosk the browser ends under Debian 12's cage before it has shown anything")
	}
	if account := u["Service.User"]; len(account) != 1 || account[0] == "root" {
		t.Errorf("it runs as %q", account)
	} else if steps, err := os.ReadFile("../docs/screen.md"); err != nil || !strings.Contains(string(steps), "adduser "+account[0]+" stationd") {
		t.Errorf("docs/screen.md does not make %s a member of the group stationd: %v", account[0], err)
	}
}

// What stands on the screen until the station answers is what the page itself says when it has
// gone, in each language.
func TestTheScreenSaysInEachLanguageThatTheStationDoesNotRespond(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("screen/screen.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range words.Languages() {
		if says := `<p lang="` + language + `" hidden>` + words.In(language).Say("lost") + "</p>"; !strings.Contains(string(file), says) {
			t.Errorf("there is no %s", says)
		}
	}
}

// The cursor is one of X11's files, which is one pixel that is not to be seen.
func TestTheCursorOfTheScreenIsTransparent(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("screen/transparent.cursor")
	if err != nil {
		t.Fatal(err)
	}
	word := func(at int) uint32 { return binary.LittleEndian.Uint32(file[at:]) }
	const image = 28
	if len(file) != image+40 || string(file[:4]) != "Xcur" || word(12) != 1 || word(16) != 0xfffd0002 || word(24) != image ||
		word(image+16) != 1 || word(image+20) != 1 || word(image+36) != 0 {
		t.Errorf("it is no cursor of one transparent pixel: %x", file)
	}
}
