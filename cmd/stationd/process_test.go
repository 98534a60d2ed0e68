package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"stationd/internal/demo"
)

// A cost is what the station's process has taken so far.
type cost struct {
	processor time.Duration
	memory    int // kB that are its own
	peak      int // kB at most, with the file's pages that it has looked at
}

// processCost reads what the station's process has taken.
//
//	/proc/PID/stat    PID (stationd) S … utime stime …   in hundredths of a second
func processCost(t *testing.T, b *demo.Simulation) cost {
	t.Helper()
	pid := b.Process().Cmd.Process.Pid
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	must(t, err)
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	ticks := 0
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		must(t, err)
		ticks += n
	}
	return cost{processor: time.Duration(ticks) * 10 * time.Millisecond, memory: kilobytes(t, pid, "RssAnon"), peak: kilobytes(t, pid, "VmHWM")}
}

// kilobytes reads a line of what the kernel says of a process.
//
//	/proc/PID/status  VmHWM:   41236 kB
func kilobytes(t *testing.T, pid int, name string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	_, rest, _ := strings.Cut(string(status), "\n"+name+":")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	must(t, err)
	return n
}

// peakMemory is what the process has had in memory at most so far, in bytes.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	for line := range strings.Lines(string(status)) {
		if rest, is := strings.CutPrefix(line, "VmHWM:"); is {
			kilobytes, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			must(t, err)
			return kilobytes << 10
		}
	}
	t.Fatal("the kernel does not say how much memory it has had")
	return 0
}

// stationProcess returns the process of the station.
func stationProcess(b *demo.Simulation) *os.Process {
	return b.Process().Cmd.Process
}
