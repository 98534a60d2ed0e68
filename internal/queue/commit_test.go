package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/station"
)

// Within synctest time passes only while everybody waits, so that what is counted here is the
// same on every machine.
func TestCommitsAreShared(t *testing.T) {
	t.Parallel()
	scan := func(s *station1, code string) {
		if _, err := s.box.Record(station.Event{Source: "hand", Kind: station.Scan, Code: code, At: s.stamp(time.Now())}); err != nil {
			s.Error(err)
		}
	}
	commits := func(s *station1) int { return int(s.box.Snapshot().Commits) }
	together := func(s *station1, each int) {
		var running sync.WaitGroup
		for w := range 16 {
			running.Go(func() {
				for i := range each {
					scan(s, fmt.Sprintf("%d/n%d", w, i))
				}
			})
		}
		running.Wait()
	}
	t.Run("sixteen readers that scan without end need a commit for about sixteen scans", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			before := commits(s)
			const each, most = 60, 95 // 60 would be all of them together each time
			together(s, each)
			if made := commits(s) - before; made > most {
				t.Errorf("%d commits for %d scans, at most %d", made, 16*each, most)
			}
		})
	})
	t.Run("a lone press waits for nobody, whoever shared the commit before", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			together(s, 2)
			<-time.After(2 * gatherWithin)
			began := time.Now()
			scan(s, "1/alone")
			if took := time.Since(began); took != 0 {
				t.Errorf("it took %v", took)
			}
		})
	})
	t.Run("ten scans a second, each answered after 20 to 80 ms: the delivery is written with the next scan", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			n := 0
			v := &vendor{answer: func(d station.Delivery) (bool, station.Receipt) {
				<-time.After(time.Duration(20+10*(n%7)) * time.Millisecond)
				n++
				return true, station.Receipt{Outcome: station.Delivered}
			}}
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			for range 2 {
				running.Go(func() {
					if err := s.box.Run(ctx, "l2l", v); err != nil {
						t.Error(err)
					}
				})
			}
			before := commits(s)
			const scans, more = 100, 3 // before the pace is known, and after the last
			for i := range scans {
				scan(s, fmt.Sprintf("%d/n%d", i%3, i))
				<-time.After(100 * time.Millisecond)
			}
			<-time.After(time.Second)
			cancel()
			running.Wait()
			if made := commits(s) - before; made > scans+more || len(v.effects()) != scans {
				t.Errorf("%d commits for %d scans and %d deliveries, at most %d", made, scans, len(v.effects()), scans+more)
			}
		})
	})
	t.Run("a delivery behind which something waits is written at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			const scans = 50
			for i := range scans {
				scan(s, fmt.Sprintf("1/n%d", i))
			}
			began := time.Now()
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- s.box.Run(ctx, "l2l", &vendor{}) }()
			for s.box.Snapshot().Waiting > 0 {
				<-s.box.Changed()
			}
			if took := time.Since(began); took > batchWindow { // the last may wait for company
				t.Errorf("%d deliveries of one lane took %v", scans, took)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("a lone press that is answered at once is written as delivered at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			scan(s, "1/before")
			<-time.After(2 * busyWithin)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- s.box.Run(ctx, "l2l", &vendor{}) }()
			for s.box.Snapshot().Waiting > 0 {
				<-s.box.Changed()
			}
			<-time.After(2 * busyWithin)
			began := time.Now()
			scan(s, "1/alone")
			for s.box.Snapshot().Waiting > 0 {
				<-s.box.Changed()
			}
			if took := time.Since(began); took != 0 {
				t.Errorf("it took %v", took)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
}

// Whoever answers a person goes on after a panic, as net/http does; and a commit that such a
// goroutine makes has the presses of others in it.
func TestAPressIsNotConfirmedWhoseCommitEndedInAPanic(t *testing.T) {
	t.Parallel()
	s := open1(t)
	press := func() *queuedChange {
		return s.box.queued.add(func(b *batch) error {
			_, err := b.record(station.Event{ID: station.NewID(), Source: "hand", Kind: station.Scan, Code: "1/a", At: s.stamp(time.Now())})
			return err
		}, true)
	}
	before := press()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("there was no panic: this test proves nothing")
			}
		}()
		_ = s.box.write(func(*batch) error { panic("a fault of the program") })
	}()
	for when, err := range map[string]error{
		"in that commit": s.box.commitQueued(before),
		"after it, from memory that is ahead of the disk": s.box.commitQueued(press()),
	} {
		if !errors.Is(err, ErrStorage) {
			t.Errorf("a press %s: %v", when, err)
		}
	}
	if err := s.box.Err(); !errors.Is(err, ErrStorage) {
		t.Errorf("the outbox says %v", err)
	}
}
