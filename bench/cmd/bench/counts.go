package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"stationd/bench/measure"
	"stationd/bench/rig"
	"stationd/bench/store"
)

func keys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

// sizes are those of the program and its package for arm64.
func (b *bench) sizes(context.Context) error {
	for id, path := range map[string]string{"size_arm64": b.arm64, "size_deb": b.deb} {
		if path == "" {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		b.Set(id, rig.Stationd, measure.Of(float64(info.Size())/1e6))
	}
	if b.arm64 == "" {
		return nil
	}
	parts, err := measure.ProgramParts(b.arm64)
	if err != nil {
		return err
	}
	var code float64
	for name, bytes := range parts {
		parts[name] = bytes / 1e6
		if strings.HasPrefix(name, measure.Code) {
			code += bytes / 1e6
		}
	}
	own := parts[measure.OwnCode]
	b.Set("size_own", rig.Stationd, measure.Of(own+parts[measure.Tables]*own/code))
	b.Share("size_arm64", measure.Shares(parts, 12))
	return nil
}

// allocations counts those of a scan and of its delivery.
func (b *bench) allocations(ctx context.Context) error {
	dir := filepath.Join(b.Dir, "allocations")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	m, err := store.CountMallocs(ctx, dir, 300)
	if err != nil {
		return err
	}
	b.Set("mallocs_press", rig.Stationd, measure.Of(m.Press))
	b.Set("mallocs_delivery", rig.Stationd, measure.Of(m.Delivery))
	b.Share("mallocs_press", measure.Shares(m.PressBy, 10))
	b.Share("mallocs_delivery", measure.Shares(m.DeliveryBy, 14))
	return nil
}

// storage compares the outbox with tuned bbolt and with an appended file, and in the full run,
// where they are built, with all the others.
func (b *bench) storage(ctx context.Context) (err error) {
	var rows []store.Row
	if b.full && b.setting.engines != "" {
		rows, err = b.engines(ctx)
	} else {
		rows, err = store.Compare(ctx, b.Dir, store.Kinds(), store.Size{Records: 80, Cycles: 60, Counted: 40, Rounds: 2, Writers: 16, Each: 60})
	}
	if err != nil {
		return err
	}
	b.compared(rows)
	if !b.full {
		return nil
	}
	dir := filepath.Join(b.Dir, "where")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	by, err := store.WhereCyclesGo(ctx, dir, 10*time.Second)
	b.Share("cycle_where", measure.Shares(by, 14))
	return err
}

// engines has the command beside this one compare all of them.
func (b *bench) engines(ctx context.Context) (rows []store.Row, err error) {
	dir := filepath.Join(b.Dir, "engines")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, b.setting.engines, "-dir", dir)
	c.Stderr = os.Stderr
	said, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("the storage engines: %w", err)
	}
	return rows, json.Unmarshal(said, &rows)
}

// compared notes what the outbox comes to beside the others.
func (b *bench) compared(rows []store.Row) {
	b.Stores = rows
	by := make(map[string]store.Row)
	for _, row := range rows {
		by[row.Name] = row
	}
	ours, tuned, limit := by[store.Ours], by[store.Tuned], by[store.Append]
	b.Set("enqueue_x", rig.Stationd, ours.Enqueue.Over(tuned.Enqueue.Median))
	b.Set("writers_x", rig.Stationd, ours.Shared.Over(tuned.Shared.Median))
	b.Set("cycle_x", rig.Stationd, ours.Cycles.Over(limit.Cycles.Median))
	b.Set("sync", rig.Bare, limit.Enqueue)
	b.Set("shared_cpu", rig.Stationd, measure.Of(ours.SharedProcessor))
	b.Set("shared_cpu", store.Tuned, measure.Of(tuned.SharedProcessor))
	if ours.Flushes > 0 {
		for peer, row := range map[string]store.Row{rig.Stationd: ours, store.Tuned: tuned, rig.Bare: limit} {
			b.Set("record_cpu", peer, measure.Of(row.AddProcessor))
			b.Set("cycle_cpu", peer, measure.Of(row.Processor))
		}
		b.Set("cycle_bytes", store.Tuned, measure.Of(tuned.Bytes))
		b.Set("cycle_bytes", rig.Stationd, measure.Of(ours.Bytes))
		b.Set("cycle_bytes", rig.Bare, measure.Of(limit.Bytes))
		b.Set("cycle_flushes", rig.Stationd, measure.Of(ours.Flushes))
		b.Set("cycle_flushes", rig.Bare, measure.Of(limit.Flushes))
	}
}

