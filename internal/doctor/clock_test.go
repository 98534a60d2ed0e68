package doctor

import (
	"strings"
	"testing"
	"time"

	"stationd/internal/plan"
)

// Doctor judges what the service sees: its unit may hide what this process can see.
func TestDoctorSaysWhatTheRunningStationKnowsOfTheClock(t *testing.T) {
	t.Parallel()
	for _, trusted := range []bool{true, false} {
		d := &doctor{plan: &plan.Plan{Zone: time.UTC}, running: true}
		d.snapshot.Health.Clock = trusted
		f := d.checkClock(t.Context())
		if trusted && f.Verdict != OK || !trusted && f.Verdict == OK {
			t.Errorf("the station trusts its clock: %v; doctor says %s: %s", trusted, f.Verdict, f.Found)
		}
	}
	d := &doctor{plan: &plan.Plan{Zone: time.UTC}}
	if f := d.checkClock(t.Context()); !strings.Contains(f.Found, "as doctor itself sees it") {
		t.Errorf("no station runs, and doctor says: %s", f.Found)
	}
}
