package setup

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"stationd/internal/scanner"
	"stationd/internal/terminal"
)

// readerSettings are the settings of a reader that a scan of the test label shows. The label
// is in docs/labels.md: a GS1 DataMatrix with elements that no other label has.
type readerSettings struct {
	AIM            bool   // it sends AIM identifiers
	Prefix, Suffix string // what it adds around the code
	GS             string // what it sends for the separator; "\x1d": the separator itself
}

// testLabelPattern finds what a reader adds around the test label's code.
const testLabelPattern = `(?s)^(.*?)(\][A-Za-z][0-9])?\x1d?010950600013435210TEST(.*?)21READY(.*)$`

// parseTestLabel returns the settings that a scan of the test label shows; ok is false for
// another label.
func parseTestLabel(raw []byte) (found readerSettings, ok bool) {
	m := regexp.MustCompile(testLabelPattern).FindSubmatch(raw)
	if m == nil {
		return readerSettings{}, false
	}
	return readerSettings{AIM: len(m[2]) > 0, Prefix: string(m[1]), GS: string(m[3]), Suffix: string(m[4])}, true
}

// describe returns the settings in sentences for people.
func (f readerSettings) describe() []string {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if f.AIM {
		say("AIM identifiers: it sends them.")
	} else {
		say("AIM identifiers: it sends none. Switch them on (\"transmit AIM identifier\" in its manual); until then assume = \"gs1\" is written.")
	}
	switch f.GS {
	case "\x1d":
		say("Separator: it sends GS.")
	case "":
		say("Separator: it sends none, so that batch and serial run together. Switch on \"transmit GS\" or \"FNC1\" in its manual, and scan the label again.")
	default:
		say("Separator: it sends %s for it; gs is written.", terminal.Visible(f.GS))
	}
	if f.Prefix != "" {
		say("It puts %s in front of each code, which is taken off.", terminal.Visible(f.Prefix))
	}
	if f.Suffix != "" {
		say("It puts %s behind each code, which is taken off.", terminal.Visible(f.Suffix))
	}
	return lines
}

// apply puts settings into the draft, except those with characters that no file should hold.
func (r *readerDraft) apply(f readerSettings) {
	if !f.AIM {
		r.Assume = "gs1"
	}
	if f.GS != "" && f.GS != "\x1d" && printable(f.GS) == f.GS {
		r.GS = f.GS
	}
	for _, affix := range []struct {
		value string
		field *string
	}{{f.Prefix, &r.Prefix}, {f.Suffix, &r.Suffix}} {
		// Between slashes it would be a regular expression.
		if printable(affix.value) == affix.value && !strings.HasPrefix(affix.value, "/") {
			*affix.field = affix.value
		}
	}
}

// applyTestLabel puts the settings that a scan of either test label shows into the draft, and
// reports whether it was one of them.
func (s *setup) applyTestLabel(r *readerDraft, label *heardScan) bool {
	r.Identifies = r.Identifies && label.Event.Data["aim"] != ""
	reader, ok := parseTestLabel(label.Raw)
	text, letters := parseTextLabel(label.Raw, label.Event.Data["aim"] != "")
	switch {
	case ok:
		for _, line := range reader.describe() {
			s.say("%s", line)
		}
		r.apply(reader)
	case letters:
		s.say("%s", text.describe())
		r.Encoding = text.Encoding
	case label.Event.Data["aim"] == "" && r.Assume == "" && !r.toldOfAIM:
		r.toldOfAIM = true
		s.say("It sends no AIM identifier, so a GS1 symbol looks like plain text. Switch on \"transmit AIM identifier\" with the bar code in its manual.")
	}
	if ok || letters {
		r.setFrame(label.ending) // known for certain, as the label is known
	}
	return ok || letters
}

// askOtherTestLabel asks for a scan of the second test label, after one of the two.
func (s *setup) askOtherTestLabel(r *readerDraft) error {
	for {
		s.say("Scan the other test label too, or press Enter to skip it.")
		next, _, err := s.listen([]scanner.Config{r.config()})
		if err != nil || next == nil || s.applyTestLabel(r, next) {
			return err
		}
		s.say("This is not a test label.")
	}
}

// setFrame sets what ends a scan.
func (r *readerDraft) setFrame(frame string) {
	if r.Frame = frame; frame == "cr" {
		r.Frame = "" // the default
	}
}

// describeFrame says what ends a scan, for people.
func (r *readerDraft) describeFrame() string {
	switch {
	case r.Reports():
		return "It sends whole scans, which need no suffix."
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
	return "What ends a scan: only silence; frame is written. Better set the reader to end with CR (its suffix)."
}

// textSettings are how a reader sends letters, as a scan of the second test label shows.
type textSettings struct {
	Encoding string // for the configuration; "" where the default reads it
	kind     string
}

// TextLabel is the content of the second test label, in UTF-8; the symbol says so (ECI).
const TextLabel = "READER TEST Åäö € 日本"

// The kinds of textSettings: how the letters of the second test label arrived.
const (
	asUTF8         = "utf-8"
	asECI          = "eci"
	convertedTwice = "twice"
	unreadable     = "none"
)

// parseTextLabel returns what a scan of the second test label shows; ok is false for another
// label. identified tells that an AIM identifier came with it.
func parseTextLabel(raw []byte, identified bool) (found textSettings, ok bool) {
	head, letters, _ := strings.Cut(TextLabel, "Å")
	_, rest, ok := bytes.Cut(raw, []byte(head))
	if !ok {
		return textSettings{}, false
	}
	if identified && bytes.Contains(raw, []byte(`\000026`)) {
		return textSettings{kind: asECI}, true
	}
	for _, form := range []struct{ encoding, kind, bytes string }{
		{"", asUTF8, "Å" + letters},
		{"", convertedTwice, "\u00c3\u0085"},
		{"", convertedTwice, "Ã…"},
		{"shift-jis", "", "\x93\xfa\x96\x7b"},
		{"gbk", "", "\xc8\xd5\xb1\xbe"},
		{"windows-1252", "", "\xc5\xe4\xf6 \x80"},
		{"latin-1", "", "\xc5\xe4\xf6"},
	} {
		if bytes.Contains(rest, []byte(form.bytes)) {
			return textSettings{form.encoding, form.kind}, true
		}
	}
	return textSettings{kind: unreadable}, true
}

// describe returns the settings in a sentence for people.
func (f textSettings) describe() string {
	switch f.kind {
	case asUTF8:
		return "Text: it sends UTF-8 unchanged, which needs no key."
	case asECI:
		return "Text: it sends the encoding of each symbol (ECI), which needs no key."
	case convertedTwice:
		return "Text: it takes UTF-8 for ISO 8859-1 and converts it to other letters. Switch the conversion off in its manual (\"code page\", \"encoding\"), and scan the label again."
	case unreadable:
		return "Text: letters beyond ASCII do not arrive unchanged. See \"code page\" or \"encoding\" in its manual and scan the label again, or print only ASCII on labels."
	}
	return fmt.Sprintf("Text: it sends %s; encoding is written.", f.Encoding)
}
