package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/station"
)

// loadTime is how long the load lasts in the tests; STATIOND_LOAD says otherwise, as
// make load does.
const loadTime = 5 * time.Second

// What a station has to bear at once, each second but for those that are open all the
// time.
const (
	loadScans       = 1000
	loadPresses     = 100 // on eight buttons
	loadPages       = 200
	loadConnections = 5000
	loadWaiting     = 50_000
	loadMemory      = 64 << 10 // kB of its own
)

// loadButtons are six more buttons of the station under load, each with a call of its own.
var loadButtons = []int{4, 5, 6, 12, 13, 16}

// underUnitLimits returns a command that runs another one with the memory (raced times it)
// and the number of processes that the unit allows, where this machine has control groups and the test
// is root's; else the command itself.
//
// Both versions of control groups are known, see cgroups(7).
func underUnitLimits(t *testing.T, command []string) []string {
	t.Helper()
	const tasks = "64"                        // TasksMax= of the unit
	memory := strconv.Itoa(raced * 256 << 20) // MemoryMax= of the unit
	group := fmt.Sprintf("stationd-load-%d", os.Getpid())
	kinds := [][]struct{ folder, file, limit string }{
		{{"/sys/fs/cgroup", "memory.max", memory}, {"/sys/fs/cgroup", "pids.max", tasks}},
		{{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", memory}, {"/sys/fs/cgroup/pids", "pids.max", tasks}},
	}
	for _, kind := range kinds {
		join, missing := "", false
		for _, c := range kind {
			folder := filepath.Join(c.folder, group)
			if err := os.Mkdir(folder, 0o755); err == nil {
				t.Cleanup(func() { _ = os.Remove(folder) }) // the kernel removes the files in it
			}
			if os.WriteFile(filepath.Join(folder, c.file), []byte(c.limit), 0) != nil {
				missing = true
				break
			}
			join += "echo $$ > " + filepath.Join(folder, "cgroup.procs") + " && "
		}
		if !missing {
			return append([]string{"/bin/sh", "-c", join + `exec "$@"`, "sh"}, command...)
		}
	}
	t.Log("NOT proved: that the unit's MemoryMax= and TasksMax= are enough. No control group can be made here (it takes root)")
	return command
}

// TestLoad has everything come at once, harder than any plant: scans, presses, pages,
// connections, a backlog, and a vendor that answers everything with 8 MiB. The station
// records all of it within the unit's limits, and a real call is out while the other
// vendor answers.
func TestLoad(t *testing.T) {
	lasts := loadTime
	waiting := loadWaiting / 10
	if text := os.Getenv("STATIOND_LOAD"); text != "" {
		var err error
		lasts, err = time.ParseDuration(text)
		must(t, err)
		waiting = loadWaiting
	}
	large := `{"data":[` + strings.TrimSuffix(strings.Repeat(`{"id":1},`, 8<<20/9), ",") + `]}`
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, large)
	}))
	t.Cleanup(vendor.Close)
	b := newStation(t, func(s *demo.Config) {
		s.Command = underUnitLimits(t, s.Command)
		s.Rate = "200/min"
		for i := range loadButtons {
			s.Plant.Types = append(s.Plant.Types, plant.DispatchType{Code: fmt.Sprintf("LOAD%d", i)})
		}
	})
	editConfig(t, b, b.Plant.LagerkollURL(), vendor.URL+"/v1/production_orders/")
	more := ""
	for i, pin := range loadButtons {
		more += fmt.Sprintf("[[button]]\nname = \"load%d\"\npin = %d\n[[on]]\nevent = \"load%d.press\"\ndo = [{ l2l = \"dispatch.open\", type = \"LOAD%d\", description = \"Load\" }]\n", i, pin, i, i)
	}
	editConfig(t, b, "[[lamp]]\nname = \"red\"", more+"[[lamp]]\nname = \"red\"")
	fillOutbox(t, b, waiting)
	before, err := os.Stat(b.OutboxPath())
	must(t, err)
	must(t, b.Power(t.Context(), true))
	pid := b.Process().Cmd.Process.Pid

	// Six calls are open before; the button that latches opens and closes its own for as
	// long as the load lasts.
	for i, pin := range loadButtons {
		b.Push(pin, demo.PressTime)
		must(t, demo.Until(t.Context(), "a call of the load is in L2L", func() bool { return openCall(b, fmt.Sprintf("LOAD%d", i)) }))
	}

	ctx, over := context.WithTimeout(t.Context(), lasts)
	defer over()
	var working sync.WaitGroup
	var scans, presses, pages, connections atomic.Int64
	working.Go(func() { scanAtRate(ctx, t, b, &scans) })
	working.Go(func() { pressAtRate(ctx, b, &presses) })
	address := strings.Trim(b.Log.PageURL(), "htp:/")
	for range loadPages {
		working.Go(func() {
			for ctx.Err() == nil { // one that is sent away comes again
				if readEvents(ctx, t, http.DefaultClient, b.Log.PageURL()) {
					pages.Add(1)
					<-ctx.Done()
				}
				idle(ctx, time.Second)
			}
		})
	}
	working.Go(func() { connectAtWill(ctx, address, &connections) })

	// The call of the person who needs help, again and again.
	calls, slowest := 0, time.Duration(0)
	for ctx.Err() == nil {
		pressed := time.Now()
		b.Push(demo.PinMaintenance, demo.PressTime)
		must(t, demo.Until(t.Context(), "the call is in L2L", func() bool { return openCall(b, "MAINT") }))
		slowest = max(slowest, time.Since(pressed))
		calls++
		must(t, demo.Until(t.Context(), "the red lamp is steady", func() bool {
			l, ok := b.Lamps.Light(demo.PinRed)
			return ok && l == station.Steady
		}))
		b.Push(demo.PinMaintenance, demo.HoldTime)
		must(t, demo.Until(t.Context(), "the call is closed in L2L", func() bool { return !openCall(b, "MAINT") }))
	}
	working.Wait()

	must(t, demo.Until(t.Context(), "every scan is recorded or refused aloud", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && int64(s.Counts.Events["hand.scan"]) >= scans.Load()
	}))
	if b.Process() == nil || b.Process().Cmd.Process.Pid != pid {
		t.Fatal("the station was ended")
	}
	own, peak := kilobytes(t, pid, "RssAnon"), kilobytes(t, pid, "VmHWM")
	log, err := os.Stat(b.LogPath())
	must(t, err)
	after, err := os.Stat(b.OutboxPath())
	must(t, err)
	t.Logf("%v with %d waiting: %d scans, %d presses, %d pages let in of %d, %d connections; %d calls, the slowest in L2L %v after its press; %d kB of its own (%d kB at most with the file's pages), log %d bytes",
		lasts, waiting, scans.Load(), presses.Load(), pages.Load(), loadPages, connections.Load(), calls, slowest.Round(time.Millisecond), own, peak, log.Size())
	if os.Getenv("STATIOND_LOAD") != "" && slowest > 2*time.Second {
		t.Errorf("a call was in L2L %v after its press, at most 2s", slowest)
	}
	if own > raced*loadMemory {
		t.Errorf("it has %d kB of its own, at most %d", own, raced*loadMemory)
	}
	if after.Size() != before.Size() || after.Sys().(*syscall.Stat_t).Blocks > before.Sys().(*syscall.Stat_t).Blocks+8 {
		t.Errorf("the outbox has grown from %d to %d bytes", before.Size(), after.Size())
	}
	if log.Size() > 10_000_000 {
		t.Errorf("it has written %d bytes of log, more than in a whole day", log.Size())
	}
	if calls == 0 || scans.Load() == 0 || presses.Load() == 0 || pages.Load() == 0 || connections.Load() == 0 {
		t.Error("there was no load")
	}
}

