package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"stationd/internal/plant"
)

func TestAShift(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a whole shift was NOT proved: it takes half a minute")
	}
	binary, err := exec.LookPath("stationd") // the test binary itself, see TestMain
	must(t, err)
	dir, err := os.MkdirTemp("", "stationd-shift-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	var out strings.Builder
	err = playShift(t.Context(), boxSetting{Dir: dir, Command: []string{binary}, Plant: plant.Demo()}, &out)
	t.Logf("\n%s", &out)
	if err != nil {
		t.Fatalf("what the operator did and what the plant saw differ: %v", err)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 100 {
			t.Errorf("a line of %d characters does not fit into 100 columns: %s", n, line)
		}
	}
}

func TestTheReportOfAShift(t *testing.T) {
	t.Parallel()
	six := time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)
	opened := fact{lane: "SEAL-1", text: "MAINT open", told: six}
	closed := fact{lane: "SEAL-1", text: "MAINT closed"}
	trace := fact{lane: "4711", text: "soup B7/0001"}
	deeds := []deed{
		{at: six, text: "presses maintenance", comes: &opened},
		{at: six.Add(time.Second), text: "scans soup", comes: &trace},
		{at: six.Add(time.Minute), text: "holds maintenance", comes: &closed},
	}
	late, about := opened, opened
	late.told = six.Add(2 * time.Second)
	about.told, about.hazy = six.Add(-50*time.Second), true
	for name, c := range map[string]struct {
		facts []fact
		wrong []string // in the rows, in order
	}{
		"both sides agree":                                     {[]fact{opened, trace, closed}, nil},
		"no order is promised between lanes":                   {[]fact{trace, opened, closed}, nil},
		"a time to the minute agrees with one in that minute":  {[]fact{about, trace, closed}, nil},
		"what never arrived is missed":                         {[]fact{opened, closed}, []string{"there is no 4711: soup B7/0001"}},
		"what took effect twice stands at the end":             {[]fact{opened, trace, trace, closed}, []string{"nobody did this, or it took effect twice"}},
		"what nobody did stands at the end":                    {[]fact{opened, trace, closed, {lane: "4712", text: "stew"}}, []string{"nobody did this"}},
		"what came out of turn in its lane is said to have":    {[]fact{closed, opened, trace}, []string{"out of turn"}},
		"a time that is off by more than a second is not true": {[]fact{late, trace, closed}, []string{"it happened at 06:00:00"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var wrong []string
			for _, r := range compare(deeds, c.facts, time.UTC) {
				if r.wrong != "" {
					wrong = append(wrong, r.wrong)
				}
			}
			if len(wrong) != len(c.wrong) {
				t.Fatalf("it differs in %q, want %q", wrong, c.wrong)
			}
			for i := range wrong {
				if !strings.Contains(wrong[i], c.wrong[i]) {
					t.Errorf("it says %q, want %q", wrong[i], c.wrong[i])
				}
			}
		})
	}
}
