package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/scanner"
	"stationd/internal/station"
)

// testLabel is what the test label holds.
const testLabel = "010950600013435210TEST\x1d21READY"

func TestTheTestLabelShowsHowAReaderIsSet(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, raw string
		want      readerFound
		draft     readerDraft
	}{
		{"as it should be", "]d2" + testLabel, readerFound{AIM: true, GS: "\x1d"}, readerDraft{}},
		{"no identifiers", testLabel, readerFound{GS: "\x1d"}, readerDraft{Assume: "gs1"}},
		{"no identifiers, FNC1 in front", "\x1d" + testLabel, readerFound{GS: "\x1d"}, readerDraft{Assume: "gs1"}},
		{"a separator as text", "]d2" + strings.ReplaceAll(testLabel, "\x1d", "<GS>"), readerFound{AIM: true, GS: "<GS>"}, readerDraft{GS: "<GS>"}},
		{"no separator", "]d2" + strings.ReplaceAll(testLabel, "\x1d", ""), readerFound{AIM: true}, readerDraft{}},
		{"a letter in front and a blank behind", "w]d2" + testLabel + " ", readerFound{AIM: true, GS: "\x1d", Prefix: "w", Suffix: " "}, readerDraft{Prefix: "w", Suffix: " "}},
		{"what no file should hold", "\x1b]d2" + testLabel, readerFound{AIM: true, GS: "\x1d", Prefix: "\x1b"}, readerDraft{}},
	} {
		found, ok := findReader([]byte(test.raw))
		if !ok || found != test.want {
			t.Errorf("%s: %+v, %v", test.name, found, ok)
		}
		var draft readerDraft
		draft.take(found)
		if draft.Assume != test.draft.Assume || draft.GS != test.draft.GS || draft.Prefix != test.draft.Prefix || draft.Suffix != test.draft.Suffix {
			t.Errorf("%s: it writes %+v", test.name, draft)
		}
	}
	if _, ok := findReader([]byte("]d2010950600013435210AB-12\x1d210042")); ok {
		t.Error("another label is taken for it")
	}
}

func TestTheOtherTestLabelShowsHowAReaderSendsLetters(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, raw, encoding, says string }{
		{"UTF-8", textLabel, "", "UTF-8 as UTF-8"},
		{"UTF-8 with what the reader puts around", "w]Q1" + textLabel + " ", "", "UTF-8 as UTF-8"},
		{"the symbol's own encoding", `]Q2\000026` + textLabel, "", "(ECI)"},
		{"Windows' code page", "]Q1READER TEST \xc5\xe4\xf6 \x80 ??", "windows-1252", "it sends windows-1252; encoding is written"},
		{"ISO 8859-1", "]Q1READER TEST \xc5\xe4\xf6 ? ??", "latin-1", "it sends latin-1"},
		{"Japanese", "]Q1READER TEST ??? ? \x93\xfa\x96\x7b", "shift-jis", "it sends shift-jis"},
		{"Chinese", "]Q1READER TEST ??? ? \xc8\xd5\xb1\xbe", "gbk", "it sends gbk"},
		{"converted twice", "]Q1READER TEST \u00c3\u0085", "", "takes UTF-8 for ISO 8859-1"},
		{"ASCII alone", "]Q1READER TEST ??? ? ??", "", "do not arrive"},
	} {
		found, ok := findText([]byte(test.raw), strings.Contains(test.raw, "]Q"))
		if !ok || found.Encoding != test.encoding || !strings.Contains(found.line(), test.says) {
			t.Errorf("%s: %+v, %v: %s", test.name, found, ok, found.line())
		}
		setting := readerDraft{Port: "/dev/null", Encoding: found.Encoding}.setting()
		ev, err := scanner.Event(setting, []byte(test.raw), station.Stamp{})
		must(t, err)
		if test.encoding != "" && !strings.Contains(ev.Code, map[string]string{"windows-1252": "Åäö €", "latin-1": "Åäö", "shift-jis": "日本", "gbk": "日本"}[test.encoding]) {
			t.Errorf("%s: with %s it is read as %q", test.name, found.Encoding, ev.Code)
		}
	}
	if _, ok := findText([]byte("]Q1BADGE-Åsa"), true); ok {
		t.Error("another label is taken for it")
	}
}

func TestThePictureOfTheTestLabelIsTheTestLabel(t *testing.T) {
	t.Parallel()
	if code := readPicture(t, filepath.Join("..", "..", "docs", "labels", "reader-test.png"), byDmtx, ""); code != testLabel {
		t.Errorf("it holds %q", code)
	}
	if code := readPicture(t, filepath.Join("..", "..", "docs", "labels", "reader-text.png"), byZbar, ""); code != textLabel {
		t.Errorf("the other one holds %q", code)
	}
}

// toReader starts setup and answers it until it listens to a reader.
func toReader(t *testing.T) (c *console, r *reader, path string) {
	t.Helper()
	sim, chip, _ := simHands(t)
	r = handReader(t)
	dir := t.TempDir()
	path = filepath.Join(dir, "stationd.toml")
	c = sit(t, "setup", "-o", path, "--chip", chip, "--data", dir)
	toButtons(t, c, sim)
	c.types("\n")
	c.answers("Its colours", "")
	c.answers("nothing   there are no readers", r.link)
	c.reads("listening on " + r.link)
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
	c.reads("is written, and has no faults.")
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
	c.reads("Separator: it writes <GS> for it; gs is written.")
	c.reads("It puts w in front of each code, which is taken off.")
	c.reads("Scan the other test label too")
	c.reads("listening on " + r.link)
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
			p, _, err := read(path)
			must(t, err)
			look := sit(t, "scans", "--config", path)
			look.reads("listening on " + r.link)
			must(t, sendRaw(r, test.before+"]C0THE-SECOND"+test.behind))
			look.reads("text    ]C0THE-SECOND\n")
			look.types(ctrlC)
			look.ends(0)
			if p.scanners[0].AIM != "required" {
				t.Error("it sent identifiers, and they are not required")
			}
		})
	}
}
