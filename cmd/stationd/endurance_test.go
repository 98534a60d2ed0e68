package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/station"
)

// What happens at a station in a quarter of an hour, taken generously. An hour has a
// scan every 20 seconds, eight calls, four outages, four lost keys that are put right
// by a reload, and a page that is open all the time, asked anew every minute; metrics
// are fetched every 15 seconds.
const (
	quarterScans   = 45
	quarterCalls   = 2
	quarterOffline = 5 // of the scans, while the network is down
	quarterLooks   = 15
	quarterScrapes = 60
)

// aShift is how long a station must run as it is on the first day.
const aShift = 40 // quarters: ten hours

// quarters is how many quarters of an hour are played. make endurance plays a shift,
// and make test enough of it to see what grows with each.
func quarters(t *testing.T) int {
	t.Helper()
	text := os.Getenv("STATIOND_HOURS")
	if text == "" {
		return 6
	}
	hours, err := strconv.Atoi(text)
	must(t, err)
	return 4 * hours
}

// A usage is what a process takes of the machine.
type usage struct {
	anonymous int // kB of memory that are its own
	files     int // open
	threads   int
	log       int64 // bytes written
	outbox    int64 // bytes of the file
	commits   int64 // that the file has seen
}

// readUsage returns what the station's process takes while nothing is under way.
func readUsage(t *testing.T, b *demo.Simulation) (u usage) {
	t.Helper()
	pid := stationProcess(b).Pid
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		switch name {
		case "RssAnon":
			u.anonymous = n
		case "Threads":
			u.threads = n
		}
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	must(t, err)
	u.files = len(open)
	for path, size := range map[string]*int64{b.LogPath(): &u.log, b.OutboxPath(): &u.outbox} {
		info, err := os.Stat(path)
		must(t, err)
		*size = info.Size()
	}
	u.commits = lastTransaction(t, b.OutboxPath())
	return u
}

// lastTransaction is the number of the last transaction, of which bbolt's two meta pages, in
// turn, have each the one before.
func lastTransaction(t *testing.T, path string) (last int64) {
	t.Helper()
	const page, number = 4096, 64
	file, err := os.Open(path)
	must(t, err)
	defer file.Close()
	for at := range int64(2) {
		var raw [8]byte
		_, err := file.ReadAt(raw[:], at*page+number)
		must(t, err)
		last = max(last, int64(binary.NativeEndian.Uint64(raw[:]))) //nolint:gosec // a file has not lived that long
	}
	return last
}

// countGoroutines ends the station by the signal that has it tell where each of them
// stands, and counts them.
func countGoroutines(t *testing.T, b *demo.Simulation) int {
	t.Helper()
	c := b.Process()
	before, err := os.ReadFile(b.LogPath())
	must(t, err)
	must(t, c.Cmd.Process.Signal(syscall.SIGQUIT))
	must(t, demo.Until(t.Context(), "the station has ended", c.Ended))
	all, err := os.ReadFile(b.LogPath())
	must(t, err)
	n := bytes.Count(all[len(before):], []byte("\ngoroutine "))
	if n == 0 {
		t.Errorf("the station did not say where it stood:\n%s", b.Log.Tail())
	}
	return n
}

// unitEnvironment is what the unit puts into the station's environment.
func unitEnvironment(t *testing.T) (env []string) {
	t.Helper()
	for line := range strings.Lines(deployed(t, "stationd.service")) {
		if value, is := strings.CutPrefix(strings.TrimSpace(line), "Environment="); is {
			env = append(env, value)
		}
	}
	return env
}

