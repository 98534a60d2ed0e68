package doctor

import (
	"strings"
	"testing"
)

func TestWhatSystemdSaysOfRestarts(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]Finding{
		"NRestarts=0\nResult=success\n":  {Verdict: OK, Found: "none"},
		"NRestarts=3\nResult=watchdog\n": {Verdict: Warning, Found: "3 times since the service was started, last after: watchdog"},
		"":                               {Verdict: Unknown},
	} {
		if got := judgeRestarts(said); got.Verdict != want.Verdict || !strings.Contains(got.Found, want.Found) {
			t.Errorf("%q: %+v", said, got)
		}
	}
}
