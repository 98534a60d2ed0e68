package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stationd/internal/demo"
)

// A cost is what the station's process has taken so far.
type cost struct {
	processor time.Duration
	memory    int // kB that are its own
	peak      int // kB at most, with the file's pages that it has looked at
}

// costOf reads what the station's process has taken.
//
//	/proc/PID/stat    PID (stationd) S … utime stime …   in hundredths of a second
func costOf(b *demo.Simulation, t *testing.T) cost {
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

// listing runs a command, and returns how many lines it writes and how much memory it
// took at one time. The pipe that it writes to is so small that it is never done before
// that has been read.
func listing(t *testing.T, args []string) (lines, peak int) {
	t.Helper()
	out, in, err := os.Pipe()
	must(t, err)
	defer out.Close()
	_, err = unix.FcntlInt(in.Fd(), unix.F_SETPIPE_SZ, 4096)
	must(t, err)
	c := exec.CommandContext(t.Context(), "stationd", args...)
	c.Stdout, c.Stderr = in, os.Stderr
	must(t, c.Start())
	in.Close()
	page := make([]byte, 4096)
	for reads := 0; ; reads++ {
		n, err := out.Read(page)
		if n == len(page) && reads%100 == 0 { // it has more to write
			peak = max(peak, kilobytes(t, c.Process.Pid, "VmHWM"))
		}
		lines += bytes.Count(page[:n], []byte("\n"))
		if err != nil {
			break
		}
	}
	must(t, c.Wait())
	return lines, peak
}

// keepPageOpen reads the page's changes as a browser does, and counts them.
func keepPageOpen(b *demo.Simulation, ctx context.Context, t *testing.T) *atomic.Int64 {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.Log.PageURL()+"events", nil)
	must(t, err)
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	var seen atomic.Int64
	go func() {
		defer answer.Body.Close()
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			if lines.Text() == "event: main" {
				seen.Add(1)
			}
		}
	}()
	return &seen
}

// backlog is what waits in these tests: as much as an outbox of the default size
// takes in some days without its vendor.
const backlog = 50_000

// TestFiftyThousandWaitAndThePageIsOpen bounds what a station takes that has been
// without its vendors for days. The bounds are generous, for a busy machine; what was
// measured on a quiet one is logged.
func TestFiftyThousandWaitAndThePageIsOpen(t *testing.T) {
	t.Parallel()
	b := beeping(t, func(b *demo.Simulation) {
		fillOutbox(b, t, backlog)
		must(t, b.Cable(false))
	})
	seen := keepPageOpen(b, t.Context(), t)
	must(t, demo.Until(t.Context(), "the page is shown", func() bool { return seen.Load() > 0 }))
	page := pageOf(b, t)
	for _, text := range []string{"50000 waiting: no contact with Lagerkoll", "and 49988 more"} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
	var last cost
	for _, scene := range []struct {
		so  string
		act func()
	}{
		{"nothing happens", func() { <-time.After(10 * time.Second) }},
		{"somebody scans", func() {
			for i := range 30 {
				if got := beepAfter(b, t, fmt.Sprintf("PO47%02d", i)); got != beepRecorded {
					t.Fatalf("scan %d is answered by %q", i, got)
				}
				<-time.After(150 * time.Millisecond)
			}
		}},
		{"sixty people open the page", func() {
			for range 60 {
				if !strings.Contains(pageOf(b, t), "and 49988 more") {
					t.Error("the page is not whole")
				}
			}
		}},
	} {
		before, began := costOf(b, t), time.Now()
		scene.act()
		last = costOf(b, t)
		took, used := time.Since(began), last.processor-before.processor
		t.Logf("while %s, %v: %v of a processor, %d kB of its own, %d kB at most", scene.so, took.Round(time.Second), used, last.memory, last.peak)
		if used > took/3+time.Second {
			t.Errorf("while %s it takes %v of a processor in %v", scene.so, used, took)
		}
	}
	const most = raced * 40 << 10 // kB
	if last.memory > most {
		t.Errorf("it takes %d kB of memory, at most %d", last.memory, most)
	}
	if last.peak > 4*most { // the pages of the file that were looked at count here too
		t.Errorf("it took %d kB of memory at one time, at most %d", last.peak, 4*most)
	}

	listed := func(so string, args []string, lines, kilobytes int) {
		t.Helper()
		began := time.Now()
		got, peak := listing(t, append([]string{"outbox", "ls", "--config", b.ConfigPath()}, args...))
		t.Logf("outbox ls %s %s: %d lines, %v, %d kB", strings.Join(args, " "), so, got, time.Since(began).Round(time.Millisecond), peak)
		if got < lines || got > lines+10 {
			t.Errorf("outbox ls %s %s: %d lines, want about %d", strings.Join(args, " "), so, got, lines)
		}
		if peak > kilobytes {
			t.Errorf("outbox ls %s %s takes %d kB, at most %d", strings.Join(args, " "), so, peak, kilobytes)
		}
	}
	for _, so := range []string{"of the running station", "of its file"} {
		listed(so, nil, 100+2, most)
		listed(so, []string{"--limit", "1000"}, 1000+2, most)
		listed(so, []string{"--all"}, backlog+1, 2*most)
		must(t, b.Power(t.Context(), false))
	}
}
