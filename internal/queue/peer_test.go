package queue

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// This file measures the outbox against what people would use instead, in one run: bbolt with
// the same options and one put a record, and a plain file that is appended to, with a cursor
// beside it. Their records are as long as what the outbox writes of the same scan.

// goods is a scan as goods have it: a GS1 label with its values.
func goods(i int, at station.Stamp) station.Event {
	return station.Event{
		ID: station.NewID(), Source: "hand", Kind: station.Scan, At: at,
		Code: fmt.Sprintf("%d/%08d", 4711+i%7, i),
		Data: map[string]string{"gs1.01": "09506000134352", "gs1.10": "B7-2211", "gs1.21": fmt.Sprintf("%08d", i), "symbology": "]d2"},
	}
}

// goodsBytes is what the records of such a scan come to: event, entry and state.
const goodsBytes = 1500

// A tunedBolt is bbolt with the options of the outbox, and nothing else.
type tunedBolt struct {
	*bbolt.DB
	value []byte
}

func openTunedBolt(b testing.TB, dir string) tunedBolt {
	b.Helper()
	path := filepath.Join(dir, "tuned.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		PageSize: format.PageSize, Timeout: time.Second, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType,
		NoStatistics: true, InitialMmapSize: 64 << 20,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if err := db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("q")); return err }); err != nil {
		b.Fatal(err)
	}
	writeZeros(b, path, 64<<20)
	return tunedBolt{db, make([]byte, goodsBytes)}
}

// writeZeros makes a file as long as that, with blocks of its own.
func writeZeros(b testing.TB, path string, size int64) {
	b.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	end, err := f.Seek(0, 2)
	if err != nil {
		b.Fatal(err)
	}
	for zeros := make([]byte, 1<<20); end < size; end += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(size-end, int64(len(zeros)))], end); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
}

// put puts one record.
func (t tunedBolt) put(tx *bbolt.Tx) error {
	q := tx.Bucket([]byte("q"))
	q.FillPercent = 0.95
	n, err := q.NextSequence()
	if err != nil {
		return err
	}
	return q.Put(binary.BigEndian.AppendUint64(nil, n), t.value)
}

// A plainFile is a log of records in a file of a fixed size, and a cursor in another that says
// what of it is done.
type plainFile struct {
	log, cursor *os.File
	value       []byte
	at          int64
}

func openPlainFile(b testing.TB, dir string) *plainFile {
	b.Helper()
	p := &plainFile{value: make([]byte, goodsBytes)}
	for name, f := range map[string]**os.File{"log": &p.log, "cursor": &p.cursor} {
		path := filepath.Join(dir, name)
		writeZeros(b, path, 8<<20)
		var err error
		if *f, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { (*f).Close() })
	}
	return p
}

// append writes a record durably, and done that it is done with.
func (p *plainFile) append(b testing.TB) {
	b.Helper()
	if p.at += int64(len(p.value)); p.at > 7<<20 {
		p.at = 0
	}
	if _, err := p.log.WriteAt(p.value, p.at); err != nil {
		b.Fatal(err)
	}
	if err := unix.Fdatasync(int(p.log.Fd())); err != nil {
		b.Fatal(err)
	}
}

func (p *plainFile) done(b testing.TB) {
	b.Helper()
	if _, err := p.cursor.WriteAt(binary.BigEndian.AppendUint64(nil, uint64(p.at)), 0); err != nil {
		b.Fatal(err)
	}
	if err := unix.Fdatasync(int(p.cursor.Fd())); err != nil {
		b.Fatal(err)
	}
}

func (o *Outbox) recordGoods(b testing.TB, i int) {
	b.Helper()
	if _, err := o.Record(goods(i, o.setting.Stamp(time.Now()))); err != nil {
		b.Error(err)
	}
}

