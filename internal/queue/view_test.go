package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// consistent compares what everybody is told with the lanes, and with the records on
// disk.
func (s *station1) consistent() {
	s.Helper()
	s.box.mu.Lock()
	var waiting, held places
	for _, l := range s.box.index.lanes {
		for _, slot := range l.slots {
			if slot.held {
				held = append(held, slot.at)
			} else {
				waiting = append(waiting, slot.at)
			}
		}
	}
	slices.Sort(waiting)
	slices.Sort(held)
	if !slices.Equal(waiting, s.box.index.waiting) || !slices.Equal(held, s.box.index.held) {
		s.Errorf("the lanes have %v waiting and %v held, the lists %v and %v", waiting, held, s.box.index.waiting, s.box.index.held)
	}
	s.box.goesOn(s.T)
	s.box.keepsWhatTheDiskHas(s.T)
	s.box.mu.Unlock()
	var all station.Tally
	shown := s.box.Snapshot()
	for _, t := range shown.State.Sources {
		all.Waiting += t.Waiting
		all.Held += t.Held
	}
	if all.Waiting != shown.Waiting || all.Held != shown.Held {
		s.Errorf("%d waiting and %d held are shown, the state counts %+v", shown.Waiting, shown.Held, all)
	}
}

// keepsWhatTheDiskHas compares the entries that are kept in memory with the disk.
func (o *Outbox) keepsWhatTheDiskHas(t *testing.T) {
	t.Helper()
	for i, at := range o.lately.places {
		if at == 0 {
			continue
		}
		var e format.Entry
		err := o.file.View(func(tx *format.Tx) (err error) {
			e, err = entryAt(tx, at)
			return err
		})
		disk, failed := json.Marshal(e)
		kept, failedToo := json.Marshal(o.lately.entries[i])
		if err := errors.Join(err, failed, failedToo); err != nil || string(disk) != string(kept) {
			t.Errorf("%v: memory has %s, the disk %s, %v", at, kept, disk, err)
		}
	}
}

// goesOn compares what entries are said to wait behind with what their lanes do: the
// head of a lane waits behind nothing, and where there is none, all do.
func (o *Outbox) goesOn(t *testing.T) {
	t.Helper()
	behind := o.index.behind(o.index.waiting)
	for _, l := range o.index.lanes {
		head := l.head()
		if head >= 0 && behind[l.slots[head].at] != 0 {
			t.Errorf("lane %s: its head is said to wait behind something held", l.name)
		}
		for _, s := range l.slots {
			if held := behind[s.at]; held != 0 && (s.held || !l.slots[l.find(held)].held) {
				t.Errorf("lane %s: %v is said to wait behind %v", l.name, s.at, held)
			}
			if head < 0 && !s.held && behind[s.at] == 0 {
				t.Errorf("lane %s stands still, and %v is not said to wait behind anything", l.name, s.at)
			}
		}
	}
}

