package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"stationd/bench/measure"
	"stationd/bench/report"
	"stationd/bench/rig"
)

// startGrain is how near the moment is found from which on a scan is taken.
const startGrain = 3 * time.Millisecond

// starts times the way from the start of the program to armed buttons, and to the request of the
// first scan: of one that comes alone, as early as it can and is not dropped. That moment is
// looked for by halves, in as many starts as it takes.
func (b *bench) starts(ctx context.Context) error {
	const rounds = 5
	armed, first := []float64{}, make(map[string][]float64)
	for _, peer := range b.Peers(false) {
		dir, grain, times := filepath.Join(b.Dir, "starts-"+peer), startGrain, rounds
		if peer == rig.NodeRED { // it takes seconds, and no folder twice
			dir, grain, times = "", 200*time.Millisecond, 1
		} else if err := b.besides(ctx, peer, b.with(ctx, peer, rig.Options{Dir: dir}, func(*rig.Line) error { return nil })); err != nil {
			return err // the first start makes the outbox
		}
		try := func(wait time.Duration) (came time.Duration, taken bool, err error) {
			err = b.with(ctx, peer, rig.Options{Dir: dir, Cold: true}, func(l *rig.Line) error {
				at, first, err := l.ScanAfter(ctx, wait, time.Minute)
				if came, taken = at.Sub(l.Began), first; err != nil || peer != rig.Stationd {
					return err
				}
				at, err = l.Ready(ctx)
				armed = append(armed, milliseconds(at.Sub(l.Began)))
				return err
			})
			return came, taken, err
		}
		early, late := time.Duration(0), 50*time.Millisecond
		for range times {
			came, err := soonest(try, early, late, grain)
			if err := b.besides(ctx, peer, err); err != nil {
				return fmt.Errorf("%s: %w", peer, err)
			}
			if came == 0 {
				break
			}
			first[peer] = append(first[peer], milliseconds(came))
			early, late = max(0, came-40*time.Millisecond), came
		}
	}
	b.Set("armed", rig.Stationd, measure.Of(armed...))
	for peer, values := range first {
		b.Set("first_scan", peer, measure.Of(values...))
	}
	return nil
}