// BenchmarkEnqueue has one writer.
func BenchmarkEnqueue(b *testing.B) {
	dir := b.TempDir()
	box, bolt, plain := boxOn(b, filepath.Join(dir, "outbox.db"), 64<<20), openTunedBolt(b, dir), openPlainFile(b, dir)
	var ours, theirs, bare []time.Duration
	took := func(all *[]time.Duration, do func()) {
		began := time.Now()
		do()
		*all = append(*all, time.Since(began))
	}
	for i := range b.N {
		took(&ours, func() { box.recordGoods(b, i) })
		took(&theirs, func() {
			if err := bolt.Update(bolt.put); err != nil {
				b.Fatal(err)
			}
		})
		took(&bare, func() { plain.append(b) })
	}
	b.ReportMetric(float64(median(ours))/float64(median(theirs)), "x-bolt-p50")
	b.ReportMetric(float64(median(ours))/float64(median(bare)), "x-append-p50")
	b.ReportMetric(float64(median(ours).Microseconds()), "us-p50")
}

// BenchmarkWriters has sixteen writers at once: the ratio is of records a second.
func BenchmarkWriters(b *testing.B) {
	const writers = 16
	dir := b.TempDir()
	box, bolt := boxOn(b, filepath.Join(dir, "outbox.db"), 64<<20), openTunedBolt(b, dir)
	bolt.MaxBatchDelay = time.Millisecond
	each := max(1, b.N/writers)
	all := func(do func(i int)) time.Duration {
		began := time.Now()
		var running sync.WaitGroup
		for w := range writers {
			running.Go(func() {
				for i := range each {
					do(w*each + i)
				}
			})
		}
		running.Wait()
		return time.Since(began)
	}
	before := box.Snapshot().Commits
	ours := all(func(i int) { box.recordGoods(b, i) })
	commits := box.Snapshot().Commits - before
	batch := all(func(int) {
		if err := bolt.Batch(bolt.put); err != nil {
			b.Error(err)
		}
	})
	update := all(func(int) {
		if err := bolt.Update(bolt.put); err != nil {
			b.Error(err)
		}
	})
	b.ReportMetric(float64(batch)/float64(ours), "x-bolt-batch")
	b.ReportMetric(float64(update)/float64(ours), "x-bolt-update")
	b.ReportMetric(float64(each*writers)/ours.Seconds(), "records/s")
	b.ReportMetric(float64(each*writers)/float64(commits), "records/commit")
}

// BenchmarkCycle has a scan recorded, delivered and gone, one after another: what the outbox
// does in one commit where the next scan comes at once. The ratio is of cycles a second,
// against a plain file that is appended to and a cursor.
func BenchmarkCycle(b *testing.B) {
	dir := b.TempDir()
	box, plain := boxOn(b, filepath.Join(dir, "outbox.db"), 64<<20), openPlainFile(b, dir)
	arrived := make(chan struct{}, 1)
	v := &vendor{answer: func(station.Delivery) (bool, station.Receipt) {
		arrived <- struct{}{}
		return true, station.Receipt{Outcome: station.Delivered, Ref: "4711"}
	}}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 2)
	for range 2 {
		go func() { ended <- box.Run(ctx, "l2l", v) }()
	}
	before := box.Snapshot().Commits
	var ours, theirs []time.Duration
	for i := range b.N {
		began := time.Now()
		box.recordGoods(b, i)
		<-arrived
		ours = append(ours, time.Since(began))
		began = time.Now()
		plain.append(b)
		plain.done(b)
		theirs = append(theirs, time.Since(began))
	}
	for box.Snapshot().Waiting > 0 {
		<-box.Changed()
	}
	commits := box.Snapshot().Commits - before
	cancel()
	for range 2 {
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}
	b.ReportMetric(float64(median(theirs))/float64(median(ours)), "x-append-cursor")
	b.ReportMetric(float64(median(ours).Microseconds()), "us-p50")
	b.ReportMetric(float64(commits)/float64(b.N), "commits/cycle")
}
