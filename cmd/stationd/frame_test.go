package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"stationd/internal/clock"
	"stationd/internal/queue"
	"stationd/internal/scanner"
	"stationd/internal/station"
)

// A frameTime is when parts of a scan's way were behind it, from its last byte on.
type frameTime struct{ read, durable time.Time }

// openTerminal returns the two ends of a serial line.
func openTerminal(t testing.TB) (hand, line *os.File) {
	t.Helper()
	hand, line, err := pty.Open()
	if err != nil {
		t.Skipf("no pty can be opened here, so nothing was proved about a scan's way: %v", err)
	}
	t.Cleanup(func() { hand.Close(); line.Close() })
	return hand, line
}

// scannerOnLine runs a scanner whose scans are recorded in an outbox, and returns when each was
// read and when it was durable.
func scannerOnLine(t testing.TB, dir, path string) <-chan frameTime {
	t.Helper()
	c, err := clock.New()
	must(t, err)
	program := station.Program{Bindings: []station.Binding{{Event: "hand.scan"}}}
	box, err := queue.Open(filepath.Join(dir, "outbox.db"), queue.Setting{
		Stamp: c.Stamp, Log: slog.New(slog.DiscardHandler), Program: func() station.Program { return program },
		Settle: func(string) time.Duration { return time.Minute }, History: filepath.Join(dir, "history"), Days: 1,
	})
	must(t, err)
	s := scanner.Open(scanner.Config{Name: "hand", Port: path}, c.Stamp, slog.New(slog.DiscardHandler))
	times := make(chan frameTime, 1)
	ready := make(chan struct{}, 1)
	s.Observe(func(scanner.Status) { ready <- struct{}{} })
	ctx, cancel := context.WithCancel(t.Context())
	var loops sync.WaitGroup
	loops.Go(func() {
		err := s.Run(ctx, func(ev station.Event) (station.Result, error) {
			read := time.Now()
			done, err := box.Record(ev)
			times <- frameTime{read, time.Now()}
			return done, err
		})
		if err != nil {
			t.Error(err)
		}
	})
	loops.Go(func() {
		if err := s.RunPort(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		loops.Wait()
		if err := errors.Join(box.Close(), queue.VerifyFile(filepath.Join(dir, "outbox.db"))); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case <-time.After(30 * time.Second):
		t.Fatal("the reader never was ready")
	}
	return times
}

// bareOnLine reads a line, and appends and syncs what it reads: what the medium and the kernel
// take at least.
func bareOnLine(t testing.TB, dir string, line *os.File) <-chan frameTime {
	t.Helper()
	file, err := os.Create(filepath.Join(dir, "bare"))
	must(t, err)
	fd := int(line.Fd()) // which makes its reads wait in the kernel
	raw, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	must(t, err)
	raw.Iflag, raw.Oflag, raw.Lflag = 0, 0, 0
	must(t, unix.IoctlSetTermios(fd, unix.TCSETS, raw))
	times := make(chan frameTime, 1)
	var ended sync.WaitGroup
	ended.Go(func() {
		b := make([]byte, 4096)
		for n := 0; ; {
			more, err := unix.Read(fd, b[n:])
			if err != nil || more == 0 {
				return
			}
			if n += more; b[n-1] != '\r' {
				continue
			}
			read := time.Now()
			if _, err := file.Write(b[:n]); err != nil {
				t.Error(err)
			}
			if err := unix.Fdatasync(int(file.Fd())); err != nil {
				t.Error(err)
			}
			n = 0
			times <- frameTime{read, time.Now()}
		}
	})
	t.Cleanup(func() {
		ended.Wait()
		file.Close()
	})
	return times
}

// BenchmarkFrameToDurable is what a scan takes from its last byte until it is on disk, in turn
// with what a bare read, append and sync take on another line of the same computer: the ratio
// of the medians (x-bare), how long it takes until the scan is handed to the outbox (us-read),
// and what the outbox takes (us-record).
func BenchmarkFrameToDurable(b *testing.B) {
	dir := b.TempDir()
	hand, line := openTerminal(b)
	times := scannerOnLine(b, dir, line.Name())
	bareHand, bareLine := openTerminal(b)
	bareTimes := bareOnLine(b, dir, bareLine)
	b.Cleanup(func() { bareHand.Close() }) // which ends its reads
	scan := func(hand *os.File, done <-chan frameTime, i int) (total, read time.Duration) {
		if _, err := fmt.Fprintf(hand, "%013d", i); err != nil {
			b.Fatal(err)
		}
		<-time.After(2 * time.Millisecond) // the last byte comes by itself
		began := time.Now()
		if _, err := hand.WriteString("\r"); err != nil {
			b.Fatal(err)
		}
		select {
		case at := <-done:
			return at.durable.Sub(began), at.read.Sub(began)
		case <-time.After(time.Minute):
			b.Fatal("a scan never was on disk")
			return 0, 0
		}
	}
	var ours, bare, read, bareRead, record []time.Duration
	i := 0
	for b.Loop() {
		i++
		total, until := scan(hand, times, i)
		ours, read, record = append(ours, total), append(read, until), append(record, total-until)
		total, until = scan(bareHand, bareTimes, i)
		bare, bareRead = append(bare, total), append(bareRead, until)
	}
	p50 := func(d []time.Duration) float64 {
		return float64(slices.Sorted(slices.Values(d))[len(d)/2].Microseconds())
	}
	b.ReportMetric(p50(ours)/p50(bare), "x-bare")
	b.ReportMetric(p50(ours), "us-p50")
	b.ReportMetric(p50(bare), "us-bare-p50")
	b.ReportMetric(p50(read), "us-read")
	b.ReportMetric(p50(bareRead), "us-bare-read")
	b.ReportMetric(p50(record), "us-record")
}
