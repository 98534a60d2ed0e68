package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// TestCost counts what the block device is told. A commit more for each would be two flushes and 8 kB
// more; the limits are halfway to that, for any process of the machine may call sync(2), by which ext4
// writes its journal: that was seen to be 0.16 flushes and 2 kB.
func TestCost(t *testing.T) {
	t.Parallel()
	c := newCard(t, 64, "what a press costs in flushes and bytes")
	c.with = "commit=600" // ext4 writes its journal every five seconds by itself: the slower the machine, the more of it
	c.mount()
	box := boxOn(t, filepath.Join(c.dir, "outbox.db"), 16<<20)
	const n = 25
	record := func(box *Outbox, ev station.Event) {
		t.Helper()
		ev.Source, ev.Kind, ev.At = "hand", station.Scan, box.setting.Stamp(time.Now())
		if _, err := box.Record(ev); err != nil {
			t.Fatal(err)
		}
	}
	press := func(code string) { record(box, station.Event{Code: code}) }
	telling := func(arrived chan struct{}) *vendor {
		return &vendor{answer: func(d station.Delivery) (bool, station.Receipt) {
			arrived <- struct{}{}
			return true, station.Receipt{Outcome: station.Delivered, Ref: "4711"}
		}}
	}
	arrived := make(chan struct{}, n)
	v := telling(arrived)
	running := func(t *testing.T, box *Outbox, v *vendor, hands int, do func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, hands)
		for range hands {
			go func() { ended <- box.Run(ctx, "l2l", v) }()
		}
		do()
		cancel()
		for range hands {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	drained := func(box *Outbox) {
		for {
			changed := box.Changed()
			if s := box.Snapshot(); s.Waiting == 0 {
				return
			}
			<-changed
		}
	}
	var rows []string
	counted := func(name string, flushes, bytes float64, do func()) {
		t.Helper()
		before := c.read()
		do()
		got := c.read().since(before)
		f, b := float64(got.flushes)/n, float64(got.bytes)/n
		t.Logf("%-52s %4.2f flushes (at most %.1f), %6.0f bytes (at most %.0f)", name, f, flushes, b, bytes)
		rows = append(rows, fmt.Sprintf("| %s | %.1f | %.1f |", name, f, b/1000))
		if f > flushes || b > bytes {
			t.Errorf("%s: %.2f flushes and %.0f bytes, at most %.1f and %.0f", name, f, b, flushes, bytes)
		}
		if got.flushes == 0 {
			t.Errorf("%s: nothing was flushed: this test proves nothing", name)
		}
	}
	counted("recording, with a growing backlog", 2.9, 16_000, func() {
		for i := range n {
			press(fmt.Sprintf("%d/n%d", i%3, i))
		}
	})
	running(t, box, v, 1, func() { drained(box) })
	forget(arrived)
	alone := func(code string) func() {
		return func() {
			running(t, box, v, 1, func() {
				for i := range n {
					press(fmt.Sprintf(code, i))
					<-arrived
					drained(box)
				}
			})
		}
	}
	counted("a whole lone action", 4.9, 21_000, alone("1/m%d"))
	counted("a whole lone scan of a GS1 label", 4.9, 21_000, func() {
		running(t, box, v, 1, func() {
			for i := range n {
				record(box, goods(i, station.Stamp{}))
				<-arrived
				drained(box)
			}
		})
	})
	counted("a whole lone action that looks before it acts", 6.9, 29_000, alone("COUNT %d"))
	// In a bubble a scan comes every 20 ms, however busy the machine is: each settle has the
	// company of the next scan, but for the first and the last.
	synctest.Test(t, func(t *testing.T) {
		box := boxOn(t, filepath.Join(c.dir, "busy.db"), 16<<20)
		arrived := make(chan struct{}, n)
		counted("a whole scan of a GS1 label at a busy station", 2.9, 11_500, func() {
			running(t, box, telling(arrived), 2, func() {
				for i := range n { // the vendor has answered each before the next is scanned
					record(box, goods(i, station.Stamp{}))
					<-arrived
					for !settling(box) {
						runtime.Gosched()
					}
					<-time.After(20 * time.Millisecond)
				}
				drained(box)
			})
		})
	})
	writeFigures(t, "cost", "| counted at the block device | flushes | kB |\n| --- | --- | --- |\n"+strings.Join(rows, "\n"))
}

// settling reports whether an answer waits for company, or is taken up already.
func settling(box *Outbox) bool {
	box.queued.mu.Lock()
	waits := len(box.queued.all) > 0
	box.queued.mu.Unlock()
	return waits || box.Snapshot().Waiting == 0
}

func forget(c chan struct{}) {
	for len(c) > 0 {
		<-c
	}
}

// boxOn opens an outbox that the test closes.
func boxOn(t testing.TB, path string, size int64) *Outbox {
	t.Helper()
	program := program()
	box, err := Open(path, Setting{Size: size, Stamp: board("boot-1"), Program: func() station.Program { return program }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	return box
}

// BenchmarkRecord compares a record with what the medium takes for as many bytes:
// a growing file, appended to and synced.
func BenchmarkRecord(b *testing.B) {
	const most = 1.2
	c := newCardIn(b, b.TempDir(), 128, "how fast a press is recorded, against a plain append and sync")
	c.mount()
	box := boxOn(b, filepath.Join(c.dir, "outbox.db"), 64<<20)
	plain, err := os.Create(filepath.Join(c.dir, "plain"))
	if err != nil {
		b.Fatal(err)
	}
	defer plain.Close()
	var recorded, appended []time.Duration
	for i := range b.N {
		ev := station.Event{ID: station.NewID(), Source: "hand", Kind: station.Scan, Code: fmt.Sprintf("%d/n%d", i%7, i), At: box.setting.Stamp(time.Now())}
		began := time.Now()
		if _, err := box.Record(ev); err != nil {
			b.Fatal(err)
		}
		recorded = append(recorded, time.Since(began))
		text, err := json.Marshal([]any{ev, ev, ev})
		if err != nil {
			b.Fatal(err)
		}
		began = time.Now()
		if _, err := plain.Write(text); err != nil {
			b.Fatal(err)
		}
		if err := unix.Fdatasync(int(plain.Fd())); err != nil {
			b.Fatal(err)
		}
		appended = append(appended, time.Since(began))
	}
	ratio := float64(median(recorded)) / float64(median(appended))
	b.ReportMetric(ratio, "x-append-p50")
	b.ReportMetric(float64(median(recorded).Microseconds()), "us-p50")
	if b.N >= 500 && ratio > most {
		b.Errorf("half of the records take more than %v, %.2f times a plain append and sync (%v); at most %.1f", median(recorded), ratio, median(appended), most)
	}
}

func median(d []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(d))[len(d)/2]
}

// backlog fills an outbox of the default size with that many entries.
func backlog(t testing.TB, path string, n int) {
	t.Helper()
	program, clock := program(), board("5f0c8f7e-1c39-4e1f-9d6c-0a4a5b1c7d21")
	box, err := Open(path, Setting{Stamp: clock, Program: func() station.Program { return program }, faults: format.Faults{NoSync: true}})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < n; i += 100 {
		err := box.write(func(b *batch) error {
			for j := i; j < min(i+100, n); j++ {
				ev := station.Event{
					ID: station.NewID(), Source: "hand", Kind: station.Scan, At: clock(time.Now()),
					Code: fmt.Sprintf("%d/%08d", 4711+j%100, j),
					Data: map[string]string{"gs1.01": "09506000134352", "gs1.10": "B7-2211", "gs1.21": fmt.Sprintf("%08d", j), "symbology": "]d2"},
				}
				if _, err := b.record(ev); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d entries: %d bytes each, %.0f %% full", n, box.file.Used()*format.PageSize/n, 100*box.file.Fill())
	if err := box.Close(); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkOpen opens an outbox in which 50,000 entries wait.
func BenchmarkOpen(b *testing.B) {
	const (
		entries  = 50_000
		mostTime = 300 * time.Millisecond
		mostHeap = 8 << 20
	)
	path := filepath.Join(b.TempDir(), "outbox.db")
	backlog(b, path, entries)
	empty := filepath.Join(b.TempDir(), "outbox.db")
	program := program()
	setting := Setting{Stamp: board("boot-2"), Program: func() station.Program { return program }}
	idle := heapOf(b, empty, setting)
	full := heapOf(b, path, setting)
	if full-idle > mostHeap {
		b.Errorf("%d bytes of heap above idle, at most %d", full-idle, mostHeap)
	}
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		box, err := Open(path, setting)
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
		if err := box.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(full-idle)/(1<<20), "MB-above-idle")
	b.ReportMetric(float64(median(took).Milliseconds()), "ms-p50")
	if median(took) > mostTime {
		b.Errorf("it takes %v, at most %v", median(took), mostTime)
	}
	began := time.Now()
	if err := InspectFile(path); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms-inspect")
}

// heapOf is what an open outbox keeps.
func heapOf(b *testing.B, path string, setting Setting) int64 {
	b.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	box, err := Open(path, setting)
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if err := box.Close(); err != nil {
		b.Fatal(err)
	}
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}