// scans records n scans of parts, in ten lanes.
func (s *station1) scans(n int) {
	s.Helper()
	var hands sync.WaitGroup
	numbers := make(chan int)
	for range 32 { // they share their commits
		hands.Go(func() {
			for i := range numbers {
				_, err := s.box.Record(station.Event{Source: "hand", Kind: station.Scan, Code: fmt.Sprintf("%d/n%d", i%10, i), At: s.stamp(time.Now())})
				if err != nil {
					s.Error(err)
				}
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	hands.Wait()
}

func TestALookAtAFullOutboxReadsOnlyWhatIsShown(t *testing.T) {
	t.Parallel()
	s := open1(t)
	s.stop()
	s.size = 8 << 20
	s.start()
	const n = 4000
	s.scans(n)
	s.consistent()
	before := s.box.read.Load()
	for range 100 {
		if got := s.box.Snapshot(); got.Waiting != n || got.Oldest == (station.Stamp{}) {
			t.Fatalf("%d waiting since %v", got.Waiting, got.Oldest)
		}
	}
	if read := s.box.read.Load() - before; read != 0 {
		t.Errorf("a hundred looks read %d records", read)
	}
	c, err := s.box.Contents(station.Limit{Held: 50, Waiting: 12, Unknown: 20})
	if err != nil || len(c.Entries) != 12 || c.Waiting != n {
		t.Errorf("%d entries are listed of %d: %v", len(c.Entries), c.Waiting, err)
	}
	if read := s.box.read.Load() - before; read != 12 {
		t.Errorf("a list of 12 reads %d records", read)
	}
	press := s.box.read.Load()
	s.press()
	if read := s.box.read.Load() - press; read > 1 {
		t.Errorf("a press reads %d records for those who look", read)
	}
}

func TestNobodyWhoLooksWaitsForTheCard(t *testing.T) {
	t.Parallel()
	s := open1(t)
	s.scan("1/a")
	s.scan("unknown")
	writing, written := make(chan struct{}), make(chan struct{})
	begun := sync.OnceFunc(func() { close(writing) })
	s.stop()
	s.withDisk(func(tx *bbolt.Tx) error {
		begun()
		<-written
		return tx.Commit()
	}, nil)
	recorded := make(chan error, 1)
	go func() {
		_, err := s.box.Record(station.Event{Source: "hand", Kind: station.Scan, Code: "1/b", At: s.stamp(time.Now())})
		recorded <- err
	}()
	<-writing
	looked := make(chan error, 1)
	go func() {
		var faults []error
		if got := s.box.Snapshot(); got.Waiting != 1 || got.Kept != 1 || s.box.State().Sources["hand"].Waiting != 1 {
			faults = append(faults, fmt.Errorf("while it is written, %d wait", got.Waiting))
		}
		faults = append(faults, s.box.Err())
		s.box.Faults()
		s.box.Changed()
		c, err := s.box.Contents(station.Limit{Held: mostListed, Waiting: mostListed, Unknown: mostListed})
		if len(c.Entries) != 1 || len(c.Kept) != 1 {
			faults = append(faults, fmt.Errorf("while it is written, %d are listed", len(c.Entries)))
		}
		looked <- errors.Join(append(faults, err)...)
	}()
	select {
	case err := <-looked:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("who looks waits for the commit")
	}
	close(written)
	if err := <-recorded; err != nil {
		t.Error(err)
	}
	if got := s.box.Snapshot().Waiting; got != 2 {
		t.Errorf("when it is written, %d wait", got)
	}
}

func TestAListIsTheOutboxAtOneMoment(t *testing.T) {
	t.Parallel()
	s := open1(t)
	one := s.scan("1/a")
	onDisk, goOn := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(onDisk) })
	s.stop()
	s.withDisk(func(tx *bbolt.Tx) error {
		err := tx.Commit()
		once()
		<-goOn
		return err
	}, nil)
	ended := make(chan error, 1)
	go func() {
		// One entry goes and another comes, so that there is always one.
		ended <- s.box.write(func(b *batch) error {
			l, at, err := b.find(one)
			if err != nil {
				return err
			}
			e, err := b.entry(at)
			if err != nil {
				return err
			}
			b.state = b.state.Drop(e.Entry, e.Condition)
			if err := b.end(l, at, e, station.FateDiscarded, ""); err != nil {
				return err
			}
			_, err = b.record(station.Event{ID: station.NewID(), Source: "hand", Kind: station.Scan, Code: "1/b", At: s.stamp(time.Now())})
			return err
		})
	}()
	<-onDisk
	listed := make(chan []station.EntryStatus, 1)
	go func() {
		c, err := s.box.Contents(station.NoLimit())
		if err != nil {
			t.Error(err)
		}
		listed <- c.Entries
	}()
	select {
	case entries := <-listed:
		t.Errorf("the disk was ahead of what everybody sees, and the list is %+v", entries)
		close(goOn)
	case <-time.After(100 * time.Millisecond):
		close(goOn)
		if entries := <-listed; len(entries) != 1 || entries[0].ID == one {
			t.Errorf("the list is %+v", entries)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAListOfTheOutboxIsTheSameOfItsFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open1(t)
		for i := range 7 {
			s.scan(fmt.Sprintf("%d/a", i))
		}
		for i := range 5 {
			s.scan(fmt.Sprintf("nobody knows %d", i))
		}
		s.deliver(&vendor{answer: func(d station.Delivery) (bool, station.Receipt) {
			if strings.HasSuffix(d.Lane, ":1") || strings.HasSuffix(d.Lane, ":3") || strings.HasSuffix(d.Lane, ":5") {
				return false, station.Receipt{Outcome: station.Refused, Err: errors.New("no such order")}
			}
			return false, station.Receipt{Outcome: station.Unreached, Err: errors.New("no network")}
		}}, time.Minute)
		s.consistent()
		limits := []station.Limit{station.NoLimit(), {}, {Held: 1, Waiting: 2, Unknown: 3}, {Held: 100, Waiting: 100, Unknown: 100}, {Held: -1, Unknown: 1}}
		var running []station.Contents
		for _, limit := range limits {
			c, err := s.box.Contents(limit)
			if err != nil {
				t.Fatal(err)
			}
			running = append(running, c)
		}
		some := running[2]
		var codes []string
		for _, ev := range some.Kept {
			codes = append(codes, ev.Code)
		}
		if len(some.Entries) != 3 || some.Totals != (station.Totals{Waiting: 4, Held: 3, Unknown: 5}) || !slices.Equal(codes, []string{"nobody knows 2", "nobody knows 3", "nobody knows 4"}) {
			t.Errorf("one held, two waiting and three unknown are %+v", some)
		}
		if !slices.IsSortedFunc(some.Entries, func(a, b station.EntryStatus) int { return int(a.Seq) - int(b.Seq) }) {
			t.Error("they are not in the order of their events")
		}
		s.stop()
		for i, limit := range limits {
			c, err := ReadContents(s.path, limit)
			if diff := cmp.Diff(running[i], c); diff != "" || err != nil {
				t.Errorf("%+v of the file: %v (-running +file)\n%s", limit, err, diff)
			}
		}
		if calls, err := ReadState(s.path); err != nil || calls.Sources["hand"].Held != 3 {
			t.Errorf("the state of the file: %+v, %v", calls, err)
		}
		s.start()
		s.consistent()
	})
}

func TestAnEntryIsFoundByTheBeginningOfItsIDAndItsEndIsRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open1(t)
		id, other := s.scan("1/a"), s.scan("2/a")
		unknown := s.record(station.Event{Source: "hand", Kind: station.Scan, Code: "???"}).ID
		for begins, want := range map[string]station.ID{string(id)[:12]: id, string(other.Event()): other, string(unknown)[:9]: unknown} {
			if found, err := s.box.Find(begins); err != nil || !slices.Equal(found, []station.ID{want}) {
				t.Errorf("%s is found as %v, %v", begins, found, err)
			}
		}
		if found, err := s.box.Find("zz"); err != nil || len(found) != 0 {
			t.Errorf("what is not there is found as %v, %v", found, err)
		}
		if e, ended, err := s.box.Standing(id); err != nil || e == nil || e.ID != id || e.Condition != station.Waiting || ended != nil {
			t.Errorf("it stands as %+v, ended as %+v, %v", e, ended, err)
		}
		s.deliver(&vendor{}, time.Minute)
		e, ended, err := s.box.Standing(id)
		if want := (station.Ended{What: station.FateDelivered, Ref: "ref-" + id.Short()}); err != nil || e != nil || ended == nil || *ended != want {
			t.Errorf("after it was delivered it stands as %+v, ended as %+v, %v", e, ended, err)
		}
	})
}

