package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"stationd/internal/api"
	"stationd/internal/metrics"
	"stationd/internal/plan"
	"stationd/internal/relay"
	"stationd/internal/station"
	"stationd/internal/systemd"
)

// An activeConfig is the configuration in force, and the backends that were opened by it. A
// reload replaces the program, the keys and the rates while the station runs; each event is
// recorded by the one or the other. Devices, page and outbox stay as they are until a
// restart.
type activeConfig struct {
	log      *slog.Logger
	faults   *faults
	path     string
	backends map[string]*activeBackend // by vendor; never changed after newActiveConfig
	plan     atomic.Pointer[plan.Plan]
	since    atomic.Pointer[time.Time]  // when plan came into force
	link     atomic.Pointer[relay.Link] // to the relay of the plant; nil: nothing is reached by one
	linked   chan struct{}              // closed when there is one

	// replaced gets a value, unless it has one, when the plan or a backend was replaced.
	replaced chan struct{}

	// mu is held for a whole change: a reload by signal or by command, or openClosed. Who
	// reads plan and backends does not need it.
	mu sync.Mutex
}

// newActiveConfig opens the backends of a plan and puts it in force. Where a backend cannot
// be opened, because its key or another file of it cannot be read, that is a fault of the
// station and no error: a closedBackend takes its place, its entries wait, and openClosed
// tries again.
func newActiveConfig(p *plan.Plan, faults *faults, timings *metrics.Timings, log *slog.Logger) *activeConfig {
	f := &activeConfig{log: log, faults: faults, path: p.Path, backends: make(map[string]*activeBackend), linked: make(chan struct{}), replaced: make(chan struct{}, 1)}
	f.activated(p)
	for _, v := range p.Vendors {
		opened, err := f.open(p, v)
		if err != nil {
			opened = closedBackend{v, err}
		}
		f.setFault(v.Name, err)
		f.backends[v.Name] = newActiveBackend(v.Name, opened, timings)
	}
	return f
}

// open opens a vendor's backend, and the link to the relay of the plant where it is the first
// that needs it.
func (a *activeConfig) open(p *plan.Plan, v plan.Vendor) (station.Backend, error) {
	if v.ByRelay && a.link.Load() == nil {
		link, err := p.Dial(a.log, a.announceReplaced)
		if err != nil {
			return nil, err
		}
		a.link.Store(link)
		close(a.linked)
	}
	return v.Open(a.log, a.link.Load())
}

// close ends the link to the relay.
func (a *activeConfig) close() {
	if link := a.link.Load(); link != nil {
		link.Close()
	}
}

// setFault says why a vendor's backend is closed, or with nil that it is open.
func (a *activeConfig) setFault(vendor string, err error) {
	key, rest := "", ""
	switch {
	case errors.Is(err, api.ErrKeyUnusable):
		key = err.Error()
	case err != nil:
		rest = err.Error()
	}
	a.faults.set(vendor+" key", key)
	if rest != "" || a.faults.Faults()[vendor] != "" {
		a.faults.set(vendor, rest)
	}
}

// activated puts a plan in force.
func (a *activeConfig) activated(p *plan.Plan) {
	now := time.Now()
	a.plan.Store(p)
	a.since.Store(&now)
}

// forMetrics says which configuration is in force, and whether the file has another.
func (a *activeConfig) forMetrics() metrics.Configuration {
	return metrics.Configuration{
		Hash:     a.plan.Load().Hash(),
		Rejected: a.faults.Faults()[plan.PartConfiguration] != "",
		Since:    *a.since.Load(),
	}
}

// vendorClock returns what a vendor's clock said last.
func (a *activeConfig) vendorClock(backend string) (vendor, at time.Time) {
	if b := a.backends[backend]; b != nil {
		return b.VendorTime()
	}
	return time.Time{}, time.Time{}
}

// announceReplaced tells run that something else is in force.
func (a *activeConfig) announceReplaced() {
	select {
	case a.replaced <- struct{}{}:
	default: // it has still to hear of the last time
	}
}

