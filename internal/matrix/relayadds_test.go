package matrix

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"stationd/internal/api"
	"stationd/internal/api/lagerkoll"
	"stationd/internal/plant"
	"stationd/internal/queue"
	"stationd/internal/relay"
	"stationd/internal/relay/relaytest"
	"stationd/internal/station"
)

// BenchmarkWhatARelayAdds is what the way by a relay adds from a scan to the vendor: the same
// traces by turns from one station that asks the vendor itself, and from one that asks a relay.
// Outboxes are on disk, and engine and vendor are at sockets of this computer. Each figure is the
// middle one of all scans; added-ms that of the differences of two scans in a row.
func BenchmarkWhatARelayAdds(b *testing.B) {
	runtime.GC() // the client of NATS keeps timers, which may be those of a test's bubble
	runtime.GC()
	arrived := make(chan time.Time, 1)
	setting := plant.Demo()
	setting.PerMinute = 1_000_000_000
	setting.Observe = func(r *http.Request, _ []byte, _ int, _ http.Header, _ []byte) {
		if r.Method == http.MethodPut {
			arrived <- time.Now()
		}
	}
	vendor, err := plant.Open(setting)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	end := func() { cancel(); running.Wait() }
	b.Cleanup(end)
	running.Go(func() {
		if err := vendor.Run(ctx); err != nil {
			b.Error(err)
		}
	})
	key := filepath.Join(b.TempDir(), "key")
	if err := os.WriteFile(key, []byte(setting.APIKey), 0o600); err != nil {
		b.Fatal(err)
	}
	section := lagerkoll.Section{URL: vendor.LagerkollURL(), Store: setting.Store, Key: api.KeyFrom{File: key}, Rate: "10000/s"}
	open := func() station.Backend {
		backend, err := section.Open(api.Opening{Zone: setting.Zone, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		return backend
	}
	e := relaytest.StartEngine(b, nil)
	relaytest.Run(b, relay.Setting{
		Name: "dmz-1", Engine: e.Table(), Lease: leaseTime, Replicas: 1, Log: slog.New(slog.DiscardHandler),
		Vendors: []relay.Vendor{{Name: "lagerkoll", Backend: open()}},
	})
	link := relaytest.Dial(b, e, "pack4-2")
	relaytest.Await(b, link)
	since := time.Now()
	stamp := func(at time.Time) station.Stamp {
		return station.Stamp{Wall: at, Boot: "boot-1", Up: at.Sub(since), Trusted: true}
	}
	outbox := func(name string, backend station.Backend) *queue.Outbox {
		program := traceProgram(b, name, section.To())
		box, err := queue.Open(filepath.Join(b.TempDir(), "outbox.db"), queue.Setting{Stamp: stamp, Program: func() station.Program { return program }})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := box.Close(); err != nil {
				b.Error(err)
			}
		})
		for range 2 {
			running.Go(func() {
				if err := box.Run(ctx, "lagerkoll", backend); err != nil {
					b.Error(err)
				}
			})
		}
		return box
	}
	ways := []struct {
		box  *queue.Outbox
		took []float64 // ms
	}{
		{box: outbox("pack4-1", open())},
		{box: outbox("pack4-2", link.Backend(relay.BackendSetting{Name: "lagerkoll", Verbs: lagerkoll.Verbs(), Settle: api.SettleByRelay(false)}))},
	}
	b.Cleanup(end) // before the outboxes are closed
	scans := 0
	for b.Loop() {
		scans++
		for i := range ways {
			w := &ways[(i+scans)%len(ways)]
			scanned := time.Now()
			if _, err := w.box.Record(station.Event{Source: "hand", Kind: station.Scan, Code: fmt.Sprintf("4711/S%d-%d", (i+scans)%len(ways), scans), At: stamp(scanned)}); err != nil {
				b.Fatal(err)
			}
			w.took = append(w.took, float64((<-arrived).Sub(scanned).Microseconds())/1000)
			for settled := w.box.Changed(); w.box.Snapshot().Waiting > 0; settled = w.box.Changed() {
				<-settled
			}
		}
	}
	middle := func(all []float64) float64 {
		slices.Sort(all)
		return all[len(all)/2]
	}
	added := make([]float64, 0, scans)
	for i, direct := range ways[0].took {
		added = append(added, ways[1].took[i]-direct) // of two that came one after the other
	}
	b.ReportMetric(middle(added), "added-ms")
	b.ReportMetric(middle(ways[0].took), "direct-ms")
	b.ReportMetric(middle(ways[1].took), "relay-ms")
}