func TestEndsAreRememberedUpToANumber(t *testing.T) {
	t.Parallel()
	var e recentEnds
	for i := range 3 * mostEnded {
		e.add([]HistoryLine{{What: "delivered", ID: station.ID(fmt.Sprint(i))}, {What: "recorded", ID: "x"}})
	}
	if len(e.of) != mostEnded || len(e.order) != mostEnded {
		t.Errorf("%d ends are remembered, in an order of %d", len(e.of), len(e.order))
	}
	if _, known := e.of[station.ID(fmt.Sprint(3*mostEnded-1))]; !known {
		t.Error("the last one is forgotten")
	}
}

// BenchmarkLook is what a look costs while so many wait: it is the same for all of
// them.
func BenchmarkLook(b *testing.B) {
	for _, n := range []int{10, 1000, 50_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			o := boxOn(b, filepath.Join(b.TempDir(), "outbox.db"), 1<<20)
			o.schedule.contacts["l2l"] = station.Contact{}
			for i := range n {
				o.index.waiting.add(format.PlaceOf(uint64(i+1), 1))
			}
			b.ReportAllocs()
			for b.Loop() {
				o.publish()
			}
		})
	}
}

func TestTheLanesAreListedAsTheyAreAfterEachCommit(t *testing.T) {
	t.Parallel()
	box := boxOn(t, filepath.Join(t.TempDir(), "outbox.db"), 8<<20)
	for i, want := range []string{"[l2l/order:1 1/0]", "[l2l/order:1 1/0 l2l/order:2 1/0]", "[l2l/order:2 2/0 l2l/order:1 1/0]"} {
		code := []string{"1/a", "2/b", "2/c"}[i]
		if _, err := box.Record(station.Event{Source: "hand", Kind: station.Scan, Code: code, At: box.setting.Stamp(time.Now())}); err != nil {
			t.Fatal(err)
		}
		var got []string
		lanes, all := box.Lanes(10)
		for _, l := range lanes {
			got = append(got, fmt.Sprintf("%s %d/%d", l.Name, l.Waiting, l.Held))
		}
		if fmt.Sprint(got) != want || all != len(lanes) {
			t.Errorf("%v of %d, want %s", got, all, want)
		}
	}
}
