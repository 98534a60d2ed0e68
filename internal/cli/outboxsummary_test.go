package cli

import (
	"testing"
)

func TestTheSummaryInWords(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]summary{
		"nothing waits":                       {},
		"12 entries wait, 1 is held":          {Waiting: 12, Held: 1},
		"1 entry waits, 2 are held":           {Waiting: 1, Held: 2},
		"1 entry is held":                     {Held: 1},
		"2 entries are held":                  {Held: 2},
		"1 unknown scan or notice is kept":    {Kept: 1},
		"3 unknown scans or notices are kept": {Kept: 3},
	} {
		if got := s.String(); got != want {
			t.Errorf("%+v: %q", s, got)
		}
	}
}
