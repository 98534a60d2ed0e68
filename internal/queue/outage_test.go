package queue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/station"
)

// An unreachable is a vendor behind a network that is down until it is up.
type unreachable struct {
	afterwards
	mu    sync.Mutex
	up    bool
	tries int // that came to nothing
}

func (v *unreachable) away() (station.Receipt, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.up {
		v.tries++
	}
	return station.Receipt{Outcome: station.Unreached, Err: errors.New("no way there")}, !v.up
}

func (v *unreachable) Look(ctx context.Context, d station.Delivery) ([]byte, station.Receipt) {
	if rc, away := v.away(); away {
		return nil, rc
	}
	return v.afterwards.Look(ctx, d)
}

func (v *unreachable) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	if rc, away := v.away(); away {
		return rc
	}
	return v.afterwards.Deliver(ctx, d)
}

// commits is the number of the last transaction.
func (s *station1) commits() int {
	s.Helper()
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	return int(s.box.file.Commits())
}

// a day at the station: something every three minutes, a call one time in four.
const (
	outageLasts = 24 * time.Hour
	every       = 3 * time.Minute
	clockIsSet  = 12 * time.Hour
)

// openDay is a station that has not started yet, with room for a day.
func openDay(t *testing.T) *station1 {
	t.Helper()
	s := open1(t)
	s.stop()
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	s.size = 4 << 20
	return s
}

// day records one thing after the other while the lanes run, and returns what was
// recorded, with the times that were true.
func (s *station1) day(v station.Backend, from, until time.Duration) (made []station.ID, when map[station.ID]time.Time) {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 2)
	for range 2 {
		go func() { ended <- s.box.Run(ctx, "l2l", v) }()
	}
	when = make(map[station.ID]time.Time)
	for at := from; at < until; at += every {
		i := int(at / every)
		var id station.ID
		switch i % 4 {
		case 0:
			id = s.press()
		case 2:
			id = s.hold()
		case 1:
			id = s.scan(fmt.Sprintf("%d/s%d", i%3, i))
		default:
			id = s.scan(fmt.Sprintf("COUNT %d", i%3))
		}
		if id == "" {
			s.Fatalf("%v into the outage nothing was recorded", at)
		}
		made, when[id] = append(made, id), time.Now()
		time.Sleep(every)
	}
	cancel()
	for range 2 {
		if err := <-ended; err != nil {
			s.Fatal(err)
		}
	}
	return made, when
}

