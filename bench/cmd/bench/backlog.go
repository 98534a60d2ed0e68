package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"stationd/bench/measure"
	"stationd/bench/report"
	"stationd/bench/rig"
	"stationd/internal/clock"
	"stationd/internal/plan"
	"stationd/internal/queue"
	"stationd/internal/station"
)

// backlog looks at a station in whose outbox 50,000 entries wait, its page open and its vendor
// out of reach, and at outbox ls; and draws how long a scan takes to be durable, for ever more
// entries that wait.
func (b *bench) backlog(ctx context.Context) error {
	curve := report.Curve{Name: rig.Stationd}
	for _, n := range []int{0, 10, 100, 1000, 10_000, 50_000} {
		fill := func(dir, toml string) error { return fillOutbox(dir, toml, n) }
		err := b.with(ctx, rig.Stationd, rig.Options{Cut: true, Traced: b.SeesSyncs() != "", Prepared: fill}, func(l *rig.Line) error {
			took, err := b.timeRecorded(ctx, l, 30)
			f := measure.Of(took...)
			curve.X, curve.Y, curve.High = append(curve.X, float64(n)), append(curve.Y, f.Median), append(curve.High, f.High)
			return err
		})
		if err != nil {
			return fmt.Errorf("%d wait: %w", n, err)
		}
	}
	b.curve("backlog", curve)
	fill := func(dir, toml string) error { return fillOutbox(dir, toml, 50_000) }
	return b.with(ctx, rig.Stationd, rig.Options{Cut: true, Prepared: fill}, func(l *rig.Line) error {
		if err := l.OpenPage(ctx); err != nil {
			return err
		}
		const long = 20 * time.Second
		before, err := measure.SpentBy(l.PID())
		if err != nil {
			return err
		}
		over := time.After(long)
		for i := range 10 { // somebody scans, so that the page has something to draw
			if _, _, err := l.Scan(i); err != nil {
				return err
			}
			<-time.After(time.Second)
		}
		<-over
		after, err := measure.SpentBy(l.PID())
		if err != nil {
			return err
		}
		_, most, err := measure.Memory(l.PID())
		if err != nil {
			return err
		}
		b.Set("backlog_cpu", rig.Stationd, measure.Of(100*after.Since(before).Processor.Seconds()/long.Seconds()))
		b.Set("backlog_memory", rig.Stationd, measure.Of(float64(most)/1024))
		if err := b.resident("backlog", l); err != nil {
			return err
		}
		return b.list(ctx, l)
	})
}

// list times outbox ls, and its memory, in a process that a small one starts.
func (b *bench) list(ctx context.Context, l *rig.Line) error {
	if b.Spent == "" {
		return errors.New("gcc is not there")
	}
	out := filepath.Join(b.Dir, "spent.out")
	var took, memory []float64
	for range 5 {
		c := exec.CommandContext(ctx, b.Spent, out, b.Stationd, "outbox", "ls", "--config", l.Config())
		c.Env = append(os.Environ(), "STATIOND_DEMO=1", "STATE_DIRECTORY="+l.Dir, "RUNTIME_DIRECTORY="+l.Dir)
		if said, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("outbox ls: %w: %.200s", err, said)
		}
		text, err := os.ReadFile(out)
		if err != nil {
			return err
		}
		var microseconds, kibibytes float64
		if _, err := fmt.Sscan(string(text), &microseconds, &kibibytes); err != nil {
			return err
		}
		took, memory = append(took, microseconds/1e6), append(memory, kibibytes/1024)
	}
	b.Set("ls_time", rig.Stationd, measure.Of(took...))
	b.Set("ls_memory", rig.Stationd, measure.Of(memory...))
	return nil
}

// timeRecorded times lone scans from their last byte to the end of the last sync within 100 ms.
func (b *bench) timeRecorded(ctx context.Context, l *rig.Line, n int) (took []float64, err error) {
	if b.SeesSyncs() == "" {
		return nil, errors.New("strace is not there or may trace nothing, and the kernel shows no tracepoints")
	}
	sent := make([]time.Time, n)
	for i := range n {
		if _, sent[i], err = l.Scan(i % 50); err != nil {
			return nil, err
		}
		select {
		case <-time.After(150 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	all, err := l.Syncs()
	if err != nil {
		return nil, err
	}
	for _, at := range sent {
		// The first commit after the last byte is the scan's: two syncs, data and head.
		ends := []time.Time{}
		for _, s := range all {
			if s.Began.After(at) {
				ends = append(ends, s.End)
			}
		}
		if len(ends) > 1 {
			took = append(took, milliseconds(ends[1].Sub(at)))
		}
	}
	if len(took) < n*9/10 {
		return nil, fmt.Errorf("of %d scans the syncs of only %d are seen", n, len(took))
	}
	return took, nil
}

// writers fill an outbox together, and share its commits.
const writers = 64

// fillOutbox has n entries wait in an outbox that no station has open, over a hundred lanes.
func fillOutbox(dir, toml string, n int) (err error) {
	c, err := clock.New()
	if err != nil {
		return err
	}
	p, _, err := plan.Read(toml) // a fault, as that its chip is a simulated one, is the station's
	if err != nil {
		return err
	}
	box, err := queue.Open(filepath.Join(dir, "outbox.db"), queue.Setting{Stamp: c.Stamp, Program: func() station.Program { return p.Program }})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, box.Close()) }()
	numbers := make(chan int)
	errs := make([]error, writers)
	var hands sync.WaitGroup
	for w := range writers {
		hands.Go(func() {
			for i := range numbers {
				ev := station.Event{ID: station.NewID(), Source: "hand", Kind: station.Scan, Code: rig.Code(i%100, 10_000_000+i), At: c.Stamp(time.Now())}
				if _, err := box.Record(ev); err != nil && errs[w] == nil {
					errs[w] = err
				}
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	hands.Wait()
	return errors.Join(errs...)
}
