package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/plan"
	"stationd/internal/setup"
)

// testLabel is what the test label holds.
const testLabel = "010950600013435210TEST\x1d21READY"

func TestThePictureOfTheTestLabelIsTheTestLabel(t *testing.T) {
	t.Parallel()
	if code := readPicture(t, filepath.Join("..", "..", "docs", "labels", "reader-test.png"), byDmtx, ""); code != testLabel {
		t.Errorf("it holds %q", code)
	}
	if code := readPicture(t, filepath.Join("..", "..", "docs", "labels", "reader-text.png"), byZbar, ""); code != setup.TextLabel {
		t.Errorf("the other one holds %q", code)
	}
}

// setupUntilReader starts setup and answers its questions until it listens to a reader.
func setupUntilReader(t *testing.T) (c *console, r *demo.Scanner, path string) {
	t.Helper()
	sim, chip, _ := newChip(t)
	r = newPluggedScanner(t)
	dir := t.TempDir()
	path = filepath.Join(dir, "stationd.toml")
	c = startConsole(t, "setup", "-o", path, "--chip", chip, "--data", dir)
	answerUntilButtons(t, c, sim)
	c.send("\n")
	c.answer("Its colours", "")
	c.answer("nothing   there are no readers", r.Link)
	c.expect("listening on " + r.Link)
	return c, r, path
}

// finishSetup answers the other questions, and returns the configuration.
func finishSetup(t *testing.T, c *console, path string) string {
	t.Helper()
	c.answer("The reader's name", "hand")
	c.answer("What people call it, on the page", "")
	c.answer("The GPIO number of the lamp", "")
	c.answer("nothing   there are no more readers", "")
	c.answer("The GPIO number of a buzzer", "")
	c.answer("Anything more?", "")
	c.answer("Write it to", "")
	c.expect("it has no faults.")
	c.expectExit(0)
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

func TestSetupWritesHowAReaderIsSet(t *testing.T) {
	t.Parallel()
	c, r, path := setupUntilReader(t)
	must(t, sendRaw(r, "w"+strings.ReplaceAll(testLabel, "\x1d", "<GS>")+"\r\n"))
	c.expect("What ends a scan: CR and LF; frame is written.")
	c.expect("AIM identifiers: it sends none")
	c.expect("Separator: it sends <GS> for it; gs is written.")
	c.expect("It puts w in front of each code, which is taken off.")
	c.expect("Scan the other test label too")
	c.expect("listening on " + r.Link)
	must(t, sendRaw(r, "w]Q1READER TEST \xc5\xe4\xf6 \x80 ??\r\n"))
	c.expect("Text: it sends windows-1252; encoding is written.")
	text := finishSetup(t, c, path)
	for _, line := range []string{`assume = "gs1"`, `gs     = ["<GS>"]`, `strip  = { prefix = "w", suffix = "" }`, `encoding = "windows-1252"`, `frame  = "crlf"`} {
		if !strings.Contains(text, line) {
			t.Errorf("%s is missing in\n%s", line, text)
		}
	}
}

// Whatever ends a scan, the reader that setup has written the configuration of is read.
func TestAReaderIsReadAsSetupFoundItWhateverEndsAScan(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ before, behind, frame string }{
		"CR": {"", "\r", `#frame  = "cr"`}, "LF": {"", "\n", `frame  = "lf"`}, "CR and LF": {"", "\r\n", `frame  = "crlf"`},
		"Tab": {"", "\t", `frame  = "tab"`}, "STX and ETX": {"\x02", "\x03", `frame  = "stx-etx"`}, "silence": {"", "", `frame  = "idle:80ms"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, r, path := setupUntilReader(t)
			must(t, sendRaw(r, test.before+"]C0THE-FIRST"+test.behind))
			c.expect("What")
			text := finishSetup(t, c, path)
			if !strings.Contains(text, "\n"+test.frame) {
				t.Errorf("%s is missing in\n%s", test.frame, text)
			}
			p, _, err := plan.Read(path)
			must(t, err)
			look := startConsole(t, "scans", "--config", path)
			look.expect("listening on " + r.Link)
			must(t, sendRaw(r, test.before+"]C0THE-SECOND"+test.behind))
			look.expect("text    ]C0THE-SECOND\n")
			look.send(ctrlC)
			look.expectExit(0)
			if p.Scanners[0].AIM != "required" {
				t.Error("it sent identifiers, and they are not required")
			}
		})
	}
}
