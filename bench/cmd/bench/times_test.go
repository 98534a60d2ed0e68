package main

import (
	"testing"
	"time"
)

func TestTheSoonestScanThatIsTakenIsFound(t *testing.T) {
	t.Parallel()
	const open, way = 137 * time.Millisecond, 4 * time.Millisecond
	for sentence, between := range map[string][2]time.Duration{
		"nothing is known of it":                {0, 50 * time.Millisecond},
		"it is somewhere between":               {100 * time.Millisecond, 150 * time.Millisecond},
		"both are too early":                    {0, time.Millisecond},
		"both are late":                         {130 * time.Millisecond, 400 * time.Millisecond},
		"even the earlier one would be in time": {140 * time.Millisecond, 150 * time.Millisecond},
	} {
		tries := 0
		came, err := soonest(func(wait time.Duration) (time.Duration, bool, error) {
			tries++
			return wait + way, wait >= open, nil
		}, between[0], between[1], startGrain)
		if soonest := max(open, between[0]) + way; err != nil || came < soonest || came > soonest+startGrain {
			t.Errorf("%s: %v, %v, want %v", sentence, came, err, soonest)
		}
		if tries > 20 {
			t.Errorf("%s: it takes %d starts", sentence, tries)
		}
	}
}
