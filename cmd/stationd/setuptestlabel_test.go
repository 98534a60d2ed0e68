package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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

func TestThePictureOfTheTestLabelIsTheTestLabel(t *testing.T) {
	t.Parallel()
	if code := readPicture(t, filepath.Join("..", "..", "docs", "labels", "reader-test.png"), true); code != testLabel {
		t.Errorf("it holds %q", code)
	}
}

func TestSetupWritesHowAReaderIsSet(t *testing.T) {
	t.Parallel()
	sim, chip, _ := simHands(t)
	r := handReader(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "stationd.toml")
	c := sit(t, "setup", "-o", path, "--chip", chip, "--data", dir)
	toButtons(t, c, sim)
	c.types("\n")
	c.answers("Its colours", "")
	c.answers("nothing   there are no readers", r.link)
	c.reads("listening on " + r.link)
	must(t, r.scan("w"+strings.ReplaceAll(testLabel, "\x1d", "<GS>")))
	c.reads("AIM identifiers: it sends none")
	c.reads("Separator: it writes <GS> for it; gs is written.")
	c.reads("It puts w in front of each code, which is taken off.")
	c.answers("The reader's name", "hand")
	c.answers("The GPIO number of the lamp", "")
	c.answers("nothing   there are no more readers", "")
	c.answers("The GPIO number of a buzzer", "")
	c.answers("Write it to", "")
	c.reads("is written, and has no faults.")
	c.ends(0)
	text, err := os.ReadFile(path)
	must(t, err)
	for _, line := range []string{`assume = "gs1"`, `gs     = ["<GS>"]`, `strip  = { prefix = "w", suffix = "" }`} {
		if !strings.Contains(string(text), line) {
			t.Errorf("%s is missing in\n%s", line, text)
		}
	}
}
