package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stationd/internal/demo"
)

// runListing runs a command, and returns how many lines it writes and how much memory it
// took at one time, in kB. The pipe that it writes to is so small that it waits to write more
// when its first lines have been read.
func runListing(t *testing.T, args []string) (lines, peak int) {
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
		if reads%20 == 0 {
			peak = max(peak, peakSoFar(c.Process.Pid))
		}
		lines += bytes.Count(page[:n], []byte("\n"))
		if err != nil {
			break
		}
	}
	must(t, c.Wait())
	if peak == 0 {
		t.Errorf("stationd %s: it was done before anybody saw how much memory it takes", strings.Join(args, " "))
	}
	return lines, peak
}

// peakSoFar is how much memory a process has had at one time so far, in kB; 0 of one that has
// ended.
func peakSoFar(pid int) (kB int) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	if _, rest, found := strings.Cut(string(status), "\nVmHWM:"); found {
		_, _ = fmt.Sscan(rest, &kB)
	}
	return kB
}

// keepPageOpen reads the page's changes as a browser does, and counts them.
func keepPageOpen(ctx context.Context, t testing.TB, b *demo.Simulation) *atomic.Int64 {
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

// median is the middle one of some durations.
func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// TestFiftyThousandWaitAndThePageIsOpen bounds what a station takes that has been
// without its vendors for days. The bounds are generous, for a busy machine; what was
// measured on a quiet one is logged.
func TestFiftyThousandWaitAndThePageIsOpen(t *testing.T) {
	t.Parallel()
	b := newBeepStation(t, func(b *demo.Simulation) {
		fillOutbox(t, b, backlog)
		must(t, b.Cable(false))
	})
	seen := keepPageOpen(t.Context(), t, b)
	must(t, demo.Until(t.Context(), "the page is shown", func() bool { return seen.Load() > 0 }))
	expectPage(t, b, "No contact with Lagerkoll", "and 49,988 more")
	// What a scan takes until the reader beeps, with one page open and with thirty.
	answers := make(map[string][]time.Duration)
	scan30 := func(so string) {
		for i := range 30 {
			began := time.Now()
			if got := scanForBeep(t, b, fmt.Sprintf("PO47%02d", i)); got != beepRecorded {
				t.Fatalf("scan %d is answered by %q", i, got)
			}
			answers[so] = append(answers[so], time.Since(began))
			<-time.After(150 * time.Millisecond)
		}
	}
	var last cost
	for _, scene := range []struct {
		so  string
		act func()
	}{
		{"nothing happens", func() { <-time.After(10 * time.Second) }},
		{"somebody scans", func() { scan30("one page") }},
		{"somebody scans and thirty pages are open", func() {
			ctx, close := context.WithCancel(t.Context())
			defer close()
			var open []*atomic.Int64
			for range 29 {
				open = append(open, keepPageOpen(ctx, t, b))
			}
			scan30("thirty pages")
			for i, seen := range open {
				if seen.Load() < 10 {
					t.Errorf("page %d has seen %d changes of thirty", i, seen.Load())
				}
			}
		}},
		{"sixty people open the page", func() {
			for range 60 {
				if !strings.Contains(readPage(t, b), "and 49,988 more") {
					t.Error("the page is not whole")
				}
			}
		}},
	} {
		before, began := processCost(t, b), time.Now()
		scene.act()
		last = processCost(t, b)
		took, used := time.Since(began), last.processor-before.processor
		t.Logf("while %s, %v: %v of a processor, %d kB of its own, %d kB at most", scene.so, took.Round(time.Second), used, last.memory, last.peak)
		if used > took/3+time.Second {
			t.Errorf("while %s it takes %v of a processor in %v", scene.so, used, took)
		}
	}
	one, thirty := median(answers["one page"]), median(answers["thirty pages"])
	t.Logf("a scan is answered after %v with one page open, and after %v with thirty: %.2f times as long", one, thirty, float64(thirty)/float64(one))
	const most = raced * 40 << 10 // kB
	if last.memory > most {
		t.Errorf("it takes %d kB of memory, at most %d", last.memory, most)
	}
	if last.peak > 3*most { // the pages of the file that were looked at count here too
		t.Errorf("it took %d kB of memory at one time, at most %d", last.peak, 3*most)
	}

	listed := func(so string, args []string, lines, kilobytes int) {
		t.Helper()
		began := time.Now()
		got, peak := runListing(t, append([]string{"outbox", "ls", "--config", b.ConfigPath()}, args...))
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

// BenchmarkScanWhilePagesAreOpen is what a scan takes until the reader beeps, which is when it
// is on disk, with one page open and with thirty that are told of each; and how many times as
// long it takes with thirty. The pages are read on the same computer.
func BenchmarkScanWhilePagesAreOpen(b *testing.B) {
	on := newBeepStation(b, nil)
	medians := make(map[int]time.Duration)
	scans := 0
	for _, pages := range []int{1, 30} {
		b.Run(fmt.Sprintf("pages=%d", pages), func(b *testing.B) {
			ctx, close := context.WithCancel(b.Context())
			defer close()
			for range pages {
				seen := keepPageOpen(ctx, b, on)
				must(b, demo.Until(ctx, "the page is shown", func() bool { return seen.Load() > 0 }))
			}
			var answers []time.Duration
			for b.Loop() {
				scans++
				began := time.Now()
				if got := scanForBeep(b, on, fmt.Sprintf("PO%d", 470000+scans)); got != beepRecorded {
					b.Fatalf("scan %d is answered by %q", scans, got)
				}
				answers = append(answers, time.Since(began))
			}
			medians[pages] = median(answers)
			b.ReportMetric(float64(medians[pages].Microseconds())/1000, "median-ms")
			if one := medians[1]; pages > 1 && one > 0 {
				b.ReportMetric(float64(medians[pages])/float64(one), "times-one-page")
			}
		})
	}
}
