package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stationd/internal/station"
)

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "lamps.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func sheetOf(t *testing.T, language string) string {
	t.Helper()
	var b strings.Builder
	if err := write(&b, page(t), language); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The sentences and patterns are those of docs/lamps.md, which the program's own tests
// hold to the program. Here it is held to have all of the program's lights and sounds.
func TestTheSheetHasEveryLightAndSoundOfTheProgram(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"en", "sv"} {
		sheet := sheetOf(t, language)
		for l := station.Off; l.String() != "no light"; l++ {
			if !strings.Contains(sheet, fmt.Sprintf(`data-light="%s"`, l)) {
				t.Errorf("%s: the light %q is not on the sheet", language, l)
			}
		}
		for _, s := range []station.SoundKind{station.SoundRecorded, station.SoundRefused, station.SoundHeld} {
			if !strings.Contains(sheet, fmt.Sprintf(`data-sound="%s"`, s)) {
				t.Errorf("%s: the sound %q is not on the sheet", language, s)
			}
		}
	}
}

func TestTheSheetDrawsWhatThePatternSays(t *testing.T) {
	t.Parallel()
	for text, want := range map[pattern]string{
		"dark":                         "[]",
		"lit":                          "[{0 2}]",
		"0.5 lit, 0.5 dark, and again": "[{0 0.5} {1 0.5}]",
		"0.1 lit, 0.2 dark, 0.1 lit, 4.6 dark, and again": "[{0 0.1} {0.30000000000000004 0.1}]",
		"1.5 lit, 0.4 dark, and again":                    "[{0 1.5} {1.9 0.10000000000000009}]",
		"0.4 on, 0.2 off, 0.4 on":                         "[{0 0.4} {0.6000000000000001 0.4}]",
	} {
		got, err := text.within(2)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%q is drawn as %v %v, not %s", text, got, err, want)
		}
	}
	if got, err := pattern("fast").within(2); err == nil {
		t.Errorf("what is no pattern is drawn as %v", got)
	}
}

func TestTheSheetSaysWhatThePageSays(t *testing.T) {
	t.Parallel()
	changed := strings.Replace(page(t), "*Recorded.*", "*Written down.*", 1)
	var b strings.Builder
	if err := write(&b, changed, "en"); err != nil || !strings.Contains(b.String(), "<b>Written down.</b>") {
		t.Errorf("the page says it in other words, and the sheet does not: %v", err)
	}
	for what, page := range map[string]string{
		"without its lights":   strings.Replace(page(t), "\n| light |", "\n| lamp |", 1),
		"without its patterns": strings.Replace(page(t), "<!-- patterns -->", "", 1),
		"without a light":      strings.Replace(page(t), "**quick** blinking", "**fast** blinking", 1),
		"without a pattern":    strings.Replace(page(t), "\n| quick | 0.", "\n| fast | 0.", 1),
		"without a sound":      strings.Replace(page(t), "\n| held | 0.", "\n| kept | 0.", 1),
	} {
		if err := write(&b, page, "en"); err == nil {
			t.Errorf("a page %s makes a sheet all the same", what)
		}
	}
}

func TestTheSheetIsOneSideOfA4(t *testing.T) {
	t.Parallel()
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: that the sheet prints on one side of A4 was NOT proved")
	}
	for _, language := range []string{"en", "sv"} {
		dir := t.TempDir()
		sheet, printed := filepath.Join(dir, "sheet.html"), filepath.Join(dir, "sheet.pdf")
		if err := os.WriteFile(sheet, []byte(sheetOf(t, language)), 0o600); err != nil {
			t.Fatal(err)
		}
		said, err := exec.CommandContext(t.Context(), browser, "--headless", "--no-sandbox", "--disable-gpu",
			"--user-data-dir="+filepath.Join(dir, "profile"), "--no-pdf-header-footer", "--print-to-pdf="+printed, sheet).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		pdf, err := os.ReadFile(printed)
		if err != nil {
			t.Fatal(err)
		}
		if pages := bytes.Count(pdf, []byte("/Type /Page\n")); pages != 1 || !regexp.MustCompile(`/MediaBox \[0 0 59[45]\S* 84[12]`).Match(pdf) {
			t.Errorf("%s: it prints on %d pages, or on no A4", language, pages)
		}
	}
}
