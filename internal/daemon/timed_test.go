package daemon

import (
	"testing"

	"stationd/internal/clock"
	"stationd/internal/metrics"
	"stationd/internal/station"
)

// timedBase is enough of a station to time what its inputs record.
func timedBase(t testing.TB) base {
	t.Helper()
	c, err := clock.New()
	if err != nil {
		t.Fatal(err)
	}
	return base{clock: c, timings: metrics.NewTimings(nil)}
}

func recordNothing([]station.Emitted) {}

func TestTimingOnTheWayToTheDiskAllocatesNothing(t *testing.T) { // not beside others: they allocate
	b := timedBase(t)
	record := b.timed(metrics.Buttons, recordNothing)
	all := []station.Emitted{{Event: station.Event{At: station.Stamp{Up: b.clock.SinceBoot()}}}}
	if n := testing.AllocsPerRun(1000, func() { record(all) }); n != 0 {
		t.Errorf("it allocates %v times", n)
	}
}

// BenchmarkTimed is what timing adds to a record, which costs a commit: some 2 ms on an SSD.
func BenchmarkTimed(b *testing.B) {
	s := timedBase(b)
	record := s.timed(metrics.Buttons, recordNothing)
	all := []station.Emitted{{Event: station.Event{At: station.Stamp{Up: s.clock.SinceBoot()}}}}
	for b.Loop() {
		record(all)
	}
}