// openClosed tries once more to open the backends that could not be opened.
func (a *activeConfig) openClosed() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, v := range a.plan.Load().Vendors {
		b := a.backends[v.Name]
		if b == nil || !b.closed() {
			continue
		}
		opened, err := a.open(a.plan.Load(), v)
		a.setFault(v.Name, err)
		if err != nil {
			continue
		}
		b.current.Store(&opened)
		b.announceReplaced()
		a.announceReplaced()
	}
}

// program returns the program in force.
func (a *activeConfig) program() station.Program { return a.plan.Load().Program }

// settle is how long after an attempt an absence at the backend proves nothing.
func (a *activeConfig) settle(backend string) time.Duration {
	for _, v := range a.plan.Load().Vendors {
		if v.Name == backend {
			return v.Settle
		}
	}
	return time.Minute
}

// hasBackend reports whether the configuration has a table for a backend.
func (a *activeConfig) hasBackend(backend string) bool { return a.backends[backend] != nil }

// run reloads the configuration at each SIGHUP until ctx is done, and opens a backend as
// soon as its files are there. It calls tryNow after each change: entries that waited for a
// key may be deliverable now.
func (a *activeConfig) run(ctx context.Context, tryNow func()) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		var retry <-chan time.Time // none while every backend is open: nothing wakes the processor
		if a.anyClosed() {
			retry = time.After(retryEvery)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-retry:
			a.openClosed()
		case <-hangup:
			a.reload()
		case <-a.replaced:
			tryNow()
		}
	}
}

// anyClosed reports whether a backend waits for what it lacks.
func (a *activeConfig) anyClosed() bool {
	for _, b := range a.backends {
		if b.closed() {
			return true
		}
	}
	return false
}

// reload puts the file as it is now in force, and returns what is wrong with it, nothing
// where it is in force. Where anything is wrong the configuration in force stays, and
// that is a fault of the station until a reload succeeds.
func (a *activeConfig) reload() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := systemd.Reloading(); err != nil {
		a.log.Warn("the service manager does not answer", "error", err)
	}
	defer func() {
		if err := systemd.Ready(); err != nil {
			a.log.Warn("the service manager does not answer", "error", err)
		}
	}()
	wrong := a.load()
	if len(wrong) > 0 {
		for _, fault := range wrong {
			a.log.Error("a fault in the configuration", "fault", fault)
		}
		a.log.Error("the configuration stays as it was", "faults", len(wrong))
		a.faults.set(plan.PartConfiguration, plan.Rejected(a.path, wrong))
		return wrong
	}
	a.faults.set(plan.PartConfiguration, "")
	a.log.Info("the configuration was reloaded", "bindings", len(a.plan.Load().Program.Bindings))
	return nil
}

// load is reload without telling anybody of it.
func (a *activeConfig) load() (wrong []string) {
	next, faults, err := plan.Read(a.path)
	if err != nil {
		return []string{err.Error()}
	}
	for _, fault := range faults {
		wrong = append(wrong, fault.String())
	}
	if len(wrong) > 0 {
		return wrong
	}
	if err := a.activate(next); err != nil {
		return []string{err.Error()}
	}
	next.Keep(a.log)
	return nil
}

// activate puts next in force, as far as that can be done while the station runs.
func (a *activeConfig) activate(next *plan.Plan) error {
	was := a.plan.Load()
	if keys := needRestart(was, next); len(keys) > 0 {
		return fmt.Errorf("%s: a change of %s needs a restart: systemctl restart stationd", a.path, strings.Join(keys, "; "))
	}
	fresh := make(map[string]station.Backend)
	unusable := make(map[string]error)
	for _, v := range next.Vendors {
		opened, err := a.open(next, v)
		switch {
		case err == nil:
			fresh[v.Name] = opened
		case a.backends[v.Name].closed():
			// It was closed before, and keeps nothing else from being reloaded.
			fresh[v.Name], unusable[v.Name] = closedBackend{v, err}, err
		default:
			return err
		}
	}
	for name, opened := range fresh {
		a.backends[name].current.Store(&opened)
		a.setFault(name, unusable[name])
	}
	a.activated(next)
	for name := range fresh {
		a.backends[name].announceReplaced()
	}
	a.announceReplaced()
	return nil
}
