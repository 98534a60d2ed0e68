package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// A stock is an outbox that was in use when its process died: some of what it was
// told has been delivered, but not the oldest, for one lane stands still; the most
// of it waits.
type stock struct {
	data    []byte
	pages   int // below the high-water mark
	waiting map[station.ID]bool
}

func stockOf(t *testing.T, waiting, delivered int) stock {
	t.Helper()
	path := filepath.Join(t.TempDir(), "outbox.db")
	clock := board("boot-1")
	box, err := Open(path, Setting{Size: 2 << 20, Stamp: clock, Program: program})
	if err != nil {
		t.Fatal(err)
	}
	s := stock{waiting: make(map[station.ID]bool)}
	ctx, cancel := context.WithCancel(t.Context())
	arrived := make(chan struct{})
	v := &vendor{}
	v.answer = func(d station.Delivery) (bool, station.Receipt) {
		switch {
		case len(v.done) == delivered, len(v.done) > delivered/2 && d.With["order"] == "3":
			return false, station.Receipt{Outcome: station.Unreached, Err: errors.New("no route to host")}
		case len(v.done) == delivered-1:
			defer close(arrived)
		}
		return true, station.Receipt{Outcome: station.Delivered, Ref: "ref-" + d.ID.Short()}
	}
	for i := range waiting + delivered {
		done, err := box.Record(station.Event{Source: "hand", Kind: station.Scan, Code: fmt.Sprintf("%d/s%d", i%7, i), At: clock(time.Now())})
		if err != nil {
			t.Fatal(err)
		}
		s.waiting[done.Entries[0]] = true
	}
	var ended sync.WaitGroup
	for range 2 {
		ended.Go(func() { _ = box.Run(ctx, "l2l", v) })
	}
	<-arrived
	cancel()
	ended.Wait()
	for _, id := range v.effects() {
		delete(s.waiting, id)
	}
	if err := box.file.Close(); err != nil { // as a power cut would
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(func(tx *bbolt.Tx) error { s.pages = int(tx.Size() / format.PageSize); return nil })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if s.data, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	// Each test has a file of its own of it: that is no copy where files have no lasting number, and
	// nobody knows when they were made.
	if !bytes.Contains(s.data, []byte(`"inode":`)) {
		t.Fatal("the outbox does not say where it is at home")
	}
	for of, other := range map[string]string{`"inode":`: `"other":`, `"born":`: `"else":`} {
		s.data = bytes.ReplaceAll(s.data, []byte(of), []byte(other))
	}
	return s
}

// damages are what a card does to a file.
var damages = []struct {
	name   string
	single bool // one page at the most
	do     func(data []byte, pages int, r *rand.Rand) []byte
}{
	{"a page of zeros", true, func(data []byte, pages int, r *rand.Rand) []byte {
		clear(data[(2+r.IntN(pages-2))*format.PageSize:][:format.PageSize])
		return data
	}},
	{"a page of noise", true, func(data []byte, pages int, r *rand.Rand) []byte {
		page := data[(2+r.IntN(pages-2))*format.PageSize:][:format.PageSize]
		for i := range page {
			page[i] = byte(r.Uint32())
		}
		return data
	}},
	{"a byte of a page's head", true, func(data []byte, pages int, r *rand.Rand) []byte {
		data[(2+r.IntN(pages-2))*format.PageSize+r.IntN(pageHead)] ^= byte(1 + r.IntN(255))
		return data
	}},
	{"a sector of zeros", true, func(data []byte, pages int, r *rand.Rand) []byte {
		clear(data[r.IntN(pages*format.PageSize/512)*512:][:512])
		return data
	}},
	{"one bit", true, func(data []byte, pages int, r *rand.Rand) []byte {
		data[r.IntN(pages*format.PageSize)] ^= 1 << r.IntN(8)
		return data
	}},
	{"one meta page", true, func(data []byte, _ int, r *rand.Rand) []byte {
		clear(data[r.IntN(2)*format.PageSize:][:format.PageSize])
		return data
	}},
	{"both meta pages", false, func(data []byte, _ int, _ *rand.Rand) []byte {
		clear(data[:2*format.PageSize])
		return data
	}},
	{"cut off at random", false, func(data []byte, pages int, r *rand.Rand) []byte {
		return data[:r.IntN(pages*format.PageSize)]
	}},
}

func TestDamage(t *testing.T) {
	t.Parallel()
	const waiting, delivered = 400, 150
	stock := stockOf(t, waiting, delivered)
	n := rounds(6)
	seed := uint64(time.Now().UnixNano())
	rows := make([]string, len(damages))
	t.Cleanup(func() {
		if n < 100 {
			return // of so few files no figure is worth a line
		}
		writeFigures(t, "damage", fmt.Sprintf("| %d files each, of %d waiting entries, %d delivered before | rebuilt | saved | at worst | delivered ones that are looked up again, in all files |\n| --- | --- | --- | --- | --- |\n%s", n, waiting, delivered, strings.Join(rows, "\n")))
	})
	t.Logf("seed %d; %d pages, %d entries wait", seed, stock.pages, len(stock.waiting))
	for kind, damage := range damages {
		t.Run("the station comes up and saves what can be read: "+damage.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, uint64(kind)))
			var saved, salvaged, back int
			least := len(stock.waiting)
			for range n {
				data := damage.do(append([]byte(nil), stock.data...), stock.pages, r)
				got := stock.comesUp(t, data)
				saved += got.saved
				least = min(least, got.saved)
				back += got.back
				if got.salvaged {
					salvaged++
				}
			}
			share := float64(saved) / float64(n*len(stock.waiting))
			t.Logf("%-24s %3d files, %3d salvaged: %6.2f %% of the waiting saved, at worst %d of %d; %d delivered ones looked up again",
				damage.name, n, salvaged, 100*share, least, len(stock.waiting), back)
			rows[kind] = fmt.Sprintf("| %s | %d | %.2f %% | %d | %d |", damage.name, salvaged, 100*share, least, back)
			if damage.single && share < 0.98 {
				t.Errorf("%.2f %% saved, want at least 98", 100*share)
			}
		})
	}
}