// each does something with each of some peers at the same time.
func each(peers []string, do func(peer string) error) error {
	errs := make([]error, len(peers))
	var wait sync.WaitGroup
	for i, peer := range peers {
		wait.Go(func() {
			if err := do(peer); err != nil {
				errs[i] = fmt.Errorf("%s: %w", peer, err)
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// besides is an error of a peer as the run takes it: without that peer it goes on, and the document
// says so. Without stationd there is nothing to compare.
func (b *bench) besides(ctx context.Context, peer string, err error) error {
	if err == nil || peer == rig.Stationd || ctx.Err() != nil || errors.Is(err, measure.ErrNoCard) {
		return err
	}
	b.setMu.Lock()
	defer b.setMu.Unlock()
	b.Rig.Missing[peer+", in "+b.part] = shown(err, b.setting.dir).Error()
	return nil
}

// with runs a peer while something is done with it.
func (b *bench) with(ctx context.Context, peer string, o rig.Options, do func(*rig.Line) error) (err error) {
	l, err := b.Start(ctx, peer, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return do(l)
}

// loneBytes counts what a card of its own is told of scans that have no company, each
// recorded and delivered.
func (b *bench) loneBytes(ctx context.Context) error {
	scans, pause := 12, 1500*time.Millisecond
	err := each(b.Peers(true), func(peer string) (err error) {
		defer func() { err = b.besides(ctx, peer, err) }()
		card, err := measure.NewCard(ctx, b.Dir, "card-"+peer[:2], 192)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, card.Close(ctx)) }()
		return b.with(ctx, peer, rig.Options{Dir: filepath.Join(card.Dir, "data")}, func(l *rig.Line) (err error) {
			lone := func() error {
				if _, _, err := l.Scan(0); err != nil {
					return err
				}
				<-time.After(pause)
				return nil
			}
			if err := lone(); err != nil {
				return err
			}
			before, err := card.Told()
			if err != nil {
				return err
			}
			var trace *measure.Trace
			if b.Tracing != nil {
				if trace, err = b.Tracing.TraceWrites(peer[:2], card); err != nil {
					return err
				}
				defer func() { err = errors.Join(err, trace.Close()) }()
			}
			for range scans {
				if err := lone(); err != nil {
					return err
				}
			}
			after, err := card.Told()
			if err != nil {
				return err
			}
			told, n := after.Since(before), float64(scans)
			b.set("lone_bytes", peer, measure.Of(float64(told.Bytes)/n))
			b.set("lone_flushes", peer, measure.Of(float64(told.Flushes)/n))
			if trace == nil {
				return nil
			}
			w, err := trace.Written()
			if err != nil {
				return err
			}
			b.set("lone_synced", peer, measure.Of(float64(w.Synced)/n))
			b.set("lone_later", peer, measure.Of(float64(w.Later)/n))
			b.set("lone_system", peer, measure.Of(float64(w.System)/n))
			return nil
		})
	})
	if errors.Is(err, measure.ErrNoCard) {
		b.Rig.Missing["bytes and flushes at the device"] = err.Error()
		return nil
	}
	return err
}

// set is Set for parts that run side by side.
func (b *bench) set(line, peer string, f measure.Figure) {
	b.setMu.Lock()
	defer b.setMu.Unlock()
	b.Set(line, peer, f)
}

// side runs several peers at once, those that start, and closes them after do.
func (b *bench) side(ctx context.Context, peers []string, o rig.Options, do func([]*rig.Line) error) (err error) {
	var lines []*rig.Line
	defer func() {
		for _, l := range lines {
			err = errors.Join(err, b.besides(ctx, l.Peer, l.Close()))
		}
	}()
	for _, peer := range peers {
		l, err := b.Start(ctx, peer, o)
		if err := b.besides(ctx, peer, err); err != nil {
			return err
		}
		if l != nil {
			lines = append(lines, l)
		}
	}
	return do(lines)
}

// syncs counts those of each scan where ten come in a second and the vendor answers after 20
// to 80 ms, and, in the full run, times how long a lone one takes to be durable.
func (b *bench) syncs(ctx context.Context) error {
	if b.SeesSyncs() == "" {
		b.Rig.Missing["syncs"] = "strace is not there or may trace nothing, and the kernel shows no tracepoints"
		return nil
	}
	rounds, scans, peers := 1, 50, b.Peers(false)
	if b.full {
		rounds, scans, peers = 3, 60, b.Peers(true) // bare C, which is told nothing, is timed alone
	}
	durable, synced, perScan := make(map[string][]float64), make(map[string][]float64), make(map[string][]float64)
	for range rounds {
		err := b.side(ctx, peers, rig.Options{Traced: true}, func(lines []*rig.Line) error {
			if b.full {
				if err := b.timeDurable(ctx, lines, 40, durable, synced); err != nil {
					return err
				}
			}
			counts, by := make(map[string]float64), make(map[string]*rig.Line)
			for _, l := range lines {
				if l.Peer != rig.Bare {
					by[l.Peer] = l
				}
			}
			err := each(slices.Collect(keys(by)), func(peer string) error {
				n, err := countSyncs(ctx, by[peer], scans)
				if err == nil {
					b.setMu.Lock()
					counts[peer] = n
					b.setMu.Unlock()
				}
				return b.besides(ctx, peer, err)
			})
			for peer, n := range counts {
				perScan[peer] = append(perScan[peer], n)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	bare := measure.Of(durable[rig.Bare]...).Median
	for _, peer := range peers { // of one that has failed nothing is set
		b.Set("syncs", peer, measure.Of(perScan[peer]...))
		b.Set("durable", peer, measure.Of(durable[peer]...))
		b.Set("durable_syncs", peer, measure.Of(synced[peer]...))
		b.Set("durable_x", peer, measure.Of(durable[peer]...).Over(bare))
	}
	return nil
}

// A lone is one scan that had no company.
type lone struct{ sent, arrived time.Time }

// scanByTurns scans n times with each of the peers, in an order that chance makes anew, and
// waits for each until its request has come and 150 ms more. Of a peer that fails there are none.
func (b *bench) scanByTurns(ctx context.Context, lines []*rig.Line, n int) ([][]lone, error) {
	for _, l := range lines {
		l.Vendor.AnswerAfter(func() time.Duration { return 40 * time.Millisecond })
		defer l.Vendor.AnswerAfter(func() time.Duration { return 0 })
	}
	all, failed := make([][]lone, len(lines)), make([]bool, len(lines))
	for i := range n {
		for _, p := range rand.Perm(len(lines)) {
			if failed[p] {
				continue
			}
			one, err := scanAlone(ctx, lines[p], i%50)
			if err != nil {
				if err := b.besides(ctx, lines[p].Peer, err); err != nil {
					return nil, fmt.Errorf("%s: %w", lines[p].Peer, err)
				}
				failed[p], all[p] = true, nil
				continue
			}
			all[p] = append(all[p], one)
			<-time.After(150 * time.Millisecond)
		}
	}
	return all, nil
}

// scanAlone scans once, and waits for the request of a peer that makes one.
func scanAlone(ctx context.Context, l *rig.Line, lane int) (one lone, err error) {
	code, sent, err := l.Scan(lane)
	if err != nil || l.Peer == rig.Bare {
		return lone{sent: sent}, err
	}
	arrived, err := l.Vendor.WaitFor(ctx, code, 20*time.Second)
	return lone{sent, arrived}, err
}

// timeDurable times lone scans from their last byte to the end of the last sync before the
// request, or of the first sync of a peer that makes no request, and adds them to took, and to
// synced how long syncs were under way meanwhile.
func (b *bench) timeDurable(ctx context.Context, lines []*rig.Line, n int, took, synced map[string][]float64) error {
	scans, err := b.scanByTurns(ctx, lines, n)
	if err != nil {
		return err
	}
	for p, l := range lines {
		if len(scans[p]) == 0 {
			continue
		}
		all, err := l.Syncs()
		if err != nil {
			return err
		}
		found := 0
		for _, scan := range scans[p] {
			if at := durableAt(all, scan); !at.IsZero() {
				found++
				took[l.Peer] = append(took[l.Peer], milliseconds(at.Sub(scan.sent)))
				synced[l.Peer] = append(synced[l.Peer], milliseconds(within(all, scan.sent, at)))
			}
		}
		if found < n*9/10 {
			return fmt.Errorf("%s: of %d scans only %d were synced before their request", l.Peer, n, found)
		}
	}
	return nil
}

// durableAt is when a scan was on disk: at the end of the last sync between it and its
// request, or, where there is no request, of the first. Zero: of none.
func durableAt(all []measure.Sync, scan lone) (at time.Time) {
	for _, s := range all {
		switch {
		case s.Began.Before(scan.sent):
		case scan.arrived.IsZero():
			if at.IsZero() {
				at = s.End
			}
		case s.End.Before(scan.arrived) && s.End.After(at):
			at = s.End
		}
	}
	return at
}

// within is how long the syncs were that began and ended between two moments.
func within(all []measure.Sync, from, to time.Time) (long time.Duration) {
	for _, s := range all {
		if !s.Began.Before(from) && !s.End.After(to) {
			long += s.End.Sub(s.Began)
		}
	}
	return long
}

// countSyncs counts the syncs of n scans, ten a second.
func countSyncs(ctx context.Context, l *rig.Line, n int) (perScan float64, err error) {
	l.Vendor.AnswerAfter(func() time.Duration { return time.Duration(20+rand.IntN(61)) * time.Millisecond })
	<-time.After(time.Second)
	before, err := l.Syncs()
	if err != nil {
		return 0, err
	}
	count := l.Vendor.Count()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for i := range n {
		<-tick.C
		if _, _, err := l.Scan(i % 50); err != nil {
			return 0, err
		}
	}
	if _, err := l.Vendor.Wait(ctx, count+n, 30*time.Second); err != nil {
		return 0, err
	}
	<-time.After(time.Second)
	after, err := l.Syncs()
	return float64(len(after)-len(before)) / float64(n), err
}
