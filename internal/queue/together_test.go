package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"stationd/internal/station"
)

// scansOf are scans that wait together, each a second after the one before.
func (s *station1) scansOf(codes ...string) []station.Emitted {
	all := make([]station.Emitted, len(codes))
	for i, code := range codes {
		all[i].Event = station.Event{Source: "hand", Kind: station.Scan, Code: code, At: s.stamp(time.Now().Add(time.Duration(i) * time.Second))}
	}
	return all
}

// traces are that many codes that trace something each.
func traces(n int) (codes []string) {
	for i := range n {
		codes = append(codes, fmt.Sprintf("1/s%02d", i))
	}
	return codes
}

func TestScansThatWaitTogetherAreOneCommit(t *testing.T) {
	t.Parallel()
	commits := func(s *station1) int { return int(s.box.Snapshot().Commits) }
	t.Run("a hundred scans of one reader are four commits, and on disk in their order with their times", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		before := commits(s)
		all := s.scansOf(traces(100)...)
		s.box.RecordAll(all)
		if made := commits(s) - before; made != 4 {
			t.Errorf("%d commits", made)
		}
		s.crash()
		s.start()
		for i, e := range s.standings() {
			if e.ID != all[i].Event.ID.Entry(1) || e.With["serial"] != fmt.Sprintf("s%02d", i) || e.At != all[i].Event.At {
				t.Errorf("entry %d is %s of %s, at %v", i, e.ID, e.With["serial"], e.At)
			}
			if done := all[i].Result; all[i].Err != nil || len(done.Entries) != 1 || done.Entries[0] != e.ID || done.Note.Kind != station.NoteRecorded {
				t.Errorf("scan %d was told %+v, %v", i, done, all[i].Err)
			}
		}
		if n := len(s.standings()); n != 100 {
			t.Errorf("%d entries", n)
		}
	})
	t.Run("each is decided on what the one before it leaves", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		press := station.Event{Source: "red", Kind: station.Press, At: s.stamp(time.Now())}
		all := []station.Emitted{{Event: press}, {Event: press}}
		s.box.RecordAll(all)
		if a, b := all[0].Result.Note.Kind, all[1].Result.Note.Kind; a != station.NoteRecorded || b != station.NoteAlready || len(all[1].Result.Entries) != 0 {
			t.Errorf("the presses were told %q and %q", a, b)
		}
	})
	t.Run("one that a person must look at is the last of its commit, so that the lamp says it", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		before := commits(s)
		all := s.scansOf("1/a", "what's this", "1/b")
		s.box.RecordAll(all)
		if made := commits(s) - before; made != 2 {
			t.Errorf("%d commits", made)
		}
		for i, want := range []station.NoteKind{station.NoteRecorded, station.NoteUnknown, station.NoteRecorded} {
			if got := all[i].Result.Note.Kind; got != want || all[i].Err != nil {
				t.Errorf("scan %d was told %q, %v", i, got, all[i].Err)
			}
		}
	})
	t.Run("one that cannot be recorded keeps none of the others from it", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		before := commits(s)
		all := s.scansOf("1/a", "", "1/b")
		all[1].Event = station.Event{Source: station.FromCommand, Kind: station.VerbRetry, Data: map[string]string{"entry": "none"}, At: s.stamp(time.Now())}
		s.box.RecordAll(all)
		if made := commits(s) - before; made != 1 || len(s.standings()) != 2 {
			t.Errorf("%d commits, %d entries", made, len(s.standings()))
		}
		if all[0].Err != nil || !errors.Is(all[1].Err, ErrNoEntry) || all[2].Err != nil {
			t.Errorf("they were told %v, %v, %v", all[0].Err, all[1].Err, all[2].Err)
		}
	})
	t.Run("a full outbox refuses each of them, and is no larger than one scan at a time makes it", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		var all []station.Emitted
		for refused := false; !refused; {
			var codes []string
			for i := range station.MostTogether {
				codes = append(codes, fmt.Sprintf("1/%d%s", i, strings.Repeat("x", 7<<10)))
			}
			all = s.scansOf(codes...)
			s.box.RecordAll(all)
			refused = all[0].Err != nil
		}
		for i, e := range all {
			if !errors.Is(e.Err, ErrFull) {
				t.Errorf("scan %d of a full outbox: %v", i, e.Err)
			}
		}
		if fill := s.box.Snapshot().Health.Fill; fill > 1.15 {
			t.Errorf("the outbox is %.2f full", fill)
		}
		s.deliver(&vendor{}, time.Second)
	})
	t.Run("their commit fails: all of them are safe in the spare file, and the next start has each once", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		s.stop()
		s.withDisk(func(*bbolt.Tx) error { return errDisk }, nil)
		all := s.scansOf(traces(station.MostTogether)...)
		s.box.RecordAll(all)
		for i, e := range all {
			if e.Err != nil || len(e.Result.Entries) != 1 {
				t.Errorf("scan %d was told %+v, %v", i, e.Result, e.Err)
			}
		}
		s.stop()
		s.size = 2 << 20
		s.start()
		if n := len(s.standings()); n != station.MostTogether {
			t.Errorf("%d entries", n)
		}
	})
	t.Run("neither their commit nor the spare file can be written: none of them is confirmed", func(t *testing.T) {
		t.Parallel()
		s := open1(t)
		s.stop()
		s.withDisk(func(*bbolt.Tx) error { return errDisk }, func(string, []byte) error { return errDisk })
		all := s.scansOf(traces(2 * station.MostTogether)...)
		s.box.RecordAll(all)
		for i, e := range all {
			if !errors.Is(e.Err, ErrStorage) || len(e.Result.Entries) != 0 {
				t.Errorf("scan %d was told %+v, %v", i, e.Result, e.Err)
			}
		}
	})
	t.Run("a lone press waits for nobody after a burst of one reader", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := open1(t)
			s.box.RecordAll(s.scansOf(traces(station.MostTogether)...))
			began := time.Now()
			s.press()
			if took := time.Since(began); took != 0 {
				t.Errorf("it took %v", took)
			}
		})
	})
}

