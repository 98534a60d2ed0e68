package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"stationd/bench/measure"
)

// A Row is what was measured of one kind.
type Row struct {
	Name     string         `json:"name"`
	Version  string         `json:"version,omitempty"`
	Note     string         `json:"note"`
	Enqueue  measure.Figure `json:"enqueue_ms"`      // one writer, a backlog that grows
	Shared   measure.Figure `json:"shared_per_s"`    // sixteen writers, records a second
	Cycles   measure.Figure `json:"cycles_per_s"`    // recorded, delivered, taken off
	Bytes    float64        `json:"cycle_bytes"`     // at the block device, the journal of ext4 with it; 0: not counted
	Flushes  float64        `json:"cycle_flushes"`   // at the block device
	AddBytes float64        `json:"enqueue_bytes"`   // at the block device
	AddFlush float64        `json:"enqueue_flushes"` // at the block device

	// What the process takes of a processor for a record and for a cycle, in ms, its system calls
	// with it; of one writer, and, for a record, of many at once.
	Processor       float64 `json:"cycle_processor_ms,omitempty"`
	AddProcessor    float64 `json:"enqueue_processor_ms,omitempty"`
	SharedProcessor float64 `json:"shared_processor_ms,omitempty"`
}

// A Size says how much is measured.
type Size struct {
	Records, Cycles, Counted, Rounds int // Counted are the records and the cycles on the card
	Writers, Each                    int // records of each writer
}

// Compare measures kinds by turns in folders under dir, in an order that chance makes anew
// for each record, and counts what a block device is told of each alone, where a card can
// be made.
func Compare(ctx context.Context, dir string, kinds []Kind, size Size) ([]Row, error) {
	rows := make([]Row, len(kinds))
	enqueue, shared, cycles := make([][]float64, len(kinds)), make([][]float64, len(kinds)), make([][]float64, len(kinds))
	processor := make([][]float64, len(kinds))
	for i, k := range kinds {
		rows[i] = Row{Name: k.Name, Version: k.Version, Note: k.Note}
	}
	for range size.Rounds {
		got, err := byTurns(ctx, dir, kinds, size.Records, Store.Put)
		if err != nil {
			return nil, err
		}
		for i := range kinds {
			enqueue[i] = append(enqueue[i], measure.Milliseconds(got[i])...)
		}
		if got, err = byTurns(ctx, dir, kinds, size.Cycles, Store.Cycle); err != nil {
			return nil, err
		}
		for i := range kinds {
			var all time.Duration
			for _, d := range got[i] {
				all += d
			}
			cycles[i] = append(cycles[i], float64(len(got[i]))/all.Seconds())
		}
		for _, i := range rand.Perm(len(kinds)) {
			perSecond, took, err := together(dir, kinds[i], size.Writers, size.Each)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", kinds[i].Name, err)
			}
			shared[i], processor[i] = append(shared[i], perSecond), append(processor[i], took)
		}
	}
	for i := range kinds {
		rows[i].Enqueue, rows[i].Shared, rows[i].Cycles = measure.Of(enqueue[i]...), measure.Of(shared[i]...), measure.Of(cycles[i]...)
		rows[i].SharedProcessor = measure.Of(processor[i]...).Median
		if err := count(ctx, dir, kinds[i], size.Counted, &rows[i]); err != nil && !errors.Is(err, measure.ErrNoCard) {
			return nil, fmt.Errorf("%s: %w", kinds[i].Name, err)
		}
	}
	return rows, nil
}

// byTurns does one thing n times with each kind, one after the other.
func byTurns(ctx context.Context, dir string, kinds []Kind, n int, do func(Store, []byte) error) (took [][]time.Duration, err error) {
	work, err := os.MkdirTemp(dir, "turns")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	stores := make([]Store, len(kinds))
	defer func() {
		for _, s := range stores {
			if s != nil {
				err = errors.Join(err, s.Close())
			}
		}
	}()
	for i, k := range kinds {
		if stores[i], err = open(k, filepath.Join(work, fmt.Sprint(i)), 1); err != nil {
			return nil, err
		}
	}
	took = make([][]time.Duration, len(kinds))
	for n := range n {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, i := range rand.Perm(len(kinds)) {
			record := Record(n)
			began := time.Now()
			if err := do(stores[i], record); err != nil {
				return nil, fmt.Errorf("%s: %w", kinds[i].Name, err)
			}
			took[i] = append(took[i], time.Since(began))
		}
	}
	return took, nil
}

func open(k Kind, dir string, writers int) (Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s, err := k.Open(dir, writers)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.Name, err)
	}
	return s, nil
}

// together has writers put records at once, and returns how many a second are synced, and what
// each takes of a processor, in ms.
func together(dir string, k Kind, writers, each int) (perSecond, processor float64, err error) {
	work, err := os.MkdirTemp(dir, "together")
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	s, err := open(k, work, writers)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	errs := make([]error, writers)
	var wait sync.WaitGroup
	before, err := measure.Own()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	for w := range writers {
		wait.Go(func() {
			for i := range each {
				if errs[w] = s.Put(Record(i)); errs[w] != nil {
					return
				}
			}
		})
	}
	wait.Wait()
	n, seconds := float64(writers*each), time.Since(began).Seconds()
	after, err := measure.Own()
	return n / seconds, (after - before).Seconds() * 1000 / n, errors.Join(append(errs, err)...)
}

// settler is a Store that takes off what was delivered in its own time.
type settler interface{ Settled() error }

// count counts what a card of its own is told of n records, and of n cycles.
func count(ctx context.Context, dir string, k Kind, n int, row *Row) error {
	for _, part := range []struct {
		do                        func(Store, []byte) error
		bytes, flushes, processor *float64
	}{{Store.Put, &row.AddBytes, &row.AddFlush, &row.AddProcessor}, {Store.Cycle, &row.Bytes, &row.Flushes, &row.Processor}} {
		err := func() (err error) {
			card, err := measure.NewCard(ctx, dir, "card", 192)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, card.Close(ctx)) }()
			s, err := open(k, filepath.Join(card.Dir, "store"), 1)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			if err := part.do(s, Record(0)); err != nil { // the first is the file's own making
				return err
			}
			before, err := card.Told()
			if err != nil {
				return err
			}
			began, err := measure.Own()
			if err != nil {
				return err
			}
			for i := range n {
				if err := part.do(s, Record(i+1)); err != nil {
					return err
				}
			}
			ended, err := measure.Own()
			if err != nil {
				return err
			}
			*part.processor = (ended - began).Seconds() * 1000 / float64(n)
			if late, is := s.(settler); is && part.bytes == &row.Bytes {
				if err := late.Settled(); err != nil {
					return err
				}
			}
			after, err := card.Told()
			told := after.Since(before)
			*part.bytes, *part.flushes = float64(told.Bytes)/float64(n), float64(told.Flushes)/float64(n)
			return err
		}()
		if err != nil {
			return err
		}
	}
	return nil
}
