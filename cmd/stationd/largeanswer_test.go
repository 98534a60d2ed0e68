package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"stationd/internal/demo"
)

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
	b := newStation(t, nil)
	editConfig(t, b, b.Plant.L2LURL(), vendor.URL+"/api/1.0/")
	must(t, b.Power(t.Context(), true))
	pid := b.Process().Cmd.Process.Pid
	before := peakMemory(t, pid)
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, demo.Until(t.Context(), "the vendor was asked again", func() bool { return asked.Load() >= 3 }))
	must(t, demo.Until(t.Context(), "the station says that it cannot be read", func() bool {
		return strings.Contains(lastContact(t, b).Last, "the answer is longer than 2 MiB")
	}))
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	const room = 48 << 20 // a few answers at once, as they came; all of their rows are hundreds of megabytes
	if took := peakMemory(t, pid) - before; took > raced*room {
		t.Errorf("it took %d MB for what the vendor said", took>>20)
	}
}