// TestAShiftLeavesTheStationAsItWas plays a shift as fast as the station takes it: the
// scans, calls, outages, reloads and looks of ten hours, and none of the waiting between
// them. The process, its outbox, its serial line and its service manager with the unit's
// watchdog are real. What grows by the hour and not by what happens is not seen here:
// the time between two looks at the vendor, the settle time and the growing distances
// of an outage are short, and the history has one day.
func TestAShiftLeavesTheStationAsItWas(t *testing.T) {
	t.Parallel()
	n := quarters(t)
	if n < aShift {
		t.Logf("%d quarters of an hour are played; a shift of ten hours was NOT proved here: make endurance", n)
	}
	b := startStation(t, func(s *demo.Config) {
		s.Command = append(append([]string{"env", "GOTRACEBACK=all"}, unitEnvironment(t)...), s.Command...)
		s.Watch = 500 * time.Millisecond // twice in ten hours of the default for each of ours
		for id := range int64(n + 2) {
			s.Plant.Orders = append(s.Plant.Orders, plant.Order{ID: 6000 + id, State: plant.StateDeveloping,
				Articles: []plant.OrderArticle{{Article: demo.Soup, Amount: 1_000_000}}})
		}
	})
	day := &shiftDay{b: b, unknown: "7310865004703"}
	day.quarter(t)
	day.quarter(t)
	fresh := countGoroutines(t, b)
	began, err := os.Stat(b.LogPath())
	must(t, err)
	must(t, b.Power(t.Context(), true))
	started := stationProcess(b).Pid
	page := watchPage(t, b)

	var seen []usage
	for q := range n {
		day.quarter(t)
		u := readUsage(t, b)
		u.log -= began.Size()
		seen = append(seen, u)
		if (q+1)%4 == 0 {
			t.Logf("hour %2d: %5d kB anonymous, %2d files, %2d threads, %7d bytes of log, %6d commits", (q+1)/4, u.anonymous, u.files, u.threads, u.log, u.commits)
		}
	}
	looked := page()
	if pid := stationProcess(b).Pid; pid != started {
		t.Errorf("process %d was started, and %d runs", started, pid)
	}
	after := countGoroutines(t, b)
	must(t, b.Power(t.Context(), true))
	must(t, b.WaitDelivered(t.Context()))

	// The first third is for caches, pools and the heap's own size to settle.
	settled, last := seen[n/3:2*n/3], seen[2*n/3:]
	before, now := maximumUsage(settled), maximumUsage(last)
	t.Logf("%d quarters: %d scans, %d calls, %d outages, %d keys; %d events on the page; goroutines %d and at the end %d; %+v, at the end %+v",
		n, day.scans, day.calls, day.outages, day.keys, looked, fresh, after, before, now)
	// The race detector, which the test's own program has, remembers more with time.
	grows := 25
	if os.Getenv("STATIOND_BINARY") != "" {
		grows = 10
	}
	if now.anonymous > before.anonymous*(100+grows)/100+2048 {
		t.Errorf("memory grows: %d kB, and in the last third %d kB", before.anonymous, now.anonymous)
	}
	if now.files > before.files+2 || now.threads > before.threads+4 {
		t.Errorf("files or threads grow: %d and %d, and in the last third %d and %d", before.files, before.threads, now.files, now.threads)
	}
	if after > fresh+4 {
		t.Errorf("goroutines grow: %d after half an hour, %d at the end", fresh, after)
	}
	if now.outbox != seen[0].outbox {
		t.Errorf("the outbox file grows: %d bytes, then %d", seen[0].outbox, now.outbox)
	}
	if most := int64(n) * (1 << 20) / aShift; now.log > most {
		t.Errorf("the log has %d bytes; a shift may have one MiB, and so much of one %d", now.log, most)
	}
	day.check(t)
}

func maximumUsage(of []usage) (m usage) {
	for _, u := range of {
		m.anonymous, m.files, m.threads = max(m.anonymous, u.anonymous), max(m.files, u.files), max(m.threads, u.threads)
		m.log, m.outbox, m.commits = max(m.log, u.log), max(m.outbox, u.outbox), max(m.commits, u.commits)
	}
	return m
}

// watchPage has the page open, as the screen beside the station has, until the returned
// function ends it and says how often it was told something.
func watchPage(t *testing.T, b *demo.Simulation) func() int {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.Log.PageURL()+"events", nil)
	must(t, err)
	answer, err := http.DefaultClient.Do(request)
	must(t, err)
	told := 0
	var reading sync.WaitGroup
	reading.Go(func() {
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "data") {
				told++
			}
		}
	})
	return func() int {
		end()
		reading.Wait()
		_ = answer.Body.Close()
		if told == 0 {
			t.Error("the open page was told nothing")
		}
		return told
	}
}

// A shiftDay is what was done, and what the plant must have seen of it.
type shiftDay struct {
	b                                     *demo.Simulation
	quarters, scans, calls, outages, keys int
	unknown                               string
}

