package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/words"
)

// The sheet that hangs beside a station tells of what it has, and of nothing else.
func TestThePosterTellsOfWhatTheStationHas(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("NOT PROVED: what stands on the poster, because there is no pdftotext")
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "stationd.example.toml"))
	must(t, err)
	config := filepath.Join(t.TempDir(), "stationd.toml")
	read := func(config, language string) string {
		t.Helper()
		pdf := filepath.Join(t.TempDir(), "poster.pdf")
		if code := command(t.Context(), []string{"lamps", "poster", "--config", config, "--language", language, "-o", pdf}, nil, io.Discard, io.Discard); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		out, err := exec.CommandContext(t.Context(), "pdftotext", "-layout", pdf, "-").Output()
		must(t, err)
		return strings.Join(strings.Fields(string(out)), " ")
	}
	must(t, os.WriteFile(config, text, 0o600))
	for _, language := range words.Languages() {
		c := words.In(language)
		got := read(config, language)
		for key, want := range map[words.Key]bool{"poster.title": true, "poster.safety": true, "poster.slow": true, "poster.hold": true, "poster.buzzer": false, "poster.stack": false, "poster.again": false} {
			if strings.Contains(got, c.Say(key)) != want {
				t.Errorf("%s: that it says %q is %v:\n%s", language, c.Say(key), !want, got)
			}
		}
	}
	if got := read(config, "sv"); !strings.Contains(got, "tryck: Öppna dispatch: MAINT") || !strings.Contains(got, "Station: pack4-1") {
		t.Errorf("the button's deeds or the station are not on the sheet:\n%s", got)
	}
	more := "\n[[buzzer]]\nname = \"horn\"\npin = 13\n[[lamp]]\nname = \"tower-red\"\npin = 5\n[[stack]]\nname = \"tower\"\nred = \"tower-red\"\nbuzzer = \"horn\"\n"
	must(t, os.WriteFile(config, append(text, more...), 0o600))
	got := read(config, "de")
	for word, want := range map[string]bool{"Der Summer": true, "Rot blinkt schnell": true, "Gelb blinkt": false, "Grün leuchtet": false} {
		if strings.Contains(got, word) != want {
			t.Errorf("that it says %q is %v:\n%s", word, !want, got)
		}
	}
}
