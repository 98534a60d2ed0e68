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

func TestWhatABenchmarkReportsIsRead(t *testing.T) {
	t.Parallel()
	const said = `goos: linux
BenchmarkWhatARelayAdds-2   	     200	   5167480 ns/op	         0.9130 added-ms	         1.502 direct-ms	         2.426 relay-ms
BenchmarkWhatARelayAdds-2   	     200	   5167480 ns/op	        -0.05 added-ms	         1.502 direct-ms	         2.426 relay-ms
PASS
`
	got, err := metrics(said, "added-ms")
	if err != nil || len(got) != 2 || got[0] != 0.913 || got[1] != -0.05 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := metrics("testing: warning: no tests to run\nPASS\n", "added-ms"); err == nil {
		t.Errorf("where nothing was reported it is %v", got)
	}
}
