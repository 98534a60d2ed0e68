package main

import (
	"os/exec"
	"testing"
	"time"
)

// BenchmarkStart is what a start takes from its exec until the station records (armed), and what
// of it each process takes to be there at all: that of the command that does least, and that of
// the one that looks at the outbox. The medians are of the processes, on the same computer.
func BenchmarkStart(b *testing.B) {
	on := newStation(b, nil)
	must(b, on.Power(b.Context(), true))
	must(b, on.Kill())
	run := func(args ...string) time.Duration {
		began := time.Now()
		must(b, exec.CommandContext(b.Context(), on.Command[0], args...).Run())
		return time.Since(began)
	}
	var ready, process, look []time.Duration
	for b.Loop() {
		process = append(process, run("version"))
		look = append(look, run("outbox", "verify", "--file", on.OutboxPath(), "--quick"))
		began := time.Now()
		c, err := on.Launch(b.Context())
		must(b, err)
		for on.NotifyCount(c, "READY=1") == 0 {
			if c.Ended() || b.Context().Err() != nil {
				b.Fatalf("the station ended at its start: %s", on.Log.Tail())
			}
			idle(b.Context(), 100*time.Microsecond)
		}
		ready = append(ready, time.Since(began))
		must(b, on.Kill())
	}
	for name, all := range map[string][]time.Duration{"exec-to-armed-ms": ready, "exec-to-version-ms": process, "look-ms": look} {
		b.ReportMetric(float64(median(all).Microseconds())/1000, name)
	}
}
