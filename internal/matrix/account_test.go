package matrix

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/api"
	"stationd/internal/api/lagerkoll"
	"stationd/internal/plant"
	"stationd/internal/queue"
	"stationd/internal/station"
)

// TestAccount lets the stations of a large plant come back from an outage all at
// once. They share one Lagerkoll account, which may ask 200 times a minute.
func TestAccount(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("that 200 stations with one account come back together was NOT proved: it takes its time")
	}
	const stations, limit = 200, 200
	for _, share := range []struct {
		name   string
		rate   string
		waits  int // traces at each station, three requests each at the most
		within time.Duration
		shared bool
	}{
		// A tenth is left over: what leaves in the rhythm of the account does not arrive in it.
		{"with 54/h each, the plant sees its 200 a minute and no more", "54/h", 4, time.Hour, true},
		{"with 60/min each, which is sixty times too much, 429 is obeyed and everything drains", "60/min", 2, 12 * time.Hour, false},
	} {
		t.Run(share.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := openAccount(t)
				for i := range stations {
					a.station(i, share.rate, share.waits)
				}
				a.network.breaks(refused)
				stop := a.run()
				time.Sleep(10 * time.Minute) // every back-off has grown to its longest
				if n := len(a.plant.Requests()); n != 0 {
					t.Fatalf("%d requests while the network is down", n)
				}
				a.network.breaks(nil)
				back := time.Now()
				for a.waiting() > 0 && time.Since(back) < share.within {
					time.Sleep(time.Minute)
				}
				stop()
				a.judge(stations, share.waits, back, limit, share.shared)
			})
		})
	}
}

// An account is many stations before one Lagerkoll store.
type account struct {
	*testing.T
	dir     string
	plant   *plant.Plant
	network *network
	boxes   []*queue.Outbox
	back    []station.Backend
}

func openAccount(t *testing.T) *account {
	t.Helper()
	setting := plant.Demo()
	setting.Orders = nil
	for i := range 200 {
		setting.Orders = append(setting.Orders, plant.Order{ID: int64(6000 + i), State: plant.StateDeveloping,
			Articles: []plant.OrderArticle{{Article: soup, Amount: 1000}}})
	}
	p, err := plant.Open(setting)
	if err != nil {
		t.Fatal(err)
	}
	a := &account{T: t, dir: memoryDir(t), plant: p, network: newNetwork()}
	server := &http.Server{Handler: p.Handler(), ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(a.network)
	t.Cleanup(func() {
		server.Close()
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		if err := p.Run(ended); err != nil { // frees its port
			t.Error(err)
		}
	})
	return a
}

// station adds a station at which so many traces wait, each in its turn on the
// station's own production order.
func (a *account) station(i int, rate string, waits int) {
	a.Helper()
	key := filepath.Join(a.dir, "key")
	if err := os.WriteFile(key, []byte(plant.Demo().APIKey), 0o600); err != nil {
		a.Fatal(err)
	}
	section := lagerkoll.Section{
		URL: a.plant.LagerkollURL(), Store: plant.Demo().Store, Key: api.KeyFrom{File: key}, Rate: rate, Dial: a.network.Dial,
	}
	backend, err := section.Open(api.Opening{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		a.Fatal(err)
	}
	since := time.Now()
	stamp := func(t time.Time) station.Stamp {
		return station.Stamp{Wall: t, Boot: "boot-1", Up: t.Sub(since), Trusted: true}
	}
	verb, _ := station.Vendor{Verbs: lagerkoll.Verbs()}.Verb("article.trace")
	templates := map[string]station.Template{}
	for field, text := range map[string]string{"order": "{order}", "article": soup, "batch": "B7", "serial": "{serial}"} {
		if templates[field], err = station.ParseTemplate(text); err != nil {
			a.Fatal(err)
		}
	}
	program := station.Program{
		Station: fmt.Sprintf("pack%d", i),
		Vendors: map[string]station.Vendor{"lagerkoll": {Verbs: lagerkoll.Verbs(), To: section.To()}},
		Bindings: []station.Binding{{
			Event: "hand.scan", Match: regexp.MustCompile(`^(?P<order>\d+)/(?P<serial>.+)$`),
			Do: []station.Do{{Backend: "lagerkoll", Verb: verb, With: templates}},
		}},
	}
	box, err := queue.Open(filepath.Join(a.dir, fmt.Sprintf("%d.db", i)), queue.Setting{
		Size: 128 << 10, Stamp: stamp, Program: func() station.Program { return program },
	})
	if err != nil {
		a.Fatal(err)
	}
	a.Cleanup(func() {
		if err := box.Close(); err != nil {
			a.Error(err)
		}
	})
	for n := range waits {
		made, err := box.Record(station.Event{Source: "hand", Kind: station.Scan, Code: fmt.Sprintf("%d/S%d-%d", 6000+i, i, n), At: stamp(time.Now())})
		if err != nil || len(made.Entries) != 1 {
			a.Fatalf("made %v: %v", made, err)
		}
	}
	a.boxes, a.back = append(a.boxes, box), append(a.back, backend)
}

// run lets every station deliver, until stop.
func (a *account) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var runs sync.WaitGroup
	for i, box := range a.boxes {
		for range 2 {
			runs.Go(func() {
				if err := box.Run(ctx, "lagerkoll", a.back[i]); err != nil {
					a.Error(err)
				}
			})
		}
	}
	return func() {
		cancel()
		runs.Wait()
	}
}

func (a *account) waiting() (n int) {
	for _, box := range a.boxes {
		s := box.Snapshot()
		n += s.Waiting + s.Held
	}
	return n
}

// judge compares with what the plant saw.
func (a *account) judge(stations, waits int, back time.Time, limit int, shared bool) {
	a.Helper()
	seen := make(map[string]int)
	last := back
	for _, tr := range a.plant.Traces() {
		seen[tr.Serial]++
		last = tr.At
	}
	if left := a.waiting(); left > 0 || len(seen) != stations*waits {
		a.Errorf("%d are left at the stations, %d of %d at the plant", left, len(seen), stations*waits)
	}
	for serial, n := range seen {
		if n != 1 {
			a.Errorf("serial %s took effect %d times", serial, n)
		}
	}
	all := a.plant.Requests()
	turnedAway, most, oldest := 0, 0, 0
	for i, r := range all {
		if r.Status == http.StatusTooManyRequests {
			turnedAway++
		}
		for r.At.Sub(all[oldest].At) >= time.Minute {
			oldest++
		}
		most = max(most, i-oldest+1)
	}
	a.Logf("%d stations, %d traces: %d requests in %v, %d turned away, at most %d in a minute",
		stations, len(seen), len(all), last.Sub(back).Round(time.Second), turnedAway, most)
	if shared && (most > limit || turnedAway > 0) {
		a.Errorf("at most %d requests in a minute, %d turned away; want %d and none", most, turnedAway, limit)
	}
	if !shared && turnedAway == 0 {
		a.Error("nobody was turned away: there was nothing to prove")
	}
}
