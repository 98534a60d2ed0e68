package metrics

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// This file adds how the process and the machine are. The names of the process's figures are
// those that every Prometheus library uses.

// build adds which program this is.
func (n writer) build(version, commit string) {
	n.gauge("stationd_build_info", "1, with what the program was built from.", 1,
		"version", version, "commit", commit, "goversion", runtime.Version(), "arch", runtime.GOARCH)
	n.gauge("go_info", "1, with the version of Go.", 1, "version", runtime.Version())
}

// process adds what this process takes.
func (n writer) process(started time.Time) {
	if !started.IsZero() {
		at := time.Now().Add(-time.Since(started)) // by the clock as it is now: it may have been set since
		n.gauge("process_start_time_seconds", "When the process started, by the clock as it is now.", float64(at.UnixMilli())/1000)
	}
	var used unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &used) == nil {
		spent := time.Duration(used.Utime.Nano() + used.Stime.Nano())
		n.counter("process_cpu_seconds_total", "Processor time that the process has used.", spent.Seconds())
	}
	if fields := strings.Fields(string(firstBytes("/proc/self/statm"))); len(fields) > 1 {
		if pages, err := strconv.ParseUint(fields[1], 10, 64); err == nil {
			n.gauge("process_resident_memory_bytes", "Memory of the process that is in use.", float64(pages)*float64(os.Getpagesize()))
		}
	}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		n.gauge("process_open_fds", "Files and sockets that the process has open.", float64(len(open)))
	}
	var most unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &most) == nil {
		n.gauge("process_max_fds", "Files and sockets that the process may have open.", float64(most.Cur))
	}
	n.gauge("go_goroutines", "Goroutines that there are.", float64(runtime.NumGoroutine()))
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"}}
	metrics.Read(samples)
	for i, as := range []struct{ name, help string }{
		{"go_memstats_heap_alloc_bytes", "Memory in use by objects of the program."},
		{"go_memstats_sys_bytes", "Memory that the program has from the system."},
	} {
		if samples[i].Value.Kind() == metrics.KindUint64 {
			n.gauge(as.name, as.help, float64(samples[i].Value.Uint64()))
		}
	}
}

// A machine is the computer under the station, as its kernel shows it.
type machine struct{ root string } // where its files are; a test has some of its own

// mostFigure is how many bytes of a kernel's file are read: each is one figure or name.
const mostFigure = 4096

func firstBytes(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	text := make([]byte, mostFigure)
	n, _ := f.Read(text) // nothing is no figure
	return bytes.TrimSpace(text[:n])
}

// figure reads a file that holds one number.
func figure(path string) (value float64, there bool) {
	value, err := strconv.ParseFloat(string(firstBytes(path)), 64)
	return value, err == nil
}

// figures adds how the clock, the card and the processor are. What a machine does not show is
// left out.
func (m machine) figures(n writer, data string) {
	m.clock(n)
	m.card(n, data)
	zones, _ := filepath.Glob(filepath.Join(m.root, "sys/class/thermal/thermal_zone*")) // the pattern is right
	for _, zone := range zones {
		if milli, there := figure(filepath.Join(zone, "temp")); there {
			n.gauge("stationd_temperature_celsius", "Temperature of a part of the machine.", milli/1000,
				"zone", filepath.Base(zone), "type", string(firstBytes(filepath.Join(zone, "type"))))
		}
	}
	watched, _ := filepath.Glob(filepath.Join(m.root, "sys/class/hwmon/hwmon*")) // likewise
	for _, dir := range watched {
		if string(firstBytes(filepath.Join(dir, "name"))) != "rpi_volt" {
			continue
		}
		if low, there := figure(filepath.Join(dir, "in0_lcrit_alarm")); there {
			n.gauge("stationd_undervoltage", "1 when the board's supply has been too low.", oneIf(low != 0))
		}
	}
}

// clock adds what the kernel knows of its clock: adjtimex(2).
func (m machine) clock(n writer) {
	var t unix.Timex // no modes: it changes nothing
	if _, err := unix.Adjtimex(&t); err != nil {
		return
	}
	unit := 1e-6
	if t.Status&unix.STA_NANO != 0 {
		unit = 1e-9
	}
	n.gauge("stationd_clock_offset_seconds", "What the kernel still corrects of the clock.", float64(t.Offset)*unit)
	n.gauge("stationd_clock_error_seconds", "How wrong the clock may be by the kernel's estimate.", float64(t.Maxerror)*1e-6)
}

// card adds how the file system of the outbox is.
func (m machine) card(n writer, data string) {
	if data == "" {
		return
	}
	var disk unix.Statfs_t
	if unix.Statfs(data, &disk) == nil {
		size := float64(disk.Bsize)
		n.gauge("stationd_data_size_bytes", "Size of the file system that the outbox is on.", float64(disk.Blocks)*size)
		n.gauge("stationd_data_free_bytes", "What is free on the file system that the outbox is on.", float64(disk.Bavail)*size)
		n.gauge("stationd_data_read_only", "1 while the file system that the outbox is on is read-only.", oneIf(disk.Flags&unix.ST_RDONLY != 0))
	}
	var file unix.Stat_t
	if unix.Stat(data, &file) != nil {
		return
	}
	number := fmt.Sprintf("%d:%d", unix.Major(uint64(file.Dev)), unix.Minor(uint64(file.Dev))) //nolint:unconvert // its type differs between architectures
	device, err := os.Readlink(filepath.Join(m.root, "sys/dev/block", number))
	if err != nil {
		return // no disk of this machine's
	}
	if noted, there := figure(filepath.Join(m.root, "sys/fs/ext4", filepath.Base(device), "errors_count")); there {
		n.gauge("stationd_data_errors", "Errors that ext4 has noted on the file system that the outbox is on.", noted)
	}
}