type cameUp struct {
	saved    int // of the waiting
	back     int // entries that had been delivered
	salvaged bool
}

// comesUp opens a damaged file as a station does.
func (s stock) comesUp(t *testing.T, data []byte) cameUp {
	t.Helper()
	path := filepath.Join(t.TempDir(), "outbox.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	box, err := Open(path, Setting{Size: 2 << 20, Stamp: board("boot-2"), Program: program, Verify: inChild(t, 10*time.Second)})
	if err != nil {
		t.Fatalf("the station does not come up: %v", err)
	}
	c, err := box.Contents(station.NoLimit())
	if err != nil {
		t.Fatal(err)
	}
	got := cameUp{salvaged: len(c.Kept) == 1}
	for _, e := range c.Entries {
		switch {
		case s.waiting[e.ID]:
			got.saved++
		case e.Condition == station.Waiting:
			t.Errorf("entry %s was delivered, and waits as if nobody had sent it", e.ID)
		default:
			got.back++
		}
	}
	switch tell := box.Faults()["outbox"]; {
	case got.saved < len(s.waiting) && !got.salvaged:
		t.Errorf("only %d of %d were saved, and nobody is told", got.saved, len(s.waiting))
	case got.salvaged && (!strings.Contains(tell, "rebuilt") || c.Kept[0].Source != station.FromStation):
		t.Errorf("the lamp would not show it: %q, %+v", tell, c.Kept[0])
	}
	if err := box.Close(); err != nil {
		t.Error(err)
	}
	if err := VerifyFile(path); err != nil {
		t.Errorf("the new outbox is not sound: %v", err)
	}
	aside, err := filepath.Glob(siblingPath(path, "-*"+asideSuffix))
	if err != nil || got.salvaged != (len(aside) == 1) {
		t.Errorf("set aside: %v, %v", aside, err)
	}
	return got
}
