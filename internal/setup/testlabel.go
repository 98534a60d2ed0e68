package setup

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"stationd/internal/scanner"
	"stationd/internal/terminal"
)

// A readerFound is what a scan of the test label of docs/labels.md, a GS1 DataMatrix of
// elements that no other label has, shows of a reader's setting.
type readerFound struct {
	AIM            bool   // it sends AIM identifiers
	Prefix, Suffix string // what it puts around the code
	GS             string // what it writes for the separator; "\x1d": the separator itself
}

var testLabelPattern = regexp.MustCompile(`(?s)^(.*?)(\][A-Za-z][0-9])?\x1d?010950600013435210TEST(.*?)21READY(.*)$`)

// findReader reads a scan of the test label; ok is false for another label.
func findReader(raw []byte) (found readerFound, ok bool) {
	m := testLabelPattern.FindSubmatch(raw)
	if m == nil {
		return readerFound{}, false
	}
	return readerFound{AIM: len(m[2]) > 0, Prefix: string(m[1]), GS: string(m[3]), Suffix: string(m[4])}, true
}

// lines says what was found, a sentence each.
func (f readerFound) lines() []string {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if f.AIM {
		say("AIM identifiers: it sends them.")
	} else {
		say("AIM identifiers: it sends none. Better switch them on (\"transmit AIM identifier\" in its manual); until then assume = \"gs1\" is written.")
	}
	switch f.GS {
	case "\x1d":
		say("Separator: it sends GS.")
	case "":
		say("Separator: it sends nothing for it, and batch and serial cannot be told apart. Switch on \"transmit GS\" or \"FNC1\" in its manual, and scan the label again.")
	default:
		say("Separator: it writes %s for it; gs is written.", terminal.Visible(f.GS))
	}
	if f.Prefix != "" {
		say("It puts %s in front of each code, which is taken off.", terminal.Visible(f.Prefix))
	}
	if f.Suffix != "" {
		say("It puts %s behind each code, which is taken off.", terminal.Visible(f.Suffix))
	}
	return lines
}

// take writes what was found into a reader's draft. What has characters that no file
// should hold is left to a person.
func (r *readerDraft) take(f readerFound) {
	if !f.AIM {
		r.Assume = "gs1"
	}
	if f.GS != "" && f.GS != "\x1d" && plainComment(f.GS) == f.GS {
		r.GS = f.GS
	}
	for _, of := range []struct {
		said string
		to   *string
	}{{f.Prefix, &r.Prefix}, {f.Suffix, &r.Suffix}} {
		// Between slashes it would be a regular expression.
		if plainComment(of.said) == of.said && !strings.HasPrefix(of.said, "/") {
			*of.to = of.said
		}
	}
}

// takeTest takes from a scan of one of the two test labels how the reader is set, and
// reports whether it was one.
func (s *setup) takeTest(r *readerDraft, label *scanHeard) bool {
	r.Identifies = r.Identifies && label.Event.Data["aim"] != ""
	reader, ok := findReader(label.Raw)
	text, letters := findText(label.Raw, label.Event.Data["aim"] != "")
	switch {
	case ok:
		for _, line := range reader.lines() {
			s.say("%s", line)
		}
		r.take(reader)
	case letters:
		s.say("%s", text.line())
		r.Encoding = text.Encoding
	case !r.Identifies && r.Assume == "":
		s.say("It sends no AIM identifier, so a GS1 symbol cannot be told from plain text. Switch on \"transmit AIM identifier\" with the bar code in its manual.")
	}
	if ok || letters {
		r.takeFrame(label.frame) // of a label that is known, it is certain
	}
	return ok || letters
}

// askOtherTest has the other test label scanned, where one of the two was.
func (s *setup) askOtherTest(r *readerDraft) error {
	for {
		s.say("Scan the other test label too, or press Enter.")
		next, _, err := s.listen([]scanner.Config{r.setting()})
		if err != nil || next == nil || s.takeTest(r, next) {
			return err
		}
		s.say("This is none of the test labels.")
	}
}

// takeFrame writes what ends a scan.
func (r *readerDraft) takeFrame(frame string) {
	if r.Frame = frame; frame == "cr" {
		r.Frame = "" // where nothing is said
	}
}

// ending says what ends a scan.
func (r *readerDraft) ending() string {
	switch {
	case r.Reports():
		return "It sends whole scans, which nothing has to end."
	case r.Frame == "":
		return "What ends a scan: CR."
	case r.Frame == "lf":
		return "What ends a scan: LF; frame is written."
	case r.Frame == "crlf":
		return "What ends a scan: CR and LF; frame is written."
	case r.Frame == "tab":
		return "What ends a scan: Tab; frame is written. Better set the reader to end with CR: a Tab may stand within a symbol."
	case r.Frame == "stx-etx":
		return "A scan stands between STX and ETX; frame is written."
	}
	return "What ends a scan: nothing but silence; frame is written. Better set the reader to end with CR (its suffix)."
}

// A textFound is what a scan of the second test label shows: how a reader sends letters.
type textFound struct {
	Encoding string // to be written; "" where the default reads it
	kind     string
}

// TextLabel is what the second test label holds, in UTF-8, which the symbol says (ECI).
const TextLabel = "READER TEST Åäö € 日本"

// The ways in which the letters of the second test label may arrive.
const (
	asUTF8  = "utf-8"
	asECI   = "eci"
	twice   = "twice"
	noneYet = "none"
)

// findText reads a scan of the second test label; ok is false for another label.
func findText(raw []byte, identified bool) (found textFound, ok bool) {
	head, letters, _ := strings.Cut(TextLabel, "Å")
	_, rest, ok := bytes.Cut(raw, []byte(head))
	if !ok {
		return textFound{}, false
	}
	if identified && bytes.Contains(raw, []byte(`\000026`)) {
		return textFound{kind: asECI}, true
	}
	for _, form := range []struct{ encoding, kind, bytes string }{
		{"", asUTF8, "Å" + letters},
		{"", twice, "\u00c3\u0085"},
		{"", twice, "Ã…"},
		{"shift-jis", "", "\x93\xfa\x96\x7b"},
		{"gbk", "", "\xc8\xd5\xb1\xbe"},
		{"windows-1252", "", "\xc5\xe4\xf6 \x80"},
		{"latin-1", "", "\xc5\xe4\xf6"},
	} {
		if bytes.Contains(rest, []byte(form.bytes)) {
			return textFound{form.encoding, form.kind}, true
		}
	}
	return textFound{kind: noneYet}, true
}

// line says what was found.
func (f textFound) line() string {
	switch f.kind {
	case asUTF8:
		return "Text: it sends what the label holds, UTF-8 as UTF-8, which is read without a key."
	case asECI:
		return "Text: it names the encoding of each symbol (ECI), which is read without a key."
	case twice:
		return "Text: it takes UTF-8 for ISO 8859-1 and makes other letters of it. Switch the conversion off in its manual (\"code page\", \"encoding\"), and scan the label again."
	case noneYet:
		return "Text: letters beyond ASCII do not arrive as they are. See \"code page\" or \"encoding\" in its manual and scan the label again, or have only ASCII on labels."
	}
	return fmt.Sprintf("Text: it sends %s; encoding is written.", f.Encoding)
}
