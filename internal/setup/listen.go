package setup

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"stationd/internal/clock"
	"stationd/internal/live"
	"stationd/internal/scanner"
)

// A heardScan is a scan while setup listens to readers.
type heardScan struct {
	index int // of its reader among those listened to
	live.ScanReport
	ending string // what ended it, a value of frame; "" for a reader whose scans need no suffix
}

// wholeScan returns the scan in all that a reader sent in one burst.
func wholeScan(index int, config scanner.Config, f scanner.Frame) (heardScan, error) {
	ending, raw := "", f.Raw
	if !(readerDraft{Port: config.Port}).Reports() {
		ending, raw = scanner.SplitEnding(f.Raw)
	}
	ev, err := scanner.Event(config, raw, f.Event.At)
	f.Raw, f.Event = raw, ev
	return heardScan{index, live.NewScanReport(config, f), ending}, err
}

// listen waits for a scan with one of several readers, or for a line of text, which it
// returns. Both are zero when readers that type were silent for typingSilence.
func (s *setup) listen(readers []scanner.Config) (heard *heardScan, answer string, err error) {
	clock, err := clock.New()
	if err != nil {
		return nil, "", err
	}
	silence := silenceTimer(readers)
	ctx, stop := context.WithCancel(s.ctx)
	l := listening{scans: make(chan heardScan), status: make(chan string), failed: make(chan error, 3*len(readers))}
	defer l.running.Wait()
	defer stop()
	for i, config := range readers {
		l.start(ctx, i, config, clock)
	}
	for {
		select {
		case <-s.ctx.Done():
			return nil, "", errCancelled
		case <-silence:
			s.say("Nothing was scanned.")
			return nil, "", nil
		case line, open := <-s.lines:
			answer, err := s.parseAnswer(line, open)
			if errors.Is(err, errBadAnswer) {
				continue
			}
			return nil, answer, err
		case line := <-l.status:
			s.say("%s", line)
		case err := <-l.failed:
			if err != nil {
				return nil, "", err
			}
		case h := <-l.scans:
			return &h, "", live.PrintScan(s.out, h.ScanReport)
		}
	}
}

// A listening is a few readers that are open at the same time.
type listening struct {
	scans   chan heardScan
	status  chan string // lines about the readers for people
	failed  chan error  // with room for an error of every goroutine
	running sync.WaitGroup
}

// start opens a reader and listens to it until ctx is done.
func (l *listening) start(ctx context.Context, index int, config scanner.Config, clock *clock.Clock) {
	report := func(line string) {
		select {
		case l.status <- line:
		case <-ctx.Done():
		}
	}
	whole := config
	if !(readerDraft{Port: config.Port}).Reports() {
		whole.Frame = scanner.WholeBurst
	}
	r := scanner.Open(whole, clock.Stamp, slog.New(slog.DiscardHandler))
	r.Observe(func(status scanner.Status) { live.ReportStatus(config, status, report) })
	l.running.Go(func() { live.ReportLosses(ctx, r, config.Name, report) })
	l.running.Go(func() { l.failed <- r.RunPort(ctx) })
	l.running.Go(func() {
		l.failed <- r.Listen(ctx, func(f scanner.Frame) {
			heard, err := wholeScan(index, config, f)
			switch {
			case err != nil:
				l.failed <- err
			case len(heard.Raw) > 0:
				select {
				case l.scans <- heard:
				case <-ctx.Done():
				}
			}
		})
	})
}

// typingSilence is how long a keyboard is opened, and so taken from the person who may need
// it to go on, without a scan.
const typingSilence = 30 * time.Second

// silenceTimer returns a channel that ends the listening after typingSilence; nil, which
// never does, where none of the readers types.
func silenceTimer(readers []scanner.Config) <-chan time.Time {
	if slices.ContainsFunc(readers, isKeyboard) {
		return time.After(typingSilence)
	}
	return nil
}

// configs returns a reader for each port.
func configs(ports []scanner.Plugged) []scanner.Config {
	var configs []scanner.Config
	for _, p := range ports {
		configs = append(configs, readerDraft{Port: p.Port}.config())
	}
	return configs
}

// isKeyboard reports whether a reader types like a keyboard.
func isKeyboard(r scanner.Config) bool { return strings.HasPrefix(r.Port, "hid:") }