// openCall reports whether L2L has an open dispatch of a type.
func openCall(b *demo.Simulation, kind string) bool {
	for _, d := range b.Plant.Dispatches() {
		if d.Type == kind && d.Open() {
			return true
		}
	}
	return false
}

// scanAtRate scans codes that nobody knows, and now and then a part, until ctx is done. The
// line takes no more than the station reads.
func scanAtRate(ctx context.Context, t *testing.T, b *demo.Simulation, done *atomic.Int64) {
	line := b.Scanner.Line()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for range loadScans / 100 {
			n++
			if _, err := fmt.Fprintf(line, "load %d\r", n); err != nil {
				t.Error(err)
				return
			}
			done.Add(1)
		}
	}
}

// pressAtRate presses the eight buttons but the one that a person needs, until ctx is done.
func pressAtRate(ctx context.Context, b *demo.Simulation, done *atomic.Int64) {
	pins := append([]int{demo.PinMaterial}, loadButtons...)
	tick := time.NewTicker(time.Second / loadPresses * time.Duration(len(pins)) / 2)
	defer tick.Stop()
	for down := false; ; down = !down {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, pin := range pins {
			if down {
				b.Release(pin)
				continue
			}
			b.Press(pin)
			done.Add(1)
		}
	}
}

// connectAtWill opens connections and keeps the last of them, until ctx is done.
func connectAtWill(ctx context.Context, address string, done *atomic.Int64) {
	const kept = 500
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for ctx.Err() == nil && done.Load() < loadConnections {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			idle(ctx, 10*time.Millisecond)
			continue
		}
		done.Add(1)
		if open = append(open, c); len(open) > kept {
			open[0].Close()
			open = open[1:]
		}
	}
}

// idle waits, unless ctx is done before.
func idle(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