// quarter plays a quarter of an hour and returns when nothing is under way.
func (d *shiftDay) quarter(t *testing.T) {
	t.Helper()
	b := d.b
	scanAndWait(t, b, fmt.Sprintf("PO%d", 6000+d.quarters))
	d.quarters++
	part := func() {
		t.Helper()
		d.scans++
		scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B7", Serial: fmt.Sprintf("E%05d", d.scans)}.Symbol())
	}
	for range quarterScans - quarterOffline {
		part()
	}
	for range quarterCalls {
		d.calls++
		for range 2 { // the button latches: it opens and closes
			d.press(t)
		}
	}

	d.outages++
	must(t, b.Cable(false))
	for range quarterOffline {
		part()
	}
	must(t, b.Cable(true))
	must(t, b.WaitDelivered(t.Context()))

	d.keys++
	b.Plant.AddFault(plant.Fault{Kind: plant.Unauthorized}) // reads as well, or it is not the key
	part()
	// Not by the log, in which a line that was written lately is only counted.
	healthy := func(what string, so func(station.Health) bool) {
		t.Helper()
		must(t, demo.Until(t.Context(), what, func() bool {
			s, err := b.Control().Snapshot(t.Context())
			return err == nil && so(s.Health)
		}))
	}
	healthy("the key is said to be wrong", func(h station.Health) bool { return h.Backends["lagerkoll"].Fault != "" })
	b.Plant.ClearFaults()
	must(t, stationProcess(b).Signal(syscall.SIGHUP))
	healthy("the key is right again", func(h station.Health) bool { return h.Backends["lagerkoll"].Fault == "" })
	must(t, b.WaitDelivered(t.Context()))

	b.Scanner.Unplug()
	healthy("the scanner is missed", func(h station.Health) bool { return h.Devices["hand"] != "" })
	must(t, b.Scanner.Plug())
	healthy("the scanner is read again", func(h station.Health) bool { return h.Devices["hand"] == "" })
	scanAndWait(t, b, d.unknown)
	d.dismissScan(t)

	for range quarterLooks {
		getText(t, http.DefaultClient, b.Log.PageURL())
	}
	for range quarterScrapes {
		getText(t, http.DefaultClient, b.Log.PageURL()+"metrics")
	}
	var out bytes.Buffer
	if code := command(t.Context(), []string{"outbox", "ls", "--config", b.ConfigPath()}, nil, &out, io.Discard); code != 0 {
		t.Errorf("outbox ls ended with %d", code)
	}
}

// press pushes the button that latches, and keeps it down until that is recorded: a busy
// machine may stand still for longer than a brief push takes.
func (d *shiftDay) press(t *testing.T) {
	t.Helper()
	waitRecorded(t, d.b, "material.press", func() {
		d.b.Press(demo.PinMaterial)
		<-time.After(demo.PressTime)
	})
	d.b.Release(demo.PinMaterial)
	<-time.After(3 * demo.ReleaseTime)
}

// dismissScan dismisses the unknown scan.
func (d *shiftDay) dismissScan(t *testing.T) {
	t.Helper()
	must(t, demo.Until(t.Context(), "the unknown scan is put away", func() bool {
		c, err := d.b.Contents(t.Context())
		if err != nil {
			return false
		}
		for _, ev := range c.Kept {
			if err := decideOne(t.Context(), d.b, station.VerbDiscard, ev.ID); err != nil {
				return false
			}
		}
		return len(c.Kept) == 0
	}))
}

// check compares what was done with what the plant saw.
func (d *shiftDay) check(t *testing.T) {
	t.Helper()
	seen := make(map[string]int)
	for _, tr := range d.b.Plant.Traces() {
		seen[tr.Serial]++
	}
	for n := range d.scans {
		if serial := fmt.Sprintf("E%05d", n+1); seen[serial] != 1 {
			t.Errorf("%s is at the plant %d times", serial, seen[serial])
		}
	}
	opened := 0
	for _, call := range d.b.Plant.Dispatches() {
		if call.Type == "MATERIAL" {
			opened++
			if call.Open() {
				t.Errorf("dispatch %d is open still", call.ID)
			}
		}
	}
	if opened != d.calls {
		t.Errorf("%d calls came to %d dispatches", d.calls, opened)
	}
	c, err := d.b.Contents(t.Context())
	must(t, err)
	if len(c.Entries)+len(c.Kept) > 0 {
		t.Errorf("left in the outbox: %+v", c)
	}
}