func TestOutage(t *testing.T) {
	t.Parallel()
	// in1970 is a board whose clock begins in 1970 at each boot and is set by a time
	// server twelve hours into the outage.
	in1970 := func(boot string, booted, set time.Time) func(time.Time) station.Stamp {
		return func(t time.Time) station.Stamp {
			up := t.Sub(booted)
			if t.Before(set) {
				return station.Stamp{Wall: time.Unix(20, 0).UTC().Add(up), Boot: boot, Up: up}
			}
			return station.Stamp{Wall: t, Boot: boot, Up: up, Trusted: true}
		}
	}
	t.Run("a day without the network, and a clock that is set in its middle: once, in order, with the true times, and nothing written but the records", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := openDay(t), &unreachable{}
			now := time.Now()
			s.stamp = in1970("boot-1", now, now.Add(clockIsSet))
			s.start()
			before := s.commits()
			made, when := s.day(v, 0, outageLasts)
			written := s.commits() - before
			if written != len(made) {
				t.Errorf("%d records in the outage, and %d commits: an outage must write nothing", len(made), written)
			}
			v.up = true
			s.deliver(v, 10*time.Minute)
			s.judge(v, made)
			// Settling costs one for each, and a mark before it for the counts.
			if all := s.commits() - before; all > 2*len(made)+len(made)/4 {
				t.Errorf("%d commits for %d records and what became of them", all, len(made))
			}
			for _, d := range v.attempts() {
				if !d.Exact || d.When.Sub(when[d.ID]).Abs() > time.Second {
					t.Errorf("%s of %v was told as of %v, sure %v", d.Verb, when[d.ID], d.When, d.Exact)
				}
			}
			t.Logf("%d records, %d commits and %d attempts in the outage; %d commits in all", len(made), written, v.tries, s.commits()-before)
		})
	})
	t.Run("a power cut in the outage, before the clock was ever set: times of that boot are told as estimates, between what is known", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := openDay(t), &unreachable{}
			began := time.Now()
			set := began.Add(clockIsSet)
			s.stamp = in1970("boot-1", began, set)
			s.start()
			first, when := s.day(v, 0, 6*time.Hour)
			s.crash()
			cut := time.Now()
			s.stamp = in1970("boot-2", cut, set)
			s.start()
			before := s.commits()
			second, later := s.day(v, 6*time.Hour, outageLasts)
			if written := s.commits() - before; written != len(second) {
				t.Errorf("%d records after the power cut, and %d commits: an outage must write nothing", len(second), written)
			}
			v.up = true
			s.deliver(v, 15*time.Minute)
			s.judge(v, slices.Concat(first, second))
			for _, d := range v.attempts() {
				if d.At.Boot == "boot-2" {
					if !d.Exact || d.When.Sub(later[d.ID]).Abs() > time.Second {
						t.Errorf("%s of %v was told as of %v, sure %v", d.Verb, later[d.ID], d.When, d.Exact)
					}
				} else if d.Exact || d.When.After(cut.Add(time.Second)) {
					t.Errorf("%s of %v, before the clock was ever set, was told as of %v, sure %v", d.Verb, when[d.ID], d.When, d.Exact)
				}
			}
		})
	})
	t.Run("calls that were opened and closed in the outage are told as history, with both true times", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s, v := openDay(t), &unreachable{}
			now := time.Now()
			s.stamp = in1970("boot-1", now, now.Add(time.Hour))
			s.start()
			s.box.setting.Program = recording
			const lasts = 4 * time.Hour
			_, when := s.day(v, 0, lasts)
			time.Sleep(time.Hour) // the last one too is too late to call anybody
			v.up = true
			s.deliver(v, 10*time.Minute)
			told := 0
			for _, d := range v.attempts() {
				if d.Verb == "dispatch.close" {
					t.Errorf("a close of its own: %+v", d)
				}
				if d.Verb != "dispatch.add" {
					continue
				}
				told++
				opened := when[d.ID].UTC().Truncate(time.Second)
				if d.With["reported"] != opened.Format(time.RFC3339) || d.With["completed"] != opened.Add(2*every).Format(time.RFC3339) {
					t.Errorf("the call of %v was told from %s to %s", opened, d.With["reported"], d.With["completed"])
				}
			}
			if want := int(lasts / every / 4); told != want {
				t.Errorf("%d calls were told as history, want %d", told, want)
			}
			if left := s.standings(); len(left) != 0 {
				t.Errorf("%d are left, first %+v", len(left), left[0])
			}
		})
	})
}

// judge finds everything done once, and each lane in the order of its events.
func (s *station1) judge(v *unreachable, made []station.ID) {
	s.Helper()
	if left := s.standings(); len(left) != 0 {
		s.Errorf("%d are left, first %+v", len(left), left[0])
	}
	did := slices.Sorted(slices.Values(v.effects()))
	if want := slices.Sorted(slices.Values(made)); !slices.Equal(did, want) {
		s.Errorf("%d effects of %d entries, or not each once", len(did), len(want))
	}
	last := make(map[string]int)
	for _, d := range v.attempts() {
		i := slices.Index(made, d.ID)
		if before, any := last[d.Lane]; any && before > i {
			s.Errorf("lane %s: the %d. came after the %d.", d.Lane, i, before)
		}
		last[d.Lane] = i
	}
}
