package main

import (
	"fmt"
	"os/exec"
	"testing"
	"time"

	"stationd/internal/demo"
)

// BenchmarkStart is what a start takes from its exec until the station records (armed) and until the
// first scan has arrived while somebody scans every 30 ms, and what of it each process takes to be
// there at all: that of the command that does least, and that of the one that looks at the outbox.
// The medians are of the processes, on the same computer.
func BenchmarkStart(b *testing.B) {
	on := newStation(b, nil)
	must(b, on.Power(b.Context(), true))
	waitRecorded(b, on, "hand.scan", func() { must(b, on.Scan("PO4711")) })
	must(b, on.Kill())
	run := func(args ...string) time.Duration {
		began := time.Now()
		must(b, exec.CommandContext(b.Context(), on.Command[0], args...).Run())
		return time.Since(began)
	}
	var ready, first, process, look []time.Duration
	scans := 0
	for b.Loop() {
		process = append(process, run("version"))
		look = append(look, run("outbox", "verify", "--file", on.OutboxPath(), "--quick"))
		began := time.Now()
		c, err := on.Launch(b.Context())
		must(b, err)
		arrived := len(on.Plant.Traces())
		for armed, came, next := false, false, began; !armed || !came; idle(b.Context(), 100*time.Microsecond) {
			if c.Ended() || b.Context().Err() != nil {
				b.Fatalf("the station ended at its start: %s", on.Log.Tail())
			}
			if !came && !time.Now().Before(next) {
				scans++
				next = next.Add(30 * time.Millisecond)
				must(b, on.Scanner.Scan(demo.Part{Article: demo.Soup, Batch: "B7", Serial: fmt.Sprintf("S%06d", scans)}.Symbol()))
			}
			if !armed && on.NotifyCount(c, "READY=1") > 0 {
				armed, ready = true, append(ready, time.Since(began))
			}
			if !came && len(on.Plant.Traces()) > arrived {
				came, first = true, append(first, time.Since(began))
			}
		}
		must(b, on.Kill())
	}
	for name, all := range map[string][]time.Duration{"exec-to-armed-ms": ready, "exec-to-first-scan-ms": first, "exec-to-version-ms": process, "look-ms": look} {
		b.ReportMetric(float64(median(all).Microseconds())/1000, name)
	}
}