// A slowVendor keeps everything waiting that it is told until leave is closed.
type slowVendor struct {
	vendor
	leave chan struct{}

	count sync.Mutex // guards under
	under int        // way, at this moment
}

func (v *slowVendor) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	v.add(1)
	<-v.leave
	defer v.add(-1)
	return v.vendor.Deliver(ctx, d)
}

func (v *slowVendor) add(n int) int {
	v.count.Lock()
	defer v.count.Unlock()
	v.under += n
	return v.under
}

// A pacedVendor is one whose pace has room, or not.
type pacedVendor struct {
	*slowVendor
	wait time.Duration
}

func (v pacedVendor) PaceWait() time.Duration { return v.wait }

func TestHowManyDeliveriesAreUnderWayAtOnce(t *testing.T) {
	t.Parallel()
	const workers, lanes = 8, 20
	for name, test := range map[string]struct {
		backend func(*slowVendor) station.Backend
		careful bool
		want    int
	}{
		"as many as there are workers while the pace has room":                     {backend: func(v *slowVendor) station.Backend { return pacedVendor{v, 0} }, want: workers},
		"two where what is sent next waits for the pace":                           {backend: func(v *slowVendor) station.Backend { return pacedVendor{v, time.Second} }, want: leastTurns},
		"two at a vendor of whose pace nobody knows":                               {backend: func(v *slowVendor) station.Backend { return v }, want: leastTurns},
		"two where the process ended unclean twice, for each of them is suspected": {backend: func(v *slowVendor) station.Backend { return pacedVendor{v, 0} }, careful: true, want: leastTurns},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := open1(t)
				s.box.careful = test.careful
				for i := range lanes {
					s.scan(fmt.Sprintf("%d/a", i))
				}
				v := &slowVendor{leave: make(chan struct{})}
				ctx, cancel := context.WithCancel(t.Context())
				var running sync.WaitGroup
				for range workers {
					running.Go(func() {
						if err := s.box.Run(ctx, "l2l", test.backend(v)); err != nil {
							t.Error(err)
						}
					})
				}
				synctest.Wait()
				if n := v.add(0); n != test.want {
					t.Errorf("%d are under way", n)
				}
				close(v.leave)
				<-time.After(time.Minute)
				cancel()
				running.Wait()
				if n := len(s.standings()); n != 0 || len(v.effects()) != lanes {
					t.Errorf("%d entries wait, and %d were delivered", n, len(v.effects()))
				}
			})
		})
	}
}
