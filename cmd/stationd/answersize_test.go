package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"stationd/internal/demo"
)

// mostMemory is what the process has had in memory at most so far, in bytes.
func mostMemory(t *testing.T, pid int) int {
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

// A vendor answers everything with eight megabytes of rows that are all valid. The station
// does not hold them all, says that the answer cannot be read, and records on.
func TestAnAnswerOfEightMegabytesOfRowsTakesNoStationAway(t *testing.T) {
	t.Parallel()
	row := `{"id":1},`
	answer := `{"success":true,"data":[` + strings.TrimSuffix(strings.Repeat(row, 8_000_000/len(row)), ",") + `]}`
	var asked atomic.Int64
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(vendor.Close)
	b := dark(t, nil)
	edit(t, b, b.Plant.L2LURL(), vendor.URL+"/api/1.0/")
	must(t, b.Power(t.Context(), true))
	pid := b.Process().Cmd.Process.Pid
	before := mostMemory(t, pid)
	recorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, demo.Until(t.Context(), "the vendor was asked again", func() bool { return asked.Load() >= 3 }))
	must(t, demo.Until(t.Context(), "the station says that it cannot be read", func() bool {
		return strings.Contains(lastSaid(t, b).Last, "the answer is longer than 2 MiB")
	}))
	recorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	const room = 48 << 20 // a few answers at once, as they came; all of their rows are hundreds of megabytes
	if took := mostMemory(t, pid) - before; took > raced*room {
		t.Errorf("it took %d MB for what the vendor said", took>>20)
	}
}
