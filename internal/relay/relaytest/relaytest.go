// Package relaytest runs an engine and relays in a test: a real NATS server with a lease on
// disk, and backends by way of it.
package relaytest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"stationd/internal/api"
	"stationd/internal/relay"
	"stationd/internal/station"
)

// startTime is how long a test waits for an engine, or for a relay to be heard.
const startTime = time.Minute

// An Engine is a NATS server of a test, on a port of its own.
type Engine struct {
	t       testing.TB
	options server.Options
	lease   time.Duration // of one in memory; 0: it is not

	mu     sync.Mutex     // guards server
	server *server.Server // nil: it does not run
}

// StartEngine starts an engine, which the end of the test stops. change may be nil.
func StartEngine(t testing.TB, change func(*server.Options)) *Engine {
	t.Helper()
	e := &Engine{t: t, options: server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
	}}
	if change != nil {
		change(&e.options)
	}
	e.Start()
	t.Cleanup(e.Kill)
	return e
}

// StartEngineInMemory is StartEngine of one that has neither a socket nor a disk, and keeps
// the relays' lease of that length: what waits for it stands still as far as synctest's clock
// is concerned, and it goes by that clock. Once killed it has forgotten all.
func StartEngineInMemory(t testing.TB, lease time.Duration) *Engine {
	t.Helper()
	e := &Engine{t: t, lease: lease, options: server.Options{
		Host: "127.0.0.1", Port: 4222, DontListen: true, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
	}}
	e.Start()
	t.Cleanup(e.Kill)
	return e
}

// keepLease makes the bucket of the lease in memory: what is on disk goes by another clock.
func (e *Engine) keepLease(s *server.Server) error {
	conn, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := conn.JetStream()
	if err != nil {
		return err
	}
	_, err = js.CreateKeyValue(&nats.KeyValueConfig{Bucket: "sd-lease", TTL: e.lease, History: 1, Storage: nats.MemoryStorage})
	return err
}

// Start starts an engine that was killed, on the port that it had.
func (e *Engine) Start() {
	e.t.Helper()
	options := e.options
	s, err := server.NewServer(&options)
	if err != nil {
		e.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(startTime) {
		e.t.Fatal("the engine does not start")
	}
	if e.lease > 0 {
		if err := e.keepLease(s); err != nil {
			e.t.Fatal(err)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.server = s
	e.options.Port = options.Port
}

// Change has a running engine take up other options, as a reload of its file does.
func (e *Engine) Change(change func(*server.Options)) {
	e.t.Helper()
	change(&e.options)
	options := e.options
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.server.ReloadOptions(&options); err != nil {
		e.t.Fatal(err)
	}
}

// Kill ends the engine, if it runs.
func (e *Engine) Kill() {
	e.mu.Lock()
	s := e.server
	e.server = nil
	e.mu.Unlock()
	if s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}

// Wipe empties the disk of an engine that was killed.
func (e *Engine) Wipe() {
	e.t.Helper()
	kept, err := filepath.Glob(filepath.Join(e.options.StoreDir, "*"))
	for _, path := range kept {
		if err == nil {
			err = os.RemoveAll(path)
		}
	}
	if err != nil {
		e.t.Fatal(err)
	}
}

// Table is how a configuration names the engine.
func (e *Engine) Table() relay.Engine {
	table := relay.Engine{Servers: []string{fmt.Sprintf("nats://127.0.0.1:%d", e.options.Port)}}
	if e.lease > 0 {
		table.Dial = func(string, string) (net.Conn, error) {
			e.mu.Lock()
			defer e.mu.Unlock()
			if e.server == nil {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
			}
			return e.server.InProcessConn()
		}
	}
	return table
}

// Run runs a relay with its workers, until the test or the returned function ends it.
func Run(t testing.TB, s relay.Setting) (r *relay.Relay, stop func()) {
	t.Helper()
	return RunWith(t, s, func(*relay.Relay) {})
}

// RunWith is Run of a relay that is changed before it runs.
func RunWith(t testing.TB, s relay.Setting, change func(*relay.Relay)) (r *relay.Relay, stop func()) {
	t.Helper()
	r, err := relay.Open(s)
	if err != nil {
		t.Fatal(err)
	}
	change(r)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	run := func(part func(context.Context) error) {
		running.Go(func() {
			if err := part(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	run(r.Run)
	for _, v := range s.Vendors {
		for range relay.Workers {
			run(func(ctx context.Context) error { return r.Work(ctx, v.Name) })
		}
	}
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		r.Close()
	})
	t.Cleanup(stop)
	return r, stop
}

// Dial returns a station's link, which the end of the test closes.
func Dial(t testing.TB, e *Engine, name string) *relay.Link {
	t.Helper()
	l, err := relay.Dial(relay.LinkSetting{Station: name, Engine: e.Table(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// Await waits until a link hears a relay.
func Await(t testing.TB, l *relay.Link) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTime)
	defer cancel()
	if _, err := l.Await(ctx); err != nil {
		t.Fatal(err)
	}
}

// slots is how many backends there may be at once.
const slots = 64

// A Passage leads backends of a test through one engine and one relay.
type Passage struct {
	link *relay.Link
	free chan *Slot
}

// Open runs an engine and a relay until the test ends.
func Open(t testing.TB) *Passage {
	t.Helper()
	e := StartEngine(t, nil)
	p := &Passage{free: make(chan *Slot, slots)}
	s := relay.Setting{Name: "relay-1", Engine: e.Table(), Lease: relay.LeaseLeast, Replicas: 1, Log: slog.New(slog.DiscardHandler)}
	for i := range slots {
		one := &Slot{name: fmt.Sprintf("vendor-%d", i+1)}
		s.Vendors = append(s.Vendors, relay.Vendor{Name: one.name, Backend: one})
		p.free <- one
	}
	Run(t, s)
	p.link = Dial(t, e, "pack4-1")
	Await(t, p.link)
	return p
}

// Through returns a backend that reaches the given one by the relay, until the test ends.
func (p *Passage) Through(t testing.TB, b station.Backend) station.Backend {
	t.Helper()
	one := <-p.free
	one.Set(b)
	t.Cleanup(func() { p.free <- one })
	return p.link.Backend(relay.BackendSetting{Name: one.name, Verbs: b.Verbs()})
}

// A Slot is a vendor of a relay, whose backend is one after the other. It may be used by
// several goroutines at once.
type Slot struct {
	name string
	mu   sync.Mutex // guards now
	now  station.Backend
}

// Set has the slot pass on to b from now on.
func (s *Slot) Set(b station.Backend) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = b
}

func (s *Slot) get() station.Backend {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Verbs implements station.Backend.
func (s *Slot) Verbs() []station.Verb { return s.get().Verbs() }

// Deliver implements station.Backend.
func (s *Slot) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	return s.get().Deliver(ctx, d)
}

// Fetch implements api.Fetcher.
func (s *Slot) Fetch(ctx context.Context, path string, query url.Values) ([]byte, station.Receipt) {
	return s.get().(api.Fetcher).Fetch(ctx, path, query)
}

// Look implements station.Looker.
func (s *Slot) Look(ctx context.Context, d station.Delivery) ([]byte, station.Receipt) {
	return s.get().(station.Looker).Look(ctx, d)
}

// Probe implements station.Prober.
func (s *Slot) Probe(ctx context.Context) station.Receipt {
	return s.get().(station.Prober).Probe(ctx)
}