// soonest finds the earliest moment, between two and to within grain, at which a try succeeds,
// and returns what it came to then. Where the later one is too early, it looks behind it.
func soonest(try func(wait time.Duration) (came time.Duration, taken bool, err error), early, late, grain time.Duration) (came time.Duration, err error) {
	for {
		at, taken, err := try(late)
		if err != nil {
			return 0, err
		}
		if came = at; taken {
			break
		}
		early, late = late, 2*late
	}
	for late-early > grain {
		middle := (early + late) / 2
		at, taken, err := try(middle)
		if err != nil {
			return 0, err
		}
		if taken {
			came, late = at, middle
		} else {
			early = middle
		}
	}
	return came, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// requests times lone scans to the request at the vendor, without strace.
func (b *bench) requests(ctx context.Context) error {
	took := make(map[string][]float64)
	for range 3 {
		err := b.side(ctx, b.Peers(false), rig.Options{}, func(lines []*rig.Line) error {
			scans, err := b.scanByTurns(ctx, lines, 30)
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

// bursts has 500 scans come at once: with the vendor out of reach, until all are on disk, and
// within its reach, until all have arrived. Nothing but the clock, and the time of the last write
// to the file, looks on; the syncs are counted in a burst of its own.
func (b *bench) bursts(ctx context.Context) error {
	const scans, lanes = 500, 50
	found := make(map[string]map[string][]float64) // by line and peer
	note := func(line, peer string, value float64) {
		if found[line] == nil {
			found[line] = make(map[string][]float64)
		}
		found[line][peer] = append(found[line][peer], value)
	}
	// offline has a burst come while the vendor is out of reach, and returns when it began, when
	// the last of it was written, and what the peer took of the machine meanwhile.
	offline := func(l *rig.Line) (began, last time.Time, spent measure.Spent, err error) {
		if err := l.Vendor.Cut(); err != nil {
			return began, last, spent, err
		}
		// One scan finds the vendor out of reach, so that nothing of the attempt is left.
		if _, _, err := l.Scan(0); err != nil {
			return began, last, spent, err
		}
		<-time.After(time.Second)
		before, err := measure.SpentBy(l.PID())
		if err != nil {
			return began, last, spent, err
		}
		if began, err = l.ScanAll(scans, lanes); err != nil {
			return began, last, spent, err
		}
		if last, err = quiet(ctx, l, began); err != nil {
			return began, last, spent, err
		}
		after, err := measure.SpentBy(l.PID())
		return began, last, after.Since(before), errors.Join(err, l.Vendor.Back())
	}
	peers := b.Peers(false)
	for round := range 5 {
		for _, i := range rand.Perm(len(peers)) {
			peer := peers[i]
			if peer == rig.NodeRED && round > 0 {
				continue // it takes a minute
			}
			err := b.with(ctx, peer, rig.Options{}, func(l *rig.Line) error {
				count := l.Vendor.Count()
				before, err := measure.SpentBy(l.PID())
				if err != nil {
					return err
				}
				began, err := l.ScanAll(scans, lanes)
				if err != nil {
					return err
				}
				last, err := l.Vendor.Wait(ctx, count+scans, time.Minute)
				if err != nil {
					return err
				}
				note("delivered", peer, scans/last.Sub(began).Seconds())
				after, err := measure.SpentBy(l.PID())
				if err != nil {
					return err
				}
				note("delivered_cpu", peer, milliseconds(after.Since(before).Processor)/scans)
				return nil
			})
			if err == nil {
				err = b.with(ctx, peer, rig.Options{}, func(l *rig.Line) error {
					began, last, spent, err := offline(l)
					if err != nil {
						return err
					}
					note("recorded", peer, scans/last.Sub(began).Seconds())
					note("recorded_cpu", peer, milliseconds(spent.Processor)/scans)
					return nil
				})
			}
			if err == nil && b.SeesSyncs() != "" && round == 0 {
				err = b.with(ctx, peer, rig.Options{Traced: true}, func(l *rig.Line) error {
					began, _, _, err := offline(l)
					if err != nil {
						return err
					}
					all, err := l.Syncs()
					if err != nil {
						return err
					}
					n := 0
					for _, s := range all {
						if s.Began.After(began) {
							n++
						}
					}
					note("recorded_syncs", peer, float64(n)/scans)
					return nil
				})
			}
			if err := b.besides(ctx, peer, err); err != nil {
				return fmt.Errorf("%s: %w", peer, err)
			}
		}
	}
	for line, by := range found {
		for peer, values := range by {
			b.Set(line, peer, measure.Of(values...))
		}
	}
	return nil
}

// quiet waits until nothing was written to a peer's outbox for a second, and returns when the
// last of it was. One sync is not in it: that of what was written last.
func quiet(ctx context.Context, l *rig.Line, began time.Time) (last time.Time, err error) {
	for time.Since(began) < time.Minute {
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if last, err = l.Written(); err != nil {
			return last, err
		}
		if last.After(began) && time.Since(last) > time.Second {
			return last, nil
		}
	}
	return last, errors.New("it goes on writing for a minute")
}

// startTime is how long after its first scans nothing of a start is under way any more: what only a
// start needs is taken out of memory ten seconds after it.
const startTime = 15 * time.Second

// idle looks at all of them at once while nobody uses them, and at stationd again while its
// page is open.
func (b *bench) idle(ctx context.Context) error {
	long := 20 * time.Second
	if b.full {
		long = 60 * time.Second
	}
	return each(b.Peers(false), func(peer string) error {
		return b.besides(ctx, peer, b.with(ctx, peer, rig.Options{}, func(l *rig.Line) error {
			for i := range 5 { // what only the first scans make is made
				if _, _, err := l.Scan(i); err != nil {
					return err
				}
				<-time.After(200 * time.Millisecond)
			}
			<-time.After(startTime)
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
			if err := b.resident("idle", l); err != nil {
				return err
			}
			if b.full {
				touched, err := measure.TouchedIn(l.PID(), 20*time.Second)
				if err != nil {
					return err
				}
				b.set("idle_touched", peer, measure.Of(float64(touched)/1024))
			}
			if err := l.OpenPage(ctx); err != nil {
				return err
			}
			<-time.After(10 * time.Second)
			if now, _, err = measure.Memory(l.PID()); err != nil {
				return err
			}
			b.set("page_rss", peer, measure.Of(float64(now)/1024))
			return b.resident("page", l)
		}))
	})
}

// resident notes what the memory of a line is, in lines whose names begin with name.
func (b *bench) resident(name string, l *rig.Line) error {
	r, err := measure.ResidentOf(l.PID())
	if err != nil {
		return err
	}
	for part, kibibytes := range map[string]int{"own": r.Own, "code": r.Code, "constants": r.Rest, "mapped": r.Mapped, "lasting": r.Own + r.Lasting} {
		b.set(name+"_"+part, l.Peer, measure.Of(float64(kibibytes)/1024))
	}
	return nil
}

// outageTime is how long the vendor is out of reach.
const outageTime = 130 * time.Second

// outages has fifty scans wait in an outage, each in a lane of its own, and all in one lane, five
// times of each peer; and draws how long it takes until the last has arrived, for ever more lanes,
// three times each. All of them wait at once, and the network comes back to one after the other.
func (b *bench) outages(ctx context.Context) error {
	type scene struct {
		line, peer string // a line of the table; none: a point of the picture
		n, lanes   int
		long       time.Duration
	}
	var scenes []scene
	counts := []int{1, 5, 20, 50, 100, 200, 500}
	long := 40 * time.Second
	for range 3 {
		for _, n := range counts {
			scenes = append(scenes, scene{"", rig.Stationd, n, n, long})
			long += 4 * time.Second
		}
	}
	long = outageTime
	for round := range 5 {
		for _, peer := range b.Peers(false) {
			if peer == rig.NodeRED && round > 2 {
				continue // each of them has a hundred megabytes
			}
			scenes = append(scenes, scene{"outage_lanes", peer, 50, 50, long}, scene{"outage_lane", peer, 50, 1, long + 2*time.Second})
			long += 4 * time.Second
		}
	}
	took, errs := make([]float64, len(scenes)), make([]error, len(scenes))
	var wait sync.WaitGroup
	for i, s := range scenes {
		wait.Go(func() {
			if took[i], errs[i] = b.outage(ctx, s.peer, s.n, s.lanes, s.long); errs[i] != nil {
				errs[i] = b.besides(ctx, s.peer, fmt.Errorf("%s, %d in %d lanes: %w", s.peer, s.n, s.lanes, errs[i]))
				took[i] = -1
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	by, byLanes := make(map[[2]string][]float64), make(map[int][]float64)
	for i, s := range scenes {
		if took[i] < 0 {
			continue
		}
		if s.line == "" {
			byLanes[s.n] = append(byLanes[s.n], took[i])
			continue
		}
		by[[2]string{s.line, s.peer}] = append(by[[2]string{s.line, s.peer}], took[i])
	}
	for at, values := range by {
		b.Set(at[0], at[1], measure.Of(values...))
	}
	curve := report.Curve{Name: rig.Stationd}
	for _, n := range counts {
		f := measure.Of(byLanes[n]...)
		curve.X, curve.Y, curve.High = append(curve.X, float64(n)), append(curve.Y, f.Median), append(curve.High, f.High)
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
	step := max(b.soak/60, 15*time.Second) // of twenty scans and more there is a 95th of a hundred
	err := each(peers, func(peer string) error {
		return b.besides(ctx, peer, b.with(ctx, peer, rig.Options{}, func(l *rig.Line) error {
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
		}))
	})
	if err != nil {
		return err
	}
	for _, peer := range peers {
		if len(latency[peer].X) == 0 {
			continue // it has failed before its first part was over
		}
		b.curve("soak-latency", *latency[peer])
		b.curve("soak-memory", *memory[peer])
	}
	return nil
}
