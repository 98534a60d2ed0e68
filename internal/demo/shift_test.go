package demo

import (
	"strings"
	"testing"
	"time"
)

func TestTheReportOfAShift(t *testing.T) {
	t.Parallel()
	six := time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)
	opened := Effect{lane: "SEAL-1", text: "MAINT open", Time: six}
	closed := Effect{lane: "SEAL-1", text: "MAINT closed"}
	trace := Effect{lane: "4711", text: "soup B7/0001"}
	deeds := []step{
		{at: six, text: "presses maintenance", expected: &opened},
		{at: six.Add(time.Second), text: "scans soup", expected: &trace},
		{at: six.Add(time.Minute), text: "holds maintenance", expected: &closed},
	}
	late, about := opened, opened
	late.Time = six.Add(2 * time.Second)
	about.Time, about.Approximate = six.Add(-50*time.Second), true
	for name, c := range map[string]struct {
		facts []Effect
		wrong []string // in the rows, in order
	}{
		"both sides agree":                                     {[]Effect{opened, trace, closed}, nil},
		"no order is promised between lanes":                   {[]Effect{trace, opened, closed}, nil},
		"a time to the minute agrees with one in that minute":  {[]Effect{about, trace, closed}, nil},
		"what never arrived is missed":                         {[]Effect{opened, closed}, []string{"there is no 4711: soup B7/0001"}},
		"what took effect twice stands at the end":             {[]Effect{opened, trace, trace, closed}, []string{"nobody did this, or it took effect twice"}},
		"what nobody did stands at the end":                    {[]Effect{opened, trace, closed, {lane: "4712", text: "stew"}}, []string{"nobody did this"}},
		"what came out of turn in its lane is said to have":    {[]Effect{closed, opened, trace}, []string{"out of order"}},
		"a time that is off by more than a second is not true": {[]Effect{late, trace, closed}, []string{"it happened at 06:00:00"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var wrong []string
			for _, r := range compare(deeds, c.facts, time.UTC) {
				if r.problem != "" {
					wrong = append(wrong, r.problem)
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
