package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"stationd/internal/clock"
	"stationd/internal/demo"
	"stationd/internal/plan"
	"stationd/internal/queue"
	"stationd/internal/station"
)

// The beeps of the reader in these tests, as a reader's manual might have them.
const (
	beepRecorded = '+'
	beepRefused  = '-'
)

// newBeepStation returns a station whose reader beeps, with the power off. prepare, which may be
// nil, works on its outbox before the power comes on.
func newBeepStation(t testing.TB, prepare func(b *demo.Simulation)) *demo.Simulation {
	t.Helper()
	return newBeepStationWith(t, nil, prepare)
}

// newBeepStationWith is newBeepStation with a change of the simulation, which may be nil.
func newBeepStationWith(t testing.TB, change func(*demo.Config), prepare func(b *demo.Simulation)) *demo.Simulation {
	t.Helper()
	b := newStation(t, change)
	config, err := os.ReadFile(b.ConfigPath())
	must(t, err)
	config = bytes.Replace(config, []byte("name = \"hand\"\n"), fmt.Appendf(nil,
		"name = \"hand\"\nrepeat = \"0s\"\nbeep_recorded = '%c'\nbeep_refused = '%c'\n", beepRecorded, beepRefused), 1)
	must(t, os.WriteFile(b.ConfigPath(), config, 0o600))
	if prepare != nil {
		prepare(b)
	}
	must(t, b.Power(t.Context(), true))
	return b
}

// scanForBeep scans a code and returns the beep that answers it.
func scanForBeep(t testing.TB, b *demo.Simulation, code string) byte {
	t.Helper()
	must(t, b.Scan(code))
	line := b.Scanner.Line()
	must(t, line.SetReadDeadline(time.Now().Add(demo.WaitLimit)))
	heard := make([]byte, 1)
	if _, err := line.Read(heard); err != nil {
		t.Fatalf("no beep answers %q: %v", code, err)
	}
	return heard[0]
}

func TestAReaderBeepsRecordedOnlyForWhatIsRecorded(t *testing.T) {
	t.Parallel()
	b := newBeepStation(t, nil)
	must(t, b.Cable(false))
	for _, scan := range []struct {
		so, code string
		want     byte
		page     string
	}{
		{"a part whose order was never scanned", demo.Part{Article: demo.Soup, Batch: "B1", Serial: "1"}.Symbol(), beepRefused, "Scan the order first"},
		{"a code that nobody knows", "what is this", beepRefused, "Unknown code what is this"},
		{"an order", "PO4711", beepRecorded, "Noted: PO4711"},
		{"a part of that order", demo.Part{Article: demo.Soup, Batch: "B1", Serial: "1"}.Symbol(), beepRecorded, ": recorded"},
		{"a code that nobody knows, after one that was recorded", "what is this", beepRefused, "Unknown code what is this"},
	} {
		if got := scanForBeep(t, b, scan.code); got != scan.want {
			t.Errorf("%s: the reader beeps %q, want %q", scan.so, got, scan.want)
		}
		must(t, demo.Until(t.Context(), scan.so+": the page says "+scan.page, func() bool { return strings.Contains(readPage(t, b), scan.page) }))
	}
}

func TestAReaderBeepsRefusedWhenTheOutboxIsFull(t *testing.T) {
	t.Parallel()
	b := newBeepStation(t, func(b *demo.Simulation) {
		fillOutbox(t, b, 0)
		must(t, b.Cable(false))
	})
	if got := scanForBeep(t, b, "PO4711"); got != beepRefused {
		t.Errorf("the outbox is full, and the reader beeps %q", got)
	}
	must(t, demo.Until(t.Context(), "the page says that the scan was not recorded", func() bool {
		return strings.Contains(readPage(t, b), "Not recorded: do it again: ")
	}))
	must(t, demo.Until(t.Context(), "the reader's lamp blinks quickly", func() bool {
		light, known := b.Lamps.Light(demo.PinWhite)
		return known && light == station.Quick
	}))
}

// writers is how many record at once: they share their commits.
const writers = 256

// fillOutbox records entries as a station has them that has been without its vendor: n of
// them, or as many as the outbox takes where n is 0.
func fillOutbox(t *testing.T, b *demo.Simulation, n int) {
	t.Helper()
	clock, err := clock.New()
	must(t, err)
	p, _, err := plan.Read(b.ConfigPath()) // a fault, as that its chip is a simulated one, is the station's
	must(t, err)
	outbox, err := queue.Open(b.OutboxPath(), queue.Setting{Stamp: clock.Stamp, Program: func() station.Program { return p.Program }})
	must(t, err)
	defer func() { must(t, outbox.Close()) }()
	var hands sync.WaitGroup
	numbers := make(chan int)
	ctx, full := context.WithCancel(t.Context())
	defer full()
	for range writers {
		hands.Go(func() {
			for i := range numbers {
				asking := station.ActionRequest{Backend: "lagerkoll", Verb: "article.trace", With: map[string]string{"order": fmt.Sprint(5000 + i%100), "article": demo.Soup, "batch": "B1", "serial": fmt.Sprint(i)}}
				if _, err := outbox.Record(asking.Event("uid:0", clock.Stamp(time.Now()))); errors.Is(err, queue.ErrFull) {
					full()
				} else if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := 0; (n == 0 || i < n) && ctx.Err() == nil; i++ {
		select {
		case numbers <- i:
		case <-ctx.Done():
		}
	}
	close(numbers)
	hands.Wait()
	if n > 0 && ctx.Err() != nil {
		t.Fatalf("the outbox does not take %d entries", n)
	}
}
