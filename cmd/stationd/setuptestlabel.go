package main

import (
	"fmt"
	"regexp"
	"strings"
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
		say("Separator: it writes %s for it; gs is written.", visible([]byte(f.GS)))
	}
	if f.Prefix != "" {
		say("It puts %s in front of each code, which is taken off.", visible([]byte(f.Prefix)))
	}
	if f.Suffix != "" {
		say("It puts %s behind each code, which is taken off.", visible([]byte(f.Suffix)))
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
