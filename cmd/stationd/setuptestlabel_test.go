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

// toReader starts setup and answers it until it listens to a reader.
func toReader(t *testing.T) (c *console, r *demo.Scanner, path string) {
	t.Helper()
	sim, chip, _ := simHands(t)
	r = handReader(t)
	dir := t.TempDir()
	path = filepath.Join(dir, "stationd.toml")
	c = sit(t, "setup", "-o", path, "--chip", chip, "--data", dir)
	toButtons(t, c, sim)
	c.types("\n")
	c.answers("Its colours", "")
	c.answers("nothing   there are no readers", r.Link)
	c.reads("listening on " + r.Link)
	return c, r, path
}

// afterReader answers setup to its end, and returns what it wrote.
func afterReader(t *testing.T, c *console, path string) string {
	t.Helper()
	c.answers("The reader's name", "hand")
	c.answers("The GPIO number of the lamp", "")
	c.answers("nothing   there are no more readers", "")
	c.answers("The GPIO number of a buzzer", "")
	c.answers("Write it to", "")
	c.reads("it has no faults.")
	c.ends(0)
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

func TestSetupWritesHowAReaderIsSet(t *testing.T) {
	t.Parallel()
	c, r, path := toReader(t)
	must(t, sendRaw(r, "w"+strings.ReplaceAll(testLabel, "\x1d", "<GS>")+"\r\n"))
	c.reads("What ends a scan: CR and LF; frame is written.")
	c.reads("AIM identifiers: it sends none")
	c.reads("Separator: it sends <GS> for it; gs is written.")
	c.reads("It puts w in front of each code, which is taken off.")
	c.reads("Scan the other test label too")
	c.reads("listening on " + r.Link)
	must(t, sendRaw(r, "w]Q1READER TEST \xc5\xe4\xf6 \x80 ??\r\n"))
	c.reads("Text: it sends windows-1252; encoding is written.")
	text := afterReader(t, c, path)
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
			c, r, path := toReader(t)
			must(t, sendRaw(r, test.before+"]C0THE-FIRST"+test.behind))
			c.reads("What")
			text := afterReader(t, c, path)
			if !strings.Contains(text, "\n"+test.frame) {
				t.Errorf("%s is missing in\n%s", test.frame, text)
			}
			p, _, err := plan.Read(path)
			must(t, err)
			look := sit(t, "scans", "--config", path)
			look.reads("listening on " + r.Link)
			must(t, sendRaw(r, test.before+"]C0THE-SECOND"+test.behind))
			look.reads("text    ]C0THE-SECOND\n")
			look.types(ctrlC)
			look.ends(0)
			if p.Scanners[0].AIM != "required" {
				t.Error("it sent identifiers, and they are not required")
			}
		})
	}
}
