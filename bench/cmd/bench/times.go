package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"stationd/bench/measure"
	"stationd/bench/report"
	"stationd/bench/rig"
)

// starts times the way from the start of the program to armed buttons, and to the first scan
// that is delivered while somebody scans every 30 ms.
func (b *bench) starts(ctx context.Context) error {
	const rounds = 7
	armed, first := []float64{}, make(map[string][]float64)
	peers := b.Peers(false)
	for range rounds {
		for _, i := range rand.Perm(len(peers)) {
			peer := peers[i]
			if peer == rig.NodeRED && len(first[peer]) == 3 {
				continue // it takes seconds
			}
			dir := "" // a new one; the first start of an outbox makes its file
			if peer == rig.Stationd {
				err := b.with(ctx, peer, rig.Options{}, func(l *rig.Line) error {
					dir = l.Dir
					return nil
				})
				if err != nil {
					return err
				}
			}
			err := b.with(ctx, peer, rig.Options{Dir: dir, Flood: true}, func(l *rig.Line) error {
				at, err := l.Flood(ctx, time.Minute)
				if err != nil {
					return err
				}
				first[peer] = append(first[peer], milliseconds(at.Sub(l.Began)))
				if peer != rig.Stationd {
					return nil
				}
				at, err = l.Ready(ctx)
				armed = append(armed, milliseconds(at.Sub(l.Began)))
				return err
			})
			if err != nil {
				return fmt.Errorf("%s: %w", peer, err)
			}
		}
	}
	b.Set("armed", rig.Stationd, measure.Of(armed...))
	for peer, values := range first {
		b.Set("first_scan", peer, measure.Of(values...))
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// requests times lone scans to the request at the vendor, without strace.
func (b *bench) requests(ctx context.Context) error {
	took := make(map[string][]float64)
	for range 3 {
		err := b.side(ctx, b.Peers(false), rig.Options{}, func(lines []*rig.Line) error {
			scans, err := scanByTurns(ctx, lines, 30)
			for i := range scans {
				for _, s := range scans[i] {
					took[lines[i].Peer] = append(took[lines[i].Peer], milliseconds(s.arrived.Sub(s.sent)))
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	for peer, values := range took {
		b.Set("request", peer, measure.Of(values...))
	}
	return nil
}

// bursts has 500 scans come at once: with the vendor out of reach, until all are synced, and
// within its reach, until all have arrived.
func (b *bench) bursts(ctx context.Context) error {
	const scans, lanes = 500, 50
	recorded, delivered := make(map[string][]float64), make(map[string][]float64)
	peers := b.Peers(false)
	for range 3 {
		for _, i := range rand.Perm(len(peers)) {
			peer := peers[i]
			if peer == rig.NodeRED && len(delivered[peer]) > 0 {
				continue // it takes a minute
			}
			err := b.with(ctx, peer, rig.Options{}, func(l *rig.Line) error {
				count := l.Vendor.Count()
				began, err := l.ScanAll(scans, lanes)
				if err != nil {
					return err
				}
				last, err := l.Vendor.Wait(ctx, count+scans, time.Minute)
				delivered[peer] = append(delivered[peer], scans/last.Sub(began).Seconds())
				return err
			})
			if err == nil && b.Strace {
				err = b.with(ctx, peer, rig.Options{Traced: true}, func(l *rig.Line) error {
					if err := l.Vendor.Cut(); err != nil {
						return err
					}
					// One scan finds the vendor out of reach, so that nothing of the attempt is left.
					if _, _, err := l.Scan(0); err != nil {
						return err
					}
					<-time.After(time.Second)
					began, err := l.ScanAll(scans, lanes)
					if err != nil {
						return err
					}
					last, err := quiet(ctx, l, began)
					recorded[peer] = append(recorded[peer], scans/last.Sub(began).Seconds())
					return errors.Join(err, l.Vendor.Back())
				})
			}
			if err != nil {
				return fmt.Errorf("%s: %w", peer, err)
			}
		}
	}
	for _, peer := range peers {
		b.Set("recorded", peer, measure.Of(recorded[peer]...))
		b.Set("delivered", peer, measure.Of(delivered[peer]...))
	}
	return nil
}

// quiet waits until no sync has ended for half a second, and returns when the last one did.
func quiet(ctx context.Context, l *rig.Line, began time.Time) (last time.Time, err error) {
	for time.Since(began) < time.Minute {
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
		all, err := l.Syncs()
		if err != nil {
			return last, err
		}
		last = began
		for _, s := range all {
			if s.End.After(last) {
				last = s.End
			}
		}
		if last.After(began) && time.Since(last) > 500*time.Millisecond {
			return last, nil
		}
	}
	return last, errors.New("it goes on syncing for a minute")
}

// idle looks at all of them at once while nobody uses them, and at stationd again while its
// page is open.
func (b *bench) idle(ctx context.Context) error {
	long := 20 * time.Second
	if b.full {
		long = 60 * time.Second
	}
	return each(b.Peers(false), func(peer string) error {
		return b.with(ctx, peer, rig.Options{}, func(l *rig.Line) error {
			for i := range 5 { // what only the first scans make is made
				if _, _, err := l.Scan(i); err != nil {
					return err
				}
				<-time.After(200 * time.Millisecond)
			}
			<-time.After(5 * time.Second)
			before, err := measure.SpentBy(l.PID())
			if err != nil {
				return err
			}
			<-time.After(long)
			after, err := measure.SpentBy(l.PID())
			if err != nil {
				return err
			}
			spent := after.Since(before)
			b.set("idle_cpu", peer, measure.Of(spent.Processor.Seconds()*float64(time.Minute)/float64(long)))
			b.set("idle_wakes", peer, measure.Of(float64(spent.Switches)/long.Seconds()))
			now, _, err := measure.Memory(l.PID())
			if err != nil {
				return err
			}
			b.set("idle_rss", peer, measure.Of(float64(now)/1024))
			if peer != rig.Stationd {
				return nil
			}
			if err := l.OpenPage(ctx); err != nil {
				return err
			}
			<-time.After(10 * time.Second)
			now, _, err = measure.Memory(l.PID())
			b.set("page_rss", peer, measure.Of(float64(now)/1024))
			return err
		})
	})
}

// outageTime is how long the vendor is out of reach.
const outageTime = 130 * time.Second

// outages has fifty scans wait in an outage, each in a lane of its own, and all in one lane;
// and draws how long it takes until the last has arrived, for ever more lanes. All of them wait
// at once; only the many lanes come back before the others do.
func (b *bench) outages(ctx context.Context) error {
	type scene struct {
		peer     string
		n, lanes int
		long     time.Duration
	}
	counts := []int{1, 5, 20, 50, 100, 200, 500}
	curve := report.Curve{Name: rig.Stationd, X: make([]float64, len(counts)), Y: make([]float64, len(counts))}
	scenes := make(map[string]scene)
	for _, peer := range b.Peers(false) {
		scenes[peer+", 50 lanes"] = scene{peer, 50, 50, outageTime}
		scenes[peer+", one lane"] = scene{peer, 50, 1, outageTime}
	}
	place := make(map[string]int)
	for i, n := range counts {
		name := fmt.Sprintf("%d lanes", n)
		place[name] = i
		// One after the other, so that none shares the processor with the next.
		scenes[name] = scene{rig.Stationd, n, n, 40*time.Second + time.Duration(i)*10*time.Second}
	}
	err := each(slices.Collect(maps.Keys(scenes)), func(name string) error {
		s := scenes[name]
		took, err := b.outage(ctx, s.peer, s.n, s.lanes, s.long)
		if err != nil {
			return err
		}
		switch i, drawn := place[name]; {
		case drawn:
			curve.X[i], curve.Y[i] = float64(counts[i]), took
		case s.lanes > 1:
			b.set("outage_lanes", s.peer, measure.Of(took))
		default:
			b.set("outage_lane", s.peer, measure.Of(took))
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.curve("lanes", curve)
	return nil
}

// outage returns how many seconds after the vendor is back the last of n scans has arrived.
func (b *bench) outage(ctx context.Context, peer string, n, lanes int, long time.Duration) (took float64, err error) {
	err = b.with(ctx, peer, rig.Options{}, func(l *rig.Line) error {
		count := l.Vendor.Count()
		if err := l.Vendor.Cut(); err != nil {
			return err
		}
		over := time.After(long)
		for i := range n {
			if _, _, err := l.Scan(i % lanes); err != nil {
				return err
			}
			<-time.After(20 * time.Millisecond)
		}
		select {
		case <-over:
		case <-ctx.Done():
			return ctx.Err()
		}
		back := time.Now()
		if err := l.Vendor.Back(); err != nil {
			return err
		}
		last, err := l.Vendor.Wait(ctx, count+n, 5*time.Minute)
		took = last.Sub(back).Seconds()
		return err
	})
	return took, err
}

func (b *bench) curve(picture string, c ...report.Curve) {
	if b.Curves == nil {
		b.Curves = make(map[string][]report.Curve)
	}
	b.Curves[picture] = append(b.Curves[picture], c...)
}

// soaks scans twice a second for a long time, and looks at latency and memory each minute.
func (b *bench) soaks(ctx context.Context) error {
	if b.soak == 0 {
		return nil
	}
	latency := make(map[string]*report.Curve)
	memory := make(map[string]*report.Curve)
	peers := b.Peers(false)
	for _, peer := range peers {
		latency[peer], memory[peer] = &report.Curve{Name: peer}, &report.Curve{Name: peer}
	}
	step := max(b.soak/60, 10*time.Second)
	err := each(peers, func(peer string) error {
		return b.with(ctx, peer, rig.Options{}, func(l *rig.Line) error {
			if peer == rig.Stationd {
				if err := l.OpenPage(ctx); err != nil {
					return err
				}
			}
			began := time.Now()
			for time.Since(began) < b.soak {
				var took []float64
				for part := time.Now(); time.Since(part) < step; {
					code, sent, err := l.Scan(len(took) % 50)
					if err != nil {
						return err
					}
					at, err := l.Vendor.WaitFor(ctx, code, 30*time.Second)
					if err != nil {
						return err
					}
					took = append(took, milliseconds(at.Sub(sent)))
					select {
					case <-time.After(500 * time.Millisecond):
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				f := measure.Of(took...)
				now, _, err := measure.Memory(l.PID())
				if err != nil {
					return err
				}
				minute := time.Since(began).Minutes()
				c, m := latency[peer], memory[peer]
				c.X, c.Y, c.High = append(c.X, minute), append(c.Y, f.Median), append(c.High, f.High)
				m.X, m.Y = append(m.X, minute), append(m.Y, float64(now)/1024)
			}
			if n := l.Vendor.Twice(); n > 0 {
				return fmt.Errorf("%d scans came twice", n)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, peer := range peers {
		b.curve("soak-latency", *latency[peer])
		b.curve("soak-memory", *memory[peer])
	}
	return nil
}
