//go:build hil

package hil_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"stationd/hil"
	"stationd/internal/plant"
)

// TestFigures measures one station on the emulated board, by what it says of itself, and prints
// it as a line of docs/benchmarks.md. It fails only where there is nothing to measure: how long
// anything takes on an emulated processor says nothing of a real one but beside another line of
// the same run.
func TestFigures(t *testing.T) {
	for _, arch := range []hil.Arch{hil.ARM64, hil.ARMv6} {
		t.Run(string(arch), func(t *testing.T) {
			board := hil.Boot(t, hil.Setting{
				Arch:   arch,
				Config: withReaders,
				Plant:  openPlant(t).Addr(),
				Files:  map[string]string{"/etc/stationd/lagerkoll.key": plant.Demo().APIKey},
			})
			board.Network(false)
			board.Says("the station is ready", time.Minute)
			cold := armedAfter(t, board)
			board.Exec("killall -9 stationd")
			board.SaysTimes("the station is ready", 2, time.Minute)
			warm := armedAfter(t, board)
			resident := number(t, board, "process_resident_memory_bytes") / (1 << 20)

			board.Plug()
			board.Says("scanner ready", time.Minute)
			const scans = 20
			for i := range scans {
				board.Scan(fmt.Sprintf("PO%d\r", 4711+i))
				board.ScannerReceives(beep, 30*time.Second)
			}
			const took = "stationd_record_duration_seconds"
			if n := number(t, board, took+`_count{input="scanner"}`); n != scans {
				t.Fatalf("%v scans were recorded, want %d", n, scans)
			}
			record := number(t, board, took+`_sum{input="scanner"}`) / scans * 1000
			after := number(t, board, "process_resident_memory_bytes") / (1 << 20)
			t.Logf("\n| emulated board | exec to armed, first and second start | RSS armed, and after %d scans | end of a frame to the disk, mean |\n|---|---|---|---|\n| %s | %d ms, %d ms | %.1f MiB, %.1f MiB | %.1f ms |",
				scans, arch, cold.Milliseconds(), warm.Milliseconds(), resident, after, record)
		})
	}
}

// armedAfter is how long the process that runs now took from its start, which the kernel tells
// to a hundredth of a second, until it said that it was ready.
func armedAfter(t *testing.T, board *hil.Board) time.Duration {
	t.Helper()
	var ready time.Time
	for line := range strings.Lines(board.Console()) {
		// time=2026-03-02T06:00:04.123Z level=INFO msg="the station is ready" station=pack4-1
		_, said, _ := strings.Cut(line, "time=")
		at, said, _ := strings.Cut(said, " ")
		if when, err := time.Parse(time.RFC3339Nano, at); err == nil && strings.Contains(said, `msg="the station is ready"`) {
			ready = when
		}
	}
	if ready.IsZero() {
		t.Fatalf("the console does not say when the station was ready:\n%s", board.Console())
	}
	began := number(t, board, "process_start_time_seconds")
	return ready.Sub(time.UnixMilli(int64(began * 1000)))
}

// number is one of the station's metrics.
func number(t *testing.T, board *hil.Board, name string) float64 {
	t.Helper()
	for line := range strings.Lines(metrics(board)) {
		if text, found := strings.CutPrefix(line, name+" "); found {
			n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("there is no number %s", name)
	return 0
}
