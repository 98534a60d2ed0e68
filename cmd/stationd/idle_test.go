package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stationd/internal/demo"
)

// switches returns how often a process has given up the processor of its own accord, all
// its threads together: each wake-up ends in one.
//
//	/proc/PID/task/TID/status  voluntary_ctxt_switches:	1234
func switches(t *testing.T, pid int) (all int) {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	must(t, err)
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			continue // it has just ended
		}
		_, rest, _ := strings.Cut(string(text), "\nvoluntary_ctxt_switches:")
		n := 0
		if _, err := fmt.Sscan(rest, &n); err != nil {
			t.Fatal(err)
		}
		all += n
	}
	return all
}

// A station that nobody uses leaves the processor alone: a scanner is waited for and not asked
// again and again, and what looks now and then does so at the same moments. It was 157 switches
// a second when the scanner was asked, and 30 with a look each second; now it is 4 to 12, of which
// the Go runtime makes some for each time that it is woken, the more the busier the machine is.
func TestAStationThatNobodyUsesWakesItsProcessorSeldom(t *testing.T) {
	b := startStation(t, nil)
	pid := b.Process().Cmd.Process.Pid
	const looked, most = 5, 20 // seconds, switches in each
	var last int
	must(t, demo.Until(t.Context(), "it is seldom", func() bool {
		before := switches(t, pid)
		idle(t.Context(), looked*time.Second)
		last = (switches(t, pid) - before) / looked
		return last <= most
	}))
	t.Logf("%d switches a second", last)
}
