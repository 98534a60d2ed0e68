package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/demo"
)

// What a reader sends is in the outbox as the label has it, or not at all: the running
// program, its real outbox, and a vendor that is not there.
func TestALabelIsInTheOutboxAsItIsOrNotAtAll(t *testing.T) {
	t.Parallel()
	r := newPluggedScanner(t)
	key := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(key, []byte("a-key-of-a-test\n"), 0o600))
	data := t.TempDir()
	head, _, _ := strings.Cut(scansConfig, "[[on]]")
	config := writeConfig(t, head+`[[on]]
event = "hand.scan"
gs1   = ["01", "310"]
do    = [{ lagerkoll = "article.trace", order = "1", article = "{gs1.01}", batch = "W", amount = "{gs1.310}" }]

[[on]]
event = "hand.scan"
gs1   = ["01", "10"]
do    = [{ lagerkoll = "article.trace", order = "1", article = "{gtin13}", batch = "{gs1.10}", amount = "1" }]

[[on]]
event = "hand.scan"
match = '^PO(?P<order>.+)$'
do    = [{ lagerkoll = "order.start", order = "{order}" }]
`, data, key, key, r.Link)
	station := startConsole(t, "run", "--config", config)
	station.expect("scanner ready")
	for _, scan := range []string{
		"]C101095060001343523103001250",          // a weight
		"]C1010950600013435210AB-12Alt029210042", // a separator that is text
		"]C101095060001343521700000010AB-12",     // a date that is none, and not used
		"]C0PO47\t11",                            // a Tab in an order's number
		"]Q1PO\x8347",                            // bytes that are no text
		"]A1PO12008",                             // a wrong check character
		"]E02012345012349",                       // a scale's number
		"]C0THE-LAST",                            // nobody knows it
	} {
		must(t, r.Scan(scan))
	}
	must(t, demo.Until(t.Context(), "the last scan is kept", func() bool {
		return strings.Contains(outboxShows(t, config), "THE-LAST")
	}))
	shown := outboxShows(t, config)
	station.send(ctrlC)
	station.expectExit(0)
	if n := strings.Count(shown, "article.trace"); n != 2 {
		t.Errorf("%d traces wait, want 2:\n%s", n, shown)
	}
	for _, want := range []string{`"amount":"1.250"`, `"batch":"AB-12"`, `"article":"9506000134352"`} {
		if !strings.Contains(shown, want) {
			t.Errorf("the outbox has no %s:\n%s", want, shown)
		}
	}
	if strings.Contains(shown, "order.start") {
		t.Errorf("an order was started:\n%s", shown)
	}
}

// outboxShows is what the command line shows of the outbox, without blanks.
func outboxShows(t *testing.T, config string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := command(t.Context(), []string{"outbox", "ls", "--json", "--config", config}, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("outbox ls ends with %d: %s", code, errs.String())
	}
	return strings.ReplaceAll(out.String(), " ", "")
}

// A pack of the automotive world has a label for each thing it says. They are scanned one
// after the other, in any order, and are one trace.
func TestSeveralLabelsOfOnePackAreOneTrace(t *testing.T) {
	t.Parallel()
	r := newPluggedScanner(t)
	key := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(key, []byte("a-key-of-a-test\n"), 0o600))
	head, _, _ := strings.Cut(scansConfig, "[[on]]")
	config := writeConfig(t, head+`[[on]]
event = "hand.scan"
di    = ["P"]
set   = { part = "{di.P}" }

[[on]]
event = "hand.scan"
di    = ["Q"]
set   = { quantity = "{di.Q}" }

[[on]]
event  = "hand.scan"
di     = ["3S"]
append = { packs = "{di.3S}" }

[[on]]
event = "hand.scan"
di    = ["1T"]
needs = ["part", "quantity", "packs"]
do    = [{ lagerkoll = "article.trace", order = "1", article = "{part}", batch = "{di.1T}", amount = "{quantity}", parts = [{ article = "{packs}", amount = "1" }] }]
clear = ["part", "quantity", "packs"]
`, t.TempDir(), key, key, r.Link)
	station := startConsole(t, "run", "--config", config)
	station.expect("scanner ready")
	for _, scan := range []string{"]A0Q500", "]C03SPACK-1", "]A0PA1234-5", "]C03SPACK-2", "]A01TLOT7"} {
		must(t, r.Scan(scan))
	}
	must(t, demo.Until(t.Context(), "the trace waits", func() bool {
		return strings.Contains(outboxShows(t, config), "article.trace")
	}))
	shown := outboxShows(t, config)
	station.send(ctrlC)
	station.expectExit(0)
	for _, want := range []string{`"article":"A1234-5"`, `"amount":"500"`, `"batch":"LOT7"`, "PACK-1", "PACK-2"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the outbox has no %s:\n%s", want, shown)
		}
	}
	if n := strings.Count(shown, `"verb":"article.trace"`); n > 1 {
		t.Errorf("%d traces wait:\n%s", n, shown)
	}
}
